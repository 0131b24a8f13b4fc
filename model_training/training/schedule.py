"""How far a run is, the learning rate there, and the optimiser that takes it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from model_training.configuration import ScheduleConfig


def fraction_done(config: ScheduleConfig, step: int, minutes: float) -> float:
    """0 at the start, 1 at the end: by steps or by time, whichever is further."""
    by_steps = step / config.max_steps
    by_time = minutes / config.max_minutes if config.max_minutes is not None else 0.0
    return min(max(by_steps, by_time), 1.0)


def rate_factor(config: ScheduleConfig, fraction: float) -> float:
    """Factor on the learning rate when a fraction of the run is done.

    1. It rises linearly from 0 to 1 over the warm-up.
    2. Then it follows half a cosine down to 0 at the end of the run,
    3. or goes down by a factor at each milestone.
    """
    if fraction < config.warmup:
        return fraction / config.warmup  # 1
    if config.rate == "steps":
        return config.milestone_factor ** sum(fraction >= milestone for milestone in config.milestones)  # 3
    return 0.5 + 0.5 * math.cos(math.pi * (fraction - config.warmup) / (1.0 - config.warmup))  # 2


def create_optimiser(
    config: ScheduleConfig, network: nn.Module, beside: Iterable[nn.Parameter] = ()
) -> torch.optim.Optimizer:
    """The optimiser with up to four groups of parameters: in the encoder or not, with weight decay or without.

    Each group keeps its `base_rate`, of which the learning rate is `rate_factor` times.

    Args:
        config: What kind, which rates.
        network: A network with an `encoder`.
        beside: Parameters of the losses, which learn as the network's outside of the encoder do.
    """
    encoder_rate = config.learning_rate * config.encoder_rate
    groups: list[dict[str, Any]] = []
    for in_encoder, rate in ((True, encoder_rate), (False, config.learning_rate)):
        parameters = [p for name, p in network.named_parameters() if name.startswith("encoder.") == in_encoder]
        parameters += () if in_encoder else beside
        for decays, decay in ((True, config.weight_decay), (False, 0.0)):
            chosen = [p for p in parameters if (p.ndim > 1 or config.decay_norms) == decays]
            groups.append({"params": chosen, "lr": rate, "base_rate": rate, "weight_decay": decay})
    if config.optimiser == "sgd":
        return torch.optim.SGD(groups, momentum=config.momentum)
    return torch.optim.AdamW(groups)
