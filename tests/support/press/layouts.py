"""The layouts that varied papers are drawn from: one line a kind of paper, told apart by type, head, body and foot."""

# ruff: noqa: E501  (a layout a line)

from __future__ import annotations

from dataclasses import dataclass

from tests.support.press import bodies, forms
from tests.support.press.bodies import Body, numbered, slip

OLD = (1998, 2019)
NEW = (2017, 2025)


@dataclass(frozen=True, slots=True)
class Layout:
    """A kind of paper.

    `subject`: which subjects wording draws for it, or the subject itself where it always is the same, "" for none.
    `code`: what the notation begins with. `head`: state | party | union | bare (no Quốc hiệu, number or date); `about`:
    the subject stands beneath the number. `foot`: one | two (joint) | approved | desk | none. `number`: plain | year
    ("12/2019/QĐ-UBND").
    """

    type_name: str
    title: str
    code: str
    subject: str
    body: Body
    head: str = "state"
    foot: str = "one"
    number: str = "plain"
    years: tuple[int, int] = NEW
    about: bool = False
    recipients: bool = True
    date_above: bool = True
    frame: bool = False
    alone: bool = False
    weight: float = 1.0


_HEADS = ("Tình hình chung", "Kết quả đạt được", "Tồn tại, hạn chế", "Nhiệm vụ trọng tâm", "Kiến nghị, đề xuất")
_RULES = ("Phạm vi điều chỉnh", "Đối tượng áp dụng", "Nguyên tắc thực hiện", "Tổ chức thực hiện")
_WORK = ("Thời gian, địa điểm", "Thành phần", "Nội dung", "Tổ chức thực hiện")
_NEEDS = ("Sự cần thiết", "Mục đích, quan điểm", "Nội dung chính", "Nguồn lực")

