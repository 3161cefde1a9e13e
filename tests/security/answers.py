"""Attacks on the code that reads the answer: documents written straight into the pipe."""

import json
from functools import partial
from typing import Any

from tests.security.attack import (
    A_NETWORK,
    FAILED,
    RESOURCE,
    STOPPED,
    TIMEOUT,
    WRONG_SOURCE,
    Attack,
    in_build,
    module,
)
from tests.support.samples.keras_json import (
    call,
    dense,
    entry,
    functional,
    layer,
    sequential,
    tensor,
)

_row = partial(module, "answers")
_UNKNOWN_CLASS = layer("Backdoor", "door", command="rm -rf /")


def _says(expression: str) -> str:
    """A module that writes bytes to every descriptor, the answer's among them, and ends."""
    return in_build(
        f"""
        import json, os
        data = {expression}
        for fd in range(3, 256):
            left = data
            try:
                while left:
                    left = left[os.write(fd, left):]
            except OSError:
                pass
        os._exit(0)
        """,
        WRONG_SOURCE,
    )


def document(model: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Returns an answer that holds one network."""
    network = {**model, "origin": "build()", "line": None, "recipe": None, "weights": None}
    return {"networks": [{**network, **more}], "notes": [], "error": None}


def _forged(model: dict[str, Any], payload: str = 'b""', **more: Any) -> str:
    text = json.dumps(document(model, **more))
    return _says(f"{text!r}.encode() + b'\\n' + {payload}")


_TEN = dense(10, "predictions", activation="softmax")
_CYCLE = functional(
    entry(784),
    call(layer("Add", "sum"), ["images", "back"]),
    call(dense(784, "back"), "sum"),
    call(_TEN, "back"),
)
_TWINS = functional(
    entry(784),
    call(dense(8, "twin"), "images"),
    call(dense(9, "twin"), "images"),
    call(_TEN, "twin"),
)
# Each Add takes the one before twice: 2^200 paths for code that walks the graph without a memory.
_PATHS = functional(
    entry(10),
    *(call(layer("Add", f"a{i}"), [f"a{i - 1}" if i else "images"] * 2) for i in range(200)),
    call(_TEN, "a199"),
)
_TANGLED = {
    **_TEN,
    "inbound_nodes": [{"args": [[tensor("images")] * 3_000], "kwargs": {}}],
}
_SMALL = sequential(entry(784), _TEN)
_SHAPES = [[], [[784, 10], [10]]]

ANSWERS: tuple[Attack, ...] = (
    _row(
        "a_verdict",
        "The grader should believe a verdict.",
        _says('b\'{"score": 100, "status": "passed", "checks": []}\\n\''),
        {FAILED},
    ),
    _row(
        "no_json",
        "Bytes that are no text.",
        _says('b"\\xff\\xfe\\0" * 1000 + b"\\n"'),
        {FAILED},
    ),
    _row(
        "large_document",
        "A document too large to be read.",
        _says('b\'{"networks": [], "notes": "\' + b"x" * (4 << 20) + b\'"}\\n\''),
        {FAILED},
    ),
    _row(
        "endless_document",
        "A document without an end.",
        _says('b"x" * (600 << 20)'),
        {FAILED, RESOURCE},
    ),
    _row(
        "large_payload",
        "Weights without an end, after a small document.",
        _says('b\'{"networks": [], "notes": [], "error": null}\\n\' + b"x" * (600 << 20)'),
        {FAILED, RESOURCE},
    ),
    _row(
        "unfinished",
        "A document that stops in the middle, from a process that does not.",
        in_build(
            """
            import os, signal
            for fd in range(3, 256):
                try:
                    os.write(fd, b'{"networks": [')
                except OSError:
                    pass
            while True:
                signal.pause()
            """,
            WRONG_SOURCE,
        ),
        {TIMEOUT, FAILED},
        endless=True,
    ),
    _row(
        "drip",
        "A byte now and then, so that the answer always seems to be on its way.",
        in_build(
            """
            import os, time
            while True:
                for fd in range(3, 64):
                    try:
                        os.write(fd, b" ")
                    except OSError:
                        pass
                time.sleep(0.05)
            """,
            WRONG_SOURCE,
        ),
        {TIMEOUT, FAILED},
        endless=True,
    ),
    _row(
        "deep_document",
        "Nesting so deep that the reader overruns its stack.",
        _says('b"[" * 900_000 + b"\\n"'),
        {FAILED},
    ),
    _row(
        "deep_configuration",
        "Nesting that can be read, and overruns the stack of the program that looks at it later.",
        _says(
            'b\'{"networks": [{"class": "Sequential", "config": {"layers": [{"class_name": "Dense",'
            ' "config": {"units": \' + b"[" * 900 + b"]" * 900 + b\'}}]}}], "notes": [],'
            ' "error": null}\\n\''
        ),
        {FAILED},
    ),
    _row(
        "no_numbers",
        "NaN and infinities, which are no JSON.",
        _says(
            'b\'{"networks": [{"class": "Sequential", "config": {"layers": [{"class_name": '
            '"Dropout", "config": {"rate": NaN, "units": Infinity}}]}}], "notes": [NaN],'
            ' "error": -Infinity}\\n\''
        ),
        {FAILED},
    ),
    _row(
        "long_number",
        "A number of so many digits that reading it takes for ever.",
        _says('b\'{"networks": \' + b"9" * 900_000 + b"}\\n"'),
        {FAILED},
    ),
    _row(
        "duplicate_keys",
        "Two values for one key: one that is checked and one that is used.",
        _says(
            'b\'{"networks": [], "networks": [{"class": "Sequential", "class": 3, "config": {}}],'
            ' "notes": [], "error": null, "error": null}\\n\''
        ),
        {FAILED},
    ),
    _row(
        "wrong_types",
        "Lists where texts should be, texts where lists should be.",
        _says(
            'b\'{"networks": {"0": "x"}, "notes": "x", "error": {"stage": [], "message": {}}}\\n\''
        ),
        {FAILED},
    ),
    _row(
        "many_networks",
        "Ten thousand networks, each of which would be read.",
        _says('json.dumps({"networks": [{"class": "x"}] * 10_000}).encode() + b"\\n"'),
        {FAILED},
    ),
    _row(
        "many_notes",
        "Notes that fill the report.",
        _says(
            'json.dumps({"networks": [], "error": None, "notes": [{"kind": "<b>", '
            '"text": "x" * 800, "line": -1}] * 900}).encode() + b"\\n"'
        ),
        {FAILED},
    ),
    _row(
        "negative_sizes",
        "Sizes below zero, to make a product small or an index wrap.",
        _forged(sequential(entry(-28, -28), layer("Flatten", "flat"), dense(-10, "d"))),
        {FAILED},
    ),
    _row(
        "huge_layer",
        "A layer that no memory can hold.",
        _forged(sequential(entry(784), dense(10**15, "huge"), _TEN)),
        {FAILED},
    ),
    _row(
        "many_layers",
        "Ten thousand layers.",
        _says(
            'json.dumps({"networks": [{"class": "Sequential", "config": {"layers": ['
            '{"class_name": "ReLU", "config": {}}] * 10_000}}], "notes": [], "error": None'
            '}).encode() + b"\\n"'
        ),
        {FAILED},
    ),
    _row("cyclic_graph", "A graph that a walk never leaves.", _forged(_CYCLE), {FAILED}),
    _row("duplicate_names", "Two layers of one name.", _forged(_TWINS), {FAILED}),
    _row("many_paths", "A graph with 2^200 paths.", _forged(_PATHS), {FAILED} | A_NETWORK),
    _row(
        "tangled_graph",
        "A layer that takes its input three thousand times.",
        _forged(functional(entry(784), _TANGLED)),
        {FAILED},
    ),
    _row(
        "unknown_class",
        "A layer that only the submission knows.",
        _forged(sequential(entry(784), _UNKNOWN_CLASS, _TEN)),
        {FAILED},
    ),
    _row(
        "function_by_name",
        "An activation that is a function of Python's own.",
        _forged(
            sequential(
                entry(784),
                dense(
                    10,
                    "d",
                    activation={
                        "module": "builtins",
                        "class_name": "function",
                        "config": "eval",
                        "registered_name": "function",
                    },
                ),
            )
        ),
        {FAILED},
    ),
    _row(
        "weights_too_long",
        "More weights than the shapes say.",
        _forged(_SMALL, 'b"\\0" * (4 * 7_850 + 4)', origin="file", weights=_SHAPES),
        A_NETWORK | {FAILED},
    ),
    _row(
        "weights_too_short",
        "Fewer weights than the shapes say.",
        _forged(_SMALL, 'b"\\0" * 7', origin="file", weights=_SHAPES),
        A_NETWORK | {FAILED},
    ),
    _row(
        "weights_that_are_no_numbers",
        "Weights that are NaN, which compare as one likes.",
        _forged(_SMALL, 'b"\\0\\0\\xc0\\x7f" * 7_850', origin="file", weights=_SHAPES),
        A_NETWORK | {FAILED},
    ),
    _row(
        "weights_of_any_shape",
        "Shapes whose product overflows, or is negative.",
        _forged(_SMALL, origin="file", weights=[[], [[2**62, 4], [-1, -1], [10**400]]]),
        A_NETWORK | {FAILED},
    ),
    _row(
        "two_answers",
        "A second document where the weights should be.",
        _forged(_SMALL, 'b\'{"networks": [], "error": null}\\n\''),
        A_NETWORK | {FAILED},
    ),
    _row(
        "answer_and_go_on",
        "Answers, and then waits for ever.",
        _forged(_SMALL).replace("os._exit(0)", "import signal; signal.pause()"),
        A_NETWORK | STOPPED,
        endless=True,
    ),
)
