"""The subject (trích yếu): under the type's name, or, of a letter, the lines after V/v under the number."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from ocr_workers.reading.marks import Pairs, in_words, put_right
from ocr_workers.reading.sight import Candidate, Sight
from ocr_workers.reading.spans import Sheet, Span
from ocr_workers.reading.stamp_rows import is_stamp
from ocr_workers.reading.strokes import count_strokes
from ocr_workers.reading.syllables import is_syllable
from ocr_workers.reading.text import fold, is_body, is_capitals, letters, likeness, spaced
from ocr_workers.reading.types import Title
from ocr_workers.reading.zones import Head, secrecy, urgency
from sohoa.model import Word
from sohoa.paper_types import PaperType

_ABOUT = re.compile(r"^[\W_]{0,3}(v\s*[/⁄|il1%]\s*[vw]|v\W{1,3}v?|vx?%?v|vw|v[ae] vi ?ec|viv)(?=[\s:.])", re.IGNORECASE)
_ISSUER = re.compile(
    r"^\W*(chu tich|giam doc|bo truong|thu truong|cuc truong|hieu truong|vien truong|chanh an|chanh thanh tra|"
    r"tong giam doc|truong (ban|phong|cong an|doan)|uy ban|ubnd|hoi dong nhan dan|hdnd|thu tuong|chinh phu|"
    r"tong cuc truong|chi cuc truong|ban chap hanh|ban thuong vu|thuong truc|chu nhiem|so |bo |ban )"
)
_AFTER = re.compile(
    r"^\W*(quyet dinh|quyet nghi|nghi quyet|chi thi|thong bao|cap phep cho|chung nhan|cap cho|cho phep)\W*:?\W*$"
)
_UNDER_CERTIFICATE = re.compile(
    r"^\W*(((chu tich|giam doc|bo truong|(tong |chi )?cuc truong|hieu truong|vien truong|truong ban|chanh \w+ ?\w*)\s+"
    r"(uy ban|ubnd|so|bo|cuc|chi cuc|tong cuc|ban|benh vien|truong|vien|trung tam|van phong|cong an)\b)|"
    r"(cap|cap lai|cap doi|dang ky|thay doi) lan (dau|thu)\b|so (hieu|dang ky)\b.*\d)"
)
"""Who grants it, which time, and its number."""
_OF_ARRIVAL = re.compile(r"^\W*(so|ngay|chuyen|luu|gio|den)\b")
_NOTE = re.compile(
    r"^\W*(giao|gap|kem|dinh kem|chuyen|pc|pcvp|kinh)\b|d/c|dong chi"
)  # written or stamped by who received it
_LEAST_SPELT = 4
_TO_WHOM = re.compile(r"^\W*kinh (gu|trinh|chuyen)")
_ADDRESSED = re.compile(r"\bkinh (moi|gui|trinh|bao)\s*:|\btran trong (kinh )?moi\b")
"""Of whom it is to: the body has begun."""
_WIRED = re.compile(r"\bdien\s*:")
_NUMBER_LINE = re.compile(
    r"^\W*[Ss][ốôóỐÔÓ]\s*[:.]?\s*[\d.…/].{0,14}[/-]\s?[A-ZĐ]{2}|^\W*[Ss][ốôóỐÔÓ]\s*[:.]|^\W*[Ss]ố\s\S{1,3}(\s\S{1,3})?\s*[/-]\s?[A-ZĐ]{2}"
)
_COUNTED = re.compile(r"^\W*(dot|quy|lan|ky|khoa|cap|hang|loai|phan|tap|so)$")
_GOES_ON = re.compile(r"(\b(của|với|tại|và|cho|do|theo|từ|đến|hoặc)|,)\s*$")
_YEAR = re.compile(r"(?:19|20)\d\d")
_BEFORE_A_PLACE = ("xa", "phuong", "huyen", "tran", "lang", "song", "suoi", "ho")
_TORN_STROKE = re.compile(r"(?<=\d)[Il|](?=(?:19|20)\d\d/|(?:QĐ|NQ|NĐ|TT|CT|KH|TB|BC|CV|UBND)[-/])")
_IN_STROKES = re.compile(r"([IÍÌĨÏlíì1|!HTJ]{1,4})(D?)([).,;:]*)")
"""A numeral of strokes as engines read it; a bracket that follows is often taken for a D."""
_COUNTED_IN_STROKES = re.compile(r"^\W*(dot|quy|lan|ky|khoa|cap|hang|loai|phan|tap)$")
_LIKE_ONE = re.compile(r"[IÍÌĨÏ|T]")
STROKES_COUNTED = "words+strokes"
"""The source of a subject whose numerals were counted in the pixels."""
_SPECK = re.compile(r"^[.,·]+(?=[^\W\d_]{2})")  # before a word: dirt on the paper
_ROMAN = re.compile(r"X{0,3}(IX|IV|V?I{0,3})")
_MOST_LINES, _MOST_ABOUT = 12, 12
_MOST_OF_A_TITLE = 4  # words after a type's name that may belong to it
_ASIDE = re.compile(r"^\W*\(?(kem theo|ban hanh kem theo|du thao(?=\W*$| lan\b)|luu hanh noi bo|trinh |ap dung tu|so:)")


def find_subject(sheet: Sheet, head: Head, title: Title | None, agencies: Sequence[str] = ()) -> tuple[Span, ...]:
    """The lines of the subject under a printed type's name; the issuer named anew in capitals is none of it."""
    if title is None or (title.type is not None and title.type.kind == "form"):
        return ()  # what stands under a form's name has labels
    bottom = sheet.level(title.spans[-1].box)
    found = [title.rest] if title.rest is not None and len(letters(title.rest.text)) > 2 else []
    rows = [span for span in head.below if sheet.level(span.box) > bottom + 0.4 * sheet.height]
    right, middle = _right_margin(sheet, rows), title.spans[0].middle
    pitch = 0.0
    last = title.spans[-1]
    for span in rows[: _MOST_LINES + 3]:
        line = _solid(span)
        if line is None or is_stamp(line) or urgency(line.text) or secrecy(line.text):
            continue
        gap = line.box[1] - last.box[3]
        step = sheet.level(line.box) - sheet.level(last.box)
        started = bool(found)
        capitals = started and is_capitals(found[-1].text)
        if is_capitals(line.text) and any(likeness(line.text, name) > 0.85 for name in agencies):
            break
        if not started and _NUMBER_LINE.match(line.text):
            last = line  # the number stands between the title and its subject
            continue
        if not _goes_on(line, title.type, started=started, capitals=capitals) or len(found) >= _MOST_LINES:
            break
        if gap > (1.5 if started else 4.5) * sheet.height or (pitch and step > max(1.5 * pitch, 2.0 * sheet.height)):
            break
        centred = _is_centred(line, middle, sheet)
        if not started and not centred and len(line.words) < 3:
            continue  # a scrap
        if not centred and (is_body(line.text) or not (started and _fills(found[-1], right, sheet))):
            break
        if started and _begins_body(line, found[-1], right, sheet):
            break
        if _ASIDE.match(fold(line.text)) and (not started or line.text.lstrip().startswith("(")):
            break
        if started and len(found) > (title.rest is not None):
            pitch = min(pitch or step, step)
        found.append(line)
        last = line
    return tuple(found[1:] if title.rest is not None and _says_all(title.rest, found[1:]) else found)


