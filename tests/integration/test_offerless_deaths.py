"""Whichever process dies between an INVITE without an offer, ours, and its answer."""

import threading

import pytest

from system import wait_for
from test_backend import in_thread
from test_midcall import speak
from test_offerless import late_call, speaks


@pytest.fixture
def system(make_system):
    return make_system(calls=4)


@pytest.mark.parametrize("stage", ["ringing", "answered"])
@pytest.mark.parametrize("victim", ["signaling-0", "control-0", "media-0"])
def test_a_process_dies_in_the_middle(system, victim, stage):
    """C188: before our offer, and before its answer"""
    go = threading.Event()

    async def handle(call):
        await call.ring()
        await in_thread(go.wait)
        await speak(call)

    def kill():
        old = system.kill(victim)
        return lambda: system.workers().get(victim, old) != old and system.ready()

    def scenario(caller):
        request = caller.request("INVITE")
        caller.send(request)
        caller.wait(180)
        if stage == "ringing":
            if victim == "media-0" or victim == "control-0":
                wait_for(kill(), 10)
            else:
                kill()
        go.set()
        caller.offered(caller.wait(200, seconds=15))
        if stage == "answered":
            kill()
        caller.ack_until_heard(caller.sdp())
        caller.send_until(caller.request("BYE"), 200)

    late_call(system, scenario, handle)


def test_an_answer_nobody_told_of(system):
    """Control is away when the ACK comes, and signaling dies before control is back"""

    def scenario(caller):
        caller.ask()
        system.kill("control-0")
        caller.ack(caller.sdp())
        system.kill("signaling-0")
        caller.ack_until_heard(caller.sdp())
        caller.send_until(caller.request("BYE"), 200)

    late_call(system, scenario)


@pytest.mark.parametrize("victim", ["signaling-0", "control-0", "media-0"])
def test_a_process_dies_before_the_answer_to_a_reinvite(system, victim):
    """C188: nothing is half applied, and the call lives"""

    def scenario(caller):
        caller.start_media(caller.call())
        assert speaks(caller)
        caller.move()
        caller.send(caller.request("INVITE"))
        caller.wait(200)
        system.kill(victim)
        caller.ack_until_heard(caller.offer())
        caller.send_until(caller.request("BYE"), 200)

    late_call(system, scenario)
