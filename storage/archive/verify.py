"""Is the archive what it promises to be? Every byte read, and ledger, objects, receipts, catalogue and index compared.

Nothing is changed, and work may go on meanwhile: what is only unfinished is told as `pending`. One object's inventories
are in memory at a time, and of the whole a few hundred bytes for each version that the ledger names.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import chain
from pathlib import Path

from sohoa.clock import isoformat
from sohoa.errors import DigestMismatch, NotFound, SohoaError
from sohoa.states import DocumentStatus
from storage.archive import fixity, verify_disposals, verify_ledger
from storage.archive.archive import Archive
from storage.archive.audit import audit_findings
from storage.archive.chain import Break, read_chain
from storage.archive.disposal import certificate_in_ledger
from storage.archive.fixity import Cover
from storage.archive.layout import object_root, receipt_key, staging_prefix
from storage.archive.ocfl_root import HashedNTuple, RootReport, check_root_files, find_objects
from storage.archive.ocfl_rules import Finding
from storage.archive.verify_documents import (
    ArchivedDocument,
    compare_index,
    compare_receipt,
    compare_revisions,
    compare_row,
    documents_in,
    find_original,
    read_receipt,
    read_record,
    revisions_of,
)
from storage.archive.verify_findings import Severity, VerifyFinding, finding
from storage.archive.verify_ledger import LedgerRead
from storage.archive.verify_objects import ACCEPTED, ROOT, ObjectChecked, check_intents, check_object, check_root_bytes
from storage.catalog import disposed, document_counts, documents, jobs, outbox
from storage.catalog.documents import Document
from storage.index.protocol import SearchIndex
from storage.registration import is_over
from storage.stores import Stores

CheckPdf = Callable[[Path, str], str | None]
"""Takes a PDF and the conformance that it should have (`PDF/A-2b`); what is wrong with it, or None."""

_ROWS = 500
_LOOKS = 2
"""Work goes on while we look: what seems wrong at first is looked at once more."""


@dataclass(slots=True)
class VerifyReport:
    """What was looked at (how many of what) and what was found."""

    checked: Counter[str] = field(default_factory=Counter)
    findings: list[VerifyFinding] = field(default_factory=list)
    cover: Cover | None = None
    """How the rolling fixity check stands; None where it never ran, or one object alone was looked at."""

    @property
    def is_clean(self) -> bool:
        return all(found.severity == "pending" for found in self.findings)


def verify_archive(
    stores: Stores, index: SearchIndex | None, *, check_pdf: CheckPdf, sample: int, chance: random.Random
) -> VerifyReport:
    """Check everything; of the PDFs, `sample` drawn by `chance` are validated as PDF/A as well.

    Without an `index`, nothing is said of it. Raises StoreUnavailable where the archive or the catalogue as a whole
    cannot be read.
    """
    run = _Run(stores, None if index is None else _filled(stores, index))
    if index is not None and run.index is None:
        run.tell(iter([finding("index_pending", "index", "it is empty: the next archive, work or serve fills it")]))
    run.tell(_read_fixity_chain(run))
    run.tell(audit_findings(stores))
    run.tell(verify_ledger.read_on(stores.archive.objects, run.ledger))
    run.tell(verify_ledger.cut_off(run.ledger))
    run.tell(_fixity_cover(run))
    root_report = RootReport()
    run.layout = check_root_files(stores.archive.objects, ROOT, root_report)
    run.root_report = root_report
    for found in find_objects(stores.archive.objects, ROOT):
        if isinstance(found, Finding):
            root_report.findings.append(found)
        else:
            _look_at_object(run, found[0])
    _look_for_objects_not_seen(run)
    _leave_disposed_out(run)
    run.tell(verify_disposals.compare(stores.archive.objects, run.ledger))
    run.tell(
        finding(found.code, found.where, found.detail) for found in root_report.findings if found.code not in ACCEPTED
    )
    run.tell(check_root_bytes(stores.archive.objects))
    run.tell(check_intents(stores.archive.objects))
    _look_at_rows(run)
    _look_at_receipts(run)
    _count_index(run)
    _check_pdfs(run, check_pdf, chance.sample(sorted(run.pdfs), min(sample, len(run.pdfs))))
    run.report.checked["ledger_entries"] = run.ledger.entries
    return run.report


def verify_one(stores: Stores, index: SearchIndex | None, object_id: str, *, check_pdf: CheckPdf) -> VerifyReport:
    """Check one object with all that belongs to it: its documents, their receipts, rows, index entries, PDFs, and the
    ledger entries of its versions.

    Raises NotFound where there is no such object.
    """
    run = _Run(stores, index)
    run.layout = check_root_files(stores.archive.objects, ROOT, run.root_report)
    root = object_root(object_id) + "/"
    if certificate_in_ledger(stores.archive.objects, stores.archive.ledger, root) is not None:
        run.tell(verify_ledger.read_on(stores.archive.objects, run.ledger))
        run.tell(verify_disposals.compare_one(stores.archive.objects, run.ledger, object_id))
        run.report.checked.update(certificates=1, ledger_entries=run.ledger.entries)
        return run.report
    if next(stores.archive.objects.list(root), None) is None:
        raise NotFound(f"{object_id} is not in the archive")
    run.only = object_id
    _look_at_object(run, root)
    _check_pdfs(run, check_pdf, sorted(run.pdfs))
    return run.report


@dataclass(slots=True)
class _Run:
    """One verification: what it reads, what it has seen, and what it found."""

    stores: Stores
    index: SearchIndex | None
    layout: HashedNTuple | None = None
    root_report: RootReport = field(default_factory=RootReport)
    ledger: LedgerRead = field(default_factory=LedgerRead)
    report: VerifyReport = field(default_factory=VerifyReport)
    seen_objects: set[str] = field(default_factory=set)
    seen_documents: dict[str, str] = field(default_factory=dict)
    """Document → the object in whose newest version it is."""
    pdfs: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Document → its object, and the conformance that its PDF should have."""
    revisions: set[str] = field(default_factory=set)
    """Receipts of later originals that were compared with their document."""
    only: str | None = None
    """The one object that is looked at, None for all."""

    def tell(self, findings: Iterator[VerifyFinding]) -> None:
        self.report.findings += findings


