"""The press's stock of Vietnamese office prose: all of it invented, naming no real office, place or person.

Slots in braces are filled by facts.fill.
"""

# ruff: noqa: E501  (a sentence a line)

from __future__ import annotations

PROVINCES = (
    "Sông Hồng",
    "Lam Giang",
    "Vĩnh Hải",
    "Trường Lâm",
    "Đông Sa",
    "Ngọc Sơn Thượng",
    "Bình Xuyên Hạ",
    "Phú Khê",
)
DISTRICTS = ("Đồng Mây", "Khe Ngàn", "Suối Trúc", "An Lộc Đông", "Bãi Sậy", "Thượng Đường", "Gò Quýt", "Yên Ổ")
COMMUNES = (
    "Cẩm Nhượng Đông",
    "Hòa Lạc Thượng",
    "Đức Trọng Hạ",
    "Vạn Thủy",
    "Xuân Đỗ",
    "Phước Khuê",
    "Quỳnh Lộ",
    "Tân Huyện",
)
SURNAMES = (
    "Nguyễn",
    "Trần",
    "Lê",
    "Phạm",
    "Hoàng",
    "Huỳnh",
    "Phan",
    "Vũ",
    "Võ",
    "Đặng",
    "Bùi",
    "Đỗ",
    "Hồ",
    "Ngô",
    "Dương",
    "Lý",
    "Tạ",
    "Quách",
)
MIDDLE_NAMES = (
    "Văn",
    "Thị",
    "Hữu",
    "Đức",
    "Thị Thu",
    "Quang",
    "Minh",
    "Ngọc",
    "Xuân",
    "Thanh",
    "Bá",
    "Thị Bích",
    "Công",
    "Trọng",
    "Diệu",
    "Khắc",
)
GIVEN_NAMES = (
    "Phượng", "Quỳnh", "Thắng", "Tuyết", "Hậu", "Nghĩa", "Khuê", "Đoàn", "Vượng", "Hạnh", "Sử", "Mẫn", "Tường", "Uyên", "Lộc", "Trí",
    "Giang", "Bảo", "Hưởng", "Ngữ", "Thiệp", "Xuyến", "Ổn", "Duệ", "Yến", "Kỷ", "Bằng", "Cẩn", "Nhẫn", "Thưởng",
)  # fmt: skip
FIELDS = (
    "khoa học và công nghệ", "an toàn bức xạ", "đo lường chất lượng", "đăng ký hộ kinh doanh", "cấp nước sạch nông thôn", "khám bệnh, chữa bệnh",
    "bảo trợ xã hội", "quản lý đất đai", "thủy lợi nội đồng", "giáo dục mầm non", "an toàn thực phẩm", "lưu trữ hồ sơ điện tử",
    "vận tải đường thủy", "phòng cháy, chữa cháy rừng", "trồng trọt và bảo vệ thực vật", "di sản văn hóa phi vật thể",
)  # fmt: skip
SUBJECTS = (
    "Về việc phê duyệt danh mục nhiệm vụ trong lĩnh vực {field} năm {year}",
    "Về việc thành lập Tổ công tác rà soát thủ tục hành chính trong lĩnh vực {field}",
    "Về việc ban hành Quy chế phối hợp tiếp nhận và trả kết quả hồ sơ lĩnh vực {field}",
    "Về việc kiện toàn Hội đồng tư vấn {field} tỉnh {province} giai đoạn {year} - {year5}",
    "Về việc điều chỉnh dự toán kinh phí thực hiện nhiệm vụ {field} trên địa bàn huyện {district}",
    "Về việc công nhận kết quả kiểm tra công tác {field} tại xã {commune}",
    "Về việc giao chỉ tiêu {field} cho các đơn vị trực thuộc",
    "Về việc cử công chức tham dự lớp bồi dưỡng nghiệp vụ {field}",
)
PLAN_SUBJECTS = (
    "Kiểm tra công tác {field} trên địa bàn tỉnh {province} năm {year}",
    "Số hóa hồ sơ, giấy tờ lĩnh vực {field} giai đoạn {year} - {year5}",
    "Tuyên truyền, phổ biến kiến thức về {field} năm {year}",
    "Đào tạo, bồi dưỡng cán bộ làm công tác {field} tại huyện {district}",
)
LETTER_SUBJECTS = (
    "báo cáo tình hình {field} quý {quarter} năm {year}",
    "đề nghị phối hợp cung cấp số liệu {field}",
    "hướng dẫn thực hiện chế độ báo cáo định kỳ về {field}",
    "cho ý kiến đối với dự thảo Đề án {field}",
    "đôn đốc giải quyết hồ sơ quá hạn lĩnh vực {field}",
)
NOTICE_SUBJECTS = (
    "Về lịch tiếp công dân định kỳ của lãnh đạo cơ quan quý {quarter} năm {year}",
    "Kết luận cuộc họp giao ban công tác {field} tháng {month} năm {year}",
    "Về việc thay đổi địa điểm tiếp nhận hồ sơ lĩnh vực {field}",
    "Tuyển chọn tổ chức chủ trì nhiệm vụ {field} năm {year}",
)
GROUNDS = (
    "Căn cứ Luật Tổ chức chính quyền địa phương ngày {date};",
    "Căn cứ Nghị định số {number}/{year}/NĐ-CP ngày {date} của Chính phủ quy định chi tiết một số điều về {field};",
    "Căn cứ Thông tư số {number}/{year}/TT-BKĐ ngày {date} của Bộ Khí tượng và Đo lường hướng dẫn công tác {field};",
    "Căn cứ Quyết định số {number}/QĐ-UBND ngày {date} của Ủy ban nhân dân tỉnh {province} quy định chức năng, nhiệm vụ, quyền hạn và cơ cấu tổ chức của đơn vị;",
    "Căn cứ Kế hoạch số {number}/KH-UBND ngày {date} của Ủy ban nhân dân huyện {district} về triển khai nhiệm vụ {field};",
    "Theo biên bản họp Hội đồng thẩm định ngày {date};",
)
SENTENCES = (
    "Giao Văn phòng chủ trì, phối hợp với các phòng chuyên môn tổng hợp kết quả, báo cáo lãnh đạo trước ngày {date}.",
    "Trong quá trình thực hiện, nếu phát sinh khó khăn, vướng mắc, các đơn vị kịp thời phản ánh bằng văn bản để được hướng dẫn, giải quyết.",
    "Kinh phí thực hiện là {money} đồng, được bố trí từ nguồn ngân sách tỉnh và các nguồn huy động hợp pháp khác.",
    "Tổng số hồ sơ tiếp nhận trong kỳ là {count} hồ sơ, trong đó {percent}% được giải quyết trước hạn, không có hồ sơ quá hạn.",
    "Ủy ban nhân dân xã {commune} có trách nhiệm niêm yết công khai danh sách tại trụ sở và nhà văn hóa các thôn trong thời hạn 15 ngày.",
    "Các tổ chức, cá nhân có liên quan nộp hồ sơ trực tiếp tại Bộ phận Một cửa hoặc qua dịch vụ bưu chính công ích.",
    "Việc lưu trữ tài liệu phải bảo đảm đầy đủ, nguyên vẹn, dễ tra cứu và thuận tiện cho công tác thanh tra, kiểm tra.",
    "Trưởng đoàn phân công nhiệm vụ cụ thể cho từng thành viên, xây dựng đề cương và thông báo lịch làm việc đến huyện {district}.",
    "Đối với những trường hợp chưa đủ điều kiện, cơ quan tiếp nhận phải trả lời rõ lý do và hướng dẫn bổ sung một lần.",
    "Chất lượng nguồn nước sau xử lý được lấy mẫu hằng tháng, kết quả phân tích gửi về Trung tâm Kỹ thuật để theo dõi.",
    "Đến hết năm {year}, phấn đấu có ít nhất {percent}% số xã hoàn thành việc chuyển đổi dữ liệu giấy sang dữ liệu điện tử.",
    "Những nội dung khác không nêu tại văn bản này tiếp tục thực hiện theo các quy định hiện hành của pháp luật.",
    "Phòng Kế hoạch - Tài chính thẩm định dự toán, hướng dẫn thanh toán, quyết toán theo đúng chế độ, định mức.",
    "Đề nghị Quý cơ quan quan tâm chỉ đạo, gửi kết quả bằng văn bản và bản mềm theo biểu mẫu kèm theo.",
    "Qua kiểm tra thực tế, {count} hộ dân tại khu vực ven sông đã được di dời đến nơi ở mới an toàn, ổn định cuộc sống.",
    "Thiết bị đo phải được kiểm định, hiệu chuẩn đúng chu kỳ; người vận hành phải qua lớp huấn luyện nghiệp vụ.",
    "Các trường học trên địa bàn huyện {district} tổ chức ít nhất một buổi ngoại khóa về {field} trong mỗi học kỳ.",
    "Tổ công tác có nhiệm vụ khảo sát hiện trạng, lập danh mục, đề xuất phương án xử lý và tự giải thể khi hoàn thành nhiệm vụ.",
    "Nghiêm cấm việc tự ý đặt thêm giấy tờ, thủ tục hoặc thu các khoản phí, lệ phí ngoài quy định.",
    "Diện tích rừng phòng hộ được giao khoán bảo vệ đạt {count} ha, vượt {percent}% so với cùng kỳ năm trước.",
    "Sản phẩm của nhiệm vụ gồm báo cáo tổng hợp, bộ cơ sở dữ liệu, phần mềm tra cứu và tài liệu hướng dẫn sử dụng.",
    "Chậm nhất 05 ngày làm việc kể từ ngày nhận được ý kiến, đơn vị soạn thảo phải hoàn chỉnh và trình ký ban hành.",
    "Khuyến khích doanh nghiệp ứng dụng mã số, mã vạch để truy xuất nguồn gốc nông sản, thủy sản chủ lực của tỉnh {province}.",
    "Người được cử đi học hưởng nguyên lương, phụ cấp và các chế độ khác theo quy định của Nhà nước.",
)
DECIDES = (
    "Phê duyệt kèm theo Quyết định này danh mục nhiệm vụ {field} năm {year} của tỉnh {province}, gồm {count} nhiệm vụ.",
    "Thành lập Tổ công tác {field} gồm các ông, bà có tên trong danh sách kèm theo.",
    "Ban hành kèm theo Quyết định này Quy chế phối hợp trong lĩnh vực {field} trên địa bàn huyện {district}.",
    "Giao Phòng Nghiệp vụ chủ trì, phối hợp với Ủy ban nhân dân xã {commune} tổ chức thực hiện các nội dung về {field}.",
)
IN_FORCE = "Quyết định này có hiệu lực thi hành kể từ ngày ký."
OBEYS = "Chánh Văn phòng, Trưởng các phòng chuyên môn và Thủ trưởng các đơn vị có liên quan chịu trách nhiệm thi hành Quyết định này./."
RECIPIENTS = (
    "- Như Điều 3;",
    "- Như trên;",
    "- Lãnh đạo cơ quan (để b/c);",
    "- Các phòng chuyên môn;",
    "- Cổng thông tin điện tử;",
    "- UBND huyện {district};",
    "- Kho bạc khu vực {quarter};",
)
TASKS = (
    "Khảo sát, thu thập số liệu", "Xây dựng biểu mẫu, tài liệu", "Tổ chức hội nghị triển khai", "Tập huấn nghiệp vụ cho cán bộ xã",
    "Kiểm tra thực địa tại cơ sở", "Nghiệm thu sản phẩm", "Tổng hợp, báo cáo kết quả", "Lắp đặt, chạy thử thiết bị",
)  # fmt: skip
UNITS = ("Văn phòng", "Phòng Nghiệp vụ", "Phòng Quản lý kỹ thuật", "Trung tâm Dữ liệu", "Thanh tra", "UBND các xã")
COMPONENTS = (
    "Đơn đề nghị theo mẫu", "Giấy khai báo thiết bị", "Bản sao chứng chỉ nhân viên phụ trách", "Phiếu kết quả đo liều kế cá nhân",
    "Báo cáo đánh giá an toàn", "Quyết định thành lập tổ chức", "Hợp đồng thuê địa điểm", "Bản vẽ mặt bằng bố trí thiết bị",
)  # fmt: skip
COMPONENT_FORMS = ("bản chính", "bản sao chứng thực", "bản photo")
PROCEDURES = (
    "Cấp giấy phép tiến hành công việc bức xạ",
    "Cấp Giấy chứng nhận đăng ký hoạt động {field}",
    "Gia hạn giấy phép sử dụng thiết bị phát tia X trong y tế",
    "Đăng ký biến động trong lĩnh vực {field}",
)
DEVICES = (
    "máy X-quang tổng hợp",
    "máy chụp cắt lớp vi tính",
    "máy đo mật độ xương",
    "máy soi hành lý",
    "máy X-quang răng",
)
COMPANIES = (
    "Phòng khám đa khoa Ánh Dương Mới",
    "Công ty TNHH Cơ khí Hạ Lộ",
    "Trung tâm Chẩn đoán hình ảnh Thiện Đức",
    "Hợp tác xã Nông nghiệp Bến Gỗ",
    "Viện Nghiên cứu Giống cây Thượng Đường",
)
