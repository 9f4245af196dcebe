"""What many workers would do, from what one was measured to need: a closed queueing network, solved by exact mean value analysis
(Reiser and Lavenberg, 1980), an engine of several cores after Seidmann, Schweitzer and Shalev-Oren (1987)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

WORKERS = 64
MOST = 256
SHOWN = (1, 2, 8, 16, 32, WORKERS, 128, MOST)
"""Numbers of workers."""
LEAST_OF_LINEAR = 0.9


@dataclass(frozen=True, slots=True)
class Demand:
    """Seconds that a page needs of a shared thing, of which there are `servers`: the cores of an engine, or one lock."""

    seconds: float
    servers: int = 1

    @property
    def queued_s(self) -> float:
        """What a page keeps all of it from others."""
        return self.seconds / self.servers


@dataclass(frozen=True, slots=True)
class Prediction:
    """Pages a second by number of workers; `alone_s` are the seconds that a worker spends by itself on a page."""

    demands: Mapping[str, Demand]
    alone_s: float
    pages_per_s: Mapping[int, float]

    @property
    def of_linear(self) -> float:
        """At WORKERS workers, of as many times what one does."""
        return self.pages_per_s[WORKERS] / (WORKERS * self.pages_per_s[1])

    @property
    def bottleneck(self) -> str:
        return max(self.demands, key=lambda name: self.demands[name].queued_s)

    def in_use(self, name: str, workers: int) -> float:
        """The share of its time, in [0, 1], that a shared thing is busy."""
        return self.pages_per_s[workers] * self.demands[name].queued_s


def predict(s_a_page: float, demands: Mapping[str, Demand]) -> Prediction:
    """From what a page took one worker in all, and what of that each shared thing had to do for it."""
    alone_s = s_a_page - sum(demand.queued_s for demand in demands.values())
    queued = {name: demand.queued_s for name, demand in demands.items()}
    return Prediction(demands, alone_s, _throughputs(queued, alone_s, most=MOST))


def _throughputs(demands: Mapping[str, float], alone_s: float, *, most: int) -> dict[int, float]:
    """Exact mean value analysis: who arrives at a station finds there what one worker fewer would have left on average."""
    waiting = dict.fromkeys(demands, 0.0)
    found = {}
    for workers in range(1, most + 1):
        taken_s = {name: demand_s * (1 + waiting[name]) for name, demand_s in demands.items()}
        found[workers] = workers / (alone_s + sum(taken_s.values()))
        waiting = {name: found[workers] * seconds for name, seconds in taken_s.items()}
    return found
