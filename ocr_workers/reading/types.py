"""Which type of the controlled list (sohoa/paper_types.py) a paper is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ocr_workers.reading.sight import Candidate
from ocr_workers.reading.spans import Span
from ocr_workers.reading.text import distance, fold, is_capitals, letters
from sohoa.paper_types import LETTER, OTHER, PaperType, paper_types, type_of_abbreviation

_LIKE = 0.84  # a title as like as this to a name of the list is that name
_LETTERS_AN_ERROR = 8
_MOST_TITLE_LINES = 3


@dataclass(frozen=True, slots=True)
class Title:
    """Where a type's name is printed: its spans, and what follows the name in the same lines."""

    type: PaperType
    spans: tuple[Span, ...]
    rest: Span | None
    likeness: float


def is_title(span: Span) -> bool:
    """Whether a type's name is all that the row says."""
    title = _title([span])
    return title is not None and title.rest is None


def title_in(spans: Sequence[Span]) -> Title | None:
    """The first of `spans` (rows, top to bottom) in capitals that begins with a type's name; long names run over lines."""
    for at in range(len(spans)):
        found = [
            title
            for count in range(1, _MOST_TITLE_LINES + 1)
            if at + count <= len(spans)
            and (title := _title(spans[at : at + count])) is not None
            and _are_one_title(spans[at : at + count])
        ]
        if found:
            return max(found, key=lambda title: (len(title.type.name) * (title.likeness > _LIKE), title.likeness))
    return None


def _are_one_title(spans: Sequence[Span]) -> bool:
    return all(below.box[1] - above.box[3] < 1.6 * max(above.height, below.height) for above, below in pairwise(spans))


def _title(spans: Sequence[Span]) -> Title | None:
    words = [word for span in spans for word in span.words if any(map(str.isalnum, word.text))]
    if not words or not all(is_capitals(span.text) for span in spans):
        return None
    best: Title | None = None
    for kind in paper_types():
        found = _fit(kind, [word.text for word in words])
        if found is None:
            continue
        like, used = found
        last = spans[-1]
        before_last = sum(any(map(str.isalnum, word.text)) for span in spans[:-1] for word in span.words)
        if used <= before_last:
            continue  # the last line is not needed
        rest = words[used:]
        title = Title(kind, tuple(spans), Span(last.page, tuple(rest)) if rest else None, like)
        if best is None or (len(kind.name), like) > (len(best.type.name), best.likeness):
            best = title
    return best


def _fit(kind: PaperType, words: list[str]) -> tuple[float, int] | None:
    """How like the first words are to the type's name and how many of them it takes, None where they are not.

    Letters set apart (Q U Y Ế T  Đ Ị N H) are taken together.
    """
    want = letters(kind.name)
    have, best = "", (0.0, 0)
    for used, word in enumerate(words, 1):
        have += letters(word)
        if len(have) > len(want) + 2:
            break
        if abs(len(have) - len(want)) <= 2:
            like = 1 - distance(have, want) / max(len(have), len(want))
            best = max(best, (like, -used))
    like, used = best[0], -best[1]
    wrong = round((1 - like) * max(len(want), 1))
    return (
        (like, used)
        if like >= _LIKE and wrong <= len(want) // _LETTERS_AN_ERROR and _marks_agree(kind.name, words[:used])
        else None
    )


def _marks_agree(name: str, words: list[str]) -> bool:
    """Short names need their đ or marks not to speak against them (THÔNG TƯ is no THÔNG TIN)."""
    return len(letters(name)) > 6 or fold(" ".join(words)) == fold(name) or len(words) == len(name.split())


def read_type(
    title: Title | None, notation: Candidate | None, about: Sequence[Span], others: Iterable[Candidate] = ()
) -> tuple[Candidate, ...]:
    """Candidates for type_name, best first: the printed title, the notation's first part, a V/v; else `other`."""
    found = list(others)
    short = _by_notation(notation)
    if title is not None:
        agrees = short is not None and short.name == title.type.name
        score = title.likeness * (0.98 if agrees else 0.9 if short is None else 0.72)
        found.append(_of_spans(title.type.name, title.spans, score))
    if short is not None and notation is not None:
        weight = 0.3 if title is not None and title.type.name != short.name else 0.6 if about else 0.8
        found.append(Candidate(short.name, notation.raw, notation.score * weight, notation.evidence, "notation"))
    if about:
        rival = 0.5 if title is not None else 0.7 if short is not None else 0.95
        found.append(_of_spans(LETTER, about[:1], rival))
    elif title is None and short is None and notation is not None and notation.value:
        found.append(Candidate(LETTER, notation.raw, 0.75 * notation.score, notation.evidence, "notation"))
    if not found:
        found.append(Candidate(OTHER, "", 0.3, ()))
    return tuple(sorted(found, key=lambda one: -one.score))


def _by_notation(notation: Candidate | None) -> PaperType | None:
    if notation is None or not notation.value:
        return None
    first = re.split(r"[-/]", notation.value)[0]
    return type_of_abbreviation().get(first)


def _of_spans(name: str, spans: Sequence[Span], score: float) -> Candidate:
    return Candidate(name, "\n".join(span.text for span in spans), score, tuple(span.evidence for span in spans))
