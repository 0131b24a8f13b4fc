"""Small pieces of road between two gaps: kept where bridges lead on from them, dropped elsewhere.

1. A piece is what is connected before any bridge. It is large when the mask has it after small areas were dropped.
2. Bridges are built with all pieces there.
3. A small piece that fewer than two bridges lead to from other pieces is dropped.
4. Without the dropped pieces bridges are built anew, as some led only there and others went round; until none is left
   to be dropped.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from road_extractor_plugin.compute.bridging import bridge_gaps
from road_extractor_plugin.compute.gap_route import Evidence
from road_extractor_plugin.compute.network import Network
from road_extractor_plugin.compute.raster_rows import RasterRows
from road_extractor_plugin.compute.threshold import is_road
from road_extractor_plugin.contract.trace_settings import TraceSettings

BoolMask = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.int64]

MIN_BRIDGES = 2


def bridge_gaps_and_drop_pieces(
    network: Network, large: RasterRows, evidence: Evidence, settings: TraceSettings, pixel_m: float
) -> Network:
    """Bridge gaps, and drop the small pieces that no road leads over, by the rules above.

    Args:
        network: Its dead ends reach to the end of the mask.
        large: The mask without small pieces: 1 road, else none.
        evidence: What the network of the model saw.
        settings: In metres.
        pixel_m: Metres on the ground per pixel.
    """
    while True:
        bridged = bridge_gaps(network, evidence, settings, pixel_m)
        dropped = _dropped(network, bridged, large)
        if not dropped.any():
            return bridged
        network = network.only(~dropped)


def _dropped(network: Network, bridged: Network, large: RasterRows) -> BoolMask:
    """(m,) Edges of the network that rule 3 drops."""
    piece = network.component
    count = int(piece.max(initial=-1)) + 1
    vertex = np.concatenate([np.empty(0, dtype=np.int64), *network.paths])
    owner = np.repeat(piece, [len(path) for path in network.paths])
    is_large = np.bincount(owner[is_road(large, network.vertices.xy[vertex])], minlength=count) > 0  # 1
    piece_of_vertex = np.zeros(len(network.vertices), dtype=np.int64)
    piece_of_vertex[vertex] = owner
    joined = piece_of_vertex[bridged.ends[bridged.bridged]]
    bridges = np.bincount(joined[joined[:, 0] != joined[:, 1]].ravel(), minlength=count)
    dropped: BoolMask = ~(is_large | (bridges >= MIN_BRIDGES))[piece]
    return dropped
