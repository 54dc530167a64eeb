"""Transfers: REFER of ours and of the peer, blind and attended, in calls of both directions; calls that replace others."""

import asyncio
import re

import pytest
import tipring

from callee import Callee
from system import wait_for
from test_backend import Caller, in_thread, with_backend
from test_dial_peers import is_right, next_try

OPEN = {"outbound.hosts": ["127.0.0.1"]}
TARGET = "sip:carol@192.0.2.7"


def header(message: str, name: str) -> str:
    return re.search(rf"\r\n{name}: ([^\r]*)", message)[1]


def frag(notify: str) -> tuple[int, str]:
    """Code and Subscription-State of a NOTIFY."""
    assert header(notify, "Event").startswith("refer") and header(notify, "Content-Type").startswith("message/sipfrag")
    return int(notify.split("\r\n\r\n", 1)[1][8:11]), header(notify, "Subscription-State").split(";")[0]


class Party(Caller):
    """A caller that transfers and is transferred."""

    def ok(self, request: str, code: int = 200, headers: str = "") -> None:
        kept = [line for line in request.split("\r\n") if line.split(":")[0] in ("Via", "From", "To", "Call-ID", "CSeq")]
        self.send("\r\n".join([f"SIP/2.0 {code} x", *kept, ""]) + f"Contact: <sip:peer@{self.host}:{self.port}>\r\n{headers}Content-Length: 0\r\n\r\n")

    def take_refer(self, code: int = 202, headers: str = "") -> str:
        refer = self.request_of("REFER", seconds=5)
        self.ok(refer, code, headers)
        return refer

    def notify(self, status: str, state: str = "active;expires=60", expect: int = 200) -> str:
        return self.say("NOTIFY", f"Event: refer\r\nSubscription-State: {state}\r\nContent-Type: message/sipfrag;version=2.0\r\n",
                        f"SIP/2.0 {status}\r\n", expect)

    def say(self, method: str, headers: str, body: str, *codes: int) -> str:
        self.send(self.request(method, headers=headers).replace("Content-Length: 0\r\n\r\n", f"Content-Length: {len(body)}\r\n\r\n{body}"))
        return self.wait(*codes, seconds=5)

    def refer(self, to: str, *, headers: str = "", code: int = 202) -> str:
        return self.say("REFER", f"Refer-To: {to}\r\nReferred-By: <sip:peer@{self.host}>\r\n{headers}", "", code)

    def hear_notify(self, seconds: float = 5) -> tuple[int, str]:
        """The next NOTIFY that is none again; it is answered."""
        while True:
            message = self.request_of("NOTIFY", seconds=seconds)
            self.ok(message)
            if (cseq := header(message, "CSeq")) not in self.heard:
                self.heard.append(cseq)
                self.notified = message
                return frag(message)

    def until_final(self) -> list[int]:
        codes = []
        while True:
            code, state = self.hear_notify(8)
            codes.append(code)
            assert (state == "terminated") == (code >= 200)
            if code >= 200:
                return codes

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.heard = []


class CalledParty(Callee, Party):
    """One we called."""

    def up(self) -> None:
        """Its dialog, for requests of its own."""
        self.to_tag = re.search(r";tag=([^;\r]+)", header(self.invite, "From"))[1]
        self.contact = re.search(r"<([^>]+)>", header(self.invite, "Contact"))[1]

    def request(self, method, **options):
        made = Caller.request(self, method, **options)
        for name, value in (("From", f"{header(self.invite, 'To')};tag={self.tag}"), ("To", header(self.invite, "From")),
                            ("Call-ID", header(self.invite, "Call-ID"))):
            made = re.sub(rf"\r\n{name}: [^\r]*", lambda _: f"\r\n{name}: {value}", made, count=1)
        return made


