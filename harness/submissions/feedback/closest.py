"""Which documented network a submission is most like, when nobody says which it is meant to be."""

from collections.abc import Mapping
from math import log

from harness.network.spec import Spec
from harness.submissions.feedback.alignment import actual_rows, align, cost, expected_rows
from harness.submissions.normalization.normalize import conform
from reference.facts import Facts
from reference.layers import shapes, total_params

# Several times the layers of any document. To lay more of them beside one takes seconds, and says
# no more than that most of them are too many.
_MANY = 64

# What a layer too many costs (`harness.submissions.feedback.alignment.cost`).
_LAYER = 4
# Taking images of another shape weighs as much as one layer too many.
_INPUT = 4


def closest(spec: Spec, facts_by_name: Mapping[str, Facts]) -> str:
    """Returns the name of the documented network that comes first by `rank`."""
    return min(facts_by_name, key=lambda name: rank(spec, facts_by_name[name]))


def rank(spec: Spec, facts: Facts) -> tuple[int, float, str]:
    """Returns what to sort by to have the closest first.

    That is the distance; of several, the one whose number of parameters is nearest as a ratio, then
    the first by name: the answer depends on nothing but the arguments.
    """
    parameters = max(1, total_params(spec.network))
    return distance(spec, facts), abs(log(parameters / facts.total_params)), facts.name


def distance(spec: Spec, facts: Facts) -> int:
    """Returns what it costs to align the network, in the document's conventions, with its layers.

    0 is the documented network; a layer too many or too few costs 4, each setting 1.
    """
    expected = expected_rows(facts)
    if len(spec.network.nodes) > _MANY:
        return _LAYER * (len(spec.network.nodes) - len(expected))
    conformed = conform(spec, facts, None).spec
    between = cost(align(expected, actual_rows(conformed, expected)))
    return between + (shapes(conformed.network)[0] != facts.input_shape) * _INPUT