def is_of_the_title(lines: Sequence[Span], title: Title | None) -> bool:
    """Whether what is taken for the subject may be more of the type's name (BIÊN BẢN LÀM VIỆC, THÔNG CÁO BÁO CHÍ): a few words in
    its line, and nothing else or what goes on in small letters."""
    if title is None or title.rest is None or len(title.rest.words) > _MOST_OF_A_TITLE:
        return False
    return list(lines[:1]) == [title.rest] and not any(is_capitals(line.text) for line in lines[1:2])


def find_about(sheet: Sheet, head: Head, title: Title | None, code_bottom: float | None) -> tuple[Span, ...]:
    """The lines of "V/v …" in the left column, from the number's line down to what is no longer in that column.

    A "Về việc" under a title is that type's subject and no letter's.
    """
    title_at = None if title is None else sheet.level(title.spans[0].box)
    limit = head.gutter or 0.5 * sheet.width
    found: list[Span] = []
    for row in sheet.rows:
        span = sheet.span(row)
        level = sheet.level(span.box)
        if code_bottom is not None and level < code_bottom - 0.2 * sheet.height:
            continue
        if level > 0.55 * sheet.page.height_px or (title_at is not None and level > title_at - 0.3 * sheet.height):
            break
        words = _in_column(row, limit, sheet, started=bool(found))
        line = _solid(sheet.span(words)) if words else None
        if line is None:
            continue
        if not found:
            if _ABOUT.match(fold(line.text)) and line.middle < limit:
                found.append(line)
            elif is_body(line.text) and len(row) > 3:
                break
            continue
        gap = sheet.level(line.box) - sheet.level(found[-1].box)
        text = fold(line.text)
        if gap > 2.3 * max(sheet.height, found[-1].height) or len(found) >= _MOST_ABOUT:
            break
        if (
            text.startswith(("kinh gu", "den:", "so:", "hoa toc", "kinh moi"))
            or is_stamp(line)
            or urgency(line.text)
            or secrecy(line.text)
        ):
            break
        spelt = sum(is_syllable(word.text.strip(".,;:")) for word in line.words)
        is_name = _ISSUER.match(text) is not None or (spelt > 1 and 2 * spelt >= len(line.words))  # and no BHXH, BHYT
        names_another = is_capitals(line.text) and is_name
        if names_another and not is_capitals(found[-1].text) and not _GOES_ON.search(found[-1].text):
            break  # the agency again, or a stamp
        if line.box[0] > limit or abs(line.middle - found[0].middle) > 0.14 * sheet.width:
            break
        found.append(line)
    return tuple(found) or (_unlabelled_about(sheet, head, limit, code_bottom) if title is None else ())


