"""A convolutional model that gives each column of a line the probability of each class; OpenCV runs it."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from ocr_workers.reading.levels import percentile

CROP_HEIGHT = 48
COLUMN_PX = 2
_STEP_PX = 32  # widths are rounded up to it, so that OpenCV lays the model out for few of them


class LineModel:
    """The model in an ONNX file, loaded at the first line. One thread; not to be shared between threads."""

    def __init__(self, file: Path) -> None:
        self._file = file

    @cached_property
    def _net(self) -> Any:
        return cv2.dnn.readNetFromONNX(str(self._file))

    def columns(self, line: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Class probabilities of each column (columns x classes, class 0 is CTC's blank) of a `prepared` line."""
        width = line.shape[1]
        image = np.zeros((1, 1, CROP_HEIGHT, (width + _STEP_PX - 1) // _STEP_PX * _STEP_PX), np.float32)
        image[0, 0, :, :width] = line
        self._net.setInput(image)
        out = self._net.forward()[0, :, 0].T[: (width + COLUMN_PX - 1) // COLUMN_PX]
        out = np.exp(out - out.max(axis=1, keepdims=True))
        return np.asarray(out / out.sum(axis=1, keepdims=True), np.float32)


def prepared(crop: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Ink of a grey crop CROP_HEIGHT high as a model sees it: paper 0, the darkest ink about 1."""
    paper, ink = percentile(crop, 90), percentile(crop, 1)
    return np.asarray(np.clip((paper - crop.astype(np.float32)) / max(50.0, paper - ink), 0.0, 1.2), np.float32)
