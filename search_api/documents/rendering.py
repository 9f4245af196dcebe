"""Pictures of pages, drawn from the archived PDF/A one at a time in a process of its own, within bounds.

A page kept as it came may hold endless vectors or a picture of gigabytes. PDFium knows no limits and no second thread.
"""

from __future__ import annotations

import asyncio
import io
import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pypdfium2
import structlog

from ingest.confined import Confined, OutOfBoundsError
from sohoa.errors import NotFound, Overloaded, StageFailed

log = structlog.get_logger(__name__)

MOST_PIXELS: Final = 16_000_000
"""What a picture holds at most, whatever the shape of its page."""
MOST_SIDE_PX: Final = 16_000
"""What a picture is long at most; the format ends at 65,500."""
MOST_ASKED: Final = 16
"""How many pictures may be asked for at once: what one reader leafs through, several times."""
MEMORY_BYTES: Final = 1024 * 1024 * 1024
TIMEOUT_S: Final = 10.0
JPEG_QUALITY: Final = 85


class Renderer:
    """Draws pages for the whole application; those who wait take no thread from others. Belongs to one event loop."""

    def __init__(self, *, memory_bytes: int = MEMORY_BYTES, timeout_s: float = TIMEOUT_S) -> None:
        self._draw = Confined(_jpeg, memory_bytes=memory_bytes, timeout_s=timeout_s)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="render")
        self._asked = 0

    async def jpeg(self, pdf: Path, number: int, *, width_px: int) -> bytes:
        """Page `number` as a JPEG, so wide unless that makes it larger than is sent.

        Raises NotFound; StageFailed (not_drawable) for a page that takes too much, (page_unreadable) for a file that is
        not the PDF/A that it was; Overloaded where many wait already.
        """
        if self._asked >= MOST_ASKED:
            raise Overloaded("too many pictures are asked for at once: try again in a moment")
        self._asked += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._draw, pdf, number, width_px)
        except OutOfBoundsError as error:
            log.warning("picture.out_of_bounds", reason=str(error))
            raise StageFailed(
                f"page {number} takes too much time or memory to draw: look at it in the PDF", code="not_drawable"
            ) from error
        finally:
            self._asked -= 1

    def close(self) -> None:
        """Finish what is being drawn and let what waits go."""
        self._thread.shutdown(cancel_futures=True)
        self._draw.close()


def _jpeg(path: Path, number: int, width_px: int) -> bytes:
    try:
        pdf = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        raise StageFailed("the archived PDF/A cannot be opened: check the archive", code="page_unreadable") from error
    try:
        if number > len(pdf):
            raise NotFound(f"the PDF/A has {len(pdf)} pages, there is no page {number}")
        page = pdf[number - 1]
        width, height = page.get_size()
        scale = min(width_px / width, MOST_SIDE_PX / height, math.sqrt(MOST_PIXELS / (width * height)))
        drawn = page.render(scale=scale).to_pil().convert("RGB")
    finally:
        pdf.close()
    target = io.BytesIO()
    drawn.save(target, "JPEG", quality=JPEG_QUALITY)
    return target.getvalue()
