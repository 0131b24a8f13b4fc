"""PNG files that we write hold the picture for every reader."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from road_extractor_plugin.core.gdal_binding import gdal
from road_extractor_plugin.core.png import write_png

PICTURES = hnp.arrays(np.uint8, st.tuples(st.just(3), st.integers(1, 40), st.integers(1, 40)))


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PICTURES)
def test_gdal_reads_what_was_written(tmp_path: Path, picture: np.ndarray) -> None:
    write_png(tmp_path / "picture.png", picture)
    dataset = gdal.Open(str(tmp_path / "picture.png"))
    assert dataset.GetDriver().ShortName == "PNG"
    assert [dataset.GetRasterBand(band).GetColorInterpretation() for band in (1, 2, 3)] == [
        gdal.GCI_RedBand,
        gdal.GCI_GreenBand,
        gdal.GCI_BlueBand,
    ]
    np.testing.assert_array_equal(dataset.ReadAsArray(), picture)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="nowhere"):
        write_png(tmp_path / "nowhere" / "picture.png", np.zeros((3, 2, 2), dtype=np.uint8))
