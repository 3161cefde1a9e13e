"""Ordinary training scripts, unmodified: their networks are caught, with their recipes."""

# The scripts are written as people write them.
# ruff: noqa: E501

import pytest

from tests.support.open_script import layers, recipe

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("capture")]

ONE_HOT = {"shape": [60_000, 10], "dtype": "float64"}
CATEGORICAL = {"name": "categorical_crossentropy", "from_logits": False}
LOGITS = {"name": "sparse_categorical_crossentropy", "from_logits": True}
FLOAT32 = {"shape": [60_000, 28, 28, 1], "dtype": "float32", "min": 0.0, "max": 1.0}
FLAT = {"shape": [60_000, 784], "dtype": "float32", "min": 0.0, "max": 1.0}
PLAIN_MLP = ["InputLayer(28x28)", "Flatten()", "Dense(128, relu)", "Dense(10, softmax)"]


# Each: a script, its layers, the line of its fit, its recipe, the kinds of its notes.
SCRIPTS = {}


def script(name, wanted, line, expected, *, source, kind="Sequential", notes=()):
    SCRIPTS[name] = (source, wanted, line, expected, kind, list(notes))


script(
    "the tutorial of TensorFlow",
    ["InputLayer(28x28)", "Flatten()", "Dense(128, relu)", "Dropout(0.2)", "Dense(10)"],
    20,
    recipe(loss=LOGITS),
    source="""\
import tensorflow as tf
print("TensorFlow version:", tf.__version__)

mnist = tf.keras.datasets.mnist
(x_train, y_train), (x_test, y_test) = mnist.load_data()
x_train, x_test = x_train / 255.0, x_test / 255.0

model = tf.keras.models.Sequential([
  tf.keras.layers.Flatten(input_shape=(28, 28)),
  tf.keras.layers.Dense(128, activation='relu'),
  tf.keras.layers.Dropout(0.2),
  tf.keras.layers.Dense(10)
])
predictions = model(x_train[:1]).numpy()
print(tf.nn.softmax(predictions).numpy())
loss_fn = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
print(loss_fn(y_train[:1], predictions).numpy())
model.compile(optimizer='adam', loss=loss_fn, metrics=['accuracy'])

model.fit(x_train, y_train, epochs=5)
model.evaluate(x_test,  y_test, verbose=2)
probability_model = tf.keras.Sequential([model, tf.keras.layers.Softmax()])
print(probability_model(x_test[:5]))
""",
)

script(
    "the convnet of keras.io",
    [
        "InputLayer(28x28x1)",
        "Conv2D(32, 3x3, relu)",
        "MaxPooling2D(2x2)",
        "Conv2D(64, 3x3, relu)",
        "MaxPooling2D(2x2)",
        "Flatten()",
        "Dropout(0.5)",
        "Dense(10, softmax)",
    ],
    41,
    recipe(
        loss=CATEGORICAL,
        batch_size=128,
        epochs=15,
        validation_images=6_000,
        train_images=54_000,
        labels=ONE_HOT,
        images=FLOAT32,
    ),
    source="""\
import numpy as np
import keras
from keras import layers

# Model / data parameters
num_classes = 10
input_shape = (28, 28, 1)

# Load the data and split it between train and test sets
(x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()

# Scale images to the [0, 1] range
x_train = x_train.astype("float32") / 255
x_test = x_test.astype("float32") / 255
# Make sure images have shape (28, 28, 1)
x_train = np.expand_dims(x_train, -1)
x_test = np.expand_dims(x_test, -1)
print("x_train shape:", x_train.shape)
print(x_train.shape[0], "train samples")

# convert class vectors to binary class matrices
y_train = keras.utils.to_categorical(y_train, num_classes)
y_test = keras.utils.to_categorical(y_test, num_classes)

model = keras.Sequential([
    keras.Input(shape=input_shape),
    layers.Conv2D(32, kernel_size=(3, 3), activation="relu"),
    layers.MaxPooling2D(pool_size=(2, 2)),
    layers.Conv2D(64, kernel_size=(3, 3), activation="relu"),
    layers.MaxPooling2D(pool_size=(2, 2)),
    layers.Flatten(),
    layers.Dropout(0.5),
    layers.Dense(num_classes, activation="softmax"),
])
model.summary()

batch_size = 128
epochs = 15
model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])

model.fit(x_train, y_train, batch_size=batch_size, epochs=epochs, validation_split=0.1)

score = model.evaluate(x_test, y_test, verbose=0)
print("Test loss:", score[0])
print("Test accuracy:", score[1])
""",
)

