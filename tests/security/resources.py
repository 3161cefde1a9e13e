"""Attacks that use up memory, disk or the patience of the program that reads what they print.

Each stops by itself at a bound that is beyond every limit of the sandbox and bearable for the
machine, and then gives its network: a hole shows as a test that fails.
"""

from functools import partial

from tests.security.attack import (
    FAILED,
    HONEST,
    RESOURCE,
    STOPPED,
    WRONG_SOURCE,
    Attack,
    in_build,
    module,
)

_row = partial(module, "resources")

# Beyond the sandbox's limit on memory, whichever way it is asked for.
_GIGABYTES = 6

RESOURCES: tuple[Attack, ...] = (
    _row(
        "memory_bomb",
        "One process that takes all memory.",
        in_build(
            f"""
            kept = []
            for _ in range({_GIGABYTES} * 16):
                kept.append(b"x" * (64 << 20))
            """,
            WRONG_SOURCE,
        ),
        {RESOURCE, FAILED},
    ),
    _row(
        "memory_bomb_of_many",
        "Many processes, each of them below the limit for one.",
        in_build(
            f"""
            import os, time
            children = []
            for _ in range({_GIGABYTES} * 2):
                child = os.fork()
                if child == 0:
                    os.setsid()
                    kept = b"x" * (512 << 20)
                    time.sleep(60)
                    os._exit(0)
                children.append(child)
            for child in children:
                os.waitpid(child, 0)
            """,
            WRONG_SOURCE,
        ),
        {RESOURCE, FAILED},
    ),
    _row(
        "shared_memory_bomb",
        "Memory that belongs to no process: segments that stay when they are detached.",
        in_build(
            f"""
            import ctypes
            libc = ctypes.CDLL(None, use_errno=True)
            libc.shmat.restype = ctypes.c_void_p
            libc.shmat.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_int]
            libc.shmdt.argtypes = [ctypes.c_void_p]
            size = 256 << 20
            for _ in range({_GIGABYTES} * 4):
                segment = libc.shmget(0, ctypes.c_size_t(size), 0o1600)
                if segment < 0:
                    raise MemoryError
                address = libc.shmat(segment, None, 0)
                ctypes.memset(address, 1, size)
                libc.shmdt(address)
            """,
            WRONG_SOURCE,
        ),
        {RESOURCE, FAILED},
    ),
    _row(
        "anonymous_files_bomb",
        "Memory in files without a name, each below the limit on a file's size.",
        in_build(
            f"""
            import os
            block = b"x" * (8 << 20)
            kept = []
            for number in range({_GIGABYTES} * 8):
                kept.append(os.memfd_create(str(number)))
                for _ in range(16):
                    os.write(kept[-1], block)
            """,
            WRONG_SOURCE,
        ),
        {RESOURCE, FAILED},
    ),
    _row(
        "own_mounts_bomb",
        "In namespaces of its own again, mounts file systems that are memory, of any size.",
        in_build(
            f"""
            import ctypes, os
            libc = ctypes.CDLL(None, use_errno=True)
            NEWNS, NEWUSER = 0x20000, 0x10000000
            user, group = os.getuid(), os.getgid()
            if libc.unshare(NEWNS | NEWUSER):
                raise PermissionError
            for name, text in (("setgroups", "deny"), ("uid_map", f"{{user}} {{user}} 1"),
                               ("gid_map", f"{{group}} {{group}} 1")):
                with open(f"/proc/self/{{name}}", "w") as file:
                    file.write(text)
            block = b"x" * (8 << 20)
            left = {_GIGABYTES} * 128
            while left > 0:
                os.mkdir(f"m{{left}}")
                if libc.mount(b"tmpfs", f"m{{left}}".encode(), b"tmpfs", ctypes.c_ulong(0), None):
                    raise PermissionError
                with open(f"m{{left}}/bomb", "wb", 0) as file:
                    for _ in range(16):
                        left -= file.write(block) // len(block)
            """,
            WRONG_SOURCE,
        ),
        {RESOURCE, FAILED},
    ),
    _row(
        "temporary_files_bomb",
        "Memory in the files of every folder that may be memory.",
        in_build(
            f"""
            import os
            block = b"x" * (8 << 20)
            left = {_GIGABYTES} * 128
            for folder in ("/dev/shm", "/tmp", os.getcwd(), "/var/tmp", "/run"):
                number = 0
                while left:
                    try:
                        with open(f"{{folder}}/bomb{{number}}", "wb", 0) as file:
                            for _ in range(16):
                                file.write(block)
                                left -= 1
                    except OSError:
                        break
                    number += 1
            if left:
                raise MemoryError(left)
            """,
            WRONG_SOURCE,
        ),
        {RESOURCE, FAILED},
    ),
    _row(
        "huge_file",
        "One file as large as the disk.",
        in_build(
            f"""
            with open("huge", "wb", 0) as file:
                for _ in range({_GIGABYTES} * 128):
                    file.write(b"x" * (8 << 20))
            """,
            WRONG_SOURCE,
        ),
        {RESOURCE, FAILED},
    ),
    _row(
        "many_files",
        "More files than the disk has room for names.",
        in_build(
            """
            import os
            for number in range(300_000):
                os.close(os.open(f"f{number}", os.O_CREAT | os.O_WRONLY))
            """,
            WRONG_SOURCE,
        ),
        STOPPED,
        endless=True,
    ),
    _row(
        "deep_folders",
        "Folders so deep that the program that clears up overruns its stack.",
        in_build(
            """
            import os
            here = os.getcwd()
            for _ in range(5_000):
                os.mkdir("d" * 200)
                os.chdir("d" * 200)
            os.chdir(here)
            """
        ),
        {HONEST, FAILED},
    ),
    _row(
        "flood",
        "A gigabyte of output.",
        in_build(
            """
            import os
            for _ in range(128):
                for fd in (1, 2):
                    os.write(fd, b"x" * (4 << 20))
            """
        ),
        {HONEST, FAILED, RESOURCE},
    ),
    _row(
        "endless_flood",
        "Output that never ends, on both streams.",
        in_build(
            """
            import os, signal
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            while True:
                for fd in (1, 2):
                    try:
                        os.write(fd, b"noise " * 10_000)
                    except OSError:
                        pass
            """,
            WRONG_SOURCE,
        ),
        STOPPED,
        endless=True,
    ),
    _row(
        "one_endless_line",
        "A line without an end, which a reader might keep whole.",
        in_build(
            """
            import sys
            for _ in range(200):
                sys.stdout.write("x" * (1 << 20))
                sys.stderr.write("\\r" * (1 << 20))
            """
        ),
        {HONEST, FAILED, RESOURCE},
    ),
    _row(
        "full_pipes",
        "Memory in pipes that are not read.",
        in_build(
            """
            import os
            kept = []
            try:
                while len(kept) < 20_000:
                    kept.append(os.pipe())
                    os.set_blocking(kept[-1][1], False)
                    os.write(kept[-1][1], b"x" * 65_536)
            except OSError:
                pass
            for pipe in kept:
                for fd in pipe:
                    os.close(fd)
            """
        ),
        {HONEST, FAILED, RESOURCE},
    ),
)
