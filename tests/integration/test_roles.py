"""Roles in supervisors of their own that share nothing but a run directory: what a container's end leaves behind."""

import os
import shutil
import subprocess
import time

import pytest

from chaos import Calls, start_echo
from conftest import BIN
from roles import Host
from sip_peer import Peer
from system import wait_for
from test_auth import ask, credentials, guarded, hang_up, invite, let_in, uri_for

CALLS = 20


@pytest.fixture
def host():
    """host(control=1, signaling=1, media=2, ...) -> a Host whose roles are up."""
    made = []

    def make(settings=None, own_pids=False, **roles):
        if own_pids and os.geteuid() != 0:
            pytest.skip("process namespaces are made by root")
        h = Host(BIN, calls=4 * CALLS, settings={"rtp.workers": 2, "drain_ms": 5000, **(settings or {})})
        made.append(h)
        h.roles = {(role, i): h.start_role(role, i, own_pids) for role, n in roles.items() for i in range(n)}
        if min(roles.values()) > 0:
            wait_for(h.ready, 20)
        return h

    yield make
    for h in made:
        codes = h.stop()
        h.ports.close()
        log = h.log
        shutil.rmtree(h.dir, ignore_errors=True)
        assert " must failed=" not in log and "ERROR: AddressSanitizer" not in log, log[-6000:]
        assert all(code == 0 for code in codes), f"{codes}\n{log[-6000:]}"


class Load:
    """CALLS calls with an echo backend, judged by what callgen hears."""

    def __init__(self, h, count=CALLS):
        self.host, self.count = h, count
        self.echo = start_echo(h, open(h.dir / "echo.log", "w"))
        self.calls = Calls(h, count, 3600)
        wait_for(lambda: self.calls.say("window")["up"] == count, 30, 0.3)

    def begin(self):
        """What is judged begins now."""
        time.sleep(0.3)
        self.calls.say("window")

    def judge(self):
        """All are up and none fell silent since then; the longest pause (ms) of what they hear."""
        time.sleep(0.7)
        seen = self.calls.say("window")
        assert seen["up"] == self.count and seen["silent"] == 0, f"{seen}\n{self.host.log[-8000:]}"
        assert seen["ts_wrong"] + seen["duplicate"] + seen["ssrc_changes"] == 0, seen
        return seen["gap_ms_max"]

    def new_call(self):
        one = Calls(self.host, 1, 3600)
        wait_for(lambda: one.say("window")["up"] == 1, 10, 0.2)
        one.finish()

    def close(self):
        final = self.calls.finish()
        self.echo.terminate()
        self.echo.wait(60)
        assert final["failed"] == 0, final

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.close()
        self.calls.kill()
        if self.echo.poll() is None:
            self.echo.kill()
        self.echo.wait()


def listed(h, name):
    """Is this worker up, as `tipring status` says?"""
    done = subprocess.run([BIN / "tipring", "status"], env=h.env, capture_output=True, text=True, timeout=20)
    return any(name in line and " up " in line for line in done.stdout.splitlines())


@pytest.mark.parametrize("own_pids", [False, True])
def test_a_twin_takes_over_and_the_replacement_gets_it_back(host, own_pids):
    h = host(control=1, signaling=1, media=2, own_pids=own_pids)
    with Load(h) as load:
        wait_for(lambda: listed(h, "media-0") and listed(h, "media-1"), 10)
        load.begin()
        h.roles["media", 0].kill()
        h.running("media.takeover")
        twin = load.judge()
        h.roles["media", 0] = h.start_role("media", 0, own_pids)
        h.running("handover.give worker=media-0")
        h.running("media.takeover", 2)
        back = load.judge()
        print(f"pause of {twin} ms, {back} ms when it came back")
        assert h.log.count("supervisor.started worker=media-0") == 3, "one process at a time"
        load.new_call()


def test_one_container_takes_what_two_had(host):
    """Media is scaled down to one container, which runs its twin's worker too; and then that one dies: its replacement takes both workers."""
    h = host(control=1, signaling=1, media=2)
    with Load(h) as load:
        wait_for(lambda: listed(h, "media-0") and listed(h, "media-1"), 10)
        load.begin()
        assert h.roles["media", 1].stop() == 0
        h.running("media.takeover")
        load.judge()
        h.roles["media", 0].kill()
        h.roles["media", 0] = h.start_role("media", 0)
        h.running("media.takeover", 3)
        wait_for(lambda: listed(h, "media-0") and listed(h, "media-1"), 10)
        load.judge()
        load.new_call()
        h.roles["media", 1] = h.start_role("media", 1)
        h.running("handover.give worker=media-1")
        h.running("media.takeover", 4)
        load.judge()
    assert h.metric("tipring_calls_stuck") == 0


@pytest.mark.parametrize("role", ["control", "signaling", "media"])
def test_who_has_no_twin_is_replaced(host, role):
    h = host(control=1, signaling=1, media=1)
    with Load(h) as load:
        load.begin()
        h.roles[role, 0].kill()
        started = h.log.count(f"supervisor.running worker={role}-0")
        h.roles[role, 0] = h.start_role(role, 0)
        h.running(f"supervisor.running worker={role}-0", started + 1)
        wait_for(h.ready, 20)
        print(f"{role}: pause of {load.judge()} ms")
        load.new_call()


