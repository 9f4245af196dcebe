"""A process that corrects a paper may die at any step, in the archive or in the catalogue: the sweeper finishes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest import reviewing
from ingest.reviewing import Correction
from sohoa.model import Actor
from sohoa.reviews import wanted_to_dict
from sohoa.states import DocumentStatus, Review, WantedKind
from storage.archive.description import read_events, read_record
from storage.catalog import documents, jobs, reviews
from storage.catalog.documents import Document
from storage.stores import Stores
from tests.support.archived import TEXT, bring, finish
from tests.support.crash import assert_whole
from tests.support.steps import STEPS, Step, at_every_step, go_on

LAN = Actor("person:lan")
SAID = {
    "type_name": Correction("Quyết định"),
    **dict.fromkeys(("code_number", "code_notation", "issued_date", "organ_name"), Correction(None)),
    **dict.fromkeys(("signer_name", "signer_position", "subject"), Correction(None)),
}


pytestmark = pytest.mark.usefixtures("no_power_cuts")


def _claimed(stores: Stores) -> Document:
    document = finish(stores, bring(stores, dossier="H02-230105-0001"), (TEXT,), DocumentStatus.ARCHIVED)
    now = stores.clock.now()
    with stores.database.write() as connection:
        documents.amend(connection, document.document_id, now=now, review=Review.NEEDED)
        return reviews.claim(connection, document.document_id, actor=LAN, now=now, lease_s=86_400)


def _correct(stores: Stores, document: Document) -> None:
    reviewing.confirm(stores, document, actor=LAN, corrections=SAID)


def _ask(stores: Stores, document: Document) -> None:
    reviewing.ask_for(stores, document, WantedKind.RESCAN, actor=LAN, reason="mờ")


def _assert_said_or_not(stores: Stores, document_id: str, before: Document) -> bool:
    """Whether the correction was decided; either way archive, catalogue and claim say the same."""
    with stores.database.read() as connection:
        after = documents.get(connection, document_id)
        claim = reviews.claim_of(connection, after, now=stores.clock.now())
        assert jobs.counts(connection) == {}
    record = read_record(stores.archive, after.archived_in, document_id)
    kinds = [event["eventType"] for event in read_events(stores.archive, after.archived_in, document_id)]
    said = after.version == 2
    assert kinds.count("metadata modification") == said
    assert (after.review, claim is None) == ((Review.DONE, True) if said else (Review.CLAIMED, False))
    assert (record["fields"], len(record.get("checks", []))) == (after.fields, int(said))
    assert (after.fields.get("type_name", {}).get("value") == "Quyết định") == said
    assert list(stores.archive.objects.list("staging/")) == []
    assert list(assert_whole(stores.settings.folder_of("")).values()) == [after.version]
    assert before.version == 1
    return said


@pytest.mark.slow
@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.__name__)
def test_a_request_that_dies_at_any_step_is_finished_or_never_began(tmp_path: Path, step: Step) -> None:
    outcomes = []
    for stores, document in at_every_step(tmp_path, prepare=_claimed, run=_ask, step=step):
        go_on(stores)
        with stores.database.read() as connection:
            after = documents.get(connection, document.document_id)
            assert jobs.counts(connection) == {}
        record = read_record(stores.archive, after.archived_in, after.document_id)
        asked = after.version == 2
        assert after.review is (Review.NEEDED if asked else Review.CLAIMED)
        assert record.get("wanted") == (wanted_to_dict(after.wanted) if asked else None)
        assert (after.wanted is not None) == asked
        assert list(assert_whole(stores.settings.folder_of("")).values()) == [after.version]
        outcomes.append(asked)
    assert outcomes[-1]
    assert outcomes == sorted(outcomes)


@pytest.mark.slow
@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.__name__)
def test_a_correction_that_dies_at_any_step_is_finished_or_never_began(tmp_path: Path, step: Step) -> None:
    outcomes = []
    for stores, document in at_every_step(tmp_path, prepare=_claimed, run=_correct, step=step):
        go_on(stores)
        outcomes.append(_assert_said_or_not(stores, document.document_id, document))
    print(f"{len(outcomes) - 1} crash points")
    assert outcomes[-1]
    assert outcomes == sorted(outcomes)  # once it is durable that it was said, every later death ends in the version
