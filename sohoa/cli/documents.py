"""`sohoa text`, `export` and `status`: what is known of one document, its files, and how all the work stands."""

from __future__ import annotations

import gzip
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import BinaryIO

from rich.console import Console
from rich.table import Table

from sohoa.cli.context import find, identify, opened, print_json
from sohoa.cli.progress import show_table
from sohoa.cli.validate_ocfl import sayable
from sohoa.cli.verify import cover_json, cover_text
from sohoa.clock import isoformat
from sohoa.errors import BadRequest, DigestMismatch, NotFound, StoreAway
from sohoa.fields import has_ids
from sohoa.model import PAGE_BREAK
from sohoa.states import DocumentStatus
from storage.archive import fixity
from storage.catalog import document_counts, documents, jobs, outbox
from storage.catalog.documents import Document
from storage.presentation import document_json
from storage.stores import Stores
from storage.viewing import record_refusal, record_viewing

MOST_SHOWN = 20


def print_text(document_id: str, *, page: int | None) -> None:
    """What was read, pages parted by a form feed; or one page."""
    with opened() as stores:
        document, viewed = _find_to_view(stores, document_id, what="text")
        pages = _read(stores, document, "text.txt").decode().split(PAGE_BREAK)
        if page is not None and page > len(pages):
            count = "1 page" if len(pages) == 1 else f"{len(pages)} pages"
            raise NotFound(f"document {document.document_id} has {count}, there is no page {page}")
        viewed(page=page)
    sys.stdout.write((f"\n{PAGE_BREAK}".join(pages) if page is None else pages[page - 1]) + "\n")


def export_file(document_id: str, *, to: Path, what: str) -> None:
    """Write one of the document's files to `to`, which must not exist."""
    with opened() as stores:
        document, viewed = _find_to_view(stores, document_id, what=what)
        names = {"pdf": "document.pdf", "original": f"original.{document.kind}", "alto": "alto.xml.gz"}
        names |= {f"original-{number}": one.path for number, one in enumerate(document.appended, start=2)}
        if what not in names:
            raise BadRequest(f"--what {what} is not known: use {', '.join(names)}")
        if to.is_dir():
            raise BadRequest(f"{to} is a folder: name a file in it")
        if not to.parent.is_dir():
            raise BadRequest(f"the folder {to.parent} does not exist: make it first")
        try:
            with _open(stores, document, names[what]) as source, to.open("xb") as target:
                viewed()
                shutil.copyfileobj(gzip.GzipFile(fileobj=source) if what == "alto" else source, target)
        except FileExistsError:
            raise BadRequest(f"{to} exists already; name a file that does not") from None
        except OSError as error:
            raise BadRequest(f"{to} cannot be written: {error.strerror}") from error
    sys.stderr.write(f"{to}\n")


def print_status(document_id: str | None, *, as_json: bool) -> None:
    """One document, or how many are in each status, which ones need a person, and what is still to be done."""
    with opened() as stores:
        identity = identify(stores, None, scope="read")
        if document_id is not None:
            document = find(stores, document_id, identity)
            if identity.sees_ids and has_ids(document.fields):
                record_viewing(stores, identity.actor, document.document_id, through="cli", what="fields")
            shown = document_json(
                document, source=document.source_name, archive=stores.archive, whole=identity.sees_ids
            )
            if as_json:
                print_json(shown)
            else:
                show_table([shown])
            return
        with stores.database.read() as connection:
            by_status = document_counts.count_by_status(connection, office=identity.office)
            stuck = [
                document_json(document, source=document.source_name, archive=stores.archive)
                for status in (DocumentStatus.HELD, DocumentStatus.FAILED)
                for document in documents.list_documents(
                    connection, office=identity.office, status=status, limit=MOST_SHOWN
                ).items
            ]
            work = jobs.counts(connection)
            waiting = outbox.pending_count(connection)
            oldest = outbox.oldest_at(connection)
        cover, trouble = _fixity_cover(stores)
        spool = None if stores.spool is None else stores.spool.usage()
    if as_json:
        print_json(
            {
                "documents": {status.value: count for status, count in by_status.items()},
                "jobs": {kind.value: {state.value: n for state, n in states.items()} for kind, states in work.items()},
                "index": {"waiting": waiting, "oldest_at": None if oldest is None else isoformat(oldest)},
                "needing_a_person": stuck,
                "spool": None if spool is None else asdict(spool),
                "fixity": {"error": trouble} if trouble else None if cover is None else cover_json(cover),
            }
        )
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("WHAT")
    table.add_column("HOW MANY", justify="right")
    for status, count in sorted(by_status.items()):
        table.add_row(f"documents {status}", str(count))
    for kind, states in sorted(work.items()):
        for state, count in sorted(states.items()):
            table.add_row(f"jobs {kind} {state}", str(count))
    table.add_row("waiting for the index", str(waiting))
    if spool is not None:
        table.add_row("waiting in the spool for the archive's store", str(spool.papers))
        table.add_row("bytes in the spool", f"{spool.size_bytes:,}")
    Console().print(table)
    if trouble:
        sys.stdout.write(f"\nrolling fixity check: {trouble['detail']} [{trouble['code']}]\n")
    if cover is not None:
        sys.stdout.write(f"\nrolling fixity check: {cover_text(cover)}\n")
        for failure in cover.failures[:MOST_SHOWN]:
            sys.stdout.write(f"  {failure.code} {sayable(failure.where)}: {sayable(failure.detail)}\n")
    if stuck:
        sys.stdout.write(f"\nHeld and failed documents (at most {MOST_SHOWN} of each):\n")
        show_table(stuck)


def _find_to_view(stores: Stores, document_id: str, *, what: str) -> tuple[Document, Callable[..., None]]:
    """The document, and what records that it is given; that it is another office's is recorded here. Raises NotFound."""
    identity = identify(stores, None, scope="read")
    try:
        document = find(stores, document_id, identity)
    except NotFound:
        record_refusal(stores, identity.actor, document_id.strip().upper(), through="cli", what=what)
        raise
    return document, partial(record_viewing, stores, identity.actor, document.document_id, through="cli", what=what)


def _fixity_cover(stores: Stores) -> tuple[fixity.Cover | None, dict[str, str]]:
    """How the rolling fixity check stands, or why that cannot be told: everything else is shown all the same."""
    try:
        return fixity.read_cover(stores.archive.objects, stores.clock), {}
    except (DigestMismatch, StoreAway) as error:
        return None, {"code": error.code, "detail": error.detail}


def _read(stores: Stores, document: Document, name: str) -> bytes:
    with _open(stores, document, name) as stream:
        return stream.read()


def _open(stores: Stores, document: Document, name: str) -> BinaryIO:
    try:
        path = f"documents/{document.document_id}/{name}"
        return stores.archive.open_file(document.archived_in, path, version=document.version)
    except NotFound:
        raise NotFound(f"document {document.document_id} is {document.status} and has no {name}") from None
