"""Reads the facts: what each document says about its network, each number with its evidence.

A fact file is transcribed by hand from a document and never written by a program. Here it is
read strictly: an unknown key, a missing basis or a value out of range is an error that names the
file and the key, so that a slip of the pen cannot become an expectation.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from reference import toml_file
from reference.errors import UserError
from reference.fact_types import (
    METRICS,
    RELATIONS,
    ClaimFact,
    CrossValidationFact,
    Facts,
    LayerFact,
    RecipeFact,
    SummaryFact,
)
from reference.fields import Field, choice, number, sizes, whole
from reference.kinds import DOCUMENTED_OPTIMIZERS
from reference.layers import Network, Node, Shape, normalise_traced
from reference.summary import read as read_summary
from reference.tables import BASES, Evidence, Table

__all__ = [
    "FOLDER",
    "ClaimFact",
    "CrossValidationFact",
    "Evidence",
    "ExpectedNode",
    "Facts",
    "LayerFact",
    "RecipeFact",
    "SummaryFact",
    "expected_network",
    "expected_nodes",
    "load",
    "names",
]

FOLDER: Final = Path(__file__).parent / "facts"


def names(folder: Path = FOLDER) -> tuple[str, ...]:
    """Returns the names of all documented networks, sorted."""
    return tuple(sorted(path.stem for path in folder.glob("*.toml")))


def load(name: str, folder: Path = FOLDER) -> Facts:
    """Returns the facts of one documented network.

    Raises:
        UserError: the file is missing, or is not a file of facts.
    """
    if name not in names(folder):
        raise UserError(
            f"no facts named {name!r} in {folder}; expected one of {', '.join(names(folder))}"
        )
    path = folder / f"{name}.toml"
    document = toml_file.read(path, path.name, "facts")
    facts = _read(name, Table(path.name, document))
    try:
        expected_network(facts)
    except UserError as error:
        raise UserError(
            f"{path.name}: the layers make no network ({error}; layer 0 is the input)"
        ) from None
    return facts


# What a network should be, by the facts --------------------------------------------------------


@dataclass(frozen=True)
class ExpectedNode:
    """One node of the expected network, with the part of it that the document fixes.

    Attributes:
        fixed: the configuration to compare; the node's other keys are Keras's defaults and may
            differ.
        layer: the fact it comes from; None for the input.
    """

    node: Node
    fixed: Mapping[str, Any]
    output_shape: Shape
    params: int
    layer: LayerFact | None


def expected_network(facts: Facts) -> Network:
    """Returns the documented network; what the document leaves open is Keras's default."""
    return Network(tuple(expected.node for expected in expected_nodes(facts)))


def expected_nodes(facts: Facts) -> tuple[ExpectedNode, ...]:
    """Returns the nodes of `expected_network`, each with the facts that speak of it.

    A layer with a fused activation gives two nodes: the first has the layer's parameters.
    """
    chain: list[tuple[str, Mapping[str, Any], tuple[int, ...], bool]] = [
        ("InputLayer", {"shape": list(facts.input_shape)}, (), True)
    ]
    chain += [(layer.cls, layer.config, (i,), True) for i, layer in enumerate(facts.layers)]
    network, origins = normalise_traced(chain)
    result: list[ExpectedNode] = []
    for index, (node, origin) in enumerate(zip(network.nodes, origins, strict=True)):
        if origin == 0:
            result.append(ExpectedNode(node, node.config, facts.input_shape, 0, None))
            continue
        layer = facts.layers[origin - 1]
        first = origins[index - 1] != origin
        fixed = {
            key: value
            for key, value in node.config.items()
            # An activation layer's class alone says which function it is.
            if key in layer.config or node.kind == "Activation"
        }
        params = layer.params if first else 0
        result.append(ExpectedNode(node, fixed, layer.output_shape, params, layer))
    return tuple(result)


# Reading ----------------------------------------------------------------------------------------


