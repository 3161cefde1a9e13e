"""The report's tables as CSV, inside the page: they survive when the page is moved or mailed."""

import base64
import csv
import io
from collections.abc import Iterable, Mapping, Sequence

from harness.report.exports import grades
from harness.report.schema import results as schema
from harness.report.text import subjects as text_subjects
from harness.report.views.page import Download

NETWORKS = ("id", "architecture", "document", "verdict", "test_accuracy", "interval_low",
            "interval_high", "gate", "margin", "total_params", "trainable_params", "flops",
            "score", "max_score", "spec_digest")  # fmt: skip
RUNS = ("id", "seed", "epochs", "documented_epochs", "batch_size", "test_accuracy", "test_loss",
        "interval_low", "interval_high", "train_time_s", "train_images_per_s", "stopped",
        "weights_sha256", "key")  # fmt: skip
EPOCHS = ("id", "seed", "epoch", "accuracy", "val_accuracy", "loss", "val_loss", "epoch_time_s")


def downloads(results: schema.Results) -> tuple[Download, ...]:
    subjects = results.subjects
    files = (
        ("networks.csv", "one row for each network", NETWORKS, _networks(subjects)),
        ("runs.csv", "one row for each training run", RUNS, _runs(subjects)),
        ("epochs.csv", "the learning curves, one row for each epoch", EPOCHS, _epochs(subjects)),
    )
    tables = tuple(
        Download(name, what, _data_uri(table(header, rows)), name)
        for name, what, header, rows in files
    )
    raw = Download("results.json", "everything this page is made of", "results.json", None)
    log = Download("pytest.html", "the log of every test", "pytest.html", None)
    return (raw, *tables, log)


def table(header: Sequence[str], rows: Iterable[Mapping[str, object]]) -> str:
    """CSV (RFC 4180). A text that a spreadsheet would run as a formula gets a leading quote."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(header)
    for row in rows:
        writer.writerow([_harmless(row.get(column)) for column in header])
    return out.getvalue()


def _harmless(value: object) -> object:
    if isinstance(value, str):
        return grades.harmless(value)
    return "" if value is None else value


def _data_uri(text: str) -> str:
    return "data:text/csv;charset=utf-8;base64," + base64.b64encode(text.encode()).decode()


def _ends(interval: tuple[float, float] | None) -> dict[str, float]:
    return {} if interval is None else {"interval_low": interval[0], "interval_high": interval[1]}


def _networks(subjects: Sequence[schema.Subject]) -> Iterable[dict[str, object]]:
    for subject in subjects:
        accuracy, interval = text_subjects.accuracy(subject)
        gate, spec = subject.gate or schema.Gate(), subject.spec or schema.Layers()
        yield {
            **{key: getattr(subject, key, None) for key in NETWORKS},
            **{key: getattr(spec, key) for key in ("total_params", "trainable_params", "flops")},
            "test_accuracy": accuracy,
            "gate": gate.threshold,
            "margin": gate.margin,
            **_ends(interval),
        }


def _runs(subjects: Sequence[schema.Subject]) -> Iterable[dict[str, object]]:
    for subject in subjects:
        for run in subject.runs:
            yield {
                **{key: getattr(run, key, None) for key in RUNS},
                "id": subject.id,
                **_ends(run.interval),
            }


def _epochs(subjects: Sequence[schema.Subject]) -> Iterable[dict[str, object]]:
    for subject in subjects:
        for run in subject.runs:
            history = {key: getattr(run.history, key) for key in EPOCHS[3:]}
            for index in range(max(map(len, history.values()))):
                yield {
                    "id": subject.id,
                    "seed": run.seed,
                    "epoch": index + 1,
                    **{
                        key: _short(values[index])
                        for key, values in history.items()
                        if index < len(values)
                    },
                }


def _short(value: float | None) -> float | None:
    """Six digits: the full ones are in results.json, and these are many."""
    return None if value is None else float(f"{value:.6g}")
