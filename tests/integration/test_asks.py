"""INFO, MESSAGE and keys by INFO in a call: both ways, in calls of both directions, and whichever process dies meanwhile."""

import asyncio
import re

import pytest
import tipring

from callee import Callee
from conftest import BIN
from system import System, wait_for
from test_backend import Caller, in_thread, with_backend
from test_dial import dialling
from test_dial_peers import NOWHERE, is_right

OUT = {"outbound.hosts": ["127.0.0.1"]}


class Asker(Caller):
    """A caller that asks, and answers what it is asked."""

    def info(self, content_type: str, body: str, *codes: int, method: str = "INFO", headers: str = "") -> str:
        self.send(self.text(method, content_type, body, headers))
        return self.wait(*(codes or (200,)))

    def text(self, method: str, content_type: str, body: str, headers: str = "") -> str:
        request = self.request(method, headers=headers).split("\r\nContent-Length:")[0]
        kind = f"Content-Type: {content_type}\r\n" if content_type else ""
        return f"{request}\r\n{kind}Content-Length: {len(body)}\r\n\r\n{body}"


@pytest.fixture(scope="module")
def shared():
    """One system for all scenes: each leaves nothing behind."""
    system = System(BIN, calls=64, settings=OUT)  # a BYE that no peer answers any more keeps a leg for 32 s
    yield system.start()
    code = system.stop()
    assert code == 0 and " must failed=" not in system.log and "Sanitizer" not in system.log, system.log[-6000:]


@pytest.fixture
def system(shared):
    wait_for(lambda: shared.ready(), 10)
    yield shared
    wait_for(lambda: shared.metric("tipring_calls") == 0 and shared.metric("tipring_media_sessions") == 0, 10)


def with_call(system, scenario):
    """`await scenario(call, caller)` in a call that came in."""
    result = {}

    async def handle(call):
        await call.answer(rate=8000)
        result["call"].set_result(call)
        await call.ended()

    async def run(server):
        caller = Asker(system)
        result["call"] = asyncio.get_running_loop().create_future()
        try:
            caller.start_media(await in_thread(caller.call))
            call = await result["call"]
            await scenario(call, caller)
            await call.hangup()
        finally:
            caller.close()

    with_backend(system, handle, run)


def with_dialled(system, scenario):
    """The same in a call that we made."""
    callee = Callee(system)

    def pick_up():
        callee.wait_invite()
        callee.pick_up()

    async def handle(call):
        await call.ended()

    async def run(server):
        answering = asyncio.ensure_future(in_thread(pick_up))
        call = await server.dial(callee.uri, rate=8000)
        await call.answered()
        assert call.codec == "PCMU"
        await answering
        try:
            await scenario(call, callee)
            await call.hangup()
        finally:
            callee.close()

    with_backend(system, handle, run)


async def next_event(call, *kinds):
    async with asyncio.timeout(40):
        async for event in call.events():
            if event.kind in kinds:
                return event
    raise AssertionError(f"no {kinds}")


BOTH = pytest.mark.parametrize("role", [with_call, with_dialled])


def header(message: str, name: str) -> str:
    return re.search(rf"\r\n{name}: ([^\r]*)", message)[1]


def body_of(message: str) -> str:
    return message.split("\r\n\r\n", 1)[1]


def test_keys_by_info(system):
    """C169: as phones and gateways write them; what can not be read is refused"""

    async def scenario(call, caller):
        for kind, body in (("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n"), ("application/dtmf", "#"),
                           ("application/dtmf-relay", "Signal= 10")):
            await in_thread(caller.info, kind, body)
        digits = [await call.digit(5) for _ in range(3)]
        assert [(d.digit, d.duration_ms, d.method) for d in digits] == [("5", 160, "info"), ("#", 0, "info"), ("*", 0, "info")]
        assert digits[0].pos <= digits[1].pos <= digits[2].pos
        refused = await in_thread(caller.info, "application/dtmf-relay", "Signal=x\r\n", 415)
        assert header(refused, "Accept") == "application/dtmf-relay, application/dtmf"
        assert await call.digit(0.3) is None

    with_call(system, scenario)


@pytest.mark.parametrize("first", ["rfc4733", "info"])
def test_a_key_that_comes_both_ways_is_one(system, first):
    """C169: what came first counts for the rest of the call"""

    async def scenario(call, caller):
        def press(event: int, key: str):
            ways = [lambda: caller.send_digit(event), lambda: caller.info("application/dtmf-relay", f"Signal={key}\r\nDuration=100\r\n")]
            for way in ways if first == "rfc4733" else reversed(ways):
                way()

        await in_thread(press, 1, "1")
        digit = await call.digit(5)
        assert (digit.digit, digit.method) == ("1", first)
        await in_thread(press, 2, "2")
        assert (await call.digit(5)).digit == "2"
        assert await call.digit(0.5) is None

    with_call(system, scenario)


