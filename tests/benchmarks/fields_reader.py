"""The reader that the accuracy of fields is measured on: the one place to wire it."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from sohoa.model import Field, Page

Pixels = npt.NDArray[np.uint8]
LoadImage = Callable[[int], Pixels]
"""The pixels of a page, by its number, in the page frame (turned as the page was found to lie)."""
Reader = Callable[[Sequence[Page], LoadImage], Mapping[str, Field]]

_MODULE = "ocr_workers.reading.fields"


def is_there() -> bool:
    """Whether Sohoa reads fields in this checkout."""
    return importlib.util.find_spec(_MODULE) is not None


def read(pages: Sequence[Page], load_image: LoadImage) -> Mapping[str, Field]:
    """The fields as Sohoa reads them, or none where it does not yet."""
    if not is_there():
        return {}
    fields: Any = importlib.import_module(_MODULE)
    sight: Any = importlib.import_module("ocr_workers.reading.sight")
    result: Mapping[str, Field] = fields.read_fields(
        pages, sight.Sight(load_image, {}), today=datetime.now(UTC).date()
    ).fields
    return result


read_once: Reader | None = None
"""The same without the second look, where the reader can be asked for it."""
