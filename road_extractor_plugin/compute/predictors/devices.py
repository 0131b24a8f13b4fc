"""The devices that there are, by the names that users give them."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from road_extractor_plugin.compute.predictors import onnx_runtime, open_vino, torch_script
from road_extractor_plugin.compute.predictors.predictor import Predictor, Runtime
from road_extractor_plugin.contract.errors import ComputeError
from road_extractor_plugin.contract.model_card import ModelCard
from road_extractor_plugin.contract.torchscript_archive import is_torchscript

AUTO = "auto"
_PROCESSOR = "processor"


class Preference(Enum):
    """When a device is taken by itself."""

    FIRST = "before any other, unmeasured"
    IF_FASTEST = "when it proves the fastest"
    IF_ASKED = "only when asked for"


@dataclass(frozen=True)
class DeviceKind:
    """One way to run a network."""

    name: str
    """As the user names it: "cuda"."""
    hardware: str
    """What it runs on, in words."""
    package: str
    """What to install for it."""
    runtime: Runtime
    target: str
    """As the runtime names it."""
    preference: Preference

    @property
    def is_processor(self) -> bool:
        """Whether it is no graphics processor."""
        return self.hardware == _PROCESSOR

    def problem(self) -> str:
        """Why it is not here, in words; empty if the runtime lists it. Whether it works shows when it is opened."""
        try:
            listed = self.target in self.runtime.targets()
        except ComputeError as error:
            return str(error)
        return "" if listed else f"this {self.runtime.version} lists no {self.target}"

    def open(self, path: Path, card: ModelCard, threads: int = 0) -> Predictor:
        """Load a model; see `Runtime.open`."""
        return self.runtime.open(path, card, self.target, threads)


_ONNX_RUNTIME, _OPEN_VINO, _TORCH_SCRIPT = onnx_runtime.OnnxRuntime(), open_vino.OpenVino(), torch_script.TorchScript()

ONNX_DEVICES = (
    DeviceKind("cuda", "NVIDIA GPU", "onnxruntime-gpu", _ONNX_RUNTIME, onnx_runtime.CUDA, Preference.FIRST),
    DeviceKind(
        "tensorrt",
        "NVIDIA GPU in half precision",
        "onnxruntime-gpu, tensorrt",
        _ONNX_RUNTIME,
        onnx_runtime.TENSORRT,
        Preference.IF_ASKED,
    ),
    DeviceKind(
        "directml",
        "GPU on Windows",
        "onnxruntime-directml",
        _ONNX_RUNTIME,
        onnx_runtime.DIRECTML,
        Preference.IF_FASTEST,
    ),
    DeviceKind("coreml", "Apple", "onnxruntime", _ONNX_RUNTIME, onnx_runtime.COREML, Preference.IF_FASTEST),
    DeviceKind("openvino-gpu", "Intel GPU", "openvino", _OPEN_VINO, open_vino.GPU, Preference.IF_FASTEST),
    DeviceKind("cpu", _PROCESSOR, "onnxruntime", _ONNX_RUNTIME, onnx_runtime.CPU, Preference.IF_FASTEST),
    DeviceKind("openvino", _PROCESSOR, "openvino", _OPEN_VINO, open_vino.CPU, Preference.IF_FASTEST),
)
"""Of ONNX files, in the order in which they are tried."""

TORCHSCRIPT_DEVICES = (
    DeviceKind("cuda", "NVIDIA GPU", "torch with CUDA", _TORCH_SCRIPT, torch_script.CUDA, Preference.FIRST),
    DeviceKind("cpu", _PROCESSOR, "torch", _TORCH_SCRIPT, torch_script.CPU, Preference.IF_FASTEST),
)

CPU = "cpu"
"""The device that every installation has; the others fall back on it."""


def devices_for(path: Path) -> tuple[DeviceKind, ...]:
    """The kinds that a model file can run on, whether they are here or not."""
    return TORCHSCRIPT_DEVICES if is_torchscript(path) else ONNX_DEVICES


def has_nvidia_driver() -> bool:
    """Whether this machine has an NVIDIA GPU with its driver, as far as can be told without any library."""
    windows = Path(os.environ.get("SYSTEMROOT", "C:/Windows"))
    return (
        shutil.which("nvidia-smi") is not None
        or Path("/proc/driver/nvidia/version").exists()
        or (windows / "System32" / "nvcuda.dll").exists()
    )
