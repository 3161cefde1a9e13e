"""Which tests use which package of requirements.txt.

`python -m tests.architecture.requirements_map` runs them.

That is what is tried with the lowest and with the highest versions that requirements.txt allows.
"""

import subprocess
import sys

# In each file at least one test fails where the package does not do what the grader asks of it.
TESTS = {
    "tensorflow": ("network/engine/test_equivalence.py",),
    "keras": (
        "network/engine/test_equivalence.py",
        "submissions/sandbox/inside/test_saved_model.py",
    ),
    "numpy": ("data/test_formats.py", "jobs/store/test_store.py"),
    "scikit-learn": ("data/test_digits.py", "data/test_openml.py"),
    "pytest": ("app/test_options.py", "app/test_check_results.py"),
    "pytest-benchmark": ("benchmarks/test_suite.py",),
    "pytest-html": ("benchmarks/test_suite.py",),
    "scipy": (
        "statistics/test_intervals_and_gates.py",
        "statistics/test_paired.py",
        "app/test_normalize.py",
    ),
    "h5py": ("submissions/sandbox/inside/test_saved_model.py",),
    "rich": ("jobs/test_progress.py",),
    "jinja2": ("report/test_page.py",),
    "markupsafe": ("report/test_page.py",),
    "pillow": ("app/test_normalize.py", "data/test_greek.py"),
    "pydantic": ("report/test_errors.py",),
    "packaging": ("system/test_versions.py",),
    "matplotlib": ("report/test_parts.py", "data/test_greek.py"),
}


def files() -> list[str]:
    return sorted({f"tests/{name}" for names in TESTS.values() for name in names})


if __name__ == "__main__":
    sys.exit(subprocess.run([sys.executable, "-m", "pytest", *files()], check=False).returncode)
