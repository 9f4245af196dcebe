"""The rolling fixity check reads everything, and can never take damage for success.

tests/unit/test_fixity_mutants.py breaks the checker in many ways and sees that these tests, and those of rounds, fail each time.
"""

from __future__ import annotations

import errno
import json
import shutil
import threading
from collections.abc import Callable

import pytest

from sohoa.errors import StoreUnavailable
from sohoa.model import Actor
from storage.archive.inventory import sidecar
from storage.archive.layout import ledger_key, object_id_of, object_root, receipt_key, sha256_of, to_json
from storage.catalog.documents import Document
from tests.support.archived import Api
from tests.support.fixity_checked import (
    OBJECT,
    api,
    cover,
    duty,
    files,
    filled,
    interrupted,
    papers,
    root_of,
    run,
    stretches,
)
from tests.support.verified import codes, flip, overwrite, snapshot, verified

__all__ = ["api", "filled", "papers"]  # fixtures

pytestmark = pytest.mark.usefixtures("no_power_cuts")


# reading


def test_a_round_over_a_sound_archive_reads_every_byte_and_says_so(api: Api) -> None:
    found = run(api)
    [stretch] = stretches(api)
    root = root_of(api)
    sizes = {
        key: (root / key).stat().st_size
        for folder in ("ledger", "receipts", "ocfl")
        for key in (path.relative_to(root).as_posix() for path in (root / folder).rglob("*") if path.is_file())
    }
    of_root = [key for key in sizes if key.startswith("ocfl/") and key.count("/") < 5]
    assert stretch["size_bytes"] == sum(sizes.values()) - sum(sizes[key] for key in of_root)
    assert (stretch["objects"], stretch["units"], stretch["ends_round"]) == (4, 4 + 7 + 7 + 1, True)
    assert (found.failures, found.failures_count, found.round, found.round_is_over) == ((), 0, 1, True)
    assert found.read_since == found.round_started_at
    assert codes(verified(api.stores)) == []


