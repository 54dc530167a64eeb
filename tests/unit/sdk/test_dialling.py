"""Calls that a backend makes, beside a control that tells it things in any order."""

import asyncio
import logging

import pytest
import tipring
from fake_control import Control, until
from tipring import client, testing
from tipring.v1 import api_pb2

CALL = 0x4321
ACCEPTED = {"code": 2, "call_id": CALL}
READY = {"call_id": CALL, "tape_id": 5, "attach_path": "/nowhere", "rate_hz": 8000, "frame_ms": 20}


@pytest.fixture(autouse=True)
def no_media(monkeypatch):
    """There is no media worker: the tape is a simulated one."""
    async def attach(self, call, ready):
        return testing._Tape(ready.rate_hz, ready.rate_hz * ready.frame_ms // 1000)

    monkeypatch.setattr("tipring.transport.ControlTransport.attach", attach)


def dialling(scenario, before_ack=None, published=True):
    """Run `scenario(control, server, ids)`: `ids` are the command ids of Dials. published: events of the call come."""
    async def main():
        async with Control() as control:
            ids = []

            async def note(asked):
                if asked.WhichOneof("body") == "dial":
                    ids.append(asked.command_id)
                    if published:
                        await control.dialled(asked, CALL, "me")
                if before_ack is not None:
                    await before_ack(control, asked)

            control.replies["dial"], control.before_ack = ACCEPTED, note
            async with tipring.connect(control.run_dir, "me") as server:
                server._bus.subscribe("e1/call/bot/")
                await scenario(control, server, ids)
            return control

    return asyncio.run(main())


async def begin(server, **options):
    return await server.dial("sip:bob@192.0.2.7", app="bot", rate=8000, **options)


def test_a_call_that_is_answered():
    async def scenario(control, server, ids):
        call = await begin(server, from_uri="alice", from_display="Alice", headers={"X-Room-ID": "7"}, ringing_timeout=2.5,
                           metadata="campaign 7", session_expires=600, digits="1w#")
        assert call.id == f"{CALL:016x}" and call.direction == "out" and call.metadata == "campaign 7" and call.outcome == ""
        assert (call.to_uri, call.request_uri, call.room_id) == ("sip:bob@192.0.2.7", "sip:bob@192.0.2.7", "7") and call in server.calls
        asked = control.bodies["dial"]
        assert getattr(asked, "from") == "alice" and asked.ringing_timeout_ms == 2500 and asked.session_expires_s == 600 and asked.digits_after_answer == "1w#" and asked.headers[0].name == "X-Room-ID"
        answered = asyncio.ensure_future(call.answered())
        await control.event(CALL, call_ringing={"code": 180})
        event = await anext(call.events())
        assert (event.kind, event.code, event.early_media) == ("ringing", 180, False)
        await control.event(CALL, call_answered={})
        await control.tell(command_completed={"command_id": ids[0]})
        assert (await anext(call.events())).kind == "answered"
        assert not answered.done(), "there is no audio yet"
        await control.tell(media_ready=READY)
        await answered
        assert call.rate == 8000
        await call.say(b"\1\0" * 160)
        await call.hangup("done")
        assert control.bodies["hangup"].cause == "done" and control.bodies["hangup"].fence == 99
        await control.event(CALL, call_ended={"reason": "done", "sip_code": 200, "outcome": 1})
        assert await call.ended() == "done" and call.outcome == "answered"
        await call.answered()  # it was

    dialling(scenario)


@pytest.mark.parametrize("first", ["failed", "ended"])
def test_a_call_that_is_refused(first):
    async def scenario(control, server, ids):
        call = await begin(server)
        waiting = asyncio.ensure_future(call.answered())
        tell = [lambda: control.tell(command_failed={"command_id": ids[0], "code": 4, "reason": "Busy Here", "outcome": 2, "sip_code": 486, "q850": 17}),
                lambda: control.event(CALL, call_ended={"who": 1, "reason": "Busy Here", "outcome": 2, "sip_code": 486, "q850": 17})]
        for say in tell if first == "failed" else reversed(tell):
            await say()
            await asyncio.sleep(0.05)
        with pytest.raises(tipring.DialFailed, match="busy 486 Busy Here") as failed:
            await waiting
        assert (failed.value.outcome, failed.value.code, failed.value.reason, failed.value.q850) == ("busy", 486, "Busy Here", 17)
        assert await call.ended() == "Busy Here" and call.outcome == "busy" and not server.calls
        with pytest.raises(tipring.CallEnded):
            await call.say(b"")

    dialling(scenario)


def test_everything_comes_before_the_acknowledgement():
    """The other socket may be faster, and a host without media fails at once."""
    async def at_once(control, asked):
        if asked.WhichOneof("body") == "dial":
            await control.tell(command_failed={"command_id": asked.command_id, "code": 4, "reason": "no media", "outcome": 13, "sip_code": 503})
            await control.event(CALL, call_ended={"who": 3, "reason": "no media", "outcome": 13, "sip_code": 503})
            await asyncio.sleep(0.1)

    async def scenario(control, server, ids):
        call = await begin(server)
        with pytest.raises(tipring.DialFailed, match="error 503 no media"):
            await call.answered()
        assert await call.ended() == "no media" and not server.calls

    dialling(scenario, at_once)


def test_everything_comes_at_once_with_the_acknowledgement():
    """The peer answers before this process has had its turn: nothing of it is missed."""
    async def at_once(control, asked):
        if asked.WhichOneof("body") == "dial":
            await control.tell(ack={"command_id": asked.command_id, "fence": 99, **ACCEPTED})
            await control.tell(command_completed={"command_id": asked.command_id})
            await control.tell(media_ready=READY)

    async def scenario(control, server, ids):
        call = await begin(server)
        await asyncio.wait_for(call.answered(), 60)

    for _ in range(20):
        dialling(scenario, at_once, published=False)


def test_an_end_whose_event_is_lost(monkeypatch):
    monkeypatch.setattr(client, "CLOSING_SECONDS", 0.05)

    async def scenario(control, server, ids):
        call = await begin(server)
        await control.tell(command_failed={"command_id": ids[0], "code": 4, "reason": "nobody", "outcome": 3, "sip_code": 480})
        assert await call.ended() == "nobody" and call.outcome == "no_answer" and not server.calls

    dialling(scenario)


def test_a_peer_that_hangs_up_before_there_is_audio():
    async def scenario(control, server, ids):
        call = await begin(server)
        await control.tell(command_completed={"command_id": ids[0]})
        await control.event(CALL, call_ended={"who": 1, "reason": "hung up", "sip_code": 200, "outcome": 1})
        with pytest.raises(tipring.CallEnded, match="hung up"):
            await call.answered()

    dialling(scenario)


def test_early_media():
    async def scenario(control, server, ids):
        call = await begin(server, early_media=True)
        assert control.bodies["dial"].early_media
        waiting = asyncio.ensure_future(call.early_media())
        answered = asyncio.ensure_future(call.answered())
        await control.event(CALL, call_ringing={"code": 183, "early_media": True})
        assert (await anext(call.events())).early_media
        await control.tell(media_ready=READY)
        await control.tell(media_ready=READY)  # a control that was replaced says it again
        await waiting
        assert not answered.done()
        await call.say(b"\1\0" * 160)
        await control.tell(command_completed={"command_id": ids[0]})
        await answered

    dialling(scenario)


def test_early_media_of_a_call_that_fails():
    async def scenario(control, server, ids):
        call = await begin(server, early_media=True)
        waiting = asyncio.ensure_future(call.early_media())
        await asyncio.sleep(0)
        await control.tell(command_failed={"command_id": ids[0], "code": 4, "outcome": 4, "sip_code": 603})
        with pytest.raises(tipring.DialFailed, match="rejected 603"):
            await waiting

    dialling(scenario)


def test_sent_elsewhere():
    """C229"""
    async def scenario(control, server, ids):
        call = await begin(server)
        await control.event(CALL, call_redirected={"uri": "sip:b@example.org", "code": 302})
        event = await anext(aiter(call.events()))
        assert (event.kind, event.code, call.request_uri) == ("redirected", 302, "sip:b@example.org")
        await control.tell(command_failed={"command_id": ids[0], "code": 4, "outcome": 4, "sip_code": 302, "contacts": [{"uri": "sip:c@example.org"}]})
        with pytest.raises(tipring.DialFailed) as failed:
            await call.answered()
        assert failed.value.contacts == ["sip:c@example.org"]

    dialling(scenario)


def test_who_gives_up_waiting_may_ask_again():
    async def scenario(control, server, ids):
        call = await begin(server)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(call.answered(), 0.01)
        await control.tell(command_completed={"command_id": ids[0]})
        await control.tell(media_ready=READY)
        await call.answered()

    dialling(scenario)


def test_what_is_not_allowed():
    async def scenario(control, server, ids):
        control.replies["dial"] = {"code": 4, "reason": "outbound.hosts has no row for this host", "fence": 0}
        with pytest.raises(tipring.CommandRefused, match="REJECTED: outbound.hosts") as refused:
            await begin(server)
        assert refused.value.code == "REJECTED"
        control.replies["dial"] = {"code": 8, "reason": "outbound.max_cps", "retry_after_ms": 200}
        with pytest.raises(tipring.CommandRefused) as refused:
            await begin(server)
        assert refused.value.code == "OVERLOADED" and refused.value.retry_after_ms == 200
        with pytest.raises(ValueError, match="1 to 300"):
            await begin(server, ringing_timeout=0.5)

    dialling(scenario)


def test_other_backends_calls_are_not_ours():
    async def scenario(control, server, ids):
        await control.event(0x99, cause_command="x-1", call_dialling={"call": {"call_id": 0x99}, "backend": "other"})
        call = await begin(server)
        assert server.calls == [call]

    dialling(scenario)


def test_leaving_hangs_up():
    async def scenario(control, server, ids):
        await begin(server)

    control = dialling(scenario)
    assert control.asked[-1] == "hangup" and control.bodies["hangup"].call_id == CALL


def test_answers_are_of_their_own_kind():
    async def scenario(control, server, ids):
        call = await begin(server)
        with pytest.raises(RuntimeError, match="wait for answered"):
            await call.answer()

    dialling(scenario)

    async def handle(call):
        assert call.direction == "in"
        with pytest.raises(RuntimeError, match="of calls of dial"):
            await call.answered()
        with pytest.raises(RuntimeError, match="of calls of dial"):
            await call.early_media()
        await call.hangup()

    asyncio.run(testing.Caller().call(handle))


def test_a_call_that_was_answered_while_control_was_away(monkeypatch):
    monkeypatch.setattr(client, "REPORT_SECONDS", 0.05)

    async def scenario(control, server, ids):
        call = await begin(server)
        control.replies["list_calls"] = {"calls": [{"call_id": CALL, "backend": "me", "phase": api_pb2.CALL_ANSWERED}]}
        await control.tell(media_ready=READY)
        server._take_epoch(8)
        await call.answered()

    dialling(scenario)


def test_audio_that_can_not_be_had(monkeypatch, caplog):
    caplog.set_level(logging.WARNING, "tipring")

    async def attach(self, call, ready):
        raise tipring.Disconnected("no such tape")

    monkeypatch.setattr("tipring.transport.ControlTransport.attach", attach)

    async def scenario(control, server, ids):
        await begin(server)
        await control.tell(media_ready=READY)
        await until(lambda: "hangup" in control.asked)
        assert control.bodies["hangup"].cause == "no audio"

    dialling(scenario)
    assert "its audio can not be had: no such tape" in caplog.text
