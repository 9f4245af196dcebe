"""`python -m tests.support.press OUT --count N --seed S [--level L] [--varied]`: write a batch of drawn papers."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from sohoa.errors import SohoaError
from tests.support.press import LEVELS, batch, draw_varied, write


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.support.press", description="Draw a batch of official papers as scans."
    )
    parser.add_argument("out", type=Path, help="the folder to write to")
    parser.add_argument("--count", type=int, default=12, help="how many papers")
    parser.add_argument("--seed", type=int, default=1, help="the same seed draws the same papers")
    parser.add_argument("--level", choices=LEVELS, default="typical", help="how worn they are")
    parser.add_argument("--varied", action="store_true", help="of all layouts that offices use, as PDFs")
    asked = parser.parse_args()
    try:
        if asked.varied:
            seeds = range(asked.seed * 1000, asked.seed * 1000 + asked.count)
            files = [
                file for seed in seeds for file in write(draw_varied(seed, level=asked.level), asked.out, fmt="pdf")
            ]
        else:
            files = batch(asked.out, count=asked.count, seed=asked.seed, level=asked.level)
    except SohoaError as error:
        print(error.detail, file=sys.stderr)
        return 1
    print(f"{len(files)} files in {asked.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
