"""The facts are what the documents say, they agree with arithmetic, and slips are caught."""

import pytest

from reference.errors import UserError
from reference.facts import FOLDER, expected_network, expected_nodes, load, names
from reference.layers import params, shapes, total_params, trainable_params
from reference.tables import Table

ALL = ("deep_cnn", "functional_cnn", "mlp_256_128", "mlp_64_32", "sequential_cnn")


def test_the_five_documents_are_there():
    assert names() == ALL


# A second transcription, apart from the files: a slip would have to be made twice.
# (total, trainable, gate, batch size, epochs, validation images)
NUMBERS = {
    "functional_cnn": (422_026, 421_834, 0.98, 128, 10, 10_000),
    "sequential_cnn": (693_962, 693_962, 0.98, 128, 10, 10_000),
    "deep_cnn": (159_254, 159_254, 0.98, 200, 10, 10_000),
    "mlp_256_128": (235_146, 235_146, 0.96, 32, 10, 10_000),
    "mlp_64_32": (52_650, 52_650, 0.96, 32, 100, 12_000),
}


@pytest.mark.parametrize("name", ALL)
def test_headline_numbers(name):
    facts = load(name)
    recipe = facts.recipe
    assert (
        facts.total_params,
        facts.trainable_params,
        facts.gate,
        recipe.batch_size,
        recipe.epochs,
        recipe.validation_images,
    ) == NUMBERS[name]
    assert (recipe.optimizer, recipe.learning_rate, recipe.pixel_max) == ("adam", 0.001, 255)
    assert recipe.loss == "categorical_crossentropy"


@pytest.mark.parametrize("name", ALL)
def test_shapes_and_parameters_follow_from_the_configuration(name):
    facts = load(name)
    network, expected = expected_network(facts), expected_nodes(facts)
    assert shapes(network) == tuple(node.output_shape for node in expected)
    assert params(network) == tuple(node.params for node in expected)
    assert total_params(network) == facts.total_params
    assert trainable_params(network) == facts.trainable_params
    assert sum(layer.params for layer in facts.layers) == facts.total_params


def test_document_001s_table_row_by_row():
    table = [
        (layer.cls, layer.output_shape, layer.params) for layer in load("sequential_cnn").layers
    ]
    assert table == [
        ("Conv2D", (26, 26, 32), 320),
        ("MaxPooling2D", (13, 13, 32), 0),
        ("Flatten", (5408,), 0),
        ("Dense", (128,), 692_352),
        ("Dense", (10,), 1_290),
    ]


def test_document_000s_table_row_by_row():
    table = [(layer.cls, layer.output_shape) for layer in load("functional_cnn").layers]
    assert table == [
        ("Conv2D", (28, 28, 32)),
        ("BatchNormalization", (28, 28, 32)),
        ("ReLU", (28, 28, 32)),
        ("MaxPooling2D", (14, 14, 32)),
        ("Conv2D", (14, 14, 64)),
        ("BatchNormalization", (14, 14, 64)),
        ("ReLU", (14, 14, 64)),
        ("MaxPooling2D", (7, 7, 64)),
        ("Flatten", (3136,)),
        ("Dense", (128,)),
        ("Dropout", (128,)),
        ("Dense", (10,)),
    ]


HE = {"class": "HeUniform", "config": {}}


def conv(filters, padding, **more):
    return {"filters": filters, "kernel_size": [3, 3], "padding": padding, **more}


def dense(units, activation, **more):
    return {"units": units, "activation": activation, **more}


POOL = {"pool_size": [2, 2]}
CONFIGS = {
    "functional_cnn": [
        conv(32, "same"), {}, {}, POOL,
        conv(64, "same"), {}, {}, POOL,
        {}, dense(128, "relu"), {"rate": 0.5}, dense(10, "softmax"),
    ],
    "sequential_cnn": [
        conv(32, "valid", activation="relu"), POOL,
        {}, dense(128, "relu"), dense(10, "softmax"),
    ],
    "deep_cnn": [
        conv(32, "valid", activation="relu", kernel_initializer=HE), POOL,
        conv(64, "valid", activation="relu", kernel_initializer=HE),
        conv(64, "valid", activation="relu", kernel_initializer=HE), POOL,
        {}, dense(100, "relu", kernel_initializer=HE), dense(10, "softmax"),
    ],
    "mlp_256_128": [dense(256, "relu"), dense(128, "relu"), dense(10, "softmax")],
    "mlp_64_32": [dense(64, "relu"), dense(32, "relu"), dense(10, "softmax")],
}  # fmt: skip


