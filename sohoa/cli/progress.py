"""What a person sees of a batch: a bar while it runs (pages done, pages a second, time left), then a table."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Table
from rich.text import Text

from sohoa.model import DocumentId
from storage.catalog import document_counts
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
        self._task = self._bar.add_task("reading", total=None, rate=0.0, visible=False)

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
            done, total = document_counts.page_progress(connection, document_ids)
        rate = done / max(time.monotonic() - self._started_s, 0.001)
        self._bar.update(self._task, completed=done, total=total or None, rate=rate, visible=total > 0)


def show_table(results: Sequence[dict[str, Any]]) -> None:
    """A line a file: what became of it and, below, what there is to know or to do; then a line that counts them."""
    console = Console(highlight=False)
    root = os.path.commonpath([Path(result["source"]).parent for result in results]) if results else ""
    table = Table(box=None, pad_edge=False, show_edge=False)
    table.add_column("STATUS", no_wrap=True)
    table.add_column("PAGES", justify="right", no_wrap=True)
    table.add_column("DOCUMENT", no_wrap=True, min_width=26)
    table.add_column("FILE", overflow="fold")
    for result in results:
        status, pages = result["status"], result["pages"]
        name = Text(_shown(os.path.relpath(result["source"], root) if root else result["source"]))
        for note in _notes(result):
            name.append(f"\n{_shown(note)}", style="dim")
        state = Text(status, style=STYLES.get(status, ""))
        table.add_row(state, "" if pages is None else str(pages), result["document_id"] or "-", name)
    console.print(table)
    counts = Counter(result["status"] for result in results)
    console.print(", ".join(f"{count} {status}" for status, count in sorted(counts.items())) or "nothing to do")


def _notes(result: dict[str, Any]) -> list[str]:
    notes = []
    if result["error"] is not None:
        notes.append(f"{result['error']['detail']} [{result['error']['code']}]")
    if result["duplicate_of"] is not None:
        notes.append("the same bytes were here already")
    if (revision := result["revision"]) is not None:
        notes.append(_revision_note(revision))
    if result["pages_failed"]:
        notes.append("pages that could not be read: " + ", ".join(map(str, result["pages_failed"])))
    if result["warnings"]:
        notes.append("warnings: " + ", ".join(result["warnings"]))
    return notes


def _revision_note(revision: dict[str, Any]) -> str:
    what = "another scan" if revision["kind"] == "replace" else "pages to append"
    if revision["error"] is None:
        return f"{what} came in and will be taken up; until then it stays as it is"
    why = f"{revision['error']['detail']} [{revision['error']['code']}]"
    return f"{what} came in but ended as {revision['status']}, so it stays as it was: {why}"


def _shown(text: str) -> str:
    """Text that cannot disturb the terminal."""
    return "".join(letter if letter.isprintable() else "�" for letter in text)
