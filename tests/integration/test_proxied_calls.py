"""What happens in the middle of a call that Kamailio stays in the path of: all of it goes along the route set, and the audio goes on."""

import asyncio
import time

import pytest
import sound

from proxy import Proxy
from registrar import header
from routed import RoutedPhone
from test_backend import in_thread, with_backend
from test_dial import OPEN, RATE, nothing_is_left
from test_dial_peers import judge, samples, talk
from test_peers import ulaw_file


@pytest.fixture(scope="module")
def speech(tmp_path_factory):
    return sound.make_speech(tmp_path_factory.mktemp("speech") / "speech.wav", "One two three.", 0.2)


@pytest.fixture(scope="module")
def ulaw(speech):
    return ulaw_file(speech, speech.with_suffix(".ulaw")).read_bytes()


@pytest.fixture
def proxy(tmp_path):
    if not Proxy.is_there():
        pytest.skip("kamailio is not installed; ./tipring leaves it out, because its package starts a service on port 5060")
    made = Proxy(tmp_path)
    yield made
    made.close()


class Ear:
    """What our side of a call hears."""

    def __init__(self, call):
        self.call, self.pcm, self.since = call, bytearray(), time.monotonic()
        self.task = asyncio.create_task(self.listen())

    async def listen(self):
        async for frame in self.call.audio:
            self.pcm.extend(frame.pcm)

    async def converse(self, phone, said, octets):
        """Both speak, and both hear the other."""
        while len(await in_thread(phone.hear, 0.1)) > 8:
            pass  # what waited since the last time
        phone.ts += int((time.monotonic() - self.since) * 50) * 160  # its clock went on
        start = len(self.pcm)
        talking = asyncio.create_task(in_thread(talk, phone, octets))
        await self.call.play(said)
        heard = await talking
        self.since = time.monotonic()
        judge(said, samples(bytes(self.pcm[start:])), heard)


def through(make_system, proxy, role, body, settings=None, **options):
    """`body(call, ear, phone)` in a call to us ("called") or of ours ("dialled"); what the proxy saw of us inside of it."""
    system = make_system(calls=4, settings={**OPEN, "outbound.hosts": ["example.com"], "outbound.next_hop": proxy.address, **(settings or {})})
    phone = RoutedPhone(system, proxy.port, **options)
    proxy.ours, proxy.theirs = system.sip_port, phone.port
    proxy.start()
    came: asyncio.Queue = asyncio.Queue()

    async def handle(call):
        await call.answer(rate=RATE)
        came.put_nowait(call)
        await call.ended()

    async def scenario(server):
        if role == "called":
            dialling = asyncio.create_task(in_thread(phone.dial, f"sip:echo@{proxy.address}"))
            call = await asyncio.wait_for(came.get(), 20)
            await dialling
        else:
            call = await server.dial("sip:bob@example.com", rate=RATE)
            await call.answered()
        await in_thread(phone.up.wait, 20)
        ear = Ear(call)
        await body(call, ear, phone)
        await call.hangup()
        await ear.task
        bye = await in_thread(phone.wait_for, "BYE")
        assert header(bye, "Call-ID") == phone.dialog[2]
        await call.ended()

    try:
        with_backend(system, handle, scenario)
        nothing_is_left(system)
        return proxy.passed(system.sip_port)
    finally:
        phone.close()


BOTH = pytest.mark.parametrize("role", ["called", "dialled"])


@BOTH
def test_all_of_it(make_system, proxy, speech, ulaw, role):
    """C214 C258 C243: held, resumed, an INFO, a refresh, transferred, hung up"""
    codes = []

    async def body(call, ear, phone):
        await ear.converse(phone, speech, ulaw)
        first = len(phone.of("INVITE"))
        await call.hold()
        assert call.held == "us" and "a=sendonly\r\n" in phone.wait_for("INVITE", first + 1)
        await call.unhold()
        assert call.held == "" and "a=sendrecv\r\n" in phone.wait_for("INVITE", first + 2)
        await call.send_info("text/plain", "hello")
        info = phone.wait_for("INFO")
        assert info.endswith("\r\n\r\nhello") and "Route" not in info, "the proxy took its own away"
        refresh = await in_thread(phone.wait_for, "UPDATE")
        assert header(refresh, "Session-Expires").startswith("6") and header(refresh, "Content-Length") == "0"
        await ear.converse(phone, speech, ulaw)

        async def note():
            async for event in call.events():
                if event.kind == "transfer":
                    codes.append(event.code)

        noting = asyncio.create_task(note())
        transferring = asyncio.create_task(call.transfer("sip:carol@192.0.2.7"))
        refer = await in_thread(phone.wait_for, "REFER")
        assert header(refer, "Refer-To") == "<sip:carol@192.0.2.7>" and header(refer, "Contact")
        for status, state in (("100 Trying", "active;expires=60"), ("180 Ringing", "active;expires=60"), ("200 OK", "terminated;reason=noresource")):
            await in_thread(phone.notify, status, state)
        await asyncio.wait_for(transferring, 20)
        noting.cancel()

    seen = through(make_system, proxy, role, body, {"sip.min_se_s": 2, "sip.session_expires_s": 6}, refresher=6,
                   allow="INVITE, ACK, CANCEL, BYE, UPDATE, INFO, REFER, NOTIFY")
    assert codes == [100, 180, 200]
    assert set(seen) == {f"ALONG {m}" for m in ("INVITE", "ACK", "INFO", "UPDATE", "REFER", "BYE")}


