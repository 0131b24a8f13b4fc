"""From encoded images to arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from qgis.PyQt.QtCore import QByteArray, Qt
from qgis.PyQt.QtGui import QImage


def decode_tile(body: QByteArray, side_px: int) -> npt.NDArray[np.uint8] | None:
    """Red, green, blue and alpha (4, side, side) of an image file; None where it is none.

    An image of another size, as services send for screens of another density, is scaled smoothly.
    """
    image = QImage.fromData(body)
    if image.isNull():
        return None
    if (image.width(), image.height()) != (side_px, side_px):
        image = image.scaled(
            side_px, side_px, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation
        )
    return pixels_of(image)


def pixels_of(image: QImage) -> npt.NDArray[np.uint8]:
    """Red, green, blue and alpha (4, height, width) of an image; the colours are not multiplied with alpha."""
    image = image.convertToFormat(QImage.Format.Format_RGBA8888)
    data: Any = image.constBits()
    data.setsize(image.sizeInBytes())
    rows = np.frombuffer(data, np.uint8).reshape(image.height(), image.bytesPerLine())
    pixels = rows[:, : image.width() * 4].reshape(image.height(), image.width(), 4)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))
