"""Talks to an Elasticsearch cluster: one request, its time limit, its errors by our names.

What the server says of an error is not repeated: there may be somebody's text in it.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from sohoa.errors import IndexAway, SetupError
from storage.breaker import Breaker
from storage.index.elastic_cursor import SEARCH_TIMEOUT_S
from storage.index.elastic_place import Credentials, Place

try:
    from elastic_transport import ConnectionTimeout, TlsError, TransportError
    from elasticsearch import ApiError, Elasticsearch, UnsupportedProductError
except ImportError as error:
    raise SetupError(
        "SOHOA_INDEX_URL names Elasticsearch, whose driver is missing: pip install '.[elasticsearch]' in Sohoa's own folder",
        code="driver_missing",
    ) from error

SEARCH_BUDGET_S = 2.0
"""How long the cluster may work on a search before it says that it could not: shorter, so that a search that is too much
is told apart from a cluster that is away."""
WRITE_TIMEOUT_S = 30.0
CONNECTIONS = 16
"""At most so many requests of one process are under way; the next one waits for its turn."""
_GONE_TYPES = frozenset({"index_not_found_exception", "aliases_not_found_exception"})
_BUSY_STATUSES = frozenset({429, 502, 503, 504})


class Cluster:
    """Requests to a cluster, for any thread: inside :meth:`asked` its errors are ours. No request is sent before that.

    Every call may raise IndexAway at once where one before got no answer (storage/breaker.py).
    """

    def __init__(self, place: Place, credentials: Credentials) -> None:
        secure = place.nodes[0].startswith("https:")
        password = credentials.password
        self.breaker = Breaker()
        self._library = Elasticsearch(
            hosts=list(place.nodes),
            api_key=None if credentials.api_key is None else credentials.api_key.get_secret_value(),
            basic_auth=None if password is None else (credentials.user, password.get_secret_value()),
            # certificates are checked against the system's, which SSL_CERT_FILE may name, as everywhere else in Sohoa
            ssl_context=ssl.create_default_context() if secure else None,
            request_timeout=SEARCH_TIMEOUT_S,
            connections_per_node=CONNECTIONS,
            max_retries=len(place.nodes) - 1,  # another node, never the same again
            retry_on_timeout=False,
            retry_on_status=(),
        )
        self._limited: dict[float, Elasticsearch] = {}

    @contextmanager
    def asked(self, *, timeout_s: float = SEARCH_TIMEOUT_S) -> Iterator[Elasticsearch]:
        """The library, for calls of at most `timeout_s` each. Raises IndexAway in place of what it raises."""
        if not self.breaker.admit():
            raise IndexAway("the search server has just not answered: look whether Elasticsearch runs, then try again")
        try:
            yield self._limited_to(timeout_s)
        except ApiError as error:
            self.breaker.answered()
            raise named(error.status_code, type_of(error)) from error
        except ConnectionTimeout as error:
            self.breaker.gave_no_answer()
            raise IndexAway(
                "the search server does not answer in time: look at the load of Elasticsearch", code="index_timeout"
            ) from error
        except TlsError as error:
            raise IndexAway(
                "the search server's certificate is not one that this machine trusts: name its authority's file in "
                "SSL_CERT_FILE",
                code="index_denied",
            ) from error
        except UnsupportedProductError as error:
            raise IndexAway(
                "what answers at SOHOA_INDEX_URL is not Elasticsearch: correct the setting", code="index_failed"
            ) from error
        except TransportError as error:
            self.breaker.gave_no_answer()
            raise IndexAway("the search server cannot be reached: look whether Elasticsearch runs") from error
        else:
            self.breaker.answered()

    def look(self, alias: str) -> None:
        """Ask for next to nothing after a request that was not done in time, which may have been too much for a cluster that
        is there. Raises IndexAway where this is not answered either."""
        self.breaker.answered()
        with self.asked() as library:
            library.indices.exists_alias(name=alias)

    def close(self) -> None:
        """Let go of all connections."""
        self._library.close()

    def _limited_to(self, timeout_s: float) -> Elasticsearch:
        """The same client and its connections under a time limit; kept, for a quarter of a millisecond goes into making one."""
        if timeout_s not in self._limited:
            self._limited[timeout_s] = self._library.options(request_timeout=timeout_s)
        return self._limited[timeout_s]


def type_of(error: ApiError) -> str:
    """Elasticsearch's own name for an error, "" where it gives none."""
    body = error.body.get("error") if isinstance(error.body, dict) else None
    return str(body.get("type", "")) if isinstance(body, dict) else ""


def named(status: int, kind: str) -> IndexAway:
    """What Elasticsearch's refusal of a request, or of a part of one, is called here."""
    if kind == "cluster_block_exception":
        return IndexAway(
            "Elasticsearch lets nothing be written: its disk is full, or the index is locked (operations/elasticsearch.md)",
            code="index_blocked",
        )
    if status in (401, 403):
        return IndexAway(
            "Elasticsearch refuses us: see SOHOA_INDEX_API_KEY or SOHOA_INDEX_CREDENTIALS_FILE, and their rights",
            code="index_denied",
        )
    if kind in _GONE_TYPES:
        return IndexAway("the index is gone: `serve` or `work` makes it anew from the archive", code="index_missing")
    if status in _BUSY_STATUSES:
        return IndexAway("Elasticsearch has too much to do just now, or a part of it is down", code="index_overloaded")
    return IndexAway(f"Elasticsearch says {status} {kind}", code="index_failed")
