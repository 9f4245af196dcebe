"""The resolution of a page image: what its file claims where that can be true, else what its pixels tell of its paper.

Cameras, screenshots and many editing programs write 72 or 96 dpi (or 0, or 1) into whatever they save.
"""

from __future__ import annotations

from dataclasses import dataclass

_MM = 25.4
_LEAST_DPI, _MOST_DPI = 50.0, 2400.0
_SCREEN_DPI = 100.0
"""At or below this a claim is more often a program's default than a measure."""
_LONGEST_AT_SCREEN_DPI_MM = 312.0  # A4 and a little: a larger "page" at 72 or 96 dpi lost its resolution
_LONGEST_MM = 1310.0  # A0 and a little
_SHORTEST_MM = 70.0  # the long side of the smallest paper that is scanned alone: an identity card is 85.6 mm

_SCANNER_DPI = (300, 200, 150, 600, 400, 240, 100)  # the more usual first
_PAPERS_MM = ((210.0, 297.0), (297.0, 420.0), (148.0, 210.0), (215.9, 279.4), (215.9, 355.6))  # A4 A3 A5 Letter Legal
_A4_LONG_MM = 297.0
_EXACT = 0.015
_NEAR = 0.06
_LEAST_INFERRED_DPI, _MOST_INFERRED_DPI = 72.0, 1200.0

_SQUARE = 0.01
"""Resolutions across and down that differ by less than this share are one."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Width and height in square pixels at `dpi`; `inferred` where the file did not say a credible resolution."""

    width_px: int
    height_px: int
    dpi: float
    inferred: bool


def frame_of(width_px: int, height_px: int, *, claimed: tuple[float, float] | None) -> Frame:
    """The page frame of an image of so many pixels that claims `claimed` dpi (across, down).

    Fax pages have 204 dpi across and 98 or 196 down: their frame has the higher resolution both ways.
    """
    if claimed is not None and _is_credible(width_px, height_px, claimed):
        across, down = claimed
        if abs(across - down) <= _SQUARE * max(across, down):
            return Frame(width_px, height_px, dpi=round(across, 2), inferred=False)
        dpi = max(across, down)
        width, height = round(width_px * dpi / across), round(height_px * dpi / down)
        return Frame(width, height, dpi=round(dpi, 2), inferred=False)
    return Frame(width_px, height_px, dpi=infer_dpi(width_px, height_px), inferred=True)


def infer_dpi(width_px: int, height_px: int) -> float:
    """The resolution at which these pixels make a sheet of paper.

    A usual scanner resolution where one fits a usual paper, exactly first and then, for the shape of A4, nearly (a scan
    trimmed or with a margin); otherwise (a phone's photo) the one at which the long side is that of A4.
    """
    short, long = sorted((width_px, height_px))
    for dpi in _SCANNER_DPI:
        for paper in _PAPERS_MM:
            if _misfit(short, long, dpi=dpi, paper=paper) <= _EXACT:
                return float(dpi)
    nearest = min(_SCANNER_DPI, key=lambda dpi: _misfit(short, long, dpi=dpi, paper=_PAPERS_MM[0]))
    if _misfit(short, long, dpi=nearest, paper=_PAPERS_MM[0]) <= _NEAR:
        return float(nearest)
    return round(min(max(long * _MM / _A4_LONG_MM, _LEAST_INFERRED_DPI), _MOST_INFERRED_DPI), 1)


def _is_credible(width_px: int, height_px: int, claimed: tuple[float, float]) -> bool:
    across, down = claimed
    if not (min(claimed) >= _LEAST_DPI and max(claimed) <= _MOST_DPI and max(claimed) <= 3 * min(claimed)):
        return False
    long_mm = max(width_px / across, height_px / down) * _MM
    longest = _LONGEST_AT_SCREEN_DPI_MM if max(claimed) <= _SCREEN_DPI else _LONGEST_MM
    return _SHORTEST_MM <= long_mm <= longest


def _misfit(short_px: int, long_px: int, *, dpi: int, paper: tuple[float, float]) -> float:
    """By what share the worse side differs from the paper's at that resolution."""
    short_mm, long_mm = paper
    return max(abs(short_px * _MM / dpi / short_mm - 1), abs(long_px * _MM / dpi / long_mm - 1))
