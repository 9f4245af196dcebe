"""`sohoa search`: hits with their snippets, the words found marked."""

from __future__ import annotations

import json
import sys

from rich.console import Console
from rich.text import Text

from sohoa.cli.context import identify, opened
from storage.index import open_index, parse_query
from storage.index.protocol import SearchPage, Snippet
from storage.presentation import hit_json


def run(query: str, *, limit: int, as_json: bool) -> None:
    """Print what was found, best first."""
    with opened() as stores:
        identity = identify(stores, None, scope="read")
        with open_index(stores.settings) as index:
            found = index.search(parse_query(query), office=identity.office, limit=limit)
    if as_json:
        result = {"total": found.total, "hits": [hit_json(hit) for hit in found.hits]}
        sys.stdout.write(json.dumps(result, ensure_ascii=False) + "\n")
    else:
        _show(found, query)


def _show(found: SearchPage, query: str) -> None:
    console = Console(highlight=False)
    if not found.hits:
        console.print(Text(f"Nothing found for {query}. Fewer words, or words without diacritics, find more."))
        return
    for hit in found.hits:
        heading = Text(hit.document_id, style="bold cyan")
        heading.append(f"  {hit.filename}", style="bold")
        if hit.dossier:
            heading.append(f"  {hit.dossier}")
        heading.append(f"  page {', '.join(map(str, hit.pages))} of {hit.page_count}", style="dim")
        console.print(heading)
        for snippet in hit.snippets:
            console.print(_marked(snippet))
    console.print(Text(f"{len(found.hits)} of {found.total} documents", style="dim"))


def _marked(snippet: Snippet) -> Text:
    text = Text("  " + " ".join(snippet.text.split("\n")))
    for start, end in snippet.highlights:
        text.stylize("bold yellow", start + 2, end + 2)
    return text
