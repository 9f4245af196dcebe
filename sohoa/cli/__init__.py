"""The `sohoa` command: its names, options and JSON are a contract (docs/cli.md). Heavy imports wait until they are needed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from sohoa.cli.keeping_app import disposal_app, hold_app, retention_app
from sohoa.cli.options import As, Document, Json
from sohoa.cli.review_app import review_app
from sohoa.cli.token_app import token_app
from sohoa.errors import SohoaError

app = typer.Typer(
    name="sohoa",
    help="Digitise papers: read them, make PDF/A, keep them in an archive, find any of them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,  # passwords and citizens' texts are among them
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.add_typer(review_app, name="review")
app.add_typer(token_app, name="token")
app.add_typer(retention_app, name="retention")
app.add_typer(hold_app, name="hold")
app.add_typer(disposal_app, name="disposal")
ledger_app = typer.Typer(help="The hash-chained list of all commits.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(ledger_app, name="ledger")


@app.command()
def archive(
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH", help="Files, folders or patterns such as 'scans/*.jpg'.")
    ],
    dossier: Annotated[str | None, typer.Option(metavar="CODE", help="The dossier these papers belong to.")] = None,
    office: Annotated[
        str | None, typer.Option(metavar="ID", help="The office they belong to; SOHOA_OFFICE unless told.")
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Worker processes; one a core unless told.")
    ] = None,
    urgency: Annotated[
        str, typer.Option(metavar="waiting|backfile", help="Whether somebody waits for them; a back-file gives way.")
    ] = "waiting",
    as_json: Json = False,
    as_actor: As = None,
) -> None:
    """Take papers in, read them, and archive them as PDF/A."""
    from sohoa.cli.archive import run

    raise typer.Exit(
        run(
            paths,
            dossier=dossier,
            office=office,
            urgency=urgency,
            workers=jobs,
            as_json=as_json,
            as_actor=as_actor,
        )
    )


@app.command(context_settings={"ignore_unknown_options": True})  # so that -without can be typed as it is
def search(
    query: Annotated[str, typer.Argument(help='Words, "a phrase", 138/QĐ-KHCN, -without, field:value.')],
    limit: Annotated[int, typer.Option(min=1, max=100, metavar="N", help="How many documents to show.")] = 20,
    sort: Annotated[
        str, typer.Option(metavar="relevance|newest|oldest", help="By the paper's date instead of by how well it fits.")
    ] = "relevance",
    facet: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Count what was found by type, organ, year, …; repeatable.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Find documents, with or without diacritics."""
    from sohoa.cli.search import run

    run(query, limit=limit, sort=sort, facets=facet or [], as_json=as_json)


@app.command()
def text(
    document: Document,
    page: Annotated[int | None, typer.Option(min=1, metavar="N", help="Only this page.")] = None,
) -> None:
    """Print what was read."""
    from sohoa.cli.documents import print_text

    print_text(document, page=page)


@app.command()
def export(
    document: Document,
    to: Annotated[Path, typer.Option(metavar="FILE", help="Where to write it; an existing file is not overwritten.")],
    what: Annotated[str, typer.Option(metavar="pdf|original|alto", help="Which of the document's files.")] = "pdf",
) -> None:
    """Write a document's PDF/A, original or ALTO to a file."""
    from sohoa.cli.documents import export_file

    export_file(document, to=to, what=what)


