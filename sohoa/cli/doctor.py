"""`sohoa doctor`: is everything here that Sohoa needs, and what to do where it is not."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table

from sohoa.cli.context import read_settings
from sohoa.errors import SohoaError, StoreUnavailable
from sohoa.settings import GIGABYTE, Settings

_MEANWHILE = "archiving goes on meanwhile and the outbox waits: see docs/operations/elasticsearch.md"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: what was looked at, whether it is well, what was found, and what to do if it is not."""

    check: str
    ok: bool
    found: str
    do: str = ""


def run(*, as_json: bool) -> int:
    """Print every finding; exit code 0 if all is well, 1 if something is not."""
    settings = read_settings()
    findings = [
        _caught(check, settings)
        for check in (
            _engine,
            _second_engine,
            _model,
            _fonts,
            _ghostscript,
            _disk,
            _archive,
            _spool,
            _catalog,
            _broker,
            _index,
            _outbox,
        )
    ]
    if as_json:
        sys.stdout.write(json.dumps([asdict(finding) for finding in findings], ensure_ascii=False) + "\n")
    else:
        table = Table(box=None, pad_edge=False)
        for heading in ("", "CHECK", "FOUND", "WHAT TO DO"):
            table.add_column(heading, overflow="fold")
        for finding in findings:
            table.add_row("[green]ok[/]" if finding.ok else "[red]NO[/]", finding.check, finding.found, finding.do)
        Console().print(table)
    return 0 if all(finding.ok for finding in findings) else 1


def _caught(check: Callable[[Settings], Finding], settings: Settings) -> Finding:
    try:
        return check(settings)
    except (SohoaError, OSError, ImportError, ValueError) as error:
        return Finding(
            check.__name__.strip("_").replace("_", " "), ok=False, found=str(error), do="see docs/operations"
        )


def _engine(settings: Settings) -> Finding:
    from ocr_workers.recognise import Recogniser

    with Recogniser(settings) as recogniser:
        found = f"tesseract {recogniser.identity()['engine_version']}"
    return Finding("engine (in the process)", ok=True, found=found)


def _second_engine(settings: Settings) -> Finding:
    path = shutil.which("tesseract")
    if path is None:
        return Finding(
            "engine (second chance)", ok=False, found="no tesseract command", do="apt-get install tesseract-ocr"
        )
    shown = subprocess.run([path, "--version"], capture_output=True, text=True, check=True, timeout=10)
    return Finding("engine (second chance)", ok=True, found=shown.stdout.splitlines()[0])


def _model(settings: Settings) -> Finding:
    from ocr_workers.recognise import Recogniser

    with Recogniser(settings) as recogniser:
        identity = recogniser.identity()
    models = ", ".join(f"{name}, sha256 {digest[:16]}…" for name, digest in identity["models"].items())
    return Finding("model", ok=True, found=models)


def _fonts(settings: Settings) -> Finding:
    from ocr_workers.text_layer import FONT

    return Finding("text layer font", ok=True, found=f"{str(FONT).lstrip('/')}, built in: needs no font files")


def _ghostscript(settings: Settings) -> Finding:
    from ocr_workers.pdf_ghostscript import SOUND_VERSION, sound_ghostscript

    needed = ".".join(map(str, SOUND_VERSION))
    if sound_ghostscript():
        return Finding("Ghostscript (optional)", ok=True, found=f"{needed} or newer")
    return Finding(
        "Ghostscript (optional)",
        ok=True,
        found=f"none from {needed} on: born-digital PDFs that cannot become PDF/A as they are get rasterised",
    )


def _disk(settings: Settings) -> Finding:
    home = settings.home if settings.home.exists() else settings.home.absolute().parent
    free = shutil.disk_usage(home).free
    enough = free >= settings.min_free_bytes
    found = f"{free / GIGABYTE:.1f} GB free under {settings.home}"
    return Finding(
        "disk",
        ok=enough,
        found=found,
        do="" if enough else "free some space: nothing is accepted below SOHOA_MIN_FREE_BYTES",
    )


def _archive(settings: Settings) -> Finding:
    from storage.objects import examine

    found, weaknesses = examine(settings)
    return Finding("archive", ok=not weaknesses, found=found, do="; ".join(weaknesses))


def _spool(settings: Settings) -> Finding:
    from storage.spool import open_spool

    spool = open_spool(settings)
    if spool is None:
        return Finding("spool", ok=True, found="none: the archive is a folder of this machine")
    usage = spool.usage()
    found = f"{usage.papers} papers, {usage.size_bytes:,} of {settings.spool_max_bytes:,} bytes, in {spool.folder}"
    if usage.papers == 0:
        return Finding("spool", ok=True, found=found)
    return Finding(
        "spool",
        ok=False,
        found=found,
        do="bring the archive's store back, and keep `sohoa serve` or `work` running: they are carried there by themselves",
    )


def _catalog(settings: Settings) -> Finding:
    from storage.stores import open_stores

    with open_stores(settings) as stores:
        health = stores.database.health()
    return Finding(f"catalogue ({health.name})", ok=not health.do, found=health.found, do=health.do)


def _broker(settings: Settings) -> Finding:
    from storage.dispatch import open_dispatch

    health = open_dispatch(settings).health()
    if health is None:
        return Finding("broker", ok=True, found="none: workers of this machine ask the catalogue")
    found = f"{health.waiting} messages wait"
    unheard = ", ".join(queue.name for queue in health.unheard or ())
    return Finding(
        f"broker ({health.name})",
        ok=not unheard,
        found=f"{found}; nobody listens to {unheard}" if unheard else found,
        do="start `sohoa work` somewhere, without --queues or with these" if unheard else "",
    )


def _index(settings: Settings) -> Finding:
    from storage.index import examine

    try:
        found, do = examine(settings)
    except StoreUnavailable as error:
        return Finding("search index", ok=False, found=f"{error.detail} [{error.code}]", do=_MEANWHILE)
    return Finding("search index", ok=not do, found=found, do=do)


def _outbox(settings: Settings) -> Finding:
    from storage.catalog import outbox
    from storage.stores import open_stores

    with open_stores(settings) as stores, stores.database.read() as connection:
        waiting, late = outbox.pending_count(connection), outbox.is_late(connection, now=stores.clock.now())
    found = f"{waiting} changes wait to be indexed"
    do = "keep `sohoa serve` or `work` running, and look at the search index above; the log says what is wrong"
    return Finding("outbox", ok=not late, found=found, do=do if late else "")
