"""Garbage on every socket changes no call and is counted."""

import ctypes
import mmap
import os
import random
import socket
import struct
import time

import pytest

from sip_peer import Peer
from system import wait_for
from test_backend import Caller


@pytest.fixture
def calm(make_system, backends):
    """A system with one call up, and a check that nothing happened to it."""
    system = make_system(calls=8)
    echo = backends.start(system)
    caller = Caller(system)
    caller.start_media(caller.call())
    caller.send_audio()
    yield system, caller, echo
    for _ in range(10):
        caller.send_audio(b"\x21" * 160)
        time.sleep(0.02)
    assert len(caller.hear(0.3)) >= 10
    assert system.metric("tipring_calls_answered") == 1
    assert not any("died" in line for line in system.log.splitlines())
    caller.bye()
    caller.close()


def noise(rng, size):
    return bytes(rng.randrange(256) for _ in range(size))


def test_on_the_sip_port(calm):
    system, _, _ = calm
    rng = random.Random(1)
    peer = Peer(system)
    template = peer.request("INVITE", body=peer.sdp()).encode()
    for i in range(600):
        data = bytearray(template) if i % 2 else bytearray(noise(rng, rng.randrange(1, 1400)))
        for _ in range(rng.randrange(1, 40)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        peer.send(bytes(data))
    time.sleep(0.6)
    assert system.metric("tipring_sip_malformed_total") > 200
    peer.close()


def test_on_the_rtp_and_rtcp_ports(calm):
    system, caller, _ = calm
    rng = random.Random(2)
    before = system.metric("tipring_media_rtp_malformed_total")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind((system.host, 0))
        for port in (caller.remote[1], caller.remote[1] + 1):
            for _ in range(300):
                stranger.sendto(noise(rng, rng.randrange(0, 400)), (caller.remote[0], port))
    for _ in range(100):  # and from the right place
        caller.rtp.sendto(noise(rng, rng.randrange(1, 12)), caller.remote)
    time.sleep(0.6)
    assert system.metric("tipring_media_rtp_malformed_total") >= before + 90
    assert system.metric("tipring_calls") == 1


def test_on_the_buses(calm):
    import zmq
    system, _, _ = calm
    rng = random.Random(3)
    before = system.metric("tipring_bus_garbage_total")
    with zmq.Context() as context:
        for name, identity in (("commands", b"noisy"), ("workers", b"media-9"), ("workers", b"stranger")):
            with context.socket(zmq.DEALER) as dealer:
                dealer.setsockopt(zmq.ROUTING_ID, identity)
                dealer.setsockopt(zmq.LINGER, 500)
                dealer.connect(f"ipc://{system.run_dir}/{name}.ipc")
                for _ in range(200):
                    dealer.send(noise(rng, rng.randrange(0, 300)))
                    dealer.send_multipart([b"a", b"b", noise(rng, 20)])
                dealer.send(noise(rng, 300_000))  # above the limit: the connection is closed
    time.sleep(0.6)
    assert system.metric("tipring_bus_garbage_total") > before + 100


def test_on_the_unix_socket_of_the_tapes(calm):
    system, _, _ = calm
    rng = random.Random(4)
    before = system.metric("tipring_media_attach_refused_total")
    for i in range(60):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
            s.connect(str(system.run_dir / "media-0.sock"))
            if i % 3 == 0:
                s.send(noise(rng, rng.randrange(1, 64)))
            else:  # well formed, with a tape id that is none
                s.send(struct.pack("=IIQ", 0x68636174, 1, rng.getrandbits(64)))
                assert struct.unpack("=IiQ", s.recv(64)[:16])[1] == -2
    time.sleep(0.5)
    assert system.metric("tipring_media_attach_refused_total") >= before + 50


def test_in_the_cursors_of_a_tape(make_system, backends):
    """The backend's half of the shared memory, overwritten by its owner while it is in use."""
    system = make_system(calls=4)
    echo = backends.start(system)
    good, bad = Caller(system), Caller(system)
    for caller in (good, bad):
        caller.start_media(caller.call())
        caller.send_audio()
    time.sleep(0.2)
    rng = random.Random(5)
    fds = [p for p in os.listdir(f"/proc/{echo.pid}/fd")
           if "tape-backend" in (os.readlink(f"/proc/{echo.pid}/fd/{p}") if os.path.exists(f"/proc/{echo.pid}/fd") else "")]
    assert len(fds) == 2
    with open(f"/proc/{echo.pid}/fd/{sorted(fds, key=int)[1]}", "r+b") as f, mmap.mmap(f.fileno(), 4096 + 64 * 700) as memory:
        for _ in range(200):
            memory[128:136] = struct.pack("=Q", rng.getrandbits(64))       # tx_head
            at = 4096 + rng.randrange(64 * 600)
            memory[at:at + 48] = noise(rng, 48)                            # slot headers
            memory[256:280] = noise(rng, 24)                               # rx_tail, sleeping, wants_room
            time.sleep(0.005)
    time.sleep(0.5)
    assert system.metric("tipring_media_tape_hostile_total") > 10
    heard = good.hear(0.3)
    assert len(heard) >= 12 and system.metric("tipring_calls_answered") == 2
    for caller in (good, bad):
        caller.bye()
