"""What happens beside the steps: averaging, checkpoints, stopping, progress."""

from __future__ import annotations

import logging
import signal
import time
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import torch
from lightning.pytorch.callbacks import Callback, WeightAveraging
from torch import Tensor
from tqdm import tqdm

from model_training.errors import TrainingStoppedError
from model_training.training.module import RoadModule
from road_extractor_plugin.contract.errors import OutputError

if TYPE_CHECKING:
    from lightning.pytorch import LightningModule, Trainer

LOG = logging.getLogger(__name__)
LAST, BEST = "last.ckpt", "best.ckpt"
BAR = "{percentage:3.0f} % |{bar}| {elapsed} done, {remaining} left{postfix}"
SECONDS_BETWEEN_LINES = 20.0


class MovingAverage(WeightAveraging):
    """Exponential moving average of weights and of normalisation statistics, quick to follow at first.

    The decay after n updates is min(decay, (1 + n) / (10 + n)). Lightning validates the average and keeps it as the
    checkpoint's `state_dict`.
    """

    def __init__(self, decay: float) -> None:
        @torch.no_grad()
        def average(old: list[Tensor], new: list[Tensor], updates: Tensor | int) -> None:
            if not old[0].is_floating_point():
                torch._foreach_copy_(old, new)
                return
            warm = (1.0 + float(updates)) / (10.0 + float(updates))
            torch._foreach_lerp_(old, new, 1.0 - min(decay, warm))

        # All arrays of a kind at once: one by one, a GPU would wait for each.
        super().__init__(multi_avg_fn=average)


class Checkpoints(Callback):
    """Writes `last.ckpt` after each validation, and `best.ckpt` when the score is the highest so far."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.best_score = float("-inf")

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: ARG002
        """Write."""
        if trainer.sanity_checking:
            return
        score = float(trainer.callback_metrics["score"])
        is_best = score > self.best_score
        self.best_score = max(score, self.best_score)
        for name in (LAST, BEST) if is_best else (LAST,):
            save_whole(trainer, self.folder / name)

    def state_dict(self) -> dict[str, Any]:
        """Kept in the checkpoint."""
        return {"best_score": self.best_score}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Taken up again."""
        self.best_score = state_dict["best_score"]


def save_whole(trainer: Trainer, path: Path) -> None:
    """Write a checkpoint so that there is either the old file or the whole new one.

    Raises:
        OutputError: It cannot be written; the old one stays, and the run can be continued from there.
    """
    fresh = path.with_suffix(".new")
    try:
        trainer.save_checkpoint(fresh)
        if trainer.is_global_zero:
            fresh.replace(path)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        remedy = "Make room or grant access, then continue with --resume from the last checkpoint"
        raise OutputError(f"Cannot write the checkpoint '{path}' ({error.strerror})", remedy) from error


class StopOnSignal(Callback):
    """On SIGTERM or Ctrl+C: finish the step or the validation, write `last.ckpt`, end. Comes after `Checkpoints`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._received: int | None = None
        self._previous: dict[int, Any] = {}

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: ARG002
        """Take over both signals."""
        for number in (signal.SIGTERM, signal.SIGINT):
            self._previous[number] = signal.signal(number, self._remember)

    def _remember(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self._received = number

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,  # noqa: ARG002
        outputs: object,  # noqa: ARG002
        batch: object,  # noqa: ARG002
        batch_idx: int,
    ) -> None:
        """Stop at the end of a step of the optimiser, so that no gradient is lost, unless a validation is due."""
        batches = batch_idx + 1
        validates = trainer.val_check_batch is not None and batches % trainer.val_check_batch == 0
        if validates or batches % trainer.accumulate_grad_batches:
            return
        if self._agreed(trainer):
            save_whole(trainer, self.folder / LAST)
            self._stop(trainer)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: ARG002
        """Stop after a validation; its checkpoint is written."""
        if self._agreed(trainer):
            self._stop(trainer)

    def _agreed(self, trainer: Trainer) -> bool:
        """Whether any process was told to stop; all must ask together."""
        return trainer.strategy.reduce_boolean_decision(self._received is not None, all=False)

    def _stop(self, trainer: Trainer) -> None:
        name = "a signal to another process" if self._received is None else signal.Signals(self._received).name
        raise TrainingStoppedError(name, trainer.global_step, self.folder / LAST)

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:  # noqa: ARG002
        """Give the signals back."""
        for number, handler in self._previous.items():
            signal.signal(number, handler)


class EndOfSchedule(Callback):
    """Ends the run when its schedule is done; Lightning then validates once more."""

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: object) -> None:
        """Look at the clock."""
        if isinstance(pl_module, RoadModule):
            pl_module.look_at_clock()
            trainer.should_stop = trainer.should_stop or pl_module.fraction_done >= 1.0


class ProgressLines(Callback):
    """A line now and then: how far, how fast, how long still."""

    def __init__(self, crops_per_batch: int) -> None:
        self._crops_per_batch = crops_per_batch
        self._since = time.monotonic()
        self._batches = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: ARG002
        """Start counting."""
        self._since, self._batches = time.monotonic(), 0

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: object) -> None:
        """Count, and write a line when it is time."""
        self._batches += 1
        seconds = time.monotonic() - self._since
        if seconds < SECONDS_BETWEEN_LINES or not isinstance(pl_module, RoadModule):
            return
        fraction = max(pl_module.fraction_done, 1e-6)
        left = pl_module.minutes * (1.0 - fraction) / fraction
        LOG.info(
            "step %d | %.1f %% | loss %.3f | %.1f crops/s | %.0f min done, %.0f min left",
            trainer.global_step,
            100 * fraction,
            float(trainer.callback_metrics["loss"]),
            self._batches * self._crops_per_batch * trainer.world_size / seconds,
            pl_module.minutes,
            left,
        )
        self._since, self._batches = time.monotonic(), 0

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: ARG002
        """Write the figures."""
        figures = {
            k: float(v) for k, v in trainer.callback_metrics.items() if k == "score" or k.endswith(("iou", "f1"))
        }
        LOG.info("validation: %s", "  ".join(f"{name} {value:.3f}" for name, value in sorted(figures.items())))
        self._since, self._batches = time.monotonic(), 0


class ProgressBar(ProgressLines):
    """The same on a terminal: a bar with the time still needed instead of a line now and then."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw the bar, where a resumed run stopped."""
        super().on_train_start(trainer, pl_module)
        done = 100 * pl_module.fraction_done if isinstance(pl_module, RoadModule) else 0.0
        self._bar = tqdm(total=100, initial=done, bar_format=BAR, disable=not trainer.is_global_zero)

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: object) -> None:
        """Move it."""
        if isinstance(pl_module, RoadModule):
            self._bar.set_postfix_str(f"step {trainer.global_step}, loss {float(trainer.callback_metrics['loss']):.3f}")
            self._bar.update(100 * pl_module.fraction_done - self._bar.n)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: ARG002
        """Leave it as it is."""
        self._bar.close()
