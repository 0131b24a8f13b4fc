"""The whole network: encoder -> UPerNet neck -> road head and orientation head.

image (n, 3, h, w)
  -> Encoder         four stages at strides 4, 8, 16, 32
  -> FeaturePyramid  four maps of `pyramid_channels`
  -> road head       from all four, stacked at stride 4; logits from coarse to fine
  -> orientation     from the finest only; an auxiliary task that teaches roads to be continuous
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor, nn, sigmoid
from torch.nn import functional

from model_training.network.dual_gcn import DualGcn
from model_training.network.encoder import Encoder
from model_training.network.heads import OrientationClassesHead, OrientationVectorHead, RoadHeadF, RoadHeadS2
from model_training.network.upernet import FeaturePyramid, stack_pyramid
from road_extractor_plugin.contract.errors import RequestError

ROAD_HEADS = {"S2": RoadHeadS2, "F": RoadHeadF}
ORIENTATIONS = ("vector", "classes", "none")
ENCODER_NORMS = ("layer", "batch")
MULTIPLE_OF = 32


@dataclass(frozen=True)
class NetworkConfig:
    """Which network; the defaults are the fast one."""

    encoder: str = "tf_efficientnet_lite0"
    """Any timm name whose features come at strides 4, 8, 16 and 32."""
    encoder_weights: str = "imagenet"
    """"imagenet" (timm's, downloaded; for tf_efficientnet_lite0 from its package), "none", or a file of weights."""
    heads: str = "S2"
    """"S2": roads at strides 4 and 2. "F": the paper's strides 4, 2 and 1."""
    pyramid_channels: int = 64
    """Width D of the feature pyramid; the paper takes the encoder's first width."""
    road_channels: int = 32
    """Width of the road head and its graphs."""
    road_classes: int = 1
    """1: one logit. 2: background and road through a softmax, as in the paper."""
    graph: bool = True
    """Dual graph reasoning in the road head; False leaves it out."""
    normalised_graph: bool = True
    """Divide the graph's sums by the number of pixels, so that tile size does not matter; False as published."""
    orientation: str = "vector"
    """"vector": (cos 2t, sin 2t) at stride 4. "classes": the paper's 37 classes. "none": roads only."""
    drop_path: float = 0.0
    """Rate of stochastic depth in the encoder's last block, growing linearly from 0 in its first."""
    layer_scale_init: float = 1.0
    """First value of ConvNeXt's layer scale; other encoders have none."""
    encoder_norm: str = "layer"
    """ConvNeXt's norms: its own, "layer", for which weights exist; or "batch", which exported files fold away."""

    def __post_init__(self) -> None:
        """Refuse what no network is built for.

        Raises:
            RequestError: A choice is unknown.
        """
        if self.heads not in ROAD_HEADS:
            raise RequestError("network.heads", self.heads, f"one of {', '.join(ROAD_HEADS)}")
        if self.orientation not in ORIENTATIONS:
            raise RequestError("network.orientation", self.orientation, f"one of {', '.join(ORIENTATIONS)}")
        if self.encoder_norm not in ENCODER_NORMS:
            raise RequestError("network.encoder_norm", self.encoder_norm, f"one of {', '.join(ENCODER_NORMS)}")
        if self.road_classes not in {1, 2}:
            raise RequestError("network.road_classes", self.road_classes, "1 or 2")


class RoadOutputs(NamedTuple):
    """What the network says about a batch; both lists from coarse to fine."""

    roads: list[Tensor]
    """Logits (n, 1, h / s, w / s) for each stride s of the road head."""
    orientation: list[Tensor]
    """Vectors (n, 2, h / 4, w / 4), or class logits (n, 37, h / s, w / s) at three strides, or nothing."""


class RoadNetwork(nn.Module):
    """ConvNeXt-UPerNet-DGCN and its relatives."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        width, channels = config.pyramid_channels, config.road_channels
        self.config = config
        self.encoder = Encoder(
            config.encoder,
            weights=config.encoder_weights,
            drop_path=config.drop_path,
            layer_scale_init=config.layer_scale_init,
            batch_norms=config.encoder_norm == "batch",
        )
        self.pyramid = FeaturePyramid(self.encoder.channels, width)
        self.road_head = ROAD_HEADS[config.heads](
            len(self.encoder.channels) * width,
            channels,
            config.road_classes,
            self._new_graph,
        )
        self.orientation_head: nn.Module | None = None
        if config.orientation == "vector":
            self.orientation_head = OrientationVectorHead(width)
        elif config.orientation == "classes":
            self.orientation_head = OrientationClassesHead(width, channels)

    def _new_graph(self, channels: int) -> nn.Module:
        return DualGcn(channels, normalised=self.config.normalised_graph) if self.config.graph else nn.Identity()

    def forward(self, image: Tensor) -> RoadOutputs:
        """(n, 3, h, w), normalised, h and w multiples of 32 -> logits and orientation."""
        return self.decode(self.encoder(image))

    def decode(self, stages: list[Tensor]) -> RoadOutputs:
        """Features (n, C_i, h / s, w / s) of the encoder's four stages -> logits and orientation."""
        levels = self.pyramid(stages)
        roads = [road_logit(logits) for logits in self.road_head(stack_pyramid(levels))]
        return RoadOutputs(roads, [] if self.orientation_head is None else self.orientation_head(levels[0]))


def road_logit(logits: Tensor) -> Tensor:
    """(n, 1 or 2, h, w) -> (n, 1, h, w): a softmax over two classes is the sigmoid of their difference."""
    return logits if logits.shape[1] == 1 else logits[:, 1:] - logits[:, :1]


class DeployedNetwork(nn.Module):
    """The network as programs run it: the outputs of the model card and nothing else."""

    def __init__(self, network: RoadNetwork, *, with_orientation: bool) -> None:
        super().__init__()
        self.network = network
        self.with_orientation = with_orientation

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """(n, 3, h, w) -> road probability (n, 1, h, w), and orientation (n, 2, h/4, w/4) when asked for."""
        outputs = self.network(image)
        probability = road_probability(outputs.roads[-1], image)
        return (probability, outputs.orientation[0]) if self.with_orientation else (probability,)


def road_probability(finest_logits: Tensor, image: Tensor) -> Tensor:
    """Logits of the finest scale -> probability at the image's size."""
    full = functional.interpolate(finest_logits, size=image.shape[-2:], mode="bilinear", align_corners=False)
    return sigmoid(full)
