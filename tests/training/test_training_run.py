from __future__ import annotations

import csv
import errno
import os
import signal
from pathlib import Path
from typing import Any, Callable

import pytest
import torch
from lightning.pytorch import Callback, Trainer
from torch import Tensor

from model_training.cli import main
from model_training.configuration import MachineConfig, RunConfig, read_config
from model_training.datasets.holdout import LEFT_OUT, TRAINING, VALIDATION, read_split, scenes_of
from model_training.errors import CheckpointError, ConfigError, DatasetError, TrainingStoppedError
from model_training.training import callbacks, run
from road_extractor_plugin.contract.errors import OutputError, OutputExistsError


def train(config: RunConfig, data_root: Path, folder: Path) -> dict[str, Any]:
    run.start(config, data_root, folder)
    return load(folder / "last.ckpt")


def load(path: Path) -> dict[str, Any]:
    checkpoint: dict[str, Any] = torch.load(path, weights_only=True)
    return checkpoint


class SignalAt(Callback):
    """Sends a signal to this process during a step."""

    def __init__(self, step: int, number: int) -> None:
        self.step, self.number = step, number

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        if trainer.global_step == self.step:
            os.kill(os.getpid(), self.number)


def interrupt_at(monkeypatch: pytest.MonkeyPatch, step: int, number: int) -> None:
    build = run.build_trainer

    def with_signal(config: RunConfig, folder: Path) -> Any:
        trainer = build(config, folder)
        trainer.callbacks.append(SignalAt(step, number))
        return trainer

    monkeypatch.setattr(run, "build_trainer", with_signal)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl+C"])
