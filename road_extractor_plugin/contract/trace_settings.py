"""What a user may choose about tracing roads from a probability raster.

A preset changes some settings for a kind of place. What it does not change keeps its default, and what the user sets
goes before both.

    setting              default  urban  rural  track   why
    max_gap_m                 25     15     40     60   trees hide long stretches of a road that has no others near it
    min_gap_probability     0.03   0.05   0.02   0.01   where roads are dense, so are places that look like road
    min_spur_m                15     15     15     20   off the road, drives and yards look like stubs
    min_component_m           20     40     60    100   far from others, a short piece of road is a field or a stream
    min_area_m2               60    100     60     40   a track is narrow and comes in pieces
    max_hole_m2               30     30     60     60   trees over a road; between houses a hole may be a yard
    simplify_m               0.3    0.3    1.0    1.0   away from houses, lines need not follow each curb

What they do to predictions of the default model stands in `docs/road_graph.md`: `urban` gives fewer false roads and
fewer roads, the others, where roads are dense, more of both. There were no tracks to measure: what `track` says is a
judgement.

`urban`: dense streets. `rural`: roads between villages, farms and fields. `track`: unpaved tracks, also in forests.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from road_extractor_plugin.contract.errors import RequestError
from road_extractor_plugin.contract.model_card import Thresholds

PRESETS: Mapping[str, Mapping[str, float]] = {
    "urban": {
        "max_gap_m": 15.0,
        "min_gap_probability": 0.05,
        "min_component_m": 40.0,
        "min_area_m2": 100.0,
    },
    "rural": {
        "max_gap_m": 40.0,
        "min_gap_probability": 0.02,
        "min_component_m": 60.0,
        "max_hole_m2": 60.0,
        "simplify_m": 1.0,
    },
    "track": {
        "max_gap_m": 60.0,
        "min_gap_probability": 0.01,
        "min_spur_m": 20.0,
        "min_component_m": 100.0,
        "min_area_m2": 40.0,
        "max_hole_m2": 60.0,
        "simplify_m": 1.0,
    },
}
"""Per preset the settings that it changes."""


@dataclass(frozen=True)
class TraceSettings:
    """From probability to lines; distances in metres on the ground, areas in square metres."""

    thresholds: Thresholds
    simplify_m: float = 0.3
    """Lines are simplified so that they stay within this distance of the traced pixels."""
    min_spur_m: float = 15.0
    """Dead-end pieces shorter than this are dropped: hair, drives, places that look like road."""
    min_spur_widths: float = 1.5
    """So are those shorter than this many widths of the road that they leave; 0 keeps them, even hair of thinning."""
    merge_widths: float = 1.0
    """Two junctions nearer to each other along a road than it is wide, times this, are one; 0 merges none."""
    max_shared_stretch: float = 1.25
    """Two T junctions are a crossing at a shallow angle when the stretch between them is at most this many times as
    long as the surfaces of roads that cross at that angle cover together; 0 finds no such crossings."""
    max_drawn_widths: float = 1.5
    """Thinning ends a road half a width short; its line is drawn on to where the road ends, by at most so many widths
    more than thinning may have taken; 0 leaves it."""
    max_gap_m: float = 25.0
    """Longest gap in a road that is bridged; 0 bridges none. The four settings from here on are for bridges."""
    max_gap_turn_deg: float = 60.0
    """Most that a bridge turns from the direction in which a road ends; 0 allows any."""
    min_gap_probability: float = 0.03
    """Least road probability along the gap, as geometric mean; 0 bridges straight and without evidence."""
    min_gap_ridge: float = 0.0
    """Share of the gap on which the probability stands out from both sides; 0 asks for none."""
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
        for name, value in vars(self).items():
            if name != "thresholds" and not 0 <= value < math.inf:
                raise RequestError(name, value, "0 or more")
        if not 0 <= self.thresholds.low <= self.thresholds.high <= 1:
            raise RequestError("threshold", self.thresholds, "in 0 <= low <= high <= 1")
