"""What a person sees of a batch: a progress bar while it runs (pages done, pages a second, time left), then a table."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Table

from sohoa.model import DocumentId
from storage.catalog import documents
from storage.stores import Stores

STYLES = {"archived": "green", "held": "yellow", "failed": "red", "refused": "red"}


class Progress:
    """A bar on standard error; on what is not a terminal it stays silent."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._started_s = time.monotonic()
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("pages, {task.fields[rate]:.1f} pages/s,"),
            TimeRemainingColumn(),
            TextColumn("left"),
            console=Console(stderr=True),
        )
        self._task = self._bar.add_task("reading", total=None, rate=0.0)

    def __enter__(self) -> Progress:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def show(self, document_ids: Sequence[DocumentId]) -> None:
        """Bring the bar up to date for these documents."""
        with self._stores.database.read() as connection:
            done, total = documents.page_progress(connection, document_ids)
        rate = done / max(time.monotonic() - self._started_s, 0.001)
        self._bar.update(self._task, completed=done, total=total or None, rate=rate)


def show_table(results: Sequence[dict[str, Any]]) -> None:
    """One row a file: what became of it and, where something needs doing, what."""
    table = Table(box=None, pad_edge=False)
    for heading, justify in (("FILE", "left"), ("STATUS", "left"), ("PAGES", "right"), ("DOCUMENT", "left"), ("NOTES", "left")):
        table.add_column(heading, justify=justify, overflow="fold", no_wrap=heading == "DOCUMENT")  # type: ignore[arg-type]
    for result in results:
        status = result["status"]
        table.add_row(
            _shown(result["source"]),
            f"[{STYLES.get(status, 'white')}]{status}[/]",
            "" if result["pages"] is None else str(result["pages"]),
            result["document_id"] or "",
            _notes(result),
        )
    Console().print(table)


def _notes(result: dict[str, Any]) -> str:
    notes = []
    if result["error"] is not None:
        notes.append(f"{result['error']['detail']} [{result['error']['code']}]")
    if result["duplicate_of"] is not None:
        notes.append("the same bytes were here already")
    if result["warnings"]:
        notes.append("warnings: " + ", ".join(result["warnings"]))
    return _shown("; ".join(notes))


def _shown(text: str) -> str:
    """Text that cannot disturb the terminal or be taken for markup."""
    return "".join(letter if letter.isprintable() else "�" for letter in text).replace("[", r"\[")