def is_labelled(line: Span) -> bool:
    """Whether a line begins with V/v, as a letter's subject does."""
    return _ABOUT.match(fold(line.text)) is not None


def _unlabelled_about(sheet: Sheet, head: Head, limit: float, code_bottom: float | None) -> tuple[Span, ...]:
    """Lines of the left column between the number and "Kính gửi" of a letter whose V/v was not read."""
    if code_bottom is None or head.kind == "none":
        return ()
    found: list[Span] = []
    for row in sheet.rows:
        span = sheet.span(row)
        level = sheet.level(span.box)
        if level < code_bottom + 0.4 * sheet.height:
            continue
        if _TO_WHOM.match(fold(span.text)):
            spelt = sum(is_syllable(word.text.strip(".,;:")) for line in found for word in line.words)
            return tuple(found) if spelt >= _LEAST_SPELT else ()
        line = _solid(span)
        if line is None:
            continue
        near = not found or sheet.level(line.box) - sheet.level(found[-1].box) < 2.3 * sheet.height
        is_note = _NOTE.search(fold(line.text)) is not None
        is_its = (
            not is_note
            and line.box[2] < limit + 0.05 * sheet.width
            and not is_capitals(line.text)
            and not _is_stamped(line)
        )
        if not (near and is_its) or len(found) >= _MOST_ABOUT:
            return ()
        found.append(line)
    return ()


def read_subject(
    lines: Sequence[Span], own: Pairs, sight: Sight, *, born_digital: bool, capitals: bool = False
) -> Candidate | None:
    """The lines as one text; what was read wrong in marks alone is put right, noise at the ends left out. Numerals of
    strokes alone (đợt III) are counted in the pixels: where all of these were, the candidate's source says so.

    `capitals` says that the label is V/V: engines cannot tell a small v from a large one, pixels can.
    """
    words = [word for span in lines for word in span.words]
    if not words:
        return None
    texts, counted = [word.text for word in words], False
    if not born_digital:
        texts, counted = _with_strokes_counted([(span.page, word) for span in lines for word in span.words], sight)
    better = texts
    if not born_digital:
        texts, sures = in_words(texts, [word.confidence for word in words])
        better = put_right(_mended(texts), own, sures)
    value = re.sub(r"\s+[.,;:]$", "", spaced(" ".join(better)).strip(" _*|~ˆ^`'\"“”‘’«»-–—").rstrip(",;:"))
    if not born_digital:
        value = re.sub(
            r"^V(?:\s*[/⁄|ilI1%íì]\s*[vVwW]|X?%?[vV]|[wW]|\W{1,3}[vV]?)(?=[\s:.])", "V/V" if capitals else "V/v", value
        )
        value = re.sub(r"^v\s*[/⁄](?=\s)", "v/v", value)
        value = re.sub(r"^(?:[Vv][àa]|VỀ|V[eéẻẽẹêèếễể]) việc", "Về việc", value)
    if value.count("“") > value.count("”") and "”" in texts[-1]:
        value += "”"
    elif value.count('"') % 2 and '"' in texts[-1]:
        value += '"'
    changed = sum(one != other for one, other in zip(better, texts, strict=True))
    sure = [word.confidence for word in words if any(map(str.isalnum, word.text))]
    score = (0.4 + 0.35 * sum(sure) / len(sure) + 0.25 * min(sure)) * 0.975**changed if sure else 0.1
    raw, places = "\n".join(span.text for span in lines), tuple(span.evidence for span in lines)
    return Candidate(value, raw, score, places, STROKES_COUNTED if counted else "words")


