"""An operator who has lost the catalogue and the index gets all back by two commands."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from storage.archive.layout import object_id_of, object_root
from tests.support import pdf_files
from tests.support.catalogue_rows import rows_of
from tests.support.office import Office, letter, slip

pytestmark = pytest.mark.slow


def test_papers_and_tokens_come_back_by_restore_and_rebuild(office: Office, tmp_path: Path) -> None:
    made = office.run("token", "create", "kiosk", "--scope", "read", "--actor", "system:kiosk", "--json")
    secret = json.loads(made.out)["secret"]
    [scan] = office.archive(slip(tmp_path / "scan.tif", "Biên bản hòa giải", "Trang hai", form="TIFF"))
    backup = json.loads(office.run("backup", "--to", tmp_path, "--json").out)
    office.archive(letter(tmp_path / "letter.pdf", ["Hợp đồng thuê nhà"]), dossier="D-1")
    office.archive(pdf_files.encrypted(tmp_path / "locked.pdf", user="x"), code=3)
    with office.stores() as stores:
        before = rows_of(stores.database)
    found = office.search("hòa giải")
    for name in ("catalog.sqlite", "catalog.sqlite-wal", "catalog.sqlite-shm"):
        (office.home / name).unlink(missing_ok=True)
    shutil.rmtree(office.home / "index")

    assert office.run("rebuild").code == 2
    assert office.run("restore", "--from", backup["path"]).code == 0
    run = office.run("rebuild", "--from-storage", "--json")
    assert run.code == 0, run.err
    rebuilt = json.loads(run.out)
    assert rebuilt["documents"] == {"archived": 2, "held": 1}
    assert (rebuilt["pages"], rebuilt["findings"], rebuilt["carried"]["tokens"]) == (3, [], 1)
    with office.stores() as stores:
        assert rows_of(stores.database) == before
    assert [hit["document_id"] for hit in office.search("hòa giải")] == [scan["document_id"]]
    assert [hit["snippets"] for hit in office.search("hòa giải")] == [hit["snippets"] for hit in found]
    assert office.run("archive", tmp_path / "letter.pdf", SOHOA_TOKEN=secret).err.endswith(
        "lacks the scope ingest [not_allowed]\n"
    )
    assert len(office.assert_in_order()) == 3


def test_rebuild_refuses_beside_a_running_service_and_names_what_is_damaged(office: Office, tmp_path: Path) -> None:
    kept, hurt = office.archive(
        letter(tmp_path / "1.pdf", ["Giấy phép xây dựng"]), letter(tmp_path / "2.pdf", ["Giấy khai sinh"])
    )
    service = office.start("work", "--jobs", "1")
    assert service.stderr is not None
    assert any("working" in line for line in service.stderr)
    refused = office.run("rebuild", "--from-storage")
    assert (refused.code, refused.err.endswith("[in_use]\n")) == (2, True)
    service.terminate()
    service.communicate()
    root = office.archive_root / object_root(object_id_of(hurt["document_id"], None))
    (root / "v1/inventory.json.sha256").unlink()
    (root / "v1/inventory.json.sha256").write_text("0" * 64 + " inventory.json\n")
    run = office.run("rebuild", "--from-storage")
    assert run.code == 4, run.err
    assert f"object_damaged: urn:sohoa:document:{hurt['document_id']}: " in run.out
    assert [hit["document_id"] for hit in office.search("giấy")] == [kept["document_id"]]
