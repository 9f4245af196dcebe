"""`GET /v1/search`: documents that say what is asked for, best first."""

from __future__ import annotations

from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from search_api.access import Reader
from search_api.documents.schemas import ID, BoxShape, Moment
from search_api.problems import responses
from search_api.search.reader import IndexReader
from storage.index.protocol import FACETS, MOST_CURSOR_CHARACTERS, Sort
from storage.presentation import facets_json, hit_json
from storage.stores import Stores
from storage.viewing import record_search

log = structlog.get_logger(__name__)
router = APIRouter(prefix="/v1", tags=["search"])


class SnippetOut(BaseModel):
    """A piece of a page's text around what was found."""

    page: int = Field(examples=[1])
    text: str = Field(examples=["QUYẾT ĐỊNH về việc cấp giấy phép"])
    highlights: list[tuple[int, int]] = Field(description="[start, end] in `text`, end exclusive", examples=[[[0, 10]]])
    boxes: list[BoxShape] = Field(description="of the highlighted words on the page")


class HitOut(BaseModel):
    """A document that was found."""

    document_id: str = Field(examples=[ID])
    score: float = Field(examples=[12.7])
    office: str = Field(examples=["H02"])
    dossier: str | None = Field(examples=["000.00.05.H02-230105-0001"])
    filename: str = Field(examples=["scan_01.pdf"])
    received_at: Moment | None
    archived_at: Moment | None
    pages: list[int] = Field(description="the first pages with a match", examples=[[1]])
    page_count: int = Field(examples=[2])
    snippets: list[SnippetOut]


class CountOut(BaseModel):
    """How many of the documents found have this value."""

    value: str = Field(examples=["Quyết định"])
    count: int = Field(examples=[12])


class SearchOut(BaseModel):
    """`total` counts all documents found; `next_cursor` is null on the last page. A page has fewer hits, perhaps none, where
    some were withdrawn since they were indexed or the first page was asked for."""

    total: int = Field(examples=[1])
    hits: list[HitOut]
    next_cursor: str | None = Field(examples=["20"])
    facets: dict[str, list[CountOut]] = Field(description="those asked for, by name")


@router.get("/search", summary="Search", response_model=SearchOut, responses=responses())
def search(
    request: Request,
    principal: Reader,
    q: Annotated[
        str,
        Query(
            description='words, "phrases", 138/QĐ-KHCN, -without, dossier:…, received:2023-01..2023-03',
            examples=['"quyết định" 138'],
        ),
    ],
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    cursor: Annotated[
        str | None, Query(max_length=MOST_CURSOR_CHARACTERS, description="`next_cursor` of the page before, as it is")
    ] = None,
    sort: Annotated[Sort, Query(description="newest and oldest go by the paper's date")] = "relevance",
    facet: Annotated[
        list[str] | None,
        Query(max_length=len(FACETS), description=f"count what was found by {', '.join(FACETS)}; may be repeated"),
    ] = None,
) -> dict[str, Any]:
    """Marks and case may be left out; what fits exactly comes first. Needs the scope `read`."""
    index: IndexReader = request.app.state.index
    found = index.search(q, office=principal.office, limit=limit, cursor=cursor, sort=sort, facets=facet or ())
    stores: Stores = request.app.state.stores
    hits = record_search(stores, principal.actor, found.hits, office=principal.office, through="api")
    shown = [hit.document_id for hit in hits]
    log.info("documents.found", actor=principal.actor, document_ids=shown, total=found.total)
    return {
        "total": found.total,
        "hits": [hit_json(hit) for hit in hits],
        "next_cursor": found.next_cursor,
        "facets": facets_json(found.facets),
    }
