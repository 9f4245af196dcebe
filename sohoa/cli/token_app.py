"""The names and options of `sohoa token …` (docs/cli.md)."""

from __future__ import annotations

from typing import Annotated

import typer

from sohoa.cli.options import Json

token_app = typer.Typer(help="Bearer tokens for the HTTP API.", no_args_is_help=True, rich_markup_mode=None)


@token_app.command("create")
def token_create(
    name: Annotated[str, typer.Argument(help="What the token is for.")],
    scope: Annotated[
        list[str],
        typer.Option(metavar="SCOPE", help="ingest, read, review, admin or metrics; may be given several times."),
    ],
    actor: Annotated[str, typer.Option(metavar="ACTOR", help="In whose name it acts: person:ID or system:ID.")],
    office: Annotated[
        str | None, typer.Option(metavar="ID", help="The only office it may see; all unless told.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a token; its secret is shown this once."""
    from sohoa.cli.tokens import create

    create(name, scopes=scope, actor=actor, office=office, as_json=as_json)


@token_app.command("list")
def token_list(as_json: Json = False) -> None:
    """Show all tokens, without their secrets."""
    from sohoa.cli.tokens import show

    show(as_json=as_json)


@token_app.command("revoke")
def token_revoke(token: Annotated[str, typer.Argument(metavar="TOKEN", help="The token's id.")]) -> None:
    """End a token for good."""
    from sohoa.cli.tokens import revoke

    revoke(token)
