"""One small original of every kind of PDF that Sohoa takes in, by name, for the judges of what becomes of it."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pikepdf
from pikepdf import Array, Dictionary, Name, OutlineItem, Page, Pdf
from PIL import Image

from tests.support import pdf_files as files

Make = Callable[[Path], Path]
Change = Callable[[Pdf], None]
_SMALL = (827, 1170)
"""A4 at 100 dpi."""
_FULL = b"q 595.44 0 0 842.4 0 0 cm /%s Do Q\n"


@dataclass(frozen=True, slots=True)
class PdfSample:
    """How to write one original. `turn_deg` is a quarter turn to be found on its pages."""

    make: Make
    turn_deg: int = 0


def pdf_samples() -> dict[str, PdfSample]:
    """Every kind of PDF by name; each is written when its `make` is called with a path."""
    makes: dict[str, Make] = {
        **_texts(),
        **_scans(),
        **_unusual_images(),
        **{name: partial(_from, files.born_digital, change) for name, change in _CHANGES_OF_TEXT.items()},
        **{f"scan_{name}": partial(_from, files.scan, change) for name, change in _CHANGES_OF_ANY.items()},
        **{f"text_{name}": partial(_from, files.born_digital, change) for name, change in _CHANGES_OF_ANY.items()},
    }
    return {
        **{name: PdfSample(make) for name, make in makes.items()},
        "scan_turned": PdfSample(files.scan, turn_deg=90),
        "released_with_its_password": PdfSample(files.opened_copy),
        "encrypted_by_its_owner": PdfSample(partial(files.encrypted, user="")),
    }


def _from(make: Make, change: Change, path: Path) -> Path:
    with pikepdf.open(make(path), allow_overwriting_input=True) as pdf:
        change(pdf)
        pdf.save(path)
    return path


def _texts() -> dict[str, Make]:
    return {
        "born_digital": files.born_digital,
        "born_digital_pages": partial(files.born_digital, pages=(files.VIETNAMESE, (), files.VIETNAMESE)),
        "font_not_embedded": partial(files.unembedded, lines=["Plain words of an old program"]),
        "tcvn3": partial(files.born_digital, pages=(files.TCVN3 * 3,)),
        "tcvn3_not_embedded": partial(files.unembedded, lines=files.TCVN3, font=".VnTime"),
        "vni": partial(files.born_digital, pages=(files.VNI * 3,)),
        "mixed": partial(_from, files.born_digital, _add_a_scan),
        "mixed_font_not_embedded": _mixed_not_embedded,
        "scripts_and_attachments": files.with_scripts_and_attachments,
        "signed_text": partial(files.signed, scanned=False),
        "type3_font": _type3_font,
    }


def _scans() -> dict[str, Make]:
    return {
        "scan": files.scan,
        "scan_grey": partial(files.scan, mode="L"),
        "scan_bitonal": partial(files.scan, mode="1"),
        "scan_pages": partial(files.scan, pages=3),
        **{f"scan_rotate_{turn}": partial(files.scan, rotate=turn) for turn in (90, 180, 270)},
        "scan_with_foreign_ocr": files.scan_with_foreign_ocr,
        "scan_over_hidden_text": partial(_scan_with_words, behind=True),
        "scan_under_stamp_text": partial(_scan_with_words, behind=False),
        "scan_redacted": _redacted,
        "scan_in_forms": _scan_in_forms,
        "scan_broken_xref": lambda path: files.changed(
            files.scan(path, pages=2), lambda data: data.replace(b"startxref", b"startxxxx")
        ),
        "signed_scan": files.signed,
        "layers_with_soft_mask": partial(_layers, mask="SMask"),
        "layers_with_stencil_mask": partial(_layers, mask="Mask"),
    }


def _unusual_images() -> dict[str, Make]:
    page = files.drawn_page(_SMALL)
    cmyk, grey = page.convert("CMYK"), page.convert("L")
    bits = np.packbits(np.asarray(files.drawn_page(_SMALL, mode="1"), dtype=bool), axis=1).tobytes()
    flipped = bytes(255 - byte for byte in bits)
    one_bit: dict[str, Any] = {"BitsPerComponent": 1}
    eight_bits: dict[str, Any] = {"BitsPerComponent": 8}
    jpeg: dict[str, Any] = {"Filter": Name.DCTDecode, **eight_bits}
    return {
        "image_cmyk": partial(_image, data=cmyk.tobytes(), ColorSpace=Name.DeviceCMYK, **eight_bits),
        "image_cmyk_jpeg": partial(_image, data=_encoded(cmyk, "JPEG"), ColorSpace=Name.DeviceCMYK, **jpeg),
        "image_decode": partial(_image, data=flipped, ColorSpace=Name.DeviceGray, Decode=Array([1, 0]), **one_bit),
        "image_stencil": partial(_image, data=bits, ImageMask=True, **one_bit),
        "image_jpeg2000": partial(_image, data=_encoded(page, "JPEG2000"), Filter=Name.JPXDecode),
        "image_jpeg2000_grey": partial(_image, data=_encoded(grey, "JPEG2000"), Filter=Name.JPXDecode),
        "image_group4": partial(
            _image,
            data=_group4(),
            ColorSpace=Name.DeviceGray,
            Filter=Name.CCITTFaxDecode,
            DecodeParms=Dictionary(K=-1, Columns=_SMALL[0], Rows=_SMALL[1]),
            **one_bit,
        ),
        "image_interpolated": partial(
            _image, data=_encoded(page, "JPEG"), ColorSpace=Name.DeviceRGB, Interpolate=True, **jpeg
        ),
        "image_calibrated": partial(
            _image,
            data=grey.tobytes(),
            ColorSpace=Array([Name.CalGray, Dictionary(WhitePoint=Array([0.95, 1, 1.09]))]),
            **eight_bits,
        ),
        "image_16_bits": partial(
            _image,
            data=(np.asarray(grey).astype(">u2") * 257).tobytes(),
            ColorSpace=Name.DeviceGray,
            BitsPerComponent=16,
        ),
        "image_bad_intent": partial(
            _image, data=_encoded(page, "JPEG"), ColorSpace=Name.DeviceRGB, Intent=Name.Photo, **jpeg
        ),
        "image_bad_profile": _bad_profile,
    }


def _image(path: Path, *, data: bytes, **entries: Any) -> Path:
    """A page that is one image, stored as these bytes with these entries."""
    with Pdf.new() as pdf:
        page = files.add_scan(pdf, files.drawn_page(_SMALL), dpi=100)
        page.obj.Resources.XObject.Im0 = pdf.make_stream(
            data, Type=Name.XObject, Subtype=Name.Image, Width=_SMALL[0], Height=_SMALL[1], **entries
        )
        pdf.save(path)
    return path


def _bad_profile(path: Path) -> Path:
    with Pdf.new() as pdf:
        page = files.add_scan(pdf, files.drawn_page(_SMALL), dpi=100)
        profile = pdf.make_stream(b"not a profile" * 20, N=3, Alternate=Name.DeviceRGB)
        page.obj.Resources.XObject.Im0.ColorSpace = Array([Name.ICCBased, profile])
        pdf.save(path)
    return path


def _encoded(image: Image.Image, file_format: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=file_format)
    return buffer.getvalue()


def _group4() -> bytes:
    """The one strip of a Group 4 TIFF."""
    buffer = io.BytesIO()
    files.drawn_page(_SMALL, mode="1").save(buffer, "TIFF", compression="group4", tiffinfo={278: _SMALL[1]})
    with Image.open(buffer) as saved:
        offset, length = saved.tag_v2[273][0], saved.tag_v2[279][0]  # type: ignore[attr-defined]
    return buffer.getvalue()[offset : offset + length]


def _layers(path: Path, *, mask: str) -> Path:
    """A mixed raster page: a picture, and ink over it that shows through a mask."""
    with Pdf.new() as pdf:
        page = files.add_scan(pdf, files.drawn_page(_SMALL), dpi=100)
        ink = files.image_stream(pdf, files.drawn_page(mode="L"))
        if mask == "SMask":
            ink.SMask = files.image_stream(pdf, files.drawn_page(mode="L"))
        else:
            ink.Mask = files.image_stream(pdf, files.drawn_page(mode="1"))
            del ink.Mask.ColorSpace
            ink.Mask.ImageMask = True
        page.obj.Resources.XObject.Im1 = ink
        page.obj.Contents = pdf.make_stream(_FULL % b"Im0" + _FULL % b"Im1")
        pdf.save(path)
    return path


def _scan_with_words(path: Path, *, behind: bool) -> Path:
    words = b"BT /F1 12 Tf 60 700 Td (Signed by the People's Committee) Tj ET\n"
    with Pdf.new() as pdf:
        around: dict[str, Any] = {"before": words * 40} if behind else {"after": words}
        files.add_scan(pdf, files.drawn_page(_SMALL), dpi=100, resources=files.helvetica(pdf), **around)
        pdf.save(path)
    return path


def _redacted(path: Path) -> Path:
    with Pdf.new() as pdf:
        files.add_scan(pdf, files.drawn_page(_SMALL), dpi=100, after=b"1 g 0 700 600 150 re f\n")
        pdf.save(path)
    return path


def _scan_in_forms(path: Path) -> Path:
    with Pdf.new() as pdf:
        page = files.add_scan(pdf, files.drawn_page(_SMALL), dpi=100)
        form = pdf.make_stream(
            _FULL % b"Im0",
            Type=Name.XObject,
            Subtype=Name.Form,
            BBox=Array([0, 0, 595.44, 842.4]),
            Resources=page.obj.Resources,
        )
        page.obj.Resources = Dictionary(XObject=Dictionary(Fm0=form))
        page.obj.Contents = pdf.make_stream(b"q 1 0 0 1 0 0 cm /Fm0 Do Q")
        pdf.save(path)
    return path


def _mixed_not_embedded(path: Path) -> Path:
    return _from(partial(files.unembedded, lines=["Plain words"]), _add_a_scan, path)


def _type3_font(path: Path) -> Path:
    """Born digital, with letters that are small drawings."""
    with Pdf.new() as pdf:
        pdf.add_blank_page(page_size=files.A4)
        glyph = pdf.make_stream(b"600 0 0 0 500 700 d1 0 0 500 700 re f")
        font = Dictionary(
            Type=Name.Font,
            Subtype=Name.Type3,
            FontBBox=Array([0, 0, 600, 700]),
            FontMatrix=Array([0.001, 0, 0, 0.001, 0, 0]),
            CharProcs=Dictionary(a=glyph),
            Encoding=Dictionary(Type=Name.Encoding, Differences=Array([97, Name.a])),
            FirstChar=97,
            LastChar=97,
            Widths=Array([600]),
            Resources=Dictionary(),
        )
        pdf.pages[0].obj.Resources = Dictionary(Font=Dictionary(F1=pdf.make_indirect(font)))
        pdf.pages[0].obj.Contents = pdf.make_stream(b"BT /F1 12 Tf 60 700 Td (aaa aaaa aa) Tj ET")
        pdf.save(path)
    return path


# --- what programs, scanners and people add to a document that is otherwise plain -----------------------------------


def _add_a_scan(pdf: Pdf) -> None:
    files.add_scan(pdf, files.drawn_page())


def _shift_boxes(pdf: Pdf) -> None:
    left, bottom, right, top = (float(value) for value in pdf.pages[0].obj.MediaBox)
    pdf.pages[0].obj.MediaBox = Array([left - 10, bottom - 20, right + 30, top + 40])
    pdf.pages[0].obj.CropBox = Array([left - 40, bottom, right, top])


def _with_user_unit(pdf: Pdf) -> None:
    pdf.pages[0].obj.UserUnit = 1.5


def _annotate(pdf: Pdf) -> None:
    """One of each annotation that people leave on a paper; the note has no appearance, the last is hidden."""
    look = partial(_drawn_form, pdf, b"1 0 0 rg 0 0 60 20 re f")
    kinds = ("Stamp", "FreeText", "Highlight", "Ink", "Square", "Text", "FileAttachment", "Redact", "Watermark")
    notes = [
        Dictionary(Type=Name.Annot, Subtype=Name("/" + kind), Rect=_rect(60 + 40 * n), F=4, AP=Dictionary(N=look()))
        for n, kind in enumerate(kinds)
    ]
    notes.append(Dictionary(Type=Name.Annot, Subtype=Name.Text, Rect=_rect(520), Contents=pikepdf.String("Xem lại")))
    notes.append(Dictionary(Type=Name.Annot, Subtype=Name.Stamp, Rect=_rect(560), F=2, AP=Dictionary(N=look())))
    notes.append(Dictionary(Type=Name.Annot, Subtype=Name.Popup, Rect=_rect(600), Open=True))
    pdf.pages[0].obj.Annots = Array([pdf.make_indirect(note) for note in notes])


def _see_through_stamp(pdf: Pdf) -> None:
    """A stamp that multiplies with the page under it, as signing programs draw them."""
    stamp = _drawn_form(pdf, b"/G gs 1 0 0 rg 0 0 60 20 re f")
    stamp.Resources = Dictionary(ExtGState=Dictionary(G=Dictionary(Type=Name.ExtGState, ca=0.5, BM=Name.Multiply)))
    stamp.Group = Dictionary(S=Name.Transparency, CS=Name.DeviceRGB)
    annotation = Dictionary(Type=Name.Annot, Subtype=Name.Stamp, Rect=_rect(60), F=4, AP=Dictionary(N=stamp))
    pdf.pages[0].obj.Annots = Array([pdf.make_indirect(annotation)])


def _link(pdf: Pdf) -> None:
    """Links out, to a page, without the print flag, and to a program."""
    actions = (
        Dictionary(S=Name.URI, URI=pikepdf.String("https://example.org/")),
        Dictionary(S=Name.GoTo, D=Array([pdf.pages[0].obj, Name.Fit])),
        Dictionary(S=Name.Launch, F=pikepdf.String("calc.exe")),
        Dictionary(S=Name.Named, N=Name.Print),
    )
    pdf.pages[0].obj.Annots = Array(
        [
            pdf.make_indirect(
                Dictionary(
                    Type=Name.Annot, Subtype=Name.Link, Rect=_rect(60 + 40 * n), Border=Array([0, 0, 1]), A=action
                )
            )
            for n, action in enumerate(actions)
        ]
    )


def _fill_in_form(pdf: Pdf) -> None:
    """A text field with its look, one without, and a box that is ticked."""
    page = pdf.pages[0]
    tick = {state: _drawn_form(pdf, b"0 0 20 20 re %s" % how) for state, how in (("/Yes", b"f"), ("/Off", b"S"))}
    fields = [
        Dictionary(FT=Name.Tx, V=pikepdf.String("Nguyen"), AP=Dictionary(N=_drawn_form(pdf, b"0 0 50 10 re f"))),
        Dictionary(FT=Name.Tx, V=pikepdf.String("no look"), DA=pikepdf.String("/Helv 10 Tf 0 g")),
        Dictionary(FT=Name.Btn, V=Name.Yes, AS=Name.Yes, AP=Dictionary(N=Dictionary(tick))),
    ]
    for number, field in enumerate(fields):
        field.Type, field.Subtype, field.F = Name.Annot, Name.Widget, 4
        field.T, field.Rect, field.P = pikepdf.String(f"field{number}"), _rect(60 + 40 * number), page.obj
    made = [pdf.make_indirect(field) for field in fields]
    page.obj.Annots = Array(made)
    fonts = Dictionary(Helv=Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica))
    pdf.Root.AcroForm = Dictionary(
        Fields=Array(made), DR=Dictionary(Font=fonts), NeedAppearances=True, XFA=pdf.make_stream(b"<xdp/>")
    )


def _in_layers(pdf: Pdf) -> None:
    """Two optional layers, one of them off, without the names that PDF/A wants."""
    on, off = (pdf.make_indirect(Dictionary(Type=Name.OCG, Name=pikepdf.String(name))) for name in ("on", "off"))
    pdf.Root.OCProperties = Dictionary(
        OCGs=Array([on, off]), D=Dictionary(ON=Array([on]), OFF=Array([off]), AS=Array([Dictionary(Event=Name.View)]))
    )
    page = pdf.pages[0]
    page.obj.Resources.Properties = Dictionary(L0=on, L1=off)
    page.contents_add(b"/OC /L0 BDC 0.9 g 60 100 50 20 re f EMC /OC /L1 BDC 0 g 0 0 300 300 re f EMC", prepend=False)


def _see_through(pdf: Pdf) -> None:
    state = Dictionary(Type=Name.ExtGState, ca=0.5, CA=0.5, BM=Name.Multiply)
    pdf.pages[0].obj.Resources.ExtGState = Dictionary(G=state)
    pdf.pages[0].contents_add(b"q /G gs 1 0 0 rg 60 100 50 20 re f Q", prepend=False)


def _odd_graphics_state(pdf: Pdf) -> None:
    """Transfer functions, halftones, a private blend mode and a rendering intent that nobody knows."""
    state = Dictionary(
        Type=Name.ExtGState, TR=Name.Identity, TR2=Name.Default, HTP=Array([0, 0]), BM=Name.Compatible, RI=Name.Photo
    )
    pdf.pages[0].obj.Resources.ExtGState = Dictionary(G=state)
    pdf.pages[0].contents_add(b"q /G gs /Photo ri 60 100 50 20 re f Q", prepend=False)


def _printers_colours(pdf: Pdf) -> None:
    """CMYK and a spot colour, as printers' programs write them."""
    tint = Dictionary(FunctionType=2, Domain=Array([0, 1]), C0=Array([0, 0, 0, 0]), C1=Array([0, 1, 1, 0]), N=1)
    spot = Array([Name.Separation, Name("/Con dau"), Name.DeviceCMYK, pdf.make_indirect(tint)])
    pdf.pages[0].obj.Resources.ColorSpace = Dictionary(Spot=spot)
    pdf.pages[0].contents_add(b"q 0 1 1 0 k 60 100 50 20 re f /Spot cs 1 scn 60 60 50 20 re f Q", prepend=False)


