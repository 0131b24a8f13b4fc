"""The skeleton of a mask as a network, strip by strip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Callable

import numpy as np
import numpy.typing as npt

from road_extractor_plugin.compute.chains import follow
from road_extractor_plugin.compute.network import Network, Vertices, joined_paths, measured
from road_extractor_plugin.compute.pixel_graph import pixel_graph
from road_extractor_plugin.compute.raster_rows import RasterRows, Strips
from road_extractor_plugin.compute.skeleton import Thinning
from road_extractor_plugin.compute.width import LocalWidths, local_widths

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]


def skeleton_network(
    mask: RasterRows, strips: Strips | None = None, done: Callable[[float], None] = lambda _: None
) -> Network:
    """The skeleton of a mask as a network with exactly its topology, before any rule.

    1. The vertices are the skeleton's pixels in row-major order, each drawn to the road's middle within its pixel. So
       their numbers count on from strip to strip, and a strip knows those of the next one's first row before that is
       looked at: the two meet in the same numbers, and nothing is matched by distance.
    2. A strip has the links from each of its pixels to the right and down. It follows them to paths that end at
       junctions and dead ends, and at the first row of a strip.
    3. Paths are joined where exactly two meet, which is at the first rows of strips only.
    4. Each path runs the way, and all of them stand in the order, of the numbers of their vertices; a ring starts at
       its lowest. So the result does not depend on the strips.

    Isolated dots have no edge and so vanish.

    Args:
        mask: 1 road, 0 none, 255 nodata.
        strips: What is worked on at a time; it does not change the result.
        done: Told which share of the rows is done.
    """
    strips = strips or Strips.of(mask)
    thinning = Thinning(mask, strips)
    parts = []
    for start, stop in strips:
        parts.append(_part_of_strip(thinning.first_round, mask, start, stop))
        done(stop / strips.height)
    skeleton, differs = thinning.finished()
    for number, (start, stop) in enumerate(strips):
        if differs[start : stop + 1].any():
            parts[number] = _part_of_strip(skeleton, mask, start, stop)
    first = np.cumsum([0, *(len(part.middles) for part in parts)])
    middles = np.concatenate([np.empty((0, 2)), *(part.middles for part in parts)])
    vertices = Vertices(middles, LocalWidths.of_all([part.around for part in parts]))
    paths = [path + before for part, before in zip(parts, first) for path in part.paths]  # 1
    return measured(vertices, _in_order(joined_paths(paths, len(middles))))  # 3


@dataclass(frozen=True, eq=False)
class _Part:
    """What a strip has of the skeleton."""

    middles: Floats
    """(n, 2) x, y of the road's middle at each pixel of the skeleton, these in row-major order."""
    around: LocalWidths
    """The mask there."""
    paths: tuple[Indices, ...]
    """Of indices into these pixels, and behind them into the next row."""


def _part_of_strip(skeleton: RasterRows, mask: RasterRows, start: int, stop: int) -> _Part:
    """Steps 1 and 2."""
    rows = skeleton.read(start, min(stop + 1, skeleton.shape[0]))
    graph = pixel_graph(rows == 1)
    row = graph.pixels[:, 0]
    inside = int(np.searchsorted(row, stop - start))
    links = graph.links[graph.links[:, 0] < inside]
    cuts = np.flatnonzero((row == stop - start) | ((row == 0) & (start > 0)))
    paths = _vertices_of(follow(links, row.size, cuts), links.ravel())
    around, middles = local_widths(mask, graph.pixels[:inside] + np.array([start, 0]))
    return _Part(middles, around, paths)


def _vertices_of(chains: list[list[int]], tails: Indices) -> tuple[Indices, ...]:
    """The vertices along chains of darts, the last one's head included; (m,) is the vertex that each dart leaves."""
    count = np.array([len(chain) for chain in chains], dtype=np.int64)
    darts = np.fromiter(chain.from_iterable(chains), dtype=np.int64, count=int(count.sum()))
    last = np.cumsum(count) - 1
    vertices = np.insert(tails[darts], last + 1, tails[darts[last] ^ 1])
    stops = (last + 1 + np.arange(1, count.size + 1)).tolist()
    return tuple(vertices[start:stop] for start, stop in zip([0, *stops], stops))


def _in_order(paths: Sequence[Indices]) -> list[Indices]:
    """Step 4."""
    ends = np.array([(path[0], path[-1]) for path in paths], dtype=np.int64).reshape(-1, 2)
    degree = np.bincount(ends.ravel())
    directed = []
    for path, (first, last) in zip(paths, ends.tolist()):
        is_ring = first == last and degree[first] == 2  # noqa: PLR2004  (both ends are its own)
        begun = _from_lowest(path) if is_ring else path
        backward = (begun[0], begun[1]) > (begun[-1], begun[-2])
        directed.append(begun[::-1] if backward else begun)
    return sorted(directed, key=lambda path: (int(path[0]), int(path[1])))


def _from_lowest(ring: Indices) -> Indices:
    """A closed path that starts and ends at its lowest vertex."""
    lowest = int(ring[:-1].argmin())
    return np.concatenate([ring[lowest:-1], ring[: lowest + 1]])
