"""What a store of strips says is finished is there, bit for bit, whatever happened to its files."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from road_extractor_plugin.contract.errors import Cancelled, DiskFullError
from road_extractor_plugin.contract.grid import Grid
from road_extractor_plugin.contract.raster_coding import NODATA
from road_extractor_plugin.core.geotiff import RasterReader
from road_extractor_plugin.core.strip_store import LEDGER, LedgerHead, RowsToCome, StripStore, read_ledger, sound_strips
from road_extractor_plugin.core.unfinished import begin_or_go_on

UInt8 = npt.NDArray[np.uint8]
WIDTH, HEIGHTS = 7, (3, 1, 4, 4, 2)
MADE_OF = {"model": "one", "tile": "64 px"}


class Told:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def progress(self, fraction: float, stage: str) -> None: ...

    def warning(self, text: str) -> None:
        self.warnings.append(text)

    def is_cancelled(self) -> bool:
        return False


def strips(seed: int = 0) -> list[UInt8]:
    random = np.random.default_rng(seed)
    return [random.integers(0, 256, (height, WIDTH), dtype=np.uint8) for height in HEIGHTS]


def write(folder: Path, count: int) -> None:
    with StripStore(folder, WIDTH, LedgerHead(MADE_OF, len(HEIGHTS))) as store:
        for number, codes in enumerate(strips()[:count]):
            store.append(codes, number)


def go_on(folder: Path, made_of: dict[str, str] | None = None) -> tuple[int, list[str]]:
    """How many strips are taken over, and what is told; the others are then written."""
    told = Told()
    store, sentences = begin_or_go_on(folder, made_of or MADE_OF, WIDTH, HEIGHTS, told)
    with store:
        count = len(store.finished)
        for number, codes in enumerate(strips()[count:], start=count):
            store.append(codes, number)
        assert [strip.tiles_run for strip in store.finished] == list(range(len(HEIGHTS)))
        assert [strip.valid_px for strip in store.finished] == [int((codes != NODATA).sum()) for codes in strips()]
    assert (folder / "probability.rows").read_bytes() == b"".join(codes.tobytes() for codes in strips())
    assert read_ledger(folder) is not None
    assert sound_strips(folder, read_ledger(folder).strips, WIDTH, HEIGHTS) == len(HEIGHTS)  # type: ignore[union-attr]
    assert list(sentences) == told.warnings
    return count, told.warnings


@pytest.mark.parametrize("count", range(len(HEIGHTS) + 1))
def test_goes_on_after_any_strip(count: int, tmp_path: Path) -> None:
    write(tmp_path, count)
    taken, told = go_on(tmp_path)
    assert taken == count
    assert told == ([f"Goes on where an earlier run was stopped: {count} of 5 strips are finished."] if count else [])


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.sets(st.integers(1, WIDTH - 1)), taken=st.integers(0, len(HEIGHTS)))
def test_strips_in_parts_are_those_in_one(cuts: set[int], taken: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("run")
    columns = [0, *sorted(cuts), WIDTH]
    with StripStore(folder, WIDTH, LedgerHead(MADE_OF, len(HEIGHTS))) as store:
        for number, codes in enumerate(strips()[:taken]):
            for first, behind in reversed(list(zip(columns, columns[1:]))):
                store.put(codes[:, first:behind], first)
            store.finish(len(codes), number)
        if taken < len(HEIGHTS):  # the next one is begun, but not finished
            store.put(strips()[taken][:, : columns[1]], 0)
    assert go_on(folder)[0] == taken


def test_begins_with_nothing_without_a_word(tmp_path: Path) -> None:
    assert go_on(tmp_path) == (0, [])


@pytest.mark.parametrize(
    ("made_of", "change"),
    [
        ({"model": "two", "tile": "64 px"}, "model: one -> two"),
        ({"model": "one", "tile": "96 px"}, "tile: 64 px -> 96 px"),
        ({"model": "two", "tile": "96 px"}, "model: one -> two; tile: 64 px -> 96 px"),
        ({"model": "one", "tile": "64 px", "area": "all"}, "area: unknown -> all"),
    ],
    ids=["model", "tile", "both", "one that was not told"],
)
def test_what_has_changed_is_named(made_of: dict[str, str], change: str, tmp_path: Path) -> None:
    write(tmp_path, 3)
    taken, told = go_on(tmp_path, made_of)
    assert taken == 0
    assert told == [
        f"All is computed anew, not from where an earlier run was stopped, for something has changed: {change}."
    ]


def test_a_change_is_not_told_where_nothing_is_lost(tmp_path: Path) -> None:
    write(tmp_path, 0)
    assert go_on(tmp_path, {"model": "two"}) == (0, [])


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(["probability.rows", LEDGER]), data=st.data())
def test_damage_is_never_taken_for_finished(
    name: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("run")
    write(folder, 4)
    path = folder / name
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1), label="place")
    kind = data.draw(st.sampled_from(["cut", "changed", "zeros to the end"]), label="kind")
    if kind == "cut":
        del content[place:]
    elif kind == "changed":
        content[place] ^= data.draw(st.integers(1, 255), label="bits")
    else:
        content[place:] = bytes(len(content) - place)
    changed = bytes(content) != path.read_bytes()
    path.write_bytes(content)
    _, told = go_on(folder)  # whatever was taken over, all strips are right at the end
    if changed and name != LEDGER:
        assert told[0].startswith("Of the 4 strips")


@pytest.mark.parametrize("field", ["rows", "checksum", "tiles_run", "valid_px"])
def test_a_number_changed_in_the_ledger_is_damage(field: str, tmp_path: Path) -> None:
    write(tmp_path, 4)
    head, *lines = (tmp_path / LEDGER).read_text().splitlines()
    line = json.loads(lines[2])
    lines[2] = json.dumps({**line, field: line[field] + 1})
    (tmp_path / LEDGER).write_text("".join(f"{line}\n" for line in (head, *lines)))
    assert go_on(tmp_path) == (2, ["Of the 4 strips that an earlier run left, 2 are damaged; they are computed anew."])


def test_a_missing_file_of_strips(tmp_path: Path) -> None:
    write(tmp_path, 3)
    (tmp_path / "probability.rows").unlink()
    assert go_on(tmp_path) == (0, ["Of the 3 strips that an earlier run left, 3 are damaged; they are computed anew."])


def test_an_unreadable_ledger(tmp_path: Path) -> None:
    write(tmp_path, 3)
    (tmp_path / LEDGER).write_bytes(b"\0\xff\n\n")
    taken, (told,) = go_on(tmp_path)
    assert taken == 0
    assert told == "The ledger of an earlier run that was stopped cannot be read; all is computed anew."


def test_what_is_not_final_is_computed_again_with_all_behind_it(tmp_path: Path) -> None:
    with StripStore(tmp_path, WIDTH, LedgerHead(MADE_OF, len(HEIGHTS))) as store:
        for number, codes in enumerate(strips()):
            store.append(codes, number, is_final=number != 2)
        assert len(store.finished) == len(HEIGHTS)
    assert go_on(tmp_path)[0] == 2


def test_a_raster_of_the_strips(tmp_path: Path, grid: Callable[..., Grid]) -> None:
    with StripStore(tmp_path, WIDTH, LedgerHead(MADE_OF, len(HEIGHTS))) as store:
        for codes in strips():
            store.append(codes, 0)
        reader = RasterReader(store.raster(grid(sum(HEIGHTS), WIDTH)))
    assert reader.shape == (sum(HEIGHTS), WIDTH)
    assert (reader.read(2, 9) == np.concatenate(strips())[2:9]).all()


def test_a_full_disk_keeps_what_is_finished(small_disk: Path) -> None:
    tall = (1000,) * 5
    codes = np.random.default_rng(0).integers(0, 256, (1000, 300), dtype=np.uint8)
    store = StripStore(small_disk, 300, LedgerHead(MADE_OF, 5))
    for _ in range(3):
        store.append(codes, 1)
    with store, pytest.raises(DiskFullError):
        store.append(codes, 1)
    goes_on, told = begin_or_go_on(small_disk, MADE_OF, 300, tall, Told())
    goes_on.close()
    assert len(goes_on.finished) == 3, told


def test_rows_to_come_are_waited_for_and_given_up_when_they_do_not_come(tmp_path: Path) -> None:
    codes = strips()
    with ThreadPoolExecutor(1) as thread:
        with StripStore(tmp_path, WIDTH, LedgerHead(MADE_OF, len(HEIGHTS))) as store:
            rows = RowsToCome(store, (sum(HEIGHTS), WIDTH), nullcontext)
            store.append(codes[0], 0)
            assert np.array_equal(rows.read(1, 3), codes[0][1:])
            across = thread.submit(rows.read, 2, 8)
            never = thread.submit(rows.read, 8, 9)
            for number in (1, 2):
                time.sleep(0.01)
                assert not across.done()
                store.append(codes[number], number)
            assert np.array_equal(across.result(30), np.concatenate(codes)[2:8])
        with pytest.raises(Cancelled):
            never.result(30)
    assert np.array_equal(rows.read(0, 8), np.concatenate(codes)[:8])
