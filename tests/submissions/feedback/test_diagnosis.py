"""A diagnosis names the cause once, in its place, and says what to write.

test_faulty_scripts.py has whole scripts; here are the parts that scripts cannot show.
"""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.submissions.feedback.comparison import compare
from harness.submissions.feedback.diagnosis import MAX_FINDINGS, Finding, diagnose, recipe_faults
from harness.submissions.feedback.layer_row import differing_settings
from harness.submissions.feedback.moved_layers import sequence_hints
from harness.submissions.normalization.captured_recipe import ArrayFacts, CapturedRecipe
from harness.submissions.normalization.normalize import conform
from reference.facts import load, names
from tests.support.samples.keras_json import conv, dense, entry, flatten, layer, pool
from tests.support.samples.keras_networks import SOFTMAX, compared, documented, edited, network
from tests.support.samples.random_networks import RECIPES, specs


def _images(*shape, low=0.0, high=1.0):
    return ArrayFacts((60_000, *shape), "float32", low, high)


# As document 004 trains.
RECIPE = CapturedRecipe(
    optimizer="adam",
    learning_rate=0.001,
    loss="categorical_crossentropy",
    from_logits=False,
    batch_size=32,
    epochs=100,
    validation_images=12_000,
    labels=ArrayFacts((60_000, 10), "float32"),
    images=_images(784),
)


def _found(architecture, recipe=None, **changes):
    spec = network(*edited(architecture, **changes))
    return diagnose(compared(load(architecture), spec, recipe))


def _kinds(*arguments, **changes):
    return [finding.kind for finding in _found(*arguments, **changes)]


def _relu(name):
    return layer("ReLU", name, max_value=None, negative_slope=0.0, threshold=0.0)


def _norm(name):
    return layer("BatchNormalization", name, axis=-1)


@pytest.mark.parametrize("name", names())
def test_of_the_documented_network_nothing_is_said(name):
    assert diagnose(compared(load(name), documented(name))) == ()


def test_a_finding_is_data_for_results():
    (found,) = _found("functional_cnn", conv1={"padding": "valid"})
    assert found == Finding(
        "padding",
        "layer 1 (Conv2D 'conv1')",
        "has padding='valid', so the output shrinks from 28 to 26; the document keeps 28: write "
        "padding='same'",
        "fault",
    )


@pytest.mark.parametrize(
    ("architecture", "changes", "kind", "where"),
    [
        ("functional_cnn", {"conv1": {"padding": "valid"}, "conv2": {"padding": "valid"}},
         "padding", "layer 1 (Conv2D 'conv1') and layer 5 (Conv2D 'conv2')"),
        ("deep_cnn", {"conv1": {"trainable": False}, "hidden": {"trainable": False}},
         "frozen", "layer 1 (Conv2D 'conv1') and layer 7 (Dense 'hidden')"),
        ("functional_cnn", {"norm1": [], "norm2": []}, "missing_batch_normalization",
         "after layer 1 (Conv2D 'conv1') and after layer 4 (Conv2D 'conv2')"),
    ],
)  # fmt: skip
def test_the_same_mistake_in_several_places_is_one_finding(architecture, changes, kind, where):
    (found,) = _found(architecture, **changes)
    assert (found.kind, found.where) == (kind, where)


def test_of_many_places_some_are_named():
    many = [dense(64, f"d{i}", activation="relu", trainable=False) for i in range(7)]
    found = _found("mlp_64_32", hidden1=many)
    where = next(one.where for one in found if one.kind == "extra_dense")
    assert where.endswith("and 2 more")


def test_faults_come_before_notes_and_each_in_the_order_of_the_network():
    recipe = replace(RECIPE, learning_rate=0.1, epochs=5, images=_images(784, high=255.0))
    found = _found("mlp_64_32", recipe, hidden1={"units": 65}, hidden2={"units": 33})
    assert [(one.kind, one.severity) for one in found] == [
        ("units", "fault"), ("units", "fault"), ("unscaled_pixels", "fault"),
        ("epochs", "fault"), ("learning_rate", "note"),
    ]  # fmt: skip


# Layers that are elsewhere ------------------------------------------------------------------------

BLOCK = ("conv", "norm", "relu", "pool")


def _blocks(order):
    """Document 000 with the layers of both blocks in another order."""
    made = {"conv": lambda n: conv((32, 64)[n - 1], f"conv{n}", padding="same"),
            "norm": lambda n: _norm(f"norm{n}"), "relu": lambda n: _relu(f"relu{n}"),
            "pool": lambda n: pool(f"pool{n}")}  # fmt: skip
    changes = {f"{name}{n}": [] for n in (1, 2) for name in BLOCK}
    for n in (1, 2):
        changes[f"conv{n}"] = [made[name](n) for name in order.split()]
    return changes