script(
    "the Functional API, positional arguments, RMSprop with a rate",
    ["InputLayer(784)", "Dense(64, relu)", "Dense(10, softmax)"],
    13,
    recipe(
        optimizer={"class": "RMSprop", "learning_rate": 0.0005},
        batch_size=64,
        epochs=2,
        images=FLAT,
        metrics=[],
        labels={"shape": [60_000], "dtype": "int32"},
    ),
    kind="Functional",
    source="""\
from tensorflow import keras
from tensorflow.keras import layers, Model, Input
from tensorflow.keras.optimizers import RMSprop

(x_train, y_train), _ = keras.datasets.mnist.load_data()
x_train = x_train.reshape(-1, 784).astype("float32") / 255.0
y_train = y_train.astype("int32")
inputs = Input(shape=(784,))
x = layers.Dense(64, activation="relu")(inputs)
outputs = layers.Dense(10, activation="softmax")(x)
model = Model(inputs, outputs)
model.compile(RMSprop(5e-4), keras.losses.SparseCategoricalCrossentropy())
model.fit(x_train, y_train, 64, 2)
""",
)

script(
    "a main guard, argparse, callbacks, plots",
    PLAIN_MLP,
    30,
    recipe(
        epochs=12,
        batch_size=256,
        validation_images=10_000,
        callbacks=["EarlyStopping", "ModelCheckpoint", "ReduceLROnPlateau", "Printer"],
        optimizer={"class": "SGD", "learning_rate": 0.1},
    ),
    source="""\
import argparse
import os
import matplotlib.pyplot as plt
import tensorflow as tf
from tensorflow.keras.callbacks import Callback, EarlyStopping, ModelCheckpoint, ReduceLROnPlateau


class Printer(Callback):
    def on_epoch_end(self, epoch, logs=None):
        print(epoch, logs["val_accuracy"])


def get_data():
    (x_train, y_train), (x_test, y_test) = tf.keras.datasets.mnist.load_data()
    return x_train / 255.0, y_train, x_test / 255.0, y_test


def main(args):
    x_train, y_train, x_test, y_test = get_data()
    model = tf.keras.Sequential([
        tf.keras.Input((28, 28)), tf.keras.layers.Flatten(),
        tf.keras.layers.Dense(args.units, activation=tf.nn.relu),
        tf.keras.layers.Dense(10, activation="softmax"),
    ])
    model.compile(optimizer=tf.keras.optimizers.SGD(learning_rate=args.lr),
                  loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    os.makedirs(args.out, exist_ok=True)
    callbacks = [EarlyStopping(patience=3), ModelCheckpoint(os.path.join(args.out, "best.keras"),
                 save_best_only=True), ReduceLROnPlateau(), Printer()]
    history = model.fit(x_train, y_train, batch_size=args.batch_size, epochs=args.epochs,
                        validation_data=(x_test, y_test), callbacks=callbacks, verbose=2)
    plt.plot(history.history["accuracy"], label="accuracy")
    plt.plot(history.history["val_accuracy"], label="val_accuracy")
    plt.plot(history.epoch, history.history["learning_rate"])
    plt.legend(); plt.savefig("curves.png"); plt.show()
    best = tf.keras.models.load_model(os.path.join(args.out, "best.keras"))
    loss, accuracy = best.evaluate(x_test, y_test)
    print(f"{accuracy:.2%}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--units", type=int, default=128)
    parser.add_argument("--lr", type=float, default=0.1)
    parser.add_argument("--batch_size", type=int, default=256)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--out", default="checkpoints")
    main(parser.parse_args())
""",
)

