"""Layer by layer: what the document describes beside what was built, and the difference."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from harness.report.sections import layers
from harness.report.text import formatting
from harness.report.text.verdicts import verdict
from harness.report.views.classroom import Comparison, Layer, LayerPair

STATES = ("same", "changed", "missing", "extra")
MOST = 200
_SOURCE = re.compile(r" \[[^\[\]]*\]$")


def compare(subject: Mapping[str, Any]) -> Comparison | None:
    """Pairs in the order of the harness's alignment; None where nothing was built."""
    spec, expected = subject["spec"] or {}, subject["expected"] or {}
    built, stated = spec.get("layers") or [], expected.get("layers") or []
    if not built:
        return None
    diff = subject["diff"] or [
        {"status": None, "expected": None, "actual": place, "changes": []}
        for place in range(len(built))
    ]
    pairs = tuple(
        _pair(row, layers.at(stated, row["expected"]), layers.at(built, row["actual"]))
        for row in diff[:MOST]
    )
    return Comparison(pairs, _summary(subject["diff"], len(diff)), _totals(spec, expected))


def _pair(
    row: Mapping[str, Any], stated: Mapping[str, Any] | None, built: Mapping[str, Any] | None
) -> LayerPair:
    status = row["status"]
    source = " · ".join(part for part in ((stated or {}).get("source"),) if part)
    return LayerPair(
        verdict=verdict(status or "not compared"),
        state=status if status in STATES else "unknown",
        document=_layer(stated, stated) if stated else None,
        yours=_layer(built, stated) if built else None,
        differences=tuple(_difference(text, built) for text in row["changes"][:12]),
        source=source,
    )


def _layer(layer: Mapping[str, Any], stated: Mapping[str, Any] | None) -> Layer:
    config = layer.get("config") or {}
    return Layer(
        kind=layer.get("class") or "layer",
        name=layers.own_name(layer),
        details=layers.telling(config, (stated or {}).get("config") or {}),
        shape=formatting.shape(layer.get("output_shape") or ()),
        params=formatting.whole(layer.get("params")) if layer.get("params") else "",
    )


def _difference(text: str, built: Mapping[str, Any] | None) -> str:
    """`conv1.padding = 'valid', but should be 'same' [row 1]` without what the row says anyway."""
    name = (built or {}).get("name") or ""
    plain = _SOURCE.sub("", text)
    return formatting.cut(plain.removeprefix(f"{name}.") if name else plain, 300)


def _totals(
    spec: Mapping[str, Any], expected: Mapping[str, Any]
) -> tuple[tuple[str, str, str, bool], ...]:
    keys = (("parameters", "total_params"), ("of them trainable", "trainable_params"))
    return tuple(
        (
            label,
            formatting.whole(expected.get(key)),
            formatting.whole(spec.get(key)),
            expected.get(key) is not None and expected.get(key) != spec.get(key),
        )
        for label, key in keys
        if spec.get(key) is not None
    )


def _summary(diff: Sequence[Mapping[str, Any]], count: int) -> str:
    if not diff:
        return "These are the layers that were built. They were not compared with a document."
    words = [row["status"] for row in diff]
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
    more = f" The first {MOST} are shown." if count > MOST else ""
    same = formatting.spelled(words.count("same"))
    return f"{formatting.listed(parts).capitalize()}; {same} of {count} agree.{more}"
