"""A stage that is told that its time is over gives its job back and is tried again; at last the document says what happened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ocr_workers import pipeline
from ocr_workers.outcomes import OutOfTime
from sohoa.states import DocumentStatus
from tests.support.worked import WHOLE, worked_office


def _runs_out(monkeypatch: pytest.MonkeyPatch, *, times: int) -> list[int]:
    """Composing takes too long so many times; the list grows by one at each try."""
    composing, tries = vars(pipeline)["compose"], list[int]()

    def compose(*given: Any, **more: Any) -> Any:
        tries.append(len(tries) + 1)
        if len(tries) <= times:
            raise OutOfTime
        return composing(*given, **more)

    monkeypatch.setattr(pipeline, "compose", compose)
    return tries


def test_stage_that_ran_out_of_time_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with worked_office(tmp_path, monkeypatch) as office:
        tries = _runs_out(monkeypatch, times=1)
        assert office.bring(WHOLE).status is DocumentStatus.ARCHIVED
        assert tries == [1, 2]


def test_stage_that_runs_out_of_time_again_and_again_fails_its_document_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with worked_office(tmp_path, monkeypatch) as office:
        tries = _runs_out(monkeypatch, times=100)
        document = office.bring(WHOLE)
        assert (document.status, document.code, document.stage) == (DocumentStatus.FAILED, "timeout", "compose")
        assert len(tries) == office.stores.settings.max_attempts
