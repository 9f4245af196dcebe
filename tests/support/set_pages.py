"""Pages set by hand: words with boxes as an engine would give them, for tests that need no picture."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ocr_workers.boxes import block_of, line_of
from sohoa.model import Page, Word
from sohoa.states import PageStatus

WIDTH, HEIGHT = 2480, 3508
LETTER, SPACE, TALL, PITCH = 21, 14, 40, 68
LEFT, RIGHT, MIDDLE = 640, 1730, 1300
"""Where the two columns of a head and the middle of the text lie."""
Piece = tuple[float, int, str]
"""Row, x of the middle, text; a word that ends in ~N was read with confidence 0.N."""


def set_page(*pieces: Piece, number: int = 1, skew_deg: float = 0.0, merged: bool = False) -> Page:
    """A page of `pieces`. `merged`: pieces of one row are one line, as the engine reads a head of two columns across."""
    rows: dict[float, list[list[Word]]] = {}
    for row, middle, text in pieces:
        rows.setdefault(row, []).append(_words(row, middle, text, skew_deg))
    lines = []
    for runs in rows.values():
        lines += [line_of([word for run in runs for word in run])] if merged else [line_of(run) for run in runs]
    status = PageStatus.RECOGNISED if lines else PageStatus.BLANK
    blocks = tuple(block_of([line]) for line in lines)
    return Page(number, WIDTH, HEIGHT, 300.0, status.value, blocks, lane="tesserocr")


def paragraph(row: float, *lines: str) -> list[Piece]:
    """Lines of running text from the left margin, the first one indented."""
    return [(row + at, round(340 + (120 if at == 0 else 0) + _width(line) / 2), line) for at, line in enumerate(lines)]


def at_left(row: float, text: str, x: int = 340) -> Piece:
    return (row, round(x + _width(text) / 2), text)


def state_head(
    *,
    agency: Sequence[str] = ("UBND TỈNH SÔNG HỒNG", "SỞ Y TẾ"),
    code: str = "Số: 138/QĐ-SYT",
    day: str = "Sông Hồng, ngày 03 tháng 4 năm 2024",
) -> list[Piece]:
    """The head of a paper after Nghị định 30/2020."""
    return [
        *((at, LEFT, line) for at, line in enumerate(agency)),
        (0, RIGHT, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM"),
        (1, RIGHT, "Độc lập - Tự do - Hạnh phúc"),
        (max(len(agency), 2) + 0.6, LEFT, code),
        (max(len(agency), 2) + 0.6, RIGHT, day),
    ]


def body(row: float) -> list[Piece]:
    """What follows in a decision: grounds that quote another paper, and an article."""
    return [
        *paragraph(
            row,
            "Căn cứ Quyết định số 55/QĐ-UBND ngày 12 tháng 01 năm 2023 của Ủy ban nhân",
            "dân tỉnh Sông Hồng quy định chức năng, nhiệm vụ, quyền hạn của Sở Y tế;",
        ),
        (row + 3, MIDDLE, "QUYẾT ĐỊNH:"),
        *paragraph(
            row + 4,
            "Điều 1. Thành lập Tổ công tác gồm các ông, bà có tên trong danh sách kèm",
            "theo; tổ tự giải thể khi hoàn thành nhiệm vụ được giao theo quy định này.",
            "Các phòng chuyên môn chịu trách nhiệm thi hành kể từ ngày ký văn bản.",
        ),
    ]


def _words(row: float, middle: int, text: str, skew_deg: float) -> list[Word]:
    x = middle - _width(text) / 2
    words = []
    for shown in text.split():
        plain, _, sure = shown.partition("~")
        wide = len(plain) * LETTER
        drop = math.tan(math.radians(skew_deg)) * (x + wide / 2 - WIDTH / 2)
        top = round(240 + row * PITCH + drop)
        words.append(Word(plain, (round(x), top, round(x + wide), top + TALL), float(f"0.{sure}") if sure else 0.95))
        x += wide + SPACE
    return words


def _width(text: str) -> int:
    words = [shown.partition("~")[0] for shown in text.split()]
    return sum(len(word) * LETTER for word in words) + SPACE * (len(words) - 1)
