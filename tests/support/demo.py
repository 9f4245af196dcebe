"""`make demo`: draws a batch of papers, archives it, searches it, and shows what came of it and where it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support import press

ROOT = Path("demo")
SCANS = ROOT / "scans"
HOME = ROOT / "sohoa-data"
QUERIES = ("quyết định", "giay phep", '"Sông Hồng"', "KHCN")
PAPERS = 8


def main() -> None:
    """Everything the demo makes is under `demo/`; removing that folder makes the next run the first again."""
    if not SCANS.exists():
        _say(f"drawing {PAPERS} papers into {SCANS}/ (invented people and offices)")
        SCANS.mkdir(parents=True)
        press.batch(SCANS, count=PAPERS, seed=7)
    files = sorted(path for path in SCANS.iterdir() if not path.name.endswith(".json"))
    _say(f"archiving {len(files)} files: sohoa archive {SCANS}")
    _sohoa("archive", *map(str, files))
    for query in QUERIES:
        _say(f"searching: sohoa search '{query}'")
        _sohoa("search", query, "--limit", "2")
    found = _json("search", QUERIES[0], "--limit", "1")
    if not found["hits"]:
        raise SystemExit("the demo found nothing: this is a defect, please report it")
    shown = ROOT / "found.png"
    _draw_hit(found["hits"][0], shown)
    document = _json("status", found["hits"][0]["document_id"])
    _say("what you have now:")
    sys.stdout.write(
        f"  the archive (OCFL)      {HOME / 'archive'}\n"
        f"  a PDF/A of it           {_relative(document['pdf']['path'])}  ({document['pdf']['conformance']})\n"
        f"  the hit, highlighted    {shown}\n"
        f"  try it yourself         SOHOA_HOME={HOME} .venv/bin/sohoa search 'your words'\n"
    )


def _draw_hit(hit: dict[str, Any], target: Path) -> None:
    """Render the page of a hit from its PDF/A and mark the words found, from their boxes."""
    import pypdfium2
    from PIL import Image, ImageDraw

    snippet = hit["snippets"][0]
    exported = ROOT / "found.pdf"
    exported.unlink(missing_ok=True)
    _sohoa("export", hit["document_id"], "--to", str(exported))
    pdf = pypdfium2.PdfDocument(exported)
    try:
        page = pdf[snippet["page"] - 1]
        page_image = page.render(scale=110 / 72).to_pil().convert("RGB")
        scale = page_image.width / snippet["page_width_px"]
    finally:
        pdf.close()
    marks = Image.new("RGB", page_image.size, "white")
    draw = ImageDraw.Draw(marks)
    for each in hit["snippets"]:
        if each["page"] == snippet["page"]:
            for left, top, right, bottom in each["boxes"]:
                draw.rectangle(
                    (left * scale - 2, top * scale - 2, right * scale + 2, bottom * scale + 2), fill=(255, 224, 70)
                )
    from PIL import ImageChops

    ImageChops.multiply(page_image, marks).save(target)


def _sohoa(*arguments: str) -> None:
    subprocess.run(_command(arguments), env=_environment(), check=True)


def _json(*arguments: str) -> Any:
    done = subprocess.run(_command((*arguments, "--json")), env=_environment(), check=True, capture_output=True)
    return json.loads(done.stdout)


def _command(arguments: tuple[str, ...]) -> list[str]:
    return [str(Path(sys.executable).with_name("sohoa")), *arguments]


def _environment() -> dict[str, str]:
    return {**os.environ, "SOHOA_HOME": str(HOME)}


def _relative(path: str) -> str:
    return os.path.relpath(path)


def _say(line: str) -> None:
    sys.stdout.write(f"\n▸ {line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
