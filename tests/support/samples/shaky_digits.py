"""What the samples of the report draw and hash: shaky digits, digests."""

import hashlib
import itertools
import random

import numpy as np

GLYPHS = {
    0: [[(0.5, 0.1), (0.2, 0.3), (0.2, 0.7), (0.5, 0.9), (0.8, 0.7), (0.8, 0.3), (0.5, 0.1)]],
    1: [[(0.4, 0.25), (0.55, 0.1), (0.5, 0.9)]],
    2: [[(0.2, 0.3), (0.4, 0.1), (0.75, 0.2), (0.7, 0.45), (0.2, 0.9), (0.8, 0.85)]],
    3: [[(0.2, 0.15), (0.7, 0.15), (0.45, 0.45), (0.8, 0.7), (0.5, 0.92), (0.2, 0.8)]],
    4: [[(0.3, 0.1), (0.2, 0.55), (0.8, 0.5)], [(0.7, 0.1), (0.65, 0.92)]],
    5: [[(0.8, 0.1), (0.3, 0.12), (0.27, 0.45), (0.7, 0.5), (0.7, 0.8), (0.25, 0.9)]],
    6: [[(0.7, 0.1), (0.3, 0.45), (0.25, 0.8), (0.6, 0.92), (0.75, 0.65), (0.3, 0.6)]],
    7: [[(0.2, 0.15), (0.8, 0.12), (0.45, 0.9)]],
    8: [[(0.5, 0.1), (0.25, 0.3), (0.75, 0.65), (0.5, 0.92), (0.25, 0.7), (0.75, 0.3), (0.5, 0.1)]],
    9: [[(0.75, 0.3), (0.45, 0.12), (0.25, 0.35), (0.5, 0.5), (0.75, 0.3), (0.65, 0.92)]],
}


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def digit_pixels(rng: random.Random, label: int) -> bytes:
    """784 bytes: a shaky, slanted glyph drawn by its distance to a few strokes."""
    slant, scale = rng.uniform(-0.35, 0.35), rng.uniform(0.75, 1.0)
    rows, columns = np.mgrid[0:28, 0:28] / 27.0
    distance = np.full((28, 28), 9.0)
    for stroke in GLYPHS[label]:
        shaken = [(x + rng.gauss(0, 0.05), y + rng.gauss(0, 0.05)) for x, y in stroke]
        moved = [
            (0.5 + scale * 0.72 * (x - 0.5 - slant * (y - 0.5)), 0.5 + scale * 0.72 * (y - 0.5))
            for x, y in shaken
        ]
        for (x0, y0), (x1, y1) in itertools.pairwise(moved):
            dx, dy = x1 - x0, y1 - y0
            along = ((columns - x0) * dx + (rows - y0) * dy) / max(dx * dx + dy * dy, 1e-9)
            along = np.clip(along, 0, 1)
            to = np.hypot(columns - x0 - along * dx, rows - y0 - along * dy)
            distance = np.minimum(distance, to)
    ink = np.clip(1.6 - distance / rng.uniform(0.026, 0.042), 0, 1)
    return (ink * 255).astype(np.uint8).tobytes()
