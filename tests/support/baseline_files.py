"""Results files of an earlier run, for the tests that read one as a baseline."""

import base64

import numpy as np

IMAGES = 12  # so that a bitmap ends in bits of no image
RIGHT = np.array([1, 1, 0, 1, 1, 1, 1, 0, 1, 1, 1, 1], bool)


def bitmap(right):
    return base64.b64encode(np.packbits(right).tobytes()).decode()


def run(seed=0, right=RIGHT, **changes):
    return {
        "seed": seed,
        "correct_bitmap": bitmap(right),
        "test_accuracy": float(np.mean(right)),
        "train_images_per_s": 1000.0 * (seed + 1),
        **changes,
    }


def subject(name="deep_cnn", *runs, **changes):
    spec = {"total_params": 10, "flops": 20, "layers": []}
    return {"id": name, "spec_digest": f"digest of {name}", "spec": spec, "runs": list(runs),
            **changes}  # fmt: skip


def document(*subjects, **changes):
    return {
        "schema": 1,
        "created": "2026-11-22T00:00:00Z",
        "dataset": {"name": "mnist", "digest": "d" * 64, "sizes": {"train": 60, "test": IMAGES}},
        "recipe": "gate",
        "environment": {"commit": "abc", "cpu": "A", "cores": 2, "threads": 1},
        "subjects": list(subjects),
        "benchmarks": [],
        **changes,
    }
