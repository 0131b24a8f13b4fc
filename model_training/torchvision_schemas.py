"""Makes timm and Lightning importable where torchvision's compiled half does not match the installed torch.

Both import torchvision, which at import describes its operators `nms` and `qnms` to torch and fails when these do not
exist ("operator torchvision::nms does not exist"). They are declared by torchvision's C++ library; a CPU build of
torch beside a registry build of torchvision cannot load that library. Nothing here calls the operators, so declaring
their schemas is enough. Import this module before timm or Lightning. Where torchvision is whole it does nothing.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import torch

OPERATOR_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)


def _compiled_half_loads() -> bool:
    """Whether torchvision's own library registers the operators; without torchvision there is nothing to mend."""
    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None:
        return True
    library = next(Path(spec.origin).parent.glob("_C.*"), None)
    if library is None:
        return False
    try:
        torch.ops.load_library(library)  # type: ignore[no-untyped-call]
    except OSError:
        return False
    return True


def declare_missing_operators() -> torch.library.Library | None:
    """Declare the schemas unless torchvision does so itself.

    Returns:
        The library of declarations, which must be kept alive; None when nothing was missing.
    """
    if "torchvision" in sys.modules or _compiled_half_loads():
        return None
    library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
    for schema in OPERATOR_SCHEMAS:
        library.define(schema)  # type: ignore[no-untyped-call]
    return library


DECLARATIONS = declare_missing_operators()
