"""How well a result agrees with a reference, in figures."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Figures:
    """Figures under one protocol."""

    protocol: str
    """What was measured and how, in words."""
    values: dict[str, float]
    """By name; 0..1."""


@dataclass(frozen=True)
class Measured:
    """What was measured of two masks or two networks."""

    amount: dict[str, float]
    """How much was compared, by name with unit."""
    figures: tuple[Figures, ...]


@dataclass(frozen=True)
class Comparison:
    """How well a prediction agrees with a reference."""

    prediction: str
    reference: str
    amount: dict[str, float]
    """As in `Measured`."""
    figures: tuple[Figures, ...]
