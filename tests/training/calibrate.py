"""Measures how often candidates of each score are right, on drawn papers held apart, and writes calibration.json.

python -m tests.training.calibrate [--papers N] [--processes N] [--write]

Its papers are drawn from other seeds than those that rules and models were made on, and than those of `make accuracy`.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import ocr_workers.reading
from ocr_workers.reading.confidence import Calibration, Curve, how_read
from ocr_workers.reading.top import DIGITS
from sohoa.mandatory import mandatory_fields
from sohoa.paper_types import paper_types, type_named
from tests.benchmarks.fields_sample import Outcome, Task, read_all
from tests.benchmarks.fields_score import BY_TYPE, FIELDS, is_right
from tests.benchmarks.say import say
from tests.support.press import LAYOUTS

SEEDS = (780_000, 840_000)
"""Two draws: errors of the first were looked at, of the second none. Among 500 papers one wrong value shuts a field."""
_SHARES = {"typical": 0.5, "poor": 0.3, "clean": 0.1, "fax": 0.1}
_COSTS, _COSTS_OF_NAMES, _COSTS_OF_OTHERS = 35, 80, 300
"""How many right values that nobody looks at one wrong one among them outweighs: of fields that some paper must have; of names,
of which four times as many were wrong on papers of other hands as on ours (docs/decisions/0035 and 0036); and of others, where a
person is not asked anyhow."""
_COSTS_AT_ONCE = 200
"""And of one that is accepted after the page's own pass, where to read it again is still open and tells more."""
_LEAST_SCORE, _LEAST_ALONE, _LEAST_BY_HAND = 0.32, 0.32, 0.5
"""Below, nothing is accepted even where hardly anything drawn was wrong, for other papers go wrong in more ways. What was read
once must have more, and digits that may be by hand most: of days between 0.2 and 0.5 one of 101 was wrong on our papers, two of
37 on papers of other hands (docs/decisions/0035). What sense speaks against has less than any of these."""
_LEAST_CHANCE = 0.95
"""And nothing that is less likely right, whatever it gains."""
_LEAST_SAMPLE = 30
_MARGIN = 1.65
"""How many times the odds a wrong value of other papers may have of the best wrong one here: thresholds that lie right above the
highest wrong score let twice as many wrong ones pass on papers that were not measured."""
_NEVER = 1.1
"""Above all scores."""
_MANDATORY = frozenset(name for kind in paper_types() for name in mandatory_fields(kind.name))

_LABELLED, _TYPED = 0.15, 0.25  # beside the others
_WITH_LABELS = [
    name
    for name, layout in LAYOUTS.items()
    if (kind := type_named(layout.type_name)) is not None and kind.kind != "act"
]

