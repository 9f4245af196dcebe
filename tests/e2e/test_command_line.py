"""How the command answers for help and for wrong use."""

from __future__ import annotations

import resource

import pytest

from tests.support.office import Office

pytestmark = pytest.mark.slow

COMMANDS = (
    "archive", "search", "text", "export", "status", "release", "withdraw", "retry", "work", "serve", "doctor", "token",
    "validate-ocfl", "verify",
)  # fmt: skip
WRONG: tuple[tuple[str, ...], ...] = (
    ("archive",),
    ("archive", "--jobs", "0", "x.pdf"),
    ("archive", "--urgency", "soon", "x.pdf"),
    ("archiv",),
    ("search",),
    ("search", "x", "--limit", "0"),
    ("text", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "--page", "0"),
    ("text", "01ARZ3NDEKTSV4RRFFQ69G5FAV"),
    ("status", "nothing-like-an-id"),
    ("release", "01ARZ3NDEKTSV4RRFFQ69G5FAV"),
    ("token", "create", "reader", "--scope", "everything", "--actor", "person:lan"),
    ("archive", "--as", "lan:", "x.pdf"),
    ("validate-ocfl", "nothing-here"),
    ("verify", "no-such-dossier"),
    ("verify", "--sample", "-1"),
)


def test_help_names_every_command_and_answers_at_once(office: Office) -> None:
    """At once: in so little processor time, for others may be at work on this machine."""
    took_s = []
    for _ in range(3):
        before_s = _spent_by_children_s()
        run = office.run("--help")
        took_s.append(_spent_by_children_s() - before_s)
        assert run.code == 0
        assert all(command in run.out for command in COMMANDS)
    assert 0 < min(took_s) < 0.5
    assert not office.home.exists()


def _spent_by_children_s() -> float:
    """The processor time of all processes that this one has started and that have ended."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def test_every_command_has_help(office: Office) -> None:
    subcommands = [("token", "create"), ("token", "list"), ("token", "revoke")]
    for command in [*((command,) for command in COMMANDS), *subcommands]:
        run = office.run(*command, "--help")
        assert (run.code, run.err) == (0, ""), command
        assert "Usage" in run.out
    assert not office.home.exists()


@pytest.mark.parametrize("arguments", WRONG, ids=" ".join)
def test_wrong_use_ends_with_2_and_says_why(office: Office, arguments: tuple[str, ...]) -> None:
    run = office.run(*arguments)
    assert run.code == 2
    assert run.out == ""
    assert run.err


@pytest.mark.parametrize(
    ("name", "value"), [("SOHOA_JOBS", "many"), ("SOHOA_PDFA", "4"), ("SOHOA_ARCHIVE_URL", "s3://elsewhere")]
)
def test_a_setting_that_cannot_be_used_is_named(office: Office, name: str, value: str) -> None:
    run = office.with_settings(**{name: value}).run("status")
    assert run.code == 2
    assert name.removeprefix("SOHOA_").lower() in run.err.lower()


def test_files_that_are_not_there_are_refused_one_by_one(office: Office) -> None:
    results = office.archive("absent.pdf", "absent-*.jpg", code=3)
    assert [(result["status"], result["error"]["code"]) for result in results] == [("refused", "not_found")] * 2
    run = office.run("archive", "absent.pdf")
    assert run.code == 3
    assert "[not_found]" in run.out