def test_info_and_message_are_heard(system):
    """other contents are events, with the peer's headers"""

    async def scenario(call, caller):
        await in_thread(lambda: caller.info("application/json", '{"a": 1}', headers="X-Why: because\r\nInfo-Package: g.x\r\n"))
        event = await next_event(call, "info")
        assert (event.content_type, event.body) == ("application/json", b'{"a": 1}')
        assert event.headers == {"X-Why": "because", "Info-Package": "g.x"}
        await in_thread(lambda: caller.info("text/plain;charset=utf-8", "grüß dich".encode().decode("latin-1"), method="MESSAGE"))
        event = await next_event(call, "message")
        assert event.content_type == "text/plain;charset=utf-8"
        await in_thread(caller.info, "", "")
        assert (await next_event(call, "info")).body == b""

    with_call(system, scenario)


def test_what_is_not_taken(system):
    """C168 C262: each refusal with what belongs to it, and the call goes on"""

    async def scenario(call, caller):
        def ask():
            big = "x" * 4097
            assert "\r\nAccept: " in caller.info("text/x", big, 415)
            assert "\r\nAccept-Encoding: identity\r\n" in caller.info("text/x", "x", 415, headers="Content-Encoding: gzip\r\n")
            assert "\r\nAccept: text/plain\r\n" in caller.info("text/html", "x", 415, method="MESSAGE")
            caller.info("text/plain", big, 415, method="MESSAGE")
            caller.info("text/plain", "x" * 4096, method="MESSAGE")
            caller.info("", "", 420, headers="Require: frob\r\n")
            assert "\r\nAllow-Events: " in caller.info("", "", 489, method="NOTIFY", headers="Event: presence\r\nSubscription-State: active\r\n")
            tag, caller.to_tag = caller.to_tag, "nobody"
            caller.info("text/plain", "x", 481)
            caller.info("text/plain", "x", 481, method="NOTIFY")
            caller.to_tag = ""
            caller.info("text/plain", "x", 481)
            caller.info("text/plain", "x", 480, method="MESSAGE")  # nobody takes messages outside calls
            caller.to_tag = tag
            caller.info("application/dtmf", "7")

        await in_thread(ask)
        assert (await call.digit(5)).digit == "7"
        assert len((await next_event(call, "message")).body) == 4096

    with_call(system, scenario)


def test_the_same_again_is_told_once(system):
    """also by a successor, when its answer was lost"""

    async def scenario(call, caller):
        request = caller.text("INFO", "application/dtmf", "5")
        await in_thread(caller.send_until, request, 200)
        await in_thread(caller.send_until, request, 200)
        old = system.kill("signaling-0")
        await in_thread(wait_for, lambda: system.workers().get("signaling-0", old) != old, 5)
        await in_thread(caller.send_until, request, 200)
        await in_thread(caller.info, "application/dtmf", "6")
        assert [(await call.digit(5)).digit for _ in range(2)] == ["5", "6"]
        assert await call.digit(0.3) is None

    with_call(system, scenario)


@pytest.mark.parametrize("method, type_, body", [("INFO", "application/x", "a"), ("MESSAGE", "text/plain", "a"), ("INFO", "application/dtmf", "5")])
def test_control_dies_before_it_heard(system, method, type_, body):
    """200 means that the app hears it"""

    async def scenario(call, caller):
        system.kill("control-0")
        await in_thread(lambda: caller.send_until(caller.text(method, type_, body), 200, seconds=12))
        if type_ == "application/dtmf":
            assert (await call.digit(5)).digit == "5" and await call.digit(0.3) is None
        else:
            assert (await next_event(call, "info", "message")).body == b"a"

    with_call(system, scenario)


@BOTH
def test_we_ask(system, role):
    """completed by the answer; one of each kind at a time"""

    async def scenario(call, peer):
        asking = asyncio.ensure_future(call.send_info("application/json", '{"b": 2}', {"X-Why": "because"}))
        request = await in_thread(peer.request_of, "INFO")
        assert (header(request, "Content-Type"), header(request, "X-Why"), body_of(request)) == ("application/json", "because", '{"b": 2}')
        with pytest.raises(tipring.CommandRefused, match="CONFLICT"):
            await call.send_info("text/plain", "x")
        with pytest.raises(tipring.CommandRefused, match="CONFLICT"):
            await call.send_dtmf("1")
        other = asyncio.ensure_future(call.send_message("hello"))
        message = await in_thread(peer.request_of, "MESSAGE")
        assert (header(message, "Content-Type"), body_of(message)) == ("text/plain", "hello")
        assert int(header(message, "CSeq").split()[0]) == int(header(request, "CSeq").split()[0]) + 1
        assert not asking.done() and not other.done()
        peer.answer(message, 202)
        await other
        peer.answer(request, 200)
        await asking
        asking = asyncio.ensure_future(call.send_info("", b""))
        request = await in_thread(peer.request_of, "INFO")
        peer.answer(request, 488)
        with pytest.raises(tipring.CommandRefused) as refused:
            await asking
        assert (refused.value.code, refused.value.sip_code) == ("REJECTED", 488)
        assert call.end_reason is None

    role(system, scenario)


