"""3xx: of a backend to its caller, and of a peer to a call of ours."""

import re

import pytest
import tipring

from callee import Callee
from sip_peer import Peer
from system import wait_for
from test_backend import in_thread, tone, with_backend
from test_dial import OPEN, dialling, failed_of, nothing_is_left
from test_offerless import speaks

FOLLOW = {**OPEN, "outbound.redirects": "follow"}


def contacts(*uris: str) -> str:
    return "".join(f"Contact: {uri}\r\n" for uri in uris)


class Elsewhere(Callee):
    """Sends its caller on."""

    def move(self, *uris: str, code: int = 302) -> None:
        self.wait_invite()
        self.reply_moved(*uris, code=code)
        self.next_request("ACK")

    def reply_moved(self, *uris: str, code: int = 302) -> None:
        kept = []
        for line in self.invite.split("\r\n"):
            if line.split(":")[0] in ("Via", "From", "To", "Call-ID", "CSeq"):
                kept.append(line + (f";tag={self.tag}" if line.startswith("To:") else ""))
        self.send("\r\n".join([f"SIP/2.0 {code} Moved away", *kept]) + f"\r\n{contacts(*uris)}Content-Length: 0\r\n\r\n")


@pytest.fixture
def peers(make_system):
    made = []

    def make(system, *kinds):
        made.extend(kind(system) for kind in kinds)
        return made[-len(kinds):]

    yield make
    for peer in made:
        peer.close()


# ---- callers ----

@pytest.mark.parametrize("code", [301, 302])
def test_a_caller_is_sent_on(make_system, code):
    """C229: Contacts with their q, and its code"""
    system, ended = make_system(calls=4), []

    async def handle(call):
        await call.ring()
        await call.redirect(("sip:a@192.0.2.1", 0.5), "sip:b@192.0.2.2:5070;user=phone", code=code)
        ended.append(await call.ended())

    def scenario():
        peer = Peer(system)
        peer.send(peer.request("INVITE", body=peer.sdp()))
        answer = peer.wait(code)
        assert "\r\nContact: <sip:a@192.0.2.1>;q=0.500\r\nContact: <sip:b@192.0.2.2:5070;user=phone>\r\n" in answer
        peer.send(peer.request("ACK", cseq=peer.cseq, branch=peer.branch))
        wait_for(lambda: ended, 10)
        peer.close()

    with_backend(system, handle, lambda _: in_thread(scenario))
    wait_for(lambda: system.metric("tipring_calls") == 0, 5)


def test_what_is_no_redirection(make_system):
    """C229: nothing of it reaches the wire, and the call goes on"""
    system, refused = make_system(calls=4), []

    async def attempt(call, *uris, **options):
        try:
            await call.redirect(*uris, **options)
        except (tipring.CommandRefused, ValueError) as why:
            refused.append(str(why))
            assert isinstance(why, ValueError) or why.code in ("REJECTED", "CONFLICT"), why

    async def handle(call):
        for uri in ("sip:a@b\r\nX-Evil: 1", "sip:a@b>;q=1,<sip:c@d", "sips:a@example.org", "tel:+15550100", "sip:a@b?Subject=x", "a", "", "sip:" + 300 * "a" + "@b.c"):
            await attempt(call, uri)
        await attempt(call)
        await attempt(call, *["sip:a@example.org"] * 9)
        await attempt(call, "sip:a@example.org", code=486)
        await attempt(call, ("sip:a@example.org", 1.5))
        await call.answer(rate=8000)
        await attempt(call, "sip:a@example.org")
        await call.ended()

    def scenario():
        peer = Peer(system)
        answer = peer.call()
        assert "X-Evil" not in answer
        wait_for(lambda: len(refused) == 13, 10)
        peer.bye()
        peer.close()

    with_backend(system, handle, lambda _: in_thread(scenario))
    assert [r.split(":")[0] for r in refused] == 11 * ["REJECTED"] + ["q is from 0 to 1", "CONFLICT"], refused