def run(system, handle, scenario):
    """`scenario(server, caller)` with a call of `caller` that `handle` has."""

    async def work(server):
        caller = Party(system)
        try:
            await in_thread(caller.call)
            await scenario(server, caller)
        finally:
            caller.close()

    with_backend(system, handle, work)
    wait_for(lambda: system.metric("tipring_calls") == 0, 10)


@pytest.fixture
def system(make_system):
    return make_system(calls=8, settings=OPEN)


# -- ours --


class Transferring:
    """A handler that transfers its call and notes what came of it."""

    def __init__(self, target=TARGET, **options):
        self.target, self.options = target, options
        self.codes, self.result = [], None
        self.begin, self.over = asyncio.Event(), asyncio.Event()

    async def __call__(self, call):
        await call.answer(rate=8000)
        await self.work(call)

    async def work(self, call):
        noting = asyncio.create_task(self.note(call))
        await self.begin.wait()
        try:
            await call.transfer(self.target, **self.options)
            self.result = "answered"
        except tipring.TransferFailed as why:
            self.result = why
        self.over.set()
        await call.hangup()
        await noting

    async def note(self, call):
        async for event in call.events():
            if event.kind == "transfer":
                self.codes.append(event.code)


def test_blind(system):
    """C258 C262: the peer says how it goes, until it is answered"""
    handle = Transferring(referred_by="sip:me@192.0.2.1", headers={"X-Why": "because"})

    async def scenario(server, caller):
        handle.begin.set()
        refer = await in_thread(caller.take_refer)
        assert header(refer, "Refer-To") == f"<{TARGET}>" and header(refer, "Referred-By") == "<sip:me@192.0.2.1>"
        assert header(refer, "X-Why") == "because" and header(refer, "CSeq") == "1 REFER"
        assert f";tag={caller.to_tag}" in header(refer, "From") and f";tag={caller.tag}" in header(refer, "To")
        for status in ("100 Trying", "180 Ringing", "180 Ringing"):
            await in_thread(caller.notify, status)
        await in_thread(caller.notify, "200 OK", "terminated;reason=noresource")
        bye = await in_thread(caller.wait_bye, 5)
        assert header(bye, "CSeq") == "2 BYE"

    run(system, handle, scenario)
    assert handle.result == "answered" and handle.codes == [100, 180, 200]


@pytest.mark.parametrize("how, code, reason", [("refused", 603, "x"), ("busy", 486, "Busy Here"), ("silent", 0, "giveup"), ("gone", 0, "the call ended"),
                                               ("quiet", None, "")])
def test_blind_ends_otherwise(system, how, code, reason):
    """C258 C262: refused; the other call is; the peer says no more; it hangs up; it takes it and says nothing (RFC 4488)"""
    handle = Transferring()

    async def scenario(server, caller):
        handle.begin.set()
        if how == "refused":
            await in_thread(caller.take_refer, 603)
        elif how == "quiet":
            await in_thread(caller.take_refer, 202, "Refer-Sub: false\r\n")
        else:
            await in_thread(caller.take_refer)
        if how == "busy":
            await in_thread(caller.notify, "486 Busy Here", "terminated;reason=noresource")
        elif how == "silent":
            await in_thread(caller.say, "NOTIFY", "Event: refer\r\nSubscription-State: terminated;reason=giveup\r\n", "", 200)
        elif how == "gone":
            await in_thread(caller.notify, "100 Trying")
            await in_thread(caller.bye)
        if how != "gone":
            await in_thread(caller.wait_bye, 5)

    run(system, handle, scenario)
    if code is None:
        assert handle.result == "answered"
    else:
        assert (handle.result.code, handle.result.reason) == (code, reason)


