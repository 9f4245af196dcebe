"""Pictures of pages, drawn from the archived PDF/A one at a time: PDFium may not be used by two threads at once."""

from __future__ import annotations

import asyncio
import io
import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pypdfium2

from sohoa.errors import NotFound

MOST_PIXELS: Final = 16_000_000
"""What a picture holds at most, whatever the shape of its page."""
MOST_SIDE_PX: Final = 16_000
"""What a picture is long at most; the format ends at 65,500."""
JPEG_QUALITY: Final = 85


class Renderer:
    """One thread that draws pages for the whole application, so waiting requests take no thread from others."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="render")

    async def jpeg(self, pdf: Path, number: int, *, width_px: int) -> bytes:
        """Page `number` as a JPEG, so wide unless that makes it larger than is sent. Raises NotFound."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, _jpeg, pdf, number, width_px)

    def close(self) -> None:
        """Finish what is being drawn and let what waits go."""
        self._thread.shutdown(cancel_futures=True)


def _jpeg(path: Path, number: int, width_px: int) -> bytes:
    pdf = pypdfium2.PdfDocument(path)
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
