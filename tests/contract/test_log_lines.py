"""Log lines can be followed, by request through the API and by document through the workers; none tells what papers say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from ocr_workers.reading.sight import NO_SIGHT, Sight
from sohoa import logs
from tests.support import files
from tests.support.archived import opened_api
from tests.support.worked import HOPELESS, LOCKED, MIXED, worked_office


@contextmanager
def lines() -> Iterator[list[dict[str, Any]]]:
    """What is logged in the block, each line with what is bound to it."""
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as found:
        yield found  # type: ignore[misc]


def test_every_line_of_a_request_has_the_id_that_its_answer_has(tmp_path: Path) -> None:
    with opened_api(tmp_path / "home") as api:
        headers = api.token("ingest", "read")
        picture = files.image_bytes("PNG")
        with lines() as found:
            answers = [
                api.client.post(
                    "/v1/documents?filename=Nguyễn Văn A 012345678901.png",
                    content=picture,
                    headers={**headers, "X-Request-ID": "case-7"},
                )
            ]
            document_id = answers[0].json()["document_id"]
            answers.append(api.client.get(f"/v1/documents/{document_id}/original", headers=headers))
            answers.append(api.client.get("/v1/search?q=Nguyễn+Văn+A", headers=headers))
            answers.append(api.client.get("/v1/documents/012345678901", headers=headers))
    assert answers[0].headers["X-Request-ID"] == "case-7"
    asked = [answer.headers["X-Request-ID"] for answer in answers]
    assert len(set(asked)) == 4
    events = {request_id: [line["event"] for line in found if line["request_id"] == request_id] for request_id in asked}
    assert events["case-7"] == ["document.accepted", "request.done"]
    assert "document.read" in events[asked[1]]
    assert all(told[-1] == "request.done" for told in events.values())
    assert sum(map(len, events.values())) == len(found), "a line has no request's id"
    said = json.dumps(found, default=str, ensure_ascii=False)
    assert "Nguyễn" not in said
    assert "012345678901" not in said


def test_every_line_of_a_worker_with_a_job_in_hand_has_its_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look(*_: object) -> Sight:
        structlog.get_logger().info("paper.looked_at")  # from code that knows no document
        return NO_SIGHT

    with worked_office(tmp_path / "home", monkeypatch) as office, lines() as found:
        monkeypatch.setattr(Sight, "of_document", look)
        ids = [office.bring(paper).document_id for paper in (MIXED, HOPELESS, LOCKED)]
    by_document = [line.get("document_id") for line in found]
    assert list(dict.fromkeys(by_document)) == ids
    assert {"job.error", "document.committed", "paper.looked_at"} <= {line["event"] for line in found}
    assert all(line["job_id"] > 0 for line in found)
    assert structlog.contextvars.get_contextvars() == {}, "the next line is of no document"


def test_a_line_is_one_json_object(capsys: pytest.CaptureFixture[str]) -> None:
    before = structlog.get_config()
    try:
        logs.set_up("info")
        structlog.get_logger().info("document.archived", document_id="01J", note="hai\ndòng")
        structlog.get_logger().debug("not.told")
    finally:
        structlog.configure(**before)
    (line,) = capsys.readouterr().err.splitlines()
    told = json.loads(line)
    assert (told["event"], told["level"], told["document_id"]) == ("document.archived", "info", "01J")
    assert told["timestamp"].endswith("Z")
