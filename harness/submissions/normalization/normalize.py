"""Brings a network to the document's conventions, where that leaves what it computes unchanged.

There are many right ways to hand over an image: as (28, 28, 1), as (28, 28) or as 784 values, with
pixels scaled by the script or by the network, with a softmax or with scores for a loss that takes
them. All of them are the documented network. Each rule here rewrites one such habit, says so in a
sentence, and touches nothing that would compute or learn anything else. Two networks that are the
same but for habits then have the same digest, and are trained once.

No rule takes out, adds or reorders a layer that has weights.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from harness.network.spec import Spec
from harness.submissions.normalization.captured_recipe import CapturedRecipe
from harness.submissions.normalization.rules import (
    RULES,
    Rule,
    arrangement_outside,
    scaling_outside,
    softmax_of_logits,
)
from reference.facts import Facts
from reference.layers import Shape, shapes

MAX_NOTES: Final = 20


@dataclass(frozen=True)
class Conformed:
    """A network in the document's conventions, and what was rewritten to get there.

    Attributes:
        notes: a sentence for each change, for the author; empty when there was none.
        recipe: the captured recipe as it is for this network: what moved out of the network is
            done to the images before, or to the scores after.
    """

    spec: Spec
    notes: tuple[str, ...]
    recipe: CapturedRecipe | None = None


def conform(spec: Spec, facts: Facts, recipe: CapturedRecipe | None) -> Conformed:
    """Returns the network in the document's conventions; conforming it again changes nothing."""
    notes: list[str] = []
    # A rule may make room for an earlier one. Each change takes a layer out, moves one towards the
    # input or settles a setting for good, so this ends.
    while found := _first_change(spec, facts, recipe):
        rule, changed, note = found
        if recipe is not None and rule in _TOLD:
            recipe = _TOLD[rule](recipe, spec, changed)
        spec = changed
        notes.append(note)
    return Conformed(spec, tuple(dict.fromkeys(notes))[:MAX_NOTES], recipe)


def _first_change(
    spec: Spec, facts: Facts, recipe: CapturedRecipe | None
) -> tuple[Rule, Spec, str] | None:
    for rule in RULES:
        changed = rule(spec, facts, recipe)
        if changed is not None:
            return rule, *changed
    return None


# What becomes of the recipe -----------------------------------------------------------------------


def _without_logits(recipe: CapturedRecipe, _: Spec, __: Spec) -> CapturedRecipe:
    return replace(recipe, from_logits=False)


def _with_scaled_images(recipe: CapturedRecipe, _: Spec, __: Spec) -> CapturedRecipe:
    images = recipe.images
    if images is None or images.low is None or images.high is None:
        return recipe
    return replace(recipe, images=replace(images, low=images.low / 255, high=images.high / 255))


def _with_arranged_images(recipe: CapturedRecipe, before: Spec, after: Spec) -> CapturedRecipe:
    images = recipe.images
    if images is None or not fits(images.shape[1:], shapes(before.network)[0]):
        return recipe
    shape = (images.shape[0], *shapes(after.network)[0])
    return replace(recipe, images=replace(images, shape=shape))


def fits(given: Shape, wanted: Shape) -> bool:
    """Returns whether Keras accepts an image of one shape where it wants another."""
    # It adds or takes away a last axis of one value.
    return wanted in (given, (*given, 1)) or given == (*wanted, 1)


_TOLD: Final[Mapping[Rule, Callable[[CapturedRecipe, Spec, Spec], CapturedRecipe]]] = {
    softmax_of_logits: _without_logits,
    scaling_outside: _with_scaled_images,
    arrangement_outside: _with_arranged_images,
}
