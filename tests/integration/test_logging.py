"""Whoever reads our stderr stops reading: H3."""

import fcntl
import os

import pytest

from chaos import Calls
from conftest import BIN
from system import System, wait_for


def fill(fd: int) -> None:
    """No room is left in this pipe. The flags are its own, shared with every process that has it: as they were afterwards."""
    flags = fcntl.fcntl(fd, fcntl.F_GETFL)
    fcntl.fcntl(fd, fcntl.F_SETFL, flags | os.O_NONBLOCK)
    for size in (4096, 1):
        try:
            while True:
                os.write(fd, b"\n" * size)
        except BlockingIOError:
            pass
    fcntl.fcntl(fd, fcntl.F_SETFL, flags)


@pytest.fixture
def unread():
    """A running system whose stderr is a pipe, and the end of it to read from."""
    system = System(BIN, calls=20)
    reader, system.output = os.pipe()
    system.start()
    yield system, reader
    os.set_blocking(reader, False)
    try:
        system.stop()
    finally:
        os.close(reader)
        os.close(system.output)


def test_nobody_reads_the_log_and_calls_go_on(unread, backends):
    """The old code: every process waits in write(2), the supervisor too, and nobody replaces media."""
    system, reader = unread
    backends.start(system)
    calls = Calls(system, 5, 3600)
    late = None
    try:
        wait_for(lambda: calls.say("window")["up"] == 5, 10, 0.1)
        fill(system.output)
        old = system.kill("media-0")
        wait_for(lambda: system.workers().get("media-0", old) != old, 10)
        calls.say("window")
        wait_for(lambda: calls.say("window")["silent"] == 0, 10, 0.2)
        late = Calls(system, 5, 3600)
        wait_for(lambda: late.say("window")["up"] == 5, 10, 0.1)
        for name in ("signaling-0", "control-0"):
            old = system.kill(name)
            wait_for(lambda: system.workers().get(name, old) != old, 10)
        wait_for(system.ready, 10)
        seen = calls.say("window")
        assert seen["up"] == 5 and seen["failed"] == 0

        os.set_blocking(reader, False)
        text = b""

        def told():
            nonlocal text
            try:
                text += os.read(reader, 1 << 20)
            except BlockingIOError:
                pass
            return all(f"warn {name} log.dropped n=".encode() in text for name in ("supervisor", "media"))
        wait_for(told, 10, 0.1)
    finally:
        calls.kill()
        if late:
            late.kill()
