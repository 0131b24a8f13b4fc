"""Networks by OpenVINO, on processors and on Intel's graphics processors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from road_extractor_plugin.compute.predictors.failures import failure, telling_line
from road_extractor_plugin.compute.predictors.predictor import Float32
from road_extractor_plugin.compute.predictors.probability import checked_probability
from road_extractor_plugin.compute.predictors.streams import Streams, usable_cpus
from road_extractor_plugin.contract.errors import ComputeError, ModelUnreadableError
from road_extractor_plugin.contract.model_card import ModelCard
from road_extractor_plugin.contract.result import Device

CPU, GPU = "CPU", "GPU"

_SHOWN = {CPU: "CPU", GPU: "Intel GPU"}
_MOST_SHAPES = 6
"""Compiled networks kept, one per shape of the tiles; a run has one shape, or one per scale of its views."""
_GPU_BATCH = 4


class OpenVino:
    """See `Runtime`."""

    @property
    def version(self) -> str:
        """See `Runtime.version`."""
        return f"openvino {_import_openvino().__version__.split('-')[0]}"

    def targets(self) -> frozenset[str]:
        """See `Runtime.targets`."""
        try:
            devices = _import_openvino().Core().available_devices
        except RuntimeError as error:
            raise ComputeError(f"openvino does not start: {telling_line(error)}", "Install it again") from error
        # Several graphics processors are GPU.0, GPU.1, ...; OpenVINO takes the first for GPU.
        return frozenset(device.split(".")[0] for device in devices)

    def open(self, path: Path, card: ModelCard, target: str, threads: int) -> OpenVinoPredictor:
        """See `Runtime.open`."""
        return OpenVinoPredictor(path, card, target, threads)


class OpenVinoPredictor:
    """See `Predictor`.

    The network is compiled anew for each shape of the tiles: with open shapes OpenVINO is slower (docs/devices.md), and
    takes as long for the first tile of each new shape.
    """

    def __init__(self, path: Path, card: ModelCard, target: str, threads: int) -> None:
        """Load a model; see `Runtime.open`."""
        self._core = _import_openvino().Core()
        self._target = target
        self._output = card.outputs[0]
        self._settings = {"PERFORMANCE_HINT": "LATENCY"}
        self._streams = Streams(1, threads)
        if target == CPU:
            self._streams = Streams.of(threads, usable_cpus())
            self._settings = _processor_settings(self._streams)
        batch = self._streams.count if target == CPU else _GPU_BATCH
        self._model = self._read(path)
        self._compiled: dict[tuple[int, ...], Any] = {}
        self.device = Device(_SHOWN[target], OpenVino().version, batch_tiles=batch, threads=self._streams.threads)

    def _read(self, path: Path) -> Any:  # noqa: ANN401
        try:
            return self._core.read_model(path)
        except RuntimeError as error:
            raise ModelUnreadableError(path, f"openvino says: {telling_line(error)}") from error

    def predict(self, tiles: Float32) -> Float32:
        """See `Predictor.predict`."""
        try:
            scores = self._scores(tiles)
        except (RuntimeError, MemoryError) as error:
            raise failure(self.device.name, tiles.shape, error) from error
        return checked_probability(scores, self._output.road_channel, tiles)

    def _scores(self, tiles: Float32) -> Float32:
        parts = np.split(tiles, len(tiles)) if self._streams.count > 1 else [tiles]
        network = self._network(parts[0].shape)
        output = network.output(self._output.name) if self._output.name else network.output(0)
        requests = [network.create_infer_request() for _ in parts[: self._streams.count]]
        scores = []
        for first in range(0, len(parts), len(requests)):
            begun = list(zip(requests, parts[first:]))
            for request, part in begun:
                request.start_async([part])
            for request, _ in begun:
                request.wait()
                scores.append(request.get_tensor(output).data.copy())  # else the next one would write into them
        return np.concatenate(scores)

    def _network(self, shape: tuple[int, ...]) -> Any:  # noqa: ANN401
        """Compiled for this shape."""
        network = self._compiled.pop(shape, None)
        if network is None:
            model = self._model.clone()
            model.reshape(list(shape))
            network = self._core.compile_model(model, self._target, self._settings)
        self._compiled[shape] = network  # the last used is the last in order
        if len(self._compiled) > _MOST_SHAPES:
            del self._compiled[next(iter(self._compiled))]
        return network


def _processor_settings(streams: Streams) -> dict[str, str]:
    settings = {
        # Single precision even where the processor has bfloat16, so that all runtimes compute the same.
        "INFERENCE_PRECISION_HINT": "f32",
        "INFERENCE_NUM_THREADS": str(streams.count * streams.threads),
    }
    if streams.count == 1:
        return {**settings, "PERFORMANCE_HINT": "LATENCY"}
    # Threads are not bound to a processor each, for the tracer and others want a turn, too.
    return {**settings, "NUM_STREAMS": str(streams.count), "ENABLE_CPU_PINNING": "NO"}


def _import_openvino() -> Any:  # noqa: ANN401
    try:
        import openvino
    except ImportError as error:
        raise ComputeError(
            f"openvino is not installed for this Python ({error})",
            "Install it into the environment that runs Road Extractor: pip install openvino",
        ) from error
    return openvino
