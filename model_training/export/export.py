"""From a training run to a model file: graph, measurements, card, one atomic write."""

from __future__ import annotations

import dataclasses
import logging
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from model_training.configuration import RunConfig
from model_training.datasets.holdout import VALIDATION, Split, read_split, scenes_of
from model_training.datasets.scenes import SceneMemory, Scenes, StoredScenes
from model_training.errors import AccuracyError
from model_training.evaluation.figures import PROTOCOL, count_scenes, figures
from model_training.evaluation.labelled_folder import LabelledFolder, evaluation_for_card
from model_training.evaluation.prediction import ResampledScenes, predict_scene
from model_training.evaluation.threshold_choice import CountsByData, choose
from model_training.export.margin import measure_margin
from model_training.export.parity import ORIENTATION, PROBABILITY
from model_training.export.products import (
    FP16,
    FP32,
    INT8,
    SELF_TEST_TOLERANCE,
    TORCHSCRIPT,
    exact_product,
    reduced_product,
    written,
)
from model_training.export.quantise import calibration_crops
from model_training.network.road_network import MULTIPLE_OF, DeployedNetwork
from model_training.training.run import SPLIT_FILE, load_network
from road_extractor_plugin.compute.protocol import Compute
from road_extractor_plugin.compute.self_test import self_test_input
from road_extractor_plugin.contract.errors import OutputError, RequestError
from road_extractor_plugin.contract.model_card import (
    SCHEMA,
    Evaluation,
    ModelCard,
    OutputSpec,
    Producer,
    SelfTest,
    Thresholds,
    TilingSpec,
)

LOG = logging.getLogger(__name__)
SELF_TEST_SEED, SELF_TEST_TILE_PX, SELF_TEST_POINTS = 20, 256, 16
LARGEST_IOU_DROP = 0.005
"""Of a file with reduced precision, on the held-out scenes of any data set."""
HeldOut = dict[str, Scenes]
"""Held-out scenes by data set, at the network's ground resolution."""


@dataclasses.dataclass(frozen=True)
class ExportRequest:
    """What to export and where to."""

    checkpoint: Path
    output: Path
    data_root: Path
    tests: tuple[LabelledFolder, ...]
    """Folders whose figures go into the card; nothing is chosen on them."""
    tile_px: int
    with_orientation: bool
    file_format: str
    """One of `FORMATS`."""
    precision: str
    """One of `PRECISIONS`."""

    def __post_init__(self) -> None:
        """Refuse, before any work, a precision that the format does not have.

        Raises:
            RequestError: TorchScript is asked for in reduced precision.
        """
        if self.file_format == TORCHSCRIPT and self.precision != FP32:
            wanted = f"{FP32} for TorchScript; {FP16} and {INT8} are for ONNX"
            raise RequestError("--precision", self.precision, wanted)


def export(request: ExportRequest) -> ModelCard:
    """Export a checkpoint.

    1. The network in single precision, refused when it differs from torch.
    2. The margin and the thresholds, on held-out scenes.
    3. The network in reduced precision, refused when it loses accuracy on held-out scenes.
    4. The figures, on held-out scenes and on the test folders.
    5. The self-test.

    Raises:
        CheckpointError: The checkpoint cannot be read.
        RequestError: Orientation is asked of a network without it.
        ParityError: The file differs from torch.
        AccuracyError: Reduced precision costs too much accuracy.
        DatasetError: A scene cannot be read.
        OutputError: The file cannot be written.
    """
    network, config = load_network(request.checkpoint)
    if request.with_orientation and config.network.orientation != "vector":
        problem = "left out, for this network was trained without orientation vectors"
        raise RequestError("--orientation", config.network.orientation, problem)
    module = DeployedNetwork(network, with_orientation=request.with_orientation).eval()
    product = exact_product(module, request.file_format)  # 1
    split = read_split(request.checkpoint.parent / SPLIT_FILE)
    scenes = held_out_scenes(config, request.data_root, split)
    with _draft_of(request.output) as draft:
        card = with_margin(written(product, draft_card(config, request), draft), scenes)  # 2
        card, counts = with_thresholds(written(product, card, draft), scenes)
        if request.precision != FP32:  # 3
            crops = calibration_crops(config, request.data_root, split)
            product = reduced_product(product, request.precision, module, crops)
            exact, counts = counts, count_held_out(written(product, card, draft), scenes)
            check_accuracy(request.precision, exact, counts)
        compute = written(product, card, draft)
        card = dataclasses.replace(
            card,
            evaluation=(*held_out_evaluations(counts), *(evaluation_for_card(test, compute) for test in request.tests)),
            self_test=record_self_test(compute, SELF_TEST_TOLERANCE[request.precision]),
        )  # 4, 5
        product.write(card, draft)
    LOG.info("wrote %s, %.1f MB", request.output, request.output.stat().st_size / 1e6)
    return card


@contextmanager
def _draft_of(output: Path) -> Iterator[Path]:
    """A file beside `output` that takes its place when the block ends well, and else is removed."""
    draft = output.with_name(output.name + ".new")
    try:
        yield draft
        draft.replace(output)
    except OSError as error:
        raise OutputError(f"Cannot write '{output}' ({error.strerror})", "Choose another file with -o") from error
    finally:
        draft.unlink(missing_ok=True)


