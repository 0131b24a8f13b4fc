"""From a training run to a model file: graph, measurements, card, one atomic write."""

from __future__ import annotations

import dataclasses
import itertools
import logging
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from model_training.configuration import RunConfig
from model_training.datasets.folders import Scene, read_scene
from model_training.datasets.holdout import VALIDATION, Split, read_split, scenes_of
from model_training.evaluation.figures import PROTOCOL, choose_thresholds, count_scenes, figures
from model_training.evaluation.prediction import predict_scene, resample
from model_training.evaluation.report import LabelledFolder, evaluate_folder
from model_training.export.margin import measure_margin
from model_training.export.onnx_graph import ORIENTATION, PROBABILITY, to_onnx
from model_training.network.road_network import MULTIPLE_OF, DeployedNetwork
from model_training.training.run import SPLIT_FILE, load_network
from road_extractor_plugin.compute.local import LocalCompute
from road_extractor_plugin.compute.self_test import self_test_input
from road_extractor_plugin.contract.deepness import deepness_metadata
from road_extractor_plugin.contract.errors import OutputError, RequestError
from road_extractor_plugin.contract.model_card import (
    CARD_KEY,
    SCHEMA,
    Evaluation,
    ModelCard,
    OutputSpec,
    Producer,
    SelfTest,
    Thresholds,
    TilingSpec,
)

if TYPE_CHECKING:
    import onnx

LOG = logging.getLogger(__name__)
SELF_TEST_SEED, SELF_TEST_TILE_PX, SELF_TEST_POINTS = 20, 256, 16
SELF_TEST_TOLERANCE = 0.02
"""Wide enough for half precision and other devices, narrow enough for a wrong band order or normalisation."""


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


def export(request: ExportRequest) -> ModelCard:
    """Export a checkpoint.

    1. The graph, refused when it differs from torch.
    2. The margin, on held-out scenes.
    3. The thresholds, on held-out scenes.
    4. The figures, on held-out scenes and on the test folders.
    5. The self-test.

    Raises:
        CheckpointError: The checkpoint cannot be read.
        RequestError: Orientation is asked of a network without it.
        ParityError: The graph differs from torch.
        DatasetError: A scene cannot be read.
        OutputError: The file cannot be written.
    """
    network, config = load_network(request.checkpoint)
    if request.with_orientation and config.network.orientation != "vector":
        problem = "left out, for this network was trained without orientation vectors"
        raise RequestError("--orientation", config.network.orientation, problem)
    graph = to_onnx(DeployedNetwork(network, with_orientation=request.with_orientation).eval())  # 1
    split = read_split(request.checkpoint.parent / SPLIT_FILE)
    draft = request.output.with_name(request.output.name + ".new")
    try:
        card = draft_card(config, request.tile_px, with_orientation=request.with_orientation)
        write_model(graph, card, draft)
        card = measured_card(card, draft, config, request, split)
        write_model(graph, card, draft)
        draft.replace(request.output)
    except OSError as error:
        raise OutputError(
            f"Cannot write '{request.output}' ({error.strerror})", "Choose another file with -o"
        ) from error
    finally:
        draft.unlink(missing_ok=True)
    LOG.info("wrote %s, %.1f MB", request.output, request.output.stat().st_size / 1e6)
    return card


def measured_card(card: ModelCard, file: Path, config: RunConfig, request: ExportRequest, split: Split) -> ModelCard:
    """The card with everything that is measured on the exported file itself."""
    scenes = held_out_scenes(config, request.data_root, split)
    margin = measure_margin(itertools.chain(*scenes.values()), LocalCompute(file, card))  # 2
    card = dataclasses.replace(card, tiling=dataclasses.replace(card.tiling, margin_px=margin))
    compute = LocalCompute(file, card)
    resolution = card.input.ground_resolution_m
    predicted = {name: [predict_scene(scene, resolution, compute) for scene in items] for name, items in scenes.items()}
    thresholds = choose_thresholds(list(predicted.values()))  # 3
    LOG.info("margin %d px, thresholds high %.2f, low %.2f", margin, thresholds.high, thresholds.low)
    held_out = tuple(
        Evaluation(name, "held out of training", PROTOCOL, figures(count_scenes(items, thresholds)))
        for name, items in predicted.items()
    )
    compute = LocalCompute(file, dataclasses.replace(card, thresholds=thresholds))
    tests = tuple(evaluate_folder(folder, compute, "test").evaluation for folder in request.tests)  # 4
    return dataclasses.replace(compute.card, evaluation=held_out + tests, self_test=record_self_test(compute))  # 5


def held_out_scenes(config: RunConfig, data_root: Path, split: Split) -> dict[str, list[Scene]]:
    """The validation scenes of each folder, at the network's ground resolution."""
    target = config.data.ground_resolution_m
    return {
        folder.path: [
            resample(read_scene(paths), folder.ground_resolution_m, target)
            for paths in scenes_of(data_root, folder.path, split, VALIDATION)
        ]
        for folder in config.data.folders
    }


def draft_card(config: RunConfig, tile_px: int, *, with_orientation: bool) -> ModelCard:
    """The card with what is known before measuring."""
    outputs = [OutputSpec(PROBABILITY, 1, 1, "probability of road, 0..1", 0)]
    if with_orientation:
        meaning = "(cos 2t, sin 2t) of the road's direction t in the image, from +x (columns) towards +y (rows)"
        outputs.append(OutputSpec(ORIENTATION, 2, 4, meaning, -1))
    network = config.network
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
            architecture=f"{network.encoder} + UPerNet (D = {network.pyramid_channels}) + DGCN, {network.heads} heads",
        ),
        input=config.input_spec(),
        tiling=TilingSpec(tile_px=tile_px, multiple_of=MULTIPLE_OF, margin_px=tile_px // 8),
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


def record_self_test(compute: LocalCompute) -> SelfTest:
    """Expected probabilities at points that span the range of the prediction on the seeded input."""
    blank = SelfTest(SELF_TEST_SEED, SELF_TEST_TILE_PX, (), (), (), SELF_TEST_TOLERANCE)
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


def write_model(graph: onnx.ModelProto, card: ModelCard, path: Path) -> None:
    """Write the graph with the card, and Deepness' keys, in its metadata."""
    del graph.metadata_props[:]
    for key, value in {CARD_KEY: card.to_json(), **deepness_metadata(card)}.items():
        graph.metadata_props.add(key=key, value=value)
    graph.producer_name, graph.producer_version = card.producer.name, card.producer.commit
    path.write_bytes(graph.SerializeToString())
