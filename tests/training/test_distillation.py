from __future__ import annotations

import csv
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import expit

from model_training.configuration import RunConfig, read_config
from model_training.errors import CheckpointError, ConfigError
from model_training.network.road_network import NetworkConfig, RoadNetwork
from model_training.training import run
from model_training.training.callbacks import Callback
from model_training.training.distillation import (
    VIEWS,
    DistilConfig,
    Distillation,
    Teacher,
    feature_loss,
    probability_loss,
    take_decoder,
    turned,
    turned_back,
)
from model_training.training.weights import read_weights
from road_extractor_plugin.contract.errors import RequestError

STUDENT = ("network.encoder=test_convnext", "network.encoder_norm=batch")


def network(encoder: str = "test_efficientnet", seed: int = 0, **changes: Any) -> RoadNetwork:
    """An untrained network whose normalisation has seen some data."""
    torch.manual_seed(seed)
    made = RoadNetwork(
        NetworkConfig(encoder=encoder, encoder_weights="none", pyramid_channels=8, road_channels=8, **changes)
    )
    with torch.no_grad():
        made.train()(torch.randn(4, 3, 64, 64))
    return made


@pytest.fixture
def teacher_run(tmp_path: Path, data_root: Path, small_config: Path) -> Path:
    """The folder of a short run."""
    run.start(read_config(small_config, ("schedule.max_steps=2",)), data_root, tmp_path / "teacher")
    return tmp_path / "teacher"


def student_config(small_config: Path, teacher_run: Path, *changes: str) -> RunConfig:
    return read_config(small_config, (*STUDENT, f"distil.teacher={teacher_run / 'last.ckpt'}", *changes))


def test_the_loss_of_probabilities_is_a_cross_entropy_whose_least_value_is_at_the_teacher_s() -> None:
    rng = np.random.default_rng(1)
    logits, wanted = rng.normal(size=(2, 1, 3, 4)), rng.random((2, 1, 3, 4))
    p = expit(logits)
    expected = -(wanted * np.log(p) + (1 - wanted) * np.log(1 - p)).mean()
    target = torch.from_numpy(wanted)
    assert float(probability_loss(torch.from_numpy(logits), target)) == pytest.approx(expected)
    same = torch.logit(target).requires_grad_()
    probability_loss(same, target).backward()
    assert same.grad is not None
    torch.testing.assert_close(same.grad, torch.zeros_like(same.grad))


def test_the_loss_of_features_compares_each_channel_at_mean_0_and_deviation_1() -> None:
    rng = np.random.default_rng(2)
    mine, theirs = rng.normal(2.0, 5.0, size=(2, 3, 4, 5)), rng.normal(-1.0, 0.5, size=(2, 3, 4, 5))

    def standardised(x: np.ndarray) -> np.ndarray:
        return (x - x.mean(axis=(2, 3), keepdims=True)) / np.sqrt(x.var(axis=(2, 3), keepdims=True) + 1e-5)

    expected = ((standardised(mine) - standardised(theirs)) ** 2).mean()
    assert float(feature_loss(torch.from_numpy(mine), torch.from_numpy(theirs))) == pytest.approx(expected)
    scaled = torch.from_numpy(mine) * 3.0 - 7.0
    assert float(feature_loss(scaled, torch.from_numpy(mine))) == pytest.approx(0.0, abs=1e-9)
    assert float(feature_loss(torch.ones(1, 2, 1, 1), torch.zeros(1, 2, 1, 1))) == 0.0


def test_both_parts_carry_their_weights_and_0_leaves_one_out() -> None:
    student, teacher = network("test_convnext", 1).train(), Teacher(network(), 1)
    image = torch.randn(2, 3, 64, 64)
    parts = {}
    for weights in ((1.0, 1.0), (2.0, 0.5), (0.0, 1.0), (1.0, 0.0)):
        torch.manual_seed(3)
        losses = Distillation(student, teacher, DistilConfig(probabilities=weights[0], features=weights[1]))
        stages = student.encoder(image)
        parts[weights] = losses(image, stages, student.decode(stages))
    value = {key: {name: part.item() for name, part in given.items()} for key, given in parts.items()}
    names = ("teacher_probabilities", "teacher_features")
    plain = parts[1.0, 1.0]
    assert tuple(plain) == names
    assert value[2.0, 0.5][names[0]] == pytest.approx(2.0 * value[1.0, 1.0][names[0]])
    assert value[2.0, 0.5][names[1]] == pytest.approx(0.5 * value[1.0, 1.0][names[1]])
    assert tuple(parts[0.0, 1.0]) == names[1:]
    assert tuple(parts[1.0, 0.0]) == names[:1]
    sum(plain.values()).backward()  # type: ignore[union-attr]
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in student.encoder.body.parameters())
    assert all(p.grad is None for p in teacher.network.parameters())