def with_margin(compute: Compute, held_out: HeldOut) -> ModelCard:
    """The card with its margin measured on held-out scenes."""
    margin = measure_margin(held_out.values(), compute)
    LOG.info("margin %d px", margin)
    return dataclasses.replace(compute.card, tiling=dataclasses.replace(compute.card.tiling, margin_px=margin))


def with_thresholds(compute: Compute, held_out: HeldOut) -> tuple[ModelCard, CountsByData]:
    """The card with its thresholds chosen on held-out scenes, and the counts of each data set with them."""
    choice = choose(compute, held_out)
    LOG.info("thresholds high %.2f, low %.2f", choice.thresholds.high, choice.thresholds.low)
    return dataclasses.replace(compute.card, thresholds=choice.thresholds), choice.counts


def count_held_out(compute: Compute, held_out: HeldOut) -> CountsByData:
    """Counts of each data set with the margin and thresholds of the file's card."""
    resolution, thresholds = compute.card.input.ground_resolution_m, compute.card.thresholds
    return {
        name: count_scenes((predict_scene(scene, resolution, compute) for scene in scenes), thresholds)
        for name, scenes in held_out.items()
    }


def check_accuracy(precision: str, exact: CountsByData, reduced: CountsByData) -> None:
    """Compare the IoU of a file with reduced precision with that in single precision, at the same thresholds.

    Raises:
        AccuracyError: A data set loses more than `LARGEST_IOU_DROP`.
    """
    for name, counts in exact.items():
        LOG.info("%s: held-out IoU %.4f, in fp32 %.4f", name, reduced[name].iou, counts.iou)
        if counts.iou - reduced[name].iou > LARGEST_IOU_DROP:
            raise AccuracyError(precision, name, counts.iou, reduced[name].iou, LARGEST_IOU_DROP)


def held_out_evaluations(counts: CountsByData) -> tuple[Evaluation, ...]:
    """What the card says of the held-out scenes."""
    return tuple(Evaluation(name, "held out of training", PROTOCOL, figures(each)) for name, each in counts.items())


def held_out_scenes(config: RunConfig, data_root: Path, split: Split) -> HeldOut:
    """The validation scenes of each folder, at the network's ground resolution; as many in memory as in training."""
    data = config.data
    memory = SceneMemory(int(data.memory_gb * 1e9))
    held_out: HeldOut = {}
    for folder in data.folders:
        scenes = StoredScenes(scenes_of(data_root, folder.path, split, VALIDATION), memory)
        held_out[folder.path] = ResampledScenes(scenes, folder.ground_resolution_m, data.ground_resolution_m)
    return held_out


def draft_card(config: RunConfig, request: ExportRequest) -> ModelCard:
    """The card with what is known before measuring."""
    outputs = [OutputSpec(PROBABILITY, 1, 1, "probability of road, 0..1", 0)]
    if request.with_orientation:
        meaning = "(cos 2t, sin 2t) of the road's direction t in the image, from +x (columns) towards +y (rows)"
        outputs.append(OutputSpec(ORIENTATION, 2, 4, meaning, -1))
    network = config.network
    built_of = f"{network.encoder} + UPerNet (D = {network.pyramid_channels}) + DGCN, {network.heads} heads"
    return ModelCard(
        schema=SCHEMA,
        name=config.card.name,
        version=config.card.version,
        licence=config.card.licence,
        attributions=config.card.attributions,
        producer=Producer(
            name="model_training",
            commit=current_commit(),
            encoder=network.encoder,
            architecture=built_of if request.precision == FP32 else f"{built_of}, {request.precision}",
        ),
        input=config.input_spec(),
        tiling=TilingSpec(request.tile_px, multiple_of=MULTIPLE_OF, margin_px=request.tile_px // 8),
        outputs=tuple(outputs),
        thresholds=Thresholds(high=0.5, low=0.5),
        evaluation=(),
        self_test=None,
    )


def current_commit() -> str:
    """The commit of the sources, or "unknown" outside of a repository."""
    command = ("git", "-C", str(Path(__file__).parent), "rev-parse", "--short=12", "HEAD")
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return result.stdout.strip()


def record_self_test(compute: Compute, tolerance: float) -> SelfTest:
    """Expected probabilities at points that span the range of the prediction on the seeded input."""
    blank = SelfTest(SELF_TEST_SEED, SELF_TEST_TILE_PX, (), (), (), tolerance)
    probability = compute.predict(self_test_input(blank, len(compute.card.input.bands)))[0]
    order = np.argsort(probability, axis=None, kind="stable")
    chosen = order[np.linspace(0, order.size - 1, SELF_TEST_POINTS).astype(int)]
    rows, columns = np.unravel_index(chosen, probability.shape)
    return dataclasses.replace(
        blank,
        rows=tuple(int(row) for row in rows),
        columns=tuple(int(column) for column in columns),
        expected=tuple(round(float(value), 6) for value in probability[rows, columns]),
    )
