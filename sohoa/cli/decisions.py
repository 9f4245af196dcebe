"""`sohoa release`, `withdraw`, `move` and `retry`: what a person decides about documents that are in already."""

from __future__ import annotations

import sys
from pathlib import Path

from ingest import decisions, moving
from sohoa.cli.context import find, identify, opened, print_json
from sohoa.errors import BadRequest, Conflict
from sohoa.states import DocumentStatus
from storage.catalog import documents
from storage.presentation import document_json


def run_release(document_id: str, *, reason: str, password_file: Path | None, as_actor: str | None) -> None:
    """Let a held document go on."""
    password = None if password_file is None else _password(password_file)
    with opened() as stores:
        identity = identify(stores, as_actor, scope="admin")
        document = find(stores, document_id, identity)
        decisions.release(stores, document, actor=identity.actor, reason=reason, password=password)
    _say(f"{document.document_id} goes on; `sohoa work` (or a running `sohoa serve`) does the rest")


def run_withdraw(document_id: str, *, reason: str, as_actor: str | None) -> None:
    """Take a document out of the search."""
    with opened() as stores:
        identity = identify(stores, as_actor, scope="admin")
        document = find(stores, document_id, identity)
        decisions.withdraw(stores, document, actor=identity.actor, reason=reason)
    _say(f"{document.document_id} is withdrawn; its files stay in the archive")


def run_move(
    document_id: str, *, to: str | None, to_none: bool, reason: str, as_json: bool, as_actor: str | None
) -> None:
    """Take a document to another dossier, or out of any."""
    if (to is None) is not to_none:
        raise BadRequest("say where it goes: --to CODE, or --to-none for out of any dossier")
    with opened() as stores:
        identity = identify(stores, as_actor, scope="admin")
        document = find(stores, document_id, identity)
        moved = moving.move(stores, document, to=to, actor=identity.actor, reason=reason)
        shown = document_json(moved, source=moved.source_name, archive=stores.archive)
    if as_json:
        print_json(shown)
    else:
        _say(
            f"{moved.document_id} is {'in no dossier' if moved.dossier is None else f'in dossier {moved.dossier}'} now"
        )


def run_retry(document_id: str | None, *, as_actor: str | None) -> None:
    """Try one failed document again, or all that failed."""
    with opened() as stores:
        identity = identify(stores, as_actor, scope="admin")
        if document_id is not None:
            failed = [find(stores, document_id, identity)]
        else:
            failed = []
            cursor = None
            while True:
                with stores.database.read() as connection:
                    page = documents.list_documents(
                        connection, office=identity.office, status=DocumentStatus.FAILED, after=cursor, limit=500
                    )
                failed += page.items
                if page.next_cursor is None:
                    break
                cursor = page.next_cursor
        again = 0
        for document in failed:
            try:
                decisions.retry(stores, document, actor=identity.actor)
                again += 1
            except Conflict as conflict:
                if document_id is not None:
                    raise
                sys.stderr.write(f"sohoa: {conflict.detail} [{conflict.code}]\n")
    _say(f"{again} documents are tried again; `sohoa work` (or a running `sohoa serve`) does the rest")


def _password(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as error:
        raise BadRequest(f"the password file {file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise BadRequest(f"the password file {file} is not UTF-8 text") from None


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