def test_notifies_of_nothing(system):
    """C262: another package, no REFER, no dialog"""

    async def handle(call):
        await call.answer(rate=8000)
        await call.ended()

    async def scenario(server, caller):
        answer = await in_thread(caller.say, "NOTIFY", "Event: presence\r\nSubscription-State: active\r\n", "", 489)
        assert header(answer, "Allow-Events") == "refer"
        await in_thread(caller.notify, "100 Trying", "active", 481)
        kept, caller.to_tag = caller.to_tag, "nobody"
        await in_thread(caller.notify, "100 Trying", "active", 481)
        caller.to_tag = kept
        await in_thread(caller.bye)

    run(system, handle, scenario)


def test_one_at_a_time_and_only_what_can_be(system):
    """C258: commands that are refused"""
    refused, asked, done = [], asyncio.Event(), asyncio.Event()

    async def handle(call):
        for bad in ("tel:+1555", "sip:a@b?Replaces=x", "sip:a@b>\r\nX: y"):
            try:
                await call.transfer(bad)
            except tipring.CommandRefused as why:
                refused.append(why.code)
        try:
            await call.transfer(TARGET)
        except tipring.CommandRefused as why:
            refused.append(why.code)
        await call.answer(rate=8000)
        first = asyncio.create_task(call.transfer(TARGET))
        await asyncio.wait([first, asyncio.ensure_future(asked.wait())], return_when=asyncio.FIRST_COMPLETED)
        try:
            await call.transfer(TARGET)
        except tipring.CommandRefused as why:
            refused.append(why.code)
        done.set()
        await first
        await call.hangup()

    async def scenario(server, caller):
        await in_thread(caller.take_refer)
        asked.set()
        await done.wait()
        await in_thread(caller.notify, "200 OK", "terminated")
        await in_thread(caller.wait_bye, 5)

    run(system, handle, scenario)
    assert refused == ["REJECTED"] * 3 + ["CONFLICT"] * 2


def test_attended(system):
    """C258: the peer takes our place in another call of ours"""
    calls, up = [], asyncio.Event()

    async def handle(call):
        await call.answer(rate=8000)
        calls.append(call)
        up.set()
        await call.ended()

    async def scenario(server, caller):
        other = Party(system)
        await in_thread(other.call)
        while len(calls) < 2:
            await asyncio.sleep(0.02)
        first = next(c for c in calls if c.sip_call_id == caller.call_id)
        second = next(c for c in calls if c is not first)
        transfer = asyncio.create_task(first.transfer(second))
        refer = await in_thread(caller.take_refer)
        assert header(refer, "Refer-To") == (f"<sip:peer@127.0.0.1:{other.port}?Replaces={other.call_id}%3Bto-tag%3D{other.tag}"
                                             f"%3Bfrom-tag%3D{other.to_tag}>")
        await in_thread(other.bye)
        await in_thread(caller.notify, "200 OK", "terminated")
        await transfer
        await first.hangup()
        await in_thread(caller.wait_bye, 5)
        other.close()

    run(system, handle, scenario)


def test_of_a_call_we_made(make_system):
    """C263 C258: our tags and CSeq go on from the INVITE; and the peer's REFER"""
    system = make_system(calls=8, settings=OPEN)
    handle = Transferring()

    async def scenario(server):
        callee = CalledParty(system)
        callee.in_background(callee.wait_invite, callee.pick_up, callee.up)
        call = await server.dial(callee.uri, rate=8000)
        await call.answered()
        await in_thread(callee.joined)
        work = asyncio.create_task(handle.work(call))
        callee.in_background(lambda: callee.refer(f"<{TARGET}>"))
        await in_thread(callee.joined)
        assert await in_thread(callee.until_final) == [100, 603], "nobody decided"
        assert callee.tag in header(callee.notified, "To") and header(callee.notified, "CSeq") == "3 NOTIFY"
        handle.begin.set()
        refer = await in_thread(callee.take_refer)
        assert header(refer, "CSeq") == "4 REFER" and header(refer, "To").endswith(f";tag={callee.tag}")
        await in_thread(callee.notify, "200 OK", "terminated")
        await in_thread(callee.wait_bye, 5)
        await work
        callee.close()

    with_backend(system, handle, scenario)
    assert handle.result == "answered"


