"""Which files run in one process, when several processes share the work (see the Makefile).

A file's tests stay together. So do files that need the same thing which takes seconds to have:
whoever comes second finds it there. These go first, being the longest to do: in the end many short
files are left, and no process has to wait for another.
"""

from pathlib import PurePath

import pytest
from xdist.scheduler import LoadFileScheduling

TOGETHER = {
    # TensorFlow, imported (`engine_support`).
    "engine": (
        "test_engine_distribution", "test_engine_equivalence", "test_engine_loop",
        "test_robustness", "test_transfer",
    ),
    # Networks, trained (`support.shared_laboratory`).
    "laboratory": ("test_mutants", "test_rewrites"),
    # The sandboxed side, imported (`submissions.shared_host`).
    "capture": (
        "test_capture", "test_capture_data", "test_capture_modules", "test_capture_notebook",
        "test_capture_old", "test_faults", "test_saved_files",
    ),
    # A sandbox, started (`sandbox_support.lasting`).
    "sandbox": ("test_sandbox", "test_sandbox_limits", "test_sandbox_siblings"),
    # A browser, open (`test_report_browser.browser`).
    "browser": (
        "test_report_axe", "test_report_browser", "test_report_class_browser",
        "test_report_script",
    ),
}  # fmt: skip
RANK = {group: rank for rank, group in enumerate(TOGETHER)}
GROUPS = {file: group for group, files in TOGETHER.items() for file in files}


def _group(nodeid: str) -> str:
    file = PurePath(nodeid.partition("::")[0]).stem
    return GROUPS.get(file, file)


class Scheduling(LoadFileScheduling):
    """`--dist=loadfile`, with these files as one."""

    def _split_scope(self, nodeid: str) -> str:
        return _group(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Scheduling | None:
    return Scheduling(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: RANK.get(_group(item.nodeid), len(RANK)))
