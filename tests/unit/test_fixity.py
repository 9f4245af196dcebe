"""The rolling fixity check reads everything, goes on where it stopped, and can never take damage for success.

tests/unit/test_fixity_mutants.py breaks the checker in many ways and sees that these tests fail each time.
"""

from __future__ import annotations

import errno
import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from ocr_workers import fixity_duty
from ocr_workers.fixity_duty import FixityDuty, Interrupted
from sohoa.errors import StoreUnavailable
from sohoa.model import Actor
from sohoa.states import JobKind
from storage.archive import premis
from storage.archive.chain import Chain, Link, read_chain
from storage.archive.fixity import NAME, Cover, Stretch, Unit, read_cover
from storage.archive.inventory import sidecar
from storage.archive.layout import ledger_key, object_id_of, object_root, receipt_key, sha256_of, to_json
from storage.catalog import jobs
from storage.catalog.documents import Document
from storage.catalog.jobs import NewJob
from tests.support.archived import Api, opened_api
from tests.support.verified import DOSSIER, codes, fill, flip, overwrite, snapshot, verified

OBJECT = object_id_of("", DOSSIER)
DAY_S = 86_400.0


pytestmark = pytest.mark.usefixtures("no_power_cuts")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Document]]:
    home = tmp_path_factory.mktemp("filled")
    with pytest.MonkeyPatch.context() as patch, opened_api(home) as opened:
        patch.setattr("os.fsync", lambda descriptor: None)
        return home, fill(opened)


@pytest.fixture
def api(tmp_path: Path, filled: tuple[Path, dict[str, Document]]) -> Iterator[Api]:
    shutil.copytree(filled[0], tmp_path / "home")
    with opened_api(tmp_path / "home", fixity_rate_mb_s=10_000.0) as opened:
        opened.clock.advance(seconds=3600)
        for _ in range(40):  # ids that the filled archive has drawn already are not drawn again
            opened.clock.new_ulid()
        yield opened


@pytest.fixture
def papers(filled: tuple[Path, dict[str, Document]]) -> dict[str, Document]:
    return filled[1]


def root_of(api: Api) -> Path:
    return api.stores.settings.folder_of("")


def duty(api: Api) -> FixityDuty:
    return FixityDuty(api.stores, stop=threading.Event(), has_lease=lambda: True)


def run(api: Api) -> Cover:
    """One round; the cover after it."""
    api.clock.advance(seconds=16 * DAY_S)
    again = duty(api)
    assert again.is_due()
    again.run()
    return cover(api)


def interrupted(api: Api, when: Callable[[Stretch], bool]) -> None:
    """Begin or go on with a round, and be told to stop as soon as what has been read is so."""
    stop, really = threading.Event(), fixity_duty._with_unit

    def stopping(stretch: Stretch, unit: Unit) -> Stretch:
        read = really(stretch, unit)
        if when(read):
            stop.set()
        return read

    running = FixityDuty(api.stores, stop=stop, has_lease=lambda: True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fixity_duty, "_with_unit", stopping)
        with pytest.raises(Interrupted):
            running.run()


def cover(api: Api) -> Cover:
    found = read_cover(api.stores.archive.objects, api.clock)
    assert found is not None
    return found


def stretches(api: Api) -> list[dict[str, object]]:
    links = read_chain(api.stores.archive.objects, NAME)
    return [link.body["stretch"] for link in links if isinstance(link, Link) and link.next_day is None]


FAILED = {"eventOutcome": "failure"}


def events(api: Api, document: Document) -> list[dict[str, object]]:
    """The failed fixity checks among a document's events."""
    path = f"documents/{document.document_id}/premis.jsonl"
    with api.stores.archive.open_file(object_id_of(document.document_id, document.dossier), path) as stream:
        found = premis.from_jsonl(stream.read())
    return [
        event for event in found if event["eventType"] == "fixity check" and event["eventOutcomeInformation"] == FAILED
    ]


