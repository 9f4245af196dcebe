"""The pictures of docs/accuracy.md: the calibration curve, and five hard drawn papers with the boxes of their fields."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw

from tests.benchmarks.fields_sample import Outcome, drawn
from tests.benchmarks.fields_score import Bin, is_right
from tests.support.press.fonts import SANS, font

_INK, _PAPER, _GRID = (40, 44, 52), (255, 255, 255), (222, 224, 228)
_RIGHT, _WRONG, _DOUBT = (22, 130, 70), (200, 40, 40), (214, 132, 10)
HARD_WIDTH = 560


def draw_calibration(curves: dict[str, Sequence[Bin]], path: Path) -> None:
    """Confidence against how often the value was right, one line a group; the diagonal is what is wanted."""
    side, edge = 560, 70
    image = Image.new("RGB", (side + edge + 190, side + 2 * edge), _PAPER)
    draw = ImageDraw.Draw(image)
    small, large = font(SANS.regular, 14), font(SANS.bold, 15)
    left, top = edge, edge

    def at(x: float, y: float) -> tuple[float, float]:
        return left + x * side, top + (1 - y) * side

    for step in range(11):
        draw.line((at(step / 10, 0), at(step / 10, 1)), fill=_GRID)
        draw.line((at(0, step / 10), at(1, step / 10)), fill=_GRID)
        draw.text((left + step / 10 * side - 10, top + side + 8), f"{step / 10:.1f}", _INK, small)
        draw.text((left - 32, top + (1 - step / 10) * side - 8), f"{step / 10:.1f}", _INK, small)
    draw.line((at(0, 0), at(1, 1)), fill=(150, 150, 158), width=2)
    draw.text((left, 26), "How often a value was right, by its confidence (bars: 95 %)", _INK, large)
    draw.text((left + side / 2 - 40, top + side + 34), "confidence", _INK, small)
    for number, (name, bins) in enumerate(curves.items()):
        colour = ((30, 90, 200), (200, 90, 20), (30, 140, 70), (150, 50, 150))[number % 4]
        points = [at(each.mean_confidence, each.right.rate) for each in bins]
        if len(points) > 1:
            draw.line(points, fill=colour, width=2)
        for each, (x, y) in zip(bins, points, strict=True):
            low, high = each.right.interval()
            draw.line((at(each.mean_confidence, low), at(each.mean_confidence, high)), fill=colour)
            draw.ellipse((x - 4, y - 4, x + 4, y + 4), fill=colour)
        draw.rectangle((left + side + 20, top + 24 * number, left + side + 34, top + 24 * number + 14), fill=colour)
        draw.text((left + side + 42, top + 24 * number - 1), name, _INK, small)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.quantize(64).save(path, optimize=True)


def hard_five(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Five drawn papers of poor levels, each of another layout, of which most was wrong or unsure."""
    chosen: dict[str, Outcome] = {}
    drawn_ones = [each for each in outcomes if each.cer and each.truth.get("security_mark") is None]
    for outcome in sorted(drawn_ones, key=_hardness, reverse=True):
        chosen.setdefault(str(outcome.extra["layout"]), outcome)
    return list(chosen.values())[:5]


def draw_hard(outcomes: Sequence[Outcome], path: Path) -> None:
    """First pages with the boxes of what was read there: green right, red wrong, orange right but not accepted."""
    tiles = [_tile(outcome) for outcome in outcomes]
    columns = 3
    height = max(tile.height for tile in tiles)
    rows = -(-len(tiles) // columns)
    image = Image.new("RGB", (columns * HARD_WIDTH, rows * height), (120, 120, 124))
    for number, tile in enumerate(tiles):
        image.paste(tile, (number % columns * HARD_WIDTH, number // columns * height))
    path.parent.mkdir(parents=True, exist_ok=True)
    image.quantize(40, dither=Image.Dither.NONE).save(path, optimize=True)


def _tile(outcome: Outcome) -> Image.Image:
    page = drawn(outcome.task).pages[0]
    scale = HARD_WIDTH / page.image.width
    tile = page.image.convert("RGB").resize((HARD_WIDTH, round(page.image.height * scale)), Image.Resampling.LANCZOS)
    draw = ImageDraw.Draw(tile)
    label = font(SANS.bold, 11)
    for name, field in outcome.read.items():
        right = name in outcome.truth and is_right(outcome, name, field.value)
        colour = _WRONG if not right else _RIGHT if field.accepted else _DOUBT
        boxes = [evidence.box for evidence in field.evidence if evidence.page == 1]
        for number, box in enumerate(boxes):
            x0, y0, x1, y1 = (edge * scale for edge in box)
            draw.rectangle((x0 - 2, y0 - 2, x1 + 2, y1 + 2), outline=colour, width=2)
            if number == 0:
                draw.text((x0, max(0.0, y0 - 15)), name, colour, label)
    return tile


def _hardness(outcome: Outcome) -> float:
    wrong = sum(
        not is_right(outcome, name, field.value) for name, field in outcome.read.items() if name in outcome.truth
    )
    unsure = sum(1 - field.confidence for field in outcome.read.values())
    worn = {"clean": 0.0, "typical": 0.0, "poor": 3.0, "fax": 2.0}[outcome.task.level]
    by_hand = 1.0 if outcome.extra.get("handwritten") else 0.0
    return wrong + unsure + worn + by_hand + len(outcome.extra.get("stamps", ()))