LAYOUTS: dict[str, Layout] = {
    "quyet_dinh": Layout("Quyết định", "QUYẾT ĐỊNH", "QĐ", "decides", bodies.decision, alone=True, weight=3),
    "quyet_dinh_tap_the": Layout("Quyết định", "QUYẾT ĐỊNH", "QĐ", "decides", bodies.decision),
    "quyet_dinh_nam": Layout("Quyết định", "QUYẾT ĐỊNH", "QĐ", "decides", bodies.decision, number="year", weight=0.4),
    "quyet_dinh_2011": Layout("Quyết định", "QUYẾT ĐỊNH", "QĐ", "decides", bodies.decision, years=OLD, weight=1.5),
    "cong_van": Layout("Công văn", "", "", "asks", bodies.letter, about=True, weight=4),
    "cong_van_2011": Layout("Công văn", "", "", "asks", bodies.letter, about=True, years=OLD, weight=1.5),
    "cong_van_tron": Layout("Công văn", "", "", "", bodies.letter, weight=0.3),
    "thong_bao": Layout("Thông báo", "THÔNG BÁO", "TB", "notifies", numbered(*_WORK), weight=2),
    "thong_bao_2011": Layout("Thông báo", "THÔNG BÁO", "TB", "notifies", numbered(*_WORK), years=OLD),
    "bao_cao": Layout("Báo cáo", "BÁO CÁO", "BC", "reports", numbered(*_HEADS), weight=2),
    "ke_hoach": Layout("Kế hoạch", "KẾ HOẠCH", "KH", "plans", bodies.plan, weight=2),
    "ke_hoach_duyet": Layout("Kế hoạch", "KẾ HOẠCH", "KH", "plans", bodies.plan, foot="approved", years=OLD, weight=0.7),
    "ke_hoach_lien_nganh": Layout("Kế hoạch", "KẾ HOẠCH", "KH", "plans", numbered(*_WORK), foot="two", weight=0.7),
    "to_trinh": Layout("Tờ trình", "TỜ TRÌNH", "TTr", "decides", numbered(*_NEEDS, to=True, grounds=True), weight=1.5),
    "giay_moi": Layout("Giấy mời", "GIẤY MỜI", "GM", "invites", bodies.invitation, weight=1.5),
    "thu_moi": Layout("Thư mời", "THƯ MỜI", "TM", "invites", bodies.invitation, years=OLD, weight=0.5),
    "giay_gioi_thieu": Layout(
        "Giấy giới thiệu", "GIẤY GIỚI THIỆU", "GGT", "", slip("Trân trọng giới thiệu Ông/Bà:", "Chức vụ:", "Được cử đến:", "Về việc:", "Có giá trị đến hết ngày:")
    ),
    "huong_dan": Layout("Hướng dẫn", "HƯỚNG DẪN", "HD", "plans", numbered(*_RULES)),
    "chi_thi": Layout("Chỉ thị", "CHỈ THỊ", "CT", "notifies", bodies.short),
    "nghi_quyet": Layout("Nghị quyết", "NGHỊ QUYẾT", "NQ", "decides", bodies.decision),
    "bien_ban": Layout("Biên bản", "BIÊN BẢN", "BB", "reports", bodies.minutes),
    "bien_ban_hai_ben": Layout("Biên bản", "BIÊN BẢN", "BB", "reports", bodies.minutes, foot="two", recipients=False, weight=0.6),
    "cong_dien": Layout("Công điện", "CÔNG ĐIỆN", "CĐ", "plans", bodies.telegram, weight=0.8),
    "hop_dong": Layout("Hợp đồng", "HỢP ĐỒNG", "HĐ", "plans", bodies.contract, foot="two", recipients=False, weight=0.8),
    "chuong_trinh": Layout("Chương trình", "CHƯƠNG TRÌNH", "CTr", "plans", numbered(*_WORK), weight=0.8),
    "quy_che": Layout("Quy chế", "QUY CHẾ", "QC", "plans", numbered(*_RULES), weight=0.6),
    "quy_che_phoi_hop": Layout("Quy chế", "QUY CHẾ", "QC", "plans", numbered(*_RULES), foot="two", weight=0.5),
    "quy_dinh": Layout("Quy định", "QUY ĐỊNH", "QyĐ", "plans", numbered(*_RULES), weight=0.6),
    "phuong_an": Layout("Phương án", "PHƯƠNG ÁN", "PA", "plans", numbered(*_NEEDS), weight=0.6),
    "de_an": Layout("Đề án", "ĐỀ ÁN", "ĐA", "plans", numbered(*_NEEDS), weight=0.6),
    "du_an": Layout("Dự án", "DỰ ÁN", "DA", "plans", numbered(*_NEEDS), weight=0.4),
    "thong_cao": Layout("Thông cáo", "THÔNG CÁO", "TC", "notifies", bodies.short, weight=0.4),
    "giay_uy_quyen": Layout(
        "Giấy ủy quyền", "GIẤY ỦY QUYỀN", "GUQ", "", slip("Ủy quyền cho Ông/Bà:", "Chức vụ:", "Nội dung:", "Thời hạn đến hết ngày:"), weight=0.6
    ),
    "giay_nghi_phep": Layout(
        "Giấy nghỉ phép", "GIẤY NGHỈ PHÉP", "GNP", "", slip("Cấp cho Ông/Bà:", "Chức vụ:", "Được nghỉ từ ngày:", "Số điện thoại liên hệ khi cần:"), weight=0.6
    ),
    "phieu_gui": Layout("Phiếu gửi", "PHIẾU GỬI", "PG", "", slip("Kính gửi:", "Nội dung:"), weight=0.4),
    "phieu_chuyen": Layout("Phiếu chuyển", "PHIẾU CHUYỂN", "PC", "", slip("Kính gửi:", "Đơn của Ông/Bà:", "Nội dung:"), weight=0.6),
    "phieu_bao": Layout("Phiếu báo", "PHIẾU BÁO", "PB", "", slip("Kính gửi:", "Nội dung:"), weight=0.4),
    "ban_ghi_nho": Layout("Bản ghi nhớ", "BẢN GHI NHỚ", "BGN", "plans", numbered(*_WORK), foot="two", weight=0.4),
    "ban_thoa_thuan": Layout("Bản thỏa thuận", "BẢN THỎA THUẬN", "BTT", "plans", numbered(*_WORK), foot="two", weight=0.4),
    "dang_quyet_dinh": Layout("Quyết định", "QUYẾT ĐỊNH", "QĐ", "decides", bodies.decision, head="party", weight=0.7),
    "dang_cong_van": Layout("Công văn", "", "CV", "asks", bodies.letter, head="party", about=True, weight=0.7),
    "dang_giay_moi": Layout("Giấy mời", "GIẤY MỜI", "GM", "invites", bodies.invitation, head="party", weight=0.5),
    "dang_bao_cao": Layout("Báo cáo", "BÁO CÁO", "BC", "reports", numbered(*_HEADS), head="party", weight=0.6),
    "dang_thong_bao": Layout("Thông báo", "THÔNG BÁO", "TB", "notifies", numbered(*_WORK), head="party", weight=0.5),
    "doan_ke_hoach": Layout("Kế hoạch", "KẾ HOẠCH", "KH", "plans", numbered(*_WORK), head="union", weight=0.5),
    "tuyen_truyen": Layout("Thông báo", "THÔNG BÁO", "", "notifies", bodies.short, head="bare", recipients=False, weight=0.4),
    "giay_phep_buc_xa": Layout("Giấy phép", "GIẤY PHÉP", "GP", "TIẾN HÀNH CÔNG VIỆC BỨC XẠ", forms.radiation_licence, weight=1.2),
    "giay_phep": Layout("Giấy phép", "GIẤY PHÉP", "GP", "HOẠT ĐỘNG KINH DOANH", forms.business_licence, weight=0.8),
    "gcn_khcn": Layout(
        "Giấy chứng nhận", "GIẤY CHỨNG NHẬN", "ĐK", "ĐĂNG KÝ HOẠT ĐỘNG KHOA HỌC VÀ CÔNG NGHỆ", forms.science_certificate, recipients=False, frame=True
    ),
    "gcn_attp": Layout(
        "Giấy chứng nhận", "GIẤY CHỨNG NHẬN", "GCN", "CƠ SỞ ĐỦ ĐIỀU KIỆN AN TOÀN THỰC PHẨM", forms.food_certificate, recipients=False, date_above=False, frame=True
    ),
    "chung_chi": Layout(
        "Chứng chỉ hành nghề", "CHỨNG CHỈ HÀNH NGHỀ", "CCHN", "KHÁM BỆNH, CHỮA BỆNH", forms.practice_certificate, recipients=False, date_above=False, frame=True, weight=0.6
    ),
    "mau_01": Layout("Giấy tiếp nhận hồ sơ và hẹn trả kết quả", "GIẤY TIẾP NHẬN HỒ SƠ VÀ HẸN TRẢ KẾT QUẢ", "TNHS", "", forms.form_01, foot="desk", weight=1.5),
    "mau_02": Layout("Phiếu yêu cầu bổ sung, hoàn thiện hồ sơ", "PHIẾU YÊU CẦU BỔ SUNG, HOÀN THIỆN HỒ SƠ", "HDHS", "", forms.form_02, foot="desk", weight=0.6),
    "mau_03": Layout("Phiếu từ chối tiếp nhận giải quyết hồ sơ", "PHIẾU TỪ CHỐI TIẾP NHẬN GIẢI QUYẾT HỒ SƠ", "TCHS", "", forms.form_03, foot="desk", weight=0.6),
    "mau_04": Layout("Phiếu xin lỗi và hẹn lại ngày trả kết quả", "PHIẾU XIN LỖI VÀ HẸN LẠI NGÀY TRẢ KẾT QUẢ", "PXL", "", forms.form_04, weight=0.6),
    "mau_05": Layout("Phiếu kiểm soát quá trình giải quyết hồ sơ", "PHIẾU KIỂM SOÁT QUÁ TRÌNH GIẢI QUYẾT HỒ SƠ", "KSHS", "", forms.form_05, foot="none", weight=0.4),
    "mau_06": Layout("Sổ theo dõi hồ sơ", "SỔ THEO DÕI HỒ SƠ", "STD", "", forms.form_06, foot="none", weight=0.3),
}  # fmt: skip
