"""The main job with the archive on an S3 server: papers go in, are found, come out; and what that asks of the server."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from sohoa.settings import Settings
from storage.objects import open_s3
from tests.support import press, servers
from tests.support.crash import assert_whole
from tests.support.faulty_proxy import FaultyProxy, between
from tests.support.object_stores import S3_SERVERS, url_of
from tests.support.office import Office, letter

pytestmark = [pytest.mark.slow, pytest.mark.servers]

WORDS = ("Giấy mời dự lễ khánh thành trường mẫu giáo",)
MOST_REQUESTS = 170
"""For a document of one page with everything, housekeeping's included; docs/operations/s3.md lists what they are."""


@pytest.fixture(params=S3_SERVERS)
def server(request: pytest.FixtureRequest) -> servers.S3Server:
    return servers.wanted(request.param)


@pytest.fixture
def proxy(server: servers.S3Server) -> Iterator[FaultyProxy]:
    with between(server.endpoint) as proxy:
        yield proxy


@pytest.fixture
def on_s3(office: Office, server: servers.S3Server, proxy: FaultyProxy) -> Office:
    return office.with_settings(
        SOHOA_ARCHIVE_URL=url_of(server, endpoint=proxy.endpoint),
        SOHOA_S3_ACCESS_KEY=server.access_key,
        SOHOA_S3_SECRET_KEY=server.secret_key,
        SOHOA_FIXITY_RATE_MB_S="0",  # what the rolling check reads is not what a document costs
    )


def test_papers_are_archived_found_and_taken_out_again(on_s3: Office, proxy: FaultyProxy, tmp_path: Path) -> None:
    drawn = [
        press.write(press.draw(kind, seed=seed, level="clean", dpi=200, pages=1), tmp_path / "in", fmt="jpg")[0]
        for kind, seed in (("quyet_dinh", 11), ("thong_bao", 12))
    ]
    results = on_s3.archive(*drawn, dossier="000.00.05.H02-230105-0001")
    assert [result["status"] for result in results] == ["archived", "archived"]

    proxy.seen.clear()
    (invitation,) = on_s3.archive(letter(tmp_path / "letter.pdf", WORDS))
    assert invitation["status"] == "archived"
    assert len(proxy.seen) <= MOST_REQUESTS, Counter(method for method, _ in proxy.seen)

    (hit,) = on_s3.search("khánh thành trường mẫu giáo")
    assert hit["document_id"] == invitation["document_id"]
    assert "khánh thành" in on_s3.run("text", hit["document_id"]).out
    for result in results:
        assert result["pdf"]["path"].startswith("s3://")
        taken_out = tmp_path / f"{result['document_id']}.jpg"
        assert on_s3.run("export", result["document_id"], "--what", "original", "--to", taken_out).code == 0
        assert taken_out.read_bytes() == Path(result["source"]).read_bytes()
    assert sorted(_fetched(on_s3, tmp_path).values()) == [1, 2]


def _fetched(office: Office, folder: Path) -> Counter[str]:
    """Fetch the whole store and let others judge it."""
    environment = office.environment()
    settings = Settings(
        home=folder / "reader",
        s3_access_key=environment["SOHOA_S3_ACCESS_KEY"],
        s3_secret_key=environment["SOHOA_S3_SECRET_KEY"],
    )
    objects = open_s3(settings, url=environment["SOHOA_ARCHIVE_URL"])
    for key in objects.list(""):
        path = folder / "mirror" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        with objects.open(key) as source, path.open("wb") as target:
            shutil.copyfileobj(source, target)
    (folder / "mirror/.tmp").mkdir()
    return assert_whole(folder / "mirror")
