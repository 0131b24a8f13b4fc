"""A run interrupted at any step and resumed is the run that was not interrupted."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable

import pytest
import torch
from lightning.pytorch import Callback, Trainer

from model_training.configuration import RunConfig, read_config
from model_training.errors import CheckpointError, TrainingStoppedError
from model_training.training import run
from model_training.training.module import seed_of_batch

STEPS = 6
REPOSITORY = Path(__file__).resolve().parents[2]
VARIANTS = {
    "AdamW, average, stochastic depth": ("network.drop_path=0.3",),
    "SGD in steps, two batches a step": (
        "schedule.optimiser=sgd",
        "schedule.rate=steps",
        "schedule.accumulate=2",
        "schedule.average_decay=0",
    ),
    "frozen encoder, clDice from the middle": (
        "start.freeze_encoder_steps=3",
        "loss.cl_dice=0.5",
        "loss.cl_dice_start=0.5",
        "network.drop_path=0.3",
    ),
}


class Killed(Exception):  # noqa: N818
    """Stands for a process that ends without warning."""


class EndAt(Callback):
    """Kills, or sends SIGTERM to, this process when a number of steps is done."""

    def __init__(self, step: int, *, kill: bool) -> None:
        self.step, self.kill = step, kill

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        if trainer.global_step == self.step and self.kill:
            raise Killed
        if trainer.global_step == self.step - 1 and not self.kill:
            os.kill(os.getpid(), signal.SIGTERM)


def load(path: Path) -> dict[str, Any]:
    checkpoint: dict[str, Any] = torch.load(path, weights_only=True)
    return checkpoint


def assert_same(first: Any, second: Any, where: str = "") -> None:
    """Equal to the last bit, whatever is nested in what."""
    if isinstance(first, dict):
        assert first.keys() == second.keys(), where
        for key, value in first.items():
            assert_same(value, second[key], f"{where}.{key}")
    elif isinstance(first, (list, tuple)):
        assert len(first) == len(second), where
        for index, (mine, theirs) in enumerate(zip(first, second)):
            assert_same(mine, theirs, f"{where}[{index}]")
    elif isinstance(first, torch.Tensor):
        assert torch.equal(first, second), where
    else:
        assert first == second, where


def scores(folder: Path) -> dict[int, float]:
    """The score at each validated step, over all starts of a run."""
    found: dict[int, float] = {}
    for path in sorted((folder / "log").glob("start_*/metrics.csv")):
        with path.open() as file:
            found.update({int(row["step"]): float(row["score"]) for row in csv.DictReader(file) if row["score"]})
    return found


@pytest.fixture
def with_callback(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callback], None]:
    """Adds a callback to the runs that follow; the last one given counts."""
    build = run.build_trainer

    def add(callback: Callback) -> None:
        def built(config: RunConfig, folder: Path) -> Trainer:
            trainer = build(config, folder)
            trainer.callbacks.append(callback)
            return trainer

        monkeypatch.setattr(run, "build_trainer", built)

    return add


@pytest.mark.parametrize("overrides", VARIANTS.values(), ids=VARIANTS.keys())
def test_a_run_interrupted_at_any_step_ends_with_the_same_bits(
    tmp_path: Path,
    data_root: Path,
    small_config: Path,
    with_callback: Callable[[Callback], None],
    overrides: tuple[str, ...],
) -> None:
    config = read_config(small_config, (f"schedule.max_steps={STEPS}", "schedule.validate_every=2", *overrides))
    run.start(config, data_root, tmp_path / "whole")
    whole = load(tmp_path / "whole" / "last.ckpt")
    assert whole["global_step"] == STEPS
    for step in range(1, STEPS):
        kill = step % 2 == 1
        folder = tmp_path / f"ended_at_{step}"
        with_callback(EndAt(step, kill=kill))
        with pytest.raises(Killed if kill else TrainingStoppedError):
            run.start(config, data_root, folder)
        kept = 2 * (step // 2) if kill else step
        assert (load(folder / "last.ckpt")["global_step"] if (folder / "last.ckpt").exists() else 0) == kept
        with_callback(EndAt(STEPS + 1, kill=True))
        run.resume(data_root, folder)
        again = load(folder / "last.ckpt")
        for part in ("state_dict", "current_model_state", "optimizer_states", "global_step"):
            assert_same(whole[part], again[part], f"step {step}: {part}")
        assert scores(folder) == scores(tmp_path / "whole")


def test_two_runs_of_the_same_steps_are_the_same(tmp_path: Path, data_root: Path, small_config: Path) -> None:
    config = read_config(small_config, ("schedule.max_steps=3", "network.drop_path=0.3", "data.workers=1"))
    for name in ("a", "b"):
        run.start(config, data_root, tmp_path / name)
    first, second = (load(tmp_path / name / "last.ckpt") for name in ("a", "b"))
    assert_same(first["state_dict"], second["state_dict"])


def test_each_batch_of_each_process_has_its_own_random_numbers() -> None:
    seeds = {seed_of_batch(seed, number, rank) for seed in range(3) for number in range(20) for rank in range(4)}
    assert len(seeds) == 3 * 20 * 4
    assert seed_of_batch(1, 2, 3) == seed_of_batch(1, 2, 3)


def test_batches_of_a_step_accumulate_to_one_large_batch(
    tmp_path: Path, data_root: Path, small_config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = run.RoadModule.__init__

    def without_batch_norm(self: Any, *arguments: Any) -> None:
        build(self, *arguments)
        for name, module in list(self.network.named_modules()):
            if "BatchNorm" in type(module).__name__:
                parent, _, leaf = name.rpartition(".")
                setattr(self.network.get_submodule(parent), leaf, torch.nn.Identity())

    monkeypatch.setattr(run.RoadModule, "__init__", without_batch_norm)
    common = (
        "network.encoder=test_convnext",
        "schedule.max_steps=3",
        "schedule.optimiser=sgd",
        "schedule.average_decay=0",
        "loss.cl_dice=0.3",
    )
    weights = []
    for batch, accumulate in ((4, 1), (2, 2)):
        sizes = (f"schedule.batch={batch}", f"schedule.accumulate={accumulate}")
        folder = tmp_path / f"{batch}_{accumulate}"
        run.start(read_config(small_config, (*common, *sizes)), data_root, folder)
        weights.append(load(folder / "last.ckpt")["state_dict"])
    start = run.RoadModule(read_config(small_config, common), ("drawn",)).state_dict()
    large, accumulated = weights
    assert any((large[name] - value).abs().max() > 1e-3 for name, value in start.items())
    for name, value in large.items():
        torch.testing.assert_close(accumulated[name], value, atol=2e-6, rtol=2e-4)


def test_a_damaged_checkpoint_is_refused_before_training(tmp_path: Path, data_root: Path, small_config: Path) -> None:
    run.start(read_config(small_config, ("schedule.max_steps=1",)), data_root, tmp_path / "run")
    path = tmp_path / "run" / "last.ckpt"
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(CheckpointError, match=r"last\.ckpt.*incomplete"):
        run.resume(data_root, tmp_path / "run")


def test_sigterm_to_the_program_saves_and_ends_it(tmp_path: Path, data_root: Path, small_config: Path) -> None:
    folder = tmp_path / "run"
    command = [sys.executable, "-m", "model_training", "train", "--config", str(small_config), "--data", str(data_root)]
    changes = ["--run", str(folder), "--set", "schedule.max_steps=1000000", "--set", "schedule.validate_every=3"]
    process = subprocess.Popen([*command, *changes], cwd=REPOSITORY, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 120
    while not (folder / "last.ckpt").exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    errors = process.communicate(timeout=60)[1]
    assert process.returncode == 2
    last = errors.strip().splitlines()[-1]
    assert last.startswith("Stopped by SIGTERM after step")
    assert "--resume" in last
    assert load(folder / "last.ckpt")["global_step"] == int(last.split("after step ")[1].split(".")[0])
    assert not list(folder.glob("*.new"))