def _shade(pdf: Pdf) -> None:
    blend = Dictionary(FunctionType=2, Domain=Array([0, 1]), C0=Array([1, 1, 1]), C1=Array([1, 0, 0]), N=1)
    shading = Dictionary(
        ShadingType=2, ColorSpace=Name.DeviceRGB, Coords=Array([60, 0, 160, 0]), Function=pdf.make_indirect(blend)
    )
    pdf.pages[0].obj.Resources.Shading = Dictionary(Sh=shading)
    pdf.pages[0].contents_add(b"q 60 100 100 20 re W n /Sh sh Q", prepend=False)


def _tag(pdf: Pdf) -> None:
    """Tagged by a word processor: a structure tree with a role of its own that leads nowhere."""
    root = pdf.make_indirect(Dictionary(Type=Name.StructTreeRoot, RoleMap=Dictionary(Vanban=Name.Vanban2)))
    root.K = pdf.make_indirect(Dictionary(Type=Name.StructElem, S=Name.Vanban, P=root, Pg=pdf.pages[0].obj, K=0))
    pdf.Root.StructTreeRoot = root
    pdf.Root.MarkInfo = Dictionary(Marked=True)
    pdf.pages[0].obj.StructParents = 0


def _describe_oddly(pdf: Pdf) -> None:
    """Metadata that is not XMP, information that is not text, bookmarks, names, view settings, an old output intent."""
    pdf.Root.Metadata = pdf.make_stream(b"<not xml", Type=Name.Metadata, Subtype=Name.XML)
    pdf.trailer.Info = pdf.make_indirect(Dictionary(Title=pikepdf.String("Bản thảo"), Trapped=Name.Maybe, Private=7))
    pdf.Root.Version = Name("/1.7")
    pdf.Root.PageMode = Name.UseOutlines
    pdf.Root.ViewerPreferences = Dictionary(DisplayDocTitle=True, Direction=Name.L2R)
    pdf.Root.OutputIntents = Array([Dictionary(Type=Name.OutputIntent, S=Name.GTS_PDFX)])
    pdf.Root.Threads = Array([])
    with pdf.open_outline() as outline:
        outline.root.append(OutlineItem("Điều 1", 0))
        outline.root.append(OutlineItem("Chạy", action=Dictionary(S=Name.JavaScript, JS=pikepdf.String("1"))))


