"""A new original for a document that is there: a better scan in place of a bad one, or pages that were forgotten.

The bytes come in as any others do (receive.py) and get a receipt. Then they go through the stages beside the document, which
stays as it is, available and searchable, until the archive has the new version; if they are held or fail, it stays for good
and says so (`revision`), and the bytes are kept with it all the same.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from ingest.decisions import check_reason
from ingest.receive import Accepted, Intake, receive, receive_path
from sohoa.model import Actor
from sohoa.states import RevisionKind, check_revisable
from storage.archive.receipts import Revising
from storage.catalog import documents, revisions
from storage.catalog.documents import Document
from storage.stores import Stores


def revise(
    stores: Stores,
    document: Document,
    source: BinaryIO | Path,
    *,
    kind: RevisionKind,
    filename: str,
    actor: Actor,
    reason: str,
) -> Accepted:
    """Take in the bytes of `source`, a stream or a file, as a new original of `document`; on return they are durable.

    Raises what :func:`receive` and :func:`receive_path` raise; BadRequest without a reason; Conflict where the document is
    withdrawn, is being worked on (`busy`), is not archived but is to be appended to, or where these bytes are this or
    another document there already (`duplicate`).
    """
    check_reason(reason)
    with stores.database.read() as connection:  # again when the bytes are here: this only saves sending them in vain
        document = documents.find(connection, document.document_id)
        check_revisable(document.status, document.version, kind, document.document_id)
        revisions.check_idle(connection, document)
    intake = Intake(
        filename=filename,
        office=document.office,
        dossier=document.dossier,
        actor=actor,
        revising=Revising(document.document_id, kind.value, reason),
    )
    archive, database, settings, clock, spool = (
        stores.archive,
        stores.database,
        stores.settings,
        stores.clock,
        stores.spool,
    )
    if isinstance(source, Path):
        return receive_path(
            source, intake, archive=archive, database=database, settings=settings, clock=clock, spool=spool
        )
    return receive(source, intake, archive=archive, database=database, settings=settings, clock=clock, spool=spool)
