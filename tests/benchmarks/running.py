"""Runs the sections of a benchmark one after the other and writes its report: what `run` and `archive_run` have in common."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from sohoa import logs
from sohoa.errors import SohoaError
from tests.benchmarks.machine import this_machine
from tests.benchmarks.processes import CommandFailed
from tests.benchmarks.report import Measured, NotMeasured, figure_table, write_report
from tests.benchmarks.say import say


class Named(Protocol):
    """A size: `full`, `quick` or `smoke`, and how much that is."""

    @property
    def name(self) -> str: ...


SizeT = TypeVar("SizeT", bound=Named)


@dataclass(frozen=True, slots=True)
class Benchmark(Generic[SizeT]):
    """A page of figures. `target` is what `make` calls it, `module` what Python does; `explanations` say why a figure is
    missed, by its key, and `tried` what was done about the figures."""

    title: str
    target: str
    module: str
    sections: Mapping[str, Callable[[Path, SizeT], Measured]]
    sizes: Mapping[str, SizeT]
    explanations: Mapping[str, str]
    tried: Sequence[str] = ()

    def parser(self) -> argparse.ArgumentParser:
        """The arguments that every benchmark takes."""
        parser = argparse.ArgumentParser(prog=f"python -m {self.module}", description=f"{self.title}.")
        parser.add_argument("--write", type=Path, metavar="FILE", help="write the report there instead of printing it")
        parser.add_argument(
            "--only", choices=self.sections, action="append", help="one section; may be given several times"
        )
        parser.add_argument("--quick", action="store_true", help="less of everything")
        parser.add_argument("--smoke", action="store_true", help="just enough to see that everything runs")
        return parser

    def run(self, asked: argparse.Namespace, *, folder: Path | None = None, where: Sequence[str] = ()) -> int:
        """Run the sections that are asked for; print or write the report. 1 where one failed, 2 for wrong use.

        Each works in a folder of its own below `folder`; `where` are further lines on the machine.
        """
        if asked.write is not None and asked.only:
            say("--write is for the whole report: leave --only out")
            return 2
        logs.set_up("warning")
        size = self.sizes["smoke" if asked.smoke else "quick" if asked.quick else "full"]
        started_at, machine = datetime.now(UTC), this_machine()
        measured: dict[str, Measured] = {}
        for name in asked.only or self.sections:
            with tempfile.TemporaryDirectory(prefix=f"sohoa-bench-{name}-", dir=folder) as work:
                measured[name] = self._measure(name, Path(work), size)
            say("\n".join(["done:", *figure_table(measured[name].figures())]))
        report = write_report(
            {name.capitalize(): result for name, result in measured.items()},
            title=self.title,
            command=self.target if size.name == "full" else f"python -m {self.module} --{size.name}",
            machine=machine,
            size_name=size.name,
            started_at=started_at,
            explanations=self.explanations,
            where=where,
            tried=self.tried,
        )
        if asked.write is None:
            sys.stdout.write(report)
        else:
            asked.write.write_text(report, encoding="utf-8")
            say(f"written to {asked.write}")
        return 1 if any(isinstance(result, NotMeasured) for result in measured.values()) else 0

    def _measure(self, name: str, work: Path, size: SizeT) -> Measured:
        try:
            return self.sections[name](work, size)
        except (CommandFailed, SohoaError) as error:
            reason = error.detail if isinstance(error, SohoaError) else str(error)
            say(f"{name} could not be measured: {reason}")
            return NotMeasured(reason.split("\n", 1)[0])
