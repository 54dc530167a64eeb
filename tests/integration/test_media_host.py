"""What backends, strangers and restarts do to the descriptors that media works with."""

import array
import contextlib
import mmap
import os
import socket
import struct
import threading

import pytest

from system import wait_for
from test_backend import Caller

ATTACH = 0x68636174
SLEEPING = 264  # common/shm/layout.h: tape_backend_header


def tape_ids(pid):
    """Of the tapes that a process has mapped."""
    ids = set()
    for fd in os.listdir(f"/proc/{pid}/fd"):
        path = f"/proc/{pid}/fd/{fd}"
        with contextlib.suppress(FileNotFoundError):
            if "tape-media" in os.readlink(path):
                with open(path, "rb") as f:
                    ids.add(struct.unpack("=Q", f.read(40)[32:])[0])
    return ids


def attach_socket(system):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.connect(str(system.run_dir / "media-0.sock"))
    return s


def send_with(s, tape_id, fds):
    """An attach request with descriptors nobody asked for; without them where the kernel lets media refuse them."""
    request = struct.pack("=IIQ", ATTACH, 1, tape_id)
    try:
        s.sendmsg([request], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))])
        return True
    except PermissionError:
        s.send(request)
        return False


@pytest.fixture
def two_calls(make_system, backends):
    """The first goes on as if nothing happened; the second one's owner is hostile."""
    system = make_system(calls=4)
    echo = backends.start(system)
    good, bad = Caller(system), Caller(system)
    good.start_media(good.call())
    good.send_audio()
    wait_for(lambda: tape_ids(echo.pid), 5)
    known = tape_ids(echo.pid)
    bad.start_media(bad.call())
    bad.send_audio()
    wait_for(lambda: tape_ids(echo.pid) - known, 5)
    (tape_id,) = tape_ids(echo.pid) - known
    media = system.workers()["media-0"]
    yield system, good, tape_id
    heard = []
    for _ in range(150):
        good.send_audio(b"\x21" * 160)
        heard += good.hear(0.02)
    numbers = [p[1] for p in heard]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers))) and len(numbers) > 100
    assert system.workers()["media-0"] == media and "died" not in system.log
    good.bye()
    bad.close()


def test_a_backend_that_never_hears_its_rings(two_calls):
    """H2: its eventfd, were it taken, is made to wait and filled; its reader pretends to sleep all the time; nothing is read."""
    system, good, tape_id = two_calls
    bell = os.eventfd(0)
    with attach_socket(system) as s:
        send_with(s, tape_id, [bell])
        answer, fds, _, _ = socket.recv_fds(s, 64, 2)
        assert struct.unpack("=IiQ", answer) == (ATTACH, 0, tape_id) and len(fds) == 2
        over = threading.Event()

        def trouble(memory):
            while not over.is_set():
                os.set_blocking(bell, False)
                with contextlib.suppress(BlockingIOError):
                    os.eventfd_write(bell, 0xFFFFFFFFFFFFFFFE)
                os.set_blocking(bell, True)
                memory[SLEEPING:SLEEPING + 16] = struct.pack("=QQ", 1, 1)
                os.set_blocking(bell, False)
                with contextlib.suppress(BlockingIOError):
                    os.eventfd_read(bell)
                os.set_blocking(bell, True)

        with mmap.mmap(fds[1], 4096) as memory:
            thread = threading.Thread(target=trouble, args=(memory,))
            thread.start()
            for _ in range(150):
                good.send_audio(b"\x21" * 160)
                good.hear(0.02)
            over.set()
            thread.join()
        for fd in fds:
            os.close(fd)
        s.setblocking(False)
        rings = 0
        with contextlib.suppress(BlockingIOError):
            while s.recv(64) == b"ring":
                rings += 1
        assert 0 < rings < 100, "as many as fit, and not one more"
    os.close(bell)


def test_a_descriptor_that_waits_when_it_is_closed(two_calls):
    """H2: a connection that lingers for a minute, because its peer takes nothing."""
    system, _, _ = two_calls
    with socket.create_server(("127.0.0.1", 0)) as server, attach_socket(system) as s:
        slow = socket.create_connection(server.getsockname())
        peer, _ = server.accept()
        slow.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                slow.send(b"x" * 65536)
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 60))
        taken = send_with(s, 1, [slow.fileno()])
        if taken:
            pytest.skip("this kernel takes descriptors for those who do not want them (before Linux 6.16)")
        assert struct.unpack("=IiQ", s.recv(64))[1] == -2
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 0, 0))
        slow.close()
        peer.close()


def queued(port):
    """Octets that the kernel keeps for a UDP port, and what it dropped."""
    def row():  # one may be missing while somebody else opens and closes sockets
        with open("/proc/net/udp") as f:
            rows = [r.split() for r in f.readlines()[1:]]
        return next((r for r in rows if r[1].endswith(f":{port:04X}")), None)

    found = wait_for(row, 5)
    return int(found[4].split(":")[1], 16), int(found[-1])


def test_ports_nobody_uses_keep_nothing(make_system, backends):
    """H4: one octet is a kilobyte of the kernel's memory. Then the same ports serve calls, whatever was said to them before."""
    system = make_system(calls=4, ports=8)
    backends.start(system)
    ports = range(system.rtp_port, system.rtp_last + 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for port in ports:
            for _ in range(100):
                stranger.sendto(b"x", (system.host, port))
        assert [queued(port) for port in ports] == [(0, 100)] * 8
        callers = [Caller(system) for _ in range(4)]
        for caller in callers:
            caller.start_media(caller.call())
        system.kill("media-0")
        wait_for(lambda: system.metric("tipring_media_sessions_kept_total") == 4, 5)
        for caller in callers:
            heard = []
            for _ in range(1000):
                caller.send_audio(b"\x21" * 160)
                heard += caller.hear(0.02)
                if any(set(p[3]) != {0xFF} for p in heard):
                    break
            assert any(set(p[3]) != {0xFF} for p in heard), "the echo"
            caller.bye()
        wait_for(lambda: system.metric("tipring_media_sessions") == 0, 5)
        before = [queued(port)[1] for port in ports]
        for port in ports:
            stranger.sendto(b"x", (system.host, port))
        assert [queued(port) for port in ports] == [(0, dropped + 1) for dropped in before]


def test_stop_and_start_at_once(make_system):
    """H1: what `systemctl restart` does."""
    system = make_system(calls=4)
    if not system.metric("tipring_media_engine_uring"):
        pytest.skip("no io_uring here")
    for _ in range(8):
        assert system.stop() == 0
        system.start()
    assert "Address already in use" not in system.log
