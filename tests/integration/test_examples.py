"""The example programs, run as their docstrings say, against peers that do not know of them."""

import importlib.util
import json
import re
import signal
import socket
import subprocess
import sys
import wave

import numpy as np
import pytest

from conftest import BIN, SANITIZED
from phone import Phone
from sound import RATE, read_wav, ulaw_decode
from system import HERE, free_udp_port, wait_for
from test_backend import Caller, in_thread, with_backend

EXAMPLES = HERE / "examples"
GREETING_HZ, BEEP_HZ, LOW_HZ = (440, 554, 659), 880, 330
WINDOW = RATE // 50


class Example:
    """One of examples/, running."""

    def __init__(self, system, tmp_path, name, *arguments):
        self.out_path = tmp_path / f"{name}.out"
        with open(self.out_path, "w") as out:
            self.process = subprocess.Popen([sys.executable, EXAMPLES / name, *map(str, arguments)], env=system and system.env, stdout=out,
                                            stderr=subprocess.STDOUT)

    @property
    def out(self):
        return self.out_path.read_text()

    def ended(self, seconds=60):
        try:
            return self.process.wait(seconds)
        finally:
            self.close()

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


@pytest.fixture
def run_example(tmp_path):
    running = []

    def run(system, name, *arguments):
        running.append(Example(system, tmp_path, name, *arguments))
        return running[-1]

    yield run
    for example in running:
        example.close()


