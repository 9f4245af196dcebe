"""The fonts the press draws with: Debian's, found by path, all with every Vietnamese letter."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PIL import ImageFont

from sohoa.errors import SetupError

_ROOTS = (Path("/usr/share/fonts"), Path("/usr/share/texmf/fonts"))
_PACKAGES = "fonts-liberation2 fonts-texgyre fonts-freefont-ttf"


@dataclass(frozen=True, slots=True)
class Family:
    """The file names of one type family."""

    regular: str
    bold: str
    italic: str
    bold_italic: str


LIBERATION = Family(*(f"LiberationSerif-{style}.ttf" for style in ("Regular", "Bold", "Italic", "BoldItalic")))
TERMES = Family(*(f"texgyretermes-{style}.otf" for style in ("regular", "bold", "italic", "bolditalic")))
FREE = Family("FreeSerif.ttf", "FreeSerifBold.ttf", "FreeSerifItalic.ttf", "FreeSerifBoldItalic.ttf")
SANS = Family(*(f"LiberationSans-{style}.ttf" for style in ("Regular", "Bold", "Italic", "BoldItalic")))
TYPEWRITER = Family(*(f"texgyrecursor-{style}.otf" for style in ("bold", "bold", "bolditalic", "bolditalic")))
"""A ribbon prints fat and has no second weight."""
PEN = "texgyrechorus-mediumitalic.otf"
"""The nearest thing to handwriting in Debian's fonts: numbers and days filled in by pen."""

OFFICE_FAMILIES = (LIBERATION, LIBERATION, TERMES, FREE)
"""What offices set papers in, weighted: Nghị định 30 asks for Times New Roman, and Liberation Serif has its widths."""


@lru_cache(maxsize=256)
def font(file_name: str, size_px: float) -> ImageFont.FreeTypeFont:
    """The font at `size_px` pixels an em. Raises SetupError where the file is not installed."""
    return ImageFont.truetype(_find(file_name), size_px, layout_engine=ImageFont.Layout.BASIC)


@lru_cache(maxsize=64)
def _find(file_name: str) -> Path:
    for root in _ROOTS:
        for path in sorted(root.rglob(file_name)):
            return path
    raise SetupError(
        f"the font {file_name} is not under {_ROOTS[0]} or {_ROOTS[1]}: install it with apt-get install {_PACKAGES}"
    )
