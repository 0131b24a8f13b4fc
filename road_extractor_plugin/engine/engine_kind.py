"""The kinds of engine that can be installed, and which suits a computer."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass

_BASE = ("numpy", "scipy", "scikit-image")
_OLDEST_CUDA = (12, 0)
"""What the wheels of onnxruntime-gpu on PyPI are built for."""
_PROBE_LIMIT_S = 10.0


@dataclass(frozen=True)
class EngineKind:
    """Packages that make an engine."""

    name: str
    """For settings and reports."""
    title: str
    """For people."""
    packages: tuple[str, ...]
    download_mb: int
    """About."""
    disk_mb: int
    """About, installed."""


CPU = EngineKind("cpu", "Processor (works everywhere)", (*_BASE, "onnxruntime>=1.17"), 110, 400)
OPENVINO = EngineKind(
    "openvino", "Processor, with Intel OpenVINO (often faster)", (*CPU.packages, "openvino>=2024.0"), 170, 600
)
NVIDIA = EngineKind(
    "nvidia", "NVIDIA graphics card (CUDA 12)", (*_BASE, "onnxruntime-gpu[cuda,cudnn]>=1.20"), 2600, 5200
)
DIRECTML = EngineKind("directml", "Any graphics card, by DirectML", (*_BASE, "onnxruntime-directml>=1.17"), 110, 350)
COREML = EngineKind("coreml", "Apple graphics and neural engine, by Core ML", CPU.packages, 110, 400)

ALL = (CPU, OPENVINO, NVIDIA, DIRECTML, COREML)


@dataclass(frozen=True)
class Computer:
    """What matters of a computer."""

    system: str
    """As `sys.platform`."""
    machine: str
    """As `platform.machine()`."""
    cuda: tuple[int, int] | None
    """The newest CUDA that its NVIDIA driver runs; None without one."""

    @classmethod
    def here(cls) -> Computer:
        """This one; asks the driver, which takes a moment."""
        return cls(sys.platform, platform.machine().lower(), _driver_cuda())


def kinds_for(computer: Computer) -> tuple[EngineKind, ...]:
    """What can be installed, the recommended kind first."""
    is_intel = computer.machine in {"x86_64", "amd64"}
    kinds = []
    if computer.cuda is not None and computer.cuda >= _OLDEST_CUDA and computer.system != "darwin":
        kinds.append(NVIDIA)
    if computer.system == "darwin":
        return (COREML, CPU)
    if is_intel:
        kinds.append(OPENVINO)
    kinds.append(CPU)
    if computer.system == "win32":
        kinds.append(DIRECTML)
    return tuple(kinds)


def advice(computer: Computer) -> str:
    """Why a graphics card is not offered; empty where there is nothing to say."""
    if computer.cuda is not None and computer.cuda < _OLDEST_CUDA:
        major, minor = computer.cuda
        return f"The NVIDIA driver runs CUDA {major}.{minor}; the engine needs 12.0, which a newer driver would bring."
    return ""


def _driver_cuda() -> tuple[int, int] | None:
    program = shutil.which("nvidia-smi")
    if program is None:
        return None
    try:
        answer = subprocess.run(  # nosec B603
            [program], capture_output=True, text=True, timeout=_PROBE_LIMIT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return cuda_version(answer.stdout)


def cuda_version(text: str) -> tuple[int, int] | None:
    """The version in what `nvidia-smi` prints."""
    found = re.search(r"CUDA Version:\s*(\d+)\.(\d+)", text)
    return None if found is None else (int(found[1]), int(found[2]))