def test_media_is_scaled_while_calls_are_up(host):
    """Seats are found by their locks; every worker has its own part of the pool; who leaves for good leaves his calls."""
    h = host(control=1, signaling=1, settings={"rtp.workers": 4}, media=0)
    media = [h.start_role("media") for _ in range(2)]
    wait_for(h.ready, 20)
    with Load(h) as load:
        load.begin()
        media += [h.start_role("media") for _ in range(2)]
        for i in range(4):
            wait_for(lambda i=i: listed(h, f"media-{i}"), 20)
        fresh = Calls(h, CALLS, 3600)
        wait_for(lambda: fresh.say("window")["up"] == CALLS, 30, 0.2)
        used = {k: v for k, v in h.metrics().items() if k.startswith('tipring_media_sessions{role="media"')}
        assert len(used) == 4 and min(used.values()) > 0, used
        for container in media[2:]:
            assert container.stop() == 0
        h.running("media.takeover", 2)
        assert fresh.say("window")["up"] == CALLS
        load.judge()
        fresh.finish()
        assert "peer.unmet" not in h.log


@pytest.mark.parametrize("own_pids", [False, True])
def test_a_rolling_restart_drops_nothing(host, own_pids):
    """Every container in turn is told to stop and replaced, while calls are up and new ones come."""
    h = host(control=1, signaling=1, media=2, own_pids=own_pids)
    with Load(h) as load:
        load.begin()
        fresh = Calls(h, 60, 3600, cps=10)
        for role, i in list(h.roles):
            assert h.roles[role, i].stop() == 0
            started = h.log.count(f"supervisor.running worker={role}-{i}")
            h.roles[role, i] = h.start_role(role, i, own_pids)
            h.running(f"supervisor.running worker={role}-{i}", started + 1)
            wait_for(h.ready, 20)
        seen = wait_for(lambda: (w := fresh.say("window"))["up"] + w["failed"] == 60 and w, 30, 0.2)
        assert seen["failed"] == 0, f"{seen}\n{h.log[-20000:]}"
        print(f"rolling: pause of {load.judge()} ms")
        assert fresh.finish()["failed"] == 0
        assert "actor.draining" not in h.log


def test_a_second_control_stands_by(host):
    h = host(control=2, signaling=1, media=1)
    with Load(h) as load:
        load.begin()
        h.roles["control", 0].kill()
        h.running("supervisor.running worker=control-0", 2)
        wait_for(h.ready, 20)
        load.judge()
        load.new_call()
        assert h.metric("tipring_media_sessions") >= CALLS, "it has the pages of all others"


def test_when_all_stop_calls_are_hung_up(host):
    h = host(control=1, signaling=1, media=2, settings={"drain_ms": 500})
    with Load(h) as load:
        load.begin()
        assert h.stop() == [0, 0, 0, 0]
        seen = wait_for(lambda: (w := load.calls.say("window"))["done"] == CALLS and w, 20, 0.2)
        assert seen["by_peer"] == CALLS, seen
        assert "supervisor.leaving" not in h.log


def test_a_worker_that_lives_is_left_alone(host):
    """A supervisor that died alone: its worker has the lease still, and goes on; a successor takes it back."""
    h = host(control=1, signaling=1, media=2)
    with Load(h) as load:
        load.begin()
        container = h.roles["media", 0]
        worker = container.workers()[0]
        container.process.kill()
        container.process.wait()
        h.running("handover.orphan worker=media-0")
        time.sleep(0.5)
        assert h.log.count("supervisor.started worker=media-0") == 1
        h.roles["media", 0] = h.start_role("media", 0)
        h.running("custody.adopted")
        assert h.roles["media", 0].process.poll() is None
        os.kill(worker, 0)
        load.judge()
        assert h.log.count("supervisor.started worker=media-0") == 1, "it was never started twice"


def test_a_seat_that_is_taken_is_refused(host):
    h = host(control=1, signaling=1, media=1)
    second = subprocess.run([BIN / "tipring-supervisor", "--config", h.config_path, "--role", "media", "--index", "0"],
                            capture_output=True, text=True, timeout=60)
    assert second.returncode == 2 and "another supervisor runs here" in second.stderr, second
    everything = subprocess.run([BIN / "tipring-supervisor", "--config", h.config_path], capture_output=True, text=True, timeout=60)
    assert everything.returncode == 2 and "another process is this worker" in everything.stderr, everything
    wrong = subprocess.run([BIN / "tipring-supervisor", "--config", h.config_path, "--role", "media", "--index", "16"],
                           capture_output=True, text=True, timeout=60)
    assert wrong.returncode == 2 and "no number from 0 to 15" in wrong.stderr, wrong


def test_a_challenge_of_one_container_is_answered_at_the_other(host, monkeypatch):
    """C194: who comes later has the book of who was there: a nonce is good at both, each count once."""
    for name in ("ALICE_PASSWORD", "TRUNK_PASSWORD"):
        monkeypatch.setenv(name, "c0rrect horse")
    h = host({"sip.workers": 2, **guarded()}, control=1, signaling=1, media=2)
    h.start_role("signaling", 1)
    wait_for(lambda: h.metric("tipring_workers_up") == 4, 20)
    echo = start_echo(h, open(h.dir / "echo.log", "w"))
    peers = []

    def peer():
        peers.append(Peer(h))
        return peers[-1]

    try:
        first = ask(peer())
        for nc in range(1, 17):  # each call has a Call-ID of its own, and so some worker
            right = credentials(first, "INVITE", uri_for(h), nc=nc)
            caller = peer()
            let_in(caller, right)
            assert "stale=true" in peer().send_until(invite(peers[-1], right), 401)
            hang_up(caller)
    finally:
        for p in peers:
            p.close()
        echo.terminate()
        echo.wait(60)
