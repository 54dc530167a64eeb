"""tipring health and tipring doctor: what is seen from outside, without asking a process."""

import itertools
import json
import os
import pathlib
import re
import signal
import subprocess
import urllib.request

from conftest import BIN
from sip_peer import Peer
from system import wait_for


def tipring(system, *words):
    return subprocess.run([BIN / "tipring", *words], env=system.env, capture_output=True, text=True, timeout=60)


def test_health_of_every_role(make_system):
    """Ready, a process that hangs, the supervisor's end."""
    system = make_system(calls=2, settings={"hang_ms": 500})
    for role in ("all", "control", "signaling", "media"):
        wait_for(lambda: tipring(system, "health", "--role", role).returncode == 0, 10)
    assert tipring(system, "health").stdout.split("\n")[:3] == ["control-0 ready", "media-0 ready", "signaling-0 ready"]
    assert tipring(system, "health", "--role", "cook").returncode == 2 and tipring(system, "health", "--here", "--role", "media").returncode == 2
    assert tipring(system, "health", "--here").returncode == 0
    elsewhere = subprocess.run(["unshare", "--pid", "--fork", "--mount-proc", BIN / "tipring", "health", "--here"], env=system.env, capture_output=True, text=True)
    assert elsewhere.returncode == 1 and ("no supervisor runs in this container" in elsewhere.stdout or "unshare" in elsewhere.stderr)
    assert system.metric("tipring_ready") == 3
    system.kill("supervisor", signal.SIGKILL)
    wait_for(lambda: tipring(system, "health", "--role", "media").returncode == 1, 15)
    assert "its supervisor is gone or hangs" in tipring(system, "health").stdout
    system.start()
    wait_for(lambda: tipring(system, "health").returncode == 0, 10)
    system.stop()
    assert tipring(system, "health", "--live").returncode == 1 and not list(pathlib.Path(system.run_dir).glob("*.health"))


def test_each_family_is_told_once_and_in_one_piece(make_system):
    """The text format: one HELP and one TYPE before the samples of a name, which stand together; whichever process has the name."""
    system = make_system(calls=2, settings={"rtp.workers": 2})
    wait_for(lambda: system.metric("tipring_ready") == 4, 10)
    with urllib.request.urlopen(f"http://127.0.0.1:{system.http_port}/metrics", timeout=20) as answer:
        rows = answer.read().decode().splitlines()
    names = [row.split()[2] if row.startswith("#") else re.match(r"\w+", row)[0] for row in rows]
    told = [name for row, name in zip(rows, names) if row.startswith("# HELP ")]
    family = [name if name in told else re.sub("_(bucket|sum|count)$", "", name) for name in names]
    assert len(told) == len(set(told)) > 50
    assert [name for name, _ in itertools.groupby(family)] == told
    assert sum(row.startswith("tipring_ready{") for row in rows) == 4


def test_a_system_that_drains_is_live_and_not_ready(make_system, backends):
    system = make_system(calls=2, settings={"drain_ms": 60000})
    backends.start(system)
    peer = Peer(system)
    peer.call()
    wait_for(lambda: tipring(system, "health").returncode == 0, 10)
    system.process.terminate()
    wait_for(lambda: tipring(system, "health").returncode == 1, 10)
    wait_for(lambda: "draining" in tipring(system, "health").stdout, 10)
    wait_for(lambda: tipring(system, "health", "--live").returncode == 0, 10)
    stranger = Peer(system)
    stranger.send(stranger.request("OPTIONS"))
    assert stranger.wait(503)
    stranger.close()
    peer.bye()
    system.process.wait(30)


def end_of(system, backends, *, twice: bool) -> str:
    """The BYE of a call that is up when the system is told to stop."""
    backends.start(system)
    peer = Peer(system)
    peer.call()
    system.process.terminate()
    if twice:
        wait_for(lambda: "supervisor.stopping" in system.log, 10)
        system.process.terminate()
    bye = peer.request_of("BYE", seconds=10)
    peer.answer(bye, 200)
    assert system.process.wait(60) == 0
    peer.close()
    return bye


def test_calls_that_a_stop_ends_are_told_why(make_system, backends):
    """Reason (RFC 3326), when the time is over and when nobody waits."""
    reason = '\r\nReason: SIP;cause=200;text="the host stops"\r\n'
    assert reason in end_of(make_system(calls=2, settings={"drain_ms": 500}), backends, twice=False)
    assert reason in end_of(make_system(calls=2, settings={"drain_ms": 60000}), backends, twice=True)


def test_the_doctor_names_what_is_wrong(make_system, tmp_path):
    """With and without a system, for people and machines."""
    file = tmp_path / "tipring.yaml"
    file.write_text("host: {run_dir: /run/none}\nrtp: {ports: [40000-40999]}\n")
    env = {**os.environ, "TIPRING_ENDPOINT": str(tmp_path / "none")}
    done = subprocess.run([BIN / "tipring", "doctor", "--config", file, "--json"], env=env, capture_output=True, text=True, timeout=60)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, done.stdout
    assert {"configuration", "files", "rmem_max", "io_uring", "clock", "priority", "memory", "memlock", "hugepages", "run_dir"} <= {r["check"] for r in rows}
    least, most = map(int, pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    noted = [r for r in rows if "ip_local_reserved_ports" in r["text"]]
    assert bool(noted) == (least <= 40999 and most >= 40000), "unless they are reserved here"
    file.write_text("rtp: {ports: [1]}\n")
    (tmp_path / "none").write_text("")
    done = subprocess.run([BIN / "tipring", "doctor", "--config", file], env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "fail  configuration" in done.stdout and "fail  run_dir" in done.stdout, done.stdout
    assert len(done.stdout.splitlines()) < 24