def _figure(value: object) -> float:
    """A count stays an integer, so that it is shown as one."""
    read: float = (whole(0, 10**9) if isinstance(value, int) else number(0, 1)).read(value)
    return read


_COUNT = whole(0, 10**9)
_FIGURE = Field("a number, accuracies as fractions", _figure)


def _read(name: str, table: Table) -> Facts:
    facts = Facts(
        name=name,
        document=table.words("document"),
        title=table.words("title"),
        family=table.plain("family", choice("cnn", "mlp")),
        gate=table.fact("gate", number(0, 1)),
        input_shape=tuple(table.fact("input_shape", sizes(4096, rank=3))),
        layers=tuple(_layer(row) for row in table.rows("layer")),
        total_params=table.fact("total_params", _COUNT),
        trainable_params=table.fact("trainable_params", _COUNT),
        recipe=_recipe(table.table("recipe")),
        claims=tuple(_claim(row) for row in table.rows("claim")),
        summary=_summary(table.table("summary"), table.file) if "summary" in table else None,
        evidence=table.evidence,
    )
    table.finish()
    return facts


def _layer(table: Table) -> LayerFact:
    cls, source = table.words("class"), table.words("where")
    output_shape = tuple(table.fact("output_shape", sizes(10**9, rank=3)))
    params = table.fact("params", _COUNT)
    evidence, config = dict(table.evidence), {}
    if "config" in table:
        settings = table.table("config")
        config = settings.facts()
        evidence |= {f"config.{key}": value for key, value in settings.evidence.items()}
    table.finish()
    basis = max((item.basis for item in evidence.values()), key=BASES.index)
    return LayerFact(cls, config, output_shape, params, source, basis, evidence)


def _recipe(table: Table) -> RecipeFact:
    recipe = RecipeFact(
        optimizer=table.fact("optimizer", choice(*DOCUMENTED_OPTIMIZERS)),
        learning_rate=table.fact("learning_rate", number(0, 1, above=True)),
        loss=table.fact("loss", choice("categorical_crossentropy")),
        batch_size=table.fact("batch_size", whole(1, 60_000)),
        epochs=table.fact("epochs", whole(1, 1000)),
        validation_images=table.fact("validation_images", whole(1, 59_999)),
        pixel_max=table.fact("pixel_max", number(0, 255, above=True)),
        cross_validation=(
            _cross_validation(table.table("cross_validation"))
            if "cross_validation" in table
            else None
        ),
        evidence=table.evidence,
    )
    table.finish()
    return recipe


def _cross_validation(table: Table) -> CrossValidationFact:
    result = CrossValidationFact(
        folds=table.fact("folds", whole(2, 100)),
        shuffle_seed=table.fact("shuffle_seed", whole(0, 2**32 - 1)),
        epochs=table.fact("epochs", whole(1, 1000)),
        batch_size=table.fact("batch_size", whole(1, 60_000)),
        evidence=table.evidence,
    )
    table.finish()
    return result


def _claim(table: Table) -> ClaimFact:
    what, metric = table.words("what"), table.plain("metric", choice(*METRICS))
    # Nothing measures a picture, so its claim must say why it stays open.
    untestable = "untestable" in table or metric == "picture"
    claim = ClaimFact(
        what=what,
        metric=metric,
        value=table.plain("value", _FIGURE) if "value" in table else None,
        resolution=table.plain("resolution", number(0, 1)) if "resolution" in table else None,
        quote=table.words("quote"),
        where=table.words("where"),
        untestable=table.words("untestable") if untestable else None,
        relation=table.plain("relation", choice(*RELATIONS)) if "relation" in table else "about",
        note=table.words("note") if "note" in table else None,
    )
    table.finish()
    return claim


def _summary(table: Table, file: str) -> SummaryFact:
    text, where = table.words("text"), table.words("where")
    table.finish()
    try:
        return SummaryFact(text, read_summary(text), where)
    except UserError as error:
        raise UserError(f"{file}: summary.text: {error}") from None
