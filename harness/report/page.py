"""results.json -> Page: the parts of the view model brought together."""

from collections.abc import Sequence

from markupsafe import Markup

from harness.report import markdown
from harness.report.charts import accuracy, svg
from harness.report.schema import results as schema
from harness.report.sections import (
    downloads,
    lead,
    learning_curves,
    networks,
    side_by_side,
    speed,
    summary,
)
from harness.report.sections import evidence as evidence_sections
from harness.report.sections import experiments as experiment_sections
from harness.report.sections import progress as progress_sections
from harness.report.sections.environment import environment
from harness.report.sections.experiments import claims
from harness.report.text import formatting
from harness.report.text import subjects as text_subjects
from harness.report.text.html import distinct, slug
from harness.report.text.verdicts import tally, verdict
from harness.report.views.experiments import Section
from harness.report.views.page import Claim, Network, Page


def page(results: schema.Results) -> Page:
    """Returns what to print for results that `schema.checked` has completed."""
    subjects = results.subjects
    found = text_subjects.anchors(subjects)
    scored = summary.scored_networks(subjects)
    where = {s.id: a for s, a in zip(subjects, found, strict=True)}
    size = results.dataset.sizes.test
    with svg.house_style():
        curves, comparison = learning_curves.panels(subjects, found), _charts(scored)
        experiments = experiment_sections.sections(
            results.experiments,
            _where(subjects, found),
            judged=results.dataset.name in {"mnist", None},
        )
        claims_drawn = claims.drawing(results.claims) if experiments else None
        more_evidence = evidence_sections.sections(results, found)
        progress = progress_sections.sections(results, found)
    shown = tuple(map(networks.network, subjects, found))
    first = lead.lead(results, scored, where)
    beside = side_by_side.pairs(subjects, found, results.comparisons or [])
    return Page(
        headline=summary.headline(results),
        lead=first,
        notices=summary.notices(results),
        facts=summary.facts(results),
        networks=shown,
        claims=_claims(results, found, experiments),
        claims_tally=tally([claim.verdict for claim in results.claims]),
        curves=curves,
        curves_note=learning_curves.note(subjects),
        charts=comparison,
        speed=speed.groups(results.benchmarks),
        speed_note=speed.note(results.benchmarks),
        environment=environment(results),
        command=results.command or "pytest checks/",
        downloads=downloads.downloads(results),
        test_images=f"{size:,}" if size else "",
        experiments=experiments,
        claims_drawn=claims_drawn,
        evidence=more_evidence,
        progress=progress,
        beside=beside,
        markdown=markdown.render(results, lead.plain(first)),
        contents=_contents(
            shown,
            progress.contents if progress else (),
            more_evidence.contents if more_evidence else (),
            beside=bool(beside),
            experiments=bool(experiments),
        ),
    )


Links = tuple[tuple[str, str], ...]


def _contents(
    shown: Sequence[Network], progress: Links, evidence: Links, *, beside: bool, experiments: bool
) -> tuple[tuple[str, Links], ...]:
    """The page's navigation: its sections in their order, in four groups."""
    pairs: Links = (("beside", "Side by side"),) if beside else ()
    tried: Links = (("experiments", "Experiments"),) if experiments else ()
    results = (("verdicts", "Verdicts"), *progress, ("comparison", "Comparison"), *pairs, *evidence)
    return (
        ("Results", results),
        ("Documents", (("claims", "Claims"), *tried)),
        ("Networks", (("curves", "Learning curves"), *((n.anchor, n.short) for n in shown))),
        (
            "Behind it",
            (
                ("speed", "Speed"),
                ("environment", "Environment"),
                ("how", "Methods"),
                ("downloads", "Data"),
            ),
        ),
    )


def _where(subjects: Sequence[schema.Subject], anchors: Sequence[str]) -> dict[str | None, str]:
    return {s.architecture or s.id: a for s, a in zip(subjects, anchors, strict=True)}


def _claims(
    results: schema.Results, anchors: Sequence[str], experiments: Sequence[Section]
) -> tuple[Claim, ...]:
    where = _where(results.subjects, anchors)
    idents = distinct(
        f"claim-{slug(claim.architecture or '')}-{slug(claim.what or '', 60)}"
        for claim in results.claims
    )
    return tuple(
        Claim(
            ident=ident,
            network=formatting.cut(
                claim.architecture or formatting.NOTHING, text_subjects.LONGEST_NAME
            ),
            anchor=where.get(claim.architecture),
            what=claim.what or "claim",
            document=claim.document or "",
            quote=claim.quote or "",
            source=claim.source or "",
            claimed="" if claim.claimed is None else formatting.quantity(claim.claimed),
            measured=_measured(claim),
            interval=formatting.interval(claim.interval),
            difference=_difference(claim),
            seeds=_repeats(claim),
            verdict=verdict(claim.verdict),
            reason=claim.reason or "",
            keys=_keys(claim),
            evidence=claims.of(claim, results.experiments, experiments),
        )
        for claim, ident in zip(results.claims, idents, strict=True)
    )


def _keys(claim: schema.Claim) -> tuple[str, str, str]:
    claimed, measured = claim.claimed, claim.measured
    apart = None if claimed is None or measured is None else measured - claimed
    return formatting.key(claimed), formatting.key(measured), formatting.key(apart)


def _repeats(claim: schema.Claim) -> str:
    if claim.seeds is None:
        return ""
    return f"{claim.seeds} folds" if claim.repeats == "folds" else str(claim.seeds)


def _measured(claim: schema.Claim) -> str:
    if claim.claimed is not None and formatting.is_count(claim.claimed):
        return formatting.whole(claim.measured)
    return formatting.percent(claim.measured)


def _difference(claim: schema.Claim) -> str:
    if claim.measured is None or claim.claimed is None:
        return formatting.NOTHING
    difference = claim.measured - claim.claimed
    if formatting.is_count(claim.claimed):
        return f"{difference:+,.0f}".replace("-", "−") if difference else "0"
    return formatting.points(difference)


def _charts(scored: Sequence[accuracy.Scored]) -> tuple[tuple[str, str, Markup], ...]:
    if not scored:
        return ()
    seeds = max(len(item.seeds) for item in scored)
    dots = (
        "A dot for each seed, a diamond for their mean"
        if seeds > 1
        else "A dot for the measured accuracy"
    )
    found = [
        (
            "Accuracy and its gate",
            f"{dots}, a bar for the 95{formatting.NARROW}% interval, a vertical line for the gate.",
            accuracy.accuracy_dots("dots", scored),
        )
    ]
    marks = "Discs are convolutional networks, squares fully connected ones."
    left = f"{marks} Up and to the left is better."
    right = "Up and to the right is better."
    if seeds > 1:
        right += " A horizontal error bar spans the runs."
    for cost, heading, caption in (
        ("params", "Accuracy and parameters", left),
        ("flops", "Accuracy and FLOPs", left),
        ("rate", "Accuracy and training speed", f"{right} Only benchmarks compare speed."),
    ):
        drawing = accuracy.accuracy_cost(f"cost-{cost}", scored, cost)
        if drawing is not None:
            found.append((heading, caption, drawing))
    return tuple(found)
