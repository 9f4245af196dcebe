"""Moving a document to another dossier: a version in each object, with who, when and why, and nothing lost or doubled."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ingest import decisions, moving
from ingest.receive import Intake, receive
from sohoa.errors import BadRequest, Conflict, DigestMismatch, Refused
from sohoa.model import Actor
from sohoa.states import DocumentStatus, JobKind
from storage.archive import commit
from storage.archive.layout import object_id_of, object_root
from storage.catalog import documents, jobs
from storage.catalog.documents import Document
from storage.index import open_index
from storage.index.indexer import index_outbox
from tests.support import files
from tests.support.archived import TEXT, Api, opened_api
from tests.support.crash import assert_whole
from tests.unit.test_decisions import now_of, record_of, work_off

LAN, MAI = Actor("person:lan"), Actor("person:mai")
A, B = "H02-230105-0001", "H02-230105-0002"


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with opened_api(tmp_path) as opened:
        yield opened


def state_of(api: Api, object_id: str) -> set[str]:
    return set(api.stores.archive.inventory(object_id).state)


def events_of(api: Api, document: Document) -> list[dict[str, Any]]:
    name = f"documents/{document.document_id}/premis.jsonl"
    with api.stores.archive.open_file(document.archived_in, name) as stream:
        return [json.loads(line) for line in stream.read().splitlines()]


def archive_root(api: Api) -> Path:
    return api.stores.settings.folder_of("")


def move(api: Api, document: Document, to: str | None, *, reason: str = "wrong dossier") -> Document:
    return moving.move(api.stores, document, to=to, actor=LAN, reason=reason)


def test_a_moved_document_is_whole_in_the_target_and_gone_from_the_newest_version_of_the_source(api: Api) -> None:
    document = api.archive(api.receive(dossier=A))
    stays = api.archive(api.receive(dossier=A))
    source, target = object_id_of("", A), object_id_of("", B)
    before = api.stores.archive.inventory(source).state
    after = move(api, document, B)
    assert (after.dossier, after.object_id, after.version) == (B, target, 1)
    assert after.status is DocumentStatus.ARCHIVED
    folder = f"documents/{document.document_id}/"
    moved = api.stores.archive.inventory(target).state
    kept = {path: digest for path, digest in before.items() if path.startswith(folder)}
    changed = {path.removeprefix(folder) for path, digest in kept.items() if moved[path] != digest}
    assert changed == {"record.json", "premis.jsonl"}
    assert kept.keys() | {"dossier.json"} == moved.keys()
    left = state_of(api, source)
    assert {path.split("/")[1] for path in left if "/" in path} == {stays.document_id}
    assert api.stores.archive.inventory(source).versions[1].state.keys() >= kept.keys()
    assert record_of(api.stores, after)["dossier"] == B
    assert assert_whole(archive_root(api)) == {source: 3, target: 1}


def test_a_move_says_who_when_and_why_in_premis_and_in_both_versions(api: Api) -> None:
    document = api.archive(api.receive(dossier=A))
    after = move(api, document, B, reason="hồ sơ của người khác")
    fixity, transfer = events_of(api, after)[-2:]
    assert (fixity["eventType"], transfer["eventType"]) == ("fixity check", "transfer")
    assert transfer["eventDetailInformation"]["eventDetailExtension"] == {
        "from_object": object_id_of("", A),
        "to_object": object_id_of("", B),
        "reason": "hồ sơ của người khác",
    }
    person, software = transfer["linkingAgentIdentifier"]
    assert (person["linkingAgentIdentifierType"], person["linkingAgentIdentifierValue"]) == ("person", LAN)
    assert software["linkingAgentIdentifierValue"].startswith("sohoa ")
    for code, word in ((A, "to"), (B, "from")):
        version = api.stores.archive.inventory(object_id_of("", code)).versions[-1]
        assert version.actor == LAN
        assert version.message.startswith(f"transfer {document.document_id} {word} urn:sohoa:dossier:")


def test_the_last_document_that_leaves_a_dossier_leaves_its_dossier_json(api: Api) -> None:
    move(api, api.archive(api.receive(dossier=A)), B)
    assert state_of(api, object_id_of("", A)) == {"dossier.json"}


def test_a_loose_document_that_moves_into_a_dossier_leaves_word_where_it_went_and_takes_it_away_when_back(
    api: Api,
) -> None:
    document = api.archive(api.receive())
    own = object_id_of(document.document_id, None)
    into = move(api, document, A)
    with api.stores.archive.open_file(own, "moved.json") as stream:
        note = json.load(stream)
    assert state_of(api, own) == {"moved.json"}
    assert (note["document_id"], note["moved_to"]) == (document.document_id, object_id_of("", A))
    back = move(api, into, None)
    assert (back.dossier, back.object_id, back.version) == (None, own, 3)
    assert f"documents/{document.document_id}/document.pdf" in state_of(api, own)
    assert "moved.json" not in state_of(api, own)
    again = move(api, back, A)
    assert (again.version, state_of(api, own)) == (3, {"moved.json"})
    assert assert_whole(archive_root(api)) == {own: 4, object_id_of("", A): 3}


def test_bytes_that_come_back_to_an_object_lie_there_once(api: Api) -> None:
    document = api.archive(api.receive(dossier=A))
    move(api, move(api, document, B), A)
    root = archive_root(api) / object_root(object_id_of("", A))
    for name in ("original.png", "document.pdf", "text.txt", "alto.xml.gz"):
        assert len(list(root.glob(f"v*/content/documents/*/{name}"))) == 1
    assert len(list(root.glob("v*/content/documents/*/premis.jsonl"))) == 2


def test_same_bytes_in_the_target_are_a_conflict_that_names_the_document(api: Api) -> None:
    scan = files.image_bytes("PNG", files.drawing((50, 50)))
    there = api.archive(api.receive(scan, dossier=B))
    document = api.archive(api.receive(scan, dossier=A))
    with pytest.raises(Conflict, match=there.document_id) as caught:
        move(api, document, B)
    assert caught.value.code == "duplicate"
    after = now_of(api.stores, document)
    assert (after.dossier, after.version) == (A, document.version)
    assert jobs_of(api, document) == {}


def test_nobody_brings_the_same_bytes_to_the_target_while_a_move_is_on_its_way(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = files.image_bytes("PNG", files.drawing((50, 51)))
    document = api.archive(api.receive(scan, dossier=A))
    monkeypatch.setattr(moving, "carry_out", lambda *_, **__: None)
    move(api, document, B)
    accepted = receive(
        io.BytesIO(scan),
        Intake(filename="b.png", office="H02", dossier=B, actor="person:mai"),
        archive=api.stores.archive,
        database=api.stores.database,
        settings=api.stores.settings,
        clock=api.clock,
    )
    assert accepted.duplicate_of == document.document_id


def test_a_document_is_read_where_it_is_until_it_has_arrived(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    document = api.archive(api.receive(dossier=A))
    with monkeypatch.context() as patch:
        patch.setattr(moving, "carry_out", lambda *_, **__: None)
        move(api, document, B)
    headers = api.token("read")
    address = f"/v1/documents/{document.document_id}"
    assert api.client.get(f"{address}/text", headers=headers).status_code == 200
    assert api.client.get(f"{address}/pdf", headers=headers).status_code == 200
    take_over(api)
    assert now_of(api.stores, document).object_id == object_id_of("", B)
    assert api.client.get(f"{address}/pdf", headers=headers).status_code == 200


def test_what_is_read_is_the_version_that_the_catalogue_names(api: Api) -> None:
    document = api.archive(api.receive(dossier=A))
    newer = api.stores.archive.stage(document.document_id, "text.txt", b"newer", overwrite=True)
    api.stores.archive.commit_and_record(document.archived_in, [newer], actor=LAN, message="not in the catalogue yet")
    address, headers = f"/v1/documents/{document.document_id}/text", api.token("read")
    assert api.client.get(address, headers=headers).text == TEXT
    etag = api.client.get(address, headers=headers).headers["ETag"].strip('"')
    assert etag == hashlib.sha256(TEXT.encode()).hexdigest()


def test_moving_to_where_it_is_changes_nothing(api: Api) -> None:
    document = api.archive(api.receive(dossier=A))
    assert move(api, document, f" {A} ") == now_of(api.stores, document) == document
    assert api.stores.archive.inventory(object_id_of("", A)).head == 1


@pytest.mark.parametrize("status", [DocumentStatus.HELD, DocumentStatus.FAILED])
def test_held_and_failed_documents_move_and_stay_what_they_are(api: Api, status: DocumentStatus) -> None:
    document = api.stop(api.receive(dossier=A), status, code="damaged")
    after = move(api, document, B)
    assert (after.status, after.code, after.object_id) == (status, "damaged", object_id_of("", B))
    assert record_of(api.stores, after)["status"] == status


def test_withdrawn_and_unfinished_documents_do_not_move(api: Api) -> None:
    withdrawn = decisions.withdraw(api.stores, api.archive(api.receive(dossier=A)), actor=LAN, reason="twice")
    with pytest.raises(Conflict) as caught:
        move(api, withdrawn, B)
    assert caught.value.code == "conflict"
    with pytest.raises(Conflict) as caught:
        move(api, api.receive(dossier=A), B)
    assert caught.value.code == "busy"


def test_a_document_that_the_archive_never_took_does_not_move(api: Api) -> None:
    document = api.receive(dossier=A)
    with api.stores.database.write() as connection:
        jobs.drop_document(connection, document.document_id)
        documents.move(connection, document.document_id, DocumentStatus.FAILED, now=api.clock.now(), stage="commit")
    with pytest.raises(Conflict, match="sohoa retry"):
        move(api, document, B)


def test_a_move_needs_a_reason_and_a_dossier_that_can_be_one(api: Api) -> None:
    document = api.archive(api.receive(dossier=A))
    with pytest.raises(BadRequest):
        move(api, document, B, reason=" ")
    with pytest.raises(Refused) as caught:
        move(api, document, "a/b")
    assert caught.value.code == "bad_dossier"


def test_of_two_moves_at_once_one_wins_and_the_other_is_told(api: Api) -> None:
    document = api.archive(api.receive(dossier=A))
    told: list[Conflict] = []

    def attempt(to: str) -> None:
        try:
            move(api, document, to)
        except Conflict as conflict:
            told.append(conflict)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(attempt, (B, "H02-230105-0003")))
    after = now_of(api.stores, document)
    homes = [
        code
        for code in (A, B, "H02-230105-0003")
        if (archive_root(api) / object_root(object_id_of("", code))).exists()
        and any(document.document_id in path for path in state_of(api, object_id_of("", code)))
    ]
    assert homes == [after.dossier]
    assert [conflict.code for conflict in told] in ([], ["busy"])  # none: the second came after the first was over
    assert_whole(archive_root(api))


def test_what_is_moving_can_be_neither_moved_nor_withdrawn(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    document = api.archive(api.receive(dossier=A))
    with monkeypatch.context() as patch:
        patch.setattr(moving, "carry_out", lambda *_, **__: None)
        move(api, document, B)
    with pytest.raises(Conflict) as caught:
        move(api, document, A)
    assert caught.value.code == "busy"
    with pytest.raises(Conflict) as caught:
        decisions.withdraw(api.stores, document, actor=MAI, reason="x")
    assert caught.value.code == "busy"


def test_a_move_of_damaged_bytes_is_given_up_and_the_document_stays_where_it_was(api: Api) -> None:
    document = api.archive(api.receive(dossier=A))
    [pdf] = (archive_root(api) / object_root(object_id_of("", A))).glob("v1/content/documents/*/document.pdf")
    pdf.chmod(0o640)
    pdf.write_bytes(pdf.read_bytes()[:-1] + b"?")
    with pytest.raises(DigestMismatch):
        move(api, document, B)
    take_over(api)
    after = now_of(api.stores, document)
    assert (after.dossier, after.object_id, jobs_of(api, document)) == (A, object_id_of("", A), {})


def test_a_move_that_has_arrived_is_never_given_up(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    document = api.archive(api.receive(dossier=A))

    def cannot_leave(*_: object) -> None:
        raise DigestMismatch("the source's inventory is damaged")

    with monkeypatch.context() as patch:
        patch.setattr(moving, "_leave", cannot_leave)
        with pytest.raises(DigestMismatch):
            move(api, document, B)
        for _ in range(api.stores.settings.max_attempts + 2):
            take_over(api)
    assert now_of(api.stores, document).object_id == object_id_of("", B)
    assert jobs_of(api, document) != {}
    take_over(api)
    assert jobs_of(api, document) == {}
    assert state_of(api, object_id_of("", A)) == {"dossier.json"}


def test_a_move_whose_version_is_reserved_is_never_given_up(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    document = api.archive(api.receive(dossier=A))

    def cannot_write(*_: object) -> None:
        raise DigestMismatch("a bad block")

    with monkeypatch.context() as patch:
        patch.setattr(commit, "_write_version", cannot_write)
        with pytest.raises(DigestMismatch):
            move(api, document, B)
        take_over(api)
    assert now_of(api.stores, document).dossier == B
    api.stores.archive.recover()
    take_over(api)
    after = now_of(api.stores, document)
    assert (after.dossier, after.object_id, jobs_of(api, document)) == (B, object_id_of("", B), {})
    assert assert_whole(archive_root(api)) == {object_id_of("", A): 2, object_id_of("", B): 1}


def test_a_moved_document_is_found_in_its_new_dossier_and_no_more_in_the_old(api: Api) -> None:
    document = api.archive(api.receive(dossier=A))
    api.index()
    move(api, document, B)
    with open_index(api.stores.settings, mode="write") as index:
        index_outbox(api.stores.database, api.stores.archive, index, clock=api.clock)
    headers = api.token("read")

    def found(query: str) -> list[str]:
        hits = api.client.get("/v1/search", params={"q": query}, headers=headers).json()["hits"]
        return [hit["document_id"] for hit in hits]

    assert found(f"dossier:{B}") == [document.document_id]
    assert found(f"dossier:{A}") == []
    assert found("hòa giải") == [document.document_id]


def jobs_of(api: Api, document: Document) -> dict[JobKind, Any]:
    with api.stores.database.read() as connection:
        return dict(jobs.counts(connection, document_id=document.document_id))


def take_over(api: Api) -> None:
    """What a worker does once the lease of whoever began has run out."""
    api.clock.advance(seconds=api.stores.settings.lease_s + 1)
    with api.stores.database.write() as connection:
        jobs.hand_out_again(connection, now=api.clock.now())
    work_off(api)


def test_the_api_moves_for_an_admin_of_the_office_only(api: Api) -> None:
    document = api.archive(api.receive(dossier=A))
    address = f"/v1/documents/{document.document_id}/move"
    asked = {"to": B, "reason": "wrong dossier"}
    assert api.client.post(address, json=asked, headers=api.token("admin", office="H99")).status_code == 404
    admin = api.token("admin")
    for wrong in ({"reason": "no target"}, {"to": B}, {"to": B, "reason": " "}, {**asked, "more": 1}):
        assert api.client.post(address, json=wrong, headers=admin).status_code == 422
    answer = api.client.post(address, json={"to": "a/b", "reason": "x"}, headers=admin)
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_dossier")
    for _ in range(2):
        answer = api.client.post(address, json=asked, headers=admin)
        assert (answer.status_code, answer.json()["dossier"]) == (200, B)
    answer = api.client.post(address, json={"to": None, "reason": "none"}, headers=admin)
    assert (answer.status_code, answer.json()["dossier"]) == (200, None)
