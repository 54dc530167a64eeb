"""Where two features meet in one call."""

import asyncio
import re

import pytest
import tipring

from asked import AskedCaller, hears, number_of, on_call, on_calls, quiet, reach
from callee import Callee
from conftest import BIN
from system import System, wait_for
from test_auth import PASSWORD, acknowledge, challenge, credentials, is_answered, uri_of
from test_backend import in_thread, tone, with_backend
from test_dial import dialling
from test_dial_peers import NOWHERE, next_try


@pytest.fixture(scope="module")
def shared():
    """One system for all scenes: each leaves nothing behind."""
    system = System(BIN, calls=64, settings={"outbound.hosts": ["127.0.0.1"]})
    yield system.start()
    code = system.stop()
    assert code == 0 and " must failed=" not in system.log and "Sanitizer" not in system.log, system.log[-6000:]


@pytest.fixture
def system(shared):
    wait_for(lambda: shared.ready(), 10)
    yield shared
    wait_for(lambda: shared.metric("tipring_calls") == 0 and shared.metric("tipring_media_sessions") == 0, 10)


async def held(call, peer, how=None):
    """By us; the answer `how`."""
    holding = asyncio.create_task(call.hold())
    request = await in_thread(peer.asked)
    await in_thread(peer.agree, request, how or "recvonly")
    await holding
    return request


def acknowledge_late(peer, answer: str, direction: str) -> None:
    """ACK with the answer to their offer."""
    body = peer.offer(f"a={direction}\r\n")
    if isinstance(peer, AskedCaller):
        peer.send(peer.request("ACK", cseq=peer.cseq, body=body))
    else:
        peer.ask("ACK", body, peer.numbers)


def test_no_offer_while_we_hold(system):
    """C188 C214: ours goes on holding, and it can be taken back behind it"""

    async def body(call, peer):
        await held(call, peer)
        peer.ask("INVITE")
        answer = await in_thread(peer.wait, 200)
        assert "a=sendonly\r\n" in answer
        acknowledge_late(peer, answer, "recvonly")
        assert call.held == "us"
        unholding = asyncio.create_task(call.unhold())
        request = await in_thread(peer.asked)
        assert "a=sendrecv\r\n" in request
        await in_thread(peer.agree, request, "sendrecv")
        await unholding
        assert call.held == "" and await in_thread(hears, peer)

    on_calls(system, body)


def test_they_hold_and_we_change(system):
    """C214: other codecs, and the peer goes on holding"""

    async def body(call, peer):
        peer.ask("INVITE", peer.offer("a=sendonly\r\n"))
        answer = await in_thread(peer.wait, 200)
        assert "a=recvonly\r\n" in answer
        acknowledge_plain(peer)
        await reach(call, "held")
        changing = asyncio.create_task(call.renegotiate(["PCMA"]))
        request = await in_thread(peer.asked)
        await in_thread(lambda: peer.agree(request, "", peer.offer("a=sendonly\r\n", formats="8 101")))
        await changing
        assert call.codec == "PCMA" and call.held == "peer" and await in_thread(quiet, peer)

    on_calls(system, body)


def acknowledge_plain(peer) -> None:
    if isinstance(peer, AskedCaller):
        peer.send(peer.request("ACK", cseq=peer.cseq))
    else:
        peer.ask("ACK", number=peer.numbers)


def test_info_while_our_offer_is_out(system):
    """RFC 6086: neither waits for the other, whoever asks"""

    async def body(call, peer):
        holding = asyncio.create_task(call.hold())
        request = await in_thread(peer.asked)
        asking = asyncio.create_task(call.send_info("text/plain", "x"))
        info = await in_thread(peer.request_of, "INFO")
        peer.respond(info, 200)
        await asking
        peer.ask("INFO")
        await in_thread(peer.wait, 200)
        await reach(call, "info")
        ack = await in_thread(peer.agree, request, "recvonly")
        assert number_of(ack) == number_of(request)
        await holding

    on_calls(system, body)


