"""Made-up Vietnamese office papers for search benchmarks: syllables with frequencies after Zipf, codes, names, dates."""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice

import numpy as np

from sohoa.model import Box, DocumentId, OfficeId
from storage.index.protocol import IndexedPage, IndexEntry, SearchIndex, pack_words

MEAN_CHARACTERS = 3_000
_PAGE_WORDS = 420
_BASE_TIME = datetime(2021, 1, 4, tzinfo=UTC)
_FREQUENT = """
và của các có được trong cho là về theo tại quy định thực hiện công nhà nước quản lý không việc cơ quan với số người
hoặc ngày đơn vị năm này phải tháng đến hành chính hoạt động tổ chức từ thông tin khi dịch vụ đã thủ tục hồ sơ trên
quyết định nhân dân đất đai ủy ban cá nhân điều khoản tỉnh giải quyết ban hành kết quả đăng ký giấy phép chứng nhận
thời gian một trách nhiệm những địa phương sở khoa học công nghệ cấp huyện xã tiếp nhận và trả chuyển đổi số văn bản
báo cáo kế hoạch để do như sau nội dung cán bộ công chức viên chức phòng chuyên môn bảo đảm kinh tế xã hội phát triển
đầu tư xây dựng doanh nghiệp sản xuất kinh doanh yêu cầu trường hợp giám đốc phó chủ tịch nghị định thông tư chính phủ
bộ trưởng luật căn cứ đề nghị thẩm định kiểm tra thanh tra xử lý vi phạm pháp luật bổ sung sửa đổi hướng dẫn triển khai
nhiệm vụ giao cho phối hợp liên quan tổng hợp chậm nhất làm việc kể từ nhận đủ hợp lệ hộ gia đình quyền sử dụng tài sản
gắn liền với nông thôn đô thị giáo dục đào tạo y tế môi trường tài nguyên giao thông vận tải thuế phí lệ phí ngân sách
dự án công trình thiết kế an toàn bức xạ thiết bị sáng kiến đề tài nghiên cứu ứng dụng hợp đồng chuyển giao tiêu chuẩn
đo lường chất lượng sở hữu trí tuệ nhãn hiệu hòa bình đường phố thành phố phường khu nhà ở lao động thương binh bảo
hiểm hộ tịch khai sinh kết hôn tư pháp lý lịch chứng thực bản sao
"""
_ONSETS = "b c ch d đ g gh gi h k kh l m n ng ngh nh p ph qu r s t th tr v x"
_RHYMES = """
a ac ach ai am an ang anh ao ap at au ay âm ân âng âp ât âu ây ă ăc ăm ăn ăng ăp ăt e em en eng eo ep et ê êm ên ênh
êp êt êu i ia iêc iêm iên iêng iêp iêt iêu im in inh ip it iu o oa oai oan oang oat oc oi om on ong op ot ô ôi ôm ôn
ông ôp ôt ơ ơi ơm ơn ơp ơt u ua uc ui um un ung up ut uân uât uôc uôi uôn uông uôt uy uyên uyêt ư ưa ưc ưi ưng ươc ươi
ươm ươn ương ươp ươt ưu
"""
_TONES = ("", "\u0300", "\u0301", "\u0309", "\u0303", "\u0323")
_SYMBOLS = "QĐ-KHCN QĐ-UBND TB-SKHCN KH-UBND TTr-SNV BC-STC CV-SXD GP-KHCN QĐ-STNMT CT-UBND"
_NAMES = (
    "Nguyễn Trần Lê Phạm Hoàng Huỳnh Phan Vũ Võ Đặng Bùi Đỗ Hồ Ngô Dương Lý",
    "Văn Thị Đức Minh Thanh Quốc Hữu Ngọc Thu Xuân Đình Công",
    "An Bình Châu Dũng Giang Hà Hải Hòa Hùng Khánh Lan Linh Mai Nam Nga Phúc Quân Sơn Thảo Thủy Trang Tuấn Vinh Yến",
)
"""Surnames, middle names, given names."""
_HEADING = "Số: {code} Hà Nội, ngày {day:%d} tháng {day:%m} năm {day:%Y} QUYẾT ĐỊNH Về việc"


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Syllables with the share of the text that each makes up to and with itself, most frequent first."""

    syllables: tuple[str, ...]
    cumulative: np.ndarray[tuple[int], np.dtype[np.float64]]


def vocabulary(*, size: int = 6_500, exponent: float = 1.05, shift: float = 8.0) -> Vocabulary:
    """Zipf-Mandelbrot frequencies over as many syllables as Vietnamese has; office words are the frequent ones."""
    random = np.random.default_rng(1)
    frequent = _FREQUENT.split()
    made = [
        unicodedata.normalize("NFC", onset + _toned(rhyme, tone))
        for onset in _ONSETS.split()
        for rhyme in _RHYMES.split()
        for tone in _TONES
    ]
    rare = [made[place] for place in random.permutation(len(made))]
    syllables = tuple(dict.fromkeys([*frequent, *rare]))[:size]
    weights = 1.0 / (np.arange(1, len(syllables) + 1) + shift) ** exponent
    return Vocabulary(syllables, np.cumsum(weights) / weights.sum())


def papers(count: int, *, seed: int = 7) -> Iterator[IndexEntry]:
    """`count` documents, always the same for a seed: lengths around MEAN_CHARACTERS (log-normal), words with boxes."""
    random = np.random.default_rng(seed)
    words = vocabulary()
    for number in range(count):
        yield _paper(number, words, random)


def _toned(rhyme: str, tone: str) -> str:
    """The rhyme with a tone on the vowel that carries it, roughly: the marked one, else the last but a final one."""
    vowels = [place for place, letter in enumerate(rhyme) if letter in "aăâeêioôơuưy"]
    marked = [place for place in vowels if rhyme[place] in "ăâêôơư"]
    carrier = marked[-1] if marked else vowels[-1] if len(vowels) == 1 or vowels[-1] != len(rhyme) - 1 else vowels[-2]
    return rhyme[: carrier + 1] + tone + rhyme[carrier + 1 :]


def _paper(number: int, words: Vocabulary, random: np.random.Generator) -> IndexEntry:
    length = int(np.clip(random.lognormal(mean=6.27, sigma=0.55), 60, 6_000))
    body = [words.syllables[place] for place in np.searchsorted(words.cumulative, random.random(length))]
    day = _BASE_TIME + timedelta(days=int(random.integers(0, 1_500)), seconds=int(random.integers(0, 30_000)))
    symbols = _SYMBOLS.split()
    code = f"{random.integers(1, 4_000)}/{symbols[random.integers(len(symbols))]}"
    heading = _HEADING.format(code=code, day=day).split()
    for place in random.integers(0, length, size=4):
        body[place] = _name(random)
    body[length // 2] = f"{random.integers(1, 400)}/{random.integers(2010, 2025)}/NĐ-CP"
    text = [*heading, *" ".join(body).split()]
    pages = [
        _page(page + 1, text[first : first + _PAGE_WORDS], random)
        for page, first in enumerate(range(0, len(text), _PAGE_WORDS))
    ]
    return IndexEntry(
        document_id=DocumentId(f"01HZ{number:022d}"),
        sequence=number + 1,
        office=OfficeId(f"office-{random.integers(0, 8)}"),
        dossier=f"000.00.{number % 60:02d}.H02-{day:%y%m%d}-{number % 9999 + 1:04d}" if number % 3 else None,
        filename=f"scan_{day:%Y%m%d}_{number:06d}.pdf",
        external_id=f"HS{number:08d}" if number % 4 == 0 else None,
        kind="pdf" if number % 2 else "tif",
        status="archived",
        received_at=day,
        archived_at=day + timedelta(minutes=3),
        pages=pages,
    )


def _name(random: np.random.Generator) -> str:
    return " ".join(str(random.choice(part.split())) for part in _NAMES)


def _page(number: int, words: list[str], random: np.random.Generator) -> IndexedPage:
    """The words set in lines on an A4 page at 300 dpi."""
    widths = [26 * len(word) + 8 for word in words]
    jitter = random.integers(0, 9, size=2 * len(words)).tolist()
    placed: list[tuple[int, str, Box]] = []
    pieces: list[str] = []
    offset, left, top = 0, 300, 260
    for place, (word, width) in enumerate(zip(words, widths, strict=True)):
        if left + width > 2_230:
            left, top = 300, top + 68
            pieces[-1] = "\n"
        placed.append((offset, word, (left, top + jitter[2 * place], left + width, top + 46 + jitter[2 * place + 1])))
        pieces += [word, " "]
        offset, left = offset + len(word) + 1, left + width + 18
    return IndexedPage(number, "".join(pieces[:-1]), pack_words(placed))


QUERIES = {
    "one common word": ["định", "quyền", "khoa", "bức", "hòa"],
    "one rare word": ["thuyển", "nghịu", "khoắng", "ngoạt", "phươm"],
    "two or three words": ["khoa học", "giấy phép bức xạ", "kết hôn tư pháp", "chất lượng", "hộ gia đình"],
    "phrase": ['"quy định"', '"Nguyễn Văn An"', '"công nghệ"', '"Trần Thị Hòa"', '"ngày 05 tháng 03"'],
    "code": ["138/QĐ-KHCN", "138qdkhcn", "QĐ-UBND", "12/2019/NĐ-CP", "000.00.05.H02-210105-0006"],
    "without marks": ["quyet dinh", "duong pho", "nguyen van an", "so huu tri tue", "hoa binh"],
    "rare and common": ["của nghịu", "và khoắng", "được phép ngoạt", "trong 3999", "nhà nước phươm"],
    "fields": [
        "khoa học received:2022",
        "định office:office-3",
        "ngay:2021-02..2021-03",
        "quyền -đất kind:tif",
        "so:138 định",
    ],
}


def fill(index: SearchIndex, entries: Iterator[IndexEntry], *, batch: int = 2_000) -> float:
    """Index `entries`; the seconds spent in the index, without those for making them."""
    spent_s = 0.0
    while chunk := list(islice(entries, batch)):
        start = time.perf_counter()
        index.write(chunk)
        spent_s += time.perf_counter() - start
    return spent_s
