"""An HTTP API over real stores on a folder, and documents put into them as far as `archived` without recognising any."""

from __future__ import annotations

import gzip
import io
import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.exceptions import StarletteDeprecationWarning

from ingest.receive import Intake, receive
from search_api.app import create_app
from sohoa.clock import FixedClock, isoformat
from sohoa.model import PAGE_BREAK, Block, Box, Line, Page, Quality, Word, union
from sohoa.settings import Settings
from sohoa.states import DocumentStatus, PageStatus, Review
from storage.archive import premis
from storage.archive.alto import write_alto
from storage.archive.layout import object_id_of, to_json
from storage.catalog import documents, jobs, outbox, page_rows, tokens
from storage.catalog.documents import Document
from storage.index import open_index
from storage.index.indexer import index_outbox
from storage.stores import Stores, open_stores
from tests.support import files

with warnings.catch_warnings():  # it would rather have httpx2 than httpx
    warnings.simplefilter("ignore", StarletteDeprecationWarning)
    from starlette.testclient import TestClient

__all__ = ["QUALITY", "TEXT", "Api", "TestClient", "opened_api", "page_saying"]

TEXT = "QUYẾT ĐỊNH về việc hòa giải"
QUALITY = Quality(300.0, False, 0.4, 812.5, 0.06, 0.93, "colour", ("not_colour",))


@dataclass(frozen=True, slots=True)
class Api:
    """The application, a client for it, and the stores beneath."""

    stores: Stores
    clock: FixedClock
    app: FastAPI
    client: TestClient

    def token(self, *scopes: str, office: str | None = None, actor: str = "person:lan") -> dict[str, str]:
        """The headers of a request with a new token."""
        with self.stores.database.write() as connection:
            _, secret = tokens.create(
                connection, name="test", scopes=scopes, actor=actor, now=self.clock.now(), office=office
            )
        return {"Authorization": f"Bearer {secret}"}

    def receive(
        self, data: bytes | None = None, *, office: str = "H02", dossier: str | None = None, filename: str = "a.png"
    ) -> Document:
        """A document that was accepted; without `data` a picture that no other call gives."""
        return bring(self.stores, data, office=office, dossier=dossier, filename=filename)

    def archive(
        self,
        document: Document,
        *,
        texts: tuple[str, ...] = (TEXT,),
        fields: dict[str, Any] | None = None,
        review: Review = Review.NONE,
    ) -> Document:
        """Commit a received document with hand-made renditions and put it into the outbox."""
        archived = DocumentStatus.ARCHIVED
        return finish(self.stores, document, texts, archived, fields=fields, review=review)

    def stop(self, document: Document, status: DocumentStatus, *, code: str) -> Document:
        """Commit a received document as held or failed."""
        return finish(self.stores, document, (), status, code=code)

    def index(self) -> None:
        """Take all that waits into the search index."""
        with open_index(self.stores.settings, mode="write") as index:
            while index_outbox(self.stores.database, self.stores.archive, index, clock=self.clock):
                pass


@contextmanager
def opened_api(home: Path, **settings: Any) -> Iterator[Api]:
    """The API over new stores in `home`. A defect in a route is an answer with status 500, as it is for a real client."""
    clock = FixedClock()
    chosen = Settings(home=home, **{"office": "H02", "min_free_bytes": 0, **settings})
    with open_stores(chosen, clock=clock) as stores:
        app = create_app(stores)
        with TestClient(app, raise_server_exceptions=False) as client:
            yield Api(stores=stores, clock=clock, app=app, client=client)


def bring(
    stores: Stores,
    data: bytes | None = None,
    *,
    office: str = "H02",
    dossier: str | None = None,
    filename: str = "a.png",
) -> Document:
    """A document that was accepted; without `data` a picture that no other call gives."""
    if data is None:
        data = files.image_bytes("PNG", files.drawing((60, 80 + next(_heights))))
    return receive(
        io.BytesIO(data),
        Intake(filename=filename, office=office, dossier=dossier, actor="person:lan"),
        archive=stores.archive,
        database=stores.database,
        settings=stores.settings,
        clock=stores.clock,
    ).document


def page_saying(number: int, text: str) -> Page:
    """A page with the words of `text` in one line."""
    words = []
    for place, word in enumerate(text.split()):
        box: Box = (100 + 200 * place, 100, 280 + 200 * place, 150)
        words.append(Word(word, box, 0.9))
    box = union([word.box for word in words])
    block = Block((Line(tuple(words), box),), box)
    return Page(number, 2480, 3508, 300.0, PageStatus.RECOGNISED, (block,), quality=QUALITY, lane="tesserocr")


def finish(
    stores: Stores,
    document: Document,
    texts: tuple[str, ...],
    status: DocumentStatus,
    *,
    code: str | None = None,
    fields: dict[str, Any] | None = None,
    review: Review = Review.NONE,
) -> Document:
    """Commit a received document with hand-made renditions that say `texts`, a page each, or none, and put it into the
    outbox."""
    document_id = document.document_id
    pages = [page_saying(number, text) for number, text in enumerate(texts, start=1)]
    staged = {
        "record.json": to_json(
            {
                "document_id": document_id,
                "dossier": document.dossier,
                "status": status.value,
                "fields": fields or {},
                "review": review.value,
                "pages": [{"number": page.number, "width_px": page.width_px} for page in pages],
            }
        ),
        "premis.jsonl": premis.to_jsonl(premis.intake_events(document, clock=stores.clock)),
    }
    if pages:
        alto = write_alto(pages, source_name="a.png", software="test 1", created_at=stores.clock.now())
        staged |= {
            "document.pdf": files.pdf_bytes(*[(595.2, 841.92)] * len(pages)),
            "text.txt": PAGE_BREAK.join(page.text for page in pages).encode(),
            "alto.xml.gz": gzip.compress(alto, mtime=0),
            "quality.json": json.dumps({"pages": []}).encode(),
        }
    committed = [
        stores.archive.staged_file(document_id, f"original.{document.kind}"),
        *(stores.archive.stage(document_id, name, data) for name, data in staged.items()),
    ]
    recorded = stores.archive.commit_and_record(
        object_id_of(document_id, document.dossier), committed, actor=document.actor, message=status.value
    )
    stores.archive.clear_staging(document_id)
    by_path = {file.logical_path.rpartition("/")[2]: file for file in committed}
    now = stores.clock.now()
    with stores.database.write() as connection:
        jobs.drop_document(connection, document_id)
        if pages:
            page_rows.plan_pages(connection, document_id, len(pages))
            documents.move(connection, document_id, DocumentStatus.RECOGNISED, now=now, pages_total=len(pages))
            pdf = by_path["document.pdf"]
            documents.amend(
                connection,
                document_id,
                now=now,
                archived_at=now,
                pdf_sha256=pdf.sha256,
                pdf_size_bytes=pdf.size_bytes,
                conformance="PDF/A-2b",
                fields=fields or {},
                review=review,
            )
        outbox.put(connection, document_id, now=now)
        return documents.move(
            connection,
            document_id,
            status,
            now=now,
            object_id=recorded.commit.object_id,
            code=code,
            stage=None if code is None else "open",
            detail=None if code is None else f"stopped at {isoformat(now)}",
            version=recorded.commit.version,
            sequence=recorded.sequence,
        )


def _counting() -> Iterator[int]:
    number = 0
    while True:
        number += 1
        yield number


_heights = _counting()
