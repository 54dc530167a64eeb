"""Transfers, and a process that is killed in the middle of one."""

import asyncio

import pytest

from callee import Callee
from system import wait_for
from test_backend import in_thread
from test_transfer import OPEN, TARGET, Deciding, Transferring, run


@pytest.fixture
def system(make_system):
    return make_system(calls=8, settings=OPEN)


@pytest.mark.parametrize("victim", ["signaling-0", "control-0"])
def test_ours_outlives(system, victim):
    """C258: killed when the REFER is out, and the peer goes on; one end"""
    handle = Transferring()

    async def scenario(server, caller):
        handle.begin.set()
        await in_thread(caller.take_refer)
        await in_thread(caller.notify, "180 Ringing")
        old = system.kill(victim)
        await in_thread(wait_for, lambda: system.workers().get(victim, old) != old and system.ready(), 10)
        request = caller.request("NOTIFY", headers="Event: refer\r\nSubscription-State: terminated\r\nContent-Type: message/sipfrag\r\n")
        body = "SIP/2.0 200 OK\r\n"
        request = request.replace("Content-Length: 0\r\n\r\n", f"Content-Length: {len(body)}\r\n\r\n{body}")
        await in_thread(lambda: caller.send_until(request, 200, seconds=10))
        await in_thread(caller.wait_bye, 10)

    run(system, handle, scenario)
    assert handle.result == "answered"
    assert handle.codes[-1] == 200


@pytest.mark.parametrize("victim", ["signaling-0", "control-0"])
def test_theirs_outlives(system, victim):
    """C261: killed while the call rings that the peer asked for; it hears the end all the same"""
    handle = Deciding(lambda r: r.accept(rate=8000))

    async def scenario(server, caller):
        target = Callee(system)
        await in_thread(caller.refer, f"<{target.uri}>")
        await in_thread(target.wait_invite)
        target.reply(180)
        while await in_thread(caller.hear_notify) != (180, "active"):
            pass
        old = system.kill(victim)
        await in_thread(wait_for, lambda: system.workers().get(victim, old) != old and system.ready(), 10)
        await in_thread(target.pick_up)
        assert (await in_thread(caller.until_final))[-1] == 200
        assert len(target.calls) == 1
        await in_thread(caller.bye)
        await (await handle.made()).hangup()
        await in_thread(target.wait_bye, 10)
        target.close()

    run(system, handle, scenario)


def test_killed_before_anybody_decided(system):
    """C260: signaling dies with a REFER that waits; who asked hears of a refusal"""
    handle = Deciding(lambda r: asyncio.sleep(0))

    async def scenario(server, caller):
        await in_thread(caller.refer, f"<{TARGET}>")
        await in_thread(caller.hear_notify)
        old = system.kill("signaling-0")
        await in_thread(wait_for, lambda: system.workers().get("signaling-0", old) != old and system.ready(), 10)
        assert (await in_thread(caller.until_final))[-1] == 603
        await in_thread(caller.bye)

    run(system, handle, scenario)
