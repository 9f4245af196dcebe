"""`make demo`: draws a batch of papers, archives it, searches it, and shows what came of it and where it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pypdfium2
from PIL import Image, ImageChops, ImageDraw

from storage.archive.alto import read_alto
from tests.support import press

ROOT = Path("demo")
SCANS = ROOT / "scans"
HOME = ROOT / "sohoa-data"
QUERIES = ('"quyết định" quy chế', "giay phep", '"tỉnh Sông Hồng"', "379/QĐ-ĐHKT")
PAPERS = 8
SEED = 7
PICTURE = ROOT / "found.png"
PICTURE_DPI = 100
MARK = (255, 224, 70)


def main() -> None:
    """Everything the demo makes is under `demo/`; removing that folder makes the next run the first again."""
    if not SCANS.exists():
        _say(f"drawing {PAPERS} papers into {SCANS}/ (invented people and offices)")
        drawn = ROOT / "drawing"
        drawn.mkdir(parents=True, exist_ok=True)
        press.batch(drawn, count=PAPERS, seed=SEED)
        for truth in drawn.glob("*.json"):
            truth.unlink()
        drawn.rename(SCANS)
    _say(f"archiving them: sohoa archive {SCANS}")
    _sohoa("archive", str(SCANS))
    for query in QUERIES:
        _say(f"searching: sohoa search '{query}'")
        _sohoa("search", query, "--limit", "2")
    found = _json("search", QUERIES[0], "--limit", "1")["hits"]
    if not found:
        raise SystemExit("the demo found nothing: this is a defect, please report it")
    _draw_hit(found[0])
    document = _json("status", found[0]["document_id"])
    _say("what you have now:")
    sys.stdout.write(
        f"  the archive (OCFL)      {HOME / 'archive'}\n"
        f"  a PDF/A in it           {os.path.relpath(document['pdf']['path'])}  ({document['pdf']['conformance']})\n"
        f"  the hit, highlighted    {PICTURE}\n"
        f"  try it yourself         SOHOA_HOME={HOME} .venv/bin/sohoa search 'your words'\n"
    )


def _draw_hit(hit: dict[str, Any]) -> None:
    """Render the page of a hit from its PDF/A and mark the words found, by their boxes."""
    number = hit["snippets"][0]["page"]
    pdf_file, alto_file = ROOT / "found.pdf", ROOT / "found.xml"
    for file, what in ((pdf_file, "pdf"), (alto_file, "alto")):
        file.unlink(missing_ok=True)
        _sohoa("export", hit["document_id"], "--to", str(file), "--what", what)
    pdf = pypdfium2.PdfDocument(pdf_file)
    try:
        page = pdf[number - 1].render(scale=PICTURE_DPI / 72).to_pil().convert("RGB")
    finally:
        pdf.close()
    scale = page.width / read_alto(alto_file.read_bytes())[number - 1].width_px
    marks = Image.new("RGB", page.size, "white")
    draw = ImageDraw.Draw(marks)
    for snippet in hit["snippets"]:
        if snippet["page"] == number:
            for left, top, right, bottom in snippet["boxes"]:
                draw.rectangle((left * scale - 2, top * scale - 2, right * scale + 2, bottom * scale + 2), fill=MARK)
    ImageChops.multiply(page, marks).save(PICTURE, optimize=True)


def _sohoa(*arguments: str) -> None:
    subprocess.run(_command(arguments), env=_environment(), check=True)


def _json(*arguments: str) -> Any:
    done = subprocess.run(_command((*arguments, "--json")), env=_environment(), check=True, capture_output=True)
    return json.loads(done.stdout)


def _command(arguments: tuple[str, ...]) -> list[str]:
    return [str(Path(sys.executable).with_name("sohoa")), *arguments]


def _environment() -> dict[str, str]:
    return {**os.environ, "SOHOA_HOME": str(HOME)}


def _say(line: str) -> None:
    sys.stdout.write(f"\n▸ {line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
