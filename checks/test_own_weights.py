"""How accurate are the weights in a saved network's file?"""

from harness.app.grading.session import Session
from harness.evaluation.checking import require_none
from harness.jobs.kinds.evaluate import OwnAccuracy
from harness.network.difference import Difference
from reference.facts import Facts


def test_own_weights(own_weights: OwnAccuracy, facts: Facts, grading: Session) -> None:
    """the weights in the saved file reach the accuracy gate"""
    threshold = grading.threshold(facts)
    if own_weights.accuracy < threshold:
        hint = (
            "these are the file's own weights, and how they were trained is unknown: the grade "
            "depends on the network that was trained here"
        )
        actual, expected = (
            f"{100 * own_weights.accuracy:.2f} %",
            f"at least {100 * threshold:.2f} %",
        )
        require_none([Difference("accuracy of the saved weights", actual, expected, hint=hint)])
