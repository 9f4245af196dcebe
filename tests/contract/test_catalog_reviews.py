"""The review queue in a real catalogue: oldest first, one paper one person, and nothing lost that somebody left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from ingest import reviewing
from ingest.reviewing import Correction
from ocr_workers.housekeeping import hand_out_again
from sohoa.errors import BadRequest, Conflict, NotFound
from sohoa.model import Actor
from sohoa.states import DocumentStatus, Review, WantedKind
from storage.catalog import documents, reviews
from storage.catalog.documents import Document
from storage.catalog.reviews import Claim
from tests.support.archived import Api, opened_api
from tests.support.catalogues import plan_of
from tests.support.reviewed import read_fields

LAN, MAI = Actor("person:lan"), Actor("person:mai")
LEASE_S = 900.0


@pytest.fixture(autouse=True)
def _no_power_cuts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fsync", lambda descriptor: None)


@pytest.fixture
def api(tmp_path: Path, catalogue_url: str) -> Iterator[Api]:
    with opened_api(tmp_path, catalog_url=catalogue_url) as opened:
        yield opened


def paper(api: Api, *, office: str = "H02", review: Review = Review.NEEDED, **more: str) -> Document:
    api.clock.advance(seconds=1)
    return api.archive(api.receive(office=office), fields=read_fields(**more), review=review)


def take(api: Api, actor: Actor = LAN, **how: Any) -> str | None:
    with api.stores.database.write() as connection:
        now = api.clock.now()
        found = reviews.claim_next(connection, actor=actor, now=now, lease_s=LEASE_S, **{"office": None, **how})
    return None if found is None else found.document_id


def claim(api: Api, document: Document, actor: Actor = LAN) -> Document:
    with api.stores.database.write() as connection:
        return reviews.claim(connection, document.document_id, actor=actor, now=api.clock.now(), lease_s=LEASE_S)


def listed(api: Api, **how: Any) -> dict[str, Claim | None]:
    with api.stores.database.read() as connection:
        found = reviews.waiting(connection, now=api.clock.now(), **how)
    return {document.document_id: held for document, held in found.items}


def now_of(api: Api, document: Document) -> Document:
    with api.stores.database.read() as connection:
        return documents.get(connection, document.document_id)


def test_oldest_first_and_nobody_gets_what_another_has(api: Api) -> None:
    ids = [paper(api).document_id for _ in range(3)]
    paper(api, review=Review.NONE)
    api.receive()
    assert [take(api), take(api, MAI), take(api), take(api, MAI)] == [*ids, None]
    held = {document_id: held.actor for document_id, held in listed(api).items() if held is not None}
    assert held == dict(zip(ids, [LAN, MAI, LAN], strict=True))


def test_by_office_and_by_type(api: Api) -> None:
    first = paper(api)
    plan = paper(api, type_name="Kế hoạch")
    other = paper(api, office="H56")
    assert list(listed(api, office="H02")) == [first.document_id, plan.document_id]
    assert list(listed(api, type_name="Kế hoạch")) == [plan.document_id]
    assert take(api, office="H56") == other.document_id
    assert take(api, type_name="Kế hoạch", office="H02") == plan.document_id
    assert take(api, type_name="Kế hoạch") is None


def test_review_shows_claimed_while_the_claim_lives_and_then_what_it_was(api: Api) -> None:
    document = paper(api)
    assert claim(api, document).review is Review.CLAIMED
    with pytest.raises(Conflict) as refused:
        claim(api, document, MAI)
    assert refused.value.code == "claimed"
    api.clock.advance(seconds=LEASE_S + 1)
    assert listed(api) == {document.document_id: None}
    with api.stores.database.write() as connection:
        assert reviews.return_expired(connection, now=api.clock.now()) == 1
    assert now_of(api, document).review is Review.NEEDED
    with api.stores.database.write() as connection:
        assert reviews.return_expired(connection, now=api.clock.now()) == 0
    assert take(api, MAI) == document.document_id


def test_sweeper_puts_back_what_somebody_left(api: Api) -> None:
    document = claim(api, paper(api))
    hand_out_again(api.stores)
    assert now_of(api, document).review is Review.CLAIMED
    api.clock.advance(seconds=LEASE_S + 1)
    hand_out_again(api.stores)
    assert now_of(api, document).review is Review.NEEDED


def test_queue_is_read_in_its_order_from_an_index_of_its_own(api: Api) -> None:
    with api.stores.database.write() as connection:
        said = []

        @event.listens_for(connection, "before_cursor_execute")
        def keep(_conn: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
            said.append((statement, values))

        reviews.claim_next(connection, actor=LAN, now=api.clock.now(), lease_s=1, office="H02", type_name="x")
        ((statement, values),) = said
        plan = plan_of(connection, statement, values)
    assert any("ix_documents_review" in step for step in plan), plan
    assert not any("TEMP B-TREE" in step or "Sort" in step for step in plan), plan


def test_claim_that_ran_out_is_given_to_the_next_even_before_anybody_swept(api: Api) -> None:
    document = paper(api)
    assert take(api) == document.document_id
    api.clock.advance(seconds=LEASE_S - 1)
    assert take(api, MAI) is None
    claim(api, document)  # kept longer
    api.clock.advance(seconds=LEASE_S - 1)
    assert take(api, MAI) is None
    api.clock.advance(seconds=2)
    assert take(api, MAI) == document.document_id
    with pytest.raises(Conflict) as refused:
        reviewing.confirm(api.stores, now_of(api, document), actor=LAN)
    assert refused.value.code == "claimed"


def test_given_back_paper_is_anybodys_and_only_its_own_person_gives_it_back(api: Api) -> None:
    document = claim(api, paper(api))
    with api.stores.database.write() as connection, pytest.raises(Conflict):
        reviews.give_back(connection, document.document_id, actor=MAI, now=api.clock.now())
    with api.stores.database.write() as connection:
        back = reviews.give_back(connection, document.document_id, actor=LAN, now=api.clock.now())
        assert reviews.give_back(connection, document.document_id, actor=LAN, now=api.clock.now()) == back
    assert back.review is Review.NEEDED
    assert take(api, MAI) == document.document_id


def test_two_people_never_do_one_paper(api: Api) -> None:
    ids = {paper(api).document_id for _ in range(24)}

    def taken_by(number: int) -> list[str]:
        found = []
        while (document_id := take(api, Actor(f"person:{number}"))) is not None:
            found.append(document_id)
        return found

    with ThreadPoolExecutor(8) as people:
        taken = [document_id for found in people.map(taken_by, range(8)) for document_id in found]
    assert Counter(taken) == Counter(ids)


def test_confirming_ends_the_claim(api: Api) -> None:
    document = claim(api, paper(api))
    done = reviewing.confirm(api.stores, document, actor=LAN)
    assert done.review is Review.DONE
    assert listed(api) == {}
    with pytest.raises(Conflict):
        claim(api, document)


def test_paper_that_must_be_scanned_again_is_listed_and_not_given_to_the_next(api: Api) -> None:
    document = claim(api, paper(api))
    reviewing.ask_for(api.stores, document, WantedKind.RESCAN, actor=LAN, reason="mờ")
    assert take(api, MAI) is None
    assert list(listed(api, wanted=WantedKind.RESCAN)) == [document.document_id]
    assert list(listed(api, wanted=WantedKind.SPLIT)) == []
    assert claim(api, document, MAI).review is Review.CLAIMED


def test_paper_that_is_being_worked_on_is_not_given_to_anybody(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    document = paper(api)

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(reviewing, "carry_out", die)
        with pytest.raises(KeyboardInterrupt):
            reviewing.confirm(api.stores, document, actor=LAN)
    assert take(api, MAI) is None


def test_second_check_is_not_given_to_who_made_the_first(tmp_path: Path, catalogue_url: str) -> None:
    with opened_api(tmp_path / "drawn", second_check_share=1.0, catalog_url=catalogue_url) as api:
        document = reviewing.confirm(api.stores, claim(api, paper(api)), actor=LAN)
        assert listed(api, wanted=WantedKind.SECOND_CHECK) == {document.document_id: None}
        assert take(api, LAN) is None
        with pytest.raises(Conflict) as refused:
            claim(api, document)
        assert refused.value.code == "same_actor"
        assert take(api, MAI) == document.document_id


def test_agreement_is_counted_by_actor_and_field(tmp_path: Path, catalogue_url: str) -> None:
    with opened_api(tmp_path / "drawn", second_check_share=1.0, catalog_url=catalogue_url) as api:
        for number in range(4):
            first, second = (LAN, MAI) if number < 3 else (MAI, LAN)
            document = reviewing.confirm(api.stores, paper(api), actor=first)
            said = {"code_number": Correction("139")} if number == 0 else {}
            said |= {"place": Correction("Kiên Giang")} if number == 1 else {}
            reviewing.confirm(api.stores, document, actor=second, corrections=said)
        reviewing.confirm(api.stores, paper(api, office="H56"), actor=LAN)
        with api.stores.database.read() as connection:
            found = {(one.actor, one.field): (one.agreed, one.checked) for one in reviews.agreement(connection)}
            assert reviews.agreement(connection, office="H56") == []
    assert found[LAN, "code_number"] == (2, 3)
    assert found[LAN, "subject"] == (3, 3)
    assert found[LAN, "place"] == (0, 1)
    assert found[MAI, "code_number"] == (1, 1)
    assert {actor for actor, _ in found} == {LAN, MAI}


def test_the_cursor_reaches_every_paper_once_while_some_are_done(api: Api) -> None:
    papers = [paper(api) for _ in range(7)]
    seen: list[str] = []
    cursor = None
    while True:
        with api.stores.database.read() as connection:
            found = reviews.waiting(connection, now=api.clock.now(), cursor=cursor, limit=2)
        seen += [document.document_id for document, _ in found.items]
        cursor = found.next_cursor
        if cursor is None:
            break
        if len(seen) == 2:
            reviewing.confirm(api.stores, papers[0], actor=LAN)
    assert seen == [document.document_id for document in papers]
    with api.stores.database.read() as connection, pytest.raises(BadRequest):
        reviews.waiting(connection, now=api.clock.now(), cursor="5")


def test_what_is_no_document_or_not_archived_cannot_be_claimed(api: Api) -> None:
    held = api.stop(api.receive(), DocumentStatus.HELD, code="damaged")
    with pytest.raises(Conflict):
        claim(api, held)
    with api.stores.database.write() as connection, pytest.raises(NotFound):
        reviews.claim(connection, "0" * 26, actor=LAN, now=api.clock.now(), lease_s=1)
