"""A leak audit by arithmetic: descriptors = a + b * calls, and a again afterwards; shared memory likewise."""

import os

from sip_peer import Peer
from system import wait_for

CALLS = 8


def descriptors(system) -> dict[str, int]:
    """By process; control's connections of HTTP, which come and go, are left out."""
    pids = {"supervisor": system.process.pid, **{n: p for n, p in system.workers().items() if n != "control-0"}}
    return {name: len(os.listdir(f"/proc/{pid}/fd")) for name, pid in pids.items()}


def tapes(system) -> int:
    """Octets of the tapes that the supervisor keeps."""
    fds = f"/proc/{system.process.pid}/fd"
    sizes = {}
    for fd in os.listdir(fds):
        try:
            at = os.stat(f"{fds}/{fd}")
            if "memfd:tape" in os.readlink(f"{fds}/{fd}"):
                sizes[at.st_ino] = at.st_size
        except OSError:
            continue
    return sum(sizes.values())


def call_all(system, count: int) -> list[Peer]:
    peers = [Peer(system) for _ in range(count)]
    for peer in peers:
        peer.call()
    return peers


def end_all(system, peers) -> None:
    for peer in peers:
        peer.bye()
        peer.close()
    wait_for(lambda: system.metric("tipring_media_sessions") == 0 and system.metric("tipring_calls") == 0, 10)


def steady(system) -> dict[str, int]:
    """What is still on its way has come: a second without a change."""
    seen = [descriptors(system)]

    def rests():
        seen.append(descriptors(system))
        return len(seen) > 10 and all(x == seen[-1] for x in seen[-10:])

    wait_for(rests, 30, 0.1)
    return seen[-1]


def test_descriptors_and_memory_come_back(make_system, backends):
    system = make_system(calls=CALLS)
    backends.start(system)
    end_all(system, call_all(system, 1))  # what is made with the first call stays
    wait_for(lambda: tapes(system) == 0, 10)
    before = steady(system)
    for _ in range(2):
        peers = call_all(system, CALLS)
        # two halves of a tape for each call: with the supervisor, who keeps them
        wait_for(lambda: descriptors(system)["supervisor"] == before["supervisor"] + 2 * CALLS, 10)
        during = steady(system)
        assert during["signaling-0"] == before["signaling-0"]
        assert (during["media-0"] - before["media-0"]) % CALLS == 0
        assert tapes(system) > 0 and tapes(system) % CALLS == 0
        end_all(system, peers)
        wait_for(lambda: descriptors(system) == before and tapes(system) == 0, 10)
