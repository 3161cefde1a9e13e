"""The guides are true: their commands work, their links lead somewhere, their tables are complete.

Commands are run as they are written, in one copy of the project that has sample inputs, the network
of the author's guide and one store, so that each network is trained once. It has no MNIST and no
internet, so it takes the digits. A command that takes too long or needs another machine is in
`INSTEAD`, with something cheaper that is verified. One that is in neither table fails.
"""

import re
import shlex
import shutil
import subprocess
import sys
import textwrap
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from pathlib import Path

import pytest

from reference import facts as facts_file
from reference import study_format
from reference.calibration import Floor
from reference.errors import UserError
from reference.fields import INITIALIZERS
from reference.kinds import ACTIVATION, LAYERS
from reference.layers import _ALIASES
from reference.tables import Table
from tests.support.project_copy import Result, environment, grade_each, project

# What the commands leave is shared: all in one process.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("guide")]

ROOT = Path(__file__).parents[2]
GUIDES = sorted((ROOT / "docs" / "guide").glob("*.md"))
AUTHOR = ROOT / "docs" / "guide" / "author.md"
WITH_COMMANDS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *GUIDES]
WITH_LINKS = [*WITH_COMMANDS, *sorted((ROOT / "docs").glob("*.md")),
              *sorted((ROOT / "docs" / "decisions").glob("*.md"))]  # fmt: skip


# The commands ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Run:
    """What a command gives that is run as it is written.

    Attributes:
        code: its exit code.
        says: a regular expression that its output has.
        leaves: files that it writes.
    """

    code: int = 0
    says: str = ""
    leaves: tuple[str, ...] = ()


LATEST = "reports/latest/"
PAGES = tuple(LATEST + name for name in ("index.html", "results.json", "summary.md", "pytest.html"))

# In the order in which they are run: some use what others leave.
RUN = {
    ".venv/bin/pytest checks/": Run(
        says=r"=+ 120 passed, .*", leaves=(*PAGES, "reports/history.jsonl")
    ),
    "cp reports/latest/results.json before.json": Run(leaves=("before.json",)),
    ".venv/bin/pytest checks/ --baseline=before.json": Run(says=r"\n  18 unchanged\n"),
    ".venv/bin/python -m harness.report reports/latest/results.json": Run(
        says=r"reports/latest/index\.html"
    ),
    ".venv/bin/python -m harness.predict digit.png another.jpg": Run(
        says=r"(?m)^digit\.png: \d .*\n^another\.jpg: \d "
    ),
    '.venv/bin/pytest checks/ -k "mlp and structure"': Run(says=r"=+ 18 passed, .*"),
    ".venv/bin/pytest checks/ --submission=my_cnn.py": Run(says=r"(?m)^my_cnn +passed"),
    # One of the two students hands in a file with a syntax error.
    ".venv/bin/pytest checks/ --submissions=class/ --as=deep_cnn": Run(
        code=1,
        says=r"alice +passed[\s\S]*bob +not built",
        leaves=(
            *PAGES,
            *(LATEST + name for name in ("grades.csv", "junit.xml")),
            *(f"{LATEST}submissions/{name}.html" for name in ("alice", "bob")),
            *(f"{LATEST}gradescope/{name}.json" for name in ("alice", "bob")),
        ),
    ),
    "cp reference/rubric.toml my_rubric.toml": Run(leaves=("my_rubric.toml",)),
    ".venv/bin/pytest checks/ --grid=my_grid.toml -k grid": Run(says=r"=+ 1 passed, .*"),
    ".venv/bin/pytest checks/ -k my_mlp": Run(says=r"(?m)^my_mlp +passed"),
    "openssl req -x509 -newkey rsa:4096 -nodes -days 365 -subj /CN=grading -keyout key.pem "
    "-out cert.pem": Run(leaves=("key.pem", "cert.pem")),
}

