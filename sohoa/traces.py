"""Traces (OpenTelemetry), where SOHOA_TRACES_URL names a collector: the way of each document from upload to searchable.

A document's trace has the document's own ULID as its id, which has as many bits: so API, workers and indexer, wherever they
run, add their spans to one trace without handing anything on. Its root is the span `accept`. No span says more than ids,
kinds, pages and codes. Without the setting nothing is imported, and every function here does nothing.
"""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from ulid import ULID

from sohoa.errors import SetupError
from sohoa.settings import Settings

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import SpanContext

TIMEOUT_S = 5.0
"""How long a collector may take for one batch, and a process that ends waits for the last one."""

_provider: TracerProvider | None = None
_caller: ContextVar[Any] = ContextVar("caller", default=None)
_ids: ContextVar[tuple[int, int] | None] = ContextVar("ids", default=None)


def set_up(settings: Settings, *, part: str) -> None:
    """Send this process's spans to the collector, as those of `sohoa-<part>`, until :func:`close`. After a fork, again.

    Raises SetupError (`driver_missing`) where the packages for it are not installed.
    """
    global _provider
    if not settings.traces_url:
        return
    if importlib.util.find_spec("opentelemetry.exporter.otlp.proto.http") is None:
        raise SetupError(
            "traces need OpenTelemetry: pip install '.[otel]' in Sohoa's own folder", code="driver_missing"
        )
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

    class Ids(RandomIdGenerator):
        """A document's root span has ids that everybody can tell from the document's."""

        def generate_trace_id(self) -> int:
            given = _ids.get()
            return given[0] if given else super().generate_trace_id()

        def generate_span_id(self) -> int:
            given = _ids.get()
            return given[1] if given else super().generate_span_id()

    _provider = TracerProvider(
        resource=Resource.create({"service.name": f"sohoa-{part}"}), id_generator=Ids(), shutdown_on_exit=False
    )
    exporter = OTLPSpanExporter(settings.traces_url, timeout=TIMEOUT_S)
    _provider.add_span_processor(BatchSpanProcessor(exporter, export_timeout_millis=TIMEOUT_S * 1000))


def close() -> None:
    """Send what is left."""
    global _provider
    provider, _provider = _provider, None
    if provider is not None:
        provider.shutdown()


@contextmanager
def sent(settings: Settings, *, part: str) -> Iterator[None]:
    """Between :func:`set_up` and :func:`close`."""
    set_up(settings, part=part)
    try:
        yield
    finally:
        close()


@contextmanager
def called_by(traceparent: str | None) -> Iterator[None]:
    """What is accepted in the block is linked to the caller's own span (W3C `traceparent`), if it sent one that is valid."""
    if _provider is None or traceparent is None:
        yield
        return
    from opentelemetry.trace import get_current_span
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    context = TraceContextTextMapPropagator().extract({"traceparent": traceparent})
    token = _caller.set(get_current_span(context).get_span_context())
    try:
        yield
    finally:
        _caller.reset(token)


def begin(document_id: str, name: str, *, started_ns: int) -> None:
    """The document's trace begins, with a span that began at `started_ns` (time.time_ns) and ends now."""
    if _provider is None:
        return
    from opentelemetry.context import Context
    from opentelemetry.trace import Link

    caller: SpanContext | None = _caller.get()
    token = _ids.set(_ids_of(document_id))
    try:
        _provider.get_tracer("sohoa").start_span(
            name,
            context=Context(),
            start_time=started_ns,
            attributes={"sohoa.document_id": document_id},
            links=[Link(caller)] if caller is not None and caller.is_valid else [],
        ).end()
    finally:
        _ids.reset(token)


def add(document_id: str, name: str, *, started_ns: int, told: Mapping[str, str | int] | None = None) -> None:
    """Add a span to the document's trace that began at `started_ns` (time.time_ns) and ends now. `told` are ids, kinds,
    numbers and codes."""
    if _provider is None:
        return
    attributes = {"sohoa.document_id": document_id, **{f"sohoa.{key}": value for key, value in (told or {}).items()}}
    tracer = _provider.get_tracer("sohoa")
    tracer.start_span(name, context=_under_root(document_id), start_time=started_ns, attributes=attributes).end()


def now_ns() -> int:
    """The moment for `started_ns`."""
    return time.time_ns()


def _under_root(document_id: str) -> Context:
    from opentelemetry.context import Context
    from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

    trace_id, span_id = _ids_of(document_id)
    root = SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
    return set_span_in_context(NonRecordingSpan(root), Context())


def _ids_of(document_id: str) -> tuple[int, int]:
    """Of the trace, and of its root span."""
    ulid = ULID.from_str(document_id).bytes
    return int.from_bytes(ulid), int.from_bytes(sha256(ulid).digest()[:8])
