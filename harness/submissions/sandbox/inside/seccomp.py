"""Calls of the kernel that no network needs, refused to a submission.

They would let it use memory that is not counted (memfd_create, System V), make namespaces in which
it is root again, look into other processes, reach a virtual machine's host (sockets that belong to
no network namespace), or are where many holes in the kernel have been found (bpf, io_uring, …).
"""

import ctypes
import errno
import platform
import socket
import struct
import sys
from dataclasses import dataclass

_REFUSED = (
    "ptrace", "process_vm_readv", "process_vm_writev", "kcmp",
    "memfd_create", "memfd_secret", "shmget", "msgget", "semget",
    "unshare", "setns", "mount", "umount2", "pivot_root",
    "name_to_handle_at", "open_by_handle_at",
    "bpf", "perf_event_open", "userfaultfd", "keyctl", "add_key", "request_key",
    "io_uring_setup", "io_uring_enter", "io_uring_register",
)  # fmt: skip
_NEW_NAMESPACES = 0x7E020000  # of clone's flags
_FAMILIES = (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK)


@dataclass(frozen=True)
class _Machine:
    """A processor's numbers: of itself, in <linux/audit.h>, and of calls, in <asm/unistd.h>.

    Attributes:
        refused: in the order of `_REFUSED`.
    """

    audit: int
    clone: int
    socket: int
    refused: tuple[int, ...]


_CLONE3 = 435  # on every processor
_MACHINES = {
    "x86_64": _Machine(
        0xC000003E, 56, 41,
        (101, 310, 311, 312, 319, 447, 29, 68, 64, 272, 308, 165, 166, 155, 303, 304,
         321, 298, 323, 250, 248, 249, 425, 426, 427),
    ),
    "aarch64": _Machine(
        0xC00000B7, 220, 198,
        (117, 270, 271, 272, 279, 447, 194, 186, 190, 97, 268, 40, 39, 41, 264, 265,
         280, 241, 282, 219, 217, 218, 425, 426, 427),
    ),
}  # fmt: skip
# Calls with this bit are the same ones in another numbering (x32).
_OTHER_NUMBERING = 0x40000000

# <linux/filter.h>
_LOAD, _RETURN = 0x20, 0x06
_IF_EQUAL, _IF_AT_LEAST, _IF_ANY_BIT = 0x15, 0x35, 0x45
# <linux/seccomp.h>: where things are in what a filter looks at, and what it can say
_NUMBER, _AUDIT, _FIRST_ARGUMENT = 0, 4, 16
_ALLOW, _ERROR, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
# <linux/prctl.h>
_SET_SECCOMP, _FILTER = 22, 2

_Instruction = tuple[int, int, int, int]  # code, steps if true, steps if false, operand


def refuse() -> None:
    """Has the kernel refuse them to this process and to all that it will start, for ever.

    Without effect on a kernel or a processor that cannot do so. Privileges are dropped before.
    """
    machine = _MACHINES.get(platform.machine())
    if machine is None or sys.byteorder != "little":
        return
    program = b"".join(struct.pack("<HBBI", *line) for line in _program(machine))
    code = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("@HP", len(program) // 8, ctypes.addressof(code))
    libc = ctypes.CDLL(None)
    libc.prctl.argtypes = (ctypes.c_int, ctypes.c_ulong, ctypes.c_char_p, *[ctypes.c_ulong] * 2)
    libc.prctl(_SET_SECCOMP, _FILTER, header, 0, 0)


def _program(machine: _Machine) -> list[_Instruction]:
    lines = [
        (_LOAD, 0, 0, _AUDIT),
        (_IF_EQUAL, 1, 0, machine.audit),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        *_when(_IF_AT_LEAST, _OTHER_NUMBERING, errno.EPERM),
        # The C library then takes `clone`, whose flags can be looked at.
        *_when(_IF_EQUAL, _CLONE3, errno.ENOSYS),
    ]
    for number in machine.refused:
        lines += _when(_IF_EQUAL, number, errno.EPERM)
    clone = [
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        *_when(_IF_ANY_BIT, _NEW_NAMESPACES, errno.EPERM),
        (_RETURN, 0, 0, _ALLOW),
    ]
    families = [
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        *[(_IF_EQUAL, len(_FAMILIES) - i, 0, family) for i, family in enumerate(_FAMILIES)],
        (_RETURN, 0, 0, _ERROR | errno.EAFNOSUPPORT),
        (_RETURN, 0, 0, _ALLOW),
    ]
    lines += [(_IF_EQUAL, 0, len(clone), machine.clone), *clone]
    lines += [(_IF_EQUAL, 0, len(families), machine.socket), *families]
    return [*lines, (_RETURN, 0, 0, _ALLOW)]


def _when(test: int, operand: int, error: int) -> list[_Instruction]:
    return [(test, 0, 1, operand), (_RETURN, 0, 0, _ERROR | error)]
