"""TLS to every engine: a certificate that this machine was told to trust, for the host that was asked for, or nothing is said."""

from __future__ import annotations

import os
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr

from sohoa.errors import IndexAway, SohoaError, StoreAway, StoreUnavailable
from sohoa.settings import Settings
from storage.catalog.database import Database
from storage.dispatch.broker import Broker
from storage.index import open_index
from storage.objects import open_store
from storage.stores import open_stores
from tests.support import brokers, certificates, postgres, servers
from tests.support.brokers import TestBroker
from tests.support.indexes import ELASTIC, elastic_url
from tests.support.office import letter
from tests.support.postgres import Postgres
from tests.support.working import working_office

pytestmark = pytest.mark.slow
NOT_ITS_NAME = "127.0.0.1"


@pytest.fixture
def believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A certificate for `localhost` that this process believes."""
    certificates.write_certificate(tmp_path / "server.crt", tmp_path / "server.key")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "server.crt"))
    return tmp_path / "server.crt"


@pytest.fixture(params=brokers.MARKED)
def broker(request: pytest.FixtureRequest, believed: Path) -> Iterator[TestBroker]:
    with brokers.running(request.param, certificate=believed) as running:
        yield running


def test_broker_is_spoken_to_under_its_name_and_a_trusted_certificate_only(
    broker: TestBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert broker.url.startswith(("amqps://", "rediss://"))
    assert Broker(broker.url).health().waiting == 0
    with pytest.raises(StoreUnavailable) as refused:
        Broker(broker.url.replace(certificates.HOST, NOT_ITS_NAME)).check()
    assert refused.value.code == "broker_away"
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(StoreUnavailable, match=r"(?i)certificate"):
        Broker(broker.url).check()


@pytest.mark.postgres
def test_papers_are_read_by_a_worker_that_speaks_tls_to_its_broker(
    broker: TestBroker, postgres_server: Postgres, tmp_path: Path
) -> None:
    with working_office(tmp_path, postgres_server, broker) as office, office.worker():
        office.until_archived(office.take_in(letter(tmp_path / "letter.pdf", ["Giấy mời"])))


@pytest.mark.postgres
def test_catalogue_is_spoken_to_under_its_name_and_a_trusted_certificate_only(tmp_path: Path, believed: Path) -> None:
    (port,) = servers.free_ports(1)
    with postgres.running() as server:
        user = postgres.unprivileged()
        for name in ("server.crt", "server.key"):
            copy = server.folder / "data" / name
            copy.write_bytes((tmp_path / name).read_bytes())
            copy.chmod(0o600)
            if user is not None:
                os.chown(copy, user.pw_uid, user.pw_gid)
        rules = server.folder / "data/pg_hba.conf"
        rules.write_text("hostssl all all 127.0.0.1/32 trust\n" + rules.read_text().replace("host ", "# host "))
        server.stop()
        server.start(ssl="on", listen_addresses="127.0.0.1", port=str(port))
        server_of = (
            f"postgresql+psycopg://{postgres.OWNER}@{{host}}:{port}/postgres?sslmode=verify-full&sslrootcert={{roots}}"
        )
        asked = Database(server_of.format(host=certificates.HOST, roots=believed))
        asked.migrate()
        with asked.read() as conn:
            assert conn.exec_driver_sql("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").scalar_one() is True
        asked.close()
        certificates.write_certificate(tmp_path / "other.crt", tmp_path / "other.key")
        for host, roots in ((NOT_ITS_NAME, believed), (certificates.HOST, tmp_path / "other.crt")):
            refused = Database(server_of.format(host=host, roots=roots))
            with pytest.raises(SohoaError, match=r"(?i)certificate"):
                refused.migrate()
            refused.close()


@pytest.mark.servers
def test_s3_is_spoken_to_under_its_name_and_a_trusted_certificate_only(
    tmp_path: Path, believed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = servers.wanted("seaweedfs")
    with before(server.endpoint, believed) as port:

        def settings(host: str) -> Settings:
            url = f"s3://tls-{port}?endpoint=https://{host}:{port}"
            keys = {"s3_access_key": SecretStr(server.access_key), "s3_secret_key": SecretStr(server.secret_key)}
            return Settings(home=tmp_path / "home", archive_url=url, **keys)  # type: ignore[arg-type]

        with open_stores(settings(certificates.HOST)) as stores:
            assert stores.archive.objects.exists("ocfl/0=ocfl_1.1")
        with pytest.raises(StoreAway):
            open_store(settings(NOT_ITS_NAME))
        monkeypatch.delenv("SSL_CERT_FILE")
        with pytest.raises(StoreAway):
            open_store(settings(certificates.HOST))


@pytest.mark.servers
def test_elasticsearch_is_spoken_to_under_its_name_and_a_trusted_certificate_only(
    tmp_path: Path, believed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = servers.wanted(ELASTIC)

    def count(url: str) -> int:
        with open_index(Settings(home=tmp_path, index_url=url), mode="write") as index:
            return index.count()

    with (
        before(server.endpoint, believed) as port,
        elastic_url(server, endpoint=f"https://{certificates.HOST}:{port}") as url,
    ):
        assert count(url) == 0
        with pytest.raises(IndexAway):
            count(url.replace(certificates.HOST, NOT_ITS_NAME))
        monkeypatch.delenv("SSL_CERT_FILE")
        with pytest.raises(IndexAway):
            count(url)


@contextmanager
def before(plain: str, certificate: Path) -> Iterator[int]:
    """A port that speaks TLS and passes everything on to a plain server, until the block ends."""
    target, context = urlsplit(plain), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, certificate.with_suffix(".key"))

    def serve(taken: socket.socket) -> None:
        with suppress(OSError), taken, context.wrap_socket(taken, server_side=True) as near:
            far = socket.create_connection((str(target.hostname), target.port or 80))
            with far:
                back = threading.Thread(target=pour, args=(far, near), daemon=True)
                back.start()
                pour(near, far)
                back.join(5)

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listening.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=accept, daemon=True).start()
        yield int(listening.getsockname()[1])
        listening.shutdown(socket.SHUT_RDWR)


def pour(source: socket.socket, into: socket.socket) -> None:
    """All that comes, until it ends."""
    with suppress(OSError):
        while part := source.recv(65536):
            into.sendall(part)
        into.shutdown(socket.SHUT_WR)
