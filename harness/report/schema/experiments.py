"""The rows of results.json's `experiments`: each kind has a result of its own shape."""

from collections.abc import Mapping
from dataclasses import field
from typing import Annotated, Any, Final

from pydantic import TypeAdapter, ValidationInfo, ValidatorFunctionWrapHandler, WrapValidator

from harness.report.schema.values import (
    Boolean,
    Count,
    Integer,
    Interval,
    Lines,
    Name,
    Number,
    Part,
    Pixels,
    Rows,
    Settings,
    Text,
    TextOrNumber,
)


class Curves(Part):
    """What training gave after each epoch."""

    accuracy: Rows[Number] = ()
    loss: Rows[Number] = ()
    val_accuracy: Rows[Number] = ()
    val_loss: Rows[Number] = ()
    epoch_time_s: Rows[Number] = ()


class Picture(Part):
    label: Count
    pixels: Pixels = None


class StudyRun(Part):
    key: Text = None
    repeat: Integer = None
    accuracy: Number = None
    images: Integer = None
    epochs: Integer = None
    history: Curves = Curves()
    train_time_s: Number = None
    cached: Boolean = False


class Variant(Part):
    name: Name
    settings: Settings = field(default_factory=dict)
    changes: Settings = field(default_factory=dict)
    why: Text = None
    measure_words: Text = None
    params: Integer = None
    mean: Number = None
    std: Number = None
    interval: Interval = None
    meets_claim: Boolean | None = None
    runs: Rows[StudyRun] = ()


class Study(Part):
    repeats: Text = None
    measure: Text = None
    measure_words: Text = None
    claim: Number = None
    axes: Rows[Name] = ()
    method: Text = None
    finding: Text = None
    variants: Rows[Variant] = ()


class Letters(Part):
    source: Text = None
    note: Text = None
    classes: Rows[Name] = ()
    digest: Text = None
    repeated: Integer = None
    pictures: Rows[Picture] = ()


class TransferRun(Part):
    key: Text = None
    base_key: Text = None
    seed: Integer = None
    history: Curves = Curves()
    correct: Integer = None
    images: Integer = None
    left_out_correct: Integer = None
    left_out: Rows[Integer] = ()
    frozen_before: Text = None
    frozen_after: Text = None
    head_before: Text = None
    head_after: Text = None
    epochs_to_claim: Integer = None
    train_time_s: Number = None


class OtherLetters(Part):
    """Letters that no training saw."""

    images: Integer = None
    trained_on: Integer = None
    correct: Rows[Integer] = ()
    mean: Number = None
    interval: Interval = None
    pictures: Rows[Picture] = ()
    predicted: Rows[Rows[Integer]] = ()


class Transfer(Part):
    letters: Letters = Letters()
    optimizer: Text = None
    learning_rate: Number = None
    batch_size: Integer = None
    epochs: Integer = None
    claim: Number = None
    mean: Number = None
    interval: Interval = None
    left_out_mean: Number = None
    left_out_interval: Interval = None
    finding: Text = None
    runs: Rows[TransferRun] = ()
    test: OtherLetters | None = None


class TwinRun(Part):
    key: Text = None
    seed: Integer = None
    accuracy: Number = None
    correct: Integer = None
    images: Integer = None
    validation_accuracy: Number = None
    history: Curves = Curves()
    gradient_error: Number = None
    train_time_s: Number = None
    cpu_time_s: Number = None
    weights_sha256: Text = None


class Feature(Part):
    """A row of the document's comparison of NumPy and Keras."""

    feature: Name
    numpy_document: TextOrNumber = None
    numpy_measured: TextOrNumber = None
    keras_document: TextOrNumber = None
    keras_measured: TextOrNumber = None


class Configuration(Part):
    name: Text = None
    settings: Settings = field(default_factory=dict)
    accuracy: Number = None
    mean: Number = None
    interval: Interval = None
    meets_claim: Boolean | None = None
    runs: Integer = None
    cpu_time_s: Number = None


class TrainingSpeed(Part):
    """Images per second on one thread; the images of an epoch."""

    twin_images_per_s: Number = None
    engine_images_per_s: Number = None
    fit_images_per_s: Number = None
    train_images: Integer = None


class Twin(Part):
    """The NumPy reimplementation."""

    claim: Number = None
    optimizer: Text = None
    learning_rate: Number = None
    batch_size: Integer = None
    epochs: Integer = None
    initialization: Text = None
    gradient_error: Number = None
    mean: Number = None
    interval: Interval = None
    finding: Text = None
    runs: Rows[TwinRun] = ()
    speed: TrainingSpeed | None = None
    table: Rows[Feature] = ()
    configurations: Rows[Configuration] = ()


class Cell(Part):
    row: Count
    column: Name
    expected: TextOrNumber = None
    actual: TextOrNumber = None
    equal: Boolean = False


class SummaryTable(Part):
    document: Lines = ""
    regenerated: Lines = ""
    finding: Text = None
    cells: Rows[Cell] = ()


class Sample(Part):
    index: Integer = None
    label: Integer = None
    prediction: Count
    probabilities: Rows[Number] = ()
    pixels: Pixels = None


class Samples(Part):
    seed: Integer = None
    finding: Text = None
    samples: Rows[Sample] = ()


class OtherResult(Part):
    """The result of a kind that this version does not know: its sentences are shown."""

    finding: Text = None
    claim: Number = None


Result = Study | Transfer | Twin | SummaryTable | Samples | OtherResult

RESULTS: Final[Mapping[str | None, type[Result]]] = {
    "study": Study,
    "transfer": Transfer,
    "twin": Twin,
    "summary_table": SummaryTable,
    "samples": Samples,
}


def _result(
    value: object, _handler: ValidatorFunctionWrapHandler, info: ValidationInfo
) -> Result | None:
    """Reads a result as its row's `kind` says, which stands before it."""
    if value is None:
        return None
    model: type[Any] = RESULTS.get(info.data.get("kind"), OtherResult)
    return TypeAdapter[Result](model).validate_python(value)


class Experiment(Part):
    """What an experiment found; `result` is None unless it is done."""

    id: Name
    architecture: Text = None
    kind: Text = None
    title: Text = None
    question: Text = None
    source: Text = None
    status: Text = None
    reason: Text = None
    problems: Rows[Name] = ()
    result: Annotated[Result | None, WrapValidator(_result)] = None


_READER: Final = TypeAdapter(Experiment)


def read_experiment(row: Mapping[str, object]) -> Experiment:
    """Returns a row of `experiments` as its model.

    Raises:
        ValidationError: a part of it has another shape.
    """
    return _READER.validate_python(row)
