"""What `vary` makes of a network, held to shapes and parameters computed by hand."""

import pytest

from harness.network.spec import Spec, make_spec
from harness.network.variations import settings_of, vary
from reference.errors import UserError
from reference.facts import expected_network, load, names
from reference.layers import shapes, total_params


def _documented(name):
    network = expected_network(load(name))
    return Spec(network, tuple(node.kind for node in network.nodes))


def _kinds(spec):
    return [node.kind for node in spec.network.nodes]


@pytest.mark.parametrize("name", names())
def test_without_settings_the_network_is_the_same(name):
    spec = _documented(name)
    assert vary(spec, {}) is spec
    assert vary(spec, {"epochs": 3, "architecture": "mlp_64_32"}) is spec


@pytest.mark.parametrize("name", names())
def test_its_own_settings_change_nothing(name):
    spec = _documented(name)
    settings = settings_of(spec)
    if not settings["filters"]:
        del settings["filters"], settings["convolutions"]
    assert vary(spec, settings).digest == spec.digest


# By hand. Conv2D: (9 × channels in + 1) × filters; Dense: (values in + 1) × units.
@pytest.mark.parametrize(
    ("name", "settings", "params"),
    [
        # 9·1·8+8 = 80; 9·8·16+16 = 1,168; 9·16·16+16 = 2,320; (4·4·16+1)·100 = 25,700; 1,010
        ("deep_cnn", {"filters": [8, 16, 16]}, 80 + 1_168 + 2_320 + 25_700 + 1_010),
        # 320 + 18,496 + 36,928; 1025·50; 51·10
        ("deep_cnn", {"dense": [50]}, 320 + 18_496 + 36_928 + 51_250 + 510),
        # 1025·200; 201·100; 101·10
        ("deep_cnn", {"dense": [200, 100]}, 55_744 + 205_000 + 20_100 + 1_010),
        # no hidden layer: 1025·10
        ("deep_cnn", {"dense": []}, 55_744 + 10_250),
        # 785·100; 101·10
        ("deep_cnn", {"convolutions": False}, 78_500 + 1_010),
        # 785·16; 17·10
        ("deep_cnn", {"convolutions": False, "dense": [16]}, 12_560 + 170),
        # 20; 9·2·4+4 = 76; 9·4·4+4 = 148; 65·16 = 1,040; 170
        ("deep_cnn", {"filters": [2, 4, 4], "dense": [16]}, 20 + 76 + 148 + 1_040 + 170),
        # 785·32; 33·10
        ("mlp_64_32", {"dense": [32]}, 25_120 + 330),
        ("mlp_64_32", {"dropout": 0.5, "output_activation": "relu"}, 52_650),
        # 3·3·1·4+4 = 40; BN 16; 9·4·8+8 = 296; BN 32; (7·7·8+1)·128 = 50,304; 129·10
        ("functional_cnn", {"filters": [4, 8]}, 40 + 16 + 296 + 32 + 50_304 + 1_290),
    ],
)
def test_parameters(name, settings, params):
    assert total_params(vary(_documented(name), settings).network) == params


def test_filters_change_the_shapes_behind_them():
    varied = vary(_documented("deep_cnn"), {"filters": [8, 16, 24]})
    found = [
        shape
        for node, shape in zip(varied.network.nodes, shapes(varied.network), strict=True)
        if node.kind in {"Conv2D", "MaxPooling2D", "Flatten", "Dense"}
    ]
    assert found == [
        (26, 26, 8), (13, 13, 8), (11, 11, 16), (9, 9, 24), (4, 4, 24), (384,), (100,), (10,)
    ]  # fmt: skip


def test_without_convolutions_the_images_are_flattened_at_once():
    varied = vary(_documented("deep_cnn"), {"convolutions": False})
    assert _kinds(varied) == [
        "InputLayer", "Flatten", "Dense", "Activation", "Dense", "Activation"
    ]  # fmt: skip
    assert shapes(varied.network)[1] == (784,)


