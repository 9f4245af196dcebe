"""`sohoa backup` and `sohoa restore`: the catalogue's own, for what the archive cannot tell again."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from sohoa import logs
from sohoa.cli import copies
from sohoa.cli.context import read_settings
from sohoa.clock import SystemClock
from sohoa.errors import BadRequest
from sohoa.states import CopyOf
from storage.catalog.backup import Backup, back_up, restore
from storage.moving.marks import check_alone


def run_backup(*, to: Path | None, made: bool, as_json: bool) -> None:
    """Write a backup and its digest, and say where; or only note that one was `made` by other means."""
    if (to is None) != made:
        raise BadRequest("say where to: `sohoa backup --to FILE`, or that pg_dump has made one: `sohoa backup --made`")
    settings = read_settings()
    logs.set_up(settings.log_level)
    if to is None:
        copies.note(settings, CopyOf.CATALOGUE)
        return
    backup = back_up(settings.catalog(), to, now=SystemClock().now())
    copies.try_to_note(settings, CopyOf.CATALOGUE)
    _print(backup, as_json=as_json, said=f"backed up to {backup.path} and {backup.path.name}.sha256")


def run_restore(source: Path, *, force: bool, as_json: bool) -> None:
    """Put a backup in the catalogue's place, and say what comes next."""
    settings = read_settings()
    logs.set_up(settings.log_level)
    check_alone(settings, None)
    backup = restore(settings.catalog(), source, now=SystemClock().now(), force=force)
    said = f"restored from {source}; now `sohoa rebuild --from-storage` brings it up to date with the archive"
    _print(backup, as_json=as_json, said=said)


def _print(backup: Backup, *, as_json: bool, said: str) -> None:
    shown = {
        "path": str(backup.path),
        "sha256": backup.sha256,
        "size_bytes": backup.size_bytes,
        "documents": backup.documents,
        "tokens": backup.tokens,
    }
    line = (
        json.dumps(shown, ensure_ascii=False)
        if as_json
        else f"{said} ({backup.documents} documents, {backup.tokens} tokens)"
    )
    sys.stdout.write(line + "\n")
