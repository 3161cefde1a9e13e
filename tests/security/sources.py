"""Attacks by what is submitted: networks, messages, notebooks and source texts."""

import json
from functools import partial

from tests.security.attack import (
    A_NETWORK,
    FAILED,
    HONEST,
    OTHER,
    RESOURCE,
    TIMEOUT,
    WRONG,
    WRONG_SOURCE,
    Attack,
    code,
    in_build,
    module,
)

_row = partial(module, "sources")

# Escapes of a terminal, HTML, a formula of a table, Markdown and a fake line of a log.
HOSTILE_TEXT = (
    "\x1b[2J\x1b]0;owned\x07<script>alert(1)</script>=cmd|' /C calc'!A1 [x](javascript:1)"
    "\n::error::owned\r\u202eabc\0"
)


def _network(*layers: str) -> str:
    rows = ",\n        ".join(layers)
    return code(
        f"""
        import keras
        from keras import layers

        def build():
            return keras.Sequential([
                keras.Input((784,)),
                {rows},
                layers.Dense(10, activation="softmax"),
            ])
        """
    )


def _notebook(*cells: object, **more: object) -> bytes:
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "cells": cells, **more}).encode()


def _cell(source: object) -> dict[str, object]:
    return {"cell_type": "code", "source": source, "metadata": {}, "outputs": []}


def _book(name: str, why: str, content: bytes, ends: set[str] | frozenset[str]) -> Attack:
    return Attack(name, "sources", why, {"work.ipynb": content}, "work.ipynb", frozenset(ends))


