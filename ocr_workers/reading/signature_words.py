"""What a signature block says in Vietnamese: positions, power words, surnames and name syllables, and how like two words are.

Every table may grow: a position that is missing is only read with less trust, never lost.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

from ocr_workers.reading.text import distance


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


POWERS: Final = ("TM.", "TUQ.", "KT.", "TL.", "Q.")
"""Nghị định 30/2020, phụ lục I, II.7.a: on behalf of, by authority, for, by order, acting."""

_HEADS: Final = (
    "GIÁM ĐỐC", "TỔNG GIÁM ĐỐC", "CHỦ TỊCH", "BÍ THƯ", "TỔNG BÍ THƯ", "CHÁNH VĂN PHÒNG", "CHÁNH THANH TRA", "CHÁNH ÁN",
    "CHÁNH TÒA", "VIỆN TRƯỞNG", "CỤC TRƯỞNG", "CHI CỤC TRƯỞNG", "TỔNG CỤC TRƯỞNG", "VỤ TRƯỞNG", "BỘ TRƯỞNG",
    "BỘ TRƯỞNG, CHỦ NHIỆM", "HIỆU TRƯỞNG", "TRƯỞNG PHÒNG", "TRƯỞNG BAN", "TRƯỞNG KHOA", "TRƯỞNG BỘ MÔN", "TRƯỞNG TRẠM",
    "TRƯỞNG CÔNG AN", "TRƯỞNG ĐOÀN", "TRƯỞNG CHI NHÁNH", "TRẠM TRƯỞNG", "ĐỘI TRƯỞNG", "TỔ TRƯỞNG", "HẠT TRƯỞNG",
    "CHỈ HUY TRƯỞNG", "THỦ TRƯỞNG", "THỦ TRƯỞNG CƠ QUAN", "THỦ TRƯỞNG ĐƠN VỊ", "THỦ TƯỚNG", "CHỦ NHIỆM", "THỐNG ĐỐC",
    "TỔNG KIỂM TOÁN NHÀ NƯỚC", "TỔNG THANH TRA", "TƯ LỆNH", "CHÍNH ỦY", "CHỦ TỊCH HỘI ĐỒNG", "CHỦ TỊCH NƯỚC",
    "CHỦ TỊCH HỘI ĐỒNG QUẢN TRỊ", "CHỦ TỊCH HỘI ĐỒNG THÀNH VIÊN", "CHỦ TỊCH QUỐC HỘI", "TRƯỞNG BAN CHỈ ĐẠO",
    "TRƯỞNG BAN TỔ CHỨC", "TRƯỞNG BAN QUẢN LÝ", "TRƯỞNG TIỂU BAN", "TỔNG THƯ KÝ", "CHỦ TỌA", "CHỦ TRÌ", "THƯ KÝ",
    "TRƯỞNG BỘ PHẬN", "TRƯỞNG THUẾ",
)  # fmt: skip
_OTHERS: Final = (
    "THỨ TRƯỞNG", "PHÓ TRƯỞNG PHÒNG", "PHÓ TRƯỞNG BAN", "PHÓ TRƯỞNG KHOA", "PHÓ TRƯỞNG CÔNG AN", "PHÓ TRƯỞNG ĐOÀN",
    "PHÓ TRƯỞNG TRẠM", "PHÓ TRƯỞNG BỘ MÔN", "PHÓ THỐNG ĐỐC", "ỦY VIÊN", "ỦY VIÊN THƯỜNG TRỰC", "ỦY VIÊN THƯ KÝ", "KẾ TOÁN TRƯỞNG",
    "PHÓ TRƯỞNG BAN THƯỜNG TRỰC", "CÔNG CHỨNG VIÊN", "CHẤP HÀNH VIÊN", "THẨM PHÁN", "KIỂM SÁT VIÊN", "ĐẤU GIÁ VIÊN",
    "NGƯỜI ĐẠI DIỆN THEO PHÁP LUẬT", "ĐẠI DIỆN", "PHÓ TỔNG THANH TRA",
    "PHÓ TRƯỞNG BỘ PHẬN", "CÔNG CHỨC VĂN PHÒNG - THỐNG KÊ", "CÔNG CHỨC TƯ PHÁP - HỘ TỊCH", "CÔNG CHỨC TÀI CHÍNH - KẾ TOÁN",
    "CÔNG CHỨC VĂN HÓA - XÃ HỘI", "CÔNG CHỨC ĐỊA CHÍNH - XÂY DỰNG - ĐÔ THỊ VÀ MÔI TRƯỜNG",
    "CÔNG CHỨC ĐỊA CHÍNH - NÔNG NGHIỆP - XÂY DỰNG VÀ MÔI TRƯỜNG",
    "KIỂM TOÁN TRƯỞNG", "PHÓ KIỂM TOÁN TRƯỞNG", "THƯ KÝ TÒA ÁN", "THẨM TRA VIÊN", "CHẤP HÀNH VIÊN SƠ CẤP",
    "PHÓ TỔNG KIỂM TOÁN NHÀ NƯỚC", "PHÓ GIÁM ĐỐC PHỤ TRÁCH", "PHÓ HIỆU TRƯỞNG PHỤ TRÁCH",
)  # fmt: skip
_STANDING: Final = ("PHÓ CHỦ TỊCH", "PHÓ GIÁM ĐỐC", "PHÓ BÍ THƯ", "PHÓ TỔNG GIÁM ĐỐC", "PHÓ TRƯỞNG BAN", "THỨ TRƯỞNG")
POSITIONS: Final = tuple(
    dict.fromkeys(
        (*_HEADS, *(f"PHÓ {head}" for head in _HEADS), *_OTHERS, *(f"{one} THƯỜNG TRỰC" for one in _STANDING))
    )
)
"""Positions as papers print them over a signature; matched by letters, not exactly."""

SURNAMES: Final = _words(
    """
    Nguyễn Trần Lê Phạm Hoàng Huỳnh Phan Vũ Võ Đặng Bùi Đỗ Hồ Ngô Dương Lý Đào Đoàn Đinh Lâm Trịnh Mai Trương Phùng Hà Cao
    Tạ Thái Chu Châu Lương Tô Tống Vương Quách La Lưu Triệu Tăng Kiều Đàm Từ Nghiêm Thân Lục Hứa Văn Đồng Ông Tôn Lại
    Thạch Sơn Kim Danh Diệp Vi Hạ Bạch Nông Lò Cầm Quàng Giàng Sùng Vàng Thào Lù Hầu Ma Phó Bế Khổng Khuất Doãn Giang Viên
    Cù Cung Đậu Đường Âu Ân Bành Biện Chử Công Cấn Đới Giáp Hàn Hồng Khúc Khương Lư Lã Lữ Mạc Mẫn Nghê Ngụy Nhâm Nhan Ninh
    Nhữ Ôn Phí Phù Quản Quan Sái Sầm Tiêu Tề Thiều Tiết Tòng Trà Trang Tri Trình Trưng Tưởng Uông Ung Xa Điêu Điểu Đèo Đôn
    Đống Y H' Rơ Siu Ksor Rơ-chăm Kpă Nay Ngân Ngọ Ngọc Vừ Và Mùa Hờ Hạng Cứ Lầu Lỳ Lường Bạc Cà Cháng Chảo Chẩu Chang Tẩn
    Phàn Lèng Lộc Long Luyện Mùi Pờ Bàn Bì Trâu Thiệu Tào Thi Thang Tất Thòng Sử Tháng Cam Cái Bá Vòng Hùng Quyền
    """
)
COMMON_SURNAMES: Final = _words(
    """
    Nguyễn Trần Lê Phạm Hoàng Huỳnh Phan Vũ Võ Đặng Bùi Đỗ Hồ Ngô Dương Lý Đào Đoàn Đinh Lâm Trịnh Mai Trương Phùng Hà Cao
    Tạ Thái Chu Châu Lương Tô Tống
    """
)
GIVEN: Final = _words(
    """
    Bính Hành Hoá Hướng Thẳng Trùng Vấn Vận
    An Anh Ánh Ân Ái Bá Bách Bảo Bắc Bằng Bích Biên Bình Bội Cảnh Cao Cẩm Cẩn Chánh Châu Chi Chí Chiến Chinh Chính Chung
    Chuyên Chương Chức Cúc Công Cơ Cường Cương Cừ Dân Danh Diễm Diễn Diệp Diệu Dịu Doanh Du Dũng Duy Duyên Dung Dư Dự
    Dưỡng Dương Đài Đại Đạo Đạt Đăng Đắc Đặng Đình Định Đoan Đoàn Đô Đông Đồng Độ Đức Được Đường Giang Giao Giáp Gia Hà Hạ
    Hải Hạnh Hảo Hào Hân Hằng Hậu Hiền Hiển Hiến Hiếu Hiệp Hiệu Hoa Hòa Hoà Hóa Hoài Hoan Hoàn Hoàng Hoạt Hồ Hội Hồng Hợi
    Hợp Huân Huấn Huệ Huy Huyên Huyền Huynh Huỳnh Hùng Hưng Hương Hường Hưởng Hữu Kha Khải Khang Khanh Khánh Khắc Khoa
    Khoát Khôi Khởi Khuê Khương Kiên Kiệm Kiệt Kiều Kim Kính Kỳ Kỷ Lai Lam Lan Lanh Lành Lâm Lân Lập Lê Lệ Lễ Liêm Liên
    Liễu Linh Loan Long Lộc Lợi Luân Luận Luật Lục Lư Lưu Lực Lượng Lương Lý Mai Mạnh Mẫn Mận Mão Mậu Minh Mơ Mùi Mừng
    Mười Mỹ My Nam Nga Ngà Ngân Nghi Nghị Nghĩa Nghiêm Ngoan Ngọ Ngọc Ngôn Nguyên Nguyện Nguyệt Nhàn Nhân Nhẫn Nhã Nhật
    Nhi Nhiên Nhu Nhung Như Nhựt Ninh Nhuận Nông Oanh Phát Phẩm Phấn Phi Phong Phổ Phú Phúc Phục Phùng Phương Phước Phượng
    Quảng Quang Quân Quế Quốc Quý Quyên Quyền Quyết Quyến Quỳnh Sang Sáng Sâm Sen Sinh Song Sỹ Sĩ Soạn Sơn Sự Sửu Tài Tám
    Tam Tân Tâm Tấn Tập Tất Thạch Thái Thanh Thành Thao Thảo Thạnh Thắm Thăng Thắng Thân Thập Thế Thể Thêm Thi Thị
    Thiên Thiện Thiệu Thìn Thịnh Thọ Thoa Thoại Thơ Thơm Thời Thu Thuấn Thuận Thuật Thúy Thuý Thùy Thuỷ Thủy Thụ Thục
    Thuyên Thuyết Thư Thứ Thực Thường Thưởng Thước Tiên Tiến Tiềm Tiệp Tín Tình Tính Tĩnh Toại Toàn Toán Toản Tố Tôn Trà
    Trang Tráng Trâm Trân Tri Trí Trị Triết Triều Triển Trinh Trình Trọng Trung Trúc Trường Trưởng Trực Truyền Tuân Tuấn
    Tuất Tuệ Tùng Tuyên Tuyến Tuyền Tuyết Tú Tư Từ Tứ Tường Tưởng Tỵ Uyên Út Vân Văn Vạn Vi Viên Viễn Việt Vinh Vĩnh Vịnh
    Vọng Vu Vũ Vui Vững Vượng Vương Vỹ Xuân Xuyên Xuyến Yên Yến Ý Ẩn Ấn Ất Bốn Ba Bảy Năm Chín Sáu Hai Đệ Điền Điệp Điện
    Điểm Đến Đan Đào Đính Đỉnh Đoài Dậu Dần Tý Tùy Thoan Thông Khiêm Chuẩn Thuần Nhượng Tạo Tương Uy Hy Tuyển Nghiệp Khuyến
    Khuyên Luyện Luyến Lĩnh Lịch Trạch Trãi Hoành Hoằng Chấn Cát Diện Duẩn Hiện Hựu Huế Kiểm Giỏi Giảng Nhạ Nhạc Nhường Phán
    Tần Thạc Tiếp Trữ Đằng Đạm Ngữ Ổn Mến Miên Miền Nhài Nhâm Nhiệm Rạng Sắc Thuỳ Xứng
    """
)
FREQUENT: Final = _words(
    """
    Văn Thị Anh Hùng Dũng Tuấn Minh Thanh Hương Hữu Đức Quang Ngọc Xuân Hải Sơn Thành Hà Thu Hoàng Trung Nam Long Bình
    Cường Hòa Hoa Lan Hồng Thủy Phương Linh Mai Thắng Tùng Giang Nga Phúc Hưng Công Đình Quốc Bá Duy Kim Trọng Vinh Hạnh
    Hiền Khánh
    """
)
"""Name syllables met most often."""

ROLES: Final = (
    "NGƯỜI TIẾP NHẬN HỒ SƠ", "NGƯỜI TIẾP NHẬN", "NGƯỜI NỘP HỒ SƠ", "NGƯỜI NỘP", "NGƯỜI LÀM ĐƠN", "NGƯỜI VIẾT ĐƠN",
    "NGƯỜI LẬP BIỂU", "NGƯỜI ĐỀ NGHỊ", "NGƯỜI KHAI", "NGƯỜI GIAO", "NGƯỜI NHẬN", "NGƯỜI BÁO CÁO",
    "NGƯỜI ỦY QUYỀN", "NGƯỜI ĐƯỢC ỦY QUYỀN", "NGƯỜI HƯỚNG DẪN", "NGƯỜI LẬP PHIẾU", "CÔNG CHỨC TIẾP NHẬN", "CÔNG CHỨC MỘT CỬA",
    "CÁN BỘ TIẾP NHẬN", "NGƯỜI LAO ĐỘNG", "NGƯỜI SỬ DỤNG LAO ĐỘNG",
)  # fmt: skip
"""What stands over a signature in a position's place without being an office: who signs a form, an application, a contract."""

