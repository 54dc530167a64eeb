"""Whom media never hears: an attacker in a network of its own that sprays every port of the pool, and packets that are none."""

import os
import random
import socket
import struct
import subprocess
import sys

import pytest

from system import wait_for
from test_backend import Caller
from test_restart import observe  # noqa: F401, a fixture
from test_sources import CALLER, STRANGER

# A stream to each port, in sequence, as quickly as a stream comes, until its input ends; then how many packets left.
ATTACKER = f"""
import select, socket, struct, sys
print("in", flush=True)
first, last = int(sys.argv[2]), int(sys.argv[3])
sys.stdin.readline()
s, sent, n = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), 0, 0
print("begins", flush=True)
while not select.select([sys.stdin], [], [], 0.02)[0]:
    n += 1
    for port in range(first, last + 1):
        try:
            s.sendto(struct.pack("!BBHII", 0x80, 0, n & 0xffff, 160 * n & 0xffffffff, 0x9000 + port) + {STRANGER!r}, (sys.argv[1], port))
            sent += 1
        except OSError:
            pass
print(sent, flush=True)
"""


def run(*command):
    return subprocess.run(command, capture_output=True, text=True)


class Attacker:
    """In a network namespace that ends with it; `ours` is our address on the wire to it."""

    def __init__(self):
        net = random.randrange(16384)
        self.ours, theirs = (f"198.18.{net >> 6}.{(net & 63) * 4 + i}" for i in (1, 2))
        self.theirs, self.link = theirs, f"atk{os.getpid() % 100000}"
        self.process = self.sprayer = None

    def enter(self):
        """Why it can not be, or ""."""
        self.process = subprocess.Popen(["unshare", "--net", sys.executable, "-c", "import sys; print('in', flush=True); sys.stdin.readline()"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "in\n":
            return "no network namespace can be made: " + self.process.stderr.read().strip()
        inside = ["nsenter", "--net", "--target", str(self.process.pid)]
        for command in (["ip", "link", "add", self.link, "type", "veth", "peer", "name", "eth0", "netns", str(self.process.pid)],
                        ["ip", "address", "add", f"{self.ours}/30", "dev", self.link], ["ip", "link", "set", self.link, "up"],
                        [*inside, "ip", "address", "add", f"{self.theirs}/30", "dev", "eth0"], [*inside, "ip", "link", "set", "eth0", "up"]):
            done = run(*command)
            if done.returncode != 0:
                return f"{' '.join(command)}: {done.stderr.strip()}"
        return ""

    def spray(self, system):
        """Every port of the pool, from now on."""
        self.sprayer = subprocess.Popen(["nsenter", "--net", "--target", str(self.process.pid), sys.executable, "-c", ATTACKER, self.ours,
                                         str(system.rtp_port), str(system.rtp_last)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.sprayer.stdin.write("\n")
        self.sprayer.stdin.flush()
        assert [self.sprayer.stdout.readline() for _ in range(2)] == ["in\n", "begins\n"]

    def stop(self):
        """How many packets it sent."""
        out, _ = self.sprayer.communicate("\n")
        return int(out)

    def leave(self):
        if self.sprayer is not None and self.sprayer.poll() is None:
            self.sprayer.kill()
            self.sprayer.wait()
        if self.process is not None:
            self.process.communicate("\n")
            run("ip", "link", "delete", self.link)


@pytest.fixture
def attacker():
    a = Attacker()
    why = a.enter()
    try:
        if why:
            pytest.skip(why)
        yield a
    finally:
        a.leave()


def talk(caller, packets, what=CALLER):
    """So many packets of it, 20 ms each; what is heard meanwhile and behind it."""
    heard = []
    for _ in range(packets):
        if what is not None:
            caller.send_audio(what)
        heard += caller.hear(0.02)
    return heard + caller.hear(0.5)


@pytest.mark.slow
@pytest.mark.parametrize("speaks", [True, False])
def test_who_sprays_every_port_is_never_heard(make_system, backends, observe, attacker, speaks):
    """M3, C360: before, while and after calls are set up, of a caller who speaks and of one who is silent."""
    system = make_system(calls=4, host=attacker.ours)
    backends.start(system)
    events = observe(system)
    attacker.spray(system)
    heard = []
    for _ in range(3):
        caller = Caller(system)
        caller.start_media(caller.call())
        heard.append([p[3] for p in talk(caller, 100, CALLER if speaks else None)])
        caller.bye()
        caller.close()
    wait_for(lambda: len(events.of("call_ended")) == 3, 20)
    assert attacker.stop() > 1000
    assert all(STRANGER not in h for h in heard), "0 frames"
    for h in heard:
        assert (h.count(CALLER) >= 20) == speaks
    for e in events.of("call_ended"):
        stats = e.call_ended.media
        assert stats.packets_received == (100 if speaks else 0) and stats.packets_lost == 0
    refused = {e.media_source_refused.source.ip for e in events.of("media_source_refused")}
    assert refused <= {attacker.theirs}, refused


def malformed(rng):
    """A datagram that is neither RTP nor RTCP, by construction."""
    junk = rng.randbytes(rng.randrange(0, 400))
    version = rng.choice((0x00, 0x40, 0xC0))
    rtp = struct.pack("!BHII", rng.choice((0, 8, 96)), rng.randrange(65536), rng.randrange(1 << 32), 0x1234)
    return rng.choice((
        lambda: rng.randbytes(rng.randrange(1, 12)).replace(b"\x80", b"\x00"),        # no header
        lambda: bytes([version | 4]) + rtp + junk,                                    # another version
        lambda: b"\x8f" + rtp + junk[:59],                                            # more CSRCs than octets
        lambda: b"\x90" + rtp + struct.pack("!HH", 0xBEDE, 500) + junk,               # an extension that is longer than the packet
        lambda: b"\x90" + rtp + junk[:3],
        lambda: b"\xa0" + rtp + junk + b"\x00",                                       # padding of nothing
        lambda: b"\xa0" + rtp + junk[:100] + b"\xff",                                 # more padding than packet
        lambda: struct.pack("!BBH", 0x80, rng.randrange(200, 208), 60000) + junk,     # RTCP that is cut
        lambda: struct.pack("!BBHI", 0x80, 202, 1, 0x1234) + b"\x81\xc9",             # begins with no report
        lambda: struct.pack("!BBHI", 0x80, 201, 1, 0x1234) + b"\x81\xcf\x00\x05\x07", # and cut behind one
        lambda: struct.pack("!HHI", 1, 400, 0x2112A442) + junk,                       # STUN that is cut
    ))()


def test_malformed_packets_cost_no_frame(make_system, backends, observe):
    """C271, C274: ten thousand of them among two hundred packets of audio, from the caller's own address and a neighbour's: each packet of audio is heard,
    once, and nothing else."""
    system = make_system(calls=4)
    backends.start(system)
    events = observe(system)
    caller, rng, heard = Caller(system), random.Random(1), []
    caller.start_media(caller.call())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as neighbour:
        neighbour.bind((caller.host, 0))
        for i in range(200):
            caller.send_audio(CALLER)
            for _ in range(49):
                caller.rtp.sendto(malformed(rng), caller.remote)
            neighbour.sendto(malformed(rng), (caller.remote[0], caller.remote[1] + i % 2))
            heard += caller.hear(0.02)
    heard += caller.hear(0.5)
    caller.bye()
    wait_for(lambda: events.of("call_ended"), 20)
    stats = events.of("call_ended")[0].call_ended.media
    assert (stats.packets_received, stats.packets_lost, stats.packets_duplicate, stats.packets_unknown) == (200, 0, 0, 0)
    assert stats.packets_malformed > 5000 and stats.streams_restarted == 0 and stats.packets_looped == 0
    assert 20 <= sum(p[3] == CALLER for p in heard) <= 200, "the echo goes on"
    assert system.metric("tipring_media_no_buffers_total") == 0