def test_a_held_call_is_transferred(system):
    """C258 C214: as a switchboard does"""

    async def body(call, peer):
        await held(call, peer)
        asking = asyncio.create_task(call.transfer("sip:carol@192.0.2.7"))
        refer = await in_thread(peer.request_of, "REFER")
        peer.respond(refer, 202)
        peer.ask("NOTIFY")
        await in_thread(peer.wait, 489)
        peer.respond(refer, 202)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.shield(asking), 0.05)
        assert call.held == "us"
        unholding = asyncio.create_task(call.unhold())
        request = await in_thread(peer.asked)
        await in_thread(peer.agree, request, "sendrecv")
        await unholding
        asking.cancel()

    on_calls(system, body)


@pytest.mark.parametrize("method", ["REFER", "INFO"])
def test_what_comes_while_their_offer_waits(system, method):
    """C259: an INVITE of the peer whose 200 has no ACK yet"""

    async def body(call, peer):
        peer.ask("INVITE", peer.offer("a=sendonly\r\n"))
        await in_thread(peer.wait, 200)
        invite = peer.cseq
        request = peer.request(method, headers="Refer-To: <sip:carol@192.0.2.7>\r\n" if method == "REFER" else "")
        await in_thread(peer.send_until, request, 202 if method == "REFER" else 200)
        peer.send(peer.request("ACK", cseq=invite))
        await reach(call, "referred" if method == "REFER" else "info")
        peer.ask("INVITE", peer.offer())
        await in_thread(peer.wait, 200)
        peer.send(peer.request("ACK", cseq=peer.cseq))

    on_call(system, "called", body)


def test_no_early_media_without_an_offer(system):
    """C188: there is nobody to send it to; the call goes on"""
    seen = []

    async def handle(call):
        with pytest.raises(tipring.CommandRefused) as refused:
            await call.ring(early_media=True, rate=8000)
        seen.append((refused.value.code, "offer" in refused.value.reason))
        await call.ring()
        await call.answer(rate=8000)
        await call.ended()

    async def scenario(_):
        for headers in ("", "Require: 100rel\r\n"):
            peer = AskedCaller(system)
            peer.send(peer.request("INVITE", headers=headers))
            first = await in_thread(peer.wait, 180, 200)
            assert first.startswith("SIP/2.0 200" if headers else "SIP/2.0 180"), "a reliable one would have to make the offer"
            answer = await in_thread(peer.wait, 200) if not headers else first
            assert "m=audio" in answer
            peer.learn(answer)
            peer.send(peer.request("ACK", cseq=1, body=peer.sdp()))
            await in_thread(peer.bye)
            peer.close()

    with_backend(system, handle, scenario)
    assert seen == [("REJECTED", True)] * 2


TIMED = "Supported: timer, 100rel\r\nAllow: INVITE, ACK, BYE, CANCEL, UPDATE\r\nSession-Expires: 90;refresher=uas\r\nMin-SE: 90\r\n"


def test_a_session_timer_behind_early_media(system):
    """C242 C176: in the 200, not in the 183"""

    async def handle(call):
        await call.ring(early_media=True, rate=8000)
        await call.say(tone(5))
        await call.answer()
        await call.ended()

    async def scenario(_):
        peer = AskedCaller(system)
        peer.send(peer.request("INVITE", body=peer.sdp(), headers=TIMED))
        early = await in_thread(peer.wait, 183)
        assert "Session-Expires" not in early
        peer.learn(early)
        await in_thread(peer.send_until, peer.request("PRACK", headers=f"RAck: {re.search(r'RSeq: ([0-9]+)', early)[1]} 1 INVITE\r\n"), 200)
        answer = await in_thread(peer.wait, 200)
        while "CSeq: 1 INVITE" not in answer:
            answer = await in_thread(peer.wait, 200)
        assert "\r\nSession-Expires: 90;refresher=uas\r\n" in answer
        peer.send(peer.request("ACK", cseq=1))
        await in_thread(peer.bye)
        peer.close()

    with_backend(system, handle, scenario)


