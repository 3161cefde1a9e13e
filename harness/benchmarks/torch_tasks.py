"""The PyTorch peer: the same network and recipe in a well-written training loop.

Imports PyTorch, which is optional, so only a runner process imports it, on request.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from harness.benchmarks.workload import SEED, TimedTask, Workload, noise, timed
from harness.network.recipe import Recipe
from harness.network.spec import Spec
from reference.errors import UserError
from reference.layers import Network, Node, Shape, shapes

# Variants tried on two cores with PyTorch 2.13, and their effect on a step (1 and 2 threads):
#   channels last instead of first      CNNs 1.5 to 2.4 times as fast; no effect on MLPs
#   Adam fused instead of foreach       MLPs 1.2 to 1.5 times as fast, CNNs the same
#   sums taken once at the end          2 to 6 % faster than in each step
#   images kept as float32 or as uint8  the same
#   one gather for the whole epoch      the same
#   torch.compile of network or loss    the same or slower, after 2 to 30 s of compiling
# The loop below is the fastest of them.


class Flatten(nn.Module):  # type: ignore[misc]
    """Flattens (N, C, H, W) in the order (H, W, C), as Keras does.

    Copies nothing if the values lie channels last in memory, as after a convolution in that layout.
    """

    def forward(self, x: Tensor) -> Tensor:
        return (x.permute(0, 2, 3, 1) if x.dim() == 4 else x).flatten(1)


def _conv(node: Node, given: Shape) -> nn.Module:
    config = node.config
    same = config["padding"] == "same"
    if same and list(config["strides"]) != [1, 1]:
        raise UserError("Conv2D with strides and padding = same: PyTorch does not support it")
    return nn.Conv2d(
        given[-1],
        config["filters"],
        tuple(config["kernel_size"]),
        stride=tuple(config["strides"]),
        padding="same" if same else 0,
        bias=config["use_bias"],
    )


def _pool(node: Node, _given: Shape) -> nn.Module:
    if node.config["padding"] != "valid":
        raise UserError("MaxPooling2D with padding = same: PyTorch does not support it")
    return nn.MaxPool2d(tuple(node.config["pool_size"]), tuple(node.config["strides"]))


def _norm(node: Node, given: Shape) -> nn.Module:
    config = node.config
    if config["center"] != config["scale"]:
        raise UserError(
            "BatchNormalization with only one of center and scale: PyTorch does not support it"
        )
    cls = nn.BatchNorm2d if len(given) == 3 else nn.BatchNorm1d
    return cls(given[-1], config["epsilon"], 1 - config["momentum"], affine=config["scale"])


_ACTIVATIONS: Mapping[str, Callable[[], nn.Module]] = {
    "linear": nn.Identity,
    "relu": lambda: nn.ReLU(inplace=True),
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
}


def _activation(node: Node, _given: Shape) -> nn.Module:
    name = node.config["activation"]
    if name not in _ACTIVATIONS:
        raise UserError(f"Activation {name}: expected one of {', '.join(_ACTIVATIONS)} here")
    return _ACTIVATIONS[name]()


_MODULES: Mapping[str, Callable[[Node, Shape], nn.Module]] = {
    "Activation": _activation,
    "BatchNormalization": _norm,
    "Conv2D": _conv,
    "Dense": lambda node, given: nn.Linear(
        given[-1], node.config["units"], bias=node.config["use_bias"]
    ),
    "Dropout": lambda node, _given: nn.Dropout(node.config["rate"]),
    "Flatten": lambda _node, _given: Flatten(),
    "MaxPooling2D": _pool,
}


def convert(network: Network) -> nn.Sequential:
    """Returns the network up to its final softmax: one module for each node after the input.

    Its input is (N, C, H, W) or (N, values), its output the logits, (N, classes).

    Raises:
        UserError: the network branches, does not end in a softmax, or has a layer or a setting
            without a counterpart in PyTorch.
    """
    nodes = network.nodes
    last = nodes[-1]
    if last.kind != "Activation" or last.config["activation"] != "softmax":
        raise UserError(f"the network ends in {last.kind}, but should end in a softmax here")
    for index, node in enumerate(nodes[1:], start=1):
        if tuple(node.inputs) != (index - 1,):
            raise UserError(f"layer {index} ({node.kind}): expected a chain of layers")
        if node.kind not in _MODULES and node is not last:
            raise UserError(f"{node.kind}: expected one of {', '.join(_MODULES)} here")
    given = shapes(network)
    return nn.Sequential(
        *(
            _MODULES[node.kind](node, given[index - 1])
            for index, node in enumerate(nodes[1:-1], start=1)
        )
    )


def training(workload: Workload) -> TimedTask:
    """Returns the training loop over `workload.images` images, to be timed.

    Raises:
        UserError: the task, the network, the optimizer or the loss is not supported here.
    """
    if workload.task != "train":
        raise UserError(f"{workload.task} by pytorch: expected train")
    return TimedTask(timed(loop(workload)))


def loop(workload: Workload) -> Callable[[], tuple[float, int]]:
    """Returns a function that trains on all images once: data resident, batches by index.

    It returns the sum of the losses and the number of correctly classified images, both before
    the update of each batch, as the engine does.
    """
    if workload.recipe.loss != "categorical_crossentropy":
        raise UserError(f"{workload.recipe.loss}: expected categorical_crossentropy here")
    torch.manual_seed(SEED)
    network = convert(workload.spec.network).to(memory_format=torch.channels_last).train()
    pixels, digits = noise(workload.images)
    images = arranged(pixels, workload.spec) / workload.recipe.pixel_max
    labels = torch.from_numpy(digits.astype(np.int64))
    optimizer = _optimizer(workload.recipe, list(network.parameters()))
    indexes = torch.randperm(workload.images)

    def work() -> tuple[float, int]:
        losses, outputs = [], []
        for batch in indexes.split(workload.batch_size):
            logits = network(images.index_select(0, batch))
            loss = functional.cross_entropy(logits, labels.index_select(0, batch))
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
            outputs.append(logits.detach())
        # All batches have the same size, so the mean of their means is the mean.
        correct = torch.cat(outputs).argmax(1) == labels.index_select(0, indexes)
        return torch.stack(losses).sum().item() * workload.batch_size, int(correct.sum().item())

    return work


def arranged(images: NDArray[np.uint8], spec: Spec) -> Tensor:
    """Returns images, (N, 28, 28), in the network's input shape, float32 in 0 .. 255."""
    x = torch.from_numpy(images).reshape(len(images), *shapes(spec.network)[0]).float()
    if x.dim() == 4:
        return x.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
    return x


def _optimizer(recipe: Recipe, weights: Sequence[nn.Parameter]) -> torch.optim.Optimizer:
    """Returns the optimizer with Keras's defaults, and one kernel for all weights if possible."""
    rate = recipe.learning_rate
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(weights, rate)
    if recipe.optimizer != "adam":
        raise UserError(f"{recipe.optimizer}: expected adam or sgd here")
    try:
        return torch.optim.Adam(weights, rate, eps=1e-7, fused=True)
    except RuntimeError:  # not available for the CPU before PyTorch 2.4
        return torch.optim.Adam(weights, rate, eps=1e-7, foreach=True)
