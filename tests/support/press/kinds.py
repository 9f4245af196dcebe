"""The kinds of paper: what each says, in which order, and which fields that makes."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta

from tests.support.press import stock
from tests.support.press.book import BOTTOM_MM, LEFT_MM, RIGHT_MM, Book
from tests.support.press.facts import Facts, draw_person
from tests.support.press.parts import SIGNATURE_MM, frame, header, label, recipients_and_signature, sign, title
from tests.support.press.sheet import Run

Fields = dict[str, str | None]
Setter = Callable[[Book, Facts, random.Random], Fields]
"""Sets one paper into an empty book of `wanted` pages and returns its fields."""


def quyet_dinh(book: Book, facts: Facts, rng: random.Random) -> Fields:
    notation = f"QĐ-{facts.office.short}"
    header(book, facts, notation)
    subject = facts.say(rng.choice(stock.SUBJECTS), rng)
    title(book, "QUYẾT ĐỊNH", subject)
    book.centred(f"{facts.office.head} {' '.join(facts.office.name)}", book.bold, width_mm=150, after_mm=3)
    for ground in rng.sample(stock.GROUNDS, rng.randint(2, 3)):
        book.paragraph(Run(facts.say(ground, rng), book.italic))
    book.centred("QUYẾT ĐỊNH:", book.bold, after_mm=3)
    _article(book, 1, facts.say(rng.choice(stock.DECIDES), rng))
    book.flow(_prose(book, facts, rng), tail_mm=SIGNATURE_MM + 5 * book.leading_mm + 5)
    _article(book, 2, stock.IN_FORCE)
    _article(book, 3, stock.OBEYS)
    recipients = recipients_and_signature(book, facts, rng, archive="NV")
    return _fields(facts, "Quyết định", notation, subject) | {"recipients": recipients}


def cong_van(book: Book, facts: Facts, rng: random.Random) -> Fields:
    notation = f"{facts.office.short}-{rng.choice(('VP', 'NV', 'KHTC', 'TCHC'))}"
    about = facts.say(rng.choice(stock.LETTER_SUBJECTS), rng)
    header(book, facts, notation, about=about)
    book.space(2)
    book.centred(
        facts.say(rng.choice(("Kính gửi: Ủy ban nhân dân huyện {district}", "Kính gửi: Các đơn vị trực thuộc")), rng),
        book.body,
        after_mm=5,
    )
    book.flow(_prose(book, facts, rng), tail_mm=SIGNATURE_MM + 2 * book.leading_mm + 3)
    book.paragraph(Run("Rất mong nhận được sự quan tâm, phối hợp của Quý cơ quan./.", book.body))
    recipients = recipients_and_signature(book, facts, rng, archive="TH")
    return _fields(facts, "Công văn", notation, f"V/v {about}") | {"recipients": recipients}


def to_trinh(book: Book, facts: Facts, rng: random.Random) -> Fields:
    notation = f"TTr-{facts.office.short}"
    header(book, facts, notation)
    subject = facts.say(rng.choice(stock.SUBJECTS), rng)
    title(book, "TỜ TRÌNH", subject)
    book.centred(facts.say("Kính gửi: Hội đồng nhân dân tỉnh {province}", rng), book.body, after_mm=4)
    book.paragraph(Run(facts.say(rng.choice(stock.GROUNDS), rng), book.italic))
    _numbered_prose(
        book,
        facts,
        rng,
        ("Sự cần thiết", "Mục đích, quan điểm", "Nội dung chính"),
        closing="Kính trình Quý cơ quan xem xét, quyết định./.",
    )
    recipients = recipients_and_signature(book, facts, rng, archive="KH")
    return _fields(facts, "Tờ trình", notation, subject) | {"recipients": recipients}


def thong_bao(book: Book, facts: Facts, rng: random.Random) -> Fields:
    notation = f"TB-{facts.office.short}"
    header(book, facts, notation)
    subject = facts.say(rng.choice(stock.NOTICE_SUBJECTS), rng)
    title(book, "THÔNG BÁO", subject)
    _numbered_prose(
        book,
        facts,
        rng,
        ("Thời gian, địa điểm", "Thành phần", "Tổ chức thực hiện"),
        closing="Trân trọng thông báo để các đơn vị biết, thực hiện./.",
    )
    recipients = recipients_and_signature(book, facts, rng, archive="VP")
    return _fields(facts, "Thông báo", notation, subject) | {"recipients": recipients}


def ke_hoach(book: Book, facts: Facts, rng: random.Random) -> Fields:
    notation = f"KH-{facts.office.short}"
    header(book, facts, notation)
    subject = facts.say(rng.choice(stock.PLAN_SUBJECTS), rng)
    title(book, "KẾ HOẠCH", subject)
    book.paragraph(Run("I. MỤC ĐÍCH, YÊU CẦU", book.bold))
    book.paragraph(next(_prose(book, facts, rng)))
    book.paragraph(Run("II. NỘI DUNG VÀ TIẾN ĐỘ", book.bold))
    tasks = rng.sample(stock.TASKS, 3 if book.wanted == 1 else 6)
    rows = [
        (str(number), task, rng.choice(stock.UNITS), facts.say("Tháng {month}/{year}", rng))
        for number, task in enumerate(tasks, 1)
    ]
    book.table(("STT", "Nội dung công việc", "Đơn vị chủ trì", "Thời gian"), rows, (14, 72, 44, 32))
    book.flow(_prose(book, facts, rng), tail_mm=SIGNATURE_MM)
    recipients = recipients_and_signature(book, facts, rng, archive="KHTC")
    return _fields(facts, "Kế hoạch", notation, subject) | {"recipients": recipients}


def giay_phep(book: Book, facts: Facts, rng: random.Random) -> Fields:
    notation = f"GP-{facts.office.short}"
    header(book, facts, notation)
    subject = "TIẾN HÀNH CÔNG VIỆC BỨC XẠ"
    title(book, "GIẤY PHÉP", subject)
    owner, address, head = rng.choice(stock.COMPANIES), _address(facts, rng), draw_person(rng)
    owner_id = _citizen_id(rng)
    until = facts.issued.replace(day=min(facts.issued.day, 28), year=facts.issued.year + 3)
    book.centred("CẤP PHÉP CHO:", book.bold, after_mm=2)
    label(book, "1. Tên tổ chức được cấp giấy phép:", owner)
    label(book, "2. Địa chỉ:", address)
    label(book, "3. Người đứng đầu tổ chức:", head)
    label(book, "4. Số căn cước công dân:", owner_id)
    device, model = rng.choice(stock.DEVICES), f"{rng.choice('ABDKMX')}{rng.randint(100, 999)}"
    label(book, "5. Thiết bị:", f"{device}, mã hiệu {model}, số xê-ri {rng.randint(10000, 99999)}")
    label(book, "6. Mục đích sử dụng:", "chẩn đoán y tế tại cơ sở")
    book.paragraph(Run(f"Giấy phép này có giá trị đến ngày {until:%d/%m/%Y}.", book.body), indent_mm=0)
    book.flow(_prose(book, facts, rng), tail_mm=SIGNATURE_MM)
    recipients = recipients_and_signature(book, facts, rng, archive="ATBX")
    own: Fields = {
        "owner_name": owner,
        "owner_id": owner_id,
        "owner_id_kind": "CCCD",
        "address": address,
        "valid_until": until.isoformat(),
    }
    return _fields(facts, "Giấy phép", notation, subject) | own | {"recipients": recipients}


def giay_chung_nhan(book: Book, facts: Facts, rng: random.Random) -> Fields:
    notation = f"ĐK-{facts.office.short}"
    frame(book.sheet)
    header(book, facts, notation)
    subject = "ĐĂNG KÝ HOẠT ĐỘNG KHOA HỌC VÀ CÔNG NGHỆ"
    book.space(4)
    title(book, "GIẤY CHỨNG NHẬN", subject)
    owner, address = rng.choice(stock.COMPANIES), _address(facts, rng)
    time = rng.randint(1, 6)
    label(book, "Tên tổ chức:", owner)
    label(book, "Trụ sở chính:", address)
    label(book, "Điện thoại:", f"02{rng.randint(10, 99)} {rng.randint(3000000, 3999999)}")
    label(book, "Lĩnh vực hoạt động:", rng.choice(stock.FIELDS))
    label(book, "Người đứng đầu:", draw_person(rng))
    label(book, "Đăng ký lần đầu:", f"ngày {(facts.issued - timedelta(days=400 * time)):%d/%m/%Y}")
    label(book, "Đăng ký thay đổi:", f"lần thứ {time}, ngày {facts.issued:%d/%m/%Y}")
    book.flow(_prose(book, facts, rng), tail_mm=SIGNATURE_MM + 4)
    book.need(SIGNATURE_MM)
    sign(book, facts, rng, top_mm=book.y_mm + 4)
    return _fields(facts, "Giấy chứng nhận", notation, subject) | {"owner_name": owner, "address": address}


def form_01(book: Book, facts: Facts, rng: random.Random) -> Fields:
    notation = "TNHS"
    header(book, facts, notation)
    title(book, "GIẤY TIẾP NHẬN HỒ SƠ VÀ HẸN TRẢ KẾT QUẢ", None)
    agency = f"H{rng.randint(1, 63):02d}.{rng.randint(1, 40)}"
    code = f"{agency}-{facts.issued:%y%m%d}-{rng.randint(1, 60):04d}"
    procedure = f"{rng.randint(1, 3)}.{rng.randint(0, 15000):06d}"
    applicant, owner_id = draw_person(rng), _citizen_id(rng)
    due = facts.issued + timedelta(days=rng.randint(5, 40))
    address = _address(facts, rng)
    label(book, "Mã hồ sơ:", code)
    label(book, "Tiếp nhận hồ sơ của:", applicant)
    label(book, "Số căn cước công dân:", owner_id)
    label(book, "Địa chỉ:", address)
    label(book, "Số điện thoại:", f"09{rng.randint(10000000, 99999999)}")
    label(
        book, "Nội dung yêu cầu giải quyết:", f"{facts.say(rng.choice(stock.PROCEDURES), rng)} (mã thủ tục {procedure})"
    )
    book.paragraph(Run("Thành phần hồ sơ nộp gồm:", book.body), indent_mm=0)
    components = [
        f"{name} ({rng.choice(stock.COMPONENT_FORMS)})" for name in rng.sample(stock.COMPONENTS, rng.randint(3, 5))
    ]
    for number, component in enumerate(components, 1):
        book.paragraph(Run(f"{number}. {component}", book.body), indent_mm=6, after_mm=0.8)
    label(book, "Số lượng hồ sơ:", f"{rng.randint(1, 3):02d} (bộ)")
    label(
        book,
        "Thời gian nhận hồ sơ:",
        f"{rng.randint(7, 16):02d} giờ {rng.randint(0, 59):02d} phút, ngày {facts.issued:%d/%m/%Y}",
    )
    label(book, "Thời gian trả kết quả giải quyết hồ sơ:", f"{rng.randint(7, 16):02d} giờ 00 phút, ngày {due:%d/%m/%Y}")
    label(book, "Đăng ký nhận kết quả tại:", "Bộ phận Tiếp nhận và Trả kết quả")
    if book.wanted > 1:
        book.flow(_prose(book, facts, rng), tail_mm=SIGNATURE_MM)
    book.need(SIGNATURE_MM - 6)
    clerk, y = draw_person(rng), book.y_mm + 8
    for centre, who, name in (
        (LEFT_MM + 38, "NGƯỜI NỘP HỒ SƠ", applicant),
        (RIGHT_MM - 40, "NGƯỜI TIẾP NHẬN HỒ SƠ", clerk),
    ):
        book.sheet.centred(Run(who, book.bold), centre, y)
        book.sheet.centred(Run("(Ký và ghi rõ họ tên)", book.italic.at(book.body_pt - 1)), centre, y + 5.3)
        book.sheet.centred(Run(name, book.bold), centre, y + 34)
    own: Fields = {
        "dossier_code": code,
        "procedure_code": procedure,
        "applicant_name": applicant,
        "owner_id": owner_id,
        "owner_id_kind": "CCCD",
        "address": address,
        "received_date": facts.issued.isoformat(),
        "due_date": due.isoformat(),
        "components": "\n".join(components),
        "signer_name": clerk,
        "signer_position": "NGƯỜI TIẾP NHẬN HỒ SƠ",
        "signing_authority": None,
    }
    return _fields(facts, "Giấy tiếp nhận hồ sơ và hẹn trả kết quả", notation, None) | own


def typewritten(book: Book, facts: Facts, rng: random.Random) -> Fields:
    """A decision out of a mechanical typewriter, before the present rules: ragged right, dashes for rules."""
    notation = f"QĐ-{facts.office.short}"
    header(book, facts, notation)
    subject = facts.say(rng.choice(stock.SUBJECTS[:5]), rng)
    book.centred("QUYẾT ĐỊNH", book.bold)
    book.centred(subject, book.body)
    book.centred("-------------", book.body, after_mm=4)
    for ground in rng.sample(stock.GROUNDS, 2):
        book.paragraph(Run(f"- {facts.say(ground, rng)}", book.body))
    book.centred("QUYẾT ĐỊNH", book.bold, after_mm=2)
    _article(book, 1, facts.say(rng.choice(stock.DECIDES), rng))
    book.flow(_prose(book, facts, rng), tail_mm=SIGNATURE_MM + 3 * book.leading_mm)
    _article(book, 2, stock.IN_FORCE)
    recipients = recipients_and_signature(book, facts, rng, archive="VP")
    return _fields(facts, "Quyết định", notation, subject) | {"recipients": recipients}


SETTERS: dict[str, Setter] = {
    "quyet_dinh": quyet_dinh,
    "cong_van": cong_van,
    "to_trinh": to_trinh,
    "thong_bao": thong_bao,
    "ke_hoach": ke_hoach,
    "giay_phep": giay_phep,
    "giay_chung_nhan": giay_chung_nhan,
    "form_01": form_01,
    "typewritten": typewritten,
    "phone_photo": thong_bao,
}


def _fields(facts: Facts, type_name: str, notation: str, subject: str | None) -> Fields:
    return {
        "type_name": type_name,
        "code_number": facts.number,
        "code_notation": notation,
        "issued_date": facts.issued.isoformat() if facts.day_known else None,
        "place": facts.office.place,
        "organ_name": " ".join(facts.office.name),
        "parent_organ_name": " ".join(facts.office.parent) or None,
        "subject": subject,
        "signer_name": facts.signature.name,
        "signer_position": facts.signature.position,
        "signing_authority": facts.signature.authority,
        "language": "Tiếng Việt",
    }


def _article(book: Book, number: int, text: str) -> None:
    book.paragraph([Run(f"Điều {number}.", book.bold), Run(f" {text}", book.body)])


def _prose(book: Book, facts: Facts, rng: random.Random) -> Iterator[Sequence[Run]]:
    """Endless paragraphs of one to three sentences; the stock is shuffled anew each time it has been told."""
    while True:
        sentences = rng.sample(stock.SENTENCES, len(stock.SENTENCES))
        while sentences:
            take = rng.randint(1, 3)
            yield [Run(facts.say(" ".join(sentences[:take]), rng), book.body)]
            del sentences[:take]


def _numbered_prose(book: Book, facts: Facts, rng: random.Random, heads: Sequence[str], *, closing: str) -> None:
    """Paragraphs under numbered heads as long as there is room for them, then a closing line."""
    tail = SIGNATURE_MM + book.leading_mm + 3
    prose = _prose(book, facts, rng)
    for number, head in enumerate(heads, 1):
        paragraph = next(prose)
        if book.y_mm + book.leading_mm + book.height_mm(paragraph) + 4 > BOTTOM_MM - tail:
            break
        book.paragraph(Run(f"{number}. {head}", book.bold))
        book.paragraph(paragraph)
    book.flow(prose, tail_mm=tail)
    book.paragraph(Run(closing, book.body))


def _address(facts: Facts, rng: random.Random) -> str:
    return facts.say(
        f"Số {rng.randint(2, 399)}, đường Bờ Kè, xã {{commune}}, huyện {{district}}, tỉnh {{province}}", rng
    )


def _citizen_id(rng: random.Random) -> str:
    """Twelve digits in the shape of a CCCD, of a province code (099) that none carries."""
    return f"099{rng.choice('0123')}{rng.randint(40, 99)}{rng.randint(0, 999999):06d}"
