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
import sys
import warnings
from pathlib import Path

import torch
import yaml
from lightning.pytorch import LightningDataModule, Trainer, seed_everything
from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger
from lightning.pytorch.utilities import rank_zero_only

from model_training.configuration import MachineConfig, RunConfig, config_from
from model_training.datasets.holdout import Split, leave_out, read_split, split_scenes, write_split
from model_training.errors import CheckpointError, ConfigError
from model_training.network.road_network import RoadNetwork
from model_training.training.callbacks import (
    LAST,
    Checkpoints,
    EndOfSchedule,
    MovingAverage,
    ProgressBar,
    ProgressLines,
    StopOnSignal,
)
from model_training.training.data import RoadData
from model_training.training.distillation import Teacher, take_decoder
from model_training.training.module import RoadModule
from model_training.training.weights import read_weights, take_weights
from road_extractor_plugin.contract.errors import OutputExistsError

LOG = logging.getLogger(__name__)
CONFIG_FILE, SPLIT_FILE = "config.yaml", "split.csv"
LOG_EVERY_STEPS = 20


def start(config: RunConfig, data_root: Path, run: Path) -> None:
    """Train from the beginning.

    Raises:
        OutputExistsError: The run's folder already holds a run.
        ConfigError: No data folder is given.
        CheckpointError: The weights to fine-tune do not fit, or the teacher cannot be read.
        TrainingStoppedError: A signal ended it.
    """
    if not config.data.folders:
        raise ConfigError(run / CONFIG_FILE, "data.folders is empty, so there is nothing to learn from")
    if (run / LAST).exists():
        raise OutputExistsError(run, (LAST,))
    folders = tuple(folder.path for folder in config.data.folders)
    split = split_scenes(data_root, folders, config.data.holdout_fraction, config.seed)
    for earlier in (config.distil.teacher, config.start.weights):
        split = kept_split(split, earlier)
    split = leave_out(split, config.data.leave_out)
    _write_folder(config, split, run)
    fit(config, RoadData(config, data_root, split), run, checkpoint=None)


def kept_split(drawn: Split, checkpoint: str | None) -> Split:
    """The split of the run that a checkpoint is of, wherever it has the same scenes; else the drawn one.

    Scenes that an earlier network has learnt tell nothing about one that learns from it.
    """
    path = None if checkpoint is None else Path(checkpoint).parent / SPLIT_FILE
    if path is None or not path.is_file():
        return drawn
    earlier = read_split(path)
    return {
        folder: earlier[folder] if earlier.get(folder, {}).keys() == parts.keys() else parts
        for folder, parts in drawn.items()
    }


@rank_zero_only
def _write_folder(config: RunConfig, split: Split, run: Path) -> None:
    """The first process writes; the others have drawn the same."""
    run.mkdir(parents=True, exist_ok=True)
    write_split(run / SPLIT_FILE, split)
    (run / CONFIG_FILE).write_text(yaml.safe_dump(dataclasses.asdict(config), sort_keys=False), encoding="utf-8")


def resume(data_root: Path, run: Path) -> None:
    """Go on from `last.ckpt` as if nothing had happened.

    Raises:
        ConfigError: The folder holds no run.
        CheckpointError: `last.ckpt` is damaged.
        TrainingStoppedError: A signal ended it again.
    """
    config, checkpoint = read_run_config(run), run / LAST
    data = RoadData(config, data_root, read_split(run / SPLIT_FILE))
    if checkpoint.exists():
        read_weights(checkpoint)
        fit(without_encoder_weights(config), data, run, checkpoint=checkpoint)
    else:
        fit(config, data, run, checkpoint=None)


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


def fit(config: RunConfig, data: LightningDataModule, run: Path, *, checkpoint: Path | None) -> None:
    """Build everything else and train."""
    _quieten()
    seed_everything(config.seed, verbose=False)
    if config.machine.threads is not None:
        torch.set_num_threads(config.machine.threads)
    fine_tuned = None if checkpoint or config.start.weights is None else Path(config.start.weights)
    teacher = None if config.distil.teacher is None else load_teacher(config, Path(config.distil.teacher))
    module = RoadModule(
        without_encoder_weights(config) if fine_tuned else config,
        tuple(folder.path for folder in config.data.folders),
        teacher,
    )
    if fine_tuned:
        take_weights(module.network, fine_tuned, reset_heads=config.start.reset_heads)
    elif teacher and config.distil.take_decoder and not checkpoint:
        LOG.info("%d arrays taken from the teacher", take_decoder(module.network, teacher.network))
    precision = chosen_precision(config.machine)
    LOG.info("%.1f M parameters, %s", sum(p.numel() for p in module.network.parameters()) / 1e6, precision)
    build_trainer(config, run).fit(module, data, ckpt_path=checkpoint, weights_only=True)


