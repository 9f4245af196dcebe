"""Papers found by labels: licences, certificates, and the desk's forms 01 to 06 (Thông tư 01/2018/TT-VPCP)."""

# ruff: noqa: E501  (a line a paper)

from __future__ import annotations

import random
from datetime import date, timedelta

from tests.support.press import stock, wording
from tests.support.press.bodies import address, citizen_id, flow, label
from tests.support.press.book import Book
from tests.support.press.facts import Facts, draw_person
from tests.support.press.kinds import Fields
from tests.support.press.sheet import Run
from tests.support.press.tails import SIGNATURE_MM


def radiation_licence(book: Book, facts: Facts, rng: random.Random) -> Fields:
    owner, where, head, owner_id = rng.choice(stock.COMPANIES), address(facts, rng), draw_person(rng), citizen_id(rng)
    until = _years_on(facts.issued, rng.choice((1, 3, 5)))
    bold = rng.random() < 0.5
    if rng.random() < 0.5:
        for ground in wording.grounds(facts, rng, count=2):
            book.paragraph(Run(ground, book.italic))
    book.centred(rng.choice(("CẤP PHÉP CHO:", "CHO PHÉP")), book.bold, after_mm=2)
    label(book, rng.choice(("1. Tên tổ chức được cấp giấy phép:", "1. Tên tổ chức, cá nhân:")), owner, bold=bold)
    label(book, "2. Địa chỉ:", where, bold=bold)
    label(book, "3. Người đứng đầu tổ chức:", head, bold=bold)
    label(book, rng.choice(("4. Số căn cước công dân:", "4. Số CCCD:")), owner_id, bold=bold)
    model = f"{rng.choice('ABDKMX')}{rng.randint(100, 999)}"
    label(book, "5. Thiết bị:", f"{rng.choice(stock.DEVICES)}, mã hiệu {model}, số xê-ri {rng.randint(10000, 99999)}")
    label(book, "6. Mục đích sử dụng:", "chẩn đoán y tế")
    line = rng.choice(("Giấy phép này có giá trị đến ngày {}.", "Giấy phép có hiệu lực đến hết ngày {}."))
    book.paragraph(Run(line.format(f"{until:%d/%m/%Y}"), book.body), indent_mm=0)
    flow(book, facts, rng, tail_mm=SIGNATURE_MM, most=rng.randint(0, 2))
    return _owner(owner, owner_id, where) | {"valid_until": until.isoformat()}


def business_licence(book: Book, facts: Facts, rng: random.Random) -> Fields:
    owner, where = rng.choice(stock.COMPANIES), address(facts, rng)
    until = _years_on(facts.issued, rng.choice((2, 3, 5)))
    label(book, "Tên cơ sở:", owner, bold=True)
    label(book, "Chủ cơ sở:", draw_person(rng))
    label(book, "Địa chỉ:", where)
    label(book, "Điện thoại:", f"02{rng.randint(10, 99)} {rng.randint(3000000, 3999999)}")
    label(book, "Được phép:", wording.say("hoạt động {field} theo quy định của pháp luật", facts, rng))
    start = f"Giấy phép này có giá trị từ ngày {facts.issued:%d/%m/%Y} đến ngày {until:%d/%m/%Y}."
    book.paragraph(Run(start, book.body), indent_mm=0)
    flow(book, facts, rng, tail_mm=SIGNATURE_MM, most=1)
    return {
        "owner_name": owner,
        "address": where,
        "valid_from": facts.issued.isoformat(),
        "valid_until": until.isoformat(),
    }


def science_certificate(book: Book, facts: Facts, rng: random.Random) -> Fields:
    owner, where, time = rng.choice(stock.COMPANIES), address(facts, rng), rng.randint(1, 6)
    label(book, rng.choice(("Tên tổ chức:", "1. Tên tổ chức khoa học và công nghệ:")), owner, bold=True)
    label(book, "Tên viết tắt:", "".join(word[0] for word in owner.split()).upper())
    label(book, rng.choice(("Trụ sở chính:", "2. Trụ sở chính:")), where)
    label(book, "Lĩnh vực hoạt động:", rng.choice(stock.FIELDS))
    label(book, "Người đứng đầu:", draw_person(rng))
    label(book, "Đăng ký lần đầu:", f"ngày {(facts.issued - timedelta(days=400 * time)):%d/%m/%Y}")
    label(book, "Đăng ký thay đổi:", f"lần thứ {time}, ngày {facts.issued:%d/%m/%Y}")
    return {"owner_name": owner, "address": where}


