"""What is indexed of a document: six strings of terms joined by spaces, the same for both engines.

Every engine gets them through its plain white-space tokeniser, so no engine needs an analyser of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

from sohoa.model import nfc
from storage.index.dates import OFFICE_TIME, parse_date_range
from storage.index.fold import key_of, keys
from storage.index.protocol import IndexEntry
from storage.index.query import WHOLE_FIELDS, squash, whole

SEPARATOR = "|"
"""Stands between pages and between values: no word is written so, and no phrase can reach over it."""
_BETWEEN = f" {SEPARATOR} "
_CODE = re.compile(r"[^\W_]+(?:(?: ?[/\-–&_] ?|\.)[^\W_]+){1,7}")
_BETWEEN_PARTS = re.compile(r"[/\-–&_.]")
_CODE_PART = re.compile(r"[^\W_]+")
_NUMBER = re.compile(r"(?<![\w/])\d{1,5} ?/ ?(?:(?:19|20)\d{2} ?/ ?)?[A-ZĐÐ][^\W_]*(?: ?[-–&] ?[A-ZĐÐ][^\W_]*)*")
_FIELDS = {
    "type": ("type", "type_name"),
    "number": ("number", "code_number", "code_notation"),
    "organ": ("organ", "organ_name"),
    "parent": ("parent", "parent_organ_name"),
    "subject": ("subject",),
    "signer": ("signer", "signer_name"),
    "position": ("position", "signer_position"),
    "authority": ("authority", "signing_authority"),
    "place": ("place",),
    "recipients": ("recipients",),
    "priority": ("priority",),
    "language": ("language",),
    "owner": ("owner", "owner_name"),
    "owner_id": ("owner_id",),
    "owner_id_kind": ("owner_id_kind",),
    "address": ("address",),
    "procedure": ("procedure", "procedure_code"),
    "applicant": ("applicant", "applicant_name"),
    "components": ("components",),
    "page_amount": ("page_amount",),
}
"""Fields that can be asked for by name, and their names in record.json, the parts of one value in reading order."""


_EPOCH = datetime.fromtimestamp(0, UTC)
_DAYS_READ = ("valid_from", "valid_until", "received_date", "due_date")
MOMENTS = ("date", "received", "archived", "day", *_DAYS_READ)
"""What can be asked for by date. Hits are sorted by `received` and by `day`, which is as `date`: both are always there."""


@dataclass(frozen=True, slots=True)
class Terms:
    """`exact` and `folded` hold the same words at the same positions, `pairs` every two neighbours as one folded term.

    `codes` are codes and runs of their parts without punctuation; `title` is what names the document (folded);
    `attributes` are `field:word` (folded), a value's words in order.
    """

    exact: str
    folded: str
    pairs: str
    codes: str
    title: str
    attributes: str


def terms_of(entry: IndexEntry) -> Terms:
    """The terms of a document that is not deleted."""
    known = [value for name, value in entry.fields.items() if name not in WHOLE_FIELDS]
    names = [value for value in (entry.filename, entry.dossier, entry.external_id, *known) if value]
    sections = [*names, *(page.text for page in entry.pages)]
    words = [keys(section) for section in sections]
    exact = [[key.exact for key in section] for section in words]
    folded = [[key.folded for key in section] for section in words]
    return Terms(
        exact=_BETWEEN.join(map(" ".join, exact)),
        folded=_BETWEEN.join(map(" ".join, folded)),
        pairs=" ".join(" ".join(map("_".join, pairwise(section))) for section in folded),
        codes=" ".join(code for section in sections for code in _codes(section)),
        title=_BETWEEN.join(map(" ".join, folded[: len(names)])),
        attributes=_BETWEEN.join(_attribute(field, value) for field, value in _named_values(entry)),
    )


def pair(first: str, second: str) -> str:
    """Two neighbouring words as one term."""
    return "_".join((first, second))


def issued_or_received(entry: IndexEntry) -> datetime | None:
    """The paper's own date where it is known, else the day it was received; what `ngay:` asks for."""
    issued = parse_date_range(entry.fields.get("issued_date", ""))
    return issued[0] if issued and issued[0] else entry.received_at


