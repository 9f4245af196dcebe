"""Tokens, idempotency keys and named leases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Connection, text

from sohoa.clock import FixedClock
from sohoa.errors import BadRequest, Conflict, NotAllowed, NotFound
from sohoa.model import DocumentId
from storage.catalog import idempotency, leases, tokens
from storage.catalog.database import Database
from storage.catalog.idempotency import Begun, Keyed
from storage.catalog.tokens import Scope


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def conn(catalogue_url: str) -> Iterator[Connection]:
    catalogue = Database(catalogue_url)
    with catalogue.write() as connection:
        yield connection
    catalogue.close()


def test_token_is_known_by_its_secret(conn: Connection, clock: FixedClock) -> None:
    token, secret = tokens.create(
        conn, name="scanner", scopes=["read", "ingest"], actor="system:scanner", office="local", now=clock.now()
    )
    assert secret.startswith("sohoa_")
    assert len(secret) >= 48
    assert tokens.authenticate(conn, secret, now=clock.now()) == token
    assert (token.scopes, token.actor, token.office) == (
        frozenset({Scope.READ, Scope.INGEST}),
        "system:scanner",
        "local",
    )


def test_secret_is_nowhere_in_the_catalogue(conn: Connection, clock: FixedClock) -> None:
    _, secret = tokens.create(conn, name="n", scopes=["admin"], actor="person:lan", now=clock.now())
    row = conn.execute(text("SELECT * FROM tokens")).one()
    assert not any(secret.removeprefix("sohoa_") in str(value) for value in row)


@pytest.mark.parametrize("secret", ["", "sohoa_", "sohoa_wrong"])
def test_wrong_secret_is_turned_away(conn: Connection, clock: FixedClock, secret: str) -> None:
    tokens.create(conn, name="n", scopes=["read"], actor="person:lan", now=clock.now())
    with pytest.raises(NotAllowed) as caught:
        tokens.authenticate(conn, secret, now=clock.now())
    assert caught.value.code == "bad_token"


def test_token_ends_at_its_time(conn: Connection, clock: FixedClock) -> None:
    ends = clock.now() + timedelta(hours=1)
    _, secret = tokens.create(conn, name="n", scopes=["read"], actor="person:lan", now=clock.now(), expires_at=ends)
    clock.advance(seconds=3599)
    tokens.authenticate(conn, secret, now=clock.now())
    clock.advance(seconds=1)
    with pytest.raises(NotAllowed):
        tokens.authenticate(conn, secret, now=clock.now())


def test_revoked_token_is_listed_and_turned_away(conn: Connection, clock: FixedClock) -> None:
    token, secret = tokens.create(conn, name="n", scopes=["read"], actor="person:lan", now=clock.now())
    when = clock.now()
    tokens.revoke(conn, token.token_id, now=when)
    clock.advance(seconds=9)
    assert tokens.revoke(conn, token.token_id, now=clock.now()).revoked_at == when
    assert [listed.revoked_at for listed in tokens.list_tokens(conn)] == [when]
    with pytest.raises(NotAllowed):
        tokens.authenticate(conn, secret, now=clock.now())
    with pytest.raises(NotFound):
        tokens.revoke(conn, "nobody", now=clock.now())


@pytest.mark.parametrize(
    ("scopes", "actor"), [([], "person:lan"), (["all"], "person:lan"), (["read"], "lan"), (["read"], "person:")]
)
def test_token_needs_known_scopes_and_an_actor(
    conn: Connection, clock: FixedClock, scopes: list[str], actor: str
) -> None:
    with pytest.raises(BadRequest):
        tokens.create(conn, name="n", scopes=scopes, actor=actor, now=clock.now())
    assert tokens.list_tokens(conn) == []


ONE, TWO, THREE = (DocumentId(f"document-{number}") for number in (1, 2, 3))
ASKED = Keyed("k", token_id="t", digest="d")


def test_repeated_request_gets_the_first_answer(conn: Connection, clock: FixedClock) -> None:
    assert idempotency.begin(conn, ASKED, document_id=ONE, now=clock.now()) == Begun(None, [ONE])
    first = idempotency.remember(conn, ASKED, response={"n": 1}, now=clock.now())
    later = idempotency.remember(conn, ASKED, response={"n": 2}, now=clock.now())
    assert first == later == {"n": 1}
    assert idempotency.begin(conn, ASKED, document_id=TWO, now=clock.now()) == Begun({"n": 1})
    idempotency.forget(conn, ASKED, document_id=TWO)
    assert idempotency.begin(conn, ASKED, document_id=THREE, now=clock.now()) == Begun({"n": 1})


def test_request_that_was_never_answered_keeps_the_ids_of_its_tries(conn: Connection, clock: FixedClock) -> None:
    idempotency.begin(conn, ASKED, document_id=ONE, now=clock.now())
    assert idempotency.begin(conn, ASKED, document_id=TWO, now=clock.now()) == Begun(None, [ONE, TWO])
    idempotency.forget(conn, ASKED, document_id=TWO)
    assert idempotency.begin(conn, ASKED, document_id=THREE, now=clock.now()) == Begun(None, [ONE, THREE])


def test_key_used_for_another_request_is_a_conflict(conn: Connection, clock: FixedClock) -> None:
    other = replace(ASKED, digest="other")
    idempotency.begin(conn, ASKED, document_id=ONE, now=clock.now())
    for _ in ("while it is worked on", "when it is answered"):
        with pytest.raises(Conflict) as caught:
            idempotency.begin(conn, other, document_id=TWO, now=clock.now())
        assert caught.value.code == "idempotency_mismatch"
        idempotency.remember(conn, ASKED, response={}, now=clock.now())
    assert idempotency.begin(conn, replace(other, token_id="another"), document_id=TWO, now=clock.now()).reserved


def test_key_is_free_again_after_a_day_or_when_nothing_came_of_it(conn: Connection, clock: FixedClock) -> None:
    other = replace(ASKED, digest="other")
    idempotency.remember(conn, ASKED, response={"n": 1}, now=clock.now())
    idempotency.remember(conn, replace(ASKED, key="old"), response={}, now=clock.now())
    clock.advance(seconds=24 * 3600)
    assert idempotency.begin(conn, other, document_id=ONE, now=clock.now()) == Begun(None, [ONE])
    assert conn.execute(text("SELECT count(*) FROM idempotency_keys")).scalar_one() == 1
    idempotency.forget(conn, other, document_id=ONE)
    assert idempotency.begin(conn, ASKED, document_id=TWO, now=clock.now()) == Begun(None, [TWO])


def test_lease_has_one_owner_until_it_runs_out_or_is_given_up(conn: Connection, clock: FixedClock) -> None:
    def acquire(owner: str) -> bool:
        return leases.acquire(conn, "sweeper", owner=owner, ttl_s=10, now=clock.now())

    assert acquire("a")
    assert not acquire("b")
    clock.advance(seconds=9)
    assert acquire("a")
    clock.advance(seconds=9)
    assert not acquire("b")
    clock.advance(seconds=1)
    assert acquire("b")
    leases.release(conn, "sweeper", owner="a")
    assert not acquire("a")
    leases.release(conn, "sweeper", owner="b")
    assert acquire("a")
    assert leases.acquire(conn, "indexer", owner="b", ttl_s=10, now=clock.now())
