"""Takes the old text out of a page that was recognised anew: it is not there twice, and no visible mark changes.

Invisible text (a foreign OCR layer) is cut out of the content. Visible text (a stamp, an old font encoding) stays
drawn, in copies of its fonts whose Unicode map says that every letter is a space.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name, Object, Operator, Pdf, Stream

_SHOW = {"Tj", "TJ", "'", '"'}
_TEXT_ONLY = {*_SHOW, "BT", "ET", "Tc", "Tw", "Tz", "TL", "Tf", "Tr", "Ts", "Td", "TD", "Tm", "T*"}
_INVISIBLE = 3
_ENCODING_KEYS = {"/Length", "/Filter", "/DecodeParms"}
_MAX_DEPTH = 12
"""Forms nested deeper than this are left as they are (ISO 19005-1 allows 28 levels of graphics state in all)."""


@dataclass(slots=True)
class _Content:
    """A parsed content stream. `codes` holds what each visibly shown font was asked to show."""

    instructions: list[tuple[list[Any], Operator]] = field(default_factory=list)
    codes: dict[str, set[bytes]] = field(default_factory=dict)
    cut: bool = False


def mute_text(pdf: Pdf, page: pikepdf.Page) -> bool:
    """Leave `page` without text that can be extracted, drawn exactly as before. True where something was changed."""
    if Name.Resources not in page.obj or not _draws_text(page.obj.Resources, depth=0):
        return False
    resources = pdf.make_indirect(_copy(page.obj.Resources))
    content = _silenced(pdf, page, resources, depth=0)
    page.obj.Resources = resources
    if content.cut:
        page.obj.Contents = pdf.make_stream(pikepdf.unparse_content_stream(content.instructions))
    return True


def _draws_text(resources: Object | None, *, depth: int) -> bool:
    """Whether these resources, or those of a form among them, name a font."""
    if not isinstance(resources, Dictionary) or depth > _MAX_DEPTH:
        return False
    if len(resources.get(Name.Font, Dictionary())) > 0:
        return True
    return any(_draws_text(form.get(Name.Resources), depth=depth + 1) for _, form in _forms(resources))


def _silenced(pdf: Pdf, stream: pikepdf.Page | Object, resources: Object, *, depth: int) -> _Content:
    """Parse one content stream, cut its invisible text, and make the fonts and forms in `resources` silent."""
    content = _parsed(stream)
    for _, form in _forms(resources):
        if Name.Resources not in form:  # it draws with the fonts of the content around it
            for name, codes in _parsed(form).codes.items():
                content.codes.setdefault(name, set()).update(codes)
    fonts = resources.get(Name.Font, Dictionary())
    if not content.codes:
        if Name.Font in resources:
            del resources[Name.Font]
    else:
        silent = Dictionary()
        for name, font in fonts.items():
            silent[name] = _silent_font(pdf, font, content.codes.get(name, set()))
        resources[Name.Font] = silent
    if depth < _MAX_DEPTH:
        _silence_forms(pdf, resources, depth=depth)
    return content


def _silence_forms(pdf: Pdf, resources: Object, *, depth: int) -> None:
    for name, form in _forms(resources):
        if not _draws_text(form.get(Name.Resources), depth=depth + 1):
            continue
        inner = _copy(form.Resources)
        content = _silenced(pdf, form, inner, depth=depth + 1)
        data = pikepdf.unparse_content_stream(content.instructions) if content.cut else form.read_bytes()
        copied = pdf.make_stream(data, {key: value for key, value in form.items() if key not in _ENCODING_KEYS})
        copied[Name.Resources] = inner
        resources[Name.XObject][name] = copied


def _forms(resources: Object) -> list[tuple[str, Object]]:
    objects = resources.get(Name.XObject)
    if not isinstance(objects, Dictionary):
        return []
    return [
        (name, thing)
        for name, thing in objects.items()
        if isinstance(thing, Stream) and thing.get(Name.Subtype) == Name.Form
    ]


def _parsed(stream: pikepdf.Page | Object) -> _Content:
    """The stream's instructions without the text objects that show nothing but invisible text."""
    content = _Content()
    mode, font = 0, ""
    stack: list[tuple[int, str]] = []
    block: list[tuple[list[Any], Operator]] = []
    shown, hidden, inside = False, False, False
    for instruction in pikepdf.parse_content_stream(stream):
        operands, operator = list(instruction.operands), instruction.operator
        name = str(operator)
        if isinstance(instruction, pikepdf.ContentStreamInlineImage):
            (block if inside else content.instructions).append((operands, operator))
            continue
        if name == "q":
            stack.append((mode, font))
        elif name == "Q" and stack:
            mode, font = stack.pop()
        elif name == "Tr" and operands:
            mode = int(operands[0])
        elif name == "Tf" and operands:
            font = str(operands[0])
        elif name == "BT":
            inside, shown, hidden = True, False, False
        elif name in _SHOW:
            if mode == _INVISIBLE:
                hidden = True
            else:
                shown = True
                content.codes.setdefault(font, set()).update(_codes(operands))
        (block if inside else content.instructions).append((operands, operator))
        if name == "ET":
            if hidden and not shown:
                block = [(values, op) for values, op in block if str(op) not in _SHOW]
                content.cut = True
            content.instructions += block
            block, inside = [], False
    content.instructions += block
    if not content.codes and any(str(op) in _TEXT_ONLY for _, op in content.instructions):
        content.instructions = [(values, op) for values, op in content.instructions if str(op) not in _TEXT_ONLY]
        content.cut = True
    return content


def _codes(operands: list[Any]) -> set[bytes]:
    """The two-byte codes in the strings of a show operator (only composite fonts ask for them)."""
    strings = [part for value in operands for part in (value if isinstance(value, Array | list) else [value])]
    data = [bytes(part) for part in strings if isinstance(part, pikepdf.String)]
    return {text[at : at + 2] for text in data for at in range(0, len(text) - 1, 2)} or {b""}


def _silent_font(pdf: Pdf, font: Object, codes: set[bytes]) -> Object:
    """A copy of `font`, sharing its font file, in which every code means a space."""
    if not isinstance(font, Dictionary):
        return font
    silent = _copy(font)
    composite = font.get(Name.Subtype) == Name.Type0
    wanted = sorted(code for code in codes if len(code) == 2) if composite else [bytes([n]) for n in range(256)]
    silent[Name.ToUnicode] = pdf.make_stream(_blank_map(wanted, width=2 if composite else 1))
    return pdf.make_indirect(silent)


def _blank_map(codes: list[bytes], *, width: int) -> bytes:
    """A ToUnicode CMap that gives U+0020 for each code (ISO 32000-1, 9.10.3: at most 100 entries a section)."""
    lowest, highest = b"\0" * width, b"\xff" * width
    sections = [codes[at : at + 100] for at in range(0, len(codes), 100)]
    body = "\n".join(
        f"{len(section)} beginbfchar\n" + "".join(f"<{code.hex()}> <0020>\n" for code in section) + "endbfchar"
        for section in sections
    )
    return (
        "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n"
        "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n"
        "/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n"
        f"1 begincodespacerange\n<{lowest.hex()}> <{highest.hex()}>\nendcodespacerange\n{body}\n"
        "endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n"
    ).encode()


def _copy(dictionary: Object) -> Dictionary:
    """A copy of a dictionary and of the dictionaries directly under it that are changed here."""
    copied = Dictionary(dict(dictionary.items()))
    for key in (Name.Font, Name.XObject):
        if isinstance(copied.get(key), Dictionary):
            copied[key] = Dictionary(dict(copied[key].items()))
    return copied
