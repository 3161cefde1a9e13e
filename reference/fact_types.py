"""What a document says about its network, as values: read by `reference.facts`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from reference.layers import Shape
from reference.tables import Evidence

METRICS: Final = (
    "test_accuracy",
    "validation_accuracy",
    "total_params",
    "trainable_params",
    "cross_validation_accuracy",
    "transfer_accuracy",
    "numpy_accuracy",
)


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
        resolution: the last digit given ("~98 %" is 0.01); None where there is no number.
        quote: the document's words.
        where: the document's section.
        untestable: why training by the recipe cannot test the claim; None where it can.
    """

    what: str
    metric: str
    value: float | None
    resolution: float | None
    quote: str
    where: str
    untestable: str | None


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
    evidence: Mapping[str, Evidence]
