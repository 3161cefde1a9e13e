"""What the runs say beyond accuracy, for the tests of the report: drawn from nothing but a seed.

Networks that find the same images hard: an image has a difficulty, a network an ability. All
figures are counted from the readings that were drawn, with the simplest formula that has the
right shape; how they are truly computed is tested elsewhere.
"""

import base64
import itertools
import math
import random
from typing import Any

import numpy as np

from tests.support.samples.results import TEST_COUNTS, sample, wilson
from tests.support.samples.shaky_digits import digit_pixels

Json = dict[str, Any]

LABELS = np.repeat(np.arange(10), TEST_COUNTS)
MISTAKEN = np.array([6, 7, 7, 5, 9, 3, 0, 2, 3, 4])  # what a digit is most often taken for
CORRUPTIONS = (  # name, words, unit, values, how much accuracy it takes
    ("shift", "shifted", "pixels", (1, 2, 3, 4, 5), 0.9),
    ("rotation", "turned", "degrees", (10, 20, 30, 40, 50), 0.45),
    ("scaling", "made smaller", "% of the width", (90, 80, 70, 60, 50), 0.3),
    ("noise", "noisy", "% of white", (10, 20, 30, 40, 50), 0.35),
    ("blur", "blurred", "pixels", (0.4, 0.8, 1.2, 1.6, 2.0), 0.2),
    ("contrast", "paler", "% contrast", (80, 60, 40, 20, 10), 0.12),
    ("inversion", "inverted", "% negative", (20, 40, 60, 80, 100), 1.7),
    ("occlusion", "partly covered", "pixels wide", (4, 6, 8, 10, 12), 0.3),
)


def complete(**kind: Any) -> Json:
    """`report_sample.sample(**kind)` with every key of the contract filled in."""
    return with_evidence(sample(**kind))


def with_evidence(results: Json) -> Json:
    """Adds to a results.json what a run of now has in it; subjects without a run stay bare."""
    trained = [subject for subject in results["subjects"] if subject["runs"]]
    rng = np.random.default_rng(7)
    hard = rng.normal(size=LABELS.size)
    readings, sure = {}, {}
    for subject in trained:
        margins = [_margins(rng, hard, run["test_accuracy"]) for run in subject["runs"]]
        readings[subject["id"]] = np.stack([_readings(rng, margin) for margin in margins])
        steep = 5.0 if subject["family"] == "cnn" else 9.0
        sure[subject["id"]] = 1 / (1 + np.exp(-steep * np.abs(np.stack(margins))) * 0.8)
    for subject in trained:
        _figures(subject, readings[subject["id"]], sure[subject["id"]])
    right = {name: read == LABELS for name, read in readings.items()}
    results["comparisons"] = _comparisons(right)
    if len(right) > 2:
        results["omnibus"] = _omnibus(right)
    if len(right) > 1:
        results["image_groups"] = _groups(readings)
    return results


def _margins(rng: np.random.Generator, hard: np.ndarray, accuracy: float) -> np.ndarray:
    raw = hard + 0.45 * rng.normal(size=hard.size)
    return raw - np.quantile(raw, 1 - accuracy)


def _readings(rng: np.random.Generator, margin: np.ndarray) -> np.ndarray:
    other = np.where(rng.random(margin.size) < 0.55, MISTAKEN[LABELS], rng.integers(0, 10, 10_000))
    other = np.where(other == LABELS, (LABELS + 1) % 10, other)
    return np.where(margin >= 0, LABELS, other)


def _comparisons(right: dict[str, np.ndarray]) -> list[Json]:
    rows = []
    for a, b in itertools.combinations(right, 2):
        only_a = (right[a] & ~right[b]).sum(axis=1)
        only_b = (~right[a] & right[b]).sum(axis=1)
        seeds, images = right[a].shape
        difference = float((only_a - only_b).mean() / images)
        deviation = math.sqrt(float((only_a + only_b).mean())) / images / math.sqrt(seeds)
        p = math.erfc(abs(difference) / deviation / math.sqrt(2)) if deviation else 1.0
        rows.append({
            "a": a, "b": b, "seeds": seeds, "images": images, "difference": difference,
            "interval": [difference - 1.96 * deviation, difference + 1.96 * deviation], "p": p,
            "method": "McNemar's test, mid-p" if seeds == 1
            else f"bootstrap over {seeds} seeds × {images:,} images",
            "only_a": float(only_a.mean()), "only_b": float(only_b.mean()),
            "detectable": 2.8 * deviation,
            "runs": [
                {"seed": seed, "only_a": int(x), "only_b": int(y), "p": p}
                for seed, (x, y) in enumerate(zip(only_a, only_b, strict=True))
            ],
        })  # fmt: skip
    adjusted = 0.0
    for place, row in enumerate(sorted(rows, key=lambda row: row["p"])):
        adjusted = max(adjusted, min(1.0, (len(rows) - place) * row["p"]))
        row["p_adjusted"] = adjusted
        better = "a" if row["difference"] > 0 else "b"
        row["verdict"] = better if adjusted < 0.05 else "none"
    return rows


