"""Expands a study into trials: the networks and recipes that it trains."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Final, NoReturn

from harness.jobs.kinds.errors import JobFailed
from harness.network.recipe import Recipe, in_fold, trained_images
from harness.network.spec import Spec
from harness.network.variations import settings_of, vary
from reference.errors import UserError
from reference.study_format import SETTINGS, Measuring, Settings, Study, Variant

_RECIPE_FIELDS = {field.name for field in fields(Recipe)}
_OF_A_RECIPE: Final = [key for key in SETTINGS if key in _RECIPE_FIELDS]


@dataclass(frozen=True)
class Trial:
    """A variant that is ready to be trained.

    Attributes:
        recipe: without the fold, which depends on the repeat.
        settings: the value of each setting in the network and the recipe.
        changes: the settings that differ from the study's starting point.
        reduced: the settings that the data set was too small for, in words; empty for none.
    """

    variant: Variant
    spec: Spec
    recipe: Recipe
    settings: Mapping[str, object]
    changes: Mapping[str, object]
    measuring: Measuring
    reduced: str = ""


Problem = JobFailed | UserError


def refuse(study: Study, variant: Variant, problem: Problem) -> NoReturn:
    """Raises the problem of a variant, with its name if the user has to correct it."""
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
    """Returns the trials of a study; those of a grid without the repeated starting points.

    Args:
        spec_of: returns the network of a documented architecture.
        recipe: the documented recipe of the study's architecture.
        images: the number of training images of the data set.
        stand_in: whether the data set stands in for the one that the study was declared for, so
            that settings are reduced to fit it.
        refused: called with each variant that cannot be tried and its problem; the variant is left
            out unless this raises.

    Raises:
        UserError: a setting of the starting point, or with `refuse` of any variant, does not fit
            its network or the data set.
        JobFailed: a network was not built; otherwise the same.
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
    """Returns the recipe of one repeat: with its fold, or unchanged for another seed."""
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
            f"{images - 1:,}, so that one of the training images remains to train on"
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


def _fitting(settings: Settings, recipe: Recipe, images: int) -> Settings:
    """Returns the settings for a data set with fewer images than the study asks for."""
    fitting = {key: value for key, value in settings.items() if key != "validation_images"}
    if "train_images" in fitting:
        left = images - recipe.validation_images
        fitting["train_images"] = min(fitting["train_images"], left // 2)
    return fitting
