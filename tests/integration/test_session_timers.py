"""Session timers (RFC 4028): asked for, honoured, refreshed by either side, and what happens when nobody does."""

import asyncio
import re
import threading
import time

from system import wait_for
from test_backend import in_thread, with_backend
from test_cli import rows, tipring
from test_midcall import Changer, version_of

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

    def reinvited(self, code: int = 200, headers: str = "", seconds: float = 5.0) -> str:
        """Likewise a re-INVITE, which changes nothing."""
        while (invite := self.request_of("INVITE", seconds=seconds)).split("\r\nCSeq: ")[1] in self.__dict__.setdefault("served", set()):
            pass
        self.served.add(invite.split("\r\nCSeq: ")[1])
        self.answer(invite, code, headers, self.sdp() if code == 200 else "")
        self.request_of("ACK", seconds=seconds)
        return invite

    def answer(self, request: str, code: int, headers: str = "", body: str = "") -> None:
        kept = [line for line in request.split("\r\n") if line.split(":")[0] in ("Via", "From", "To", "Call-ID", "CSeq")]
        self.send("\r\n".join([f"SIP/2.0 {code} x", *kept, f"Contact: <sip:peer@{self.literal}:{self.port}>",
                               f"{headers}{'Content-Type: application/sdp' if body else 'X-None: 1'}", f"Content-Length: {len(body)}", "", body]))

    def update(self, headers: str = "") -> str:
        self.send(self.request("UPDATE", headers=headers))
        return self.wait(200, to=f"{self.cseq} UPDATE\r\n")


def calls(system, scenarios, meanwhile=None):
    """{name: (scenario(caller, answer), headers of its INVITE)}, all at once, with `meanwhile(server)` beside them: {name: how it ended}."""
    reasons = {}

    async def handle(call):
        await call.answer(rate=8000)
        await call.ended()
        reasons[call.room_id] = call.end_reason

    async def one(name, scenario, headers):
        caller = Timed(system)
        try:
            answer = await in_thread(lambda: caller.call(headers=f"X-Room-ID: {name}\r\n{headers}"))
            await in_thread(scenario, caller, answer)
            while name not in reasons:
                await asyncio.sleep(0.02)
        finally:
            caller.close()

    async def run(server):
        await asyncio.gather(*[one(name, *what) for name, what in scenarios.items()], *([in_thread(meanwhile)] if meanwhile else []))

    with_backend(system, handle, run)
    wait_for(lambda: system.metric("tipring_calls") == 0, 5)
    return reasons


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


def told(system) -> str:
    """What `tipring call` says of the only call."""
    [call] = rows(tipring(system, "calls", "--json"))
    return tipring(system, "call", call["call_id"]).stdout


def test_what_comes_again_in_the_dialog(make_system, backends):
    """C242 C245: re-INVITE and UPDATE negotiate again; refused, they change nothing"""
    system = make_system(calls=4)
    backends.start(system)
    caller = Timed(system)
    assert expires(caller.call(headers=TIMER + "Session-Expires: 600;refresher=uac\r\n")) == "600;refresher=uac"
    assert expires(caller.update()) == "600;refresher=uac", "what is not said stays"
    wait_for(lambda: "timer        600 s, refreshed by the peer" in told(system), 5)
    system.kill("control-0")
    wait_for(system.ready, 10)
    assert "timer        600 s, refreshed by the peer" in told(system)
    assert expires(caller.update("Session-Expires: 300;refresher=uas\r\n")) == "300;refresher=uas"
    wait_for(lambda: "timer        300 s" in told(system), 5)
    assert "refreshed by the peer" not in told(system)
    caller.send(caller.request("UPDATE", headers="Session-Expires: 30\r\n"))
    assert "\r\nMin-SE: 90\r\n" in caller.wait(422)
    caller.send(caller.request("INVITE", body=caller.offer(), headers="Session-Expires: 30\r\n"))
    assert "\r\nMin-SE: 90\r\n" in caller.wait(422, to=f"{caller.cseq} INVITE\r\n")
    caller.send(caller.request("ACK", cseq=caller.cseq, branch=caller.branch))
    assert expires(caller.reinvite(caller.offer())) == "300;refresher=uas"
    assert expires(caller.reinvite(caller.offer(extra="a=sendonly\r\n"))) == "300;refresher=uas", "what media is asked about, too"
    caller.bye()
    caller.close()


def holds_and_is_gone(caller, answer):
    """C244 C214: nobody misses its media, but its refresh"""
    assert expires(answer) == "3;refresher=uac"
    caller.reinvite(caller.offer(extra="a=inactive\r\n"))
    caller.wait_bye(8)


def stops_to_refresh(caller, _):
    """C245 C244: it lives as long as it does, by UPDATE or re-INVITE"""
    end = time.monotonic() + 4
    while time.monotonic() < end:
        caller.send_until(caller.request("UPDATE"), 200)
        caller.reinvite(caller.offer())
        time.sleep(0.2)
    caller.wait_bye(8)


