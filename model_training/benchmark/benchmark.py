"""Speed of exported files per runtime and tile size.

All are timed in turns, one tile each, round after round, so that whatever else the machine does meets all of them
alike; the median counts. Only ratios within one such run are worth comparing.
"""

from __future__ import annotations

import dataclasses
import json
import os
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from model_training.benchmark.runtimes import Predict, runtimes_of
from road_extractor_plugin.compute.self_test import self_test_input
from road_extractor_plugin.contract.errors import OutputError, RequestError
from road_extractor_plugin.contract.model_card import ModelCard, SelfTest

_WARM_UP = 3
"""TorchScript optimises for a tile size during its first runs."""
PROTOCOL = (
    "network alone, one tile at a time, on the processor; median over rounds in which all take turns; km2/h at the "
    "ground resolution of the file's card; ratio to the first line with the same tile"
)


@dataclass(frozen=True)
class Speed:
    """One line of the table."""

    file: str
    runtime: str
    tile_px: int
    threads: int
    seconds: float
    """Median, per tile."""
    mpx_per_s: float
    km2_per_h: float
    ratio: float
    """To the first line with this tile size; more is faster."""


@dataclass(frozen=True)
class _Contestant:
    file: str
    runtime: str
    card: ModelCard
    predict: Predict
    tile: npt.NDArray[np.float32]

    @property
    def tile_px(self) -> int:
        return self.tile.shape[-1]


def benchmark(files: Sequence[Path], tiles_px: Sequence[int], threads: int, rounds: int) -> tuple[Speed, ...]:
    """Time files in all their runtimes.

    Args:
        files: ONNX or TorchScript, with cards.
        tiles_px: Sides of the tiles.
        threads: Processor threads; 0 takes all.
        rounds: How often each is timed.

    Raises:
        ModelUnreadableError: A file is no model.
        RequestError: A tile does not fit a network.
        ComputeError: A network failed.
    """
    threads = threads or os.cpu_count() or 1
    contestants = [each for tile_px in tiles_px for each in _contestants(files, tile_px, threads)]
    for each in contestants:
        for _ in range(_WARM_UP):
            each.predict(each.tile)
    seconds: list[list[float]] = [[] for _ in contestants]
    for _ in range(rounds):
        for each, times in zip(contestants, seconds):
            started = time.perf_counter()
            each.predict(each.tile)
            times.append(time.perf_counter() - started)
    return _with_ratios([_speed(each, statistics.median(times), threads) for each, times in zip(contestants, seconds)])


def _contestants(files: Sequence[Path], tile_px: int, threads: int) -> list[_Contestant]:
    found = []
    for path in files:
        for runtime, card, predict in runtimes_of(path, threads):
            if tile_px % card.tiling.multiple_of:
                raise RequestError("--tile", tile_px, f"a multiple of {card.tiling.multiple_of} for '{path}'")
            tile = self_test_input(SelfTest(0, tile_px, (), (), (), 0.0), len(card.input.bands))
            found.append(_Contestant(path.name, runtime, card, predict, tile))
    return found


def _speed(each: _Contestant, seconds: float, threads: int) -> Speed:
    mpx_per_s = each.tile_px**2 / 1e6 / seconds
    km2_per_h = mpx_per_s * 3600 * each.card.input.ground_resolution_m**2
    return Speed(each.file, each.runtime, each.tile_px, threads, seconds, mpx_per_s, km2_per_h, 1.0)


def _with_ratios(speeds: Sequence[Speed]) -> tuple[Speed, ...]:
    first: dict[int, Speed] = {}
    for speed in speeds:
        first.setdefault(speed.tile_px, speed)
    return tuple(dataclasses.replace(speed, ratio=first[speed.tile_px].seconds / speed.seconds) for speed in speeds)


def as_table(speeds: Sequence[Speed]) -> str:
    """Lines of text, with the protocol below."""
    rows = [("file", "runtime", "tile px", "threads", "Mpx/s", "km2/h", "ratio")]
    rows += [
        (
            speed.file,
            speed.runtime,
            str(speed.tile_px),
            str(speed.threads),
            f"{speed.mpx_per_s:.2f}",
            f"{speed.km2_per_h:,.0f}",
            f"{speed.ratio:.2f}",
        )
        for speed in speeds
    ]
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
    return "\n".join([*lines, "", PROTOCOL])


def write_json(path: Path, speeds: Sequence[Speed]) -> None:
    """Write all figures with the protocol.

    Raises:
        OutputError: The file cannot be written.
    """
    content = {"protocol": PROTOCOL, "speeds": [dataclasses.asdict(speed) for speed in speeds]}
    try:
        path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise OutputError(f"Cannot write '{path}' ({error.strerror})", "Choose another file with --json") from error
