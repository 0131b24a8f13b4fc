"""Numbers as people write them where they live."""

from __future__ import annotations

from string import Formatter

from qgis.PyQt.QtCore import QLocale

_DIGITS = 3


def number(value: float, decimals: int | None = None) -> str:
    """A number with its decimals, or, where none are given, with three digits that count."""
    locale = QLocale()
    return str(locale.toString(value, "g", _DIGITS) if decimals is None else locale.toString(value, "f", decimals))


def filled(text: str, *values: object, **named: object) -> str:
    """What `str.format` makes of a text, with its numbers as they are written here: 1,234.5 is 1.234,5 in Germany.

    Args:
        text: As translated; a number of which only the digits count, such as that of a road, has no format in it.
        values: For its fields without a name.
        named: For those with one.
    """
    return _Local().vformat(text, values, named)


class _Local(Formatter):
    def format_field(self, value: object, format_spec: str) -> str:
        """Exchange the separators of a number that is formatted."""
        text = str(super().format_field(value, format_spec))
        if not format_spec or not isinstance(value, (int, float)):
            return text
        locale = QLocale()
        return text.translate({ord(","): str(locale.groupSeparator()), ord("."): str(locale.decimalPoint())})
