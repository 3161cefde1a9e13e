"""The PyTorch peer: the same network and recipe in a training loop as one would write it well.

Imports PyTorch, which is optional, so only a runner process may import it.
"""

from harness.bench.order import Order, Task, Unavailable
from reference.errors import UserError

NOT_INSTALLED = "PyTorch is not installed: pip install torch"


def training(order: Order) -> Task:
    """Returns the loop over `order.images` images.

    Raises:
        Unavailable: PyTorch is not installed.
        UserError: the task is another one, or the network has a layer without a counterpart here.
    """
    try:
        import torch  # noqa: F401, PLC0415
    except ModuleNotFoundError as error:
        raise Unavailable(NOT_INSTALLED) from error
    raise UserError(f"{order.task} by pytorch: not there yet")
