"""MESSAGE outside a call (RFC 3428): both ways, and whichever process dies meanwhile."""

import asyncio
import re

import pytest
import tipring

from conftest import BIN
from registrar import header
from sip_peer import Peer
from system import PATIENCE, System, wait_for
from test_auth import credentials, guarded, uri_of
from test_backend import in_thread, is_serving
from test_dial_peers import is_right

OUT = {"outbound.hosts": ["127.0.0.1"], "outbound.max_cps": 1000}
PASSWORD = "c0rrect horse"


class Sender(Peer):
    """Somebody who writes, and is written to."""

    def message(self, body: str | bytes = "hello", content_type: str = "text/plain", headers: str = "", number: str = "echo") -> bytes:
        head = self.request("MESSAGE", headers=headers, number=number).split("\r\nContent-Length:")[0]
        head = re.sub(r"\r\nContact: [^\r]*", "", head)
        kind = f"Content-Type: {content_type}\r\n" if content_type else ""
        data = body.encode() if isinstance(body, str) else body
        return f"{head}\r\n{kind}Content-Length: {len(data)}\r\n\r\n".encode() + data

    def says(self, *args, code: int = 200, **more) -> str:
        self.send(self.message(*args, **more))
        return self.wait(code, seconds=8)

    @property
    def uri(self) -> str:
        return f"sip:bob@{self.literal}:{self.port}"


@pytest.fixture(scope="module")
def system():
    system = System(BIN, calls=8, settings=OUT)
    yield system.start()
    code = system.stop()
    assert code == 0 and " must failed=" not in system.log and "Sanitizer" not in system.log, system.log[-6000:]


@pytest.fixture
def sender(system):
    peer = Sender(system)
    yield peer
    peer.close()


def with_messages(system, handler, scenario, name=None):
    """Run `scenario(server)` beside a backend whose messages go to `handler`."""

    async def main():
        async with tipring.connect(str(system.run_dir), name) as server:
            server.messages("echo")(handler)
            running = asyncio.create_task(server.run())
            await is_serving(server)
            try:
                return await asyncio.wait_for(scenario(server), 100)
            finally:
                server.stop()
                await running

    return asyncio.run(main())


def taking(system, scenario, code=None):
    """The messages that came meanwhile."""
    seen = []

    async def handle(message):
        seen.append(message)
        return code

    with_messages(system, handle, scenario)
    return seen


def test_one_is_taken(system, sender):
    """RFC 3428 7: 200 without Contact and body, and the same again when it is repeated; the app hears it once"""

    async def scenario(_):
        sent = sender.message("gr\u00fc\u00df dich", "text/plain;charset=utf-8", "X-Order: 7\r\nPriority: urgent\r\n")
        answers = []
        for _ in range(2):
            sender.send(sent)
            answers.append(await in_thread(sender.wait, 200))
        assert answers[0] == answers[1]
        assert "\r\nContact:" not in answers[0] and answers[0].endswith("\r\nContent-Length: 0\r\n\r\n")

    (message,) = taking(system, scenario)
    assert (message.text, message.content_type) == ("grüß dich", "text/plain;charset=utf-8")
    assert message.headers == {"X-Order": "7"} and message.sip_call_id == sender.call_id
    assert message.from_uri == "sip:peer@127.0.0.1" and message.to_uri == "sip:echo@127.0.0.1" and message.auth_user == ""


def test_octets_of_any_type(system, sender):
    body = bytes(range(256)) * 16

    async def scenario(_):
        await in_thread(sender.says, body, "application/octet-stream")
        await in_thread(sender.says, b"", "")

    assert [(m.body, m.content_type) for m in taking(system, scenario)] == [(body, "application/octet-stream"), (b"", "")]


@pytest.mark.parametrize("args, more, code", [
    ((b"x" * 4097, "text/plain"), {}, 413),
    (("hello", ""), {}, 415),
    (("hello", "text/plain"), {"headers": "Content-Encoding: gzip\r\n"}, 415),
    (("hello", "text/plain"), {"headers": "Require: teleport\r\n"}, 420),
    (("hello", "text/plain"), {"headers": f"X-Long: {'y' * 8000}\r\n"}, 513),
])
def test_what_is_not_taken(system, sender, args, more, code):
    async def scenario(_):
        answer = await in_thread(lambda: sender.says(*args, code=code, **more))
        assert code != 415 or header(answer, "Accept") == "*/*" and header(answer, "Accept-Encoding") == "identity"

    assert taking(system, scenario) == []


