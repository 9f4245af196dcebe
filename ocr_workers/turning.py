"""Pages that a person has said to turn: how far each page is turned in all, and what becomes of what was read on it.

What a person turns is what is shown, so their turn comes on top of the one that was found or said before. All other pages
keep theirs: the person has seen them too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ocr_workers.orientation import turned
from ocr_workers.pages import DocumentPlan, PageImage
from sohoa.model import Box
from sohoa.states import PageStatus
from storage.archive.description import Events
from storage.archive.premis import EventType

Summaries = Sequence[Mapping[str, Any]]
"""The pages of a document as record.json has them, each with its number, size in pixels and turn."""


def with_turns(plan: DocumentPlan, shown: Summaries, turns: Iterable[tuple[int, int]]) -> DocumentPlan:
    """The plan with the turn of every page: as it is `shown`, and by `turns` (page, clockwise degrees) further.

    Of a page that could not be read and is not turned nobody has said how it stands.
    """
    further = dict(turns)
    was = {page["number"]: page["turn_deg"] for page in shown if page["status"] != PageStatus.FAILED}
    said = {number: (was.get(number, 0) + further.get(number, 0)) % 360 for number in was.keys() | further.keys()}
    return replace(plan, pages=tuple(replace(page, turn_deg=said.get(page.number)) for page in plan.pages))


def turned_image(image: PageImage, turn_deg: int) -> PageImage:
    """The picture of a page after a clockwise quarter turn."""
    return replace(image, pixels=turned(image.pixels, turn_deg))


def turned_field(field: dict[str, Any], before: Summaries, after: Summaries) -> dict[str, Any]:
    """A field (model.field_to_dict) with its evidence where it lies once the pages are turned. A place on a page whose
    frame is no longer the same picture is dropped, for nobody could say where it is."""
    places = [place for one in field["evidence"] if (place := _turned_place(one, before, after)) is not None]
    return {**field, "evidence": places}


def turned_box(box: Sequence[int], *, width_px: int, height_px: int, turn_deg: int) -> Box:
    """Where a box of a page of this size lies after a clockwise quarter turn of the page."""
    left, top, right, bottom = box
    if turn_deg == 90:
        return height_px - bottom, left, height_px - top, right
    if turn_deg == 180:
        return width_px - right, height_px - bottom, width_px - left, height_px - top
    if turn_deg == 270:
        return top, width_px - right, bottom, width_px - left
    return left, top, right, bottom


def once_released(events: Events) -> set[str]:
    """Why a document that is archived was held before, by codes: a person has let it go on all the same."""
    details = (
        event["eventDetailInformation"].get("eventDetailExtension", {})
        for event in events
        if event["eventType"] == EventType.QUARANTINE
    )
    return {detail["code"] for detail in details if "code" in detail}


def _turned_place(place: Mapping[str, Any], before: Summaries, after: Summaries) -> dict[str, Any] | None:
    number = place["page"]
    if number > min(len(before), len(after)):
        return None
    was, now = before[number - 1], after[number - 1]
    size_px, turn_deg = (was["width_px"], was["height_px"]), (now["turn_deg"] - was["turn_deg"]) % 360
    if (now["width_px"], now["height_px"]) != (size_px[::-1] if turn_deg in (90, 270) else size_px):
        return None
    box = turned_box(place["box"], width_px=size_px[0], height_px=size_px[1], turn_deg=turn_deg)
    return {"page": number, "box": list(box)}
