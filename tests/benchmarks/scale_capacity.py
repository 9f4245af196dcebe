"""What many workers would do, from what one was measured to need: a closed queueing network, solved by exact mean value analysis
(Reiser and Lavenberg, 1980)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

WORKERS = 64
MOST = 256
SHOWN = (1, 2, 8, 16, 32, WORKERS, 128, MOST)
"""Numbers of workers."""
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


def predict(s_a_page: float, demands: Mapping[str, float]) -> Prediction:
    """From what a page took one worker in all, and what of that each shared thing had to do for it, in seconds."""
    alone_s = s_a_page - sum(demands.values())
    return Prediction(demands, alone_s, _throughputs(demands, alone_s, most=MOST))


def _throughputs(demands: Mapping[str, float], alone_s: float, *, most: int) -> dict[int, float]:
    """Exact mean value analysis: who arrives at a station finds there what one worker fewer would have left on average."""
    waiting = dict.fromkeys(demands, 0.0)
    found = {}
    for workers in range(1, most + 1):
        taken_s = {name: demand_s * (1 + waiting[name]) for name, demand_s in demands.items()}
        found[workers] = workers / (alone_s + sum(taken_s.values()))
        waiting = {name: found[workers] * seconds for name, seconds in taken_s.items()}
    return found