# What is verified instead: pytest accepts the options and selects at least one check; a guide's
# table of options has all of them; make knows the target; --help names every option; the files that
# are named are there; Dask has a setting of that name; nothing.
COLLECTS, OPTIONS, TARGET, HELP, FILES, SETTINGS, NOTHING = (
    "collects", "options", "target", "help", "files", "settings", "nothing",
)  # fmt: skip
LONG = "takes minutes"
AGAIN = "what it does is run by another command here"
HOSTS = "needs a cluster of several machines"
DOWNLOADS = "downloads packages"

# Command -> (what is verified instead, why it is not run).
INSTEAD = {
    "make report": (TARGET, "makes an environment; its pytest is run here"),
    "make test": (TARGET, "runs this test"),
    "make check": (TARGET, "runs other tests"),
    "make duet BASE=main": (TARGET, LONG),
    "make gradescope ARCHITECTURE=deep_cnn": (TARGET, "needs a git repository; has its own tests"),
    "python3 -m venv .venv": (HELP, "makes an environment"),
    ".venv/bin/pip install --require-hashes -r requirements.lock": (FILES, DOWNLOADS),
    ".venv/bin/pip install -r requirements-dev.txt": (FILES, DOWNLOADS),
    ".venv/bin/pip install -r requirements-peers.txt": (FILES, DOWNLOADS),
    ".venv/bin/pip install -r requirements-cluster.txt": (FILES, DOWNLOADS),
    "apt-get install bubblewrap chromium chromium-driver fonts-liberation": (
        NOTHING, "needs Debian, root and a network",
    ),
    ".venv/bin/pytest tests/": (FILES, "runs this test"),
    ".venv/bin/pytest --benchmark-only": (COLLECTS, LONG),
    ".venv/bin/pytest --benchmark-only --baseline=before.json": (HELP, LONG),
    ".venv/bin/pytest checks/ --recipe=documented": (OPTIONS, LONG),
    ".venv/bin/pytest checks/ --recipe=documented -k twin": (COLLECTS, LONG),
    ".venv/bin/pytest checks/ --recipe=documented -k cross_validation": (COLLECTS, LONG),
    ".venv/bin/pytest checks/ --recipe=documented -k greek": (COLLECTS, LONG),
    ".venv/bin/pytest checks/ --dataset=digits": (OPTIONS, AGAIN),
    ".venv/bin/pytest checks/ --mnist-dir=/path/to/mnist": (OPTIONS, "needs MNIST"),
    ".venv/bin/pytest checks/ --dataset=mnist --seeds=5 --baseline=baseline.json": (
        COLLECTS, "needs MNIST",
    ),
    ".venv/bin/pytest checks/ --submission=my_cnn.py --train-with=submission": (COLLECTS, AGAIN),
    ".venv/bin/pytest checks/ --submission=my_cnn.py --as=deep_cnn": (OPTIONS, AGAIN),
    ".venv/bin/pytest checks/ --submission=my_cnn.py -k structure": (COLLECTS, AGAIN),
    ".venv/bin/pytest checks/ --submissions=class/ --as=deep_cnn --rubric=my_rubric.toml": (
        COLLECTS, AGAIN,
    ),
    '.venv/bin/pytest checks/ -k "my_mlp and structure"': (COLLECTS, AGAIN),
    ".venv/bin/python -m harness.kaggle --test=test.csv": (HELP, "needs Kaggle's 28,000 images"),
    ".venv/bin/python -m harness.calibrate digits --seeds 20": (HELP, LONG),
    ".venv/bin/pytest checks/ --cluster=local:4": (OPTIONS, "has its own tests"),
    ".venv/bin/dask scheduler --protocol tls --port 8786 --tls-ca-file cert.pem --tls-cert "
    "cert.pem --tls-key key.pem": (HELP, HOSTS),
    ".venv/bin/dask worker tls://HOST:8786 --nworkers 4 --nthreads 1 --tls-ca-file cert.pem "
    "--tls-cert cert.pem --tls-key key.pem": (HELP, HOSTS),
    "export DASK_DISTRIBUTED__COMM__TLS__CA_FILE=cert.pem": (SETTINGS, HOSTS),
    "export DASK_DISTRIBUTED__COMM__TLS__CLIENT__CERT=cert.pem "
    "DASK_DISTRIBUTED__COMM__TLS__CLIENT__KEY=key.pem": (SETTINGS, HOSTS),
    ".venv/bin/pytest checks/ --submissions=class/ --cluster=tls://HOST:8786": (OPTIONS, HOSTS),
    ".venv/bin/pytest checks/ --submissions=class/ --cluster=tls://HOST:8786 "
    "--cluster-resources=GRADING=1": (COLLECTS, HOSTS),
}  # fmt: skip


