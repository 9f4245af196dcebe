"""`sohoa search`: hits with their snippets, the words found marked."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from rich.console import Console
from rich.text import Text

from sohoa.cli.context import identify, opened
from sohoa.errors import BadRequest
from sohoa.fields import mask_ids
from storage.index import open_index, parse_query
from storage.index.protocol import SORTS, Hit, SearchPage, Snippet
from storage.index.query import FIELD_NAMES, is_field
from storage.presentation import facets_json, hit_json
from storage.viewing import record_search


def run(query: str, *, limit: int, sort: str, facets: Sequence[str], as_json: bool) -> None:
    """Print what was found, best first."""
    if sort not in SORTS:
        raise BadRequest(f"--sort {sort!r} is none of {', '.join(SORTS)}")
    with opened() as stores:
        identity = identify(stores, None, scope="read")
        with open_index(stores.settings) as index:
            found = index.search(parse_query(query), office=identity.office, limit=limit, sort=sort, facets=facets)
        hits = record_search(stores, identity.actor, found.hits, office=identity.office, through="cli")
    found = replace(found, hits=hits)
    if as_json:
        result: dict[str, Any] = {"total": found.total, "hits": [hit_json(hit) for hit in found.hits]}
        if facets:
            result["facets"] = facets_json(found.facets)
        sys.stdout.write(json.dumps(result, ensure_ascii=False) + "\n")
    else:
        _show(found, query)


def _show(found: SearchPage, query: str) -> None:
    console = Console(highlight=False)
    if not found.hits:
        console.print(Text(f"Nothing found for {query}. Fewer words, or words without diacritics, find more."))
        for hint in _hints(query):
            console.print(Text(hint))
        return
    for hit in found.hits:
        heading = Text(hit.document_id, style="bold cyan")
        heading.append(f"  {hit.filename}", style="bold")
        if hit.dossier:
            heading.append(f"  {hit.dossier}")
        heading.append(f"  {_places(hit)}", style="dim")
        console.print(heading)
        for snippet in hit.snippets:
            console.print(_coloured(snippet) if console.color_system else _bracketed(snippet))
    console.print(Text(f"{len(found.hits)} of {found.total} documents", style="dim"))
    for name, counts in facets_json(found.facets).items():
        shown = ", ".join(f"{one['value']} ({one['count']})" for one in counts)
        console.print(Text(f"{name}: {shown}", style="dim"))


def _places(hit: Hit) -> str:
    count = "1 page" if hit.page_count == 1 else f"{hit.page_count} pages"
    return f"page {', '.join(map(str, hit.pages))} of {count}" if hit.pages else count


def _coloured(snippet: Snippet) -> Text:
    text = Text("  " + mask_ids(snippet.text).replace("\n", " "))
    for start, end in snippet.highlights:
        text.stylize("bold yellow", start + 2, end + 2)
    return text


def _bracketed(snippet: Snippet) -> Text:
    """Where there is no colour, what was found stands in «…»."""
    text, marked = mask_ids(snippet.text).replace("\n", " "), "  "
    at = 0
    for start, end in snippet.highlights:
        marked += f"{text[at:start]}«{text[start:end]}»"
        at = end
    return Text(marked + text[at:])


def _hints(query: str) -> Iterator[str]:
    """What may have been meant, for a search that found nothing."""
    for name in re.findall(r"(?:^|\s)-?(\w+):", query):
        if not is_field(name):
            yield f"{name}: is not a field and was searched as a word; fields are {', '.join(sorted(FIELD_NAMES))}."
    if query.count('"') % 2:
        yield "A quotation mark is not closed."