def build_trainer(config: RunConfig, run: Path) -> Trainer:
    """Lightning's trainer with our callbacks; the average comes first, so that checkpoints hold its newest state."""
    schedule, machine = config.schedule, config.machine
    return Trainer(
        default_root_dir=run,
        accelerator=machine.accelerator,
        devices="auto" if machine.devices is None else machine.devices,
        num_nodes=machine.nodes,
        strategy=_strategy(config),
        sync_batchnorm=machine.synchronise_norms,
        precision=chosen_precision(machine),  # type: ignore[arg-type]
        deterministic=machine.deterministic,
        max_steps=schedule.max_steps,
        max_epochs=-1,
        accumulate_grad_batches=schedule.accumulate,
        gradient_clip_val=schedule.gradient_norm,
        val_check_interval=schedule.validate_every * schedule.accumulate,
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
            EndOfSchedule(),
            Checkpoints(run),
            StopOnSignal(run),
            (ProgressBar if sys.stderr.isatty() else ProgressLines)(schedule.batch),
        ],
    )


def chosen_precision(machine: MachineConfig) -> str:
    """Lightning's name; "auto" takes bfloat16 only where the machine computes it: imitated, it is many times slower."""
    if machine.precision != "auto":
        return machine.precision
    if machine.accelerator != "cpu" and torch.cuda.is_available():
        return "bf16-mixed" if torch.cuda.is_bf16_supported(including_emulation=False) else "32-true"
    processor = torch.cpu.get_capabilities()
    return "bf16-mixed" if processor.get("avx512_bf16") or processor.get("amx_bf16") else "32-true"


def _strategy(config: RunConfig) -> str:
    """Lightning's choice, told when a frozen encoder leaves several processes without some gradients."""
    machine = config.machine
    several = machine.nodes > 1 or (machine.devices or torch.cuda.device_count()) > 1
    return "ddp_find_unused_parameters_true" if several and config.start.freeze_encoder_steps else "auto"


def _loggers(folder: Path) -> list[Logger]:
    """A new subfolder per start, since Lightning would empty one that is in use."""
    version = f"start_{sum(1 for _ in folder.glob('start_*')) + 1}"
    table = CSVLogger(folder, name="", version=version, flush_logs_every_n_steps=1)
    return [table, TensorBoardLogger(folder, name="", version=version)]


def _quieten() -> None:
    """Lightning's hints that do not apply: our loader has no length, and one worker is meant; timm's list of files."""
    for library in ("lightning.pytorch", "timm"):
        logging.getLogger(library).setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")
    warnings.filterwarnings("ignore", message=".*LeafSpec.*")


def load_teacher(config: RunConfig, checkpoint: Path) -> Teacher:
    """The teacher of a run.

    Raises:
        CheckpointError: It cannot be read.
        ConfigError: It sees images at another ground resolution.
    """
    network, learnt = load_network(checkpoint)
    if learnt.data.ground_resolution_m != config.data.ground_resolution_m:
        problem = f"data.ground_resolution_m is {config.data.ground_resolution_m}"
        theirs = f"that of the teacher (distil.teacher) is {learnt.data.ground_resolution_m}; make both the same"
        raise ConfigError(checkpoint.parent / CONFIG_FILE, f"{problem}, {theirs}")
    if config.machine.channels_last:
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Teacher(network, config.distil.views)


def load_network(checkpoint: Path) -> tuple[RoadNetwork, RunConfig]:
    """The averaged network of a checkpoint, in evaluation mode, with the configuration of its run.

    Raises:
        CheckpointError: The file cannot be read or does not fit the configuration beside it.
    """
    weights = read_weights(checkpoint)
    config = without_encoder_weights(read_run_config(checkpoint.parent))
    network = RoadNetwork(config.network)
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise CheckpointError(checkpoint, "its network is not that of the configuration beside it") from error
    return network.eval(), config
