"""Is the submitted recipe the documented one, and does it go with its own network?"""

from fractions import Fraction

from harness.evaluation.checking import require_none
from harness.network.difference import Difference
from harness.submissions.feedback.comparison import Comparison
from harness.submissions.feedback.diagnosis import recipe_faults

# Pixels, their arrangement, labels, loss, optimizer, epochs, batch size, validation.
ASPECTS = 8


def test_submitted_recipe(submitted_recipe: Comparison) -> None:
    """pixels, labels, loss, optimizer and epochs go together and are as the document fixes them"""
    # What the document leaves open is noted beside the submission, and costs nothing.
    found = [one for one in recipe_faults(submitted_recipe) if one.fixed]
    evidence = submitted_recipe.facts.recipe.evidence
    require_none(
        (
            Difference(
                one.setting,
                one.given,
                one.wanted,
                evidence[one.setting].where if one.setting in evidence else "",
                one.cause.text,
            )
            for one in found
        ),
        share=Fraction(max(0, ASPECTS - len(found)), ASPECTS),
    )
