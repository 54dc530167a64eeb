"""The example programs, run as their docstrings say, against peers that do not know of them."""

import json
import signal
import socket
import subprocess
import sys
import wave

import numpy as np
import pytest

from conftest import BIN
from phone import Phone
from sound import RATE, read_wav, ulaw_decode
from system import HERE, free_udp_port, wait_for
from test_backend import Caller

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

    def ended(self, seconds=10):
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
    done = subprocess.run([BIN / "tipring", "--json", "calls", "--ended"], env=system.env, capture_output=True, text=True, timeout=10, check=True)
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
        if pause > 0.2:
            said.append((hz, 1))
        else:
            said[-1] = (hz, said[-1][1] + 1)
    return said


def test_the_menu_greets_and_says_the_digits_back(make_system, run_example, tmp_path):
    """Pressed with a phone of somebody else, which records what it hears"""
    system = make_system(calls=4, app="ivr")
    ivr = run_example(system, "dtmf_ivr.py")
    wait_for(lambda: system.metric("tipring_backends") == 1, 10)
    phone = dial_ivr(system, tmp_path, silence(tmp_path / "silence.wav", 30))
    try:
        wait_for(lambda: phone.recording().stat().st_size > 2 * RATE, 5)  # a second of it: the greeting is over
        for key in "24*#":
            phone.press(key)
        wait_for(phone.over, 8)
    finally:
        phone.close()
    notes = notes_in(read_wav(phone.recording()))
    assert [hz for hz, _ in notes if hz][:3] == list(GREETING_HZ), notes
    answer = notes[max(i for i, (hz, _) in enumerate(notes) if hz in GREETING_HZ) + 1:]
    assert said_in(answer) == [(BEEP_HZ, 2), (BEEP_HZ, 4), (LOW_HZ, 1)], notes
    assert "pressed 24* (terminator)" in ivr.out
    assert ended_call(system)["ended_by"] == "BACKEND"


def test_the_menu_without_a_key_says_goodbye(make_system, run_example, tmp_path):
    system = make_system(calls=4, app="ivr")
    ivr = run_example(system, "dtmf_ivr.py", "--timeout", 0.5)
    wait_for(lambda: system.metric("tipring_backends") == 1, 10)
    caller = Caller(system)
    caller.start_media(caller.call())
    caller.wait_bye(8)
    pcm = np.concatenate([ulaw_decode(packet[3]) for packet in caller.hear(0.05)])
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
