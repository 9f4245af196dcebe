"""The names and options of `sohoa retention …`, `hold …` and `disposal …` (docs/cli.md)."""

from __future__ import annotations

from typing import Annotated

import typer

from sohoa.cli.options import As, Json, Target, Why

retention_app = typer.Typer(
    help="How long documents and dossiers are kept.", no_args_is_help=True, rich_markup_mode=None
)
hold_app = typer.Typer(
    help="Legal holds: what may not go whatever its retention says.", no_args_is_help=True, rich_markup_mode=None
)
disposal_app = typer.Typer(
    help="Letting go of what need not be kept any longer; two people have to agree.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@retention_app.command("set")
def retention_set(
    target: Target,
    retention_class: Annotated[str, typer.Argument(metavar="CLASS", help="One of SOHOA_RETENTION_CLASSES.")],
    reason: Why,
    starting: Annotated[
        str | None, typer.Option(metavar="YYYY-MM-DD", help="The day from which the years count; today unless told.")
    ] = None,
    as_json: Json = False,
    as_actor: As = None,
) -> None:
    """Have a document or dossier kept for the years of a class. It can be made longer, never shorter."""
    from sohoa.cli.keeping import run_retention

    run_retention(target, retention_class, starting=starting, reason=reason, as_json=as_json, as_actor=as_actor)


@retention_app.command("show")
def retention_show(target: Target, as_json: Json = False, as_actor: As = None) -> None:
    """Show what was decided, for a dossier of each of its documents too."""
    from sohoa.cli.keeping import show

    show(target, as_json=as_json, as_actor=as_actor)


@hold_app.command("set")
def hold_set(target: Target, reason: Why, as_json: Json = False, as_actor: As = None) -> None:
    """Keep a document or dossier whatever its retention says, until the hold is lifted."""
    from sohoa.cli.keeping import run_hold

    run_hold(target, lift=False, reason=reason, as_json=as_json, as_actor=as_actor)


@hold_app.command("lift")
def hold_lift(target: Target, reason: Why, as_json: Json = False, as_actor: As = None) -> None:
    """End a hold."""
    from sohoa.cli.keeping import run_hold

    run_hold(target, lift=True, reason=reason, as_json=as_json, as_actor=as_actor)


@disposal_app.command("propose")
def disposal_propose(target: Target, reason: Why, as_json: Json = False, as_actor: As = None) -> None:
    """Propose a dossier, or a document without one, whose retention has run out."""
    from sohoa.cli.disposal import run_propose

    run_propose(target, reason=reason, as_json=as_json, as_actor=as_actor)


@disposal_app.command("approve")
def disposal_approve(target: Target, as_json: Json = False, as_actor: As = None) -> None:
    """Approve what another person proposed."""
    from sohoa.cli.disposal import run_approve

    run_approve(target, as_json=as_json, as_actor=as_actor)


@disposal_app.command("run")
def disposal_run(target: Target, as_json: Json = False, as_actor: As = None) -> None:
    """Delete what was approved, for good. A certificate of it stays in the ledger."""
    from sohoa.cli.disposal import run_run

    run_run(target, as_json=as_json, as_actor=as_actor)


@disposal_app.command("list")
def disposal_list(as_json: Json = False, as_actor: As = None) -> None:
    """Show what was proposed, and what became of it."""
    from sohoa.cli.disposal import show

    show(as_json=as_json, as_actor=as_actor)
