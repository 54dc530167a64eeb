"""Calls from programs that others wrote: baresip, sipp, aiosipua."""

import json
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import pytest

import sound
from conftest import BIN
from phone import Phone
from sip_peer import Peer
from system import free_port_range, free_udp_port, wait_for
from test_backend import is_serving

HERE = pathlib.Path(__file__).resolve().parent


@pytest.fixture(scope="module")
def speech(tmp_path_factory):
    return sound.make_speech(tmp_path_factory.mktemp("speech") / "speech.wav", "One two three four five six seven.", 0.4)


def test_baresip_hears_its_own_speech(make_system, backends, speech, tmp_path, engine):
    system = make_system(calls=4, settings={"io_backend": engine})
    backends.start(system)
    for attempt in range(3):  # when the machine pauses, the phone's own buffers slip and its recording has a seam
        phone = Phone(tmp_path / f"phone{attempt}", f"sip:echo@127.0.0.1:{system.sip_port}", speech)
        try:
            wait_for(phone.over, 30, 0.1)
        finally:
            phone.close()
        heard = phone.recording()
        share = sound.share_heard(sound.read_wav(speech), sound.read_wav(heard)) if heard else 0
        if share >= 0.7:
            break
    assert share >= 0.7, phone.log[-2000:]


def test_aiosipua_speaks_hears_and_presses_keys(make_system, backends, speech, tmp_path):
    import asyncio

    import tipring

    system = make_system(calls=4)
    digits = []
    wav = tmp_path / "speech.wav"
    shutil.copy(speech, wav)

    async def main():
        async with tipring.connect(str(system.run_dir)) as server:
            @server.app("echo")
            async def handle(call):
                assert call.room_id == "aiosipua"
                await call.answer(rate=16000)

                async def keys():
                    async for digit in call.digits():
                        digits.append(digit.digit)

                task = asyncio.create_task(keys())
                async for frame in call.audio:
                    await call.write(frame.pcm)
                await task

            running = asyncio.create_task(server.run())
            await is_serving(server)
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-O", HERE / "aiosipua_call.py", str(system.sip_port), str(free_port_range(2)), wav, "15#",
                stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
            out, err = await asyncio.wait_for(process.communicate(), 120)
            async with asyncio.timeout(20):
                while server.calls:
                    await asyncio.sleep(0.02)
            server.stop()
            await running
            assert process.returncode == 0, err.decode()[-3000:]
            return json.loads(out.splitlines()[-1])

    for _ in range(3):  # when the machine pauses, the recording has a seam
        digits.clear()
        result = asyncio.run(main())
        assert digits == ["1", "5", "#"]
        assert result["heard_samples"] > 8000
        share = sound.share_heard(sound.read_wav(wav), sound.read_wav(f"{wav}.heard.wav"))
        if share >= 0.7:
            break
    assert share >= 0.7


def ulaw_file(speech, path):
    subprocess.run(["sox", speech, "-t", "raw", "-e", "mu-law", "-b", "8", path], check=True)
    return path


def run_sipp(system, speech, tmp_path, calls, seconds):
    ulaw = ulaw_file(speech, tmp_path / "speech.ulaw")
    scenario = tmp_path / "calls.xml"
    scenario.write_text((HERE / "speech_calls.xml").read_text().replace("SPEECH", str(ulaw)))
    return subprocess.run(
        ["sipp", f"127.0.0.1:{system.sip_port}", "-sf", scenario, "-i", "127.0.0.1", "-p", str(free_udp_port()), "-mi", "127.0.0.1",
         "-mp", str(free_port_range(4)), "-m", str(calls), "-l", str(calls), "-r", "40", "-d", str(seconds * 1000),
         "-trace_stat", "-fd", "1", "-stf", tmp_path / "stat.csv", "-trace_err", "-error_file", tmp_path / "errors.log",
         "-nostdin", "-timeout", str(seconds + 60)],
        capture_output=True, text=True, timeout=seconds + 90, cwd=tmp_path)


def sipp_total(tmp_path, column):
    rows = [line.split(";") for line in (tmp_path / "stat.csv").read_text().splitlines() if line]
    return int(rows[-1][rows[0].index(column)])


def test_a_few_sipp_calls(make_system, backends, speech, tmp_path):
    system = make_system(calls=20)
    echo = backends.start(system)
    done = run_sipp(system, speech, tmp_path, 10, 3)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-1000:] + system.log[-3000:]
    echo.send_signal(signal.SIGTERM)
    figures = json.loads(echo.communicate(timeout=60)[0].splitlines()[-1])
    assert figures["answered"] == 10 and figures["lost"] == 0 and figures["frames"] > 10 * 3 * 40


@pytest.fixture
def bare():
    """Counts its own late ticks, from before the first tick of a system to after its last."""
    process = subprocess.Popen([BIN / "tickloop"], stdout=subprocess.PIPE, text=True)
    yield process
    process.kill()
    process.wait()


@pytest.mark.slow
@pytest.mark.alone
def test_200_sipp_calls_with_speech_for_a_minute(bare, make_system, backends, speech, tmp_path, record_property):
    """0 failed calls, 0 frames lost, late ticks about as many as a bare 1 ms loop beside it sees"""
    system = make_system(calls=250)
    echo = backends.start(system)
    try:
        done = run_sipp(system, speech, tmp_path, 200, 60)
    finally:
        late = system.metric("tipring_media_ticks_late_20_total")
        bare.terminate()
        loop = json.loads(bare.communicate(timeout=60)[0])
    received = system.metric("tipring_media_rtp_received_total")
    concealed = system.metric("tipring_media_frames_concealed_total")
    echo.send_signal(signal.SIGTERM)
    figures = json.loads(echo.communicate(timeout=60)[0].splitlines()[-1])
    print(json.dumps({"late_20": late, "bare": loop, "received": received, "concealed": concealed, **figures}))
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-1000:] + system.log[-3000:]
    assert sipp_total(tmp_path, "FailedCall(C)") == 0
    assert sipp_total(tmp_path, "SuccessfulCall(C)") == 200
    assert figures["answered"] == 200 and figures["lost"] == 0
    assert figures["frames"] >= received - 200 * 3, "what arrived was heard (the first packets come before the tape is there)"
    assert figures["frames"] > 200 * 58 * 40
    assert late <= loop["late_20"] + 30, "1 % of the ticks of a minute, for pauses that the bare loop was spared"


def test_the_first_call_of_an_idle_worker_is_not_late(bare, make_system, backends):
    """Ticks that passed while nobody was there are nobody's"""
    system = make_system(calls=4)
    backends.start(system)
    for _ in range(8):
        time.sleep(0.25)
        peer = Peer(system)
        peer.call()
        peer.bye()
        wait_for(lambda: system.metric("tipring_calls") == 0, 3)
    late = system.metric("tipring_media_ticks_late_20_total")
    bare.terminate()
    assert late <= json.loads(bare.communicate(timeout=60)[0])["late_20"] + 20, "8 times 12 would be those that passed before"
