"""Random kills for minutes: `serve`, `work` and `archive` under load, each killed -9 again and again; then nothing may be lost.

`make kills MINUTES=5` runs it; the seed that it prints makes the same choices again (not the same moments: those are the
machine's). Uploads over the API and batches of the command are mixed; some go to dossiers that others write to as well.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import random
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import psutil
from PIL import Image, ImageDraw

from storage.catalog import jobs
from tests.support import press
from tests.support.office import COMMAND, Office, kill_group, letter, slip, wait_until
from tests.support.servers import free_ports

SETTINGS = {"SOHOA_MAX_ATTEMPTS": "60", "SOHOA_LEASE_S": "4"}
DOSSIERS = (None, None, "D-1", "D-2", "D-3")
MOST_PAPERS = 440
MOST_WAITING = 16
"""Jobs: beyond, nothing new is brought, for what is killed should be at work and not only queue."""
BATCH = 4
PAUSE_S = 0.1
ANSWER_S = 20.0
DRAINED_WITHIN_S = 600.0


@dataclass(frozen=True, slots=True)
class Survived:
    """What was killed (`serve alone`, `work whole`, …), and what was there afterwards, by status."""

    seed: int
    kills: Counter[str]
    documents: Counter[str]
    promised: int

    def __str__(self) -> str:
        each = ", ".join(f"{what} {count}" for what, count in sorted(self.kills.items()))
        ended = ", ".join(f"{count} {status}" for status, count in sorted(self.documents.items()))
        return (
            f"SURVIVED: {self.kills.total()} random kills ({each}); {self.documents.total()} documents ({ended}), "
            f"{self.promised} of them promised under fire; seed {self.seed}"
        )


@dataclass(slots=True)
class Siege:
    """An office under load and under fire."""

    office: Office
    chance: random.Random
    papers: Iterator[Path]
    token: str = ""
    address: str = ""
    brought: list[tuple[Path, str | None]] = field(default_factory=list)
    promised: dict[str, str] = field(default_factory=dict)
    """Documents that a sender was told of, and what told it."""
    kills: Counter[str] = field(default_factory=Counter)
    running: dict[str, subprocess.Popen[str]] = field(default_factory=dict)
    logs: dict[str, Path] = field(default_factory=dict)

    def keep_running(self) -> None:
        """Start again whatever is not there; the batch command ends by itself as well."""
        for role in ("serve", "work", "archive"):
            process = self.running.get(role)
            if process is None or process.poll() is not None:
                self._collect(role, killed=process is not None and process.returncode == -signal.SIGKILL)
                self.running[role] = self._start(role)

    def upload(self) -> bool:
        """Send one paper to the API; whether it answered. Without an answer nobody knows, and nothing is promised."""
        path, dossier = self._paper()
        params = {"filename": path.name} | ({} if dossier is None else {"dossier": dossier})
        try:
            answer = httpx.post(
                f"{self.address}/v1/documents",
                params=params,
                content=path.read_bytes(),
                headers={"Authorization": f"Bearer {self.token}"},
                timeout=ANSWER_S,
            )
        except httpx.TransportError:
            return False
        assert answer.status_code in (202, 503), answer.text
        if answer.status_code == 202:
            self.promised[answer.json()["document_id"]] = "an upload"
        return True

    def kill(self) -> None:
        """kill -9 for one command with all its processes, for the command alone, or for one of its processes."""
        alive = sorted(role for role, process in self.running.items() if process.poll() is None)
        if not alive:
            return
        role = self.chance.choice(alive)
        process, how = self.running[role], self.chance.choice(("whole", "alone", "one of"))
        if how == "whole":
            kill_group(process)
        elif how == "alone":
            process.kill()
        else:
            children = psutil.Process(process.pid).children(recursive=True)
            if not children:
                return
            try:
                self.chance.choice(children).kill()
            except psutil.NoSuchProcess:
                return  # it had ended by itself: nothing was survived
        self.kills[f"{how} {role}"] += 1

    def waiting(self) -> int:
        """How many jobs are not over."""
        with self.office.stores() as stores, stores.database.read() as connection:
            counts = jobs.counts(connection)
        return sum(count for states in counts.values() for state, count in states.items() if state != "failed")

    def collect(self) -> int:
        """Kill everything once more; of how many documents a sender had been told by then."""
        for role, process in self.running.items():
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            self._collect(role, killed=True)
        return len(self.promised)

    def drain(self) -> None:
        """Let everything be brought once more, and all work come to its end."""
        for dossier in dict.fromkeys(DOSSIERS):
            paths = [path for path, where in self.brought if where == dossier]
            if paths:
                for line in self.office.run("archive", "--json", *_where(dossier), *paths).lines:
                    assert line["status"] in ("archived", "held", "failed"), line
                    self.promised[line["document_id"]] = "the last archive"
        work = self.office.start("work")
        wait_until(lambda: self.waiting() == 0, running=work, within_s=DRAINED_WITHIN_S)
        work.send_signal(signal.SIGTERM)
        work.communicate(timeout=240)

    def check(self) -> Counter[str]:
        """Every promise kept: documents by status."""
        for leftover in (self.office.archive_root / ".tmp").iterdir():
            leftover.unlink()  # what a killed process was writing to no name yet
        here = {str(document.document_id): document for document in self.office.assert_in_order()}
        with self.office.stores() as stores:
            for document_id, told_by in self.promised.items():
                assert stores.archive.has_receipt(document_id), f"{told_by} told of {document_id}, which has no receipt"
                assert stores.archive.read_receipt(document_id).sha256 == here[document_id].original_sha256
        verified = self.office.run("verify", "--json")
        assert verified.code == 0, verified.out
        return Counter(document.status.value for document in here.values())

    def _start(self, role: str) -> subprocess.Popen[str]:
        arguments: list[str | Path]
        if role == "serve":
            (port,) = free_ports(1)
            self.address = f"http://127.0.0.1:{port}"
            arguments = ["serve", "--port", str(port), "--workers", "1"]
        elif role == "work":
            arguments = ["work", "--jobs", "1"]
        else:
            dossier = self.chance.choice(DOSSIERS)
            paths = [self._paper(dossier)[0] for _ in range(BATCH)] if self.waiting() < MOST_WAITING else []
            again = [path for path, where in self.brought if where == dossier]
            paths += self.chance.sample(again, min(2, len(again)))
            arguments = ["archive", "--json", "--jobs", "1", *_where(dossier), *(paths or [self._paper(dossier)[0]])]
        log = self.logs[role] = self.office.root / f"{role}-{len(self.office.started)}.log"
        with log.open("wb") as out, log.with_suffix(".err").open("wb") as err:
            process = subprocess.Popen(
                [str(COMMAND), *map(str, arguments)],
                env=self.office.environment(),
                stdout=out,
                stderr=err,
                text=True,
                start_new_session=True,
            )
        self.office.started.append(process)
        return process

    def _collect(self, role: str, *, killed: bool) -> None:
        """What an ended command had told; the last line may be half a line. What its orphans say, whose command was
        killed, is theirs."""
        log = self.logs.pop(role, None)
        if log is None:
            return
        said = log.with_suffix(".err").read_text(errors="replace")
        assert killed or "Traceback" not in said, said
        if role == "archive":
            for line in log.read_text(errors="replace").splitlines():
                with suppress(json.JSONDecodeError):
                    told: dict[str, Any] = json.loads(line)
                    if told.get("document_id"):
                        self.promised[told["document_id"]] = "archive"

    def _paper(self, dossier: str | None = "") -> tuple[Path, str | None]:
        """A new paper, or once there are enough an old one again, and the dossier that it goes to."""
        where = self.chance.choice(DOSSIERS) if dossier == "" else dossier
        old = [each for each in self.brought if dossier == "" or each[1] == where]
        if old and len(self.brought) >= MOST_PAPERS:
            return self.chance.choice(old)
        self.brought.append((next(self.papers), where))
        return self.brought[-1]


def besiege(office: Office, *, seconds: float, seed: int, at_least: int = 0) -> Survived:
    """Work and kill for so long, and longer where there were fewer than `at_least` kills, then look whether everything promised
    is there. Raises AssertionError."""
    office = office.with_settings(**SETTINGS)
    chance = random.Random(seed)
    (office.root / "in").mkdir()
    siege = Siege(office, chance, _papers(office.root / "in"))
    made = office.run("token", "create", "kiosk", "--scope", "ingest", "--actor", "system:kiosk", "--json")
    siege.token = json.loads(made.out)["secret"]
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s or siege.kills.total() < at_least:
        siege.keep_running()
        strike_s = time.monotonic() + chance.uniform(0.1, 2.5)
        while time.monotonic() < strike_s:
            if siege.waiting() >= MOST_WAITING or not siege.upload():
                time.sleep(PAUSE_S)  # the moment of the strike is by lot: there is nothing to wait for
        siege.kill()
    promised = siege.collect()
    siege.drain()
    return Survived(seed, siege.kills, siege.check(), promised)


def _papers(folder: Path) -> Iterator[Path]:
    """Cheap papers, no two the same: letters, slips, and official papers of the press at the size of a thumb."""
    makers: list[Callable[[int], Path]] = [
        lambda number: letter(folder / f"{number}.pdf", [f"Bảng kê chứng từ thứ {number}", "Trang hai"]),
        lambda number: slip(folder / f"{number}.jpg", f"Phiếu thu kèm chứng từ\nSố thứ tự {number}"),
        lambda number: letter(folder / f"{number}.pdf", [f"Giấy giới thiệu số {number}"]),
        lambda number: _small_official(folder / f"{number}.png", number),
    ]
    number = 0
    while True:
        number += 1
        yield makers[number % len(makers)](number)


def _small_official(path: Path, number: int) -> Path:
    sheet = _drawn(number % 3).copy()
    ImageDraw.Draw(sheet).text((10, 10), str(number), fill=0)
    sheet.save(path, dpi=(100, 100))
    return path


@cache
def _drawn(seed: int) -> Image.Image:
    page: Image.Image = press.draw("quyet_dinh", seed=seed, pages=1).pages[0].image
    return page.convert("L").resize((826, 1169))


def _where(dossier: str | None) -> list[str]:
    return [] if dossier is None else ["--dossier", dossier]


def main() -> None:
    """Besiege a new office for some minutes and say what came of it."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--minutes", type=float, default=5.0)
    options.add_argument("--seed", type=int, default=None)
    told = options.parse_args()
    logging.disable(logging.WARNING)
    seed = random.SystemRandom().randrange(10**6) if told.seed is None else told.seed
    print(f"seed {seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="kills-") as root:
        office = Office(Path(root))
        try:
            print(besiege(office, seconds=told.minutes * 60, seed=seed))
        finally:
            office.close()


if __name__ == "__main__":
    main()
