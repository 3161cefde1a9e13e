"""Which documented network a submission is most like."""

from dataclasses import replace

import pytest

from harness.submissions.feedback import matching as module
from harness.submissions.feedback.matching import distance
from reference.facts import load, names
from tests.support.samples.keras_json import conv, dense, entry, flatten, layer
from tests.support.samples.keras_networks import SOFTMAX, closest, documented, edited, network

FACTS = {name: load(name) for name in names()}
RESCALING = layer("Rescaling", "r", scale=1 / 255, offset=0.0)


@pytest.mark.parametrize("name", names())
def test_a_documented_network_is_closest_to_itself(name):
    assert distance(documented(name), FACTS[name]) == 0
    assert closest(documented(name), FACTS) == name
    # The two dense networks differ in the size of two layers.
    assert all(distance(documented(name), FACTS[other]) > 1 for other in FACTS if other != name)


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("mlp_64_32", edited("mlp_64_32", images=[entry(28, 28), RESCALING, flatten()])),
        ("mlp_64_32", edited("mlp_64_32", predictions=dense(10, "scores"))),
        ("mlp_64_32", edited("mlp_64_32", hidden2=dense(48, "hidden2", activation="relu"))),
        ("mlp_64_32", edited("mlp_64_32", hidden2=[])),
        ("mlp_256_128", edited("mlp_256_128", images=entry(28, 28, 1))),
        ("mlp_256_128", edited("mlp_256_128", hidden1={"units": 512})),
        ("sequential_cnn", edited("sequential_cnn", conv={"padding": "same"})),
        ("sequential_cnn", edited("sequential_cnn", flatten=[])),
        ("sequential_cnn", edited("sequential_cnn", conv={"kernel_size": [5, 5], "filters": 16})),
        ("deep_cnn", edited("deep_cnn", conv3=[])),
        ("deep_cnn", edited("deep_cnn", conv1=conv(32, "conv1", activation="tanh"))),
        ("functional_cnn", edited("functional_cnn", norm1=[], norm2=[])),
        ("functional_cnn", edited("functional_cnn", conv1={"padding": "valid"}, dropout=[])),
    ],
)
def test_a_faulty_network_is_still_closest_to_what_was_meant(name, rows):
    assert closest(network(*rows), FACTS) == name


def test_of_networks_at_one_distance_the_nearest_in_size_is_taken_and_then_the_first_by_name():
    twins = {name: replace(FACTS["mlp_64_32"], name=name) for name in "ba"}
    assert closest(documented("mlp_64_32"), twins) == "a"
    # One hidden layer too few, and of no documented size: as far from one as from the other.
    spec = network(entry(784), dense(300, "hidden", activation="relu"), SOFTMAX)
    near, far = (distance(spec, FACTS[name]) for name in ("mlp_256_128", "mlp_64_32"))
    assert near == far
    assert closest(spec, FACTS) == "mlp_256_128"
    small = network(entry(784), dense(40, "hidden", activation="relu"), SOFTMAX)
    assert closest(small, FACTS) == "mlp_64_32"


def test_another_input_counts():
    flat = network(*edited("mlp_64_32", images=entry(784)))
    unflattened = network(*edited("mlp_64_32", images=entry(28, 28)))
    facts = FACTS["mlp_64_32"]
    assert distance(unflattened, facts) > distance(flat, facts)


@pytest.mark.parametrize(
    ("name", "changes", "apart"),
    [
        # All later shapes change with the first padding, and are not counted.
        ("functional_cnn", {"conv1": {"padding": "valid"}}, 1),
        ("sequential_cnn", {"pool": {"pool_size": [3, 3], "strides": [3, 3]}}, 1),
        ("deep_cnn", {"pool1": []}, 4),
        ("mlp_64_32", {"hidden1": {"units": 65}, "hidden2": {"activation": "tanh"}}, 2),
    ],
)
def test_what_follows_from_a_difference_is_not_counted(name, changes, apart):
    assert distance(network(*edited(name, **changes)), FACTS[name]) == apart


def test_a_network_of_many_layers_is_not_laid_beside_a_document(monkeypatch):
    # An answer may hold sixteen, each of which would take seconds.
    monkeypatch.setattr(module, "compare", lambda *_: pytest.fail("aligned"))
    hidden = [dense(32, f"hidden{i}", activation="relu") for i in range(100)]
    many = network(entry(784), *hidden, SOFTMAX)
    assert distance(many, FACTS["mlp_64_32"]) > 4 * 100
    assert closest(many, FACTS) in FACTS
