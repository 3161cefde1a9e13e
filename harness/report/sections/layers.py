"""The layer table: what the document describes beside what was built."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from harness.report.schema import results as schema
from harness.report.text import formatting
from harness.report.text.verdicts import verdict
from harness.report.views.page import LayerRow, LayerTable, Total

# what a reader compares first; the rest of a configuration is defaults
TELLING = ("filters", "units", "kernel_size", "pool_size", "strides", "padding", "activation",
           "rate", "target_shape", "scale")  # fmt: skip
PLAIN = {"strides": ([1, 1], (1, 1)), "activation": ("linear", None), "scale": (True, None)}
CELLS: dict[str, Callable[[Any], str]] = {
    "class_": str,
    "output_shape": formatting.shape,
    "params": formatting.whole,
}


def table(subject: schema.Subject) -> LayerTable | None:
    """Rows in the order of the harness's alignment; None when nothing is known of any layer."""
    spec, expected = subject.spec or schema.Layers(), subject.expected or schema.Layers()
    actual_layers, expected_layers = spec.layers, expected.layers
    if not actual_layers and not expected_layers:
        return None
    # Without an alignment the layers that are known are shown, and not judged.
    diff = subject.diff or (
        [schema.Diff(actual=place) for place in range(len(actual_layers))]
        or [schema.Diff(expected=place) for place in range(len(expected_layers))]
    )
    rows = tuple(
        _row(
            entry.status,
            at(expected_layers, entry.expected),
            at(actual_layers, entry.actual),
            tuple(entry.changes),
        )
        for entry in diff
    )
    totals = tuple(
        _total(label, getattr(spec, key), getattr(expected, key))
        for label, key in (("Total", "total_params"), ("Trainable", "trainable_params"))
        if getattr(spec, key) is not None or getattr(expected, key) is not None
    )
    return LayerTable(
        rows,
        totals,
        formatting.short(spec.flops),
        _summary(subject, rows),
        as_documented=bool(subject.spec)
        and all(row.verdict.word == "same" for row in rows)
        and not any(total.should_be for total in totals),
    )


def at(layers: Sequence[schema.Layer], index: int | None) -> schema.Layer | None:
    return layers[index] if index is not None and 0 <= index < len(layers) else None


def _row(
    status: str | None,
    expected: schema.Layer | None,
    actual: schema.Layer | None,
    changes: tuple[str, ...],
) -> LayerRow:
    shown = actual or expected or schema.Layer()
    both = (expected, actual) if expected and actual else None
    stated = expected or schema.Layer()
    corrected = {key: _differs(both, key, say) for key, say in CELLS.items()}
    return LayerRow(
        verdict=verdict(status or "not compared"),
        name=own_name(shown),
        kind=shown.class_ or "layer",
        kind_should_be=corrected["class_"],
        shape=formatting.shape(shown.output_shape),
        shape_should_be=corrected["output_shape"],
        params=formatting.whole(shown.params),
        params_should_be=corrected["params"],
        flops=formatting.short(actual.flops) if actual else formatting.NOTHING,
        config=telling(shown.config, stated.config),
        changes=_unsaid(changes, shown, stated, corrected),
        source=" · ".join(part for part in (stated.source, stated.basis) if part),
    )


def own_name(layer: schema.Layer) -> str:
    """The author's name for a layer; none where it only repeats the class."""
    return "" if not layer.name or layer.name == layer.class_ else layer.name


def _unsaid(
    changes: Sequence[str],
    shown: schema.Layer,
    stated: schema.Layer,
    corrected: Mapping[str, str],
) -> tuple[str, ...]:
    """The changes that no cell of the row shows, without the source that its last cell gives."""
    name = shown.name or ""
    kept = []
    for change in changes:
        what = change.partition(" = ")[0]
        key = "class_" if what == name else what.removeprefix(f"{name}.")
        if not corrected.get(key):
            kept.append(change.replace(f" [{stated.source}]", ""))
    return tuple(kept)


def _differs(
    both: tuple[schema.Layer, schema.Layer] | None, key: str, say: Callable[[Any], str]
) -> str:
    if both is None:
        return ""
    stated, built = (getattr(layer, key) for layer in both)
    return "" if stated in (None, (), [], built) else str(say(stated))


def telling(config: Mapping[str, object], stated: Mapping[str, object]) -> tuple[str, ...]:
    keys = [key for key in TELLING if key in config and _tells(key, config)]
    keys += [key for key in sorted(stated) if key in config and key not in TELLING]
    return tuple(
        f"{formatting.cut(key, 40).replace('_', ' ')} {formatting.setting(config[key])}"
        for key in keys[:12]
    )


def _tells(key: str, config: Mapping[str, object]) -> bool:
    if key == "strides" and config[key] == config.get("pool_size"):
        return False
    return config[key] not in PLAIN.get(key, ())


def _total(label: str, actual: int | None, expected: int | None) -> Total:
    differs = expected is not None and expected != actual
    return Total(
        f"{label} parameters",
        formatting.whole(actual),
        formatting.whole(expected) if differs else "",
    )


def _summary(subject: schema.Subject, rows: Sequence[LayerRow]) -> str:
    if not subject.spec:
        return "The network was not built: these are the layers the document describes."
    if not subject.diff:
        return "The layers were not compared with the document."
    words = [row.verdict.word for row in rows]
    wrong = [(word, words.count(word)) for word in ("changed", "missing", "extra")]
    parts = [f"{count} {word}" for word, count in wrong if count]
    if not parts:
        return f"All {len(rows)} layers are as the document describes them."
    return f"Of {len(rows)} layers, {formatting.listed(parts)}."
