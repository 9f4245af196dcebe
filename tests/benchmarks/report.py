"""The figures to reach and how they came out, as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from tests.benchmarks.machine import Machine


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table. `met` is None where there is nothing to reach or nothing was measured."""

    key: str
    what: str
    at_least: str
    measured: str
    met: bool | None

    @property
    def verdict(self) -> str:
        return {True: "reached", False: "missed", None: "-"}[self.met]


@dataclass(frozen=True, slots=True)
class NotMeasured:
    """In place of a section that could not be measured; the others are worth having all the same."""

    reason: str

    def figures(self) -> list[Figure]:
        return []

    def details(self) -> list[str]:
        return [f"**Not measured**: {self.reason}"]


class Measured(Protocol):
    """What a section hands back."""

    def figures(self) -> list[Figure]:
        """The lines that this section gives to the table of figures."""
        ...

    def details(self) -> list[str]:
        """Markdown lines that say what was run and what came out."""
        ...


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """A Markdown table."""
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    return [*lines, *(f"| {' | '.join(map(str, row))} |" for row in rows)]


def figure_table(figures: Iterable[Figure]) -> list[str]:
    return table(
        ("What", "At least", "Measured", "Verdict"),
        ((figure.what, figure.at_least, figure.measured, figure.verdict) for figure in figures),
    )


def write_report(
    sections: Mapping[str, Measured],
    *,
    title: str,
    command: str,
    machine: Machine,
    size_name: str,
    started_at: datetime,
    explanations: Mapping[str, str],
    where: Sequence[str] = (),
    tried: Sequence[str] = (),
) -> str:
    """The whole page: the table, why what was missed was missed, where it ran, and each section's details.

    `command` repeats it; `where` are more list items on the machine, `tried` on what was done about the figures.
    """
    figures = [figure for section in sections.values() for figure in section.figures()]
    missed = [figure for figure in figures if figure.met is False]
    lines = [f"# {title}", "", f"Written by `{command}`, which repeats it; do not edit.", ""]
    lines += [*figure_table(figures), ""]
    if missed:
        lines += ["## What was missed, and why", ""]
        lines += [f"- **{figure.what}**: {explanations.get(figure.key, 'not explained yet.')}" for figure in missed]
        lines.append("")
    if tried:
        lines += ["## What was tried", "", *(f"- {each}" for each in tried), ""]
    ran = f"- {started_at:%Y-%m-%d %H:%M} UTC, size `{size_name}`"
    lines += ["## Where and how", "", ran, *machine.lines(), *where, ""]
    for title, section in sections.items():
        lines += [f"## {title}", "", *section.details(), ""]
    return "\n".join(lines).rstrip() + "\n"
