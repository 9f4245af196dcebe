"""What this process has answered since it began: requests, how long they took, bytes that were uploaded."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, disable_created_metrics

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BOUNDS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)


class Meter:
    """The process's own counters, in a registry of one application. Every label is one of a few values that the code knows."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each, which nobody asks for
        self.registry = CollectorRegistry(auto_describe=True)
        ProcessCollector(registry=self.registry)
        self.in_progress = Gauge(
            "sohoa_http_requests_in_progress", "Requests being answered just now.", registry=self.registry
        )
        self._requests = Histogram(
            "sohoa_http_request_seconds",
            "Time from a request's head to the end of its answer, by route template and class of status.",
            ("method", "route", "status"),
            buckets=_BOUNDS_S,
            registry=self.registry,
        )
        self.uploaded = Counter(
            "sohoa_upload_bytes", "Bytes of files that came in, kept or not.", registry=self.registry
        )

    def done(self, *, method: str, route: str | None, status: int | None, took_s: float) -> None:
        """A request is over. `status` None: whoever asked went away first."""
        self._requests.labels(
            method=method if method in _METHODS else "other",
            route=route or "none",
            status="dropped" if status is None else f"{status // 100}xx",
        ).observe(took_s)
