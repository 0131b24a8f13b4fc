"""What the rest of the program sees of the machine that computes."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from road_extractor_plugin.compute.polylines import Polylines
from road_extractor_plugin.compute.raster_rows import RasterRows
from road_extractor_plugin.compute.traced import MaskTaker, Traced
from road_extractor_plugin.contract.comparison import Measured
from road_extractor_plugin.contract.feedback import Feedback
from road_extractor_plugin.contract.model_card import ModelCard
from road_extractor_plugin.contract.result import Device
from road_extractor_plugin.contract.trace_settings import TraceSettings


class Tracer(Protocol):
    """The mathematics from a probability raster to roads, in this process or another."""

    def trace(
        self,
        probability: RasterRows,
        settings: TraceSettings,
        pixel_size_m: tuple[float, float],
        feedback: Feedback,
        mask_made: MaskTaker | None = None,
    ) -> Traced:
        """Mask and road graph of a stored probability raster, 0..254 and 255 for nodata, that is read in strips.

        The mask is given to `mask_made` as soon as there is one.
        """


class Meter(Protocol):
    """The mathematics of a comparison, in this process or another."""

    def measure_masks(
        self, predicted: npt.NDArray[np.bool_], true: npt.NDArray[np.bool_], feedback: Feedback
    ) -> Measured:
        """Figures of two masks (height, width), True where road is and both are known.

        Raises:
            Cancelled: The feedback asked for it.
        """

    def measure_lines(self, prediction: Polylines, reference: Polylines, feedback: Feedback) -> Measured:
        """Figures of two networks; lines are in metres, and connected where they share a vertex.

        Raises:
            Cancelled: The feedback asked for it.
        """


class Compute(Tracer, Protocol):
    """A loaded model and the array mathematics, in this process or another."""

    @property
    def card(self) -> ModelCard:
        """How the model wants its input."""

    @property
    def device(self) -> Device:
        """What the network runs on."""

    def predict(self, tiles: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Road probability of normalised tiles.

        Args:
            tiles: (n, bands, height, width); height and width multiples of the card's `multiple_of`.

        Returns:
            float32 (n, height, width), 0..1.

        Raises:
            ComputeError: The network failed, or gave something else than its card says.
        """

    def close(self) -> None:
        """Free the model and the device; afterwards nothing else may be called."""
