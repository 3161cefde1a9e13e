"""Can the accuracies be believed: are they neither too good nor worse than they were?"""

from collections.abc import Mapping
from typing import Any

from harness.evaluation.checking import require_none
from harness.evaluation.evidence.alarms import Alarm
from harness.jobs.store.record import Record
from harness.network.difference import Difference


def test_plausible(alarms: list[Alarm]) -> None:
    """no result is too good to be true"""
    require_none(
        Difference(alarm.what, alarm.actual, alarm.expected, hint=alarm.text) for alarm in alarms
    )


def test_calibrated_floor(runs: list[Record], measured_range: Mapping[str, Any]) -> None:
    """every run reads as much as this network was seen to read when trained by this recipe"""
    low = measured_range["low"]
    require_none(
        Difference(
            f"test accuracy, seed {run.seed}",
            f"{accuracy:.2%}",
            f"at least {low:.2%}",
            f"{measured_range['seeds']} trainings, mean less {measured_range['k']:g} deviations",
            hint="the network is the documented one: something about its training has changed, in "
            "the grader, its libraries or the machine",
        )
        for run in runs
        for accuracy in [run.document["test_correct"] / run.document["test_images"]]
        if accuracy < low
    )
