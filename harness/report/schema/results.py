"""The model of results.json, schema 1: `evaluation` writes it, all others read it.

After `checked` a reader can rely on the shape: each field is there, a list is a list, a number is
finite or None, and text is free of control and direction-changing characters, terminal colours and
unpaired surrogates. What a field means is in docs/formats.md.
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import field
from typing import Annotated, ClassVar, Final

from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from harness.report.schema.experiments import Curves, Experiment
from harness.report.schema.loading import REMEDY
from harness.report.schema.values import (
    Boolean,
    Confusion,
    Count,
    Integer,
    Interval,
    Name,
    Number,
    Part,
    Pixels,
    Rows,
    Settings,
    Table,
    Text,
    clean,
    problem,
)
from reference.errors import UserError

SCHEMA = 1

# A subject ----------------------------------------------------------------------------------------


class Layer(Part):
    absent: ClassVar = frozenset({"source", "basis"})

    name: Text = None
    class_: Annotated[Text, Field(alias="class")] = None
    output_shape: Rows[Integer] = ()
    params: Integer = None
    flops: Number = None
    config: Settings = field(default_factory=dict)
    source: Text = None
    basis: Text = None


class Layers(Part):
    """A network, built or documented."""

    absent: ClassVar = frozenset({"flops"})

    layers: Rows[Layer] = ()
    total_params: Integer = None
    trainable_params: Integer = None
    flops: Number = None


class Diff(Part):
    """A pair of the alignment: indices into the layers, and the changes between them."""

    status: Text = None
    expected: Integer = None
    actual: Integer = None
    changes: Rows[Name] = ()


class Gate(Part):
    threshold: Number = None
    basis: Text = None
    accuracy: Number = None
    interval: Interval = None
    margin: Number = None
    verdict: Text = None
    seeds: Integer = None
    explanation: Text = None


class Misread(Part):
    """A misclassified test image."""

    index: Integer = None
    label: Count
    prediction: Count
    confidence: Number = None
    pixels: Pixels = None


class RunCalibration(Part):
    ece: Number = None
    nll: Number = None
    brier: Number = None


class Run(Part):
    """One training with one seed."""

    key: Text = None
    seed: Integer = None
    cached: Boolean = False
    epochs: Integer = None
    documented_epochs: Integer = None
    train_images: Integer = None
    validation_images: Integer = None
    batch_size: Integer = None
    stopped: Text = None
    history: Curves = Curves()
    test_accuracy: Number = None
    test_loss: Number = None
    interval: Interval = None
    correct_bitmap: Text = None
    confusion: Confusion = ()
    misread: Rows[Misread] = ()
    train_time_s: Number = None
    train_images_per_s: Number = None
    weights_sha256: Text = None
    calibration: RunCalibration | None = None


class Check(Part):
    id: Name
    group: Text = None
    title: Text = None
    status: Text = None
    applies: Boolean | None = None
    points: Number = None
    max_points: Number = None
    expected: Text = None
    actual: Text = None
    hint: Text = None
    message: Text = None
    source: Text = None
    duration_s: Number = None


class Finding(Part):
    kind: Text = None
    where: Text = None
    cause: Text = None
    severity: Text = None


class ComparedRecipe(Part):
    """The document's recipe, and the one that a submission showed; None where it showed none."""

    documented: Settings = field(default_factory=dict)
    submitted: Settings | None = None
    trained_with: Text = None
    basis: Table[Text] = field(default_factory=dict)


class OwnWeights(Part):
    accuracy: Number = None
    interval: Interval = None
    correct: Integer = None
    total: Integer = None


class Bin(Part):
    """The images whose largest output lies between two confidences."""

    low: Number = None
    high: Number = None
    count: Number = None
    confidence: Number = None
    accuracy: Number = None
    interval: Interval = None


class Calibration(Part):
    ece: Number = None
    ece_interval: Interval = None
    nll: Number = None
    nll_interval: Interval = None
    brier: Number = None
    brier_interval: Interval = None
    seeds: Integer = None
    images: Integer = None
    bins: Rows[Bin] = ()


class DigitMetrics(Part):
    digit: Count
    images: Integer = None
    recall: Number = None
    recall_interval: Interval = None
    precision: Number = None
    precision_interval: Interval = None
    f1: Number = None


class Confused(Part):
    """A frequent mistake: `count` is the mean of a run, `share` that of the digit's images."""

    label: Count
    prediction: Count
    count: Number = None
    share: Number = None


class Level(Part):
    severity: Count
    value: Number = None
    accuracy: Number = None
    interval: Interval = None


class Curve(Part):
    corruption: Name
    words: Text = None
    unit: Text = None
    levels: Rows[Level] = ()


class Robustness(Part):
    images: Integer = None
    seeds: Integer = None
    clean: Number = None
    clean_interval: Interval = None
    mean_corruption_error: Number = None
    mean_corruption_error_interval: Interval = None
    note: Text = None
    curves: Rows[Curve] = ()


class Alarm(Part):
    kind: Text = None
    text: Text = None


