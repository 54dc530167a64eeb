"""The example voice_room.py against phones that do not know of it."""

import json
import socket
import subprocess

import pytest

from phone import Phone
from sound import make_speech
from system import free_udp_port, wait_for
from test_backend import Caller
from test_examples import run_example  # noqa: F401


def lines_of(example, event=None):
    found = []
    for line in example.out.splitlines():
        if line.startswith("{"):
            found.append(json.loads(line))
    return [line for line in found if event in (None, line["event"])]


@pytest.fixture
def speech(tmp_path):
    """Nothing for a second, so that the greeting has begun, then two sentences, and long silence."""
    words = make_speech(tmp_path / "words.wav", "I would like to know when you are open", tail_seconds=0)
    path = tmp_path / "said.wav"
    subprocess.run(["sox", words, path, "pad", "2", "3", "repeat", "1", "pad", "0", "30"], check=True)
    return path


@pytest.mark.slow
def test_it_is_interrupted_answers_and_hands_over(make_system, run_example, speech, tmp_path):  # noqa: F811
    """A phone talks over the greeting, gets an answer, presses 0, and is with another phone then"""
    system = make_system(calls=4, app="room")
    agent_port = free_udp_port()
    agent = Phone(tmp_path / "agent", None, speech, port=agent_port)
    room = run_example(system, "voice_room.py", "--agent", f"sip:phone@127.0.0.1:{agent_port}")
    try:
        wait_for(lambda: system.metric("tipring_backends") == 1, 15)
        phone = Phone(tmp_path / "phone", f"sip:room@127.0.0.1:{system.sip_port}", speech, keypad=free_udp_port(kind=socket.SOCK_STREAM))
        try:
            wait_for(lambda: len(lines_of(room, "transcript")) >= 1, 30)
            wait_for(lambda: len(lines_of(room, "reply")) >= 2, 10)
            phone.press("0")
            wait_for(lambda: lines_of(room, "transfer"), 40)
            wait_for(lambda: lines_of(room, "left"), 10)
            wait_for(lambda: agent.recording() is not None and agent.recording().stat().st_size > 16000, 20)
        finally:
            phone.close()
    finally:
        agent.close()
    told = lines_of(room)
    interrupted = [line for line in told if line["event"] == "interrupted"]
    turn = next(line for line in told if line["event"] == "transcript")
    assert told[0]["event"] == "joined" and told[0]["there"] == 1
    assert interrupted and interrupted[0]["text"].startswith("Hello.") and 0 <= interrupted[0]["heard_ms"] < 3500
    assert 0.8 < turn["end"] - turn["begin"] < 4 and turn["who"] == "caller"
    assert "failed" not in next(line for line in told if line["event"] == "transfer")
    assert {"event": "key", "digit": "0"}.items() <= next(line for line in told if line["event"] == "key").items()


def test_who_calls_is_told_by_headers(make_system, run_example, tmp_path):  # noqa: F811
    """Two calls of one room, in two languages; a third one is in its own"""
    system = make_system(calls=4, app="room")
    room = run_example(system, "voice_room.py")
    wait_for(lambda: system.metric("tipring_backends") == 1, 15)
    callers = [Caller(system) for _ in range(3)]
    headers = ["X-Room-ID: green\r\nX-Session-ID: s1\r\nX-Tenant: acme\r\nX-Language: de-DE\r\n", "X-Room-ID: green\r\nX-Language: en\r\n",
               "X-Language: tlh\r\n"]
    try:
        for caller, lines in zip(callers, headers):
            caller.call(headers=lines)
        wait_for(lambda: len(lines_of(room, "reply")) == 3, 20)
        callers[0].bye()
        wait_for(lambda: lines_of(room, "left"), 10)
    finally:
        for caller in callers:
            caller.close()
    joined = lines_of(room, "joined")
    assert [(line["room"], line["session"], line["tenant"]) for line in joined[:2]] == [("green", "s1", "acme"), ("green", "", "")]
    assert joined[2]["room"] == joined[2]["call"] and {line["there"] for line in joined} == {1, 2}
    texts = {line["call"]: line["text"] for line in lines_of(room, "reply")}
    assert texts[joined[0]["call"]].startswith("Hallo.") and texts[joined[1]["call"]].startswith("Hello.") and texts[joined[2]["call"]].startswith("Hello.")
    assert lines_of(room, "left")[0]["there"] == 1


def test_a_recogniser_is_a_program(make_system, run_example, speech, tmp_path):  # noqa: F811
    """It gets what the caller said as a WAV file, and its words are in the transcript"""
    system = make_system(calls=4, app="room")
    room = run_example(system, "voice_room.py", "--listen", f"tee {tmp_path}/heard.wav | sox --ignore-length -t wav - -n stat 2>&1 | grep Length")
    wait_for(lambda: system.metric("tipring_backends") == 1, 15)
    phone = Phone(tmp_path / "phone", f"sip:room@127.0.0.1:{system.sip_port}", speech)
    try:
        wait_for(lambda: len(lines_of(room, "transcript")) >= 1, 30)
    finally:
        phone.close()
    turn = lines_of(room, "transcript")[0]
    seconds = float(turn["text"].split(":")[1])
    assert abs(seconds - (turn["end"] - turn["begin"])) < 0.1 and seconds > 0.8, turn
