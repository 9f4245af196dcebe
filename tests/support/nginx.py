"""nginx with the file that operators are given, docs/operations/nginx.conf, before an API: on ports and in a folder apart."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.certificates import HOST, write_certificate
from tests.support.postgres import unprivileged
from tests.support.servers import free_ports
from tests.support.waiting import wait_until

NAME = "nginx"
CONF = Path(__file__).parents[2] / "docs/operations/nginx.conf"
_MAIN = """daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log info;
events {{ worker_connections 512; }}
http {{
    include /etc/nginx/mime.types;
    client_body_temp_path {folder}/bodies;
    proxy_temp_path {folder}/answers;
    fastcgi_temp_path {folder}/unused;
    uwsgi_temp_path {folder}/unused;
    scgi_temp_path {folder}/unused;
    include {folder}/sohoa.conf;
}}
"""


@dataclass(frozen=True, slots=True)
class Proxy:
    """A running nginx. `folder` holds its certificate, its logs and, were there any, the bodies that it keeps."""

    folder: Path
    http_port: int
    https_port: int

    @property
    def address(self) -> str:
        return f"https://{HOST}:{self.https_port}"

    @property
    def trust(self) -> ssl.SSLContext:
        """What believes its certificate and no other."""
        return ssl.create_default_context(cafile=str(self.folder / "sohoa.crt"))

    def connect(self) -> ssl.SSLSocket:
        """A connection on which nothing was sent yet."""
        return self.trust.wrap_socket(
            socket.create_connection(("127.0.0.1", self.https_port), timeout=60), server_hostname=HOST
        )

    def logged(self) -> str:
        return (self.folder / "sohoa.log").read_text()

    def kept(self) -> list[Path]:
        """Bodies, asked or answered, that it wrote to the disk."""
        return [path for name in ("bodies", "answers") for path in (self.folder / name).rglob("*") if path.is_file()]


@contextmanager
def before(api: str, **changed: str) -> Iterator[Proxy]:
    """nginx before the API at an address, until the block ends. Skips the test where it is not installed, and fails it where
    SOHOA_REQUIRE names nginx. `changed` are directives with values for the test (client_max_body_size="1m")."""
    program = shutil.which(NAME, path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        message = f"{NAME} is not installed: apt-get install nginx-light"
        (pytest.fail if NAME in os.environ.get("SOHOA_REQUIRE", "").split(",") else pytest.skip)(message)
    folder = Path(tempfile.mkdtemp(prefix="sohoa-nginx-", dir="/var/tmp"))
    try:
        proxy = Proxy(folder, *free_ports(2))
        write_certificate(folder / "sohoa.crt", folder / "sohoa.key")
        (folder / "sohoa.conf").write_text(_filled(proxy, api, changed))
        (folder / "nginx.conf").write_text(_MAIN.format(folder=folder))
        user = unprivileged()
        if user is not None:
            for path in (folder, *folder.iterdir()):
                os.chown(path, user.pw_uid, user.pw_gid)
        command = [str(program), "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")]
        more = {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, **more)  # type: ignore[call-overload]
        try:
            wait_until(lambda: _answers(process, proxy), "nginx did not come up", within_s=60)
            yield proxy
        finally:
            process.terminate()
            _, said = process.communicate(timeout=60)
        assert process.returncode == 0, said
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _filled(proxy: Proxy, api: str, changed: dict[str, str]) -> str:
    """The file as an operator fills it in, on ports of its own and without IPv6, which a container may not have."""
    filled = CONF.read_text()
    replaced = {
        "server 127.0.0.1:8080;": f"server {api.removeprefix('http://')};",
        "listen 80;": f"listen 127.0.0.1:{proxy.http_port};",
        "listen 443 ssl;": f"listen 127.0.0.1:{proxy.https_port} ssl;",
        "listen [::]:80;": "",
        "listen [::]:443 ssl;": "",
        "https://$server_name$request_uri": f"https://$server_name:{proxy.https_port}$request_uri",
        "sohoa.example.gov.vn": HOST,
        "/etc/nginx/tls/": f"{proxy.folder}/",
        "/var/log/nginx/": f"{proxy.folder}/",
    }
    for name, value in changed.items():
        (line,) = [line.strip() for line in filled.splitlines() if line.strip().startswith(f"{name} ")]
        replaced[line] = f"{name} {value};"
    for old, new in replaced.items():
        assert old in filled, old
        filled = filled.replace(old, new)
    return filled


def _answers(process: subprocess.Popen[str], proxy: Proxy) -> bool:
    assert process.poll() is None, (process.stderr.read() if process.stderr else "") or "nginx ended"
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", proxy.https_port)) == 0
