"""Are the accuracies plausible: neither too good to be true nor worse than before?"""

from harness.evaluation.checking import require_none
from harness.evaluation.evidence.alarms import Alarm
from harness.jobs.store.record import Record
from harness.network.difference import Difference
from harness.report.schema.results import Range
from harness.system.text import percent


def test_plausible(alarms: list[Alarm]) -> None:
    """no result is too good to be true"""
    require_none(
        Difference(alarm.what, alarm.actual, alarm.expected, hint=alarm.text) for alarm in alarms
    )


def test_calibrated_floor(runs: list[Record], measured_range: Range) -> None:
    """every run reaches the minimum expected accuracy of this network and recipe"""
    low = measured_range.low
    require_none(
        Difference(
            f"test accuracy, seed {run.seed}",
            percent(accuracy),
            f"at least {percent(low)}",
            f"{measured_range.seeds} training runs, mean minus {measured_range.k:g} standard "
            "deviations",
            hint="the network is the documented one, so its training has changed: the grader, the "
            "libraries or the machine",
        )
        for run in runs
        for accuracy in [run.document["test_correct"] / run.document["test_images"]]
        if accuracy < low
    )
