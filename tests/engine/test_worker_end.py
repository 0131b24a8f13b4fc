"""What a user reads when the worker has died."""

from __future__ import annotations

import pytest

from road_extractor_plugin.engine.worker_end import ended_error


@pytest.mark.parametrize(
    ("status", "platform", "told", "remedy"),
    [
        (-9, "linux", "was killed (SIGKILL), most likely because the memory", "choose smaller tiles"),
        (-11, "linux", "crashed in a library (SIGSEGV)", "choose another device"),
        (-15, "linux", "was ended by another program (SIGTERM)", "Run it again"),
        (-63, "linux", "crashed in a library (signal 63)", "choose another device"),
        (1, "linux", "ended with exit code 1", "choose another device"),
        (0xC0000005, "win32", "crashed in a library (access violation)", "choose another device"),
        (-1073741819, "win32", "crashed in a library (access violation)", "choose another device"),
        (0xC0000135, "win32", "lacks a DLL", "Visual C++"),
        (1, "win32", "ended with exit code 1", "choose another device"),
    ],
)
def test_exit_status(status: int, platform: str, told: str, remedy: str) -> None:
    text = str(ended_error(status, [], platform))
    assert told in text
    assert remedy in text


def test_last_words_are_told_in_short_and_kept_in_full() -> None:
    error = ended_error(1, ["Traceback", "  File", "ValueError: " + "x" * 1000, "", " "], "linux")
    assert "it last said: ValueError: xxx" in str(error)
    assert len(str(error)) < 700
    assert error.log.startswith("Traceback\n  File\n")


def test_a_missing_library_is_a_matter_of_installing() -> None:
    error = ended_error(1, ["ModuleNotFoundError: No module named 'numpy'"], "linux")
    assert "Install it (pip install numpy" in str(error)
