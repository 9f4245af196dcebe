"""The queueing model behind docs/capacity.md, against what queueing theory says in closed form."""

from __future__ import annotations

import pytest

from tests.benchmarks.scale_capacity import Demand, predict


def test_one_worker_does_what_was_measured() -> None:
    assert predict(2.0, {"S3": Demand(0.5)}).pages_per_s[1] == pytest.approx(0.5)


def test_many_workers_do_what_the_busiest_engine_lets_them() -> None:
    ahead = predict(2.0, {"S3": Demand(0.1), "PostgreSQL": Demand(0.05)})
    assert ahead.bottleneck == "S3"
    assert ahead.pages_per_s[256] == pytest.approx(10.0, rel=0.001)  # 1 / 0.1 s
    assert all(ahead.pages_per_s[n] <= min(n / 2.0, 10.0) + 1e-9 for n in ahead.pages_per_s)


def test_two_workers_wait_for_each_other_as_in_a_closed_queue_of_two() -> None:
    """One station, no time alone: X(2) = 1/D. One station and as long alone: X(2) = 2 / (Z + D (1 + D/(Z + D)))."""
    assert predict(1.0, {"S3": Demand(1.0)}).pages_per_s[2] == pytest.approx(1.0)
    assert predict(2.0, {"S3": Demand(1.0)}).pages_per_s[2] == pytest.approx(2 / (1 + 1 * (1 + 1 / 2)))


def test_without_anything_shared_it_is_linear() -> None:
    assert predict(2.0, {"S3": Demand(0.0)}).of_linear == pytest.approx(1.0)


def test_an_engine_of_four_cores_does_four_times_as_much_in_the_end() -> None:
    ahead = predict(2.0, {"S3": Demand(0.1, servers=4), "lock": Demand(0.02)})
    assert ahead.pages_per_s[1] == pytest.approx(0.5)
    assert ahead.bottleneck == "S3"
    assert ahead.pages_per_s[256] == pytest.approx(40.0, rel=0.01)  # 4 / 0.1 s
    assert ahead.in_use("S3", 256) == pytest.approx(1.0, rel=0.01)
    assert ahead.in_use("lock", 256) == pytest.approx(0.8, rel=0.01)
