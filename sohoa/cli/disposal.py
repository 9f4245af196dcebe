"""`sohoa disposal`: propose, approve and run the disposal of whole objects."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from datetime import datetime
from typing import Any

from ingest import disposing, keeping
from ingest.disposing import Proposal
from sohoa.cli.context import identify, opened
from sohoa.clock import isoformat
from sohoa.errors import NotAllowed
from storage.archive.certificate import certificate_to_dict


def run_propose(named: str, *, reason: str, as_json: bool, as_actor: str | None) -> None:
    """Propose an object."""
    with opened() as stores:
        identity = identify(stores, as_actor, scope="admin")
        target = keeping.find_target(stores, named, office=identity.office)
        proposal = disposing.propose(stores, target, actor=identity.actor, reason=reason)
    _print(proposal, as_json=as_json)


def run_approve(named: str, *, as_json: bool, as_actor: str | None) -> None:
    """Approve a proposal."""
    with opened() as stores:
        identity = identify(stores, as_actor, scope="admin")
        target = keeping.find_target(stores, named, office=identity.office)
        proposal = disposing.approve(stores, target, actor=identity.actor)
    _print(proposal, as_json=as_json)


def run_run(named: str, *, as_json: bool, as_actor: str | None) -> None:
    """Dispose of an approved object and show the certificate."""
    with opened() as stores:
        identity = identify(stores, as_actor, scope="admin")
        target = keeping.find_target(stores, named, office=identity.office)
        disposed = disposing.run(stores, target, actor=identity.actor)
    certificate = disposed.certificate
    if as_json:
        shown = {"sequence": disposed.sequence, "certificate": certificate_to_dict(certificate)}
        sys.stdout.write(json.dumps(shown, ensure_ascii=False) + "\n")
        return
    what = f"{certificate.object_id} ({len(certificate.documents)} documents, {certificate.head} versions)"
    sys.stdout.write(f"{what} is gone; the certificate is ledger entry {disposed.sequence}\n")


def show(*, as_json: bool, as_actor: str | None) -> None:
    """Every proposal; only for who may see all offices, since objects name dossiers."""
    with opened() as stores:
        identity = identify(stores, as_actor, scope="admin")
        if identity.office is not None:
            raise NotAllowed(f"this token belongs to office {identity.office} and may not see all proposals")
        for proposal in disposing.list_all(stores):
            _print(proposal, as_json=as_json)


def _print(proposal: Proposal, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(_plain(asdict(proposal)), ensure_ascii=False) + "\n")
        return
    approved = f", approved by {proposal.approved_by}" if proposal.approved_by else ""
    sys.stdout.write(f"{proposal.object_id}: {proposal.state}, proposed by {proposal.proposed_by}{approved}\n")


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {name: isoformat(value) if isinstance(value, datetime) else value for name, value in values.items()}
