"""Weights of a checkpoint, without the state of its training."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path

import torch
from torch import Tensor

from model_training.errors import CheckpointError
from model_training.network.road_network import RoadNetwork

PREFIX = "network."
HEADS = ("road_head.", "orientation_head.")


def read_weights(checkpoint: Path) -> dict[str, Tensor]:
    """The averaged weights by their names in the network.

    Raises:
        CheckpointError: The file is missing, incomplete, or none of ours.
    """
    if not zipfile.is_zipfile(checkpoint):
        raise CheckpointError(checkpoint, "it is missing or incomplete")
    try:
        state = torch.load(checkpoint, map_location="cpu", weights_only=True, mmap=True)["state_dict"]
    except (OSError, LookupError, TypeError, RuntimeError, pickle.UnpicklingError) as error:
        raise CheckpointError(checkpoint, "it holds no network of this program") from error
    return {key.removeprefix(PREFIX): value for key, value in state.items() if key.startswith(PREFIX)}


def take_weights(network: RoadNetwork, checkpoint: Path, *, reset_heads: bool) -> None:
    """Start a network from the weights of a checkpoint; with `reset_heads`, all but the heads.

    Raises:
        CheckpointError: The file cannot be read, or its network is another one.
    """
    given = read_weights(checkpoint)
    own = network.state_dict()
    for key, old in own.items():
        if reset_heads and key.startswith(HEADS):
            continue
        found = given.get(key)
        if found is None or found.shape != old.shape:
            has = f"'{key}' is {tuple(found.shape)} there" if found is not None else f"'{key}' is not there"
            remedy = "reset the heads (--reset-heads)" if key.startswith(HEADS) else "take the network of that run"
            raise CheckpointError(checkpoint, f"{has} and {tuple(old.shape)} here; {remedy}")
        own[key] = found
    network.load_state_dict(own)
