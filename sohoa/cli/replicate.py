"""`sohoa replicate`: a copy of the archive in another store, or the archive again from such a copy."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from sohoa import logs
from sohoa.cli import copies
from sohoa.cli.context import read_settings
from sohoa.clock import SystemClock
from sohoa.errors import BadRequest
from sohoa.settings import Settings
from sohoa.states import CopyOf
from storage.catalog.database import alone
from storage.moving.marks import check_alone, check_archive_in_use
from storage.objects import open_store
from storage.objects.protocol import Objects
from storage.replicate.replicate import Replicated, Tell, replicate


def run(*, to: str | None, source: str | None, forget: str | None, thorough: bool, as_json: bool) -> int:
    """Exit code: 0, or 4 where something is damaged or missing at the source, or differs; all else is copied then."""
    if sum(url is not None for url in (to, source, forget)) != 1:
        raise BadRequest(
            "say one of where to (--to URL), where from (--from URL), and which copy is none any more (--forget URL)"
        )
    settings = read_settings()
    logs.set_up(settings.log_level)
    if forget is not None:
        copies.forget(settings, CopyOf.ARCHIVE, _named(settings, forget))
        return 0
    archive, copy = open_store(settings), _open_copy(settings, to or source or "")
    check_archive_in_use(archive)
    with _bar() as bar:
        task = bar.add_task("copying ledger entries", total=None)

        def tell(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        if to is not None:
            replicated = replicate(archive, copy, SystemClock(), thorough=thorough, tell=tell)
        else:
            replicated = _restore(settings, copy, archive, tell)
    if to is not None and not replicated.findings:
        copies.try_to_note(settings, CopyOf.ARCHIVE, _named(settings, to))
    (_print_json if as_json else _print_report)(replicated, back=to is None)
    return 4 if replicated.findings else 0


def _restore(settings: Settings, copy: Objects, archive: Objects, tell: Tell) -> Replicated:
    """Nobody may commit meanwhile: what is lost at the ledger's end would be written anew, and other than it was."""
    with alone(settings.catalog()):
        check_alone(settings, archive)
        return replicate(copy, archive, SystemClock(), thorough=True, back=True, tell=tell)


def _open_copy(settings: Settings, url: str) -> Objects:
    """The other store. Raises BadRequest (`bad_setting`) where the URL names none, or the archive's own."""
    if not url or _named(settings, url) == _place(settings, settings.archive_url):
        raise BadRequest("that is the archive itself: name another store", code="bad_setting")
    return open_store(settings, url=url)


def _named(settings: Settings, url: str) -> str:
    """The place that a URL names. Raises BadRequest (`bad_setting`)."""
    try:
        return _place(settings, url)
    except ValueError:
        raise BadRequest(f"{url!r} names no store: write file:///absolute/path or s3://…", code="bad_setting") from None


def _place(settings: Settings, url: str) -> str:
    return url.partition("?")[0] if url.startswith("s3:") else str(settings.folder_of(url).resolve())


def _bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True))


def _print_json(replicated: Replicated, *, back: bool) -> None:
    sys.stdout.write(json.dumps(asdict(replicated), ensure_ascii=False) + "\n")


def _print_report(replicated: Replicated, *, back: bool) -> None:
    where = "the archive" if back else "the copy"
    sent = f"{replicated.entries} ledger entries and {replicated.sent_files} files ({replicated.sent_bytes} bytes)"
    lines = [f"{sent} were sent and read back; {where} is at entry {replicated.head} of {replicated.of}."]
    if replicated.mended:
        lines.append(f"{replicated.mended} damaged files were replaced; what they were is under damaged/.")
    if replicated.receipts_waiting:
        lines.append(f"{replicated.receipts_waiting} papers are not archived yet; the next run brings them.")
    lines += [f"{finding.code}: {finding.key}: {finding.detail}" for finding in replicated.findings]
    if replicated.findings:
        lines.append("What is named above was not copied: see docs/operations/keeping.md.")
    if back:
        lines.append("Now `sohoa rebuild --from-storage` makes the catalogue and the index from it.")
    sys.stdout.write("\n".join(lines) + "\n")
