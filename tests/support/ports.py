"""ports.py - ports nobody else takes, however many runs of the tests are on this machine.

The ports below the kernel's own range (ip_local_port_range) are cut into blocks. Who uses a block holds a lock on its file; the kernel
gives it back when the process ends, however that happens. What has a port without asking here is found by bind().
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pathlib
import random
import socket
import tempfile

FIRST, LAST, BLOCK = 10016, 32736, 32
DIRECTORY = pathlib.Path(tempfile.gettempdir()) / "tipring-ports"
SINGLE_BLOCKS = 8  # of a process, for one port at a time: even ones, which come round again after 128


def is_free(port: int, host: str, kind: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind) as s:
        try:
            s.bind((host, port))
        except OSError:
            return False
    return True


def lock(block: int):
    """The open file whose lock is ours; None when somebody has it."""
    path = DIRECTORY / str(block)
    DIRECTORY.mkdir(exist_ok=True)
    with contextlib.suppress(OSError):
        DIRECTORY.chmod(0o1777)
    try:
        file = open(path) if path.exists() else open(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o666))  # maybe another user's
    except OSError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return file
    except OSError:
        file.close()
        return None


class Range:
    """`count` consecutive UDP ports from the even port `first` on; ours until close(), or until nobody knows this object."""

    def __init__(self, count: int, host: str = "127.0.0.1"):
        wanted, blocks = -(-count // BLOCK), (LAST - FIRST) // BLOCK
        start = random.SystemRandom().randrange(blocks)
        for base in (*range(start, blocks - wanted + 1), *range(0, min(start, blocks - wanted + 1))):
            self.first = FIRST + base * BLOCK
            with contextlib.ExitStack() as locks:
                held = [file for block in range(base, base + wanted) if (file := lock(block)) and locks.enter_context(file)]
                if len(held) == wanted and all(is_free(port, host, socket.SOCK_DGRAM) for port in range(self.first, self.first + count)):
                    self.locks = locks.pop_all()
                    return
        raise RuntimeError(f"no {count} consecutive free ports")

    def close(self) -> None:
        self.locks.close()


class Singles:
    """One port after the other out of blocks of this process."""

    def __init__(self):
        self.pid, self.blocks, self.next = 0, [], 0

    def take(self, host: str, kind: int, count: int) -> int:
        if self.pid != os.getpid():  # the locks of the parent stay the parent's
            self.__init__()
            self.pid = os.getpid()
        for _ in range(2 * SINGLE_BLOCKS * BLOCK):
            row, column = divmod(self.next, BLOCK)
            self.next = (self.next + count + count % 2) % (SINGLE_BLOCKS * BLOCK)
            if column + count > BLOCK:
                continue
            if row == len(self.blocks):
                self.blocks.append(Range(BLOCK))
            port = self.blocks[row].first + column
            if all(is_free(p, host, kind) for p in range(port, port + count)):
                return port
        raise RuntimeError("no free port")


SINGLES = Singles()


def free_udp_port(host: str = "127.0.0.1", kind: int = socket.SOCK_DGRAM) -> int:
    """A port nobody uses (UDP unless `kind` says SOCK_STREAM), and that no other run is given."""
    return SINGLES.take(host, kind, 1)


def free_port_range(count: int) -> int:
    """The even first port of a few (at most 32) in a row, as RTP and RTCP are. For many: Range."""
    return SINGLES.take("127.0.0.1", socket.SOCK_DGRAM, count)
