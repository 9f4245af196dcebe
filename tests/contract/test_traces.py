"""A document's trace, as a collector gets it over HTTP: one from upload to searchable, by whatever process, and no text in it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from ulid import ULID

from sohoa import traces
from sohoa.settings import Settings
from sohoa.states import RevisionKind
from tests.support import files
from tests.support.archived import opened_api
from tests.support.worked import HOPELESS, MIXED, WHOLE, worked_office

CALLER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@dataclass
class Collector:
    """A real receiver of OTLP over HTTP; `spans` is what it got, `services` from whom."""

    url: str = ""
    spans: list[Any] = field(default_factory=list)
    services: set[str] = field(default_factory=set)
    raw: bytes = b""

    def take(self, body: bytes) -> None:
        self.raw += body
        request = ExportTraceServiceRequest.FromString(body)
        for resource in request.resource_spans:
            self.services |= {
                one.value.string_value for one in resource.resource.attributes if one.key == "service.name"
            }
            for scope in resource.scope_spans:
                self.spans.extend(scope.spans)

    def of(self, document_id: str) -> list[Any]:
        """The spans of a document's trace, in the order in which they began."""
        found = [span for span in self.spans if span.trace_id == ULID.from_str(document_id).bytes]
        return sorted(found, key=lambda span: int(span.start_time_unix_nano))


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    monkeypatch.setattr(traces, "TIMEOUT_S", 60.0)  # what is given up on a busy machine would be missed here
    got = Collector()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.take(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        got.url = f"http://127.0.0.1:{server.server_port}/v1/traces"
        yield got
        traces.close()
        server.shutdown()
        thread.join()


def said(span: Any) -> dict[str, Any]:
    return {
        one.key.removeprefix("sohoa."): one.value.string_value or int(one.value.int_value) for one in span.attributes
    }


def test_one_trace_leads_from_acceptance_to_the_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, collector: Collector
) -> None:
    with worked_office(tmp_path / "home", monkeypatch) as office:
        with traces.sent(Settings(traces_url=collector.url), part="api"):
            document = office.receive(dossier="D-Nguyễn").document
        with traces.sent(Settings(traces_url=collector.url), part="worker"):
            office.work(document, MIXED)
            failed = office.bring(HOPELESS)
        with traces.sent(Settings(traces_url=collector.url), part="work"):
            office.index()
    spans = collector.of(document.document_id)
    names = [span.name for span in spans]
    assert names == ["accept", "open", *["recognise"] * 4, "read", "compose", "commit", "index"]
    root, *others = spans
    assert root.parent_span_id == b""
    assert {span.parent_span_id for span in others} == {root.span_id}
    assert len({span.span_id for span in spans}) == len(spans)
    assert all(span.end_time_unix_nano >= span.start_time_unix_nano for span in spans)
    assert sorted(said(span)["page"] for span in spans if span.name == "recognise") == [1, 2, 3, 4]
    assert {said(span)["document_id"] for span in spans} == {document.document_id}
    assert collector.services == {"sohoa-api", "sohoa-worker", "sohoa-work"}
    stopped = next(span for span in collector.of(failed.document_id) if span.name == "open")
    assert (said(stopped)["ending"], said(stopped)["code"]) == ("failed", "unreadable")
    for text in ("Nguyễn", "giấy", "trang", "H02"):
        assert text.encode() not in collector.raw


def test_a_revision_has_a_trace_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, collector: Collector
) -> None:
    with worked_office(tmp_path / "home", monkeypatch) as office:
        document = office.bring(WHOLE)
        with traces.sent(Settings(traces_url=collector.url), part="api"):
            office.revise(document, RevisionKind.REPLACE, then=WHOLE)
    assert collector.of(document.document_id) == []
    roots = [span for span in collector.spans if span.name == "accept"]
    assert len(roots) == 1
    commits = [span for span in collector.spans if span.name == "commit"]
    assert [span.trace_id for span in commits] == [roots[0].trace_id]


@pytest.mark.parametrize(("traceparent", "linked"), [(CALLER, True), ("00-nonsense", False), (None, False)])
def test_an_upload_is_linked_to_its_callers_span(
    tmp_path: Path, collector: Collector, traceparent: str | None, linked: bool
) -> None:
    with (
        opened_api(tmp_path / "home") as api,
        traces.sent(Settings(traces_url=collector.url), part="api"),
    ):
        headers = {**api.token("ingest"), **({"traceparent": traceparent} if traceparent else {})}
        first = api.client.post("/v1/documents", content=files.image_bytes("PNG"), headers=headers).json()
        again = api.client.post("/v1/documents", content=files.image_bytes("PNG"), headers=headers).json()
        assert again["duplicate_of"] == first["document_id"]
    (root,) = collector.of(first["document_id"])
    links = [(link.trace_id.hex(), link.span_id.hex()) for link in root.links]
    assert links == ([(CALLER[3:35], CALLER[36:52])] if linked else [])


def test_without_the_setting_nothing_is_sent_and_nothing_imported(tmp_path: Path) -> None:
    import subprocess
    import sys

    program = (
        "import sys; from sohoa import traces; from sohoa.settings import Settings\n"
        "with traces.sent(Settings(), part='x'), traces.called_by('00-1-1-01'):\n"
        "    traces.begin('01JGFJJZ000000000000000000', 'a', started_ns=1)\n"
        "    traces.add('01JGFJJZ000000000000000000', 'a', started_ns=1)\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path
    )
    assert (ended.stdout.strip(), ended.stderr) == ("[]", "")


def test_a_collector_that_is_away_holds_up_no_paper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traces, "TIMEOUT_S", 0.5)
    with (
        worked_office(tmp_path / "home", monkeypatch) as office,
        traces.sent(Settings(traces_url="http://127.0.0.1:9/v1/traces"), part="worker"),
    ):
        assert office.bring(WHOLE).status == "archived"