# -- theirs --


class Deciding:
    """A handler that does with a referral what `decide(referral)` says."""

    def __init__(self, decide):
        self.decide, self.seen, self.refused = decide, [], None
        self.decided: asyncio.Queue = asyncio.Queue()

    async def made(self):
        """The call that was made."""
        return await asyncio.wait_for(self.decided.get(), 40)

    async def __call__(self, call):
        await call.answer(rate=8000)
        async for event in call.events():
            if event.kind != "referred":
                continue
            self.seen.append(event.referral)
            try:
                self.decided.put_nowait(await self.decide(event.referral))
            except tipring.CommandRefused as why:
                self.refused = why


def test_accepted(system):
    """C259 C261: the call is made, and the one who asked hears how it goes"""
    handle = Deciding(lambda r: r.accept(rate=8000, headers={"X-A": "b"}))

    async def scenario(server, caller):
        target = Callee(system)

        def serve():
            invite = target.wait_invite()
            assert header(invite, "Referred-By") == "<sip:peer@127.0.0.1>" and header(invite, "X-A") == "b"
            assert "\r\nReplaces:" not in invite
            target.reply(180)
            assert caller.hear_notify() == (180, "active")
            target.pick_up()

        answer = await in_thread(caller.refer, f"<{target.uri}>")
        assert "\r\nContact: <sip:" in answer
        assert await in_thread(caller.hear_notify) == (100, "active")
        await in_thread(serve)
        assert await in_thread(caller.hear_notify) == (200, "terminated")
        assert header(caller.notified, "CSeq") == "3 NOTIFY"
        made = await handle.made()
        await made.answered()
        await in_thread(caller.bye)
        await made.hangup()
        await in_thread(target.wait_bye, 5)
        target.close()

    run(system, handle, scenario)
    assert handle.seen[0].referred_by == "<sip:peer@127.0.0.1>" and not handle.seen[0].replaces


def test_accepted_with_credentials(system):
    """C217 C259: the target asks who we are"""
    handle = Deciding(lambda r: r.accept(rate=8000, username="alice", password="c0rrect horse"))

    async def scenario(server, caller):
        target = Callee(system)

        def serve():
            first = target.wait_invite()
            target.reply(401, headers='WWW-Authenticate: Digest realm="server", nonce="n1", qop="auth"\r\n')
            second = next_try(target, [first])
            assert is_right(second, "Authorization", "server", "c0rrect horse") and 'username="alice"' in second
            target.reply(486)

        await in_thread(caller.refer, f"<{target.uri}>")
        await in_thread(serve)
        assert (await in_thread(caller.until_final))[-1] == 486
        await in_thread(caller.bye)
        target.close()

    run(system, handle, scenario)


def test_accepted_with_replaces(system):
    """C259 C261: attended; of the header fields of Refer-To nothing else is taken; the target refuses"""
    handle = Deciding(lambda r: r.accept(rate=8000))

    async def scenario(server, caller):
        target = Callee(system)
        to = f"<{target.uri}?Replaces=12%40host%3Bto-tag%3D1%3Bfrom-tag%3D2&X-Evil=yes&Route=%3Csip:192.0.2.66%3E>"
        await in_thread(caller.refer, to)
        invite = await in_thread(target.wait_invite)
        assert header(invite, "Replaces") == "12@host;to-tag=1;from-tag=2"
        assert "Evil" not in invite and "192.0.2.66" not in invite
        target.reply(486)
        assert (await in_thread(caller.until_final))[-1] == 486
        await in_thread(caller.bye)
        target.close()

    run(system, handle, scenario)
    assert handle.seen[0].replaces


