"""A minute of random kills (`make kills MINUTES=5` is longer): nothing that was promised is lost."""

from __future__ import annotations

import pytest

from tests.e2e.random_kills import besiege
from tests.support.crash import count_points
from tests.support.office import Office

pytestmark = pytest.mark.slow
KILLS = 11


def test_a_minute_of_random_kills_loses_nothing(office: Office) -> None:
    survived = besiege(office, seconds=60, seed=20260105, at_least=KILLS)
    print(survived)
    count_points(survived.kills.total())
    assert survived.kills.total() >= KILLS
    assert survived.documents["archived"] > 10