def _omnibus(right: dict[str, np.ndarray]) -> Json:
    table = np.stack([runs[0] for runs in right.values()]).astype(float)
    k, totals, rows = len(right), table.sum(axis=1), table.sum(axis=0)
    q = (k - 1) * (k * (totals**2).sum() - totals.sum() ** 2) / (k * rows.sum() - (rows**2).sum())
    return {"test": "Cochran's Q", "networks": k, "images": LABELS.size, "q": float(q),
            "df": k - 1, "p": 1e-12, "seed": 0}  # fmt: skip


def _groups(readings: dict[str, np.ndarray]) -> Json:
    names = list(readings)
    missed = np.stack([(read != LABELS).mean(axis=0) > 0.5 for read in readings.values()])
    every = np.flatnonzero(missed.all(axis=0))
    rng = random.Random(3)
    lonely = missed.sum(axis=0) == 1

    def voted(name: str, index: int) -> int:
        read = readings[name][:, index]
        return int(np.bincount(read[read != LABELS[index]]).argmax())

    def image(index: int) -> Json:
        label = int(LABELS[index])
        pixels = base64.b64encode(digit_pixels(rng, label)).decode()
        return {"index": int(index), "label": label, "pixels": pixels}

    return {
        "networks": names,
        "images": LABELS.size,
        "all_miss": {
            "count": int(every.size),
            "images": [
                image(i) | {"readings": [voted(name, i) for name in names]} for i in every[:24]
            ],
        },
        "only_one": [
            {
                "network": name,
                "count": int((missed[place] & lonely).sum()),
                "images": [
                    image(i) | {"reading": voted(name, i)}
                    for i in np.flatnonzero(missed[place] & lonely)[:8]
                ],
            }
            for place, name in enumerate(names)
        ],
    }


def _figures(subject: Json, read: np.ndarray, sure: np.ndarray) -> None:
    right = read == LABELS
    subject["calibration"] = _calibration(right, sure)
    subject["classes"] = [_digit(digit, read) for digit in range(10)]
    matrix = np.array([np.bincount(10 * LABELS + run, minlength=100) for run in read]).mean(axis=0)
    pairs = sorted((-matrix[10 * i + j], i, j) for i in range(10) for j in range(10) if i != j)
    subject["confused"] = [
        {"label": i, "prediction": j, "count": float(-n), "share": float(-n / TEST_COUNTS[i])}
        for n, i, j in pairs[:10]
        if n
    ]
    clean = float(right.mean())
    frail = random.Random(subject["id"])
    subject["robustness"] = _robustness(clean, frail, subject["family"], len(read))


def _calibration(right: np.ndarray, sure: np.ndarray) -> Json:
    bins, gap = [], 0.0
    seeds, images = right.shape
    for low in range(15):
        inside = (sure >= low / 15) & (sure < (low + 1) / 15)
        if not inside.any():
            continue
        count, accuracy = inside.sum() / seeds, float(right[inside].mean())
        confidence = float(sure[inside].mean())
        gap += abs(confidence - accuracy) * float(inside.mean())
        bins.append({
            "low": low / 15, "high": (low + 1) / 15, "count": float(count),
            "confidence": confidence, "accuracy": accuracy,
            "interval": wilson(accuracy, max(round(count), 1)),
        })  # fmt: skip
    nll = float(-np.log(np.where(right, sure, (1 - sure) / 2)).mean())
    brier = float(np.where(right, (1 - sure) ** 2 * 1.2, sure**2 + (1 - sure) ** 2).mean())

    def spread(value: float) -> list[float] | None:
        return [0.93 * value, 1.07 * value] if seeds > 1 else None

    return {
        "ece": gap, "ece_interval": spread(gap), "nll": nll, "nll_interval": spread(nll),
        "brier": brier, "brier_interval": spread(brier), "seeds": seeds, "images": images,
        "bins": bins,
    }  # fmt: skip


def _digit(digit: int, read: np.ndarray) -> Json:
    count = TEST_COUNTS[digit]
    hits = float(((read == digit) & (digit == LABELS)).sum() / len(read))
    named = float((read == digit).sum() / len(read))
    recall, precision = hits / count, hits / named
    return {
        "digit": digit, "images": count, "recall": recall, "recall_interval": wilson(recall, count),
        "precision": precision, "precision_interval": wilson(precision, round(named)),
        "f1": 2 * precision * recall / (precision + recall),
    }  # fmt: skip


def _robustness(clean: float, rng: random.Random, family: str, seeds: int) -> Json:
    curves, errors = [], []
    for name, words, unit, values, harm in CORRUPTIONS:
        levels, frail = [], rng.uniform(0.6, 1.3) * (1.0 if family == "cnn" else 1.7)
        for severity, value in enumerate(values, 1):
            lost = 1 - math.exp(-harm * frail * (severity / 5) ** 2)
            accuracy = round(0.1 + (clean - 0.1) * (1 - lost), 4)
            errors.append(1 - accuracy)
            levels.append({"severity": severity, "value": value, "accuracy": accuracy,
                           "interval": wilson(accuracy, 1000)})  # fmt: skip
        curves.append({"corruption": name, "words": words, "unit": unit, "levels": levels})
    mean = sum(errors) / len(errors)
    return {
        "images": 1000, "seeds": seeds, "clean": clean, "clean_interval": wilson(clean, 1000),
        "mean_corruption_error": mean, "mean_corruption_error_interval": [0.96 * mean, 1.04 * mean],
        "note": None, "curves": curves,
    }  # fmt: skip