Case = tuple[float, bool]
"""A candidate's score, and whether it was right."""
Key = tuple[str, str]
"""A field's name, and how it was read."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.training.calibrate", description=__doc__.split("\n", 1)[0])
    parser.add_argument(
        "--papers", type=int, default=520, help="of each of two draws, and two fifths as many with labels, or typed"
    )
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--write", action="store_true", help="replace ocr_workers/reading/calibration.json")
    asked = parser.parse_args()
    outcomes = []
    for outcome in read_all(tasks(asked.papers), processes=asked.processes, measured=False):
        outcomes.append(outcome)
        if len(outcomes) % 20 == 0:
            say(f"{len(outcomes)} papers read")
    curves = curves_of(outcomes)
    told = Calibration(curves)
    for (name, how), cases in cases_of(outcomes, told).items():
        if (name, how) not in curves:
            say(f"{name}, {how}: {len(cases)} read, too few")
            continue
        taken = [right for score, right in cases if score >= curves[name, how].enough]
        say(
            f"{name}, {how}: {len(cases)} read, {sum(right for _, right in cases)} right; "
            f"{len(taken)} accepted at {curves[name, how].enough:.3f}, {len(taken) - sum(taken)} of them wrong"
        )
    if asked.write:
        write(curves, papers=len(outcomes))
        say("written to calibration.json")
    return 0


def write(curves: Mapping[Key, Curve], *, papers: int) -> None:
    """Make the curves, measured on so many `papers`, those that come with this version."""
    fields: dict[str, dict[str, Any]] = defaultdict(dict)
    for (name, how), curve in sorted(curves.items()):
        fields[name][how] = {"scores": curve.scores, "chances": curve.chances, "enough": curve.enough}
    about = {"papers": papers, "seeds": SEEDS, "fields": fields}
    target = Path(ocr_workers.reading.__file__).with_name("calibration.json")
    target.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


def tasks(papers: int) -> list[Task]:
    """So many drawn papers of each seed, of all levels as offices send them; beside them some with labelled fields, and some
    that were never printed."""
    return [task for seed in SEEDS for task in _tasks_of(seed, papers)]


def _tasks_of(seed: int, papers: int) -> Iterator[Task]:
    first = seed
    for level, share in _SHARES.items():
        yield from (Task(level, seed=first + at, level=level, plain=False) for at in range(round(papers * share)))
        first += 10_000
    for at in range(round(papers * _LABELLED)):
        layout, level = _WITH_LABELS[at % len(_WITH_LABELS)], ("typical", "poor", "typical")[at % 3]
        yield Task("labelled", seed=first + at, level=level, plain=False, layout=layout)
    first += 10_000
    yield from (Task("typed", seed=first + at, plain=False, typed=True) for at in range(round(papers * _TYPED)))


def curves_of(outcomes: Sequence[Outcome]) -> dict[Key, Curve]:
    """The curves of fields that were read often enough; first of those that one reading tells, for what is sure after one is
    not read again."""
    curves: dict[Key, Curve] = {}
    for ways in (("typed", "alone"), ("agreed", "mixed")):
        found = cases_of(outcomes, Calibration(curves))
        curves |= {
            key: curve_of(
                cases,
                costs=_costs_of(*key),
                least=_least_of(*key),
            )
            for key, cases in found.items()
            if key[1] in ways and len(cases) >= _LEAST_SAMPLE
        }
    return curves


def _costs_of(name: str, how: str) -> int:
    if name not in _MANDATORY:
        return _COSTS_OF_OTHERS
    if how == "alone":
        return _COSTS_AT_ONCE
    return _COSTS_OF_NAMES if name == "signer_name" else _COSTS


def _least_of(name: str, how: str) -> float:
    if name in DIGITS and how != "typed":
        return _LEAST_BY_HAND
    return _LEAST_ALONE if how == "alone" else _LEAST_SCORE


def cases_of(outcomes: Iterable[Outcome], after_one: Calibration) -> dict[Key, list[Case]]:
    """By field and by how it was read: the score of what was read, and whether it is what the paper says.

    What `after_one` accepts of the page's own pass is not among the cases of several readings.
    """
    cases: dict[Key, list[Case]] = defaultdict(list)
    for outcome in outcomes:
        if outcome.truth.get("security_mark") is not None:
            continue
        for name in (*FIELDS, *BY_TYPE):
            if name not in outcome.truth or name not in outcome.best:
                continue
            best, first = outcome.best[name], outcome.alone.get(name)
            if best.looks > 1 and first is not None:
                cases[name, "alone"].append((first.score, is_right(outcome, name, first.value)))
                if after_one.accepts(name, [first]):
                    continue
            cases[name, how_read(best)].append((best.score, is_right(outcome, name, best.value)))
    return cases


def curve_of(cases: Sequence[Case], *, costs: int = _COSTS, least: float = _LEAST_SCORE) -> Curve:
    """The rising curve nearest to the cases (pool adjacent violators), each pool drawn a little towards a half.

    `costs`: how many right values a wrong one outweighs where it is decided what is accepted; `least`: nothing below is.
    """
    ordered = sorted(cases)
    pools: list[list[Case]] = []
    for _, alike in groupby(ordered, key=itemgetter(0)):
        pools.append(list(alike))
        while len(pools) > 1 and _rate(pools[-2]) >= _rate(pools[-1]):
            last = pools.pop()
            pools[-1] += last
    scores, chances, best = [], [], 0.0
    for pool in pools:
        best = max(best, (sum(right for _, right in pool) + 0.5) / (len(pool) + 1))
        scores += [round(pool[0][0], 4), round(pool[-1][0], 4)]
        chances += [round(best, 4)] * 2
    credible = next((score for score, chance in zip(scores, chances, strict=True) if chance >= _LEAST_CHANCE), _NEVER)
    return Curve(tuple(scores), tuple(chances), max(_enough(ordered, costs, least), credible))


def _rate(pool: Sequence[Case]) -> float:
    return sum(right for _, right in pool) / len(pool)


def _enough(ordered: Sequence[Case], costs: int, least: float) -> float:
    """The score from which on accepting gains most, were the wrong ones read somewhat better than they were; above all scores
    where it gains nothing."""
    ordered = sorted((score if right else _better(score), right) for score, right in ordered)
    gain, most, best = 0, 0, _NEVER
    for taken, (score, right) in enumerate(reversed(ordered), 1):
        gain += 1 if right else -costs
        last_of_its_score = taken == len(ordered) or ordered[-taken - 1][0] < score
        if last_of_its_score and gain > most and score >= least:
            most, best = gain, score
    return round(best, 4)


def _better(score: float) -> float:
    odds = score / max(1 - score, 1e-9) * _MARGIN
    return odds / (1 + odds)


if __name__ == "__main__":
    raise SystemExit(main())
