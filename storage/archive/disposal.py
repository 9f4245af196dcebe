"""Disposing of a whole object, in the order that lets any process finish what another began.

1 reserve: `intents/<object>/v(head+1).json`, create-only, holds the certificate. It is the number that a commit would have
  to have, so nothing joins the object any more; from here the disposal only rolls forward.
2 `disposals/<object>/certificate.json`, create-only: no commit to this object ever again.
3 ledger entry with the certificate: disposed of.
4 the store deletes the object's files, the inventories that readers begin with first, and checks retention and hold.
5 the intent is dropped.
"""

from __future__ import annotations

import json
from collections.abc import Container, Iterator
from contextlib import suppress
from dataclasses import dataclass

from sohoa.errors import AlreadyExists, Conflict, DigestMismatch, NotFound
from storage.archive.certificate import Certificate, certificate_from_dict, certificate_to_dict
from storage.archive.layout import DISPOSALS, INTENTS, disposal_prefix, intent_key, object_root, pins_prefix, to_json
from storage.archive.ledger import Ledger
from storage.objects.protocol import Objects

FIRST = ("inventory.json", "inventory.json.sha256", "v1/inventory.json")
"""Without these two nobody takes what is left for an object: who begins a commit finds none, and then the certificate."""
_RESERVED = b'{"disposal":'


@dataclass(frozen=True, slots=True)
class Disposed:
    """A certificate and the sequence number of the ledger entry that holds it."""

    certificate: Certificate
    sequence: int


def dispose_of(objects: Objects, ledger: Ledger, certificate: Certificate) -> Disposed:
    """Dispose of an object whose newest version is the certificate's. Nothing is checked here but what the store checks.

    Raises Conflict where somebody else writes to the object, NotAllowed where the store keeps it: nothing is changed
    then. StoreUnavailable, after which the same call, or recovery, goes on.
    """
    objects.check_disposable(object_root(certificate.object_id))
    if objects.exists(intent_key(certificate.object_id, certificate.head)):  # perhaps not in the ledger yet
        raise Conflict(f"{certificate.object_id} is being written to; try again in a moment", code="busy")
    key = intent_key(certificate.object_id, certificate.head + 1)
    data = to_json({"disposal": certificate_to_dict(certificate), "ledger_head": ledger.head()})
    try:
        objects.create(key, data)
    except AlreadyExists:
        raise Conflict(f"{certificate.object_id} is being written to; look at it again", code="busy") from None
    disposed = finish_disposal(objects, ledger, data)
    if disposed is None:
        raise Conflict(f"{certificate.object_id} has a new version; look at it again", code="busy")
    return disposed


def finish_disposal(objects: Objects, ledger: Ledger, reserved: bytes) -> Disposed | None:
    """Roll a disposal forward (steps 2 to 5) from the bytes of its intent. None where its number had been committed
    before it was reserved: then it is only dropped. Raises DigestMismatch where the bytes are damaged."""
    certificate, ledger_head = parse_disposal(reserved)
    object_id = certificate.object_id
    if objects.exists(f"{object_root(object_id)}/v{certificate.head + 1}/inventory.json"):
        objects.delete(intent_key(object_id, certificate.head + 1))
        return None
    key, data = certificate_key(object_id), to_json(certificate_to_dict(certificate))
    try:
        objects.create(key, data)
    except AlreadyExists:
        if objects.read(key) != data:
            raise DigestMismatch(f"{key} holds another certificate; the archive was altered") from None
    sequence = ledger.record_disposal(certificate, after=ledger_head)
    objects.dispose(object_root(object_id), first=FIRST)
    for pin in list(objects.list(pins_prefix(object_id, certificate.head + 1))):
        objects.delete(pin)
    objects.delete(intent_key(object_id, certificate.head + 1))
    return Disposed(certificate, sequence)


def parse_disposal(reserved: bytes) -> tuple[Certificate, int]:
    """The certificate in the bytes of a disposal's intent, and the ledger's head before it was reserved. Raises
    DigestMismatch."""
    try:
        found = json.loads(reserved)
        return certificate_from_dict(found["disposal"]), int(found["ledger_head"])
    except (ValueError, KeyError, TypeError):
        raise DigestMismatch("the intent of a disposal is damaged: restore it from a copy") from None


def is_disposal(reserved: bytes) -> bool:
    """Whether the bytes of an intent are those of a disposal, and not of a commit."""
    return reserved.startswith(_RESERVED)


def open_disposals(objects: Objects) -> Iterator[tuple[str, bytes]]:
    """Key and bytes of the intents of disposals that are not finished."""
    for key in objects.list(INTENTS):
        if key.count("/") == 2:
            with suppress(NotFound):  # finished by somebody else since it was listed
                if is_disposal(data := objects.read(key)):
                    yield key, data


def check_not_disposed(objects: Objects, object_id: str) -> None:
    """Raise Conflict (`disposed`) where the object was disposed of: its id is never used again."""
    if objects.exists(certificate_key(object_id)):
        raise Conflict(
            f"{object_id} was disposed of: nothing joins it any more; give it another dossier", code="disposed"
        )


def certificate_key(object_id: str) -> str:
    """Where an object's certificate lies beside the ledger's entry, to be found by its id."""
    return f"{disposal_prefix(object_id)}certificate.json"


def read_certificate(objects: Objects, object_id: str) -> Certificate:
    """The certificate of an object that was disposed of, or is just being. Raises NotFound."""
    return certificate_from_dict(json.loads(objects.read(certificate_key(object_id))))


def certificate_in_ledger(objects: Objects, ledger: Ledger, root: str) -> Certificate | None:
    """The certificate of the object whose root this is, where it was disposed of and the ledger says so; None otherwise."""
    digest = root.rstrip("/").rpartition("/")[2]
    try:
        certificate = certificate_from_dict(json.loads(objects.read(f"{DISPOSALS}{digest}/certificate.json")))
    except (NotFound, ValueError, KeyError, TypeError):
        return None
    is_of_it = object_root(certificate.object_id).endswith(digest)
    return certificate if is_of_it and ledger.find_disposal(certificate) is not None else None


def certificates(objects: Objects, *, skip: Container[str] = ()) -> Iterator[tuple[str, Certificate]]:
    """Key and certificate of every object that was disposed of, but for the keys in `skip`."""
    for key in objects.list(DISPOSALS):
        if key.endswith("/certificate.json") and key not in skip:
            yield key, certificate_from_dict(json.loads(objects.read(key)))
