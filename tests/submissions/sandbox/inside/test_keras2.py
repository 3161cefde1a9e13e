"""Scripts for older Keras: what was dropped since is taken as it was meant, and said."""

# The scripts are written as people write them.
# ruff: noqa: ISC004

import pytest

from tests.support.open_script import layers, recipe

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("capture")]

ONE_HOT = {"shape": [60_000, 10], "dtype": "float64"}
CATEGORICAL = {"name": "categorical_crossentropy", "from_logits": False}
FLOAT32 = {"shape": [60_000, 28, 28, 1], "dtype": "float32", "min": 0.0, "max": 1.0}
FLAT = {"shape": [60_000, 784], "dtype": "float32", "min": 0.0, "max": 1.0}
SO = "Graded as if written so."


def test_keras_1(host):
    opened = host.script("""\
    '''Trains a simple convnet on the MNIST dataset.'''
    from __future__ import print_function
    import numpy as np
    np.random.seed(1337)  # for reproducibility

    from keras.datasets import mnist
    from keras.models import Sequential
    from keras.layers.core import Dense, Dropout, Activation, Flatten
    from keras.layers.convolutional import Convolution2D, MaxPooling2D
    from keras.utils import np_utils
    from keras import backend as K

    batch_size = 128
    nb_classes = 10
    nb_epoch = 12
    img_rows, img_cols = 28, 28
    nb_filters = 32
    pool_size = (2, 2)
    kernel_size = (3, 3)

    (X_train, y_train), (X_test, y_test) = mnist.load_data()
    if K.image_dim_ordering() == 'th':
        X_train = X_train.reshape(X_train.shape[0], 1, img_rows, img_cols)
        input_shape = (1, img_rows, img_cols)
    else:
        X_train = X_train.reshape(X_train.shape[0], img_rows, img_cols, 1)
        X_test = X_test.reshape(X_test.shape[0], img_rows, img_cols, 1)
        input_shape = (img_rows, img_cols, 1)
    X_train = X_train.astype('float32')
    X_train /= 255
    Y_train = np_utils.to_categorical(y_train, nb_classes)
    Y_test = np_utils.to_categorical(y_test, nb_classes)

    model = Sequential()
    model.add(Convolution2D(nb_filters, kernel_size[0], kernel_size[1],
                            border_mode='valid', input_shape=input_shape))
    model.add(Activation('relu'))
    model.add(MaxPooling2D(pool_size=pool_size))
    model.add(Dropout(p=0.25))
    model.add(Flatten())
    model.add(Dense(output_dim=128, init='he_normal'))
    model.add(Activation('relu'))
    model.add(Dense(nb_classes))
    model.add(Activation('softmax'))
    model.compile(loss='categorical_crossentropy', optimizer='adadelta', metrics=['accuracy'])
    model.fit(X_train, Y_train, batch_size=batch_size, nb_epoch=nb_epoch,
              verbose=1, validation_data=(X_test, Y_test))
    score = model.evaluate(X_test, Y_test, verbose=0)
    print('Test accuracy:', score[1])
    """)
    assert opened.error is None
    [network] = opened.networks
    assert layers(network) == [
        "InputLayer(28x28x1)", "Conv2D(32, 3x3)", "Activation(relu)", "MaxPooling2D(2x2)",
        "Dropout(0.25)", "Flatten()", "Dense(128)", "Activation(relu)", "Dense(10)",
        "Activation(softmax)",
    ]  # fmt: skip
    assert (
        network["config"]["layers"][6]["config"]["kernel_initializer"]["class_name"] == "HeNormal"
    )
    assert network["line"] == 46
    assert network["recipe"] == recipe(
        optimizer={"class": "Adadelta", "learning_rate": 0.001}, loss=CATEGORICAL, batch_size=128,
        epochs=12, validation_images=10_000, labels=ONE_HOT, images=FLOAT32,
    )  # fmt: skip
    assert [(note["line"], note["text"]) for note in opened.notes] == [
        (8, f"keras.layers.core is gone since Keras 3; write `from keras.layers import Dense, "
            f"Dropout, Flatten, Activation`. {SO}"),
        (9, f"keras.layers.convolutional is gone since Keras 3; write `from keras.layers import "
            f"Conv2D, MaxPooling2D`. {SO}"),
        (10, f"keras.utils.np_utils is gone since Keras 3; write `from keras.utils import "
             f"to_categorical`. {SO}"),
        (22, f"keras.backend.image_dim_ordering is gone since Keras 3; write "
             f"`keras.config.image_data_format`. {SO}"),
        (35, f"Convolution2D(32, 3, 3) is gone since Keras 3; write `Conv2D(32, (3, 3))`. {SO}"),
        (35, f"Conv2D(border_mode=) is gone since Keras 3; write `padding=`. {SO}"),
        (39, f"Dropout(p=) is gone since Keras 3; write `rate=`. {SO}"),
        (41, f"Dense(output_dim=) is gone since Keras 3; write `units=`. {SO}"),
        (41, f"Dense(init=) is gone since Keras 3; write `kernel_initializer=`. {SO}"),
        (46, f"fit(nb_epoch=) is gone since Keras 3; write `epochs=`. {SO}"),
    ]  # fmt: skip