def _read_fixity_chain(run: _Run) -> Iterator[VerifyFinding]:
    """The rolling check's entries, and the digests of ledger entries that they have written down."""
    for link in read_chain(run.stores.archive.objects, fixity.NAME):
        if isinstance(link, Break):
            yield finding("fixity_broken", link.key, link.detail)
        elif anchor := fixity.anchor_of(link):
            sequence, sha256 = anchor
            run.ledger.anchors.setdefault(sequence, set()).add(sha256)


def _fixity_cover(run: _Run) -> Iterator[VerifyFinding]:
    """How the rolling check stands, and whether it keeps its period."""
    settings, now = run.stores.settings, run.stores.clock.now()
    try:
        cover = run.report.cover = fixity.read_cover(run.stores.archive.objects, run.stores.clock)
    except DigestMismatch as error:
        yield finding("fixity_broken", fixity.NAME, error.detail)
        return
    if settings.fixity_rate_mb_s == 0:
        return
    period, began = timedelta(days=settings.fixity_period_days), run.ledger.first_recorded_at or now
    is_late = now - began > period if cover is None else not cover.is_within(period, now=now)
    if is_late:
        since = None if cover is None else cover.read_since
        said = "no round of it is over" if since is None else f"every object was read since {isoformat(since)}"
        yield finding("fixity_late", fixity.NAME, f"the period is {settings.fixity_period_days:g} days; {said}")


def _filled(stores: Stores, index: SearchIndex) -> SearchIndex | None:
    """The index, None where it is new and has yet to be told of everything."""
    if index.count():
        return index
    with stores.database.read() as connection:
        return None if documents.by_id(connection, after="", limit=1) else index


def _look_at_object(run: _Run, root: str) -> None:
    """An object, its versions in the ledger, its documents everywhere."""
    for _ in range(_LOOKS):
        checked = check_object(run.stores.archive.objects, root, layout=run.layout, root_report=run.root_report)
        _read_ledger_for(run, checked)
        found = documents_in(checked)
        compared = list(
            chain(
                checked.findings,
                verify_ledger.compare(checked, run.ledger),
                _compare_documents(run, found, is_open=bool(checked.open_versions)),
            )
        )
        if all(each.severity == "pending" for each in compared) or not _somebody_works(run, found):
            break
    run.report.checked += Counter(objects=1, files=checked.report.files, size_bytes=checked.report.size_bytes)
    run.tell(iter(compared))
    if checked.open_versions:
        versions = ", ".join(f"v{version}" for version in sorted(checked.open_versions))
        run.tell(iter([finding("commit_open", root, f"{versions} of {checked.report.object_id} is being committed")]))
    if checked.report.object_id is not None:
        run.seen_objects.add(checked.report.object_id)
    for document in found.values():
        other = run.seen_documents.setdefault(document.document_id, document.object_id)
        if other != document.object_id:
            detail = f"it is in {other} and in {document.object_id}"
            severity: Severity | None = "pending" if _somebody_works(run, {document.document_id: document}) else None
            run.tell(iter([finding("document_twice", document.document_id, detail, severity=severity)]))
    run.report.checked["documents"] = len(run.seen_documents)