def test_asked_who_we_are_and_for_a_longer_session(system):
    """C217 C247: 401, then 422, then 200; each once, with credentials that are right"""
    callee, invites = Callee(system), []

    def serve():
        for code, lines in ((401, challenge()), (422, "Min-SE: 4000\r\n")):
            invites.append(next_try(callee, invites))
            callee.reply(code, headers=lines)
            callee.next_request("ACK")
        invites.append(next_try(callee, invites))
        callee.pick_up()
        callee.reply(200, to=callee.next_request("BYE"))

    async def scenario(server):
        call = await server.dial(callee.uri, rate=8000, username="alice", password=PASSWORD)
        await call.answered()
        await call.hangup()
        await call.ended()

    callee.in_background(serve)
    dialling(system, scenario)
    callee.joined()
    assert [number_of(m) for m in invites] == [1, 2, 3]
    assert "\r\nMin-SE: 4000\r\n" in invites[2] and "\r\nSession-Expires: 4000" in invites[2]
    assert is_answered(invites[1], PASSWORD) and is_answered(invites[2], PASSWORD)
    callee.close()


def test_header_lines_on_a_redirection(system):
    """C229 C027: beside its Contacts; what is not for apps is refused, and the call goes on"""

    async def handle(call):
        with pytest.raises(tipring.CommandRefused):
            await call.redirect("sip:a@192.0.2.1", headers={"Via": "x"})
        await call.redirect("sip:a@192.0.2.1", headers={"X-Why": "moved", "p-ODD-Case": "two"})

    async def scenario(_):
        peer = AskedCaller(system)
        request = peer.request("INVITE", body=peer.sdp())
        peer.send(request)
        answer = await in_thread(peer.wait, 302)
        assert "\r\nX-Why: moved\r\np-ODD-Case: two\r\n" in answer and "\r\nContact: <sip:a@192.0.2.1>\r\n" in answer
        acknowledge(peer, request, answer)
        peer.close()

    with_backend(system, handle, scenario)


def test_a_refresh_while_our_offer_is_out(system):
    """C245 C215: an UPDATE that offers nothing is answered at once; one that offers gets 491"""

    async def body(call, peer):
        holding = asyncio.create_task(call.hold())
        request = await in_thread(peer.asked)
        peer.ask("UPDATE")
        await in_thread(peer.wait, 200)
        peer.ask("UPDATE", peer.offer())
        await in_thread(peer.wait, 491)
        await in_thread(peer.agree, request, "recvonly")
        await holding
        assert call.held == "us"

    on_calls(system, body)


def test_holding_while_a_refresh_is_out(make_system):
    """C243 C214: our UPDATE waits for its answer when we hold; both are answered, the later one first"""
    system = make_system(calls=4, settings={"sip.min_se_s": 2, "sip.session_expires_s": 0})
    came = []

    async def handle(call):
        await call.answer(rate=8000)
        came.append(call)
        await call.ended()

    async def scenario(_):
        peer = AskedCaller(system)
        await in_thread(lambda: peer.call(headers="Supported: timer\r\nAllow: INVITE, ACK, BYE, CANCEL, UPDATE\r\nSession-Expires: 4;refresher=uas\r\n"))
        await in_thread(wait_for, lambda: came, 5)
        call = came[0]
        update = await in_thread(lambda: peer.request_of("UPDATE", seconds=8))
        holding = asyncio.create_task(call.hold())
        request = await in_thread(peer.asked)
        await in_thread(peer.agree, request, "recvonly")
        await holding
        peer.respond(update, 200, headers="Session-Expires: 90;refresher=uas\r\nRequire: timer\r\n")
        assert call.held == "us" and call.end_reason is None
        await in_thread(peer.bye)
        peer.close()

    with_backend(system, handle, scenario)


