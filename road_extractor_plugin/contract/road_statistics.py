"""A road network in a few figures."""

from __future__ import annotations

from dataclasses import dataclass

CONFIDENCE_LIMITS = (0.0, 0.5, 0.7, 0.85, 1.0)
"""Classes of mean road probability, each with its lower limit; those of the style `centerlines`."""


@dataclass(frozen=True)
class RoadStatistics:
    """What the layer `centerlines` of a run holds; lengths are ground lengths."""

    length_km: float
    class_km: tuple[float, ...]
    """Per class of `CONFIDENCE_LIMITS`, the least sure first."""
    bridged_km: float
    """Gaps that the tracer has filled."""
    mean_width_m: float
    """Weighted by length; 0 without roads."""
    lines: int
    components: int
    """Networks that are not connected with each other."""

    @property
    def bridged_share(self) -> float:
        """Of the length, 0..1; 0 without roads."""
        return self.bridged_km / self.length_km if self.length_km > 0 else 0.0
