"""A new index beside the one in use on Elasticsearch: filled under an alias of its own, then the aliases are swapped.

Searches go by an alias and never notice: swapping is one change of the cluster's state.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from elasticsearch import Elasticsearch

from sohoa.errors import SetupError
from sohoa.settings import Settings
from storage.index.elastic import ElasticIndex, connect, create
from storage.index.elastic_client import WRITE_TIMEOUT_S
from storage.index.elastic_place import Place


class ElasticBeside:
    """Beside the index that the settings name. Every call raises IndexAway where the cluster is away or refuses us."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @contextmanager
    def open(self) -> Iterator[ElasticIndex]:
        """The half-made index; from here on what the indexer writes goes to it as well. One of another form is dropped."""
        cluster, place = connect(self._settings)
        try:
            with cluster.asked(timeout_s=WRITE_TIMEOUT_S) as library:
                _make(library, place)
            index = ElasticIndex(cluster, place, place.next)
            try:
                index.make_ready()
            except SetupError:
                with cluster.asked(timeout_s=WRITE_TIMEOUT_S) as library:
                    _delete(library, _behind(library, place.next))
                    _make(library, place)
            yield index
        finally:
            cluster.close()

    def put_in_use(self, tell: Callable[[], None]) -> None:
        """Swap the aliases in one step. `tell` is never called: there is always one in the place."""
        with self._asked() as (library, place):
            made = _behind(library, place.next)
            if not made:
                return
            library.indices.refresh(index=place.next)
            before = [
                {"remove": {"index": name, "alias": place.alias, "must_exist": True}}
                for name in _behind(library, place.alias)
            ]
            after = [
                action
                for name in made
                for action in (
                    {"add": {"index": name, "alias": place.alias}},
                    {"remove": {"index": name, "alias": place.next, "must_exist": True}},
                )
            ]
            library.indices.update_aliases(actions=[*before, *after])

    def is_old_searched(self) -> bool:
        """Whether somebody still walks through what was in use before, page by page, or has a search in hand there."""
        with self._asked() as (library, place):
            old = _old(library, place)
            if not old:
                return False
            searched = library.indices.stats(index=old, metric="search")["_all"]["total"]["search"]
            return bool(searched["open_contexts"] or searched["query_current"] or searched["fetch_current"])

    def drop_old(self) -> None:
        """Delete the indices of this place that go by neither alias."""
        with self._asked() as (library, place):
            _delete(library, _old(library, place))

    def discard(self) -> None:
        with self._asked() as (library, place):
            _delete(library, _behind(library, place.next))

    @contextmanager
    def _asked(self) -> Iterator[tuple[Elasticsearch, Place]]:
        cluster, place = connect(self._settings)
        try:
            with cluster.asked(timeout_s=WRITE_TIMEOUT_S) as library:
                yield library, place
        finally:
            cluster.close()


def _make(library: Elasticsearch, place: Place) -> None:
    """The next index, if there is none yet."""
    if not _behind(library, place.next):
        numbers = [int(name.rpartition("-")[2]) for name in _all(library, place)]
        create(library, place, max(numbers, default=0) + 1, alias=place.next)


def _behind(library: Elasticsearch, alias: str) -> list[str]:
    """The indices that go by that alias: one, or none."""
    return sorted(library.indices.get_alias(name=alias)) if library.indices.exists_alias(name=alias) else []


def _all(library: Elasticsearch, place: Place) -> list[str]:
    """Every index of the place, whatever it goes by; other indices of the cluster may be named nearly the same."""
    numbered = re.compile(rf"{re.escape(place.alias)}-\d{{6,}}")
    return [name for name in library.indices.get(index=place.every) if numbered.fullmatch(name)]


def _old(library: Elasticsearch, place: Place) -> list[str]:
    """Those that go by neither alias."""
    named = {*_behind(library, place.alias), *_behind(library, place.next)}
    return [name for name in _all(library, place) if name not in named]


def _delete(library: Elasticsearch, names: list[str]) -> None:
    for name in names:
        library.indices.delete(index=name, ignore_unavailable=True)
