"""Session timers (RFC 4028): asked for, honoured, refreshed by either side, and what happens when nobody does."""

import asyncio
import re
import time

import pytest

from callee import Callee
from system import wait_for
from test_backend import in_thread, with_backend
from test_midcall import Changer

TIMER = "Supported: timer\r\nAllow: INVITE, ACK, BYE, CANCEL, UPDATE\r\n"
SHORT = {"sip.min_se_s": 2, "sip.session_expires_s": 0}


def expires(message: str) -> str:
    found = re.search(r"\r\nSession-Expires: ([^\r]*)", message)
    return found[1] if found else ""


class Timed(Changer):
    """A caller that is refreshed, and refreshes."""

    def refreshed(self, code: int = 200, headers: str = "", seconds: float = 5.0) -> str:
        """The next UPDATE of the other side, which is answered."""
        while (update := self.request_of("UPDATE", seconds=seconds)).split("\r\nCSeq: ")[1] in self.__dict__.setdefault("served", set()):
            self.answer(update, code)  # the same again
        self.served.add(update.split("\r\nCSeq: ")[1])
        self.answer(update, code, headers)
        return update

    def answer(self, request: str, code: int, headers: str = "") -> None:
        kept = [line for line in request.split("\r\n") if line.split(":")[0] in ("Via", "From", "To", "Call-ID", "CSeq")]
        self.send("\r\n".join([f"SIP/2.0 {code} x", *kept, f"Contact: <sip:peer@{self.literal}:{self.port}>",
                               f"{headers}Content-Length: 0", "", ""]))

    def update(self, headers: str = "") -> str:
        self.send(self.request("UPDATE", headers=headers))
        return self.wait(200)


class Call:
    """A call of ours to a backend that waits for its end; `reason` is how it ended."""

    def __init__(self, system, scenario, **options):
        self.reason = None

        async def handle(call):
            await call.answer(rate=8000)
            await call.ended()
            self.reason = call.end_reason

        async def run(server):
            caller = Timed(system)
            try:
                answer = await in_thread(lambda: caller.call(**options))
                await in_thread(scenario, caller, answer)
                while self.reason is None:
                    await asyncio.sleep(0.02)
            finally:
                caller.close()

        with_backend(system, handle, run)
        wait_for(lambda: system.metric("tipring_calls") == 0, 5)


@pytest.fixture
def short(make_system):
    return make_system(calls=4, settings=SHORT)


def test_what_is_answered(make_system, backends):
    """C240 C242 C246: with the settings as they come"""
    system = make_system(calls=20)
    backends.start(system)
    for headers, want in [
        ("", ""),
        (TIMER, "1800;refresher=uas"),
        ("Supported: timer\r\nAllow: INVITE\r\n", "1800;refresher=uac"),
        (TIMER + "Session-Expires: 600;refresher=uac\r\n", "600;refresher=uac"),
        ("Require: timer\r\nx: 90 ; refresher=UAS\r\n", "90;refresher=uas"),
        (TIMER + "Min-SE: 4000\r\n", "4000;refresher=uas"),
        ("Session-Expires: 600\r\n", "600;refresher=uas"),
        ("Session-Expires: garbage\r\nMin-SE: \r\n", ""),
        (TIMER + "Session-Expires: 1;2;3;refresher\r\nSession-Expires: 5\r\nMin-SE: -1\r\n", None),
    ]:
        caller = Timed(system)
        caller.send(caller.request("INVITE", body=caller.sdp(), headers=headers))
        answer = caller.wait(200, 422)
        if want is None:
            assert answer.startswith("SIP/2.0 422 ") and "\r\nMin-SE: 90\r\n" in answer
            caller.to_tag = re.search(r"\r\nTo:[^\r]*;tag=([^;\r]+)", answer)[1]
            caller.send(caller.request("ACK", cseq=caller.cseq, branch=caller.branch))
        else:
            caller.learn(answer)
            caller.send(caller.request("ACK", cseq=caller.cseq))
            assert expires(answer) == want, headers
            assert ("\r\nRequire: timer\r\n" in answer) == ("timer" in headers), "only who knows it"
            caller.bye()
        caller.close()


