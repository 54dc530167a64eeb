"""Calls in both directions with programs of others, and peers that fork, repeat and ask who we are: sound is judged at both ends."""

import asyncio
import hashlib
import json
import pathlib
import re
import subprocess
import sys
import threading
import time
import types

import numpy as np
import pytest
import sound
import tipring
from system import free_port_range, wait_for

from callee import Callee
from linphone import Linphone
from proxy import Proxy
from registrar import header, parameters
from test_backend import ULAW_SILENCE, Caller, in_thread, with_backend
from test_dial import OPEN, RATE, dialling, is_bound, nothing_is_left
from test_peers import ulaw_file

HERE = pathlib.Path(__file__).resolve().parent


@pytest.fixture(scope="module")
def speech(tmp_path_factory):
    return sound.make_speech(tmp_path_factory.mktemp("speech") / "speech.wav", "One two three four.", 0.4)


@pytest.fixture(scope="module")
def ulaw(speech):
    return ulaw_file(speech, speech.with_suffix(".ulaw")).read_bytes()


def samples(pcm: bytes) -> np.ndarray:
    return np.frombuffer(pcm, dtype="<i2").astype(float)


def judge(said_wav, *heard: np.ndarray) -> None:
    said = sound.read_wav(said_wav)
    shares = [sound.share_heard(said, h) for h in heard]
    assert min(shares) >= 0.7, shares


def talk(peer: Caller, ulaw: bytes) -> np.ndarray:
    """Speak the file, then silence, until half as much again was heard; what was heard."""
    quiet = threading.Event()

    def speak():
        next_time, at = time.monotonic(), 0
        while not quiet.is_set():
            peer.send_audio((ulaw[at:at + 160] + ULAW_SILENCE)[:160])
            at += 160
            next_time += 0.02
            quiet.wait(max(0.0, next_time - time.monotonic()))

    speaker = threading.Thread(target=speak, daemon=True)
    speaker.start()
    packets, end = [], time.monotonic() + 60
    while len(packets) < len(ulaw) // 160 * 3 // 2:
        assert time.monotonic() < end, f"only {len(packets)} packets"
        packets += peer.hear(0.1)
    quiet.set()
    speaker.join()
    audio = [p for p in packets if len(p[3]) == 160]
    heard = np.zeros(max(p[2] - audio[0][2] for p in audio) + 160)
    for _, _, ts, payload in audio:
        if ts >= audio[0][2]:
            heard[ts - audio[0][2]:][:160] = sound.ulaw_decode(payload)
    return heard


async def speak_and_hear(call, speech, over: threading.Event | None = None) -> bytes:
    """Our side of a call: the file, and what comes. Hung up here when `over` is set, else by the peer."""
    heard = bytearray()

    async def hear():
        async for frame in call.audio:
            heard.extend(frame.pcm)

    hearing = asyncio.create_task(hear())
    await call.play(speech)
    if over is not None:
        await in_thread(over.wait, 60)
        await call.hangup()
    await hearing
    await call.ended()
    return bytes(heard)


def call_out(system, uri, speech, over=None):
    async def scenario(server):
        call = await server.dial(uri, rate=RATE)
        await call.answered()
        heard = await speak_and_hear(call, speech, over)
        assert call.outcome == "answered"
        return samples(heard)

    return dialling(system, scenario)


# ---- aiosipua ----


@pytest.mark.parametrize("who", ["we", "peer"])
def test_aiosipua_is_called(make_system, speech, tmp_path, who):
    """`who` hangs up."""
    system = make_system(calls=4, settings=OPEN)
    wav, over = tmp_path / "speech.wav", threading.Event()
    wav.write_bytes(speech.read_bytes())
    with open(tmp_path / "errors", "w") as errors:
        process = subprocess.Popen([sys.executable, "-O", HERE / "aiosipua_callee.py", wav, str(free_port_range(2)),
                                    "wait" if who == "we" else "hangup"], text=True, stdout=subprocess.PIPE, stderr=errors)
    with process:
        try:
            uri = f"sip:bob@127.0.0.1:{json.loads(process.stdout.readline())['port']}"
            threading.Thread(target=lambda: process.stdout.readline() and over.set(), daemon=True).start()
            heard = call_out(system, uri, speech, over if who == "we" else None)
            assert process.wait(60) == 0, (tmp_path / "errors").read_text()[-3000:]
            seen = json.loads(process.stdout.read())
        finally:
            process.kill()
    assert list(dict.fromkeys(seen["methods"])) == ["INVITE", "ACK", "BYE"][:3 if who == "we" else 2]
    judge(speech, heard, sound.read_wav(f"{wav}.heard.wav"))
    nothing_is_left(system)


