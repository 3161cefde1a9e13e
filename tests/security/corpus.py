"""Every hostile submission, from every class of how graders have been beaten."""

from tests.security.answers import ANSWERS
from tests.security.attack import Attack
from tests.security.exits import EXITS
from tests.security.mnist import MNIST
from tests.security.network import NETWORK
from tests.security.objects import OBJECTS
from tests.security.places import PLACES
from tests.security.processes import PROCESSES
from tests.security.resources import RESOURCES
from tests.security.runner import RUNNER
from tests.security.saved import SAVED
from tests.security.sources import SOURCES

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
