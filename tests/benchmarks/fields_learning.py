"""What confirmed papers bring: the next papers of an office, read with what 0, 5, 20 and 50 confirmed ones have taught."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from ocr_workers.reading.dictionary import Dictionary
from tests.benchmarks.fields_sample import PAPERS, Outcome, Task, read_paper, real_names
from tests.benchmarks.fields_score import Share, accepted_right, exact, judge, mandatory_accepted
from tests.benchmarks.report import table
from tests.benchmarks.say import say
from tests.support.press.one_office import draw_office_papers

SEED = 970_000
CONFIRMED = (0, 5, 20, 50)
_NAMES = ("organ_name", "code_notation", "signer_name", "signer_position")


def measure(papers: int) -> list[str]:
    """The section of the report: the last `papers` of an office of the press, and each paper of one real office with all
    others of it."""
    rows = [[f"{count} confirmed, drawn", *_figures(outcomes)] for count, outcomes in _drawn(papers)]
    rows += [[what, *_figures(outcomes)] for what, outcomes in _real()]
    return [
        "## What confirmed papers bring",
        "",
        (
            f"One drawn office (seed {SEED}, typical): its papers 51 to {50 + papers}, read with what the first ones taught once "
            "a person had confirmed them. One real office (kiengiang): each of its papers with nothing, and with all its others."
        ),
        "",
        *table(["", "mandatory fields accepted", "accepted and right", *_NAMES], rows),
    ]


def _drawn(papers: int) -> Iterator[tuple[int, list[Outcome]]]:
    office = list(draw_office_papers(CONFIRMED[-1] + papers, seed=SEED))
    for count in CONFIRMED:
        known = Dictionary([_values(paper.fields) for paper in office[:count]])
        task = Task("typical", seed=SEED, plain=False)
        yield count, [read_paper(task, paper, known=known) for paper in office[CONFIRMED[-1] :]]
        say(f"{papers} papers of one office read, {count} confirmed")


def _real() -> Iterator[tuple[str, list[Outcome]]]:
    told = {name: json.loads((PAPERS / f"{name}.json").read_text(encoding="utf-8")) for name in real_names()}
    own = {name: each["fields"] for name, each in told.items() if each["agency_group"] == "kiengiang"}
    if not own:
        return
    for what, with_others in (("nothing confirmed, real", False), ("all others confirmed, real", True)):
        outcomes = []
        for name in own:
            others = [_values(fields) for other, fields in own.items() if other != name]
            known = Dictionary(others if with_others else [])
            outcomes.append(read_paper(Task("real", name=name), None, known=known))
        yield what, outcomes


def _values(fields: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in fields.items() if value is not None}


def _figures(outcomes: Sequence[Outcome]) -> list[Share]:
    judged = [each for outcome in outcomes for each in judge(outcome, outcome.read)]
    return [mandatory_accepted(outcomes), accepted_right(judged), *(exact(judged, name) for name in _NAMES)]
