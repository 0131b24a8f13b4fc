"""A training run: its folder, its parts, and how it starts or goes on.

<run>/config.yaml        everything, defaults included
<run>/split.csv          which scenes are held out
<run>/last.ckpt          where it is
<run>/best.ckpt          where validation was best
<run>/log/start_<n>/     metrics.csv and TensorBoard's events since the n-th start
"""

from __future__ import annotations

import dataclasses
import logging
import pickle
import warnings
import zipfile
from pathlib import Path

import torch
import yaml
from lightning.pytorch import Trainer, seed_everything
from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger

from model_training.configuration import RunConfig, config_from
from model_training.datasets.holdout import draw_split, read_split, write_split
from model_training.errors import CheckpointError, ConfigError
from model_training.network.road_network import RoadNetwork
from model_training.training.callbacks import (
    LAST,
    Checkpoints,
    EndOfSchedule,
    MovingAverage,
    ProgressLines,
    RandomState,
    StopOnSignal,
)
from model_training.training.data import RoadData
from model_training.training.module import RoadModule
from road_extractor_plugin.contract.errors import OutputExistsError

LOG = logging.getLogger(__name__)
CONFIG_FILE, SPLIT_FILE = "config.yaml", "split.csv"
LOG_EVERY_STEPS = 20


def start(config: RunConfig, data_root: Path, run: Path) -> None:
    """Train from the beginning.

    Raises:
        OutputExistsError: The run's folder already holds a run.
        ConfigError: No data folder is given.
        TrainingStoppedError: A signal ended it.
    """
    if not config.data.folders:
        raise ConfigError(run / CONFIG_FILE, "data.folders is empty, so there is nothing to learn from")
    if (run / LAST).exists():
        raise OutputExistsError(run, (LAST,))
    split = draw_split(
        data_root, tuple(folder.path for folder in config.data.folders), config.data.holdout_fraction, config.seed
    )
    run.mkdir(parents=True, exist_ok=True)
    write_split(run / SPLIT_FILE, split)
    (run / CONFIG_FILE).write_text(yaml.safe_dump(dataclasses.asdict(config), sort_keys=False), encoding="utf-8")
    fit(config, data_root, run, checkpoint=None)


def resume(data_root: Path, run: Path) -> None:
    """Go on from `last.ckpt` as if nothing had happened.

    Raises:
        ConfigError: The folder holds no run.
        TrainingStoppedError: A signal ended it again.
    """
    config, checkpoint = read_run_config(run), run / LAST
    if checkpoint.exists():
        fit(without_encoder_weights(config), data_root, run, checkpoint=checkpoint)
    else:
        fit(config, data_root, run, checkpoint=None)


def without_encoder_weights(config: RunConfig) -> RunConfig:
    """For a network whose weights come from a checkpoint: nothing need be downloaded."""
    return dataclasses.replace(config, network=dataclasses.replace(config.network, encoder_weights="none"))


def read_run_config(run: Path) -> RunConfig:
    """The configuration that a run was started with.

    Raises:
        ConfigError: There is none.
    """
    path = run / CONFIG_FILE
    try:
        given = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise ConfigError(path, str(error)) from error
    return config_from(given, path)


def fit(config: RunConfig, data_root: Path, run: Path, *, checkpoint: Path | None) -> None:
    """Build everything and train."""
    _quieten()
    seed_everything(config.seed, verbose=False)
    if config.machine.threads is not None:
        torch.set_num_threads(config.machine.threads)
    module = RoadModule(config, tuple(folder.path for folder in config.data.folders))
    data = RoadData(config, data_root, read_split(run / SPLIT_FILE))
    trainer = build_trainer(config, run)
    LOG.info("%.1f M parameters", sum(p.numel() for p in module.network.parameters()) / 1e6)
    trainer.fit(module, data, ckpt_path=str(checkpoint) if checkpoint else None, weights_only=True)


def build_trainer(config: RunConfig, run: Path) -> Trainer:
    """Lightning's trainer with our callbacks; the average comes first, so that checkpoints hold its newest state."""
    schedule = config.schedule
    return Trainer(
        default_root_dir=run,
        precision=config.machine.precision,  # type: ignore[arg-type]
        max_steps=schedule.max_steps,
        max_epochs=-1,
        accumulate_grad_batches=schedule.accumulate,
        gradient_clip_val=schedule.gradient_norm,
        val_check_interval=schedule.validate_every,
        check_val_every_n_epoch=None,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
        log_every_n_steps=LOG_EVERY_STEPS,
        logger=_loggers(run / "log"),
        callbacks=[
            MovingAverage(schedule.average_decay),
            RandomState(),
            EndOfSchedule(),
            StopOnSignal(run),
            Checkpoints(run),
            ProgressLines(schedule.batch),
        ],
    )


def _loggers(folder: Path) -> list[Logger]:
    """A new subfolder per start, since Lightning would empty one that is in use."""
    version = f"start_{sum(1 for _ in folder.glob('start_*')) + 1}"
    return [CSVLogger(folder, name="", version=version), TensorBoardLogger(folder, name="", version=version)]


def _quieten() -> None:
    """Lightning's hints that do not apply: our loader has no length, and one worker is meant."""
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")
    warnings.filterwarnings("ignore", message=".*LeafSpec.*")


def load_network(checkpoint: Path) -> tuple[RoadNetwork, RunConfig]:
    """The averaged network of a checkpoint, in evaluation mode, with the configuration of its run.

    Raises:
        CheckpointError: The file cannot be read or does not fit the configuration beside it.
    """
    if not zipfile.is_zipfile(checkpoint):
        raise CheckpointError(checkpoint, "it is missing or incomplete")
    config = without_encoder_weights(read_run_config(checkpoint.parent))
    network = RoadNetwork(config.network)
    try:
        state = torch.load(checkpoint, map_location="cpu", weights_only=True)["state_dict"]
        network.load_state_dict({key.removeprefix("network."): value for key, value in state.items()})
    except (OSError, KeyError, RuntimeError, pickle.UnpicklingError) as error:
        raise CheckpointError(checkpoint, str(error).splitlines()[0]) from error
    return network.eval(), config
