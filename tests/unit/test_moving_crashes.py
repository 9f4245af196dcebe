"""A process that moves a document may die at any step, in the archive or in the catalogue: the sweeper finishes it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from ingest import moving
from sohoa.errors import NotFound
from sohoa.model import Actor
from sohoa.states import DocumentStatus
from storage.archive.description import read_events
from storage.archive.layout import object_id_of
from storage.catalog import documents, jobs
from storage.catalog.documents import Document
from storage.stores import Stores
from tests.support.archived import TEXT, bring, finish
from tests.support.crash import assert_whole
from tests.support.steps import STEPS, Step, at_every_step, go_on

LAN = Actor("person:lan")
A, B = "H02-230105-0001", "H02-230105-0002"


pytestmark = pytest.mark.usefixtures("no_power_cuts")


def _in_dossier(stores: Stores) -> Document:
    return finish(stores, bring(stores, dossier=A), (TEXT,), DocumentStatus.ARCHIVED)


def _loose(stores: Stores) -> Document:
    return finish(stores, bring(stores), (TEXT,), DocumentStatus.ARCHIVED)


def _to_b(stores: Stores, document: Document) -> None:
    moving.move(stores, document, to=B, actor=LAN, reason="wrong dossier")


def _out_of_any(stores: Stores, document: Document) -> None:
    moving.move(stores, document, to=None, actor=LAN, reason="no dossier")


def _assert_one_place(stores: Stores, document_id: str, before: Document, to: str | None) -> bool:
    """Whether the move was decided; either way the document is whole in one object and everything agrees."""
    with stores.database.read() as connection:
        after = documents.get(connection, document_id)
        assert jobs.counts(connection) == {}
    moved = after.dossier == to
    assert after.object_id == object_id_of(document_id, to if moved else before.dossier)
    places = {object_id_of(document_id, code) for code in (before.dossier, to)}
    folder = f"documents/{document_id}/"
    homes = []
    for place in places:
        names: set[str] = set()
        with suppress(NotFound):
            names = {path.removeprefix(folder) for path in stores.archive.files(place, below=folder)}
        if names:
            homes.append(place)
            assert names == {
                "original.png",
                "document.pdf",
                "text.txt",
                "alto.xml.gz",
                "quality.json",
                "record.json",
                "premis.jsonl",
            }
    assert homes == [after.object_id]
    kinds = [event["eventType"] for event in read_events(stores.archive, after.archived_in, document_id)]
    assert kinds.count("transfer") == (1 if moved else 0)
    assert list(stores.archive.objects.list("staging/")) == []
    versions = assert_whole(stores.settings.folder_of(""))
    assert sorted(versions.values()) == ([1, 2] if moved else [1])
    assert after.version == 1
    return moved


@pytest.mark.slow
@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.__name__)
@pytest.mark.parametrize(
    ("prepare", "run", "to"),
    [(_in_dossier, _to_b, B), (_loose, _to_b, B), (_in_dossier, _out_of_any, None)],
    ids=["dossier to dossier", "into a dossier", "out of any"],
)
def test_a_move_that_dies_at_any_step_is_finished_or_never_began(
    tmp_path: Path,
    prepare: Callable[[Stores], Document],
    run: Callable[[Stores, Document], None],
    to: str | None,
    step: Step,
) -> None:
    outcomes = []
    for stores, document in at_every_step(tmp_path, prepare=prepare, run=run, step=step):
        go_on(stores)
        outcomes.append(_assert_one_place(stores, document.document_id, document, to))
    print(f"{len(outcomes) - 1} crash points")
    assert outcomes[-1]
    assert outcomes == sorted(outcomes)  # once the decision is durable, every later death ends in the target
