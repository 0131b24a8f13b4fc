"""The Lightning module: what happens in one step, and what is measured at validation."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch
from lightning.pytorch import LightningModule
from torch import Tensor

from model_training.configuration import RunConfig
from model_training.datasets.crops import Batch
from model_training.network.road_network import RoadNetwork, RoadOutputs, road_probability
from model_training.training.distillation import Distillation, Teacher
from model_training.training.losses import total_loss
from model_training.training.schedule import create_optimiser, fraction_done, rate_factor
from model_training.training.validation import ThresholdSweep


class RoadModule(LightningModule):
    """Trains a `RoadNetwork` as a `RunConfig` says, from labels and, where there is one, from a teacher."""

    def __init__(self, config: RunConfig, source_names: tuple[str, ...], teacher: Teacher | None = None) -> None:
        super().__init__()
        self.config = config
        self.network = RoadNetwork(config.network)
        self.distillation = None if teacher is None else Distillation(self.network, teacher, config.distil)
        if config.machine.channels_last:
            self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.source_names = source_names
        self.fraction_done = 0.0
        """0..1, by steps or by time."""
        self.minutes_before = 0.0
        self._started = time.monotonic()
        self._sweeps: list[ThresholdSweep] = []

    @property
    def minutes(self) -> float:
        """Minutes trained, over all resumed runs."""
        return self.minutes_before + (time.monotonic() - self._started) / 60

    def look_at_clock(self) -> None:
        """Set how far the run is; all processes take the first one's clock, and must call this together."""
        schedule = self.config.schedule
        minutes = 0.0 if schedule.max_minutes is None else self.trainer.strategy.broadcast(self.minutes)
        self.fraction_done = fraction_done(schedule, self.global_step, minutes)

    def forward(self, image: Tensor) -> RoadOutputs:
        """(n, 3, h, w) -> logits and orientation."""
        return self.network(self._laid_out(image))  # type: ignore[no-any-return]

    def _laid_out(self, image: Tensor) -> Tensor:
        layout = torch.channels_last if self.config.machine.channels_last else torch.contiguous_format
        return image.contiguous(memory_format=layout)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """As the schedule says."""
        beside = () if self.distillation is None else self.distillation.parameters()
        return create_optimiser(self.config.schedule, self.network, beside)

    def on_fit_start(self) -> None:
        """Start the clock."""
        self._started = time.monotonic()

    def on_train_start(self) -> None:
        """Find out how far a resumed run is."""
        self.look_at_clock()

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:  # noqa: ARG002  (Lightning's signature)
        """Set all that a step depends on; it follows from how far the run is, so a resumed run has the same."""
        config = self.config
        factor = rate_factor(config.schedule, self.fraction_done)
        for group in self.trainer.optimizers[0].param_groups:
            group["lr"] = group["base_rate"] * factor
        frozen = self.global_step < config.start.freeze_encoder_steps
        self.network.encoder.requires_grad_(not frozen).train(not frozen)
        number = self.global_step * config.schedule.accumulate + batch_idx % config.schedule.accumulate
        torch.manual_seed(seed_of_batch(config.seed, number, self.global_rank))

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:  # noqa: ARG002
        """Loss of one batch."""
        image = self._laid_out(batch.image)
        stages = self.network.encoder(image)
        outputs = self.network.decode(stages)
        parts = total_loss(outputs, batch, self.config.loss, self.fraction_done)
        if self.distillation is not None:
            parts.update(self.distillation(image, stages, outputs))
        loss = torch.stack(list(parts.values())).sum()
        self.log_dict({f"loss/{name}": part.detach() for name, part in parts.items()}, on_step=True)
        self.log("loss", loss.detach(), prog_bar=True, on_step=True)
        return loss

    def on_validation_epoch_start(self) -> None:
        """Empty the counts."""
        self._sweeps = [ThresholdSweep() for _ in self.source_names]

    def validation_step(self, batch: Batch, batch_idx: int) -> None:  # noqa: ARG002
        """Count pixels at each threshold."""
        outputs = self(batch.image)
        probability = road_probability(outputs.roads[-1].float(), batch.image).cpu().numpy()
        road, valid = batch.road.cpu().numpy() > 0, batch.valid.cpu().numpy() > 0
        for item, source in enumerate(batch.source.tolist()):
            self._sweeps[source].add(probability[item, 0], road[item, 0], valid[item, 0])

    def on_validation_epoch_end(self) -> None:
        """Log the figures of each data set at its best threshold, and their mean IoU as `score`."""
        tables = torch.from_numpy(np.stack([sweep.table() for sweep in self._sweeps])).to(self.device)
        tables = self.trainer.strategy.reduce(tables, reduce_op="sum")
        ious = []
        for name, table in zip(self.source_names, tables.cpu().numpy()):
            sweep = ThresholdSweep.of_table(table)
            threshold, counts = sweep.best_by_iou()
            ious.append(counts.iou)
            figures = {
                "iou": counts.iou,
                "relaxed_f1": sweep.best_by_relaxed_f1()[1].relaxed_f1,
                "threshold": threshold,
            }
            self.log_dict({f"{name}/{key}": value for key, value in figures.items()}, sync_dist=True)
        self.log("score", sum(ious) / len(ious), prog_bar=True, sync_dist=True)
        self.log("minutes", self.minutes, sync_dist=True)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the clock."""
        checkpoint["minutes"] = self.minutes

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take the clock up again."""
        self.minutes_before = checkpoint["minutes"]


def seed_of_batch(seed: int, number: int, rank: int) -> int:
    """Seed of the random numbers (stochastic depth) of one batch in one process, all different."""
    return int(np.random.SeedSequence((seed, number, rank)).generate_state(1, np.uint64)[0])