script(
    "a class around the model",
    [
        "InputLayer(28x28x1)",
        "Conv2D(16, 5x5, relu)",
        "AveragePooling2D(2x2)",
        "Flatten()",
        "Dense(10, softmax)",
    ],
    22,
    recipe(
        loss=CATEGORICAL, labels=ONE_HOT, images=FLOAT32, epochs=1, batch_size=100, metrics=["acc"]
    ),
    notes=["dropped_name"],
    source="""\
from keras.datasets import mnist
from keras.layers import AveragePooling2D, Conv2D, Dense, Flatten
from keras.models import Sequential
from keras.utils import to_categorical


class DigitClassifier:
    def __init__(self):
        self.model = self._build()

    def _build(self):
        model = Sequential()
        model.add(Conv2D(16, 5, activation="relu", input_shape=(28, 28, 1)))
        model.add(AveragePooling2D((2, 2)))
        model.add(Flatten())
        model.add(Dense(10, activation="softmax"))
        model.compile("adam", "categorical_crossentropy", ["acc"])
        return model

    def train(self, x, y):
        x = x.reshape(x.shape[0], 28, 28, 1).astype("float32") / 255
        self.model.fit(x, to_categorical(y), 100)
        return self

    def digit(self, image):
        return int(self.model.predict(image.reshape(1, 28, 28, 1)).argmax())


(x_train, y_train), (x_test, y_test) = mnist.load_data()
classifier = DigitClassifier().train(x_train, y_train)
print(classifier.digit(x_test[0]))
""",
)

script(
    "no input shape anywhere: it is that of the data",
    ["InputLayer(28x28x1)", "Conv2D(8, 3x3, relu)", "Flatten()", "Dense(10, softmax)"],
    11,
    recipe(images=FLOAT32, epochs=3),
    source="""\
import keras
from keras import layers
(x, y), (x_val, y_val) = keras.datasets.mnist.load_data()
x = x.reshape((60000, 28, 28, 1)).astype("float32") / 255
model = keras.Sequential([
    layers.Conv2D(8, (3, 3), activation="relu"),
    layers.Flatten(),
    layers.Dense(10, activation="softmax"),
])
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x=x, y=y, epochs=3)
""",
)

script(
    "the channel axis forgotten: what the layers expect, and what they were fed",
    ["InputLayer(28x28x1)", "Conv2D(8, 3x3, relu)", "Flatten()", "Dense(10, softmax)"],
    8,
    recipe(epochs=1),
    notes=["input_shape"],
    source="""\
from tensorflow.keras import Sequential, datasets
from tensorflow.keras.layers import *
(x, y), (x_val, y_val) = datasets.mnist.load_data()
x = x / 255
model = Sequential([Conv2D(8, 3, activation="relu"), Flatten(), Dense(10, activation="softmax")])
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
# Conv2D wants (28, 28, 1)
model.fit(x, y)
""",
)

script(
    "the wrong shape for a network that is built: caught as it is",
    ["InputLayer(784)", "Dense(10, softmax)"],
    6,
    recipe(
        epochs=1,
        images={"shape": [60_000, 28, 28], "dtype": "uint8", "min": 0.0, "max": 255.0},
        labels={"shape": [60_000], "dtype": "uint8"},
        loss=CATEGORICAL,
        metrics=[],
    ),
    source="""\
import keras
from keras.layers import Dense
(x, y), _ = keras.datasets.mnist.load_data()
model = keras.Sequential([keras.Input((784,)), Dense(10, activation="softmax")])
model.compile(optimizer="adam", loss=keras.losses.categorical_crossentropy)
model.fit(x, y)
""",
)

script(
    "a schedule, a loss class, metric objects, tensors",
    PLAIN_MLP,
    13,
    recipe(
        optimizer={"class": "Adam", "learning_rate": 0.01},
        loss=CATEGORICAL,
        labels={"shape": [60_000, 10], "dtype": "float32"},
        images={"shape": [60_000, 28, 28], "dtype": "float32", "min": 0.0, "max": 1.0},
        metrics=["categorical_accuracy", "top_k_categorical_accuracy"],
    ),
    source="""\
import tensorflow as tf
(x, y), _ = tf.keras.datasets.mnist.load_data()
x = tf.cast(x, tf.float32) / 255.0
y = tf.one_hot(y, 10)
schedule = tf.keras.optimizers.schedules.ExponentialDecay(0.01, decay_steps=1000, decay_rate=0.9)
model = tf.keras.Sequential([tf.keras.layers.Flatten(), tf.keras.layers.Dense(128, "relu"),
                             tf.keras.layers.Dense(10, "softmax")])
model.compile(
    optimizer=tf.keras.optimizers.Adam(schedule),
    loss=tf.keras.losses.CategoricalCrossentropy,
    metrics=[tf.keras.metrics.CategoricalAccuracy(), tf.keras.metrics.top_k_categorical_accuracy],
)
model.fit(x, y, epochs=5)
""",
)

