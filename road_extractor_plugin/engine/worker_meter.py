"""`Meter` in a worker process."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from road_extractor_plugin.compute.polylines import Polylines
from road_extractor_plugin.contract.comparison import Measured
from road_extractor_plugin.contract.feedback import Feedback
from road_extractor_plugin.engine.wire import Array, read_value
from road_extractor_plugin.engine.worker_client import LongTalk, WorkerClient


class WorkerMeter(WorkerClient):
    """Compares in a worker."""

    def measure_masks(
        self, predicted: npt.NDArray[np.bool_], true: npt.NDArray[np.bool_], feedback: Feedback
    ) -> Measured:
        """See `Meter.measure_masks`."""
        packed = [np.packbits(mask, axis=1) for mask in (predicted, true)]
        return self._measured("measure masks", {"width": predicted.shape[1]}, packed, feedback)

    def measure_lines(self, prediction: Polylines, reference: Polylines, feedback: Feedback) -> Measured:
        """See `Meter.measure_lines`."""
        arrays = [prediction.points, prediction.offsets, reference.points, reference.offsets]
        return self._measured("measure lines", {}, arrays, feedback)

    def _measured(self, kind: str, values: dict[str, Any], arrays: list[Array], feedback: Feedback) -> Measured:
        with self.asking() as worker, worker.process.converse(kind, values, *arrays) as conversation:
            return read_value(Measured, LongTalk(worker, conversation, feedback).until_done().values)
