"""Codecs beyond G.711 with a phone that others wrote: speech there and back, by the codec the configuration, the number or the backend wants;
also behind deaths of media with calls of all kinds at once."""

import asyncio
import subprocess
import wave

import numpy as np
import pytest

import sound
from conftest import SANITIZED
from phone import Phone
from system import wait_for
from test_backend import in_thread, with_backend

ALL = ["opus", "G722", "L16/16000", "L16/48000", "L16", "PCMA", "PCMU"]
# what the phone calls it; the codec as backends hear of it; rate of the tape
CALLS = [("opus/48000/2", "OPUS", 48000), ("opus/48000/2", "OPUS", 16000), ("opus/48000/2", "OPUS", 8000), ("G722/16000/1", "G722", 16000),
         ("G722/16000/1", "G722", 24000), ("L16/16000/1", "L16_16K", 16000), ("L16/8000/1", "L16", 8000), ("L16/48000/1", "L16_48K", 48000),
         ("PCMA/8000/1", "PCMA", 48000)]
MODULES = "module g722.so\nmodule opus.so\nmodule l16.so\n"


@pytest.fixture(scope="module")
def speech(tmp_path_factory):
    return sound.make_speech(tmp_path_factory.mktemp("speech") / "speech.wav")


class CodecPhone(Phone):
    """Speaks one codec alone."""

    def __init__(self, directory, uri, wav, codec, **options):
        super().__init__(directory, uri, wav, account=f";audio_codecs={codec}", modules=MODULES, **options)


def sharp(wav, directory):
    """At 48 kHz: from 8 kHz this phone makes no packets of L16 at 48 kHz."""
    made = directory / "sharp.wav"
    subprocess.run(["sox", wav, "-r", "48000", made], check=True)
    return made


def level(frame: np.ndarray) -> float:
    return float(np.sqrt(np.mean(frame ** 2)))


def likeness(said: np.ndarray, heard: np.ndarray) -> float:
    """Of the loudness of speech, frame by frame: codecs keep that, and not every sample of it."""
    def shape(x):
        return np.array([level(x[i:i + 160]) for i in range(0, len(x) - 160, 160)])
    a, b = shape(said), shape(heard)
    places = [b[at:at + len(a)] for at in range(len(b) - len(a))]
    return max((float(np.corrcoef(a, place)[0, 1]) for place in places if place.std() > 0), default=0.0)


