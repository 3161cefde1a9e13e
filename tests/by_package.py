"""Which tests use which package of requirements.txt: `python -m tests.by_package` runs them.

That is what is tried with the lowest and with the highest versions that requirements.txt allows.
"""

import subprocess
import sys

# In each file at least one test fails where the package does not do what the grader asks of it.
TESTS = {
    "tensorflow": ("test_engine_equivalence.py",),
    "keras": ("test_engine_equivalence.py", "test_saved_files.py"),
    "numpy": ("test_data_formats.py", "test_store.py"),
    "scikit-learn": ("test_data_digits.py", "test_data_openml.py"),
    "pytest": ("test_options.py", "test_ledger.py"),
    "pytest-benchmark": ("test_bench_lane.py",),
    "pytest-html": ("test_bench_lane.py",),
    "scipy": ("test_statistics.py", "test_statistics_paired.py", "test_predict_normalise.py"),
    "h5py": ("test_saved_files.py",),
    "rich": ("test_progress.py",),
    "jinja2": ("test_report_page.py",),
    "markupsafe": ("test_report_page.py",),
    "pillow": ("test_predict_normalise.py", "test_greek_data.py"),
    "packaging": ("test_versions.py",),
    "matplotlib": ("test_report_parts.py", "test_greek_data.py"),
}


def files() -> list[str]:
    return sorted({f"tests/{name}" for names in TESTS.values() for name in names})


if __name__ == "__main__":
    sys.exit(subprocess.run([sys.executable, "-m", "pytest", *files()], check=False).returncode)