def is_refreshed_and_loses_the_call(caller, answer):
    """C243 C249"""
    assert expires(answer) == "6;refresher=uas"
    update = caller.refreshed(seconds=10)
    assert expires(update) == "6;refresher=uac" and "\r\nMin-SE: 2\r\n" in update and "\r\nSupported: timer\r\n" in update
    assert "\r\nContent-Length: 0\r\n" in update and "\r\nContact: <sip:" in update
    caller.refreshed(481, seconds=10)
    caller.wait_bye(8)


def is_not_heard_of(caller, _):
    """C249: whoever does not answer is not there"""
    caller.request_of("UPDATE", seconds=8)
    caller.wait_bye(8)


def refuses(caller, _):
    """C247 C249: with more for a 422, and again after another refusal; at last it refreshes itself, and does not"""
    first = caller.refreshed(422, "Min-SE: 12\r\n", seconds=10)
    again = caller.refreshed(500)
    assert expires(first) == "9;refresher=uac" and expires(again) == "12;refresher=uac" and "\r\nMin-SE: 12\r\n" in again
    assert expires(caller.refreshed(headers="Session-Expires: 3;refresher=uas\r\n")) == "12;refresher=uac"
    caller.wait_bye(8)


def takes_no_update(caller, answer):
    """C246 C249: by a re-INVITE that offers what is in force"""
    assert expires(answer) == "6;refresher=uas"
    first = caller.reinvited(seconds=10)
    assert expires(first) == "6;refresher=uac" and "\r\nSupported: timer\r\n" in first and version_of(first) == version_of(answer)
    second = caller.reinvited(481, seconds=10)
    assert version_of(second) == version_of(answer)
    caller.wait_bye(8)


def does_not_know_update(caller, _):
    """C246: whatever it said in Allow"""
    caller.refreshed(501, seconds=10)
    caller.reinvited(500, seconds=10)
    caller.reinvited(headers="Session-Expires: 3;refresher=uas\r\n", seconds=10)
    caller.wait_bye(8)


def test_short_sessions(make_system):
    """C243 C244 C245 C249"""
    system = make_system(calls=8, settings=SHORT)
    ended = calls(system, {
        "held": (holds_and_is_gone, TIMER + "Session-Expires: 3;refresher=uac\r\n"),
        "stops": (stops_to_refresh, TIMER + "Session-Expires: 3;refresher=uac\r\n"),
        "loses": (is_refreshed_and_loses_the_call, TIMER + "Session-Expires: 6;refresher=uas\r\n"),
        "no update": (takes_no_update, "Supported: timer\r\nAllow: INVITE, BYE\r\nSession-Expires: 6;refresher=uas\r\n"),
        "says so": (does_not_know_update, TIMER + "Session-Expires: 9;refresher=uas\r\n"),
        "silent": (is_not_heard_of, TIMER + "Session-Expires: 3;refresher=uas\r\n"),
        "refuses": (refuses, TIMER + "Session-Expires: 9;refresher=uas\r\n"),
    })
    assert ended.pop("no update") == "the peer does not answer"
    assert set(ended.values()) == {"session timer expired"} and len(ended) == 6, ended


def test_signaling_and_control_die(make_system):
    """C243 C244: every deadline is in the record, and what was out is asked again"""
    system = make_system(calls=8, settings=SHORT)
    killed = threading.Event()

    def kill():
        old = {name: system.kill(name) for name in ("control-0", "signaling-0")}
        wait_for(lambda: all(system.workers().get(name, pid) != pid for name, pid in old.items()), 5)
        killed.set()

    def is_asked_again(caller, _):
        update = caller.request_of("UPDATE", seconds=10)
        kill()
        while caller.receive(0.01) is not None:
            pass
        again = caller.request_of("UPDATE", seconds=8)
        assert re.search(r"\r\nCSeq: [^\r]*", again)[0] == re.search(r"\r\nCSeq: [^\r]*", update)[0] and expires(again) == expires(update)
        caller.answer(again, 200)
        caller.send_until(caller.request("BYE"), 200)

    def is_refreshed(caller, _):
        assert killed.wait(20)
        caller.refreshed(seconds=12)
        caller.send_until(caller.request("BYE"), 200)

    def is_gone(caller, _):
        assert killed.wait(20)
        caller.wait_bye(12)

    ended = calls(system, {
        "again": (is_asked_again, TIMER + "Session-Expires: 20;refresher=uas\r\n"),
        "later": (is_refreshed, TIMER + "Session-Expires: 28;refresher=uas\r\n"),
        "gone": (is_gone, TIMER + "Session-Expires: 24;refresher=uac\r\n"),
    })
    assert ended == {"again": "hung up", "later": "hung up", "gone": "session timer expired"}
