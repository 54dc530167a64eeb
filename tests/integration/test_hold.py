"""What a backend may change while a call is up: hold, unhold, other codecs; re-INVITEs of ours, in calls that came in and in calls we made."""

import asyncio
import re
import socket

import pytest
import tipring

import sound
from asked import hears, number_of, on_call, on_calls, reach, version_of
from phone import Phone
from system import free_udp_port, wait_for
from test_backend import Caller, in_thread, with_backend


@pytest.fixture
def system(make_system):
    return make_system(calls=4, settings={"outbound.hosts": ["127.0.0.1"]})


def test_hold_and_unhold(system):
    """C214 C216 C143: the peer hears music and is not listened to; a 2xx again has its ACK again"""

    async def body(call, peer):
        holding = asyncio.create_task(call.hold())
        request = await in_thread(peer.asked)
        assert "a=sendonly\r\n" in request and "\r\nContact: <sip:" in request
        first = number_of(request), version_of(request)
        ack = await in_thread(peer.agree, request, "recvonly")
        await holding
        assert call.held == "us"
        event = await reach(call, "held")
        assert event.by == "us"
        again = await in_thread(peer.agree, request, "recvonly")
        assert again == ack, "the same octets"
        assert await in_thread(hears, peer), "music on hold"
        await call.hold()  # nothing is left to be done
        unholding = asyncio.create_task(call.unhold())
        request = await in_thread(peer.asked)
        assert "a=sendrecv\r\n" in request
        assert (number_of(request), version_of(request)) == (first[0] + 1, first[1] + 1)
        await in_thread(peer.agree, request, "sendrecv")
        await unholding
        assert call.held == "" and (await reach(call, "resumed")).by == "us"
        assert await in_thread(hears, peer)

    on_calls(system, body)


def test_refused(system):
    """C215: everything stays as it was, and the next one is offered"""

    async def body(call, peer):
        for code in (488, 603):
            holding = asyncio.create_task(call.hold())
            await in_thread(lambda code=code: peer.refuse(peer.asked(), code))
            with pytest.raises(tipring.CommandRefused) as refused:
                await holding
            assert refused.value.sip_code == code and call.held == ""
        holding = asyncio.create_task(call.hold())
        request = await in_thread(peer.asked)
        await in_thread(lambda: peer.agree(request, "", "v=0\r\nthis is no description\r\n"))
        with pytest.raises(tipring.CommandRefused):
            await holding
        assert call.held == "" and await in_thread(hears, peer)

    on_calls(system, body)


def test_other_codecs(system):
    """C214: the audio follows"""

    async def body(call, peer):
        changing = asyncio.create_task(call.renegotiate(["PCMA"]))
        request = await in_thread(peer.asked)
        assert re.search(r"\r\nm=audio \d+ RTP/AVP 8 \d+\r\n", request)
        await in_thread(lambda: peer.agree(request, "", peer.offer(formats="8 101")))
        await changing
        assert call.codec == "PCMA"

        def type_of_audio():
            peer.rtp.settimeout(8)
            return peer.rtp.recv(2048)[1] & 0x7F

        await in_thread(wait_for, lambda: type_of_audio() == 8, 5, 0.001)
        with pytest.raises(ValueError):
            await call.renegotiate(["G729"])

    on_calls(system, body)


def test_what_is_not_possible(system):
    """One change at a time, and only of a call that is answered"""

    async def body(call, peer):
        holding = asyncio.create_task(call.hold())
        request = await in_thread(peer.asked)
        for other in (call.hold, call.unhold, call.renegotiate):
            with pytest.raises(tipring.CommandRefused) as refused:
                await other()
            assert refused.value.code == "CONFLICT"
        await in_thread(peer.agree, request, "recvonly")
        await holding

    on_call(system, "called", body)
    seen = []

    async def handle(call):
        with pytest.raises(tipring.CommandRefused) as refused:
            await call.hold()
        seen.append(refused.value.code)
        await call.reject()

    async def scenario(server):
        peer = Caller(system)
        peer.send(peer.request("INVITE", body=peer.sdp()))
        await in_thread(peer.wait, 486)
        peer.close()

    with_backend(system, handle, scenario)
    assert seen == ["CONFLICT"]


def test_baresip_is_held(system, tmp_path):
    """C214: by a phone that others wrote"""
    said = sound.make_speech(tmp_path / "said.wav", " ".join(["One two three four five six seven eight nine ten."] * 8), 0.4)
    done = []

    async def handle(call):
        await call.answer(rate=8000)
        await reach(call, "media_started")
        await call.hold()
        assert call.held in ("us", "both")
        await call.unhold()
        assert call.held == ""
        done.append(call.codec)
        await call.hangup()

    async def scenario(server):
        phone = Phone(tmp_path / "phone", f"sip:echo@127.0.0.1:{system.sip_port}", said, keypad=free_udp_port(kind=socket.SOCK_STREAM))
        try:
            await in_thread(wait_for, lambda: done, 20)
        finally:
            phone.close()

    with_backend(system, handle, scenario)
    assert done == ["PCMU"]