class Range(Part):
    """The accuracies that earlier trainings gave: mean, and mean -/+ k deviations."""

    mean: Number = None
    deviation: Number = None
    low: Number = None
    high: Number = None
    seeds: Integer = None
    k: Number = None
    command: Text = None


class Subject(Part):
    """A graded network: one of the project's own, or a submission."""

    id: Name
    name: Text = None
    architecture: Text = None
    architecture_basis: Text = None
    origin: Text = None
    family: Text = None
    title: Text = None
    document: Text = None
    source: Text = None
    trust: Text = None
    notes: Rows[Name] = ()
    findings: Rows[Finding] = ()
    recipe: ComparedRecipe | None = None
    own_weights: OwnWeights | None = None
    spec_digest: Text = None
    score: Number = None
    max_score: Number = None
    verdict: Text = None
    error: Text = None
    spec: Layers | None = None
    expected: Layers | None = None
    diff: Rows[Diff] = ()
    gate: Gate | None = None
    runs: Rows[Run] = ()
    checks: Rows[Check] = ()
    calibration: Calibration | None = None
    calibration_note: Text = None
    classes: Rows[DigitMetrics] = ()
    confused: Rows[Confused] = ()
    robustness: Robustness | None = None
    alarms: Rows[Alarm] = ()
    range: Range | None = None


# What was measured beside the subjects ------------------------------------------------------------


class Claim(Part):
    """A claim of a document, and what was measured for it."""

    architecture: Text = None
    document: Text = None
    what: Text = None
    claimed: Number = None
    quote: Text = None
    measured: Number = None
    interval: Interval = None
    seeds: Integer = None
    verdict: Text = None
    reason: Text = None
    source: Text = None
    experiment: Text = None
    repeats: Text = None


class Ratio(Part):
    ratio: Number = None
    low: Number = None
    high: Number = None


class Change(Part):
    """A speed-up compared with a baseline's."""

    ratio: Number = None
    low: Number = None
    high: Number = None
    peer: Text = None
    verdict: Text = None
    baseline: Text = None


class Benchmark(Part):
    """Timings of one task; rows of earlier versions have neither status nor speed-up."""

    architecture: Text = None
    task: Text = None
    runner: Text = None
    batch_size: Integer = None
    median_s: Number = None
    p95_s: Number = None
    iqr_s: Number = None
    rounds: Integer = None
    steps_per_round: Integer = None
    images_per_s: Number = None
    device: Text = None
    threads: Integer = None
    flops_per_image: Number = None
    matmul_fraction: Number = None
    created: Text = None
    commit: Text = None
    cpu: Text = None
    quartiles_s: Interval = None
    first_call_s: Number = None
    status: Text = None
    reason: Text = None
    speedup: Table[Ratio] = field(default_factory=dict)
    change: Change | None = None
    machine: Settings = field(default_factory=dict)
    torch: Text = None

    def to_json(self) -> dict[str, object]:
        return super().to_json() | {"speedup": self.speedup or None}


class MatchedRun(Part):
    seed: Integer = None
    only_a: Integer = None
    only_b: Integer = None
    p: Number = None


class Comparison(Part):
    """Two networks on the same images: the accuracy of `a` less that of `b`."""

    a: Name
    b: Name
    seeds: Integer = None
    images: Integer = None
    difference: Number = None
    interval: Interval = None
    p: Number = None
    p_adjusted: Number = None
    method: Text = None
    only_a: Number = None
    only_b: Number = None
    detectable: Number = None
    verdict: Text = None
    runs: Rows[MatchedRun] = ()


class Omnibus(Part):
    """One test of all networks at once."""

    test: Text = None
    networks: Integer = None
    images: Integer = None
    q: Number = None
    df: Integer = None
    p: Number = None
    seed: Integer = None


class MissedByAll(Part):
    index: Integer = None
    label: Count
    pixels: Pixels = None
    readings: Rows[Integer] = ()


class MissedByOne(Part):
    index: Integer = None
    label: Count
    pixels: Pixels = None
    reading: Integer = None


class AllMiss(Part):
    count: Integer = None
    images: Rows[MissedByAll] = ()


class OnlyOne(Part):
    network: Name
    count: Integer = None
    images: Rows[MissedByOne] = ()


class ImageGroups(Part):
    """Test images that are hard for all networks, or for one of them."""

    networks: Rows[Name] = ()
    images: Integer = None
    all_miss: AllMiss = AllMiss()
    only_one: Rows[OnlyOne] = ()


# The session --------------------------------------------------------------------------------------


class LockDifference(Part):
    package: Name
    locked: Text = None
    installed: Text = None


class Lock(Part):
    """How the installed packages differ from requirements.lock."""

    file: Text = None
    sha256: Text = None
    packages: Integer = None
    differences: Rows[LockDifference] = ()


class Cluster(Part):
    dask: Text = None
    workers: Integer = None
    threads: Integer = None
    cpus: Rows[Name] = ()
    encrypted: Boolean = False


