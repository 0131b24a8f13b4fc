"""One run at a time has a folder, the next finds what a failed one left, and nothing piles up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from road_extractor_plugin.contract.errors import OutputError
from road_extractor_plugin.core.run_folder import MARK, remove_unfinished, run_folder, unfinished_folder

MESSAGE = "stopped"
MONTH_S = 31 * 24 * 3600


def keep_all(folder: Path) -> bool:
    return (folder / "kept").exists()


def fail_in(folder: Path, names: tuple[str, ...]) -> None:
    with run_folder(folder, "run", keep_all) as path:
        for name in names:
            (path / name).write_text(name)
        raise RuntimeError(MESSAGE)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_a_failed_run_left_is_found_and_goes_with_success(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="stopped"):
        fail_in(tmp_path, ("kept",))
    assert names_in(tmp_path) == [".run"]
    with run_folder(tmp_path, "run", keep_all) as path:
        assert (path / "kept").read_text() == "kept"
    assert names_in(tmp_path) == []


def test_what_is_not_worth_keeping_goes(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="stopped"):
        fail_in(tmp_path, ("other",))
    assert names_in(tmp_path) == []


def test_a_run_that_keeps_nothing_begins_with_nothing(tmp_path: Path) -> None:
    (tmp_path / ".run" / "folder").mkdir(parents=True)
    (tmp_path / ".run" / "left").write_text("by a process that was killed")
    with run_folder(tmp_path, "run") as path:
        assert [entry for entry in names_in(path) if "lock" not in entry] == []
    assert names_in(tmp_path) == []


def test_two_at_once_have_two_folders(tmp_path: Path) -> None:
    with run_folder(tmp_path, "run", keep_all) as first, run_folder(tmp_path, "run", keep_all) as second:
        assert first != second
        (second / "kept").write_text("")
    assert names_in(tmp_path) == []


def test_what_the_second_of_two_leaves_is_not_kept(tmp_path: Path) -> None:
    with run_folder(tmp_path, "run", keep_all), pytest.raises(RuntimeError, match="stopped"):
        fail_in(tmp_path, ("kept",))
    assert names_in(tmp_path) == []


def test_many_threads_never_share_a_folder(tmp_path: Path) -> None:
    shared: list[Path] = []
    done: list[int] = []

    def run() -> None:
        for turn in range(30):
            with run_folder(tmp_path, "run") as path:
                mine = path / "mine"
                if mine.exists():
                    shared.append(path)
                mine.write_text("")
                time.sleep(0.0005)
            done.append(turn)

    threads = [threading.Thread(target=run) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not shared
    assert len(done) == 6 * 30
    assert names_in(tmp_path) == []


def test_the_folder_of_a_killed_process_is_free(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path\n"
        "from road_extractor_plugin.core.run_folder import run_folder\n"
        "with run_folder(Path(sys.argv[1]), 'run') as path:\n"
        "    (path / 'left').write_text('x'); print('has it', flush=True); time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "has it\n"
    assert not remove_unfinished(tmp_path, "run")
    process.send_signal(signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)
    process.communicate()
    with run_folder(tmp_path, "run", lambda _: True) as path:
        assert path == unfinished_folder(tmp_path, "run")
        assert (path / "left").read_text() == "x"


def test_removing_on_request(tmp_path: Path) -> None:
    assert not remove_unfinished(tmp_path, "run")
    with pytest.raises(RuntimeError, match="stopped"):
        fail_in(tmp_path, ("kept",))
    assert remove_unfinished(tmp_path, "run")
    assert names_in(tmp_path) == []


def test_what_is_stale_goes(tmp_path: Path) -> None:
    for name in ("old", "new"):
        folder = tmp_path / f".{name}_unfinished"
        folder.mkdir()
        for file in (folder / MARK, folder / "kept"):
            file.write_text("")
            if name == "old":
                os.utime(file, (time.time() - MONTH_S, time.time() - MONTH_S))
    foreign = tmp_path / ".foreign"
    foreign.mkdir()
    os.utime(foreign, (0, 0))
    with run_folder(tmp_path, "run"):
        pass
    assert names_in(tmp_path) == [".foreign", ".new_unfinished"]


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="Cannot write in the folder"), run_folder(tmp_path / "file", "run"):
        pytest.fail("work was begun")