def test_a_network_that_says_what_its_teacher_says_has_no_loss_of_features() -> None:
    teacher = network().eval()
    losses = Distillation(teacher, Teacher(teacher, 1), DistilConfig())
    with torch.no_grad():
        for projection in losses.projections:
            torch.nn.init.dirac_(projection.weight)
            projection.bias.zero_()
        image = torch.randn(2, 3, 64, 64)
        stages = teacher.encoder(image)
        assert float(losses(image, stages, teacher.decode(stages))["teacher_features"]) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("views", VIEWS)
def test_an_answer_over_several_views_turns_with_the_image(views: int) -> None:
    teacher, image = Teacher(network(), views), torch.randn(1, 3, 64, 64)
    answer = teacher.answer(image)[1]
    for view in range(views):
        for mine, theirs in zip(answer, teacher.answer(turned(image, view))[1]):
            torch.testing.assert_close(turned_back(theirs, view), mine, atol=1e-5, rtol=1e-4)
    plain = [torch.sigmoid(logits) for logits in teacher.network(image).roads]
    assert all(torch.allclose(mine, only) for mine, only in zip(answer, plain)) == (views == 1)


def test_eight_views_differ_and_turn_back() -> None:
    image = torch.arange(9.0).reshape(1, 1, 3, 3)
    assert len({tuple(turned(image, view).flatten().tolist()) for view in range(8)}) == 8
    assert all(torch.equal(turned_back(turned(image, view), view), image) for view in range(8))


