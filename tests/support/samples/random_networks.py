"""Networks drawn at random for property tests: odd ones, but such as a spec accepts."""

from hypothesis import strategies as st

from harness.network.spec import make_spec
from harness.submissions.normalization.captured_recipe import ArrayFacts, CapturedRecipe
from reference.errors import UserError

_PADDING = st.sampled_from(["valid", "same"])
_SMALL = st.integers(1, 3)
_ACTIVATION = st.sampled_from(["relu", "softmax", "sigmoid", "tanh", "linear"])


def _layer(kind, **config):
    return st.tuples(st.just(kind), st.fixed_dictionaries(config))


LAYER = st.one_of(
    _layer("Flatten"),
    _layer("Reshape", target_shape=st.sampled_from([[28, 28, 1], [784], [-1], [28, 28], [1, -1]])),
    _layer("Rescaling", scale=st.sampled_from([1 / 255, 1.0, 0.5, 1 / 127.5]),
           offset=st.sampled_from([0.0, -1.0])),
    _layer("Dropout", rate=st.sampled_from([0.0, 0.25, 0.5])),
    _layer("SpatialDropout2D", rate=st.sampled_from([0.0, 0.5])),
    _layer("ZeroPadding2D", padding=st.sampled_from([0, 1, 2, [[0, 1], [1, 0]]])),
    _layer("Conv2D", filters=st.sampled_from([1, 32, 64]), kernel_size=_SMALL, strides=_SMALL,
           padding=_PADDING, use_bias=st.booleans(), activation=_ACTIVATION),
    _layer("MaxPooling2D", pool_size=_SMALL, strides=_SMALL, padding=_PADDING),
    _layer("AveragePooling2D", pool_size=_SMALL, padding=_PADDING),
    _layer("GlobalAveragePooling2D"),
    _layer("BatchNormalization", scale=st.booleans()),
    _layer("Activation", activation=_ACTIVATION),
    _layer("Dense", units=st.sampled_from([1, 9, 10, 11, 64, 128]), activation=_ACTIVATION),
)  # fmt: skip


@st.composite
def specs(draw):
    """A chain of layers, with now and then a branch that is added up again."""
    shape = draw(st.sampled_from([[28, 28, 1], [28, 28], [784], [1, 28, 28], [16, 16, 3]]))
    rows = [("InputLayer", {"shape": shape}, (), True)]
    for kind, config in draw(st.lists(LAYER, min_size=1, max_size=9)):
        candidate = [*rows, (kind, config, (len(rows) - 1,), draw(st.integers(0, 9)) > 0)]
        if draw(st.integers(0, 9)) == 0:
            candidate.append(("Add", {}, (len(rows) - 1, len(rows)), True))
        try:
            make_spec(candidate, [f"layer{i}" for i in range(len(candidate))])
        except UserError:
            continue  # a layer that does not take what the one before gives
        rows = candidate
    if len(rows) == 1:
        rows.append(("Activation", {"activation": "relu"}, (0,), True))
    return make_spec(rows, [f"layer{i}" for i in range(len(rows))])


def _maybe(strategy):
    return st.none() | strategy


_ARRAYS = st.builds(
    ArrayFacts,
    shape=st.lists(st.sampled_from([1, 10, 28, 784, 60_000]), min_size=1, max_size=4).map(tuple),
    dtype=st.sampled_from(["float32", "uint8", "int64", ""]),
    low=_maybe(st.sampled_from([0.0, -1.0, -0.42])),
    high=_maybe(st.sampled_from([0.0, 1.0, 255.0, 1 / 255, 2.8])),
)

RECIPES = st.builds(
    CapturedRecipe,
    optimizer=_maybe(st.sampled_from(["adam", "sgd", "rmsprop"])),
    learning_rate=_maybe(st.sampled_from([0.001, 0.1, 0.0])),
    loss=_maybe(
        st.sampled_from([
            "categorical_crossentropy", "sparse_categorical_crossentropy", "binary_crossentropy",
            "mean_squared_error", "mse", "hinge", "my_loss",
        ])
    ),
    from_logits=_maybe(st.booleans()),
    batch_size=_maybe(st.sampled_from([1, 32, 128])),
    epochs=_maybe(st.sampled_from([0, 1, 10, 100])),
    validation_images=_maybe(st.sampled_from([0, 10_000, 12_000])),
    train_images=_maybe(st.sampled_from([0, 48_000, 60_000])),
    labels=_maybe(_ARRAYS),
    images=_maybe(_ARRAYS),
)  # fmt: skip
