"""tipring status, calls, call, events: readable for people, --json for machines, helpful when nothing runs."""

import json
import subprocess
import time

import pytest

from conftest import BIN
from sip_peer import Peer
from system import wait_for


def tipring(system, *words):
    return subprocess.run([BIN / "tipring", *words], env=system.env, capture_output=True, text=True, timeout=60)


def rows(done):
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def busy(make_system, backends):
    """A system with an echo backend and one call."""
    system = make_system(calls=4)
    backends.start(system)
    peer = Peer(system)
    peer.call(headers="X-Room-ID: seven\r\n")
    yield system, peer
    peer.close()


def test_status_and_calls(busy):
    system, peer = busy
    text = tipring(system, "status").stdout
    assert "media-0" in text and "signaling-0" in text and "echo" in text and "calls 1 of 4, ready" in text
    [status] = rows(tipring(system, "status", "--json"))
    assert status["calls"] == 1 and [w["role"] for w in status["workers"]] == ["SUPERVISOR", "CONTROL", "SIGNALING", "MEDIA"]
    assert status["draining"] is False and status["workers"][0]["pid"] == system.process.pid
    assert [(r["number"], r["app"], r["backends"], r["used"]) for r in status["routes"]] == [("*", "echo", 1, 1)]
    wait_for(lambda: rows(tipring(system, "--json", "calls"))[0]["phase"] == "CALL_ANSWERED", 3)
    [call] = rows(tipring(system, "--json", "calls"))
    assert call["sip_call_id"] == peer.call_id and call["room_id"] == "seven"
    text = tipring(system, "calls").stdout.splitlines()
    assert text[0].split() == ["CALL", "DIR", "PHASE", "TIME", "APP", "BACKEND", "FROM", "TO"] and call["call_id"] in text[1]


def test_everything_about_a_call(busy):
    system, peer = busy
    [call] = rows(tipring(system, "calls", "--json"))
    text = tipring(system, "call", call["call_id"]).stdout
    for word in ("echo", call["backend"], peer.call_id, call["from_uri"], "X-Room-ID: seven", "PCMU", "telephone-event 101", "our RTP",
                 str(peer.rtp_port), "answered", "media-0"):
        assert word in text, word
    assert rows(tipring(system, "call", call["call_id"], "--json"))[0]["call_id"] == call["call_id"]


def test_a_few_digits_are_a_call_and_filters_choose(busy):
    """N12"""
    system, _ = busy
    [call] = rows(tipring(system, "calls", "--json"))
    [few], [all_of_them] = (rows(tipring(system, "--json", "call", call["call_id"][:n])) for n in (7, None))
    assert few | {"stats": None} == all_of_them | {"stats": None}  # figures come meanwhile
    assert rows(tipring(system, "--json", "calls", "--call", call["call_id"][:5])) and rows(tipring(system, "--json", "calls", "--app=echo"))
    assert not rows(tipring(system, "--json", "calls", "--app", "other"))
    other = "0" if call["call_id"][0] != "0" else "1"
    assert not rows(tipring(system, "--json", "calls", "--call", other))


def test_a_call_that_ended_can_still_be_asked_for(busy):
    """N12"""
    system, peer = busy
    [call] = rows(tipring(system, "calls", "--json"))
    peer.bye()
    wait_for(lambda: not rows(tipring(system, "calls", "--json")), 5)
    [ended] = rows(tipring(system, "calls", "--json", "--ended"))
    assert ended["call_id"] == call["call_id"] and ended["phase"] == "CALL_ENDED" and ended["ended_by"] == "CALLER"
    assert ended["sip_code"] == 200 and ended["ended_unix_ns"] > 0 and ended["stats"]["packets_sent"] >= 0
    text = tipring(system, "call", call["call_id"][:6]).stdout
    assert "by CALLER, SIP 200" in text and peer.call_id in text


def test_a_call_that_goes_on_has_figures(busy):
    """N12"""
    system, peer = busy
    [call] = rows(tipring(system, "calls", "--json"))

    def figures():
        now = rows(tipring(system, "call", call["call_id"], "--json"))[0]["stats"]
        return now if now and now["packets_sent"] > 50 else None

    assert wait_for(figures, 20, 0.5)["packets_received"] == 0
    text = tipring(system, "call", call["call_id"]).stdout
    assert "heard" in text and "0 lost (0.0 %)" in text and "round trip" in text


