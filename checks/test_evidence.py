"""Are the accuracies plausible: neither too good to be true nor worse than before?"""

from harness.evaluation.checking import require_none
from harness.evaluation.evidence.alarms import Alarm
from harness.jobs.store.record import Record
from harness.network.difference import Difference
from harness.report.schema.results import Range


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
            f"{100 * accuracy:.2f} %",
            f"at least {100 * (low or 0):.2f} %",
            f"{measured_range.seeds} training runs, mean minus {measured_range.k:g} standard "
            "deviations",
            hint="the network is the documented one, so its training has changed: the grader, the "
            "libraries or the machine",
        )
        for run in runs
        for accuracy in [run.document["test_correct"] / run.document["test_images"]]
        if accuracy < low
    )