def food_certificate(book: Book, facts: Facts, rng: random.Random) -> Fields:
    owner, where, until = rng.choice(stock.COMPANIES), address(facts, rng), _years_on(facts.issued, 3)
    book.centred("CHỨNG NHẬN", book.bold, after_mm=2)
    label(book, "Cơ sở:", owner, bold=True)
    label(book, "Địa chỉ sản xuất:", where)
    book.paragraph(Run("Đủ điều kiện an toàn thực phẩm theo quy định.", book.body))
    label(book, "Có hiệu lực đến ngày", f"{until.day:02d} tháng {until.month:02d} năm {until.year}")
    return {"owner_name": owner, "address": where, "valid_until": until.isoformat()}


def practice_certificate(book: Book, facts: Facts, rng: random.Random) -> Fields:
    owner, owner_id, where = draw_person(rng), citizen_id(rng), address(facts, rng)
    label(book, "Họ và tên:", owner, bold=True)
    label(book, "Ngày sinh:", f"{rng.randint(1, 28):02d}/{rng.randint(1, 12):02d}/{rng.randint(1960, 1996)}")
    label(book, "Số CCCD:", owner_id)
    label(book, "Chỗ ở hiện nay:", where)
    label(book, "Văn bằng chuyên môn:", "Bác sĩ đa khoa")
    label(book, "Phạm vi hoạt động chuyên môn:", "Khám bệnh, chữa bệnh nội khoa")
    return _owner(owner, owner_id, where)


def form_01(book: Book, facts: Facts, rng: random.Random) -> Fields:
    """Giấy tiếp nhận hồ sơ và hẹn trả kết quả."""
    own = _desk(book, facts, rng)
    book.paragraph(Run("Thành phần hồ sơ nộp gồm:", book.body), indent_mm=0)
    names = rng.sample(stock.COMPONENTS, rng.randint(2, 5))
    components = [f"{name} ({rng.choice(stock.COMPONENT_FORMS)})" for name in names]
    mark = rng.choice(("{}. ", "{}) ", "{}/ "))
    for number, component in enumerate(components, 1):
        book.paragraph(Run(f"{mark.format(number)}{component}", book.body), indent_mm=6, after_mm=0.6)
    label(book, "Số lượng hồ sơ:", f"{rng.randint(1, 3):02d} (bộ)")
    due = facts.issued + timedelta(days=rng.randint(2, 45))
    label(book, "Thời gian nhận hồ sơ:", f"{_clock(rng)}, ngày {_spoken(facts.issued, rng)}")
    label(book, "Thời gian trả kết quả giải quyết hồ sơ:", f"{_clock(rng)}, ngày {_spoken(due, rng)}")
    label(book, "Đăng ký nhận kết quả tại:", rng.choice(("Bộ phận Một cửa", "Trung tâm Phục vụ hành chính công")))
    own |= {"received_date": facts.issued.isoformat(), "due_date": due.isoformat(), "components": "\n".join(components)}
    return own


def form_02(book: Book, facts: Facts, rng: random.Random) -> Fields:
    """Phiếu yêu cầu bổ sung, hoàn thiện hồ sơ."""
    own = _desk(book, facts, rng)
    book.paragraph(Run("Yêu cầu hoàn thiện hồ sơ gồm những nội dung sau:", book.body), indent_mm=0)
    for number, name in enumerate(rng.sample(stock.COMPONENTS, 3), 1):
        book.paragraph(Run(f"{number}. {name}", book.body), indent_mm=6, after_mm=0.6)
    label(book, "Lý do:", wording.say("hồ sơ chưa đủ thành phần theo quy định về {field}.", facts, rng))
    return own


def form_03(book: Book, facts: Facts, rng: random.Random) -> Fields:
    """Phiếu từ chối tiếp nhận giải quyết hồ sơ."""
    own = _desk(book, facts, rng)
    label(book, "Qua xem xét, thông báo không tiếp nhận hồ sơ này với lý do:", "không thuộc thẩm quyền giải quyết.")
    return own


