"""All outputs or none."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from road_extractor_plugin.contract.errors import Cancelled, DiskFullError, OutputError, OutputExistsError
from road_extractor_plugin.contract.result import OutputPaths
from road_extractor_plugin.core.staging import KEPT, Room, staged_outputs


def contents(folder: Path) -> dict[str, str]:
    """Every file below a folder with its text, hidden ones too; folders with a slash."""
    return {
        str(path.relative_to(folder)) + ("/" if path.is_dir() else ""): "" if path.is_dir() else path.read_text()
        for path in sorted(folder.rglob("*"))
    }


def make_all(paths: OutputPaths, text: str) -> None:
    for path in (paths.probability, paths.mask, paths.roads, paths.preview, paths.report):
        path.write_text(text)


def make_nothing(paths: OutputPaths) -> None:
    with staged_outputs(paths, Room("run", 10), overwrite=False):
        pytest.fail("work was begun")


def test_outputs_appear_together_at_the_end(tmp_path: Path) -> None:
    paths = OutputPaths(tmp_path / "new" / "out", "scene")
    with staged_outputs(paths, Room("run", 10), overwrite=False) as staged:
        make_all(staged, "made")
        (staged.folder / "strips.tif").write_text("left over")
        assert not any(path.is_file() for path in paths.folder.iterdir())
        assert staged.stem == "scene"
    names = ("mask.tif", "preview.png", "probability.tif", "report.json", "roads.gpkg")
    assert contents(paths.folder) == {f"scene_{name}": "made" for name in names}


def test_outputs_that_were_not_made_are_not_missed(tmp_path: Path) -> None:
    paths = OutputPaths(tmp_path, "scene")
    with staged_outputs(paths, Room("run", 10), overwrite=False) as staged:
        staged.roads.write_text("made")
    assert contents(tmp_path) == {"scene_roads.gpkg": "made"}


def fail_halfway(paths: OutputPaths, error: BaseException) -> None:
    with staged_outputs(paths, Room("run", 10), overwrite=True) as staged:
        make_all(staged, "half")
        raise error


@pytest.mark.parametrize(
    "error", [Cancelled(), ValueError("bug"), KeyboardInterrupt()], ids=["cancel", "bug", "Ctrl+C"]
)
def test_a_failure_leaves_everything_as_it_was(error: BaseException, tmp_path: Path) -> None:
    make_all(OutputPaths(tmp_path, "scene"), "former")
    before = contents(tmp_path)
    for folder in (tmp_path, tmp_path / "new" / "out"):
        with pytest.raises(type(error)):
            fail_halfway(OutputPaths(folder, "scene"), error)
    assert contents(tmp_path) == before


def test_outputs_in_the_way_stop_the_run_before_any_work(tmp_path: Path) -> None:
    paths = OutputPaths(tmp_path, "scene")
    paths.mask.write_text("former")
    paths.report.write_text("former")
    with (
        pytest.raises(OutputExistsError, match=r"scene_mask\.tif, scene_report\.json.*--overwrite"),
        staged_outputs(paths, Room("run", 10), overwrite=False),
    ):
        pytest.fail("work was begun")
    assert len(contents(tmp_path)) == 2


def test_overwriting_replaces_the_former_outputs(tmp_path: Path) -> None:
    paths = OutputPaths(tmp_path, "scene")
    make_all(paths, "former")
    with staged_outputs(paths, Room("run", 10), overwrite=True) as staged:
        make_all(staged, "made")
        assert paths.mask.read_text() == "former"
    assert set(contents(tmp_path).values()) == {"made"}
    assert len(contents(tmp_path)) == 5


def test_an_output_that_cannot_be_replaced_brings_all_former_ones_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = OutputPaths(tmp_path, "scene")
    make_all(paths, "former")
    before = contents(tmp_path)
    replace = Path.replace

    def locked(source: Path, target: Path) -> Path:
        if source == paths.roads:
            raise PermissionError(errno.EACCES, "The file is open in another program")
        return replace(source, target)

    monkeypatch.setattr(Path, "replace", locked)
    with (
        pytest.raises(OutputError, match=r"open in another program.*Close them"),
        staged_outputs(paths, Room("run", 10), overwrite=True) as staged,
    ):
        make_all(staged, "made")
    assert contents(tmp_path) == before


def test_more_than_the_disk_holds_stops_the_run_before_any_work(tmp_path: Path) -> None:
    paths = OutputPaths(tmp_path / "new" / "out", "scene")
    with pytest.raises(DiskFullError, match="are needed"), staged_outputs(paths, Room("run", 2**60), overwrite=False):
        pytest.fail("work was begun")
    assert contents(tmp_path) == {}


def test_a_disk_that_fills_up_is_told_with_the_users_folder(small_disk: Path) -> None:
    paths = OutputPaths(small_disk / "out", "scene")
    with (
        pytest.raises(DiskFullError, match=f"The disk of '{paths.folder}' has 0 MB free"),
        staged_outputs(paths, Room("run", 10), overwrite=False) as staged,
    ):
        staged.report.write_bytes(bytes(5_000_000))
    assert contents(small_disk) == {}


def test_other_errors_of_the_system_are_not_taken_for_a_full_disk(tmp_path: Path) -> None:
    with (
        pytest.raises(FileNotFoundError),
        staged_outputs(OutputPaths(tmp_path, "scene"), Room("run", 10), overwrite=False),
    ):
        (tmp_path / "nowhere").read_text()


def test_a_file_in_place_of_the_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(OutputError, match="Cannot write in the folder"):
            make_nothing(OutputPaths(folder, "scene"))
    assert contents(tmp_path) == {"file": ""}


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="the administrator may write everywhere")
def test_a_folder_that_may_not_be_written_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with (
        pytest.raises(OutputError, match="Cannot write in the folder"),
        staged_outputs(OutputPaths(tmp_path, "scene"), Room("run", 10), overwrite=False),
    ):
        pytest.fail("work was begun")
    tmp_path.chmod(0o700)


def is_worth_keeping(run: Path) -> bool:
    return (run / "strips").exists()


def stop_with(error: BaseException, paths: OutputPaths, *kept: str) -> None:
    with staged_outputs(paths, Room("run", 10, is_worth_keeping), overwrite=False) as staged:
        make_all(staged, "half")
        for name in kept:
            (staged.folder.parent / name).write_text(name)
        raise error


def test_what_is_worth_keeping_is_kept_and_told(tmp_path: Path) -> None:
    paths = OutputPaths(tmp_path / "new" / "out", "scene")
    with pytest.raises(Cancelled, match=KEPT):
        stop_with(Cancelled(), paths, "strips")
    assert sorted(path.name for path in (paths.folder / ".run").iterdir()) == ["road_extractor.lock", "strips"]
    with pytest.raises(DiskFullError, match=r"9 MB are needed\. Free some space and start the same again"):
        stop_with(DiskFullError(tmp_path, 9_000_000, 0), paths)
    with staged_outputs(paths, Room("run", 10, is_worth_keeping), overwrite=False) as staged:
        assert (staged.folder.parent / "strips").read_text() == "strips"
        make_all(staged, "made")
    assert set(contents(paths.folder).values()) == {"made"}


def test_nothing_worth_keeping_is_told_too(tmp_path: Path) -> None:
    paths = OutputPaths(tmp_path / "new" / "out", "scene")
    with pytest.raises(Cancelled, match="Nothing was written") as caught:
        stop_with(Cancelled(), paths, "other")
    assert caught.value.__cause__ is None  # Dask follows causes to their end, which an error that is its own never has
    with pytest.raises(DiskFullError, match="nothing was left behind"):
        stop_with(OSError(errno.ENOSPC, "full"), paths)
    assert contents(tmp_path) == {}


@pytest.mark.parametrize("overwrite", [False, True], ids=["new", "overwriting"])
@pytest.mark.parametrize("moves", range(9))
@pytest.mark.skipif(not hasattr(os, "fork"), reason="a process is forked, to die")
def test_a_kill_between_the_moves_is_undone_by_the_next_run(tmp_path: Path, moves: int, *, overwrite: bool) -> None:
    paths, untouched = OutputPaths(tmp_path, "scene"), tmp_path / "scene_preview.png"
    untouched.write_text("not made by this run")
    if overwrite:
        make_all(paths, "former")
    before, left = contents(tmp_path), iter(range(moves))
    replace = Path.replace

    def dying(source: Path, target: Path) -> Path:
        if next(left, None) is None:
            os._exit(9)
        return replace(source, target)

    def make(staged: OutputPaths) -> None:
        for path in (staged.probability, staged.mask, staged.roads, staged.report):
            path.write_text("made")

    child = os.fork()
    if child == 0:
        Path.replace = dying  # type: ignore[method-assign, assignment]
        with staged_outputs(paths, Room("run", 10), overwrite=overwrite, untouched=(untouched,)) as staged:
            make(staged)
        os._exit(0)
    died = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert died == (moves < (8 if overwrite else 4))
    if died:
        with (
            pytest.raises(Cancelled),
            staged_outputs(paths, Room("run", 10), overwrite=overwrite, untouched=(untouched,)),
        ):
            raise Cancelled
        assert contents(tmp_path) == before
