from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.nn import functional

import model_training
from model_training.configuration import read_config
from model_training.network.blocks import adaptive_average
from model_training.network.dual_gcn import DualGcn
from model_training.network.road_network import DeployedNetwork, NetworkConfig, RoadNetwork
from road_extractor_plugin.contract.errors import RequestError

PAPER = Path(model_training.__file__).parent / "configs" / "paper.yaml"


def parameters(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.fixture(scope="module")
def paper_network() -> RoadNetwork:
    """The paper's network without memory: shapes and counts only."""
    with torch.device("meta"):
        return RoadNetwork(read_config(PAPER, ("network.encoder_weights=none",)).network)


def small(**changes: object) -> RoadNetwork:
    options = {"encoder": "test_efficientnet", "encoder_weights": "none", "pyramid_channels": 8, **changes}
    return RoadNetwork(NetworkConfig(**options)).eval()  # type: ignore[arg-type]


def test_the_papers_network_has_its_90_84_million_parameters(paper_network: RoadNetwork) -> None:
    assert parameters(paper_network.encoder) == 87_568_256
    assert parameters(paper_network) - parameters(paper_network.encoder) == 3_272_878
    assert parameters(paper_network) == 90_841_134


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ("pyramid.pooling", 2_295_000),
        ("pyramid.laterals", 115_000),
        ("pyramid.smooth", 443_000),
        ("road_head.reduce", 148_000),
        ("road_head.to_half", 1_000),
        ("road_head.to_full", 9_000),
        ("orientation_head.quarter", 148_000),
        ("orientation_head.to_half", 18_000),
        ("orientation_head.classify", 4_773),
        ("orientation_head.classify_full", 4_773),
    ],
)
def test_the_papers_parts_have_their_parameters(paper_network: RoadNetwork, part: str, expected: int) -> None:
    assert parameters(paper_network.get_submodule(part)) == pytest.approx(expected, abs=500)


def test_the_papers_graph_reasoning_is_three_graphs_and_is_not_normalised(paper_network: RoadNetwork) -> None:
    graphs = paper_network.road_head.graphs
    assert [parameters(graph) for graph in graphs] == [9_744] * 3
    assert not any(graph.spatial.normalised or graph.feature.normalised for graph in graphs)


def test_the_paper_has_a_layer_scale_of_1_a_drop_path_up_to_0_4_and_stage_norms(paper_network: RoadNetwork) -> None:
    rates = [m.drop_prob for m in paper_network.encoder.modules() if type(m).__name__ == "DropPath"]
    assert max(rates) == pytest.approx(0.4)
    assert len(rates) == 35  # of 36 blocks; the first has a rate of 0
    assert [norm.normalized_shape[0] for norm in paper_network.encoder.norms] == [128, 256, 512, 1024]
    small_one = RoadNetwork(NetworkConfig(encoder="convnext_atto", encoder_weights="none"))
    scales = [value for name, value in small_one.encoder.named_parameters() if name.endswith("gamma")]
    assert scales
    assert all((scale == 1.0).all() for scale in scales)


@pytest.mark.parametrize("side", [256, 512, 650])
def test_the_finest_scale_passes_through_one_pixel_more_and_one_less(paper_network: RoadNetwork, side: int) -> None:
    even = side // 4 * 4  # 650 is cut to 648 by the stem
    sizes: dict[str, int] = {}
    names = ("road_head.to_full", "road_head.classify_full.0", "road_head.classify_full", "orientation_head.trim")
    hooks = [
        paper_network.get_submodule(name).register_forward_hook(
            lambda module, given, out, name=name: sizes.update({name: out.shape[-1]})
        )
        for name in names
    ]
    paper_network(torch.empty(2, 3, side, side, device="meta"))
    for hook in hooks:
        hook.remove()
    assert [sizes[name] for name in names] == [even + 1, even - 1, even, even - 1]


def test_a_dual_gcn_of_32_channels_has_9744_parameters() -> None:
    assert parameters(DualGcn(32)) == 9_744


@pytest.mark.parametrize(("side", "sides"), [(256, (64, 128, 256)), (512, (128, 256, 512)), (650, (162, 324, 648))])
def test_the_papers_outputs_have_its_sizes(paper_network: RoadNetwork, side: int, sides: tuple[int, ...]) -> None:
    outputs = paper_network(torch.empty(2, 3, side, side, device="meta"))
    assert [tuple(road.shape) for road in outputs.roads] == [(2, 1, s, s) for s in sides]
    assert [tuple(classes.shape) for classes in outputs.orientation] == [(2, 37, s, s) for s in sides]