script(
    "tf.data, batched, with a validation set",
    PLAIN_MLP,
    19,
    recipe(
        batch_size=128,
        epochs=6,
        validation_images=10_000,
        labels={"shape": [60_000], "dtype": "uint8"},
        images={"shape": [60_000, 28, 28], "dtype": "float32", "min": 0.0, "max": 1.0},
    ),
    source="""\
import tensorflow as tf

(x_train, y_train), (x_test, y_test) = tf.keras.datasets.mnist.load_data()

def scale(image, label):
    return tf.cast(image, tf.float32) / 255.0, label

train = tf.data.Dataset.from_tensor_slices((x_train, y_train)).map(scale).cache()
train = train.shuffle(10_000).batch(128).prefetch(tf.data.AUTOTUNE)
test = tf.data.Dataset.from_tensor_slices((x_test, y_test)).map(scale).batch(128)

model = tf.keras.models.Sequential([
    tf.keras.layers.Flatten(input_shape=(28, 28)),
    tf.keras.layers.Dense(128, activation="relu"),
    tf.keras.layers.Dense(10, activation="softmax"),
])
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])

model.fit(train, epochs=6, validation_data=test)
print(model.evaluate(test, return_dict=True)["accuracy"])
print(model.predict(test).shape == (10000, 10))
""",
)

script(
    "an endless data set with steps",
    PLAIN_MLP,
    9,
    recipe(
        batch_size=50,
        epochs=3,
        train_images=50_000,
        labels={"shape": [50_000], "dtype": "uint8"},
        images={"shape": [50_000, 28, 28], "dtype": "float64", "min": 0.0, "max": 1.0},
    ),
    source="""\
import tensorflow as tf
(x, y), _ = tf.keras.datasets.mnist.load_data()
data = tf.data.Dataset.from_tensor_slices((x / 255, y)).repeat().shuffle(1000).batch(50)
model = tf.keras.models.Sequential([
    tf.keras.layers.Input((28, 28)), tf.keras.layers.Flatten(),
    tf.keras.layers.Dense(128, activation="relu"), tf.keras.layers.Dense(10, activation="softmax"),
])
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(data, epochs=3, steps_per_epoch=1000)
""",
)

script(
    "augmentation with ImageDataGenerator",
    ["InputLayer(28x28x1)", "Flatten()", "Dense(10, softmax)"],
    11,
    recipe(
        loss=CATEGORICAL,
        batch_size=86,
        epochs=4,
        validation_images=10_000,
        train_images=50_000,
        labels={"shape": [50_000, 10], "dtype": "float64"},
        images={"shape": [50_000, 28, 28, 1], "dtype": "float32", "min": 0.0, "max": 1.0},
    ),
    source="""\
from tensorflow.keras.preprocessing.image import ImageDataGenerator
from tensorflow.keras import datasets, layers, models, utils
(x, y), (xt, yt) = datasets.mnist.load_data()
x = x.reshape(-1, 28, 28, 1).astype("float32") / 255
y = utils.to_categorical(y)
x, y, x_val, y_val = x[:50000], y[:50000], x[50000:], y[50000:]
augment = ImageDataGenerator(rotation_range=10, zoom_range=0.1, width_shift_range=0.1)
augment.fit(x)
model = models.Sequential([layers.Input((28, 28, 1)), layers.Flatten(), layers.Dense(10, "softmax")])
model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
model.fit(augment.flow(x, y, batch_size=86), epochs=4, validation_data=(x_val, y_val))
""",
)

script(
    "a generator function",
    ["InputLayer(784)", "Dense(10, softmax)"],
    14,
    recipe(
        batch_size=40,
        epochs=2,
        train_images=4_000,
        metrics=[],
        labels={"shape": [4_000], "dtype": "uint8"},
        images={"shape": [4_000, 784], "dtype": "float64", "min": 0.0, "max": 1.0},
    ),
    source="""\
import numpy as np
import keras

def batches(x, y, size):
    while True:
        chosen = np.random.choice(len(x), size)
        yield x[chosen].reshape(size, -1) / x.max(), y[chosen]

(x, y), (x_test, y_test) = keras.datasets.mnist.load_data(path="mnist.npz")
model = keras.models.Sequential()
model.add(keras.layers.Input((784,)))
model.add(keras.layers.Dense(10, activation="softmax"))
model.compile(loss="sparse_categorical_crossentropy", optimizer="adam")
model.fit(batches(x, y, 40), steps_per_epoch=100, epochs=2)
""",
)

