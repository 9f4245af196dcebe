"""What the API says of a document, for its description and checked on the way out (keys: docs/cli.md)."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from sohoa.states import DocumentStatus, Origin, PageStatus, Review, RevisionKind, WantedKind
from storage.catalog.documents import Document
from storage.presentation import document_json, is_archived

ID = "01JGFJJZ000000000000000000"
_SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"}, examples=["2026-01-02T03:04:05.000Z"])]
BoxShape = Annotated[list[int], Field(min_length=4, max_length=4, examples=[[310, 402, 395, 440]])]


class Original(BaseModel):
    """The bytes as received."""

    sha256: str = Field(examples=[_SHA256])
    size_bytes: int = Field(examples=[482113])


class Pdf(BaseModel):
    """The archived PDF/A."""

    sha256: str = Field(examples=[_SHA256])
    size_bytes: int = Field(examples=[490007])
    conformance: str = Field(examples=["PDF/A-2b"])


class Why(BaseModel):
    """Why a document is held or failed."""

    code: str = Field(examples=["encrypted"])
    detail: str | None = Field(examples=["the PDF needs a password to open"])


class Links(BaseModel):
    """Where more of a document is; null while there is none."""

    self: str = Field(examples=[f"/v1/documents/{ID}"])
    original: str = Field(examples=[f"/v1/documents/{ID}/original"])
    pdf: str | None = Field(examples=[f"/v1/documents/{ID}/pdf"])
    text: str | None = Field(examples=[f"/v1/documents/{ID}/text"])
    alto: str | None = Field(examples=[f"/v1/documents/{ID}/alto"])
    pages: list[str] = Field(description="one for each page", examples=[[f"/v1/documents/{ID}/pages/1"]])


class AppendedOut(BaseModel):
    """A further original, whose pages follow those before."""

    filename: str = Field(examples=["page_3.jpg"])
    sha256: str = Field(examples=[_SHA256])
    size_bytes: int = Field(examples=[182113])
    pages: int = Field(examples=[1])


class RevisionOut(BaseModel):
    """A new original that is on its way (`received`), or that was `held` or `failed`: then the document stays as it was."""

    kind: RevisionKind
    status: DocumentStatus
    error: Why | None
    stage: str | None = Field(description="the stage that held or failed it", examples=[None])
    actor: str = Field(examples=["person:lan"])
    at: Moment
    reason: str = Field(examples=["the seal was cut off"])
    receipt: str = Field(description="the id of the receipt for its bytes", examples=[ID])


class PlaceOut(BaseModel):
    """Where on the paper a field stands."""

    page: int = Field(examples=[1])
    box: BoxShape


class FieldOut(BaseModel):
    """A value read from the paper, or said by a person."""

    value: str | None = Field(examples=["138"])
    display: str | None = Field(description="the house's capitals undone", examples=["138"])
    raw: str = Field(description="what the engine read there", examples=["138"])
    confidence: float = Field(description="the chance that it is right", examples=[0.97])
    evidence: list[PlaceOut]
    origin: Origin
    accepted: bool = Field(description="nobody need look at it")


class CheckOut(BaseModel):
    """One person's look at the fields. `check` is 1, 2 for a second person's, 3 for a later correction."""

    check: int = Field(examples=[1])
    actor: str = Field(examples=["person:lan"])
    at: Moment
    fields: list[str] = Field(examples=[["code_number", "subject"]])
    changed: list[str] = Field(examples=[["subject"]])
    unreadable: list[str] = Field(examples=[[]])


class WantedOut(BaseModel):
    """What is still to be done about a document."""

    kind: WantedKind
    actor: str = Field(examples=["person:lan"])
    at: Moment
    reason: str = Field(examples=["page 2 is upside down"])
    pages: list[int] = Field(examples=[[2]])
    turns: dict[str, int] = Field(default={}, description="degrees clockwise by page", examples=[{"2": 90}])


class PartOut(BaseModel):
    """Another document, and which pages of the one that was split: the first and the last."""

    document_id: str = Field(examples=[ID])
    pages: list[int] = Field(min_length=2, max_length=2, examples=[[3, 5]])


class DocumentOut(BaseModel):
    """A document and how it stands."""

    document_id: str = Field(examples=[ID])
    source: str = Field(description="the file's name as given", examples=["scan_01.pdf"])
    dossier: str | None = Field(examples=["000.00.05.H02-230105-0001"])
    office: str = Field(examples=["H02"])
    status: DocumentStatus
    review: Review
    duplicate_of: str | None = Field(description="always null here; a receipt says it")
    pages: int | None = Field(description="how many; null while unknown", examples=[2])
    pages_failed: list[int] = Field(examples=[[]])
    pdf: Pdf | None
    original: Original
    appended: list[AppendedOut]
    revision: RevisionOut | None
    fields: dict[str, FieldOut] = Field(description="by name; citizens' numbers as `*********123` in lists")
    checks: list[CheckOut] = Field(description="who looked at the fields, oldest first")
    wanted: WantedOut | None = Field(description="what is still to be done about it")
    split_from: PartOut | None = Field(description="the document that this one was split from, and its pages of it")
    split_into: list[PartOut] = Field(description="the documents that this one was split into", examples=[[]])
    warnings: list[str] = Field(examples=[["low_dpi"]])
    error: Why | None
    stage: str | None = Field(description="the stage that held or failed it", examples=[None])
    external_id: str | None = Field(examples=["case-7"])
    declared: dict[str, Any] = Field(examples=[{"type": "QĐ"}])
    received_at: Moment
    archived_at: Moment | None
    searchable_at: Moment | None
    links: Links


class DocumentList(BaseModel):
    """Some documents in the order of their last change; `next_cursor` is null when there are no more now."""

    items: list[DocumentOut]
    next_cursor: str | None = Field(examples=["1842"])


class ReceiptOut(BaseModel):
    """The bytes are durable. With `duplicate_of`, they were here before and nothing new was stored."""

    document_id: str = Field(examples=[ID])
    status: DocumentStatus
    duplicate_of: str | None = Field(examples=[None])
    spooled: bool = Field(
        description="true: the archive's store is away, and the bytes wait on this machine until it answers",
        examples=[False],
    )
    received_at: Moment
    original: Original
    links: Links


class RevisionReceiptOut(BaseModel):
    """The bytes are durable. The document stays as it is until they are archived in it."""

    document_id: str = Field(examples=[ID])
    revision: RevisionOut
    spooled: bool = Field(description="as in the receipt of a new paper", examples=[False])
    links: Links


class WordOut(BaseModel):
    """A word as read; confidence in [0, 1]."""

    text: str = Field(examples=["QUYẾT"])
    box: BoxShape
    confidence: float = Field(examples=[0.96])


class QualityOut(BaseModel):
    """What was measured on the page image."""

    dpi: float = Field(examples=[300.0])
    dpi_inferred: bool
    skew_deg: float | None = Field(description="clockwise", examples=[0.4])
    sharpness: float = Field(examples=[812.5])
    ink_share: float = Field(examples=[0.06])
    mean_confidence: float | None = Field(examples=[0.93])
    colour: str = Field(examples=["colour"])
    warnings: list[str]


class PageOut(BaseModel):
    """A page in its frame: as displayed at full resolution, after `turn_deg` (a quarter turn that was found)."""

    number: int = Field(examples=[1])
    status: PageStatus
    code: str | None = Field(description="why a failed page failed", examples=[None])
    width_px: int = Field(examples=[2480])
    height_px: int = Field(examples=[3508])
    dpi: float = Field(examples=[300.0])
    turn_deg: int = Field(examples=[0])
    text: str = Field(examples=["QUYẾT ĐỊNH"])
    words: list[WordOut]
    quality: QualityOut | None


class Reason(BaseModel):
    """Why; kept in the archive with who decided it."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=1, max_length=500, pattern=r"\S", examples=["the sender gave the password"])


class Release(Reason):
    """A held document may go on; one held as `encrypted` needs its password, which is used once and kept nowhere."""

    password: SecretStr | None = Field(default=None, max_length=256, examples=["********"])


class Move(Reason):
    """Where a document goes: a dossier, or null for out of any."""

    to: str | None = Field(max_length=200, examples=["000.00.05.H02-230105-0002"])


def describe_document(document: Document, *, whole: bool = False) -> dict[str, Any]:
    """A document for an answer. The archive's own paths stay inside; citizens' numbers are shown only if `whole`."""
    described = document_json(document, source=document.source_name, archive=None, whole=whole)
    return {**described, "links": links_of(document)}


def links_of(document: Document) -> dict[str, Any]:
    """Where more of a document is."""
    here = f"/v1/documents/{document.document_id}"
    done = is_archived(document)
    return {
        "self": here,
        "original": f"{here}/original",
        **{name: f"{here}/{name}" if done else None for name in ("pdf", "text", "alto")},
        "pages": [f"{here}/pages/{number}" for number in range(1, (document.pages_total or 0) + 1)] if done else [],
    }
