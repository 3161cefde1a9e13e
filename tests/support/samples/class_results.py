"""A results.json of a class, built by hand to the contract: every status, hostile names, twins.

`of(subject, ...)` makes a results.json of any subjects; `classroom()` one of 14 submissions;
`large(count)` repeats honest ones until there are as many.
"""

import copy
from typing import Any

from tests.support.samples.results import digest, sample, wilson

HOSTILE_NAMES = (
    "<script>alert(1)</script>",
    '=HYPERLINK("http://example.com";"click")',
    'Zoë\n\tNuñez-O\'Neil, "Z"',
    "\u202egnp.exe \N{HEBREW LETTER SHIN}\N{ARABIC LETTER AIN}\x00\x1b[31m\ud800",
    "../../etc/passwd {{ 7*7 }} " + "W" * 300,
    "  +1;=1+1",
)
RECIPE = {
    "optimizer": "adam",
    "learning_rate": 0.001,
    "loss": "categorical_crossentropy",
    "batch_size": 128,
    "epochs": 10,
    "validation_images": 10000,
    "pixel_max": 255,
}
BASIS = {
    "optimizer": "stated",
    "learning_rate": "chosen",
    "loss": "stated",
    "batch_size": "stated",
    "epochs": "stated",
    "validation_images": "chosen",
    "pixel_max": "derived",
}
RECIPE_CHECK = "test_recipe.py::test_submitted_recipe"
GATE_CHECK = "test_training.py::test_gate"
SHAPES_CHECK = "test_structure.py::test_output_shapes"
LAYERS_CHECK = "test_structure.py::test_layer_sequence"
BUILD_CHECK = "test_build.py::test_build"


def submission(ident: str, name: str, architecture: str = "sequential_cnn") -> dict[str, Any]:
    """A submission that is right in everything."""
    subject = copy.deepcopy(sample(names=(architecture,))["subjects"][0])
    for check in subject["checks"]:
        check["id"] = check["id"].partition("[")[0]
        check |= {"points": 5.125, "max_points": 5.125}
    first = subject["checks"][0]
    recipe = {"id": RECIPE_CHECK, "group": "recipe", "title": "the recipe is the documented one"}
    build = {"id": BUILD_CHECK, "group": "build", "title": "it can be opened"}
    subject["checks"].insert(6, first | recipe | {"points": 8.0, "max_points": 8.0})
    subject["checks"].insert(0, first | build | {"points": 10.0, "max_points": 10.0})
    return _summed(
        subject
        | {
            "id": ident,
            "name": name,
            "source": f"class/{ident}.py",
            "trust": "submission",
            "architecture_basis": "file name",
            "origin": "build()",
            "notes": [],
            "findings": [],
            "recipe": {
                "documented": dict(RECIPE),
                "submitted": RECIPE
                | {"from_logits": False, "labels": "one-hot", "callbacks": ["EarlyStopping"]},
                "basis": dict(BASIS),
                "trained_with": "document",
            },
            "own_weights": None,
        }
    )


def valid_padding(ident: str, name: str) -> dict[str, Any]:
    """The commonest fault: `padding="valid"` where the document keeps the size."""
    subject = submission(ident, name, "functional_cnn")
    layers = subject["spec"]["layers"]
    layers[0]["config"]["padding"] = "valid"
    for layer, side in zip(layers, (26, 26, 26, 13), strict=False):
        layer["output_shape"] = [side, side, 32]
    subject["diff"][0] |= {
        "status": "changed",
        "changes": [
            "conv1.padding = 'valid', but should be 'same' [Model Architecture, row 1]",
            "conv1.output_shape = (26, 26, 32), but should be (28, 28, 32)",
        ],
    }
    subject["findings"] = [
        {
            "kind": "padding",
            "where": "layer 1 (Conv2D 'conv1')",
            "cause": "`padding` is `valid`: the output shrank from 28 × 28 to 26 × 26. The "
            'document keeps 28 × 28, so write `padding="same"`.',
            "severity": "fault",
        },
        {
            "kind": "epochs",
            "where": "fit",
            "cause": "You train for 5 epochs. The document trains for 10; that is your choice.",
            "severity": "note",
        },
    ]
    subject["recipe"]["submitted"] |= {"epochs": 5, "optimizer": "sgd", "learning_rate": 0.01}
    subject["verdict"] = "failed"
    return fail(
        subject,
        SHAPES_CHECK,
        expected="conv1.output_shape = (28, 28, 32)",
        actual="conv1.output_shape = (26, 26, 32)",
        hint="`padding` is `valid`; the document keeps the size, so `same`.",
        message="conv1.output_shape = (26, 26, 32), but should be (28, 28, 32)",
        points=1.281,
    )