@pytest.mark.parametrize("said, code", [(202, 202), (486, 486), (17, 480)])
def test_the_app_decides(system, sender, said, code):
    """A code that is none is no answer: nobody took it"""

    async def scenario(_):
        await in_thread(lambda: sender.wait_briefly(code, seconds=20 * PATIENCE) if sender.send(sender.message()) is None else None)

    assert len(taking(system, scenario, said)) == 1


def test_a_handler_that_fails_is_500(system, sender):
    async def handle(message):
        raise RuntimeError(message.text)

    async def scenario(_):
        await in_thread(lambda: sender.says(code=500))

    with_messages(system, handle, scenario)


def test_nobody_takes_it(system, sender, backends):
    """480: the app is not there, or takes calls alone; 404: no route"""
    sender.says(code=480)
    backends.start(system)
    other = Sender(system)
    other.says(code=480)
    other.close()


def test_no_route_is_404_and_off_is_405(make_system):
    system = make_system(calls=4, settings={"routes": [{"number": "100", "app": "echo"}]})
    sender = Sender(system)
    sender.says(code=404)
    sender.close()
    sender = Sender(make_system(calls=4, settings={"sip.messages": False}))
    assert "INVITE" in header(sender.says(code=405), "Allow")
    sender.close()


def test_who_does_not_answer_is_passed_over(system, sender):
    """Another backend gets it after four seconds; what the first says then is too late"""
    slow, quick, released = [], [], asyncio.Event()

    async def sleeps(message):
        slow.append(message)
        await released.wait()

    async def takes(message):
        quick.append(message)

    async def scenario(_):
        async with tipring.connect(str(system.run_dir), "quick") as second:
            sender.send(sender.message())
            while not slow:
                await asyncio.sleep(0.01)
            second.messages("echo")(takes)
            running = asyncio.create_task(second.run())
            await is_serving(second)
            await in_thread(lambda: sender.wait(200, seconds=10))
            released.set()
            second.stop()
            await running

    with_messages(system, sleeps, scenario, "slow")
    assert len(slow) == len(quick) == 1


@pytest.mark.parametrize("victim", ["control", "signaling"])
def test_a_process_dies_before_the_answer(system, sender, victim):
    """Control: it is told again, and the app asked again. Signaling: the sender repeats it, and the app is not asked twice"""
    seen = []

    async def handle(message):
        seen.append(message)
        if len(seen) == 1:
            old = system.kill(f"{victim}-0")
            await in_thread(wait_for, lambda: system.workers().get(f"{victim}-0", old) != old, 10)

    async def scenario(_):
        await in_thread(lambda: sender.send_until(sender.message(), 200, seconds=15))

    with_messages(system, handle, scenario)
    assert len(seen) == (2 if victim == "control" else 1)
    wait_for(lambda: system.ready(), 10)


def test_who_sends_it_says_who_he_is(make_system, monkeypatch):
    """sip.auth"""
    monkeypatch.setenv("ALICE_PASSWORD", PASSWORD)
    system = make_system(calls=4, settings=guarded())
    sender = Sender(system)

    async def scenario(_):
        first = sender.message()
        sender.send(first)
        asked = await in_thread(sender.wait, 401)
        uri = uri_of(first.decode())
        sender.send(sender.message(headers=credentials(asked, "MESSAGE", uri)))
        await in_thread(sender.wait, 200)

    assert [m.auth_user for m in taking(system, scenario)] == ["alice"]
    sender.close()


# ---- ours ----


def sending(system, scenario):
    """`await scenario(server)` of one that only sends."""

    async def main():
        async with tipring.connect(str(system.run_dir)) as server:
            return await asyncio.wait_for(scenario(server), 100)

    return asyncio.run(main())


