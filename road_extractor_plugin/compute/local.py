"""`Compute` in this process."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from road_extractor_plugin.compute.predictors.choice import open_predictor
from road_extractor_plugin.compute.raster_rows import RasterRows
from road_extractor_plugin.compute.traced import MaskTaker, Traced
from road_extractor_plugin.compute.tracing import Tracing
from road_extractor_plugin.contract.feedback import Feedback
from road_extractor_plugin.contract.model_card import ModelCard
from road_extractor_plugin.contract.result import Device
from road_extractor_plugin.contract.trace_settings import TraceSettings


class LocalTracer:
    """Traces where it is called."""

    def trace(
        self,
        probability: RasterRows,
        settings: TraceSettings,
        pixel_size_m: tuple[float, float],
        feedback: Feedback,
        mask_made: MaskTaker | None = None,
    ) -> Traced:
        """See `Tracer.trace`."""
        tracing = Tracing(probability, settings, pixel_size_m, feedback)
        if mask_made is not None:
            mask_made(tracing.mask.twin())
        return Traced(tracing.graph(), tracing.mask)


class LocalCompute(LocalTracer):
    """Runs the network and the tracer where it is called."""

    def __init__(self, path: Path, card: ModelCard, *, device: str = "auto", threads: int = 0) -> None:
        """Load the model; see `open_predictor` for the arguments and errors."""
        self._card = card
        self._predictor = open_predictor(path, card, device=device, threads=threads)

    @property
    def card(self) -> ModelCard:
        """How the model wants its input."""
        return self._card

    @property
    def device(self) -> Device:
        """What the network runs on now."""
        return self._predictor.device

    def predict(self, tiles: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """See `Compute.predict`."""
        return self._predictor.predict(tiles)

    def close(self) -> None:
        """Free the network and its device."""
        del self._predictor