def rebuilt(ident: str, name: str) -> dict[str, Any]:
    """One layer too many, one missing, one of another class, and weights of its own."""
    subject = submission(ident, name)
    layers = subject["spec"]["layers"]
    layers[1] |= {"class": "AveragePooling2D"}
    dropout = copy.deepcopy(layers[2]) | {"name": "drop", "class": "Dropout"}
    layers.insert(3, dropout | {"config": {"rate": 0.25}})
    del layers[4]
    subject["diff"] = [
        {"status": "same", "expected": 0, "actual": 0, "changes": []},
        {
            "status": "changed",
            "expected": 1,
            "actual": 1,
            "changes": ["pool1 = AveragePooling2D, but should be MaxPooling2D"],
        },
        {"status": "same", "expected": 2, "actual": 2, "changes": []},
        {"status": "extra", "expected": None, "actual": 3, "changes": []},
        {"status": "missing", "expected": 3, "actual": None, "changes": []},
        {"status": "same", "expected": 4, "actual": 4, "changes": []},
    ]
    subject["findings"] = [
        _finding("pool", "layer 2 (AveragePooling2D 'pool1')", "It averages where the document "
                 "takes the maximum. Write `MaxPooling2D`."),
        _finding("missing layer", "after layer 3", "The hidden `Dense` layer of 128 units is "
                 'missing. Add `layers.Dense(128, activation="relu")` after `Flatten`.'),
    ]  # fmt: skip
    subject |= {
        "origin": "file",
        "architecture_basis": "closest",
        "verdict": "failed",
        "recipe": subject["recipe"] | {"submitted": None},
        "own_weights": {
            "accuracy": 0.9731,
            "interval": wilson(0.9731, 10000),
            "correct": 9731,
            "total": 10000,
        },
    }
    return fail(subject, LAYERS_CHECK, message="the layers differ", points=3.0)


def unopened(ident: str, name: str, status: str, message: str) -> dict[str, Any]:
    """A submission that was never a network: failed, timeout, resource or grader_error."""
    subject = submission(ident, name)
    subject |= {
        "architecture": None,
        "architecture_basis": None,
        "family": None,
        "title": None,
        "document": None,
        "expected": None,
        "origin": None,
        "verdict": "not graded" if status == "grader_error" else "not built",
        "error": message,
        "spec": None,
        "spec_digest": None,
        "diff": [],
        "gate": None,
        "runs": [],
        "recipe": None,
    }
    for check in subject["checks"]:
        check |= {"status": "skipped", "points": 0.0, "message": "the network could not be opened"}
        if status == "grader_error":
            check["max_points"] = 0.0
    subject["checks"][0] |= {"status": status, "message": message}
    return _summed(subject)


def fail(
    subject: dict[str, Any], ident: str, points: float = 0.0, **details: str
) -> dict[str, Any]:
    """The same submission with one check failed."""
    check = next(check for check in subject["checks"] if check["id"] == ident)
    check |= {"status": "failed", "points": points} | details
    return _summed(subject)


def of(*subjects: dict[str, Any]) -> dict[str, Any]:
    """A results.json of these submissions."""
    results = sample(names=(), benchmarks=False)
    results["environment"]["isolation"] = "bubblewrap; each submission in namespaces of its own"
    return results | {
        "command": "pytest checks/ --submissions=class",
        "outcome": "failed",
        "submissions": True,
        "claims": [],
        "subjects": list(subjects),
        "rubric": {"source": "reference/rubric.toml", "max_score": 100},
    }


def classroom() -> dict[str, Any]:
    """14 submissions: right, wrong, hostile, too slow, too large, and one that we failed."""
    names = iter(HOSTILE_NAMES)
    weak = submission("kim", "Kim Weak", "mlp_64_32")
    weak["verdict"] = "inconclusive"
    weak["gate"] |= {
        "accuracy": 0.9612,
        "interval": [0.9572, 0.9648],
        "margin": 0.0012,
        "verdict": "inconclusive",
        "explanation": "the gate lies inside the 95 % interval: more seeds would settle it",
    }
    noted = submission("grace-hopper", "Grace Hopper", "deep_cnn")
    noted |= {
        "origin": "fit, line 31",
        "notes": [
            "line 3: `keras.utils.np_utils` is gone; graded as if `keras.utils` were written.",
            "Your images come as (60000, 784); a first Reshape makes them 28 × 28: the same.",
        ],
    }
    slow = "it was still running after 30 s, and was stopped"
    large = "it asked for more than 2 GB of memory"
    return of(
        submission("ada-lovelace", "Ada Lovelace"),
        submission("script", next(names)),
        submission("hyperlink", next(names), "mlp_256_128"),
        valid_padding("zoe", next(names)),
        valid_padding("rtl", next(names)),
        valid_padding("alan-turing", "Alan Turing"),
        rebuilt("long", next(names)),
        weak,
        noted,
        unopened("plus", next(names), "failed", "line 31: SyntaxError: '(' was never closed"),
        unopened("loop", "Loop For Ever", "timeout", slow),
        unopened("bomb", "Memory Bomb", "resource", large),
        unopened("ours", "Our Own Fault", "grader_error", "the sandbox could not be started"),
        unopened("empty", "", "failed", "the file is empty"),
    )


def large(count: int) -> dict[str, Any]:
    """`count` submissions of a few distinct networks."""
    makers = (submission, valid_padding, rebuilt, submission)
    return of(*(makers[n % 4](f"student-{n:03}", f"Student {n:03}") for n in range(count)))


def _finding(kind: str, where: str, cause: str) -> dict[str, str]:
    return {"kind": kind, "where": where, "cause": cause, "severity": "fault"}


def _summed(subject: dict[str, Any]) -> dict[str, Any]:
    changed = subject["spec"] and any(row["status"] != "same" for row in subject["diff"])
    return subject | {
        "spec_digest": digest(str(subject["spec"])) if changed else subject["spec_digest"],
        "score": round(sum(check["points"] for check in subject["checks"]), 3),
        "max_score": round(sum(check["max_points"] for check in subject["checks"]), 3),
    }