def test_the_redirecting_signaling_dies(make_system):
    """C229 C139: its 302 is said again by the successor, with the same Contact"""
    system = make_system(calls=4)

    async def handle(call):
        await call.redirect("sip:a@192.0.2.1")

    def scenario():
        peer = Peer(system)
        peer.send(peer.request("INVITE", body=peer.sdp()))
        first = peer.wait(302)
        system.kill("signaling-0")
        again = peer.wait(302, seconds=10)
        assert "\r\nContact: <sip:a@192.0.2.1>\r\n" in again and again == first
        peer.send(peer.request("ACK", cseq=peer.cseq, branch=peer.branch))
        peer.close()

    with_backend(system, handle, lambda _: in_thread(scenario))
    wait_for(lambda: system.metric("tipring_calls") == 0, 10)


# ---- calls of ours ----

def test_a_redirection_is_told(make_system, peers):
    """C229: not followed unless the configuration says so; the contacts are in the failure, the best first"""
    system = make_system(calls=4, settings=OPEN)
    (callee,) = peers(system, Elsewhere)
    callee.in_background(lambda: callee.move("<sip:x@192.0.2.1>;q=0.1", "<sip:y@192.0.2.2>"))
    failed = failed_of(system, callee.uri)
    callee.joined()
    assert (failed.outcome, failed.code, failed.reason) == ("rejected", 302, "Moved away")
    assert failed.contacts == ["sip:y@192.0.2.2", "sip:x@192.0.2.1"]
    nothing_is_left(system)


def test_followed_to_the_answer(make_system, peers):
    """C229: the same Call-ID, From, To and headers, another CSeq; the best place that is allowed; sound, and an end"""
    system = make_system(calls=4, settings=FOLLOW)
    first, second = peers(system, Elsewhere, Callee)
    first.in_background(lambda: first.move("<sip:no@192.0.2.1>;q=0.9", f"<{second.uri}>;q=0.5", "<sip:worse@127.0.0.1:9>;q=0.1"))
    second.in_background(second.wait_invite, second.pick_up)
    events = []

    async def scenario(server):
        call = await server.dial(first.uri, headers={"X-Room-ID": "7"}, rate=8000)
        await call.answered()
        await call.say(tone(10))
        await in_thread(second.joined)
        assert await in_thread(speaks, second)
        assert call.request_uri == second.uri
        second.in_background(lambda: second.wait_bye(5))
        await call.hangup()
        await in_thread(second.joined)
        async for event in call.events():
            events.append((event.kind, event.code))

    dialling(system, scenario)
    first.joined()

    def field(message, name):
        return re.search(rf"\r\n{name}: ([^\r]*)", message)[1]

    for name in ("Call-ID", "From", "To", "X-Room-ID"):
        assert field(first.invite, name) == field(second.invite, name)
    assert (field(first.invite, "CSeq"), field(second.invite, "CSeq")) == ("1 INVITE", "2 INVITE")
    assert second.invite.startswith(f"INVITE {second.uri} ")
    assert ("redirected", 302) in events
    nothing_is_left(system)


def test_the_next_place_when_one_is_busy(make_system, peers):
    """C229, RFC 3261 8.1.3.4: the places of a 3xx one after the other, whoever dies; the call goes on with the same Call-ID"""
    system = make_system(calls=4, settings=FOLLOW)
    first, busy, last = peers(system, Elsewhere, Callee, Callee)
    first.in_background(lambda: first.move(f"<{busy.uri}>;q=0.9", "<sip:no@192.0.2.1>;q=0.5", f"<{last.uri}>;q=0.1"))
    events = []

    def refuse():
        busy.wait_invite()
        system.kill("signaling-0")
        wait_for(system.ready, 10)
        busy.reply(486)
        busy.next_request("ACK")

    busy.in_background(refuse)
    last.in_background(last.wait_invite, last.pick_up)

    async def scenario(server):
        call = await server.dial(first.uri, rate=8000)
        await call.answered()
        await in_thread(last.joined)
        assert call.request_uri == last.uri
        last.in_background(lambda: last.wait_bye(5))
        await call.hangup()
        await in_thread(last.joined)
        async for event in call.events():
            events.append((event.kind, event.code))

    dialling(system, scenario)
    first.joined()
    busy.joined()
    assert [code for kind, code in events if kind == "redirected"] == [302, 486]
    assert len({re.search(r"\r\nCall-ID: ([^\r]*)", p.invite)[1] for p in (first, busy, last)}) == 1
    nothing_is_left(system)


