"""What training a network would cost, by arithmetic: before anything is allocated or computed.

A stranger's network may be far larger than the documented one. It is refused here with the numbers
that say why, rather than trained for hours or until the machine has no memory left.
"""

from dataclasses import dataclass
from math import ceil, prod

from harness.network.recipe import Recipe
from harness.system import machine
from reference.layers import Network, Node, Shape, flops, shapes, total_params

# A training step costs about three forward passes: one forward, two backward.
PASSES = 3

# Operations for each value that a layer puts out, beside its dot products: activations,
# normalisation and pooling read and write what they compute on, and that is most of their cost.
_OPERATIONS_A_VALUE = 10

MAX_TIMES = 20  # the documented network's operations
# A network as large as any documented one is always trained, whichever one it is graded as: the
# largest takes 12 million operations an image.
ALWAYS_TRAINED = 15_000_000

_FLOAT_BYTES = 4
# A layer's outputs, their gradient, and what is in between, such as the mask of a dropout.
_COPIES = 3
# A weight, its gradient and two moments of an optimizer.
_STATE = 4
# As the engine has them, which would bring in TensorFlow: images evaluated at once, and the
# largest patches that it writes out.
EVALUATION_BATCH = 500
FEW = 16
MAX_BYTES = 3_000_000_000

# What a slow core does in a second; one of 2024 does twice as much in the documented networks.
_OPERATIONS_A_SECOND = 60e9
# Starting one layer's computation in one step, whatever its size.
_LAYER_S = 20e-6
_GENEROUS = 10
MIN_LIMIT_S = 300


@dataclass(frozen=True)
class TimeLimit:
    """How long a training run may take.

    Attributes:
        reason: what a run that is stopped is told, as a sentence.
    """

    seconds: float
    reason: str


EVALUATION_LIMIT = TimeLimit(
    MIN_LIMIT_S, f"reading the test images was stopped after {MIN_LIMIT_S} s, its limit"
)


def operations(network: Network) -> int:
    """Returns about how many operations one forward pass of one image takes.

    Unlike FLOPs, which count dot products only, this knows that a pooling of large windows or a
    long chain of activations is work, too.
    """
    values = shapes(network)
    other = sum(
        prod(shape) * (_OPERATIONS_A_VALUE + _window(node))
        for node, shape in zip(network.nodes, values, strict=True)
    )
    return sum(flops(network)) + other


def step_bytes(network: Network, recipe: Recipe) -> int:
    """Returns about how much memory training needs at most, in a step or in an evaluation."""
    values = shapes(network)
    an_image = sum(map(prod, values)) + sum(
        _patches(node, values[node.inputs[0]], shape)
        for node, shape in zip(network.nodes, values, strict=True)
        if node.inputs
    )
    at_once = max(_COPIES * recipe.batch_size, EVALUATION_BATCH)
    return _FLOAT_BYTES * (an_image * at_once + _STATE * total_params(network))


def refusal(network: Network, recipe: Recipe, documented: Network | None) -> str | None:
    """Returns why a network is not trained here, as a sentence for its author; None if it is.

    Args:
        documented: the network that it is graded against; None leaves the comparison out.
    """
    needed = step_bytes(network, recipe)
    if needed > MAX_BYTES:
        return (
            f"the network is not trained: a step on {recipe.batch_size:,} images would need about "
            f"{_gigabytes(needed)} of memory, and at most {_gigabytes(MAX_BYTES)} are given; its "
            f"layers put out {sum(map(prod, shapes(network))):,} values for each image, and it "
            f"has {total_params(network):,} parameters"
        )
    if documented is None:
        return None
    own, expected = operations(network), operations(documented)
    if own > max(MAX_TIMES * expected, ALWAYS_TRAINED):
        return (
            f"the network is not trained: an epoch would cost about {own / expected:,.0f} times "
            f"as much as with the documented network ({_millions(own)} operations for each image, "
            f"against {_millions(expected)}), and at most {MAX_TIMES} times as much is accepted; "
            "fewer filters or units, or pooling earlier, make it cheaper"
        )
    return None


def estimate_s(network: Network, recipe: Recipe, train_images: int) -> float:
    """Returns about how many seconds a slow machine trains, were no epoch saved."""
    steps = ceil(train_images / recipe.batch_size)
    computing = PASSES * operations(network) * train_images / _OPERATIONS_A_SECOND
    starting = PASSES * len(network.nodes) * steps * _LAYER_S
    return recipe.epochs * (computing + starting)


def time_limit(
    network: Network,
    recipe: Recipe,
    train_images: int,
    *,
    workers: int = 1,
    cores: int | None = None,
) -> TimeLimit:
    """Returns when to give up a run; where workers share cores, each may take longer.

    Args:
        cores: of the machine; None for this one's.
    """
    share = max(1, ceil(workers / (cores or machine.cores())))
    expected = estimate_s(network, recipe, train_images) * share
    seconds = max(float(MIN_LIMIT_S), _GENEROUS * expected)
    reason = (
        f"training was stopped after {seconds:,.0f} s, its limit: {_GENEROUS} times the "
        f"{expected:,.0f} s that {recipe.epochs} epochs of a network of this size should take on "
        f"a slow machine, and at least {MIN_LIMIT_S} s"
    )
    return TimeLimit(seconds, reason)


def reading_limit(network: Network, images: int, *, workers: int = 1, cores: int = 1) -> TimeLimit:
    """Returns when to give up a trained network that reads so many images."""
    computing = operations(network) * images / _OPERATIONS_A_SECOND
    expected = computing * max(1, ceil(workers / cores))
    seconds = max(float(MIN_LIMIT_S), _GENEROUS * expected)
    return TimeLimit(
        seconds, f"reading {images:,} images was stopped after {seconds:,.0f} s, its limit"
    )


def _window(node: Node) -> int:
    """How many values each output of a pooling is made of."""
    return prod(node.config["pool_size"]) if "pool_size" in node.config else 0


def _patches(node: Node, source: Shape, shape: Shape) -> int:
    """The values of a convolution's patches, where the engine writes them out."""
    if node.kind != "Conv2D":
        return 0
    each = prod(node.config["kernel_size"]) * source[-1]
    return prod(shape[:2]) * each if each <= FEW else 0


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:,.1f} GB"


def _millions(count: int) -> str:
    return f"{count / 1e6:,.1f} million"
