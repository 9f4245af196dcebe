"""Forms, licences and certificates are read by their labels."""

from __future__ import annotations

from ocr_workers.reading.fields import Reading
from tests.support.read_pages import read, values
from tests.support.set_pages import MIDDLE, at_left, paragraph, set_page, state_head


def test_of_two_days_of_return_the_one_promised_last_counts() -> None:
    text = paragraph(
        9,
        "Thời gian hẹn trả kết quả giải quyết hồ sơ: ngày 22/9/2023.",
        "Chúng tôi xin lỗi ông (bà) và hẹn lại thời gian trả kết quả:",
        "ngày 06/10/2023. Mong ông (bà) thông cảm.",
    )
    title = (6, MIDDLE, "PHIẾU XIN LỖI VÀ HẸN LẠI NGÀY TRẢ KẾT QUẢ")
    assert values(read(set_page(*state_head(), title, *text)), "due_date") == ["2023-10-06"]
    other = paragraph(9, "Nay hẹn lại ngày trả kết quả", "Tiếp nhận ngày 22/9/2023", "Ngày hẹn trả kết quả: 06/10/2023")
    assert values(read(set_page(*state_head(), title, *other)), "due_date") == ["2023-10-06"]


def _labelled(code: str, title: tuple[str, str], *lines: str) -> Reading:
    """A paper with a title of two lines and labels under each other at the left."""
    over = [(5 + at, MIDDLE, line) for at, line in enumerate(title)]
    return read(set_page(*state_head(code=code), *over, *(at_left(8 + at, line) for at, line in enumerate(lines))))


def test_a_licence_is_read_by_its_labels() -> None:
    reading = _labelled(
        "Số: 21/GP-SYT",
        ("GIẤY PHÉP", "HOẠT ĐỘNG CƠ SỞ KHÁM BỆNH"),
        "1. Tên tổ chức: Phòng khám Ánh Dương",
        "2. Địa chỉ: Số 4, đường Bờ Kè, xã Cẩm Nhượng",
        "3. Số căn cước công dân: 099045001234",
        "Giấy phép này có giá trị đến ngày 03/04/2027.",
    )
    assert values(reading, "owner_name", "address", "owner_id", "owner_id_kind", "valid_until") == [
        "Phòng khám Ánh Dương",
        "Số 4, đường Bờ Kè, xã Cẩm Nhượng",
        "099045001234",
        "CCCD",
        "2027-04-03",
    ]
    assert values(reading, "type_name", "subject") == ["Giấy phép", "HOẠT ĐỘNG CƠ SỞ KHÁM BỆNH"]


def test_a_receipt_of_the_desk_is_read_by_its_labels() -> None:
    reading = _labelled(
        "Số: 12/TNHS",
        ("GIẤY TIẾP NHẬN HỒ SƠ", "VÀ HẸN TRẢ KẾT QUẢ"),
        "Mã hồ sơ: 000.00.05.H02-240403-0001",
        "Tiếp nhận hồ sơ của: Trần Thị Bích Uyên",
        "Nội dung: Cấp giấy phép (mã thủ tục 2.000488)",
        "Thành phần hồ sơ nộp gồm:",
        "1. Đơn đề nghị theo mẫu (bản chính)",
        "2. Hợp đồng thuê địa điểm (bản photo)",
        "Thời gian nhận hồ sơ: 08 giờ 15 phút, ngày 03/04/2024",
        "Thời gian trả kết quả giải quyết hồ sơ: 16 giờ 00 phút, ngày 20/04/2024",
    )
    assert values(reading, "type_name", "dossier_code", "procedure_code", "applicant_name") == [
        "Giấy tiếp nhận hồ sơ và hẹn trả kết quả",
        "000.00.05.H02-240403-0001",
        "2.000488",
        "Trần Thị Bích Uyên",
    ]
    assert values(reading, "received_date", "due_date", "components") == [
        "2024-04-03",
        "2024-04-20",
        "Đơn đề nghị theo mẫu (bản chính)\nHợp đồng thuê địa điểm (bản photo)",
    ]
