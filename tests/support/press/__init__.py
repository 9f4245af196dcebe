"""The press: draws official Vietnamese papers as scans, seeded, with the truth beside each.

`draw` sets ten kinds after Nghị định 30/2020, Phụ lục I; `draw_varied` draws from LAYOUTS what offices make of it. People
and papers are invented; so are places and agencies, but that varied papers name provinces and ministries as they are.
"""

from tests.support.press.batch import batch
from tests.support.press.drawing import KINDS, LEVELS, draw, with_blank_back
from tests.support.press.files import truth_of, write
from tests.support.press.layouts import LAYOUTS
from tests.support.press.one_office import draw_office_papers
from tests.support.press.paper import DrawnPage, Paper, TruthWord, Zone
from tests.support.press.score import character_error_rate, placed_error_rate, placed_text, word_error_rate
from tests.support.press.spoiled import SPOILED
from tests.support.press.varied import MARKS, draw_varied

__all__ = [
    "KINDS",
    "LAYOUTS",
    "LEVELS",
    "MARKS",
    "SPOILED",
    "DrawnPage",
    "Paper",
    "TruthWord",
    "Zone",
    "batch",
    "character_error_rate",
    "draw",
    "draw_office_papers",
    "draw_varied",
    "placed_error_rate",
    "placed_text",
    "truth_of",
    "with_blank_back",
    "word_error_rate",
    "write",
]
