"""What a document of two pages asks of an S3 server, counted by a proxy before it, step by step and as a whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sohoa.clock import SystemClock
from storage.archive.archive import Archive
from tests.benchmarks.report import Figure, table
from tests.benchmarks.say import say
from tests.benchmarks.staged_documents import PAGES, commit_staged, stage_document
from tests.support.faulty_proxy import between
from tests.support.object_stores import fresh_s3
from tests.support.servers import S3Server

Asked = Counter[tuple[str, str]]
"""Method and kind of key → how many requests."""


@dataclass(frozen=True, slots=True)
class Requests:
    """By server: what each step asked."""

    steps: Mapping[str, Mapping[str, Asked]]

    def figures(self) -> list[Figure]:
        return [
            Figure(
                f"requests-{server}",
                f"requests for the store's part of a document of {PAGES} pages, {server}",
                "listed",
                f"{sum(asked.total() for asked in steps.values())}, {steps['commit'].total()} of them in the commit",
                None,
            )
            for server, steps in self.steps.items()
        ]

    def details(self) -> list[str]:
        lines = [
            (
                "Counted by a proxy between Sohoa and the server; what intake and the stages ask besides, and why each is needed,"
                " is in s3.md."
            ),
        ]
        for server, steps in self.steps.items():
            kinds = sorted({kind for asked in steps.values() for kind in asked})
            rows = [
                [f"{method} {what}", *(asked[method, what] or "" for asked in steps.values()),
                 sum(asked[method, what] for asked in steps.values())]
                for method, what in kinds
            ]  # fmt: skip
            rows.append(["all", *(asked.total() for asked in steps.values()), sum(a.total() for a in steps.values())])
            lines += ["", f"{server}:", "", *table(["request", *steps, "all"], rows)]
        return lines


def measure(servers: Sequence[S3Server], work: Path) -> Requests:
    """Bring one document through the store on each server. The second one counts: the first one warms up."""
    return Requests({server.name: _asked(server, work / server.name) for server in servers})


def _asked(server: S3Server, folder: Path) -> dict[str, Asked]:
    say(f"requests, {server.name}")
    folder.mkdir(parents=True)
    clock = SystemClock()
    with between(server.endpoint) as proxy:
        objects = fresh_s3(server, folder / "copies", endpoint=proxy.endpoint)
        archive = Archive(objects, clock)
        archive.initialise()
        steps: dict[str, Asked] = {}
        for number in range(2):
            proxy.seen.clear()
            paper = stage_document(
                number, archive, clock, original=_large(b"o", number), pdf=_large(b"p", number), temporary=folder
            )
            steps["staging"] = _taken(proxy.seen)
            commit_staged(paper, archive)
            steps["commit"] = _taken(proxy.seen)
            archive.clear_staging(paper.document.document_id)
            steps["clearing"] = _taken(proxy.seen)
    return steps


def _taken(seen: list[tuple[str, str]]) -> Asked:
    asked = Counter((method, _kind(path)) for method, path in seen)
    seen.clear()
    return asked


def _kind(path: str) -> str:
    """What a request is about: a folder of the archive, or a list."""
    place, _, query = path.partition("?")
    if "list-type" in query:
        return "list"
    known = ("staging", "intents", "receipts", "ledger")
    found = next((name for name in known if f"/{name}/" in place), None)
    if found is None:
        found = "content" if "/content/" in place else "inventory, sidecar, declaration"
    return f"{found}, in parts" if "upload" in query.lower() else found


def _large(kind: bytes, number: int) -> bytes:
    """What no other call gives, too large to travel in an intent, as a scan and its PDF are."""
    return b"%s%d," % (kind, number) * 50_000
