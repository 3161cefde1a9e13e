"""One session's comparison with a baseline: what its checks asked for, kept for results.json."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from harness.evaluation.baseline import judging, model
from harness.evaluation.baseline.model import Network, Row
from harness.evaluation.baseline.previous_results import Earlier
from harness.evaluation.baseline.speed import Speedups, other_machine, speed, training_rate
from harness.report.schema import results as schema
from harness.statistics.noninferiority import MARGIN


@dataclass
class Comparison:
    """Compares a session's networks with an earlier results.json.

    Only what a check asked for is in the rows: a row without its check would be a regression that
    fails nothing.

    Attributes:
        present: the names of all networks of the project, whether they are graded or not.
        current: speed-ups that this run's report keeps.
        machine: what a rate of training depends on, as `Earlier.machine` has it.
        overwritten: whether the baseline is the very file that this run will write.
    """

    earlier: Earlier
    present: Sequence[str]
    current: Speedups
    machine: Mapping[str, object]
    overwritten: bool = False
    _rows: dict[tuple[str, str], list[Row]] = field(default_factory=dict)

    @property
    def gone(self) -> tuple[str, ...]:
        """The names that the baseline alone has: of networks removed, or renamed."""
        return model.gone(self.earlier.networks, self.present)

    @property
    def new(self) -> tuple[str, ...]:
        """The names that are not in the baseline: of networks added, or renamed."""
        return model.new(self.earlier.networks, self.present)

    def counterpart(self, now: Network) -> Network | None:
        """Returns what a network was in the baseline; None where it is new."""
        then = model.counterpart(now, self.earlier.networks, self.present)
        if then is None:
            text = f"Not in the baseline: there is nothing to compare {now.id} with."
            self._enter(now.id, "presence", [Row(now.id, None, "presence", "new", text)])
        elif then.id != now.id:
            text = f"Identical to what the baseline calls {then.id}, which is gone."
            self._enter(now.id, "presence", [Row(now.id, then.id, "presence", "renamed", text)])
        return then

    def accuracy(self, now: Network, then: Network, obstacle: str | None) -> Row:
        """Returns how a network's accuracy changed.

        Args:
            obstacle: why no accuracies can be compared at all; of `judging.obstacle`.
        """
        key = (now.id, "accuracy")
        if key not in self._rows:
            row = (
                Row(now.id, then.id, "accuracy", "not comparable", obstacle)
                if obstacle
                else judging.accuracy(now, then)
            )
            self._enter(*key, [row])
            if obstacle is None:  # else it may have trained on other images, or otherwise
                rate = training_rate(now, then, other_machine(self.earlier.machine, self.machine))
                self._enter(now.id, "rate", [rate] if rate else [])
        return self._rows[key][0]

    def counts(self, now: Network, then: Network) -> list[Row]:
        """Returns how a network's parameters and FLOPs changed."""
        return self._enter(now.id, "counts", judging.counts(now, then))

    def speed(self, now: Network, then: Network) -> list[Row]:
        """Returns how the benchmarks of a network changed."""
        rows = speed(now, then, self.current, self.earlier.speedups)
        return self._enter(now.id, "speed", rows)

    def missing(self, name: str, newcomers: Iterable[Network]) -> Row:
        """Returns what became of a network that only the baseline knows by its name.

        Args:
            newcomers: the networks that the baseline does not know by theirs.
        """
        (then,) = (network for network in self.earlier.networks if network.id == name)
        now = next((one for one in newcomers if model.identical(one, then)), None)
        if now is None:
            text = f"In the baseline, and not among the project's networks: {name} is not graded."
            row = Row(None, name, "presence", "missing", text)
        else:
            text = f"The baseline's {name} is called {now.id} now."
            row = Row(now.id, name, "presence", "renamed", text)
        self._enter(now.id if now else f"gone {name}", "presence", [row])
        return row

    def rows(self) -> list[Row]:
        """Returns all rows, the project's networks in their order, those that are gone last."""
        order = {name: place for place, name in enumerate(self.present)}
        asked = sorted(
            self._rows.items(),
            key=lambda item: (order.get(item[0][0], len(order)), _ORDER.index(item[0][1])),
        )
        return [row for _, rows in asked for row in rows]

    def to_json(self, obstacle: str | None) -> schema.Baseline:
        """Returns `baseline` of results.json."""
        return schema.Baseline(
            file=self.earlier.file,
            created=self.earlier.created,
            commit=self.earlier.commit,
            margin=MARGIN,
            comparable=obstacle is None,
            reason=obstacle,
            overwritten=self.overwritten,
            rows=[row.to_json() for row in self.rows()],
        )

    def _enter(self, subject: str, part: str, rows: list[Row]) -> list[Row]:
        self._rows[subject, part] = rows
        return rows


_ORDER = ("presence", "accuracy", "counts", "speed", "rate")