@pytest.mark.parametrize("name", ALL)
def test_configuration_that_the_document_fixes(name):
    assert [layer.config for layer in load(name).layers] == CONFIGS[name]


# (metric, value, resolution, can be tested)
CLAIMS = {
    "functional_cnn": [
        ("validation_accuracy", 0.98, 0.01, True),
        ("test_accuracy", 0.98, 0.01, True),
    ],
    "sequential_cnn": [
        ("total_params", 693_962, 1, True),
        ("trainable_params", 693_962, 1, True),
        ("non_trainable_params", 0, 1, True),
        ("summary_cells", 5 * 3 + 3, 1, True),
    ],
    "deep_cnn": [
        ("cross_validation_accuracy", 0.96058, 0.00001, True),
        ("transfer_accuracy", 0.96, 0.01, True),
        ("transfer_best_accuracy", 0.96, 0.01, True),
        ("picture", None, None, False),
        ("picture", None, None, False),
    ],
    "mlp_256_128": [
        ("test_accuracy", None, None, False),
        ("picture", None, None, False),
        ("picture", None, None, False),
    ],
    "mlp_64_32": [
        ("validation_accuracy", 0.81, 0.01, True),
        ("test_accuracy", 0.81, 0.01, True),
        ("numpy_accuracy", 0.9025, 0.0001, True),
        ("training_speed", None, None, True),
    ],
}


@pytest.mark.parametrize("name", ALL)
def test_claims(name):
    claims = load(name).claims
    assert CLAIMS[name] == [(c.metric, c.value, c.resolution, c.untestable is None) for c in claims]


def test_only_one_claim_is_an_upper_bound():
    bounds = [c.metric for name in ALL for c in load(name).claims if c.relation == "at most"]
    assert bounds == ["transfer_best_accuracy"]


def test_a_claimed_count_is_a_whole_number():
    assert isinstance(load("sequential_cnn").claims[0].value, int)


def test_deep_cnn_is_cross_validated():
    recipe = load("deep_cnn").recipe.cross_validation
    assert (recipe.folds, recipe.shuffle_seed, recipe.epochs, recipe.batch_size) == (5, 1, 10, 32)
    assert load("mlp_64_32").recipe.cross_validation is None


# What a document does not say, and we chose; anything else rests on its words.
CHOSEN = {
    "functional_cnn": {
        "gate",
        "0.config.kernel_size",
        "4.config.kernel_size",
        "9.config.activation",
        "10.config.rate",
        "optimizer",
        "learning_rate",
        "loss",
        "batch_size",
        "validation_images",
        "pixel_max",
    },
    "sequential_cnn": {
        "gate",
        "0.config.activation",
        "3.config.activation",
        "4.config.activation",
        "optimizer",
        "learning_rate",
        "loss",
        "batch_size",
        "epochs",
        "validation_images",
        "pixel_max",
    },
    "deep_cnn": {"gate", "learning_rate", "loss", "validation_images", "pixel_max"},
    "mlp_256_128": {"gate", "learning_rate", "validation_images"},
    "mlp_64_32": {"gate", "learning_rate"},
}


def all_evidence(facts):
    yield from facts.evidence.items()
    yield from facts.recipe.evidence.items()
    for index, layer in enumerate(facts.layers):
        yield from ((f"{index}.{key}", value) for key, value in layer.evidence.items())


@pytest.mark.parametrize("name", ALL)
def test_what_was_chosen_is_marked(name):
    evidence = dict(all_evidence(load(name)))
    assert {key for key, value in evidence.items() if value.basis == "chosen"} == CHOSEN[name]


@pytest.mark.parametrize("name", ALL)
def test_every_fact_has_a_place_and_a_reason_where_it_needs_one(name):
    for key, evidence in all_evidence(load(name)):
        assert evidence.where, key
        assert (evidence.why is None) == (evidence.basis == "stated"), key


def test_a_layers_basis_is_its_weakest():
    layers = load("sequential_cnn").layers
    assert [layer.basis for layer in layers] == ["chosen", "derived", "stated", "chosen", "chosen"]


def test_only_what_the_document_fixes_is_expected():
    conv, _, relu, pool = expected_nodes(load("functional_cnn"))[1:5]
    assert conv.fixed == {"filters": 32, "kernel_size": [3, 3], "padding": "same"}
    assert relu.fixed == {"activation": "relu"}
    assert pool.fixed == {"pool_size": [2, 2]}


