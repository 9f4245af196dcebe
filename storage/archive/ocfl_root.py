"""Is this an OCFL storage root? Its own files, the hierarchy, the layout, and every object in it (spec, section 4)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

from sohoa.errors import NotFound, StoreUnavailable
from storage.archive.ocfl_rules import SPECS, VERSION_NAME, Finding
from storage.archive.ocfl_tree import FolderTree, Tree, symbolic_links
from storage.archive.ocfl_validate import EXTENSIONS, ObjectReport, feed, new_digest, validate_object

_DECLARATION = re.compile(r"0=ocfl_(\d+\.\d+)")
_HASHED_N_TUPLE = "0004-hashed-n-tuple-storage-layout"


@dataclass(slots=True)
class RootReport:
    """What was found in a storage root outside its objects. `layout` names the extension by which ids become paths."""

    spec: str | None = None
    layout: str | None = None
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class HashedNTuple:
    """Layout extension 0004 with its parameters."""

    algorithm: str = "sha256"
    tuple_size: int = 3
    tuples: int = 3
    short_root: bool = False

    def path_of(self, object_id: str) -> str:
        """The path of an object's root below the storage root, without a slash at the end."""
        digest = new_digest(self.algorithm)
        digest.update(object_id.encode(errors="surrogatepass"))
        whole: str = digest.hexdigest()
        cut = self.tuple_size * self.tuples
        folders = [whole[start : start + self.tuple_size] for start in range(0, cut, self.tuple_size or 1)]
        return "/".join([*folders, whole[cut:] if self.short_root else whole])


def validate_folder(path: Path) -> Iterator[RootReport | ObjectReport]:
    """Check the object or the storage root in a folder, whichever it is; a storage root's own report comes last."""
    tree = FolderTree(path)
    links = [Finding("E090", link, "symbolic links are not allowed") for link in symbolic_links(path)]
    for found in [validate_object(tree)] if _looks_like_object(path) else validate_root(tree):
        if isinstance(found, RootReport) or found.root == "":
            found.findings += links
        yield found


def _looks_like_object(path: Path) -> bool:
    names = {entry.name: entry.is_dir() for entry in path.iterdir()}
    if any(name.startswith("0=ocfl_object") for name in names):
        return True
    if any(name.startswith(("0=ocfl_", "ocfl_layout.json")) for name in names):
        return False
    is_part = any(name.startswith("inventory.json") or VERSION_NAME.fullmatch(name) for name in names)
    return is_part or not any(names.values())


def validate_root(tree: Tree, root: str = "") -> Iterator[RootReport | ObjectReport]:
    """Check the storage root at `root` ("" or ending in "/"): each object's report, then that of the root itself.

    Raises StoreUnavailable where keys cannot be listed.
    """
    report = RootReport()
    layout = check_root_files(tree, root, report)
    seen: dict[bytes, str] = {}
    for found in find_objects(tree, root):
        if isinstance(found, Finding):
            report.findings.append(found)
            continue
        folder, names = found
        checked = validate_object(tree, folder, names)
        check_place(checked, report, root=root, layout=layout)
        if checked.object_id is not None:
            digest = new_digest("blake2b-160")
            digest.update(checked.object_id.encode(errors="surrogatepass"))
            first = seen.setdefault(digest.digest(), folder)
            if first != folder:
                checked.findings.append(Finding("E037", folder, f"the object in {first} has the same id"))
        yield checked
    yield report


def check_root_files(tree: Tree, root: str, report: RootReport) -> HashedNTuple | None:
    """The root's declaration, its layout file and its extensions; the layout, where it is one that can be checked."""
    names = [key[len(root) :] for prefix in ("0=", "ocfl_", "extensions/") for key in tree.list(root + prefix)]
    _check_declaration(tree, root, names, report)
    for path in names:
        extension, slash, _ = path.removeprefix("extensions/").partition("/")
        if path.startswith("extensions/") and not slash:
            report.findings.append(Finding("E112", root + path, "extensions/ holds folders only"))
        elif path.startswith("extensions/") and extension not in EXTENSIONS:
            report.findings.append(Finding("W016", root + path, f"{extension} is not a registered extension"))
    return _read_layout(tree, root, names, report)


def check_place(checked: ObjectReport, report: RootReport, *, root: str, layout: HashedNTuple | None) -> None:
    """An object in a root: no newer than the root, and where the layout puts it."""
    if report.spec is not None and checked.spec is not None and SPECS.index(checked.spec) > SPECS.index(report.spec):
        detail = f"the object follows OCFL {checked.spec}, its storage root {report.spec}"
        checked.findings.append(Finding("E081", checked.root, detail))
    if layout is not None and checked.object_id is not None:
        expected = f"{root}{layout.path_of(checked.object_id)}/"
        if checked.root != expected:
            checked.findings.append(Finding("E083", checked.root, f"by the layout its place is {expected}"))


