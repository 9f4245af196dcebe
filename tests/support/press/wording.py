"""What the varied papers say: subjects of one to four lines, grounds that quote other papers, and prose; all invented."""

# ruff: noqa: E501  (a sentence a line)

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from tests.support.press import agencies, stock
from tests.support.press.facts import Facts, fill

_DOES = (
    "phê duyệt", "ban hành", "thành lập", "công bố", "điều chỉnh", "kiện toàn", "bãi bỏ", "giao", "bổ sung", "phân bổ", "công nhận", "sửa đổi, bổ sung", "gia hạn", "thu hồi", "cho phép triển khai", "đính chính",
)  # fmt: skip
_THINGS = (
    "Danh mục thủ tục hành chính", "Quy chế làm việc", "Đoàn kiểm tra liên ngành", "kế hoạch lựa chọn nhà thầu gói thầu số {number}", "dự toán thu, chi ngân sách", "Hội đồng thẩm định",
    "Quy trình nội bộ giải quyết thủ tục hành chính", "chỉ tiêu kế hoạch", "kết quả xét tuyển viên chức", "báo cáo kinh tế - kỹ thuật công trình Trạm bơm {commune}", "Đề án vị trí việc làm",
    "giấy phép khai thác nước dưới đất", "Ban Chỉ đạo chuyển đổi số", "định mức kinh tế - kỹ thuật dịch vụ công", "phương án ứng phó thiên tai", "Tổ công tác số {quarter}", "quyết toán dự án hoàn thành",
    "danh sách hộ gia đình được hỗ trợ", "bảng giá dịch vụ", "Quy định về phân cấp quản lý", "nhiệm vụ quy hoạch chi tiết tỷ lệ 1/500", "khung thời gian năm học",
)  # fmt: skip
_ABOUT = (
    "", "", " trong lĩnh vực {field}", " lĩnh vực {field}", " thuộc phạm vi chức năng quản lý của Sở {sector}", " trên địa bàn huyện {district}", " của xã {commune}", " về {field}",
)  # fmt: skip
_TAIL = (
    "", "", " năm {year}", " giai đoạn {year} - {year5}", " quý {quarter} năm {year}", " tháng {month} năm {year}", " (đợt {quarter})", " (lần {digit})", " (Lĩnh vực: {field})",
)  # fmt: skip
_LONG = (
    " thuộc thẩm quyền giải quyết của Sở {sector}, Ủy ban nhân dân cấp huyện, Ủy ban nhân dân cấp xã trên địa bàn tỉnh {province}",
    " và quy trình nội bộ giải quyết thủ tục hành chính được sửa đổi, bổ sung; thủ tục hành chính bị bãi bỏ thuộc phạm vi quản lý của Sở {sector}",
    " để thực hiện Nghị quyết số {number}/NQ-HĐND ngày {date} của Hội đồng nhân dân tỉnh {province} về {field} giai đoạn {year} - {year5}",
    " theo Quyết định số {number}/QĐ-TTg ngày {day} tháng {month} năm {year} của Thủ tướng Chính phủ",
)  # fmt: skip
_ASKS = (
    "báo cáo tình hình {field}", "tăng cường công tác {field}", "đề nghị cung cấp hồ sơ {field}", "trả lời kiến nghị của cử tri về {field}", "góp ý dự thảo Quy chế {field}", "triển khai Thông tư số {number}/{year}/TT-BNV",
    "đôn đốc giải ngân vốn đầu tư công", "hướng dẫn lập dự toán", "xin ý kiến thẩm định {field}", "cử cán bộ tham gia lớp tập huấn {field}", "báo cáo nhanh kết quả 5 năm thực hiện Quyết định số {number}/{year}/QĐ-TTg",
    "đính chính Công văn số {number}/SYT-NV ngày {date}", "xác minh văn bằng, chứng chỉ", "rà soát, xây dựng kế hoạch {field}", "chuẩn bị nội dung họp giao ban", "mời dự hội nghị tổng kết {field}", "chấn chỉnh việc chấp hành giờ làm việc",
)  # fmt: skip
_NOTICES = (
    "Về việc tuyển dụng viên chức", "Kết luận của đồng chí Chủ tịch tại cuộc họp về {field}", "Về việc nghỉ Tết và trực cơ quan", "Về việc tổ chức khai giảng lớp {field} khóa {digit}", "Kết quả kỳ thi nâng ngạch",
    "Về việc treo Quốc kỳ nhân dịp Quốc khánh", "Về việc thay đổi trụ sở và số điện thoại", "Lịch tiếp công dân của lãnh đạo", "Về việc lựa chọn tổ chức đấu giá tài sản", "Kết luận thanh tra {field}",
)  # fmt: skip
_PLANS = (
    "Triển khai công tác {field}", "Thanh tra, kiểm tra {field} trong các cơ sở công lập và cơ sở hành nghề", "Tổ chức hội thi tìm hiểu {field}", "Phòng, chống thiên tai và tìm kiếm cứu nạn", "Cải cách hành chính",
    "Số hóa hồ sơ, kết quả giải quyết thủ tục hành chính", "Thực hiện Chương trình mục tiêu quốc gia {field}", "Đào tạo, bồi dưỡng cán bộ, công chức", "Ứng dụng công nghệ thông tin trong {field}",
)  # fmt: skip
_REPORTS = (
    "Tình hình thực hiện nhiệm vụ {field} tháng {month} và chương trình công tác tháng sau", "Kết quả kiểm soát thủ tục hành chính", "Sơ kết công tác {field}", "Kết quả thực hiện dân chủ ở cơ sở",
    "Công tác phòng, chống tham nhũng, lãng phí", "Tổng kết năm học {year} - {year1}", "Kết quả tiếp công dân, giải quyết khiếu nại, tố cáo", "Kết quả rà soát hộ nghèo, hộ cận nghèo",
)  # fmt: skip
_INVITES = (
    "Hội nghị tổng kết công tác {field} năm {year} và kế hoạch hoạt động năm {year1}", "Tham dự cuộc họp thống nhất các nội dung về {field}", "Dự lễ khai giảng năm học {year} - {year1}", "Họp Hội đồng nghiệm thu nhiệm vụ {field}",
    "Làm việc với Đoàn kiểm tra {field}", "Về việc dự phiên họp thường kỳ tháng {month}", "Hội nghị trực tuyến về {field}",
)  # fmt: skip
_GROUNDS = (
    "Căn cứ Luật Tổ chức chính quyền địa phương ngày 19 tháng 6 năm 2015; Luật sửa đổi, bổ sung một số điều của Luật Tổ chức Chính phủ và Luật Tổ chức chính quyền địa phương ngày 22 tháng 11 năm 2019;",
    "Căn cứ Nghị định số {number}/{year}/NĐ-CP ngày {day} tháng {month} năm {year} của Chính phủ về {field};",
    "Căn cứ Thông tư số {number}/{year}/TT-BTC ngày {date} của Bộ trưởng Bộ Tài chính hướng dẫn quản lý kinh phí {field};",
    "Căn cứ Quyết định số {number}/QĐ-UBND ngày {day}/{month}/{year} của Ủy ban nhân dân tỉnh {province} quy định chức năng, nhiệm vụ, quyền hạn và cơ cấu tổ chức của Sở {sector};",
    "Căn cứ Công văn số {number}/UBND-NC ngày {day} tháng {month} năm {year} của Chủ tịch Ủy ban nhân dân tỉnh {province} về {field};",
    "Căn cứ Nghị quyết số {number}/{year}/NQ-HĐND ngày {date} của Hội đồng nhân dân tỉnh {province};",
    "Thực hiện Kế hoạch số {number}/KH-UBND ngày {day} tháng {month} năm {year} của Ủy ban nhân dân huyện {district} về việc triển khai {field};",
    "Xét đề nghị của Giám đốc Sở {sector} tại Tờ trình số {number}/TTr-S{letters} ngày {day} tháng {month} năm {year};",
    "Theo đề nghị của Trưởng phòng Tổ chức cán bộ tại Phiếu trình số {number}/PTr-TCCB ngày {date};",
    "Căn cứ Văn bản số {number}/VP-HC ngày {date} của Văn phòng về {field};",
)  # fmt: skip
_SENTENCES = (
    "Thực hiện Công văn số {number}/UBND-VX ngày {day}/{month}/{year} của Ủy ban nhân dân tỉnh {province} về {field}, cơ quan báo cáo kết quả như sau.",
    "Ngày {date}, Sở {sector} đã có văn bản số {number}/S{letters}-VP đề nghị các đơn vị cung cấp số liệu, tuy nhiên đến nay một số đơn vị chưa thực hiện.",
    "Thời gian: 01 buổi, bắt đầu từ 07 giờ 30 phút, ngày {date}, tại Hội trường tầng {digit}.",
    "Yêu cầu thủ trưởng các đơn vị quán triệt nội dung văn bản này đến toàn thể cán bộ, công chức, viên chức và người lao động.",
    "Bố trí kinh phí từ nguồn sự nghiệp năm {year} là {money} đồng (bằng chữ kèm theo phụ lục).",
    "Các nhiệm vụ phải xác định rõ người chịu trách nhiệm, thời hạn hoàn thành và sản phẩm cụ thể để làm cơ sở đánh giá cuối năm.",
    "Trên cơ sở kết quả rà soát, có {count} hồ sơ đủ điều kiện, chiếm {percent}% tổng số hồ sơ đã tiếp nhận.",
    "Văn phòng là đầu mối theo dõi, đôn đốc, định kỳ trước ngày 20 hằng tháng tổng hợp gửi lãnh đạo phụ trách.",
    "Những tồn tại nêu trên có nguyên nhân khách quan do thay đổi về tổ chức bộ máy và nguyên nhân chủ quan do thiếu kiểm tra thường xuyên.",
    "Người dân có thể tra cứu tình trạng hồ sơ bằng mã số ghi trên giấy hẹn hoặc gọi số điện thoại 0{digit}03.{count}.{count} trong giờ hành chính.",
    "Danh sách kèm theo gồm {count} trường hợp thuộc các xã {commune}, {commune} và {commune}.",
    "Việc cấp phát, thanh toán thực hiện theo Luật Ngân sách nhà nước và các quy định về chế độ hóa đơn, chứng từ.",
    "Đồng chí Phó Giám đốc phụ trách chuyên môn trực tiếp chỉ đạo, kiểm tra việc thực hiện tại các đơn vị ở huyện {district}.",
    "Quá thời hạn nêu trên, nếu không nhận được văn bản trả lời thì được hiểu là đơn vị thống nhất với nội dung dự thảo.",
    "Hồ sơ gồm: đơn đề nghị, bản sao giấy tờ tùy thân, bản vẽ vị trí và các tài liệu chứng minh khác (nếu có).",
    "Trạm quan trắc được vận hành liên tục, số liệu truyền về trung tâm theo chu kỳ 15 phút một lần.",
    "Trong năm, đơn vị đã tổ chức {digit} đợt tuyên truyền lưu động với {count} lượt người tham dự, phát {count} tờ rơi.",
    "Giao Phòng Kế hoạch phối hợp với Kho bạc hoàn tất thủ tục chuyển nguồn sang năm sau theo đúng thời hạn.",
)  # fmt: skip
LETTERS = ("NN", "YT", "TC", "XD", "NV", "CT")
SECTORS = (
    "Y tế",
    "Nội vụ",
    "Tài chính",
    "Xây dựng",
    "Tư pháp",
    "Công Thương",
    "Giáo dục và Đào tạo",
    "Giao thông vận tải",
    "Khoa học và Công nghệ",
    "Tài nguyên và Môi trường",
)
RECIPIENTS = (
    "- Như Điều 3;", "- Như trên;", "- Như kính gửi;", "- Lãnh đạo cơ quan (để b/c);", "- TT. Tỉnh ủy; TT. HĐND tỉnh;", "- Cổng thông tin điện tử;", "- Các phòng, ban chuyên môn;", "- UBND các huyện, thị xã;", "- BGĐ (để b/c);",
    "- Kho bạc Nhà nước;", "- Các Sở, ban, ngành;", "- Công an tỉnh;", "- Website cơ quan;", "- CT, các PCT;",
)  # fmt: skip
ADDRESSEES = (
    "Ủy ban nhân dân huyện {district}", "Các sở, ban, ngành", "Thủ trưởng các đơn vị trực thuộc", "Sở {sector} tỉnh {province}", "Giám đốc các bệnh viện đa khoa", "Ủy ban nhân dân các huyện, thị, thành", "Hiệu trưởng các trường học trên địa bàn",
    "Bộ {sector}", "Chủ tịch Hội đồng nhân dân tỉnh {province}", "Ban Quản lý dự án huyện {district}",
)  # fmt: skip


