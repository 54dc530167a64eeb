"""The compose file on a real engine: built, up, called, and gone again."""

import collections
import json
import subprocess
import time

import pytest

import compose
from conftest import HEALTHY_SECONDS
from system import HERE, wait_for

ROLES = ("control", "signaling", "media")
MEGABYTE = 1_000_000
IMAGE_MB_MOST = 120
FORBIDDEN = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
    {"names": ["io_uring_setup", "io_uring_enter", "io_uring_register"], "action": "SCMP_ACT_ERRNO"}]}


def test_small_image(sizes):
    """With all codecs in it."""
    print(f"images: runtime {sizes['runtime'] / MEGABYTE:.1f} MB, load {sizes['load'] / MEGABYTE:.1f} MB")
    assert sizes["runtime"] <= IMAGE_MB_MOST * MEGABYTE, sizes
    said = compose.run("docker", "run", "--rm", "--network", "none", "--entrypoint", "tipring-media", compose.IMAGE, "--version")
    assert said.startswith("tipring"), "every library that it loads is there"


def test_up_healthy_and_twenty_calls(sizes, tmp_path):
    """As the README says it: up, healthy, 20 calls with speech, the verdict as the exit code; and gone again."""
    with compose.Project("plain", tmp_path) as project:
        begin = time.monotonic()
        project.up()
        wait_for(project.healthy, HEALTHY_SECONDS, 0.3)
        print(f"healthy after {time.monotonic() - begin:.1f} s")
        said = project.compose("run", "--rm", "load")
        print(said)
        assert "verdict: good" in said
        published = project.inspect(project.containers("net")[0])["NetworkSettings"]["Ports"]
        assert sum(key.endswith("/udp") and bool(value) for key, value in published.items()) <= 20


def test_every_pair_of_workers_is_called_by_name(wide):
    """Calls to the name of the host: each signaling worker has some with each media worker, and all of them hear themselves."""
    wait_for(wide.ready, HEALTHY_SECONDS, 0.2)
    load = wide.begin("run", "--rm", "--no-deps", "load", "callgen", "--target", "tipring:5060", "--calls", "40", "--total", "40", "--cps", "10",
                      "--hold", "15000", "--pcm", "/usr/share/tipring/speech.s16", "--verdict", "0.95")
    want = {(s, m) for s in range(len(wide.containers("signaling"))) for m in range(len(wide.containers("media")))}
    try:
        seen = wait_for(lambda: len(wide.calls()) >= 40 and wide.calls(), 30, 0.2)
    finally:
        said = load.communicate(timeout=300)[0]
    pairs = collections.Counter((int(c.get("signaling_worker", 0)), int(c.get("media_worker", 0))) for c in seen)
    print(f"calls of (signaling, media): {dict(sorted(pairs.items()))}\n{said}")
    assert set(pairs) == want and load.returncode == 0 and "verdict: good" in said


def test_load_notices_silence(wide, tmp_path):
    """A verdict that can not be bad says nothing: without a backend it is."""
    wide.compose("stop", "-t", "2", "echo")
    try:
        said = wide.compose("run", "--rm", "--no-deps", "load", "callgen", "--target", "tipring:5060", "--calls", "4", "--total", "4", "--cps", "4",
                            "--hold", "2000", "--pcm", "/usr/share/tipring/speech.s16", "--verdict", "0.95", check=False)
        assert "verdict: WRONG" in said
    finally:
        wide.compose("start", "echo")
        wait_for(wide.healthy, HEALTHY_SECONDS, 0.3)


def test_nobody_is_root_and_nothing_is_written(wide):
    for service in wide.services:
        for name in wide.containers(service):
            seen = wide.inspect(name)
            assert seen["HostConfig"]["ReadonlyRootfs"], name
            users = compose.run("docker", "top", name, "-eo", "pid,uid").split()[3::2]
            assert users and set(users) == {"10001"}, (name, users)
            changed = compose.run("docker", "diff", name).split("\n")
            assert not [row for row in changed if row and not row.startswith(("C /dev", "C /etc", "A /etc/tipring", "C /run", "A /run", "A /dev"))], changed


def test_backends_have_no_network(wide):
    for name in wide.containers("echo"):
        assert wide.inspect(name)["HostConfig"]["NetworkMode"] == "none"


@pytest.mark.parametrize("published", [True, False])
def test_from_this_machine(wide, published):
    """Callers on this machine, by the published port and by the address of the container."""
    target = f"{wide.gateway}:{wide.sip_published}" if published else f"{wide.address}:5060"
    done = subprocess.run([HERE / "build/release/bin/callgen", "--target", target, "--calls", "4", "--total", "8", "--cps", "4",
                           "--hold", "3000", "--verdict", "0.95"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("engine", ["epoll", "uring"])
def test_profiles(sizes, tmp_path, engine):
    """An engine that forbids io_uring, as Docker 25 and later do: each process says once that it takes epoll, and everything works. With the
    profile of compose.host.yaml it is io_uring, and nothing that our programs call is missing."""
    profile = HERE / "deploy" / "seccomp.json"
    if engine == "epoll":
        profile = tmp_path / "forbidden.json"
        profile.write_text(json.dumps(FORBIDDEN))
    extra = tmp_path / "extra.yaml"
    extra.write_text("services:\n" + "".join(f"  {role}:\n    security_opt: ['seccomp:{profile}']\n" for role in ROLES))
    with compose.Project(engine, tmp_path, extra=extra) as project:
        project.up()
        wait_for(project.healthy, HEALTHY_SECONDS, 0.3)
        for role in ROLES:
            log = project.log(role)
            assert log.count("actor.loop engine=") == log.count(f"actor.loop engine={engine}") == log.count("supervisor.started") > 0, log
        assert "verdict: good" in project.compose("run", "--rm", "load")
