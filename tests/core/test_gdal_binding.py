"""GDAL's cache is small while jobs are on, and as before afterwards."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from road_extractor_plugin.core.gdal_binding import gdal, small_cache


@pytest.fixture(autouse=True)
def large_cache() -> Iterator[int]:
    before = gdal.GetCacheMax()
    gdal.SetCacheMax(1_000_000_000)
    yield 1_000_000_000
    gdal.SetCacheMax(before)


def test_the_cache_is_restored_by_the_last_of_jobs_that_overlap(large_cache: int) -> None:
    first, second = small_cache(), small_cache()
    with first:
        second.__enter__()
        assert gdal.GetCacheMax() < large_cache / 4
    assert gdal.GetCacheMax() < large_cache / 4
    second.__exit__(None, None, None)
    assert gdal.GetCacheMax() == large_cache


def test_it_is_restored_after_a_failure(large_cache: int) -> None:
    with pytest.raises(ZeroDivisionError), small_cache():
        1 / 0  # noqa: B018
    assert gdal.GetCacheMax() == large_cache


def test_a_cache_that_is_small_already_is_left_alone() -> None:
    gdal.SetCacheMax(16_000_000)
    with small_cache():
        assert gdal.GetCacheMax() == 16_000_000


def test_a_job_gets_what_it_needs(large_cache: int) -> None:
    with small_cache(), small_cache(300_000_000):
        assert gdal.GetCacheMax() == 300_000_000
    assert gdal.GetCacheMax() == large_cache