def form_04(book: Book, facts: Facts, rng: random.Random) -> Fields:
    """Phiếu xin lỗi và hẹn lại ngày trả kết quả."""
    own = _desk(book, facts, rng)
    received = facts.issued - timedelta(days=rng.randint(10, 40))
    due = facts.issued + timedelta(days=rng.randint(2, 15))
    label(book, "Ngày tiếp nhận hồ sơ:", f"{received:%d/%m/%Y}")
    label(book, "Hẹn trả kết quả trước đây:", f"{facts.issued:%d/%m/%Y}")
    label(book, "Hẹn lại ngày trả kết quả:", f"{due:%d/%m/%Y}")
    book.paragraph(Run("Cơ quan xin lỗi Ông/Bà về việc chậm trả kết quả này.", book.body))
    return own | {"received_date": received.isoformat(), "due_date": due.isoformat()}


def form_05(book: Book, facts: Facts, rng: random.Random) -> Fields:
    """Phiếu kiểm soát quá trình giải quyết hồ sơ."""
    own = _desk(book, facts, rng)
    steps = ("Bộ phận Một cửa", "Phòng chuyên môn", "Lãnh đạo", "Văn thư")
    rows = [(step, draw_person(rng), f"{_clock(rng)} {facts.issued:%d/%m/%Y}", "Đúng hạn") for step in steps]
    span = book.right_mm - book.left_mm
    book.table(("Tên cơ quan", "Người giao, nhận", "Thời gian", "Kết quả"), rows, (40, span - 120, 50, 30))
    return own


def form_06(book: Book, facts: Facts, rng: random.Random) -> Fields:
    """Sổ theo dõi hồ sơ: a page of a register."""
    rows = []
    for number in range(1, rng.randint(5, 9)):
        code = f"H{rng.randint(1, 63):02d}.{rng.randint(1, 40)}-{facts.issued:%y%m%d}-{number:04d}"
        due = facts.issued + timedelta(days=rng.randint(2, 30))
        rows.append((str(number), code, draw_person(rng), f"{facts.issued:%d/%m/%Y}", f"{due:%d/%m/%Y}"))
    span = book.right_mm - book.left_mm
    book.table(("STT", "Mã hồ sơ", "Tên tổ chức, cá nhân", "Ngày nhận", "Ngày trả"), rows, (12, 48, span - 116, 28, 28))
    return {}


def _desk(book: Book, facts: Facts, rng: random.Random) -> Fields:
    """The lines that all forms begin with."""
    agency = rng.choice(
        (
            f"H{rng.randint(1, 63):02d}.{rng.randint(1, 40)}",
            f"000.{rng.randint(0, 40):02d}.{rng.randint(1, 30):02d}.H{rng.randint(1, 63):02d}",
        )
    )
    code = f"{agency}-{facts.issued:%y%m%d}-{rng.randint(1, 300):04d}"
    procedure = f"{rng.randint(1, 3)}.{rng.randint(0, 15000):06d}{rng.choice(('', '', '.000.00.00.H' + str(rng.randint(10, 60))))}"
    applicant, owner_id, where = draw_person(rng), citizen_id(rng), address(facts, rng)
    bold = rng.random() < 0.5
    label(book, "Mã hồ sơ:", code, bold=bold)
    label(book, rng.choice(("Tiếp nhận hồ sơ của:", "Hồ sơ của:", "Tiếp nhận hồ sơ của Ông/Bà:")), applicant, bold=bold)
    label(book, rng.choice(("Số căn cước công dân:", "Số CCCD:", "CCCD số:")), owner_id)
    label(book, "Địa chỉ:", where)
    label(book, "Số điện thoại:", f"09{rng.randint(10000000, 99999999)}")
    what = wording.say(rng.choice(stock.PROCEDURES), facts, rng)
    label(book, "Nội dung yêu cầu giải quyết:", f"{what} (mã thủ tục {procedure})")
    return _owner(None, owner_id, where) | {
        "dossier_code": code,
        "procedure_code": procedure,
        "applicant_name": applicant,
    }


def _owner(name: str | None, owner_id: str, where: str) -> Fields:
    named: Fields = {"owner_name": name} if name else {}
    return named | {"owner_id": owner_id, "owner_id_kind": "CCCD", "address": where}


def _clock(rng: random.Random) -> str:
    return f"{rng.randint(7, 16):02d} giờ {rng.randint(0, 59):02d} phút"


def _spoken(day: date, rng: random.Random) -> str:
    return rng.choice((f"{day:%d/%m/%Y}", f"{day.day:02d} tháng {day.month:02d} năm {day.year}"))


def _years_on(day: date, years: int) -> date:
    return day.replace(year=day.year + years, day=min(day.day, 28))
