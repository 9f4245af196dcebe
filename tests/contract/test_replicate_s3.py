"""A copy on a real S3 server, and the archive back from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage.objects import open_objects
from tests.support.object_stores import S3_SERVERS, fresh
from tests.support.replicated import DOSSIER, add_paper, amend_paper, archive_in, contents, copy_to

pytestmark = pytest.mark.servers


@pytest.mark.parametrize("name", S3_SERVERS)
def test_archive_goes_to_an_s3_server_and_comes_back_from_it(tmp_path: Path, name: str) -> None:
    archive, copy = archive_in(tmp_path / "archive"), fresh(name, tmp_path / "copies")
    add_paper(archive, "A")
    add_paper(archive, "B", DOSSIER)
    copy_to(archive.objects, copy)
    amend_paper(archive, "B", DOSSIER, b'{"corrected": true}')
    assert copy_to(archive.objects, copy).entries == 1
    assert contents(copy) == contents(archive.objects)
    anew = open_objects(tmp_path / "anew")
    assert copy_to(copy, anew, thorough=True, back=True).findings == ()
    assert contents(anew) == contents(archive.objects)
    hurt = next(key for key in contents(copy) if key.endswith("original.jpg"))
    good = copy.read(hurt)
    copy.replace(hurt, b"damaged", if_match=copy.stat(hurt).etag)
    mended = copy_to(archive.objects, copy, thorough=True)
    assert (mended.mended, mended.findings, copy.read(hurt)) == (1, (), good)
