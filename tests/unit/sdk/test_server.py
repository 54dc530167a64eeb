"""A backend process beside a control that tells it things in any order."""

import asyncio
import logging
import os
import re
import signal

import pytest
import tipring
from fake_control import serve, until
from tipring import client

CALL = 0x1234
ENDED = {"reason": "hung up", "sip_code": 200}


@pytest.fixture
def said(caplog):
    caplog.set_level(logging.INFO, "tipring")
    return caplog


def test_the_last_key_is_seen_before_the_end():
    """M8: the loss of the lease overtakes what is on its way on the other socket."""
    seen = []

    async def handle(call):
        async for digit in call.digits():
            seen.append(digit.digit)
        seen.append(await call.ended())

    async def scenario(control, server):
        await control.offer(CALL)
        await until(lambda: server.calls)
        await control.event(CALL, dtmf_received={"digit": "1", "pos": 100})
        await control.tell(lease_lost={"call_id": CALL, "reason": "hung up", "call_ends": True})
        await until(lambda: server.calls[0]._closing)
        for digit in "23":
            await control.event(CALL, dtmf_received={"digit": digit, "pos": 200})
        await control.event(CALL, call_ended={"reason": "the caller hung up"})
        await until(lambda: len(seen) == 4)
        assert not server.calls

    serve(handle, scenario)
    assert seen == ["1", "2", "3", "the caller hung up"]


def test_a_key_that_is_told_twice_is_one():
    """The same number: the control that told of it died before it noted that down. Keys by INFO have none."""
    seen = []

    async def handle(call):
        async for digit in call.digits():
            seen.append(digit.digit)

    async def scenario(control, server):
        await control.offer(CALL)
        await until(lambda: server.calls)
        for digit, number in (("1", 1), ("1", 1), ("2", 2), ("1", 1), ("2", 3), ("4", 0), ("4", 0), ("5", 4)):
            await control.event(CALL, dtmf_received={"digit": digit, "pos": 100, "number": number})
        await control.event(CALL, call_ended=ENDED)
        await until(lambda: not server.calls)

    serve(handle, scenario)
    assert seen == ["1", "2", "2", "4", "4", "5"]


def test_the_last_mark_and_utterance_are_seen_before_the_end():
    """M8"""
    seen = []

    async def handle(call):
        mark, playback = call._put_mark("m"), tipring.Playback(1)
        call._playing[1] = playback
        seen.append(await mark)
        seen.append((await playback.finished()).played_ms)

    async def scenario(control, server):
        await control.offer(CALL)
        await until(lambda: server.calls and server.calls[0]._playing)
        await control.tell(lease_lost={"call_id": CALL, "reason": "hung up", "call_ends": True})
        await until(lambda: server.calls[0]._closing)
        await control.event(CALL, mark_reached={"mark": "m", "pos": 800})
        await control.event(CALL, utterance_finished={"played": {"utterance": 1, "played_ms": 100}, "reason": "played"})
        await control.event(CALL, call_ended=ENDED)
        await until(lambda: len(seen) == 2)

    serve(handle, scenario)
    assert seen == [800, 100]


def test_an_end_that_is_lost_is_not_waited_for_for_ever(monkeypatch):
    """M8"""
    monkeypatch.setattr(client, "CLOSING_SECONDS", 0.05)
    ended = []

    async def handle(call):
        assert [digit async for digit in call.digits()] == []
        ended.append(await call.ended())

    async def scenario(control, server):
        await control.offer(CALL)
        await until(lambda: server.calls)
        await control.tell(lease_lost={"call_id": CALL, "reason": "hung up", "call_ends": True})
        await until(lambda: ended)

    serve(handle, scenario)
    assert ended == ["hung up"]


def test_a_call_that_goes_on_without_us_is_over_at_once():
    ended = []

    async def handle(call):
        ended.append(await call.ended())

    async def scenario(control, server):
        await control.offer(CALL)
        await until(lambda: server.calls)
        await control.tell(lease_lost={"call_id": CALL, "reason": "not heard of"})
        await until(lambda: ended)

    serve(handle, scenario)
    assert ended == ["not heard of"]


def test_a_call_that_is_ending_takes_no_commands():
    refused = []

    async def handle(call):
        await until(lambda: call._closing)
        for late in (call.ring(), call.answer(), call.say(b""), call.flush(), call.mark("m"), call.sleep(0), call.reject()):
            with pytest.raises(tipring.CallEnded, match="hung up"):
                await late
            refused.append(late)
        await call.hangup()

    async def scenario(control, server):
        await control.offer(CALL)
        await until(lambda: server.calls)
        await control.tell(lease_lost={"call_id": CALL, "reason": "hung up", "call_ends": True})
        await until(lambda: len(refused) == 7)
        await control.event(CALL, call_ended=ENDED)
        await until(lambda: not server.calls)
        assert not {"ring", "answer", "hangup", "reject"} & set(control.asked)

    serve(handle, scenario)