# ---- a proxy that stays in the path ----


@pytest.fixture
def proxy(tmp_path):
    if not Proxy.is_there():
        pytest.skip("kamailio is not installed; ./tipring leaves it out, because its package starts a service on port 5060")
    made = Proxy(tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize("who", ["we", "peer"])
def test_out_through_a_proxy(make_system, proxy, speech, ulaw, who):
    """ACK and BYE go along the route set."""
    system = make_system(calls=4, settings={**OPEN, "outbound.hosts": ["example.com"], "outbound.next_hop": proxy.address})
    callee, over = Callee(system), threading.Event()
    proxy.ours, proxy.theirs = system.sip_port, callee.port
    proxy.start()
    heard = []

    def answer():
        callee.wait_invite()
        callee.reply(180)
        callee.pick_up()
        heard.append(talk(callee, ulaw))
        if who == "we":
            over.set()
            callee.reply(200, to=callee.next_request("BYE"))
            return
        callee.hang_up(f"Route: {header(callee.invite, 'Record-Route')}\r\n")

    callee.in_background(answer)
    ours = call_out(system, "sip:bob@example.com", speech, over if who == "we" else None)
    callee.joined()
    assert callee.invite.startswith(f"INVITE sip:bob@127.0.0.1:{callee.port} ") and header(callee.invite, "To") == "<sip:bob@example.com>"
    judge(speech, ours, heard[0])
    assert proxy.passed(system.sip_port) == ["ALONG ACK", "ALONG BYE"][:2 if who == "we" else 1]
    assert proxy.passed(callee.port) == ([] if who == "we" else ["ALONG BYE"])
    nothing_is_left(system)


@pytest.mark.parametrize("who", ["we", "peer"])
def test_in_through_a_proxy(make_system, proxy, speech, ulaw, who):
    system = make_system(calls=4)
    peer, over, heard = Caller(system), threading.Event(), []
    peer.target = ("127.0.0.1", proxy.port)
    proxy.ours, proxy.theirs = system.sip_port, peer.port
    proxy.start()

    async def handler(call):
        await call.answer(rate=RATE)
        heard.append(samples(await speak_and_hear(call, speech, over if who == "we" else None)))

    def dial():
        peer.send(peer.request("INVITE", body=peer.sdp()))
        answer = peer.wait(200)
        peer.learn(answer)
        peer.start_media(answer)
        along = f"Route: {header(answer, 'Record-Route')}\r\n"
        peer.send(peer.request("ACK", cseq=peer.cseq, headers=along))
        heard.append(talk(peer, ulaw))
        if who == "we":
            over.set()
            peer.answer(peer.request_of("BYE"), 200)
        else:
            peer.send_until(peer.request("BYE", headers=along), 200)

    async def scenario(server):
        await in_thread(dial)
        await in_thread(wait_for, lambda: len(heard) == 2, 10)

    with_backend(system, handler, scenario)
    judge(speech, *heard)
    assert proxy.passed(system.sip_port) == (["ALONG BYE"] if who == "we" else [])
    nothing_is_left(system)


# ---- linphone ----


@pytest.fixture
def linphone(tmp_path, speech):
    """linphone() -> a phone that waits, made when the system has its ports."""
    if not Linphone.is_there():
        pytest.skip("linphone-cli is not installed; ./tipring leaves it out, because half a desktop comes with it")
    made = []

    def make():
        made.append(Linphone(tmp_path / "linphone", speech))
        wait_for(lambda: is_bound(made[-1].port), 20)
        return made[-1]

    yield make
    for phone in made:
        phone.close()


def test_linphone_is_called(make_system, linphone, speech):
    system = make_system(calls=4, settings=OPEN)
    phone, over = linphone(), threading.Event()
    enough = len(sound.read_wav(speech)) * 5 // 4
    threading.Thread(target=lambda: (wait_for(lambda: phone.heard() >= enough, 20), over.set()), daemon=True).start()
    ours = call_out(system, f"sip:phone@127.0.0.1:{phone.port}", speech, over)
    wait_for(lambda: " ended " in phone.log, 10)
    phone.close()
    judge(speech, ours, sound.read_wav(phone.recording))
    nothing_is_left(system)


def test_linphone_calls(make_system, linphone, speech):
    system = make_system(calls=4)
    phone, heard = linphone(), []
    enough = len(sound.read_wav(speech)) * 5 // 4

    async def handler(call):
        await call.answer(rate=RATE)
        heard.append(samples(await speak_and_hear(call, speech)))

    async def scenario(server):
        phone.dial(f"sip:echo@127.0.0.1:{system.sip_port}")
        await in_thread(wait_for, lambda: phone.heard() >= enough, 20)
        phone.hang_up()
        await in_thread(wait_for, lambda: heard, 10)

    with_backend(system, handler, scenario)
    wait_for(lambda: " ended " in phone.log, 10)
    phone.close()
    judge(speech, heard[0], sound.read_wav(phone.recording))
    nothing_is_left(system)


# ---- IPv6 ----


def test_ipv6_out(make_system, speech, ulaw):
    system = make_system(calls=4, host="::1", settings={**OPEN, "outbound.hosts": ["::1"]})
    callee, over, heard = Callee(system), threading.Event(), []

    def answer():
        callee.wait_invite()
        callee.pick_up()
        heard.append(talk(callee, ulaw))
        over.set()
        callee.reply(200, to=callee.next_request("BYE"))

    callee.in_background(answer)
    ours = call_out(system, callee.uri, speech, over)
    callee.joined()
    assert callee.invite.startswith(f"INVITE sip:bob@[::1]:{callee.port} SIP/2.0\r\nVia: SIP/2.0/UDP [::1]:{system.sip_port};")
    assert header(callee.invite, "Contact").endswith(f"[::1]:{system.sip_port}>") and "\r\nc=IN IP6 ::1\r\n" in callee.invite
    judge(speech, ours, heard[0])
    nothing_is_left(system)


def test_ipv6_in(make_system, speech, ulaw):
    system = make_system(calls=4, host="::1")
    peer, heard = Caller(system), []

    async def handler(call):
        await call.answer(rate=RATE)
        heard.append(samples(await speak_and_hear(call, speech)))

    def dial():
        peer.start_media(peer.call())
        heard.append(talk(peer, ulaw))
        peer.bye()

    async def scenario(server):
        await in_thread(dial)
        await in_thread(wait_for, lambda: len(heard) == 2, 10)

    with_backend(system, handler, scenario)
    judge(speech, *heard)
    nothing_is_left(system)


# ---- forks and repetitions ----


def to_tag(message: str) -> str:
    return re.search(r";tag=([^;]+)", header(message, "To"))[1]


def test_two_phones_pick_up(make_system, speech, ulaw):
    """C227: the second is acknowledged and hung up, where it is; the first is a call like any other"""
    system = make_system(calls=4, settings=OPEN)
    callee, over, heard = Callee(system), threading.Event(), []
    other = Callee(system)  # of the other phone only the socket is used

    def answer():
        callee.wait_invite()
        callee.reply(180)
        callee.pick_up()
        other.invite, other.remote = callee.invite, callee.remote
        other.reply(200, sdp=True, phrase="OK")  # from another port, as by another way through the same proxy
        ack, bye = other.next_request("ACK"), other.next_request("BYE")
        assert to_tag(ack) == to_tag(bye) == other.tag != callee.tag
        assert header(ack, "CSeq") == "1 ACK" and header(bye, "CSeq") == "2 BYE"
        assert ack.startswith(f"ACK sip:bob@127.0.0.1:{other.port} ") and bye.startswith(f"BYE sip:bob@127.0.0.1:{other.port} ")
        other.reply(200, to=bye)
        heard.append(talk(callee, ulaw))
        over.set()
        bye = callee.next_request("BYE")
        assert to_tag(bye) == callee.tag
        callee.reply(200, to=bye)

    callee.in_background(answer)
    ours = call_out(system, callee.uri, speech, over)
    callee.joined()
    judge(speech, ours, heard[0])
    assert callee.seen.count("BYE") == 1
    nothing_is_left(system)


def test_a_fork_rings_and_another_picks_up(make_system):
    """Provisionals of two tags, early dialogs both; the answer is of a third: ACK and BYE are of its dialog."""
    system = make_system(calls=4, settings=OPEN)
    callee = Callee(system)

    def answer():
        callee.wait_invite()
        for callee.tag in ("one", "two"):
            callee.reply(180)
        callee.tag = "three"
        callee.reply(200, sdp=True)
        assert to_tag(callee.next_request("ACK")) == "three"
        bye = callee.next_request("BYE")
        assert to_tag(bye) == "three"
        callee.reply(200, to=bye)

    callee.in_background(answer)

    async def scenario(server):
        call = await server.dial(callee.uri, rate=RATE)
        await call.answered()
        await call.hangup()
        await call.ended()

    dialling(system, scenario)
    callee.joined()
    nothing_is_left(system)


def test_the_answer_is_repeated(make_system):
    """An ACK for each, octet for octet the same; during the call, and also behind its BYE"""
    system = make_system(calls=4, settings=OPEN)
    callee = Callee(system)
    over = threading.Event()

    def answer():
        callee.wait_invite()
        acks = set()
        for _ in range(4):
            callee.reply(200, sdp=True, phrase="OK")
            acks.add(callee.next_request("ACK"))
        assert len(acks) == 1
        over.set()
        bye = callee.next_request("BYE")
        callee.reply(200, sdp=True, phrase="OK")
        acks.add(callee.next_request("ACK"))
        callee.reply(200, to=bye)
        assert len(acks) == 1

    callee.in_background(answer)

    async def scenario(server):
        call = await server.dial(callee.uri, rate=RATE)
        await call.answered()
        await in_thread(over.wait, 60)
        await call.hangup()
        await call.ended()

    dialling(system, scenario)
    callee.joined()
    nothing_is_left(system)


def test_cancel_waits_for_a_provisional(make_system):
    """C210"""
    system = make_system(calls=4, settings=OPEN)
    callee, hung_up = Callee(system), threading.Event()

    def ring():
        callee.wait_invite()
        assert hung_up.wait(60)
        for _ in range(2):
            assert callee.receive(10).startswith("INVITE "), "repeated, and no CANCEL before it is known to have come"
        callee.reply(100)
        cancel = callee.next_request("CANCEL")
        assert header(cancel, "CSeq") == "1 CANCEL" and header(cancel, "Via") == header(callee.invite, "Via")
        assert cancel.split(" ")[1] == callee.invite.split(" ")[1] and header(cancel, "To") == header(callee.invite, "To")
        callee.reply(200, to=cancel)
        callee.reply(487)
        callee.next_request("ACK")

    callee.in_background(ring)

    async def scenario(server):
        call = await server.dial(callee.uri, rate=RATE)
        await in_thread(wait_for, lambda: callee.invite, 10)
        await call.hangup()
        hung_up.set()
        with pytest.raises(tipring.DialFailed, match="cancelled"):
            await call.answered()
        await call.ended()

    try:
        dialling(system, scenario)
    finally:
        hung_up.set()
    callee.joined()
    nothing_is_left(system)


# ---- who are you? ----


NOWHERE = types.SimpleNamespace(host="127.0.0.1", sip_port=9)  # the callee is there before the system is


def next_try(callee, before: list[str]) -> str:
    """An INVITE that is none of these again."""
    while (invite := callee.wait_invite()) in before:
        pass
    return invite


def is_right(message: str, field: str, realm: str, password: str) -> bool:
    given = parameters(header(message, field))
    total = lambda *parts: hashlib.md5(":".join(parts).encode()).hexdigest()  # noqa: E731
    method = message.split(" ")[0]
    return given.get("realm") == realm and given["response"] == total(
        total(given["username"], realm, password), given["nonce"], given["nc"], given["cnonce"], "auth", total(method, given["uri"]))


def test_a_server_and_a_proxy_ask_who_we_are(make_system, monkeypatch):
    """401, then 407: both are answered with the account of the registration there, each ACK is of its own try; BYE is asked too."""
    monkeypatch.setenv("TRUNK_PASSWORD", "c0rrect horse")
    callee = Callee(NOWHERE)
    asks = {code: f'{name}: Digest realm="{realm}", nonce="n{code}", qop="auth"\r\n'
            for code, name, realm in ((401, "WWW-Authenticate", "server"), (407, "Proxy-Authenticate", "proxy"))}
    invites = []

    def serve():
        callee.invite = register = callee.next_request("REGISTER", 20)
        callee.reply(200, to=register, headers="Expires: 3600\r\n")
        for code in (401, 407):
            invites.append(next_try(callee, invites))
            callee.reply(code, headers=asks[code])
            ack = callee.next_request("ACK")
            assert header(ack, "Via") == header(callee.invite, "Via") and to_tag(ack) == callee.tag
        invites.append(next_try(callee, invites))
        callee.reply(180)
        callee.pick_up()
        bye = callee.next_request("BYE")
        assert is_right(bye, "Authorization", "server", "c0rrect horse") and is_right(bye, "Proxy-Authorization", "proxy", "c0rrect horse")
        callee.reply(200, to=bye)

    callee.in_background(serve)
    row = {"name": "trunk", "aor": "sip:trunk@example.com", "registrar": f"127.0.0.1:{callee.port}", "username": "alice",
           "password_env": "TRUNK_PASSWORD"}
    system = make_system(calls=4, settings={**OPEN, "registrations": [row]})
    wait_for(lambda: system.metric("tipring_signaling_registrations_up") == 1, 10)

    async def scenario(server):
        call = await server.dial(callee.uri, rate=RATE)
        await call.answered()
        await call.hangup()
        await call.ended()
        return call.outcome

    assert dialling(system, scenario) == "answered"
    callee.joined()
    assert [header(m, "CSeq") for m in invites] == ["1 INVITE", "2 INVITE", "3 INVITE"]
    assert len({header(m, "Call-ID") for m in invites}) == 1 and len({header(m, "Via") for m in invites}) == 3
    assert [bool(header(m, "Authorization")) for m in invites] == [False, True, True]
    assert [bool(header(m, "Proxy-Authorization")) for m in invites] == [False, False, True]
    assert all(is_right(m, "Authorization", "server", "c0rrect horse") for m in invites[1:])
    assert is_right(invites[2], "Proxy-Authorization", "proxy", "c0rrect horse")
    assert "c0rrect horse" not in system.log
    nothing_is_left(system)


def test_a_wrong_password_ends_it(make_system, monkeypatch):
    """Asked by the same realm again: no third try"""
    monkeypatch.setenv("TRUNK_PASSWORD", "wrong")
    callee, tries = Callee(NOWHERE), []

    def serve():
        callee.invite = register = callee.next_request("REGISTER", 20)
        callee.reply(200, to=register, headers="Expires: 3600\r\n")
        for nonce in "ab":
            tries.append(next_try(callee, tries))
            callee.reply(401, headers=f'WWW-Authenticate: Digest realm="server", nonce="{nonce}", qop="auth"\r\n')
            callee.next_request("ACK")

    callee.in_background(serve)
    row = {"name": "trunk", "aor": "sip:trunk@example.com", "registrar": f"127.0.0.1:{callee.port}", "username": "alice",
           "password_env": "TRUNK_PASSWORD"}
    system = make_system(calls=4, settings={**OPEN, "registrations": [row]})
    wait_for(lambda: system.metric("tipring_signaling_registrations_up") == 1, 10)

    async def scenario(server):
        call = await server.dial(callee.uri, rate=RATE)
        with pytest.raises(tipring.DialFailed) as failed:
            await call.answered()
        await call.ended()
        return failed.value

    failed = dialling(system, scenario)
    callee.joined()
    assert failed.code == 401 and len(callee.calls) == 2
    nothing_is_left(system)