# Reading Markdown --------------------------------------------------------------------------------

FENCE = re.compile(r"(?ms)^(?P<indent> *)```(?P<language>\S*)[^\n]*\n(?P<text>.*?)^(?P=indent)```$")
HEADING = re.compile(r"(?m)^(#{1,6}) +(.+?)\s*$")
LINK = re.compile(r"\]\(([^()\s]+)\)")
LANGUAGES = {"sh", "toml", "python", "text"}


def blocks(path: Path) -> list[tuple[str, str]]:
    """Returns (language, text) of each fenced block of a page."""
    text = path.read_text(encoding="utf-8")
    return [(f["language"], textwrap.dedent(f["text"])) for f in FENCE.finditer(text)]


def prose(path: Path) -> str:
    """Returns a page without its fenced blocks."""
    return FENCE.sub("", path.read_text(encoding="utf-8"))


def commands(script: str) -> Iterator[str]:
    """Yields the commands of a block: without comments, continued lines joined."""
    for line in re.sub(r"\s*\\\n\s*", " ", script).splitlines():
        command = re.sub(r"(^|\s\s+)#.*", "", line).strip()
        if command:
            yield command


def written() -> dict[str, list[str]]:
    """Returns each command of the guides, and the pages that it is on."""
    found = defaultdict(list)
    for path in WITH_COMMANDS:
        for language, text in blocks(path):
            for command in commands(text) if language == "sh" else ():
                found[command].append(path.name)
    return dict(found)


def anchors(path: Path) -> set[str]:
    """Returns the addresses of a page's headings, as GitHub makes them."""
    seen: dict[str, int] = {}
    found = set()
    for _, title in HEADING.findall(prose(path)):
        plain = re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", title).lower()
        slug = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        number = seen.get(slug, 0)
        seen[slug] = number + 1
        found.add(f"{slug}-{number}" if number else slug)
    return found


def section(title: str) -> str:
    """Returns the text below a heading of the author's guide, up to the next heading."""
    text = prose(AUTHOR)
    for heading in HEADING.finditer(text):
        if heading[2] == title:
            following = HEADING.search(text, heading.end())
            return text[heading.end() : following.start() if following else None]
    pytest.fail(f"{AUTHOR.name} has no heading {title!r}")


def rows(title: str) -> dict[str, list[str]]:
    """Returns the rows of the first table of a section, by each key in their first cell."""
    found: dict[str, list[str]] = {}
    for line in section(title).partition("\n| ")[2].partition("\n\n")[0].splitlines():
        cells = [cell.strip() for cell in line.strip("| ").split(" | ")]
        found |= dict.fromkeys(re.findall(r"`([^`]+)`", cells[0]), cells[1:])
    return found


# Samples -----------------------------------------------------------------------------------------

