"""The Lightning data module: crops of scenes, as many of which stay in memory as have room there."""

from __future__ import annotations

import logging
from pathlib import Path

import torch
from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader

from model_training.configuration import RunConfig
from model_training.datasets.crops import Batch, CropNumbers, CropRecipe, Source, TrainingCrops, ValidationCrops
from model_training.datasets.holdout import TRAINING, VALIDATION, Split, scenes_of
from model_training.datasets.manifest import check_resolution
from model_training.datasets.scenes import SceneMemory, StoredScenes

LOG = logging.getLogger(__name__)


class RoadData(LightningDataModule):
    """Training and validation crops of all folders of a configuration."""

    def __init__(self, config: RunConfig, data_root: Path, split: Split) -> None:
        """Read every scene once.

        Raises:
            DatasetError: A scene cannot be used, or a folder has another ground resolution than configured.
        """
        super().__init__()
        data, spec = config.data, config.input_spec()
        self._config = config
        self._data_root = data_root
        self._split = split
        self._memory = SceneMemory(int(data.memory_gb * 1e9))
        recipe = CropRecipe(data.augmentation, data.crop_px, data.road_share, config.seed, config.network.orientation)
        self._training = TrainingCrops(self._read(TRAINING), spec, recipe)
        self._validation = ValidationCrops(self._read(VALIDATION), spec, crop_px=data.validation_crop_px)
        LOG.info("%.3g GB of scenes in memory (data.memory_gb: %g)", self._memory.kept_bytes / 1e9, data.memory_gb)

    def _read(self, part: str) -> tuple[Source, ...]:
        sources = []
        for folder in self._config.data.folders:
            check_resolution(self._data_root / folder.path, folder.ground_resolution_m)
            paths = scenes_of(self._data_root, folder.path, self._split, part)
            LOG.info("%s: %d scenes for %s", folder.path, len(paths), part)
            scenes = StoredScenes(paths, self._memory, readers=max(self._config.data.workers, 1))
            sources.append(Source(folder.path, scenes, folder.ground_resolution_m, folder.share))
        return tuple(sources)

    def train_dataloader(self) -> DataLoader[Batch]:
        """Crops without end, going on after those that earlier steps have seen."""
        if self.trainer is None:
            raise RuntimeError("the data module is asked for crops outside of a training run")
        schedule, world = self._config.schedule, self.trainer.world_size
        seen = self.trainer.global_step * schedule.accumulate * schedule.batch * world
        workers = self._config.data.workers
        return DataLoader(
            self._training,
            batch_size=schedule.batch,
            sampler=CropNumbers(seen, self.trainer.global_rank, world),
            num_workers=workers,
            worker_init_fn=_use_one_thread,
            prefetch_factor=4 if workers else None,
            pin_memory=torch.cuda.is_available(),
        )

    def val_dataloader(self) -> DataLoader[Batch]:
        """The middle of each held-out scene; with several processes each takes every n-th, as many as the others."""
        rank, world = (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        numbers = range(rank, -(-len(self._validation) // world) * world, world)
        return DataLoader(self._validation, batch_size=self._config.schedule.batch, sampler=numbers)


def _use_one_thread(worker: int) -> None:  # noqa: ARG001  (DataLoader's signature)
    torch.set_num_threads(1)