def test_what_comes_again_in_the_dialog(make_system, backends):
    """C242 C245: re-INVITE and UPDATE negotiate again; refused, they change nothing"""
    system = make_system(calls=4)
    backends.start(system)
    caller = Timed(system)
    assert expires(caller.call(headers=TIMER + "Session-Expires: 600;refresher=uac\r\n")) == "600;refresher=uac"
    assert expires(caller.update()) == "600;refresher=uac", "what is not said stays"
    assert expires(caller.update("Session-Expires: 300;refresher=uas\r\n")) == "300;refresher=uas"
    caller.send(caller.request("UPDATE", headers="Session-Expires: 30\r\n"))
    assert "\r\nMin-SE: 90\r\n" in caller.wait(422)
    caller.send(caller.request("INVITE", body=caller.offer(), headers="Session-Expires: 30\r\n"))
    assert "\r\nMin-SE: 90\r\n" in caller.wait(422)
    caller.send(caller.request("ACK", cseq=caller.cseq, branch=caller.branch))
    assert expires(caller.reinvite(caller.offer())) == "300;refresher=uas"
    assert expires(caller.reinvite(caller.offer(extra="a=sendonly\r\n"))) == "300;refresher=uas", "what media is asked about, too"
    caller.bye()
    caller.close()


def test_a_caller_that_holds_and_is_gone(short):
    """C244 C214: nobody misses its media, but its refresh"""

    def scenario(caller, answer):
        assert expires(answer) == "3;refresher=uac"
        caller.reinvite(caller.offer(extra="a=inactive\r\n"))
        caller.wait_bye(6)

    call = Call(short, scenario, headers=TIMER + "Session-Expires: 3;refresher=uac\r\n")
    assert call.reason == "session timer expired"


@pytest.mark.parametrize("victim", [None, "signaling-0"])
def test_a_caller_that_stops_to_refresh(short, victim):
    """C245 C244: not while it does; deadlines are kept over the death of signaling"""

    def scenario(caller, _):
        begin = time.monotonic()
        while time.monotonic() < begin + 4:
            caller.send_until(caller.request("UPDATE"), 200)
            time.sleep(0.3)
        if victim:
            old = short.kill(victim)
            wait_for(lambda: short.workers().get(victim, old) != old, 5)
        last = time.monotonic()
        caller.wait_bye(8)
        assert victim or time.monotonic() - last > 1

    assert Call(short, scenario, headers=TIMER + "Session-Expires: 3;refresher=uac\r\n").reason == "session timer expired"


@pytest.mark.parametrize("victim", [None, "signaling-0", "control-0"])
def test_ours_is_an_update_at_half_the_interval(short, victim):
    """C243 C249: while they are answered the call lives, whoever dies; who has lost it ends it"""

    def scenario(caller, answer):
        assert expires(answer) == "4;refresher=uas"
        begin = time.monotonic()
        update = caller.refreshed(seconds=8)
        assert time.monotonic() - begin > 1.5
        assert expires(update) == "4;refresher=uac" and "\r\nMin-SE: 2\r\n" in update and "\r\nSupported: timer\r\n" in update
        assert "\r\nContent-Length: 0\r\n" in update and "\r\nContact: <sip:" in update
        if victim:
            short.kill(victim)
        caller.refreshed(headers="Session-Expires: 4;refresher=uac\r\nRequire: timer\r\n", seconds=12)
        caller.refreshed(481, seconds=8)
        caller.wait_bye(5)

    assert Call(short, scenario, headers=TIMER + "Session-Expires: 4;refresher=uas\r\n").reason == "session timer expired"


