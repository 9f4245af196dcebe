"""What the long runs have in common (chaos, load, soak): their first arguments, the servers, and where the page goes."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from tests.support import servers


def arguments(name: str, what: str) -> argparse.ArgumentParser:
    """Of `python -m tests.e2e.NAME`: the broker, and the file that the page is written to."""
    parser = argparse.ArgumentParser(prog=f"python -m tests.e2e.{name}", description=what.split("\n", 1)[0])
    parser.add_argument("--broker", choices=("rabbitmq", "redis"), default="rabbitmq")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the page there as well")
    return parser


def begin(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """What was asked for; the servers that `servers.own` wants are there."""
    asked = parser.parse_args()
    for noisy in ("httpx", "elastic_transport", "fontTools"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    for name in ("seaweedfs", "elasticsearch"):
        servers.start(name)
    return asked


def tell(page: str, asked: argparse.Namespace) -> None:
    """Print the page, and write it where that was asked for."""
    if asked.write is not None:
        asked.write.write_text(page, encoding="utf-8")
    print(page)
