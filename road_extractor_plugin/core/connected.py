"""Which of many things hang together."""

from __future__ import annotations

from collections.abc import Iterable


def component_numbers(count: int, pairs: Iterable[tuple[int, int]]) -> list[int]:
    """Number of the connected component of each of `count` things (union-find).

    Args:
        count: Things are named 0 to before this.
        pairs: Which are connected directly.

    Returns:
        Numbers from 0, in the order of the first thing of each component.
    """
    parent = list(range(count))

    def root(thing: int) -> int:
        while parent[thing] != thing:
            parent[thing] = parent[parent[thing]]
            thing = parent[thing]
        return thing

    for one, other in pairs:
        parent[root(one)] = root(other)
    number: dict[int, int] = {}
    return [number.setdefault(root(thing), len(number)) for thing in range(count)]
