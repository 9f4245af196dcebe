"""The rolling fixity check goes on where it stopped and knows what it has covered; verify believes its failures."""

from __future__ import annotations

import json
import re
import shutil
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from ocr_workers import fixity_duty
from ocr_workers.fixity_duty import FixityDuty, Interrupted
from sohoa.model import Actor
from sohoa.states import JobKind
from storage.archive.chain import Chain
from storage.archive.fixity import NAME
from storage.archive.layout import ledger_key, object_id_of, object_root, receipt_key, to_json
from storage.catalog import jobs
from storage.catalog.documents import Document
from storage.catalog.jobs import NewJob
from storage.objects.protocol import Objects
from tests.support.archived import Api, opened_api
from tests.support.fixity_checked import (
    DAY_S,
    OBJECT,
    api,
    cover,
    duty,
    events,
    files,
    filled,
    interrupted,
    papers,
    root_of,
    run,
    stretches,
)
from tests.support.verified import codes, flip, overwrite, verified

__all__ = ["api", "filled", "papers"]  # fixtures

pytestmark = pytest.mark.usefixtures("no_power_cuts")


# what it asks of the store


def test_round_of_a_few_papers_lists_folders_that_begin_alike_at_once(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On S3 each listing is a request."""
    store, asked = type(api.stores.archive.objects), list[str]()
    listed = store.list

    def counted(self: Objects, prefix: str) -> Iterator[str]:
        asked.append(prefix)
        return listed(self, prefix)

    monkeypatch.setattr(store, "list", counted)
    duty(api).run()
    assert len([prefix for prefix in asked if re.fullmatch("ocfl/[0-9a-f]{1,3}/?", prefix)]) == 256


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
