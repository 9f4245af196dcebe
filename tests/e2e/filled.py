"""An Elasticsearch that is full of made-up papers and kept between runs, for filling it takes three quarters of an hour.

python -m tests.e2e.filled FOLDER [--documents N]    fills one, and leaves its data in FOLDER
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from elasticsearch import Elasticsearch

from sohoa.settings import Settings
from storage.index import open_index
from tests.benchmarks.scale_search import fill_with_copies
from tests.support import servers
from tests.support.indexes import ELASTIC
from tests.support.servers import S3Server

DOCUMENTS = 1_000_000


def fill(folder: Path, documents: int) -> None:
    """Raises FileExistsError where `folder` is there already."""
    folder.mkdir(parents=True)
    servers.start(ELASTIC)
    with servers.own(ELASTIC) as server:
        with open_index(Settings(home=folder, index_url=f"{server.endpoint}/filled"), mode="write") as index:
            fill_with_copies(index, documents)
            assert index.count() == documents
        servers.stop(server)
        shutil.move(Path(server.folder) / "data", folder / "data")


@contextmanager
def filled(folder: Path) -> Iterator[tuple[S3Server, str]]:
    """A server on a copy of what :func:`fill` left, and the URL of its index."""
    with servers.own(ELASTIC, data=folder / "data") as server:
        with Elasticsearch(server.endpoint, request_timeout=120) as library:
            (alias,) = {name for index in library.indices.get_alias().values() for name in index["aliases"]}
        yield server, f"{server.endpoint}/{alias}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.filled", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--documents", type=int, default=DOCUMENTS)
    asked = parser.parse_args()
    fill(asked.folder, asked.documents)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