def test_keras_2(host):
    opened = host.script("""\
    import numpy as np
    from keras.datasets import mnist
    from keras.engine.topology import Input
    from keras.engine.training import Model
    from keras.layers.core import Dense, Dropout
    from keras.layers.normalization import BatchNormalization
    from keras.layers.advanced_activations import LeakyReLU
    from keras.optimizers import Adam
    from keras.callbacks.callbacks import EarlyStopping, ModelCheckpoint
    from keras.utils.np_utils import to_categorical
    from keras.utils.vis_utils import plot_model

    (x_train, y_train), (x_test, y_test) = mnist.load_data()
    x_train = x_train.reshape(60000, 784).astype('float32') / 255
    x_test = x_test.reshape(10000, 784).astype('float32') / 255
    inp = Input(shape=(784,))
    x = Dense(64, kernel_initializer='normal')(inp)
    x = BatchNormalization(axis=-1)(x)
    x = LeakyReLU(alpha=0.1)(x)
    out = Dense(10, activation='softmax')(x)
    model = Model(input=inp, output=out)
    plot_model(model, to_file='model.png')
    model.compile(Adam(lr=1e-4, decay=1e-6), 'categorical_crossentropy', ['accuracy'])
    print(model.layers[-1].output_shape)
    history = model.fit(x_train, to_categorical(y_train, 10), epochs=20, batch_size=200,
                        validation_split=0.25, workers=4,
                        callbacks=[EarlyStopping(patience=2), ModelCheckpoint('best.hdf5')])
    classes = model.predict_classes(x_test)
    print('accuracy', np.mean(classes == y_test), model.predict_proba(x_test).shape)
    """)
    assert opened.error is None
    [network] = opened.networks
    assert network["class"] == "Functional"
    assert layers(network) == [
        "InputLayer(784)", "Dense(64)", "BatchNormalization()", "LeakyReLU()", "Dense(10, softmax)",
    ]  # fmt: skip
    assert network["recipe"] == recipe(
        optimizer={"class": "Adam", "learning_rate": 0.0001}, loss=CATEGORICAL, batch_size=200,
        epochs=20, validation_images=15_000, train_images=45_000, labels=ONE_HOT, images=FLAT,
        callbacks=["EarlyStopping", "ModelCheckpoint"],
    )  # fmt: skip
    assert {note["kind"] for note in opened.notes} == {"dropped_name"}
    assert [note["line"] for note in opened.notes] == [
        3, 3, 4, 5, 6, 7, 9, 10, 11, 21, 21, 23, 23, 23, 24, 27, 25, 28, 29,
    ]  # fmt: skip


def test_the_private_keras_of_tensorflow(host):
    opened = host.script("""\
    import tensorflow as tf
    from tensorflow.python.keras.models import Sequential
    from tensorflow.python.keras.layers import Dense, Flatten
    from tensorflow.python.keras import optimizers
    (x, y), _ = tf.keras.datasets.mnist.load_data()
    model = Sequential([Flatten(input_shape=(28, 28)), Dense(10, activation='softmax')])
    model.compile(optimizer=optimizers.Adam(lr=0.002), loss='sparse_categorical_crossentropy')
    model.fit(x, y)
    """)
    assert opened.error is None
    [network] = opened.networks
    assert layers(network) == ["InputLayer(28x28)", "Flatten()", "Dense(10, softmax)"]
    assert network["recipe"]["optimizer"] == {"class": "Adam", "learning_rate": 0.002}
    assert opened.notes[1] == {
        "kind": "dropped_name",
        "line": 2,
        "text": "tensorflow.python.keras.models is gone since TensorFlow 2.16; write "
        f"`tensorflow.keras.models`. {SO}",
    }


