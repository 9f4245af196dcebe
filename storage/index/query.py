"""Our own query language: what a clerk types becomes a Query, or a BadQuery that says what to type instead.

    words  "a phrase"  138/QĐ-KHCN  -without  -"without this"  field:value  field:"a value"  -field:value
    ngay:2023-01..2023-03   received:2023   archived:>=2024-05-01   nhan:15/01/2023

All parts must match. Field names are Vietnamese or English, with or without marks. What is not a field is text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from sohoa.errors import BadQuery
from sohoa.model import nfc
from storage.index.dates import parse_date_range
from storage.index.fold import Key, fold, keys

MOST_CHARACTERS = 1000
MOST_TERMS = 32
_SHORTEST_SQUASHED = 4
_SHORTEST_SQUASHED_NUMBER = 7

TEXT_FIELDS = {
    "office": "office donvi phongban",
    "dossier": "dossier dossiercode hoso mahoso",
    "type": "type typename loai loaivanban theloai tenloai",
    "number": "number codenumber codenotation so sohieu sokyhieu kyhieu",
    "organ": "organ organname issuer coquan coquanbanhanh",
    "parent": "parent parentorganname coquanchuquan chuquan",
    "subject": "subject trichyeu",
    "signer": "signer signername nguoiky",
    "position": "position signerposition chucvu",
    "authority": "authority signingauthority quyenhan quyenhanky",
    "place": "place diadanh",
    "recipients": "recipients noinhan",
    "priority": "priority dokhan mucdokhan",
    "language": "language ngonngu",
    "owner": "owner ownername chuhoso chusohuu tochuc",
    "owner_id": "ownerid sodinhdanh madinhdanh cccd cmnd mst masothue",
    "owner_id_kind": "owneridkind loaigiayto",
    "address": "address diachi",
    "procedure": "procedure procedurecode thutuc mathutuc matthc",
    "applicant": "applicant applicantname nguoinop",
    "components": "components thanhphan thanhphanhoso",
    "page_amount": "pageamount pages sotrang",
    "kind": "kind format dinhdang",
    "status": "status trangthai",
    "filename": "filename name file tentep tep",
    "external_id": "externalid mangoai",
}
DATE_FIELDS = {
    "date": "date issueddate ngay ngaybanhanh",
    "received": "received nhan ngaynhan tiepnhan",
    "archived": "archived luu ngayluu luutru",
    "valid_from": "validfrom hieuluctu",
    "valid_until": "validuntil hieulucden giatriden hethan",
    "received_date": "receiveddate ngaytiepnhan",
    "due_date": "duedate due ngayhentra hentra",
}
NAME_FIELDS = frozenset({"signer", "owner", "applicant"})
"""Names of people: their words count in any order."""
WHOLE_FIELDS = frozenset({"owner_id"})
"""Found by the whole value alone: a part of a citizen's number finds nobody."""
FIELD_NAMES = frozenset(TEXT_FIELDS | DATE_FIELDS)
"""What a search can ask for by name; each has aliases in both languages."""
_FIELD_OF_ALIAS = {alias: name for name, aliases in (TEXT_FIELDS | DATE_FIELDS).items() for alias in aliases.split()}


@dataclass(frozen=True, slots=True)
class Term:
    """Words that stand next to each other in the text: a single word, a code's parts or a quoted phrase."""

    keys: tuple[Key, ...]
    quoted: bool = False

    @property
    def squashed(self) -> str | None:
        """The folded form without punctuation, where the term may be a code (`138qdkhcn`); else None."""
        if self.quoted:
            return None
        joined = squash(self.keys)
        shortest = _SHORTEST_SQUASHED_NUMBER if joined.isdigit() else _SHORTEST_SQUASHED
        return joined if len(joined) >= shortest else None


