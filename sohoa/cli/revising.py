"""`sohoa replace` and `append`: a new original for a document that is there already."""

from __future__ import annotations

import sys
from pathlib import Path

from ingest.revising import revise
from sohoa.cli.context import find, identify, opened, print_json, warn_of_spool
from sohoa.states import RevisionKind
from storage.presentation import document_json

_SAID = {RevisionKind.REPLACE: "gets another scan", RevisionKind.APPEND: "gets more pages"}


def run(document_id: str, path: Path, *, kind: str, reason: str, as_json: bool, as_actor: str | None) -> None:
    """Take the file in; the stages do the rest."""
    with opened() as stores:
        identity = identify(stores, as_actor, scope="ingest")
        document = find(stores, document_id, identity)
        accepted = revise(
            stores,
            document,
            path,
            kind=RevisionKind(kind),
            filename=path.name,
            actor=identity.actor,
            reason=reason,
        )
        revised = accepted.document
        shown = document_json(revised, source=revised.source_name, archive=stores.archive)
    if accepted.spooled:
        warn_of_spool()
    if as_json:
        print_json(shown)
        return
    sys.stdout.write(
        f"{revised.document_id} {_SAID[RevisionKind(kind)]} and stays as it is until then; "
        "`sohoa work` (or a running `sohoa serve`) does the rest\n"
    )
