"""`sohoa status --watch`: how all the work stands, again and again until Ctrl-C; in a terminal always in the same place."""

from __future__ import annotations

import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from sohoa.cli.context import identify, opened, print_json
from sohoa.clock import isoformat
from sohoa.errors import BadRequest, NotAllowed, StoreUnavailable
from sohoa.states import DocumentStatus, JobKind
from storage.catalog.work_done import End
from storage.standing import Backlog, Census, read_backlog, take_census
from storage.stores import Stores

CENSUS_EVERY = timedelta(seconds=30)
PACE_OVER = timedelta(minutes=1)
"""Pages a second are told over this time."""


def run_watch(document_id: str | None, *, every_s: float, as_json: bool) -> None:
    """Show how it stands every `every_s` seconds until SIGINT or SIGTERM. Raises BadRequest for a document, NotAllowed for a
    token of one office."""
    if document_id is not None:
        raise BadRequest("--watch shows all the work: leave the document out")
    with opened() as stores:
        if identify(stores, None, scope="read").office is not None:
            raise NotAllowed("--watch shows the work of every office: the token in SOHOA_TOKEN is bound to one")
        view, stop = View(stores), threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        with _screen(as_json=as_json) as show:
            while True:
                show(view)
                if stop.wait(every_s):
                    return


@dataclass(slots=True)
class View:
    """What was seen last. A catalogue that cannot be read just now is a line in it, and no reason to end."""

    stores: Stores
    backlog: Backlog | None = None
    census: Census | None = None
    trouble: str | None = None
    _pages: deque[tuple[datetime, int]] = field(default_factory=deque)

    def look(self) -> None:
        """See how it stands now."""
        try:
            self.backlog = backlog = read_backlog(self.stores)
            if self.census is None or backlog.at - self.census.at >= CENSUS_EVERY:
                self.census = take_census(self.stores)
            self.trouble = None
        except StoreUnavailable as error:
            self.trouble = f"{error.detail} [{error.code}]"
            return
        pages = [(each.jobs, work) for work, each in backlog.done.items() if work.kind is JobKind.RECOGNISE]
        self._pages.append((backlog.at, sum(jobs for jobs, work in pages if work.ending is not End.AGAIN)))
        while backlog.at - self._pages[0][0] > PACE_OVER:
            self._pages.popleft()

    @property
    def pages_s(self) -> float | None:
        """Pages a second of late; None before there is anything to compare with."""
        (began, before), (at, now) = self._pages[0], self._pages[-1]
        return max(0, now - before) / (at - began).total_seconds() if at > began else None

    def as_json(self) -> dict[str, Any]:
        """The same for programs."""
        if self.backlog is None or self.census is None or self.trouble:
            return {"error": self.trouble}
        return {
            "at": isoformat(self.backlog.at),
            "documents": {status.value: count for status, count in self.census.by_status.items()},
            "jobs": [
                {
                    "kind": queue.kind.value,
                    "urgency": queue.urgency.value,
                    "due": depth.due,
                    "put_off": depth.put_off,
                    "oldest_at": None if depth.oldest_at is None else isoformat(depth.oldest_at),
                }
                for queue, depth in sorted(self.backlog.depths.items())
            ],
            "in_hand": {kind.value: count for kind, count in self.backlog.in_hand.items()},
            "pages_s": None if self.pages_s is None else round(self.pages_s, 2),
            "index": {
                "waiting": self.backlog.outbox,
                "oldest_s": _age_s(self.backlog.outbox_oldest_at, self.backlog.at),
            },
            "review": {"waiting": self.census.review.waiting, "claimed": self.census.review.claimed},
        }

    def drawn(self) -> RenderableType:
        """The same for people."""
        parts: list[RenderableType] = []
        if self.backlog is not None and self.census is not None:
            parts = [_work(self.backlog), "", _papers(self.backlog, self.census, self.pages_s)]
        if self.trouble:
            parts.append(Text(self.trouble, style="red"))
        return Group(*parts)


@contextmanager
def _screen(*, as_json: bool) -> Iterator[Callable[[View], None]]:
    """Where it is shown: JSON lines, a place in the terminal, or one block after the other where there is none."""
    console = Console(highlight=False)
    if as_json or not console.is_terminal:

        def add(view: View) -> None:
            view.look()
            if as_json:
                print_json(view.as_json())
            else:
                console.print(view.drawn(), "", sep="\n")
            sys.stdout.flush()

        yield add
        return
    with Live(console=console, auto_refresh=False, transient=False) as live:

        def again(view: View) -> None:
            view.look()
            live.update(Group(view.drawn(), "", Text("Ctrl-C to stop", style="dim")), refresh=True)

        yield again


def _work(backlog: Backlog) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("JOBS", min_width=20)
    for heading in ("DUE", "PUT OFF", "OLDEST", "IN HAND"):
        table.add_column(heading, justify="right", min_width=9)
    in_hand = dict(backlog.in_hand)
    for queue, depth in sorted(backlog.depths.items()):
        oldest = _span(_age_s(depth.oldest_at, backlog.at))
        held = f"{in_hand.pop(queue.kind, 0):,}"  # no job in hand says for whom: told once a kind
        table.add_row(f"{queue.kind} ({queue.urgency})", f"{depth.due:,}", f"{depth.put_off:,}", oldest, held)
    for kind, count in sorted(in_hand.items()):
        table.add_row(kind, "0", "0", "-", f"{count:,}")
    if table.row_count == 0:
        table.add_row("nothing waits", "", "", "", "")
    return table


def _papers(backlog: Backlog, census: Census, pages_s: float | None) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(min_width=32)
    table.add_column(justify="right")
    table.add_row("pages a second, over a minute", "-" if pages_s is None else f"{pages_s:.1f}")
    for status in DocumentStatus:
        if count := census.by_status.get(status):
            table.add_row(f"documents {status}", f"{count:,}")
    table.add_row("waiting for the index", f"{backlog.outbox:,}")
    if backlog.outbox_oldest_at is not None:
        table.add_row("  the first for", _span(_age_s(backlog.outbox_oldest_at, backlog.at)))
    table.add_row("waiting for review", f"{census.review.waiting:,}")
    return table


def _age_s(since: datetime | None, now: datetime) -> float | None:
    return None if since is None else max(0.0, (now - since).total_seconds())


def _span(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
