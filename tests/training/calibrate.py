"""Measures how often candidates of each score are right, on drawn papers held apart, and writes calibration.json.

python -m tests.training.calibrate [--papers N] [--processes N] [--write]

Its papers are drawn from other seeds than those that rules and models were made on, and than those of `make accuracy`.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import ocr_workers.reading
from ocr_workers.reading.confidence import Curve
from tests.benchmarks.fields_sample import Outcome, Task, read_all
from tests.benchmarks.fields_score import BY_TYPE, FIELDS, is_right
from tests.benchmarks.say import say

SEED = 700_000
_SHARES = {"typical": 0.5, "poor": 0.3, "clean": 0.1, "fax": 0.1}
_WRONG_AMONG = 0.002
"""The share of accepted values that may be wrong here: less than half of what is promised (99.5 % right), for real papers
are worse than drawn ones."""
_LEAST_SCORE = 0.6
"""Below, nothing is accepted even where hardly anything drawn was wrong: real papers go wrong in more ways."""
_LEAST_SAMPLE = 30

Case = tuple[float, bool]
"""A candidate's score, and whether it was right."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.training.calibrate", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--papers", type=int, default=240)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--write", action="store_true", help="replace ocr_workers/reading/calibration.json")
    asked = parser.parse_args()
    outcomes = []
    for outcome in read_all(tasks(asked.papers), processes=asked.processes):
        outcomes.append(outcome)
        if len(outcomes) % 20 == 0:
            say(f"{len(outcomes)} papers read")
    curves = {
        name: curve_of(cases) for name, cases in sorted(cases_of(outcomes).items()) if len(cases) >= _LEAST_SAMPLE
    }
    for name, curve in curves.items():
        cases = cases_of(outcomes)[name]
        taken = [right for score, right in cases if score >= curve.enough]
        say(
            f"{name}: {len(cases)} read, {sum(right for _, right in cases)} right; "
            f"{len(taken)} accepted at {curve.enough:.3f}, {len(taken) - sum(taken)} of them wrong"
        )
    if asked.write:
        target = Path(ocr_workers.reading.__file__).with_name("calibration.json")
        fields = {
            name: {"scores": list(curve.scores), "chances": list(curve.chances), "enough": curve.enough}
            for name, curve in curves.items()
        }
        about = {"papers": len(outcomes), "seed": SEED, "fields": fields}
        target.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
        say(f"written to {target.name}")
    return 0


def tasks(papers: int) -> list[Task]:
    """Drawn papers of all levels, as many of each as offices send."""
    wanted: list[Task] = []
    for place, (level, share) in enumerate(_SHARES.items()):
        first = SEED + 10_000 * place
        wanted += [
            Task(level, seed=seed, level=level, plain=False) for seed in range(first, first + round(papers * share))
        ]
    return wanted


def cases_of(outcomes: Iterable[Outcome]) -> dict[str, list[Case]]:
    """By field: the score of what was read, and whether it is what the paper says."""
    cases: dict[str, list[Case]] = defaultdict(list)
    for outcome in outcomes:
        if outcome.truth.get("security_mark") is not None:
            continue
        for name in (*FIELDS, *BY_TYPE):
            if name in outcome.truth and name in outcome.scores:
                cases[name].append((outcome.scores[name], is_right(outcome, name, outcome.read[name].value)))
    return cases


def curve_of(cases: Sequence[Case]) -> Curve:
    """The rising curve nearest to the cases (pool adjacent violators), each pool drawn a little towards a half."""
    ordered = sorted(cases)
    pools: list[list[Case]] = []
    for case in ordered:
        pools.append([case])
        while len(pools) > 1 and _rate(pools[-2]) >= _rate(pools[-1]):
            last = pools.pop()
            pools[-1] += last
    scores, chances, best = [], [], 0.0
    for pool in pools:
        best = max(best, (sum(right for _, right in pool) + 0.5) / (len(pool) + 1))
        scores += [round(pool[0][0], 4), round(pool[-1][0], 4)]
        chances += [round(best, 4)] * 2
    return Curve(tuple(scores), tuple(chances), _enough(ordered))


def _rate(pool: Sequence[Case]) -> float:
    return sum(right for _, right in pool) / len(pool)


def _enough(ordered: Sequence[Case]) -> float:
    """The lowest score from which on at most _WRONG_AMONG are wrong; above all scores where there is none."""
    wrong, best = 0, 1.1
    for taken, (score, right) in enumerate(reversed(ordered), 1):
        wrong += not right
        last_of_its_score = taken == len(ordered) or ordered[-taken - 1][0] < score
        if last_of_its_score and wrong <= _WRONG_AMONG * taken:
            best = max(score, _LEAST_SCORE)
    return round(best, 4)


if __name__ == "__main__":
    raise SystemExit(main())
