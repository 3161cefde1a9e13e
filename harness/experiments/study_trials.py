"""Spells a study out: which networks are trained by which recipes, how often."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final, NoReturn

from harness.jobs.kinds.errors import JobFailed
from harness.network.recipe import Recipe, in_fold, trained_images
from harness.network.spec import Spec
from harness.network.variations import settings_of, vary
from reference.errors import UserError
from reference.study_format import SETTINGS, Measuring, Study, Variant

_OF_A_RECIPE: Final = tuple(
    key for key in SETTINGS if key in {field.name for field in fields(Recipe)}
)


@dataclass(frozen=True)
class Trial:
    """A variant, ready to be trained.

    Attributes:
        recipe: without the fold, which the repeat decides.
        settings: every setting's value, as it is in the network and the recipe.
        changes: the settings that differ from the study's starting point.
        reduced: which settings the data set was too small for, in words; empty for none.
    """

    variant: Variant
    spec: Spec
    recipe: Recipe
    settings: Mapping[str, Any]
    changes: Mapping[str, Any]
    measuring: Measuring
    reduced: str = ""


Problem = JobFailed | UserError


def refuse(study: Study, variant: Variant, problem: Problem) -> NoReturn:
    """Raises what keeps a variant from being tried, its name before what the user has to mend."""
    if isinstance(problem, UserError):
        raise UserError(f"study {study.id}, variant {variant.name!r}: {problem}") from None
    raise problem


def expand(
    study: Study,
    spec_of: Callable[[str], Spec],
    recipe: Recipe,
    images: int,
    *,
    stand_in: bool,
    refused: Callable[[Study, Variant, Problem], None] = refuse,
) -> tuple[Trial, ...]:
    """Returns the trials of a study; points of a grid that are the starting point, only once.

    Args:
        spec_of: the network of a documented architecture.
        recipe: the documented one of the study's architecture.
        images: training images of the data set.
        stand_in: the data set is not the one that the study was declared for: what it is too small
            for is made smaller.
        refused: told of each variant that cannot be tried, and why; it is left out, unless this
            raises.

    Raises:
        UserError: the starting point asks for something that its network or the data set does not
            have; by `refuse`, any variant does.
        JobFailed: the same of a network that was not built.
    """
    start = _trial(study, Variant("", "", {}), spec_of, recipe, images, stand_in=stand_in)
    trials: list[Trial] = []
    for variant in study.variants:
        try:
            trial = _trial(study, variant, spec_of, recipe, images, stand_in=stand_in)
        except (JobFailed, UserError) as error:
            refused(study, variant, error)
            continue
        changes = {
            key: value
            for key, value in trial.settings.items()
            if value != start.settings[key] and key in variant.settings
        }
        if study.method == "variants" or changes or not variant.settings:
            trials.append(replace(trial, changes=changes))
    return tuple(trials)


def repeat(study: Study, recipe: Recipe, number: int, images: int) -> Recipe:
    """Returns the recipe of one repeat: a fold of its own, or the same for another seed."""
    if study.repeats == "seeds" or study.count is None:
        return recipe
    return in_fold(recipe, study.count, number, images, study.shuffle_seed)


def _trial(
    study: Study,
    variant: Variant,
    spec_of: Callable[[str], Spec],
    recipe: Recipe,
    images: int,
    *,
    stand_in: bool,
) -> Trial:
    asked = {**study.defaults, **variant.settings}
    architecture = asked.get("architecture", study.architecture)
    spec = vary(spec_of(architecture), asked)
    own = {key: asked[key] for key in _OF_A_RECIPE if key in asked}
    fitting = _fitting(own, recipe, images) if stand_in else own
    changed = replace(recipe, **fitting)
    first = repeat(study, changed, 0, images)
    if first.validation_images >= images:
        raise UserError(
            f"validation_images = {first.validation_images:,}, but should be at most "
            f"{images - 1:,}: the training images of the data set less one to train on"
        )
    measuring = variant.measuring or study.measuring
    if measuring.after is not None and measuring.after > first.epochs:
        raise UserError(
            f"measured_after = {measuring.after}, but should be at most epochs = {first.epochs}"
        )
    settings = {
        "architecture": architecture,
        **settings_of(spec),
        **{key: getattr(changed, key) for key in _OF_A_RECIPE},
        "train_images": trained_images(first, images),
        "validation_images": first.validation_images,
    }
    reduced = ", ".join(
        f"{settings[key]:,} {key.replace('_', ' ')} instead of {value:,}"
        for key, value in own.items()
        if fitting.get(key) != value and settings[key] != value
    )
    return Trial(variant, spec, changed, settings, {}, measuring, reduced)


def _fitting(settings: Mapping[str, Any], recipe: Recipe, images: int) -> dict[str, Any]:
    """Settings for a data set that has fewer images than the study speaks of."""
    fitting = dict(settings)
    fitting.pop("validation_images", None)
    left = images - recipe.validation_images
    if "train_images" in fitting:
        fitting["train_images"] = min(fitting["train_images"], left // 2)
    return fitting
