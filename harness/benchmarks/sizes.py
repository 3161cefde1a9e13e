"""How much work makes a round: enough to time, little enough for many rounds."""

from reference.layers import Network, flops

# One forward and two backward passes.
TRAINING_PASSES = 3

# FLOPs in a round: some tenths of a second on two cores. Networks whose steps cost more than their
# arithmetic come to the most steps first.
_TRAINING_FLOPS = 10e9
_PREDICTION_FLOPS = 2e9
_FEWEST_STEPS, _MOST_STEPS = 6, 100
_FEWEST_CALLS = 1
_MOST_CALLS = {"engine": 100, "keras call": 5, "keras predict": 1}


def flops_per_image(network: Network, task: str) -> int:
    """Returns what one image costs in training, or in prediction."""
    return sum(flops(network)) * (TRAINING_PASSES if task == "train" else 1)


def steps_per_round(network: Network, task: str, runner: str, batch_size: int) -> int:
    """Returns how many steps of training, or calls that predict a batch, make a round.

    In training all runners take as many. What a call costs beside its arithmetic differs a
    hundredfold between ways to predict, so there it depends on the runner.
    """
    cost = batch_size * max(1, flops_per_image(network, task))
    if task == "train":
        return _between(_FEWEST_STEPS, round(_TRAINING_FLOPS / cost), _MOST_STEPS)
    return _between(_FEWEST_CALLS, round(_PREDICTION_FLOPS / cost), _MOST_CALLS[runner])


def _between(least: int, value: int, most: int) -> int:
    return max(least, min(value, most))