def find_objects(tree: Tree, root: str) -> Iterator[tuple[str, list[str]] | Finding]:
    """Every object's key (ending in "/") with its own keys below it, and what else lies in the hierarchy.

    Keys are held in memory for one folder of the root at a time.
    """
    keys = (key[len(root) :] for key in tree.list(root))
    for name, group in groupby(keys, key=lambda path: path.partition("/")[0]):
        paths = list(group)
        if name != "extensions" and "/" in paths[0]:
            yield from _objects_below(f"{root}{name}/", [path[len(name) + 1 :] for path in paths])


def _objects_below(folder: str, paths: Sequence[str]) -> Iterator[tuple[str, list[str]] | Finding]:
    if list(paths) == [""]:
        yield Finding("E073", folder, "an empty folder in the hierarchy")
        return
    files = [path for path in paths if "/" not in path]
    folders = dict.fromkeys(path.partition("/")[0] for path in paths if "/" in path)
    is_object = any(name.startswith(("0=ocfl_object", "inventory.json")) for name in files)
    if is_object or any(VERSION_NAME.fullmatch(name) for name in folders):
        yield folder, list(paths)
        return
    for name in files:
        yield Finding("E072", folder + name, "this file is not part of an object")
    inner = (path for path in paths if "/" in path)
    for name, group in groupby(inner, key=lambda path: path.partition("/")[0]):
        yield from _objects_below(f"{folder}{name}/", [path[len(name) + 1 :] for path in group])


def _check_declaration(tree: Tree, root: str, names: Sequence[str], report: RootReport) -> None:
    declarations = [name for name in names if name.startswith("0=")]
    if not declarations:
        report.findings.append(Finding("E069", root, "there is no declaration 0=ocfl_1.1"))
        return
    if len(declarations) > 1:
        report.findings.append(Finding("E076", root + declarations[1], "there is more than one declaration"))
    name = declarations[0]
    match = _DECLARATION.fullmatch(name)
    if match is None or match[1] not in SPECS:
        report.findings.append(Finding("E077", root + name, f"it is not OCFL {' or '.join(SPECS)}"))
        return
    report.spec = match[1]
    data = _read(tree, root + name, "E080", report)
    if data is not None and data != f"{name[2:]}\n".encode():
        report.findings.append(Finding("E080", root + name, f"it does not hold {name[2:]} and a line feed"))


def _read_layout(tree: Tree, root: str, names: Sequence[str], report: RootReport) -> HashedNTuple | None:
    if "ocfl_layout.json" not in names:
        return None
    key = f"{root}ocfl_layout.json"
    layout = _read_json(tree, key, "E070", report)
    if layout is None:
        return None
    if not all(isinstance(layout.get(wanted), str) for wanted in ("extension", "description")):
        report.findings.append(Finding("E070", key, "it lacks the texts 'extension' and 'description'"))
        return None
    report.layout = str(layout["extension"])
    if report.layout not in EXTENSIONS:
        report.findings.append(Finding("E071", key, f"{report.layout!r} is not a registered extension"))
    if report.layout != _HASHED_N_TUPLE:
        return None
    config = f"extensions/{_HASHED_N_TUPLE}/config.json"
    return _hashed_n_tuple(tree, root + config, report) if config in names else HashedNTuple()


def _hashed_n_tuple(tree: Tree, key: str, report: RootReport) -> HashedNTuple | None:
    config = _read_json(tree, key, "E071", report)
    if config is None:
        return None
    layout = HashedNTuple(
        algorithm=config.get("digestAlgorithm", "sha256"),
        tuple_size=config.get("tupleSize", 3),
        tuples=config.get("numberOfTuples", 3),
        short_root=config.get("shortObjectRoot", False),
    )
    sizes = (layout.tuple_size, layout.tuples)
    if (
        config.get("extensionName") != _HASHED_N_TUPLE
        or new_digest(layout.algorithm) is None
        or not all(type(size) is int and 0 <= size <= 32 for size in sizes)
        or (0 in sizes and any(sizes))
        or not isinstance(layout.short_root, bool)
    ):
        report.findings.append(Finding("E071", key, "its parameters are not those of layout 0004"))
        return None
    return layout


def _read_json(tree: Tree, key: str, code: str, report: RootReport) -> dict[str, Any] | None:
    data = _read(tree, key, code, report)
    if data is None:
        return None
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        report.findings.append(Finding(code, key, "it is not a JSON object"))
        return None
    return found


def _read(tree: Tree, key: str, code: str, report: RootReport) -> bytes | None:
    pieces: list[bytes] = []
    try:
        feed(tree, key, [pieces.append])
    except (NotFound, StoreUnavailable) as error:
        report.findings.append(Finding(code, key, f"it cannot be read: {error.detail}"))
        return None
    return b"".join(pieces)
