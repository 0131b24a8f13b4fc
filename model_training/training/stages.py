"""Several runs one after another, each building on those before, as in distillation; the whole can be interrupted."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from model_training.configuration import read_config
from model_training.errors import CheckpointError
from model_training.training import run
from model_training.training.callbacks import LAST
from model_training.training.schedule import fraction_done
from model_training.training.weights import read_weights

LOG = logging.getLogger(__name__)
RUNS = Path("runs")
"""Where configurations name each other's checkpoints."""


def run_stages(configs: Sequence[Path], data_root: Path) -> None:
    """Train each configuration in `runs/<its name>`; what is done stays, what was interrupted goes on.

    Raises:
        ConfigError: A configuration is wrong; all are read before anything starts.
        CheckpointError: A checkpoint is damaged.
        TrainingStoppedError: A signal ended it.
    """
    stages = [(path.stem, read_config(path)) for path in configs]
    started = time.monotonic()
    for number, (name, config) in enumerate(stages, start=1):
        folder = RUNS / name
        LOG.info("stage %d of %d: %s, %.0f min so far", number, len(stages), folder, (time.monotonic() - started) / 60)
        if not (folder / LAST).exists():
            run.start(config, data_root, folder)
        elif is_finished(folder):
            LOG.info("%s is done", folder)
        else:
            run.resume(data_root, folder)


def is_finished(folder: Path) -> bool:
    """Whether the run in a folder has reached the end of its schedule.

    Raises:
        ConfigError: The folder holds no configuration.
        CheckpointError: `last.ckpt` is damaged, or holds weights alone.
    """
    checkpoint = folder / LAST
    read_weights(checkpoint)
    state = torch.load(checkpoint, map_location="cpu", weights_only=True, mmap=True)
    if not {"global_step", "minutes"} <= state.keys():
        raise CheckpointError(checkpoint, "it holds weights but not the state of their training")
    schedule = run.read_run_config(folder).schedule
    return fraction_done(schedule, state["global_step"], state["minutes"]) >= 1.0
