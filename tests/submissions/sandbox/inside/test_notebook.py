"""Notebooks: the code of their cells, without what only Jupyter understands."""

# The scripts are written as people write them.
# ruff: noqa: E501, ISC004

import json

import pytest

from harness.submissions.sandbox.inside.notebook import NotANotebook, read, without_magics
from tests.support.open_script import layers, recipe

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("capture")]


def _notebook(*cells, text="Train a network"):
    code = [
        {"cell_type": "code", "execution_count": 7, "metadata": {}, "outputs": [], "source": cell}
        for cell in cells
    ]
    words = {"cell_type": "markdown", "metadata": {}, "source": [f"# {text}\n", "with `code`"]}
    return json.dumps({"cells": [words, *code], "metadata": {}, "nbformat": 4}).encode()


FIRST = ["%matplotlib inline\n", "!pip install -q tensorflow==2.3 \\\n", "    keras\n",
         "import tensorflow as tf\n", "from google.colab import drive\n",
         "drive.mount('/content/drive')\n", "files = !ls\n", "?tf.keras\n"]  # fmt: skip
SECOND = """%%time
(x_train, y_train), (x_test, y_test) = tf.keras.datasets.mnist.load_data()
x_train = x_train.reshape(60000, 784).astype('float32') / 255
y_train = tf.keras.utils.to_categorical(y_train)
x_train.shape"""
THIRD = """# the model
from keras.utils import np_utils
model = tf.keras.Sequential()
model.add(tf.keras.layers.Dense(64, activation='relu', input_shape=(784,)))
model.add(tf.keras.layers.Dense(10, activation='softmax'))
model.compile(optimizer='adam', loss='categorical_crossentropy', metrics=['accuracy'])
model.summary()"""
FIT = "%time history = model.fit(x_train, y_train, epochs=5, batch_size=100)"
MLP = ["InputLayer(784)", "Dense(64, relu)", "Dense(10, softmax)"]


def test_a_notebook_is_run_cell_by_cell(host):
    cells = [FIRST, SECOND, THIRD, FIT, "%%bash\necho done", "display(history.history)",
             "%load_ext tensorboard\n%tensorboard --logdir logs\nget_ipython().system('ls')"]  # fmt: skip
    opened = host.open("week 3.ipynb", {"week 3.ipynb": _notebook(*cells)})
    assert opened.error is None, opened.error
    [network] = opened.networks
    assert layers(network) == MLP
    assert (network["origin"], network["line"]) == ("fit", None)
    assert network["recipe"] == recipe(
        loss={"name": "categorical_crossentropy", "from_logits": False},
        batch_size=100,
        labels={"shape": [60_000, 10], "dtype": "float64"},
        images={"shape": [60_000, 784], "dtype": "float32", "min": 0.0, "max": 1.0},
    )
    assert [(note["kind"], note["line"], note["text"]) for note in opened.notes] == [
        ("stand_in", None, "google.colab is not available here; what the script does with it was "
                           "left out. (week 3.ipynb, cell 1, line 5)"),
        ("dropped_name", None, "keras.utils.np_utils is gone since Keras 3; write `from "
                               "keras.utils import to_categorical`. Graded as if written so. "
                               "(week 3.ipynb, cell 3, line 2)"),
    ]  # fmt: skip


def test_the_third_format(host):
    cells = [{"cell_type": "code", "input": text, "language": "python"}
             for text in ("import tensorflow as tf\n", SECOND, THIRD, FIT)]  # fmt: skip
    document = {"worksheets": [{"cells": cells}], "nbformat": 3, "metadata": {"name": "old"}}
    opened = host.open("old.ipynb", {"old.ipynb": json.dumps(document).encode()})
    assert opened.error is None, opened.error
    assert layers(opened.networks[0]) == MLP


def test_an_error_after_the_fit_does_not_stop_it(host):
    opened = host.open(
        "n.ipynb",
        {"n.ipynb": _notebook("import tensorflow as tf", SECOND, THIRD, FIT, "1 / 0",
                              "model.fit(x_train, y_train, epochs=9)")},
    )  # fmt: skip
    assert [network["recipe"]["epochs"] for network in opened.networks] == [5, 9]
    assert opened.error == {
        "stage": "run",
        "message": "ZeroDivisionError at n.ipynb, cell 5, line 1: division by zero",
    }


@pytest.mark.parametrize(
    ("content", "stage", "message"),
    [
        (b"{", "syntax", "n.ipynb is not a notebook: Expecting property name"),
        (b"[1]", "syntax", "n.ipynb is not a notebook: it holds no list of cells"),
        (b"[" * 100_000, "syntax", "n.ipynb is not a notebook: "),
        (_notebook(), "syntax", "n.ipynb holds no code cells"),
        (_notebook("x = 1", "y = 2\ndef f(:"), "syntax", "n.ipynb, cell 2, line 2: invalid syntax"),
        (_notebook("x = 1"), "interface", "n.ipynb defines no function build()"),
        (_notebook("\nimport nothing_at_all"), "import",
         "ModuleNotFoundError at n.ipynb, cell 1, line 2"),
    ],
)  # fmt: skip
def test_a_notebook_without_a_network_is_told_why(host, content, stage, message):
    opened = host.open("n.ipynb", {"n.ipynb": content})
    assert opened.error["stage"] == stage
    assert opened.error["message"].startswith(message)


def test_a_script_that_was_a_notebook(host):
    opened = host.script("""\
    # -*- coding: utf-8 -*-
    !pip install keras
    %matplotlib inline
    import keras
    get_ipython().run_line_magic('matplotlib', 'inline')
    model = keras.Sequential([keras.Input((784,)), keras.layers.Dense(10)])
    """)
    assert opened.error is None, opened.error
    assert opened.networks[0]["origin"] == "model"


MAGICS = [
    ("x = 1", "x = 1"),
    ("print('%d'\n    % 3)", "print('%d'\n    % 3)"),
    ("%matplotlib inline\nx = 1", "pass\nx = 1"),
    ("if x:\n    !ls\n    y = 2", "if x:\n    pass\n    y = 2"),
    ("!pip install \\\n  keras \\\n  numpy\nx = 1", "pass\n\n\nx = 1"),
    ("pip install keras\nx = 1", "pass\nx = 1"),
    ("%time fit(3)", "fit(3)"),
    ("%timeit -n 3 fit(3)", "fit(3)"),
    ("%%time\nfit(3)", "\nfit(3)"),
    ("%%capture output\nfit(3)\n!ls", "\nfit(3)\npass"),
    ("\n%%html\n<b>bold</b>", ""),
    ("%%bash\nls", ""),
    ("model.fit?", "pass"),
    ("?model", "pass"),
    ("files = !ls *.csv", "files = []"),
    ("a, b = %sx ls", "a, b = []"),
]


@pytest.mark.parametrize(("source", "expected"), MAGICS)
def test_what_only_jupyter_understands_is_taken_out(source, expected):
    assert without_magics(source) == expected


def test_cells_are_numbered_as_they_stand():
    cells = read(_notebook("a", "", "b").decode())
    assert [(cell.number, cell.source) for cell in cells] == [(1, "a"), (2, ""), (3, "b")]


def test_what_is_no_notebook_is_refused():
    with pytest.raises(NotANotebook, match="it holds no list of cells"):
        read("3")
