"""Claims and the experiments that test them; claimed against measured, drawn."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from harness.report import wording
from harness.report.experiments import drawings
from harness.report.experiments.drawings import Row
from harness.report.experiments.view import Section

MOST = 40


def of(
    claim: Mapping[str, Any],
    experiments: Sequence[Mapping[str, Any]],
    sections: Sequence[Section],
) -> tuple[tuple[str, str], ...]:
    """Anchor and title of each experiment that a claim rests on.

    Those are the one that the claim names, and those of its network that ask about its value.
    """
    return tuple(
        (section.anchor, section.title)
        for item, section in zip(experiments, sections, strict=True)
        if item["architecture"] == claim["architecture"] and _about(claim, item)
    )


def _about(claim: Mapping[str, Any], item: Mapping[str, Any]) -> bool:
    if claim["experiment"] and claim["experiment"] == item["id"]:
        return True
    result, value = item["result"], claim["claimed"]
    if result is None or value is None:
        return False
    if item["kind"] == "summary_table":
        return wording.is_count(value)
    asked = result.get("claim")
    return asked is not None and abs(asked - value) < 1e-9


def drawing(claims: Sequence[Mapping[str, Any]]) -> Markup | None:
    """Every claimed accuracy beside the measured one; None where there is none."""
    rows = [
        Row(
            f"{wording.cut(claim['architecture'] or '', 24)}: {claim['what'] or 'claim'}",
            (),
            claim["measured"],
            claim["interval"],
            claim=claim["claimed"],
            value=f"{wording.gate(claim['claimed'])} → {wording.percent(claim['measured'])}",
        )
        for claim in claims
        if claim["claimed"] is not None
        and claim["measured"] is not None
        and not wording.is_count(claim["claimed"])
    ][:MOST]
    if not rows:
        return None
    return drawings.above("claims-dots", "Claimed against measured", rows)
