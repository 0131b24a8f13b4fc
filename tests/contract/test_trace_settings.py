"""Settings of the tracer: presets, what the user gives, and what is refused."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from road_extractor_plugin.contract import trace_settings
from road_extractor_plugin.contract.errors import RequestError
from road_extractor_plugin.contract.model_card import Thresholds
from road_extractor_plugin.contract.request import TraceOptions
from road_extractor_plugin.contract.trace_settings import PRESETS, TraceSettings

THRESHOLDS = Thresholds(0.5, 0.25)
DEFAULTS = dataclasses.asdict(TraceSettings(THRESHOLDS))


def table() -> dict[str, dict[str, float]]:
    """The columns of the table in the module's docstring."""
    lines = (trace_settings.__doc__ or "").splitlines()
    header = next(index for index, line in enumerate(lines) if line.split()[:1] == ["setting"])
    names = lines[header].split()[1:5]
    rows = [line.split()[:5] for line in lines[header + 1 : lines.index("", header)]]
    return {name: {row[0]: float(row[column]) for row in rows} for column, name in enumerate(names, start=1)}


@pytest.mark.parametrize("preset", [None, *PRESETS])
def test_the_table_says_what_presets_do(preset: str | None) -> None:
    settings = dataclasses.asdict(TraceOptions(preset=preset).settings(THRESHOLDS))
    assert settings == {**DEFAULTS, **table()[preset or "default"]}


def test_the_table_has_all_presets() -> None:
    assert table().keys() == {"default", *PRESETS}


def test_what_the_user_gives_goes_first() -> None:
    settings = TraceOptions(preset="track", max_gap_m=0.0, threshold=0.4).settings(THRESHOLDS)
    assert settings.max_gap_m == 0
    assert settings.min_spur_m == PRESETS["track"]["min_spur_m"]
    assert settings.thresholds == Thresholds(0.4, 0.2)


def test_an_unknown_preset_is_refused() -> None:
    with pytest.raises(RequestError, match="urban, rural, track"):
        TraceOptions(preset="forest").settings(THRESHOLDS)


@pytest.mark.parametrize("name", [name for name in DEFAULTS if name != "thresholds"])
@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
def test_distances_out_of_range_are_refused(name: str, value: float) -> None:
    changes: dict[str, Any] = {name: value}
    with pytest.raises(RequestError, match=name):
        TraceSettings(THRESHOLDS, **changes)
