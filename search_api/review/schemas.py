"""What the API says and hears about the review queue (keys: docs/cli.md)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ingest.reviewing import Correction
from search_api.documents.schemas import ID, DocumentOut, Moment, PlaceOut, Reason, WantedOut
from sohoa.model import Evidence
from sohoa.states import Review, WantedKind

_Version = Annotated[int, Field(ge=1, description="`version` of the paper as it was seen", examples=[1])]


class ClaimOut(BaseModel):
    """Who has a paper before them; nobody else gets it until then."""

    actor: str = Field(examples=["person:lan"])
    claimed_at: Moment
    claimed_until: Moment


class WaitingOut(BaseModel):
    """A paper in the queue."""

    document_id: str = Field(examples=[ID])
    version: int = Field(examples=[1])
    office: str = Field(examples=["H02"])
    dossier: str | None = Field(examples=["000.00.05.H02-230105-0001"])
    source: str = Field(examples=["scan_01.pdf"])
    type_name: str | None = Field(examples=["Quyết định"])
    pages: int | None = Field(examples=[2])
    review: Review
    reasons: list[str] = Field(
        description="why: second_check, split, rotate, rescan, unsure, page_failed, split_proposed",
        examples=[["unsure"]],
    )
    unsure: list[str] = Field(description="mandatory fields that nobody is sure of", examples=[["signer_name"]])
    wanted: WantedOut | None
    claim: ClaimOut | None
    received_at: Moment


class QueueOut(BaseModel):
    """Some of the queue, oldest first; `total` counts all of it."""

    items: list[WaitingOut]
    next_cursor: str | None = Field(examples=["1767322984000000-" + ID])
    total: int = Field(examples=[12])


class SplitOut(BaseModel):
    """A page on which another paper may begin, and how likely that is."""

    page: int = Field(examples=[3])
    reason: str = Field(examples=["header"])
    score: float = Field(examples=[0.9])


class PaperOut(BaseModel):
    """A paper to be confirmed, whole, and why it waits."""

    waiting: WaitingOut
    document: DocumentOut
    splits: list[SplitOut] = Field(description="where the machine believes that another paper begins")


class AgreementOut(BaseModel):
    """How often second checks left a field as one person had it."""

    actor: str = Field(examples=["person:lan"])
    field: str = Field(examples=["subject"])
    checked: int = Field(examples=[40])
    agreed: int = Field(examples=[39])
    share: float = Field(examples=[0.975])


class AgreementList(BaseModel):
    """Of all papers that two people checked."""

    items: list[AgreementOut]


class Next(BaseModel):
    """Which papers to take from."""

    model_config = ConfigDict(extra="forbid")

    type: str | None = Field(default=None, max_length=100, examples=["Quyết định"])
    office: str | None = Field(default=None, max_length=64, examples=["H02"])


class Seen(BaseModel):
    """The version that was looked at; another since is a conflict."""

    model_config = ConfigDict(extra="forbid")

    version: _Version


class CorrectedField(BaseModel):
    """What stands on the paper; null: nobody can read it. Without `evidence` it stands where it was read."""

    model_config = ConfigDict(extra="forbid")

    value: str | None = Field(max_length=5000, examples=["138"])
    evidence: list[PlaceOut] | None = Field(default=None, max_length=50)


class Correct(Seen):
    """These fields say this, all others are right."""

    fields: dict[str, CorrectedField | str | None] = Field(
        min_length=1, max_length=50, examples=[{"code_number": "139", "signer_name": None}]
    )


class Unreadable(Seen):
    """Nobody can read these fields, all others are right."""

    fields: list[str] = Field(min_length=1, max_length=50, examples=[["signer_name"]])


class TypeName(Seen):
    """The paper is of another type, all else is right."""

    type_name: str = Field(max_length=100, examples=["Công văn"])


class Ask(Reason):
    """What must be done before the paper can be confirmed."""

    version: _Version
    pages: list[int] = Field(default=[], max_length=2000, examples=[[2]])
    turns: dict[int, Literal[90, 180, 270]] = Field(
        default={},
        max_length=2000,
        description="rotate: pages, and by how many degrees clockwise from how each is shown",
        examples=[{"2": 90}],
    )
    begins: list[int] = Field(
        default=[], max_length=2000, description="split: the pages on which another paper begins", examples=[[3]]
    )


Asked = Literal[WantedKind.SPLIT, WantedKind.ROTATE, WantedKind.RESCAN]


def corrections_of(fields: dict[str, Any]) -> dict[str, Correction]:
    """The corrections that a body names."""
    return {name: _correction(one) for name, one in fields.items()}


def _correction(one: CorrectedField | str | None) -> Correction:
    if not isinstance(one, CorrectedField):
        return Correction(one)
    if one.evidence is None:
        return Correction(one.value)
    places = [(place.page, place.box) for place in one.evidence]
    return Correction(one.value, tuple(Evidence(page, (box[0], box[1], box[2], box[3])) for page, box in places))
