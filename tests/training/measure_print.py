"""Measures the model for spoiled lines against the engine that Sohoa reads pages with, on the same drawn lines.

    python -m tests.training.measure_print [--model FILE] [--fonts DIR] [--lines 400]

The lines are of a seed that no training uses, in fonts of this machine and, with --fonts, in those that training left out.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ocr_workers.engine import Engine, Layout
from ocr_workers.reading.line_frame import LineFrame
from ocr_workers.reading.line_model import CROP_HEIGHT
from ocr_workers.reading.print_lines import BASE, EMS, MODEL, PrintReader
from ocr_workers.reading.text import distance
from sohoa.settings import Settings
from tests.training.print_lines import draw_line, print_fonts

SEED = 20260801
_LARGER = 1.6  # the engine reads print of some 40 pixels best
_EDGE = 10
_DPI = 200.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("--fonts", type=Path)
    parser.add_argument("--lines", type=int, default=400)
    args: Any = parser.parse_args()
    reader, engine = PrintReader(args.model), Engine(Settings())
    rng, fonts = np.random.default_rng(SEED), print_fonts(args.fonts, held_out=True)
    said: dict[str, list[tuple[str, str]]] = {"model": [], "engine": []}
    for _ in range(args.lines):
        line = draw_line(rng, fonts)
        frame = LineFrame(0, line.pixels.shape[1], BASE * CROP_HEIGHT, 0.0, CROP_HEIGHT / EMS)
        said["model"].append((line.text, " ".join(word.text for word in reader.read(line.pixels, frame))))
        large = cv2.resize(line.pixels, None, fx=_LARGER, fy=_LARGER, interpolation=cv2.INTER_CUBIC)
        framed = cv2.copyMakeBorder(large, _EDGE, _EDGE, _EDGE, _EDGE, cv2.BORDER_REPLICATE)
        blocks = engine.read(np.asarray(framed, np.uint8), dpi=_DPI, layout=Layout.LINE).blocks
        said["engine"].append((line.text, " ".join(block.text for block in blocks).replace("\n", " ")))
    for name, pairs in said.items():
        exact = sum(text == read for text, read in pairs)
        wrong = sum(distance(text, read) for text, read in pairs) / sum(len(text) for text, _ in pairs)
        print(f"{name:8} {exact} of {len(pairs)} lines exact, {100 * wrong:.1f} % of characters wrong")


if __name__ == "__main__":
    main()