SOURCES: tuple[Attack, ...] = (
    _row(
        "huge_dense",
        "A layer that no memory can hold, built by Keras itself.",
        _network("layers.Dense(10**15)"),
        {FAILED, RESOURCE, TIMEOUT},
        endless=True,  # TensorFlow waits for memory, in case some is freed
    ),
    _row(
        "ten_thousand_layers",
        "So many layers that describing them takes for ever.",
        _network('*(layers.Activation("relu") for _ in range(10_000))'),
        {FAILED, TIMEOUT, RESOURCE},
        endless=True,
    ),
    _row(
        "lambda_layer",
        "A layer that is code.",
        _network("layers.Lambda(lambda x: __import__('os').getpid() + x)"),
        {FAILED},
    ),
    _row(
        "registered_layer",
        "A layer of its own, registered under a name of Keras.",
        code(
            """
            import keras
            from keras import layers

            @keras.saving.register_keras_serializable(package="keras.layers", name="Dense")
            class Dense(layers.Dense):
                pass

            def build():
                return keras.Sequential([keras.Input((784,)), Dense(10)])
            """
        ),
        {FAILED},
    ),
    _row(
        "weights_in_an_initializer",
        "Weights trained elsewhere, brought along as an initializer.",
        _network("layers.Dense(64, kernel_initializer=keras.initializers.Constant([[1.0] * 64]))"),
        {FAILED},
    ),
    _row(
        "own_initializer",
        "An initializer of its own, which would return trained weights.",
        "import keras\n"
        "class HeUniform(keras.initializers.Initializer):\n"
        "    def __call__(self, shape, dtype=None):\n"
        "        return keras.ops.ones(shape)\n"
        + _network("layers.Dense(64, kernel_initializer=HeUniform())"),
        # Taken at its name: what we train begins with Keras's own.
        {FAILED, OTHER},
    ),
    _row(
        "hostile_names",
        "Layer names that are commands to the program that prints them.",
        WRONG_SOURCE.replace('name="hidden1"', f"name={HOSTILE_TEXT.replace('/', '|')!r}"),
        {WRONG, FAILED},
    ),
    _row(
        "hostile_message",
        "An error whose text is a command to the program that prints it.",
        in_build(f"raise ValueError({HOSTILE_TEXT!r} * 1000)"),
        {FAILED},
    ),
    _row(
        "hostile_last_words",
        "Last words that are a command to the program that prints them.",
        in_build(f"print({HOSTILE_TEXT!r}, flush=True); import os; os._exit(0)"),
        {FAILED},
    ),
    _row(
        "error_without_text",
        "An error that does something else when it is turned into text.",
        in_build(
            """
            class Trap(BaseException):
                def __str__(self):
                    import os
                    os._exit(0)
                __repr__ = __str__
                __traceback__ = property(__str__)
            raise Trap
            """
        ),
        {FAILED},
    ),
    _row(
        "error_with_a_huge_text",
        "An error whose text and name are larger than the memory for it.",
        in_build(
            """
            raise type("E" * 10_000_000, (Exception,), {"__str__": lambda self: "x" * 100_000_000})
            """
        ),
        {FAILED, RESOURCE},
    ),
    _row(
        "error_group",
        "Errors within errors, a thousand deep and ten wide, each of which would be shown.",
        in_build(
            """
            error = ValueError("x")
            for _ in range(1_000):
                error = ExceptionGroup("g", [error] * 10)
            raise error
            """
        ),
        {FAILED, RESOURCE},
    ),
    _row("null_bytes", "A source text with null bytes.", b"import keras\0\nbuild = 1\n", {FAILED}),
    _row("no_text", "A source text that is none.", b"\xff\xfe\x00\x80" * 1000, {FAILED}),
    _row(
        "other_encoding",
        "A source text that reads differently in the encoding it declares.",
        b"# -*- coding: utf-7 -*-\n" + WRONG_SOURCE.encode(),
        {WRONG, FAILED},
    ),
    _row(
        "parser_stack",
        "Brackets so deep that the parser overruns its stack.",
        "x = " + "(" * 50_000 + ")" * 50_000 + "\n",
        {FAILED, RESOURCE},
    ),
    _row(
        "compiler_stack",
        "An expression so deep that the compiler overruns its stack.",
        "x = " + "-" * 200_000 + "1\n",
        {FAILED, RESOURCE},
    ),
    _row(
        "compiler_memory",
        "A constant that the compiler works out beforehand, at any cost.",
        "x = ((((1 << 128) << 128) << 128) ** 64) ** 64 ** 64 ** 64\n" + WRONG_SOURCE,
        {WRONG, FAILED, RESOURCE, TIMEOUT},
        endless=True,
    ),
    _row(
        "ten_megabytes_of_source",
        "A source text so large that reading it takes for ever.",
        "x = [\n" + "1,\n" * 700_000 + "]\n" + WRONG_SOURCE,
        {WRONG, FAILED, RESOURCE, TIMEOUT},
        endless=True,
    ),
    _row(
        "empty_lines",
        "Files so full of empty lines that the program that looks for imports in them never ends.",
        b"model.fit()\n",
        {FAILED},
        files={"other.py": b"model.fit()\n", "lines.py": b"\n" * 3_000_000},
        main="first.py",
    ),
    _row("empty", "Nothing at all.", b"", {FAILED}),
    _book(
        "notebook_shell",
        "A notebook whose cells are commands of a shell.",
        _notebook(
            _cell("!touch @STORE@/@MARK@ /tmp/@MARK@\n"),
            _cell("%%bash\ntouch @REPORT@/@MARK@\n"),
            _cell("get_ipython().system('touch @HOME@/@MARK@')\n"),
            _cell(WRONG_SOURCE),
        ),
        {WRONG, FAILED},
    ),
    _book(
        "notebook_of_other_shape",
        "A notebook in which nothing is where it should be.",
        _notebook(7, None, _cell({"a": 1}), _cell([1, [2]]), {"source": 3}, worksheets="x"),
        {FAILED},
    ),
    _book(
        "notebook_too_deep",
        "A notebook nested so deep that its reader overruns its stack.",
        b'{"cells": ' + b"[" * 400_000,
        {FAILED},
    ),
    _book(
        "notebook_of_many_cells",
        "Thirty thousand cells.",
        _notebook(*[_cell("x = 1")] * 30_000),
        {FAILED, TIMEOUT, RESOURCE},
    ),
    _row(
        "many_models",
        "More networks than can be read.",
        code(
            """
            import keras
            from keras import layers

            def network(units):
                model = keras.Sequential([keras.Input((784,)), layers.Dense(units)])
                model.compile("sgd", "mse")
                return model

            for units in range(1, 41):
                model = network(units)
                model.fit([[0.0] * 784], [[0.0] * units])
            """
        ),
        A_NETWORK | {FAILED, TIMEOUT},
        endless=True,
    ),
    _row(
        "honest",
        "Nothing: what the others are held against.",
        in_build("pass"),
        {HONEST},
    ),
)
