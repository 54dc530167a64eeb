"""Keys that a Dial asks for: pressed when the audio of the answer is up, whoever dies meanwhile."""

import asyncio
import subprocess

import pytest
import tipring

from asked import AskedCallee
from conftest import BIN
from system import System, wait_for
from test_asks import body_of, header, hear_keys
from test_backend import in_thread
from test_dial import dialling

OUT = {"outbound.hosts": ["127.0.0.1"]}


@pytest.fixture(scope="module")
def shared():
    system = System(BIN, calls=64, settings=OUT)
    yield system.start()
    code = system.stop()
    assert code == 0 and " must failed=" not in system.log and "Sanitizer" not in system.log, system.log[-6000:]


@pytest.fixture
def system(shared):
    wait_for(lambda: shared.ready(), 10)
    yield shared
    wait_for(lambda: shared.metric("tipring_calls") == 0 and shared.metric("tipring_media_sessions") == 0, 10)


@pytest.fixture
def callee(system):
    made = AskedCallee(system)
    yield made
    made.close()


def without_keys(callee):
    """It takes none in its audio."""
    whole = callee.sdp
    callee.sdp = lambda **_: whole(formats="0").replace("a=rtpmap:101 telephone-event/8000\r\n", "")


def test_in_the_audio(system, callee):
    """RFC 4733, where both have it"""

    async def scenario(server):
        callee.in_background(callee.wait_invite, callee.pick_up)
        call = await server.dial(callee.uri, rate=8000, digits="1w#")
        hearing = asyncio.ensure_future(in_thread(lambda: callee.joined() or hear_keys(callee, 2)))
        await call.answered()
        assert [event for event, _, _ in await hearing] == [1, 11]
        await call.hangup()

    dialling(system, scenario)


def by_info(callee, keys: str, between=lambda at: None):
    """Take so many, each once."""
    seen = {}
    while len(seen) < len(keys):
        request = callee.request_of("INFO", seconds=15)
        assert header(request, "Content-Type") == "application/dtmf-relay"
        if header(request, "CSeq") not in seen:
            seen[header(request, "CSeq")] = body_of(request)[7]
            between(len(seen))
        callee.reply(200, to=request)
    assert "".join(seen.values()) == keys


def test_by_info(system, callee):
    """Where the peer takes no keys in its audio; meanwhile others wait"""
    without_keys(callee)

    async def scenario(server):
        callee.in_background(callee.wait_invite, callee.pick_up)
        call = await server.dial(callee.uri, rate=8000, digits="12")
        await call.answered()
        await in_thread(callee.joined)
        with pytest.raises(tipring.CommandRefused) as refused:
            await call.send_dtmf("3", "info")
        assert refused.value.code == "CONFLICT"
        await in_thread(by_info, callee, "12")
        pressing = asyncio.ensure_future(again_while_busy(call))
        await in_thread(by_info, callee, "3")
        await pressing
        await call.hangup()

    dialling(system, scenario)


async def again_while_busy(call):
    while True:
        try:
            return await call.send_dtmf("3", "info")
        except tipring.CommandRefused as why:
            if why.code != "CONFLICT":
                raise
            await asyncio.sleep(0.02)


def test_a_key_that_is_refused(system, callee):
    """The others stay unpressed, and the call goes on"""
    without_keys(callee)

    async def scenario(server):
        callee.in_background(callee.wait_invite, callee.pick_up)
        call = await server.dial(callee.uri, rate=8000, digits="12")
        await call.answered()
        await in_thread(callee.joined)
        request = await in_thread(callee.request_of, "INFO")
        callee.reply(415, to=request)
        pressing = asyncio.ensure_future(again_while_busy(call))
        await in_thread(by_info, callee, "3")
        await pressing
        assert call.end_reason is None
        await call.hangup()

    dialling(system, scenario)


@pytest.mark.parametrize("victim, when", [("control-0", "ringing"), ("control-0", "pressing"), ("signaling-0", "pressing")])
def test_a_process_dies(system, callee, victim, when):
    """Each key is pressed once"""
    without_keys(callee)

    def kill(at: int):
        if at == 2:
            old = system.kill(victim)
            wait_for(lambda: system.workers().get(victim, old) != old, 10)

    async def scenario(server):
        def ring():
            callee.wait_invite()
            callee.reply(180)

        callee.in_background(ring)
        call = await server.dial(callee.uri, rate=8000, digits="123")
        await in_thread(callee.joined)
        async for event in call.events():
            if event.kind == "ringing":
                break
        if when == "ringing":
            await in_thread(kill, 2)
        callee.in_background(callee.pick_up, lambda: by_info(callee, "123", kill if when == "pressing" else lambda at: None))
        await call.answered()
        await in_thread(callee.joined)
        await call.hangup()

    dialling(system, scenario)


def test_what_is_refused(system, callee):
    async def scenario(server):
        for digits in ("1" * 65, "1x", "1,2", "a"):
            with pytest.raises(tipring.CommandRefused) as refused:
                await server.dial(callee.uri, digits=digits)
            assert refused.value.code == "REJECTED" and "digits_after_answer" in refused.value.reason

    dialling(system, scenario)


def test_from_a_shell(system, callee):
    heard = []
    callee.in_background(callee.wait_invite, callee.pick_up, lambda: heard.extend(hear_keys(callee, 1)), callee.hang_up)
    done = subprocess.run([BIN / "tipring", "dial", callee.uri, "--digits", "5"], env=system.env, capture_output=True, text=True, timeout=30)
    callee.joined()
    assert done.returncode == 0, done.stdout + done.stderr
    assert heard == [(5, 1280, 3)]
