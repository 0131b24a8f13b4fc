from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import pytest
import torch

import model_training
from model_training.configuration import RunConfig, ScheduleConfig, read_config
from model_training.errors import ConfigError
from model_training.training.schedule import create_optimiser, fraction_done, rate_factor
from road_extractor_plugin.contract.errors import RequestError

CONFIGS = sorted((Path(model_training.__file__).parent / "configs").glob("*.yaml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_shipped_configuration_is_valid_and_names_data(path: Path) -> None:
    config = read_config(path)
    assert config.data.folders
    assert not any(Path(folder.path).is_absolute() for folder in config.data.folders)


def test_a_file_changes_only_what_it_names(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("schedule: {batch: 3}\ndata: {augmentation: {rotate: false}}\n")
    config = read_config(path, ("schedule.max_minutes=2.5", "network.encoder=resnet18"))
    default = RunConfig()
    assert (config.schedule.batch, config.schedule.max_minutes) == (3, 2.5)
    assert config.network.encoder == "resnet18"
    assert not config.data.augmentation.rotate
    assert config.data.augmentation.gamma == default.data.augmentation.gamma
    assert config.loss == default.loss


@pytest.mark.parametrize(
    ("text", "override", "problem"),
    [
        ("schedule: {bach: 3}", None, "'schedule.bach' is unknown; known here are batch"),
        ("schedule: {batch: many}", None, "schedule.batch"),
        ("schedule: 3", None, "'schedule' is not a list of keys"),
        ("- a\n- b", None, "'the file' is not a list of keys"),
        ("a: [", None, "while parsing"),
        ("seed: 1", "seed", "'seed' is not of the form key=value"),
        (None, None, "No such file"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str | None, override: str | None, problem: str) -> None:
    path = tmp_path / "c.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigError, match=problem):
        read_config(path, (override,) if override else ())


@pytest.mark.parametrize(
    ("fraction", "factor"), [(0.0, 0.0), (0.05, 0.5), (0.1, 1.0), (0.55, 0.5), (1.0, 0.0)], ids=str
)
def test_the_rate_warms_up_and_follows_a_cosine(fraction: float, factor: float) -> None:
    assert rate_factor(ScheduleConfig(warmup=0.1), fraction) == pytest.approx(factor)


@pytest.mark.parametrize(
    ("epoch", "factor"),
    [(0, 1.0), (49.9, 1.0), (50, 0.1), (89.9, 0.1), (90, 0.01), (110, 0.001), (120, 0.001)],
    ids=str,
)
def test_the_paper_s_rate_goes_down_at_epochs_50_90_and_110_of_120(epoch: float, factor: float) -> None:
    paper = read_config(next(path for path in CONFIGS if path.stem == "paper")).schedule
    assert (paper.optimiser, paper.learning_rate, paper.momentum, paper.weight_decay) == ("sgd", 0.01, 0.9, 1e-4)
    assert rate_factor(paper, epoch / 120) == pytest.approx(factor)


def test_norms_and_biases_are_decayed_only_when_asked() -> None:
    network = torch.nn.Sequential(
        OrderedDict(encoder=torch.nn.Conv2d(3, 4, 3), norm=torch.nn.BatchNorm2d(4), head=torch.nn.Conv2d(4, 1, 1))
    )
    for decay_norms, expected in ((False, [108, 4, 4, 9]), (True, [112, 0, 13, 0])):
        schedule = ScheduleConfig(learning_rate=0.1, encoder_rate=0.5, weight_decay=0.3, decay_norms=decay_norms)
        groups = create_optimiser(schedule, network).param_groups
        assert [sum(p.numel() for p in group["params"]) for group in groups] == expected
        assert [group["weight_decay"] for group in groups] == [0.3, 0.0, 0.3, 0.0]
        assert [group["base_rate"] for group in groups] == [0.05, 0.05, 0.1, 0.1]


def test_a_run_is_as_far_as_the_nearer_of_its_limits() -> None:
    assert fraction_done(ScheduleConfig(max_steps=100), 25, 1e9) == 0.25
    assert fraction_done(ScheduleConfig(max_steps=100, max_minutes=10), 25, 5.0) == 0.5
    assert fraction_done(ScheduleConfig(max_steps=100, max_minutes=10), 60, 5.0) == 0.6
    assert fraction_done(ScheduleConfig(max_steps=100), 150, 0.0) == 1.0


@pytest.mark.parametrize(
    "text",
    [
        "data: {crop_px: 100}",
        "data: {validation_crop_px: 0}",
        "data: {ground_resolution_m: 0.3}",
        "data: {ground_resolution_m: 0.0, ground_resolution_range_m: [0.0, 1.0]}",
        "schedule: {batch: 1}",
        "schedule: {validate_every: 0}",
        "schedule: {optimiser: lion}",
        "schedule: {rate: constant}",
        "start: {reset_heads: true}",
        "start: {freeze_encoder_steps: -1}",
        "data: {folders: [{path: a, ground_resolution_m: 0, share: 1}]}",
        "data: {folders: [{path: a, ground_resolution_m: 1, share: 0}]}",
    ],
)
def test_numbers_that_cannot_work_are_refused_before_anything_starts(tmp_path: Path, text: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(RequestError, match="but must be"):
        read_config(path)