def test_every_open_of_a_file_in_a_round_is_read_to_its_end(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    really = type(api.stores.archive.objects).open
    opened: dict[str, int] = {}

    def noting(self: object, key: str, **part: object) -> object:
        stream = really(self, key, **part)  # type: ignore[arg-type]
        opened[key] = opened.get(key, 0) + 1
        return stream

    monkeypatch.setattr(type(api.stores.archive.objects), "open", noting)
    run(api)
    every = {path.relative_to(root_of(api)).as_posix() for path in (root_of(api) / "ocfl").rglob("*") if path.is_file()}
    assert opened.keys() >= {key for key in every if not key.startswith("ocfl/extensions")}
    assert {key for key, times in opened.items() if times > 1 and "/content/" in key} == set()


@pytest.mark.parametrize(
    "kind",
    [
        "original.png", "document.pdf", "text.txt", "alto.xml.gz", "record.json", "premis.jsonl", "quality.json",
        "dossier.json", "inventory", "sidecar", "newest inventory", "root inventory", "root sidecar", "declaration",
        "storage root", "layout", "receipt", "last receipt", "first ledger entry", "ledger entry", "last ledger entry",
    ],
)  # fmt: skip
def test_a_flipped_bit_in_each_kind_of_file_is_a_failure_that_names_it_and_nothing_else_is_touched(
    api: Api, papers: dict[str, Document], kind: str
) -> None:
    run(api)
    key = files(papers)[kind]
    path = root_of(api) / key
    flip(path, path.stat().st_size // 2)
    before = snapshot(root_of(api))
    found = run(api)
    assert found.failures_count > 0
    assert any(key in (failure.where, *failure.detail.split(" ")) for failure in found.failures), found.failures
    changed = {name for name, digest in snapshot(root_of(api)).items() if before.get(name) != digest}
    noted = {name for name in changed if name.startswith(object_root(OBJECT)) and "/v5/" not in name}
    assert noted <= {f"{object_root(OBJECT)}/inventory.json", f"{object_root(OBJECT)}/inventory.json.sha256"}
    assert {name.split("/")[0] for name in changed} <= {"fixity", "ocfl", "ledger", "staging"}
    assert {name for name in changed if name.startswith("ocfl/") and not name.startswith(object_root(OBJECT))} == set()
    # What was found stays found in the next round. The root's copies are written anew by the version that the event makes.
    assert (run(api).failures_count > 0) is (kind not in ("root inventory", "root sidecar"))


@pytest.mark.parametrize(
    "kind", ["document.pdf", "inventory", "declaration", "receipt", "ledger entry", "last ledger entry"]
)
def test_a_file_that_is_gone_is_a_failure(api: Api, papers: dict[str, Document], kind: str) -> None:
    run(api)
    (root_of(api) / files(papers)[kind]).unlink()
    if kind == "receipt":  # what is not there cannot be read: the receipt is missed by `verify`, which has the list
        assert "receipt_missing" in codes(verified(api.stores))
    else:
        assert run(api).failures_count > 0


def test_an_object_that_is_gone_is_a_failure_for_the_ledger_names_it(api: Api, papers: dict[str, Document]) -> None:
    root = object_root(object_id_of(papers["loose"].document_id, None))
    shutil.rmtree(root_of(api) / root)
    [failure] = run(api).failures
    assert (failure.code, failure.where) == ("version_missing", ledger_key(4))


@pytest.mark.parametrize(
    "kind", ["document.pdf", "inventory", "newest inventory", "root inventory", "sidecar", "declaration"]
)
def test_a_file_that_cannot_be_read_is_a_failure_and_the_others_are_read_all_the_same(
    api: Api, papers: dict[str, Document], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    key = files(papers)[kind]
    really = type(api.stores.archive.objects).open

    def failing(self: object, wanted: str, **part: object) -> object:
        if wanted == key:
            raise StoreUnavailable(f"the archive's disk cannot be used (Input/output error) at {wanted}")
        return really(self, wanted, **part)  # type: ignore[arg-type]

    monkeypatch.setattr(type(api.stores.archive.objects), "open", failing)
    found = run(api)
    assert [(failure.code, failure.where) for failure in found.failures] == [("unreadable", key)]
    assert found.round_is_over


def test_a_store_that_is_away_is_neither_success_nor_failure(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(self: object, key: str, **part: object) -> object:
        raise StoreUnavailable("the store does not answer")

    broken = duty(api)
    with monkeypatch.context() as patch:
        patch.setattr(type(api.stores.archive.objects), "open", away)
        patch.setattr(type(api.stores.archive.objects), "read", away)
        with pytest.raises(StoreUnavailable):
            broken.run()
    assert stretches(api) == []
    assert run(api).failures_count == 0


def test_a_store_that_goes_away_in_the_middle_is_not_taken_for_damage(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = type(api.stores.archive.objects)
    really_open, really_read, gone = objects.open, objects.read, threading.Event()

    def opening(self: object, key: str, **part: object) -> object:
        if "/content/" in key:
            gone.set()
        return away(self, key) if gone.is_set() else really_open(self, key, **part)  # type: ignore[arg-type]

    def away(self: object, key: str) -> object:
        raise StoreUnavailable("the store does not answer")

    def reading(self: object, key: str) -> object:
        return away(self, key) if gone.is_set() and key.startswith("ocfl/") else really_read(self, key)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(objects, "open", opening)
        patch.setattr(objects, "read", reading)
        broken = duty(api)
        with pytest.raises(StoreUnavailable):
            broken.run()
    assert cover(api).failures == ()
    assert not cover(api).round_is_over


def _commit_alone(api: Api, name: str, original: bytes = b"scan") -> str:
    """An object of one paper that nobody but the archive knows; the key of its original."""
    staged = api.stores.archive.stage(name, "original.jpg", original, overwrite=True)
    object_id = object_id_of(name, None)
    api.stores.archive.commit_and_record(object_id, [staged], actor=Actor("system:test"), message="x")
    return f"{object_root(object_id)}/v1/content/documents/{name}/original.jpg"


def test_the_last_byte_of_a_large_file_counts(api: Api) -> None:
    key = _commit_alone(api, "BIG", bytes(2_500_000))
    assert run(api).failures_count == 0
    flip(root_of(api) / key, -1)
    assert [failure.where for failure in run(api).failures] == [key]


def test_a_disk_that_fails_in_the_middle_of_a_file_is_a_failure(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    key = _commit_alone(api, "BIG", bytes(2_500_000))
    really = type(api.stores.archive.objects).open

    class Failing:
        def __init__(self) -> None:
            self.pieces = 0

        def read(self, size: int) -> bytes:
            self.pieces += 1
            if self.pieces > 1:
                raise OSError(errno.EIO, "Input/output error")
            return bytes(size)

        def close(self) -> None: ...

    def failing(self: object, wanted: str, **part: object) -> object:
        return Failing() if wanted == key else really(self, wanted, **part)  # type: ignore[arg-type]

    monkeypatch.setattr(type(api.stores.archive.objects), "open", failing)
    assert [(failure.code, failure.where) for failure in run(api).failures] == [("unreadable", key)]


def test_all_that_fails_in_one_round_is_told(api: Api, papers: dict[str, Document]) -> None:
    loose = papers["loose"].document_id
    keys = {
        files(papers)["document.pdf"],
        files(papers)["text.txt"],
        f"{object_root(object_id_of(loose, None))}/v1/content/documents/{loose}/text.txt",
        receipt_key(papers["held"].document_id),
    }
    for key in keys:
        flip(root_of(api) / key, 20)
    assert {failure.where for failure in run(api).failures} == keys


@pytest.mark.parametrize("kind", ["sidecar", "root sidecar"])
def test_a_sidecar_of_another_digest_or_in_another_spelling_is_a_failure(
    api: Api, papers: dict[str, Document], kind: str
) -> None:
    path = root_of(api) / files(papers)[kind]
    sound = path.read_bytes()
    overwrite(path, sound.upper().replace(b"INVENTORY.JSON", b"inventory.json"))
    assert "altered" in {failure.code for failure in run(api).failures}
    overwrite(path, b"0" * 64 + sound[64:])
    assert "E060" in {failure.code for failure in run(api).failures}


@pytest.mark.parametrize("sequence", [1, 3])
@pytest.mark.parametrize(
    ("spoil", "code", "later"),
    [
        (lambda data: b"{", "ledger_damaged", 0),
        (lambda data: data.replace(b':05.000Z","sequence"', b':06.000Z","sequence"'), "ledger_broken", 1),
    ],
)  # fmt: skip
def test_a_ledger_entry_that_is_none_or_another_is_a_failure(
    api: Api, sequence: int, spoil: Callable[[bytes], bytes], code: str, later: int
) -> None:
    path = root_of(api) / ledger_key(sequence)
    sound = path.read_bytes()
    overwrite(path, spoil(sound))
    assert path.read_bytes() != sound
    found = {(failure.code, failure.where) for failure in run(api).failures}
    assert (code, ledger_key(sequence + later)) in found


def test_a_receipt_in_another_spelling_is_a_failure(api: Api, papers: dict[str, Document]) -> None:
    path = root_of(api) / receipt_key(papers["first"].document_id)
    overwrite(path, json.dumps(json.loads(path.read_bytes())).encode())
    assert [failure.code for failure in run(api).failures] == ["receipt_damaged"]


def test_a_receipt_that_says_something_else_is_a_failure(api: Api, papers: dict[str, Document]) -> None:
    path = root_of(api) / receipt_key(papers["first"].document_id)
    overwrite(path, to_json(json.loads(path.read_bytes()) | {"office": "H03"}))
    assert [(failure.code, failure.where) for failure in run(api).failures] == [
        ("receipt_disagrees", receipt_key(papers["first"].document_id))
    ]


def test_an_object_that_was_put_in_the_place_of_another_is_a_failure(api: Api, papers: dict[str, Document]) -> None:
    place = root_of(api) / object_root(object_id_of(papers["loose"].document_id, None))
    for path in place.rglob("inventory.json"):
        overwrite(path, path.read_bytes().replace(b'"archived"', b'"Archived"'))
        overwrite(path.with_name(path.name + ".sha256"), sidecar(path.read_bytes()))
    assert [failure.code for failure in run(api).failures] == ["ledger_disagrees"]


@pytest.mark.parametrize("stop_after", [0, 1, 2, 3])
def test_objects_side_by_side_and_at_both_ends_are_all_read_wherever_it_stops(api: Api, stop_after: int) -> None:
    names: dict[str, list[str]] = {"000": [], "fff": []}
    number = 0
    while any(len(found) < 2 for found in names.values()):
        number += 1
        first = sha256_of(f"urn:sohoa:document:N{number}".encode())[:3]
        if len(names.get(first, "xx")) < 2:
            names[first].append(f"N{number}")
    keys = [_commit_alone(api, name) for found in names.values() for name in found]
    for key in keys:
        flip(root_of(api) / key, 0)
    if stop_after:
        interrupted(api, lambda stretch: len(stretch.failures) == stop_after)
    duty(api).run()
    assert {failure.where for failure in cover(api).failures} == set(keys)
    assert sum(int(str(stretch["objects"])) for stretch in stretches(api)) == 8


def test_a_commit_in_progress_is_no_failure(api: Api, papers: dict[str, Document]) -> None:
    root = root_of(api)
    inventory = (root / object_root(OBJECT) / "v4/inventory.json").read_bytes()
    digest = object_root(OBJECT).rpartition("/")[2]
    stray = root / object_root(OBJECT) / "v5/content/documents/Z/text.txt"
    stray.parent.mkdir(parents=True)
    stray.write_bytes(b"of a version that is being written")
    assert run(api).failures_count > 0
    (root / f"intents/{digest}").mkdir(parents=True)
    (root / f"intents/{digest}/v5.json").write_bytes(b'{"inventory":%s,"ledger_head":7}\n' % inventory.rstrip())
    assert run(api).failures_count == 0
    flip(root / files(papers)["document.pdf"], 9)
    assert [failure.code for failure in run(api).failures] == ["E092"]