def test_we_send_one(system, sender):
    async def scenario(server):
        task = asyncio.create_task(server.send_message(sender.uri, "hello", from_display="Bot", headers={"X-Order": "7"}))
        request = await in_thread(sender.request_of, "MESSAGE")
        sender.answer(request, 202)
        await task
        return request

    request = sending(system, scenario)
    assert request.startswith(f"MESSAGE {sender.uri} SIP/2.0\r\n") and request.endswith("\r\n\r\nhello")
    assert header(request, "Content-Type") == "text/plain" and header(request, "X-Order") == "7"
    assert header(request, "To") == f"<{sender.uri}>" and header(request, "From").startswith('"Bot" <sip:127.0.0.1:')
    assert "\r\nContact:" not in request and header(request, "CSeq") == "1 MESSAGE"


def test_we_are_asked_who_we_are(system, sender):
    """RFC 3261 22.2: the same Call-ID and From tag, the next CSeq, credentials; once"""
    asked = 'WWW-Authenticate: Digest realm="server", nonce="n1", qop="auth"\r\n'

    def challenge(request: str) -> None:
        kept = [line for line in request.split("\r\n") if line.split(":")[0] in ("Via", "From", "To", "Call-ID", "CSeq")]
        sender.send("\r\n".join(["SIP/2.0 401 x", *kept]) + f"\r\n{asked}Content-Length: 0\r\n\r\n")

    async def scenario(server):
        task = asyncio.create_task(server.send_message(sender.uri, "hello", username="alice", password=PASSWORD))
        first = await in_thread(sender.request_of, "MESSAGE")
        challenge(first)
        second = await in_thread(lambda: sender.request_of("MESSAGE", but=first))
        assert is_right(second, "Authorization", "server", PASSWORD)
        assert [header(first, n) for n in ("Call-ID", "From")] == [header(second, n) for n in ("Call-ID", "From")]
        assert header(second, "CSeq") == "2 MESSAGE" and second.endswith("\r\n\r\nhello")
        challenge(second)
        with pytest.raises(tipring.CommandRefused) as refused:
            await task
        assert refused.value.sip_code == 401

    sending(system, scenario)


def test_ours_is_refused(system, sender):
    async def scenario(server):
        async def refused(*args, **more) -> tipring.CommandRefused:
            with pytest.raises(tipring.CommandRefused) as why:
                await server.send_message(*args, **more)
            return why.value

        assert "outbound.hosts" in (await refused("sip:bob@192.0.2.7", "x")).reason
        assert "1300 octets" in (await refused(sender.uri, "x" * 1200)).reason
        assert "2048 octets" in (await refused(sender.uri, "x" * 2049)).reason
        assert (await refused(sender.uri, "x", headers={"Via": "x"})).code == "REJECTED"
        assert (await refused("tel:1", "x")).code == "REJECTED"
        task = asyncio.create_task(refused(sender.uri, "x"))
        sender.answer(await in_thread(sender.request_of, "MESSAGE"), 404)
        assert (await task).sip_code == 404
        assert sender.receive(0.1) is None, "what was refused was not sent"

    sending(system, scenario)


def test_dialling_is_off_and_so_is_this(make_system):
    system = make_system(calls=4)

    async def scenario(server):
        with pytest.raises(tipring.CommandRefused, match="dialling is off"):
            await server.send_message("sip:bob@127.0.0.1", "x")

    sending(system, scenario)


def test_control_dies_while_ours_is_out(system, sender):
    async def scenario(server):
        task = asyncio.create_task(server.send_message(sender.uri, "hello"))
        request = await in_thread(sender.request_of, "MESSAGE")
        old = system.kill("control-0")
        await in_thread(wait_for, lambda: system.workers().get("control-0", old) != old, 10)
        await in_thread(wait_for, system.ready, 10)
        sender.answer(request, 200)
        await task

    sending(system, scenario)


def test_signaling_dies_while_ours_is_out(system, sender):
    """Nobody knows whether it arrived"""

    async def scenario(server):
        task = asyncio.create_task(server.send_message(sender.uri, "hello"))
        await in_thread(sender.request_of, "MESSAGE")
        system.kill("signaling-0")
        with pytest.raises(tipring.CommandRefused, match="replaced") as refused:
            await task
        assert refused.value.sip_code == 0

    sending(system, scenario)
    wait_for(lambda: system.ready(), 10)


@pytest.mark.slow
def test_nobody_answers_ours(system, sender):
    async def scenario(server):
        with pytest.raises(tipring.CommandRefused) as refused:
            await server.send_message(sender.uri, "hello")
        assert refused.value.sip_code == 408

    sending(system, scenario)