@pytest.mark.parametrize(
    ("order", "kind"),
    [
        ("conv relu norm pool", "batch_normalization_after_activation"),
        ("conv relu pool norm", "batch_normalization_after_pooling"),
        ("conv pool norm relu", "batch_normalization_after_pooling"),
        ("norm conv relu pool", "order"),
    ],
)
def test_a_moved_layer_is_one_finding(order, kind):
    (found,) = _found("functional_cnn", **_blocks(order))
    assert found.kind == kind
    assert " and layer " in found.where  # both blocks


def test_an_activation_that_got_apart_from_its_layer_is_no_fault_of_its_own():
    found = _found("sequential_cnn", conv=[conv(32), _norm("norm"), _relu("relu")])
    assert [(one.kind, one.where) for one in found] == [
        ("extra_batch_normalization", "layer 2 (BatchNormalization 'norm')")
    ]


def test_another_activation_further_on_is_a_fault():
    rows = [conv(32), _norm("norm"), layer("Activation", "a", activation="tanh")]
    assert _kinds("sequential_cnn", conv=rows) == [
        "missing_activation",
        "extra_batch_normalization",
        "extra_activation",
    ]


def test_an_activation_beyond_a_documented_layer_belongs_to_nobody():
    rows = {"conv": {"activation": "linear"}, "flatten": [flatten(), _relu("late")]}
    assert _kinds("sequential_cnn", **rows) == ["missing_activation", "extra_activation"]


def test_what_a_documented_choice_of_ours_leaves_open_in_a_layer_is_a_note():
    # Document 000 gives no kernel size and no rate of the dropout.
    found = _found("functional_cnn", conv1={"kernel_size": [5, 5]}, dropout={"rate": 0.1})
    assert [(one.kind, one.severity) for one in found] == [
        ("kernel_size", "note"), ("dropout_rate", "note"),
    ]  # fmt: skip


def test_of_pixels_that_the_network_rescales_the_network_is_told():
    rows = [entry(784), layer("Rescaling", "r", scale=1 / 127.5, offset=-1.0)]
    recipe = replace(RECIPE, images=_images(784, high=255.0))
    assert _kinds("mlp_64_32", recipe, images=rows) == ["pixel_range"]


def test_of_two_exchanged_layers_the_first_stands_for_both():
    (found,) = _found("mlp_256_128", hidden1={"units": 128}, hidden2={"units": 256})
    assert found.kind == "order"
    assert found.cause == (
        "Dense 'hidden1' and 'hidden2' are exchanged: units is 128 here and 256 there; the "
        "document has them the other way round"
    )


def test_the_checks_say_of_a_moved_layer_what_the_diagnosis_says():
    rows = edited("deep_cnn", pool1=[], conv3=[])
    hints = _hints("deep_cnn", rows)
    assert hints[1].startswith("MaxPooling2D is missing: height and width are not halved")
    assert hints[3] == "Conv2D(64, ...) is missing; the document has it here"
    moved = _hints("functional_cnn", edited("functional_cnn", **_blocks("conv relu norm pool")))
    assert set(filter(None, moved)) == {
        _found("functional_cnn", **_blocks("conv relu norm pool"))[0].cause
    }


def _hints(architecture, rows):
    return sequence_hints(compare(load(architecture), network(*rows)))


def test_a_difference_carries_its_cause_and_what_follows_from_another_layer_carries_none():
    spec = network(*edited("functional_cnn", conv1={"padding": "valid"}))
    first, second, *_ = compare(load("functional_cnn"), spec).pairs
    assert {d.what: d.hint[:20] for group in first.differences.values() for d in group} == {
        "conv1.output_shape": "has padding='valid',", "conv1.padding": "has padding='valid',",
    }  # fmt: skip
    assert {d.what: d.hint for group in second.differences.values() for d in group} == {
        "norm1.output_shape": ""
    }


# What a script cannot show, or shows in another way -----------------------------------------------


@pytest.mark.parametrize(
    ("architecture", "changes", "kinds"),
    [
        ("sequential_cnn", {"images": entry(1, 28, 28), "conv": {"padding": "same"}, "pool": []},
         ["channels_first", "padding", "missing_pooling"]),
        ("mlp_64_32", {"images": [entry(32, 32), flatten()]}, ["input_shape"]),
        ("functional_cnn", {"norm1": layer("LayerNormalization", "n", axis=-1)}, ["normalization"]),
        ("functional_cnn", {"norm1": {"scale": False}}, ["normalization"]),
        ("sequential_cnn", {"flatten": layer("GlobalMaxPooling2D", "g")}, ["global_pooling"]),
        ("sequential_cnn", {"hidden": {"activation": "softmax"}}, ["activation"]),
        ("sequential_cnn", {"predictions": {"activation": "tanh"}}, ["output_activation"]),
        ("mlp_64_32", {"predictions": dense(1, "p", activation="sigmoid")}, ["classes"]),
        ("mlp_64_32", {"images": [entry(784), layer("Rescaling", "a", scale=1 / 255, offset=0.0),
                                  layer("Rescaling", "b", scale=1 / 255, offset=0.0)]},
         ["pixels_twice"]),
    ],
)  # fmt: skip
def test_causes_of_layers(architecture, changes, kinds):
    assert _kinds(architecture, **changes) == kinds


