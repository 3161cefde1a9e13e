"""Every hostile submission, from every class of how graders have been beaten."""

from tests.attacks.answers import ANSWERS
from tests.attacks.attack import Attack
from tests.attacks.exits import EXITS
from tests.attacks.mnist import MNIST
from tests.attacks.network import NETWORK
from tests.attacks.objects import OBJECTS
from tests.attacks.places import PLACES
from tests.attacks.processes import PROCESSES
from tests.attacks.resources import RESOURCES
from tests.attacks.runner import RUNNER
from tests.attacks.saved import SAVED
from tests.attacks.sources import SOURCES

CORPUS: tuple[Attack, ...] = (
    *EXITS,
    *RUNNER,
    *OBJECTS,
    *PROCESSES,
    *RESOURCES,
    *NETWORK,
    *PLACES,
    *ANSWERS,
    *SOURCES,
    *SAVED,
    *MNIST,
)
