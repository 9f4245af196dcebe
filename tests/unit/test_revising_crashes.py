"""A process that brings in or commits a revision may die at any step: it happens once or, without a receipt, not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ocr_workers import pipeline
from sohoa.states import DocumentStatus, RevisionKind
from storage.catalog import documents, jobs, revisions
from storage.catalog.documents import Document
from storage.stores import Stores
from tests.support.crash import assert_whole
from tests.support.revised import archived, events_of, letter_bytes, names_of, now_of, read, revise_with
from tests.support.steps import STEPS, Step, at_every_step, go_on

REPLACE, APPEND = RevisionKind.REPLACE, RevisionKind.APPEND
NEW = letter_bytes("Bản rõ")
TEXTS = {REPLACE: "Bản rõ", APPEND: "Bản mờ\fBản rõ"}


pytestmark = pytest.mark.usefixtures("no_power_cuts")


def _assert_one_way(stores: Stores, document: Document, kind: RevisionKind) -> bool:
    """Whether the revision happened; either way once, whole, and with everything in agreement."""
    after = now_of(stores, document)
    with stores.database.read() as connection:
        assert jobs.counts(connection) == {}
        assert revisions.open_for(connection, document.document_id) is None
        assert len(documents.list_documents(connection).items) == 1
    assert (after.status, after.revision) == (DocumentStatus.ARCHIVED, None)
    receipts = [stores.archive.read_receipt(Path(key).stem) for key in stores.archive.objects.list("receipts/")]
    happened = any(receipt.revising is not None for receipt in receipts)
    identifiers = [event["eventIdentifier"]["eventIdentifierValue"] for event in events_of(stores, after)]
    assert len(set(identifiers)) == len(identifiers)
    for receipt in receipts:
        assert receipt.revising is None or receipt.document_id in identifiers
    assert after.version == (2 if happened else 1)
    assert read(stores, after, "text.txt").decode() == (TEXTS[kind] if happened else "Bản mờ")
    assert ("original-2.pdf" in names_of(stores, after)) is (happened and kind is APPEND)
    assert list(stores.archive.objects.list("staging/")) == []
    assert assert_whole(stores.settings.folder_of("")) == {after.archived_in: after.version}
    return happened


def _archived(stores: Stores) -> Document:
    return archived(stores, "Bản mờ")


def _revise(stores: Stores, document: Document) -> None:
    revise_with(stores, document, NEW)


@pytest.mark.slow
@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.__name__)
def test_taking_a_revision_in_dies_at_any_step(tmp_path: Path, step: Step) -> None:
    outcomes = []
    for stores, document in at_every_step(tmp_path, prepare=_archived, run=_revise, step=step):
        go_on(stores)
        outcomes.append(_assert_one_way(stores, document, REPLACE))
    print(f"{len(outcomes) - 1} crash points")
    assert outcomes[-1]
    assert outcomes == sorted(outcomes)


def _before_the_commit(kind: RevisionKind) -> Callable[[Stores], Document]:
    def prepare(stores: Stores) -> Document:
        document = archived(stores, "Bản mờ")
        revise_with(stores, document, NEW, kind=kind)
        for _ in ("open", "recognise", "compose"):
            _work_once(stores, document)
        return document

    return prepare


def _work_once(stores: Stores, _: Document) -> None:
    tools = pipeline.Tools(stores.settings, stores.archive, stores.database, stores.clock, "other")
    assert pipeline.run_next(tools, started=lambda job, limit_s: None)


@pytest.mark.slow
@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.__name__)
@pytest.mark.parametrize("kind", [REPLACE, APPEND])
def test_committing_a_revision_dies_at_any_step_and_is_finished(tmp_path: Path, kind: RevisionKind, step: Step) -> None:
    points = -1
    for stores, document in at_every_step(tmp_path, prepare=_before_the_commit(kind), run=_work_once, step=step):
        go_on(stores)
        assert _assert_one_way(stores, document, kind)
        points += 1
    print(f"{points} crash points")
    assert points > 1