def files(papers: dict[str, Document]) -> dict[str, str]:
    """One file of every kind that the check answers for, by its key."""
    root, document = object_root(OBJECT), papers["first"].document_id
    content = ("original.png", "document.pdf", "text.txt", "alto.xml.gz", "record.json", "premis.jsonl", "quality.json")
    return {
        **{name: f"{root}/v1/content/documents/{document}/{name}" for name in content},
        "dossier.json": f"{root}/v1/content/dossier.json",
        "inventory": f"{root}/v2/inventory.json",
        "sidecar": f"{root}/v2/inventory.json.sha256",
        "newest inventory": f"{root}/v4/inventory.json",
        "root inventory": f"{root}/inventory.json",
        "root sidecar": f"{root}/inventory.json.sha256",
        "declaration": f"{root}/0=ocfl_object_1.1",
        "storage root": "ocfl/0=ocfl_1.1",
        "layout": "ocfl/ocfl_layout.json",
        "receipt": receipt_key(document),
        "last receipt": receipt_key(papers["received"].document_id),
        "first ledger entry": ledger_key(1),
        "ledger entry": ledger_key(4),
        "last ledger entry": ledger_key(7),
    }


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


# going on


@pytest.mark.parametrize("stop_after", range(1, 19))
def test_what_was_interrupted_goes_on_after_the_last_thing_written_down_and_misses_nothing(
    api: Api, stop_after: int
) -> None:
    interrupted(api, lambda stretch: stretch.units == stop_after)
    [written] = stretches(api)
    assert (written["units"], written["ends_round"]) == (stop_after, False)
    assert not cover(api).round_is_over
    assert cover(api).read_since is None
    duty(api).run()
    told = stretches(api)
    assert sum(int(str(stretch["units"])) for stretch in told) == 19
    assert told[1]["after"] == told[0]["upto"]
    assert cover(api).round_is_over


def test_damage_just_before_the_interruption_is_not_forgotten(api: Api, papers: dict[str, Document]) -> None:
    flip(root_of(api) / files(papers)["document.pdf"], 9)
    interrupted(api, lambda stretch: bool(stretch.failures))
    assert cover(api).failures_count == 1
    duty(api).run()
    assert (cover(api).failures_count, cover(api).round_is_over) == (1, True)


