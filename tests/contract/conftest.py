"""What tests against each S3 server share."""

from __future__ import annotations

import pytest

from storage.objects import s3_probe
from tests.support.object_stores import S3_SERVERS
from tests.support.servers import S3Server, wanted


@pytest.fixture(params=S3_SERVERS)
def server(request: pytest.FixtureRequest) -> S3Server:
    return wanted(request.param)


@pytest.fixture
def few_racers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_probe, "RACERS", 3)  # SeaweedFS lets a loser of a race wait for seconds
