"""Arguments and options that several commands have, said once."""

from __future__ import annotations

from typing import Annotated

import typer

As = Annotated[
    str | None, typer.Option("--as", metavar="ACTOR", help="Act as person:ID or system:ID instead of yourself.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of a table.")]
Target = Annotated[
    str, typer.Argument(metavar="DOCUMENT|DOSSIER", help="A document's id, or the code of a dossier as a whole.")
]
Why = Annotated[str, typer.Option(metavar="TEXT", help="Why; kept in the archive.")]
Document = Annotated[str, typer.Argument(metavar="DOCUMENT", help="The document's id, 26 characters.")]
