"""The C library as a user gets it: installed into a prefix, found by pkg-config, used from C and C++."""

import json
import os
import shutil
import signal
import subprocess
import time

import pytest

from conftest import BIN, SANITIZED
from sip_peer import Peer
from system import HERE, wait_for
from test_backend import Caller

pytestmark = pytest.mark.skipif(SANITIZED, reason="the library of a sanitized build needs the sanitizer's runtime")

FROM_CXX = """\
#include <tipring.h>
int main()
{
	tipring_config cfg = {};
	tipring_server *s;
	cfg.endpoint = "/nonexistent";
	return tipring_open(&cfg, &s) == 0 && tipring_fd(s) >= 0 ? (tipring_close(s), 0) : 1;
}
"""


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    """A folder with a space in its name: paths are quoted."""
    where = tmp_path_factory.mktemp("in stalled")
    subprocess.run(["cmake", "--install", BIN.parent, "--prefix", where], check=True, capture_output=True)
    return where


def build(prefix, compiler, source, out):
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "tipring"], check=True, capture_output=True, text=True,
                           env={**os.environ, "PKG_CONFIG_PATH": str(prefix / "lib" / "pkgconfig")}).stdout
    import shlex
    subprocess.run([compiler, "-Wall", "-Wextra", "-Wpedantic", "-Werror", source, "-o", out, *shlex.split(flags)], check=True)
    return out


def environment(prefix, **more):
    return {**os.environ, "LD_LIBRARY_PATH": str(prefix / "lib"), **more}


def test_the_example_against_the_installed_library(prefix, make_system, tmp_path):
    system = make_system(calls=4, settings={"rtp.workers": 2})
    program = build(prefix, "cc", HERE / "examples" / "echo.c", tmp_path / "echo")
    echo = subprocess.Popen([program], env=environment(prefix, TIPRING_ENDPOINT=str(system.run_dir)), stdout=subprocess.PIPE, text=True)
    try:
        wait_for(lambda: system.metric("tipring_backends") == 1, 10)
        callers = [Caller(system) for _ in range(2)]  # one on each media worker
        for caller in callers:
            caller.start_media(caller.call())
        for _ in range(50):
            for number, caller in enumerate(callers):
                caller.send_audio(bytes([0x90 + number]) * 160)
            time.sleep(0.02)
        for caller in callers:
            loud = []
            caller.hear_while(lambda heard=loud, c=caller: heard.extend(p for p in c.hear(0.1) if p[3].strip(b"\xff\x7f")) or len(heard) < 40)
            assert len(loud) >= 40, "its own audio came back"
            caller.bye()
        wait_for(lambda: system.metric("tipring_calls") == 0, 5)
        time.sleep(0.5)  # the backend hears of it too
    finally:
        echo.send_signal(signal.SIGTERM)
        figures = json.loads(echo.communicate(timeout=60)[0].splitlines()[-1])
    assert figures["answered"] == figures["ended"] == 2 and figures["lost"] == 0