def test_a_fused_activation_is_expected_apart():
    first, conv, relu, pool = expected_nodes(load("deep_cnn"))[:4]
    assert (first.node.kind, first.output_shape, first.layer) == ("InputLayer", (28, 28, 1), None)
    assert conv.fixed == {
        "filters": 32,
        "kernel_size": [3, 3],
        "padding": "valid",
        "kernel_initializer": {"class": "HeUniform", "config": {}},
    }
    assert (conv.params, relu.params, pool.params) == (320, 0, 0)
    assert relu.fixed == {"activation": "relu"}
    assert relu.layer is conv.layer
    assert relu.output_shape == (26, 26, 32)


# Bad files --------------------------------------------------------------------------------------


def spoiled(folder, old, new, name="sequential_cnn"):
    """A copy of a fact file with its first `old` replaced by `new`."""
    text = (FOLDER / f"{name}.toml").read_text(encoding="utf-8")
    assert old in text
    (folder / f"{name}.toml").write_text(text.replace(old, new, 1), encoding="utf-8")
    return folder


GATE = 'value = 0.98\nbasis = "chosen"'
SPOILED = [
    ('family = "cnn"', 'family = "rnn"', "family = 'rnn', but should be one of cnn, mlp"),
    ('family = "cnn"', "", "family is missing, but should be one of cnn, mlp"),
    ('title = "Conv', 'headline = "Conv', "title is missing, but should be a text"),
    ("[gate]", 'subtitle = "x"\n[gate]', "subtitle = 'x', but should be absent"),
    ("[gate]", "[gates]", "gate is missing, but should be a table"),
    (GATE, 'value = 98\nbasis = "chosen"', "gate.value = 98, but should be a number from 0 to 1"),
    (GATE, 'value = 0.98\nbasis = "guess"', "gate.basis = 'guess', but should be one of stated"),
    (GATE, "value = 0.98", "gate.basis is missing, but should be one of stated, derived, chosen"),
    (GATE, 'value = 0.98\nbasis = "stated"', "gate.why = ", "absent"),
    ("why = ", "because = ", "gate.why is missing, but should be a text"),
    ("params = { value = 320,", "params = { value = 320.0,", "layer[0].params.value = 320.0"),
    ("params = { value = 320, ", "params = { ", "layer[0].params.value is missing"),
    ("params = { value = 320,", "parms = { value = 320,", "layer[0].params is missing"),
    ('class = "Conv2D"', 'class = ""', "layer[0].class = '', but should be a text"),
    ("[[layer]]\n", '[[layer]]\nname = "x"\n', "layer[0].name = 'x', but should be absent"),
    (
        "value = [3, 3]",
        "value = [3, 0]",
        "the layers make no network (layer 1 (Conv2D): kernel_size",
    ),
    ('class = "Conv2D"', 'class = "Conv3D"', "layer 1 (Conv3D): not a layer that can be graded"),
    ("batch_size = { value = 128", "batch_size = { value = -1", "recipe.batch_size.value = -1"),
    ("[recipe]", "[recipe]\npatience = 3", "recipe.patience = 3, but should be absent"),
    (
        'metric = "total_params"',
        'metric = "size"',
        "claim[0].metric = 'size', but should be one of",
    ),
    (
        'metric = "total_params"',
        'metric = "picture"',
        "claim[0].untestable is missing, but should be a text",
    ),
    (
        'metric = "total_params"',
        'relation = "over"\nmetric = "total_params"',
        "claim[0].relation = 'over', but should be one of about, at most",
    ),
    ("document = ", "document ", "is not TOML"),
]


@pytest.mark.parametrize("case", SPOILED, ids=lambda case: case[2][:40])
def test_a_slip_in_a_file_names_file_key_and_expectation(case, tmp_path):
    old, new, *messages = case
    with pytest.raises(UserError) as error:
        load("sequential_cnn", spoiled(tmp_path, old, new))
    assert str(error.value).startswith("sequential_cnn.toml")
    for message in messages:
        assert message in str(error.value)


def test_the_file_itself_loads_from_another_folder(tmp_path):
    assert load("sequential_cnn", spoiled(tmp_path, "", "")) == load("sequential_cnn")


def test_unknown_name_lists_the_known_ones():
    with pytest.raises(
        UserError, match=r"no facts named 'lenet' .* expected one of deep_cnn, func"
    ):
        load("lenet")


@pytest.mark.parametrize("value", [[], {}, "Dense", [1]])
def test_an_array_of_tables_is_not_anything_else(value):
    with pytest.raises(UserError, match=r"^x.toml: layer = .*, but should be an array of tables$"):
        Table("x.toml", {"layer": value}).rows("layer")