def day_of(entry: IndexEntry, field: str) -> datetime | None:
    """A date that stands on the paper, None where nobody has read it."""
    found = parse_date_range(entry.fields.get(field, ""))
    return found[0] if found else None


def moments_of(entry: IndexEntry) -> dict[str, int]:
    """The moments among MOMENTS that are known of a document, in seconds since 1970."""
    when = issued_or_received(entry)
    moments = {
        "date": when,
        "received": entry.received_at or _EPOCH,
        "archived": entry.archived_at,
        "day": when or _EPOCH,
        **{name: day_of(entry, name) for name in _DAYS_READ},
    }
    return {name: int(moment.timestamp()) for name, moment in moments.items() if moment is not None}


def facet_values(entry: IndexEntry) -> dict[str, str]:
    """What a document counts for in each of protocol.FACETS that it has a value for."""
    when = issued_or_received(entry)
    found = {name: _value(entry, name) for name in ("type", "organ", "parent", "signer", "place", "priority")}
    found |= {"office": entry.office, "status": entry.status, "kind": entry.kind}
    found["year"] = "" if when is None else str(when.astimezone(OFFICE_TIME).year)
    return {name: nfc(value) for name, value in found.items() if value}


def attribute_words(field: str, value_words: list[str]) -> list[str]:
    """Words of a field's value as they stand in `attributes`."""
    return [f"{field}:{word}" for word in value_words]


def _attribute(field: str, value: str) -> str:
    value_keys = tuple(keys(value))
    if field in WHOLE_FIELDS:
        return attribute_words(field, [whole(value_keys)])[0]
    words = attribute_words(field, [key.folded for key in value_keys])
    joined = attribute_words(field, [squash(value_keys)]) if len(words) > 1 else []
    return " ".join([*words, *([SEPARATOR, *joined] if joined else [])])


def _named_values(entry: IndexEntry) -> Iterator[tuple[str, str]]:
    given = {
        "office": entry.office,
        "dossier": entry.dossier,
        "kind": entry.kind,
        "status": entry.status,
        "filename": entry.filename,
        "external_id": entry.external_id,
    }
    given |= {field: _value(entry, field) for field in _FIELDS}
    given["number"] = given["number"] or _first_number(entry)
    for field, value in given.items():
        if value:
            yield field, value
    if printed := entry.fields.get("dossier_code"):
        yield "dossier", printed


def _value(entry: IndexEntry, field: str) -> str:
    return " ".join(entry.fields[name] for name in _FIELDS[field] if entry.fields.get(name))


def _first_number(entry: IndexEntry) -> str | None:
    """The first number with a symbol on the first page (`138/QĐ-KHCN`), as long as nobody has read the paper's own."""
    match = _NUMBER.search(entry.pages[0].text) if entry.pages else None
    return match.group() if match else None


def _codes(text: str) -> Iterator[str]:
    """Codes in `text`, and every run of two or more of their parts, without punctuation."""
    for code in _written_codes(text):
        if not (any(character.isdigit() for character in code) or code.isupper()):
            continue
        parts = tuple(key_of(part) for part in _CODE_PART.findall(code))
        for first in range(len(parts) - 1):
            for last in range(first + 2, len(parts) + 1):
                yield squash(parts[first:last])


def _written_codes(text: str) -> Iterator[str]:
    """What `_CODE.finditer(text)` finds, begun at what parts a code instead of at every letter: a tenth of the time."""
    end = 0
    for between in _BETWEEN_PARTS.finditer(text):
        start = between.start()
        if start < end:
            continue
        if text[start - 1 : start] == " ":
            start -= 1
        while start > end and text[start - 1].isalnum():
            start -= 1
        if match := _CODE.match(text, start):
            end = match.end()
            yield match.group()
