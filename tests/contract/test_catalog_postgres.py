"""What only a PostgreSQL server does: refusing, breaking off, timing out, filling up; and PgBouncer between. Told in one line."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from sqlalchemy import Connection, insert, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from sohoa.clock import FixedClock
from sohoa.errors import BadRequest, SetupError, SohoaError, StoreUnavailable
from sohoa.settings import Settings
from storage.catalog import leases, postgres, presence, tables
from storage.catalog.backend import Kind
from storage.catalog.backup import back_up, restore
from storage.catalog.database import Database, alone
from tests.support import pgbouncer
from tests.support import postgres as servers
from tests.support.postgres import PASSWORD, Postgres
from tests.support.waiting import wait_until

pytestmark = pytest.mark.postgres
NOW = FixedClock().now()
SECRET = quote(PASSWORD, safe="")


@pytest.fixture
def name(postgres_server: Postgres, migrated_postgres: str) -> Iterator[str]:
    with servers.database(postgres_server, template=migrated_postgres) as made:
        yield made


@pytest.fixture
def db(postgres_server: Postgres, name: str) -> Iterator[Database]:
    catalogue = Database(postgres_server.url(name))
    yield catalogue
    catalogue.close()


@pytest.fixture(scope="module")
def own_server() -> Iterator[Postgres]:
    """A server that these tests may stop."""
    with servers.running() as server:
        yield server


def told(act: Callable[[], object], kind: type[SohoaError]) -> SohoaError:
    """The error that it ends in: one line, and no password anywhere in what led to it."""
    with pytest.raises(kind) as caught:
        act()
    shown, error = "", caught.value
    link: BaseException | None = error
    while link is not None:
        shown, link = f"{shown}{link!r}{link}", link.__cause__
    assert PASSWORD not in shown
    assert SECRET not in shown
    assert "\n" not in error.detail
    return error


def used(url: str) -> Callable[[], None]:
    def use() -> None:
        catalogue = Database(url)
        try:
            with catalogue.read() as conn:
                conn.execute(text("SELECT 1"))
        finally:
            catalogue.close()

    return use


def test_right_password_opens_the_catalogue_and_is_shown_nowhere(postgres_server: Postgres, name: str) -> None:
    postgres_server.run("GRANT ALL ON ALL TABLES IN SCHEMA public TO guarded", database=name)
    url = postgres_server.url(name, user="guarded", password=SECRET)
    used(url)()
    catalogue = Database(url)
    for shown in (repr(catalogue), repr(catalogue._backend), repr(Settings(catalog_url=url))):
        assert SECRET not in shown
        assert PASSWORD not in shown


def test_wrong_password_is_told(postgres_server: Postgres, name: str) -> None:
    error = told(used(postgres_server.url(name, user="guarded", password=SECRET + "x")), SetupError)
    assert (error.code, "guarded" in error.detail) == ("store_denied", True)
    assert told(used(postgres_server.url(name, user="guarded")), SetupError).code == "store_denied"
    assert told(used(postgres_server.url(name, user="nobody_at_all")), SetupError).code == "store_denied"


def test_database_that_is_not_there_is_told_with_how_to_make_it(postgres_server: Postgres) -> None:
    error = told(used(postgres_server.url("elsewhere")), SetupError)
    assert (error.code, "createdb" in error.detail) == ("catalog_missing", True)


def test_user_without_rights_is_told(postgres_server: Postgres) -> None:
    with servers.database(postgres_server) as name:
        catalogue = Database(postgres_server.url(name, user="guarded", password=SECRET), alone=True)
        assert told(catalogue.migrate, SetupError).code == "store_denied"
        catalogue.close()


def test_database_without_tables_is_told(postgres_server: Postgres) -> None:
    with servers.database(postgres_server) as name:
        assert "lacks tables" in told(used(postgres_server.url(name)), SetupError).detail


def test_database_that_cannot_keep_vietnamese_is_refused(postgres_server: Postgres) -> None:
    postgres_server.run("CREATE DATABASE latin ENCODING LATIN1 LOCALE 'C' TEMPLATE template0")
    try:
        catalogue = Database(postgres_server.url("latin"))
        assert "LATIN1" in told(catalogue.migrate, SetupError).detail
        catalogue.close()
    finally:
        postgres_server.drop("latin")


def test_server_with_no_connection_left_is_told_and_retryable(postgres_server: Postgres, name: str) -> None:
    postgres_server.run("ALTER ROLE guarded CONNECTION LIMIT 0")
    try:
        error = told(used(postgres_server.url(name, user="guarded", password=SECRET)), StoreUnavailable)
    finally:
        postgres_server.run("ALTER ROLE guarded CONNECTION LIMIT -1")
    assert (error.code, error.retryable) == ("catalog_busy", True)


def test_server_that_is_not_there_is_told_and_comes_back_by_itself(own_server: Postgres) -> None:
    catalogue = Database(own_server.url(servers.migrated(own_server)))
    with catalogue.write() as conn:
        assert leases.acquire(conn, "kept", owner="me", ttl_s=60, now=NOW)
    own_server.stop(how="immediate")  # as in a crash: the pool still has connections
    for begin in (catalogue.read, catalogue.write, catalogue.write_beside):
        error = told(lambda begin=begin: begin().__enter__(), StoreUnavailable)  # type: ignore[misc]
        assert error.code == "catalog_away"
    own_server.start()
    with catalogue.write():
        pass
    own_server.stop(how="immediate")
    own_server.start()  # nobody has noticed
    with catalogue.read() as conn:
        assert "kept" in conn.execute(select(tables.leases.c.name)).scalars().all()
    catalogue.close()


def test_connection_that_breaks_inside_a_transaction_is_told_and_nothing_of_it_stays(
    db: Database, postgres_server: Postgres, name: str
) -> None:
    def broken_off() -> None:
        with db.write() as conn:
            leases.acquire(conn, "lost", owner="me", ttl_s=60, now=NOW)
            postgres_server.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
            conn.execute(text("SELECT 1"))

    assert told(broken_off, StoreUnavailable).retryable
    with db.write() as conn:
        assert leases.acquire(conn, "lost", owner="another", ttl_s=60, now=NOW)


@pytest.mark.parametrize(
    ("limit", "statement", "code"),
    [
        ("statement_timeout", "SELECT pg_sleep(5)", "catalog_timeout"),
        ("lock_timeout", "LOCK TABLE tokens IN ACCESS EXCLUSIVE MODE", "store_unavailable"),
    ],
)
def test_statement_that_takes_or_waits_too_long_is_broken_off(
    db: Database, limit: str, statement: str, code: str
) -> None:
    def wait() -> None:
        with db.write_beside() as conn:
            conn.execute(text(f"SET LOCAL {limit} = '50ms'"))
            conn.execute(text(statement))

    with db.read() as conn:
        conn.execute(select(tables.tokens))
        assert told(wait, StoreUnavailable).code == code


def test_transaction_that_its_process_forgets_is_ended(db: Database, postgres_server: Postgres) -> None:
    def forget() -> None:
        with db.write() as conn:
            conn.execute(text("SET LOCAL idle_in_transaction_session_timeout = '50ms'"))
            process_id = conn.execute(text("SELECT pg_backend_pid()")).scalar_one()
            session = f"SELECT 1 FROM pg_stat_activity WHERE pid = {process_id}"
            wait_until(lambda: not postgres_server.run(session), "the server waits for ever")
            conn.execute(text("SELECT 1"))

    assert told(forget, StoreUnavailable).retryable


def test_second_writer_waits_and_is_told_when_it_takes_too_long(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    impatient = postgres._BEGIN[Kind.WRITE].replace("lock_timeout = '30s'", "lock_timeout = '50ms'")
    with db.write():
        monkeypatch.setitem(postgres._BEGIN, Kind.WRITE, impatient)
        error = told(lambda: db.write().__enter__(), StoreUnavailable)
        with db.write_beside() as conn:
            assert leases.acquire(conn, "beside", owner="me", ttl_s=60, now=NOW)
    assert "locked" in error.detail


def test_two_that_wait_for_each_other_are_parted(db: Database) -> None:
    with db.write() as conn:
        for lease in ("a", "b"):
            leases.acquire(conn, lease, owner="me", ttl_s=60, now=NOW)
    both = threading.Barrier(2)

    def cross(order: tuple[str, str]) -> bool:
        try:
            with db.write_beside() as conn:
                leases.release(conn, order[0], owner="me")
                both.wait()
                leases.release(conn, order[1], owner="me")
        except StoreUnavailable as error:
            return error.retryable
        return False

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(cross, [("a", "b"), ("b", "a")])) == [False, True]


def test_full_disk_is_told_apart(db: Database) -> None:
    def fill() -> None:
        with db.write():
            raise DBAPIError("INSERT", None, psycopg.errors.DiskFull("could not extend file"))

    assert told(fill, StoreUnavailable).code == "catalog_full"


def test_statement_that_is_wrong_is_a_defect_and_no_trouble_of_the_server(db: Database) -> None:
    for statement in ("SELECT ?", "SELECT %s"):
        with pytest.raises(DBAPIError), db.read() as conn:
            conn.exec_driver_sql(statement, ("x", "y"))
    with pytest.raises(DBAPIError), db.write() as conn:
        conn.execute(insert(tables.leases).values(name="\0", owner="me", leased_until=NOW))


def test_row_that_is_refused_is_not_quoted(db: Database) -> None:
    values = {"document_id": "nobody", "put_at": None}
    with pytest.raises(IntegrityError) as caught, db.write() as conn:
        conn.execute(insert(tables.outbox).values(values))
    assert "nobody" not in f"{caught.value}{caught.value.orig}"


def test_every_transaction_has_limits_of_its_own_and_leaves_none_on_the_connection(db: Database) -> None:
    names = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "application_name")

    def shown(conn: Connection) -> list[str]:
        return [conn.execute(text(f"SHOW {name}")).scalar_one() for name in names]

    for begin in (db.write, db.write_beside, db.read):
        with begin() as conn:
            assert shown(conn) == ["1min", "30s", "2min", "sohoa"]
            raw = conn.connection.driver_connection
    assert isinstance(raw, psycopg.Connection)
    with db._open().engine.connect() as conn:  # type: ignore[attr-defined]
        raw = conn.connection.driver_connection
        assert isinstance(raw, psycopg.Connection)
        raw.rollback()
        assert raw.execute("SHOW statement_timeout").fetchone() == ("0",)
        assert raw.execute("SELECT count(*) FROM pg_prepared_statements").fetchone() == (0,)


def test_process_has_no_more_connections_than_is_stated(db: Database, postgres_server: Postgres, name: str) -> None:
    together = threading.Barrier(postgres.POOL_MOST)
    count = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}'"
    most: list[object] = []

    def use(number: int) -> None:
        with db.read() as conn:
            conn.execute(text("SELECT 1"))
            if number < postgres.POOL_MOST:  # the others wait for these
                together.wait(120)
                most.append(postgres_server.run(count)[0][0])

    with ThreadPoolExecutor(3 * postgres.POOL_MOST) as pool:
        list(pool.map(use, range(postgres.POOL_MOST)))
        list(pool.map(use, range(postgres.POOL_MOST, 4 * postgres.POOL_MOST)))
    assert max(most) == postgres.POOL_MOST  # type: ignore[type-var]
    # the server's own processes end a moment after the connections that they were for
    wait_until(lambda: postgres_server.run(count) == [(postgres.POOL_KEPT,)], "more connections are kept than stated")


def test_process_that_was_killed_counts_until_its_row_runs_out(
    db: Database, postgres_server: Postgres, name: str
) -> None:
    with db.write() as conn:
        owner = "host:1:ff"
        conn.execute(insert(tables.leases).values(name="use:dead", owner=owner, leased_until=NOW + timedelta(36500)))
    db.close()
    with pytest.raises(SohoaError, match="host:1"), alone(postgres_server.url(name)):
        pass
    postgres_server.run("UPDATE leases SET leased_until = 0 WHERE name = 'use:dead'", database=name)
    with alone(postgres_server.url(name)):
        pass
    with db.read() as conn:
        assert "use:dead" not in conn.execute(select(tables.leases.c.name)).scalars().all()


def test_idle_process_keeps_its_row(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "RENEW_S", 0.05)
    until = select(tables.leases.c.leased_until).where(tables.leases.c.name.like("use:%"))
    with db.read() as conn:
        first = conn.execute(until).scalar_one()

    def renewed() -> bool:
        with db.read() as conn:
            return bool(conn.execute(until).scalar_one() > first)

    wait_until(renewed, "an idle process does not renew its row")


def test_process_that_slept_past_its_row_is_kept_out_while_another_has_the_catalogue(
    db: Database, postgres_server: Postgres, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence, "PATIENCE_S", 0.1)
    with db.read():
        pass
    postgres_server.run("UPDATE leases SET leased_until = 0", database=name)
    with alone(postgres_server.url(name)):
        monkeypatch.setattr(time, "monotonic", lambda now=time.monotonic: now() + presence.TTL_S)
        with pytest.raises(StoreUnavailable, match="rebuilt"), db.read():
            pass
    with db.read():
        pass


def test_machine_whose_clock_is_not_the_servers_is_told(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "clock" not in db.health().found
    monkeypatch.setattr("storage.catalog.postgres.SystemClock", FixedClock)
    health = db.health()
    assert "s apart" in health.found
    assert "NTP" in health.do


def test_backup_and_restore_name_the_servers_own_tools(postgres_server: Postgres, name: str, tmp_path: Path) -> None:
    url = postgres_server.url(name)
    with pytest.raises(BadRequest, match="pg_dump") as caught:
        back_up(url, tmp_path, now=NOW)
    assert caught.value.code == "use_pg_dump"
    with pytest.raises(BadRequest, match="pg_restore"):
        restore(url, tmp_path / "x", now=NOW, force=True)


def test_many_share_a_few_connections_through_pgbouncer(postgres_server: Postgres, migrated_postgres: str) -> None:
    """Each transaction may be on another connection of the server than the one before, and nothing is missed there."""
    with (
        servers.database(postgres_server, template=migrated_postgres) as name,
        pgbouncer.running(postgres_server, most=2) as url_of,
    ):
        catalogues = [Database(url_of(name)) for _ in range(6)]

        def work(number: int) -> int:
            taken = 0
            for turn in range(20):
                with catalogues[number].write_beside() as conn:
                    taken += leases.acquire(conn, f"lease {turn}", owner=f"o{number}", ttl_s=60, now=NOW)
                with catalogues[number].write() as conn:
                    last = conn.execute(select(tables.counters.c.value)).scalar_one()
                    conn.execute(tables.counters.update().values(value=last + 1))
                with catalogues[number].read() as conn:
                    assert conn.execute(text("SHOW statement_timeout")).scalar_one() == "1min"
            return taken

        with ThreadPoolExecutor(6) as pool:
            assert sum(pool.map(work, range(6))) == 20
        with catalogues[0].read() as conn:
            assert conn.execute(select(tables.counters.c.value)).scalar_one() == 120
        with pytest.raises(SohoaError, match="in use"), alone(url_of(name)):
            pass
        most = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'sohoa' AND datname = '%s'"
        assert postgres_server.run(most % name) <= [(2,)]
        for catalogue in catalogues:
            catalogue.close()
        with alone(url_of(name)):
            pass
