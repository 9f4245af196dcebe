"""Objects that were disposed of: do ledger and certificates agree, and is nothing of them left?"""

from __future__ import annotations

from collections.abc import Iterator

from sohoa.errors import NotFound
from storage.archive.certificate import certificate_to_dict
from storage.archive.disposal import certificate_key
from storage.archive.layout import DISPOSALS, intent_key, ledger_key, object_root, to_json
from storage.archive.verify_findings import VerifyFinding, finding
from storage.archive.verify_ledger import LedgerRead, Told
from storage.objects.protocol import Objects


def compare(objects: Objects, ledger: LedgerRead) -> Iterator[VerifyFinding]:
    """Each disposal that the ledger tells of against its certificate, the versions named before, and what is there; then
    each certificate that the ledger does not tell of."""
    for object_id in sorted(ledger.disposals):
        yield from compare_one(objects, ledger, object_id)
    known = {certificate_key(object_id) for object_id in ledger.disposals}
    for key in objects.list(DISPOSALS):
        if key.endswith("/certificate.json") and key not in known:
            digest = key.split("/")[1]
            is_open = any(one.count("/") == 2 for one in objects.list(f"intents/{digest}/"))
            detail = "no ledger entry holds this certificate"
            yield finding("disposal_open" if is_open else "certificate_unrecorded", key, detail)


def compare_one(objects: Objects, ledger: LedgerRead, object_id: str) -> Iterator[VerifyFinding]:
    """One object that the ledger says was disposed of."""
    told, root = ledger.disposals[object_id], object_root(object_id) + "/"
    yield from _compare_certificate(objects, told)
    named = {version: each.inventory_sha256 for version, each in ledger.named.get(object_id, {}).items()}
    if named != dict(enumerate(told.certificate.inventories, start=1)):
        detail = f"of {object_id} it has other versions than the entries before"
        yield finding("certificate_disagrees", ledger_key(told.sequence), detail)
    if next(objects.list(root), None) is not None:
        is_open = objects.exists(intent_key(object_id, told.certificate.head + 1))
        yield finding("disposal_open" if is_open else "disposed_left", root, f"of {object_id} something is still there")


def _compare_certificate(objects: Objects, told: Told) -> Iterator[VerifyFinding]:
    key = certificate_key(told.certificate.object_id)
    try:
        data = objects.read(key)
    except NotFound:
        yield finding("certificate_missing", key, f"{ledger_key(told.sequence)} holds it")
        return
    if data != to_json(certificate_to_dict(told.certificate)):
        yield finding("certificate_disagrees", key, f"it is not the one in {ledger_key(told.sequence)}")
