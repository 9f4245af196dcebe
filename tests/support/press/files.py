"""Writing papers as the files an office has: JPEG, PNG, TIFF and scan PDF, with the truth as JSON beside them."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import img2pdf
from PIL import Image

from sohoa.errors import BadRequest
from tests.support.press.paper import DrawnPage, Paper
from tests.support.press.wear import LEVEL_WEAR

Format = Literal["jpg", "png", "tif", "pdf"]

PHONE_DPI = 72
"""What phones write into their JPEGs, whatever the true resolution."""
_ORIENTATION_TAG = 0x0112


def write(paper: Paper, folder: Path, *, fmt: Format = "jpg") -> list[Path]:
    """Write `paper` into `folder` and NAME.truth.json beside it; returns the paper's files (not the truth).

    jpg and png: one file a page (NAME.jpg, or NAME-1.jpg … of several). tif: one multi-page file, G4 for bitonal
    pages, JPEG otherwise. pdf: one full-page JPEG (G4 for bitonal) a page, passed through, a phone's with /Rotate. Each
    file has the resolution, but a phone's JPEG the 72 that phones write. Raises BadRequest for another format.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if fmt in ("jpg", "png"):
        files = [
            folder / f"{paper.name}{f'-{n}' if len(paper.pages) > 1 else ''}.{fmt}"
            for n in range(1, len(paper.pages) + 1)
        ]
        for file, page in zip(files, paper.pages, strict=True):
            phone = page.exif_orientation != 1
            file.write_bytes(
                _png(page) if fmt == "png" else _jpeg(page, paper.level, dpi=PHONE_DPI if phone else page.dpi)
            )
    elif fmt == "tif":
        files = [folder / f"{paper.name}.tif"]
        _write_tiff(paper, files[0])
    elif fmt == "pdf":
        files = [folder / f"{paper.name}.pdf"]
        files[0].write_bytes(_pdf(paper))
    else:
        raise BadRequest(f"the press writes jpg, png, tif and pdf, not {fmt}")
    truth = json.dumps(truth_of(paper, files), ensure_ascii=False, indent=1)
    (folder / f"{paper.name}.truth.json").write_text(truth, encoding="utf-8")
    return files


def truth_of(paper: Paper, files: Sequence[Path]) -> dict[str, object]:
    """What is known of a paper, as JSON values: `words` are [text, left, top, right, bottom] in the upright page."""
    return {
        "name": paper.name,
        "type_name": paper.type_name,
        "level": paper.level,
        "files": [file.name for file in files],
        "fields": paper.fields,
        "extra": paper.extra,
        "zones": [[zone.name, zone.page, *zone.box] for zone in paper.zones],
        "pages": [
            {
                "width_px": page.image.width,
                "height_px": page.image.height,
                "dpi": page.dpi,
                "blank": page.blank,
                "text": page.text,
                "words": [[word.text, *word.box] for word in page.words],
            }
            for page in paper.pages
        ],
    }


def _jpeg(page: DrawnPage, level: str, *, dpi: int) -> bytes:
    image = page.image.convert("L") if page.image.mode == "1" else page.image
    exif = Image.Exif()
    if page.exif_orientation == 6:
        # Tag 6 has the viewer turn the stored pixels a quarter clockwise, so they are stored a quarter the other way.
        image = image.transpose(Image.Transpose.ROTATE_90)
        exif[_ORIENTATION_TAG] = page.exif_orientation
    out = io.BytesIO()
    image.save(out, "JPEG", quality=LEVEL_WEAR[level].jpeg_quality, dpi=(dpi, dpi), exif=exif)
    return out.getvalue()


def _png(page: DrawnPage) -> bytes:
    out = io.BytesIO()
    page.image.save(out, "PNG", dpi=(page.dpi, page.dpi), compress_level=3)
    return out.getvalue()


def _group_4(page: DrawnPage) -> bytes:
    out = io.BytesIO()
    page.image.save(out, "TIFF", dpi=(page.dpi, page.dpi), compression="group4")
    return out.getvalue()


def _write_tiff(paper: Paper, file: Path) -> None:
    bitonal = all(page.image.mode == "1" for page in paper.pages)
    packing: dict[str, Any] = (
        {"compression": "group4"}
        if bitonal
        else {"compression": "jpeg", "quality": LEVEL_WEAR[paper.level].jpeg_quality}
    )
    first, *rest = (page.image for page in paper.pages)
    dpi = paper.pages[0].dpi
    first.save(file, "TIFF", save_all=True, append_images=rest, dpi=(dpi, dpi), **packing)


def _pdf(paper: Paper) -> bytes:
    """A scan PDF; the engine and the missing date are those that give the same bytes each time."""
    pages = [
        _group_4(page) if page.image.mode == "1" else _jpeg(page, paper.level, dpi=page.dpi) for page in paper.pages
    ]
    return bytes(img2pdf.convert(pages, rotation=img2pdf.Rotation.ifvalid, nodate=True, engine=img2pdf.Engine.internal))
