"""What many workers would do, from what one was measured to need: a closed queueing network, solved by exact mean value analysis
(Reiser and Lavenberg, 1980)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tests.benchmarks.scale_workers import Run

WORKERS = 64
LEAST_OF_LINEAR = 0.9


@dataclass(frozen=True, slots=True)
class Prediction:
    """Pages a second by number of workers; `demands` are seconds that a page needs of each thing that only one can have at a
    time, `alone_s` those that a worker spends by itself."""

    demands: Mapping[str, float]
    alone_s: float
    pages_per_s: Mapping[int, float]

    @property
    def of_linear(self) -> float:
        """At WORKERS workers, of as many times what one does."""
        return self.pages_per_s[WORKERS] / (WORKERS * self.pages_per_s[1])

    @property
    def bottleneck(self) -> str:
        return max(self.demands, key=lambda name: self.demands[name])


def predict(run: Run) -> Prediction:
    """From a run with one worker. The catalogue counts as if all its transactions came one after the other, as those that write
    do (ADR 25), and each other engine as if it had one core: both ask more than is true."""
    demands = {name: spent / run.pages for name, spent in run.engine_cpu_s.items() if name != "PostgreSQL"}
    demands["PostgreSQL"] = run.in_catalogue_s / run.pages
    alone_s = run.s_a_page - sum(demands.values())
    return Prediction(demands, alone_s, _throughputs(demands, alone_s, most=4 * WORKERS))


def _throughputs(demands: Mapping[str, float], alone_s: float, *, most: int) -> dict[int, float]:
    """Exact mean value analysis: who arrives at a station finds there what one worker fewer would have left on average."""
    waiting = dict.fromkeys(demands, 0.0)
    found = {}
    for workers in range(1, most + 1):
        taken_s = {name: demand_s * (1 + waiting[name]) for name, demand_s in demands.items()}
        found[workers] = workers / (alone_s + sum(taken_s.values()))
        waiting = {name: found[workers] * seconds for name, seconds in taken_s.items()}
    return found
