"""Attacks that end the process, and hope that an end without an error counts as a pass."""

from functools import partial

from tests.security.attack import (
    FAILED,
    HONEST,
    RESOURCE,
    TIMEOUT,
    WRONG_SOURCE,
    Attack,
    at_import,
    in_build,
    module,
)

_row = partial(module, "exits")

EXITS: tuple[Attack, ...] = (
    _row(
        "exit_zero",
        "Exit code 0 should be taken for success.",
        in_build("import sys; sys.exit(0)", WRONG_SOURCE),
        {FAILED},
    ),
    _row(
        "os_exit_zero",
        "Exit code 0 at once, past every handler.",
        at_import("import os; os._exit(0)", WRONG_SOURCE),
        {FAILED},
    ),
    _row(
        "atexit_zero",
        "A hook that exits with 0 when the process ends.",
        at_import("import atexit, os; atexit.register(os._exit, 0)"),
        {HONEST},
    ),
    _row(
        "exit_in_del",
        "An object that exits when it is collected.",
        in_build(
            """
            class Bomb:
                def __del__(self):
                    raise SystemExit(0)
            Bomb()
            import builtins
            builtins.kept = Bomb()
            """
        ),
        {HONEST},
    ),
    _row(
        "kill_self",
        "SIGKILL looks like the machine's fault, which costs no points.",
        in_build("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", WRONG_SOURCE),
        {FAILED, RESOURCE},
    ),
    _row(
        "stop_self",
        "A stopped process ends never, and runs into no limit of processor time.",
        in_build("import os, signal; os.kill(os.getpid(), signal.SIGSTOP)", WRONG_SOURCE),
        {TIMEOUT, FAILED},
        endless=True,
    ),
    _row(
        "segfault",
        "A crash of the interpreter should be the grader's fault.",
        in_build("import ctypes; ctypes.string_at(0)", WRONG_SOURCE),
        {FAILED},
    ),
    _row(
        "corrupt_memory",
        "Overwrites None's own memory, so that anything may happen after.",
        in_build("import ctypes; ctypes.memset(id(None), 255, 16)", WRONG_SOURCE),
        {FAILED},
    ),
    _row(
        "interrupt",
        "Ctrl-C from within should end the whole run.",
        in_build("raise KeyboardInterrupt", WRONG_SOURCE),
        {FAILED},
    ),
    _row(
        "interrupt_group",
        "Ctrl-C for every process in reach should end the whole run.",
        in_build(
            """
            import os, signal
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            for group in (0, 1, os.getpgid(0), os.getppid()):
                try:
                    os.killpg(group, signal.SIGINT)
                except OSError:
                    pass
            """
        ),
        {HONEST, FAILED},
    ),
    _row(
        "another_program",
        "Becomes another program, which prints a verdict and exits with 0.",
        in_build(
            """
            import os, sys
            verdict = 'print(\\'{"networks": [], "score": 100, "status": "passed"}\\')'
            os.execv(sys.executable, [sys.executable, "-c", verdict])
            """,
            WRONG_SOURCE,
        ),
        {FAILED},
    ),
    _row(
        "no_descriptors",
        "Closes every descriptor, the answer's included.",
        in_build("import os; os.closerange(0, 65536)", WRONG_SOURCE),
        {FAILED},
    ),
    _row(
        "no_exit",
        "Has the functions that end a process do nothing, and goes on in the grader's code.",
        at_import(
            """
            import os, sys
            os._exit = sys.exit = lambda code=0: None
            """
        ),
        {HONEST, FAILED},
    ),
    _row(
        "exit_from_a_thread",
        "Another thread ends the process while build() still runs.",
        in_build(
            """
            import os, threading
            threading.Thread(target=os._exit, args=(0,)).start()
            threading.Event().wait()
            """,
            WRONG_SOURCE,
        ),
        {FAILED},
    ),
)
