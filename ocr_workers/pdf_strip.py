"""Takes out of a PDF what PDF/A forbids and nobody sees, and draws annotations onto their pages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name, Object, Pdf
from pikepdf.sanitize import Sanitizer

from ocr_workers.pdf_signed import fields_of

_HIDDEN_FLAGS = 1 | 2 | 32
"""Invisible, Hidden, NoView (ISO 32000-1, table 165)."""
_ALLOWED_ACTIONS = {"/GoTo", "/GoToR", "/Thread", "/URI", "/Named"}
"""ISO 19005-2, 6.5.1 names those that are forbidden. A form to submit or a file to open inside is not there any more."""
_ALLOWED_NAMED = {"/NextPage", "/PrevPage", "/FirstPage", "/LastPage"}
_CATALOG_KEYS = {
    "/Type",
    "/Pages",
    "/Lang",
    "/Version",
    "/Metadata",
    "/OutputIntents",
    "/AcroForm",  # looked at for its fields, then removed
    "/Names",
    "/Dests",
    "/AF",
    "/Outlines",
    "/PageLabels",
    "/PageMode",
    "/PageLayout",
    "/ViewerPreferences",
    "/MarkInfo",
    "/StructTreeRoot",
}
_PAGES_ALONE = {"/Type", "/Pages", "/Lang", "/Metadata", "/OutputIntents"}
_PAGE_KEYS = {
    "/Type",
    "/Parent",
    "/Contents",
    "/Resources",
    "/MediaBox",
    "/CropBox",
    "/BleedBox",
    "/TrimBox",
    "/ArtBox",
    "/Rotate",
    "/UserUnit",
    "/Annots",
    "/Group",
    "/StructParents",
    "/Tabs",
}
_NAME_TREES = {"/Dests", "/EmbeddedFiles"}
"""What the validator does not know of a document, page or names is gone: nobody sees it, and it would fail the whole."""

Transformation = dict[str, Any]


def strip_forbidden(pdf: Pdf, *, flavour: str) -> list[Transformation]:
    """Remove scripts, actions, attachments (kept in PDF/A-3), forms and signatures; what is seen stays as it is.

    Annotations become part of their page's content, links stay. The list of optional layers goes: the validator then
    refuses each page that has layers, and it is drawn as viewers show it. Returns {page, lossless, detail} of each change.
    """
    removed = [*_remove_from_catalog(pdf), *_remove_actions(pdf)]
    if flavour != "3b" and len(pdf.attachments) > 0:
        removed.append(f"{len(pdf.attachments)} attachments")
    sanitizer = Sanitizer().remove_javascript().remove_multimedia().remove_private_app_data().remove_web_capture()
    if flavour != "3b":
        sanitizer = sanitizer.remove_attachments()
    sanitizer.apply(pdf)
    changes = [_change(f"removed what PDF/A forbids and nobody sees: {', '.join(removed)}")] if removed else []
    return changes + _draw_annotations(pdf)


def strip_to_pages(pdf: Pdf) -> list[Transformation]:
    """Remove all that is not a page: bookmarks, names, labels, tags. For a document that is not PDF/A because of them."""
    removed = sorted(str(key).removeprefix("/") for key in set(pdf.Root.keys()) - _PAGES_ALONE)
    for key in removed:
        del pdf.Root[f"/{key}"]
    return [_change(f"removed around the pages: {', '.join(removed)}")] if removed else []


def _change(detail: str, *, page: int | None = None) -> Transformation:
    return {"page": page, "lossless": True, "detail": detail}


def _remove_from_catalog(pdf: Pdf) -> Iterator[str]:
    """Delete what has no place in the document, its names and its pages; name each kind once."""
    holders = [(pdf.Root, _CATALOG_KEYS)]
    if isinstance(names := pdf.Root.get(Name.Names), Dictionary):
        holders.append((names, _NAME_TREES))
    holders += [(page.obj, _PAGE_KEYS) for page in pdf.pages]
    found: dict[str, None] = {}
    for holder, kept in holders:
        for key in sorted(set(holder.keys()) - kept - {"/AA"}):
            del holder[key]
            found[key.removeprefix("/")] = None
    yield from found


def _remove_actions(pdf: Pdf) -> list[str]:
    """Delete additional actions and forbidden ones of document, pages, annotations, fields, bookmarks; name those found."""
    found: set[str] = set()
    for holder in _action_holders(pdf):
        if Name.AA in holder:
            del holder[Name.AA]
            found.add("additional actions")
        action = holder.get(Name.A)
        if isinstance(action, Dictionary):
            kinds = _kinds_in_chain(action) - _ALLOWED_ACTIONS
            if kinds:
                del holder[Name.A]
                found.update(f"{kind.removeprefix('/')} actions" for kind in kinds)
    return sorted(found)


def _action_holders(pdf: Pdf) -> Iterator[Object]:
    yield pdf.Root
    for page in pdf.pages:
        yield page.obj
        yield from annotations_of(page)
    yield from fields_of(pdf)
    yield from _bookmarks(pdf)


def annotations_of(page: pikepdf.Page) -> list[Object]:
    """The page's annotations that are annotations."""
    annotations = page.obj.get(Name.Annots)
    return [a for a in annotations if isinstance(a, Dictionary)] if isinstance(annotations, Array) else []


def _bookmarks(pdf: Pdf) -> Iterator[Object]:
    outlines = pdf.Root.get(Name.Outlines)
    waiting = [outlines.get(Name.First)] if isinstance(outlines, Dictionary) else []
    seen: set[tuple[int, int]] = set()
    while waiting:
        item = waiting.pop()
        if not isinstance(item, Dictionary) or item.objgen in seen:
            continue
        seen.add(item.objgen)
        yield item
        waiting += [item.get(Name.Next), item.get(Name.First)]


def _kinds_in_chain(action: Object) -> set[str]:
    """The kinds of an action and of those that follow it; a named one that is not allowed is called by its name."""
    kinds: set[str] = set()
    waiting: list[Object | None] = [action]
    for _ in range(100):
        if not waiting:
            break
        current = waiting.pop()
        if isinstance(current, Dictionary):
            kind, named = str(current.get(Name.S, "")), str(current.get(Name.N, ""))
            kinds.add(f"/Named{named}" if kind == "/Named" and named not in _ALLOWED_NAMED else kind)
            following = current.get(Name.Next)
            waiting += list(following) if isinstance(following, Array) else [following]
    return kinds


def _draw_annotations(pdf: Pdf) -> list[Transformation]:
    """Make every visible annotation part of its page's content; drop the others, all fields, and every signature."""
    changes: list[Transformation] = []
    for number, page in enumerate(pdf.pages, start=1):
        annotations = annotations_of(page)
        if not annotations:
            continue
        kept = [a for a in annotations if int(a.get(Name.F, 0)) & _HIDDEN_FLAGS == 0 and Name.Rect in a]
        page.obj.Annots = Array(kept)
        drawn = sum(Name.AP in annotation for annotation in kept)
        if drawn:
            changes.append(_change(f"drew {drawn} annotations (stamps, fields, signatures) onto the page", page=number))
    if changes:
        pdf.flatten_annotations("screen")
    for page in pdf.pages:
        links = [a for a in annotations_of(page) if a.get(Name.Subtype) == Name.Link]
        if links:
            page.obj.Annots = Array(links)
        elif Name.Annots in page.obj:
            del page.obj[Name.Annots]
    if Name.AcroForm in pdf.Root:
        del pdf.Root[Name.AcroForm]
        changes.append(_change("removed the form and its signature fields: the rendition does not claim to be signed"))
    return changes