def calls(system):
    done = subprocess.run([BIN / "tipring", "--json", "calls", "--ended"], env=system.env, capture_output=True, text=True, timeout=60, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def ended_call(system):
    """The only call, when it is over."""
    return wait_for(lambda: next((row for row in calls(system) if row["phase"] == "CALL_ENDED"), None), 5)


def notes_in(pcm):
    """[(Hz, seconds), ...]: stretches of one frequency, 0 for silence."""
    notes = []
    for i in range(0, len(pcm) - WINDOW + 1, WINDOW):
        piece = pcm[i:i + WINDOW]
        hz = 0.0
        if np.sqrt(np.mean(piece ** 2)) > 1000:
            hz = float(np.argmax(np.abs(np.fft.rfft(piece * np.hanning(WINDOW), 8192))) * RATE / 8192)
        near = next((known for known in (*GREETING_HZ, BEEP_HZ, LOW_HZ) if abs(known - hz) < 30), 0)
        if notes and notes[-1][0] == near:
            notes[-1][1] += WINDOW / RATE
        else:
            notes.append([near, WINDOW / RATE])
    return [(hz, round(seconds, 2)) for hz, seconds in notes]


def silence(path, seconds):
    with wave.open(str(path), "wb") as f:
        f.setnchannels(1)
        f.setsampwidth(2)
        f.setframerate(RATE)
        f.writeframes(bytes(2 * RATE * seconds))
    return path


# ---- dtmf_ivr.py ----

def dial_ivr(system, tmp_path, wav):
    """A phone in a call; one that found its ports taken, or did not come up, tries again."""
    for attempt in range(3):
        phone = Phone(tmp_path / f"phone{attempt}", f"sip:ivr@127.0.0.1:{system.sip_port}", wav, keypad=free_udp_port(kind=socket.SOCK_STREAM))
        try:
            wait_for(lambda: phone.recording() is not None, 3)
            return phone
        except TimeoutError:
            phone.close()
    raise AssertionError(phone.log)


def said_in(notes):
    """Digits as dtmf_ivr.py says them: so many beeps, or a low tone, with a longer pause before each."""
    said = []
    for (_, pause), (hz, _) in zip(notes[::2], notes[1::2]):
        if pause > 0.2 or not said:
            said.append((hz, 1))
        else:
            said[-1] = (hz, said[-1][1] + 1)
    return said


def test_the_menu_greets_and_says_the_digits_back(make_system, run_example, tmp_path):
    """Pressed with a phone of somebody else, which records what it hears"""
    system = make_system(calls=4, app="ivr")
    ivr = run_example(system, "dtmf_ivr.py")
    wait_for(lambda: system.metric("tipring_backends") == 1, 10)
    for attempt in range(3):  # when the machine pauses, the phone's own buffers slip and its recording has a seam
        phone = dial_ivr(system, tmp_path / str(attempt), silence(tmp_path / "silence.wav", 30))
        try:
            wait_for(lambda: phone.recording().stat().st_size > 2 * RATE, 5)  # a second of it: the greeting is over
            for key in "24*#":
                phone.press(key)
            wait_for(phone.over, 8)
        finally:
            phone.close()
        notes = notes_in(read_wav(phone.recording()))
        answer = notes[max((i for i, (hz, _) in enumerate(notes) if hz in GREETING_HZ), default=0) + 1:]
        if [hz for hz, _ in notes if hz][:3] == list(GREETING_HZ) and said_in(answer) == [(BEEP_HZ, 2), (BEEP_HZ, 4), (LOW_HZ, 1)]:
            break
    else:
        raise AssertionError(notes)
    assert "pressed 24* (terminator)" in ivr.out
    assert ended_call(system)["ended_by"] == "BACKEND"


def test_the_menu_without_a_key_says_goodbye(make_system, run_example, tmp_path):
    system = make_system(calls=4, app="ivr")
    ivr = run_example(system, "dtmf_ivr.py", "--timeout", 0.5)
    wait_for(lambda: system.metric("tipring_backends") == 1, 10)
    caller = Caller(system)
    caller.start_media(caller.call())
    caller.wait_bye(8)
    pcm = np.concatenate([ulaw_decode(packet[3]) for packet in caller.hear(1)])
    caller.close()
    assert [hz for hz, _ in notes_in(pcm) if hz] == [*GREETING_HZ, GREETING_HZ[2], GREETING_HZ[0]]
    assert "pressed nothing (timeout)" in ivr.out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_menu_ends_cleanly(make_system, run_example, number):
    """Its call is hung up, and no traceback is left behind"""
    system = make_system(calls=4, app="ivr")
    ivr = run_example(system, "dtmf_ivr.py")
    wait_for(lambda: system.metric("tipring_backends") == 1, 10)
    caller = Caller(system)
    caller.call()
    wait_for(lambda: calls(system)[0]["phase"] == "CALL_ANSWERED", 5)
    ivr.process.send_signal(number)
    caller.wait_bye(5)
    caller.close()
    assert ivr.ended() == 0 and "Traceback" not in ivr.out, ivr.out


@pytest.mark.parametrize("arguments, code, words", [
    (["--timeout", "-1"], 2, "not between 0 and 3600 seconds"),
    (["--timeout", "soon"], 2, "invalid seconds value"),
    (["--connect-timeout", "0.1"], 1, "dtmf_ivr: "),
])
def test_what_the_menu_can_not_do(run_example, tmp_path, monkeypatch, arguments, code, words):
    monkeypatch.setenv("TIPRING_ENDPOINT", str(tmp_path / "nobody"))
    ivr = run_example(None, "dtmf_ivr.py", *arguments)
    assert ivr.ended() == code
    assert words in ivr.out and "Traceback" not in ivr.out, ivr.out


# ---- lossy_caller.py ----

def call_with_losses(run_example, system, *arguments):
    """Its figures, when it is over."""
    caller = run_example(system, "lossy_caller.py", f"sip:echo@{'[::1]' if ':' in system.host else system.host}:{system.sip_port}", "--json",
                         *arguments)
    assert caller.ended() == 0, caller.out
    return json.loads(caller.out)


def test_keys_survive_a_bad_network_and_losses_are_concealed(make_system, run_example):
    """C332 C344: every key once, and as much is concealed as was dropped.

    A lost packet of 20 ms lies in one frame or in two, so that a burst of n makes n + 1 concealed frames at most. Silence takes the place of what is
    missing after 60 ms: of a burst two packets are concealed at least. A machine that stands still makes more of it silence: half of that must do,
    and sanitizers make it stand still so often that only the kind of it is looked at."""
    system = make_system(calls=4)
    digits, kinds = [], []

    async def handle(call):
        await call.answer(rate=RATE)
        kinds.extend([frame.kind async for frame in call.audio])
        digits.extend([digit.digit async for digit in call.digits()])

    async def scenario(server):
        return await in_thread(call_with_losses, run_example, system, "--loss", 12, "--burst", 1.5, "--seconds", 6,
                               "--digit-every", 0.8, "--digits", "1223#", "--tipring", BIN / "tipring")

    figures = with_backend(system, handle, scenario)
    bursts = figures["bursts"]
    assert figures["digits"] == "1223#12" and "".join(digits) == figures["digits"]
    assert figures["dropped"] == sum(bursts) >= 15 and max(bursts) >= 2
    if not SANITIZED:
        assert figures["dropped"] - bursts[-1] <= figures["lost"] <= figures["dropped"], "only what is dropped last is not missed"
        assert sum(min(n, 2) for n in bursts[:-1]) / 2 <= figures["concealed"] <= figures["dropped"] + len(bursts)
    assert figures["lost"] > 0 and figures["concealed"] > 0
    assert kinds.count("concealed") == figures["concealed"], "the backend has seen the same"


def test_what_a_host_concealed_is_told_by_its_metrics(make_system, backends, run_example):
    system = make_system(calls=4)
    backends.start(system)
    caller = run_example(system, "lossy_caller.py", f"sip:echo@127.0.0.1:{system.sip_port}", "--loss", 20, "--seconds", 2, "--digits", "7",
                         "--digit-every", 1, "--server-http", f"http://127.0.0.1:{system.http_port}/")
    assert caller.ended() == 0, caller.out
    words = re.search(r"dropped (\d+) .* (\d+) bursts.*\npressed 77, heard (\d+) packets\nthe far end concealed (\d+) frames\n", caller.out)
    dropped, bursts, heard, concealed = map(int, words.groups())
    assert dropped >= 5 and heard > 50
    assert 0 < concealed <= dropped + bursts
    assert concealed == system.metric("tipring_media_frames_concealed_total")


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_without_losses_nothing_is_concealed(make_system, backends, run_example, host):
    system = make_system(calls=4, host=host)
    backends.start(system)
    for _ in range(5):  # what the machine delays is concealed, too
        figures = call_with_losses(run_example, system, "--loss", 0, "--seconds", 1, "--digits", "", "--tipring", BIN / "tipring")
        if figures["concealed"] == 0 and figures["heard"] > 25:
            break
    assert figures["sent"] == 50 and figures["heard"] > 25
    assert (figures["dropped"], figures["lost"], figures["concealed"], figures["bursts"], figures["digits"]) == (0, 0, 0, [], "")


def test_a_lossy_caller_uses_the_menu(make_system, run_example):
    """Both examples in one call; the menu hangs up"""
    system = make_system(calls=4, app="ivr")
    ivr = run_example(system, "dtmf_ivr.py")
    wait_for(lambda: system.metric("tipring_backends") == 1, 10)
    figures = call_with_losses(run_example, system, "--loss", 10, "--seconds", 24, "--digits", "11#", "--digit-every", 0.5,
                               "--tipring", BIN / "tipring")
    assert "pressed 11 (terminator)" in ivr.out
    assert figures["sent"] < 24 * 50 / 2 and ended_call(system)["ended_by"] == "BACKEND"


def test_a_lossy_caller_hangs_up_on_a_signal(make_system, backends, run_example):
    system = make_system(calls=4)
    backends.start(system)
    caller = run_example(system, "lossy_caller.py", f"sip:echo@127.0.0.1:{system.sip_port}", "--seconds", 60, "--json")
    wait_for(lambda: system.metric("tipring_media_rtp_received_total") > 10, 10)
    caller.process.send_signal(signal.SIGINT)
    assert caller.ended() == 0
    assert json.loads(caller.out)["sent"] > 10
    assert ended_call(system)["ended_by"] == "CALLER"


def test_a_lossy_caller_cancels_on_a_signal(make_system, run_example):
    system = make_system(calls=4)
    rings, ended = [], []

    async def handle(call):
        await call.ring()
        rings.append(call)
        ended.append(await call.ended())

    async def scenario(server):
        caller = run_example(system, "lossy_caller.py", f"sip:echo@127.0.0.1:{system.sip_port}")
        await in_thread(wait_for, lambda: rings, 10)
        caller.process.send_signal(signal.SIGINT)
        await in_thread(wait_for, lambda: ended, 10)
        return caller, await in_thread(caller.ended)

    caller, code = with_backend(system, handle, scenario)
    assert ended == ["cancelled"] and code == 1 and caller.out == "lossy_caller: interrupted\n"


def test_a_call_that_fails(make_system, run_example):
    """Nobody serves the app; nobody is there at all"""
    system = make_system(calls=4)
    refused = run_example(system, "lossy_caller.py", f"sip:echo@127.0.0.1:{system.sip_port}")
    assert refused.ended() == 1 and "not answered: 480" in refused.out
    nobody = run_example(system, "lossy_caller.py", f"sip:echo@127.0.0.1:{free_udp_port()}", "--answer-within", 0.6)
    assert nobody.ended() == 1 and "no answer from 127.0.0.1" in nobody.out


@pytest.mark.parametrize("arguments, words", [
    ([], "the following arguments are required: uri"),
    (["tel:+4930"], "only sip: over UDP"),
    (["sip:a@127.0.0.1;transport=tcp"], "only sip: over UDP"),
    (["nonsense"], "argument uri: nonsense: "),
    (["sip:a@127.0.0.1", "--loss", "95"], "95 is not between 0 and 90"),
    (["sip:a@127.0.0.1", "--loss", "80", "--burst", "2"], "bursts of 4.0 at least"),
    (["sip:a@127.0.0.1", "--digits", "12x"], "keys are 0123456789*#ABCD"),
    (["sip:a@127.0.0.1", "--digit-every", "often"], "invalid number value: 'often'"),
])
def test_what_a_lossy_caller_can_not_do(run_example, arguments, words):
    caller = run_example(None, "lossy_caller.py", *arguments)
    assert caller.ended() == 2
    assert words in caller.out and "Traceback" not in caller.out, caller.out


@pytest.mark.parametrize("share, burst", [(0.05, 1.0), (0.05, 1 / 0.95), (0.2, 4.0), (0.5, 10.0)])
def test_losses_are_as_many_and_as_long_as_was_asked(share, burst):
    """Five standard errors: the length of a burst and of a pause are geometric, so that a share over n packets has a variance of about
    2 * share * (1 - share)**2 * burst / n."""
    spec = importlib.util.spec_from_file_location("lossy_caller", EXAMPLES / "lossy_caller.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    n, loss, again, other = 40000, *(module.Loss(share, burst, seed) for seed in (7, 7, 8))
    dropped = [loss.drops() for _ in range(n)]
    assert dropped == [again.drops() for _ in range(n)], "the seed makes them again"
    assert dropped != [other.drops() for _ in range(n)]
    assert sum(dropped) == sum(loss.bursts)
    assert abs(sum(dropped) / n - share) < 5 * (2 * share * (1 - share) ** 2 * burst / n) ** 0.5
    assert abs(sum(dropped) / len(loss.bursts) - burst) <= 5 * burst / len(loss.bursts) ** 0.5
