from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

import pytest
import torch
import yaml

from model_training.cli import main
from model_training.errors import CheckpointError, ConfigError
from model_training.training import run
from model_training.training.stages import is_finished, run_stages


@pytest.fixture
def stages(tmp_path: Path, small_settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Configurations of a teacher, its student and the student's fine-tuning, with the working folder beside them."""
    monkeypatch.chdir(tmp_path)
    student = {**small_settings["network"], "encoder": "test_convnext", "encoder_norm": "batch"}
    schedule = {**small_settings["schedule"], "max_steps": 2}
    changes: dict[str, dict[str, Any]] = {
        "teacher": {},
        "student": {"network": student, "distil": {"teacher": "runs/teacher/last.ckpt"}},
        "tuned": {"network": student, "start": {"weights": "runs/student/last.ckpt"}},
    }
    for name, change in changes.items():
        settings = {**small_settings, "schedule": schedule, **change}
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    return [tmp_path / f"{name}.yaml" for name in changes]


def modified(folder: Path) -> dict[str, float]:
    return {str(path): path.stat().st_mtime_ns for path in sorted(folder.rglob("*")) if path.is_file()}


def test_stages_build_on_each_other_and_stay_when_done(stages: list[Path], data_root: Path, tmp_path: Path) -> None:
    command = ["stages", *map(str, stages), "--data", str(data_root)]
    assert main(command) == 0
    assert all(is_finished(tmp_path / "runs" / path.stem) for path in stages)
    before = modified(tmp_path / "runs")
    assert main(command) == 0
    assert modified(tmp_path / "runs") == before


def test_an_interrupted_stage_goes_on(
    stages: list[Path], data_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[str] = []

    def recording(name: str) -> Callable[..., None]:
        original = getattr(run, name)

        def called(*given: Any) -> None:
            started.append(f"{name} {given[-1].name}")
            original(*given)

        return called

    run_stages(stages[:1], data_root)
    for name in ("start", "resume"):
        monkeypatch.setattr(run, name, recording(name))
    path = tmp_path / "runs" / "teacher" / "config.yaml"
    longer = yaml.safe_load(path.read_text())
    longer["schedule"]["max_steps"] = 3
    path.write_text(yaml.safe_dump(longer))
    run_stages(stages, data_root)
    assert started == ["resume teacher", "start student", "start tuned"]
    assert torch.load(tmp_path / "runs" / "teacher" / "last.ckpt", weights_only=True)["global_step"] == 3


def test_a_wrong_configuration_is_named_before_anything_starts(stages: list[Path], data_root: Path) -> None:
    stages[2].write_text("schedule: {steps: 3}", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"tuned.yaml.*'schedule.steps' is unknown"):
        run_stages(stages, data_root)
    assert not Path("runs").exists()


def test_weights_alone_are_no_run_to_go_on_with(stages: list[Path], data_root: Path, tmp_path: Path) -> None:
    run_stages(stages[:1], data_root)
    path = tmp_path / "runs" / "teacher" / "last.ckpt"
    torch.save({"state_dict": torch.load(path, weights_only=True)["state_dict"]}, path)
    with pytest.raises(CheckpointError, match="not the state of their training"):
        run_stages(stages, data_root)
