"""The chaos run takes no answer for one that it is not: an API that breaks is a failure of the run, whatever is away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from tests.e2e import chaos
from tests.support.stack import Stack


class OneAnswer:
    """A stack whose API has one answer to everything."""

    address = "http://stack"

    def __init__(self, status: int, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.headers: dict[str, str] = {}
        self.root, self.office = root, self
        self._answer = httpx.Response(status, json={"document_id": "A", "hits": [], "next_cursor": None})
        monkeypatch.setattr(httpx, "post", lambda *_, **__: self._answer)

    def fetch(self, _path: str, **_query: str) -> httpx.Response:
        return self._answer


@pytest.mark.parametrize(("status", "wrong"), [(202, 0), (503, 0), (429, 0), (500, 1), (502, 1), (400, 1)])
def test_answer_that_no_server_away_explains_is_kept_to_be_shown(
    status: int, wrong: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "1.pdf").write_bytes(b"%PDF")
    sender = chaos.Sender(cast(Stack, OneAnswer(status, tmp_path, monkeypatch)), tmp_path)
    assert (sender._send(1, tmp_path / "1.pdf") is not None) == (status == 202)
    assert len(sender.wrong) == wrong


def test_run_ends_with_the_blow_that_such_an_answer_came_after(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def hurt(*_: Any) -> Iterator[None]:
        yield

    monkeypatch.setattr(chaos, "hurt", hurt)
    monkeypatch.setattr(chaos, "LASTS_S", {"killed": 0.0})
    (tmp_path / "api.log").write_text('{"event": "request.failed", "at": ["x.py:1 f"]}\n')
    running = cast(Stack, OneAnswer(200, tmp_path, monkeypatch))
    sender = chaos.Sender(running, tmp_path)
    assert chaos.strike(running, cast(Any, None), sender, ("S3",), "killed").victims == ("S3",)
    sender.wrong.append("500 internal")
    with pytest.raises(AssertionError, match=r"500 internal.*x\.py:1 f"):
        chaos.strike(running, cast(Any, None), sender, ("S3",), "killed")


def test_search_that_breaks_is_no_paper_that_is_not_found_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not chaos._all_found(cast(Stack, OneAnswer(503, tmp_path, monkeypatch)), [])
    with pytest.raises(AssertionError):
        chaos._all_found(cast(Stack, OneAnswer(500, tmp_path, monkeypatch)), [])