# What stands before the network, and how it is made: one dense network each.
NETWORK = """
(x, y), (x_test, y_test) = keras.datasets.mnist.load_data()
x = x.reshape(60000, 784) / 255
model = keras.Sequential([keras.Input((784,)), keras.layers.Dense(10, activation='softmax')])
"""
COMPILED = "model.compile({}, loss='sparse_categorical_crossentropy', metrics=['accuracy'])\n"
FIT = "model.fit(x, y, epochs=5)\n"


def _fitted(before="", optimizer="'adam'", fit=FIT):
    return "import keras\n" + before + NETWORK + COMPILED.format(optimizer) + fit


SPELLINGS = {
    "optimizers.legacy": _fitted(optimizer="keras.optimizers.legacy.Adam(learning_rate=0.001)"),
    "tf optimizers.legacy": _fitted("import tensorflow as tf\n",
                                    "tf.keras.optimizers.legacy.Adam(0.001)"),
    "optimizers.adam_v2": _fitted("from keras.optimizers import adam_v2\n", "adam_v2.Adam(0.001)"),
    "optimizer_v2": _fitted("from keras.optimizer_v2.adam import Adam\n", "Adam(0.001)"),
    "optimizer_v2 of tensorflow": _fitted(
        "from tensorflow.python.keras.optimizer_v2.adam import Adam\n", "Adam(0.001)"),
    "optimizers.experimental": _fitted(
        optimizer="keras.optimizers.experimental.Adam(learning_rate=0.001)"),
    "lower case": _fitted("from keras.optimizers import adam\n", "adam(lr=0.001)"),
    "engine": _fitted("from keras.engine import Layer, InputSpec\n"),
    "engine.sequential": _fitted("from keras.engine.sequential import Sequential\n"),
    "np_utils as an attribute": _fitted("keras.utils.np_utils.to_categorical([1, 2], 10)\n"),
    "data_utils": _fitted("from keras.utils.data_utils import get_file, Sequence\n"),
    "generic_utils": _fitted("from keras.utils.generic_utils import Progbar\n"),
    "pooling": _fitted("from keras.layers.pooling import MaxPool2D, AveragePooling2D\n"),
    "merge": _fitted("from keras.layers.merge import concatenate\n"),
    "recurrent": _fitted("from keras.layers.recurrent import LSTM\n"),
    "noise": _fitted("from keras.layers.noise import GaussianNoise\n"),
    "wrappers": _fitted("from keras.layers.wrappers import TimeDistributed\n"),
    "embeddings": _fitted("from keras.layers.embeddings import Embedding\n"),
    "CuDNNLSTM": _fitted("from keras.layers import CuDNNLSTM\n"),
    "preprocessing": _fitted(
        "import tensorflow as tf\ntf.keras.layers.experimental.preprocessing.Rescaling(1/255)\n"),
    "preprocessing imported": _fitted(
        "from tensorflow.keras.layers.experimental import preprocessing\n"
        "preprocessing.RandomRotation(0.1)\n"),
    "ImageDataGenerator": _fitted(
        "from keras.preprocessing.image import ImageDataGenerator\nImageDataGenerator()\n"),
    "objectives": _fitted("from keras.objectives import categorical_crossentropy\n"),
    "image_dim_ordering": _fitted(
        "from keras import backend as K\nK.set_image_dim_ordering('tf')\n"),
    "backend functions": _fitted("from keras import backend as K\nK.mean(K.ones((2, 2)))\n"),
    "tensorflow_backend": _fitted("import keras.backend.tensorflow_backend as K\n"),
    "set_session": _fitted("from keras.backend import set_session\nset_session(None)\n"),
    "multi_gpu_model": _fitted("from keras.utils import multi_gpu_model\nmulti_gpu_model(1, 2)\n"),
    "cross_validation": _fitted("from sklearn.cross_validation import train_test_split\n"),
    "fit_generator": _fitted(fit="model.fit_generator(zip([x[:32]], [y[:32]]), "
                                 "steps_per_epoch=1875, epochs=5, verbose=0)\n"),
    "show_accuracy": _fitted(fit="model.fit(x, y, nb_epoch=5, show_accuracy=True)\n"),
    "class_mode": _fitted().replace("metrics=", "class_mode='categorical', metrics="),
    "decay": _fitted(optimizer="keras.optimizers.Adam(lr=0.001, decay=1e-5)"),
    "TensorBoard": _fitted("keras.callbacks.TensorBoard(write_grads=True, batch_size=3)\n"),
    "to_yaml": _fitted(fit="model.to_yaml()\n" + FIT),
}  # fmt: skip