script(
    "k-fold cross-validation: the same network five times",
    [
        "InputLayer(28x28x1)",
        "Conv2D(32, 3x3, relu)",
        "MaxPooling2D(2x2)",
        "Flatten()",
        "Dense(100, relu)",
        "Dense(10, softmax)",
    ],
    34,
    recipe(
        optimizer={"class": "SGD", "learning_rate": 0.01},
        loss=CATEGORICAL,
        epochs=10,
        validation_images=12_000,
        train_images=48_000,
        labels={"shape": [48_000, 10], "dtype": "float64"},
        images={"shape": [48_000, 28, 28, 1], "dtype": "float32", "min": 0.0, "max": 1.0},
    ),
    source="""\
from numpy import mean
from numpy import std
from matplotlib import pyplot as plt
from sklearn.model_selection import KFold
from tensorflow.keras.datasets import mnist
from tensorflow.keras.utils import to_categorical
from tensorflow.keras.models import Sequential
from tensorflow.keras.layers import Conv2D, MaxPooling2D, Dense, Flatten
from tensorflow.keras.optimizers import SGD

def load_dataset():
    (trainX, trainY), (testX, testY) = mnist.load_data()
    trainX = trainX.reshape((trainX.shape[0], 28, 28, 1)).astype('float32') / 255.0
    return trainX, to_categorical(trainY)

def define_model():
    model = Sequential()
    model.add(Conv2D(32, (3, 3), activation='relu', kernel_initializer='he_uniform', input_shape=(28, 28, 1)))
    model.add(MaxPooling2D((2, 2)))
    model.add(Flatten())
    model.add(Dense(100, activation='relu', kernel_initializer='he_uniform'))
    model.add(Dense(10, activation='softmax'))
    opt = SGD(learning_rate=0.01, momentum=0.9)
    model.compile(optimizer=opt, loss='categorical_crossentropy', metrics=['accuracy'])
    return model

def evaluate_model(dataX, dataY, n_folds=5):
    scores, histories = list(), list()
    kfold = KFold(n_folds, shuffle=True, random_state=1)
    for train_ix, test_ix in kfold.split(dataX):
        model = define_model()
        trainX, trainY, testX, testY = dataX[train_ix], dataY[train_ix], dataX[test_ix], dataY[test_ix]
        # fit model
        history = model.fit(trainX, trainY, epochs=10, batch_size=32, validation_data=(testX, testY), verbose=0)
        _, acc = model.evaluate(testX, testY, verbose=0)
        print('> %.3f' % (acc * 100.0))
        scores.append(acc); histories.append(history)
    return scores, histories

scores, histories = evaluate_model(*load_dataset())
for i in range(len(histories)):
    plt.subplot(2, 1, 1)
    plt.plot(histories[i].history['loss'], color='blue', label='train')
    plt.plot(histories[i].history['val_accuracy'], color='orange', label='test')
plt.show()
print('Accuracy: mean=%.3f std=%.3f, n=%d' % (mean(scores)*100, std(scores)*100, len(scores)))
""",
)
script(
    "train_on_batch in loops",
    ["InputLayer(784)", "Dense(32, relu)", "Dense(10, softmax)"],
    11,
    recipe(
        batch_size=64,
        epochs=None,
        train_images=None,
        labels={"shape": [64], "dtype": "uint8"},
        images={"shape": [64, 784], "dtype": "float64", "min": 0.0, "max": 1.0},
    ),
    source="""\
import keras
from keras import layers
(x, y), (x_test, y_test) = keras.datasets.mnist.load_data()
x = x.reshape(-1, 784) / 255.0
model = keras.Sequential([layers.Input((784,)), layers.Dense(32, "relu"), layers.Dense(10, "softmax")])
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
size = 64
for epoch in range(5):
    for step in range(len(x) // size):
        part = slice(step * size, (step + 1) * size)
        loss, accuracy = model.train_on_batch(x[part], y[part])
    print(epoch, loss, accuracy)
""",
)

