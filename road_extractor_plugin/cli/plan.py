"""The plan of a batch in words."""

from __future__ import annotations

from collections.abc import Iterator

from road_extractor_plugin.contract.batch_plan import BatchPlan

_MINUTES_BELOW_H = 2.0
_MEGABYTES_BELOW = 1e9


def plan_in_words(plan: BatchPlan) -> str:
    """Some lines for a person."""
    return "\n".join((*_work(plan), *_time(plan), *_room(plan), *_left_out(plan)))


def _work(plan: BatchPlan) -> Iterator[str]:
    size = f"{plan.pixels / 1e6:,.1f} megapixels at the model's resolution, {plan.area_km2:,.1f} km2"
    yield f"{plan.rasters} rasters: {size}, {plan.tiles:,} tiles"


def _time(plan: BatchPlan) -> Iterator[str]:
    yield f"1 machine: {_hours(plan.hours)}"
    if plan.workers > 1:
        yield f"{plan.workers} machines like this one: {_hours(plan.hours_with_workers)}"
    if plan.merge_hours:
        yield f"in both, by one machine for the network of all: {_hours(plan.merge_hours)}"
    each, megapixel = plan.seconds.per_raster, plan.seconds.per_pixel * 1e6
    yield f"from {plan.sampled_tiles} tiles run here: {each:.2f} s per raster, {megapixel:.3f} s per megapixel of tiles"


def _room(plan: BatchPlan) -> Iterator[str]:
    results, meanwhile = _size(plan.results_bytes), _size(plan.more_bytes_meanwhile)
    yield f"disk: {results} of results, {meanwhile} more meanwhile; {_size(plan.free_bytes)} are free"
    if plan.free_bytes < plan.results_bytes + plan.more_bytes_meanwhile:
        yield "warning: they do not fit"


def _left_out(plan: BatchPlan) -> Iterator[str]:
    if plan.kept:
        yield f"{plan.kept} more rasters are left out: they have results, or their names meet"
    for reason in plan.unreadable:
        yield f"would fail: {reason}"


def _hours(hours: float) -> str:
    return f"{hours:,.1f} h" if hours >= _MINUTES_BELOW_H else f"{hours * 60:.1f} min"


def _size(count_bytes: int) -> str:
    return f"{count_bytes / 1e9:,.1f} GB" if count_bytes >= _MEGABYTES_BELOW else f"{count_bytes / 1e6:,.1f} MB"
