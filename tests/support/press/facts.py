"""What one paper says: its office, number, day, subject and signer, drawn from the stock by a seed."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from datetime import date, timedelta

from tests.support.press import stock

_DAY = re.compile(r"(\d{1,2})(?:/| tháng )(\d{1,2})(?:/| năm )(\d{4})")
_TO_COME = re.compile(r"trước ngày|Thời gian:")


@dataclass(frozen=True, slots=True)
class Office:
    """An issuer as its header prints it (lines in capitals), its abbreviation, and how its head is called.

    `body` is set where the office decides as a body: its head signs TM. (on behalf of) it.
    """

    parent: tuple[str, ...]
    name: tuple[str, ...]
    short: str
    head: str
    deputy: str
    place: str
    body: str | None = None


@dataclass(frozen=True, slots=True)
class Signature:
    """The lines over the signature, and who signs; `authority` is the last power word of them (KT., TL., TM.)."""

    lines: tuple[str, ...]
    authority: str | None
    position: str
    name: str


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a layout needs. `number` is None and `day_known` False where left blank; `by_pen`: filled in by hand."""

    office: Office
    number: str | None
    issued: date
    day_known: bool
    by_pen: bool
    signature: Signature
    old_tone: bool

    def say(self, template: str, rng: random.Random) -> str:
        """The stock's sentence as this paper would put it: slots filled, years near its own."""
        return self.before(fill(template, rng, year=self.issued.year - rng.randint(0, 1)))

    def before(self, text: str) -> str:
        """The text with what it cites of a later day than its own put a year before it; what is still to come stays."""
        return " ".join(self._before(sentence) for sentence in re.split(r"(?<=\.) ", text))

    def _before(self, sentence: str) -> str:
        if not _TO_COME.search(sentence):
            for day, month, year in _DAY.findall(sentence):
                if date(int(year), int(month), int(day)) > self.issued:
                    sentence = sentence.replace(year, str(self.issued.year - 1))
        return sentence

    @property
    def day_text(self) -> str:
        return f"{self.issued.day:02d}" if self.day_known else "     "

    @property
    def month_text(self) -> str:
        return f"{self.issued.month:02d}" if self.issued.month < 3 else str(self.issued.month)


def draw_facts(rng: random.Random, *, years: tuple[int, int] = (2016, 2025)) -> Facts:
    office = _office(rng)
    number = rng.choice((rng.randint(1, 99), rng.randint(100, 999), rng.randint(1000, 4999)))
    return Facts(
        office=office,
        number=None if rng.random() < 0.06 else f"{number:02d}",
        issued=date(rng.randint(*years), 1, 1) + timedelta(days=rng.randrange(365)),
        day_known=rng.random() > 0.05,
        by_pen=rng.random() < 0.25,
        signature=draw_signature(rng, office),
        old_tone=rng.random() < 0.2,
    )


def draw_person(rng: random.Random) -> str:
    return f"{rng.choice(stock.SURNAMES)} {rng.choice(stock.MIDDLE_NAMES)} {rng.choice(stock.GIVEN_NAMES)}"


def draw_signature(rng: random.Random, office: Office) -> Signature:
    lead = (f"TM. {office.body}",) if office.body else ()
    name = draw_person(rng)
    way = rng.random()
    if way < 0.4:
        return Signature((*lead, office.head), "TM." if lead else None, office.head, name)
    if way < 0.85:
        return Signature((*lead, f"KT. {office.head}", office.deputy), "KT.", office.deputy, name)
    return Signature((f"TL. {office.head}", "CHÁNH VĂN PHÒNG"), "TL.", "CHÁNH VĂN PHÒNG", name)


def fill(template: str, rng: random.Random, *, year: int) -> str:
    """The template with every slot filled; a slot that comes twice is drawn twice, but `year` stays."""

    def one(slot: re.Match[str]) -> str:
        match slot[1]:
            case "number":
                return f"{rng.randint(1, 980):02d}"
            case "year":
                return str(year)
            case "year5":
                return str(year + 5)
            case "month":
                return f"{rng.randint(1, 12):02d}"
            case "quarter":
                return rng.choice(("I", "II", "III", "IV"))
            case "date":
                return f"{rng.randint(1, 28):02d}/{rng.randint(1, 12):02d}/{year}"
            case "count":
                return str(rng.randint(12, 980))
            case "percent":
                return f"{rng.randint(3, 98)},{rng.randint(1, 9)}"
            case "money":
                return f"{rng.randint(2, 980)}.{rng.randint(100, 999)}.000"
            case "field":
                return rng.choice(stock.FIELDS)
            case "province":
                return rng.choice(stock.PROVINCES)
            case "district":
                return rng.choice(stock.DISTRICTS)
            case "commune":
                return rng.choice(stock.COMMUNES)
            case name:
                raise KeyError(name)

    return re.sub(r"\{(\w+)\}", one, template)


def _office(rng: random.Random) -> Office:
    province = rng.choice(stock.PROVINCES)
    upper = province.upper()
    committee = rng.choice(("ỦY BAN NHÂN DÂN", "UBND"))
    district = rng.choice(stock.DISTRICTS)
    return rng.choice(
        (
            Office(
                (f"{committee} TỈNH {upper}",),
                ("SỞ KHOA HỌC VÀ CÔNG NGHỆ",),
                "SKHCN",
                "GIÁM ĐỐC",
                "PHÓ GIÁM ĐỐC",
                province,
            ),
            Office((f"{committee} TỈNH {upper}",), ("SỞ Y TẾ",), "SYT", "GIÁM ĐỐC", "PHÓ GIÁM ĐỐC", province),
            Office(
                (f"{committee} TỈNH {upper}",),
                ("SỞ NÔNG NGHIỆP", "VÀ PHÁT TRIỂN NÔNG THÔN"),
                "SNN",
                "GIÁM ĐỐC",
                "PHÓ GIÁM ĐỐC",
                province,
            ),
            Office(
                (),
                ("ỦY BAN NHÂN DÂN", f"TỈNH {upper}"),
                "UBND",
                "CHỦ TỊCH",
                "PHÓ CHỦ TỊCH",
                province,
                "ỦY BAN NHÂN DÂN",
            ),
            Office(
                (),
                ("ỦY BAN NHÂN DÂN", f"HUYỆN {district.upper()}"),
                "UBND",
                "CHỦ TỊCH",
                "PHÓ CHỦ TỊCH",
                district,
                "ỦY BAN NHÂN DÂN",
            ),
            Office(
                ("SỞ Y TẾ " + upper,),
                ("BỆNH VIỆN ĐA KHOA", f"HUYỆN {district.upper()}"),
                "BVĐK",
                "GIÁM ĐỐC",
                "PHÓ GIÁM ĐỐC",
                district,
            ),
            Office(
                ("BỘ KHÍ TƯỢNG VÀ ĐO LƯỜNG",),
                ("CỤC KIỂM ĐỊNH THIẾT BỊ",),
                "CKĐ",
                "CỤC TRƯỞNG",
                "PHÓ CỤC TRƯỞNG",
                province,
            ),
            Office(
                ("BỘ KHÍ TƯỢNG VÀ ĐO LƯỜNG",),
                ("TRƯỜNG ĐẠI HỌC KỸ THUẬT", upper),
                "ĐHKT",
                "HIỆU TRƯỞNG",
                "PHÓ HIỆU TRƯỞNG",
                province,
            ),
        )
    )
