"""Scans that a person has turned, and papers of the review queue with real originals."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from ingest import reviewing
from sohoa.model import Actor
from sohoa.states import WantedKind
from storage.catalog.documents import Document
from storage.stores import Stores
from tests.support.office import slip
from tests.support.revised import LAN


def scan_of(folder: Path, *pages: str, upside_down: tuple[int, ...] = ()) -> bytes:
    """A TIFF of slips, a line a page, some of them (from 1) scanned upside down."""
    path = slip(folder / "scan.tif", *pages, form="TIFF")
    with Image.open(path) as scan:
        sheets = []
        for number in range(len(pages)):
            scan.seek(number)
            sheets.append(scan.rotate(180) if number + 1 in upside_down else scan.copy())
    out = io.BytesIO()
    sheets[0].save(out, "TIFF", dpi=(150, 150), save_all=True, append_images=sheets[1:], compression="tiff_lzw")
    return out.getvalue()


def turn(stores: Stores, document: Document, turns: dict[int, int], *, actor: Actor = LAN) -> Document:
    """The document once a person has said so; no worker has done it yet."""
    return reviewing.ask_for(stores, document, WantedKind.ROTATE, actor=actor, reason="trang lộn ngược", turns=turns)
