"""The invisible text of a document: what makes a scanned page select, copy and search, and never shows.

One font serves all pages of a document. Its glyphs are blank, so it covers every character there is, weighs under two
kilobytes, and its boxes are exact: a word is stretched to its own box, and what a viewer selects is the box of the ink.
"""

from __future__ import annotations

import io
import math
import re
import unicodedata
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pikepdf
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib.tables._g_l_y_f import Glyph
from pikepdf import Array, Dictionary, Name, Pdf

from sohoa.model import Line, Page, Word

FONT = Name.SohoaText
"""The name of the font in the resources of every page that has a text layer."""

_WIDTHS = (1, 280, 500, 720, 900)
"""Advance widths in thousandths of the font size: spaces, narrow letters, most letters, capitals, the widest ones.

A space is there to be read, not to take room: the next word starts at its own box. (pdfium takes equal words that
overlap for one drawn twice, to look bold, so a word must end where its ink does.)
"""
_FIRST_CID = 1
_HYPHENS = "-\xad"
_NO_BREAK_SPACE = "\xa0"
_ASCENT, _DESCENT = 800, -200
_EPOCH = 0x7C259DC0
"""1970-01-01 in TrueType time: the font does not depend on when it was made."""
_LOOKS_BACK = 8
"""Words (for pdfium: 5) among which an equal one gets a space more, so that it is not taken for the same."""
_MOST_STRETCH = 800.0
"""Percent. Ink wider than this is no text (a ruled line read as a dash), and pdfium mistakes it for the line above."""
_STEEPEST = math.tan(math.radians(20))
"""Lines that rise more than this are laid flat in their boxes: their baseline was not understood."""


def write_text_layer(pages: Sequence[Page], target: Path) -> None:
    """Write a PDF of one page a Page, as large as that is displayed, that holds nothing but its invisible text."""
    with Pdf.new() as pdf:
        for page in pages:
            pdf.add_blank_page(page_size=(page.width_px * 72 / page.dpi, page.height_px * 72 / page.dpi))
        lay_text(pdf, lambda: enumerate(pages))
        pdf.save(target, static_id=True)


def lay_text(pdf: Pdf, read_pages: Callable[[], Iterable[tuple[int, Page]]]) -> None:
    """Lay the text of each Page under the page of `pdf` with that index (from 0), in reading order.

    The text fits the page as displayed: its CropBox, stretched to the Page's pixels, turned by the page's /Rotate
    (which must already hold the Page's `turn_deg`). Pages without words are left alone. Call it once for a document, so
    that its pages share one font. `read_pages` gives the pages anew each time (it is called twice), so that they are never
    all in memory.
    """
    characters = {character for _, page in read_pages() for word in page.words() for character in word.text}
    if not characters:
        return
    ordered = sorted(characters | {" ", _NO_BREAK_SPACE}, key=_by_width)
    cids = {character: cid for cid, character in enumerate(ordered, start=_FIRST_CID)}
    font = pdf.make_indirect(_font(pdf, list(cids)))
    for index, page in read_pages():
        if not page.blocks:
            continue
        target = pdf.pages[index]
        content = b"q\n%s cm\n%sQ\n" % (_placement(target, page), _content(page, cids))
        stream = pdf.make_stream(zlib.compress(content, 9), Filter=Name.FlateDecode)
        target.contents_add(stream, prepend=True)
        target.add_resource(font, Name.Font, FONT, replace_existing=True)


# --- where the text goes ---------------------------------------------------------------------------------------------


