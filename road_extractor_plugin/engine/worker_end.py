"""Why the worker process ended, in words."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence

from road_extractor_plugin.contract.errors import EngineFailedError

_MEMORY = "Close other programs, or choose smaller tiles or a smaller model, and run it again"
_AGAIN = "Run it again: a new one is started. If it fails again, choose another device or another Python for the engine"

_INSTALL = (
    "Install it (pip install numpy onnxruntime scikit-image scipy) there, or choose another Python for the engine"
)

_WINDOWS_STATUS = {
    0xC0000005: ("crashed in a library (access violation)", _AGAIN),
    0xC0000017: ("ran out of memory", _MEMORY),
    0xC000001D: ("has a library that this processor cannot run (illegal instruction)", _AGAIN),
    0xC00000FD: ("crashed in a library (stack overflow)", _AGAIN),
    0xC0000135: ("lacks a DLL", "Install the Microsoft Visual C++ Redistributable, or choose another Python"),
}


def ended_error(status: int, log: Sequence[str], platform: str = sys.platform) -> EngineFailedError:
    """The error for a worker that ended by itself.

    Args:
        status: As `Popen.returncode` has it.
        log: The last lines that it wrote to stderr.
        platform: As `sys.platform` has it.
    """
    said = next((line.strip() for line in reversed(log) if line.strip()), "")
    what, remedy = _meaning(status, platform)
    if "No module named" in said:
        remedy = _INSTALL
    detail = f"; it last said: {said[:300].rstrip('.')}" if said else ""
    return EngineFailedError(f"The engine's process {what}{detail}", remedy, "\n".join(log))


def _meaning(status: int, platform: str) -> tuple[str, str]:
    if platform == "win32":
        return _WINDOWS_STATUS.get(status & 0xFFFFFFFF, (f"ended with exit code {status}", _AGAIN))
    if status == -signal.SIGKILL:
        return "was killed (SIGKILL), most likely because the memory of this machine ran out", _MEMORY
    if status == -signal.SIGTERM:
        return "was ended by another program (SIGTERM)", _AGAIN
    if status < 0:
        return f"crashed in a library ({_signal_name(-status)})", _AGAIN
    return f"ended with exit code {status}", _AGAIN


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
