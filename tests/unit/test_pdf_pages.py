"""Each page of a PDF original is read in the way that fits it, and gives the right pixels or text."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pikepdf
import pytest
from pikepdf import Array, Name, Pdf

from ocr_workers.pages import DocumentPlan, PageImage
from ocr_workers.pdf_pages import load_pdf_page, plan_pdf, read_text_layer
from sohoa.errors import Held, StageFailed
from sohoa.settings import Settings
from tests.support import pdf_files


def _plan(path: Path, *, accept_damage: bool = False) -> DocumentPlan:
    return plan_pdf(path, settings=Settings(), accept_damage=accept_damage)


def _ways(path: Path) -> list[str]:
    return [page.way for page in _plan(path).pages]


def _load(path: Path) -> PageImage:
    return load_pdf_page(path, _plan(path).pages[0])


def _looks_like(image: PageImage, turned: int = 0) -> bool:
    """Whether the picture of `drawn_page` is there, turned clockwise by that many quarters."""
    grey = image.pixels if image.pixels.ndim == 2 else image.pixels[:, :, 1]
    expected = np.rot90(np.asarray(pdf_files.drawn_page(mode="L")), -turned)
    size = (expected.shape[1], expected.shape[0])
    return bool(np.abs(cv2.resize(grey, size).astype(int) - expected).mean() < 12)


@pytest.mark.parametrize(("mode", "colour"), [("RGB", "colour"), ("L", "grey"), ("1", "bitonal")])
def test_scan_is_read_from_its_image_as_it_is(tmp_path: Path, mode: str, colour: str) -> None:
    path = pdf_files.scan(tmp_path / "scan.pdf", mode=mode)
    page = _plan(path).pages[0]
    assert (page.way, page.width_px, page.height_px) == ("pdf_image", *pdf_files.A4_200_DPI)
    assert page.dpi == pytest.approx(200, abs=0.1)
    image = _load(path)
    assert image.colour == colour
    assert _looks_like(image)


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_rotate_is_obeyed(tmp_path: Path, quarters: int) -> None:
    path = pdf_files.scan(tmp_path / "scan.pdf", rotate=90 * quarters)
    assert _looks_like(_load(path), turned=quarters)


@pytest.mark.parametrize(
    ("matrix", "restore"),
    [
        ("-{w} 0 0 {h} {w} 0", lambda a: np.fliplr(a)),
        ("{w} 0 0 -{h} 0 {h}", lambda a: np.flipud(a)),
        ("-{w} 0 0 -{h} {w} {h}", lambda a: np.rot90(a, 2)),
    ],
)
def test_mirrored_image_is_read_as_it_is_seen(tmp_path: Path, matrix: str, restore: object) -> None:
    path = tmp_path / "flipped.pdf"
    width, height = (side * 72 / 200 for side in pdf_files.A4_200_DPI)
    with Pdf.new() as pdf:
        pdf_files.add_scan(pdf, pdf_files.drawn_page(mode="L"), matrix=matrix.format(w=width, h=height))
        pdf.save(path)
    image = _load(path)
    assert _plan(path).pages[0].way == "pdf_image"
    assert callable(restore)
    straight = np.ascontiguousarray(restore(image.pixels))
    assert _looks_like(PageImage(1, straight, image.dpi, False, "grey"))


def test_quarter_turned_image_equals_its_rendering(tmp_path: Path) -> None:
    path = tmp_path / "turned.pdf"
    with Pdf.new() as pdf:
        page = pdf_files.add_scan(pdf, pdf_files.drawn_page(mode="L"), matrix="0 595.44 -842.04 0 842.04 0")
        page.obj.MediaBox = Array([0, 0, 842.04, 595.44])
        pdf.save(path)
    assert _plan(path).pages[0].way == "pdf_image"
    assert _looks_like(_load(path), turned=3)


def test_image_that_leaves_a_margin_is_put_on_a_white_page(tmp_path: Path) -> None:
    path = tmp_path / "margin.pdf"
    with Pdf.new() as pdf:
        page = pdf_files.add_scan(pdf, pdf_files.drawn_page(mode="L"))
        page.obj.MediaBox = Array([-72, -36, 595.44, 842.04])
        pdf.save(path)
    image = _load(path)
    assert (image.width_px, image.height_px) == (1854, 2439)
    assert (image.pixels[:, :200] == 255).all()
    assert (image.pixels[2339:] == 255).all()
    assert image.pixels[180, 1000] < 30


def test_blank_scan_is_a_page_for_the_recogniser_and_an_empty_page_is_blank(tmp_path: Path) -> None:
    path = tmp_path / "blank.pdf"
    with Pdf.new() as pdf:
        pdf_files.add_scan(pdf, pdf_files.drawn_page(mode="L").point(lambda _: 255))
        pdf.add_blank_page()
        pdf.save(path)
    plan = _plan(path)
    assert [page.way for page in plan.pages] == ["pdf_image", "text_layer"]
    assert read_text_layer(path, plan.pages[1]).status == "blank"


def test_born_digital_page_keeps_its_text(tmp_path: Path) -> None:
    path = pdf_files.born_digital(tmp_path / "word.pdf")
    plan = _plan(path)
    page = read_text_layer(path, plan.pages[0])
    assert (plan.pages[0].way, page.status, page.lane, page.dpi) == ("text_layer", "kept", "text_layer", 300.0)
    assert page.text.split() == " ".join(pdf_files.VIETNAMESE).split()
    assert all(word.confidence == 1.0 for word in page.words())


def test_word_boxes_of_a_kept_page_lie_on_its_ink(tmp_path: Path) -> None:
    path = pdf_files.born_digital(tmp_path / "word.pdf")
    plan = _plan(path).pages[0]
    page = read_text_layer(path, plan)
    ink = load_pdf_page(path, plan).pixels < 128
    covered = np.zeros_like(ink)
    for word in page.words():
        left, top, right, bottom = word.box
        assert ink[top:bottom, left:right].any()
        covered[max(0, top - 2) : bottom + 2, max(0, left - 2) : right + 2] = True
    assert not (ink & ~covered).any()


def test_mixed_document_recognises_only_pages_without_text(tmp_path: Path) -> None:
    path = pdf_files.born_digital(tmp_path / "mixed.pdf")
    with pikepdf.open(path, allow_overwriting_input=True) as pdf:
        pdf_files.add_scan(pdf, pdf_files.drawn_page())
        pdf.save(path)
    assert _ways(path) == ["text_layer", "pdf_image"]


def test_foreign_ocr_layer_is_not_believed(tmp_path: Path) -> None:
    assert _ways(pdf_files.scan_with_foreign_ocr(tmp_path / "ocr.pdf")) == ["pdf_image"]


def test_text_hidden_behind_the_scan_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "hidden.pdf"
    with Pdf.new() as pdf:
        words = b"BT /F1 12 Tf 60 700 Td (words behind the picture) Tj ET\n" * 40
        pdf_files.add_scan(pdf, pdf_files.drawn_page(), before=words, resources=pdf_files.helvetica(pdf))
        pdf.save(path)
    assert _ways(path) == ["pdf_image"]


def test_few_words_over_a_scan_are_a_stamp(tmp_path: Path) -> None:
    path = tmp_path / "stamp.pdf"
    with Pdf.new() as pdf:
        words = b"BT /F1 12 Tf 60 700 Td (Signed by the People's Committee) Tj ET\n"
        pdf_files.add_scan(pdf, pdf_files.drawn_page(), after=words, resources=pdf_files.helvetica(pdf))
        pdf.save(path)
    page = _plan(path).pages[0]
    assert page.way == "pdf_render"
    assert page.dpi == pytest.approx(200, abs=0.1)


@pytest.mark.parametrize("lines", [pdf_files.TCVN3, pdf_files.VNI])
def test_old_encodings_are_recognised_again(tmp_path: Path, lines: tuple[str, ...]) -> None:
    assert _ways(pdf_files.unembedded(tmp_path / "old.pdf", lines)) == ["pdf_render"]


def test_signature_is_seen_and_its_stamp_is_part_of_the_page(tmp_path: Path) -> None:
    path = pdf_files.signed(tmp_path / "signed.pdf")
    plan = _plan(path)
    assert plan.signed
    assert plan.pages[0].way == "pdf_render"
    pixels = load_pdf_page(path, plan.pages[0]).pixels.astype(int)
    assert ((pixels[:, :, 0] - pixels[:, :, 1]) > 100)[230:420, 1050:1480].any()


def test_user_password_holds_the_document(tmp_path: Path) -> None:
    path = pdf_files.encrypted(tmp_path / "locked.pdf", user="secret")
    with pytest.raises(Held) as held:
        _plan(path)
    assert held.value.code == "encrypted"
    assert _ways(pdf_files.opened_copy(tmp_path / "opened.pdf")) == ["text_layer"]


def test_owner_password_alone_opens_freely(tmp_path: Path) -> None:
    assert _ways(pdf_files.encrypted(tmp_path / "owned.pdf", user="")) == ["text_layer"]


def test_broken_xref_is_repaired(tmp_path: Path) -> None:
    path = pdf_files.scan(tmp_path / "scan.pdf", pages=2)
    pdf_files.changed(path, lambda data: data.replace(b"startxref", b"startxxxx"))
    plan = _plan(path)
    assert plan.repaired
    assert len(plan.pages) == 2
    assert _looks_like(_load(path))


def test_truncated_pdf_is_held_unless_damage_is_accepted(tmp_path: Path) -> None:
    path = tmp_path / "cut.pdf"
    with Pdf.open(pdf_files.scan(tmp_path / "scan.pdf", pages=3)) as pdf:
        pdf.save(path, object_stream_mode=pikepdf.ObjectStreamMode.disable, linearize=False)
    pdf_files.changed(path, lambda data: data[: int(len(data) * 0.6)])
    with pytest.raises(Held) as held:
        _plan(path)
    assert held.value.code == "damaged"


def test_page_that_is_gone_holds_until_accepted(tmp_path: Path) -> None:
    path = pdf_files.scan(tmp_path / "scan.pdf", pages=2)
    with pikepdf.open(path, allow_overwriting_input=True) as pdf:
        del pdf.pages[1].obj[Name.Resources].XObject.Im0
        pdf.pages[1].obj.Contents = Array([pdf.make_indirect(pikepdf.Dictionary())])
        pdf.save(path, object_stream_mode=pikepdf.ObjectStreamMode.disable)
    pdf_files.changed(path, lambda data: data.replace(b"startxref", b"startxxxx"))
    with pytest.raises(Held):
        _plan(path)
    plan = _plan(path, accept_damage=True)
    assert plan.warnings == ("damage_accepted",)
    assert _looks_like(load_pdf_page(path, plan.pages[0]))
    with pytest.raises(StageFailed):
        read_text_layer(path, plan.pages[1])


def test_text_named_pdf_is_held_as_damaged(tmp_path: Path) -> None:
    path = tmp_path / "text.pdf"
    path.write_text("%PDF-1.7\nnot really")
    with pytest.raises(Held):
        _plan(path)


@pytest.mark.parametrize(("code", "make"), [("no_pages", "none"), ("page_too_big", "huge")])
def test_nonsense_fails_with_its_code(tmp_path: Path, code: str, make: str) -> None:
    path = tmp_path / "odd.pdf"
    if make == "none":
        pdf_files.without_pages(path)
    else:
        pdf_files.of_side(path, metres=14)
    with pytest.raises(StageFailed) as failed:
        _plan(path)
    assert failed.value.code == code