@dataclass(frozen=True, slots=True)
class TextFilter:
    """The named field holds these words next to each other (a name's in any order; marks and case aside), or, `negated`,
    does not."""

    field: str
    keys: tuple[Key, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class DateFilter:
    """The named moment is at or after `start` and before `end` (aware UTC; None: open), or, `negated`, is not."""

    field: str
    start: datetime | None
    end: datetime | None
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """What is searched for: every term of `must`, none of `must_not`, all `filters`."""

    must: tuple[Term, ...] = ()
    must_not: tuple[Term, ...] = ()
    filters: tuple[TextFilter | DateFilter, ...] = ()

    @property
    def marked(self) -> bool:
        """Whether marks were typed at all: who types none (`duong`) means every spelling."""
        return any(key.marked for term in (*self.must, *self.must_not) for key in term.keys)


def is_field(label: str) -> bool:
    """Whether `label:` before a value asks for a field, under any of its names."""
    return re.sub("[_-]", "", fold(label)) in _FIELD_OF_ALIAS


def parse_query(text: str) -> Query:
    """The query that `text` means. Raises BadQuery for nothing to search for, too much, or a date nobody can read."""
    if len(text) > MOST_CHARACTERS:
        raise BadQuery(f"the search is longer than {MOST_CHARACTERS} characters: shorten it")
    must: list[Term] = []
    must_not: list[Term] = []
    filters: list[TextFilter | DateFilter] = []
    for chunk in _chunks(_plain(text)):
        if chunk.field:
            filters.append(_filter(chunk.field, chunk))
        elif term_keys := tuple(keys(chunk.text)):
            (must_not if chunk.negated else must).append(Term(term_keys, quoted=chunk.quoted and len(term_keys) > 1))
    query = Query(tuple(dict.fromkeys(must)), tuple(dict.fromkeys(must_not)), tuple(dict.fromkeys(filters)))
    size = sum(len(term.keys) for term in query.must + query.must_not) + len(query.filters)
    if not size:
        raise BadQuery("there is nothing to search for: type a word, a number or a code")
    if size > MOST_TERMS:
        raise BadQuery(f"the search has more than {MOST_TERMS} words: leave some out")
    return query


def squash(parts: tuple[Key, ...]) -> str:
    """A code without punctuation, marks and leading zeros: `05/BNV-VP` → `5bnvvp`."""
    return whole(parts).lstrip("0")


def whole(parts: tuple[Key, ...]) -> str:
    """A value of WHOLE_FIELDS as it is compared: nothing but signs between its parts is dropped."""
    return "".join([_fold_word(key.exact) for key in parts])


_fold_word = lru_cache(maxsize=65_536)(fold)


@dataclass(frozen=True, slots=True)
class _Chunk:
    """One part of what was typed: text, or, with `field`, the value asked of that field."""

    text: str
    quoted: bool
    negated: bool
    field: str | None = None


_LABEL = r"(?:(?P<label>[^\W\d][\w-]{0,30}):)?"
_PART = re.compile(rf"""\s*(?P<minus>-*){_LABEL}(?:"(?P<quoted>[^"]*)"?|(?P<bare>[^\s"]+))|\S""")
_STRAIGHT = str.maketrans(dict.fromkeys("“”„‟«»″〝〞", '"') | {"−": "-"})


def _plain(text: str) -> str:
    """NFC, full-width signs as plain ones, all double quotes straight, control characters as spaces."""
    plain = nfc(unicodedata.normalize("NFKC", text.translate(_STRAIGHT)))
    return "".join(" " if unicodedata.category(character) in ("Cc", "Cs") else character for character in plain)


def _chunks(text: str) -> Iterator[_Chunk]:
    for match in _PART.finditer(text):
        label, quoted, bare = match["label"], match["quoted"], match["bare"]
        value = bare if quoted is None else quoted
        if value is None:  # a sign that begins nothing
            continue
        negated = bool(match["minus"])
        field = _FIELD_OF_ALIAS.get(re.sub("[_-]", "", fold(label))) if label else None
        if field and keys(value):
            yield _Chunk(value, quoted=True, negated=negated, field=field)
        elif quoted is None:
            yield _Chunk(f"{label}:{bare}" if label else bare, quoted=False, negated=negated)
        else:
            if label:
                yield _Chunk(label, quoted=False, negated=negated)
            yield _Chunk(quoted, quoted=True, negated=negated)


def _filter(field: str, chunk: _Chunk) -> TextFilter | DateFilter:
    if field in TEXT_FIELDS:
        return TextFilter(field, tuple(keys(chunk.text)), negated=chunk.negated)
    limits = parse_date_range(chunk.text)
    if limits is None:
        raise BadQuery(
            f"{field}: needs a day, a month, a year or a range of them: "
            "15/01/2023, 2023-01, 2023, 2023-01..2023-03, >=2024-05-01"
        )
    return DateFilter(field, *limits, negated=chunk.negated)