def _read_ledger_for(run: _Run, checked: ObjectChecked) -> None:
    """Make sure that the ledger has been read as far as it can name this object's versions."""
    object_id = checked.report.object_id
    if object_id is None:
        return
    if run.only is None:
        versions = 0 if checked.report.inventory is None else len(checked.report.inventory.versions)
        if len(run.ledger.named.get(object_id, {})) < versions:  # committed since the ledger was read
            run.tell(verify_ledger.read_on(run.stores.archive.objects, run.ledger))
        return
    named = run.ledger.named.setdefault(object_id, {})
    for commit in verify_ledger.commits_of(checked):
        try:
            entry = run.stores.archive.ledger.find(commit)
        except (SohoaError, ValueError, KeyError, TypeError):
            run.tell(iter([finding("ledger_damaged", "ledger/", "an entry near this object's cannot be read")]))
            return
        for each in () if entry is None else entry.commits:
            if entry is not None and (each.object_id, each.version) == (commit.object_id, commit.version):
                named[each.version] = verify_ledger.named_in(each, entry.sequence)


def _compare_documents(run: _Run, found: dict[str, ArchivedDocument], *, is_open: bool) -> Iterator[VerifyFinding]:
    archive, ids = run.stores.archive, sorted(found)
    for start in range(0, len(ids), _ROWS):
        some = ids[start : start + _ROWS]
        with run.stores.database.read() as connection:
            rows = documents.get_many(connection, some)
            busy = jobs.working_on(connection, some)
            waiting = outbox.waiting(connection, some)
        for document_id in some:
            document, row = found[document_id], rows.get(document_id)
            is_busy = is_open or document_id in busy or _is_revised_now(row)
            read_record(archive, document)
            yield from compare_row(archive, document, row, run.ledger, is_busy=is_busy)
            yield from compare_receipt(archive, document_id, document.originals, row, replaced=document.is_replaced)
            yield from compare_revisions(archive, document)
            run.revisions |= revisions_of(document).keys()
            if row is not None and row.conformance is not None and "document.pdf" in document.files:
                run.pdfs[document_id] = (document.object_id, row.conformance)
        if run.index is not None:
            yield from compare_index(rows, waiting, run.index)


def _somebody_works(run: _Run, found: dict[str, ArchivedDocument]) -> bool:
    """Whether what was seen of these documents may have changed while it was looked at."""
    with run.stores.database.read() as connection:
        now = run.stores.clock.now()
        rows = documents.get_many(connection, found)
        busy = any(jobs.working_on(connection, some) for some in documents.batched(found))
    recent = any((now - row.changed_at).total_seconds() < 60 or _is_revised_now(row) for row in rows.values())
    return busy or recent or len(rows) < len(found)


def _is_revised_now(row: Document | None) -> bool:
    """Whether a revision is on its way to a document: the work is the revision's, and may be in the archive already."""
    return row is not None and row.revision is not None and row.revision.status == DocumentStatus.RECEIVED


def _look_for_objects_not_seen(run: _Run) -> None:
    """Objects that the ledger names and the walk did not meet: made since, or gone."""
    run.tell(verify_ledger.read_on(run.stores.archive.objects, run.ledger))
    for object_id in sorted(run.ledger.named.keys() - run.seen_objects - run.ledger.disposals.keys()):
        root = object_root(object_id) + "/"
        if next(run.stores.archive.objects.list(root), None) is None:
            run.tell(iter([finding("object_missing", root, f"the ledger names {object_id}")]))
        elif not any(found.where.startswith(root) for found in run.report.findings):
            _look_at_object(run, root)


def _leave_disposed_out(run: _Run) -> None:
    """What was found of objects that the ledger says are gone is no damage; what is left of them is told instead."""
    gone = [told.certificate for told in run.ledger.disposals.values()]
    roots = {object_root(certificate.object_id) + "/": certificate for certificate in gone}
    ids = {document_id for certificate in gone for document_id in certificate.documents}

    def is_of_them(where: str) -> bool:
        return where in ids or fixity.unit_of(where) in roots

    run.report.findings = [found for found in run.report.findings if not is_of_them(found.where)]
    run.root_report.findings = [found for found in run.root_report.findings if not is_of_them(found.where)]
    for document_id in ids:
        run.pdfs.pop(document_id, None)
        run.seen_documents.pop(document_id, None)


def _look_at_rows(run: _Run) -> None:
    """Every row of the catalogue that no object accounted for."""
    after = ""
    while True:
        with run.stores.database.read() as connection:
            rows = documents.by_id(connection, after=after, limit=_ROWS)
        if not rows:
            return
        after = rows[-1].document_id
        for row in rows:
            if row.document_id not in run.seen_documents:
                run.seen_documents[row.document_id] = ""
                run.tell(_row_alone(run, row))
        run.report.checked["rows"] += len(rows)


