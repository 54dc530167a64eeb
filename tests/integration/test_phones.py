"""Phones that others wrote, in the middle of a call: they hold and are held, say who they are, transfer
and are transferred. What they and we say is judged at the ends, also behind a transfer."""

import asyncio
import socket

import numpy as np
import pytest

import sound
from linphone import Linphone
from phone import Phone
from system import free_udp_port, wait_for
from test_backend import in_thread, with_backend
from test_dial import OPEN, RATE, is_bound, nothing_is_left
from test_dial_peers import samples
from test_proxied_calls import Ear, proxy  # noqa: F401

needs_linphone = pytest.mark.skipif(not Linphone.is_there(), reason="linphone-cli is not installed; half a desktop comes with it")


@pytest.fixture(scope="module")
def speech(tmp_path_factory):
    return sound.make_speech(tmp_path_factory.mktemp("speech") / "speech.wav", "One two three four five six seven.", 0.3)


@pytest.fixture(scope="module")
def speeches(tmp_path_factory):
    """The same words for long."""
    return sound.make_speech(tmp_path_factory.mktemp("speech") / "speech.wav", " ".join(["One two three four five six seven eight nine ten."] * 8), 0.4)


@pytest.fixture
def phones(tmp_path, speech, speeches):
    """phones.linphone(), phones.baresip(): they wait for calls, and are gone at the end."""

    class Phones:
        made = []

        def linphone(self, wav=speech, extra=""):
            self.made.append(Linphone(tmp_path / f"phone{len(self.made)}", wav, extra))
            wait_for(lambda: is_bound(self.made[-1].port), 4)
            return self.made[-1]

        def baresip(self, uri=None):
            port = free_udp_port()
            self.made.append(Phone(tmp_path / f"phone{len(self.made)}", uri, speeches, port=port, keypad=free_udp_port(kind=socket.SOCK_STREAM)))
            self.made[-1].port = port
            wait_for(lambda: is_bound(port), 4)
            return self.made[-1]

    yield Phones()
    for phone in Phones.made:
        phone.close()


async def told(call, *kinds):
    async with asyncio.timeout(20):
        async for event in call.events():
            if event.kind in kinds:
                return event


def recorded(phone) -> list[np.ndarray]:
    """What it heard until now; while that goes on, no header says how much it is."""
    files = [phone.recording] if isinstance(phone, Linphone) else phone.directory.glob("dump-*-dec.wav")
    return [np.frombuffer(f.read_bytes()[44:][:-1 if f.stat().st_size % 2 else None], dtype="<i2").astype(float) for f in files if f.exists()]