def is_counted_in_strokes(text: str) -> bool:
    """Whether `text` is a word that counts and a numeral of strokes alone (đợt III), such as are counted in the pixels."""
    label, _, numeral = text.rpartition(" ")
    return _COUNTED_IN_STROKES.match(fold(label)) is not None and re.fullmatch("I{1,3}", numeral) is not None


def _is_stamped(line: Span) -> bool:
    return is_stamp(line) or _OF_ARRIVAL.match(fold(line.text)) is not None


def _goes_on(line: Span, kind: PaperType | None, *, started: bool, capitals: bool) -> bool:
    """Whether a line under the title of a paper of this kind may be the subject's (or its next) line."""
    text = fold(line.text)
    if _AFTER.match(text):
        return False
    if re.match(r"^\W*(kinh gu|can cu|noi nhan|dieu 1|phan thu|chuong i|so\W*:|stt\b)", text):
        return False
    if started and (_ADDRESSED.search(text) or (kind is not None and kind.name == "Công điện" and _WIRED.search(text))):
        return False
    if kind is not None and kind.kind == "certificate" and _UNDER_CERTIFICATE.match(text):
        return False
    if is_capitals(line.text) and _ISSUER.match(text) and not capitals:
        return False
    return not (is_capitals(line.text) and started and not capitals and len(letters(line.text)) > 6)


def _is_centred(line: Span, middle: float, sheet: Sheet) -> bool:
    """Under the title's middle; the first line of a paragraph stands off to the right by half its indent."""
    return abs(line.middle - middle) < max(0.02 * sheet.width, 0.6 * sheet.height)


def _fills(line: Span, right: float, sheet: Sheet) -> bool:
    return line.box[2] > right - 3 * sheet.height


def _begins_body(line: Span, before: Span, right: float, sheet: Sheet) -> bool:
    """Whether a line under the subject's line `before` opens the body: it begins anew, though the line before it was no full
    one, and either says so or is full itself."""
    in_capitals = is_capitals(line.text) and is_capitals(before.text)  # where every line begins with one
    begins = (line.text[:1].isupper() and not in_capitals) or line.text[:1].isdigit()
    says_so = is_body(line.text) or fold(line.text).startswith("hom nay")
    return begins and _had_room(before, line, sheet) and (says_so or _fills(line, right, sheet))


def _had_room(line: Span, following: Span, sheet: Sheet) -> bool:
    """Whether the next line's first word would have stood in this line, so that it was no full line that ended there."""
    word = following.words[0].box
    return line.box[2] - line.box[0] + 0.5 * sheet.height + word[2] - word[0] < following.box[2] - following.box[0]


def _right_margin(sheet: Sheet, rows: Sequence[Span]) -> float:
    """The right edge of the running text, told by its widest lines; of the sheet where there are too few."""
    wide = [span.box[2] for span in rows if span.box[2] - span.box[0] > 0.55 * sheet.width]
    return float(median(wide)) if len(wide) > 2 else 0.93 * sheet.width


def _in_column(row: Sequence[Word], limit: float, sheet: Sheet, *, started: bool) -> list[Word]:
    """The words of a row that stand in the left column: all before a wide gap near or beyond the gutter."""
    words: list[Word] = []
    for word in row:
        if words and word.box[0] - words[-1].box[2] > 1.7 * sheet.height and word.box[0] > limit - 0.1 * sheet.width:
            break
        words.append(word)
    return words if words and words[0].box[0] < limit else []