def test_the_door_and_a_call_that_replaces(make_system, monkeypatch):
    """C194 RFC 3891: who asks for another's place is asked who it is, as any caller"""
    monkeypatch.setenv("ALICE_PASSWORD", PASSWORD)
    system = make_system(calls=4, settings={"sip.auth": {"realm": "test", "users": [{"username": "alice", "password_env": "ALICE_PASSWORD"}]}})
    calls = []

    async def handle(call):
        calls.append(call)
        await call.answer(rate=8000)
        await call.ended()

    def let_in(peer, headers=""):
        request = peer.request("INVITE", body=peer.sdp(), headers=headers)
        response = peer.send_until(request, 401)
        acknowledge(peer, request, response)
        right = credentials(response, "INVITE", uri_of(request))
        peer.learn(peer.send_until(peer.request("INVITE", body=peer.sdp(), headers=headers + right), 200))
        peer.send(peer.request("ACK", cseq=peer.cseq))

    async def scenario(_):
        first, other = AskedCaller(system), AskedCaller(system)
        await in_thread(let_in, first)
        taken = f"Replaces: {first.call_id};to-tag={first.to_tag};from-tag={first.tag}\r\n"
        await in_thread(let_in, other, taken)
        await in_thread(first.wait_bye, 5)
        assert calls[1].replaces == calls[0].id and calls[1].auth_user == "alice"
        await in_thread(other.bye)
        first.close()
        other.close()

    with_backend(system, handle, scenario)


def test_a_caller_that_asks_who_we_are(make_system, monkeypatch):
    """C217: the trunk calls, and challenges what we say in that call; somebody else gets nothing of it"""
    monkeypatch.setenv("TRUNK_PASSWORD", PASSWORD)
    trunk, stranger = AskedCaller(NOWHERE), AskedCaller(NOWHERE)
    system = make_system(calls=4, settings={"outbound.hosts": ["example.org"], "outbound.next_hop": f"127.0.0.1:{trunk.port}",
                                            "outbound.username": "us", "outbound.password_env": "TRUNK_PASSWORD"})
    came = []

    async def handle(call):
        await call.answer(rate=8000)
        came.append(call)
        await call.ended()

    def challenged(peer, method):
        first = peer.request_of(method, seconds=8)
        peer.respond(first, 401, headers=challenge())
        if method == "INVITE":
            peer.request_of("ACK")
        return first

    def again(peer, first):
        while number_of(second := peer.request_of(first.split(" ")[0], seconds=8)) == number_of(first):
            pass
        assert is_answered(second, PASSWORD)
        return second

    async def scenario(_):
        for peer in (trunk, stranger):
            peer.target = (system.host, system.sip_port)
            await in_thread(peer.call)
            await in_thread(wait_for, lambda peer=peer: len(came) == 1 + (peer is stranger), 5)
        asking = asyncio.create_task(came[0].send_info("text/plain", "x"))
        info = await in_thread(lambda: again(trunk, challenged(trunk, "INFO")))
        trunk.respond(info, 200)
        await asking
        holding = asyncio.create_task(came[0].hold())
        invite = await in_thread(lambda: again(trunk, challenged(trunk, "INVITE")))
        await in_thread(trunk.agree, invite, "recvonly")
        await holding
        asking = asyncio.create_task(came[1].send_info("text/plain", "x"))
        await in_thread(challenged, stranger, "INFO")
        with pytest.raises(tipring.CommandRefused) as refused:
            await asking
        assert refused.value.sip_code == 401
        bye = asyncio.create_task(in_thread(lambda: again(trunk, challenged(trunk, "BYE"))))
        await came[0].hangup()
        trunk.respond(await bye, 200)
        await in_thread(stranger.bye)
        trunk.close()
        stranger.close()

    with_backend(system, handle, scenario)