def test_stalls_reach_the_call():
    """M12"""
    seen = []

    async def handle(call):
        async for event in call.events():
            seen.append((event.kind, event.pos, call.stalled))

    async def scenario(control, server):
        await control.offer(CALL)
        await until(lambda: server.calls)
        for number, body in enumerate(("call_answered", "media_started", "media_stalled", "media_resumed", "underrun"), 1):
            await control.event(CALL, **{body: {} if body == "call_answered" else {"pos": number}})
            await until(lambda: len(seen) == number)
        await control.event(CALL, call_ended=ENDED)
        await until(lambda: not server.calls)

    serve(handle, scenario)
    assert seen == [("answered", 0, False), ("media_started", 2, False), ("media_stalled", 3, True), ("media_resumed", 4, False),
                    ("underrun", 5, False)]


def test_holds_reach_the_call():
    """C214"""
    seen = []

    async def handle(call):
        async for event in call.events():
            seen.append((event.kind, event.by, call.held))

    async def scenario(control, server):
        await control.offer(CALL)
        await until(lambda: server.calls)
        for number, (body, by) in enumerate((("call_answered", 0), ("call_held", 1), ("call_held", 2), ("call_resumed", 1), ("call_resumed", 2)), 1):
            await control.event(CALL, **{body: {"by": by} if by else {}})
            await until(lambda: len(seen) == number)
        await control.event(CALL, call_ended=ENDED)
        await until(lambda: not server.calls)

    serve(handle, scenario)
    assert seen == [("answered", "", ""), ("held", "peer", "peer"), ("held", "us", "both"), ("resumed", "peer", "us"), ("resumed", "us", "")]


def test_changes_wait_for_the_peer():
    """C214 C215: hold, unhold, other codecs; known to the call whatever becomes of the event"""
    seen = []

    async def handle(call):
        await call.ended()

    async def scenario(control, server):
        async def decide(asked):
            name = asked.WhichOneof("body")
            if name in ("hold", "unhold"):
                await control.tell(command_completed={"command_id": asked.command_id, "codec": 1})
            if name == "renegotiate" and list(asked.renegotiate.codecs) == [2]:
                await control.tell(command_completed={"command_id": asked.command_id, "codec": 2})
            elif name == "renegotiate":
                await control.tell(command_failed={"command_id": asked.command_id, "code": 4, "reason": "Not Acceptable Here", "sip_code": 488})

        control.before_ack = decide
        await control.offer(CALL)
        await until(lambda: server.calls)
        call = server.calls[0]
        await until(lambda: call._fence)
        await call.hold()
        assert call.held == "us" and control.bodies["hold"].fence == 99
        await call.unhold()
        assert call.held == ""
        await control.event(CALL, call_held={"by": 1})
        await until(lambda: call.held == "peer")
        await call.renegotiate(["PCMA"])
        assert call.codec == "PCMA"
        with pytest.raises(tipring.CommandRefused) as refused:
            await call.renegotiate()
        assert refused.value.sip_code == 488 and call.codec == "PCMA"
        with pytest.raises(ValueError):
            await call.renegotiate(["G729"])
        seen.append(call.held)
        await control.event(CALL, call_ended=ENDED)
        await until(lambda: not server.calls)

    serve(handle, scenario)
    assert seen == ["peer"]


def test_what_is_logged(said):
    """N8"""
    async def handle(call):
        await call.ended()

    async def scenario(control, server):
        await until(lambda: f"serving bot at {control.run_dir} as {server.name}" in said.text)
        await control.offer(CALL, from_uri="sip:alice@example.org", to_uri="sip:bot@example.org")
        await until(lambda: server.calls)
        await control.event(CALL, call_ended={"reason": "hung up"})
        await until(lambda: not server.calls)

    serve(handle, scenario)
    assert "call 0000000000001234 of bot from sip:alice@example.org to sip:bot@example.org" in said.text
    assert re.search(r"call 0000000000001234 ended after \d+\.\d s: hung up", said.text)


@pytest.mark.parametrize("decides", [False, True])
def test_a_handler_that_returns_without_an_answer(said, decides):
    """N8"""
    async def handle(call):
        if decides:
            await call.reject(486)

    async def scenario(control, server):
        await control.offer(CALL)
        await until(lambda: "hangup" in control.asked)

    serve(handle, scenario)
    assert ("returned without answering" in said.text) is not decides


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_let_run_return(said, number):
    """N7"""
    async def handle(call):
        await call.ended()

    async def scenario(control, server):
        os.kill(os.getpid(), number)
        await until(server._stopped.is_set)

    serve(handle, scenario)
    assert f"{number.name}: stopping" in said.text


def test_signals_may_be_left_alone():
    """N7"""
    async def main():
        from fake_control import Control
        async with Control() as control, tipring.connect(control.run_dir) as server:
            @server.app("bot")
            async def handle(call):
                await call.ended()

            before = signal.getsignal(signal.SIGTERM)
            running = asyncio.create_task(server.run(handle_signals=False))
            await until(lambda: server._registered)
            assert signal.getsignal(signal.SIGTERM) is before
            server.stop()
            await running

    asyncio.run(main())