def test_an_object_half_read_when_told_to_stop_is_read_again(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    stop, opened = threading.Event(), []
    first = FixityDuty(api.stores, stop=stop, has_lease=lambda: True)
    really = fixity_duty._Paced.open

    def stopping(self: fixity_duty._Paced, key: str) -> object:
        if key.endswith("document.pdf"):
            stop.set()
            opened.append(key)
        return really(self, key)

    monkeypatch.setattr(fixity_duty._Paced, "open", stopping)
    with pytest.raises(Interrupted):
        first.run()
    monkeypatch.undo()
    [written], [key] = stretches(api), opened
    assert "ocfl/" <= str(written["upto"]) < "/".join(key.split("/")[:5]) + "/"
    duty(api).run()
    assert sum(int(str(stretch["objects"])) for stretch in stretches(api)) == 4


def test_who_has_lost_the_lease_writes_nothing(api: Api) -> None:
    lost = FixityDuty(api.stores, stop=threading.Event(), has_lease=lambda: False)
    with pytest.raises(Interrupted):
        lost.run()
    assert stretches(api) == []


# cover and failures over rounds


def test_cover_tells_since_when_every_object_has_been_read(api: Api) -> None:
    first = run(api)
    assert first.read_since == first.round_started_at
    started = api.clock.now()
    second = run(api)
    assert second.read_since is not None
    assert second.read_since > started
    period_s = 31 * DAY_S
    assert second.is_within(timedelta(days=31), now=api.clock.now())
    api.clock.advance(seconds=period_s + 1)
    assert not second.is_within(timedelta(days=31), now=api.clock.now())
    assert codes(verified(api.stores)) == ["fixity_late"]
    run(api)
    assert codes(verified(api.stores)) == []


def test_in_the_middle_of_a_round_the_older_reading_counts_for_what_is_not_read_yet(api: Api) -> None:
    first = run(api)
    api.clock.advance(seconds=20 * DAY_S)
    interrupted(api, lambda stretch: stretch.units == 10)
    assert cover(api).read_since == first.read_since
    assert (cover(api).round, cover(api).round_is_over) == (2, False)
    middle = api.clock.now()
    duty(api).run()
    assert cover(api).read_since == middle


def test_cover_is_as_old_as_the_oldest_reading_that_counts(api: Api) -> None:
    begun = api.clock.now()
    interrupted(api, lambda stretch: stretch.units == 5)
    api.clock.advance(seconds=DAY_S)
    interrupted(api, lambda stretch: stretch.units == 5)
    api.clock.advance(seconds=DAY_S)
    duty(api).run()
    assert cover(api).read_since == begun
    api.clock.advance(seconds=14 * DAY_S)
    interrupted(api, lambda stretch: stretch.units == 3)
    assert cover(api).read_since == begun
    interrupted(api, lambda stretch: stretch.units == 3)
    assert cover(api).read_since == begun + timedelta(days=1)
    interrupted(api, lambda stretch: stretch.units == 6)
    assert cover(api).read_since == begun + timedelta(days=2)
    again = begun + timedelta(days=16)
    duty(api).run()
    assert cover(api).read_since == again


def test_an_archive_that_was_never_checked_is_late_after_the_period(api: Api) -> None:
    assert codes(verified(api.stores)) == []
    api.clock.advance(seconds=32 * DAY_S)
    report = verified(api.stores)
    assert [(found.code, found.severity) for found in report.findings] == [("fixity_late", "warning")]


def test_a_round_is_due_at_once_and_then_half_a_period_later(api: Api) -> None:
    first = duty(api)
    assert first.is_due()
    first.run()
    assert not duty(api).is_due()
    api.clock.advance(seconds=15 * DAY_S)
    assert not first.is_due()
    api.clock.advance(seconds=DAY_S)
    assert first.is_due()
    assert duty(api).is_due()


def test_a_failure_is_known_since_its_first_entry_and_gone_once_the_file_is_restored(
    api: Api, papers: dict[str, Document]
) -> None:
    path = root_of(api) / files(papers)["document.pdf"]
    run(api)
    flip(path, 9)
    [found] = run(api).failures
    [again] = run(api).failures
    assert (found.since, again.since) == (found.since, found.since)
    flip(path, 9)
    assert run(api).failures_count == 0
    flip(path, 9)
    [anew] = run(api).failures
    assert anew.since > found.since


def test_failures_stand_until_the_same_place_is_read_again(api: Api, papers: dict[str, Document]) -> None:
    early, late = root_of(api) / ledger_key(2), root_of(api) / receipt_key(papers["received"].document_id)
    flip(early, 20)
    flip(late, 20)
    both = {failure.where for failure in run(api).failures}
    assert both >= {ledger_key(3), receipt_key(papers["received"].document_id)}
    flip(early, 20)
    flip(late, 20)
    api.clock.advance(seconds=16 * DAY_S)
    interrupted(api, lambda stretch: stretch.units == 10)
    assert {failure.where for failure in cover(api).failures} == {receipt_key(papers["received"].document_id)}
    duty(api).run()
    assert cover(api).failures == ()


# events


def test_a_failed_check_is_an_event_of_the_document_once(api: Api, papers: dict[str, Document]) -> None:
    key = files(papers)["document.pdf"]
    flip(root_of(api) / key, 9)
    for _ in range(3):
        run(api)
    [event] = events(api, papers["first"])
    detail = event["eventDetailInformation"]["eventDetailExtension"]  # type: ignore[index]
    assert [(each["code"], each["where"]) for each in detail["failed"]] == [("E092", key)]
    for other in ("second", "loose", "held", "failed"):
        assert events(api, papers[other]) == []
    # the catalogue knows of the version that brought it, and nothing was copied from the damaged file
    assert codes(verified(api.stores)) == ["E092", "index_pending"]
    api.index()
    assert codes(verified(api.stores)) == ["E092"]
    inventory = api.stores.archive.inventory(OBJECT)
    assert [path for path in inventory.versions[-1].state if inventory.content_path(path).startswith("v5/")] == [
        f"documents/{papers['first'].document_id}/premis.jsonl"
    ]


def test_damaged_events_are_never_written_on_and_another_document_of_the_object_takes_the_event(
    api: Api, papers: dict[str, Document]
) -> None:
    key = files(papers)["premis.jsonl"]
    flip(root_of(api) / key, 40)
    run(api)
    assert [failure.where for failure in cover(api).failures] == [key]
    noted = [name for name in ("second", "withdrawn") if events(api, papers[name])]
    assert len(noted) == 1
    state = api.stores.archive.inventory(OBJECT).state
    assert api.stores.archive.inventory(OBJECT).manifest[
        state[f"documents/{papers['first'].document_id}/premis.jsonl"]
    ] == (key.removeprefix(object_root(OBJECT) + "/"),)


def test_an_object_whose_only_events_are_damaged_is_told_by_the_chain_alone(
    api: Api, papers: dict[str, Document]
) -> None:
    loose = papers["loose"].document_id
    key = f"{object_root(object_id_of(loose, None))}/v1/content/documents/{loose}/premis.jsonl"
    flip(root_of(api) / key, 40)
    assert [failure.where for failure in run(api).failures] == [key]
    assert api.stores.archive.inventory(object_id_of(loose, None)).head == 1


def test_a_document_that_is_being_worked_on_gets_its_event_later(api: Api, papers: dict[str, Document]) -> None:
    loose = papers["loose"].document_id
    flip(root_of(api) / f"{object_root(object_id_of(loose, None))}/v1/content/documents/{loose}/text.txt", 3)
    with api.stores.database.write() as connection:
        jobs.enqueue(connection, [NewJob(JobKind.DECIDE, loose)], now=api.clock.now())
    checker = duty(api)
    checker.run()
    assert events(api, papers["loose"]) == []
    with api.stores.database.write() as connection:
        jobs.drop_document(connection, loose)
    checker.note_failures()
    assert len(events(api, papers["loose"])) == 1


# the rate


def test_no_more_is_read_a_second_than_the_rate_allows(
    tmp_path: Path, filled: tuple[Path, dict[str, Document]]
) -> None:
    shutil.copytree(filled[0], tmp_path / "home")
    with opened_api(tmp_path / "home", fixity_rate_mb_s=0.1) as slow:
        slow.clock.advance(seconds=3600)
        started_s = time.monotonic()
        duty(slow).run()
        size_bytes = int(str(stretches(slow)[0]["size_bytes"]))
        assert time.monotonic() - started_s >= 0.9 * size_bytes / 100_000


def test_a_rate_of_nothing_switches_it_off(tmp_path: Path, filled: tuple[Path, dict[str, Document]]) -> None:
    shutil.copytree(filled[0], tmp_path / "home")
    with opened_api(tmp_path / "home", fixity_rate_mb_s=0.0) as off:
        off.clock.advance(seconds=100 * DAY_S)
        assert not duty(off).is_due()
        assert codes(verified(off.stores)) == []


# what verify makes of it


def test_a_ledger_that_was_rewritten_from_its_end_is_found_by_the_digests_written_down(
    api: Api, papers: dict[str, Document]
) -> None:
    run(api)
    path = root_of(api) / ledger_key(7)
    sound = path.read_bytes()
    overwrite(path, to_json(json.loads(sound) | {"recorded_at": "2026-01-02T09:09:09.000Z"}))
    assert codes(verified(api.stores)) == ["ledger_rewritten"]
    assert [failure.code for failure in run(api).failures] == ["ledger_rewritten"]
    overwrite(path, sound)
    path.unlink()
    assert "ledger_rewritten" in codes(verified(api.stores))


def test_a_tampered_fixity_chain_is_found(api: Api) -> None:
    run(api)
    run(api)
    chain = Chain(api.stores.archive.objects, api.clock, NAME)
    [_, oldest] = chain.newest_first()
    flip(root_of(api) / oldest.key, 60)
    report = verified(api.stores)
    assert codes(report) == ["fixity_broken"]
    assert not report.is_clean
    assert any(oldest.key in (found.where, *found.detail.replace(":", " ").split()) for found in report.findings)


def test_the_check_goes_on_after_a_break_in_its_chain_and_counts_nothing_before_it(api: Api) -> None:
    run(api)
    [first] = Chain(api.stores.archive.objects, api.clock, NAME).newest_first()
    interrupted_at = api.clock.now() + timedelta(days=16)
    api.clock.advance(seconds=16 * DAY_S)
    interrupted(api, lambda stretch: stretch.units == 4)
    flip(root_of(api) / first.key, 60)
    duty(api).run()
    assert cover(api).round_is_over
    assert cover(api).read_since == interrupted_at
    assert codes(verified(api.stores)) == ["fixity_broken"]


def test_actors_of_events_are_the_machine(api: Api, papers: dict[str, Document]) -> None:
    flip(root_of(api) / files(papers)["text.txt"], 3)
    run(api)
    version = api.stores.archive.inventory(OBJECT).versions[-1]
    assert (version.actor, version.message.split()[0]) == (Actor("system:sohoa"), "fixity")
