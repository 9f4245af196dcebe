"""The bodies of the varied papers: decisions, letters, notices, minutes, contracts, invitations and slips."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence

from tests.support.press import stock, wording
from tests.support.press.book import BOTTOM_MM, Book
from tests.support.press.facts import Facts, draw_person
from tests.support.press.heads import letter_to
from tests.support.press.kinds import Fields
from tests.support.press.sheet import Run
from tests.support.press.tails import SIGNATURE_MM

Body = Callable[[Book, Facts, random.Random], Fields]
"""Sets what stands between the title and the foot; returns fields that only this type has."""


def decision(book: Book, facts: Facts, rng: random.Random) -> Fields:
    verb = "QUYẾT NGHỊ:" if facts.office.body == "HỘI ĐỒNG NHÂN DÂN" else "QUYẾT ĐỊNH:"
    who = f"{facts.office.head if rng.random() < 0.7 else ''} {' '.join(facts.office.name)}".strip()
    book.centred(who, book.bold, width_mm=150, after_mm=3)
    italic = rng.random() < 0.8
    for ground in wording.grounds(facts, rng, count=rng.randint(2, 5)):
        book.paragraph(Run(ground, book.italic if italic else book.body), after_mm=rng.uniform(0.8, 2.1))
    book.centred(verb, book.bold, after_mm=3)
    decides = wording.say(rng.choice(stock.DECIDES), facts, rng)
    article(book, 1, decides)
    flow(book, facts, rng, tail_mm=SIGNATURE_MM + 4 * book.leading_mm)
    article(
        book,
        2,
        "Quyết định này có hiệu lực kể từ ngày ký."
        if verb[6] == "Đ"
        else "Nghị quyết này có hiệu lực từ ngày thông qua.",
    )
    article(book, 3, "Chánh Văn phòng, thủ trưởng các đơn vị liên quan chịu trách nhiệm thi hành./.")
    return {}


def letter(book: Book, facts: Facts, rng: random.Random) -> Fields:
    book.space(rng.uniform(1, 6))
    count = rng.choice((1, 1, 2, 3))
    letter_to(book, rng, [wording.say(each, facts, rng) for each in rng.sample(wording.ADDRESSEES, count)])
    if rng.random() < 0.4:
        for ground in wording.grounds(facts, rng, count=rng.randint(1, 3)):
            book.paragraph(Run(ground, book.body))
    flow(book, facts, rng, tail_mm=SIGNATURE_MM + 2 * book.leading_mm + 3)
    closing = (
        "Đề nghị các đơn vị nghiêm túc thực hiện./.",
        "Rất mong nhận được sự hợp tác của Quý cơ quan./.",
        "Trân trọng./.",
    )
    book.paragraph(Run(rng.choice(closing), book.body))
    return {}


def numbered(*heads: str, to: bool = False, grounds: bool = False) -> Body:
    """Paragraphs under numbered heads; `to`: after "Kính gửi"."""

    def body(book: Book, facts: Facts, rng: random.Random) -> Fields:
        if to:
            letter_to(book, rng, [wording.say(rng.choice(wording.ADDRESSEES), facts, rng)])
        if grounds or rng.random() < 0.5:
            for ground in wording.grounds(facts, rng, count=rng.randint(1, 3)):
                book.paragraph(Run(ground, book.body))
        style = rng.choice(("{}. ", "{}- ", "{}/ "))
        roman = rng.random() < 0.5
        prose = wording.prose(facts, rng)
        for number, each in enumerate(heads):
            text = next(prose)
            if book.y_mm + 2 * book.leading_mm + book.height_mm([Run(text, book.body)]) > BOTTOM_MM - SIGNATURE_MM:
                break
            mark = ("I", "II", "III", "IV", "V")[number] if roman else str(number + 1)
            book.paragraph(Run(style.format(mark) + (each.upper() if roman else each), book.bold))
            book.paragraph(Run(text, book.body))
        flow(book, facts, rng, tail_mm=SIGNATURE_MM + book.leading_mm + 3)
        return {}

    return body


def plan(book: Book, facts: Facts, rng: random.Random) -> Fields:
    """With a table of tasks where there is room."""
    book.paragraph(Run("I. MỤC ĐÍCH, YÊU CẦU", book.bold))
    book.paragraph(Run(next(wording.prose(facts, rng)), book.body))
    if rng.random() < 0.6:
        book.paragraph(Run("II. NỘI DUNG VÀ TIẾN ĐỘ", book.bold))
        rows = [
            (str(number), task, rng.choice(stock.UNITS), f"Tháng {rng.randint(1, 12)}/{facts.issued.year}")
            for number, task in enumerate(rng.sample(stock.TASKS, rng.randint(2, 4)), 1)
        ]
        span = book.right_mm - book.left_mm
        book.table(("STT", "Nội dung công việc", "Đơn vị chủ trì", "Thời gian"), rows, (14, span - 90, 44, 32))
    flow(book, facts, rng, tail_mm=SIGNATURE_MM)
    return {}


def invitation(book: Book, facts: Facts, rng: random.Random) -> Fields:
    book.paragraph(Run(f"{' '.join(facts.office.name).capitalize()} trân trọng kính mời:", book.body))
    for each in rng.sample(wording.ADDRESSEES, rng.randint(1, 4)):
        book.paragraph(Run(f"- Đại diện {wording.say(each, facts, rng)};", book.body), after_mm=0.8)
    label(
        book,
        "Thời gian:",
        f"{rng.randint(7, 14):02d} giờ 30 phút, ngày {rng.randint(1, 28)}/{rng.randint(1, 12)}/{facts.issued.year}.",
    )
    label(book, "Địa điểm:", wording.say("Hội trường tầng {digit}, số {count} đường Bờ Kè, xã {commune}.", facts, rng))
    flow(book, facts, rng, tail_mm=SIGNATURE_MM + 2 * book.leading_mm, most=rng.randint(0, 4))
    book.paragraph(Run("Rất mong các đồng chí sắp xếp thời gian tham dự đầy đủ, đúng giờ./.", book.body))
    return {}


def minutes(book: Book, facts: Facts, rng: random.Random) -> Fields:
    start = (
        f"Hôm nay, vào lúc {rng.randint(7, 16)} giờ {rng.randint(0, 59):02d} phút, tại {facts.office.place}, gồm có:"
    )
    book.paragraph(Run(start, book.body))
    for number in range(1, rng.randint(3, 6)):
        book.paragraph(
            Run(
                f"{number}. Ông (bà) {draw_person(rng)} - Chức vụ: {rng.choice(('Thành viên', 'Chuyên viên', 'Thư ký'))};",
                book.body,
            )
        )
    flow(book, facts, rng, tail_mm=SIGNATURE_MM + 2 * book.leading_mm)
    book.paragraph(Run("Biên bản lập thành 02 bản có giá trị như nhau, mỗi bên giữ 01 bản./.", book.body))
    return {}


def contract(book: Book, facts: Facts, rng: random.Random) -> Fields:
    for ground in wording.grounds(facts, rng, count=2):
        book.paragraph(Run(f"- {ground}", book.body))
    for side, name in (("A", " ".join(facts.office.name)), ("B", rng.choice(stock.COMPANIES).upper())):
        book.paragraph(Run(f"BÊN {side}: {name}", book.bold), indent_mm=0)
        label(book, "Địa chỉ:", address(facts, rng))
        label(book, "Mã số thuế:", f"{rng.randint(10**9, 10**10 - 1)}")
        label(book, "Đại diện:", f"Ông {draw_person(rng)} - Chức vụ: Giám đốc")
    article(book, 1, next(wording.prose(facts, rng)))
    flow(book, facts, rng, tail_mm=SIGNATURE_MM + book.leading_mm)
    return {}


def telegram(book: Book, facts: Facts, rng: random.Random) -> Fields:
    book.centred(f"{facts.office.head} {' '.join(facts.office.name)} điện:", book.bold, after_mm=3)
    for each in rng.sample(wording.ADDRESSEES, rng.randint(1, 3)):
        book.paragraph(Run(f"- {wording.say(each, facts, rng)};", book.body), indent_mm=30, after_mm=0.5)
    flow(book, facts, rng, tail_mm=SIGNATURE_MM)
    return {}


def slip(*labels: str) -> Body:
    """A slip or letter of introduction: labels with values, then a line or two."""

    def body(book: Book, facts: Facts, rng: random.Random) -> Fields:
        book.centred(f"{' '.join(facts.office.name)}", book.body, width_mm=150, after_mm=3)
        own: Fields = {}
        for each in labels:
            label(book, each, _value(each, facts, rng))
        flow(book, facts, rng, tail_mm=SIGNATURE_MM, most=rng.randint(0, 2))
        return own

    return body


def short(book: Book, facts: Facts, rng: random.Random) -> Fields:
    flow(book, facts, rng, tail_mm=SIGNATURE_MM, most=rng.randint(2, 6))
    return {}


def article(book: Book, number: int, text: str) -> None:
    book.paragraph([Run(f"Điều {number}.", book.bold), Run(f" {text}", book.body)])


def label(book: Book, name: str, value: str, *, bold: bool = False) -> None:
    book.paragraph(
        [Run(name, book.body), Run(f" {value}", book.bold if bold else book.body)], indent_mm=0.0, after_mm=1.2
    )


def flow(book: Book, facts: Facts, rng: random.Random, *, tail_mm: float, most: int | None = None) -> None:
    """Prose until the last wanted page just holds the tail, or `most` paragraphs; a page is seldom quite full."""
    spare = rng.choice((0.0, 0.0, rng.uniform(0, 60)))
    texts: Iterator[Sequence[Run]] = ([Run(text, book.body)] for text in wording.prose(facts, rng))
    if most is None:
        book.flow(texts, tail_mm=tail_mm + spare)
        return
    for _ in range(most):
        runs = next(texts)
        if book.y_mm + book.height_mm(runs) > BOTTOM_MM - tail_mm:
            return
        book.paragraph(runs)


def address(facts: Facts, rng: random.Random) -> str:
    return wording.say(
        f"Số {rng.randint(2, 399)}, đường Bờ Kè, xã {{commune}}, huyện {{district}}, tỉnh {{province}}", facts, rng
    )


def citizen_id(rng: random.Random) -> str:
    """Twelve digits in the shape of a CCCD, of a province code (099) that none carries."""
    return f"099{rng.choice('0123')}{rng.randint(40, 99)}{rng.randint(0, 999999):06d}"


def _value(name: str, facts: Facts, rng: random.Random) -> str:
    if "Ông" in name or "Họ" in name:
        return draw_person(rng)
    if "Chức" in name:
        return rng.choice(("Chuyên viên", "Kế toán trưởng", "Phó Trưởng phòng", "Điều dưỡng"))
    if "cử đến" in name or "Kính" in name:
        return wording.say(rng.choice(wording.ADDRESSEES), facts, rng)
    if "ngày" in name:
        return f"{rng.randint(1, 28):02d}/{rng.randint(1, 12):02d}/{facts.issued.year}"
    return wording.subject("asks", facts, rng).capitalize() + "."