def test_ring_mark_flush_and_reject(prefix, make_system, tmp_path):
    """Every command of the header, and what it promises to be answered with."""
    system = make_system(calls=4, settings={"media.recordings": str(tmp_path), "media.sounds": str(tmp_path)})
    program = build(prefix, "cc", HERE / "tests" / "integration" / "commands.c", tmp_path / "commands")
    backend = subprocess.Popen([program], env=environment(prefix, TIPRING_ENDPOINT=str(system.run_dir)), stdout=subprocess.PIPE, text=True)
    spoken, refused, sent_on = Peer(system), Peer(system), Peer(system)
    try:
        wait_for(lambda: system.metric("tipring_backends") == 1, 10)
        spoken.send(spoken.request("INVITE", body=spoken.sdp()))
        spoken.wait(180)
        answer = spoken.wait(200)
        spoken.learn(answer)
        spoken.send(spoken.request("ACK", cseq=spoken.cseq))
        spoken.answer(spoken.request_of("BYE", seconds=10), 200)
        refused.send(refused.request("INVITE", body=refused.sdp()))
        early = refused.wait(183)
        assert "\r\nX-Early: one\r\n" in early and "\r\nm=audio " in early
        answer = refused.wait(603)
        assert "603 Not today" in answer and "\r\nX-Why: full\r\n" in answer
        sent_on.send(sent_on.request("INVITE", body=sent_on.sdp()))
        assert "\r\nContact: <sip:a@192.0.2.7>;q=0.500\r\nContact: <sip:b@192.0.2.7>\r\n" in sent_on.wait(302)  # C229
        out = backend.communicate(timeout=60)[0]
    finally:
        backend.kill()
    told = [json.loads(line) for line in out.splitlines()]
    levels = [e["code"] for e in told if e["event"] == "level"]
    assert levels[:2] == [1, 2] and levels.count(1) == levels.count(2) == 1 and levels[-1] == 3, "a farewell of a second is no high water"
    assert [e["text"] for e in told if e["event"] == "dropped"] == ["never"]
    assert [(e["text"], e["code"]) for e in told if e["event"] == "mark"] == [("said", 1), ("never", 0)]
    mark = next(e for e in told if e["event"] == "mark")
    recorded = [e for e in told if e["event"] == "recording"]
    assert [e["code"] for e in recorded] == [1, 2, 3, 4] and {e["text"] for e in recorded} == {"c.wav"} and (tmp_path / "c.wav").exists()
    assert [(e["code"], e["text"]) for e in told if e["event"] == "play"] == [(1, "busy"), (3, "busy")]
    assert mark["text"] == "said" and mark["code"] == 1 and 8000 <= mark["pos"] - recorded[-1]["pos"] <= 8000 + 8000 * 60
    flushed = next(e for e in told if e["event"] == "flushed")
    assert flushed["utterance"] == 2 and flushed["played"] > 0 and flushed["discarded"] > 0
    assert flushed["played"] + flushed["discarded"] == 5 * 8000
    ended = [e for e in told if e["event"] == "ended"]
    assert [e["code"] for e in ended] == [200, 603, 302]
    assert not [e for e in told if e["event"] == "failed"], told


def test_it_is_usable_from_cxx(prefix, tmp_path):
    if shutil.which("c++") is None:
        pytest.skip("no C++ compiler")
    (tmp_path / "user.cc").write_text(FROM_CXX)
    program = build(prefix, "c++", tmp_path / "user.cc", tmp_path / "user")
    assert subprocess.run([program], env=environment(prefix)).returncode == 0


@pytest.mark.parametrize("words, code", [(["--help"], 0), (["-h"], 0), (["--hlep"], 2)])
def test_the_example_helps(words, code, tmp_path):
    """N9: no app is registered by that name."""
    done = subprocess.run([BIN / "echo", *words], capture_output=True, text=True, timeout=60, env={"TIPRING_ENDPOINT": str(tmp_path)})
    assert done.returncode == code
    assert (done.stdout if code == 0 else done.stderr).startswith("usage: echo")


def test_only_its_own_names_are_exported(prefix):
    names = subprocess.run(["nm", "-D", "--defined-only", prefix / "lib" / "libtipring.so"], check=True, capture_output=True, text=True)
    symbols = [line.split()[-1] for line in names.stdout.splitlines()]
    header = (prefix / "include" / "tipring.h").read_text()
    assert symbols and all(name.startswith("tipring_") and f"{name}(" in header for name in symbols), symbols


def test_a_call_that_ends_while_control_is_away(make_system, backends):
    """The event is lost; the library asks what became of its calls."""
    system = make_system(calls=4)
    echo = backends.start(system)
    gone, staying = Peer(system), Peer(system)
    gone.call()
    staying.call()
    system.kill("control-0")
    gone.bye()
    wait_for(lambda: system.ready() and system.metric("tipring_backends") == 1, 10)
    time.sleep(3.5)
    staying.bye()
    wait_for(lambda: system.metric("tipring_calls") == 0, 5)
    time.sleep(0.5)
    echo.send_signal(signal.SIGTERM)
    figures = json.loads(echo.communicate(timeout=60)[0].splitlines()[-1])
    assert figures["answered"] == figures["ended"] == 2
