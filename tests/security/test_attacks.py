"""Each hostile submission alone, in the real sandbox: it ends in time and does no harm.

`docs/safety.md` says what the sandbox is; `corpus.py` is what it is held against.
"""

import json
import time
from dataclasses import dataclass, replace

import pytest

from harness.network.keras_config import read_model
from harness.submissions.sandbox import client
from harness.submissions.sandbox.client import Answer, Sandbox
from harness.submissions.sandbox.isolation import strongest
from harness.submissions.sandbox.messages import SubmittedFiles
from harness.system.failure import BuildFailure
from reference.errors import UserError
from tests.security.attack import (
    FAILED,
    HONEST,
    HONEST_SOURCE,
    OTHER,
    WRONG,
    WRONG_SOURCE,
    Attack,
)
from tests.security.canaries import VARIABLE, Canaries, Planting
from tests.security.corpus import CORPUS

pytestmark = pytest.mark.slow

# What runs until its time is over need not have a whole minute for it.
ENDLESS_LIMIT_S = 2
# An attack may take as long as it is allowed, and five seconds more. The rest is patience with a
# machine that is busy with other things: this is a bound, and no measurement.
OVERTIME_S, PATIENCE_S = 5, 30
# After these it is looked at once more each time whether an honest submission is served alike.
AGAINST_PROCESSES = frozenset({"exits", "objects", "processes", "resources"})


@dataclass(frozen=True)
class Ground:
    """The sandbox, the canaries around it, and what an honest submission is answered."""

    extractor: Sandbox
    canaries: Canaries
    specs: dict[str, str]
    answer: bytes

    def open(self, attack: Attack) -> Answer | BuildFailure:
        files = attack.filled(self.canaries.places)
        return self.extractor.open(SubmittedFiles(attack.main, files))

    def outcome(self, found: Answer | BuildFailure) -> str:
        """Returns how it ended, in the corpus's words."""
        if isinstance(found, BuildFailure):
            return found.status
        if not found.document["networks"]:
            return FAILED
        try:
            digest = read_model(found.document["networks"][0]).digest
        except UserError:
            return FAILED
        return self.specs.get(digest, OTHER)


@pytest.fixture(scope="module")
def ground(tmp_path_factory):
    root = tmp_path_factory.mktemp("ground")
    with Planting(root / "canaries") as canaries, pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, canaries.secret)
        isolation = strongest()
        if isolation.level != "bubblewrap" or not isolation.private:
            pytest.skip(f"only weaker isolation works here: {isolation.sentence}")
        extractor = Sandbox(isolation, root / "log")
        honest, wrong = (
            extractor.open(SubmittedFiles("model.py", {"model.py": source.encode()}))
            for source in (HONEST_SOURCE, WRONG_SOURCE)
        )
        specs = {_digest(honest): HONEST, _digest(wrong): WRONG}
        yield Ground(extractor, canaries, specs, written(honest))
        extractor.stop()


def written(found: Answer | BuildFailure) -> bytes:
    """Returns all of an answer but what was printed, as bytes."""
    assert isinstance(found, Answer), found
    return json.dumps(found.document, sort_keys=True).encode() + found.payload


def _digest(found: Answer | BuildFailure) -> str:
    assert isinstance(found, Answer), found
    return read_model(found.document["networks"][0]).digest


def _texts(found: Answer | BuildFailure) -> str:
    """Everything that came out of the sandbox, as text."""
    if isinstance(found, BuildFailure):
        return found.message
    payload = found.payload.decode("latin-1")
    return "\n".join([json.dumps(found.document, ensure_ascii=False), found.log, payload])


OPENED = [attack for attack in CORPUS if attack.main in attack.files]


@pytest.mark.parametrize("attack", OPENED, ids=lambda attack: f"{attack.kind}-{attack.name}")
def test_an_attack(ground, attack, monkeypatch):
    limit = ENDLESS_LIMIT_S if attack.endless else client.LIMITS.wall_s
    monkeypatch.setattr(client, "LIMITS", replace(client.LIMITS, wall_s=limit))
    server = ground.extractor._server.pid
    started = time.monotonic()
    found = ground.open(attack)
    took = time.monotonic() - started
    assert ground.outcome(found) in attack.ends, found
    assert took < limit + OVERTIME_S + PATIENCE_S
    assert ground.canaries.said(_texts(found)) == []
    assert ground.canaries.touched() == []
    if isinstance(found, BuildFailure):
        assert found.message.replace("\n", "").isprintable()
        assert len(found.message) < 6_000
    # Later submissions do not notice.
    assert ground.extractor._server.pid == server, "the server had to be replaced"
    if attack.kind in AGAINST_PROCESSES:
        assert written(ground.open(_HONEST)) == ground.answer


def test_an_honest_submission_is_answered_alike_after_all_of_them(ground):
    assert written(ground.open(_HONEST)) == ground.answer


@pytest.mark.parametrize("name", ["leftovers", "leftovers_in_the_kernel"])
def test_nothing_is_left_for_the_next(ground, name):
    attack = _named(name)
    for _ in range(2):
        found = ground.open(attack)
        assert ground.outcome(found) == HONEST
        assert ground.canaries.said(_texts(found)) == []


def _named(name: str) -> Attack:
    return next(attack for attack in CORPUS if attack.name == name)


_HONEST = _named("honest")