@pytest.mark.parametrize("name", SPELLINGS)
def test_an_old_spelling_is_graded_as_if_it_were_todays(host, name):
    opened = host.script(SPELLINGS[name])
    assert opened.error is None, opened.error
    [network] = opened.networks
    assert layers(network) == ["InputLayer(784)", "Dense(10, softmax)"]
    flat = {"shape": [60_000, 784], "dtype": "float64", "min": 0.0, "max": 1.0}
    assert network["recipe"] == recipe(images=flat)
    assert opened.notes
    for note in opened.notes:
        assert note["kind"] == "dropped_name"
        assert note["text"].endswith((SO, "Graded without it."))
        assert note["line"] is not None


UNSAFE = {
    "from keras.layers import Merge": "write `keras.layers.Concatenate() or keras.layers.Add() of",
    "from keras.models import Graph": "write `keras.Model(inputs, outputs)`",
    "import keras\nkeras.layers.MaxoutDense(3)": "write `keras.layers.Dense and keras.layers.Max",
    "from tensorflow.examples.tutorials.mnist import input_data": "write `keras.datasets.mnist.loa",
    "from tensorflow.contrib import slim": "write `tensorflow.keras, or the package",
    "import tensorflow as tf\ntf.contrib.layers": "Write tf.keras instead.",
    "import tensorflow as tf\nx = tf.placeholder(tf.float32, [None, 784])": "no sessions",
    "import tensorflow as tf\nwith tf.Session() as sess:\n    pass": "no sessions",
    "import tensorflow as tf\ntf.compat.v1.placeholder(tf.float32, [1])": "no sessions",
    "import tensorflow as tf\ntf.train.AdamOptimizer(0.001)": "Write keras.optimizers.Adam",
    "import numpy as np\nnp.zeros(3, np.float)": "Python's own name",
    "from sklearn.externals import joblib": "write `import joblib`",
    "import torch_geometric": "torch_geometric is not available here",
}


@pytest.mark.parametrize("source", UNSAFE)
def test_where_it_is_not_safe_to_go_on_the_error_says_what_to_write(host, source):
    opened = host.script(source + "\n")
    assert opened.networks == []
    assert UNSAFE[source] in opened.error["message"]
    assert (
        f"train.py, line {source.count(chr(10)) + 1 - source.count('pass')}"
        in (opened.error["message"])
    )


def test_a_convolution_of_today_keeps_its_stride(host):
    opened = host.script("""\
    import keras
    model = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Conv2D(32, 3, 3)])
    """)
    assert layers(opened.networks[0]) == ["InputLayer(28x28x1)", "Conv2D(32, 3x3, 3x3)"]
    assert opened.notes == []


def test_the_wrapper_for_scikit_learn(host):
    opened = host.script("""\
    from keras.datasets import mnist
    from keras.models import Sequential
    from keras.layers import Dense
    from keras.wrappers.scikit_learn import KerasClassifier
    from sklearn.model_selection import cross_val_score

    (x, y), _ = mnist.load_data()

    def create_model(units=30):
        model = Sequential([Dense(units, input_dim=784, activation='relu'), Dense(10, 'softmax')])
        model.compile('sgd', 'sparse_categorical_crossentropy')
        return model

    classifier = KerasClassifier(build_fn=create_model, epochs=10, batch_size=200, verbose=0)
    print(cross_val_score(classifier, x.reshape(-1, 784), y, cv=3).mean())
    """)
    assert opened.error is None
    [network] = opened.networks
    assert layers(network) == ["InputLayer(784)", "Dense(30, relu)", "Dense(10, softmax)"]
    found = network["recipe"]
    assert (found["batch_size"], found["epochs"], found["train_images"]) == (200, 10, 40_000)
