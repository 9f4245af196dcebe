"""Pages as ALTO 4 XML (Library of Congress, schema 4.4) and back: words, boxes, confidences, in reading order."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable
from datetime import datetime
from gzip import GzipFile
from typing import Any, BinaryIO, Final

from lxml import etree

from sohoa.errors import BadAlto
from sohoa.model import Block, Box, Line, Page, Word, quality_from_dict, quality_to_dict

NAMESPACE: Final = "http://www.loc.gov/standards/alto/ns-v4#"
_SCHEMA = "http://www.loc.gov/standards/alto/v4/alto-4-4.xsd"
_SCHEMA_LOCATION = "{http://www.w3.org/2001/XMLSchema-instance}schemaLocation"
_PROCESSING_ID = "recognised"
_NAMES: Any = {None: NAMESPACE, "xsi": "http://www.w3.org/2001/XMLSchema-instance"}
"""Any, for lxml-stubs do not know the default namespace, None."""
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot carry, not even escaped (production [2] Char)."""


def write_alto(pages: Iterable[Page], *, source_name: str, software: str, created_at: datetime) -> bytes:
    """The whole file in memory; see :func:`write_alto_to`."""
    file = io.BytesIO()
    write_alto_to(file, pages, source_name=source_name, software=software, created_at=created_at)
    return file.getvalue()


def write_alto_to(
    file: BinaryIO | GzipFile, pages: Iterable[Page], *, source_name: str, software: str, created_at: datetime
) -> None:
    """Write pages as they come, one in memory at a time. `software` is "name version".

    A page's status is its PAGECLASS. What ALTO has no place for (resolution, turn, lane, failure, measures) is one JSON
    object in QUALITY_DETAIL. Coordinates are in the page frame, so after the turn. Characters that XML cannot carry
    become U+FFFD, one for one.
    """
    with etree.xmlfile(file, encoding="UTF-8") as xml:
        xml.write_declaration()
        root = {"SCHEMAVERSION": "4.4", _SCHEMA_LOCATION: f"{NAMESPACE} {_SCHEMA}"}
        with xml.element(_tag("alto"), root, nsmap=_NAMES):
            xml.write(_description(source_name, software, created_at))
            with xml.element(_tag("Layout")):
                for page in pages:
                    xml.write(_page_to_xml(page))


def read_alto(data: bytes) -> list[Page]:
    """The pages that :func:`write_alto` wrote. Raises BadAlto."""
    pages: list[Page] = []
    # huge_tree lifts limits that 800 full pages reach; what makes it dangerous, entities and network, is shut.
    events = etree.iterparse(
        io.BytesIO(data), events=("end",), tag=_tag("Page"), resolve_entities=False, no_network=True, huge_tree=True
    )
    try:
        for _, element in events:
            pages.append(_page_from_xml(element))
            element.clear()
        if events.root is None or events.root.tag != _tag("alto"):
            raise BadAlto("the stored text layer is not ALTO 4: restore the file, or recognise the document again")
        if events.root.getroottree().docinfo.doctype:
            raise BadAlto("the stored text layer has a document type declaration, which Sohoa never writes")
    except (etree.XMLSyntaxError, ValueError, KeyError, TypeError) as damage:
        raise BadAlto("the stored text layer is damaged: restore the file, or recognise the document again") from damage
    return pages


def _description(source_name: str, software: str, created_at: datetime) -> etree._Element:
    description = etree.Element(_tag("Description"), nsmap=_NAMES)
    _child(description, "MeasurementUnit").text = "pixel"
    _child(_child(description, "sourceImageInformation"), "fileName").text = _sayable(source_name)
    step = _child(description, "Processing", ID=_PROCESSING_ID)
    _child(step, "processingCategory").text = "contentGeneration"
    _child(step, "processingDateTime").text = created_at.isoformat()
    name, _, version = software.partition(" ")
    used = _child(step, "processingSoftware")
    _child(used, "softwareName").text = _sayable(name)
    _child(used, "softwareVersion").text = _sayable(version)
    return description


