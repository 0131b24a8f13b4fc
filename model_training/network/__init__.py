"""The network: encoder, decoder, graph reasoning, heads."""

from model_training import torchvision_schemas as torchvision_schemas  # before timm is imported
