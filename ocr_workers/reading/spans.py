"""Words of one page that belong together, and the rows and columns they stand in, level or askew."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from sohoa.model import Box, Evidence, Page, Word, nfc, union

_WIDE = 2.0  # heights: a gap that parts two columns or cells
_LEAST_BASELINE = 8.0  # heights: shorter lines say nothing about the skew


@dataclass(frozen=True, slots=True)
class Span:
    """Words of one line of one page, in reading order; at least one."""

    page: int
    words: tuple[Word, ...]

    @property
    def text(self) -> str:
        return nfc(" ".join(word.text for word in self.words))

    @property
    def box(self) -> Box:
        return union([word.box for word in self.words])

    @property
    def evidence(self) -> Evidence:
        return Evidence(self.page, self.box)

    @property
    def confidence(self) -> float:
        """The mean over letters of the engine's confidence."""
        weights = [len(word.text) for word in self.words]
        parts = (word.confidence * weight for word, weight in zip(self.words, weights, strict=True))
        return sum(parts) / sum(weights)

    @property
    def least(self) -> float:
        """The confidence of the worst word that has letters or digits."""
        solid = [word.confidence for word in self.words if any(map(str.isalnum, word.text))]
        return min(solid, default=0.0)

    @property
    def height(self) -> float:
        return median(word.box[3] - word.box[1] for word in self.words)

    @property
    def middle(self) -> float:
        left, _, right, _ = self.box
        return (left + right) / 2


@dataclass(frozen=True, slots=True)
class Sheet:
    """The words of one page set level: rows of spans, top to bottom. `height` is that of a middling word."""

    page: Page
    slope: float
    height: float
    rows: tuple[tuple[Word, ...], ...]

    @property
    def width(self) -> int:
        return self.page.width_px

    def level(self, box: Box) -> float:
        """How far down `box` stands, the skew taken out."""
        return (box[1] + box[3]) / 2 - self.slope * ((box[0] + box[2]) / 2 - self.page.width_px / 2)

    def span(self, words: Iterable[Word]) -> Span:
        return Span(self.page.number, tuple(words))

    def pieces(self) -> list[Span]:
        """Runs of words without a wide gap, row by row."""
        return [self.span(piece) for row in self.rows for piece in parted(row, _WIDE * self.height)]


def sheet_of(page: Page) -> Sheet:
    """The page's words in level rows."""
    words = [word for word in page.words() if word.text.strip()]
    height = median([word.box[3] - word.box[1] for word in words]) if words else 1.0
    sheet = Sheet(page, _slope(page, height), height, ())
    return Sheet(page, sheet.slope, height, tuple(_rows(page, sheet)))


def parted(row: Sequence[Word], gap_px: float) -> list[list[Word]]:
    """The words of a row in runs between gaps wider than `gap_px`."""
    runs: list[list[Word]] = []
    for word in row:
        if runs and word.box[0] - runs[-1][-1].box[2] <= gap_px:
            runs[-1].append(word)
        else:
            runs.append([word])
    return runs


def widest_gap(row: Sequence[Word], around: tuple[float, float]) -> tuple[float, int]:
    """The widest gap whose middle lies within `around`, and the number of the word right of it (0: there is none)."""
    best = (0.0, 0)
    for at in range(1, len(row)):
        left, right = row[at - 1].box[2], row[at].box[0]
        if around[0] <= (left + right) / 2 <= around[1]:
            best = max(best, (float(right - left), at))
    return best


def _slope(page: Page, height: float) -> float:
    """The middling slope of the page's long lines, told by their words (baselines may be missing)."""
    slopes = []
    for line in page.lines():
        left, right = line.words[0].box, line.words[-1].box
        run = right[0] - left[0]
        if run > _LEAST_BASELINE * height:
            if line.baseline is not None:
                slopes.append(line.baseline[0])
            else:
                slopes.append((right[1] + right[3] - left[1] - left[3]) / 2 / run)
    return median(slopes) if len(slopes) > 2 else 0.0


def _rows(page: Page, sheet: Sheet) -> list[tuple[Word, ...]]:
    """Runs of the engine's lines that stand level, left to right; runs over each other are of different rows."""
    runs = [run for line in page.lines() for run in parted(_solid(line.words), _WIDE * sheet.height) if run]
    return levelled(runs, sheet)


def levelled(runs: Iterable[Sequence[Word]], sheet: Sheet) -> list[tuple[Word, ...]]:
    """Runs of words put together to rows, top to bottom."""
    placed = sorted(((sheet.level(union([word.box for word in run])), run) for run in runs), key=lambda one: one[0])
    rows: list[tuple[float, list[Word]]] = []
    for level, run in placed:
        home = None
        for at in range(len(rows) - 1, max(len(rows) - 4, -1), -1):
            near = abs(level - rows[at][0]) < (0.55 * sheet.height if home is None else abs(level - rows[home][0]))
            if near and not _overlap(run, rows[at][1]):
                home = at
        if home is None:
            rows.append((level, list(run)))
        else:
            known, words = rows[home]
            rows[home] = ((known * len(words) + level * len(run)) / (len(words) + len(run)), [*words, *run])
    rows.sort(key=lambda row: row[0])
    return [tuple(sorted(words, key=lambda word: word.box[0])) for _, words in rows]


def _solid(words: Sequence[Word]) -> list[Word]:
    return [word for word in words if word.text.strip()]


def _overlap(one: Sequence[Word], other: Sequence[Word]) -> bool:
    """Whether words of two runs stand over each other by more than an edge."""
    return any(
        min(a.box[2], b.box[2]) - max(a.box[0], b.box[0]) > 0.35 * min(a.box[2] - a.box[0], b.box[2] - b.box[0])
        for a in one
        for b in other
    )
