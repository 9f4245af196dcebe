"""`sohoa review export`: what people confirmed and corrected, as lines of JSON to train and test with.

Only of offices that agreed (SOHOA_TRAINING_OFFICES), and never a citizen's number.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pypdfium2

from ingest.confined import Confined, OutOfBoundsError
from ingest.reviewing import is_drawn
from sohoa.cli.context import Identity, identify, opened, print_json
from sohoa.errors import BadRequest, NotAllowed, NotFound
from sohoa.fields import ID_FIELDS, mask_ids
from sohoa.model import Box
from storage.archive.description import read_record
from storage.archive.layout import document_folder
from storage.catalog import reviews
from storage.catalog.documents import Document
from storage.stores import Stores
from storage.viewing import record_viewing

Drawing = Callable[[Path, int, int, list[Box]], list[bytes]]
LINES = "fields.jsonl"
TEST_SHARE = 0.2
"""So many papers are for testing with, always the same ones, so that nobody trains on what they test with later."""
_MARGIN_PX = 8
_MEMORY_BYTES = 1024 * 1024 * 1024
_TIMEOUT_S = 30.0


def run(to: Path, *, office: str | None, images: bool, as_json: bool, as_actor: str | None) -> None:
    """Write `to`/fields.jsonl and, with `images`, a picture of each place beside it."""
    with opened() as stores:
        identity = identify(stores, as_actor, scope="review")
        offices = _agreed(stores, identity, office)
        try:
            to.mkdir(parents=True)
        except FileExistsError:
            raise BadRequest(f"{to} exists already; name a folder that does not") from None
        except OSError as error:
            raise BadRequest(f"{to} cannot be made: {error.strerror}") from error
        with (to / LINES).open("x", encoding="utf-8") as target:
            counts = _write(stores, identity, offices, target, to if images else None)
    if as_json:
        print_json({"path": str(to / LINES), "offices": offices, **counts})
    else:
        sys.stderr.write(f"{to / LINES}: {counts['fields']} fields of {counts['documents']} papers\n")


def lines_of(document: Document) -> Iterator[dict[str, Any]]:
    """A line for each field of a paper and each place that it stands in; one without a place where it has none."""
    for name, one in document.fields.items():
        if name in ID_FIELDS:
            continue
        for place in one["evidence"] or [{"page": None, "box": None}]:
            yield {
                "document_id": document.document_id,
                "office": document.office,
                "set": "test" if is_drawn(f"test {document.document_id}", TEST_SHARE) else "train",
                "field": name,
                "raw": mask_ids(one["raw"]),
                "value": None if one["value"] is None else mask_ids(one["value"]),
                "corrected": one["origin"] == "person",
                "confidence": one["confidence"],
                "places": len(one["evidence"]),
                "page": place["page"],
                "box": place["box"],
                "image": None,
            }


def _agreed(stores: Stores, identity: Identity, office: str | None) -> list[str]:
    """The offices whose papers may be exported. Raises NotAllowed where none is left."""
    agreed = [name.strip() for name in stores.settings.training_offices.split(",") if name.strip()]
    asked = identity.office if office is None else identity.office_for(office, stores.settings)
    offices = [name for name in agreed if asked is None or name == asked]
    if not offices:
        which = "no office" if asked is None else f"office {asked}"
        detail = f"{which} has not agreed" if asked is not None else f"{which} has agreed"
        raise NotAllowed(f"{detail} to have its corrections exported: see SOHOA_TRAINING_OFFICES")
    return offices


def _write(
    stores: Stores, identity: Identity, offices: list[str], target: Any, pictures: Path | None
) -> dict[str, int]:
    counts = {"documents": 0, "fields": 0, "images": 0}
    drawing = Confined(_crops, memory_bytes=_MEMORY_BYTES, timeout_s=_TIMEOUT_S)
    try:
        with stores.database.read() as connection:
            done = [document.document_id for document in reviews.reviewed(connection, offices=offices)]
        for document_id in done:
            with stores.database.read() as connection:
                document, _ = reviews.claim_shown(connection, document_id, now=stores.clock.now())
            record_viewing(stores, identity.actor, document_id, through="cli", what="fields")
            lines = list(lines_of(document))
            if pictures is not None:
                counts["images"] += _draw(stores, document, lines, pictures, drawing)
            target.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
            counts["documents"] += 1
            counts["fields"] += len({line["field"] for line in lines})
    finally:
        drawing.close()
    return counts


def _draw(stores: Stores, document: Document, lines: list[dict[str, Any]], pictures: Path, drawing: Drawing) -> int:
    """Write a picture of each line's place; how many. A page that cannot be drawn leaves its lines without."""
    widths = {
        page["number"]: page.get("width_px")
        for page in read_record(stores.archive, document.archived_in, document.document_id)["pages"]
    }
    drawn = 0
    name = f"{document_folder(document.document_id)}document.pdf"
    with stores.archive.local_file(document.archived_in, name, version=document.version) as path:
        for number in sorted({line["page"] for line in lines if line["page"] is not None}):
            here = [line for line in lines if line["page"] == number]
            if widths.get(number) is None:
                continue
            try:
                crops = drawing(path, number, widths[number], [tuple(line["box"]) for line in here])
            except (OutOfBoundsError, NotFound):
                continue
            for line, crop in zip(here, crops, strict=True):
                line["image"] = f"{document.document_id}-{drawn:03}.png"
                (pictures / line["image"]).write_bytes(crop)
                drawn += 1
    return drawn


def _crops(path: Path, number: int, width_px: int, boxes: list[Box]) -> list[bytes]:
    """PNGs of these boxes (page frame) of a page, with a little around them."""
    pdf = pypdfium2.PdfDocument(path)
    try:
        if number > len(pdf):
            raise NotFound(f"the PDF/A has {len(pdf)} pages, there is no page {number}")
        page = pdf[number - 1]
        drawn = page.render(scale=width_px / page.get_size()[0]).to_pil().convert("RGB")
    finally:
        pdf.close()
    crops = []
    for left, top, right, bottom in boxes:
        around = (
            max(left - _MARGIN_PX, 0),
            max(top - _MARGIN_PX, 0),
            min(right + _MARGIN_PX, drawn.width),
            min(bottom + _MARGIN_PX, drawn.height),
        )
        target = io.BytesIO()
        drawn.crop(around).save(target, "PNG")
        crops.append(target.getvalue())
    return crops
