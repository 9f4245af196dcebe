"""Places for what is under way at once in this process, uploads or downloads: in all, and by one token. Used by the event loop's
thread alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from sohoa.errors import Limited

RETRY_S = 5.0


@dataclass(frozen=True, slots=True)
class Places:
    """`most` of `what` at once, `most_of_token` of them by one token; who finds none is told `code`."""

    what: str
    code: str
    most: int
    most_of_token: int
    _taken: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def one(self, token_id: str) -> Iterator[None]:
        """A place until the block ends. Raises Limited."""
        if (taken := self._taken.total()) >= self.most:
            raise self.refusal(f"{taken:,} {self.what} are under way")
        if (taken := self._taken[token_id]) >= self.most_of_token:
            raise self.refusal(f"{taken:,} {self.what} by this token are under way")
        self._taken[token_id] += 1
        try:
            yield
        finally:
            self._taken[token_id] -= 1
            if not self._taken[token_id]:
                del self._taken[token_id]

    def refusal(self, why: str) -> Limited:
        """What to raise where there is no room."""
        return Limited(f"{why}: try again in a moment", code=self.code, retry_after_s=RETRY_S)
