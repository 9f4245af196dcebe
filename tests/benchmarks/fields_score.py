"""How right the fields are: exact matches, accepted values, review and calibration, with 95 % intervals (Wilson)."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt

from sohoa.mandatory import mandatory_fields
from sohoa.model import Field
from tests.benchmarks.fields_sample import Outcome

FIELDS = (
    "type_name", "code_number", "code_notation", "issued_date", "place", "organ_name", "parent_organ_name", "subject",
    "signer_name", "signer_position", "signing_authority", "recipients", "priority", "security_mark", "page_amount",
)  # fmt: skip
BY_TYPE = (
    "valid_from", "valid_until", "owner_name", "owner_id", "owner_id_kind", "address", "dossier_code", "procedure_code",
    "applicant_name", "received_date", "due_date", "components",
)  # fmt: skip
_ANY_OF = {"signer_name": "signers", "signer_position": "signer_positions"}
BINS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 1.0)


@dataclass(frozen=True, slots=True)
class Share:
    """`hits` of `of`."""

    hits: int
    of: int

    def __add__(self, other: Share) -> Share:
        return Share(self.hits + other.hits, self.of + other.of)

    @property
    def rate(self) -> float:
        return self.hits / self.of if self.of else 0.0

    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the rate."""
        if not self.of:
            return 0.0, 1.0
        z, n, p = 1.959964, self.of, self.rate
        middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
        return max(0.0, middle - half), min(1.0, middle + half)

    def __str__(self) -> str:
        if not self.of:
            return "-"
        low, high = self.interval()
        return f"{100 * self.rate:.1f} % ({100 * low:.1f}-{100 * high:.1f}), {self.hits}/{self.of}"


NONE = Share(0, 0)


@dataclass(frozen=True, slots=True)
class Judged:
    """One value against the truth."""

    name: str
    right: bool
    confidence: float
    accepted: bool


def judge(outcome: Outcome, fields: Mapping[str, Field]) -> list[Judged]:
    """Every field that the truth speaks of; of a paper under a security mark only the mark, for reading stops there."""
    marked = outcome.truth.get("security_mark") is not None
    judged = []
    for name in (*FIELDS, *BY_TYPE):
        if name not in outcome.truth or (marked and name != "security_mark"):
            continue
        field = fields.get(name) or Field(None, 0.0)
        judged.append(Judged(name, is_right(outcome, name, field.value), field.confidence, field.accepted))
    return judged


def is_right(outcome: Outcome, name: str, value: str | None) -> bool:
    """Exactly the truth, NFC and with spaces collapsed; of a joint paper any of the signers will do."""
    allowed = {_clean(outcome.truth[name])}
    allowed |= {_clean(each) for each in outcome.extra.get(_ANY_OF.get(name, ""), ())}
    return _clean(value) in allowed


def exact(judged: Iterable[Judged], name: str) -> Share:
    return _share([each.right for each in judged if each.name == name])


def false_accepts(judged: Iterable[Judged], name: str | None = None) -> Share:
    """Accepted and wrong, of all values."""
    return _share([each.accepted and not each.right for each in judged if name in (None, each.name)])


def accepted_right(judged: Iterable[Judged], name: str | None = None) -> Share:
    """Right, of those accepted."""
    return _share([each.right for each in judged if each.accepted and name in (None, each.name)])


def mandatory_accepted(outcomes: Iterable[Outcome]) -> Share:
    """Mandatory fields that were accepted, whether the paper has them or leaves them blank."""
    return _share([accepted for outcome in outcomes for accepted in _needed(outcome)])


def for_review(outcomes: Iterable[Outcome]) -> Share:
    """Papers of which a mandatory field was not accepted, or that are held."""
    return _share([not all(_needed(outcome)) for outcome in outcomes])


@dataclass(frozen=True, slots=True)
class Bin:
    """Values of one stretch of confidence: how sure on average, and how often right."""

    low: float
    high: float
    mean_confidence: float
    right: Share


def calibration(judged: Sequence[Judged]) -> list[Bin]:
    """The reliability curve over all fields that were read with some confidence."""
    bins = []
    for low, high in pairwise(BINS):
        inside = [each for each in judged if low < each.confidence <= high]
        if inside:
            mean = sum(each.confidence for each in inside) / len(inside)
            bins.append(Bin(low, high, mean, _share([each.right for each in inside])))
    return bins


def calibration_error(bins: Sequence[Bin]) -> float:
    """The expected calibration error: how far confidence and rate lie apart, on average over values."""
    count = sum(each.right.of for each in bins)
    return sum(abs(each.mean_confidence - each.right.rate) * each.right.of for each in bins) / count if count else 0.0


def _needed(outcome: Outcome) -> list[bool]:
    if outcome.truth.get("security_mark") is not None:
        return []
    names = [name for name in mandatory_fields(outcome.truth.get("type_name")) if name in outcome.truth]
    return [name in outcome.read and outcome.read[name].accepted for name in names]


def _share(flags: Sequence[bool]) -> Share:
    return Share(sum(flags), len(flags))


def _clean(value: str | None) -> str | None:
    return (
        None
        if value is None
        else "\n".join(" ".join(line.split()) for line in unicodedata.normalize("NFC", value).splitlines())
    )
