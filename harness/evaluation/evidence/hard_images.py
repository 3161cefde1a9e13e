"""Test images that every network misses, and those that only one does.

A network misses an image when more than half of its runs do. What it then reads there is the digit
that most of these runs read, the smallest of equally frequent ones.
"""

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.data.dataset import Dataset
from harness.evaluation.evidence.trained_networks import Reader

ALL_SHOWN = 24
ONE_SHOWN = 8


def image_groups(networks: Sequence[Reader], dataset: Dataset) -> dict[str, Any] | None:
    """Returns how many images of each group there are, with the first of them.

    None with fewer than two networks.
    """
    if len(networks) < 2:
        return None
    missed = np.array([missed_images(one, dataset.test_labels) for one in networks])
    by = missed.sum(axis=0)
    alone = missed & (by == 1)
    return {
        "networks": [one.id for one in networks],
        "images": len(dataset.test_labels),
        "all_miss": {
            "count": int((by == len(networks)).sum()),
            "images": [
                {
                    **_picture(image, dataset),
                    "readings": [_reading(one, image, dataset.test_labels) for one in networks],
                }
                for image in np.flatnonzero(by == len(networks))[:ALL_SHOWN]
            ],
        },
        "only_one": [
            {
                "network": one.id,
                "count": int(own.sum()),
                "images": [
                    {
                        **_picture(image, dataset),
                        "reading": _reading(one, image, dataset.test_labels),
                    }
                    for image in np.flatnonzero(own)[:ONE_SHOWN]
                ],
            }
            for one, own in zip(networks, alone, strict=True)
        ],
    }


def missed_images(network: Reader, labels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Returns which images more than half of a network's runs misread, (N,)."""
    right = network.right(labels, list(network.digits))
    missed: NDArray[np.bool_] = 2 * (~right).sum(axis=0) > len(right)
    return missed


def _reading(network: Reader, image: int, labels: NDArray[np.uint8]) -> int:
    read = np.array([digits[image] for digits in network.digits.values()])
    return int(np.bincount(read[read != labels[image]]).argmax())


def _picture(image: int, dataset: Dataset) -> dict[str, Any]:
    return {
        "index": int(image),
        "label": int(dataset.test_labels[image]),
        "pixels": base64.b64encode(dataset.test_images[image].tobytes()).decode(),
    }
