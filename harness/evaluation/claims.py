"""The documents' claims, held against what was measured."""

from collections.abc import Iterable, Mapping, Sequence

from harness.evaluation.claim_metrics import CANNOT, MEASURES, CannotTestError, Evidence, Measured
from harness.jobs.store.record import Record
from harness.network.spec import Spec
from harness.report.schema.experiments import read_experiment
from harness.report.schema.results import Claim
from harness.statistics.intervals import Interval
from reference.facts import ClaimFact, Facts


def judge(
    facts: Facts,
    spec: Spec | None,
    runs: Sequence[Record],
    experiments: Iterable[Mapping[str, object]] = (),
    *,
    documented_data: bool,
) -> list[Claim]:
    """Returns one row of results.json's `claims` for each claim of a document.

    Args:
        runs: of the document's own recipe, one for each seed.
        experiments: the rows of results.json's `experiments` of this architecture.
        documented_data: whether all was measured on MNIST; on other data only claims that need
            no data are judged.
    """
    read = [read_experiment(row) for row in experiments]
    evidence = Evidence(facts, spec, runs, read, documented_data=documented_data)
    return [_row(claim, evidence) for claim in facts.claims]


def _row(claim: ClaimFact, evidence: Evidence) -> Claim:
    measured = Measured()
    try:
        if claim.untestable is not None:
            raise CannotTestError(claim.untestable)
        measured = MEASURES[claim.metric](evidence)
        verdict = _verdict(claim, measured)
        notes = [claim.note, measured.note]
        reason = "; ".join(note for note in notes if note) or None
    except CannotTestError as error:
        verdict, reason = CANNOT, str(error)
        measured = Measured(experiment=error.experiment)
    return Claim(
        architecture=evidence.facts.name,
        document=evidence.facts.document,
        what=claim.what,
        claimed=claim.value,
        quote=claim.quote,
        measured=measured.value,
        interval=measured.interval,
        seeds=measured.count,
        repeats=measured.repeats,
        verdict=verdict,
        reason=reason,
        source=claim.where,
        experiment=measured.experiment,
    )


def _verdict(claim: ClaimFact, measured: Measured) -> str:
    if measured.verdict is not None:
        return measured.verdict
    if measured.interval is not None:
        return compare(claim, measured.interval)
    return "holds" if measured.value == claim.value else "not reproduced"


def compare(claim: ClaimFact, interval: Interval) -> str:
    """Returns "holds", "exceeded" or "not reproduced".

    A figure given to a last digit stands for every value that rounds to it. A claim "about" it
    holds when the interval meets that range; one that says "at most", when the interval reaches
    down to it.
    """
    if claim.value is None:
        return CANNOT
    half = (claim.resolution or 0.0) / 2
    lower, upper = interval
    if claim.relation == "at most":
        return "holds" if lower <= claim.value + half else "not reproduced"
    if upper < claim.value - half:
        return "not reproduced"
    if lower > claim.value + half:
        return "exceeded"
    return "holds"
