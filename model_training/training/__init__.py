"""Losses, the Lightning modules and the training run."""

from model_training import torchvision_schemas as torchvision_schemas  # before lightning is imported