def at_8k(pcm: np.ndarray, rate: int) -> np.ndarray:
    step = rate // sound.RATE
    return pcm[:len(pcm) // step * step].reshape(-1, step).mean(axis=1) if step > 1 else pcm


async def call_by(phone):
    """Until its file is over, or the test."""
    try:
        await in_thread(wait_for, phone.over, 40)
    finally:
        phone.close()
    return phone


def heard_by(phone) -> np.ndarray:
    with wave.open(str(phone.recording())) as f:
        rate = f.getframerate() * f.getnchannels()
    return at_8k(sound.read_wav(phone.recording()), rate)


def judge(said: np.ndarray, heard: np.ndarray, log: str) -> None:
    """Second by second: a pause costs one of them, and moves the rest. Sanitizers make pauses themselves: there it is enough that it is loud."""
    pieces = [round(likeness(said[at:at + sound.RATE], heard), 2) for at in range(sound.RATE, 5 * sound.RATE, sound.RATE)]
    assert SANITIZED or sum(piece > 0.9 for piece in pieces) >= 3, f"{pieces}\n{log}"
    assert 0.5 < level(heard) / level(said) < 2, log


@pytest.mark.parametrize("named, codec, rate", CALLS)
def test_speech_there_and_back(make_system, tmp_path, speech, named, codec, rate):
    system = make_system(settings={"rtp.codecs": ALL})
    told, there = [], bytearray()

    async def echo(call):
        await call.answer(rate=rate)
        told.append(call.codec)
        async for frame in call.audio:
            there.extend(frame.pcm)
            await call.write(frame.pcm)

    is_sharp = codec == "L16_48K"
    wav = sharp(speech, tmp_path) if is_sharp else speech
    said = sound.read_wav(speech)
    for attempt in range(3):  # a machine that pauses spoils what both hear
        told.clear()
        there.clear()
        phone = with_backend(system, echo, lambda server: call_by(
            CodecPhone(tmp_path / f"phone{attempt}", f"sip:1@127.0.0.1:{system.sip_port}", wav, named, rate=48000 if is_sharp else 8000)))
        assert told == [codec], phone.log
        try:
            judge(said, at_8k(np.frombuffer(bytes(there), dtype="<i2").astype(float), rate), phone.log)
            judge(said, heard_by(phone), phone.log)
            return
        except AssertionError:
            if attempt == 2:
                raise


def test_the_codecs_of_a_number(make_system, tmp_path, speech):
    """An offer of all has the first of the phone's that its number may have; what nobody allows is refused."""
    system = make_system(settings={"routes": [{"number": "7*", "app": "echo", "codecs": ["G722"]}, {"number": "*", "app": "echo"}]})
    told = []

    async def handle(call):
        told.append(call.codec)
        await call.answer()
        await call.hangup()

    async def scenario(server):
        logs = []
        for number, codecs in (("71", "opus/48000/2,PCMA/8000/1,G722/16000/1"), ("1", "opus/48000/2,G722/16000/1,PCMA/8000/1"), ("1", "opus/48000/2")):
            phone = CodecPhone(tmp_path / f"phone{len(logs)}", f"sip:{number}@127.0.0.1:{system.sip_port}", speech, codecs)
            try:
                await in_thread(wait_for, lambda: phone.over() or "session closed" in phone.log, 20)
            finally:
                phone.close()
            logs.append(phone.log)
        return logs

    logs = with_backend(system, handle, scenario)
    assert told == ["G722", "PCMA"]
    assert "488 Not Acceptable Here" in logs[2], logs[2]


def test_another_codec_in_mid_call(make_system, tmp_path, speech):
    """By a re-INVITE of ours; no sample is missing or there twice, and both hear on. This phone begins its file again each time, at the speed
    of its first codec, so that what is said is not judged."""
    system = make_system(settings={"rtp.codecs": ALL})
    told, places, there = [], [], bytearray()

    async def change(call):
        for codec in ("G722", "PCMA", "OPUS"):
            await asyncio.sleep(1)
            await call.renegotiate([codec])
            told.append(call.codec)

    async def echo(call):
        await call.answer(rate=16000)
        changes = asyncio.create_task(change(call))
        async for frame in call.audio:
            places.append((frame.pos, len(frame.pcm) // 2))
            there.extend(frame.pcm)
            await call.write(frame.pcm)
        await changes

    phone = with_backend(system, echo, lambda server: call_by(
        CodecPhone(tmp_path / "phone", f"sip:1@127.0.0.1:{system.sip_port}", speech, "opus/48000/2,G722/16000/1,PCMA/8000/1")))
    assert told == ["G722", "PCMA", "OPUS"], phone.log
    assert all(pos + n == after for (pos, n), (after, _) in zip(places, places[1:]))
    came = np.frombuffer(bytes(there), dtype="<i2").astype(float)
    assert all(level(came[at:at + 32000]) > 100 for at in range(0, len(came) - 32000, 32000)), phone.log
    assert level(heard_by(phone)[-2 * sound.RATE:]) > 100, phone.log


@pytest.mark.alone  # four phones at once, second by second
def test_calls_of_all_codecs_outlive_media(make_system, tmp_path, speech):
    system = make_system(settings={"rtp.codecs": ALL})
    heard = {}

    async def echo(call):
        await call.answer(rate=16000)
        mine = heard.setdefault(call.codec, bytearray())
        async for frame in call.audio:
            mine.extend(frame.pcm)
            await call.write(frame.pcm)

    async def scenario(server):
        phones = [CodecPhone(tmp_path / named.replace("/", "-"), f"sip:1@127.0.0.1:{system.sip_port}", speech, named)
                  for named in ("opus/48000/2", "G722/16000/1", "L16/16000/1", "PCMA/8000/1")]
        try:
            await in_thread(wait_for, lambda: len(heard) == 4 and all(len(pcm) > 64000 for pcm in heard.values()), 20)
            system.kill("media-0")
            await asyncio.gather(*[in_thread(wait_for, phone.over, 40) for phone in phones])
        finally:
            for phone in phones:
                phone.close()
        return phones

    phones = with_backend(system, echo, scenario)
    said = sound.read_wav(speech)
    for phone in phones:
        assert "end of file" in phone.log, phone.log
        judge(said, heard_by(phone), phone.log)
    for codec, pcm in heard.items():
        judge(said, at_8k(np.frombuffer(bytes(pcm), dtype="<i2").astype(float), 16000), codec)
    assert system.metric("tipring_media_sessions_dropped_total") == 0


def test_no_room_for_one_more(make_system, tmp_path, speech):
    """rtp.wide_calls: one call with opus; the second has a 503, one with G.711 is served."""
    system = make_system(settings={"rtp.codecs": ALL, "rtp.wide_calls": 1})
    served = []

    async def handle(call):
        await call.answer()
        served.append(call.codec)
        await call.ended()

    async def scenario(server):
        phones = []
        try:
            for i, named in enumerate(("opus/48000/2", "G722/16000/1", "PCMU/8000/1")):
                phones.append(CodecPhone(tmp_path / f"phone{i}", f"sip:1@127.0.0.1:{system.sip_port}", speech, named))
                await in_thread(wait_for, lambda: len(served) == (1, 1, 2)[i] and (i != 1 or phones[1].over()), 20)
        finally:
            for phone in phones:
                phone.close()
        return phones

    phones = with_backend(system, handle, scenario)
    assert served == ["OPUS", "PCMU"]
    assert "503 Service Unavailable" in phones[1].log, phones[1].log
