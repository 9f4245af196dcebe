"""`sohoa audit`: who looked at which papers, from the audit in the archive and from what waits to be entered there."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from sohoa.cli.context import identify, opened
from sohoa.cli.validate_ocfl import sayable
from sohoa.errors import BadRequest, NotAllowed
from storage.archive.audit import read_audit, viewing_to_dict

MOST_NAMED = 3
"""Documents that a line names; a search may have shown a hundred."""


def run(document: str | None, *, since: str | None, actor: str | None, as_json: bool) -> None:
    """Print the viewings, oldest first."""
    after = None if since is None else _moment(since)
    document_id = None if document is None else document.strip().upper()
    with opened() as stores:
        if identify(stores, None, scope="admin").office is not None:
            raise NotAllowed("the audit names the papers of every office: the token in SOHOA_TOKEN is bound to one")
        found = [
            viewing_to_dict(viewing) | {"entered": entered}
            for viewing, entered in read_audit(stores, since=after)
            if (document_id is None or document_id in viewing.documents) and actor in (None, viewing.actor)
        ]
    found.sort(key=lambda each: (each["at"], each["id"]))
    if as_json:
        sys.stdout.write(json.dumps(found, ensure_ascii=False) + "\n")
    else:
        _show(found)


def _moment(given: str) -> datetime:
    """A day begins at midnight where this machine is."""
    try:
        return datetime.fromisoformat(given).astimezone()
    except ValueError:
        raise BadRequest(f"--since {given!r} cannot be used: write 2026-01-31 or 2026-01-31T08:00:00Z") from None


def _show(found: list[dict[str, Any]]) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in ("WHEN", "ACTOR", "WHAT", "THROUGH", "OUTCOME", "DOCUMENTS"):
        table.add_column(heading, overflow="fold")
    for each in found:
        named = [sayable(document) for document in each["documents"][:MOST_NAMED]]
        more = len(each["documents"]) - len(named)
        table.add_row(
            each["at"],
            sayable(each["actor"]),
            each["what"] if each["page"] is None else f"{each['what']} {each['page']}",
            each["through"],
            each["outcome"],
            ", ".join(named) + (f" and {more} more" if more else ""),
        )
    Console().print(table)
    waiting = sum(not each["entered"] for each in found)
    if waiting:
        sys.stdout.write(f"{waiting} of them wait to be entered in the archive\n")
