"""`sohoa migrate-store`: archive, catalogue and index to other places while work goes on, then the switch."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

from sohoa import logs
from sohoa.cli.bars import Bars
from sohoa.cli.context import print_json, read_settings
from sohoa.clock import SystemClock
from storage.moving.moving import Ahead, Moved, copy_ahead, finish
from storage.moving.places import Move, move_between

_SHOWN = {
    "archive": "copying ledger entries",
    "rest": "copying what is not archived yet",
    "index": "filling the index",
    "catalogue": "copying the catalogue",
    "swap": "putting the index in use",
    "switch": "switching",
}


def run(*, to: Path, finishing: bool, thorough: bool, as_json: bool) -> int:
    """Exit code: 0, or 4 where something at the old place is damaged and was not copied."""
    settings = read_settings()
    logs.set_up(settings.log_level)
    move = move_between(settings, read_settings(over=to))
    with Bars(_SHOWN) as bars:
        if finishing:
            moved = finish(move, SystemClock(), tell=bars.show)
        else:
            ahead = copy_ahead(move, SystemClock(), thorough=thorough, tell=bars.show)
    if finishing:
        _tell_moved(moved, to, as_json=as_json)
        return 0
    _tell_ahead(ahead, move, as_json=as_json)
    return 4 if ahead.findings else 0


def _tell_ahead(ahead: Ahead, move: Move, *, as_json: bool) -> None:
    if as_json:
        print_json(asdict(ahead) | {"parts": [part.value for part in move.parts]})
        return
    lines = [f"{part.value}: {move.leaves[part]} → {move.reaches[part]}" for part in move.parts]
    lines.append(
        f"{ahead.sent_files} files ({ahead.sent_bytes} bytes) were sent and read back in {ahead.rounds} rounds; "
        f"{ahead.indexed} documents are in the new index; {ahead.rows} rows of the catalogue were copied to see how long "
        "it takes."
    )
    seconds = ahead.last_round_s + ahead.index_s + ahead.catalogue_s
    lines += [f"{each.code}: {each.key}: {each.detail}" for each in ahead.findings]
    if ahead.findings:
        lines.append("What is named above must be put right first: see docs/operations/moving.md.")
    else:
        lines.append(
            f"Now stop every serve, work and archive, and add --finish. The last round took "
            f"{seconds:.1f} s: the end takes some times that, for it compares, and the time for what comes until then."
        )
    sys.stdout.write("\n".join(lines) + "\n")


def _tell_moved(moved: Moved, to: Path, *, as_json: bool) -> None:
    if as_json:
        parts = [{"part": part, "from": left, "to": reached} for part, left, reached in moved.parts]
        print_json(asdict(moved) | {"parts": parts})
        return
    lines = [f"{part} lies at {reached} now; {left} is closed." for part, left, reached in moved.parts]
    rows = sum((moved.rows or {}).values())
    lines.append(
        f"{moved.sent_files} files ({moved.sent_bytes} bytes) and {rows} rows were copied last and compared; it stood still "
        f"for {moved.stood_s:.1f} s."
    )
    if moved.index is not None:
        lines += [f"index_by_name_only: {each}: its text could not be read" for each in moved.index.by_name_only]
        lines += [f"not_in_index: {each}: the index does not take it" for each in moved.index.missing]
    lines.append(f"Start serve and work with the settings of {to}.")
    sys.stdout.write("\n".join(lines) + "\n")