def test_what_can_not_be_asked(system):
    async def scenario(call, _):
        for work, code in ((call.send_info("text/plain", b"x" * 2049), "REJECTED"), (call.send_info("", "x"), "REJECTED"),
                           (call.send_info("a/b\r\nX: y", "x"), "REJECTED"), (call.send_message("x", headers={"Via": "x"}), "REJECTED"),
                           (call.send_dtmf(""), "REJECTED"), (call.send_dtmf("1" * 65), "REJECTED"), (call.send_dtmf("1x"), "REJECTED"),
                           (call.send_dtmf("1", duration_ms=10), "REJECTED"), (call.send_dtmf("1", method="tone"), "REJECTED"),
                           (call.send_dtmf("1", gap_ms=6001), "REJECTED")):
            with pytest.raises(tipring.CommandRefused) as refused:
                await work
            assert (refused.value.code, refused.value.sip_code) == (code, 0)

    with_call(system, scenario)


@BOTH
def test_we_press_keys(system, role):
    """one after another, each after the answer to the one before"""

    async def scenario(call, peer):
        asking = asyncio.ensure_future(call.send_dtmf("1w#", "info", duration_ms=100, gap_ms=40))
        bodies = []
        for _ in range(2):
            request = await in_thread(peer.request_of, "INFO")
            assert header(request, "Content-Type") == "application/dtmf-relay"
            bodies.append(body_of(request))
            assert not asking.done()
            peer.answer(request, 200)
        await asking
        assert bodies == ["Signal=1\r\nDuration=100\r\n", "Signal=#\r\nDuration=100\r\n"]
        asking = asyncio.ensure_future(call.send_dtmf("23", "info"))
        peer.answer(await in_thread(peer.request_of, "INFO"), 415)
        with pytest.raises(tipring.CommandRefused) as refused:
            await asking
        assert refused.value.sip_code == 415

    role(system, scenario)


def test_who_knows_no_call_loses_it(system):
    """RFC 5057"""

    async def scenario(call, caller):
        asking = asyncio.ensure_future(call.send_info("text/plain", "x"))
        caller.answer(await in_thread(caller.request_of, "INFO"), 481)
        bye = await in_thread(caller.wait_bye, 3)
        assert bye
        with pytest.raises((tipring.CommandRefused, tipring.CallEnded)):
            await asking
        await call.ended()

    with_call(system, scenario)


def test_the_call_ends_meanwhile(system):
    async def scenario(call, caller):
        asking = asyncio.ensure_future(call.send_message("x"))
        await in_thread(caller.request_of, "MESSAGE")
        await in_thread(caller.bye)
        with pytest.raises((tipring.CallEnded, tipring.CommandRefused)):
            await asking

    with_call(system, scenario)


@BOTH
@pytest.mark.parametrize("victim", ["signaling-0", "control-0"])
def test_killed_before_the_answer(system, role, victim):
    """the same request goes out again, and its answer completes the command"""

    async def scenario(call, peer):
        asking = asyncio.ensure_future(call.send_info("text/plain", "x"))
        request = await in_thread(peer.request_of, "INFO")
        old = system.kill(victim)
        await in_thread(wait_for, lambda: system.workers().get(victim, old) != old, 5)
        if victim == "signaling-0":
            again = await in_thread(peer.request_of, "INFO")
            assert again == request, "the same branch and CSeq"
        peer.answer(request, 200)
        await asyncio.wait_for(asking, 60)

    role(system, scenario)


@pytest.mark.parametrize("victim", ["signaling-0", "control-0"])
def test_killed_between_keys(system, victim):
    """each key is pressed once"""

    async def scenario(call, caller):
        asking = asyncio.ensure_future(call.send_dtmf("12345", "info", duration_ms=40, gap_ms=40))
        seen = {}

        def answer_all():
            while len(seen) < 5:
                request = caller.request_of("INFO", seconds=15)
                seen[header(request, "CSeq")] = body_of(request)[7]
                if len(seen) == 2 and not killed:
                    killed.append(system.kill(victim))
                caller.answer(request, 200)

        killed = []
        await in_thread(answer_all)
        await asyncio.wait_for(asking, 60)
        assert "".join(seen.values()) == "12345"

    with_call(system, scenario)


