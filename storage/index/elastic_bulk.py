"""Sends documents to Elasticsearch in requests of bounded size: slower when it says that it has too much to do, and with
each document's refusal told apart from the cluster's."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, cast

import structlog

from sohoa.errors import IndexAway
from storage.index.elastic_client import WRITE_TIMEOUT_S, Cluster, named
from storage.index.elastic_form import lines_of
from storage.index.protocol import IndexEntry

MOST_BYTES = 8_000_000
"""Of a request, unless one document alone is larger."""
LEAST_BYTES = 250_000
"""Of one after a 429; what is not done in time is halved down to one document."""
TRIES = 5
_FIRST_PAUSE_S = 0.5
_NEWER_THERE = 409
_TOO_BUSY = frozenset({429, 502, 503, 504})
_TOO_LARGE = 413
_ANSWERED = "items.index._id,items.index.status,items.index.error.type"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Lines:
    """A document as it is sent."""

    document_id: str
    data: bytes


class Bulk:
    """Sends to one cluster. Remembers from call to call how much it could take: half as much after every 429 and after
    every request that was not done within WRITE_TIMEOUT_S, a quarter more after every request that it took."""

    def __init__(self, cluster: Cluster, *, pause: Callable[[float], None] = time.sleep) -> None:
        self.chunk_bytes = MOST_BYTES
        self._cluster = cluster
        self._pause = pause

    def send(self, alias: str, entries: Iterable[IndexEntry]) -> frozenset[str]:
        """Write the entries to the index that goes by `alias`; returns the documents that it will never take as they are.

        A version that is older than what is there is left out silently. Raises IndexAway, with some of the entries
        perhaps written: where the cluster is away, still has too much to do after TRIES requests, takes nothing, or is not
        done with one document in time.
        """
        with ThreadPoolExecutor(1, thread_name_prefix="bulk") as sender:
            return self._send(alias, entries, sender)

    def _send(self, alias: str, entries: Iterable[IndexEntry], sender: ThreadPoolExecutor) -> frozenset[str]:
        """While the `sender` waits for the cluster, what comes next is made ready: either takes a millisecond a document."""
        source = (_Lines(entry.document_id, lines_of(entry)) for entry in entries)
        waiting: list[_Lines] = []
        refused: set[str] = set()
        tries = 0
        while chunk := waiting[: self._fill(waiting, source)]:
            asked = sender.submit(self._ask, alias, chunk)
            self._fill(waiting, source, after=len(chunk))
            try:
                busy, unfit = asked.result()
            except IndexAway as error:
                if error.code != "index_timeout" or len(chunk) == 1:
                    raise
                self._cluster.look(alias)  # raises for one that is away: what is slow answers a small question
                self._shrink(sum(len(lines.data) for lines in chunk) // 2, waiting=len(chunk))
                continue
            refused |= unfit
            waiting = [*busy, *waiting[len(chunk) :]]
            if not busy:
                tries = 0
                self.chunk_bytes = min(MOST_BYTES, self.chunk_bytes * 5 // 4)
                continue
            tries += 1
            if tries == TRIES:
                if len(busy) > 1 or len(busy[0].data) <= MOST_BYTES:
                    raise named(429, "")
                refused.add(busy[0].document_id)  # alone it is more than the cluster ever takes at once
                waiting, tries = waiting[1:], 0
                continue
            self._shrink(max(min(LEAST_BYTES, self.chunk_bytes), self.chunk_bytes // 2), waiting=len(busy))
            self._pause(_FIRST_PAUSE_S * 2 ** (tries - 1))
        return frozenset(refused)

    def _shrink(self, chunk_bytes: int, *, waiting: int) -> None:
        self.chunk_bytes = chunk_bytes
        log.warning("index.slower", chunk_bytes=chunk_bytes, waiting=waiting)

    def _fill(self, waiting: list[_Lines], source: Iterator[_Lines], *, after: int = 0) -> int:
        """How many of `waiting`, the first `after` left out, fit into one request, at least one; `source` fills it up."""
        size, count = 0, 0
        while True:
            if after + count == len(waiting):
                more = next(source, None)
                if more is None:
                    break
                waiting.append(more)
            length = len(waiting[after + count].data)
            if count and size + length > self.chunk_bytes:
                break
            size += length
            count += 1
        return count

    def _ask(self, alias: str, chunk: list[_Lines]) -> tuple[list[_Lines], set[str]]:
        """Send one request: what has to be sent again, and the documents that are refused for good."""
        try:
            with self._cluster.asked(timeout_s=WRITE_TIMEOUT_S) as library:
                answer = library.bulk(
                    index=alias,
                    # ready-made lines are sent as they are, which the library's types do not know
                    operations=cast(Any, [b"".join(lines.data for lines in chunk).rstrip(b"\n")]),
                    require_alias=True,
                    filter_path=_ANSWERED,
                )
        except IndexAway as error:
            if error.code == "index_overloaded":
                return chunk, set()
            if error.code == "index_failed" and _status(error) == _TOO_LARGE:
                return (chunk, set()) if len(chunk) > 1 else ([], {chunk[0].document_id})
            raise
        busy, unfit = [], set()
        for lines, item in zip(chunk, answer["items"], strict=True):
            status, kind = _outcome(item["index"])
            if status < 300 or status == _NEWER_THERE:
                continue
            if kind == "cluster_block_exception" or status in (401, 403, 404):
                raise named(status, kind)
            if status in _TOO_BUSY or status >= 500:
                busy.append(lines)
            else:
                log.error("index.document_unfit", document_id=lines.document_id, status=status, kind=kind)
                unfit.add(lines.document_id)
        return busy, unfit


def _outcome(item: dict[str, Any]) -> tuple[int, str]:
    return int(item["status"]), str(item.get("error", {}).get("type", ""))


def _status(error: IndexAway) -> int:
    return int(getattr(error.__cause__, "status_code", 0))
