"""A document as JSON: the same keys for the command line and the HTTP API (docs/cli.md)."""

from __future__ import annotations

from typing import Any

from sohoa.clock import isoformat
from sohoa.errors import NotFound, Refused
from sohoa.fields import mask_ids, masked_fields, masked_values
from sohoa.mandatory import mandatory_fields
from sohoa.model import Revision, part_to_dict
from sohoa.reviews import check_to_dict, wanted_to_dict
from sohoa.states import DocumentStatus, Review
from storage.archive.archive import Archive
from storage.archive.layout import document_folder
from storage.catalog.documents import Document
from storage.catalog.reviews import Claim
from storage.index.protocol import Facets, Hit

_APPENDED = ("filename", "sha256", "size_bytes", "pages")


def document_json(
    document: Document, *, source: str, archive: Archive | None, duplicate_of: str | None = None, whole: bool = False
) -> dict[str, Any]:
    """`source` is the path or name as given. With `archive`, `pdf.path` is the file in it; the API gives none of its paths.
    Citizens' numbers are hidden unless `whole`: only who may see them, and asks for this document, gets them.
    """
    pdf = None
    if is_archived(document):
        pdf = {
            "sha256": document.pdf_sha256,
            "size_bytes": document.pdf_size_bytes,
            "conformance": document.conformance,
        }
        if archive is not None:
            pdf = {"path": _pdf_path(document, archive), **pdf}
    return {
        "document_id": document.document_id,
        "source": source,
        "dossier": document.dossier,
        "office": document.office,
        "status": document.status.value,
        "review": document.review.value,
        "duplicate_of": duplicate_of,
        "pages": document.pages_total,
        "pages_failed": list(document.pages_failed),
        "pdf": pdf,
        "original": {"sha256": document.original_sha256, "size_bytes": document.original_size_bytes},
        "appended": [{key: getattr(one, key) for key in _APPENDED} for one in document.appended],
        "revision": revision_json(document.revision),
        "fields": document.fields if whole else masked_fields(document.fields),
        "checks": [check_to_dict(one) for one in document.checks],
        "wanted": wanted_to_dict(document.wanted),
        "split_from": _split_from(document),
        "split_into": [part_to_dict(one) for one in document.split_into],
        "warnings": list(document.warnings),
        "error": None if document.code is None else {"code": document.code, "detail": document.detail},
        "stage": document.stage,
        "external_id": document.external_id,
        "declared": document.declared if whole else masked_values(document.declared),
        "received_at": isoformat(document.received_at),
        "archived_at": None if document.archived_at is None else isoformat(document.archived_at),
        "searchable_at": None if document.searchable_at is None else isoformat(document.searchable_at),
    }


def revision_json(revision: Revision | None) -> dict[str, Any] | None:
    """A revision that is on its way (`received`) or did not get through (`held`, `failed`)."""
    if revision is None:
        return None
    return {
        "kind": revision.kind,
        "status": revision.status,
        "error": None if revision.code is None else {"code": revision.code, "detail": revision.detail},
        "stage": revision.stage,
        "actor": revision.actor,
        "at": revision.at,
        "reason": revision.reason,
        "receipt": revision.receipt,
    }


def is_archived(document: Document) -> bool:
    """Whether the archive has the document's PDF/A. One that was made but could not be committed does not count."""
    return document.archived_at is not None


def refusal_json(refused: Refused, *, source: str, office: str, dossier: str | None) -> dict[str, Any]:
    """A file that was not accepted, with the same keys as a document."""
    return {
        "document_id": None,
        "source": source,
        "dossier": dossier,
        "office": office,
        "status": DocumentStatus.REFUSED.value,
        "review": Review.NONE.value,
        "duplicate_of": None,
        "pages": None,
        "pages_failed": [],
        "pdf": None,
        "original": None,
        "appended": [],
        "revision": None,
        "fields": {},
        "checks": [],
        "wanted": None,
        "split_from": None,
        "split_into": [],
        "warnings": [],
        "error": {"code": refused.code, "detail": refused.detail},
        "stage": None,
        "external_id": None,
        "declared": {},
        "received_at": None,
        "archived_at": None,
        "searchable_at": None,
    }


def waiting_json(document: Document, claim: Claim | None) -> dict[str, Any]:
    """A paper in the review queue, as its list shows it."""
    type_name = document.fields.get("type_name")
    return {
        "document_id": document.document_id,
        "version": document.version,
        "office": document.office,
        "dossier": document.dossier,
        "source": document.source_name,
        "type_name": None if type_name is None else type_name["value"],
        "pages": document.pages_total,
        "review": (Review.NEEDED if claim is None and document.review is Review.CLAIMED else document.review).value,
        "reasons": _reasons(document),
        "unsure": unsure_fields(document),
        "wanted": wanted_to_dict(document.wanted),
        "claim": claim_json(claim),
        "received_at": isoformat(document.received_at),
    }


def claim_json(claim: Claim | None) -> dict[str, Any] | None:
    """Who has a paper before them."""
    if claim is None:
        return None
    times = {"claimed_at": isoformat(claim.claimed_at), "claimed_until": isoformat(claim.claimed_until)}
    return {"actor": claim.actor, **times}


def unsure_fields(document: Document) -> list[str]:
    """The mandatory fields of its type that nobody is sure of, those first that nobody has read."""
    type_name = document.fields.get("type_name")
    wanted = mandatory_fields(None if type_name is None else type_name["value"])
    missing = [name for name in wanted if name not in document.fields]
    return missing + [name for name in wanted if name in document.fields and not document.fields[name]["accepted"]]


def _reasons(document: Document) -> list[str]:
    """Why a person is needed, by codes."""
    reasons = [] if document.wanted is None else [document.wanted.kind]
    reasons += ["unsure"] if unsure_fields(document) else []
    return reasons + [code for code in ("page_failed", "split_proposed") if code in document.warnings]


def facets_json(facets: Facets) -> dict[str, list[dict[str, Any]]]:
    """How many of the documents found have which value."""
    return {
        name: [{"value": mask_ids(value), "count": count} for value, count in values] for name, values in facets.items()
    }


def hit_json(hit: Hit) -> dict[str, Any]:
    """A hit of the search; boxes are in the page frame, highlights are [start, end) in the snippet's text."""
    return {
        "document_id": hit.document_id,
        "score": hit.score,
        "office": hit.office,
        "dossier": hit.dossier,
        "filename": hit.filename,
        "received_at": None if hit.received_at is None else isoformat(hit.received_at),
        "archived_at": None if hit.archived_at is None else isoformat(hit.archived_at),
        "pages": list(hit.pages),
        "page_count": hit.page_count,
        "snippets": [
            {
                "page": snippet.page,
                "text": mask_ids(snippet.text),
                "highlights": [list(span) for span in snippet.highlights],
                "boxes": [list(box) for box in snippet.boxes],
            }
            for snippet in hit.snippets
        ],
    }


def _split_from(document: Document) -> dict[str, Any] | None:
    """The document that it was cut out of, and which pages of that it is."""
    source = document.source
    if source.document_id is None:
        return None
    return {"document_id": source.document_id, "pages": list(source.pages[0])}


def _pdf_path(document: Document, archive: Archive) -> str | None:
    """Where the PDF/A lies: a path, or its place on S3. None while the commit that brings it is not done."""
    name = f"{document_folder(document.document_id)}document.pdf"
    try:
        return archive.address(document.archived_in, name, version=document.version)
    except NotFound:
        return None