def test_new_dense_layers_are_made_like_the_first():
    varied = vary(_documented("deep_cnn"), {"dense": [30, 20]})
    dense = [node for node in varied.network.nodes if node.kind == "Dense"]
    assert [node.config["units"] for node in dense] == [30, 20, 10]
    assert [node.config["kernel_initializer"]["class"] for node in dense[:2]] == ["HeUniform"] * 2
    assert _kinds(varied)[-6:] == ["Dense", "Activation"] * 3


def test_fewer_dense_layers():
    assert settings_of(vary(_documented("mlp_256_128"), {"dense": [64]}))["dense"] == [64]


def test_dropout_lies_before_the_output_once():
    once = vary(_documented("mlp_64_32"), {"dropout": 0.25})
    twice = vary(once, {"dropout": 0.5})
    assert _kinds(twice)[-3:] == ["Dropout", "Dense", "Activation"]
    assert _kinds(twice).count("Dropout") == 1
    assert settings_of(twice)["dropout"] == 0.5
    assert vary(twice, {"dropout": 0.0}).digest == _documented("mlp_64_32").digest


def test_activations():
    spec = _documented("mlp_64_32")
    relu = vary(spec, {"output_activation": "relu"})
    assert [n.config["activation"] for n in relu.network.nodes if n.kind == "Activation"] == [
        "relu", "relu", "relu"
    ]  # fmt: skip
    linear = vary(spec, {"hidden_activation": "linear"})
    assert _kinds(linear) == ["InputLayer", "Dense", "Dense", "Dense", "Activation"]
    bare = vary(spec, {"output_activation": "linear"})
    assert _kinds(bare)[-1] == "Dense"
    assert settings_of(bare)["output_activation"] == "linear"
    assert settings_of(linear)["hidden_activation"] == "linear"
    assert vary(bare, {"output_activation": "softmax"}).digest == spec.digest


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("deep_cnn", {"filters": [8]}, "should be 3 integers"),
        ("mlp_64_32", {"filters": [8]}, "should be 0 integers"),
        ("mlp_64_32", {"convolutions": True}, "the network has none"),
        ("deep_cnn", {"convolutions": False, "filters": [8, 8, 8]}, "should be 0 integers"),
        ("deep_cnn", {"dense": [65_000]}, "parameters; at most"),
    ],
)
def test_what_a_network_does_not_have_is_refused(name, settings, message):
    with pytest.raises(UserError, match=message):
        vary(_documented(name), settings)


def _dense(units):
    return ("Dense", {"units": units})


@pytest.mark.parametrize(
    ("layers", "settings", "message"),
    [
        ((_dense(10),), {"dense": [5]}, "no hidden dense layer"),
        ((_dense(10), ("Activation", {"activation": "relu"}), ("Dropout", {"rate": 0.1})),
         {"dropout": 0.5}, "ends in Dropout"),
    ],
)  # fmt: skip
def test_networks_that_cannot_be_varied(layers, settings, message):
    rows = [("InputLayer", {"shape": [784]}, (), True)]
    rows += [(kind, config, (i,), True) for i, (kind, config) in enumerate(layers)]
    with pytest.raises(UserError, match=message):
        vary(make_spec(rows, ["x"] * len(rows)), settings)


@pytest.mark.parametrize("frozen", [True, False])
def test_a_network_that_branches_or_is_frozen_is_refused(frozen):
    rows = [
        ("InputLayer", {"shape": [784]}, (), True),
        ("Dense", {"units": 8}, (0,), not frozen),
        ("Dense", {"units": 8}, (1,) if frozen else (0,), True),
        ("Add", {}, (1, 2), True),
        ("Dense", {"units": 10}, (3,), True),
    ]
    with pytest.raises(UserError, match="branches or is frozen"):
        vary(make_spec(rows, ["x"] * 5), {"dropout": 0.5})