def test_the_page_and_the_metrics_tell_of_calls(busy):
    """N17, N18"""
    system, peer = busy
    page = system.get("/")
    assert "<h1>" in page and "ready" in page and "echo" in page and "media-0" in page and "No" not in page.split("<h2>Routes")[0]
    peer.bye()
    wait_for(lambda: "Ended lately" in system.get("/") and "hung up" in system.get("/"), 5)
    text = system.get("/metrics")
    assert 'tipring_calls_over_total{app="echo",backend="' in text and 'code="200"} 1' in text
    assert "tipring_call_setup_seconds_count 1" in text and 'tipring_build_info{version="' in text


@pytest.mark.parametrize("form", ["text", "json"])
def test_events_are_one_line_each_with_the_call(busy, form, tmp_path):
    system, _ = busy
    names = ["call_offered", "call_claimed", "call_answered", "call_ended"]
    told: dict[str, list[str]] = {}  # what happened to each call
    path = tmp_path / "events"
    with open(path, "w") as out:
        watcher = subprocess.Popen([BIN / "tipring", "events", *(["--json"] if form == "json" else [])], env=system.env, stdout=out)

    def note(line):
        if form == "json":
            event = json.loads(line)
            call, found = event.get("call_id", ""), [name for name in names if name in event]
        else:
            call, found = line.split()[2], [name for name in names if name == line.split()[3]]
        told.setdefault(call, []).extend(found)

    def one_call():
        """A subscription has no answer, so the first calls may be too early."""
        peer = Peer(system)
        peer.call()
        peer.bye()
        peer.close()
        time.sleep(0.3)
        told.clear()
        for line in path.read_text().splitlines(keepends=True):
            if line.endswith("\n"):
                note(line)
        return [call for call, found in told.items() if "call_offered" in found and "call_ended" in found]

    try:
        whole = wait_for(one_call, 20, 0.3)
    finally:
        watcher.terminate()
        watcher.wait(60)
    assert [told[call] for call in whole] == [names] * len(whole)
    assert all(len(call) == 16 for call in whole) or form == "json"


def test_display_names_do_not_reach_the_terminal_raw(make_system, backends):
    system = make_system(calls=4)
    backends.start(system)
    peer = Peer(system)
    invite = peer.request("INVITE", body=peer.sdp()).replace("From: <", 'From: "\x1b[2Jgone" <').encode()
    peer.send(invite)
    try:
        answer = peer.wait(200, 400)
    except AssertionError:
        return
    if answer.startswith("SIP/2.0 200"):
        out = tipring(system, "calls").stdout + tipring(system, "call", rows(tipring(system, "calls", "--json"))[0]["call_id"]).stdout
        assert "\x1b" not in out and "[2Jgone" in out


def test_answers_that_are_no(busy):
    system, _ = busy
    done = tipring(system, "call", "123")
    assert done.returncode == 1 and "no such call" in done.stderr
    for words in (["call", "xyz"], ["call"], ["what"], [], ["status", "more"], ["call", "1" * 17], ["status", "--ended"],
                  ["calls", "--call", "g"], ["calls", "--what"], ["events", "a", "b"]):
        done = tipring(system, *words)
        assert done.returncode == 2 and done.stderr and not done.stdout, words
    done = tipring(system, "--help")
    assert done.returncode == 0 and "--json" in done.stdout
    done = tipring(system, "--version")
    assert done.returncode == 0 and done.stdout.startswith("tipring ")


@pytest.mark.parametrize("words", [["status"], ["calls"], ["call", "1"], ["events"]])
def test_nothing_runs(tmp_path, words):
    done = subprocess.run([BIN / "tipring", *words], env={"TIPRING_ENDPOINT": str(tmp_path)}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "can not be reached" in done.stderr and str(tmp_path) in done.stderr and "TIPRING_ENDPOINT" in done.stderr
