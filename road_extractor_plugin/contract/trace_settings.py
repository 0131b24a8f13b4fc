"""What a user may choose about tracing roads from a probability raster."""

from __future__ import annotations

from dataclasses import dataclass

from road_extractor_plugin.contract.errors import RequestError
from road_extractor_plugin.contract.model_card import Thresholds


@dataclass(frozen=True)
class TraceSettings:
    """From probability to lines; distances in metres on the ground, areas in square metres."""

    thresholds: Thresholds
    simplify_m: float = 0.5
    """Lines are simplified so that they stay within this distance of the traced pixels."""
    min_spur_m: float = 10.0
    """Dead-end pieces shorter than this, or than 1.5 times the road's width, are hair and dropped."""
    min_component_m: float = 20.0
    """Networks with less road than this in all are dropped, unless they touch the edge of the data."""
    min_area_m2: float = 60.0
    """Pieces of mask smaller than this are dropped, unless they touch the edge of the data."""
    max_hole_m2: float = 30.0
    """Holes in the mask up to this size are filled; the island of a roundabout is larger."""

    def __post_init__(self) -> None:
        """Refuse values out of range.

        Raises:
            RequestError: A distance is negative, or thresholds are not 0 <= low <= high <= 1.
        """
        for name in ("simplify_m", "min_spur_m", "min_component_m", "min_area_m2", "max_hole_m2"):
            value = getattr(self, name)
            if not value >= 0:
                raise RequestError(name, value, "0 or more")
        if not 0 <= self.thresholds.low <= self.thresholds.high <= 1:
            raise RequestError("threshold", self.thresholds, "in 0 <= low <= high <= 1")
