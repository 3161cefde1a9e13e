"""Is the submitted recipe the documented one, and does it go with its own network?"""

from harness.captured import CapturedRecipe
from harness.checking import Difference, require_none
from harness.diagnosis import RECIPE_PLACES, diagnose
from harness.spec import Spec
from reference.facts import Facts


def test_submitted_recipe(submitted_recipe: CapturedRecipe, spec: Spec, facts: Facts) -> None:
    """loss, labels, pixels, optimizer and epochs go together, and are as the document fixes them

    What the document leaves open is noted beside the submission, and no fault.
    """
    require_none(
        Difference(
            f"{finding.where}: {finding.kind}", finding.given, finding.wanted, finding.source,
            hint=finding.cause,
        )
        for finding in diagnose(facts, spec, submitted_recipe)
        if finding.severity == "fault" and finding.where in RECIPE_PLACES
    )  # fmt: skip