def _page_to_xml(page: Page) -> etree._Element:
    about: dict[str, Any] = {"dpi": page.dpi, "turn_deg": page.turn_deg, "lane": page.lane}
    about |= {"recognise_ms": page.recognise_ms, "code": page.code}
    about["quality"] = None if page.quality is None else quality_to_dict(page.quality)
    confidence = None if page.quality is None else page.quality.mean_confidence
    element = etree.Element(
        _tag("Page"),
        {
            "ID": f"P{page.number}",
            "PAGECLASS": page.status,
            "PHYSICAL_IMG_NR": str(page.number),
            "WIDTH": str(page.width_px),
            "HEIGHT": str(page.height_px),
            "PROCESSINGREFS": _PROCESSING_ID,
            "QUALITY_DETAIL": json.dumps(about, ensure_ascii=True, separators=(",", ":")),
        },
        nsmap=_NAMES,
    )
    if confidence is not None:
        element.set("PC", f"{confidence:.4f}")
    space = _child(element, "PrintSpace", **_place((0, 0, page.width_px, page.height_px)))
    for number, block in enumerate(page.blocks, start=1):
        in_block = _child(space, "TextBlock", ID=f"P{page.number}_B{number}", **_place(block.box))
        for line in block.lines:
            _line_to_xml(in_block, line)
    return element


def _line_to_xml(parent: etree._Element, line: Line) -> None:
    element = _child(parent, "TextLine", **_place(line.box))
    if line.baseline is not None:
        slope, offset = line.baseline
        left, _, right, bottom = line.box
        right = max(right, left + 1)
        element.set("BASELINE", f"{left},{bottom + offset:.4f} {right},{bottom + offset + slope * (right - left):.4f}")
    before: Word | None = None
    for word in line.words:
        if before is not None:
            gap = word.box[0] - before.box[2]
            _child(element, "SP", **({"HPOS": str(before.box[2]), "WIDTH": str(gap)} if gap > 0 else {}))
        confidence = f"{min(max(word.confidence, 0.0), 1.0):.4f}"
        _child(element, "String", CONTENT=_sayable(word.text), WC=confidence, **_place(word.box))
        before = word


def _page_from_xml(element: etree._Element) -> Page:
    about = json.loads(element.attrib["QUALITY_DETAIL"])
    return Page(
        number=int(element.attrib["PHYSICAL_IMG_NR"]),
        width_px=int(element.attrib["WIDTH"]),
        height_px=int(element.attrib["HEIGHT"]),
        dpi=about["dpi"],
        status=str(element.attrib["PAGECLASS"]),
        blocks=tuple(_block_from_xml(block) for block in element.iter(_tag("TextBlock"))),
        turn_deg=about["turn_deg"],
        quality=None if about["quality"] is None else quality_from_dict(about["quality"]),
        code=about["code"],
        lane=about["lane"],
        recognise_ms=about["recognise_ms"],
    )


def _block_from_xml(element: etree._Element) -> Block:
    return Block(lines=tuple(_line_from_xml(line) for line in element.iter(_tag("TextLine"))), box=_box(element))


def _line_from_xml(element: etree._Element) -> Line:
    words = tuple(
        Word(text=str(string.attrib["CONTENT"]), box=_box(string), confidence=float(string.attrib["WC"]))
        for string in element.iter(_tag("String"))
    )
    box = _box(element)
    baseline = element.get("BASELINE")
    if baseline is None:
        return Line(words=words, box=box)
    (x1, y1), (x2, y2) = ((float(n) for n in point.split(",")) for point in baseline.split())
    return Line(words=words, box=box, baseline=((y2 - y1) / (x2 - x1), y1 - box[3]))


def _place(box: Box) -> dict[str, str]:
    left, top, right, bottom = box
    return {"HPOS": str(left), "VPOS": str(top), "WIDTH": str(right - left), "HEIGHT": str(bottom - top)}


def _box(element: etree._Element) -> Box:
    get = element.attrib.__getitem__  # four look-ups a word: a loop over the names takes twice as long
    left, top = int(get("HPOS")), int(get("VPOS"))
    return (left, top, left + int(get("WIDTH")), top + int(get("HEIGHT")))


def _sayable(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text)


def _tag(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"


def _child(parent: etree._Element, name: str, **attributes: str) -> etree._Element:
    return etree.SubElement(parent, _tag(name), attributes)
