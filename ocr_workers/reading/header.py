"""The agencies of a paper's head: who issued it, and above it the agency that one belongs to."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from ocr_workers.reading.lists import listed
from ocr_workers.reading.marks import Pairs, in_words, put_right
from ocr_workers.reading.sight import Candidate
from ocr_workers.reading.spans import Span
from ocr_workers.reading.stamp_rows import is_stamp
from ocr_workers.reading.syllables import is_syllable
from ocr_workers.reading.text import fold, is_capitals, letters, likeness, spaced
from ocr_workers.reading.zones import MOTTO, REPUBLIC, Head, secrecy, urgency
from sohoa.model import Word
from storage.index.fold import key_of

_BODIES = re.compile(r"^(tinh|thanh|huyen|quan|thi|thi xa) (uy|doan)\b")
_HANGING = ("da", "va", "cua", "cac", "ve", "-", ",", "voi")
_KINDS = ("SỞ", "SƠ", "BỘ", "BỌ", "BÔ")  # as they are printed, or read for it: SỎ and BỐ end a place's name
_FIRST = {
    fold(word): word
    for word in ("SỞ", "BỘ", "CỤC", "PHÒNG", "TỔNG", "TRƯỜNG", "BỆNH", "VĂN", "TÒA", "KHO", "TẬP", "NGÂN", "TRẠM", "TRUNG")
}  # fmt: skip
"""First words of agencies' names; not those whose letters other names begin with as well (ĐẠI HỌC, ĐÀI)."""
_LOOSE_DASH = re.compile(r"(?<=[^\W_])(?:- | -)(?=[^\W_])")  # no name has a space on one side of a dash alone
_NUMBERED = re.compile(
    r"\s+(Số\s*[:.]|(\d{1,5}\s?)?[/⁄]\s?[A-ZĐ]{2,}-).*$"
)  # the number's line, its number blank, taken for one of the name's
_ASIDE, _OFF_CENTRE = 1.2, 0.7  # lines of a name are centred over each other: of one that is not, a word was not read
_TORN = {("MÔI", "TRƯỜNG"), ("THỊ", "TRƯỜNG"), ("VĂN", "PHÒNG")}
"""Words of which a line may hold the first half and the next one the second, which then begins no agency."""
_OF_PLACES = ("uy ban nhan dan", "ubnd", "hoi dong nhan dan", "hdnd")
_LEVEL = re.compile(r" (tinh|thanh pho|tp|tx|tt|huyen|quan|q|thi xa|thi tran|xa|phuong|p|dac khu|khu vuc|va)[. ]")
_OF_THE_PARENT = ("ban chap hanh", "ban chap hanh dang bo", "ban thuong vu", "bch", "btv")
"""Of which the agency above says which they are."""
_UNNAMED = 0.3  # how much less sure an agency is of which nothing says which it is
_COMPANIES = ("cong ty", "tong cong ty")  # which no SỞ belongs to: what reads so is SỐ
_NOISE = re.compile(r"^[\W_]*$")
_NOT_AGENCY = re.compile(
    r"\d{2}[.:/]\d{2}|@|email|^so[: ]+\d|^/\s?\w+-|^v/v|^ve viec|^ngay |^so den|\+07"
    r"|^\W*(dt|dien thoai|tel|fax|hotline|website|dia chi|mst|ma (so thue|ck|chung khoan))\s*[:.(]"
    r"|^so (dang ky|cap|hieu|gcn)\b.*\d"
)


def find_agencies(
    head: Head, above: Sequence[Span], code_at: float | None, *, place: str | None = None, joint: bool = False
) -> list[list[Span]]:
    """The agencies named at the left of the head, each as its lines, the issuer last.

    `code_at` is where the number's line begins (top, in pixels); nothing from there on is looked at. `above` are the rows
    over the title, for papers whose head has one column or none. A line that is the `place` of the date names no agency;
    of a `joint` paper, a line after a dash names another issuer.
    """
    spans = [span for span in head.left if code_at is None or _middle(span) < code_at]
    lines = _agency_lines(spans, joint=joint)
    if not lines:
        lines = _agency_lines([span for span in above if code_at is None or _middle(span) < code_at])
    groups: list[list[Span]] = []
    for line in lines:
        if groups and (not _begins_agency(groups[-1], line) or (place and fold(line.text) == fold(place))):
            groups[-1].append(line)
        else:
            groups.append([line])
    return groups


def read_agency(lines: Sequence[Span], own: Pairs) -> Candidate:
    """One agency as printed, its lines as one; marks put right."""
    words = [word for span in lines for word in span.words]
    raw = "\n".join(span.text for span in lines)
    read, sures = in_words([word.text for word in words], [word.confidence for word in words])
    texts = put_right(read, own, sures)
    texts[0] = _first_word(texts[0])
    whole = _NUMBERED.sub("", spaced(" ".join(_without_stops(texts))))
    value = _LOOSE_DASH.sub(" - ", whole.strip(" .,;:'\"_*|-–"))
    sure = sum(span.confidence for span in lines) / len(lines)
    worst = min(span.least for span in lines)
    aside = sum(abs(one.middle - other.middle) > _ASIDE * one.height for one, other in pairwise(lines))
    score = _OFF_CENTRE**aside * (0.55 + 0.3 * sure + 0.15 * worst) * (1.0 if _begins(lines[0].text) else 0.75)
    score *= _UNNAMED if _is_unnamed(fold(value)) else 1.0
    changed = sum(one != other for one, other in zip(texts, read, strict=True))
    return Candidate(value, raw, score * 0.96**changed, tuple(span.evidence for span in lines))


