"""Attacks with processes and signals: ones that outlive, multiply, stop, or look at others.

Whatever multiplies or grows stops by itself at a bound that is beyond every limit of the sandbox,
so that a hole shows as a failed test, and not as a machine that hangs.
"""

from functools import partial

from tests.security.attack import (
    FAILED,
    HONEST,
    RESOURCE,
    STOPPED,
    TIMEOUT,
    WRONG_SOURCE,
    Attack,
    in_build,
    module,
)

_row = partial(module, "processes")

PROCESSES: tuple[Attack, ...] = (
    _row(
        "daemon",
        "A daemon rewrites the results when the submission is long over.",
        in_build(
            """
            import os, sys
            program = '''
            import pathlib, time
            for _ in range(600):
                for folder in ("@PROJECT@", "@STORE@", "@REPORT@"):
                    try:
                        pathlib.Path(folder, "@MARK@").write_text("100")
                        pathlib.Path(folder, "results.json").write_text("100")
                    except OSError:
                        pass
                time.sleep(0.1)
            '''
            program = "\\n".join(line[12:] for line in program.splitlines())
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    os.execv(sys.executable, [sys.executable, "-c", program, "@MARK@"])
                os._exit(0)
            """
        ),
        {HONEST},
    ),
    _row(
        "daemons_in_many_sessions",
        "More daemons than one look at the process table shows, each in a session of its own.",
        in_build(
            """
            import os, signal
            for _ in range(25):
                if os.fork() == 0:
                    os.setsid()
                    if os.fork() == 0:
                        signal.signal(signal.SIGTERM, signal.SIG_IGN)
                        os.execv("/bin/sleep", ["@MARK@", "600"])
                    os._exit(0)
            """
        ),
        {HONEST},
    ),
    _row(
        "fork_bomb",
        "Processes that double until other processes get no time.",
        in_build(
            """
            import os, time
            end = time.monotonic() + 60
            while time.monotonic() < end:
                try:
                    os.fork()
                except OSError:
                    pass
            """,
            WRONG_SOURCE,
        ),
        STOPPED,
        endless=True,
    ),
    _row(
        "fork_bomb_unlimited",
        "Raises its own limits first, and leaves its session with every fork.",
        in_build(
            """
            import os, resource, time
            for limit in (resource.RLIMIT_NPROC, resource.RLIMIT_CPU, resource.RLIMIT_DATA):
                try:
                    resource.setrlimit(limit, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
                except (OSError, ValueError):
                    pass
            end = time.monotonic() + 60
            while time.monotonic() < end:
                try:
                    if os.fork() == 0:
                        os.setsid()
                except OSError:
                    pass
            """,
            WRONG_SOURCE,
        ),
        STOPPED,
        endless=True,
    ),
    _row(
        "thread_bomb",
        "Threads without end.",
        in_build(
            """
            import threading
            wait = threading.Event().wait
            for _ in range(100_000):
                threading.Thread(target=wait, daemon=True).start()
            """,
            WRONG_SOURCE,
        ),
        STOPPED,
        endless=True,
    ),
    _row(
        "kill_everybody",
        "Kills every process that it can: parent, siblings, the first process.",
        in_build(
            """
            import os, signal
            for process in (os.getppid(), 1, -1):
                try:
                    os.kill(process, signal.SIGKILL)
                except OSError:
                    pass
            """
        ),
        {HONEST, FAILED, RESOURCE},
    ),
    _row(
        "stop_everybody",
        "Stops the process that would end it.",
        in_build(
            """
            import os, signal, time
            for process in (os.getppid(), 1, -1):
                try:
                    os.kill(process, signal.SIGSTOP)
                except OSError:
                    pass
            time.sleep(60)
            """,
            WRONG_SOURCE,
        ),
        STOPPED,
        endless=True,
    ),
    _row(
        "terminate_everybody",
        "Sends each signal to every process it can see.",
        in_build(
            """
            import os, signal
            for number in signal.valid_signals():
                try:
                    signal.signal(number, signal.SIG_IGN)
                except (OSError, ValueError):
                    pass
            others = [int(name) for name in os.listdir("/proc") if name.isdigit()]
            for number in signal.valid_signals() - {signal.SIGSTOP}:
                for process in others:
                    if process != os.getpid():
                        try:
                            os.kill(process, number)
                        except OSError:
                            pass
            """
        ),
        {HONEST, FAILED, RESOURCE, TIMEOUT},
        endless=True,
    ),
    _row(
        "look_into_others",
        "Attaches to its parent and the first process, and reads and writes their memory.",
        in_build(
            """
            import ctypes, os
            libc = ctypes.CDLL(None, use_errno=True)
            libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
            ATTACH, SEIZE = 16, 0x4206
            for process in {os.getppid(), 1, *(int(p) for p in os.listdir("/proc") if p.isdigit())}:
                if process == os.getpid():
                    continue
                for request in (ATTACH, SEIZE):
                    if libc.ptrace(request, process, None, None) == 0:
                        print("REACHED by ptrace", flush=True)
                for name in ("mem", "environ", "fd/0", "fd/1", "fd/3", "fd/4", "fd/5"):
                    try:
                        with open(f"/proc/{process}/{name}", "r+b", 0) as file:
                            print("REACHED", name, file.read(2000), flush=True)
                    except OSError:
                        pass
            """
        ),
        {HONEST},
    ),
    _row(
        "others_descriptors",
        "Writes a verdict to every descriptor of every process it can see.",
        in_build(
            """
            import os
            verdict = b'{"networks": [], "notes": [], "error": null, "score": 100}\\n'
            for fd in range(3, 4096):
                try:
                    os.set_blocking(fd, False)
                    os.write(fd, verdict)
                except OSError:
                    pass
            for process in os.listdir("/proc"):
                try:
                    names = os.listdir(f"/proc/{process}/fd") if process.isdigit() else []
                except OSError:
                    continue
                for name in names:
                    try:
                        fd = os.open(f"/proc/{process}/fd/{name}", os.O_WRONLY | os.O_NONBLOCK)
                        os.write(fd, verdict)
                        os.close(fd)
                    except OSError:
                        pass
            """,
            WRONG_SOURCE,
        ),
        {FAILED},
    ),
    _row(
        "steal_requests",
        "Reads what the grader means for others from every descriptor it has.",
        in_build(
            """
            import os
            for fd in range(4096):
                try:
                    os.set_blocking(fd, False)
                    found = os.read(fd, 1 << 16)
                except OSError:
                    continue
                if found and b"@MARK@" in found:
                    print("SEEN in descriptor", fd, flush=True)
            """
        ),
        {HONEST, FAILED},
    ),
    _row(
        "burn",
        "Computes for ever on every core.",
        in_build(
            """
            import os
            for _ in range(3):
                os.fork()
            while True:
                pass
            """,
            WRONG_SOURCE,
        ),
        {TIMEOUT, RESOURCE},
        endless=True,
    ),
    _row(
        "sleep",
        "Waits for ever, deaf to signals.",
        in_build(
            """
            import signal
            for number in signal.valid_signals():
                try:
                    signal.signal(number, signal.SIG_IGN)
                except (OSError, ValueError):
                    pass
            while True:
                signal.pause()
            """,
            WRONG_SOURCE,
        ),
        {TIMEOUT},
        endless=True,
    ),
    _row(
        "child_holds_the_pipe",
        "A child keeps the answer's pipe open when its parent has ended.",
        in_build(
            """
            import os, signal
            if os.fork() == 0:
                os.setsid()
                while True:
                    signal.pause()
            """
        ),
        {HONEST, TIMEOUT},
        endless=True,
    ),
    _row(
        "greedy",
        "Claims the highest priority for itself.",
        in_build(
            """
            import os
            for call in (
                lambda: os.nice(-20),
                lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(99)),
            ):
                try:
                    call()
                except OSError:
                    continue
                print("REACHED a priority", flush=True)
            """
        ),
        {HONEST},
    ),
)