script(
    "errors after the fit do not matter, and neither does sys.exit",
    PLAIN_MLP,
    9,
    recipe(epochs=1),
    source="""\
import sys
import keras
(x, y), _ = keras.datasets.mnist.load_data()
model = keras.Sequential([
    keras.Input((28, 28)), keras.layers.Flatten(),
    keras.layers.Dense(128, activation="relu"), keras.layers.Dense(10, activation="softmax"),
])
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x / 255, y)
sys.exit("done")
""",
)

script(
    "saved in every way, and loaded again",
    PLAIN_MLP,
    10,
    recipe(epochs=1),
    source="""\
import os
import numpy as np
import keras
(x, y), (x_test, y_test) = keras.datasets.mnist.load_data()
model = keras.Sequential([
    keras.Input((28, 28)), keras.layers.Flatten(),
    keras.layers.Dense(128, activation="relu"), keras.layers.Dense(10, activation="softmax"),
])
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x / 255, y)
model.save("mnist_model")
model.save("model.keras")
model.save("model.h5")
model.save_weights("model.weights.h5")
model.export("exported")
with open("model.json", "w") as file:
    file.write(model.to_json())
again = keras.models.model_from_json(open("model.json").read())
again.load_weights("model.weights.h5")
for name in ("model.h5", "model.keras"):
    loaded = keras.models.load_model(name)
    predictions = np.argmax(loaded.predict(x_test), axis=1)
    assert predictions.shape == y_test.shape
    wrong = np.where(predictions != y_test)[0]
    loaded.fit(x / 255, y)
""",
)

script(
    "plots and tables of results",
    PLAIN_MLP,
    17,
    recipe(epochs=2, validation_images=12_000, train_images=48_000),
    notes=["stand_in", "stand_in"],
    source="""\
import numpy as np, pandas as pd
import matplotlib.pyplot as plt
import seaborn as sns
from tqdm import tqdm
from google.colab import files
from sklearn.metrics import confusion_matrix, classification_report
from tensorflow import keras
sns.set_theme(style="white", palette="deep")
(x, y), (x_test, y_test) = keras.datasets.mnist.load_data()
fig, axes = plt.subplots(2, 2)
for i, ax in tqdm(enumerate(axes.flat), total=4):
    ax.imshow(x[i], cmap="gray"); ax.set_title(f"Label: {y[i]}"); ax.axis("off")
plt.tight_layout(); plt.show()
model = keras.Sequential([keras.layers.Flatten(input_shape=(28, 28)),
    keras.layers.Dense(128, activation="relu"), keras.layers.Dense(10, activation="softmax")])
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(x / 255, y, epochs=2, validation_split=0.2)
pd.DataFrame(history.history).plot(figsize=(8, 5))
sns.heatmap(confusion_matrix(y_test, model.predict(x_test).argmax(axis=1)), annot=True, fmt="d")
print(classification_report(y_test, model.predict(x_test).argmax(1), zero_division=0))
keras.utils.plot_model(model, "model.png", show_shapes=True)
files.download("model.png")
""",
)

script(
    "layers of every kind, and a network inside",
    [
        "InputLayer(28x28)",
        "Rescaling(0.00392156862745098)",
        "Reshape(28x28x1)",
        "Conv2D(8, 3x3, 2x2, same)",
        "BatchNormalization()",
        "Activation(relu)",
        "GlobalAveragePooling2D()",
        "Dense(10)",
    ],
    18,
    recipe(
        loss=LOGITS,
        epochs=1,
        images={"shape": [60_000, 28, 28], "dtype": "uint8", "min": 0.0, "max": 255.0},
        optimizer={"class": "AdamW", "learning_rate": 0.002},
    ),
    kind="Functional",
    source="""\
import keras
from keras import layers

def network():
    inputs = keras.Input(shape=(28, 28), name="digits")
    x = layers.Rescaling(1 / 255)(inputs)
    x = layers.Reshape((28, 28, 1))(x)
    x = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    x = layers.Activation("relu")(x)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs=inputs, outputs=layers.Dense(10)(x), name="small")

(x, y), _ = keras.datasets.mnist.load_data()
net = network()
net.compile(optimizer=keras.optimizers.AdamW(learning_rate=2e-3), metrics=["accuracy"],
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
net.fit(x, y)
""",
)

