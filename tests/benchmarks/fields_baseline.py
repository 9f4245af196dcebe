"""What everyone can do in an afternoon: pytesseract and the starting patterns of domain.md §4 on the same pages."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import date

import pytesseract
from PIL import Image

from sohoa.model import Field

NUMBER = re.compile(
    r"S[ốôó6]\s*[:;.]?\s*(?P<num>\d{1,5}|[.…\s]{0,12})\s*/\s*(?:(?P<year>(?:19|20)\d{2})\s*/\s*)?"
    r"(?P<sym>[A-ZĐ][A-Za-zĐđ]{0,11}(?:\s?[-–&]\s?[A-ZĐ][A-Za-zĐđ&.]{0,14}){0,4})"
)
DATE = re.compile(
    r"(?P<place>[A-ZĐÀ-Ỹ][\w .\-]{1,40}?),?\s*ng[àaá]y\s*(?P<d>\d{1,2}|[.…\s]{0,8})\s*th[áaà]ng\s*"
    r"(?P<m>\d{1,2}|[.…\s]{0,8})\s*n[ăaâ]m\s*(?P<y>\d{4}|[.…\s]{0,8})"
)
ABOUT = re.compile(r"\bV\s*/\s*[vV]\s*[:.]?\s*(.+)")
SIGNS = re.compile(r"^(TM|KT|TL|TUQ|Q)\s*\.\s*([A-ZĐÀ-Ỹ ,\-]{3,80})$")
DOSSIER = re.compile(r"(?<![\w.])(?:\d{3}\.\d{2}\.\d{2}\.[GH]\d{2}|[GH]\d{2}(?:\.\d{1,3}){0,5})-\d{6}-\d{4,5}(?!\d)")
PROCEDURE = re.compile(r"(?<![\d.])[123]\.\d{6}(?:\.\d{3}\.\d{2}\.\d{2})?(?:\.[GH]\d{2})?(?!\d)")
OWNER_ID = re.compile(r"(?<!\d)0\d{11}(?!\d)")

FIELDS = (
    "code_number", "code_notation", "issued_date", "place", "subject", "signing_authority", "signer_position", "dossier_code",
    "procedure_code", "owner_id",
)  # fmt: skip
"""What the patterns look for; of nothing else do they say anything."""


def page_text(image: Image.Image) -> str:
    """One page through Tesseract's command line, nothing done to it."""
    return unicodedata.normalize("NFC", pytesseract.image_to_string(image, lang="vie"))


def match(texts: Sequence[str]) -> dict[str, Field]:
    """The first match of each pattern, line by line; a value that was found counts as accepted."""
    lines = [" ".join(line.split()) for text in texts for line in text.splitlines() if line.strip()]
    found: dict[str, str | None] = {}
    for number, line in enumerate(lines):
        if "code_notation" not in found and (code := NUMBER.search(line)):
            found["code_number"] = code["num"].strip(" .…") or None
            found["code_notation"] = code["sym"]
        if "issued_date" not in found and (day := DATE.search(line)):
            found["place"] = day["place"]
            found["issued_date"] = _iso(day["y"], day["m"], day["d"])
        if "subject" not in found and (about := ABOUT.search(line)):
            found["subject"] = about[0]
        if signs := SIGNS.match(line):
            found["signing_authority"] = f"{signs[1]}."
            below = lines[number + 1] if number + 1 < len(lines) else ""
            found["signer_position"] = below if below.isupper() else signs[2].strip()
        for name, pattern in (("dossier_code", DOSSIER), ("procedure_code", PROCEDURE), ("owner_id", OWNER_ID)):
            if name not in found and (code := pattern.search(line)):
                found[name] = code[0]
    return {name: Field(found.get(name), 1.0, accepted=found.get(name) is not None) for name in FIELDS}


def _iso(year: str, month: str, day: str) -> str | None:
    try:
        return date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        return None
