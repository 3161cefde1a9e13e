"""Is the submitted recipe the documented one, and does it fit the submitted network?"""

from fractions import Fraction

from harness.evaluation.checking import require_none
from harness.network.difference import Difference
from harness.submissions.feedback.comparison import Comparison
from harness.submissions.feedback.diagnosis import recipe_faults

# Pixels, their arrangement, labels, loss, optimizer, epochs, batch size, validation.
ASPECTS = 8


def test_submitted_recipe(submitted_recipe: Comparison) -> None:
    """pixels, labels, loss, optimizer and epochs fit together and are the documented ones"""
    # Differences in settings that the document leaves open are notes, and cost no points.
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
