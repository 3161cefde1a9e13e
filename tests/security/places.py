"""Attacks on files: reading what is none of their business, and writing where others read."""

from functools import partial

from tests.security.attack import FAILED, HONEST, HONEST_SOURCE, Attack, in_build, module

_row = partial(module, "places")

# Says what it sees on standard output, where the test looks for it.
_SEE = """
def see(path):
    import os
    try:
        with open(path, "rb") as file:
            print("SEEN", path, file.read(3000), flush=True)
    except OSError:
        if os.path.exists(path):
            print("SEEN", path, flush=True)
"""

_CAPABLE = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
def mount(source, target, kind, flags):
    return libc.mount(source, target.encode(), kind, ctypes.c_ulong(flags), None)
REMOUNT, BIND, REC, PRIVATE = 32, 4096, 16384, 1 << 18
NEWNS, NEWUSER, NEWPID = 0x20000, 0x10000000, 0x20000000
def write_everywhere():
    for folder in ("@PROJECT@", "@STORE@", "@REPORT@", "@HOME@", "@TEMP@", "@PREFIX@", "/etc"):
        try:
            with open(folder + "/@MARK@", "w") as file:
                file.write("was here")
        except OSError:
            pass
"""


def _indented(helper: str, text: str) -> str:
    """Both texts as one body; the helper is written at the margin."""
    body = "\n".join(line[12:] for line in text.splitlines())
    return helper + body


PLACES: tuple[Attack, ...] = (
    _row(
        "read_the_grader",
        "Reads the facts, the rubric, the store, the report and other submissions.",
        in_build(
            _indented(
                _SEE,
                """
            import glob
            for place in ("@STORE@", "@REPORT@", "@HOME@", "@SIBLING@", "@TEMP@"):
                see(place + "/secret")
            for place in ("reference/rubric.toml", "reference/facts/mlp_64_32.toml",
                          "reference/calibrations", "checks/test_structure.py", ".git/HEAD"):
                see("@PROJECT@/" + place)
            for path in glob.glob("/**/results.json") + glob.glob("/tmp/**/secret"):
                see(path)
            """,
            )
        ),
        {HONEST},
    ),
    _row(
        "read_the_machine",
        "Reads passwords, keys and the environment of the user who runs the grader.",
        in_build(
            _indented(
                _SEE,
                """
            import os, glob
            for path in ("/etc/shadow", "/root/.ssh/id_rsa", "/root/.bash_history", "@HOME@/.netrc",
                         "/proc/1/root/etc/shadow", "/proc/1/cwd/secret", "/dev/mem", "/dev/kmem",
                         "/proc/kcore", "/dev/sda", "/dev/vda", "/dev/nvme0n1"):
                see(path)
            for path in ["/proc/self/environ", *glob.glob("/proc/[0-9]*/environ")]:
                try:
                    with open(path, "rb") as file:
                        print(file.read()[-1500:], flush=True)
                except OSError:
                    pass
            print(sorted(os.environ.items()), flush=True)
            """,
            )
        ),
        {HONEST},
    ),
    _row(
        "write_everywhere",
        "Writes into the project, the store, the report, the home and the Python installation.",
        in_build(_CAPABLE + "write_everywhere()\n"),
        {HONEST},
    ),
    _row(
        "overwrite",
        "Opens for writing what the grader will read or run later.",
        in_build(
            """
            import glob, sys
            for path in (
                *glob.glob("@PROJECT@/harness/**/*.py", recursive=True),
                *glob.glob("@PROJECT@/checks/*.py"),
                *glob.glob("@STORE@/*"), *glob.glob("@REPORT@/*"), *glob.glob("@SIBLING@/*"),
                *glob.glob("@PREFIX@/lib/python3*/site-packages/keras/*.py"),
                "/proc/self/exe", sys.executable, "/etc/passwd", "/proc/sys/kernel/core_pattern",
                "/proc/sysrq-trigger", "/sys/kernel/uevent_helper",
            ):
                try:
                    with open(path, "r+b"):
                        print("WRITABLE", path, flush=True)
                except OSError:
                    pass
            """
        ),
        {HONEST},
    ),
    _row(
        "remount",
        "Makes the read-only system writable again.",
        in_build(
            _indented(
                _CAPABLE,
                """
            for line in open("/proc/self/mounts").read().splitlines():
                target = line.split()[1]
                mount(None, target, None, REMOUNT)
                mount(None, target, None, REMOUNT | BIND)
            write_everywhere()
            """,
            )
        ),
        {HONEST},
    ),
    _row(
        "uncover",
        "In namespaces of its own again, takes away the mounts that hide what lies below.",
        in_build(
            _indented(
                _CAPABLE,
                """
            if os.fork() == 0:
                libc.unshare(NEWUSER | NEWNS)
                for _ in range(4):
                    for line in reversed(open("/proc/self/mounts").read().splitlines()):
                        target = line.split()[1]
                        mount(None, target, None, PRIVATE | REC)
                        mount(None, target, None, REMOUNT | BIND)
                        if target not in ("/", "/proc"):
                            libc.umount2(target.encode(), 2)
                write_everywhere()
                for place in ("@STORE@", "@REPORT@", "@HOME@", "@SIBLING@", "@TEMP@"):
                    try:
                        print("SEEN", open(place + "/secret").read(), flush=True)
                    except OSError:
                        pass
                os._exit(0)
            os.wait()
            """,
            )
        ),
        {HONEST},
    ),
    _row(
        "other_roots",
        "Leaves its root by chroot, by other processes' roots, and by handles.",
        in_build(
            _indented(
                _CAPABLE,
                """
            import glob
            if os.fork() == 0:
                libc.unshare(NEWUSER)
                try:
                    os.mkdir("jail")
                    root = os.open("/", os.O_RDONLY)
                    os.chroot("jail")
                    os.fchdir(root)
                    for _ in range(64):
                        os.chdir("..")
                    os.chroot(".")
                except OSError:
                    pass
                write_everywhere()
                os._exit(0)
            os.wait()
            for root in glob.glob("/proc/[0-9]*/root") + glob.glob("/proc/[0-9]*/cwd"):
                for place in ("@STORE@", "@REPORT@", "@HOME@", "@SIBLING@", "@TEMP@"):
                    try:
                        print("SEEN", root, open(root + place + "/secret").read(), flush=True)
                    except OSError:
                        pass
            handle = (ctypes.c_char * 128)()
            ctypes.memmove(handle, b"\\x08\\0\\0\\0\\x01\\0\\0\\0\\x02\\0\\0\\0\\0\\0\\0\\0", 16)
            here = os.open(os.getcwd(), os.O_RDONLY)
            if libc.open_by_handle_at(here, handle, os.O_RDONLY) >= 0:
                print("REACHED by a handle", flush=True)
            """,
            )
        ),
        {HONEST},
    ),
    _row(
        "devices",
        "Makes devices that stand for the machine's disks and memory.",
        in_build(
            """
            import glob, os, stat
            for kind, numbers in ((stat.S_IFBLK, (8, 0)), (stat.S_IFBLK, (254, 0)),
                                  (stat.S_IFCHR, (1, 1)), (stat.S_IFCHR, (10, 237))):
                for folder in (os.getcwd(), "/dev", "/dev/shm", "/tmp"):
                    path = f"{folder}/device{numbers[0]}"
                    try:
                        os.mknod(path, kind | 0o600, os.makedev(*numbers))
                        with open(path, "rb") as file:
                            print("REACHED", path, file.read(16), flush=True)
                    except OSError:
                        pass
            for kind in ("loop*", "[sv]d*", "nvme*", "dm-*", "mem", "kmem", "fuse", "kvm", "vsock"):
                for path in glob.glob("/dev/" + kind):
                    print("SEEN", path, flush=True)
            """
        ),
        {HONEST},
    ),
    _row(
        "control_groups",
        "Has the machine's kernel run a program when a group of processes ends.",
        in_build(
            """
            import glob, os
            for path in glob.glob("/sys/fs/cgroup/**/release_agent", recursive=True):
                try:
                    with open(path, "r+") as file:
                        print("REACHED", path, flush=True)
                except OSError:
                    pass
            try:
                os.mkdir("/sys/fs/cgroup/@MARK@")
                print("REACHED /sys/fs/cgroup", flush=True)
            except OSError:
                pass
            """
        ),
        {HONEST},
    ),
    _row(
        "leftovers",
        "Leaves something for the next submission in every folder, and looks for what others left.",
        in_build(
            """
            import glob, os
            folders = ("/tmp", "/dev/shm", "/var/tmp", "/run", os.getcwd(), os.path.expanduser("~"))
            for folder in folders:
                for path in glob.glob(folder + "/**/leftover", recursive=True):
                    print("SEEN", path, flush=True)
            for folder in folders:
                try:
                    with open(folder + "/leftover", "w") as file:
                        file.write("left")
                except OSError:
                    pass
            import keras
            if hasattr(keras, "leftover") or "LEFTOVER" in os.environ:
                print("SEEN what another one patched", flush=True)
            keras.leftover = True
            os.environ["LEFTOVER"] = "1"
            """
        ),
        {HONEST},
    ),
    _row(
        "leftovers_in_the_kernel",
        "The same with keys, message queues and shared memory, which have no folder.",
        in_build(
            """
            import ctypes, platform
            libc = ctypes.CDLL(None, use_errno=True)
            add, _, control = (248, 249, 250) if platform.machine() == "x86_64" else (217, 218, 219)
            SEARCH, NUMBER = 10, 0x6D617267
            rings = (-3, -4, -5)
            for ring in rings:
                if libc.syscall(control, SEARCH, ring, b"user", b"leftover", 0) > 0:
                    print("SEEN a key", ring, flush=True)
            for ring in rings:
                libc.syscall(add, b"user", b"leftover", b"left", ctypes.c_size_t(4), ring)
            for find in (
                lambda flags: libc.shmget(NUMBER, ctypes.c_size_t(4096), flags),
                lambda flags: libc.msgget(NUMBER, flags),
                lambda flags: libc.semget(NUMBER, 1, flags),
            ):
                if find(0) >= 0:
                    print("SEEN by its number", flush=True)
                find(0o1666)
            """
        ),
        {HONEST},
    ),
    _row(
        "replaced_folder",
        "Puts links where its own files were, for the program that looks for them.",
        in_build(
            """
            import glob, os
            for name in os.listdir("."):
                try:
                    os.unlink(name)
                    os.symlink("@STORE@/secret", name)
                except OSError:
                    pass
            for name in ("answer.json", "weights.npz", "results.json", "log"):
                try:
                    os.symlink("@STORE@/secret", name)
                except OSError:
                    pass
            """
        ),
        {HONEST, FAILED},
    ),
    _row(
        "links_in_its_folder",
        "Links in the submitted folder lead to files of the grader.",
        HONEST_SOURCE,
        {HONEST},
        links={
            "secret.py": "@STORE@/secret",
            "up": "..",
            "everything": "/",
            "itself": "itself",
            "data.npz": "/dev/zero",
        },
        hard_links={"hard.py": "@STORE@/secret"},
    ),
    _row(
        "pipes_in_its_folder",
        "A program that reads every file of the folder waits for ever at a named pipe.",
        HONEST_SOURCE,
        {HONEST},
        pipes=("a.py", "notes.txt"),
    ),
    Attack(
        name="a_link_as_the_model",
        kind="places",
        why="The file to be opened is a link to a file of the grader.",
        files={},
        main="model.py",
        ends=frozenset({FAILED}),
        links={"model.py": "@STORE@/secret"},
    ),
    _row(
        "names_that_climb",
        "Files whose names lead out of the folder.",
        HONEST_SOURCE,
        {HONEST, FAILED},
        files={
            "../@MARK@": "x",
            "/tmp/@MARK@": "x",  # noqa: S108  (that is where it would be found)
            "a/../../../@MARK@": "x",
            "..": "x",
        },
    ),
    _row(
        "names_that_confuse",
        "File names with line breaks, escapes, bytes that are no text, and of every length.",
        HONEST_SOURCE,
        {HONEST, FAILED},
        files={
            "a\nb.py": "x",
            "\x1b[2J.py": "x",
            "=1+1.csv": "x",
            "<img src=x onerror=alert(1)>.txt": "x",
            "x" * 255: "x",
            "%s%n{0}.txt": "x",
            "\u202egnp.py": "x",
            "con": "x",
        },
    ),
)
