"""The network and the recipe of a document."""

from dataclasses import replace

from harness.network.recipe import Recipe, at_gate
from harness.network.spec import Spec
from reference.calibration import Calibration
from reference.facts import Facts, expected_network


def recipe_for(facts: Facts, name: str, calibration: Calibration | None) -> Recipe:
    """Returns the recipe that a network is trained by.

    The documents' recipes are for MNIST. On other data their calibration sets what must differ,
    and nothing is stopped early: the floors that are gates there were measured on whole runs.

    Args:
        name: "gate" stops at the first epoch whose validation accuracy clears the gate;
            "documented" trains all epochs.
        calibration: of the data set; None for the documents' recipe as it stands.
    """
    fact = facts.recipe
    recipe = Recipe(
        optimizer=fact.optimizer,
        learning_rate=fact.learning_rate,
        loss=fact.loss,
        batch_size=fact.batch_size,
        epochs=fact.epochs,
        validation_images=fact.validation_images,
        pixel_max=fact.pixel_max,
    )
    if calibration is not None and not calibration.documented:
        return replace(recipe, **calibration.recipe)
    return at_gate(recipe, facts.gate) if name == "gate" else recipe


def documented_spec(facts: Facts) -> Spec:
    """Returns the documented network itself, without running any code of a submission."""
    network = expected_network(facts)
    return Spec(network, tuple(node.kind for node in network.nodes))
