"""Pages set by hand, read as Sohoa reads them from their words alone."""

from __future__ import annotations

from datetime import date

from ocr_workers.reading.fields import Reading, read_fields
from ocr_workers.reading.sight import NO_SIGHT
from sohoa.model import Page

TODAY = date(2026, 1, 1)
CODE = ("code_number", "code_notation", "issued_date")


def read(*pages: Page) -> Reading:
    return read_fields(pages, NO_SIGHT, today=TODAY)


def values(reading: Reading, *names: str) -> list[str | None]:
    return [reading.fields[name].value for name in names]


def is_absent(reading: Reading, *names: str) -> bool:
    return all(name not in reading.fields or reading.fields[name].value is None for name in names)