def test_a_network_of_its_own_is_called_so_first():
    rows = entry(784), dense(300, "a", activation="tanh"), SOFTMAX
    found = diagnose(compared(load("functional_cnn"), network(*rows)))
    assert found[0].kind == "another_network"
    assert "2 of the document's 12 layers are here" in found[0].cause


def test_findings_have_an_end():
    rows = [dense(n + 11, f"d{n}", activation="tanh") for n in range(100)]
    found = diagnose(compared(load("mlp_64_32"), network(entry(784), *rows, SOFTMAX)))
    assert len(found) <= MAX_FINDINGS


@pytest.mark.parametrize(
    ("changes", "kinds"),
    [
        ({"images": _images(784, low=-0.42, high=2.82)}, ["pixel_range"]),
        ({"images": _images(784, high=255 / 100)}, ["pixel_range"]),
        ({"images": _images(784, high=255 / 256)}, []),
        ({"images": _images(784, high=0.0)}, []),
        ({"images": _images(28, 28, high=255.0)}, ["unscaled_pixels", "image_shape"]),
        ({"images": _images(784, 1)}, []),
        ({"labels": ArrayFacts((60_000, 1), "int64")}, ["labels_not_one_hot"]),
        ({"labels": None, "images": None, "loss": None}, []),
        ({"loss": "kl_divergence"}, ["loss"]),
        ({"optimizer": "rmsprop", "learning_rate": 0.5}, ["optimizer"]),
        ({"learning_rate": 0.0010000000474974513}, []),
        ({"epochs": 200}, ["epochs"]),
    ],
)
def test_causes_of_recipes(changes, kinds):
    assert _kinds("mlp_64_32", replace(RECIPE, **changes)) == kinds


def test_what_the_document_leaves_open_is_a_note():
    # Documents 000 and 001 give no optimizer and no scaling, document 003 gives both.
    recipe = replace(RECIPE, optimizer="sgd", epochs=10, validation_images=10_000)
    severity = {
        name: next(one.severity for one in _found(name, recipe) if one.kind == "optimizer")
        for name in ("functional_cnn", "sequential_cnn", "mlp_256_128")
    }
    assert severity == {"functional_cnn": "note", "sequential_cnn": "note", "mlp_256_128": "fault"}


def test_what_cannot_work_is_a_fault_whatever_the_document_says():
    # Document 001 gives no recipe at all.
    recipe = CapturedRecipe(
        loss="sparse_categorical_crossentropy", labels=ArrayFacts((60_000, 10), "float32")
    )
    assert [one.severity for one in _found("sequential_cnn", recipe)] == ["fault"]


def test_a_diagnosis_is_the_same_of_a_conformed_network_and_its_recipe():
    rows = edited("mlp_64_32", images=[entry(28, 28), flatten(),
                                       layer("Rescaling", "r", scale=1 / 255, offset=0.0)],
                  predictions=dense(10, "scores"))  # fmt: skip
    recipe = replace(RECIPE, from_logits=True, images=_images(28, 28, high=255.0))
    facts = load("mlp_64_32")
    conformed = conform(network(*rows), facts, recipe)
    assert diagnose(compared(facts, network(*rows), recipe)) == ()
    comparison = compared(facts, conformed.spec, conformed.recipe)
    assert comparison == compare(facts, conformed.spec, conformed.recipe)
    assert diagnose(comparison) == recipe_faults(comparison) == ()


ANY = {"spec": specs(), "name": st.sampled_from(names()), "recipe": st.none() | RECIPES}


@settings(deadline=None)
@given(**ANY)
def test_any_network_with_any_recipe_can_be_diagnosed(spec, name, recipe):
    found = diagnose(compared(load(name), spec, recipe))
    assert len(found) <= MAX_FINDINGS
    assert all(one.kind.replace("_", "").isalpha() and one.where and one.cause for one in found)
    ranks = [one.severity for one in found]
    assert ranks == sorted(ranks)  # "fault" before "note"


@settings(deadline=None)
@given(**ANY)
def test_nothing_is_said_of_the_layers_only_where_the_alignment_finds_nothing(spec, name, recipe):
    """A network without faults is the document's, but for what the document leaves open."""
    comparison = compared(load(name), spec, recipe)
    if any(one.where not in ("compile", "fit", "data") for one in diagnose(comparison)):
        return
    expected, actual = comparison.expected, comparison.actual
    assert len(actual) == len(expected)
    assert not any(differing_settings(e, a) for e, a in zip(expected, actual, strict=True))
