"""Attacks on objects: a patched library, values that lie, and a look at the grader's own memory.

Where the network that comes out may be any, nothing is won: a submission may name the network it
likes, and we train that one ourselves.
"""

from functools import partial

from tests.security.attack import (
    A_NETWORK,
    FAILED,
    HONEST,
    STOPPED,
    TIMEOUT,
    WRONG,
    WRONG_SOURCE,
    Attack,
    at_import,
    in_build,
    module,
)

_row = partial(module, "objects")

OBJECTS: tuple[Attack, ...] = (
    _row(
        "patched_model",
        "Model.evaluate, fit, predict and count_params say what is wanted.",
        at_import(
            """
            import keras
            class History:
                history = {"accuracy": [1.0], "val_accuracy": [1.0]}
            keras.Model.evaluate = lambda self, *a, **k: [0.0, 1.0]
            keras.Model.fit = lambda self, *a, **k: History()
            keras.Model.predict = lambda self, *a, **k: [[1.0] * 10]
            keras.Model.count_params = lambda self: 52_650
            keras.Model.summary = lambda self, *a, **k: print("Total params: 52,650")
            """,
            WRONG_SOURCE,
        ),
        {WRONG},
    ),
    _row(
        "patched_config",
        "get_config() describes another network than the one that was built.",
        at_import(
            """
            import keras
            honest = keras.Sequential.get_config
            def lie(self):
                config = honest(self)
                for layer in config["layers"]:
                    layer["config"]["units"] = 64
                return config
            keras.Sequential.get_config = lie
            """,
            WRONG_SOURCE,
        ),
        A_NETWORK,
    ),
    _row(
        "config_that_raises",
        "get_config() exits when the grader calls it.",
        at_import(
            """
            import os, keras
            keras.Sequential.get_config = lambda self: os._exit(0)
            """,
            WRONG_SOURCE,
        ),
        {FAILED, WRONG},
    ),
    _row(
        "equal_to_everything",
        "A number of units that equals whatever it is compared with.",
        in_build(
            """
            class Liar(int):
                __eq__ = __le__ = __ge__ = lambda self, other: True
                __ne__ = __lt__ = __gt__ = lambda self, other: False
                __hash__ = int.__hash__
                __repr__ = __str__ = lambda self: "64"
            global layers
            real = layers.Dense
            class layers:
                Dense = staticmethod(lambda units, **k: real(Liar(units), **k))
            """,
            WRONG_SOURCE,
        ),
        {WRONG, FAILED},
    ),
    _row(
        "text_that_lies",
        "Names that are text, and say something else each time they are read.",
        in_build(
            """
            class Liar(str):
                reads = 0
                def __str__(self):
                    Liar.reads += 1
                    return "softmax" if Liar.reads % 2 else "relu"
                __repr__ = __format__ = lower = strip = lambda self, *a: str(self)
                __eq__ = lambda self, other: True
                __hash__ = str.__hash__
            global layers
            real = layers.Dense
            class layers:
                Dense = staticmethod(lambda units, name, **k: real(units, name=Liar(name), **k))
            """,
            WRONG_SOURCE,
        ),
        {WRONG, FAILED},
    ),
    _row(
        "mapping_that_changes",
        "A configuration that is one thing when checked and another when used.",
        at_import(
            """
            import keras
            honest = keras.Sequential.get_config
            class Shifty(dict):
                reads = 0
                def __getitem__(self, key):
                    return self.get(key)
                def get(self, key, default=None):
                    Shifty.reads += 1
                    return Shifty.reads if key == "units" else dict.get(self, key, default)
                def items(self):
                    Shifty.reads += 1
                    return [(k, Shifty.reads if k == "units" else v) for k, v in dict.items(self)]
            def lie(self):
                config = honest(self)
                for layer in config["layers"]:
                    layer["config"] = Shifty(layer["config"])
                return config
            keras.Sequential.get_config = lie
            """,
            WRONG_SOURCE,
        ),
        A_NETWORK | {FAILED},
    ),
    _row(
        "endless_mapping",
        "A configuration whose items never end.",
        at_import(
            """
            import itertools, keras
            class Endless(dict):
                def items(self):
                    return ((str(i), "x" * 1000) for i in itertools.count())
                def __iter__(self):
                    return map(str, itertools.count())
                keys = __iter__
            keras.Sequential.get_config = lambda self: Endless(layers=[])
            """,
            WRONG_SOURCE,
        ),
        STOPPED | {WRONG},
        endless=True,
    ),
    _row(
        "patched_json",
        "json.dumps writes a verdict.",
        at_import(
            """
            import json
            green = '{"networks": [], "notes": [], "error": null, "score": 100, "passed": true}'
            json.dumps = lambda *a, **k: green
            json.JSONEncoder.encode = lambda self, value: green
            json.JSONEncoder.iterencode = lambda self, value, **k: iter([green])
            """,
            WRONG_SOURCE,
        ),
        {FAILED, WRONG},
    ),
    _row(
        "patched_write",
        "os.write tells another story to the program that reads.",
        at_import(
            """
            import os
            honest = os.write
            os.write = lambda fd, data: honest(fd, b'{"status": "passed", "score": 100}\\n')
            """,
            WRONG_SOURCE,
        ),
        {FAILED, WRONG},
    ),
    _row(
        "patched_numbers",
        "np.mean, argmax and the clocks say what is wanted.",
        at_import(
            """
            import time, numpy as np
            np.mean = np.average = lambda *a, **k: 1.0
            np.argmax = lambda *a, **k: 0
            np.array_equal = np.allclose = lambda *a, **k: True
            time.perf_counter = time.monotonic = time.time = lambda: 0.0
            """,
            WRONG_SOURCE,
        ),
        {WRONG},
    ),
    _row(
        "patched_builtins",
        "isinstance, len, all and callable say yes to everything.",
        at_import(
            """
            import builtins
            builtins.isinstance = builtins.callable = lambda *a: True
            builtins.len = lambda value: 0
            builtins.repr = builtins.ascii = lambda value: "passed"
            """,
            WRONG_SOURCE,
        ),
        A_NETWORK | {FAILED},
    ),
    _row(
        "patched_grader",
        "Replaces every function of the grader that runs beside it.",
        at_import(
            """
            import sys, types
            for name, module in list(sys.modules.items()):
                if name.split(".")[0] == "harness" and module:
                    for key, value in list(vars(module).items()):
                        if isinstance(value, types.FunctionType):
                            setattr(module, key, lambda *a, **k: ({"score": 100}, b""))
            """,
            WRONG_SOURCE,
        ),
        A_NETWORK | {FAILED},
    ),
    _row(
        "replaced_keras",
        "Exchanges Keras itself, for the grader too.",
        at_import(
            """
            import sys, types
            fake = types.ModuleType("keras")
            fake.Model = fake.Sequential = object
            sys.modules["keras"] = sys.modules["numpy"] = fake
            """,
            WRONG_SOURCE.replace("-> keras.Model", "").replace("import keras\n", ""),
        ).replace("from keras import layers", ""),
        {FAILED},
    ),
    _row(
        "frames",
        "Reads the variables of its callers.",
        in_build(
            """
            import re, sys
            pattern = re.compile("@SECRET@" + "[0-9a-f]{16}")
            frame = sys._getframe()
            while frame:
                for space in (frame.f_locals, frame.f_globals):
                    for key, value in list(space.items()):
                        try:
                            text = repr(value)
                        except BaseException:
                            continue
                        if pattern.search(text):
                            print("SEEN the secret in", key, flush=True)
                frame = frame.f_back
            """
        ),
        {HONEST},
    ),
    _row(
        "garbage_collector",
        "Looks through every object of the process for secrets.",
        in_build(
            """
            import gc, re
            pattern = re.compile("@SECRET@" + "[0-9a-f]{16}")
            for value in gc.get_objects():
                if type(value) in (dict, list, tuple):
                    items = value.values() if type(value) is dict else value
                    for item in list(items):
                        if type(item) is str and pattern.search(item):
                            print("SEEN the secret", flush=True)
            """
        ),
        {HONEST},
    ),
    _row(
        "memory",
        "Reads the process's memory, where the grader's secrets may have been.",
        in_build(
            """
            import re
            pattern = re.compile(b"@SECRET@" + b"[0-9a-f]{16}")
            with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", 0) as memory:
                for line in maps:
                    first, last = (int(x, 16) for x in line.split()[0].split("-"))
                    if "rw" in line and last - first < 1 << 28:
                        try:
                            memory.seek(first)
                            found = pattern.search(memory.read(last - first))
                        except (OSError, ValueError, OverflowError):
                            continue
                        if found:
                            print("SEEN the secret in", line, flush=True)
            """
        ),
        {HONEST},
    ),
    _row(
        "tracing",
        "A trace function that rewrites what the grader's functions return.",
        in_build(
            """
            import sys, threading
            def trace(frame, event, argument):
                for key in ("answer", "document", "networks", "error"):
                    if key in frame.f_locals:
                        frame.f_locals[key] = {"score": 100}
                return trace
            sys.settrace(trace)
            sys.setprofile(trace)
            threading.settrace(trace)
            frame = sys._getframe()
            while frame:
                frame.f_trace = trace
                frame = frame.f_back
            """,
            WRONG_SOURCE,
        ),
        A_NETWORK | {FAILED},
    ),
    _row(
        "audit_hook",
        "An audit hook that forbids whatever the grader does next.",
        in_build(
            """
            import sys
            def forbid(event, arguments):
                raise RuntimeError(event)
            sys.addaudithook(forbid)
            """,
            WRONG_SOURCE,
        ),
        {WRONG, FAILED},
    ),
    _row(
        "signal_handlers",
        "Ignores every signal that can be ignored.",
        in_build(
            """
            import signal
            for number in signal.valid_signals():
                try:
                    signal.signal(number, signal.SIG_IGN)
                except (OSError, ValueError):
                    pass
            """
        ),
        {HONEST},
    ),
    _row(
        "swallowed_timeout",
        "Catches whatever is raised to end it, and goes on.",
        in_build(
            """
            import time
            while True:
                try:
                    while True:
                        time.sleep(0.1)
                except BaseException:
                    pass
            """,
            WRONG_SOURCE,
        ),
        {TIMEOUT},
        endless=True,
    ),
    _row(
        "threads_that_go_on",
        "Threads that keep the process from ending.",
        in_build(
            """
            import threading
            for _ in range(20):
                threading.Thread(target=threading.Event().wait, daemon=False).start()
            """
        ),
        {HONEST},
    ),
    _row(
        "class_that_lies",
        "An object that says it is a model, and is none.",
        """
import keras

class Fake:
    __class__ = keras.Sequential
    built, inputs, outputs, layers = True, [1], [1], []
    def get_config(self):
        return {"layers": [], "score": 100}

def build():
    return Fake()
""",
        {FAILED},
    ),
    _row(
        "borrowed_name",
        "A layer of its own with the name and module of Keras's Dense, which looks answers up.",
        """
import keras

class Dense(keras.layers.Layer):
    def __init__(self, units, answers=None, **more):
        super().__init__(**more)
        self.units, self.answers = units, answers
    def call(self, images):
        return keras.ops.zeros((keras.ops.shape(images)[0], self.units))
    def get_config(self):
        return {**super().get_config(), "units": self.units, "answers": [7, 2, 1, 0, 4, 1, 4, 9]}

Dense.__module__ = "keras.src.layers.core.dense"

def build():
    return keras.Sequential([keras.Input((784,)), Dense(10)])
""",
        {FAILED},
    ),
    _row(
        "recursion_unbounded",
        "Recursion without a limit overruns the stack of the program that walks the configuration.",
        at_import(
            """
            import sys, keras
            sys.setrecursionlimit(10**9)
            def nest(self):
                config = {}
                config["layers"] = [config]
                return config
            keras.Sequential.get_config = nest
            """,
            WRONG_SOURCE,
        ),
        STOPPED | {WRONG},
        endless=True,
    ),
)