SCRIPT = '''"""A training script as learners write them."""
import keras
from keras import layers

(images, labels), _ = keras.datasets.mnist.load_data()
he = {"activation": "relu", "kernel_initializer": "he_uniform"}
model = keras.Sequential([
    keras.Input((28, 28, 1)),
    layers.Conv2D(32, 3, **he),
    layers.MaxPooling2D(),
    layers.Conv2D(64, 3, **he),
    layers.Conv2D(64, 3, **he),
    layers.MaxPooling2D(),
    layers.Flatten(),
    layers.Dense(100, **he),
    layers.Dense(10, activation="softmax"),
])
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(images[..., None] / 255, labels, batch_size=200, epochs=10)
'''

# So low that a run of seconds passes.
FLOOR = "[floor.my_mlp]\nfloor = 0.01\nmean = 0.5\ndeviation = 0.2\nseeds = 20\nk = 2.5\n"


def write_samples(folder: Path) -> None:
    """Writes the inputs that the commands name, beside a copy of the project."""
    (folder / ".venv").symlink_to(sys.prefix)
    (folder / "my_cnn.py").write_text(SCRIPT, encoding="utf-8")
    (folder / "class" / "bob").mkdir(parents=True)
    shutil.copy(folder / "models" / "deep_cnn.py", folder / "class" / "alice.py")
    (folder / "class" / "bob" / "network.py").write_text("def build(:\n", encoding="utf-8")
    for name in ("before.json", "baseline.json"):
        shutil.copy(ROOT / "reports" / "example" / "results.json", folder / name)
    write_pictures(folder)
    for path, text in examples():
        (folder / path).write_text(text, encoding="utf-8")
    with (folder / "reference" / "calibrations" / "digits.toml").open("a") as file:
        file.write(FLOOR)


def write_pictures(folder: Path) -> None:
    """Writes two pictures of digits, dark on light."""
    from PIL import Image
    from sklearn.datasets import load_digits

    for name, image in zip(("digit.png", "another.jpg"), load_digits().images, strict=False):
        picture = Image.fromarray((255 - image * 15).astype("uint8")).resize((200, 200))
        whole = Image.new("L", (300, 300), 255)
        whole.paste(picture, (50, 50))
        whole.save(folder / name)


def examples() -> Iterator[tuple[Path, str]]:
    """Yields the files of the author's guide: blocks that begin with a path in a comment."""
    for language, text in blocks(AUTHOR):
        first, _, _ = text.partition("\n")
        if language in ("toml", "python") and re.fullmatch(r"# [\w/]+\.(toml|py)", first):
            yield Path(first[2:]), text


# Running -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    """What came of a command."""

    code: int
    output: str
    missing: tuple[str, ...]


def verified_by(what: str) -> list[str]:
    """Returns the commands of `INSTEAD` that are verified so."""
    return [command for command, (check, _) in INSTEAD.items() if check == what]


def run_all(folder: Path) -> dict[str, Outcome]:
    """Runs the commands of `RUN`, each once."""
    found = {}
    for command, expected in RUN.items():
        for name in expected.leaves:  # what was there before proves nothing
            (folder / name).unlink(missing_ok=True)
        done = subprocess.run(
            ["bash", "-c", command], cwd=folder, env=environment(folder / "home"), text=True,
            capture_output=True, timeout=300, check=False,
        )  # fmt: skip
        missing = tuple(name for name in expected.leaves if not (folder / name).is_file())
        found[command] = Outcome(done.returncode, done.stdout + done.stderr, missing)
    return found


