"""A store with papers of every state and all that a catalogue alone knows; all that it says, to be compared once it is moved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select

from ingest import disposing, keeping, reviewing
from search_api.app import create_app
from sohoa.clock import Clock, FixedClock
from sohoa.model import Actor
from sohoa.settings import Settings
from storage.archive.audit import audit_chain, enter_waiting
from storage.archive.layout import PLACE, sha256_of
from storage.catalog import allowances, idempotency, leases, outbox, reviews, tokens, viewings
from storage.catalog.allowances import Allowance
from storage.catalog.database import Database
from storage.catalog.dialects import last_given
from storage.catalog.documents import Document
from storage.catalog.tables import jobs, metadata
from storage.catalog.tables import outbox as outbox_table
from storage.catalog.viewings import Viewing
from storage.index import open_index, parse_query
from storage.moving.moving import Moved, copy_ahead, finish
from storage.moving.places import move_between
from storage.objects import open_store
from storage.stores import open_stores
from tests.support.archived import TestClient
from tests.support.reviewed import DECISION, every_review, unreadable
from tests.support.worked import DAMAGED, LAN, MAI, MIXED, WHOLE, WorkedOffice, every_state

LEFT_OUT = ("leases", "moved")


@dataclass(frozen=True, slots=True)
class Known:
    """What is asked for once the store is moved: a secret, papers found by it, and papers that are half done."""

    secret: str
    papers: tuple[str, ...]
    half_read: Document
    received: Document


def busy_office(office: WorkedOffice, *, states: int = 34) -> Known:
    """Everything that a store can hold, some of it waiting, some of it in hand. Nothing is left that a clock would end."""
    every_state(office, states)
    every_review(office, {"dossier": "D-rà-soát"})
    _kept_and_disposed(office)
    confirmed = reviewing.confirm(office.stores, office.bring(DECISION), actor=LAN, corrections=unreadable())
    claimed = office.bring(DECISION)
    office.index()
    half_read = office.work(office.receive().document, MIXED, most=3)  # some of its pages are read
    received = office.receive(dossier="D-chờ").document
    now = office.clock.now()
    with office.stores.database.write() as conn:
        _, secret = tokens.create(conn, name="kiosk", scopes=["read", "review", "admin"], actor="system:kiosk", now=now)
        gone, _ = tokens.create(conn, name="cũ", scopes=["read"], actor="system:kiosk", now=now, office="H02")
        tokens.revoke(conn, gone.token_id, now=now)
        outbox.put(conn, claimed.document_id, now=now)
        reviews.claim(conn, claimed.document_id, actor=MAI, now=now, lease_s=900)
        idempotency.remember(conn, idempotency.Keyed("k", "t", "0" * 64), response={"số": 1}, now=now)
        viewings.put(conn, Viewing("0" * 26, now, LAN, "api", "pdf", 1, ("x", "y"), "given"))
        allowances.tell(conn, "token:t", 1 / 3, allowance=Allowance(10, 60), now=now)
        leases.acquire(conn, "housekeeping", owner="gone", ttl_s=30, now=now)
    return Known(secret, (confirmed.document_id, claimed.document_id), half_read, received)


def _kept_and_disposed(office: WorkedOffice) -> None:
    stores, kept, gone = office.stores, office.bring(WHOLE), office.bring(WHOLE, dossier="D-hủy")
    keeping.set_hold(stores, _target(office, kept.document_id), actor=LAN, reason="vụ án 12")
    keeping.set_retention(stores, _target(office, kept.document_id), "70y", starting=None, actor=LAN, reason="quy định")
    dispose(office, gone.dossier or "")
    proposed = _target(office, office.bring(DAMAGED, dossier="D-đề-nghị").dossier or "")
    keeping.set_retention(stores, proposed, "5y", starting=date(2015, 1, 1), actor=LAN, reason="quy định")
    disposing.propose(stores, proposed, actor=LAN, reason="hết thời hạn")


def dispose(office: WorkedOffice, named: str) -> None:
    """An object whose time has run out goes."""
    stores, target = office.stores, _target(office, named)
    keeping.set_retention(stores, target, "5y", starting=date(2015, 1, 1), actor=LAN, reason="quy định")
    disposing.propose(stores, target, actor=LAN, reason="hết thời hạn")
    disposing.approve(stores, target, actor=MAI)
    disposing.run(stores, target, actor=Actor("person:hoa"))


def _target(office: WorkedOffice, named: str) -> keeping.Target:
    return keeping.find_target(office.stores, named, office=None)


def close(office: WorkedOffice) -> None:
    """Let nobody use the catalogue."""
    office.stores.database.close()
    office.tools.close()


def settle(office: WorkedOffice) -> None:
    """What the housekeeper does in the end: index what waits, and enter who looked at what."""
    office.index()
    enter_waiting(office.stores, audit_chain(office.stores), has_lease=lambda: True)


def rows_in(settings: Settings) -> dict[str, list[str]]:
    """Every row of the catalogue by table, but for who works just now, and where the store lay before; and how far keys were
    counted."""
    database = Database(settings.catalog(), alone=True)
    found = {}
    try:
        with database.read() as conn:
            for table in metadata.sorted_tables:
                if table.name not in LEFT_OUT:
                    rows = [repr(sorted(row.items())) for row in conn.execute(select(table)).mappings()]
                    found[table.name] = sorted(row for row in rows if "'moves'" not in row)
            found["counted"] = [str(last_given(conn, key)) for key in (jobs.c.job_id, outbox_table.c.outbox_id)]
    finally:
        database.close()
    return found


def keys_in(settings: Settings) -> dict[str, str]:
    """Digest by key of everything in the archive's store, but for the mark of where it lies."""
    objects = open_store(settings, probed=False)
    return {key: sha256_of(objects.read(key)) for key in objects.list("") if key != PLACE}


def found_in(settings: Settings) -> dict[str, Any]:
    """What the index answers, without scores: those are the engine's own."""
    with open_index(settings) as index:
        answers: dict[str, Any] = {"count": index.count()}
        for typed in ("hòa giải", "giay phep", "quyết định", "số:138"):
            page = index.search(parse_query(typed), office=None, limit=1000)
            answers[typed] = (page.total, sorted((hit.document_id, hit.snippets, hit.pages) for hit in page.hits))
    return answers


def answers_of(settings: Settings, known: Known, clock: Clock) -> list[Any]:
    """What the API says to who has the secret: lists with their cursors, searches, documents, texts and PDFs."""
    headers = {"Authorization": f"Bearer {known.secret}"}
    answers: list[Any] = []
    with open_stores(settings, clock=clock) as stores, TestClient(create_app(stores)) as client:

        def get(path: str) -> Any:
            answer = client.get(f"/v1{path}", headers=headers)
            assert answer.status_code in {200, 404, 409}, (path, answer.text)
            answers.append(
                (path, answer.status_code, answer.content if answer.status_code == 200 else answer.json()["code"])
            )
            return answer

        after: str | None = ""
        while after is not None:
            page = get(f"/documents?limit=7{f'&cursor={after}' if after else ''}").json()
            for document in page["items"]:
                for what in ("", "/text", "/pdf", "/original"):
                    get(f"/documents/{document['document_id']}{what}")
            after = page.get("next_cursor")
        get("/review")
    return answers


def move_store(old: Settings, new: Settings, clock: Clock | None = None) -> Moved:
    """All of it, while nobody works."""
    move, clock = move_between(old, new), clock or FixedClock()
    ahead = copy_ahead(move, clock)
    assert ahead.findings == ()
    return finish(move, clock)
