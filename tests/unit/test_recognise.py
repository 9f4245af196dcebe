"""A page goes in as pixels and comes out as words in the page frame."""

from __future__ import annotations

import dataclasses
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageDraw, ImageFont

from ocr_workers.boxes import block_of, line_of
from ocr_workers.engine import clean
from ocr_workers.pages import PageImage
from ocr_workers.recognise import Recogniser, without_noise
from ocr_workers.second_chance import recognise_in_subprocess
from sohoa.errors import SetupError, StageFailed
from sohoa.model import Page, Word
from sohoa.settings import Settings
from tests.support import press

Pixels = npt.NDArray[np.uint8]
FONT = "/usr/share/fonts/truetype/liberation2/LiberationSerif-Regular.ttf"
LINES = (
    "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM",
    "Căn cứ Luật Tổ chức chính quyền địa phương",
    "Điều 1. Phê duyệt kế hoạch cải cách hành chính",
    "Điều 2. Quyết định này có hiệu lực từ ngày ký",
    "Nguyễn Trần Quốc Bảo",
)


@pytest.fixture(scope="module")
def settings() -> Settings:
    return Settings(_env_file=None)


@pytest.fixture(scope="module")
def recogniser(settings: Settings) -> Iterator[Recogniser]:
    with Recogniser(settings) as held:
        yield held


def _drawn(*, dpi: int = 200, red: int | None = None, lines: tuple[str, ...] = LINES) -> Pixels:
    """A half sheet of large print; line number `red` in red."""
    image = Image.new("RGB", (round(7 * dpi), round(4.2 * dpi)), (250, 250, 248))
    pen, font = ImageDraw.Draw(image), ImageFont.truetype(FONT, round(dpi * 15 / 72))
    for number, line in enumerate(lines):
        colour = (205, 40, 50) if number == red else (20, 20, 20)
        pen.text((0.8 * dpi, (0.5 + 0.6 * number) * dpi), line, font=font, fill=colour)
    return np.asarray(image, dtype=np.uint8)


def _image(pixels: Pixels, *, dpi: float = 200.0) -> PageImage:
    return PageImage(1, np.ascontiguousarray(pixels), dpi, False, "colour" if pixels.ndim == 3 else "grey")


def _share_read(page: Page, lines: tuple[str, ...] = LINES) -> float:
    wanted, got = Counter(" ".join(lines).split()), Counter(word.text for word in page.words())
    return (wanted & got).total() / wanted.total()


def test_words_come_back_in_nfc_with_boxes_confidences_and_lines(recogniser: Recogniser) -> None:
    page = recogniser.recognise(_image(_drawn()))
    assert (page.status, page.lane, page.turn_deg) == ("recognised", "tesserocr", 0)
    assert _share_read(page) > 0.9
    assert page.text == unicodedata.normalize("NFC", page.text)
    for word in page.words():
        left, top, right, bottom = word.box
        assert 0 <= left < right <= page.width_px
        assert 0 <= top < bottom <= page.height_px
        assert 0 <= word.confidence <= 1
    assert all(line.baseline is not None for line in page.lines())
    assert page.quality is not None
    assert page.quality.mean_confidence is not None
    assert page.quality.mean_confidence > 0.8


@pytest.mark.parametrize("dpi", [300, 600])
def test_boxes_of_fine_scans_are_in_their_own_pixels(recogniser: Recogniser, dpi: int) -> None:
    page = recogniser.recognise(_image(_drawn(dpi=dpi), dpi=dpi))
    first = next(page.words())
    assert first.text == "CỘNG"
    assert first.box[0] == pytest.approx(0.8 * dpi, abs=0.03 * dpi)
    assert _share_read(page) > 0.9


@pytest.mark.parametrize("turn_deg", [90, 180, 270])
def test_a_page_on_its_side_or_head_is_turned(recogniser: Recogniser, turn_deg: int) -> None:
    upright = _drawn(lines=LINES * 1)
    lying = np.rot90(upright, turn_deg // 90)  # anticlockwise, so this many degrees clockwise set it right
    page = recogniser.recognise(_image(lying))
    assert page.turn_deg == turn_deg
    assert (page.height_px, page.width_px) == upright.shape[:2]
    assert _share_read(page) > 0.9


def test_a_leaning_page_is_read_upright_and_its_boxes_stay_where_the_ink_is(recogniser: Recogniser) -> None:
    upright = _drawn()
    height, width = upright.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), -3.0, 1.0)
    leaning = np.asarray(cv2.warpAffine(upright, turn, (width, height), borderValue=(250, 250, 248)), np.uint8)
    page = recogniser.recognise(_image(leaning))
    assert page.quality is not None
    assert page.quality.skew_deg == pytest.approx(3.0, abs=0.15)
    assert _share_read(page) > 0.9
    ink = leaning[:, :, 0] < 128
    for word in page.words():
        left, top, right, bottom = word.box
        assert ink[top:bottom, left:right].any()
    slopes = [line.baseline[0] for line in page.lines() if line.baseline is not None]
    assert np.median(slopes) == pytest.approx(np.tan(np.radians(3.0)), abs=0.01)