@pytest.mark.parametrize("encoder", ["tf_efficientnet_lite0", "convnext_atto", "resnet18", "test_resnet"])
@pytest.mark.parametrize("size", [(256, 256), (96, 160)], ids=["square", "oblong"])
def test_s2_heads_give_strides_4_and_2_with_any_encoder(encoder: str, size: tuple[int, int]) -> None:
    with torch.device("meta"):
        network = RoadNetwork(NetworkConfig(encoder=encoder, encoder_weights="none"))
    outputs = network(torch.empty(2, 3, *size, device="meta"))
    height, width = size
    assert [tuple(road.shape[1:]) for road in outputs.roads] == [
        (1, height // 4, width // 4),
        (1, height // 2, width // 2),
    ]
    assert [tuple(vector.shape[1:]) for vector in outputs.orientation] == [(2, height // 4, width // 4)]


def test_convnext_has_a_norm_on_each_stage_and_others_do_not() -> None:
    with torch.device("meta"):
        convnext, resnet = (
            RoadNetwork(NetworkConfig(encoder=name, encoder_weights="none")) for name in ("convnext_atto", "resnet18")
        )
    assert parameters(convnext.encoder.norms) == 2 * sum(convnext.encoder.channels)
    assert parameters(resnet.encoder.norms) == 0


@pytest.mark.parametrize("with_orientation", [True, False])
def test_the_deployed_network_gives_probabilities_at_the_inputs_size(with_orientation: bool) -> None:
    network = DeployedNetwork(small(), with_orientation=with_orientation).eval()
    outputs = network(torch.randn(1, 3, 64, 96))
    assert outputs[0].shape == (1, 1, 64, 96)
    assert 0 <= outputs[0].min() < outputs[0].max() <= 1
    assert [tuple(output.shape) for output in outputs[1:]] == [(1, 2, 16, 24)] * with_orientation


@pytest.mark.parametrize("bins", [1, 2, 3, 6])
@pytest.mark.parametrize("size", [(6, 6), (7, 10), (3, 5), (16, 9)], ids=str)
def test_pooling_by_matrices_is_adaptive_average_pooling(bins: int, size: tuple[int, int]) -> None:
    x = torch.randn(2, 3, *size)
    torch.testing.assert_close(adaptive_average(x, bins), functional.adaptive_avg_pool2d(x, bins))


def test_only_the_normalised_graph_is_blind_to_the_size_of_a_repeating_image() -> None:
    torch.manual_seed(0)
    pattern = torch.randn(1, 8, 16, 16)
    for normalised in (True, False):
        graph = DualGcn(8, normalised=normalised).eval()
        alone, repeated = (graph.feature(image) for image in (pattern, pattern.repeat(1, 1, 2, 2)))
        same = torch.allclose(repeated[:, :, :16, :16], alone, atol=1e-5)
        assert same == normalised


def test_two_classes_through_a_softmax_are_the_sigmoid_of_one_logit() -> None:
    torch.manual_seed(0)
    network = small(road_classes=2)
    scores = []
    network.road_head.classify.register_forward_hook(lambda module, given, out: scores.append(out))
    road = network(torch.randn(1, 3, 64, 64)).roads[-1]
    torch.testing.assert_close(torch.sigmoid(road), torch.softmax(scores[-1], dim=1)[:, 1:])


@pytest.mark.parametrize("wrong", [{"heads": "S3"}, {"orientation": "angles"}, {"road_classes": 3}], ids=str)
def test_unknown_choices_are_refused_with_the_allowed_ones(wrong: dict[str, object]) -> None:
    with pytest.raises(RequestError, match="but must be"):
        NetworkConfig(**wrong)  # type: ignore[arg-type]


def test_stochastic_depth_acts_in_training_only() -> None:
    torch.manual_seed(0)
    network = RoadNetwork(NetworkConfig("test_convnext", "none", pyramid_channels=8, drop_path=0.5))
    image = torch.randn(2, 3, 64, 64)
    network.eval()
    with torch.no_grad():
        assert torch.equal(network(image).roads[-1], network(image).roads[-1])
        network.encoder.train()  # has no batch norms: what differs now is stochastic depth
        assert not torch.equal(network(image).roads[-1], network(image).roads[-1])