def test_killed_while_a_refresh_is_out(short):
    """C243: it is asked again, and means the same"""

    def scenario(caller, _):
        update = caller.request_of("UPDATE")
        short.kill("signaling-0")
        again = caller.request_of("UPDATE", but=update, seconds=8)
        assert re.search(r"\r\nCSeq: [^\r]*", again)[0] == re.search(r"\r\nCSeq: [^\r]*", update)[0] or expires(again) == expires(update)
        caller.served = set()
        caller.answer(again, 200)
        caller.refreshed(seconds=8)
        caller.send_until(caller.request("BYE"), 200)

    assert Call(short, scenario, headers=TIMER + "Session-Expires: 6;refresher=uas\r\n").reason == "hung up"


def test_refused_refreshes(short):
    """C249 C247: one that may be tried again is; for a 422 with more"""

    def scenario(caller, _):
        first = caller.refreshed(422, "Min-SE: 4\r\n")
        again = caller.refreshed(500)
        assert expires(first) == "3;refresher=uac" and expires(again) == "4;refresher=uac" and "\r\nMin-SE: 4\r\n" in again
        assert expires(caller.refreshed(headers="Session-Expires: 4;refresher=uas\r\n")) == "4;refresher=uac"
        caller.wait_bye(6)  # it has taken it over, and does nothing

    assert Call(short, scenario, headers=TIMER + "Session-Expires: 3;refresher=uas\r\n").reason == "session timer expired"


class TimedCallee(Callee):
    """One that we call."""

    def pick_up_with(self, headers: str) -> None:
        for _ in range(10):
            self.reply(200, sdp=True, phrase="OK", headers=headers)
            try:
                self.next_request("ACK", 0.5)
                return
            except AssertionError:
                continue
        raise AssertionError("no ACK")


def dialling(system, callee, *steps):
    """Dial, with `steps` of the callee; how it ended."""

    async def unused(call):
        pass

    async def run(server):
        callee.in_background(*steps)
        call = await server.dial(callee.uri, rate=8000)
        await call.answered()
        await call.ended()
        await in_thread(callee.joined)
        return call.end_reason

    try:
        return with_backend(system, unused, run)
    finally:
        callee.close()


OUT = {"outbound.hosts": ["127.0.0.1"]}


def test_a_callee_that_wants_longer_sessions(make_system):
    """C247: the same call, one CSeq further; C248: and no timer when it does not say so"""
    system = make_system(calls=4, settings=OUT)
    callee = TimedCallee(system)

    def too_short():
        first = callee.wait_invite()
        assert expires(first) == "1800" and "\r\nMin-SE: 90\r\n" in first and re.search(r"\r\nSupported: [^\r]*timer", first)
        callee.reply(422, headers="Min-SE: 2400\r\n")
        callee.next_request("ACK")
        second = callee.wait_invite()
        assert expires(second) == "2400" and "\r\nMin-SE: 2400\r\n" in second
        for name in ("From", "Call-ID", "To"):
            assert re.search(rf"\r\n{name}: [^\r]*", second)[0] == re.search(rf"\r\n{name}: [^\r]*", first)[0]
        assert int(re.search(r"\r\nCSeq: (\d+)", second)[1]) == int(re.search(r"\r\nCSeq: (\d+)", first)[1]) + 1
        callee.pick_up_with("")
        callee.hang_up()

    assert dialling(system, callee, too_short) == "hung up"


def test_a_callee_that_stops_to_refresh(make_system):
    """C244 as the client"""
    system = make_system(calls=4, settings=OUT | {"sip.min_se_s": 2, "sip.session_expires_s": 3})
    callee = TimedCallee(system)

    def gone():
        assert expires(callee.wait_invite()) == "3"
        callee.pick_up_with("Require: timer\r\nSession-Expires: 3;refresher=uas\r\n")
        callee.wait_bye(6)

    assert dialling(system, callee, gone) == "session timer expired"
