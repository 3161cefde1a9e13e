"""Digests and run keys are what they were: a store stays useful, whatever is moved or renamed.

Where one changes on purpose, a version is raised beside it (`ENGINE_VERSION` and its like), and the
number here follows. The key of robustness jobs covers the code of `data/corruptions`, so it is not
here.
"""

import pytest

from harness.jobs.kinds.evaluate import EvaluateJob
from harness.jobs.kinds.keras_fit import FitJob
from harness.jobs.kinds.numpy_twin import TwinJob
from harness.jobs.kinds.train import TrainJob
from harness.jobs.kinds.transfer import TransferJob
from harness.network.documented import documented_spec, recipe_for
from reference import facts

PLATFORM = {"cpu": "any"}
# Of the spec, of its training until it clears the gate, and by the documented recipe.
TRAININGS = {
    "deep_cnn": (
        "57c8814526dcf205992218e66ca08050858506fb9f056403b094b0887212b20c",
        "253add14b171e3c91f093eed1d05ec891ea0ccf14487f422f353343609fadcaa",
        "93e5cf8158231c3a4462ef128e22f656ad9342df1d5445bd3b674ab83f200b56",
    ),
    "functional_cnn": (
        "d3f5045d50e48e232bfab9289fa2727651e2efbf64a2386dd4578774ff0fd8d1",
        "8f9611d4e855d35a0d627e265673276a884799f2ca8dad6585e207ce8b572d6f",
        "036f7cb855ca0cfacbc69058dccc95723edf2276c38ccabac8c926ec26715574",
    ),
    "mlp_256_128": (
        "4c9b9d62f5a4a20c46ae8974c0c1dee3505738990b1f06112ef3ae66b242f1e8",
        "b36a5a17e8a2d4d48e42fbe1bb269b76f0e8f49870c376f0421ca6c619e119c4",
        "d83fa32ff580f2cca4d1e1302749c79900c9b2216acd4f7f452d1e1e671d0115",
    ),
    "mlp_64_32": (
        "d9d09adfb28119de2165ddc5e6831d9c552d67f727166f58f11ed00057c14b3c",
        "def56d88c2369e277f51f96dea059a46860f4200826cb4bcb3ed694d8d1520ce",
        "54800f7d98e2d5785324ffee16a1548e21bfd6c026978e54ce4d625606e43bac",
    ),
    "sequential_cnn": (
        "4bd0aa7c68d17d36383b754ac662689cd6e25fcb9b7d8ba612a8f0eefddddd6a",
        "1200b15690c13b9a2cc16970a4f78687fe739b939217bb5b640d3126e7722b30",
        "a7ba536187ab32c645b6059e668d09ed0cd8eacacc4b8bcfa39bf21f6b2bc307",
    ),
}
OTHERS = {
    "fit": "047bf3fd0636d43a62d039cf17e6fb3ea54bae9317999a7e0728463bf500cd73",
    "twin": "edfe06edf4bda9b117db39925e5b13635fff5d345bb34f5cfbc51c912918744a",
    "evaluate": "a2d78361cc1fecf91f9c7d43676ccaf76ec4a1e5ff745a5954f716d33d464e4a",
    "transfer": "c12a39a65b3ad6e9e8bc6218699dc7ba88becccf8a191e7656fa2038f9b6ff57",
}


def _job(kind):
    documented = facts.load("mlp_64_32")
    spec, recipe = documented_spec(documented), recipe_for(documented, "documented", None)
    match kind:
        case "fit":
            return FitJob(spec, recipe, "mnist", "data", PLATFORM)
        case "twin":
            sizes = (784, 64, 32, 10)
            return TwinJob(sizes, "he_normal", recipe, "mnist", "data", 0, PLATFORM)
        case "evaluate":
            return EvaluateJob(spec, "weights", "mnist", "data", (1.0, 255.0), PLATFORM)
        case "transfer":
            return TransferJob("base", "letters", None, "adam", 0.001, 8, 10, 0, PLATFORM)


@pytest.mark.parametrize("name", TRAININGS)
def test_the_digest_and_the_keys_of_a_documented_network(name):
    documented = facts.load(name)
    spec = documented_spec(documented)
    keys = [
        TrainJob(spec, recipe_for(documented, recipe, None), "mnist", "data", 0, PLATFORM).key
        for recipe in ("gate", "documented")
    ]
    assert (spec.digest, *keys) == TRAININGS[name]


@pytest.mark.parametrize("kind", OTHERS)
def test_the_key_of_another_kind_of_job(kind):
    assert _job(kind).key == OTHERS[kind]
