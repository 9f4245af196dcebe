"""A bar for each step of a long command, on standard error; on what is not a terminal they stay silent."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Shown

from storage.rebuild.reading import Progress


class Bars:
    """Bars by the name of their step; a step is shown once it has begun."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._shown = Shown(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        self._tasks = {
            step: self._shown.add_task(text, total=None, visible=False, start=False) for step, text in texts.items()
        }

    def __enter__(self) -> Bars:
        self._shown.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._shown.stop()

    def show(self, progress: Progress) -> None:
        """Bring the bar of a step up to date."""
        task = self._tasks[progress.step]
        self._shown.start_task(task)
        self._shown.update(task, completed=progress.done, total=progress.total or None, visible=True)