@pytest.mark.parametrize("how, code", [("rejected", 480), ("nobody", 603), ("not allowed", 403)])
def test_not_accepted(system, how, code):
    """C260: refused, by nobody within two seconds, or by the configuration"""

    async def decide(referral):
        if how == "rejected":
            await referral.reject(480)
        elif how == "not allowed":
            await referral.accept()

    handle = Deciding(decide)

    async def scenario(server, caller):
        await in_thread(caller.refer, "<sip:x@192.0.2.9>")
        assert (await in_thread(caller.until_final))[-1] == code
        if how == "nobody":
            with pytest.raises(tipring.CommandRefused):
                await handle.seen[0].accept()
        await in_thread(caller.refer, "<sip:x@192.0.2.9>")  # the next one
        await in_thread(caller.hear_notify)
        assert ";id=" in header(caller.notified, "Event")
        await in_thread(caller.bye)

    run(system, handle, scenario)
    assert (handle.refused is not None) == (how == "not allowed")


def test_refused_at_once(system):
    """C260: what no REFER can be made of; the call is none the worse"""
    handle = Deciding(lambda r: r.reject())

    async def scenario(server, caller):
        await in_thread(caller.say, "REFER", "", "", 400)
        for to, code in (("<sip:>", 400), ("<tel:+15550100>", 416), ("<sip:a@b;method=BYE>", 416), ("<sip:a@b?Replaces=x>", 400),
                         (f"<sip:{'d' * 8000}@192.0.2.7>", 513), ("<sip:a@b>\r\nRefer-To: <sip:c@d>", 400)):
            await in_thread(lambda: caller.refer(to, code=code))
        kept, caller.to_tag = caller.to_tag, "nobody"
        await in_thread(lambda: caller.refer(f"<{TARGET}>", code=481))
        caller.to_tag = ""
        await in_thread(lambda: caller.refer(f"<{TARGET}>", code=481))
        caller.to_tag = kept
        await in_thread(lambda: caller.refer(f"<{TARGET}>", headers="Refer-Sub: false\r\n"))
        await in_thread(caller.bye)

    run(system, handle, scenario)
    assert [r.target for r in handle.seen] == [TARGET]


# -- calls that replace others --


class Keeping:
    def __init__(self):
        self.calls, self.ends = [], {}

    async def __call__(self, call):
        self.calls.append(call)
        await call.answer(rate=8000)
        self.ends[call.id] = await call.ended()


def replaces(caller, more=""):
    return f"Require: replaces\r\nReplaces: {caller.call_id};to-tag={caller.to_tag};from-tag={caller.tag}{more}\r\n"


def test_replaced(system):
    """RFC 3891: the new call goes to the owner of the other, which ends when the new one is answered"""
    handle = Keeping()

    async def scenario(server, caller):
        other = Party(system)
        await in_thread(lambda: other.call(headers=replaces(caller), number="elsewhere"))
        await in_thread(caller.wait_bye, 5)
        first, second = handle.calls
        assert second.replaces == first.id
        await first.ended()
        await in_thread(other.bye)
        other.close()

    run(system, handle, scenario)
    assert handle.ends[handle.calls[0].id] == "replaced by another call"


def test_not_replaced(system):
    """RFC 3891 3: no such dialog, an early one wanted, what is no Replaces; and the call goes on"""
    handle = Keeping()

    async def scenario(server, caller):
        for headers, code in ((replaces(caller, ";early-only"), 486), ("Replaces: a;to-tag=1;from-tag=2\r\n", 481), ("Replaces: a\r\n", 400),
                              (replaces(caller) + replaces(caller), 400), ("Require: replaces, x\r\n", 420)):
            other = Party(system)
            other.send(other.request("INVITE", body=other.sdp(), headers=headers))
            answer = await in_thread(other.wait, code)
            assert code != 420 or header(answer, "Unsupported") == "x"
            other.send(other.request("ACK", cseq=other.cseq, branch=other.branch))
            other.close()
        await in_thread(caller.bye)

    run(system, handle, scenario)
    assert len(handle.calls) == 1
