"""A page's header drawn for the tests of the digit reader, with the words an engine would have found there."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from sohoa.model import Block, Line, Page, Word, union
from tests.training.pen import written

FONT = Path("/usr/share/fonts/truetype/liberation2/LiberationSerif-Regular.ttf")
SIZE_PX = 37


def _blank() -> npt.NDArray[np.uint8]:
    return np.full((2339, 1654), 250, np.uint8)


@dataclass(slots=True)
class Sheet:
    """A page at 200 dpi: its pixels, and lines of words (text, left, top, right, bottom)."""

    pixels: npt.NDArray[np.uint8] = field(default_factory=_blank)
    lines: dict[str, list[Word]] = field(default_factory=dict)

    @classmethod
    def of(cls, number: str, day: str) -> Self:
        """A header with `number` and `day` written by hand; November 2017 is printed."""
        sheet = cls()
        rng = np.random.default_rng(11)
        sheet.write("UBND TỈNH LÂM SƠN", 300, 160)
        sheet.write("CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", 780, 160)
        sheet.write("Độc lập - Tự do - Hạnh phúc", 860, 210)
        sheet.write("Số:", 320, 300, line="number line")
        sheet.write("/SYT-NVY", 480, 300, line="number line")
        sheet.write("Lâm Sơn, ngày", 820, 300, line="date line")
        sheet.write("tháng 11 năm 2017", 1140, 300, line="date line")
        for text, x in ((number, 378), (day, 1062)):
            if text:
                ink = written(text, 30, rng)
                part = sheet.pixels[302 - ink.shape[0] + 6 : 302 + 6, x : x + ink.shape[1]]
                np.minimum(part, 250 - (ink * 0.85).astype(np.uint8), out=part)
        return sheet

    def write(self, text: str, x: int, baseline: int, *, line: str | None = None) -> None:
        font = ImageFont.truetype(str(FONT), SIZE_PX)
        image = Image.fromarray(self.pixels)
        draw = ImageDraw.Draw(image)
        words = self.lines.setdefault(line or text, [])
        for word in text.split():
            draw.text((x, baseline), word, fill=25, font=font, anchor="ls")
            left, top, right, bottom = (
                round(edge) for edge in draw.textbbox((x, baseline), word, font=font, anchor="ls")
            )
            words.append(Word(word, (left, top, right, bottom), 0.9))
            x += round(font.getlength(word + " "))
        self.pixels = np.asarray(image).copy()

    def without(self, unread: str) -> Self:
        """The same page, of which the engine missed a line, or every word that is `unread`."""
        lines = {
            name: [word for word in words if word.text != unread]
            for name, words in self.lines.items()
            if name != unread
        }
        return type(self)(self.pixels, lines)

    def with_words(self, instead: dict[str, str]) -> Self:
        """The same page, on which the engine read other words; a word read as nothing went to the word before it."""
        lines: dict[str, list[Word]] = {}
        for name, words in self.lines.items():
            kept = lines.setdefault(name, [])
            for word in words:
                text = instead.get(word.text, word.text)
                if not text and kept:
                    kept[-1] = Word(kept[-1].text, union([kept[-1].box, word.box]), 0.2)
                else:
                    kept.append(Word(text, word.box, word.confidence))
        return type(self)(self.pixels, lines)

    def page(self) -> Page:
        lines = [Line(tuple(words), union([word.box for word in words])) for words in self.lines.values() if words]
        height, width = self.pixels.shape[:2]
        blocks = tuple(Block((line,), line.box) for line in lines)
        return Page(1, width, height, 200.0, "recognised", blocks, lane="tesserocr")
