"""The main job from end to end: a mixed batch of drawn papers goes in, validated PDF/A that any word finds comes out."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pikepdf
import pikepdf.pdfa
import pytest

from sohoa.model import Box
from storage.archive.alto import read_alto
from tests.support import press
from tests.support.crash import assert_whole
from tests.support.office import Office, letter
from tests.support.press import Paper

pytestmark = pytest.mark.slow

CLI = Path(__file__).parents[2] / "docs" / "cli.md"
HIT_KEYS = {
    "document_id",
    "score",
    "office",
    "dossier",
    "filename",
    "received_at",
    "archived_at",
    "pages",
    "page_count",
}
SNIPPET_KEYS = {"page", "text", "highlights", "boxes"}
NEAR_PX = 8
LETTER = ("Giấy mời dự lễ khánh thành trường mẫu giáo", "Kính mong quý vị thu xếp tham dự")


@dataclass(frozen=True, slots=True)
class Brought:
    """A file of the batch, what is printed on its pages (None: born digital), and what became of it."""

    path: Path
    paper: Paper | None
    result: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Batch:
    office: Office
    brought: dict[str, Brought]

    @property
    def paths(self) -> list[Path]:
        return [each.path for each in self.brought.values()]


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Batch:
    office = Office(tmp_path_factory.mktemp("batch"))
    folder = office.root / "in"
    papers = {
        "jpg": press.draw("quyet_dinh", seed=11, level="clean", dpi=200, pages=1),
        "png": press.draw("thong_bao", seed=12, level="clean", dpi=200, pages=1),
        "tif": press.draw("to_trinh", seed=13, level="fax", pages=2),
        "pdf": press.with_blank_back(press.draw("cong_van", seed=14, level="clean", dpi=200, pages=1), seed=14),
    }
    files: dict[str, tuple[Path, Paper | None]] = {}
    for form, paper in papers.items():
        [path] = press.write(paper, folder, fmt=form)  # type: ignore[arg-type]  # a Format, which mypy widens to str
        files[form] = (path, paper)
    files["letter"] = (letter(folder / "letter.pdf", LETTER), None)
    results = office.archive(*(path for path, _ in files.values()))
    by_source = {result["source"]: result for result in results}
    return Batch(office, {name: Brought(path, paper, by_source[str(path)]) for name, (path, paper) in files.items()})


def test_every_result_has_exactly_the_documented_keys(batch: Batch) -> None:
    section = CLI.read_text(encoding="utf-8").partition("## `sohoa archive")[2].partition("\n## ")[0]
    documented = set()
    for row in re.findall(r"^\| (`.*?) \|", section, re.MULTILINE):
        documented |= set(re.findall(r"`(\w+)`", row))
    assert len(documented) > 15
    for each in batch.brought.values():
        assert each.result.keys() == documented
        assert each.result["pdf"].keys() == {"path", "sha256", "size_bytes", "conformance"}
        assert each.result["original"].keys() == {"sha256", "size_bytes"}
        assert batch.office.status(each.result["document_id"]).keys() == documented


def test_every_file_is_archived_with_all_its_pages(batch: Batch) -> None:
    shown = {name: (each.result["status"], each.result["pages"]) for name, each in batch.brought.items()}
    pages = {"jpg": 1, "png": 1, "tif": 2, "pdf": 2, "letter": 2}
    assert shown == {name: ("archived", count) for name, count in pages.items()}
    for each in batch.brought.values():
        assert each.result["pages_failed"] == []
        assert each.result["error"] is None
        assert each.result["duplicate_of"] is None


def test_every_pdf_is_valid_pdfa_2b_with_as_many_pages_and_the_digest_that_was_told(batch: Batch) -> None:
    for each in batch.brought.values():
        told = each.result["pdf"]
        path = Path(told["path"])
        assert hashlib.sha256(path.read_bytes()).hexdigest() == told["sha256"]
        assert (path.stat().st_size, told["conformance"]) == (told["size_bytes"], "PDF/A-2b")
        with pikepdf.open(path) as pdf:
            assert len(pdf.pages) == each.result["pages"]
        assert pikepdf.pdfa.validate_written(path, "2b").passed


def test_originals_are_kept_byte_for_byte_and_the_archive_is_whole(batch: Batch, tmp_path: Path) -> None:
    for name, each in batch.brought.items():
        target = tmp_path / f"{name}.original"
        assert batch.office.run("export", each.result["document_id"], "--what", "original", "--to", target).code == 0
        assert target.read_bytes() == each.path.read_bytes()
        assert each.result["original"]["sha256"] == hashlib.sha256(target.read_bytes()).hexdigest()
    assert len(assert_whole(batch.office.archive_root)) == len(batch.brought)


@pytest.mark.parametrize("name", ["jpg", "png", "tif", "pdf"])
def test_a_word_of_the_truth_finds_its_paper_its_page_and_its_place(batch: Batch, name: str) -> None:
    each = batch.brought[name]
    assert each.paper is not None
    number = len(each.paper.pages) if name == "tif" else 1
    word, box = _telling_word(each.paper, number)
    for query in (word, _bare(word)):
        [hit] = [hit for hit in batch.office.search(query) if hit["document_id"] == each.result["document_id"]]
        assert hit.keys() == HIT_KEYS | {"snippets"}
        assert number in hit["pages"]
        assert hit["page_count"] == each.result["pages"]
        marked = []
        for snippet in hit["snippets"]:
            assert snippet.keys() >= SNIPPET_KEYS
            for start, end in snippet["highlights"]:
                assert _bare(snippet["text"][start:end]) == _bare(word)
            if snippet["page"] == number:
                marked += snippet["boxes"]
        assert any(_near(found, box) for found in marked), (word, box, marked)


def test_a_born_digital_paper_is_found_with_and_without_marks_on_its_page(batch: Batch) -> None:
    for query in ("khánh thành", '"le khanh thanh"', "mẫu -nháp"):
        [hit] = [hit for hit in batch.office.search(query) if hit["filename"] == "letter.pdf"]
        assert hit["pages"] == [1]
    [hit] = batch.office.search("thu xếp tham dự name:letter")
    assert 2 in hit["pages"]


def test_text_and_alto_say_the_same_page_by_page(batch: Batch, tmp_path: Path) -> None:
    each = batch.brought["tif"]
    document_id = each.result["document_id"]
    whole = batch.office.run("text", document_id).out
    second = batch.office.run("text", document_id, "--page", "2").out
    printed = whole.removesuffix("\n").split("\n\f")
    assert printed[1] == second.removesuffix("\n")
    assert batch.office.run("export", document_id, "--what", "alto", "--to", tmp_path / "alto.xml").code == 0
    pages = read_alto((tmp_path / "alto.xml").read_bytes())
    assert [page.text for page in pages] == printed
    beyond = batch.office.run("text", document_id, "--page", "3")
    assert (beyond.code, beyond.out) == (2, "")
    assert beyond.err.endswith("[not_found]\n")


def test_export_never_writes_over_a_file(batch: Batch, tmp_path: Path) -> None:
    document_id = batch.brought["jpg"].result["document_id"]
    target = tmp_path / "there.pdf"
    target.write_text("mine", encoding="utf-8")
    run = batch.office.run("export", document_id, "--to", target)
    assert run.code == 2
    assert run.err.count("\n") == 1
    assert target.read_text(encoding="utf-8") == "mine"
    assert batch.office.run("export", document_id, "--what", "secret", "--to", tmp_path / "new").code == 2
    assert not (tmp_path / "new").exists()
    assert batch.office.run("export", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "--to", tmp_path / "new").code == 2


def test_status_counts_what_is_there(batch: Batch) -> None:
    shown = batch.office.status()
    assert shown["documents"]["archived"] == len(batch.brought)
    assert shown["jobs"] == {}
    assert shown["index"] == {"waiting": 0, "oldest_at": None}
    assert batch.office.status(batch.brought["jpg"].result["document_id"])["searchable_at"] is not None


def test_the_same_files_again_are_the_same_documents_and_add_nothing(batch: Batch) -> None:
    before = _tree(batch.office.archive_root)
    again = {result["source"]: result for result in batch.office.archive(*batch.paths)}
    assert len(again) == len(batch.brought)
    for each in batch.brought.values():
        result = again[str(each.path)]
        assert result["duplicate_of"] == result["document_id"] == each.result["document_id"]
        assert result["status"] == "archived"
    assert _tree(batch.office.archive_root) == before


def test_two_papers_of_one_dossier_are_one_object_and_may_be_in_another_dossier_too(
    office: Office, tmp_path: Path
) -> None:
    papers = [letter(tmp_path / f"{number}.pdf", [f"Thành phần hồ sơ số {number}"]) for number in range(2)]
    code = "000.00.05.H02-230105-0001"
    first = office.archive(*papers, dossier=code)
    assert {result["dossier"] for result in first} == {code}
    [(name, versions)] = assert_whole(office.archive_root).items()
    assert (name, versions) == (f"urn:sohoa:dossier:{code}", 2)
    [elsewhere] = office.archive(papers[0], dossier="000.00.05.H02-230105-0002")
    assert elsewhere["duplicate_of"] is None
    assert len(office.assert_in_order()) == 3
    assert {hit["document_id"] for hit in office.search(f"dossier:{code}")} == {each["document_id"] for each in first}


def _telling_word(paper: Paper, number: int) -> tuple[str, Box]:
    """The longest lower-case word with marks that stands once on the page and on no other."""
    everywhere = [_bare(word.text) for page in paper.pages for word in page.words]
    candidates = [
        (len(word.text), word.text, word.box)
        for word in paper.pages[number - 1].words
        if word.text.isalpha() and word.text.islower() and _bare(word.text) != word.text
        if everywhere.count(_bare(word.text)) == 1
    ]
    _, text, box = max(candidates)
    return text, box


def _bare(text: str) -> str:
    """Without marks, đ as d, in lower case."""
    parts = unicodedata.normalize("NFD", text.lower().replace("đ", "d"))
    return "".join(letter for letter in parts if not unicodedata.combining(letter))


def _near(found: list[int], truth: Box) -> bool:
    return all(abs(one - other) <= NEAR_PX for one, other in zip(found, truth, strict=True))


def _tree(root: Path) -> dict[str, str]:
    """Every file of the archive and its digest; not what workers keep as time goes: the rolling check's log and the audit."""
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.relative_to(root).parts[0] not in ("fixity", "audit")
    }