class Environment(Part):
    """Where it ran; `cluster` is None where this machine's own workers trained."""

    absent: ClassVar = frozenset({"cluster"})

    cpu: Text = None
    flags: Rows[Name] = ()
    cores: Integer = None
    threads: Integer = None
    workers: Integer = None
    memory_bytes: Number = None
    gpu: Text = None
    python: Text = None
    tensorflow: Text = None
    keras: Text = None
    numpy: Text = None
    os: Text = None
    commit: Text = None
    isolation: Text = None
    packages: Table[Text] = field(default_factory=dict)
    lock: Lock | None = None
    cluster: Cluster | None = None


class Sizes(Part):
    train: Integer = None
    test: Integer = None


class SharedExample(Part):
    test: Integer = None
    train: Integer = None


class SharedImages(Part):
    """Test images that are training images too."""

    count: Count
    examples: Rows[SharedExample] = ()


class Dataset(Part):
    """The images; without a name where nothing was trained, which is null in the file."""

    name: Text = None
    digest: Text = None
    sizes: Sizes = Sizes()
    source: Text = None
    note: Text = None
    shared_images: SharedImages | None = None


class BaselineRow(Part):
    subject: Text = None
    baseline_subject: Text = None
    measure: Text = None
    status: Text = None
    before: Number = None
    after: Number = None
    difference: Number = None
    interval: Interval = None
    text: Text = None


class Baseline(Part):
    """The comparison with an earlier results.json."""

    file: Text = None
    created: Text = None
    commit: Text = None
    margin: Number = None
    comparable: Boolean = False
    reason: Text = None
    overwritten: Boolean = False
    rows: Rows[BaselineRow] = ()


class HistoryNetwork(Part):
    id: Name
    spec_digest: Text = None
    accuracy: Number = None
    interval: Interval = None
    verdict: Text = None
    total_params: Integer = None
    train_images_per_s: Number = None


class HistoryEntry(Part):
    """A line of history.jsonl: an earlier run of the same data and recipe."""

    created: Text = None
    commit: Text = None
    dataset: Text = None
    dataset_digest: Text = None
    recipe: Text = None
    seeds: Integer = None
    outcome: Text = None
    cpu: Text = None
    networks: Rows[HistoryNetwork] = ()


def _baseline(value: object) -> object:
    return None if value == {} else value


class Results(Part):
    """The whole file. A baseline is None where there was none, which is {} in the file."""

    schema: Count = SCHEMA
    created: Text = None
    command: Text = None
    outcome: Text = None
    dataset: Dataset = Dataset()
    recipe: Text = None
    seeds: Rows[Integer] = ()
    environment: Environment = Environment()
    subjects: Rows[Subject] = ()
    claims: Rows[Claim] = ()
    benchmarks: Rows[Benchmark] = ()
    submissions: Boolean = False
    rubric: Settings | None = None
    experiments: Rows[Experiment] = ()
    comparisons: Rows[Comparison] = ()
    omnibus: Omnibus | None = None
    image_groups: ImageGroups | None = None
    baseline: Annotated[Baseline | None, BeforeValidator(_baseline)] = None
    history: Rows[HistoryEntry] = ()

    def to_json(self) -> dict[str, object]:
        dataset = None if self.dataset.name is None else self.dataset
        return super().to_json() | {"dataset": dataset, "baseline": self.baseline or {}}


ADAPTER: Final = TypeAdapter(Results)


def checked(results: Mapping[str, object] | Results, where: str = "results.json") -> Results:
    """Returns results with every field of schema 1; absent parts are None or empty.

    Results that were read already are returned as they are.

    Raises:
        UserError: another schema, or a part of another shape; names the part, what it is and
            what it should be.
    """
    if isinstance(results, Results):
        return results
    version = results.get("schema")
    if version != SCHEMA or isinstance(version, bool):
        if version is None:
            found = 'has no "schema"'
        else:
            found = f"is of schema {clean(repr(version))[:40]}"
        later = isinstance(version, int | float) and version > SCHEMA
        remedy = "Use the version of the grader that wrote it." if later else REMEDY
        raise UserError(f"{where} {found}, but this report reads schema {SCHEMA}. {remedy}")
    if results.get("subjects") is None:
        raise UserError(f'{where} has no "subjects", but should list the networks. {REMEDY}')
    try:
        return ADAPTER.validate_python(results)
    except ValidationError as error:
        raise UserError(f"{where}: {problem(error)}. {REMEDY}") from None


class _JsonSchema(GenerateJsonSchema):
    """Allows null wherever a key may be absent, and repeats no field's name as its title."""

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        inner = self.generate_inner(schema["schema"])
        return self.get_union_of_schemas([inner, {"type": "null"}])

    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002
        return False


def json_schema() -> str:
    """Returns the JSON Schema of the file, as in docs/results.schema.json."""
    schema = ADAPTER.json_schema(schema_generator=_JsonSchema) | {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"results.json, schema {SCHEMA}",
        "required": ["schema", "subjects"],
    }
    return json.dumps(schema, indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    sys.stdout.write(json_schema())