def test_all_places_are_busy(make_system, peers):
    """C229: the last refusal is the end"""
    system = make_system(calls=4, settings=FOLLOW)
    first, *others = peers(system, Elsewhere, Callee, Callee)
    first.in_background(lambda: first.move(*(f"<{other.uri}>" for other in others)))

    def refuse(callee, code):
        callee.wait_invite()
        callee.reply(code)
        callee.next_request("ACK")

    for other, code in zip(others, (480, 486)):
        other.in_background(lambda other=other, code=code: refuse(other, code))
    failed = failed_of(system, first.uri)
    for peer in (first, *others):
        peer.joined()
    assert (failed.outcome, failed.code, failed.contacts) == ("busy", 486, [])
    nothing_is_left(system)


def test_loops_hops_and_places_that_are_not_allowed(make_system, peers):
    """C229: nobody is called twice, and nobody whom the configuration does not allow"""
    system = make_system(calls=4, settings=FOLLOW)
    one, two = peers(system, Elsewhere, Elsewhere)
    one.in_background(lambda: one.move(f"<{two.uri}>"))
    two.in_background(lambda: two.move(f"<{one.uri}>", f"<{two.uri};user=phone>"))
    failed = failed_of(system, one.uri)
    one.joined()
    two.joined()
    assert failed.code == 302 and failed.contacts == [one.uri, two.uri + ";user=phone"]
    assert len(one.calls) == len(two.calls) == 1
    one.in_background(lambda: one.move("<sip:x@192.0.2.1>"))
    assert failed_of(system, one.uri).contacts == ["sip:x@192.0.2.1"]
    one.joined()
    nothing_is_left(system)


def test_hung_up_while_it_goes_on(make_system, peers):
    """C229 C206: the second place is cancelled"""
    system = make_system(calls=4, settings=FOLLOW)
    first, second = peers(system, Elsewhere, Callee)
    first.in_background(lambda: first.move(f"<{second.uri}>"))

    def rung():
        second.wait_invite()
        second.reply(180)
        cancel = second.next_request("CANCEL", 10)
        second.reply(200, to=cancel)
        second.reply(487)
        second.next_request("ACK")

    second.in_background(rung)

    async def scenario(server):
        call = await server.dial(first.uri, rate=8000)
        async for event in call.events():
            if event.kind == "ringing":
                await call.hangup()
        with pytest.raises(tipring.DialFailed):
            await call.answered()
        return call.outcome

    assert dialling(system, scenario) == "cancelled"
    first.joined()
    second.joined()
    nothing_is_left(system)


@pytest.mark.parametrize("victim", ["signaling-0", "control-0", "both"])
def test_a_process_dies_in_the_middle(make_system, peers, victim):
    """C229: one INVITE to each, and the call goes on"""
    system = make_system(calls=4, settings=FOLLOW)
    first, second = peers(system, Elsewhere, Callee)

    def move():
        first.wait_invite()
        if victim != "signaling-0":
            system.kill("control-0")
        first.reply_moved(f"<{second.uri}>")
        first.next_request("ACK")
        if victim != "control-0":
            system.kill("signaling-0")

    first.in_background(move)

    def answer():
        second.wait_invite(20)
        second.pick_up()

    second.in_background(answer)

    async def scenario(server):
        call = await server.dial(first.uri, rate=8000)
        await call.answered()
        await call.say(tone(10))
        await in_thread(second.joined)
        assert await in_thread(speaks, second)
        second.in_background(lambda: second.wait_bye(5))
        await call.hangup()
        await in_thread(second.joined)
        await call.ended()

    dialling(system, scenario)
    first.joined()
    assert len(first.calls) == 1 and len(second.calls) == 1
    nothing_is_left(system)