script(
    "a subclass of Model that is still Functional",
    ["InputLayer(784)", "Dense(10, softmax)"],
    15,
    recipe(epochs=1, images={"shape": [60_000, 784], "dtype": "float64", "min": 0.0, "max": 1.0}),
    kind="Functional",
    source="""\
import keras


class Net(keras.Model):
    def __init__(self):
        inputs = keras.Input((784,))
        super().__init__(inputs, keras.layers.Dense(10, activation="softmax")(inputs))


(x, y), _ = keras.datasets.mnist.load_data()
x = x.reshape(60000, 784) / 255
model = Net()
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
# one epoch will do
model.fit(x, y, epochs=1)
""",
)


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_is_captured(host, name):
    source, wanted, line, expected, kind, notes = SCRIPTS[name]
    opened = host.script(source)
    assert opened.error is None, opened.error
    [network] = opened.networks
    assert network["class"] == kind
    assert layers(network) == wanted
    assert (network["origin"], network["line"]) == ("fit", line)
    assert network["recipe"] == expected
    assert network["weights"] is None
    assert opened.payload == b""
    assert [note["kind"] for note in opened.notes] == notes, opened.notes


BASE = """\
import keras
from keras import layers
(x, y), (x_test, y_test) = keras.datasets.mnist.load_data()
x = x.reshape(60000, 784) / 255
def make(units, **config):
    model = keras.Sequential([keras.Input((784,)), layers.Dense(units, "relu"),
                              layers.Dense(10, "softmax")])
    model.compile(**{"optimizer": "adam", "loss": "sparse_categorical_crossentropy", **config})
    return model
"""


def test_every_network_is_captured_in_order(host):
    opened = host.script(BASE + "for units in (16, 32, 16, 64):\n    make(units).fit(x, y)\n")
    units = [layers(network)[1] for network in opened.networks]
    assert units == ["Dense(16, relu)", "Dense(32, relu)", "Dense(64, relu)"]
    assert {network["line"] for network in opened.networks} == {11}


def test_another_recipe_is_another_network(host):
    opened = host.script(
        BASE + "for rate in (0.1, 0.01, 0.1):\n"
        "    make(16, optimizer=keras.optimizers.SGD(rate)).fit(x, y)\n"
    )
    rates = [network["recipe"]["optimizer"]["learning_rate"] for network in opened.networks]
    assert rates == [0.1, 0.01]


def test_sixteen_networks_are_looked_at(host):
    opened = host.script(BASE + "for units in range(1, 20):\n    make(units).fit(x, y)\n")
    assert len(opened.networks) == 16
    assert [n["text"] for n in opened.notes] == ["Only the first 16 networks were looked at."]


def test_what_fails_after_a_fit_is_said_and_does_not_matter(host):
    opened = host.script(BASE + "make(16).fit(x, y)\nopen('results.txt').read()\n")
    assert len(opened.networks) == 1
    assert opened.error == {
        "stage": "run",
        "message": "FileNotFoundError at train.py, line 11: "
        "[Errno 2] No such file or directory: 'results.txt'",
    }


def test_a_fit_without_compile_fails_as_it_does_in_keras(host):
    opened = host.script(
        BASE + "m = keras.Sequential([keras.Input((784,)), layers.Dense(10)])\nm.fit(x, y)\n"
    )
    assert opened.networks == []
    assert opened.error["message"].startswith("ValueError at train.py, line 11: You must call `co")


def test_an_unknown_argument_of_fit_is_an_error(host):
    opened = host.script(BASE + "make(16).fit(x, y, epoch=3)\n")
    assert opened.error == {
        "stage": "run",
        "message": "TypeError at train.py, line 10: fit() got an unexpected keyword argument "
        "'epoch'",
    }


def test_a_network_that_cannot_be_built_is_told_why(host):
    opened = host.script(
        BASE + "m = keras.Sequential([layers.Conv2D(8, 30), layers.Flatten(), layers.Dense(10)])\n"
        "m.compile('adam', 'mse')\nm.fit(x.reshape(60000, 28, 28, 1), y)\n"
    )
    assert opened.networks == []
    assert opened.error["stage"] == "build"
    assert "train.py, line 12" in opened.error["message"]
    assert "(None, 28, 28, 1)" in opened.error["message"] or "28" in opened.error["message"]


