"""Who may talk to Elasticsearch: its certificate must be trusted, and it is told our key, from a setting or from a file."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import SecretStr

from sohoa.errors import IndexAway
from sohoa.settings import Settings
from storage.index import open_index


@dataclass(slots=True)
class Door:
    """A server behind TLS that lets nobody in, and remembers what it was shown."""

    url: str
    certificate: Path
    shown: list[str | None] = field(default_factory=list)


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    certificate, key = _certificate(tmp_path)

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            opened.shown.append(self.headers["Authorization"])
            self.send_response(401)
            self.send_header("X-Elastic-Product", "Elasticsearch")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: the test says what it saw."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that does not trust us hangs up."""

    server = Server(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    opened = Door(f"https://127.0.0.1:{server.server_port}/sohoa", certificate)
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    serving.start()
    try:
        yield opened
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


def test_a_certificate_that_nobody_vouches_for_gets_no_key(door: Door, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, index_url=door.url, index_api_key=SecretStr("secret"))
    with pytest.raises(IndexAway, match="SSL_CERT_FILE") as told, open_index(settings):
        pass
    assert told.value.code == "index_denied"
    assert door.shown == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, "ApiKey from-setting"),
        ("[default]\napi_key = from-file\n", "ApiKey from-file"),
        ("[default]\nuser = sohoa\npassword = p%ss\n", "Basic c29ob2E6cCVzcw=="),
    ],
)
def test_the_key_is_shown_to_a_trusted_server_and_a_refusal_is_told(
    door: Door, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None, expected: str
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(door.certificate))
    settings = Settings(home=tmp_path, index_url=door.url)
    if text is None:
        settings = settings.model_copy(update={"index_api_key": SecretStr("from-setting")})
    else:
        (tmp_path / "keys").write_text(text)
        settings = settings.model_copy(update={"index_credentials_file": tmp_path / "keys"})
    with pytest.raises(IndexAway, match="SOHOA_INDEX_API_KEY") as told, open_index(settings):
        pass
    assert told.value.code == "index_denied"
    assert set(door.shown) == {expected}
    assert "from-" not in told.value.detail + repr(settings)


def _certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "elasticsearch")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "door.pem").write_bytes(certificate.public_bytes(pem))
    (folder / "door.key").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "door.pem", folder / "door.key"
