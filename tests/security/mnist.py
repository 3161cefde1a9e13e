"""Attacks on the exercise itself: answers brought along, and training on what is tested."""

from functools import partial

from tests.security.attack import (
    FAILED,
    HONEST,
    HONEST_SOURCE,
    WRONG_SOURCE,
    Attack,
    at_import,
    code,
    in_build,
    module,
)

_row = partial(module, "mnist")

# The first labels of MNIST's test set, which is published.
TEST_LABELS = "7210414959"

_SCRIPT = code(
    """
    import keras
    from keras import layers
    (x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()
    model = keras.Sequential([
        keras.Input((784,)),
        layers.Dense(64, activation="relu"),
        layers.Dense(32, activation="relu"),
        layers.Dense(10, activation="softmax"),
    ])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    """
)

MNIST: tuple[Attack, ...] = (
    _row(
        "labels_in_a_lambda",
        "Looks the answer up in a table of the test labels.",
        code(
            f"""
            import keras
            from keras import layers
            LABELS = [int(digit) for digit in "{TEST_LABELS}"]

            def answer(images):
                return keras.ops.one_hot(keras.ops.arange(10) * 0 + LABELS[0], 10)

            def build():
                return keras.Sequential([keras.Input((784,)), layers.Lambda(answer)])
            """
        ),
        {FAILED},
    ),
    _row(
        "labels_in_a_layer",
        "A layer of its own that has learnt the test images by heart.",
        code(
            """
            import keras

            class Memory(keras.layers.Layer):
                def call(self, images):
                    return keras.ops.one_hot(keras.ops.cast(images[:, 0], "int32"), 10)

            def build():
                return keras.Sequential([keras.Input((784,)), Memory()])
            """
        ),
        {FAILED},
    ),
    _row(
        "labels_in_a_subclass",
        "A model of its own whose predictions are a table.",
        code(
            """
            import keras

            class Net(keras.Sequential):
                def call(self, images, **more):
                    return keras.ops.one_hot(keras.ops.cast(images[:, 0], "int32"), 10)

            def build():
                return Net([keras.Input((784,)), keras.layers.Dense(10)])
            """
        ),
        {FAILED},
    ),
    _row(
        "trains_on_the_test_data",
        "Trains on the images that it is tested with.",
        _SCRIPT + "model.fit(x_test.reshape(-1, 784) / 255, y_test, epochs=50, verbose=0)\n",
        {HONEST},
    ),
    _row(
        "tells_the_test_labels",
        "Carries the test labels out of the sandbox, if there are any in it.",
        _SCRIPT
        + 'print("LABELS", "".join(map(str, y_test[:10].ravel())), flush=True)\n'
        + "model.fit(x_train.reshape(-1, 784) / 255, y_train)\n",
        {HONEST},
    ),
    _row(
        "reads_mnist",
        "Reads MNIST's files from where they usually are.",
        in_build(
            """
            import glob, os
            places = ["@DATA@/*", "@HOME@/.keras/**", "~/.keras/**", "/root/.keras/**",
                      "@STORE@/**", "@PROJECT@/.grader/**", "/tmp/**/*-idx?-ubyte*", "/*/mnist.npz"]
            for place in places:
                for path in glob.glob(os.path.expanduser(place), recursive=True):
                    if os.path.isfile(path):
                        print("SEEN", path, flush=True)
            try:
                import gzip
                data = gzip.open("@DATA@/t10k-labels-idx1-ubyte.gz").read()
                print("LABELS", "".join(map(str, data[8:18])), flush=True)
            except OSError:
                pass
            """
        ),
        {HONEST},
    ),
    _row(
        "trained_before",
        "Returns a network whose weights were trained elsewhere.",
        HONEST_SOURCE.replace("return keras.Sequential(", "model = keras.Sequential(")
        + """
    for variable in model.weights:
        variable.assign(variable * 0 + 1)
    return model
""",
        {HONEST, FAILED},
    ),
    _row(
        "trained_in_the_file",
        "Loads weights from a file that it brings along.",
        HONEST_SOURCE.replace("return keras.Sequential(", "model = keras.Sequential(")
        + """
    model.load_weights("mine.weights.h5")
    return model
""",
        {HONEST, FAILED},
        files={"mine.weights.h5": b"\x89HDF\r\n\x1a\n" + bytes(500)},
    ),
    _row(
        "frozen_guess",
        "Layers that are frozen, so that training changes nothing in them.",
        at_import("import numpy", WRONG_SOURCE.replace('name="hidden1"', "trainable=False")),
        {"wrong", "other"},
    ),
    _row(
        "another_seed",
        "Sets the seeds and the precision for later trainings.",
        at_import(
            """
            import keras
            keras.utils.set_random_seed(1)
            keras.config.set_floatx("float16")
            keras.config.set_dtype_policy("mixed_float16")
            """
        ),
        {HONEST, FAILED},
    ),
)
