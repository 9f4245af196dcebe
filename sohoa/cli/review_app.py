"""The names and options of `sohoa review …` (docs/cli.md)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sohoa.cli.options import As, Document, Json

review_app = typer.Typer(
    help="Papers that the machine is not sure of: say what stands on them.", no_args_is_help=True, rich_markup_mode=None
)

Office = Annotated[str | None, typer.Option(metavar="ID", help="Only papers of this office.")]
Type = Annotated[str | None, typer.Option("--type", metavar="NAME", help="Only papers of this type, as Quyết định.")]
Version = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="The version that was looked at; another since is a conflict.")
]


@review_app.command("list")
def review_list(
    office: Office = None,
    type_name: Type = None,
    wanted: Annotated[
        str | None, typer.Option(metavar="WHAT", help="Only what waits for a second_check, split, rotate or rescan.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, metavar="N", help="How many to show.")] = 50,
    as_json: Json = False,
) -> None:
    """Show what waits, oldest first."""
    from sohoa.cli.review import run_list

    run_list(office=office, type_name=type_name, wanted=wanted, limit=limit, as_json=as_json)


@review_app.command("next")
def review_next(office: Office = None, type_name: Type = None, as_json: Json = False, as_actor: As = None) -> None:
    """Take the oldest paper that nobody has, and show it."""
    from sohoa.cli.review import run_next

    run_next(office=office, type_name=type_name, as_json=as_json, as_actor=as_actor)


@review_app.command("show")
def review_show(document: Document, as_json: Json = False, as_actor: As = None) -> None:
    """Show a paper's fields whole, and why it waits."""
    from sohoa.cli.review import run_show

    run_show(document, as_json=as_json, as_actor=as_actor)


@review_app.command("claim")
def review_claim(document: Document, as_json: Json = False, as_actor: As = None) -> None:
    """Take this paper, or keep it longer."""
    from sohoa.cli.review import run_claim

    run_claim(document, as_json=as_json, as_actor=as_actor)


@review_app.command("release")
def review_release(document: Document, as_json: Json = False, as_actor: As = None) -> None:
    """Give a paper back to the queue."""
    from sohoa.cli.review import run_release

    run_release(document, as_json=as_json, as_actor=as_actor)


@review_app.command("accept")
def review_accept(document: Document, version: Version = None, as_json: Json = False, as_actor: As = None) -> None:
    """Say that all fields are right."""
    from sohoa.cli.review import run_confirm

    run_confirm(document, said=[], unreadable=[], version=version, as_json=as_json, as_actor=as_actor)


@review_app.command("correct")
def review_correct(
    document: Document,
    said: Annotated[
        list[str], typer.Option("--set", metavar="FIELD=VALUE", help="What stands there; may be given several times.")
    ],
    unreadable: Annotated[
        list[str] | None, typer.Option(metavar="FIELD", help="Nobody can read it; may be given several times.")
    ] = None,
    version: Version = None,
    as_json: Json = False,
    as_actor: As = None,
) -> None:
    """Say what some fields are, and that all others are right."""
    from sohoa.cli.review import run_confirm

    run_confirm(document, said=said, unreadable=unreadable or [], version=version, as_json=as_json, as_actor=as_actor)


@review_app.command("unreadable")
def review_unreadable(
    document: Document,
    fields: Annotated[list[str], typer.Argument(metavar="FIELD…", help="What nobody can read.")],
    version: Version = None,
    as_json: Json = False,
    as_actor: As = None,
) -> None:
    """Say that some fields cannot be read, and that all others are right."""
    from sohoa.cli.review import run_confirm

    run_confirm(document, said=[], unreadable=fields, version=version, as_json=as_json, as_actor=as_actor)


@review_app.command("type")
def review_type(
    document: Document,
    name: Annotated[str, typer.Argument(metavar="NAME", help="A type of the list, as Quyết định.")],
    version: Version = None,
    as_json: Json = False,
    as_actor: As = None,
) -> None:
    """Say that the paper is of another type, and that all else is right."""
    from sohoa.cli.review import run_confirm

    run_confirm(
        document, said=[f"type_name={name}"], unreadable=[], version=version, as_json=as_json, as_actor=as_actor
    )


@review_app.command("ask")
def review_ask(
    document: Document,
    what: Annotated[str, typer.Argument(metavar="split|rotate|rescan", help="What must be done first.")],
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; kept in the archive.")],
    page: Annotated[
        list[int] | None,
        typer.Option(min=1, metavar="N", help="What page to turn, or begins a paper; may be given several times."),
    ] = None,
    version: Version = None,
    as_json: Json = False,
    as_actor: As = None,
) -> None:
    """Say that a paper must be split, turned or scanned again before it can be confirmed."""
    from sohoa.cli.review import run_ask

    run_ask(document, what, reason=reason, pages=page or [], version=version, as_json=as_json, as_actor=as_actor)


@review_app.command("rotate")
def review_rotate(
    document: Document,
    turns: Annotated[
        list[str],
        typer.Option(
            "--turn",
            metavar="PAGE=DEGREES",
            help="A page and how far to turn it clockwise from how it is shown: 2=90, or 3-8=180; may be given several times.",
        ),
    ],
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; kept in the archive.")],
    version: Version = None,
    as_json: Json = False,
    as_actor: As = None,
) -> None:
    """Turn pages that stand wrongly: the paper is read again so, and stays as it was until then."""
    from sohoa.cli.review import run_rotate

    run_rotate(document, turns, reason=reason, version=version, as_json=as_json, as_actor=as_actor)


@review_app.command("split")
def review_split(
    document: Document,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; kept in the archive.")],
    at: Annotated[
        list[int] | None,
        typer.Option(
            min=1,
            metavar="PAGE",
            help="A page on which another paper begins; may be given several times. Without: as asked for, or proposed.",
        ),
    ] = None,
    version: Version = None,
    as_json: Json = False,
    as_actor: As = None,
) -> None:
    """Make several documents of a scan that holds several papers; the scan itself stays in the archive, out of use."""
    from sohoa.cli.review import run_split

    run_split(document, at or [], reason=reason, version=version, as_json=as_json, as_actor=as_actor)


@review_app.command("agreement")
def review_agreement(office: Office = None, as_json: Json = False) -> None:
    """Show how often second checks left what the first person had."""
    from sohoa.cli.review import run_agreement

    run_agreement(office=office, as_json=as_json)


@review_app.command("export")
def review_export(
    to: Annotated[Path, typer.Option(metavar="FOLDER", help="A new folder to write into.")],
    office: Office = None,
    images: Annotated[bool, typer.Option("--images", help="With a picture of each place.")] = False,
    as_json: Json = False,
    as_actor: As = None,
) -> None:
    """Write what people confirmed and corrected, to train and test with; only of SOHOA_TRAINING_OFFICES."""
    from sohoa.cli.training import run

    run(to, office=office, images=images, as_json=as_json, as_actor=as_actor)