def collect_all(folder: Path) -> dict[str, Result]:
    """Returns what pytest says of the commands that only collect."""
    asked = verified_by(COLLECTS)
    given = [[*shlex.split(command)[1:], "--collect-only", "-q"] for command in asked]
    return dict(zip(asked, grade_each(folder, given), strict=True))


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A copy of the project with sample inputs."""
    folder = project(tmp_path_factory.mktemp("guide") / "project")
    write_samples(folder)
    return folder


@pytest.fixture(scope="module")
def started(tmp_path_factory, copy):
    """Both at once: what runs keeps the cores busy now and then only."""
    # As short as lets every check pass on the digits.
    folder = project(tmp_path_factory.mktemp("run") / "project", epochs=3, validation=937)
    write_samples(folder)
    with ThreadPoolExecutor(2) as pool:
        yield pool.submit(run_all, folder), pool.submit(collect_all, copy)


@pytest.fixture(scope="module")
def outcomes(started):
    """All commands of `RUN`, each run once."""
    return started[0].result()


@pytest.fixture(scope="module")
def collected(started):
    """All commands of `INSTEAD` that only collect."""
    return started[1].result()


@pytest.mark.parametrize("command", RUN)
def test_the_command_works_as_it_is_written(outcomes, command):
    outcome, expected = outcomes[command], RUN[command]
    if outcome.code == 127 and not shutil.which(command.split()[0]):
        pytest.skip(f"{command.split()[0]} is not installed")
    assert outcome.code == expected.code, outcome.output
    assert re.search(expected.says, outcome.output), outcome.output
    assert outcome.missing == ()
    assert "Traceback" not in outcome.output


def test_each_command_is_run_or_has_something_cheaper_that_is_verified():
    known = RUN.keys() | INSTEAD.keys()
    unknown = {command: pages for command, pages in written().items() if command not in known}
    assert unknown == {}, "add these commands to RUN or INSTEAD"
    assert known - written().keys() == set(), "no page has these commands any more"
    assert RUN.keys() & INSTEAD.keys() == set()


def test_each_block_says_what_it_is():
    for path in WITH_COMMANDS:
        assert {language for language, _ in blocks(path)} <= LANGUAGES, path.name
        assert prose(path).count("```") == 0, f"{path.name} has a block without an end"


@pytest.mark.parametrize("command", verified_by(COLLECTS))
def test_the_command_selects_checks(collected, command):
    result = collected[command]
    assert result.code == 0, result.output
    assert re.search(r"\d+(/\d+)? tests? collected", result.output), result.output


@pytest.mark.parametrize("command", verified_by(TARGET))
def test_make_knows_the_target(command):
    done = subprocess.run(
        [*shlex.split(command), "--dry-run", f"PYTHON={sys.executable}"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", verified_by(HELP))
def test_the_help_names_every_option(copy, command):
    words = shlex.split(command)
    # python -m MODULE, dask scheduler
    length = words.index("-m") + 2 if "-m" in words else 2
    done = subprocess.run(
        [*words[:length], "--help"], cwd=copy, env=environment(copy / "home"),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    named = {word.partition("=")[0] for word in words[length:] if word.startswith("--")}
    assert named <= set(re.findall(r"--[\w-]+", done.stdout)), done.stdout


@pytest.mark.parametrize("command", verified_by(FILES))
def test_the_files_are_there(command):
    named = [word for word in shlex.split(command)[1:] if "." in word or word.endswith("/")]
    assert named
    for name in named:
        assert (ROOT / name).exists()


def test_targets_of_make_are_there():
    known = set(re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8")))
    named = {name for page in WITH_COMMANDS for name in re.findall(r"`make ([a-z-]+)", prose(page))}
    assert named <= known


def test_dask_has_settings_of_these_names():
    import dask.config
    import distributed  # noqa: F401  (brings its defaults)

    known = set(_leaves(dask.config.config))
    for command in verified_by(SETTINGS):
        for assignment in shlex.split(command)[1:]:
            name = assignment.partition("=")[0].removeprefix("DASK_").lower()
            key = name.replace("__", ".").replace("_", "-")
            assert key in known


def _leaves(values, path=""):
    for key, value in values.items():
        place = f"{path}{key}".replace("_", "-")
        yield place
        if isinstance(value, dict):
            yield from _leaves(value, f"{place}.")


# Links, length, options --------------------------------------------------------------------------


@pytest.mark.parametrize("path", WITH_LINKS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(path):
    dead = []
    for target in LINK.findall(prose(path)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (path.parent / name).resolve() if name else path
        if not file.exists() or (anchor and anchor not in anchors(file)):
            dead.append(target)
    assert dead == []


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


@pytest.fixture(scope="module")
def options(copy):
    """The options of grading, as pytest --help has them."""
    done = subprocess.run(
        [".venv/bin/pytest", "--help"], cwd=copy, env=environment(copy / "home"),
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    group = done.stdout.partition("\ngrading of MNIST architectures:\n")[2]
    return set(re.findall(r"(?m)^  (--[\w-]+)", re.split(r"\n\S", group)[0]))


def test_every_option_is_in_a_guide_and_no_other(options):
    assert "--submissions" in options
    text = "".join(path.read_text(encoding="utf-8") for path in GUIDES)
    assert [option for option in options if not re.search(rf"`{option}[=`]", text)] == []
    table = (ROOT / "docs" / "guide" / "maintainer.md").read_text(encoding="utf-8")
    listed = re.findall(r"(?m)^\| `(--[\w-]+)", table.partition("\n## All options\n")[2])
    assert set(listed) == options


@pytest.mark.parametrize("command", verified_by(OPTIONS))
def test_the_options_are_there(options, command):
    given = {word.partition("=")[0] for word in shlex.split(command) if word.startswith("--")}
    assert given
    assert given <= options


# The format of facts, studies and calibrations ---------------------------------------------------

TABLES = {
    "": "Top level",
    "layer": "`[[layer]]`",
    "recipe": "`[recipe]`",
    "recipe.cross_validation": "`[recipe.cross_validation]`",
    "claim": "`[[claim]]`",
    "summary": "`[summary]`",
}
STUDY_TABLES = {
    "": "A study",
    "repeats": "`[repeats]`",
    "variant": "`[[variant]]`",
}


def complete() -> dict:
    """Returns a document that has every optional table: parts of two of the project's own."""
    folder = ROOT / "reference" / "facts"
    first, second = (
        tomllib.loads((folder / f"{name}.toml").read_text(encoding="utf-8"))
        for name in ("deep_cnn", "sequential_cnn")
    )
    return first | {"summary": second["summary"]}