CLERKS: Final = ("THƯ KÝ", "NGƯỜI GHI BIÊN BẢN", "NGƯỜI LẬP BIÊN BẢN")
"""Who keeps the minutes signs beside who presided; for the paper that one signs."""

TITLE: Final = re.compile(
    r"^(?:(?:GS|PGS|TS|ThS|Th\.S|Ths|BS|Bs|BSCK|BSCKI|BSCKII|CKI|CKII|CK1|CK2|DS|DSCK|KS|CN|LS|NGƯT|NGND|TTƯT|TTND|AHLĐ|Dr|"
    r"TSKH|ThS\.BS|KTS|LM|HT|TT|NSND|NSƯT)(?:\.|\b)[\s.,]*)+",
)
_RANKS: Final = re.compile(
    r"^(?:(?:Thiếu|Trung|Thượng|Đại) (?:tướng|tá|úy)|Luật sư|Bác s[ĩỹ]|(?:Tiến|Thạc) s[ĩỹ]|Kỹ sư|Cử nhân|Ông|Bà)\s*[:.]?\s+"
)

_INITIAL: Final = "ngh|ng|nh|gh|gi|kh|ph|th|tr|ch|qu|[bcdđghklmnpqrstvx]?"
_RHYME: Final = re.compile(
    rf"^(?:{_INITIAL})"
    r"(?:(?:uyê|uye|iê|ie|yê|uô|ươ|uâ|oă|oa|oe|uê|ue|uy|uơ|ua|ưa|ia|ya|oo|[aăâeêioôơuưy])"
    r"(?:ch|ng|nh|[cmnptiouy])?|ưu|ươu|uôi|ươi|iêu|yêu|oai|oay|oeo|uây|uya|uyu)$"
)
_TONES: Final = dict.fromkeys((0x300, 0x301, 0x303, 0x309, 0x323))


