"""What the archive does not know is copied while all runs on, and comes back without taking a paper or a number along."""

from __future__ import annotations

import hashlib
import shutil
import stat
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select, text

from sohoa.cli.backup import run_backup
from sohoa.errors import AlreadyExists, BadRequest, Conflict, DigestMismatch, NotAllowed, NotFound
from sohoa.settings import Settings
from sohoa.states import CopyOf
from storage.catalog import copies, documents, idempotency, leases, tokens
from storage.catalog.backup import back_up, restore
from storage.catalog.idempotency import Keyed
from storage.catalog.tables import leases as leases_table
from storage.stores import open_stores
from tests.support.catalogue_rows import rows_of
from tests.support.rebuilding import lose_everything_but_the_archive, rebuild_in
from tests.support.waiting import wait_until
from tests.support.worked import MIXED, WHOLE, WorkedOffice, worked_office

NOW = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WorkedOffice]:
    monkeypatch.setattr("os.fsync", lambda descriptor: None)
    with worked_office(tmp_path / "home", monkeypatch) as office:
        yield office


def url_of(office: WorkedOffice) -> str:
    return office.stores.settings.catalog()


def new_token(office: WorkedOffice) -> str:
    with office.stores.database.write() as conn:
        return tokens.create(conn, name="kiosk", scopes=["read"], actor="system:kiosk", now=office.clock.now())[1]


def test_restore_then_rebuild_gives_back_papers_that_came_after_the_backup_and_tokens_from_before(
    office: WorkedOffice, tmp_path: Path
) -> None:
    secret = new_token(office)
    request = Keyed(key="k1", token_id="t1", digest="d1")
    with office.stores.database.write() as conn:
        idempotency.remember(conn, request, response={"document_id": "X"}, now=office.clock.now())
    first = office.bring(WHOLE)
    backup = back_up(url_of(office), tmp_path, now=NOW)
    office.withdraw(first)
    office.bring(MIXED, dossier="D-1")
    office.index()
    before = rows_of(office.stores.database)
    office.stores.database.close()
    office.tools.close()
    lose_everything_but_the_archive(tmp_path / "home")

    assert restore(url_of(office), backup.path, now=NOW, force=False).documents == 1
    rebuilt = rebuild_in(tmp_path / "home")
    assert rebuilt.carried is not None
    assert (rebuilt.carried.tokens, rebuilt.carried.idempotency_keys) == (1, 1)
    with open_stores(Settings(home=tmp_path / "home")) as stores, stores.database.read() as conn:
        assert rows_of(stores.database) == before
        assert tokens.authenticate(conn, secret, now=office.clock.now()).actor == "system:kiosk"
    with open_stores(Settings(home=tmp_path / "home")) as stores, stores.database.write() as conn:
        assert idempotency.remember(conn, request, response={}, now=office.clock.now()) == {"document_id": "X"}


def test_forgotten_backup_loses_tokens_and_no_paper(office: WorkedOffice, tmp_path: Path) -> None:
    secret = new_token(office)
    office.bring(WHOLE)
    office.index()
    before = rows_of(office.stores.database)
    office.stores.database.close()
    office.tools.close()
    lose_everything_but_the_archive(tmp_path / "home")
    assert rebuild_in(tmp_path / "home").carried is None
    with open_stores(Settings(home=tmp_path / "home")) as stores, stores.database.read() as conn:
        assert rows_of(stores.database) == before
        with pytest.raises(NotAllowed):
            tokens.authenticate(conn, secret, now=office.clock.now())


def test_backup_while_others_write_is_of_one_moment_and_hinders_nobody(office: WorkedOffice, tmp_path: Path) -> None:
    """Every transaction makes two tokens; a copy of two moments would have an odd number of them."""
    stop, made = threading.Event(), 0

    def write() -> None:
        nonlocal made
        while not stop.is_set():
            with office.stores.database.write() as conn:
                for _ in range(2):
                    tokens.create(conn, name="n", scopes=["read"], actor="system:n", now=office.clock.now())
            made += 2

    writer = threading.Thread(target=write)
    writer.start()
    try:
        backups = []
        for number in range(8):
            backups.append(back_up(url_of(office), tmp_path / f"{number}.sqlite", now=NOW))
            wait_until(lambda before=made: made > before, "nobody else writes")  # type: ignore[misc]
    finally:
        stop.set()
        writer.join()
    counts = [backup.tokens for backup in backups]
    assert all(count % 2 == 0 for count in counts)
    assert counts == sorted(counts)
    assert made >= counts[-1] > counts[0]


