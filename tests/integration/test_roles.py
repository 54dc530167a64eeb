"""Roles in supervisors of their own that share nothing but a run directory: what a container's end leaves behind."""

import shutil
import subprocess
import time

import pytest

from chaos import Calls, start_echo
from conftest import BIN
from roles import Host
from system import wait_for

CALLS = 20


@pytest.fixture
def host():
    """host(control=1, signaling=1, media=2, ...) -> a Host whose roles are up."""
    made = []

    def make(settings=None, own_pids=False, **roles):
        h = Host(BIN, calls=4 * CALLS, settings={"rtp.workers": 2, "drain_ms": 5000, **(settings or {})})
        made.append(h)
        h.roles = {(role, i): h.start_role(role, i, own_pids) for role, n in roles.items() for i in range(n)}
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
    """Is this worker up, as control says?"""
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
        load.new_call()


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
