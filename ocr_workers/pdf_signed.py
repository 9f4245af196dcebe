"""Whether a PDF carries an electronic signature."""

from __future__ import annotations

from collections.abc import Iterator

from pikepdf import Array, Dictionary, Name, Object, Pdf

_MAX_FIELDS = 100_000
"""A field tree that runs in circles ends here."""


def is_signed(pdf: Pdf) -> bool:
    """Whether any signature field holds a signature (ISO 32000-1, 12.8.1: its value says which bytes it covers)."""
    return any(
        _inherited_type(field) == Name.Sig
        and isinstance(value := field.get(Name.V), Dictionary)
        and (Name.ByteRange in value or Name.Contents in value)
        for field in fields_of(pdf)
    )


def fields_of(pdf: Pdf) -> Iterator[Object]:
    """Every node of the form's field tree, parents first."""
    form = pdf.Root.get(Name.AcroForm)
    waiting = [form.get(Name.Fields)] if isinstance(form, Dictionary) else []
    met = 0
    seen: set[tuple[int, int]] = set()
    while waiting and met < _MAX_FIELDS:
        nodes = waiting.pop()
        if not isinstance(nodes, Array):
            continue
        for node in nodes:
            met += 1
            if not isinstance(node, Dictionary) or node.objgen in seen:
                continue
            if node.is_indirect:
                seen.add(node.objgen)
            yield node
            waiting.append(node.get(Name.Kids))


def _inherited_type(field: Object) -> Object | None:
    """/FT of a field, which it may have from its parent."""
    for _ in range(32):
        if Name.FT in field:
            return field[Name.FT]
        parent = field.get(Name.Parent)
        if not isinstance(parent, Dictionary):
            return None
        field = parent
    return None