def _placement(target: pikepdf.Page, page: Page) -> bytes:
    """The matrix from pixels of the page as displayed, counted from its lower left corner, to the page's own space."""
    left, bottom, right, top = (float(value) for value in target.cropbox)
    turn = int(target.obj.get("/Rotate", 0)) % 360
    turned = turn in (90, 270)
    x_scale = (top - bottom if turned else right - left) / page.width_px
    y_scale = (right - left if turned else top - bottom) / page.height_px
    matrix = {
        0: (x_scale, 0, 0, y_scale, left, bottom),
        90: (0, x_scale, -y_scale, 0, right, bottom),
        180: (-x_scale, 0, 0, -y_scale, right, top),
        270: (0, -x_scale, y_scale, 0, left, top),
    }[turn]
    return " ".join(_number(value, 6) for value in matrix).encode()


def _content(page: Page, cids: dict[str, int]) -> bytes:
    """The text operators of one page, in pixels counted upwards."""
    out = [b"BT 3 Tr"]
    size = 0
    laid: deque[_Placed] = deque(maxlen=_LOOKS_BACK)
    recent: deque[tuple[str, int]] = deque(maxlen=_LOOKS_BACK)
    for line in page.lines():
        words = [word for word in line.words if word.text]
        if words and (line_size := _size(words)) != size:
            size = line_size
            out.append(f"{FONT} {size} Tf".encode())
        first_of_line = True
        for word, placed in _placed(line, words, size=size, page_height=page.height_px):
            if laid and (_would_swap(laid[-1], placed) or any(_overlap(other, placed) for other in laid)):
                out.append(_aside(placed, spaces=_told_apart("", recent), page_height=page.height_px, cids=cids))
                first_of_line = True
            if first_of_line or not laid:
                out.append(f"{placed.turn} {_number(placed.x, 1)} {_number(placed.y, 1)} Tm".encode())
                drawn_at = placed.along
            else:
                step = round(placed.along - drawn_at, 1)
                out.append(f"{_number(step, 1)} 0 Td".encode())
                drawn_at += step
            text = _left_to_right(word.text) + _separator(word, last=word is words[-1]) * _told_apart(word.text, recent)
            out.append(f"{_number(placed.stretch, 1)} Tz".encode())
            out.append(b"(" + _codes(text, cids) + b")Tj")
            first_of_line = False
            laid.append(placed)
    out.append(b"ET\n")
    return b"\n".join(out)


@dataclass(frozen=True, slots=True)
class _Placed:
    """A word on the page: where its baseline starts (pixels, y upwards), how far along its line that is, its line's
    turn (the first four numbers of its matrix), its stretch in percent, its length, its font size, and how wide its
    first character is drawn."""

    x: float
    y: float
    along: float
    turn: str
    stretch: float
    length: float
    size: int
    character_px: float


