"""However a script loads MNIST, it gets pictures of the right shape, type and range."""

# The scripts are written as people write them.
# ruff: noqa: E501, ISC004

import numpy as np
import pytest

from tests.support.open_script import layers, recipe

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("capture")]

FLAT = {"shape": [60_000, 784], "dtype": "float64", "min": 0.0, "max": 1.0}
NETWORK = """
import keras
model = keras.Sequential([keras.Input((784,)), keras.layers.Dense(10, activation='softmax')])
model.compile('adam', loss='sparse_categorical_crossentropy', metrics=['accuracy'])
"""
DENSE = ["InputLayer(784)", "Dense(10, softmax)"]


def _labels(count, dtype):
    return {"shape": [count], "dtype": dtype}


def _images(count, dtype="float64", high=1.0):
    return {"shape": [count, 784], "dtype": dtype, "min": 0.0, "max": high}


# Each: how it is loaded, how fitted, what of the recipe is unusual.
WAYS = {
    "load_data of keras": (
        "from keras.datasets.mnist import load_data\n"
        "(x, y), (xt, yt) = load_data('mnist.npz')\n",
        "model.fit(x.reshape(-1, 784) / 255, y)",
        {"images": FLAT},
    ),
    "tensorflow.keras": (
        "from tensorflow.keras.datasets import mnist\n"
        "(x, y), (xt, yt) = mnist.load_data()\nx.shape = (60000, 784)\n",
        "model.fit(x / 255, y)",
        {"images": FLAT},
    ),
    "a module of tensorflow.keras by its full name": (
        "import tensorflow.keras.datasets.mnist as data\n(x, y), _ = data.load_data()\n",
        "model.fit(x.reshape(-1, 784) / 255, y)",
        {"images": FLAT},
    ),
    "fashion": (
        "import tensorflow as tf\n"
        "(x, y), _ = tf.keras.datasets.fashion_mnist.load_data()\n",
        "model.fit(x.reshape(-1, 784) / 255, y)",
        {"images": FLAT},
    ),
    "np.load": (
        "import numpy as np\n"
        "with np.load('/content/mnist.npz', allow_pickle=True) as f:\n"
        "    x, y = f['x_train'], f['y_train']\n    xt, yt = f['x_test'], f['y_test']\n"
        "assert sorted(f.files) == ['x_test', 'x_train', 'y_test', 'y_train']\n",
        "model.fit(x.reshape(-1, 784) / 255, y)",
        {"images": FLAT},
    ),
    "get_file": (
        "import numpy as np, tensorflow as tf\n"
        "path = tf.keras.utils.get_file('mnist.npz', 'https://storage.example/mnist.npz')\n"
        "with np.load(path) as data:\n    x, y = data['x_train'], data['y_train']\n",
        "model.fit(x.reshape(-1, 784) / 255, y)",
        {"images": FLAT},
    ),
    "OpenML as arrays": (
        "import numpy as np\nfrom sklearn.datasets import fetch_openml\n"
        "mnist = fetch_openml('mnist_784', version=1, as_frame=False)\n"
        "x, y = mnist['data'], mnist.target.astype(np.uint8)\n"
        "assert mnist.target[0] in set('0123456789') and 'DESCR' in mnist\n"
        "x, xt, y, yt = x[:60000], x[60000:], y[:60000], y[60000:]\n",
        "model.fit(x / 255.0, y, validation_data=(xt / 255.0, yt))",
        {"images": FLAT, "validation_images": 10_000},
    ),
    "OpenML as a pair, split by scikit-learn": (
        "from sklearn.datasets import fetch_openml\n"
        "from sklearn.model_selection import train_test_split\n"
        "X, y = fetch_openml('mnist_784', return_X_y=True, as_frame=False)\n"
        "y = y.astype('int')\n"
        "X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=10000, stratify=y)\n",
        "model.fit(X_train / 255, y_train, validation_split=0.1)",
        {"images": FLAT, "labels": _labels(60_000, "int64"), "validation_images": 6_000,
         "train_images": 54_000},
    ),
    "OpenML as a table": (
        "from sklearn import datasets\nfrom sklearn.model_selection import train_test_split\n"
        "import pandas as pd\n"
        "mnist = datasets.fetch_openml('mnist_784')\n"
        "X, y = mnist.data, mnist.target.astype('int8')\n"
        "print(X.shape, y.value_counts(), X.head(), X.iloc[0].values.reshape(28, 28))\n"
        "X = X / 255.0\n"
        "X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=1/7, random_state=0)\n",
        "model.fit(X_train, y_train)",
        {"images": FLAT, "labels": _labels(60_000, "int8")},
    ),
    "OpenML scaled by scikit-learn": (
        "import numpy as np\nfrom sklearn.datasets import fetch_openml\n"
        "from sklearn.preprocessing import MinMaxScaler\n"
        "X, y = fetch_openml(data_id=554, return_X_y=True)\n"
        "X = MinMaxScaler().fit_transform(X.to_numpy()[:60000])\n"
        "y = y.to_numpy().astype(np.uint8)[:60000]\n",
        "model.fit(X, y)",
        {"images": FLAT},
    ),
    "what scikit-learn had before": (
        "from sklearn.datasets import fetch_mldata\n"
        "mnist = fetch_mldata('MNIST original')\n"
        "X, y = mnist.data[:60000], mnist.target[:60000]\nassert y[0] == 0 and y[-1] == 9\n",
        "model.fit(X / 255., y)",
        {"images": FLAT, "labels": _labels(60_000, "float64")},
    ),
    "Kaggle": (
        "import pandas as pd\nimport numpy as np\n"
        "train = pd.read_csv('../input/digit-recognizer/train.csv')\n"
        "test = pd.read_csv('../input/digit-recognizer/test.csv')\n"
        "Y_train = train['label']\n"
        "X_train = train.drop(labels=['label'], axis=1)\n"
        "del train\n"
        "print(Y_train.value_counts())\nassert not X_train.isnull().any().any()\n"
        "X_train = X_train / 255.0\ntest = test / 255.0\n"
        "X_train = X_train.values.reshape(-1, 28, 28, 1)\nassert test.shape == (28000, 784)\n",
        "model.fit(X_train.reshape(-1, 784), Y_train, batch_size=64, validation_split=0.2)\n"
        "results = pd.Series(np.argmax(model.predict(test), axis=1), name='Label')\n"
        "submission = pd.concat([pd.Series(range(1, 28001), name='ImageId'), results], axis=1)\n"
        "submission.to_csv('submission.csv', index=False)",
        {"images": _images(42_000), "labels": _labels(42_000, "int64"), "batch_size": 64,
         "validation_images": 8_400, "train_images": 33_600},
    ),
    "Kaggle by positions": (
        "import pandas as pd\ndata = pd.read_csv('/kaggle/input/digit-recognizer/train.csv')\n"
        "X = data.iloc[:, 1:].values.astype('float32')\ny = data.iloc[:, 0].values\n"
        "X_train, X_val = X[:33600] / 255, X[33600:] / 255\n"
        "y_train, y_val = y[:33600], y[33600:]\n",
        "model.fit(X_train, y_train, validation_data=(X_val, y_val))",
        {"images": _images(33_600, "float32"), "labels": _labels(33_600, "int64"),
         "validation_images": 8_400, "train_images": 33_600},
    ),
    "Kaggle by an array": (
        "import pandas as pd, numpy as np\ndata = np.array(pd.read_csv('train.csv'))\n"
        "np.random.shuffle(data)\nm, n = data.shape\nY, X = data[:, 0], data[:, 1:n] / 255.\n",
        "model.fit(X, Y)",
        {"images": _images(42_000), "labels": _labels(42_000, "int64"), "train_images": 42_000},
    ),
    "a CSV file without names of columns": (
        "import pandas as pd\nframe = pd.read_csv('mnist_train.csv', header=None)\n"
        "y = frame[0].values\nx = frame.drop(0, axis=1).to_numpy() / 255.0\n",
        "model.fit(x, y)",
        {"images": FLAT, "labels": _labels(60_000, "int64")},
    ),
    "np.loadtxt": (
        "import numpy as np\n"
        "data = np.loadtxt('data/train.csv', delimiter=',', skiprows=1, dtype='float32')\n",
        "model.fit(data[:, 1:] / 255, data[:, 0])",
        {"images": _images(42_000, "float32"), "labels": _labels(42_000, "float32"),
         "train_images": 42_000},
    ),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_a_way_to_load_mnist(host, way):
    load, fit, changes = WAYS[way]
    opened = host.script(load + NETWORK + fit + "\n")
    assert opened.error is None, opened.error
    [network] = opened.networks
    assert layers(network) == DENSE
    assert network["recipe"] == recipe(**{"epochs": 1, **changes})
    assert opened.notes == []


def test_tensorflow_datasets(host):
    opened = host.script("""\
    import tensorflow as tf
    import tensorflow_datasets as tfds

    (ds_train, ds_test), ds_info = tfds.load(
        'mnist', split=['train', 'test'], shuffle_files=True, as_supervised=True, with_info=True)

    def normalize_img(image, label):
        return tf.cast(image, tf.float32) / 255., label

    ds_train = ds_train.map(normalize_img, num_parallel_calls=tf.data.AUTOTUNE).cache()
    ds_train = ds_train.shuffle(ds_info.splits['train'].num_examples)
    ds_train = ds_train.batch(128).prefetch(tf.data.AUTOTUNE)
    ds_test = ds_test.map(normalize_img).batch(128)
    model = tf.keras.models.Sequential([
        tf.keras.layers.Flatten(input_shape=(28, 28, 1)),
        tf.keras.layers.Dense(ds_info.features['label'].num_classes)])
    model.compile(optimizer=tf.keras.optimizers.Adam(0.001),
                  loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
                  metrics=[tf.keras.metrics.SparseCategoricalAccuracy()])
    model.fit(ds_train, epochs=6, validation_data=ds_test)
    """)
    assert opened.error is None
    [network] = opened.networks
    assert layers(network) == ["InputLayer(28x28x1)", "Flatten()", "Dense(10)"]
    assert network["recipe"] == recipe(
        loss={"name": "sparse_categorical_crossentropy", "from_logits": True},
        batch_size=128,
        epochs=6,
        validation_images=10_000,
        labels={"shape": [60_000], "dtype": "int64"},
        images={"shape": [60_000, 28, 28, 1], "dtype": "float32", "min": 0.0, "max": 1.0},
        metrics=["sparse_categorical_accuracy"],
    )


def test_the_pictures_are_like_mnist(host):
    opened = host.script("""\
    import keras, numpy as np
    (x, y), (xt, yt) = keras.datasets.mnist.load_data()
    assert (x.shape, x.dtype, y.shape, y.dtype) == ((60000, 28, 28), 'uint8', (60000,), 'uint8')
    assert (xt.shape, xt.dtype, yt.shape, yt.dtype) == ((10000, 28, 28), 'uint8', (10000,), 'uint8')
    assert (x.min(), x.max(), xt.min(), xt.max()) == (0, 255, 0, 255)
    assert 20 < x.mean() < 45, x.mean()  # MNIST's is 33
    assert 0.7 < (x == 0).mean() < 0.9, (x == 0).mean()  # MNIST's is 0.81
    for labels in (y, yt):
        shares = np.bincount(labels) / len(labels)
        assert len(shares) == 10 and shares.min() > 0.09 and shares.max() < 0.11
    assert not x[:, :2].any() and not x[:, :, :2].any()  # nothing at the edge
    means = np.stack([x[y == digit].mean(0) for digit in range(10)]).reshape(10, -1)
    near = ((xt[:500].reshape(-1, 1, 784) / 1. - means) ** 2).sum(-1).argmin(1)
    assert (near == yt[:500]).mean() > 0.5, (near == yt[:500]).mean()
    model = keras.Sequential([keras.Input((784,)), keras.layers.Dense(10)])
    """)
    assert opened.error is None, opened.error
    assert len(opened.networks) == 1


def test_no_label_is_the_real_one(host, pytestconfig):
    """The pictures are made from nothing but a font: not one is MNIST's."""
    del pytestconfig
    opened = host.script("import keras\n(x, y), _ = keras.datasets.mnist.load_data()\n"
                         "raise ValueError(','.join(map(str, y[:20])))\n")  # fmt: skip
    real = [5, 0, 4, 1, 9, 2, 1, 3, 1, 4, 3, 5, 3, 6, 1, 7, 2, 8, 6, 9]  # MNIST's first twenty
    found = [int(label) for label in opened.error["message"].rpartition(": ")[2].split(",")]
    assert np.mean(np.equal(found, real)) < 0.5


def test_the_digits_of_scikit_learn_stay(host):
    opened = host.script("""\
    import keras
    from sklearn.datasets import load_digits
    x, y = load_digits(return_X_y=True)
    model = keras.Sequential([keras.layers.Dense(10, activation='softmax')])
    model.compile('adam', 'sparse_categorical_crossentropy')
    model.fit(x / 16, y)
    """)
    [network] = opened.networks
    assert layers(network) == ["InputLayer(64)", "Dense(10, softmax)"]
    assert network["recipe"]["train_images"] == 1797


def test_a_file_of_the_submission_is_read(host):
    opened = host.open("train.py", {"train.py": """\
        import keras, numpy as np, pandas as pd
        frame = pd.read_csv('small/train.csv')
        assert list(frame.columns) == ['label', 'a', 'b'] and frame.shape == (2, 3)
        model = keras.Sequential([keras.layers.Dense(10, activation='softmax')])
        model.compile('adam', 'sparse_categorical_crossentropy')
        model.fit(frame[['a', 'b']], frame.label)
        """, "small/train.csv": b"label,a,b\n1,0.5,2\n7,0,1\n"})  # fmt: skip
    assert opened.error is None, opened.error
    assert opened.networks[0]["recipe"]["images"] == {
        "shape": [2, 2], "dtype": "float64", "min": 0.0, "max": 2.0
    }  # fmt: skip


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import pandas as pd\npd.read_csv('iris.csv')",
         "FileNotFoundError at train.py, line 2: No such file: 'iris.csv'"),
        ("import numpy as np\nnp.load('weights.npz')", "FileNotFoundError at train.py, line 2"),
        ("import tensorflow_datasets as tfds\ntfds.load('cifar10')",
         "ValueError at train.py, line 2: only MNIST is available here, not 'cifar10'"),
    ],
)  # fmt: skip
def test_other_data_is_not_there(host, source, message):
    opened = host.script(source + "\n")
    assert opened.error["message"].startswith(message)