def keys_in(packets):
    """By their timestamps: (event, last duration, packets with the end)."""
    keys = {}
    for _, _, ts, payload in packets:
        if len(payload) == 4:
            event, end, duration = payload[0], payload[1] >> 7, int.from_bytes(payload[2:], "big")
            had = keys.get(ts, (event, 0, 0))
            assert had[0] == event and duration >= had[1]
            keys[ts] = (event, duration, had[2] + end)
    return list(keys.values())


def hear_keys(peer, count: int):
    """Until so many are released, and a moment longer."""
    packets = []

    def released() -> bool:
        packets.extend(peer.hear(0.2))
        return sum(ends > 0 for _, _, ends in keys_in(packets)) >= count

    wait_for(released, 15)
    while more := [packet for packet in peer.hear(0.5) if len(packet[3]) == 4]:
        packets.extend(more)
    return keys_in(packets)


@BOTH
def test_we_press_keys_in_the_audio(system, role):
    """RFC 4733: one timestamp, a growing duration, the end three times"""

    async def scenario(call, peer):
        hearing = asyncio.ensure_future(in_thread(hear_keys, peer, 2))
        await call.send_dtmf("1w#", duration_ms=100, gap_ms=60)
        assert await hearing == [(1, 800, 3), (11, 800, 3)]

    role(system, scenario)


def test_who_takes_no_keys_in_its_audio(system):
    caller = {}

    async def handle(call):
        await call.answer(rate=8000)
        with pytest.raises(tipring.CommandRefused, match="UNSUPPORTED"):
            await call.send_dtmf("1", "rfc4733")
        await call.send_dtmf("1")
        caller["asked"] = True

    async def run(_):
        peer = Asker(system)
        peer.sdp = lambda **_: Caller.sdp(peer, formats="0").replace("a=rtpmap:101 telephone-event/8000\r\n", "")
        await in_thread(peer.call)
        request = await in_thread(peer.request_of, "INFO")
        assert body_of(request).startswith("Signal=1\r\n")
        peer.answer(request, 200)
        await in_thread(peer.wait_bye, 5)
        peer.close()

    with_backend(system, handle, run)
    assert caller["asked"]


@pytest.mark.parametrize("victim", ["media-0", "control-0"])
def test_killed_while_a_key_is_down(system, victim):
    """each key is pressed once"""

    async def scenario(call, caller):
        hearing = asyncio.ensure_future(in_thread(hear_keys, caller, 5))
        asking = asyncio.ensure_future(call.send_dtmf("12345", duration_ms=200, gap_ms=60))
        await asyncio.sleep(0.4)
        system.kill(victim)
        await asyncio.wait_for(asking, 60)
        assert [event for event, _, _ in await hearing] == [1, 2, 3, 4, 5]

    with_call(system, scenario)


def test_who_asks_is_asked_who_it_is(make_system, monkeypatch):
    """C217: an INFO and a BYE of ours get credentials, each once"""
    monkeypatch.setenv("TRUNK_PASSWORD", "c0rrect horse")
    callee, seen = Callee(NOWHERE), []

    def challenged(method: str, nonce: str):
        first = callee.next_request(method)
        callee.reply(401, to=first, headers=f'WWW-Authenticate: Digest realm="server", nonce="{nonce}", qop="auth"\r\n')
        again = callee.next_request(method)
        while header(again, "CSeq") == header(first, "CSeq"):
            again = callee.next_request(method)
        assert is_right(again, "Authorization", "server", "c0rrect horse") and f'nonce="{nonce}"' in again
        assert header(again, "Via") != header(first, "Via") and body_of(again) == body_of(first)
        callee.reply(200, to=again)
        seen.append(method)

    def serve():
        callee.invite = register = callee.next_request("REGISTER", 20)
        callee.reply(200, to=register, headers="Expires: 3600\r\n")
        callee.wait_invite()
        callee.pick_up()
        challenged("INFO", "n1")
        challenged("INFO", "n2")
        challenged("BYE", "n3")

    callee.in_background(serve)
    row = {"name": "trunk", "aor": "sip:trunk@example.com", "registrar": f"127.0.0.1:{callee.port}", "username": "alice",
           "password_env": "TRUNK_PASSWORD"}
    system = make_system(calls=4, settings={"outbound.hosts": ["127.0.0.1"], "registrations": [row]})
    wait_for(lambda: system.metric("tipring_signaling_registrations_up") == 1, 10)

    async def scenario(server):
        call = await server.dial(callee.uri, rate=8000)
        await call.answered()
        await call.send_info("text/plain", "x")
        await call.send_info("text/plain", "y")
        await call.hangup()
        await call.ended()

    dialling(system, scenario)
    callee.joined()
    assert seen == ["INFO", "INFO", "BYE"]
