"""Which network of the baseline is which of today's: by its name, else by what it is."""

from collections.abc import Collection, Iterable, Sequence

from harness.evaluation.baseline.network import Network


def counterpart(now: Network, then: Iterable[Network], present: Collection[str]) -> Network | None:
    """Returns what a network was in the baseline; None where it is new.

    One of another name is it when that name is gone and the network is identical.

    Args:
        present: the names of all networks of this project, whether they are graded or not.
    """
    known = {network.id: network for network in then}
    if now.id in known:
        return known[now.id]
    for network in known.values():
        if network.id not in present and identical(now, network):
            return network
    return None


def gone(then: Iterable[Network], present: Collection[str]) -> tuple[str, ...]:
    """Returns the names that are in the baseline alone: of networks removed, or renamed."""
    return tuple(network.id for network in then if network.id not in present)


def new(then: Iterable[Network], present: Sequence[str]) -> tuple[str, ...]:
    """Returns the names that are not in the baseline: of networks added, or renamed."""
    known = {network.id for network in then}
    return tuple(name for name in present if name not in known)


def identical(now: Network, then: Network) -> bool:
    return now.spec_digest is not None and now.spec_digest == then.spec_digest