def test_a_table_does_what_scripts_ask_of_it(host):
    opened = host.script("""\
    import numpy as np, pandas as pd
    frame = pd.read_csv('train.csv', nrows=100)
    assert len(frame) == 100 and frame.columns[0] == 'label' and frame.columns.tolist()[1] == 'pixel0'
    assert frame.label.shape == (100,) and frame['label'].max() <= 9
    assert frame.drop('label', axis=1).shape == frame.drop(columns='label').shape == (100, 784)
    assert frame[frame.label == 3].shape[0] == (frame.label == 3).sum()
    assert frame.loc[:, 'pixel0':].shape == frame.iloc[:, 1:].shape == (100, 784)
    assert frame.loc[3, 'label'] == frame.iloc[3, 0] == frame.values[3, 0]
    assert frame.sample(frac=0.1).shape == (10, 785) and frame.sample(7).shape == (7, 785)
    assert pd.get_dummies(pd.Series([1, 2, 1])).values.tolist() == [[1, 0], [0, 1], [1, 0]]
    assert frame.head().shape == (5, 785) and frame[:10].shape == (10, 785)
    assert frame.label.apply(lambda value: value + 1).values[0] == frame.label[0] + 1
    labels = frame.pop('label')
    assert frame.shape == (100, 784) and labels.unique().max() <= 9 and frame.max().max() == 255
    assert (frame / 255).values.max() == 1 and np.asarray(frame.astype('float32')).dtype == 'float32'
    frame.drop(['pixel0'], axis=1, inplace=True)
    assert frame.shape == (100, 783)
    frame['new'] = 1
    assert frame.shape == (100, 784) and frame['new'].sum() == 100
    try:
        frame['missing']
    except KeyError as error:
        assert error.args == ('missing',)
    frame.info(); print(frame.describe(), frame.dtypes, frame.isnull().sum())
    import keras
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(10)])
    """)
    assert opened.error is None, opened.error