def test_a_red_name_is_read_and_stands_in_its_place(recogniser: Recogniser) -> None:
    page = recogniser.recognise(_image(_drawn(red=4)))
    assert LINES[4] in page.text
    assert page.text.index(LINES[4]) > page.text.index("Quyết định này")


def test_print_under_a_blue_stamp_and_the_stamp_itself_are_read(recogniser: Recogniser) -> None:
    sheet, stamp = _drawn(), Image.new("RGB", (1400, 840), (255, 255, 255))
    pen, font = ImageDraw.Draw(stamp), ImageFont.truetype(FONT.replace("Serif", "Sans"), 30)
    pen.rectangle((180, 190, 620, 480), outline=(40, 60, 160), width=4)
    pen.text((215, 270), "VĂN BẢN ĐẾN", font=font, fill=(40, 60, 160))
    pen.line((420, 320, 900, 410, 300, 460, 800, 330), fill=(40, 60, 160), width=4)
    page = recogniser.recognise(_image(np.asarray(sheet.astype(np.float32) * np.asarray(stamp) / 255, np.uint8)))
    assert _share_read(page) > 0.9
    assert _share_read(page, ("VĂN BẢN ĐẾN",)) == 1.0


def test_a_page_written_with_a_blue_pen_alone_is_not_blank(recogniser: Recogniser) -> None:
    image = Image.new("RGB", (1400, 840), (250, 250, 248))
    pen, font = ImageDraw.Draw(image), ImageFont.truetype(FONT, 42)
    pen.text((160, 200), LINES[1], font=font, fill=(40, 60, 160))
    pen.text((160, 700), "2", font=font, fill=(20, 20, 20))
    assert _share_read(recogniser.recognise(_image(np.asarray(image, np.uint8))), LINES[1:2]) > 0.9


def test_a_red_mark_leaning_in_its_frame_is_read(recogniser: Recogniser) -> None:
    mark = Image.new("RGB", (420, 130), (255, 255, 255))
    pen = ImageDraw.Draw(mark)
    pen.rectangle((40, 20, 362, 104), outline=(205, 40, 50), width=5)
    pen.text((60, 30), "HỎA TỐC", font=ImageFont.truetype(FONT.replace("-Regular", "-Bold"), 56), fill=(205, 40, 50))
    image = Image.fromarray(_drawn(lines=LINES[1:]))
    image.paste(mark.rotate(-3, fillcolor=(255, 255, 255), resample=Image.Resampling.BICUBIC), (800, 560))
    assert _share_read(recogniser.recognise(_image(np.asarray(image, np.uint8))), ("HỎA TỐC",)) == 1.0


def test_an_empty_page_is_blank_and_costs_no_recognition(recogniser: Recogniser) -> None:
    page = recogniser.recognise(_image(np.full((1169, 827), 251, np.uint8), dpi=100.0))
    assert (page.status, page.blocks, page.recognise_ms) == ("blank", (), 0)
    assert page.quality is not None
    assert page.quality.mean_confidence is None


def test_a_page_with_only_a_number_is_not_blank(recogniser: Recogniser) -> None:
    sheet = Image.new("L", (1654, 2339), 250)
    ImageDraw.Draw(sheet).text((800, 150), "- 12 -", font=ImageFont.truetype(FONT, 40), fill=30)
    page = recogniser.recognise(_image(np.asarray(sheet, np.uint8)))
    assert page.status == "recognised"
    assert "12" in page.text


def test_the_same_page_is_read_the_same_twice(recogniser: Recogniser) -> None:
    image = _image(_drawn(red=4))
    first, second = (dataclasses.replace(recogniser.recognise(image), recognise_ms=0) for _ in range(2))
    assert first == second


def test_table_rules_and_unsure_punctuation_are_noise_and_the_rest_stays() -> None:
    words = [
        Word("|", (100, 100, 104, 140), 0.9),
        Word("Họ", (120, 100, 160, 140), 0.3),
        Word("~.", (170, 130, 180, 140), 0.1),
        Word("-", (190, 120, 200, 125), 0.8),
    ]
    (line,) = without_noise((block_of([line_of(words)]),), 1000, 1000)[0].lines
    assert line.text == "Họ -"


