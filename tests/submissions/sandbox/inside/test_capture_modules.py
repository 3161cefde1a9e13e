"""Modules that make a network and fit none; and what a submission without a network is told."""

# The scripts are written as people write them.
# ruff: noqa: ISC004

import pytest

from tests.support.open_script import layers, recipe

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("capture")]

INPUT = "import keras\nfrom keras import layers\n"
DENSE = "keras.Sequential([keras.Input((784,)), layers.Dense(10)])"
FOUND = ["InputLayer(784)", "Dense(10)"]


@pytest.mark.parametrize(
    "name", ["build", "build_model", "create_model", "make_model", "get_model"]
)
def test_a_function_that_makes_the_network(host, name):
    opened = host.script(INPUT + f"def {name}(units=10):\n    return {DENSE}\n")
    assert opened.error is None
    [network] = opened.networks
    assert layers(network) == FOUND
    assert (network["origin"], network["line"]) == (f"{name}()", None)
    assert network["recipe"] is None
    assert opened.notes == []


@pytest.mark.parametrize(
    ("source", "origin"),
    [
        (f"model = {DENSE}\n", "model"),
        (f"net = {DENSE}\n", "net"),
        (f"model = {DENSE}\nsame = model\n", "model"),
        (f"model = {DENSE}\nother = keras.Sequential([model, layers.Softmax()])\n", "model"),
        (f"def make_model(): return 3\ndef build(): return {DENSE}\n", "build()"),
        (f"def build(units): return 3\ndef get_model(): return {DENSE}\n", "get_model()"),
        (f"build = 3\nmodel = {DENSE}\n", "model"),
        (f"def build(): return {DENSE}\nmodel = 3\n", "build()"),
        (f"if __name__ == '__main__':\n    model = {DENSE}\n", "model"),
        (f"model = {DENSE}\nimport sys; sys.exit(0)\n", "model"),
        (f"model = {DENSE}\nexit()\n", "model"),
    ],
)
def test_what_a_module_leaves_behind(host, source, origin):
    opened = host.script(INPUT + source)
    assert opened.error is None, opened.error
    assert [(layers(n), n["origin"]) for n in opened.networks] == [(FOUND, origin)]


def test_what_is_fitted_goes_before_what_could_be_built(host):
    opened = host.script(
        INPUT + f"def build(): return {DENSE}\n"
        "if __name__ == '__main__':\n"
        "    (x, y), _ = keras.datasets.mnist.load_data()\n"
        "    model = keras.Sequential([keras.Input((28, 28)), layers.Flatten()])\n"
        "    model.compile(loss='mse')\n"
        "    model.fit(x, y)\n"
    )
    [network] = opened.networks
    assert (layers(network), network["line"]) == (["InputLayer(28x28)", "Flatten()"], 8)


def test_what_compile_was_told_is_there(host):
    opened = host.script(
        INPUT + f"model = {DENSE}\nmodel.compile('sgd', 'mse', metrics=['accuracy'])\n"
    )
    assert opened.networks[0]["recipe"] == recipe(
        optimizer={"class": "SGD", "learning_rate": 0.01},
        loss={"name": "mean_squared_error", "from_logits": False},
        **dict.fromkeys(["batch_size", "epochs", "train_images", "labels", "images"]),
    )


@pytest.mark.parametrize(
    ("first", "shape"),
    [
        ("layers.Dense(10)", "784"),
        ("layers.Conv2D(2, 3)", "28x28x1"),
        ("layers.MaxPooling2D()", "28x28x1"),
        ("layers.Flatten()", "28x28"),
        ("layers.Reshape((784,))", "28x28"),
        ("layers.LSTM(3)", "28x28"),
        ("layers.Rescaling(0.5), layers.Dropout(0.1), layers.Conv2D(2, 3)", "28x28x1"),
    ],
)
def test_the_first_layers_tell_the_input(host, first, shape):
    opened = host.script(INPUT + f"def build():\n    return keras.Sequential([{first}])\n")
    assert opened.error is None
    assert layers(opened.networks[0])[0] == f"InputLayer({shape})"
    [note] = opened.notes
    said = shape.replace("x", ", ") + ("," if shape == "784" else "")
    assert note["kind"] == "input_shape"
    assert note["text"] == (
        "The network does not say its input shape; from its first layers it was taken to be "
        f"({said}). Begin it with keras.Input(({said}))."
    )


def test_the_wish_for_an_input_is_told(host):
    opened = host.script(INPUT + "def build():\n    return keras.Sequential([layers.Softmax()])\n")
    assert opened.error == {
        "stage": "interface",
        "message": "build() returned a model whose input shape is not known: begin it with "
        "keras.Input((28, 28, 1))",
    }


SUBCLASS = """
class Net(keras.Model):
    def call(self, images):
        return images

def build():
    net = Net()
    net.build((None, 784))
    return net
"""


def test_a_subclass_has_its_name_and_no_layers(host):
    opened = host.script(INPUT + SUBCLASS)
    [network] = opened.networks
    assert (network["class"], network["config"]) == ("Net", None)


