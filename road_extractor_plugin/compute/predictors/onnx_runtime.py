"""Networks by onnxruntime: on the processor, and on graphics processors through its execution providers."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Union

from road_extractor_plugin.compute.predictors.failures import failure, telling_line
from road_extractor_plugin.compute.predictors.predictor import Float32
from road_extractor_plugin.compute.predictors.probability import checked_probability
from road_extractor_plugin.compute.predictors.streams import Streams, beside_each_other, usable_cpus
from road_extractor_plugin.contract.errors import ComputeError, ModelUnreadableError
from road_extractor_plugin.contract.model_card import ModelCard
from road_extractor_plugin.contract.result import Device
from road_extractor_plugin.contract.user_cache import cache_folder

CPU, CUDA, TENSORRT = "CPUExecutionProvider", "CUDAExecutionProvider", "TensorrtExecutionProvider"
DIRECTML, COREML = "DmlExecutionProvider", "CoreMLExecutionProvider"

_SHOWN = {CPU: "CPU", CUDA: "CUDA", TENSORRT: "TensorRT", DIRECTML: "DirectML", COREML: "CoreML"}
_GPU_BATCH = 8
"""Tiles at once on a graphics processor: enough to fill it, and halved where its memory is too small."""

Provider = Union[str, tuple[str, dict[str, str]]]


class OnnxRuntime:
    """See `Runtime`."""

    @property
    def version(self) -> str:
        """See `Runtime.version`."""
        return f"onnxruntime {_import_onnxruntime().__version__}"

    def targets(self) -> frozenset[str]:
        """See `Runtime.targets`."""
        return frozenset(_import_onnxruntime().get_available_providers())

    def open(self, path: Path, card: ModelCard, target: str, threads: int) -> OnnxRuntimePredictor:
        """See `Runtime.open`."""
        return OnnxRuntimePredictor(path, card, target, threads)


class OnnxRuntimePredictor:
    """See `Predictor`."""

    def __init__(self, path: Path, card: ModelCard, target: str, threads: int) -> None:
        """Load a model; see `Runtime.open`."""
        self._errors: tuple[type[Exception], ...] = _onnxruntime_errors()
        streams = Streams.of(threads, usable_cpus()) if target == CPU else Streams(1, threads)
        # A session without threads of its own may be used by several at once.
        opened = [
            self._open(path, target, streams.threads) for _ in range(1 if streams.threads == 1 else streams.count)
        ]
        self._sessions = opened * (streams.count // len(opened))
        batch = streams.count if target == CPU else _GPU_BATCH
        self.device = Device(_SHOWN[target], OnnxRuntime().version, batch_tiles=batch, threads=streams.threads)
        self._input_name = self._sessions[0].get_inputs()[0].name
        self._output = card.outputs[0]
        self._output_name = self._output.name or self._sessions[0].get_outputs()[0].name
        self._run = self._run_bound if target in {CUDA, TENSORRT} else self._run_plain

    def _open(self, path: Path, target: str, threads: int) -> Any:  # noqa: ANN401
        ort = _import_onnxruntime()
        if target in {CUDA, TENSORRT} and hasattr(ort, "preload_dlls"):
            ort.preload_dlls()  # finds CUDA and cuDNN in the packages of pip
        try:
            session = ort.InferenceSession(str(path), _options(ort, target, threads), providers=_providers(target))
        except self._errors as error:
            if target != CPU:  # the file may be right: the processor is the judge of that
                raise ComputeError(f"onnxruntime says: {telling_line(error)}", "Choose another device") from error
            raise ModelUnreadableError(path, f"onnxruntime says: {telling_line(error)}") from error
        if session.get_providers()[0] != target:
            raise ComputeError(
                f"onnxruntime could not start {_SHOWN[target]} and went over to another device by itself",
                "Install the driver and the libraries that this version of onnxruntime names on stderr",
            )
        return session

    def predict(self, tiles: Float32) -> Float32:
        """See `Predictor.predict`."""
        try:
            scores = beside_each_other(self._sessions, self._run, tiles)
        except self._errors as error:
            raise failure(self.device.name, tiles.shape, error) from error
        return checked_probability(scores, self._output.road_channel, tiles)

    def _run_plain(self, session: Any, tiles: Float32) -> Float32:  # noqa: ANN401
        scores: Float32 = session.run([self._output_name], {self._input_name: tiles})[0]
        return scores

    def _run_bound(self, session: Any, tiles: Float32) -> Float32:  # noqa: ANN401
        """By IO binding: of several outputs only the one that is wanted leaves the graphics processor's memory."""
        binding = session.io_binding()
        binding.bind_cpu_input(self._input_name, tiles)
        binding.bind_output(self._output_name, "cpu")
        session.run_with_iobinding(binding)
        scores: Float32 = binding.copy_outputs_to_cpu()[0]
        return scores


def _options(ort: Any, target: str, threads: int) -> Any:  # noqa: ANN401
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    # Warnings about graph constants are of no use to a mapper; errors come as exceptions.
    options.log_severity_level = 3
    if target == CPU:
        # Threads that wait for the next layer would take the processor from those that read, write and trace.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.enable_mem_pattern = False  # it saves no time here, and takes a third more memory
    if target == DIRECTML:  # which can do neither
        options.enable_mem_pattern = False
        options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    return options


def _providers(target: str) -> list[Provider]:
    """A provider and those that take over the layers that it cannot run."""
    if target == CPU:
        return [CPU]
    if target == TENSORRT:
        # In half precision. Building an engine takes minutes, so it is kept.
        kept = {"trt_engine_cache_enable": "1", "trt_engine_cache_path": str(cache_folder() / "tensorrt")}
        return [(TENSORRT, {"trt_fp16_enable": "1", **kept}), CUDA, CPU]
    return [target, CPU]


def _import_onnxruntime() -> Any:  # noqa: ANN401
    try:
        import onnxruntime
    except ImportError as error:
        raise ComputeError(
            f"onnxruntime is not installed for this Python ({error})",
            "Install it into the environment that runs Road Extractor: pip install onnxruntime",
        ) from error
    return onnxruntime


def _onnxruntime_errors() -> tuple[type[Exception], ...]:
    """All that onnxruntime raises: its own errors share no base class but Exception."""
    _import_onnxruntime()
    from onnxruntime.capi import onnxruntime_pybind11_state

    own = [item for item in vars(onnxruntime_pybind11_state).values() if isinstance(item, type)]
    return (RuntimeError, ValueError, MemoryError, *(item for item in own if issubclass(item, Exception)))
