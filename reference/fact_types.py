"""What a document says about its network, as values: read by `reference.facts`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from reference.layers import Shape
from reference.summary import Summary
from reference.tables import Evidence

METRICS: Final = (
    "test_accuracy",
    "validation_accuracy",
    "total_params",
    "trainable_params",
    "non_trainable_params",
    "summary_cells",  # of the printed summary table, those that come out as printed
    "cross_validation_accuracy",  # the mean over the folds
    "transfer_accuracy",  # after the last epoch, on the letters that were trained on
    "transfer_best_accuracy",  # the best of any epoch, on the same letters
    "numpy_accuracy",
    "training_speed",  # time that the NumPy twin takes over the time that Keras takes
    "picture",  # a figure without a number, which nothing measures
)

RELATIONS: Final = ("about", "at most")
"""How a claim means its number: "about" it, to its last digit, or "at most" it."""


@dataclass(frozen=True)
class LayerFact:
    """One layer as the document has it.

    Attributes:
        cls: Keras's class name.
        config: only the keys that are facts, as the document spells them; what is not here may
            be anything that gives the same shapes and parameters.
        output_shape: without the batch axis.
        params: trainable or not.
        source: where in the document the layer is described.
        basis: the weakest basis among its facts: stated, derived or chosen.
        evidence: for "output_shape", "params" and "config.<key>", what each value rests on.
    """

    cls: str
    config: Mapping[str, Any]
    output_shape: Shape
    params: int
    source: str
    basis: str
    evidence: Mapping[str, Evidence]


@dataclass(frozen=True)
class CrossValidationFact:
    """A documented k-fold cross-validation over the training images."""

    folds: int
    shuffle_seed: int
    epochs: int
    batch_size: int
    evidence: Mapping[str, Evidence]


@dataclass(frozen=True)
class RecipeFact:
    """How the document trains its network.

    Attributes:
        validation_images: held out of the 60,000 training images.
        pixel_max: pixels are divided by this.
        cross_validation: where the document has one.
        evidence: what each value rests on, by attribute name.
    """

    optimizer: str
    learning_rate: float
    loss: str
    batch_size: int
    epochs: int
    validation_images: int
    pixel_max: float
    cross_validation: CrossValidationFact | None
    evidence: Mapping[str, Evidence]


@dataclass(frozen=True)
class ClaimFact:
    """Something the document says came out.

    Attributes:
        what: in words, for a reader.
        metric: what to measure, one of `METRICS`.
        value: accuracies are fractions; None where the document gives no number.
        relation: one of `RELATIONS`.
        resolution: the last digit given ("~98 %" is 0.01); None where there is no number.
        quote: the document's words.
        where: the document's section.
        untestable: why no experiment of this suite can test the claim; None where one can.
        note: how the document's words were read, where they leave that open.
    """

    what: str
    metric: str
    value: float | None
    resolution: float | None
    quote: str
    where: str
    untestable: str | None
    relation: str = "about"
    note: str | None = None


@dataclass(frozen=True)
class SummaryFact:
    """The summary table of a document, as it is printed there.

    Attributes:
        text: every line, as printed.
        table: its cells.
        where: the document's section.
    """

    text: str
    table: Summary
    where: str


@dataclass(frozen=True)
class Facts:
    """Everything one document says.

    Attributes:
        name: stem of the file, of the model's module and of the test ids.
        document: number and heading of the document.
        title: one line about the network.
        family: cnn or mlp.
        gate: the test accuracy to reach, a fraction.
        input_shape: of one image, without the batch axis.
        summary: where the document prints one.
        evidence: what gate, input_shape, total_params and trainable_params rest on.
    """

    name: str
    document: str
    title: str
    family: str
    gate: float
    input_shape: Shape
    layers: tuple[LayerFact, ...]
    total_params: int
    trainable_params: int
    recipe: RecipeFact
    claims: tuple[ClaimFact, ...]
    summary: SummaryFact | None
    evidence: Mapping[str, Evidence]
