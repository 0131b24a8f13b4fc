"""Distributed training, shown with two processes on the CPU (gloo), started as torchrun starts them."""

from __future__ import annotations

import csv
import dataclasses
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable

import pytest
import torch
import yaml
from lightning.pytorch import Trainer

from model_training.datasets.holdout import read_split
from model_training.training.data import RoadData
from model_training.training.module import RoadModule
from model_training.training.run import read_run_config

REPOSITORY = Path(__file__).resolve().parents[2]
STEPS, BATCH, PROCESSES = 4, 2, 2
HELD_OUT = 3
"""Not a multiple of the processes: one of them has nothing to validate in the last round."""

# One process: a whole run, then one that a signal to the second process alone interrupts, then its rest, and one that
# the first process' clock ends.
PROGRAM = """
import dataclasses, os, signal, sys
from pathlib import Path
import torch
import model_training.torchvision_schemas  # before lightning
from lightning.pytorch import Callback
from model_training.configuration import read_config
from model_training.datasets.crops import TrainingCrops, ValidationCrops
from model_training.errors import TrainingStoppedError
from model_training.training import run
from model_training.training.module import RoadModule

work, rank = Path(sys.argv[1]), int(os.environ["RANK"])
crops, scenes, build, stop = [], [], run.build_trainer, [False]

def recording(cls, numbers):
    get = cls.__getitem__
    def getitem(self, number):
        numbers.append(number)
        return get(self, number)
    cls.__getitem__ = getitem

class StopSecond(Callback):
    def on_train_batch_start(self, trainer, module, batch, batch_idx):
        if stop[0] and rank == 1 and trainer.global_step == 2:
            os.kill(os.getpid(), signal.SIGTERM)

def keep(trainer, name):
    state = {key: value.clone() for key, value in trainer.lightning_module.network.named_parameters()}
    score = float(trainer.callback_metrics.get("score", -1.0))
    kept = {"weights": state, "crops": list(crops), "scenes": list(scenes), "score": score}
    torch.save(kept, work / f"{name}_{rank}.pt")
    crops.clear(), scenes.clear()

def built(config, folder):
    trainers.append(build(config, folder))
    trainers[-1].callbacks.append(StopSecond())
    return trainers[-1]

trainers = []
run.build_trainer = built
recording(TrainingCrops, crops), recording(ValidationCrops, scenes)
config = read_config(work / "config.yaml")
run.start(config, work / "data", work / "whole")
keep(trainers[-1], "whole")
stop[0] = True
try:
    run.start(config, work / "data", work / "parts")
except TrainingStoppedError as error:
    (work / f"stopped_{rank}.txt").write_text(str(error))
stop[0] = False
keep(trainers[-1], "first_part")
run.resume(work / "data", work / "parts")
keep(trainers[-1], "parts")
RoadModule.minutes = property(lambda module: (3.0 if rank == 0 else 0.5) * module.global_step)
schedule = dataclasses.replace(config.schedule, max_steps=1000, max_minutes=9.0)
run.start(dataclasses.replace(config, schedule=schedule), work / "data", work / "timed")
(work / f"timed_{rank}.txt").write_text(str(trainers[-1].global_step))
keep(trainers[-1], "timed")
"""


@pytest.fixture(scope="module")
def finished(
    tmp_path_factory: pytest.TempPathFactory, write_folder: Callable[..., Path], small_settings: dict[str, Any]
) -> Path:
    """A folder where both processes left what they had at the end."""
    work = tmp_path_factory.mktemp("several")
    write_folder(work / "data" / "drawn", 9)
    config = {
        **small_settings,
        "data": {**small_settings["data"], "holdout_fraction": HELD_OUT / 9},
        "schedule": {"batch": BATCH, "max_steps": STEPS, "validate_every": 100, "learning_rate": 0.01},
        "start": {"freeze_encoder_steps": 1},
        "machine": {**small_settings["machine"], "devices": PROCESSES},
    }
    (work / "config.yaml").write_text(yaml.safe_dump(config))
    (work / "program.py").write_text(PROGRAM)
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={PROCESSES}"]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*torchrun, str(work / "program.py"), str(work)],
        cwd=work,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return work


def left(folder: Path, name: str) -> list[dict[str, Any]]:
    """What each process left under a name."""
    return [torch.load(folder / f"{name}_{rank}.pt", weights_only=True) for rank in range(PROCESSES)]


def test_all_processes_end_with_equal_weights_and_scores(finished: Path) -> None:
    first, second = left(finished, "whole")
    for name, value in first["weights"].items():
        assert torch.equal(value, second["weights"][name]), name
    assert first["score"] == second["score"] >= 0


def test_no_crop_is_seen_twice_and_none_left_out(finished: Path) -> None:
    first, second = (set(process["crops"][: STEPS * BATCH]) for process in left(finished, "whole"))
    assert not first & second
    assert first | second == set(range(STEPS * BATCH * PROCESSES))


def test_each_process_validates_its_share_of_the_scenes(finished: Path) -> None:
    first, second = (process["scenes"] for process in left(finished, "whole"))
    assert sorted(first + second) == list(range(HELD_OUT + 1)), "the last one is padding"
    assert len(first) == len(second)


def test_validation_counts_every_scene_once_as_a_single_process_does(finished: Path) -> None:
    """The figures of the last validation, whose averaged weights are in `last.ckpt`."""
    whole = finished / "whole"
    config = read_run_config(whole)
    config = dataclasses.replace(config, machine=dataclasses.replace(config.machine, devices=1))
    module = RoadModule(config, ("drawn",))
    state = torch.load(whole / "last.ckpt", weights_only=True)["state_dict"]
    module.load_state_dict(state)
    data = RoadData(config, finished / "data", read_split(whole / "split.csv"))
    trainer = Trainer(accelerator="cpu", devices=1, logger=False, enable_progress_bar=False, enable_model_summary=False)
    figures = trainer.validate(module, data, verbose=False)[0]
    table = list(csv.DictReader((whole / "log" / "start_1" / "metrics.csv").read_text().splitlines()))
    logged = next(row for row in reversed(table) if row["score"])
    assert figures["score"] == float(logged["score"]) == left(finished, "whole")[1]["score"]
    for name in ("drawn/iou", "drawn/relaxed_f1", "drawn/threshold"):
        assert figures[name] == float(logged[name]), name


def test_the_first_clock_stops_all_processes_after_the_same_step(finished: Path) -> None:
    assert [(finished / f"timed_{rank}.txt").read_text() for rank in range(PROCESSES)] == ["3", "3"]
    first, second = left(finished, "timed")
    for name, value in first["weights"].items():
        assert torch.equal(value, second["weights"][name]), name


def test_a_signal_to_one_process_stops_all_and_they_go_on_bit_for_bit(finished: Path) -> None:
    sentences = [(finished / f"stopped_{rank}.txt").read_text() for rank in range(PROCESSES)]
    assert "Stopped by a signal to another process after step 3" in sentences[0]
    assert "Stopped by SIGTERM after step 3" in sentences[1]
    whole, parts = left(finished, "whole")[0], left(finished, "parts")[0]
    for name, value in whole["weights"].items():
        assert torch.equal(value, parts["weights"][name]), name
    checkpoints = [torch.load(finished / name / "last.ckpt", weights_only=True) for name in ("whole", "parts")]
    for name, value in checkpoints[0]["state_dict"].items():
        assert torch.equal(value, checkpoints[1]["state_dict"][name]), name