@pytest.fixture
def asked(monkeypatch):
    """Path of a table -> each key that a loader asked it for -> what it expects, or None."""
    found = defaultdict(dict)
    take, contains = Table._take, Table.__contains__

    def note(table, key, expected=None):
        path = re.sub(r"\[\d+\]", "", table._path)
        if not path.startswith("layer.config"):  # any key of Keras's
            found[path][key] = expected or found[path].get(key)

    def noted_take(table, key, expected):
        note(table, key, expected)
        return take(table, key, expected)

    def noted_contains(table, key):
        note(table, key)
        return contains(table, key)

    monkeypatch.setattr(Table, "_take", noted_take)
    monkeypatch.setattr(Table, "__contains__", noted_contains)
    return found


@pytest.fixture
def asked_of_facts(asked):
    facts_file._read("all", Table("all.toml", complete()))
    return asked


def test_every_key_of_the_facts_is_in_the_guide_and_no_other(asked_of_facts):
    evidence = {path for path, keys in asked_of_facts.items() if "basis" in keys}
    for path in evidence:
        assert asked_of_facts[path].keys() <= rows("A fact").keys(), path
    assert rows("A fact").keys() == {"value", "basis", "where", "why"}
    assert asked_of_facts.keys() - evidence == TABLES.keys()
    for path, title in TABLES.items():
        assert rows(title).keys() == asked_of_facts[path].keys(), title


def test_allowed_values_in_the_guide_are_those_of_the_facts(asked_of_facts):
    for path, title in TABLES.items():
        for key, (_, value, *_) in rows(title).items():
            fact = asked_of_facts.get(f"{path}.{key}".removeprefix("."), {})
            is_fact = "basis" in fact
            assert is_fact == value.startswith("fact: "), f"{title} {key}"
            expected = fact["value"] if is_fact else asked_of_facts[path][key]
            assert _allows(expected or "", value, section(title)) == [], f"{title} {key}"


