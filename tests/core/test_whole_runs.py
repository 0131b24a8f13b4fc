"""A run as a whole: its halves overlap, it ends whatever goes wrong, and its shape does not matter."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, ClassVar

import numpy as np
import numpy.typing as npt
import pytest

from road_extractor_plugin.compute.local import LocalCompute
from road_extractor_plugin.compute.raster_rows import RasterRows
from road_extractor_plugin.compute.traced import MaskTaker, Traced
from road_extractor_plugin.contract.errors import ComputeError, OutputError, RasterUnreadableError, RoadExtractorError
from road_extractor_plugin.contract.feedback import Feedback, SilentFeedback
from road_extractor_plugin.contract.grid import Window
from road_extractor_plugin.contract.model_card import ModelCard
from road_extractor_plugin.contract.request import ExtractRequest
from road_extractor_plugin.contract.trace_settings import TraceSettings
from road_extractor_plugin.core.pipeline import extract
from road_extractor_plugin.core.raster_source import RasterSource
from road_extractor_plugin.core.strip_store import StripStore
from tests.run_results import results

PATIENCE_S = 120
"""No run here takes seconds; one that takes this long waits for ever."""
TILE_PX = 64


def scene(raster: Callable[..., Path], height: int, width: int, name: str = "scene.tif") -> Path:
    """Bright roads on dark noise."""
    image = np.random.default_rng(5).integers(1, 80, (3, height, width), dtype=np.uint8)
    image[:, height // 2 : height // 2 + 9] = 235
    image[:, :, width // 2 : width // 2 + 9] = 235
    return raster(image, name)


@pytest.fixture
def request_(tmp_path: Path, raster: Callable[..., Path], tiny_model: Path) -> ExtractRequest:
    """Six rows of tiles by four."""
    return ExtractRequest(
        raster=scene(raster, 240, 170),
        output_folder=tmp_path / "out",
        model=tiny_model,
        device="cpu",
        tile_px=TILE_PX,
        overwrite=True,
    )


class Meeting(LocalCompute):
    """Runs the network for the last tile only when the tracer has had its first rows."""

    def __init__(self, path: Path, card: ModelCard, tiles: int) -> None:
        super().__init__(path, card, device="cpu")
        self._left = tiles
        self._traces = threading.Event()

    def predict(self, tiles: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        self._left -= len(tiles)
        if self._left == 0:
            assert self._traces.wait(PATIENCE_S), "the tracer waits for the last tile"
        return super().predict(tiles)

    def trace(
        self,
        probability: RasterRows,
        settings: TraceSettings,
        pixel_size_m: tuple[float, float],
        feedback: Feedback,
        mask_made: MaskTaker | None = None,
    ) -> Traced:
        probability.read(0, TILE_PX // 2)
        self._traces.set()
        return super().trace(probability, settings, pixel_size_m, feedback, mask_made)


def test_roads_are_traced_while_the_network_runs(request_: ExtractRequest, tiny_model: Path, card: ModelCard) -> None:
    plain = replace(request_, output_folder=request_.output_folder.parent / "plain")
    tiles = extract(plain, LocalCompute(tiny_model, card, device="cpu"), SilentFeedback()).report.tiles
    report = extract(request_, Meeting(tiny_model, card, tiles), SilentFeedback()).report
    assert report.roads.centerlines > 0
    assert report.seconds["trace"] < report.seconds["total"]
    assert results(request_.output_folder) == results(plain.output_folder)


class Trouble(SilentFeedback):
    """What one run meets, drawn by chance: how slow disk and network are, and what fails or is cancelled when."""

    words: ClassVar[dict[str, str]] = {
        "": "done",
        "read": "the disk is gone",
        "network": "The network failed",
        "trace": "The tracer failed",
        "write": "the disk is full",
        "cancel": "Cancelled",
    }

    def __init__(self, seed: int) -> None:
        chance = random.Random(seed)
        self.pauses_s = {place: chance.choice([0.0, 0.0, 0.002, 0.01]) for place in self.words}
        self.failing = chance.choice(list(self.words))
        self._turn = chance.randrange({"write": 6, "trace": 3, "cancel": 80}.get(self.failing, 24))
        self._turns = dict.fromkeys(self.words, 0)

    def at(self, place: str) -> bool:
        """Take the time of a turn; whether it is the one that goes wrong."""
        time.sleep(0.0 if place == "cancel" else self.pauses_s[place])
        self._turns[place] += 1
        return place == self.failing and self._turns[place] > self._turn

    def is_cancelled(self) -> bool:
        return self.at("cancel")


class Troubled(LocalCompute):
    """Computes slowly, or fails."""

    def __init__(self, path: Path, card: ModelCard, trouble: Trouble) -> None:
        super().__init__(path, card, device="cpu")
        self.trouble = trouble

    def predict(self, tiles: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        if self.trouble.at("network"):
            raise ComputeError("The network failed", "Try again")
        return super().predict(tiles)

    def trace(
        self,
        probability: RasterRows,
        settings: TraceSettings,
        pixel_size_m: tuple[float, float],
        feedback: Feedback,
        mask_made: MaskTaker | None = None,
    ) -> Traced:
        for row in range(0, 240, 80):
            if self.trouble.at("trace"):
                raise ComputeError("The tracer failed", "Try again")
            probability.read(row, row + 80)
        return super().trace(probability, settings, pixel_size_m, feedback, mask_made)


def outcome(run: Callable[[], object]) -> str:
    """Run in a thread; what went wrong, or "done", or "hangs"."""
    outcomes = []

    def target() -> None:
        try:
            run()
            outcomes.append("done")
        except RoadExtractorError as error:
            outcomes.append(f"{type(error).__name__}: {error}")

    thread = threading.Thread(target=target, daemon=True)
    thread.start()
    thread.join(PATIENCE_S)
    return outcomes[0] if outcomes else "hangs"


@pytest.fixture
def check(
    request_: ExtractRequest, tiny_model: Path, card: ModelCard, monkeypatch: pytest.MonkeyPatch
) -> Callable[[range], None]:
    """Runs with one trouble each: it is told, no thread stays behind, and a run that is done is right."""
    whole = replace(request_, output_folder=request_.output_folder.parent / "whole", keep_unfinished=False)
    extract(whole, LocalCompute(tiny_model, card, device="cpu"), SilentFeedback())
    expected, read, append = results(whole.output_folder), RasterSource.read, StripStore.append
    trouble = Trouble(0)

    def troubled_read(source: RasterSource, window: Window) -> Any:
        if trouble.at("read"):
            raise RasterUnreadableError("scene.tif", "the disk is gone")
        return read(source, window)

    def troubled_append(store: StripStore, *arguments: Any, **named: Any) -> None:
        if trouble.at("write"):
            raise OutputError("The folder cannot be written: the disk is full", "Free some room")
        append(store, *arguments, **named)

    monkeypatch.setattr(RasterSource, "read", troubled_read)
    monkeypatch.setattr(StripStore, "append", troubled_append)

    def run(seed: int, threads: int) -> None:
        folder = request_.output_folder / str(seed)
        asked = replace(request_, output_folder=folder, keep_unfinished=bool(seed % 2))
        told = outcome(lambda: extract(asked, Troubled(tiny_model, card, trouble), trouble))
        assert trouble.words[trouble.failing] in told or told == "done", f"seed {seed}: {told}"
        assert threading.active_count() == threads, f"seed {seed} left a thread behind"
        if told == "done":
            assert results(folder) == expected

    def check_runs(seeds: range) -> None:
        nonlocal trouble
        threads = threading.active_count()
        for seed in seeds:
            trouble = Trouble(seed)
            run(seed, threads)

    return check_runs


def test_whatever_goes_wrong_the_run_ends(check: Callable[[range], None]) -> None:
    check(range(8))


@pytest.mark.soak
@pytest.mark.parametrize("first", range(100, 300, 20))
def test_nothing_waits_for_ever_in_200_runs(first: int, check: Callable[[range], None]) -> None:
    check(range(first, first + 20))


@pytest.mark.parametrize("shape", [(100, 100), (300, 100_000)], ids=["smaller than a tile", "a strip of 100 km"])
def test_rasters_of_unusual_shapes(
    shape: tuple[int, int], tmp_path: Path, raster: Callable[..., Path], tiny_model: Path, card: ModelCard
) -> None:
    request = ExtractRequest(scene(raster, *shape), tmp_path / "out", tiny_model, device="cpu", tile_px=1024)
    result = extract(request, LocalCompute(tiny_model, card, device="cpu"), SilentFeedback())
    assert (result.report.height_px, result.report.width_px) == shape
    assert result.report.valid_fraction == 1.0
    assert result.report.roads.length_km == pytest.approx(sum(shape) / 1000, rel=0.1)


def test_another_click_on_a_small_extent_is_answered_within_a_second(
    request_: ExtractRequest, tiny_model: Path, card: ModelCard
) -> None:
    """The network of the tests takes no time. Counted as the processor's, for the machine may be busy elsewhere."""
    compute = LocalCompute(tiny_model, card, device="cpu")
    extract(request_, compute, SilentFeedback())
    started_s = time.process_time()
    extract(request_, compute, SilentFeedback())
    assert time.process_time() - started_s < 1.0
