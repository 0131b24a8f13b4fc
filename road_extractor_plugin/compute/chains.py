"""Following chains of links through the vertices that have exactly two."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.int64]

_ENDS_PASSED = 2
"""Link ends at a vertex that a chain passes through."""


def follow(links: Indices, vertex_count: int, cuts: Indices | None = None) -> list[list[int]]:
    """Join the links of a multigraph at every vertex of degree 2.

    Each link k has two darts: 2 k leads from its first vertex to its second, 2 k + 1 back. A chain is a walk over darts
    that enters and leaves through vertices of degree 2 and ends where a vertex has another degree. A ring of such
    vertices only is one chain that starts and ends at its lowest vertex.

    Args:
        links: (m, 2) vertices; parallel links and self-loops are allowed.
        vertex_count: Number of vertices.
        cuts: Vertices where chains end whatever their degree.

    Returns:
        The chains as lists of darts; each link is in exactly one, in one direction.
    """
    tails = links.ravel()
    through = np.bincount(tails, minlength=vertex_count) == _ENDS_PASSED
    if cuts is not None:
        through[cuts] = False
    by_tail = np.argsort(tails, kind="stable")
    passing = by_tail[through[tails[by_tail]]].reshape(-1, 2)
    successor = np.full(tails.size, -1, dtype=np.int64)
    successor[passing[:, 0] ^ 1] = passing[:, 1]
    successor[passing[:, 1] ^ 1] = passing[:, 0]

    step = successor.tolist()
    done: set[int] = set()
    chains = []
    for start in np.flatnonzero(~through[tails]).tolist():
        if start not in done:
            chains.append(_walk(start, step))
            done.add(chains[-1][-1] ^ 1)
    if sum(map(len, chains)) < len(links):
        chains += _rings(by_tail, step, chains)
    return chains


def _walk(dart: int, step: list[int]) -> list[int]:
    """Follow one chain to its end. A plain loop over integers: it costs about 0.05 us a step."""
    chain: list[int] = []
    append = chain.append
    while dart >= 0:
        append(dart)
        dart = step[dart]
    return chain


def _rings(by_tail: Indices, step: list[int], chains: list[list[int]]) -> list[list[int]]:
    """The chains that have no end, given those that have."""
    used = np.zeros(len(step) // 2, dtype=bool)
    used[[dart >> 1 for chain in chains for dart in chain]] = True
    rings = []
    for start in by_tail[~used[by_tail >> 1]].tolist():
        if not used[start >> 1]:
            ring = [start]
            while (dart := step[ring[-1]]) != start:
                ring.append(dart)
            used[[dart >> 1 for dart in ring]] = True
            rings.append(ring)
    return rings
