"""Hash-chained daily files: entries that are created once and follow from each other by digest, a folder a day.

`<name>/YYYY/MM/DD/NNNNNN.json` holds {sequence, recorded_at, previous, previous_key, …}: the number in the whole chain, the
moment (never before that of the entry before), and SHA-256 and key of the entry before (null in the first).

The key is the lock: two appenders cannot both have a number of a day, and nobody begins a day before the day before was
closed by an entry {next_day: "YYYY/MM/DD"}. `<name>/first.json` {day} says in the same way where the chain begins. So
there is one line whatever the clocks of the appenders say, and the days before today are closed for good.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sohoa.clock import Clock, isoformat, parse_moment
from sohoa.errors import AlreadyExists, DigestMismatch, NotFound
from sohoa.model import Sha256
from storage.archive.layout import sha256_of, to_json
from storage.objects.protocol import Objects

_QUIET_DAYS = 40
"""The newest day is sought this far back, one look a day, before everything is listed."""
_KEY = re.compile(r"(?P<name>[a-z]+)/(?P<day>\d{4}/\d{2}/\d{2})/(?P<number>\d{6})\.json")
_OWN = ("sequence", "recorded_at", "previous", "previous_key")


@dataclass(frozen=True, slots=True)
class Link:
    """One entry. `body` is what its writer said; `next_day` is set in the one that closes a day. `sha256` is its digest."""

    key: str
    sequence: int
    recorded_at: datetime
    previous: Sha256 | None
    previous_key: str | None
    body: dict[str, Any]
    sha256: Sha256

    @property
    def next_day(self) -> str | None:
        """The day that this entry opens by closing its own, None where the day goes on."""
        day = self.body.get("next_day")
        return day if isinstance(day, str) else None


class Chain:
    """Appends to and reads one chain. Any number of processes may append at the same time."""

    def __init__(self, objects: Objects, clock: Clock, name: str) -> None:
        self._objects, self._clock, self._name = objects, clock, name
        self._newest: Link | None = None

    def head(self) -> Link | None:
        """The newest entry, None where there is none. Raises DigestMismatch where it is damaged."""
        link = self._newest or self._find_late()
        while link is not None and (after := self._after(link)) is not None:
            link = after
        self._newest = link
        return link

    def append(self, body: Mapping[str, Any]) -> Link:
        """Add an entry after the newest one."""
        while True:
            link = self.append_after(self.head(), body)
            if link is not None:
                return link

    def append_after(self, head: Link | None, body: Mapping[str, Any]) -> Link | None:
        """Add an entry after `head`, the newest one that the caller has seen; None where somebody was there before."""
        today = self._clock.now().astimezone(UTC).strftime("%Y/%m/%d")
        try:
            if head is None:
                return self._create(self._first_day(today), 1, None, body)
            day, number = _place(head.key)
            if head.next_day is not None:
                return self._create(head.next_day, 1, head, body)
            if today <= day:
                return self._create(day, number + 1, head, body)
            closing = self._create(day, number + 1, head, {"next_day": today})
            return self._create(today, 1, closing, body)
        except AlreadyExists:
            return None

    def newest_first(self) -> Iterator[Link]:
        """What was appended, newest first, each checked against the one after it. Raises DigestMismatch."""
        link = self.head()
        while link is not None:
            if link.next_day is None:
                yield link
            if link.previous_key is None:
                return
            before = self._read(link.previous_key)
            if before.sha256 != link.previous:
                raise DigestMismatch(f"{link.key} does not follow from {before.key}: one of the two was altered")
            link = before

    def _create(self, day: str, number: int, before: Link | None, body: Mapping[str, Any]) -> Link:
        now = self._clock.now()
        key = _key(self._name, day, number)
        data = to_json(
            {
                **body,
                "sequence": 1 if before is None else before.sequence + 1,
                "recorded_at": isoformat(now if before is None else max(now, before.recorded_at)),
                "previous": None if before is None else before.sha256,
                "previous_key": None if before is None else before.key,
            }
        )
        self._objects.create(key, data)
        self._newest = parse_link(key, data)
        return self._newest

    def _first_day(self, today: str) -> str:
        key = first_key(self._name)
        try:
            self._objects.create(key, to_json({"day": today}))
        except AlreadyExists:
            return str(json.loads(self._objects.read(key))["day"])
        return today

    def _after(self, link: Link) -> Link | None:
        day, number = _place(link.key)
        key = _key(self._name, day, number + 1) if link.next_day is None else _key(self._name, link.next_day, 1)
        try:
            return self._read(key)
        except NotFound:
            return None

    def _find_late(self) -> Link | None:
        """Some entry of the newest day, near its end."""
        if next(iter(self._objects.list(f"{self._name}/")), None) is None:
            return None  # new: there is nothing to look for day by day
        today = self._clock.now().astimezone(UTC).date()
        for back in range(-1, _QUIET_DAYS):  # tomorrow too, for another machine's clock
            day = (today - timedelta(days=back)).strftime("%Y/%m/%d")
            if self._objects.exists(_key(self._name, day, 1)):
                return self._read(_key(self._name, day, self._last_number(day)))
        newest = max((key for key in self._objects.list(f"{self._name}/") if _KEY.fullmatch(key)), default=None)
        return None if newest is None else self._read(newest)

    def _last_number(self, day: str) -> int:
        low, step = 1, 1
        while self._objects.exists(_key(self._name, day, low + step)):
            low, step = low + step, step * 2
        high = low + step
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._objects.exists(_key(self._name, day, middle)) else (low, middle)
        return low

    def _read(self, key: str) -> Link:
        try:
            return parse_link(key, self._objects.read(key))
        except (ValueError, KeyError, TypeError):
            raise DigestMismatch(f"{key} is damaged: restore it from a copy") from None


@dataclass(frozen=True, slots=True)
class Break:
    """A place where a chain is not what was written, and why."""

    key: str
    detail: str


def read_chain(objects: Objects, name: str) -> Iterator[Link | Break]:
    """Every entry, oldest first, and every place where the chain is broken. What is cut off its end cannot be seen."""
    before: Link | None = None
    began: str | None = None
    first: str | None = None
    for key in objects.list(f"{name}/"):
        if key == first_key(name):
            first = _day_in(objects.read(key))
            continue
        match = _KEY.fullmatch(key)
        if match is None:
            yield Break(key, "this is not the key of an entry")
            continue
        try:
            data = objects.read(key)
            link = parse_link(key, data)
        except (ValueError, KeyError, TypeError, AttributeError, NotFound):
            yield Break(key, "it is not an entry as Sohoa writes them")
            continue
        expected = None if before is None else (before.sha256, before.key, before.sequence + 1)
        if before is not None and (link.previous, link.previous_key, link.sequence) != expected:
            yield Break(
                key, f"it does not follow from {before.key}: one of the two was altered, or some between are gone"
            )
        elif before is None and (link.previous is not None or link.sequence != 1):
            yield Break(key, f"it is the first there is and says that {link.previous_key} was before it")
        if before is not None and not _may_follow(before, link):
            yield Break(key, f"it may not come after {before.key}")
        began = began or _place(key)[0]
        before = link
        yield link
    if began != first:
        yield Break(first_key(name), "it does not name the day of the first entry")


def parse_link(key: str, data: bytes) -> Link:
    """The entry in the bytes under a key. Raises ValueError, KeyError or TypeError where they are something else."""
    found = json.loads(data)
    if to_json(found) != data:
        raise ValueError("not as it is written")
    recorded_at = parse_moment(found["recorded_at"])
    if isoformat(recorded_at) != found["recorded_at"] or type(found["sequence"]) is not int:
        raise ValueError("not as it is written")
    return Link(
        key=key,
        sequence=found["sequence"],
        recorded_at=recorded_at,
        previous=found["previous"],
        previous_key=found["previous_key"],
        body={name: value for name, value in found.items() if name not in _OWN},
        sha256=sha256_of(data),
    )


def first_key(name: str) -> str:
    """Where it is kept on which day a chain begins."""
    return f"{name}/first.json"


def _may_follow(before: Link, link: Link) -> bool:
    day, number = _place(before.key)
    place = (day, number + 1) if before.next_day is None else (before.next_day, 1)
    return _place(link.key) == place and link.recorded_at >= before.recorded_at


def _day_in(data: bytes) -> str | None:
    try:
        found = json.loads(data)
        date.fromisoformat(str(found["day"]).replace("/", "-"))
        return str(found["day"]) if to_json(found) == data else None
    except (ValueError, KeyError, TypeError):
        return None


def _key(name: str, day: str, number: int) -> str:
    return f"{name}/{day}/{number:06d}.json"


def _place(key: str) -> tuple[str, int]:
    _, _, rest = key.partition("/")
    day, _, name = rest.rpartition("/")
    return day, int(name.removesuffix(".json"))