def test_strokes_of_a_signature_are_noise_unless_they_stand_in_a_line_of_text() -> None:
    text = line_of([Word(text, (x, 100, x + 60, 140), 0.9) for x, text in ((100, "Nơi"), (170, "nhận:"))])
    unsure = line_of([*text.words, Word("2L", (240, 100, 280, 140), 0.3)])
    scrawl = line_of([Word("_%#Z%", (500, 300, 900, 450), 0.3)])
    name = line_of([Word("Nguyễn", (500, 500, 600, 540), 0.3)])
    huge = line_of([Word("Nguyễn", (500, 600, 900, 760), 0.3)])
    blocks = without_noise((block_of([unsure, scrawl, name, huge]),), 1000, 1000)
    assert [line.text for line in blocks[0].lines] == ["Nơi nhận: 2L", "Nguyễn"]


def test_a_doubtful_number_or_word_stays_and_a_doubtful_speck_goes() -> None:
    words = [
        Word(text, (100 + 120 * at, 100, 190 + 120 * at, 140), 0.0)
        for at, text in enumerate(("Số:910/SYT", "1816", "Ạ", "l:", "tháng", "(~.x"))
    ]
    (line,) = without_noise((block_of([line_of(words)]),), 1000, 1000)[0].lines
    assert line.text == "Số:910/SYT 1816 tháng"
    (alone,) = without_noise((block_of([line_of(words[:1])]),), 1000, 1000)[0].lines
    assert alone.text == "Số:910/SYT"


def test_words_lose_what_nobody_sees() -> None:
    assert clean(" a\u0302\u0301n\x0c\u200b ") == "ấn"
    assert clean(None) == ""


def test_the_identity_names_engine_and_model_digest(recogniser: Recogniser) -> None:
    identity = recogniser.identity()
    assert identity["engine"] == "tesseract"
    assert identity["engine_version"][0].isdigit()
    assert len(identity["models"]["vie.traineddata"]) == 64


def test_a_missing_model_says_which_file_and_what_to_install(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(SetupError) as caught:
        Recogniser(settings.model_copy(update={"tessdata": tmp_path}))
    assert caught.value.code == "model_missing"
    assert "vie.traineddata" in caught.value.detail
    assert "apt-get install tesseract-ocr-vie" in caught.value.detail


def test_a_damaged_model_is_told_like_a_missing_one(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "vie.traineddata").write_bytes(b"not a model")
    with pytest.raises(SetupError) as caught:
        Recogniser(settings.model_copy(update={"tessdata": tmp_path}))
    assert caught.value.code == "model_missing"


def test_the_second_chance_reads_the_same_words(settings: Settings) -> None:
    page = recognise_in_subprocess(_image(_drawn()), settings)
    assert (page.status, page.lane) == ("recognised", "pytesseract")
    assert _share_read(page) > 0.9


def test_a_second_chance_that_takes_too_long_is_a_timeout(settings: Settings) -> None:
    with pytest.raises(StageFailed) as caught:
        recognise_in_subprocess(_image(_drawn()), settings.model_copy(update={"second_chance_timeout_s": 0.001}))
    assert caught.value.code == "timeout"


@pytest.mark.slow
@pytest.mark.parametrize("level", ["clean", "typical", "poor", "fax"])
@pytest.mark.parametrize("kind", ["quyet_dinh", "cong_van", "giay_phep"])
def test_drawn_papers_are_read_word_for_word(recogniser: Recogniser, kind: str, level: str) -> None:
    drawn = press.draw(kind, seed=11, level=level, pages=1).pages[0]
    flat = np.asarray(drawn.image.convert("L" if drawn.image.mode == "1" else drawn.image.mode), np.uint8)
    page = recogniser.recognise(_image(flat, dpi=drawn.dpi))
    assert _share_read(page, (drawn.text,)) > 0.9


@pytest.mark.slow
@pytest.mark.parametrize("level", ["clean", "typical", "poor"])
def test_the_blank_back_of_a_drawn_paper_is_blank(recogniser: Recogniser, level: str) -> None:
    paper = press.with_blank_back(press.draw("cong_van", seed=5, level=level, pages=1), seed=5)
    back = np.asarray(paper.pages[-1].image, np.uint8)
    assert recogniser.recognise(_image(back, dpi=paper.pages[-1].dpi)).status == "blank"
