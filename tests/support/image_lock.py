"""What the image installs: the packages of requirements.lock that Sohoa itself needs, without those that only tests do.

python -m tests.support.image_lock writes requirements-image.lock; a test keeps it so.
"""

from __future__ import annotations

import re
from importlib.metadata import requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
EXTRAS = ("postgres", "celery", "elasticsearch", "otel")
"""What an image must be able to speak to."""
BUILDS = ("setuptools",)
_HEAD = (
    "# Made of requirements.lock by `python -m tests.support.image_lock`: what the image needs of it (Dockerfile).\n"
)


def image_lock() -> str:
    """The text of requirements-image.lock, after the packages that are installed here."""
    wanted = _closure("sohoa", EXTRAS) | {canonicalize_name(name) for name in BUILDS}
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    blocks = re.findall(r"^[A-Za-z0-9].*?(?=^\S|\Z)", lock, flags=re.MULTILINE | re.DOTALL)
    kept = [block for block in blocks if canonicalize_name(re.split(r"[=\[]", block, maxsplit=1)[0]) in wanted]
    return _HEAD + "".join(re.sub(r"^ +#.*\n", "", block, flags=re.MULTILINE) for block in kept)


def _closure(name: str, extras: tuple[str, ...]) -> set[str]:
    """The names of all that a package needs on this machine, without itself."""
    found: set[str] = set()
    seen: set[tuple[str, tuple[str, ...]]] = set()
    open_ones = [(name, extras)]
    while open_ones:
        one = open_ones.pop()
        if one in seen:
            continue
        seen.add(one)
        for line in requires(one[0]) or ():
            needed = Requirement(line)
            if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in ("", *one[1])):
                found.add(canonicalize_name(needed.name))
                open_ones.append((needed.name, tuple(sorted(needed.extras))))
    return found


if __name__ == "__main__":
    (ROOT / "requirements-image.lock").write_text(image_lock(), encoding="utf-8")