@lru_cache(maxsize=16384)
def fold(text: str) -> str:
    """Upper case without marks: how alike two readings are is told apart from what marks they carry."""
    return "".join(
        c for c in unicodedata.normalize("NFD", text.upper().replace("Đ", "D")) if not unicodedata.combining(c)
    )


@lru_cache(maxsize=16384)
def letters(text: str) -> str:
    """Only the folded letters."""
    return "".join(c for c in fold(text) if c.isalpha())


@lru_cache(maxsize=4096)
def is_syllable(word: str) -> bool:
    """Whether Vietnamese could spell this syllable."""
    parts = unicodedata.normalize("NFD", word.lower())
    tones = [c for c in parts if ord(c) in _TONES]
    plain = unicodedata.normalize("NFC", parts.translate(_TONES))
    if len(tones) > 1 or _RHYME.match(plain) is None:
        return False
    if plain.endswith(("ă", "â")) or (plain.endswith(("iê", "uô", "ươ", "yê")) and not plain.endswith("quê")):
        return False
    stopped = plain.endswith(("c", "ch", "p", "t"))
    return not stopped or (bool(tones) and tones[0] in "\u0301\u0323")


def alike(one: str, other: str) -> float:
    """Share of letters that agree, in [0, 1]."""
    longest = max(len(one), len(other))
    return 1 - distance(one, other) / longest if longest else 0.0


def untitled(text: str) -> str:
    """A person's name without degree, rank or profession before it."""
    before = None
    while before != text:
        before, text = text, _RANKS.sub("", TITLE.sub("", text)).strip(" .,-")
    return text