def test_backup_is_for_its_owner_only_and_has_its_digest_beside_it_and_no_leases(
    office: WorkedOffice, tmp_path: Path
) -> None:
    secret = new_token(office)
    with office.stores.database.write() as conn:
        leases.acquire(conn, "indexing", owner="me", ttl_s=60, now=office.clock.now())
    backup = back_up(url_of(office), tmp_path, now=NOW)
    assert backup.path == tmp_path / "sohoa-catalogue-20260203T040506Z.sqlite"
    data = backup.path.read_bytes()
    digest_file = backup.path.with_name(backup.path.name + ".sha256")
    assert digest_file.read_text() == f"{hashlib.sha256(data).hexdigest()}  {backup.path.name}\n"
    assert {stat.S_IMODE(path.stat().st_mode) for path in (backup.path, digest_file)} == {0o600}
    assert secret.encode() not in data
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["home", backup.path.name, digest_file.name])
    office.stores.database.close()
    office.tools.close()
    restore(url_of(office), backup.path, now=NOW, force=False)
    with office.stores.database.read() as conn:
        assert conn.execute(select(leases_table)).all() == []


def test_backup_never_overwrites_and_says_where_there_is_nothing(office: WorkedOffice, tmp_path: Path) -> None:
    (tmp_path / "mine.sqlite").write_text("mine")
    with pytest.raises(AlreadyExists):
        back_up(url_of(office), tmp_path / "mine.sqlite", now=NOW)
    assert (tmp_path / "mine.sqlite").read_text() == "mine"
    with pytest.raises(NotFound):
        back_up(f"sqlite:///{tmp_path / 'nowhere.sqlite'}", tmp_path, now=NOW)


def test_restore_over_documents_needs_force_and_sets_the_old_catalogue_aside(
    office: WorkedOffice, tmp_path: Path
) -> None:
    backup = back_up(url_of(office), tmp_path, now=NOW)
    office.bring(WHOLE)
    with pytest.raises(Conflict, match="in use"):
        restore(url_of(office), backup.path, now=NOW, force=True)
    office.stores.database.close()
    office.tools.close()
    with pytest.raises(Conflict, match="--force"):
        restore(url_of(office), backup.path, now=NOW, force=False)
    assert restore(url_of(office), backup.path, now=NOW, force=True).documents == 0
    before = tmp_path / "home" / "catalog.sqlite.before"
    shutil.move(before, tmp_path / "home" / "catalog.sqlite")
    assert len(rows_of(office.stores.database)["documents"]) == 1


def test_numbers_given_after_a_backup_are_never_given_again(office: WorkedOffice, tmp_path: Path) -> None:
    backup = back_up(url_of(office), tmp_path, now=NOW)
    seen = office.bring(WHOLE).changed_seq
    office.stores.database.close()
    office.tools.close()
    restore(url_of(office), backup.path, now=NOW, force=True)
    after = office.receive().document
    assert after.changed_seq > seen
    with office.stores.database.read() as conn:
        assert [each.document_id for each in documents.list_documents(conn, after=seen).items] == [after.document_id]


@pytest.mark.parametrize("how", ["bit", "digest gone", "no catalogue"])
def test_what_is_not_the_backup_that_was_written_is_refused(office: WorkedOffice, tmp_path: Path, how: str) -> None:
    backup = back_up(url_of(office), tmp_path, now=NOW)
    digest_file = backup.path.with_name(backup.path.name + ".sha256")
    data = backup.path.read_bytes()
    if how == "bit":
        backup.path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    elif how == "digest gone":
        digest_file.unlink()
    else:
        backup.path.write_bytes(b"no database" * 400)
        digest_file.write_text(hashlib.sha256(backup.path.read_bytes()).hexdigest())
    office.stores.database.close()
    office.tools.close()
    wanted = {"bit": DigestMismatch, "digest gone": NotFound, "no catalogue": BadRequest}[how]
    with pytest.raises(wanted):
        restore(url_of(office), backup.path, now=NOW, force=True)
    assert [path.name for path in (tmp_path / "home").iterdir() if "restore" in path.name] == []


def test_backup_and_one_made_by_other_means_are_noted_and_live_through_a_rebuild(
    office: WorkedOffice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOHOA_HOME", str(tmp_path / "home"))
    office.bring(WHOLE)
    assert noted(office) is None
    run_backup(to=tmp_path / "first.sqlite", made=False, as_json=True)
    first = noted(office)
    assert first is not None
    with pytest.raises(AlreadyExists):
        run_backup(to=tmp_path / "first.sqlite", made=False, as_json=True)
    assert noted(office) == first
    run_backup(to=None, made=True, as_json=False)
    last = noted(office)
    assert last is not None
    assert last > first
    office.stores.database.close()
    office.tools.close()
    rebuild_in(tmp_path / "home")
    assert noted(office) == last


def test_backup_is_no_worse_for_a_catalogue_that_cannot_note_it(
    office: WorkedOffice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOHOA_HOME", str(tmp_path / "home"))
    with office.stores.database.write() as conn:
        conn.execute(text("DROP TABLE copies"))  # as an older form has it
    run_backup(to=tmp_path / "whole.sqlite", made=False, as_json=True)
    assert (tmp_path / "whole.sqlite.sha256").exists()


def noted(office: WorkedOffice) -> datetime | None:
    """When the catalogue says that it was backed up last."""
    with office.stores.database.read() as conn:
        return copies.last_made(conn).get((CopyOf.CATALOGUE, ""))