ERRORS = [
    ("def build(:\n", "syntax", "train.py, line 1: invalid syntax"),
    ("x = 'open\n", "syntax", "train.py, line 1: unterminated string literal"),
    ("print 'hello'\n", "syntax", "train.py, line 1: Missing parentheses in call to 'print'"),
    ("def f():\nreturn 3\n", "syntax", "train.py, line 2: expected an indented block"),
    ("# -*- coding: latin-9000 -*-\n", "syntax", "train.py: unknown encoding"),
    ("import nothing_of_the_kind\n", "import",
     "ModuleNotFoundError at train.py, line 1: No module named 'nothing_of_the_kind'"),
    ("import keras\nkeras.layers.Dence(3)\n", "run",
     "AttributeError at train.py, line 2: module 'keras.layers' has no attribute 'Dence'"),
    ("from keras.layers import Dence\n", "import",
     "ImportError at train.py, line 1: cannot import name 'Dence' from 'keras.layers'"),
    ("x = 1\n", "interface", "train.py defines no function build()"),
    ("build = 3\n", "interface", "train.py defines no function build()"),
    ("def build():\n    return 3\n", "interface",
     "build() returned int, but should return a keras.Model"),
    ("def create_model():\n    pass\n", "interface",
     "create_model() returned NoneType, but should return a keras.Model"),
    ("def build():\n    1 / 0\n", "build",
     "build() raised ZeroDivisionError at train.py, line 2: division by zero"),
    ("def build(size):\n    pass\n", "build", "build() raised TypeError"),
    ("def build():\n    raise SystemExit(0)\n", "build", "build() raised SystemExit at train.py"),
    ("def build():\n    raise KeyboardInterrupt\n", "build", "build() raised KeyboardInterrupt"),
    ("def build():\n    return build()\n", "build", "build() raised RecursionError"),
    ("import sys\nsys.exit(3)\n", "run", "SystemExit at train.py, line 2: 3"),
    ("raise KeyboardInterrupt\n", "run", "KeyboardInterrupt at train.py, line 1"),
    ("import keras\na, b = keras.Sequential(), keras.Sequential()\n", "interface",
     "train.py holds several networks (a, b); call the one to be graded `model`"),
    ("import keras\nfrom keras import layers\n"
     "layers.Conv2D(3, 5)(keras.Input((3, 28, 1)))\n", "run",
     "ValueError at train.py, line 3: "),
    ("import keras\ndef build():\n    x = keras.Input((28, 28))\n"
     "    return keras.Model(x, keras.layers.Dense(3)(keras.layers.Conv2D(3, 3)(x)))\n", "build",
     "build() raised ValueError at train.py, line 4: Input 0"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "stage", "message"), ERRORS)
def test_a_submission_without_a_network_is_told_why(host, source, stage, message):
    opened = host.script(source)
    assert opened.networks == []
    assert opened.error["stage"] == stage
    assert opened.error["message"].startswith(message)
    assert len(opened.error["message"]) <= 2000
    said = opened.error["message"]
    assert "/" not in said.replace("(784,)/", ""), "a path of this machine"


def test_a_script_that_fails_before_its_fit_still_shows_its_model(host):
    opened = host.script(INPUT + f"model = {DENSE}\nopen('digits.bin')\nmodel.fit(1, 2)\n")
    assert layers(opened.networks[0]) == FOUND
    assert opened.error["message"].startswith("FileNotFoundError at train.py, line 4")


def test_a_helper_module_handed_in_as_well(host):
    opened = host.open("main.py", {
        "main.py": "from keras.datasets import mnist\nfrom nets.small import make\n"
                   "(x, y), _ = mnist.load_data()\nmake().fit(x.reshape(-1, 784), y)\n",
        "nets/__init__.py": "",
        "nets/small.py": "import keras\nfrom keras.layers.core import Dense\n\ndef make():\n"
                         "    m = keras.Sequential([keras.Input((784,)), Dense(10)])\n"
                         "    m.compile('adam', 'mse')\n    return m\n",
    })  # fmt: skip
    assert opened.error is None, opened.error
    assert (layers(opened.networks[0]), opened.networks[0]["line"]) == (FOUND, 4)
    [note] = opened.notes
    assert note["line"] is None
    assert note["text"].endswith("(nets/small.py, line 2)")


def test_an_error_in_a_helper_module_names_it(host):
    opened = host.open("main.py", {"main.py": "import helper\n", "helper.py": "\n1 / 0\n"})
    assert opened.error["message"] == "ZeroDivisionError at helper.py, line 2: division by zero"


@pytest.mark.parametrize("name", ["harness", "reference.facts", "models.deep_cnn", "checks"])
def test_the_grader_itself_cannot_be_imported_by_accident(host, name):
    opened = host.script(f"import {name}\n")
    if name == "harness":
        assert opened.error["stage"] == "interface"  # loaded already: an empty package
    else:
        assert opened.error["message"].startswith("ModuleNotFoundError at train.py, line 1")


def test_a_configuration_that_is_too_long_is_not_sent(host):
    opened = host.script(
        INPUT + "def build():\n"
        "    return keras.Sequential([keras.Input((784,))] + [layers.Dense(1)] * 1\n"
        "                            + [layers.Dense(1, name='n' * 300_000)\n"
        "                               , layers.Dense(1, name='m' * 300_000)])\n"
    )
    assert opened.networks == []
    assert opened.error["stage"] == "interface"
    assert "the model has 3 layers; its description is" in opened.error["message"]


def test_it_is_run_as_its_author_would(host):
    opened = host.script("""\
    import os, sys, keras
    from keras import layers
    assert __name__ == '__main__' and __file__ == 'train.py' == sys.argv[0]
    assert sys.modules['__main__'].__dict__ is globals()
    name = input('Your name: ')
    assert name == '' and os.listdir('.') == ['train.py']
    import matplotlib.pyplot as plt
    plt.plot([1, 2]); plt.show(); plt.savefig('plot.png')
    assert os.path.getsize('plot.png') > 1000
    os.system('echo hello > hello.txt')
    assert open('hello.txt').read() == 'hello\\n'
    model = keras.Sequential([keras.Input((784,)), layers.Dense(10)])
    """)
    assert opened.error is None, opened.error
    assert layers(opened.networks[0]) == FOUND
