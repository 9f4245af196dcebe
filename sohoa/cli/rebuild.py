"""`sohoa rebuild`: make catalogue and index, or the index alone, anew from the archive, and say what was found on the way."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

from sohoa import logs
from sohoa.cli.bars import Bars
from sohoa.cli.context import opened, print_json, read_settings
from sohoa.clock import SystemClock
from sohoa.errors import BadRequest
from storage.rebuild.index_alone import rebuild_index
from storage.rebuild.rebuild import Rebuilt, rebuild
from storage.stores import open_archive

_SHOWN = {
    "ledger": "reading the ledger",
    "objects": "reading objects",
    "receipts": "papers not archived yet",
    "index": "filling the index",
    "swap": "putting it in use",
}


def run(*, from_storage: bool, index: bool, as_json: bool) -> int:
    """Exit code: 0, or 4 where something in the archive is damaged or missing; all else is rebuilt then."""
    if from_storage == index:
        raise BadRequest("say what to rebuild: `sohoa rebuild --from-storage` (all), or `sohoa rebuild --index`")
    if index:
        return _run_index(as_json=as_json)
    settings = read_settings()
    logs.set_up(settings.log_level)
    clock = SystemClock()
    with Bars(_SHOWN) as bars:
        rebuilt = rebuild(settings, open_archive(settings, clock), clock, tell=bars.show)
    (_print_json if as_json else _print_report)(rebuilt)
    return 4 if rebuilt.findings else 0


def _run_index(*, as_json: bool) -> int:
    with opened() as stores, Bars(_SHOWN) as bars:
        rebuilt = rebuild_index(stores, tell=bars.show)
    if as_json:
        print_json(asdict(rebuilt))
    else:
        lines = [f"{rebuilt.documents} documents are in the new index, which is in use now."]
        lines += [f"index_by_name_only: {each}: its text could not be read" for each in rebuilt.by_name_only]
        lines += [f"not_in_index: {each}: the index does not take it" for each in rebuilt.missing]
        sys.stdout.write("\n".join(lines) + "\n")
    return 4 if rebuilt.by_name_only or rebuilt.missing else 0


def _print_json(rebuilt: Rebuilt) -> None:
    shown = {
        "documents": {status.value: count for status, count in rebuilt.documents.items()},
        "pages": rebuilt.pages,
        "resumed": rebuilt.resumed,
        "carried": None if rebuilt.carried is None else asdict(rebuilt.carried),
        "seconds": {"catalogue": round(rebuilt.catalogue_s, 3), "index": round(rebuilt.index_s, 3)},
        "findings": [asdict(finding) for finding in rebuilt.findings],
    }
    sys.stdout.write(json.dumps(shown, ensure_ascii=False) + "\n")


def _print_report(rebuilt: Rebuilt) -> None:
    total = sum(rebuilt.documents.values())
    statuses = ", ".join(f"{count} {status}" for status, count in sorted(rebuilt.documents.items()))
    lines = [f"{total} documents ({statuses or 'none'}) and {rebuilt.pages} pages are in the catalogue again."]
    if rebuilt.carried is None:
        lines.append("No catalogue was there to take tokens from: restore a backup, or make them anew.")
    else:
        lines.append(f"{rebuilt.carried.tokens} tokens were taken over from the catalogue that was in use.")
    for finding in rebuilt.findings:
        where = " ".join(part for part in (finding.document_id, finding.object_id) if part)
        lines.append(f"{finding.code}: {where}{': ' if where else ''}{finding.detail}")
    if rebuilt.findings:
        lines.append("What is named above is not in the catalogue, or not whole: see docs/operations/recovery.md.")
    sys.stdout.write("\n".join(lines) + "\n")
