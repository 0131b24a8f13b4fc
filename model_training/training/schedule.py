"""How far a run is, and the learning rate there."""

from __future__ import annotations

import math

from model_training.configuration import ScheduleConfig


def fraction_done(config: ScheduleConfig, step: int, minutes: float) -> float:
    """0 at the start, 1 at the end: by steps or by time, whichever is further."""
    by_steps = step / config.max_steps
    by_time = minutes / config.max_minutes if config.max_minutes is not None else 0.0
    return min(max(by_steps, by_time), 1.0)


def rate_factor(fraction: float, warmup: float) -> float:
    """Linear rise from 0 to 1 over the warm-up, then half a cosine down to 0."""
    if fraction < warmup:
        return fraction / warmup
    return 0.5 + 0.5 * math.cos(math.pi * (fraction - warmup) / (1.0 - warmup))
