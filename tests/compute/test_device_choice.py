"""Which device is taken, and what is said of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest

from road_extractor_plugin.compute.local import LocalCompute
from road_extractor_plugin.compute.predictors import choice
from road_extractor_plugin.compute.predictors.choice import open_predictor
from road_extractor_plugin.compute.predictors.devices import DeviceKind, Preference
from road_extractor_plugin.contract.errors import ComputeError, ModelUnreadableError, RequestError
from road_extractor_plugin.contract.model_card import ModelCard

TILES = np.full((1, 3, 500, 500), 0.25, np.float32)


class FakeRuntime:
    """Lists targets, some of which do not start, and opens fakes."""

    def __init__(self, make: Any, name: str, targets: tuple[str, ...], broken: tuple[str, ...] = ()) -> None:
        self._make, self._targets, self._broken = make, frozenset(targets), broken
        self.version = f"{name} 1"
        self.seconds: dict[str, float] = {}
        self.opened: list[tuple[str, int]] = []
        self.works = 10**9

    def targets(self) -> frozenset[str]:
        if not self._targets:
            raise ComputeError(f"{self.version} is not installed", "Install it")
        return self._targets

    def open(self, path: Path, card: ModelCard, target: str, threads: int) -> Any:
        self.opened.append((target, threads))
        if target in self._broken:
            raise ComputeError(f"no driver for {target}", "Install one")
        return self._make(target, seconds=self.seconds.get(target, 0.5), works=self.works)


@pytest.fixture
def runtime(fake_predictor: Any) -> Callable[..., FakeRuntime]:
    """A maker of runtimes: (name, targets, broken=())."""
    return lambda *arguments, **named: FakeRuntime(fake_predictor, *arguments, **named)


@pytest.fixture
def plain_machine(monkeypatch: pytest.MonkeyPatch, fake_predictor: Any) -> None:
    """Two processors, no NVIDIA driver, and the clock of the fakes."""
    monkeypatch.setattr(choice, "usable_cpus", lambda: 2)
    monkeypatch.setattr(choice, "has_nvidia_driver", lambda: False)
    monkeypatch.setattr("time.perf_counter", fake_predictor.clock)


@pytest.fixture
def opened(tiny_model: Path, card: ModelCard, plain_machine: None) -> Callable[..., Any]:
    """Call `open_predictor` with kinds of two fake runtimes; the second has the processor only."""

    def call(ort: FakeRuntime, vino: FakeRuntime, **options: Any) -> Any:
        kinds = (
            DeviceKind("cuda", "NVIDIA GPU", "ort-gpu", ort, "CUDA", Preference.FIRST),
            DeviceKind("tensorrt", "NVIDIA GPU", "tensorrt", ort, "TRT", Preference.IF_ASKED),
            DeviceKind("directml", "GPU", "ort-directml", ort, "DML", Preference.IF_FASTEST),
            DeviceKind("cpu", "processor", "ort", ort, "CPU", Preference.IF_FASTEST),
            DeviceKind("openvino", "processor", "vino", vino, "VINO", Preference.IF_FASTEST),
        )
        return open_predictor(tiny_model, card, kinds=kinds, **options)

    return call


def run(predictor: Any, calls: int) -> None:
    for _ in range(calls):
        predictor.predict(TILES)


def test_a_gpu_that_works_is_taken_without_measuring(runtime: Any, opened: Any) -> None:
    ort, vino = runtime("ort", ("CUDA", "TRT", "CPU")), runtime("vino", ("VINO",))
    predictor = opened(ort, vino)
    run(predictor, 30)
    assert predictor.device.name == "CUDA"
    assert predictor.device.reason == "taken first where it works"
    assert (ort.opened, vino.opened) == ([("CUDA", 0)], [])


def test_a_gpu_that_is_listed_but_fails_is_told_of(runtime: Any, opened: Any) -> None:
    predictor = opened(runtime("ort", ("CUDA", "CPU"), broken=("CUDA",)), runtime("vino", ()))
    assert predictor.device.name == "CPU"
    assert predictor.device.reason == (
        "the only one here; cuda is listed, but failed: no driver for CUDA. Install one."
    )


def test_a_gpu_that_no_library_here_can_use_is_told_of(
    runtime: Any, opened: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice, "has_nvidia_driver", lambda: True)
    predictor = opened(runtime("ort", ("CPU",)), runtime("vino", ()))
    assert predictor.device.reason.endswith("the NVIDIA GPU is not used: that needs ort-gpu")


def test_the_fastest_is_found_once_and_then_remembered(runtime: Any, opened: Any) -> None:
    ort, vino = runtime("ort", ("CPU",)), runtime("vino", ("VINO",))
    vino.seconds["VINO"] = 0.2
    first = opened(ort, vino)
    assert first.device.name == "CPU"
    run(first, 30)
    assert first.device.name == "VINO"
    ort.opened.clear()
    second = opened(ort, vino)
    assert second.device.name == "VINO"
    assert second.device.reason.startswith("fastest when measured on ")
    assert "openvino 0.8, cpu 2" in second.device.reason
    assert ort.opened == []


def test_other_versions_are_measured_anew(runtime: Any, opened: Any) -> None:
    ort, vino = runtime("ort", ("CPU",)), runtime("vino", ("VINO",))
    vino.seconds["VINO"] = 0.2
    run(opened(ort, vino), 30)
    vino.version = "vino 2"
    assert opened(ort, vino).device.name == "CPU"


def test_what_was_the_fastest_but_fails_now_is_replaced(runtime: Any, opened: Any) -> None:
    ort, vino = runtime("ort", ("CPU",)), runtime("vino", ("VINO",))
    vino.seconds["VINO"] = 0.2
    run(opened(ort, vino), 30)
    broken = runtime("vino", ("VINO",), broken=("VINO",))
    predictor = opened(ort, broken)
    assert predictor.device.name == "CPU"
    assert "openvino is listed, but failed: no driver for VINO" in predictor.device.reason


def test_a_gpu_that_may_be_slow_must_prove_itself(runtime: Any, opened: Any) -> None:
    ort = runtime("ort", ("DML", "CPU"))
    ort.seconds.update(DML=0.8, CPU=0.4)
    predictor = opened(ort, runtime("vino", ()))
    assert predictor.device.name == "DML"
    run(predictor, 30)
    assert predictor.device.name == "CPU"


def test_all_logical_processors_are_tried_where_there_are_many(
    runtime: Any, opened: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice, "usable_cpus", lambda: 8)
    ort = runtime("ort", ("DML", "CPU"))
    predictor = opened(ort, runtime("vino", ()))
    run(predictor, 60)
    assert ort.opened == [("DML", 0), ("CPU", 0), ("CPU", 8)]
    ort.opened.clear()
    run(opened(ort, runtime("vino", ()), threads=3), 60)
    assert ort.opened == [("DML", 3), ("CPU", 3)]


def test_a_named_device_is_taken_unmeasured(runtime: Any, opened: Any) -> None:
    ort, vino = runtime("ort", ("CPU", "DML")), runtime("vino", ("VINO",))
    predictor = opened(ort, vino, device="cpu", threads=2)
    run(predictor, 30)
    assert (predictor.device.name, predictor.device.reason) == ("CPU", "as asked")
    assert (ort.opened, vino.opened) == ([("CPU", 2)], [])


def test_a_named_device_that_does_not_start_is_an_error(runtime: Any, opened: Any) -> None:
    with pytest.raises(ComputeError, match="no driver for CUDA"):
        opened(runtime("ort", ("CUDA", "CPU"), broken=("CUDA",)), runtime("vino", ()), device="cuda")


def test_a_named_device_that_is_lost_goes_on_with_the_processor(runtime: Any, opened: Any) -> None:
    ort = runtime("ort", ("CUDA", "CPU"))
    ort.works = 3
    predictor = opened(ort, runtime("vino", ()), device="cuda")
    run(predictor, 5)
    assert predictor.device.name == "CPU"
    assert "CUDA failed in mid-run" in predictor.device.warnings[0]


def test_a_named_device_that_is_not_here_tells_what_it_needs(runtime: Any, opened: Any) -> None:
    with pytest.raises(ComputeError) as caught:
        opened(runtime("ort", ("CPU",)), runtime("vino", ("VINO",)), device="cuda")
    assert str(caught.value) == (
        "The device 'cuda' is not here: this ort 1 lists no CUDA. It needs ort-gpu; here are auto, cpu, openvino."
    )


def test_an_unknown_device(runtime: Any, opened: Any) -> None:
    with pytest.raises(RequestError, match="device is 'abacus', but must be one of auto, cpu"):
        opened(runtime("ort", ("CPU",)), runtime("vino", ()), device="abacus")


def test_without_any_library_it_is_told_what_to_install(runtime: Any, opened: Any) -> None:
    for device in ("auto", "cpu"):
        with pytest.raises(ComputeError, match="ort 1 is not installed"):
            opened(runtime("ort", ()), runtime("vino", ()), device=device)


def test_the_real_runtimes_compute_the_same(tiny_model: Path, card: ModelCard) -> None:
    tile = np.random.default_rng(0).normal(size=(1, 3, 64, 96)).astype(np.float32)
    pytest.importorskip("openvino")
    cpu, vino = (LocalCompute(tiny_model, card, device=device) for device in ("cpu", "openvino"))
    np.testing.assert_allclose(cpu.predict(tile), vino.predict(tile), atol=1e-5)
    assert cpu.device.runtime.startswith("onnxruntime ")
    assert vino.device.runtime.startswith("openvino ")


def test_a_damaged_file_is_not_taken_for_a_broken_device(tmp_path: Path, tiny_model: Path, card: ModelCard) -> None:
    path = tmp_path / "cut.onnx"
    path.write_bytes(tiny_model.read_bytes()[:200])
    with pytest.raises(ModelUnreadableError, match=r"cut\.onnx"):
        LocalCompute(path, card)
