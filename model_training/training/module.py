"""The Lightning module: what happens in one step, and what is measured at validation."""

from __future__ import annotations

import time
from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor

from model_training.configuration import RunConfig
from model_training.datasets.crops import Batch
from model_training.network.road_network import RoadNetwork, RoadOutputs, road_probability
from model_training.training.losses import total_loss
from model_training.training.schedule import fraction_done, rate_factor
from model_training.training.validation import ThresholdSweep


class RoadModule(LightningModule):
    """Trains a `RoadNetwork` as a `RunConfig` says."""

    def __init__(self, config: RunConfig, source_names: tuple[str, ...]) -> None:
        super().__init__()
        self.config = config
        self.network = RoadNetwork(config.network)
        if config.machine.channels_last:
            self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.source_names = source_names
        self.minutes_before = 0.0
        self._started = time.monotonic()
        self._sweeps: list[ThresholdSweep] = []

    @property
    def minutes(self) -> float:
        """Minutes trained, over all resumed runs."""
        return self.minutes_before + (time.monotonic() - self._started) / 60

    @property
    def fraction_done(self) -> float:
        """0..1, by steps or by time."""
        return fraction_done(self.config.schedule, self.global_step, self.minutes)

    def forward(self, image: Tensor) -> RoadOutputs:
        """(n, 3, h, w) -> logits and orientation."""
        layout = torch.channels_last if self.config.machine.channels_last else torch.contiguous_format
        return self.network(image.contiguous(memory_format=layout))  # type: ignore[no-any-return]

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW in four groups: encoder or not, with weight decay or not (norms and biases)."""
        schedule = self.config.schedule
        groups = []
        for in_encoder, rate in (
            (True, schedule.learning_rate * schedule.encoder_rate),
            (False, schedule.learning_rate),
        ):
            parameters = [p for name, p in self.network.named_parameters() if name.startswith("encoder.") == in_encoder]
            for decays, decay in ((True, schedule.weight_decay), (False, 0.0)):
                chosen = [p for p in parameters if (p.ndim > 1) == decays]
                groups.append({"params": chosen, "lr": rate, "base_rate": rate, "weight_decay": decay})
        return torch.optim.AdamW(groups)

    def on_fit_start(self) -> None:
        """Start the clock."""
        self._started = time.monotonic()

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:  # noqa: ARG002  (Lightning's signature)
        """Set the learning rate; it depends on nothing but how far the run is, so a resumed run has the same."""
        factor = rate_factor(self.fraction_done, self.config.schedule.warmup)
        for group in self.trainer.optimizers[0].param_groups:
            group["lr"] = group["base_rate"] * factor

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:  # noqa: ARG002
        """Loss of one batch."""
        parts = total_loss(self(batch.image), batch, self.config.loss)
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
        ious = []
        for name, sweep in zip(self.source_names, self._sweeps):
            threshold, counts = sweep.best_by_iou()
            ious.append(counts.iou)
            figures = {
                "iou": counts.iou,
                "relaxed_f1": sweep.best_by_relaxed_f1()[1].relaxed_f1,
                "threshold": threshold,
            }
            self.log_dict({f"{name}/{key}": value for key, value in figures.items()})
        self.log("score", sum(ious) / len(ious), prog_bar=True)
        self.log("minutes", self.minutes)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the clock."""
        checkpoint["minutes"] = self.minutes

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take the clock up again."""
        self.minutes_before = checkpoint["minutes"]
