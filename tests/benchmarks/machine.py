"""The machine and the versions that a run was made with."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import psutil

_PACKAGES = ("tesserocr", "ocrmypdf", "pikepdf", "img2pdf", "tantivy", "opencv-python-headless")


@dataclass(frozen=True, slots=True)
class Machine:
    """What a reader needs to judge the figures: processor, cores that may be used, memory, versions, the commit."""

    processor: str
    cores: int
    memory_bytes: int
    system: str
    versions: dict[str, str]
    commit: str
    load: float

    def lines(self) -> list[str]:
        """Markdown list items."""
        return [
            f"- {self.processor}, {self.cores} cores, {self.memory_bytes / 2**30:.0f} GiB of memory, {self.system}",
            "- " + ", ".join(f"{name} {number}" for name, number in self.versions.items()),
            f"- Sohoa at commit {self.commit}",
            f"- load average when the run began: {self.load:.1f} (more than about 0.5 means that others used the cores)",
        ]


def this_machine() -> Machine:
    """Look at the machine that this process runs on."""
    import tesserocr

    return Machine(
        processor=_processor(),
        cores=len(os.sched_getaffinity(0)),
        memory_bytes=psutil.virtual_memory().total,
        system=f"Linux {platform.release()}" if sys.platform == "linux" else platform.platform(),
        versions={
            "Python": platform.python_version(),
            "Tesseract in tesserocr": tesserocr.tesseract_version().split()[1],
            "Tesseract's command line": _first_line("tesseract", "--version").removeprefix("tesseract "),
            **{name: version(name) for name in _PACKAGES},
        },
        commit=_commit(),
        load=os.getloadavg()[0],
    )


def file_system(folder: Path) -> str:
    """Kind and device of the file system that a folder is on: `ext4 (/dev/vda)`."""
    mounts = {Path(each.mountpoint): each for each in psutil.disk_partitions(all=True)}
    found = next(mounts[place] for place in (folder.resolve(), *folder.resolve().parents) if place in mounts)
    return f"{found.fstype} ({found.device})"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _commit() -> str:
    if not (Path(__file__).resolve().parents[2] / ".git").exists() or shutil.which("git") is None:
        return "not known (this is no git checkout)"
    changed = _output("git", "status", "--porcelain", "--", ":!docs/benchmarks*.md")
    return _first_line("git", "rev-parse", "--short", "HEAD") + (" with changes not yet committed" if changed else "")


def _first_line(*command: str) -> str:
    return _output(*command).split("\n", 1)[0]


def _output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
