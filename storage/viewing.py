"""Records that somebody looks at papers, durably and before they are given: what cannot be recorded is not shown, nor what a
search finds that is not to be seen any more."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from sohoa.errors import NotFound
from sohoa.model import Actor, OfficeId
from storage.catalog import documents, viewings
from storage.catalog.viewings import Outcome, Through, Viewing
from storage.index.protocol import Hit
from storage.stores import Stores

log = structlog.get_logger(__name__)


def record_viewing(
    stores: Stores,
    actor: Actor,
    document_id: str,
    *,
    through: Through,
    what: str,
    page: int | None = None,
    outcome: Outcome = "given",
) -> None:
    """Keep who looks at what of a document; one small transaction of the catalogue, no call to the archive.

    Raises StoreUnavailable where it cannot be kept: then the paper must not be given.
    """
    _put(stores, actor, (document_id,), through=through, what=what, page=page, outcome=outcome)
    more = {} if page is None else {"page": page}
    log.info("document.read", actor=actor, document_id=document_id, what=what, through=through, outcome=outcome, **more)


def record_search(
    stores: Stores, actor: Actor, found: Sequence[Hit], *, office: OfficeId | None, through: Through
) -> tuple[Hit, ...]:
    """Those hits that may be shown, kept as what a search by somebody who sees `office` (None: all) showed, perhaps none; as
    :func:`record_viewing`.

    The index tells what was so when it was last written or, to who walks through a point in time, when that began: what
    the catalogue says is withdrawn or another office's by now is left out. What it has never heard of stays.
    """
    with stores.database.read() as connection:
        hidden = documents.hidden(connection, [hit.document_id for hit in found], office=office)
    shown = tuple(hit for hit in found if hit.document_id not in hidden)
    ids = tuple(hit.document_id for hit in shown)
    _put(stores, actor, ids, through=through, what="search", page=None, outcome="given")
    return shown


def record_refusal(stores: Stores, actor: Actor, document_id: str, *, through: Through, what: str) -> None:
    """Keep that somebody asked for a document that is not theirs to see; of one that is not there, nothing is kept."""
    try:
        with stores.database.read() as connection:
            documents.get(connection, document_id)
    except NotFound:
        return
    record_viewing(stores, actor, document_id, through=through, what=what, outcome="refused")


def _put(
    stores: Stores,
    actor: Actor,
    document_ids: tuple[str, ...],
    *,
    through: Through,
    what: str,
    page: int | None,
    outcome: Outcome,
) -> None:
    clock = stores.clock
    viewing = Viewing(clock.new_ulid(), clock.now(), actor, through, what, page, document_ids, outcome)
    with stores.database.write_beside() as connection:
        viewings.put(connection, viewing)