@app.command()
def status(
    document: Annotated[
        str | None, typer.Argument(metavar="[DOCUMENT]", help="One document; without it, everything.")
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Show all the work again and again, until Ctrl-C.")] = False,
    every: Annotated[float, typer.Option(min=0.1, metavar="S", help="With --watch: so many seconds apart.")] = 2.0,
    as_json: Json = False,
) -> None:
    """Show how a document, or all the work, stands."""
    if watch:
        from sohoa.cli.watching import run_watch

        run_watch(document, every_s=every, as_json=as_json)
        return
    from sohoa.cli.documents import print_status

    print_status(document, as_json=as_json)


@app.command()
def release(
    document: Document,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why it may go on; kept in the archive.")],
    password_file: Annotated[Path | None, typer.Option(metavar="F", help="File with the PDF's password.")] = None,
    as_actor: As = None,
) -> None:
    """Let a held document go on (a damaged one as far as it can be read, an encrypted one with its password)."""
    from sohoa.cli.decisions import run_release

    run_release(document, reason=reason, password_file=password_file, as_actor=as_actor)


@app.command()
def withdraw(
    document: Document,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; kept in the archive.")],
    as_actor: As = None,
) -> None:
    """Take a document out of the search. Its files stay in the archive."""
    from sohoa.cli.decisions import run_withdraw

    run_withdraw(document, reason=reason, as_actor=as_actor)


@app.command()
def move(
    document: Document,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; kept in the archive.")],
    to: Annotated[str | None, typer.Option(metavar="CODE", help="The dossier that it goes to.")] = None,
    to_none: Annotated[bool, typer.Option("--to-none", help="Take it out of any dossier.")] = False,
    as_json: Json = False,
    as_actor: As = None,
) -> None:
    """Take a document to another dossier, or out of any."""
    from sohoa.cli.decisions import run_move

    run_move(document, to=to, to_none=to_none, reason=reason, as_json=as_json, as_actor=as_actor)


Scan = Annotated[Path, typer.Argument(metavar="PATH", help="The file: an image or a PDF.")]


@app.command()
def replace(
    document: Document,
    path: Scan,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; kept in the archive.")],
    as_json: Json = False,
    as_actor: As = None,
) -> None:
    """Put another scan in place of a document's. Until it is archived, the document stays as it is."""
    from sohoa.cli.revising import run

    run(document, path, kind="replace", reason=reason, as_json=as_json, as_actor=as_actor)


@app.command()
def append(
    document: Document,
    path: Scan,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; kept in the archive.")],
    as_json: Json = False,
    as_actor: As = None,
) -> None:
    """Append pages to an archived document."""
    from sohoa.cli.revising import run

    run(document, path, kind="append", reason=reason, as_json=as_json, as_actor=as_actor)


@app.command()
def retry(
    document: Annotated[
        str | None, typer.Argument(metavar="[DOCUMENT]", help="One document; without it, all that failed.")
    ] = None,
    as_actor: As = None,
) -> None:
    """Try failed documents again from the start."""
    from sohoa.cli.decisions import run_retry

    run_retry(document, as_actor=as_actor)


@app.command()
def work(
    jobs: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Worker processes; one a core unless told.")
    ] = None,
    queues: Annotated[
        str | None,
        typer.Option(metavar="KIND,…", help="Only these kinds of jobs: open, recognise, read, compose, commit, …"),
    ] = None,
) -> None:
    """Work on whatever is waiting, until stopped with Ctrl-C."""
    from sohoa.cli.serve import run_work

    run_work(jobs=jobs, queues=queues)


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; 127.0.0.1 unless told.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 8080 unless told.")] = None,
    workers: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="Worker processes; one a core unless told, 0 for none.")
    ] = None,
) -> None:
    """Start the HTTP API and the workers."""
    from sohoa.cli.serve import run_serve

    run_serve(host=host, port=port, workers=workers)


@app.command()
def doctor(as_json: Json = False) -> None:
    """Check that everything Sohoa needs is here, and say what to do where it is not."""
    from sohoa.cli.doctor import run

    raise typer.Exit(run(as_json=as_json))


