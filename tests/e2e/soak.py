"""Soak: the stack at work for half an hour; the memory of every process must be flat.

`make soak BROKER=rabbitmq` runs it and writes docs/soak.md. A paper comes in every so often, each is searched for.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import threading
from datetime import UTC, datetime
from pathlib import Path

from tests.e2e import long_run
from tests.e2e.chaos import Sender, assert_nothing_lost
from tests.e2e.measured_stack import Watch
from tests.support import stack

PAPER_EVERY_S = 2.0
LOOK_EVERY_S = 10.0
MOST_GROWTH = 0.05
"""Of the median of the last third over that of the middle one; the first warms up."""
LEAST_GROWTH_BYTES = 8_000_000
"""What is less is noise, of processes that are small."""


def growth(seen: list[tuple[float, int]]) -> tuple[float, float]:
    """The medians of the middle and of the last third, in bytes."""
    ends_s = seen[-1][0]
    middle = [own for at_s, own in seen if ends_s / 3 <= at_s < 2 * ends_s / 3]
    last = [own for at_s, own in seen if at_s >= 2 * ends_s / 3]
    return statistics.median(middle), statistics.median(last)


def is_flat(middle: float, last: float) -> bool:
    return last - middle <= max(MOST_GROWTH * middle, LEAST_GROWTH_BYTES)


def run(broker: str, *, minutes: float) -> tuple[Watch, Sender]:
    """The stack at work; nothing may be lost either."""
    with tempfile.TemporaryDirectory(prefix="sohoa-soak-") as name:
        root = Path(name)
        (root / "in").mkdir()
        with stack.running(root, broker, apart=True) as running:
            with Watch(running, LOOK_EVERY_S) as watch, Sender(running, root / "in", every_s=PAPER_EVERY_S) as sender:
                over = threading.Event()
                while not over.wait(1.0) and (not watch.memory or watch.memory["api"][-1][0] < minutes * 60):
                    running.fetch("/v1/search", q="khanh thanh", limit="20")
            assert_nothing_lost(running, sender)
            return watch, sender


def report(watch: Watch, sender: Sender, *, broker: str, minutes: float) -> str:
    """docs/soak.md."""
    rows = []
    for name, seen in watch.memory.items():
        middle, last = growth(seen)
        verdict = "flat" if is_flat(middle, last) else "**grows**"
        first = seen[0][1]
        rows.append(f"| {name} | {first / 1e6:.0f} | {middle / 1e6:.0f} | {last / 1e6:.0f} | {verdict} |")
    moment = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores"
    table = "\n".join(rows)
    return f"""# Soak

`make soak BROKER={broker}` (tests/e2e/soak.py), {moment}, {minutes:.0f} minutes: the stack of docker-compose.yml as plain
processes, a paper of one page every {PAPER_EVERY_S:.0f} s, a search a second. Memory is each process's own (USS) with its
children's, looked at every {LOOK_EVERY_S:.0f} s. *Flat*: the median of the last third is at most {MOST_GROWTH:.0%}
(or {LEAST_GROWTH_BYTES / 1e6:.0f} MB) above that of the middle third.

| Process | MB at the begin | MB, middle third | MB, last third | |
|---|---|---|---|---|
{table}

{len(sender.accepted)} papers were accepted, all archived once and found, and `sohoa verify` found nothing. PostgreSQL had
{watch.connections} connections at most.
"""


def main() -> int:
    parser = long_run.arguments("soak", __doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    asked = long_run.begin(parser)
    watch, sender = run(asked.broker, minutes=asked.minutes)
    long_run.tell(report(watch, sender, broker=asked.broker, minutes=asked.minutes), asked)
    return 0 if all(is_flat(*growth(seen)) for seen in watch.memory.values()) else 1


if __name__ == "__main__":
    raise SystemExit(main())