def test_the_teacher_stays_as_it_is_and_out_of_the_checkpoint(
    tmp_path: Path, data_root: Path, small_config: Path, teacher_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    teachers = []
    load = run.load_teacher
    monkeypatch.setattr(run, "load_teacher", lambda *given: teachers.append(load(*given)) or teachers[-1])
    run.start(student_config(small_config, teacher_run), data_root, tmp_path / "student")
    (teacher,) = teachers
    assert not any(module.training for module in teacher.network.modules())
    for name, value in read_weights(teacher_run / "last.ckpt").items():
        assert torch.equal(teacher.network.state_dict()[name], value), name
    state = torch.load(tmp_path / "student" / "last.ckpt", weights_only=True)["state_dict"]
    beside = {name for name in state if not name.startswith("network.")}
    assert beside == {f"distillation.projections.{stage}.{part}" for stage in range(4) for part in ("weight", "bias")}
    student, config = run.load_network(tmp_path / "student" / "last.ckpt")
    assert student.state_dict().keys() == read_weights(tmp_path / "student" / "last.ckpt").keys()
    assert config.distil.teacher == str(teacher_run / "last.ckpt")


class Killed(Exception):  # noqa: N818
    """Stands for a process that ends without warning."""


class KillAt(Callback):
    """Ends this process before a step."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        if trainer.global_step == self.step:
            raise Killed


def test_a_student_interrupted_and_resumed_ends_with_the_same_bits(
    tmp_path: Path, data_root: Path, small_config: Path, teacher_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = student_config(small_config, teacher_run, "schedule.validate_every=2", "distil.views=2")
    run.start(config, data_root, tmp_path / "whole")
    build = run.build_trainer

    def built(config: RunConfig, folder: Path) -> Any:
        trainer = build(config, folder)
        trainer.callbacks.append(KillAt(5))
        return trainer

    monkeypatch.setattr(run, "build_trainer", built)
    with pytest.raises(Killed):
        run.start(config, data_root, tmp_path / "parts")
    monkeypatch.setattr(run, "build_trainer", build)
    run.resume(data_root, tmp_path / "parts")
    whole, parts = (torch.load(tmp_path / name / "last.ckpt", weights_only=True) for name in ("whole", "parts"))
    for part in ("state_dict", "current_model_state"):
        assert whole[part].keys() == parts[part].keys()
        for name, value in whole[part].items():
            assert torch.equal(value, parts[part][name]), name
    moments = [
        [value for entry in state["optimizer_states"][0]["state"].values() for value in entry.values()]
        for state in (whole, parts)
    ]
    assert len(moments[0]) == len(moments[1]) > 0
    assert all(torch.equal(*pair) for pair in zip(*moments))


def test_a_student_starts_from_the_parts_of_the_decoder_that_fit() -> None:
    student, teacher = network("test_convnext", 1), network(seed=2)
    before = {name: value.clone() for name, value in student.state_dict().items()}
    taken = take_decoder(student, teacher)
    given = teacher.state_dict()
    equal = {name for name, value in student.state_dict().items() if name in given and torch.equal(value, given[name])}
    fitting = {
        name
        for name, value in before.items()
        if not name.startswith("encoder.") and name in given and given[name].shape == value.shape
    }
    assert taken == len(fitting)
    assert {name for name in equal if not name.startswith("encoder.")} == fitting
    assert {name for name in before if name.startswith("road_head.")} <= fitting
    for name, value in student.state_dict().items():
        assert name in fitting or torch.equal(value, before[name]), name
    with torch.no_grad():
        student.road_head.classify[0].bias += 1.0
    assert torch.equal(teacher.state_dict()["road_head.classify.0.bias"], given["road_head.classify.0.bias"])


def test_what_was_held_out_of_the_teacher_is_held_out_of_its_students(
    tmp_path: Path, data_root: Path, small_config: Path, teacher_run: Path
) -> None:
    rows = list(csv.reader((teacher_run / "split.csv").open()))
    flipped = {"training": "validation", "validation": "training", "part": "part"}
    with (teacher_run / "split.csv").open("w", newline="") as file:
        csv.writer(file).writerows([*row[:2], flipped[row[2]]] for row in rows)
    config = student_config(small_config, teacher_run, "schedule.max_steps=1", "data.workers=0")
    run.start(config, data_root, tmp_path / "student")
    assert (tmp_path / "student" / "split.csv").read_bytes() == (teacher_run / "split.csv").read_bytes()
    tuned = read_config(
        small_config, (*STUDENT, f"start.weights={tmp_path / 'student' / 'last.ckpt'}", "schedule.max_steps=1")
    )
    run.start(dataclasses.replace(tuned, seed=99), data_root, tmp_path / "tuned")
    assert (tmp_path / "tuned" / "split.csv").read_bytes() == (teacher_run / "split.csv").read_bytes()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (("distil.views=3",), "distil.views is 3, but must be one of 1, 2, 4, 8"),
        (("distil.features=-1",), "distil.features is -1.0, but must be 0 or more"),
        (("distil.features=0", "distil.probabilities=0"), "but must be such that one of these is above 0"),
        (("network.encoder_norm=group",), "network.encoder_norm is 'group', but must be one of layer, batch"),
        (("distil.teachers=x",), "'distil.teachers' is unknown"),
    ],
    ids=("views", "negative", "nothing", "norm", "unknown"),
)
def test_wrong_values_are_refused_in_words(small_config: Path, changes: tuple[str, ...], words: str) -> None:
    with pytest.raises((ConfigError, RequestError)) as caught:
        read_config(small_config, changes)
    assert words in str(caught.value)


def test_a_teacher_that_does_not_fit_is_refused_in_words(
    tmp_path: Path, data_root: Path, small_config: Path, teacher_run: Path
) -> None:
    other = student_config(small_config, teacher_run, "data.ground_resolution_m=0.5")
    with pytest.raises(ConfigError, match=r"that of the teacher \(distil.teacher\) is 1.0; make both the same"):
        run.start(other, data_root, tmp_path / "other")
    heads = student_config(small_config, teacher_run, "network.heads=F")
    with pytest.raises(RequestError, match=r"network.heads.*S2, as the teacher"):
        run.start(heads, data_root, tmp_path / "heads")
    missing = student_config(small_config, tmp_path / "nowhere")
    with pytest.raises(CheckpointError, match=r"nowhere/last.ckpt.*missing"):
        run.start(missing, data_root, tmp_path / "missing")