@BOTH
def test_the_other_side_asks(make_system, proxy, speech, ulaw, role):
    """C184 C260: a phone behind the proxy holds, resumes, says something and is refused a transfer"""
    told, codes = [], []

    async def body(call, ear, phone):
        async def note():
            async for event in call.events():
                told.append(event.kind)
                if event.kind == "referred":
                    await event.referral.reject(480)

        noting = asyncio.create_task(note())
        for direction, ours in (("sendonly", "recvonly"), ("sendrecv", "sendrecv")):
            phone.version += 1
            offer = phone.sdp(extra=f"a={direction}\r\n").replace("o=peer 1 1 ", f"o=peer 1 {phone.version + 1} ")
            answer = await in_thread(phone.say, "INVITE", "", offer)
            assert ours == "sendrecv" or f"a={ours}\r\n" in answer
            await in_thread(phone.say, "ACK")
        await in_thread(phone.say, "INFO", "Content-Type: text/plain\r\n", "hello")
        await in_thread(phone.say, "REFER", "Refer-To: <sip:carol@192.0.2.7>\r\n", "", 202)
        while not codes or codes[-1] < 200:
            notify = await in_thread(phone.wait_for, "NOTIFY", len(codes) + 1)
            codes.append(int(notify.split("\r\n\r\n", 1)[1][8:11]))
        await ear.converse(phone, speech, ulaw)
        noting.cancel()

    seen = through(make_system, proxy, role, body, allow="INVITE, ACK, CANCEL, BYE, UPDATE, INFO, REFER, NOTIFY")
    assert codes == [100, 480]
    assert [t for t in told if t in ("held", "resumed", "info", "referred")] == ["held", "resumed", "info", "referred"]
    assert set(seen) == {"ALONG NOTIFY", "ALONG BYE"} | ({"ALONG ACK"} if role == "dialled" else set())


class AskingProxy(Proxy):
    """It wants to know who calls."""

    algorithm = "MD5"

    def script(self) -> str:
        made = super().script().replace("request_route {", f"""
loadmodule "auth.so"
modparam("auth", "algorithm", "{self.algorithm}")
modparam("auth", "qop", "auth")
request_route {{""").replace("\tt_check_trans();\n", """
	if (is_method("INVITE") && $rU != "echo") {
		if (!pv_proxy_authenticate("example.com", "c0rrect horse", "0")) {
			xlog("L_ALERT", "ALONG ASKED from $sp of $ci\\n");
			proxy_challenge("example.com", "1");
			exit;
		}
		consume_credentials();
	}
	t_check_trans();
""")
        assert "consume_credentials" in made and 'loadmodule "auth.so"' in made
        return made


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_the_proxy_asks_who_we_are(make_system, tmp_path, monkeypatch, algorithm):
    """407, answered with the account of the trunk; the phone behind it does not see the credentials"""
    if not Proxy.is_there():
        pytest.skip("kamailio is not installed; ./tipring leaves it out, because its package starts a service on port 5060")
    monkeypatch.setenv("TRUNK_PASSWORD", "c0rrect horse")
    proxy = AskingProxy(tmp_path)
    proxy.algorithm = algorithm

    async def body(call, ear, phone):
        assert "Proxy-Authorization" not in phone.invite and header(phone.invite, "CSeq") == "2 INVITE"
        await call.hold()

    try:
        seen = through(make_system, proxy, "dialled", body, {"outbound.username": "trunk", "outbound.password_env": "TRUNK_PASSWORD"})
    finally:
        proxy.close()
    assert set(seen) == {f"ALONG {m}" for m in ("ASKED", "ACK", "INVITE", "BYE")}