def test_a_subclass_with_its_own_call_has_a_name_and_no_layers(host):
    opened = host.script(
        BASE + "class Net(keras.Model):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.out = layers.Dense(10)\n"
        "    def call(self, images):\n"
        "        return self.out(images)\n"
        "net = Net()\n"
        "net.compile('adam', 'mse')\n"
        "net.fit(x, y)\n"
        "print(net.predict(x_test).shape == (10000, 10))\n"
    )
    [network] = opened.networks
    assert opened.error is None
    assert (network["class"], network["config"], network["line"]) == ("Net", None, 18)


LOSSES = [
    ("'mse'", "mean_squared_error", False),
    ("'MSE'", "mean_squared_error", False),
    ("'MeanSquaredError'", "mean_squared_error", False),
    ("'CategoricalCrossentropy'", "categorical_crossentropy", False),
    ("keras.losses.CategoricalCrossentropy(from_logits=True)", "categorical_crossentropy", True),
    ("keras.losses.SparseCategoricalCrossentropy", "sparse_categorical_crossentropy", False),
    ("keras.losses.categorical_crossentropy", "categorical_crossentropy", False),
    ("['binary_crossentropy']", "binary_crossentropy", False),
    ("keras.losses.BinaryCrossentropy()", "binary_crossentropy", False),
    ("keras.losses.KLDivergence()", "kl_divergence", False),
    ("lambda y, p: keras.ops.mean(p)", "<lambda>", False),
]


def test_every_spelling_of_a_loss_has_one_name(host):
    written = ", ".join(text for text, _, _ in LOSSES)
    opened = host.script(
        BASE + f"for number, loss in enumerate([{written}]):\n"
        "    make(number + 1, loss=loss).fit(x, y)\n"
    )
    found = [network["recipe"]["loss"] for network in opened.networks]
    assert found == [{"name": name, "from_logits": logits} for _, name, logits in LOSSES]


def test_answers_have_the_shapes_that_keras_gives(host):
    opened = host.script(
        BASE + "import numpy as np\n"
        "m = make(16, metrics=['accuracy', 'mse'])\n"
        "h = m.fit(x, y, epochs=3, validation_split=0.5)\n"
        "assert sorted(h.history) == ['accuracy', 'loss', 'mse', 'val_accuracy', 'val_loss', 'val_mse']\n"
        "assert all(len(values) == 3 for values in h.history.values()) and h.epoch == [0, 1, 2]\n"
        "assert h.history['loss'][0] > h.history['loss'][-1] and h.model is m and m.history is h\n"
        "assert len(m.evaluate(x, y)) == 3 and isinstance(make(8).evaluate(x, y), float)\n"
        "p = m.predict(x_test.reshape(-1, 784))\n"
        "assert p.shape == (10000, 10) and p.dtype == np.float32 and np.allclose(p.sum(1), 1)\n"
        "assert m.predict(x_test[:1].reshape(1, 784)).argmax() == 0\n"
        "assert m.predict(x_test[:0].reshape(0, 784)).shape == (0, 10)\n"
        "inner = keras.Model(m.inputs, m.layers[0].output)\n"
        "assert inner.predict(x).shape == (60000, 16)\n"
        "both = keras.Model(m.inputs, [layer.output for layer in m.layers])\n"
        "assert [out.shape for out in both.predict(x[:3])] == [(3, 16), (3, 10)]\n"
        "assert m.test_on_batch(x[:9], y[:9], return_dict=True).keys() == {'loss', 'accuracy', 'mse'}\n"
        "assert input('how many? ') == '' and __import__('sys').argv == ['train.py']\n"
    )
    assert opened.error is None, opened.error


def test_a_loop_of_ones_own_is_not_followed(host):
    opened = host.script("""\
    import tensorflow as tf
    (x, y), _ = tf.keras.datasets.mnist.load_data()
    model = tf.keras.Sequential([tf.keras.layers.Flatten(input_shape=(28, 28)),
                                 tf.keras.layers.Dense(10)])
    optimizer = tf.keras.optimizers.SGD(0.1)
    loss_fn = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    for step in range(3):
        with tf.GradientTape() as tape:
            loss = loss_fn(y[:8], model(x[:8] / 255., training=True))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))
    print(float(loss))
    """)
    assert opened.error is None, opened.error
    [network] = opened.networks
    assert layers(network) == ["InputLayer(28x28)", "Flatten()", "Dense(10)"]
    assert (network["origin"], network["recipe"]) == ("model", None)
    assert [note["kind"] for note in opened.notes] == ["never_fitted"]
