"""Errors of training that its user can act on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from road_extractor_plugin.contract.errors import RoadExtractorError

_LISTED_PROBLEMS = 10


class ConfigError(RoadExtractorError):
    """A configuration file has an unknown key, or a value of the wrong kind."""

    def __init__(self, path: Path | str, problem: str) -> None:
        super().__init__(f"The configuration '{path}' is wrong: {problem}. See model_training/configs/ for examples.")


class EncoderWeightsError(RoadExtractorError):
    """Pretrained weights cannot be had or do not fit the encoder."""

    def __init__(self, encoder: str, problem: str) -> None:
        super().__init__(
            f"No pretrained weights for encoder '{encoder}': {problem}. "
            "Set network.encoder_weights to a file of weights, or to 'none' to start from scratch."
        )


class DatasetError(RoadExtractorError):
    """A data folder is incomplete or a file in it cannot be used."""

    def __init__(self, path: Path, problem: str, remedy: str) -> None:
        super().__init__(f"'{path}' {problem}. {remedy}.")


class CheckpointError(RoadExtractorError):
    """A checkpoint cannot be read or does not fit."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"Cannot use the checkpoint '{path}': {problem}. Choose a .ckpt written by `train`.")


class ParityError(RoadExtractorError):
    """The exported graph does not compute what the network computes; nothing is written."""

    def __init__(self, output: str, shape: tuple[int, ...], difference: float, tolerance: float) -> None:
        super().__init__(
            f"The exported output '{output}' differs from torch by {difference:.2e} at input {shape}, "
            f"more than {tolerance:.0e}. No file was written. Try another precision, format or encoder."
        )


class AccuracyError(RoadExtractorError):
    """Reduced precision costs too much accuracy; nothing is written."""

    def __init__(self, precision: str, data: str, exact_iou: float, reduced_iou: float, allowed: float) -> None:
        super().__init__(
            f"With {precision}, the IoU on the held-out scenes of '{data}' falls from {exact_iou:.4f} to "
            f"{reduced_iou:.4f}, allowed are {allowed:.3f}. No file was written. Export with --precision fp32 or fp16."
        )


class OverlapError(RoadExtractorError):
    """Test imagery was trained on."""

    def __init__(self, pairs: Sequence[str]) -> None:
        listed = "; ".join(pairs[:_LISTED_PROBLEMS])
        more = f"; and {len(pairs) - _LISTED_PROBLEMS} more" if len(pairs) > _LISTED_PROBLEMS else ""
        super().__init__(
            f"{len(pairs)} test images show a place that a training image shows: {listed}{more}. "
            "Move them to the training folder, or remove them from it; figures on them would mean nothing."
        )


class TrainingStoppedError(RoadExtractorError):
    """A signal ended the training early; the run can be continued."""

    def __init__(self, signal_name: str, step: int, checkpoint: Path) -> None:
        super().__init__(
            f"Stopped by {signal_name} after step {step}. Continue with --resume; saved in '{checkpoint}'."
        )


class PreparationError(RoadExtractorError):
    """Some files of a data set could not be used; all others are prepared."""

    def __init__(self, problems: Sequence[str]) -> None:
        lines = list(problems[:_LISTED_PROBLEMS])
        if len(problems) > _LISTED_PROBLEMS:
            lines.append(f"... and {len(problems) - _LISTED_PROBLEMS} more.")
        lines.append("Everything else is prepared; the same command goes on from here.")
        super().__init__("\n".join(lines))