def is_in(said, heard: np.ndarray) -> bool:
    """Its first seconds, but for what is lost while the far end opens its ears, and some piece for a pause of this machine."""
    return len(heard) > RATE and sound.share_heard(sound.read_wav(said)[RATE // 2:4 * RATE], heard) >= 0.6


async def reaches_us(ear, said):
    """The beginning of what is said there is heard here."""
    await in_thread(wait_for, lambda: is_in(said, samples(bytes(ear.pcm))), 5, 0.2)


async def reaches(phone, said):
    """The beginning of what is said is heard by the phone."""
    await in_thread(wait_for, lambda: any(is_in(said, heard) for heard in recorded(phone)), 5, 0.2)


def run(system, scenario, handle=None):
    with_backend(system, handle or unused, scenario)
    nothing_is_left(system)


async def unused(call):
    await call.reject()


async def dialled(server, phone):
    call = await server.dial(f"sip:phone@127.0.0.1:{phone.port}", rate=RATE)
    await call.answered()
    return call


@needs_linphone
def test_linphone_holds_and_is_held(make_system, phones, speech):
    """C184 C214"""
    system = make_system(calls=4, settings=OPEN)
    phone = phones.linphone()

    async def scenario(server):
        call = await dialled(server, phone)
        ear = Ear(call)
        await reaches_us(ear, speech)
        phone.say("pause")
        assert (await told(call, "held")).by == "peer"
        await in_thread(wait_for, lambda: "is now paused" in phone.log, 10)
        phone.say("resume")
        assert (await told(call, "resumed")).by == "peer"
        await call.hold()
        assert call.held == "us"
        await call.unhold()
        assert call.held == ""
        await call.play(speech)
        await reaches(phone, speech)
        await call.hangup()
        await ear.task

    run(system, scenario)


@needs_linphone
def test_linphone_is_asked_who_it_is(make_system, phones, speech, monkeypatch):
    """Digest, and what is reliable is acknowledged: the call would not be answered else"""
    monkeypatch.setenv("ALICE", "c0rrect horse")
    system = make_system(calls=4, settings={"sip.auth": {"realm": "tipring", "users": [{"username": "phone", "password_env": "ALICE"}]}, "sip.min_se_s": 2})
    phone = phones.linphone(extra="100rel_support_level=1\n[auth_info_0]\nusername=phone\npasswd=c0rrect horse\nrealm=tipring\n")
    calls = []

    async def handle(call):
        calls.append(call)
        await call.ring(early_media=True, rate=RATE)
        await call.answer(rate=RATE)
        await call.ended()

    async def scenario(server):
        phone.dial(f"sip:echo@127.0.0.1:{system.sip_port}")
        await in_thread(wait_for, lambda: "connected" in phone.log, 4)
        await calls[0].play(speech)
        await reaches(phone, speech)
        phone.hang_up()
        await calls[0].ended()

    run(system, scenario, handle)


@needs_linphone
@pytest.mark.parametrize("who", ["linphone", "baresip"])
def test_they_are_transferred(make_system, phones, speech, speeches, who):
    """C258: to each other, and there they talk"""
    system = make_system(calls=4, settings=OPEN)
    linphone, baresip = phones.linphone(speeches), phones.baresip()

    async def scenario(server):
        first, second = (linphone, baresip) if who == "linphone" else (baresip, linphone)
        call = await dialled(server, first)
        await asyncio.wait_for(call.transfer(f"sip:phone@127.0.0.1:{second.port}"), 4)
        await call.hangup()
        await reaches(linphone, speeches)
        await reaches(baresip, speeches)

    run(system, scenario)


@needs_linphone
def test_linphone_transfers_us(make_system, phones, speech, speeches):
    """C259: to a phone whose speech we hear then"""
    system = make_system(calls=4, settings=OPEN)
    linphone, other = phones.linphone(speeches), phones.linphone()

    async def scenario(server):
        call = await dialled(server, linphone)
        linphone.say(f"transfer sip:phone@127.0.0.1:{other.port}")
        referred = await told(call, "referred")
        made = await referred.referral.accept(rate=RATE)
        await made.answered()
        ear = Ear(made)
        await made.play(speech)
        await reaches(other, speech)
        await reaches_us(ear, speech)
        await call.hangup()
        await made.hangup()
        await ear.task

    run(system, scenario)


@needs_linphone
def test_linphone_transfers_us_to_its_other_call(make_system, phones, proxy, speech, speeches):  # noqa: F811
    """C259: attended, with a proxy that knows where the other one is; the call it has is replaced by ours"""
    system = make_system(calls=4, settings={"outbound.hosts": ["127.0.0.1", "example.com"], "outbound.next_hop": proxy.address})
    account = f"[proxy_0]\nreg_proxy=<sip:{proxy.address}>\nreg_route=<sip:{proxy.address};lr>\nreg_identity=sip:phone@example.com\nreg_sendregister=0\n"
    linphone, other = phones.linphone(speeches, "default_proxy=0\n" + account), phones.linphone()
    proxy.ours, proxy.theirs = system.sip_port, other.port
    proxy.start()

    async def scenario(server):
        call = await dialled(server, linphone)
        linphone.say("pause")
        await in_thread(wait_for, lambda: "is now paused" in linphone.log, 10)
        linphone.dial("sip:bob@example.com")
        await in_thread(wait_for, lambda: linphone.log.count("Media streams established") >= 2, 5)
        linphone.say("transfer 1 --to-call 2")
        referral = (await told(call, "referred")).referral
        assert referral.replaces
        made = await referral.accept(rate=RATE)
        await made.answered()
        ear = Ear(made)
        await made.play(speech)
        await reaches(other, speech)
        await call.hangup()
        await made.hangup()
        await ear.task

    run(system, scenario)


@needs_linphone
def test_we_transfer_one_call_to_the_other(make_system, phones, speech, speeches):
    """C258: attended; two phones talk then"""
    system = make_system(calls=4, settings=OPEN)
    linphone, other = phones.linphone(speeches), phones.linphone(speeches)

    async def scenario(server):
        call, second = await dialled(server, linphone), await dialled(server, other)
        await asyncio.wait_for(call.transfer(second), 4)
        await asyncio.wait_for(second.ended(), 10)
        await call.hangup()
        await reaches(linphone, speeches)
        await reaches(other, speeches)

    run(system, scenario)
