"""The whole way of a paper in this one process: receive, the stages, the commit, the index; no other process helps."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ingest.receive import Intake, receive_path
from ocr_workers import pipeline
from sohoa.settings import Settings
from sohoa.states import DocumentStatus
from storage.archive.layout import object_id_of
from storage.catalog import documents, page_rows
from storage.catalog.documents import Document
from storage.index import open_index
from storage.index.indexer import index_outbox
from storage.stores import Stores, open_stores


@dataclass(frozen=True, slots=True)
class InProcess:
    """`recognise_s` is what the pipeline itself says it spent in the engine, second passes over red text included.

    `endings` has, for each file in order, the route of its PDF/A, or status and code where it was not archived.
    """

    pages: int
    wall_s: float
    cpu_s: float
    recognise_s: float
    endings: tuple[str, ...]


def work_through(files: Sequence[Path], *, home: Path) -> InProcess:
    """Archive `files` into `home`; the model is loaded before the clock starts."""
    settings = Settings(home=home)
    with open_stores(settings) as stores, open_index(settings, mode="write") as index:
        tools = pipeline.open_tools(settings, owner="benchmark")
        tools.recogniser()
        wall_s, cpu_s = time.perf_counter(), time.process_time()
        ids = [_receive(path, stores) for path in files]
        while pipeline.run_next(tools, started=lambda _job, _limit_s: None):
            pass
        while index_outbox(stores.database, stores.archive, index, clock=stores.clock):
            pass
        wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
        tools.close()
        with stores.database.read() as connection:
            done = [documents.get(connection, document_id) for document_id in ids]
            pages = [page for document_id in ids for page in page_rows.pages_of(connection, document_id)]
        return InProcess(
            pages=len(pages),
            wall_s=wall_s,
            cpu_s=cpu_s,
            recognise_s=sum(page.recognise_ms for page in pages) / 1000,
            endings=tuple(_ending(document, stores) for document in done),
        )


def _receive(path: Path, stores: Stores) -> str:
    return receive_path(
        path,
        Intake(filename=path.name, office=stores.settings.office, dossier=None, actor="system:benchmark"),
        archive=stores.archive,
        database=stores.database,
        settings=stores.settings,
        clock=stores.clock,
    ).document.document_id


def _ending(document: Document, stores: Stores) -> str:
    if document.status != DocumentStatus.ARCHIVED:
        return f"{document.status}: {document.code}"
    object_id = object_id_of(document.document_id, document.dossier)
    with stores.archive.open_file(object_id, f"documents/{document.document_id}/record.json") as stream:
        return str(json.load(stream)["pdf"]["route"])
