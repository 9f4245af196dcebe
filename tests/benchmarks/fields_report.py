"""The tables of docs/accuracy.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from tests.benchmarks import fields_baseline
from tests.benchmarks.fields_sample import Outcome
from tests.benchmarks.fields_score import (
    BY_TYPE,
    FIELDS,
    NONE,
    Bin,
    Judged,
    Share,
    accepted_right,
    calibration,
    calibration_error,
    exact,
    false_accepts,
    for_review,
    is_right,
    judge,
    mandatory_accepted,
)
from tests.benchmarks.report import Figure, table

DRAWN = ("clean", "typical", "poor", "fax")
REAL, KIENGIANG, OTHERS, BAD = "real", "real, kiengiang", "real, others", "bad input"
_TO_REACH = {
    REAL: {
        "issued_date": 0.97, "code_notation": 0.95, "organ_name": 0.95, "type_name": 0.95, "subject": 0.85, "signer_name": 0.75,
        "signer_position": 0.75,
    },
    "typical": {
        "type_name": 0.99, "code_number": 0.97, "code_notation": 0.97, "issued_date": 0.97, "organ_name": 0.97, "subject": 0.92,
        "signer_name": 0.92, "signer_position": 0.92,
    },
}  # fmt: skip
_RIGHT_WHEN_ACCEPTED = 0.995
_MANDATORY = {REAL: 0.65, "typical": 0.85}
_CER = {"typical": 0.010, "poor": 0.020}


@dataclass(frozen=True, slots=True)
class Groups:
    """Outcomes by level and origin."""

    outcomes: Mapping[str, Sequence[Outcome]]

    @classmethod
    def of(cls, outcomes: Sequence[Outcome]) -> Groups:
        groups: dict[str, list[Outcome]] = {name: [] for name in (*DRAWN, REAL, KIENGIANG, OTHERS, BAD)}
        for outcome in outcomes:
            groups[outcome.task.group].append(outcome)
            if outcome.task.group == REAL:
                groups[KIENGIANG if outcome.extra["agency_group"] == "kiengiang" else OTHERS].append(outcome)
        return cls({name: group for name, group in groups.items() if group})

    def judged(self, name: str) -> list[Judged]:
        return [each for outcome in self.outcomes.get(name, ()) for each in judge(outcome, outcome.read)]

    def curves(self) -> dict[str, Sequence[Bin]]:
        """Calibration of drawn and of real papers."""
        drawn = [each for name in DRAWN for each in self.judged(name)]
        curves = {"drawn papers": calibration(drawn), "real papers": calibration(self.judged(REAL))}
        return {name: bins for name, bins in curves.items() if bins}


def figures(groups: Groups) -> list[Figure]:
    """The figures that issue 5 wants, and how they came out."""
    found = []
    for name, wanted in _TO_REACH.items():
        judged = groups.judged(name)
        if not judged:
            continue
        for field, least in wanted.items():
            found.append(_figure(f"{field}, {name}", exact(judged, field), least))
        if name == REAL:
            for by, least in (("by hand", 0.85), ("printed", 0.97)):
                found.append(_figure(f"code_number {by}, {name}", _numbers(groups.outcomes[name], by), least))
        found.append(
            _figure(f"mandatory fields accepted, {name}", mandatory_accepted(groups.outcomes[name]), _MANDATORY[name])
        )
        found.append(_figure(f"accepted values that are right, {name}", accepted_right(judged), _RIGHT_WHEN_ACCEPTED))
    every = [each for name in DRAWN for each in groups.judged(name)]
    found.append(_figure("accepted values that are right, all drawn", accepted_right(every), _RIGHT_WHEN_ACCEPTED))
    for name, most in _CER.items():
        if outcomes := groups.outcomes.get(name):
            rate = fmean(rate for outcome in outcomes for rate in outcome.cer)
            found.append(
                Figure(
                    "cer",
                    f"wrong characters (CER), {name}",
                    f"≤ {100 * most:.1f} %",
                    f"{100 * rate:.2f} %",
                    rate <= most,
                )
            )
    clean, poor = (groups.outcomes.get(name) for name in ("clean", "poor"))
    if clean and poor:
        lost = mandatory_accepted(clean).rate - mandatory_accepted(poor).rate
        found.append(
            Figure(
                "loss", "clean to poor, loss of accepted share", "≤ 25 points", f"{100 * lost:.0f} points", lost <= 0.25
            )
        )
    return found


def sections(groups: Groups, hard: Sequence[Outcome]) -> list[str]:
    """Everything below the table of figures."""
    lines = [
        "Rates are exact matches of `value` with 95 % intervals (Wilson) and counts. A joint paper's signer: any.",
        "",
    ]
    lines += ["## Papers", "", *_overall(groups), "", "## Fields", ""]
    lines += [
        "False accepts are values that were accepted and are wrong, of all. Last column: plain Tesseract and patterns.",
        "",
    ]
    lines += [*_fields(groups), "", "## By hand, by machine, printed", "", *_fillings(groups), ""]
    if any(outcome.once for group in groups.outcomes.values() for outcome in group):
        lines += ["## The second look", "", *_second_look(groups), ""]
    if BAD in groups.outcomes:
        lines += ["## Bad inputs", "", *_bad(groups.outcomes[BAD]), ""]
    lines += ["## Calibration", ""]
    for name, bins in groups.curves().items():
        count, error = sum(each.right.of for each in bins), calibration_error(bins)
        lines.append(f"- {name}: expected calibration error {100 * error:.1f} points over {count} values")
    lines += ["", "![Confidence against how often a value was right](images/calibration.png)", ""]
    if hard:
        names = ", ".join(
            f"{outcome.extra['layout']} ({outcome.task.level}, seed {outcome.task.seed})" for outcome in hard
        )
        lines += [
            "## Five hard drawn papers",
            "",
            f"{names}. Green: right and accepted; orange: right, not accepted; red: wrong.",
            "",
        ]
        lines += ["![Five hard papers with the boxes of their fields](images/hard-papers.png)", ""]
    return lines


def _overall(groups: Groups) -> list[str]:
    rows = []
    for name, outcomes in groups.outcomes.items():
        if name == BAD:
            continue
        judged = groups.judged(name)
        cer = [rate for outcome in outcomes for rate in outcome.cer]
        wer = [rate for outcome in outcomes for rate in outcome.wer]
        alone = [rate for outcome in outcomes for rate in outcome.cer_alone]
        rows.append(
            (
                name,
                len(outcomes),
                accepted_right(judged),
                false_accepts(judged),
                mandatory_accepted(outcomes),
                for_review(outcomes),
                f"{100 * fmean(cer):.2f} %" if cer else "-",
                f"{100 * fmean(wer):.2f} %" if wer else "-",
                f"{100 * fmean(alone):.2f} %" if alone else "-",
            )
        )
    heads = (
        "Group",
        "papers",
        "accepted that are right",
        "false accepts",
        "mandatory fields accepted",
        "papers to review",
        "CER",
        "WER",
        "CER of the page pass alone",
    )
    return table(heads, rows)


def _fields(groups: Groups) -> list[str]:
    rows = []
    for field in (*FIELDS, *BY_TYPE):
        for name, outcomes in groups.outcomes.items():
            if name == BAD:
                continue
            judged = groups.judged(name)
            share = exact(judged, field)
            if share.of == 0:
                continue
            plain = exact([each for outcome in outcomes for each in judge(outcome, outcome.plain)], field)
            accepted = accepted_right(judged, field).of
            rows.append(
                (
                    field,
                    name,
                    share,
                    f"{100 * accepted / share.of:.0f} %",
                    false_accepts(judged, field),
                    plain if field in fields_baseline.FIELDS else "-",
                )
            )
    return table(("Field", "Papers", "exact", "accepted", "false accepts", "Tesseract and patterns, exact"), rows)


def _fillings(groups: Groups) -> list[str]:
    rows = []
    for field, key in (("code_number", "number"), ("issued_date", "day")):
        for name in ("drawn", REAL):
            outcomes = [
                each for group in (DRAWN if name == "drawn" else (REAL,)) for each in groups.outcomes.get(group, ())
            ]
            outcomes = [each for each in outcomes if field in each.truth and not each.truth.get("security_mark")]
            for means in ("print", "pen", "machine", "blank"):
                chosen = [outcome for outcome in outcomes if _means(outcome, key) == means]
                if chosen:
                    own, plain = (_exact_of(chosen, field, who) for who in ("read", "plain"))
                    rows.append((field, name, means, own, plain))
    return table(("Field", "Papers", "filled in by", "exact", "Tesseract and patterns, exact"), rows)


def _second_look(groups: Groups) -> list[str]:
    rows = []
    for name, outcomes in groups.outcomes.items():
        told = [outcome for outcome in outcomes if outcome.once]
        for field in FIELDS:
            after = exact([each for outcome in told for each in judge(outcome, outcome.read)], field)
            before = exact([each for outcome in told for each in judge(outcome, outcome.once)], field)
            if after.of and after != before:
                rows.append((field, name, before, after))
    return table(("Field", "Papers", "before, exact", "after, exact"), rows)


def _bad(outcomes: Sequence[Outcome]) -> list[str]:
    rows = []
    for kind in dict.fromkeys(outcome.task.kind for outcome in outcomes):
        chosen = [outcome for outcome in outcomes if outcome.task.kind == kind]
        judged = [each for outcome in chosen for each in judge(outcome, outcome.read)]
        decoys = sum(
            outcome.read[name].value in values
            for outcome in chosen
            for name, values in outcome.extra.get("decoys", {}).items()
            if name in outcome.read
        )
        crashes = sum(outcome.error is not None for outcome in chosen)
        wrong = sum(each.accepted and not each.right for each in judged)
        right = sum(each.right for each in judged if each.name != "page_amount")
        rows.append((kind, len(chosen), crashes, wrong, decoys, Share(right, len(judged))))
    return table(("Kind", "papers", "crashes", "accepted and wrong", "decoys taken", "exact over all fields"), rows)


def _numbers(outcomes: Sequence[Outcome], by: str) -> Share:
    """code_number of papers that have one, by hand (or by machine) or printed."""
    chosen = [each for each in outcomes if each.truth.get("code_number") is not None]
    hand = [each for each in chosen if ("number" in each.extra.get("handwritten", ())) == (by == "by hand")]
    return _exact_of(hand, "code_number", "read")


def _exact_of(outcomes: Sequence[Outcome], field: str, who: str) -> Share:
    values = [is_right(each, field, _value(each, field, who)) for each in outcomes]
    return Share(sum(values), len(values)) if values else NONE


def _value(outcome: Outcome, field: str, who: str) -> str | None:
    fields = outcome.read if who == "read" else outcome.plain
    return fields[field].value if field in fields else None


def _means(outcome: Outcome, key: str) -> str:
    """How number or day were filled in; transcriptions of real papers only tell what is written by hand."""
    name = {"number": "code_number", "day": "issued_date"}[key]
    if outcome.truth.get(name) is None:
        return "blank"
    told = outcome.extra.get(f"{key}_by")
    if told is not None:
        return str(told)
    by_hand = {"number": "number", "day": "issued_date"}[key] in outcome.extra.get("handwritten", ())
    return "pen" if by_hand else "print"


def _figure(what: str, share: Share, least: float) -> Figure:
    return Figure(what, what, f"≥ {100 * least:.1f} %", str(share), share.rate >= least if share.of else None)
