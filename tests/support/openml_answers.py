"""The answers of OpenML for a small table in the layout of mnist_784."""

import hashlib
import json

from tests.support.data_files import synthetic_parts

PARTS = synthetic_parts()
PIXELS = [f"pixel{i}" for i in range(1, 785)]
DOWNLOAD = "/data/v1/download/52667/mnist_784.arff"
DATA, FEATURES, QUALITIES = (
    f"/api/v1/json/data{part}/554" for part in ("", "/features", "/qualities")
)


def arff(images, labels):
    """The table as OpenML has it: training rows, then test rows, the class last."""
    head = [
        "% Small stand-in for mnist_784",
        "@RELATION mnist_784",
        *(f"@ATTRIBUTE {name} real" for name in PIXELS),
        "@ATTRIBUTE class {0,1,2,3,4,5,6,7,8,9}",
        "@DATA",
    ]
    rows = [
        ",".join([*map(str, image.ravel()), str(label)])
        for image, label in zip(images, labels, strict=True)
    ]
    return "\n".join([*head, *rows, ""]).encode()


def feature_answer(index, name, target):
    return {
        "index": str(index), "name": name, "data_type": "nominal" if target else "numeric",
        "is_target": str(target).lower(), "is_ignore": "false", "is_row_identifier": "false",
        "number_of_missing_values": "0",
    }  # fmt: skip


def answers(table):
    description = {
        "id": "554", "name": "mnist_784", "version": "1", "format": "ARFF", "status": "active",
        "description": "handwritten digits", "default_target_attribute": "class",
        "url": f"https://www.openml.org{DOWNLOAD}",
        "md5_checksum": hashlib.md5(table, usedforsecurity=False).hexdigest(),
    }  # fmt: skip
    features = [feature_answer(i, name, target=False) for i, name in enumerate(PIXELS)]
    features.append(feature_answer(784, "class", target=True))
    rows = str(float(len(PARTS["train_labels"]) + len(PARTS["test_labels"])))
    return {
        DATA: json.dumps({"data_set_description": description}).encode(),
        FEATURES: json.dumps({"data_features": {"feature": features}}).encode(),
        QUALITIES: json.dumps(
            {"data_qualities": {"quality": [{"name": "NumberOfInstances", "value": rows}]}}
        ).encode(),
        DOWNLOAD: table,
    }