def _row_alone(run: _Run, row: Document) -> Iterator[VerifyFinding]:
    archive = run.stores.archive
    if row.revises is not None and row.original_size_bytes == 0:
        return  # it turns pages: it has brought no bytes, so there is no receipt
    in_work = row.version is None
    told = None if in_work else run.ledger.disposals.get(row.archived_in)
    if told is not None and row.document_id in told.certificate.documents:
        if not disposed.is_gone(row):
            yield finding("catalog_pending", row.document_id, f"it was disposed of with {row.archived_in}")
            return
        if (row.version, row.sequence) != (told.certificate.head, told.sequence):
            detail = f"the catalogue has ledger entry {row.sequence}, its certificate is in {told.sequence}"
            yield finding("catalog_disagrees", row.document_id, detail)
    elif not in_work:
        object_id = row.archived_in
        try:
            fresh = Archive(archive.objects, run.stores.clock)  # keeps nothing of what was there before
            known = any(path.startswith(f"documents/{row.document_id}/") for path in fresh.inventory(object_id).state)
        except SohoaError:
            known = False
        root = object_root(object_id)
        if known or certificate_in_ledger(archive.objects, archive.ledger, root):  # since the object was looked at
            return
        yield finding(
            "document_missing", row.document_id, f"the catalogue has it in {object_id}, version {row.version}"
        )
    if in_work and _is_spooled(run, row.document_id):
        yield finding(
            "spooled", row.document_id, "its original and receipt are in the spool of the machine that took it in"
        )
        return
    yield from compare_receipt(archive, row.document_id, None, row, replaced=False)
    if in_work and archive.objects.exists(receipt_key(row.document_id)):
        lost = list(find_original(archive, row.document_id))
        with run.stores.database.read() as connection:
            now = documents.get_many(connection, [row.document_id]).get(row.document_id)
        if now is not None and now.version is None:  # else it was committed, and its staging cleared, while we looked
            yield from lost


def _is_spooled(run: _Run, document_id: str) -> bool:
    """Whether the paper waits in this machine's spool or another's."""
    if run.stores.spool is not None and run.stores.spool.has_receipt(document_id):
        return True
    with run.stores.database.read() as connection:
        return bool(jobs.spooled(connection, document_id=document_id))


def _look_at_receipts(run: _Run) -> None:
    """Every receipt that no document accounted for."""
    for key in run.stores.archive.objects.list("receipts/"):
        run.report.checked["receipts"] += 1
        document_id = key.removeprefix("receipts/").removesuffix(".json")
        if document_id not in run.seen_documents and document_id not in run.revisions:
            run.tell(_receipt_alone(run, key, document_id))


def _receipt_alone(run: _Run, key: str, document_id: str) -> Iterator[VerifyFinding]:
    archive = run.stores.archive
    staged = next(archive.objects.list(staging_prefix(document_id)), None)
    receipt = read_receipt(archive, key)
    with run.stores.database.read() as connection:
        if documents.get_many(connection, [document_id]):  # accepted since
            return
        try:
            if receipt is not None and is_over(connection, receipt, archive=archive):
                return
        except SohoaError:
            pass  # told with the document that it was to revise
    if receipt is None:
        yield finding("receipt_damaged", key, "it is not a receipt as Sohoa writes them")
    code = "receipt_without_document" if staged is None else "receipt_pending"
    yield finding(code, key, f"there is no document {document_id}")


def _count_index(run: _Run) -> None:
    """Whether the index finds documents that are not there (withdrawn ones, or ones that nobody knows)."""
    if run.index is None:
        return
    with run.stores.database.read() as connection:
        by_status = document_counts.count_by_status(connection)
        unindexed = document_counts.count_without_version(connection)
        waiting = outbox.pending_count(connection)
    expected = sum(by_status.values()) - by_status.get(DocumentStatus.WITHDRAWN, 0) - unindexed
    count = run.index.count()
    if count > expected and not waiting:
        run.tell(iter([finding("index_surplus", "index", f"it finds {count} documents of {expected}")]))


def _check_pdfs(run: _Run, check_pdf: CheckPdf, drawn: list[str]) -> None:
    for document_id in drawn:
        object_id, conformance = run.pdfs[document_id]
        where = f"documents/{document_id}/document.pdf"
        try:
            with run.stores.archive.local_file(object_id, where) as path:
                wrong = check_pdf(path, conformance)
        except SohoaError as error:
            wrong = error.detail
        run.report.checked["pdfs"] += 1
        if wrong is not None:
            run.tell(iter([finding("pdfa_invalid", document_id, wrong)]))
