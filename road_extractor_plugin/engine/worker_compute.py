"""`Compute` and `Tracer` in a worker process."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from road_extractor_plugin.compute.raster_rows import PackedRows, RasterRows
from road_extractor_plugin.compute.traced import MaskTaker, Traced
from road_extractor_plugin.contract.errors import ComputeError, RoadExtractorError
from road_extractor_plugin.contract.feedback import Feedback
from road_extractor_plugin.contract.model_card import ModelCard
from road_extractor_plugin.contract.model_file import read_card
from road_extractor_plugin.contract.request import ExtractRequest
from road_extractor_plugin.contract.result import Device
from road_extractor_plugin.contract.trace_settings import TraceSettings
from road_extractor_plugin.engine.graph_wire import graph_of
from road_extractor_plugin.engine.wire import Message, WireError, read_value
from road_extractor_plugin.engine.worker_client import LongTalk, WorkerClient
from road_extractor_plugin.engine.worker_pool import ModelKey, Worker, WorkerChoice, WorkerPool
from road_extractor_plugin.engine.worker_process import Conversation


class WorkerTracer(WorkerClient):
    """Traces in a worker."""

    def trace(
        self,
        probability: RasterRows,
        settings: TraceSettings,
        pixel_size_m: tuple[float, float],
        feedback: Feedback,
        mask_made: MaskTaker | None = None,
    ) -> Traced:
        """See `Tracer.trace`."""
        values = {
            "shape": probability.shape,
            "settings": dataclasses.asdict(settings),
            "pixel_size_m": pixel_size_m,
        }
        with self.asking() as worker, worker.process.converse("trace", values) as conversation:
            return _Tracing(worker, conversation, feedback, probability, mask_made).run()


class WorkerCompute(WorkerTracer):
    """Runs the network and the tracer in a worker.

    `predict` may be called from two threads: then the tiles of one travel while those of the other are computed.
    """

    def __init__(self, pool: WorkerPool, choice: WorkerChoice) -> None:
        super().__init__(pool, choice)
        self._card: ModelCard | None = None

    def load(self, request: ExtractRequest) -> None:
        """Load the model that a request names, on the device that it names, unless the worker has it already.

        Raises:
            ModelUnreadableError: The file is not a model.
            ModelCardError: Its card is wrong.
            ModelContractMissingError: It has no card, and the request does not say what is missing.
            ComputeError: There is no worker, or a library that computes is not installed in it.
            RequestError: The device is unknown or not here.
            Cancelled: It was interrupted.
        """
        self._card = read_card(request.model, request.model_options)
        key = ModelKey.of(request, self._card)
        try:
            self._load(key, self._card)
        except RoadExtractorError:
            self.close()
            raise

    def _load(self, key: ModelKey, card: ModelCard) -> None:
        with self.asking() as worker:
            if worker.model == key:
                return
            worker.model = None
            values = {"path": str(key.path), "card": card.to_json(), "device": key.device}
            # Not watched: building kernels for a graphics card takes minutes, in which no thread of Python may run.
            reply = worker.process.ask("load", values, watched=False)
            worker.device = read_value(Device, reply.values.get("device"))
            worker.model = key

    @property
    def card(self) -> ModelCard:
        """How the model wants its input."""
        if self._card is None:
            raise _not_loaded()
        return self._card

    @property
    def device(self) -> Device:
        """What the network runs on."""
        if self._worker is None or self._worker.device is None:
            raise _not_loaded()
        return self._worker.device

    def predict(self, tiles: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """See `Compute.predict`."""
        with self.asking() as worker:
            reply = worker.process.ask("predict", {}, tiles)
            worker.device = read_value(Device, reply.values.get("device"))
            return _probability(reply, (len(tiles), *tiles.shape[2:]))


def _probability(reply: Message, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    if len(reply.arrays) != 1 or reply.arrays[0].shape != shape or reply.arrays[0].dtype != np.float32:
        got = [(array.dtype.name, array.shape) for array in reply.arrays]
        raise WireError(f"arrays {got} for tiles of {shape}")
    return reply.arrays[0]


def _not_loaded() -> ComputeError:
    return ComputeError("No model is loaded", "Load one first")


class _Tracing(LongTalk):
    """The conversation about one raster."""

    def __init__(
        self,
        worker: Worker,
        conversation: Conversation,
        feedback: Feedback,
        probability: RasterRows,
        mask_made: MaskTaker | None,
    ) -> None:
        super().__init__(worker, conversation, feedback)
        self._probability = probability
        self._mask_made = mask_made
        self._mask = PackedRows(probability.shape[1])

    def run(self) -> Traced:
        """Answer the worker until it is done."""
        message = self.until_done()
        if self._mask.shape != self._probability.shape:
            raise WireError(f"a mask of {self._mask.shape} for a raster of {self._probability.shape}")
        return Traced(graph_of(message.values, message.arrays), self._mask)

    def attend(self, message: Message) -> None:
        """Give rows and take the mask, too."""
        if message.kind == "rows":
            self._send_rows(message.values["start"], message.values["stop"])
        elif message.kind == "mask":
            self._mask.append_block(message.values["rows"], message.arrays[0].tobytes())
            if self._mask_made is not None and self._mask.shape == self._probability.shape:
                self._mask_made(self._mask.twin())
        else:
            super().attend(message)

    def _send_rows(self, start: int, stop: int) -> None:
        try:
            rows = self._probability.read(start, stop)
        except RoadExtractorError:
            self.conversation.tell("no rows", {})
            self.hear_end()  # a worker that is stuck must not be lent again
            raise
        self.conversation.tell("rows", {}, rows)
