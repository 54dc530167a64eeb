"""The spare of a media worker: there before it is needed, used once, and nobody's when its supervisor is gone."""

import os
import pathlib
import shutil
import signal

from conftest import BIN
from sip_peer import Peer
from system import alive, wait_for


def children(system) -> set:
    pid = system.process.pid
    return {int(n) for n in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


def spare(system) -> int:
    """Its id, as soon as it is there."""
    def one():
        others = children(system) - set(system.workers().values())
        return len(others) == 1 and others.pop()

    return wait_for(one, 10)


def test_a_spare_becomes_the_successor_and_another_spare_comes(make_system, backends):
    system = make_system(calls=4)
    backends.start(system)
    peer = Peer(system)
    peer.call()
    ready = spare(system)
    system.kill("media-0")
    wait_for(lambda: system.workers().get("media-0") == ready, 10)
    wait_for(lambda: "media.takeover sessions=1" in system.log, 10)
    assert spare(system) != ready
    wait_for(system.ready, 10)
    peer.bye()


def test_a_dead_spare_costs_no_call(make_system, backends):
    system = make_system(calls=4)
    backends.start(system)
    peer = Peer(system)
    peer.call()
    os.kill(spare(system), signal.SIGKILL)
    old = system.kill("media-0")
    wait_for(lambda: system.workers().get("media-0", old) != old, 10)
    wait_for(lambda: "media.takeover sessions=1" in system.log, 10)
    wait_for(system.ready, 10)
    peer.bye()


def test_a_spare_ends_with_its_supervisor(make_system):
    system = make_system(calls=4)
    ready = spare(system)
    system.kill("supervisor")
    wait_for(lambda: not alive(ready, "tipring-media"), 10)
    system.start(ready_seconds=15)
    ready = spare(system)
    assert system.stop() == 0
    assert not alive(ready, "tipring-media")


def test_a_spare_of_another_build_is_not_used(make_system, tmp_path):
    """An upgrade puts new programs in place of the old ones; whoever starts from then on is new."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for program in BIN.glob("tipring*"):
        shutil.copy2(program, programs)
    system = make_system(calls=4)
    assert system.stop() == 0
    system.bin_dir = programs
    system.start()
    ready = spare(system)
    shutil.copy2(BIN / "tipring-media", programs / "fresh")
    (programs / "fresh").rename(programs / "tipring-media")
    old = system.kill("media-0")
    now = wait_for(lambda: system.workers().get("media-0", old) != old and system.workers()["media-0"], 10)
    assert now != ready and not alive(ready, "tipring-media")
    wait_for(lambda: pathlib.Path(f"/proc/{now}/exe").resolve() == programs / "tipring-media", 10)  # not the supervisor that forked it
    wait_for(system.ready, 10)