@app.command()
def rebuild(
    from_storage: Annotated[
        bool, typer.Option("--from-storage", help="From the archive alone; nothing else is needed.")
    ] = False,
    index: Annotated[
        bool, typer.Option("--index", help="The index on Elasticsearch alone, while serve and work run on.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make the catalogue and the search index anew. Stop serve and work first; may be stopped and started again."""
    from sohoa.cli.rebuild import run

    raise typer.Exit(run(from_storage=from_storage, index=index, as_json=as_json))


@app.command()
def backup(
    to: Annotated[
        Path | None, typer.Option(metavar="FILE|FOLDER", help="A new file, or a folder to make one in.")
    ] = None,
    made: Annotated[
        bool, typer.Option("--made", help="Only note for /metrics that one was made by other means (pg_dump).")
    ] = False,
    as_json: Json = False,
) -> None:
    """Copy what the archive does not know (tokens, jobs, keys) while everything runs on."""
    from sohoa.cli.backup import run_backup

    run_backup(to=to, made=made, as_json=as_json)


@app.command()
def restore(
    source: Annotated[Path, typer.Option("--from", metavar="FILE", help="A file that `sohoa backup` wrote.")],
    force: Annotated[
        bool, typer.Option("--force", help="Even where the catalogue in place has documents; it is set aside.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Put a backup in the catalogue's place. `sohoa rebuild --from-storage` then brings it up to date."""
    from sohoa.cli.backup import run_restore

    run_restore(source, force=force, as_json=as_json)


@app.command()
def verify(
    what: Annotated[
        str | None,
        typer.Argument(
            metavar="[DOCUMENT|DOSSIER]", help="A document's id or a dossier's code; without it, everything."
        ),
    ] = None,
    sample: Annotated[
        int, typer.Option(min=0, metavar="N", help="So many PDFs, drawn by lot, are validated as PDF/A as well.")
    ] = 20,
    as_json: Json = False,
) -> None:
    """Check every byte of the archive, and that ledger, objects, receipts, catalogue and index agree."""
    from sohoa.cli.verify import run

    raise typer.Exit(run(what, sample=sample, as_json=as_json))


@app.command()
def audit(
    document: Annotated[
        str | None, typer.Argument(metavar="[DOCUMENT]", help="Who looked at this one; without it, at any.")
    ] = None,
    since: Annotated[str | None, typer.Option(metavar="DATE", help="Only since this day, or moment.")] = None,
    actor: Annotated[str | None, typer.Option(metavar="ACTOR", help="Only person:ID or system:ID.")] = None,
    as_json: Json = False,
) -> None:
    """Show who looked at which papers, when, and through what."""
    from sohoa.cli.audit import run

    run(document, since=since, actor=actor, as_json=as_json)


@app.command("validate-ocfl")
def validate_ocfl(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="The folder of an OCFL object or storage root.")],
    as_json: Json = False,
) -> None:
    """Check any OCFL object or storage root, of whoever wrote it, by the OCFL specification. Nothing is changed."""
    from sohoa.cli.validate_ocfl import run

    raise typer.Exit(run(path, as_json=as_json))


@app.command()
def replicate(
    to: Annotated[str | None, typer.Option(metavar="URL", help="Bring the copy there up to date.")] = None,
    source: Annotated[
        str | None, typer.Option("--from", metavar="URL", help="Bring back what the archive lacks from the copy there.")
    ] = None,
    forget: Annotated[
        str | None, typer.Option(metavar="URL", help="No copy is made there any more: /metrics tells no longer of it.")
    ] = None,
    thorough: Annotated[
        bool, typer.Option("--thorough", help="Read every byte of the copy again and put right what is damaged.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Copy the archive to another store (file:///… or s3://…), or restore it from there. May be stopped and started again."""
    from sohoa.cli.replicate import run

    raise typer.Exit(run(to=to, source=source, forget=forget, thorough=thorough, as_json=as_json))


@app.command("migrate-store")
def migrate_store(
    to: Annotated[
        Path, typer.Option("--to", metavar="FILE", help="An env file with the settings that differ in the new place.")
    ],
    finishing: Annotated[
        bool, typer.Option("--finish", help="Copy what came since, compare, and switch. Stop serve and work first.")
    ] = False,
    thorough: Annotated[
        bool, typer.Option("--thorough", help="Read every byte in the new place again; not with --finish.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Move archive, catalogue and index to other places, or back: copy while all runs on, then --finish."""
    from sohoa.cli.migrate_store import run

    raise typer.Exit(run(to=to, finishing=finishing, thorough=thorough, as_json=as_json))


@ledger_app.command("head")
def ledger_head(as_json: Json = False) -> None:
    """Show the newest entry's number and digest, to be kept elsewhere."""
    from sohoa.cli.ledger import show_head

    show_head(as_json=as_json)


@ledger_app.command("check")
def ledger_check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `sohoa ledger head --json` printed earlier.")],
    as_json: Json = False,
) -> None:
    """Check that the ledger still goes back to a head that was kept elsewhere."""
    from sohoa.cli.ledger import check

    raise typer.Exit(check(file, as_json=as_json))


def main() -> None:
    """Run the command line; an expected error is one line on standard error and exit code 2."""
    try:
        app()
    except SohoaError as error:
        print(f"sohoa: {error.detail} [{error.code}]", file=sys.stderr)  # noqa: T201
        sys.exit(2)