def _size(words: list[Word]) -> int:
    """The font size of a line in pixels: the middle one of its words' heights."""
    return max(1, sorted(word.box[3] - word.box[1] for word in words)[len(words) // 2])


def _placed(line: Line, words: list[Word], *, size: int, page_height: int) -> Iterator[tuple[Word, _Placed]]:
    """The words of a line along its baseline, each as long as its box is wide."""
    slope, offset = line.baseline or (0.0, 0.0)
    if abs(slope) > _STEEPEST:
        slope, offset = 0.0, 0.0
    cos, sin = 1 / math.hypot(1, slope), slope / math.hypot(1, slope)
    turn = " ".join(_number(value, 4) for value in (cos, -sin, sin, cos))
    lean = abs(sin) * size * (_ASCENT - _DESCENT) / 1000
    for word in words:
        left, _, right, _ = word.box
        # The box of a turned word is wider than the word by what its height leans over.
        x = left + (lean * _ASCENT / (_ASCENT - _DESCENT) if slope < 0 else lean * -_DESCENT / (_ASCENT - _DESCENT))
        length = max(1.0, (right - left - lean) / cos)
        natural = sum(_width(character) for character in word.text) * size / 1000
        stretch = min(100 * length / natural, _MOST_STRETCH)
        yield (
            word,
            _Placed(
                x=x,
                y=page_height - (line.box[3] + offset + slope * (x - line.box[0])),
                along=x / cos,
                turn=turn,
                stretch=stretch,
                length=length,
                size=size,
                character_px=_width(word.text[0]) * size / 1000 * stretch / 100,
            ),
        )


def _would_swap(before: _Placed, word: _Placed) -> bool:
    """Whether pdfium, which sorts by x what shares a baseline, would read `word` before the one it follows."""
    return word.x < before.x + 0.5 and abs(word.y - before.y) <= max(before.character_px, word.character_px)


def _overlap(other: _Placed, word: _Placed) -> bool:
    """Whether two words lie on each other, or so near that pdfium might drop letters of one as drawn twice.

    (It does where equal letters start within 0.07 of the stretched font size, in x and in y.)
    """
    near = 0.08 * max(other.size * other.stretch, word.size * word.stretch) / 100
    return (
        word.x < other.x + other.length + near
        and other.x < word.x + word.length + near
        and abs(word.y - other.y) < max(near, 0.7 * other.size, 0.7 * word.size)
    )


def _aside(word: _Placed, *, spaces: int, page_height: int, cids: dict[str, int]) -> bytes:
    """Spaces far enough from the word's baseline that pdfium takes what follows for another line."""
    away = (3 + spaces) * max(word.size, word.character_px)
    y = word.y - away if word.y > page_height / 2 else word.y + away
    turn = f"1 0 0 1 {_number(word.x, 1)} {_number(y, 1)} Tm 5 Tz"
    return turn.encode() + b"\n(" + _codes(_NO_BREAK_SPACE * (_LOOKS_BACK + spaces), cids) + b")Tj"


def _told_apart(text: str, recent: deque[tuple[str, int]]) -> int:
    """How many spaces `text` needs after it to be unlike what was drawn just before."""
    spaces = 1
    while (text, spaces) in recent:
        spaces += 1
    recent.append((text, spaces))
    return spaces


def _left_to_right(word: str) -> str:
    """The characters of a word as they stand on the page: readers turn right-to-left scripts around again."""
    return word[::-1] if any(unicodedata.bidirectional(character) in ("R", "AL") for character in word) else word


def _separator(word: Word, *, last: bool) -> str:
    """The space after a word; another one after a hyphen at a line's end, which pdfium else joins to the next line."""
    return _NO_BREAK_SPACE if last and word.text[-1] in _HYPHENS else " "


def _codes(text: str, cids: dict[str, int]) -> bytes:
    """`text` as a literal PDF string of two-byte codes, without its parentheses."""
    codes = b"".join(cids[character].to_bytes(2, "big") for character in text)
    return re.sub(rb"[()\\\r]", lambda found: b"\\r" if found[0] == b"\r" else b"\\" + found[0], codes)


def _number(value: float, digits: int) -> str:
    """`value` as PDF writes numbers, with at most `digits` (one or more) decimals."""
    return f"{value:.{digits}f}".rstrip("0").rstrip(".")


# --- the font --------------------------------------------------------------------------------------------------------


def _font(pdf: Pdf, characters: list[str]) -> Dictionary:
    """A Type 0 font whose code n is the nth of `characters` (from 1), blank, and mapped to Unicode."""
    glyphs = [_width_class(character) + 1 for character in characters]
    cid_to_gid = b"\0\0" + b"".join(glyph.to_bytes(2, "big") for glyph in glyphs)
    descriptor = Dictionary(
        Type=Name.FontDescriptor,
        FontName=Name.SohoaInvisible,
        Flags=4,
        FontBBox=Array([0, _DESCENT, 1000, _ASCENT]),
        ItalicAngle=0,
        Ascent=_ASCENT,
        Descent=_DESCENT,
        CapHeight=_ASCENT,
        StemV=80,
        FontFile2=pdf.make_stream(_blank_glyphs(), Length1=len(_blank_glyphs())),
    )
    descendant = Dictionary(
        Type=Name.Font,
        Subtype=Name.CIDFontType2,
        BaseFont=Name.SohoaInvisible,
        CIDSystemInfo=Dictionary(Registry=pikepdf.String("Adobe"), Ordering=pikepdf.String("Identity"), Supplement=0),
        FontDescriptor=pdf.make_indirect(descriptor),
        DW=_WIDTHS[2],
        W=Array(list(_width_ranges(glyphs))),
        CIDToGIDMap=pdf.make_stream(cid_to_gid),
    )
    return Dictionary(
        Type=Name.Font,
        Subtype=Name.Type0,
        BaseFont=Name.SohoaInvisible,
        Encoding=Name("/Identity-H"),
        DescendantFonts=Array([pdf.make_indirect(descendant)]),
        ToUnicode=pdf.make_stream(_to_unicode(characters)),
    )


def _width_ranges(glyphs: list[int]) -> Iterator[int]:
    """The /W array: first code, last code, width for each run of codes with one glyph."""
    start = 0
    for end in range(1, len(glyphs) + 1):
        if end == len(glyphs) or glyphs[end] != glyphs[start]:
            yield from (start + _FIRST_CID, end - 1 + _FIRST_CID, _WIDTHS[glyphs[start] - 1])
            start = end


def _to_unicode(characters: list[str]) -> bytes:
    """The ToUnicode CMap (ISO 32000-1, 9.10.3): every code, at most 100 a section as the CMap syntax demands."""
    mappings = [
        f"<{cid:04X}><{character.encode('utf-16-be').hex().upper()}>"
        for cid, character in enumerate(characters, start=_FIRST_CID)
    ]
    sections = [mappings[start : start + 100] for start in range(0, len(mappings), 100)]
    body = "\n".join(f"{len(section)} beginbfchar\n" + "\n".join(section) + "\nendbfchar" for section in sections)
    return f"""/CIDInit /ProcSet findresource begin
12 dict begin
begincmap
/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def
/CMapName /Adobe-Identity-UCS def
/CMapType 2 def
1 begincodespacerange
<0000><FFFF>
endcodespacerange
{body}
endcmap
CMapName currentdict /CMap defineresource pop
end
end""".encode("ascii")


@lru_cache(maxsize=1)
def _blank_glyphs() -> bytes:
    """A TrueType program of glyphs without ink, one for each of the widths, after the obligatory first.

    Each is a stroke from corner to corner and back: no area, so nothing to paint, but a bounding box, without which
    pdfium drops text that stands upright.
    """
    widths = {".notdef": _WIDTHS[2], **{f"blank{width}": width for width in _WIDTHS}}
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(list(widths))
    builder.setupGlyf({name: _stroke(width) for name, width in widths.items()})
    builder.setupHorizontalMetrics({name: (width, 0) for name, width in widths.items()})
    builder.setupHorizontalHeader(ascent=_ASCENT, descent=_DESCENT)
    builder.setupHead(unitsPerEm=1000, created=_EPOCH, modified=_EPOCH)
    builder.setupMaxp()
    builder.font.recalcTimestamp = False
    buffer = io.BytesIO()
    builder.save(buffer)
    return buffer.getvalue()


def _stroke(width: int) -> Glyph:
    pen = TTGlyphPen(None)
    pen.moveTo((0, _DESCENT))
    pen.lineTo((width, _ASCENT))
    pen.closePath()
    return pen.glyph()


def _by_width(character: str) -> tuple[int, str]:
    return _width_class(character), character


def _width(character: str) -> int:
    return _WIDTHS[_width_class(character)]


@lru_cache(maxsize=4096)
def _width_class(character: str) -> int:
    """Which of the widths a character is drawn with, roughly as in the text faces that offices use."""
    base = unicodedata.normalize("NFD", character)[0]
    if base == " ":
        return 0
    if base in "\xa0iljtfrI.,:;'`|!()[]{}-/\\":
        return 1
    if base in "mwMW—…%@œ":
        return 4
    return 3 if base.isupper() or unicodedata.east_asian_width(base) == "W" else 2
