"""Numbers as people write them where they live."""

from __future__ import annotations

from qgis.PyQt.QtCore import QLocale

_DIGITS = 3


def number(value: float, decimals: int | None = None) -> str:
    """A number with its decimals, or, where none are given, with three digits that count."""
    locale = QLocale()
    return str(locale.toString(value, "g", _DIGITS) if decimals is None else locale.toString(value, "f", decimals))