def test_a_signal_ends_a_run_after_its_step_and_is_given_back(
    tmp_path: Path, data_root: Path, small_config: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    handler = signal.getsignal(number)
    with monkeypatch.context() as patch:
        interrupt_at(patch, 2, number)
        with pytest.raises(TrainingStoppedError, match="after step 3"):
            run.start(read_config(small_config), data_root, tmp_path / "run")
    assert signal.getsignal(number) == handler
    assert load(tmp_path / "run" / "last.ckpt")["global_step"] == 3
    run.resume(data_root, tmp_path / "run")
    assert load(tmp_path / "run" / "last.ckpt")["global_step"] == 6
    assert len(list((tmp_path / "run" / "log").glob("start_*"))) == 2


def test_a_run_validates_at_its_intervals_and_keeps_the_best(
    tmp_path: Path, data_root: Path, small_config: Path
) -> None:
    config = read_config(small_config, ("schedule.validate_every=2", "network.orientation=classes"))
    train(config, data_root, tmp_path / "run")
    with (tmp_path / "run" / "log" / "start_1" / "metrics.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["score"]]
    assert [int(row["step"]) for row in rows] == [1, 3, 5]
    scores = [float(row["score"]) for row in rows]
    assert load(tmp_path / "run" / "best.ckpt")["global_step"] == 2 * (scores.index(max(scores)) + 1)
    assert not list((tmp_path / "run").glob("*.new"))


def test_a_full_disk_ends_a_run_with_a_sentence_and_keeps_the_old_checkpoint(
    tmp_path: Path, data_root: Path, small_config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"
    train(read_config(small_config, ("schedule.max_steps=3",)), data_root, folder)
    saved = (folder / "last.ckpt").read_bytes()

    def disk_full(trainer: Any, path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Trainer, "save_checkpoint", disk_full)
    with pytest.raises(OutputError, match=r"No space left.*--resume"):
        callbacks.save_whole(Trainer(logger=False), folder / "last.ckpt")
    assert (folder / "last.ckpt").read_bytes() == saved
    assert not list(folder.glob("*.new"))


def test_small_oblong_scenes_train(tmp_path: Path, write_folder: Callable[..., Path], small_config: Path) -> None:
    write_folder(tmp_path / "data" / "drawn", 6, (40, 150))
    checkpoint = train(read_config(small_config, ("schedule.max_steps=2",)), tmp_path / "data", tmp_path / "run")
    assert all(value.isfinite().all() for value in checkpoint["state_dict"].values())


def test_a_time_limit_ends_a_run(tmp_path: Path, data_root: Path, small_config: Path) -> None:
    config = read_config(small_config, ("schedule.max_steps=1000000", "schedule.max_minutes=0.02"))
    checkpoint = train(config, data_root, tmp_path / "run")
    assert 0 < checkpoint["global_step"] < 1000
    assert checkpoint["minutes"] == pytest.approx(0.02, abs=0.05)


def test_weights_are_averaged_slowly_at_last_and_quickly_at_first() -> None:
    average = callbacks.MovingAverage(0.99)._kwargs["multi_avg_fn"]  # noqa: SLF001

    def averaged(old: Tensor, new: Tensor, updates: int) -> float:
        average([old], [new], torch.tensor(updates))
        return old.item()

    assert [round(averaged(torch.zeros(1), torch.ones(1), n), 3) for n in (0, 8, 10_000)] == [0.9, 0.5, 0.01]
    assert averaged(torch.tensor(3), torch.tensor(9), 5) == 9


def test_training_learns_the_drawn_roads(tmp_path: Path, data_root: Path, small_config: Path) -> None:
    overrides = ("schedule.max_steps=100", "schedule.batch=4", "data.augmentation.rotate=false")
    config = read_config(small_config, overrides)
    run.start(config, data_root, tmp_path / "run")
    with (tmp_path / "run" / "log" / "start_1" / "metrics.csv").open() as file:
        score = max(float(row["score"]) for row in csv.DictReader(file) if row["score"])
    assert score > 0.5


def test_a_loaded_network_is_the_averaged_one(tmp_path: Path, data_root: Path, small_config: Path) -> None:
    checkpoint = train(read_config(small_config), data_root, tmp_path / "run")
    network, config = run.load_network(tmp_path / "run" / "last.ckpt")
    assert config.network.encoder == "test_efficientnet"
    assert not network.training
    for name, value in network.state_dict().items():
        assert torch.equal(value, checkpoint["state_dict"][f"network.{name}"])


def test_a_checkpoint_that_does_not_fit_is_refused(tmp_path: Path, data_root: Path, small_config: Path) -> None:
    train(read_config(small_config), data_root, tmp_path / "run")
    for content in (b"", b"text"):
        (tmp_path / "run" / "bad.ckpt").write_bytes(content)
        with pytest.raises(CheckpointError, match=r"bad\.ckpt.*incomplete"):
            run.load_network(tmp_path / "run" / "bad.ckpt")


def test_a_run_is_never_started_over_another(tmp_path: Path, data_root: Path, small_config: Path) -> None:
    train(read_config(small_config), data_root, tmp_path / "run")
    with pytest.raises(OutputExistsError):
        run.start(read_config(small_config), data_root, tmp_path / "run")


def test_starting_needs_data_and_resuming_a_run(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nothing to learn from"):
        run.start(RunConfig(), tmp_path, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    with pytest.raises(ConfigError):
        run.resume(tmp_path, tmp_path / "run")


def test_the_command_line_says_what_is_missing_in_one_line(
    tmp_path: Path, data_root: Path, small_config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = ["--data", str(data_root)]
    cases = {
        "--config is None": ["train", *data],
        "--run is None": ["train", *data, "--resume"],
        "left out: a run goes on": ["train", *data, "--resume", "--run", "r", "--set", "seed=1"],
        "start.reset_heads is True": ["train", *data, "--config", str(small_config), "--reset-heads"],
        "it is missing or incomplete": [
            *("train", *data, "--config", str(small_config), "--run", str(tmp_path / "new"), "--finetune", "none.ckpt")
        ],
        "unknown": ["train", *data, "--config", str(small_config), "--set", "data.x=1"],
        "is not a folder": [
            "train",
            "--data",
            str(tmp_path),
            "--config",
            str(small_config),
            "--run",
            str(tmp_path / "r"),
        ],
    }
    for problem, arguments in cases.items():
        assert main(arguments) == 2
        error = capsys.readouterr().err.strip().splitlines()[-1]
        assert problem in error
    assert not (tmp_path / "r").exists()


def test_scenes_left_out_are_neither_learnt_from_nor_held_out(
    tmp_path: Path, data_root: Path, small_config: Path
) -> None:
    config = read_config(small_config, ("schedule.max_steps=1", "data.leave_out=[drawn/s1, drawn/s4]"))
    run.start(config, data_root, tmp_path / "run")
    split = read_split(tmp_path / "run" / "split.csv")
    assert [stem for stem, part in split["drawn"].items() if part == LEFT_OUT] == ["s1", "s4"]
    used = [scene.stem for part in (TRAINING, VALIDATION) for scene in scenes_of(data_root, "drawn", split, part)]
    assert sorted(used) == ["s0", "s2", "s3", "s5"]
    wrong = read_config(small_config, ("data.leave_out=[drawn/s9]",))
    with pytest.raises(DatasetError, match=r"drawn/s9.*is no scene of this run"):
        run.start(wrong, data_root, tmp_path / "wrong")


@pytest.mark.parametrize(
    ("gpu", "processor", "chosen"),
    [
        (True, {}, "bf16-mixed"),
        (False, {}, "32-true"),
        (None, {"avx512_bf16": True}, "bf16-mixed"),
        (None, {"avx512_bf16": False, "amx_bf16": True}, "bf16-mixed"),
        (None, {"avx512_f": True, "avx512_bf16": False}, "32-true"),
    ],
    ids=["GPU with bfloat16", "GPU without", "AVX-512", "AMX", "AVX-512 without bfloat16"],
)
def test_automatic_precision_is_what_the_machine_computes(
    gpu: bool | None, processor: dict[str, bool], chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu is not None)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: bool(gpu))
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: processor)
    assert run.chosen_precision(MachineConfig(precision="auto")) == chosen


def test_a_given_precision_is_kept() -> None:
    assert run.chosen_precision(MachineConfig(precision="bf16-mixed")) == "bf16-mixed"
