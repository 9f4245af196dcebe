"""How much of the archive the rolling fixity check has read within a period, for who asks again and again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sohoa.clock import Clock
from sohoa.errors import StoreAway
from sohoa.model import Sha256
from storage.archive.chain import Chain
from storage.archive.fixity import NAME, Cover, Progress, cover_of, load_progress
from storage.objects.protocol import Objects


@dataclass(frozen=True, slots=True)
class Share:
    """Of what the check has read, counted at its latest reading, how much it has read within the period."""

    objects: int
    objects_within: int
    size_bytes: int
    size_bytes_within: int


class FixityWatch:
    """Reads the chain again only where an entry was added to it. Not thread-safe."""

    def __init__(self, objects: Objects, clock: Clock) -> None:
        self._objects, self._clock = objects, clock
        self._chain = Chain(objects, clock, NAME)
        self._loaded: tuple[Sha256, Progress] | None = None

    def look(self, period: timedelta) -> tuple[Cover, Share | None] | None:
        """How the check stands; no share before its first round is over, nothing before its first entry.

        Raises StoreAway, DigestMismatch where the newest entry is damaged.
        """
        if self._objects.is_away():
            raise StoreAway("the archive's store did not answer a moment ago")
        head = self._chain.head()
        if head is None:
            return None
        if self._loaded is None or self._loaded[0] != head.sha256:
            self._loaded = head.sha256, load_progress(self._chain, now=self._clock.now())
        newest = next(self._chain.newest_first())
        return cover_of(newest), self._share(self._loaded[1], period)

    def _share(self, progress: Progress, period: timedelta) -> Share | None:
        if progress.read_since() is None:
            return None
        known = [*progress.old, *progress.new]
        within = [each for each in known if self._clock.now() - each.started_at <= period]
        return Share(
            objects=sum(each.objects for each in known),
            objects_within=sum(each.objects for each in within),
            size_bytes=sum(each.size_bytes for each in known),
            size_bytes_within=sum(each.size_bytes for each in within),
        )
