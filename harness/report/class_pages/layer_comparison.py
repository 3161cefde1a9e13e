"""Layer by layer: what the document describes beside what was built, and the difference."""

import re
from collections.abc import Sequence

from harness.report.schema import results as schema
from harness.report.sections import layers
from harness.report.text import formatting
from harness.report.text.verdicts import verdict
from harness.report.views.classroom import Comparison, Layer, LayerPair

STATES = ("same", "changed", "missing", "extra")
MAX_SHOWN = 200
_SOURCE = re.compile(r" \[[^\[\]]*\]$")


def compare(subject: schema.Subject) -> Comparison | None:
    """Pairs in the order of the harness's alignment; None where nothing was built."""
    spec, expected = subject.spec or schema.Layers(), subject.expected or schema.Layers()
    built, stated = spec.layers, expected.layers
    if not built:
        return None
    diff = subject.diff or [schema.Diff(actual=place) for place in range(len(built))]
    pairs = tuple(
        _pair(row, layers.at(stated, row.expected), layers.at(built, row.actual))
        for row in diff[:MAX_SHOWN]
    )
    return Comparison(pairs, _summary(subject.diff, len(diff)), _totals(spec, expected))


def _pair(row: schema.Diff, stated: schema.Layer | None, built: schema.Layer | None) -> LayerPair:
    status = row.status
    return LayerPair(
        verdict=verdict(status or "not compared"),
        state=status if status in STATES else "unknown",
        document=_layer(stated, stated) if stated else None,
        yours=_layer(built, stated) if built else None,
        differences=tuple(_difference(text, built) for text in row.changes[:12]),
        source=(stated.source if stated else None) or "",
    )


def _layer(layer: schema.Layer, stated: schema.Layer | None) -> Layer:
    return Layer(
        kind=layer.class_ or "layer",
        name=layers.own_name(layer),
        details=layers.telling(layer.config, stated.config if stated else {}),
        shape=formatting.shape(layer.output_shape),
        params=formatting.whole(layer.params) if layer.params else "",
    )


def _difference(text: str, built: schema.Layer | None) -> str:
    """`conv1.padding = 'valid', but should be 'same' [row 1]` without what the row says anyway."""
    name = (built.name if built else None) or ""
    plain = _SOURCE.sub("", text)
    return formatting.cut(plain.removeprefix(f"{name}.") if name else plain, 300)


def _totals(spec: schema.Layers, expected: schema.Layers) -> tuple[tuple[str, str, str, bool], ...]:
    keys = (("parameters", "total_params"), ("of them trainable", "trainable_params"))
    return tuple(
        (
            label,
            formatting.whole(getattr(expected, key)),
            formatting.whole(getattr(spec, key)),
            getattr(expected, key) is not None and getattr(expected, key) != getattr(spec, key),
        )
        for label, key in keys
        if getattr(spec, key) is not None
    )


def _summary(diff: Sequence[schema.Diff], count: int) -> str:
    if not diff:
        return "These are the layers that were built. They were not compared with a document."
    words = [row.status for row in diff]
    phrases = (
        ("changed", "differs", "differ"),
        ("missing", "is missing", "are missing"),
        ("extra", "is not in the document", "are not in the document"),
    )
    parts = [
        f"{formatting.spelled(found)} {one if found == 1 else many}"
        for word, one, many in phrases
        if (found := words.count(word))
    ]
    if not parts:
        return f"All {count} layers are as the document describes them."
    more = f" The first {MAX_SHOWN} are shown." if count > MAX_SHOWN else ""
    same = formatting.spelled(words.count("same"))
    return f"{formatting.listed(parts).capitalize()}; {same} of {count} agree.{more}"
