"""Claims and the experiments that test them; claimed against measured, drawn."""

from collections.abc import Sequence

from markupsafe import Markup

from harness.report.charts import interval_rows
from harness.report.charts.interval_rows import Row
from harness.report.schema import results as schema
from harness.report.schema.experiments import Experiment
from harness.report.text import formatting
from harness.report.views.experiments import Section

MAX_SHOWN = 40


def of(
    claim: schema.Claim,
    experiments: Sequence[Experiment],
    sections: Sequence[Section],
) -> tuple[tuple[str, str], ...]:
    """Anchor and title of each experiment that a claim rests on.

    Those are the one that the claim names, and those of its network that ask about its value.
    """
    return tuple(
        (section.anchor, section.title)
        for item, section in zip(experiments, sections, strict=True)
        if item.architecture == claim.architecture and _about(claim, item)
    )


def _about(claim: schema.Claim, item: Experiment) -> bool:
    if claim.experiment and claim.experiment == item.id:
        return True
    result, value = item.result, claim.claimed
    if result is None or value is None:
        return False
    if item.kind == "summary_table":
        return formatting.is_count(value)
    asked = getattr(result, "claim", None)
    return asked is not None and abs(asked - value) < 1e-9


def drawing(claims: Sequence[schema.Claim]) -> Markup | None:
    """Every claimed accuracy beside the measured one; None where there is none."""
    rows = [
        Row(
            f"{formatting.cut(claim.architecture or '', 24)}: {claim.what or 'claim'}",
            (),
            claim.measured,
            claim.interval,
            claim=claim.claimed,
            value=f"{formatting.gate(claim.claimed)} → {formatting.percent(claim.measured)}",
        )
        for claim in claims
        if claim.claimed is not None
        and claim.measured is not None
        and not formatting.is_count(claim.claimed)
    ][:MAX_SHOWN]
    if not rows:
        return None
    return interval_rows.above("claims-dots", "Claimed against measured", rows)