def _says_all(rest: Span, lines: Sequence[Span]) -> bool:
    """Whether the lines under a title that goes on after the type's name begin anew: that `rest` was more of the name."""
    if not lines or is_capitals(lines[0].text) or len(rest.words) > _MOST_OF_A_TITLE:
        return False
    return is_labelled(lines[0]) or lines[0].text.lstrip(" \"“'(")[:1].isupper()


def _solid(span: Span) -> Span | None:
    """Without specks around the words; None where nothing is left."""
    words = list(span.words)
    while words and not _says(words[0]):
        words.pop(0)
    while words and not _says(words[-1]) and not _may_end(words):
        words.pop()
    says = len(letters(span.text)) > 1 or span.text.rstrip().endswith(")")
    return Span(span.page, tuple(words)) if words and says else None


def _may_end(words: Sequence[Word]) -> bool:
    """Whether a line may end on its last word, which has no letters: closed, or a dash after a year (2021 -)."""
    last, before = words[-1].text, words[-2].text if len(words) > 1 else ""
    return last in (")", "”", ".") or (last in ("-", "–", "—") and _YEAR.fullmatch(before) is not None)


def _says(word: Word) -> bool:
    return any(map(str.isalnum, word.text)) and not (word.confidence < 0.3 and len(word.text) < 2)


def _mended(texts: Sequence[str]) -> list[str]:
    """Small slips that every engine makes: a quote stuck to a word, a stroke of another kind, a full stop within a phrase."""
    quoted = any(text.startswith('"') for text in texts) and any(text.rstrip(".,;").endswith('"') for text in texts)
    stray = "_~|'`‘’" if quoted else "_~|'\"`‘’"
    plain = [text.replace("⁄", "/").strip(stray) or text for text in texts]
    plain = [_SPECK.sub("", text) for text in plain]
    plain = ["" if text in (".", "·", "ˆ", "^") and at + 1 < len(plain) else text for at, text in enumerate(plain)]
    plain = [_TORN_STROKE.sub("/", text) for text in plain]
    plain = [text.replace("Ï", "I") if re.fullmatch(r"[IÏVX]+[.,;:]?", text) else text for text in plain]
    for at, (text, after) in enumerate(pairwise(plain)):
        if _COUNTED.match(fold(text)):
            plain[at + 1] = _as_roman(after)
        is_year = fold(text) == "nam" and (text.islower() or (text.isupper() and text != "NAM"))  # but Việt Nam 2024
        if is_year and _YEAR.fullmatch(after.strip(".,;:)")):
            plain[at] = "NĂM" if text.isupper() else "năm"
        if text.endswith((".", "!")) and is_syllable(text[:-1]) and any(map(str.isalnum, after)):
            plain[at] = text[:-1]
        if fold(text) in _BEFORE_A_PLACE and after == "la":
            plain[at + 1] = "Ia"  # as places of the highlands begin
    return plain


def _with_strokes_counted(words: Sequence[tuple[int, Word]], sight: Sight) -> tuple[list[str], bool]:
    """The words' texts, numerals of strokes as the pixels of their page have them; and whether there are any and all were
    counted."""
    texts = [word.text for _, word in words]
    counted: list[bool] = []
    for at, (page, word) in enumerate(words[1:], 1):
        found = _IN_STROKES.fullmatch(word.text)
        if found is None or found[1].isdigit() or not _COUNTED_IN_STROKES.match(fold(texts[at - 1])):
            continue
        strokes = count_strokes(sight, page, word.box)
        is_one = strokes == 1 and not _LIKE_ONE.fullmatch(found[1])  # a 1, a J: no other stroke tells it from an I
        counted.append(strokes is not None and not is_one)
        if strokes is not None and not is_one:
            opened = texts[at - 1].startswith("(") and (found[2] or at + 1 == len(words))
            rest = found[3] if found[3].startswith(")") or not opened else f"){found[3]}"
            texts[at] = "I" * strokes + rest
    return texts, bool(counted) and all(counted)


def _as_roman(text: str) -> str:
    """A Roman numeral whose strokes ran together put right (đợt HI): H is two strokes, 1 and l are one."""
    found = re.fullmatch(r"([IVXHL1l|]*[IVXHL|][IVXHL1l|]*)(\W*)", text)
    if found is None:
        return text
    numeral = re.sub(r"[L1l|]", "I", found[1].replace("H", "II"))
    return numeral + found[2] if _ROMAN.fullmatch(numeral) else text
