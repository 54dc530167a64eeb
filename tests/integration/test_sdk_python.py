"""The Python package on real calls: what is said is heard, what is pressed is seen, and a backend ends as it should."""

import asyncio
import re
import signal
import struct
import subprocess
import sys
import time

import pytest
import tipring

from system import HERE, wait_for
from test_backend import Caller, in_thread, is_silent, with_backend

RATE = 8000
LOUD = 0x90  # u-law, far from silence


def pcm_of(value, samples):
    return struct.pack("<h", value) * samples


def loud_samples(packets):
    return sum(1 for p in packets for octet in p[3] if octet not in (0xFF, 0x7F, 0xFE, 0x7E))


def hear_until(caller, samples):
    """Packets until so many loud samples are among them, for at most a minute."""
    packets, end = [], time.monotonic() + 60
    while loud_samples(packets) < samples and time.monotonic() < end:
        packets += caller.hear(0.1)
    return packets


def test_a_key_that_is_down_when_the_caller_hangs_up(make_system):
    """M8"""
    system = make_system(calls=4)
    seen = []

    async def handle(call):
        await call.answer(rate=RATE)
        seen.append("".join([digit.digit async for digit in call.digits()]))

    async def scenario(server):
        for number in range(1, 8):
            caller = Caller(system)
            caller.start_media(await in_thread(caller.call))
            for _ in range(5):
                caller.send_audio()
                await asyncio.sleep(0.02)
            for duration in (160, 320, 480):
                caller.send_audio(struct.pack("!BBH", 4, 10, duration), 101, duration == 160, 0)
                await asyncio.sleep(0.005)
            await in_thread(wait_for, lambda: system.metric("tipring_media_rtp_received_total") >= 8 * number, 5)  # not the BYE's socket
            await in_thread(caller.bye)
            await in_thread(wait_for, lambda: len(seen) == number, 10)

    with_backend(system, handle, scenario)
    assert seen == ["4"] * 7


def test_what_a_handler_said_is_heard_though_it_has_returned(make_system):
    """N1"""
    system = make_system(calls=4)

    async def handle(call):
        await call.answer(rate=RATE)
        await call.say(pcm_of(9000, 12000))

    async def scenario(server):
        caller = Caller(system)
        caller.start_media(await in_thread(caller.call))
        packets = await in_thread(hear_until, caller, 12000)
        await in_thread(caller.wait_bye, 10)
        return packets + await in_thread(caller.hear, 0.1)

    packets = with_backend(system, handle, scenario)
    assert loud_samples(packets) == 12000


def test_a_rest_is_heard_in_time_and_a_flush_accounts_for_it(make_system):
    """M7"""
    system = make_system(calls=4)
    result, heard_whole = {}, asyncio.Event()

    async def handle(call):
        await call.answer(rate=RATE)
        await call.write(pcm_of(9000, 1000))
        await heard_whole.wait()
        await call.write(pcm_of(9000, 100))
        result["flushed"] = await call.flush()
        await call.ended()

    async def scenario(server):
        caller = Caller(system)
        caller.start_media(await in_thread(caller.call))
        packets = await in_thread(hear_until, caller, 1000)
        heard_whole.set()
        await in_thread(wait_for, lambda: "flushed" in result, 10)
        await in_thread(caller.bye)
        return packets

    packets = with_backend(system, handle, scenario)
    assert loud_samples(packets) == 1000, "all of it, and not with what comes later"
    [heard] = result["flushed"].utterances.values()
    assert heard.played_samples + heard.discarded_samples == 1100


def test_a_stall_reaches_the_handler(make_system):
    """M12"""
    system = make_system(calls=4)
    events = []

    async def handle(call):
        await call.answer(rate=RATE)
        async for event in call.events():
            events.append((event.kind, call.stalled))

    async def scenario(server):
        caller = Caller(system)
        caller.start_media(await in_thread(caller.call))

        def talk(until):
            while until not in [kind for kind, _ in events]:
                caller.send_audio(bytes([LOUD]) * 160)
                time.sleep(0.02)

        await in_thread(talk, "media_started")
        await in_thread(wait_for, lambda: ("media_stalled", True) in events, 20)
        await in_thread(talk, "media_resumed")
        await in_thread(caller.bye)

    with_backend(system, handle, scenario)
    assert [e for e in events if e[0] in ("media_started", "media_stalled", "media_resumed")] == [
        ("media_started", False), ("media_stalled", True), ("media_resumed", False)]


def test_quality_reaches_the_handler(make_system):
    """M12: of each five seconds."""
    system = make_system(calls=4)
    told = []

    async def handle(call):
        await call.answer(rate=RATE)
        async for event in call.events():
            if event.kind == "quality":
                told.append(event.quality)

    async def scenario(server):
        caller = Caller(system)
        caller.start_media(await in_thread(caller.call))

        def talk():
            while len(told) < 2:
                caller.send_audio(bytes([LOUD]) * 160)
                time.sleep(0.02)

        await in_thread(talk)
        await in_thread(caller.bye)

    with_backend(system, handle, scenario)
    heard = told[1].heard
    assert heard.packets > 0 and heard.lost == 0
    assert 1 < heard.mos < 4.5
    assert told[1].said is None and told[1].rtt_ms is None, "this caller sends no RTCP"


def test_keys_are_collected(make_system):
    """N2"""
    system = make_system(calls=4)
    answers = []

    async def handle(call):
        await call.answer(rate=RATE)
        answers.append(await call.collect(pcm_of(9000, 20 * RATE), timeout=30))
        answers.append(await call.collect(timeout=0.3))
        await call.hangup()

    async def scenario(server):
        caller = Caller(system)
        caller.start_media(await in_thread(caller.call))
        loud = await in_thread(hear_until, caller, 1000)
        for event in (1, 2, 11):
            await in_thread(caller.send_digit, event)
            for _ in range(3):
                caller.send_audio()
                await asyncio.sleep(0.02)
        await in_thread(caller.wait_bye, 15)
        return loud

    loud = with_backend(system, handle, scenario)
    assert answers == [tipring.Collected("12", "terminator"), tipring.Collected("", "timeout")]
    assert not all(is_silent(p[3]) for p in loud)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_backend_of_the_guide_ends_cleanly(make_system, tmp_path, number):
    """N7: no traceback, its calls are hung up, no more are offered."""
    system = make_system(calls=4, app="bot")
    script = re.findall(r"```python\n(.*?)```", (HERE / "docs" / "BACKENDS.md").read_text(), re.S)[0]
    (tmp_path / "bot.py").write_text(script.replace("await greeting.finished()", "await call.sleep(60)"))
    bot = subprocess.Popen([sys.executable, tmp_path / "bot.py"], env=system.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           text=True, cwd=HERE)
    try:
        wait_for(lambda: system.metric("tipring_backends") == 1, 20)
        bot.send_signal(number)
        out = bot.communicate(timeout=60)[0]
    finally:
        bot.kill()
    assert bot.returncode == 0 and "Traceback" not in out, out
    assert "serving bot" in out and f"{number.name}: stopping" in out
    wait_for(lambda: system.metric("tipring_backends") == 0, 10)