def _allows(expected: str, value: str, text: str) -> list[str]:
    """Returns which numbers and names of a field's sentence a cell of the guide lacks."""
    if expected.startswith("one of "):
        names = expected.removeprefix("one of ").split(", ")
        return [name for name in names if f"`{name}`" not in text]
    digits = re.sub(r"(?<=\d),(?=\d{3})", "", value)
    numbers = set(re.findall(r"\d+(?:\.\d+)?", expected.replace("1e+06", "1000000")))
    return sorted(numbers - set(re.findall(r"\d+(?:\.\d+)?", digits)))


@pytest.mark.parametrize("path", TABLES)
def test_required_keys_are_those_that_the_loader_misses(path):
    for key, (required, *_) in rows(TABLES[path]).items():
        document = complete()
        table = document
        for name in filter(None, path.split(".")):
            table = table[name]
        table = table[0] if isinstance(table, list) else table
        there = table.pop(key, None) is not None
        if required == "yes":
            with pytest.raises(UserError, match=rf"{key} is missing"):
                facts_file._read("all", Table("all.toml", document))
        elif required.startswith("no"):
            facts_file._read("all", Table("all.toml", document))
            assert there or key in ("config", "untestable", "relation", "note")


def test_the_example_is_a_fact_file(tmp_path):
    (text,) = (text for path, text in examples() if path.parts[:2] == ("reference", "facts"))
    (tmp_path / "my_mlp.toml").write_text(text, encoding="utf-8")
    facts = facts_file.load("my_mlp", tmp_path)
    assert sum(layer.params for layer in facts.layers) == facts.total_params


def test_every_kind_of_layer_is_in_the_guide_with_its_keys():
    table = rows("Kinds of layers")
    assert table.keys() == LAYERS.keys() | _ALIASES.keys()
    for kind, (cell,) in table.items():
        keys = set(LAYERS[kind].fields if kind in LAYERS else _ALIASES[kind].config)
        keys |= {"activation"} if kind in LAYERS and LAYERS[kind].fuses_activation else set()
        assert keys <= set(re.findall(r"`([^`]+)`", cell)), kind
    text = section("Kinds of layers")
    names = [*INITIALIZERS, *ACTIVATION.expected.removeprefix("one of ").split(", ")]
    assert [name for name in names if f"`{name}`" not in text] == []


def test_every_key_of_a_study_is_in_the_guide_and_no_other(asked, tmp_path):
    study_format.load_all()
    (text,) = (text for path, text in examples() if path == Path("my_grid.toml"))
    (tmp_path / "my_grid.toml").write_text(text, encoding="utf-8")
    study_format.load(tmp_path / "my_grid.toml")
    for path, title in STUDY_TABLES.items():
        # [grid] is looked for in the document itself.
        also = {"grid"} if path == "" else set()
        assert rows(title).keys() == asked[path].keys() | also, title
    assert asked["grid"].keys() - study_format.SETTINGS.keys() == rows("`[grid]`").keys()


def test_every_setting_of_a_study_is_in_the_guide_with_its_values():
    table = rows("Settings")
    assert table.keys() == study_format.SETTINGS.keys()
    for key, field in study_format.SETTINGS.items():
        if "architecture" not in key and "activation" not in key:
            assert _allows(field.expected, table[key][0], section("Settings")) == [], key


def test_a_calibration_is_shown_as_it_is():
    (shown,) = (
        tomllib.loads(text)["floor"] for _, text in blocks(AUTHOR) if text.startswith("[floor.")
    )
    text = (ROOT / "reference" / "calibrations" / "digits.toml").read_text(encoding="utf-8")
    assert shown.items() <= tomllib.loads(text)["floor"].items()
    keys = rows("Calibrations").keys()
    assert {field.name for field in fields(Floor)} <= keys
    assert {"command", "documented", "recipe", "measured_by"} <= keys