def _furnish_page(pdf: Pdf) -> None:
    """Keys that programs leave at a page: thumbnail, private data, transition, preset steps, web capture."""
    page: Page = pdf.pages[0]
    page.obj.Thumb = files.image_stream(pdf, files.drawn_page((60, 85)))
    page.obj.PieceInfo = Dictionary(Word=Dictionary(LastModified=pikepdf.String("D:20240101"), Private=1))
    page.obj.Trans = Dictionary(S=Name.Wipe)
    page.obj.PresSteps = Dictionary(Type=Name.NavNode)
    page.obj.Group = Dictionary(Type=Name.Group, S=Name.Transparency, CS=Name.DeviceCMYK)
    page.obj.Metadata = pdf.make_stream(b"<x/>", Type=Name.Metadata, Subtype=Name.XML)


def _sloppy_content(pdf: Pdf) -> None:
    """Content with an operator nobody knows, one `Q` too many, and an inline image."""
    pdf.pages[0].contents_add(
        b"BX xyz EX q 10 0 0 10 60 60 cm BI /W 1 /H 1 /BPC 8 /CS /G /I true ID \x80 EI Q Q", prepend=False
    )


def _drawn_form(pdf: Pdf, content: bytes) -> pikepdf.Object:
    return pdf.make_stream(content, Type=Name.XObject, Subtype=Name.Form, BBox=Array([0, 0, 60, 20]))


def _rect(bottom: float) -> Array:
    return Array([300, bottom, 360, bottom + 20])


_CHANGES_OF_TEXT: dict[str, Change] = {"tagged": _tag, "linked": _link}
_CHANGES_OF_ANY: dict[str, Change] = {
    "shifted": _shift_boxes,
    "user_unit": _with_user_unit,
    "annotated": _annotate,
    "see_through_stamp": _see_through_stamp,
    "form": _fill_in_form,
    "layers": _in_layers,
    "see_through": _see_through,
    "odd_graphics_state": _odd_graphics_state,
    "printers_colours": _printers_colours,
    "shading": _shade,
    "described_oddly": _describe_oddly,
    "furnished": _furnish_page,
    "sloppy_content": _sloppy_content,
}
