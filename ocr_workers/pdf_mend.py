"""Small habits of scanners, Word and signing tools that PDF/A does not take and no viewer shows: mended in place."""

from __future__ import annotations

from collections.abc import Iterator

import pikepdf
from pikepdf import Array, Dictionary, Name, Object, Pdf, Stream

_STREAM_KEYS = {"/Length", "/Filter", "/DecodeParms"}
_FONT_FILES = (Name.FontFile, Name.FontFile2, Name.FontFile3)


def mend(pdf: Pdf, *, flavour: str) -> None:
    """Change what PDF/A refuses without changing what is seen or read.

    Content streams lose private keys; a soft mask that is also drawn as an image becomes a stream of its own; fonts
    that are not embedded and never used leave the resources; the optional /CIDSet goes where it is not required
    (ISO 19005-2, 6.2.11.4.2 asks for a complete one or none).
    """
    _drop(pdf.Root, Name.Version)  # the header says it, as the flavour wants it
    for page in pdf.pages:
        _drop_private_keys(page)
        if flavour == "1b":
            _drop(page.obj, Name.Tabs)  # the order of the tabulator key, unknown to PDF 1.4
        if isinstance(resources := page.obj.get(Name.Resources), Dictionary):
            _drop_unused_fonts(page, resources)
    drawn: set[tuple[int, int]] = set()
    masked: list[Object] = []
    for thing in pdf.objects:
        if flavour != "1b" and isinstance(thing, Dictionary) and thing.get(Name.Type) == Name.FontDescriptor:
            _drop(thing, Name.CIDSet)
        for resources in _resources_of(thing):
            if isinstance(objects := resources.get(Name.XObject), Dictionary):
                drawn.update(value.objgen for value in objects.values())
        if isinstance(thing, Stream):
            if Name.SMask in thing:
                masked.append(thing)
            if thing.get(Name.Subtype) == Name.Form and isinstance(own := thing.get(Name.Resources), Dictionary):
                _drop_unused_fonts(thing, own)
    for image in masked:
        mask = image[Name.SMask]
        if isinstance(mask, Stream) and mask.objgen in drawn:
            entries = {key: value for key, value in mask.items() if key != "/Length"}
            image[Name.SMask] = pdf.make_stream(mask.read_raw_bytes(), entries)


def _drop(holder: Object, key: Name) -> None:
    if key in holder:
        del holder[key]


def _drop_private_keys(page: pikepdf.Page) -> None:
    contents = page.obj.get(Name.Contents)
    for stream in contents if isinstance(contents, Array) else [contents]:
        if isinstance(stream, Stream):
            for key in set(stream.keys()) - _STREAM_KEYS:
                del stream[key]


def _resources_of(thing: Object) -> Iterator[Object]:
    if isinstance(thing, Dictionary | Stream) and isinstance(own := thing.get(Name.Resources), Dictionary):
        yield own


def _drop_unused_fonts(content: pikepdf.Page | Object, resources: Object) -> None:
    """Only where a font is not embedded: content is parsed for this."""
    fonts = resources.get(Name.Font)
    if not isinstance(fonts, Dictionary) or all(_is_embedded(font) for font in fonts.values()):
        return
    if _has_forms_that_borrow(resources):
        return
    used = {str(step.operands[0]) for step in pikepdf.parse_content_stream(content, "Tf") if len(step.operands) > 0}
    for name in set(fonts.keys()) - used:
        del fonts[name]


def _is_embedded(font: Object) -> bool:
    if not isinstance(font, Dictionary):
        return True
    if font.get(Name.Subtype) == Name.Type3:
        return True
    if font.get(Name.Subtype) == Name.Type0:
        descendants = font.get(Name.DescendantFonts)
        return isinstance(descendants, Array) and len(descendants) > 0 and _is_embedded(descendants[0])
    descriptor = font.get(Name.FontDescriptor)
    return isinstance(descriptor, Dictionary) and any(key in descriptor for key in _FONT_FILES)


def _has_forms_that_borrow(resources: Object) -> bool:
    """Whether a form without resources of its own may use these fonts."""
    objects = resources.get(Name.XObject)
    return isinstance(objects, Dictionary) and any(
        isinstance(form, Stream) and form.get(Name.Subtype) == Name.Form and Name.Resources not in form
        for form in objects.values()
    )
