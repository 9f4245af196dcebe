"""An HTTP proxy before a real S3 server that cuts, delays, refuses and goes away when told, and counts what passes."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal
from urllib.parse import urlsplit

from tests.support.servers import free_ports

Kind = Literal["refuse", "cut_before", "cut_after", "cut_half", "hang"]
"""`refuse`: 503, the server never sees it. `cut_before`: the connection ends, the server never sees it. `cut_after`: the
server does it, the answer is lost. `cut_half`: half the answer's body. `hang`: no answer until the proxy closes."""
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding"}
_PIECE_BYTES = 64 * 1024


@dataclass(slots=True)
class Fault:
    """What happens to the next `times` requests of that method whose path and query hold `where`."""

    kind: Kind
    method: str
    where: str = ""
    times: int = 1

    def meets(self, method: str, path: str) -> bool:
        return self.times > 0 and method == self.method and self.where in path


@dataclass(slots=True)
class FaultyProxy:
    """Between a client and `upstream` (http://HOST:PORT). `seen` holds method and path of all that was asked."""

    upstream: str
    port: int = 0
    faults: list[Fault] = field(default_factory=list)
    seen: list[tuple[str, str]] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _server: ThreadingHTTPServer | None = None
    _open: set[socket.socket] = field(default_factory=set)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def up(self) -> None:
        """Listen, on the port of last time where there was one."""
        proxy = self

        class Handler(_Handler):
            def setup(self) -> None:
                self.proxy = proxy
                with proxy._lock:
                    proxy._open.add(self.request)
                super().setup()

            def finish(self) -> None:
                with proxy._lock:
                    proxy._open.discard(self.request)
                with suppress(OSError):
                    super().finish()

        class Server(ThreadingHTTPServer):
            request_queue_size = 128
            daemon_threads = True
            block_on_close = False

            def handle_error(self, request: object, client_address: object) -> None:
                """A cut connection is what this is for."""

        self.closing.clear()
        self.port = self.port or free_ports(1)[0]  # one that is still free when it comes back
        self._server = Server(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def down(self) -> None:
        """Go away: no new connections, and the open ones end."""
        self.closing.set()
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()
        with self._lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def fault_for(self, method: str, path: str) -> Kind | None:
        with self._lock:
            self.seen.append((method, path))
            for fault in self.faults:
                if fault.meets(method, path):
                    fault.times -= 1
                    return fault.kind
        return None


@contextmanager
def between(upstream: str) -> Iterator[FaultyProxy]:
    """A proxy that is up."""
    proxy = FaultyProxy(upstream)
    proxy.up()
    try:
        yield proxy
    finally:
        proxy.down()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: FaultyProxy

    def _pass(self) -> None:
        kind = self.proxy.fault_for(self.command, self.path)
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if kind == "refuse":
            self.send_response(503)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if kind == "cut_before":
            self._cut()
            return
        if kind == "hang":
            self.proxy.closing.wait()
            self._cut()
            return
        upstream = http.client.HTTPConnection(urlsplit(self.proxy.upstream).netloc, timeout=60)
        try:
            upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in _HOP_BY_HOP:
                    upstream.putheader(name, value)  # the Host too, for it is signed
            upstream.endheaders(body or None)
            self._answer(upstream.getresponse(), kind)
        except OSError:
            self._cut()
        finally:
            upstream.close()

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _pass

    def _answer(self, answer: http.client.HTTPResponse, kind: Kind | None) -> None:
        if kind == "cut_after":
            answer.read()
            self._cut()
            return
        data = answer.read() if answer.getheader("Content-Length") is None else None
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        if data is not None and answer.status != 204 and self.command != "HEAD":
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if data is not None:
            self.wfile.write(data)
            return
        left = int(answer.getheader("Content-Length") or 0) if self.command != "HEAD" else 0
        stop_at = left // 2 if kind == "cut_half" else 0
        while left > stop_at and (piece := answer.read(min(_PIECE_BYTES, left - stop_at))):
            self.wfile.write(piece)
            left -= len(piece)
        if kind == "cut_half":
            self._cut()

    def _cut(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: `seen` has it."""
