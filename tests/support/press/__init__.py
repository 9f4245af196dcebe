"""The press: draws official Vietnamese papers as scans, seeded, with the truth beside each.

Layout after Nghị định 30/2020, Phụ lục I. All people, places and agencies are invented.
"""

from tests.support.press.batch import batch
from tests.support.press.drawing import KINDS, LEVELS, draw, with_blank_back
from tests.support.press.files import truth_of, write
from tests.support.press.paper import DrawnPage, Paper, TruthWord
from tests.support.press.score import character_error_rate, placed_error_rate

__all__ = [
    "KINDS",
    "LEVELS",
    "DrawnPage",
    "Paper",
    "TruthWord",
    "batch",
    "character_error_rate",
    "draw",
    "placed_error_rate",
    "truth_of",
    "with_blank_back",
    "write",
]