def _first_word(text: str) -> str:
    """The first word of an agency's name in capitals as those are spelt that begin so: SƠ and BÔ begin none."""
    known = _FIRST.get(fold(text), text)
    return known if text.isupper() and key_of(known).exact != key_of(text).exact else text


def _is_unnamed(value: str) -> bool:
    """Whether an agency is said of which there are many, and not which: a word of its name was not read."""
    rest = next((value.removeprefix(body) for body in _OF_PLACES if value.startswith(body)), None)
    if rest is None:
        return value in listed("agencies.txt")["bare"] and value not in _OF_THE_PARENT
    return _LEVEL.match(rest) is None


def _without_stops(texts: Sequence[str]) -> list[str]:
    """A name has no full stops but after what is shortened (TP. Hồ Chí Minh), and none before a word."""
    plain = [text.lstrip(".,·") or text for text in texts]
    return [text[:-1] if text.endswith((".", ":")) and is_syllable(text[:-1]) else text for text in plain]


def _agency_lines(spans: Sequence[Span], *, joint: bool = False) -> list[Span]:
    found: list[Span] = []
    for span in spans:
        line = _without_noise(span)
        if line is None:
            continue
        text = fold(line.text)
        if max(likeness(part, line.text) for part in (REPUBLIC, MOTTO)) > 0.6 or letters(REPUBLIC)[-20:] in letters(
            text
        ):
            continue
        if is_stamp(line) or _NOT_AGENCY.search(text) or secrecy(line.text) or urgency(line.text):
            continue
        if not is_capitals(line.text) and not (_begins(line.text) and line.text[:1].isupper()):
            continue
        if not found and not _begins(line.text) and len(letters(line.text)) < 5:
            continue
        if found and span.words[0].text in ("-", "–") and (joint or _is_dash(span)):
            line = Span(line.page, (span.words[0], *line.words))
        found.append(line)
    found = _in_column(found)
    start = next((at for at, line in enumerate(found) if _begins(line.text)), 0)
    return found[start:]


def _in_column(lines: Sequence[Span]) -> list[Span]:
    """Lines centred over each other; what stands aside of most is of a stamp."""
    if len(lines) < 3:
        return list(lines)
    middle = median(line.middle for line in lines)
    reach = 6 * median(line.height for line in lines)
    return [line for line in lines if abs(line.middle - middle) < reach]


def _without_noise(span: Span) -> Span | None:
    """The line without specks, quotes and rules around its words."""
    words = [word for word in span.words if not _NOISE.match(word.text)]
    keep = {word.text for word in span.words if word.text in ("-", "–", "&")}
    if not words:
        return None
    first, last = span.words.index(words[0]), span.words.index(words[-1])
    inner = [word for word in span.words[first : last + 1] if word in words or word.text in keep]
    while inner and len(inner) > 2 and _is_speck(inner[0], span):
        inner = inner[1:]
    trimmed = [Word(_bare(word.text), word.box, word.confidence) for word in inner]
    return Span(span.page, tuple(word for word in trimmed if word.text)) if any(word.text for word in trimmed) else None


def _is_dash(span: Span) -> bool:
    """Whether a line begins with a dash that is read as surely as the name's words (TÀI CHÍNH / - KẾ HOẠCH)."""
    return len(span.words) > 1 and span.words[0].confidence > 0.8 and not _begins(span.words[1].text)


def _is_speck(word: Word, span: Span) -> bool:
    """A short doubtful scrap before the name (-Ý UBND …)."""
    return len(letters(word.text)) < 2 and (word.confidence < 0.6 or not word.text.isalnum())


def _bare(text: str) -> str:
    return text if text in ("-", "–", "&") else text.strip("'\"_“”‘’|~*«»`^")


def _begins(text: str) -> bool:
    folded = fold(text).lstrip(" '\"_-.") + " "
    return _BODIES.match(folded) is not None or _starts(folded, "begins")


def _starts(folded: str, name: str) -> bool:
    return any(folded.startswith((f"{begin} ", f"{begin}.")) for begin in listed("agencies.txt")[name])


def _begins_agency(before: Sequence[Span], line: Span) -> bool:
    """Whether `line` names another agency than the lines before it do, and does not go on with that one's name."""
    said = fold(" ".join(span.text for span in before))
    text = fold(line.text) + " "
    if said in listed("agencies.txt")["bare"] or said.split()[-1] in _HANGING or text.startswith(("va ", "- ", "cac ")):
        return False
    if before[-1].text.split()[-1] in _KINDS:
        return False
    if (before[-1].text.split()[-1], line.text.split()[0]) in _TORN or (
        said.endswith("mat tran") and text.startswith("to quoc")
    ):
        return False
    if said.startswith(_COMPANIES) and text.startswith("so "):
        return False
    if _BODIES.match(text):
        return True
    if _starts(text, "place") and not text.startswith(("quan khu", "quan doan")):
        return False
    if said in ("uy ban nhan dan", "hoi dong nhan dan") or (
        said.startswith("uy ban mat tran") and text.startswith("mat tran")
    ):
        return False
    return _begins(line.text)


def _middle(span: Span) -> float:
    return (span.box[1] + span.box[3]) / 2