def say(template: str, facts: Facts, rng: random.Random) -> str:
    """`template` with its slots filled, near the paper's year."""
    year = facts.issued.year - rng.randint(0, 2)
    own: dict[str, Callable[[], str]] = {
        "sector": lambda: rng.choice(SECTORS),
        "letters": lambda: rng.choice(LETTERS),
        "day": lambda: f"{rng.randint(1, 28):02d}" if rng.random() < 0.8 else str(rng.randint(1, 28)),
        "digit": lambda: str(rng.randint(1, 9)),
        "year1": lambda: str(year + 1),
        "province": lambda: rng.choice(agencies.PROVINCES),
    }
    for slot, draw in own.items():
        while f"{{{slot}}}" in template:
            template = template.replace(f"{{{slot}}}", draw(), 1)
    return facts.before(fill(template, rng, year=year))


def subject(kind: str, facts: Facts, rng: random.Random) -> str:
    """A subject for a `kind` (decides | asks | notifies | plans | reports | invites), one line to four when printed."""
    if kind == "decides":
        head = f"{rng.choice(('Về việc ', 'Về việc ', 'V/v ', ''))}{rng.choice(_DOES)} {rng.choice(_THINGS)}"
        head = head[0].upper() + head[1:]
    else:
        stock_of = {"asks": _ASKS, "notifies": _NOTICES, "plans": _PLANS, "reports": _REPORTS, "invites": _INVITES}
        head = rng.choice(stock_of[kind])
    length = rng.random()
    text = head if length < 0.25 else head + rng.choice(_ABOUT) + rng.choice(_TAIL)
    if length > 0.82 and kind in ("decides", "plans", "notifies"):
        text = head + rng.choice(_ABOUT[2:4]) + rng.choice(_LONG)
    return say(text, facts, rng)


def grounds(facts: Facts, rng: random.Random, *, count: int) -> list[str]:
    """`count` papers that this one rests on, by number and date."""
    return [say(each, facts, rng) for each in rng.sample((*_GROUNDS, *stock.GROUNDS), count)]


def prose(facts: Facts, rng: random.Random) -> Iterator[str]:
    """Endless paragraphs of one to three sentences."""
    while True:
        sentences = rng.sample((*_SENTENCES, *stock.SENTENCES), 30)
        while sentences:
            take = rng.randint(1, 3)
            yield say(" ".join(sentences[:take]), facts, rng)
            del sentences[:take]


def recipients(facts: Facts, rng: random.Random) -> list[str]:
    """The entries of "Nơi nhận", the archive copy last."""
    entries = [say(each, facts, rng) for each in rng.sample(RECIPIENTS, rng.randint(1, 5))]
    archive = rng.choice(("VP", "TCHC", "NVY", "KHTC", "TH", "NC", "TCCB", "P.2", "hlan"))
    return [
        *entries,
        rng.choice((f"- Lưu: VT, {archive}.", f"- Lưu VT, {archive}.", f"- Lưu: VT; {archive}.", "- Lưu: VT.")),
    ]
