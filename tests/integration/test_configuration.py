"""The configuration file changes: while everything runs (SIGHUP), and while the supervisor is away. H5, H6, H11."""

import os
import signal
import subprocess

from conftest import BIN
from sip_peer import Peer
from system import free_udp_port, wait_for


def rewrite(system, **settings):
    """The file says this now; keys with _ for the dot of a section (rtp_workers)."""
    sections = ("sip", "rtp", "host", "http", "backends")
    for name, value in settings.items():
        section, _, key = name.partition("_")
        system.values[f"{section}.{key}" if section in sections else name] = value
    system.config_path.write_text(system.yaml())


def reload(system):
    seen = system.log.count("supervisor.reload")
    system.kill("supervisor", signal.SIGHUP)
    wait_for(lambda: system.log.count("supervisor.reload") > seen, 5)


def status(system) -> str:
    return subprocess.run([BIN / "tipring", "status"], env=system.env, capture_output=True, text=True, timeout=60, check=True).stdout


def differs(system) -> set:
    return {name.split('role="')[1].split('"')[0] for name, value in system.metrics().items()
            if name.startswith("tipring_config_differs") and value == 1}


def test_sighup_takes_over_routes_and_ends_nothing(make_system, backends):
    system = make_system(calls=4, app="nobody")
    backends.start(system)
    pids = system.workers()
    early = Peer(system)
    early.send(early.request("INVITE", body=early.sdp()))
    early.wait(480)

    rewrite(system, routes=[{"number": "*", "app": "echo"}], log_level="debug", drain_ms=900)
    reload(system)
    wait_for(lambda: system.log.count("actor.config differs=0") == 3, 5)
    peer = Peer(system)
    peer.call()
    assert "supervisor.config key=routes effect=now" in system.log
    assert "supervisor.config key=log_level effect=now" in system.log
    assert " debug " in system.log
    assert system.workers() == pids and system.process.poll() is None
    wait_for(lambda: differs(system) == set() and "configuration file" not in status(system), 5)
    peer.bye()


def test_what_needs_a_restart_is_told_and_shown(make_system, backends):
    system = make_system(calls=4)
    backends.start(system)
    peer = Peer(system)
    peer.call()
    rewrite(system, sip_server="Other", max_calls=5)
    reload(system)
    wait_for(lambda: "supervisor.config key=sip.server effect=next-start-of-its-process" in system.log, 5)
    wait_for(lambda: "supervisor.config key=max_calls effect=full-restart" in system.log, 5)
    wait_for(lambda: differs(system) == {"signaling", "media", "control"}, 5)
    shown = [line.split()[0] for line in status(system).splitlines() if "not as the configuration file says" in line]
    assert shown == ["control", "signaling-0", "media-0"]

    rewrite(system, max_calls=4)
    reload(system)
    wait_for(lambda: differs(system) == {"signaling"}, 5)
    old = system.kill("signaling-0")
    wait_for(lambda: system.workers().get("signaling-0", old) != old and system.ready(), 10)
    wait_for(lambda: differs(system) == set(), 5)
    peer.bye()


def test_a_file_with_a_mistake_changes_nothing(make_system, backends):
    system = make_system(calls=4)
    backends.start(system)
    system.config_path.write_text("routes: []\nmax_cals: 3\n")
    reload(system)
    wait_for(lambda: "tipring.yaml:2:1: unknown setting 'max_cals': did you mean 'max_calls'?" in system.log, 5)
    peer = Peer(system)
    peer.call()
    peer.bye()
    system.config_path.write_text(system.yaml())
    reload(system)


def successor(system):
    """The supervisor dies, and another one starts with what the file says by now."""
    adopted = system.log.count("custody.adopted")
    system.kill("supervisor")
    ready, system.ready = system.ready, lambda: system.log.count("custody.adopted") >= adopted + len(system.workers())
    system.start(ready_seconds=20)
    system.ready = ready
    wait_for(system.ready, 10)


def replace(system, name):
    old = system.kill(name)
    wait_for(lambda: system.workers().get(name, old) != old, 10)


def test_calls_outlive_another_max_calls(make_system, backends):
    """H5: the old code gave up all calls ("max_calls grew") when media died after the supervisor had."""
    system = make_system(calls=4, ports=200)
    backends.start(system)
    peer = Peer(system)
    peer.call()
    for calls in (50, 2):
        rewrite(system, max_calls=calls)
        successor(system)
        assert "supervisor.config key=max_calls effect=full-restart" in system.log
        for name in ("media-0", "signaling-0", "control-0"):
            replace(system, name)
        wait_for(system.ready, 10)
        wait_for(lambda: differs(system) == {"signaling", "media", "control"}, 5)
        wait_for(lambda: system.metric("tipring_calls_answered") == 1, 10)
    again = Peer(system)
    again.call()
    again.bye()
    peer.bye()
    assert system.stop() == 0
    system.start()
    assert differs(system) == set() and "calls 0 of 2," in status(system)


def test_calls_outlive_other_sockets_and_another_number_of_workers(make_system, backends):
    """H6: what is bound stays bound; a successor neither wants ports that its own children have nor gives any up."""
    system = make_system(calls=4, ports=64, settings={"rtp.workers": 2})
    backends.start(system)
    peer = Peer(system)
    peer.call()
    pids = system.workers()
    first = system.sip_port
    for settings in ({"rtp_workers": 1, "sip_listen": [f"udp:127.0.0.1:{free_udp_port()}"]},
                     {"rtp_workers": 3, "rtp_ports": [f"{system.rtp_port}-{system.rtp_last - 20}"]},
                     {"rtp_workers": 2, "rtp_ports": [f"{system.rtp_port + 4}-{system.rtp_last}"]}):
        rewrite(system, **settings)
        successor(system)
        assert system.workers() == pids, "nobody was replaced"
        system.sip_port = first
        late = Peer(system)
        late.call()
        late.bye()
    assert "supervisor.config key=sip.listen effect=full-restart" in system.log
    for name in ("media-0", "media-1", "signaling-0"):
        replace(system, name)
    wait_for(system.ready, 10)
    wait_for(lambda: system.metric("tipring_calls_answered") == 1, 10)
    peer.bye()


def test_an_unchanged_file_is_no_difference(make_system):
    """Not even when the pool names one port more than makes a pair, and for IPv6."""
    system = make_system(calls=4, ports=64, settings={"rtp.address": ["127.0.0.1", "::1"], "rtp.workers": 2})
    rewrite(system, rtp_ports=[f"{system.rtp_port}-{system.rtp_last - 1}"])
    assert system.stop() == 0
    system.start()
    pids = system.workers()
    successor(system)
    reload(system)
    wait_for(lambda: system.log.count("actor.config differs=0") >= 8, 5)
    assert differs(system) == set() and "supervisor.config" not in system.log and system.workers() == pids


def test_sighup_ends_nobody(make_system, backends):
    """H11: not the supervisor, and not those it is not meant for (killall -HUP)."""
    system = make_system(calls=4)
    backends.start(system)
    pids = system.workers()
    for name in ("supervisor", *pids):
        system.kill(name, signal.SIGHUP)
    peer = Peer(system)
    peer.call()
    peer.bye()
    assert system.workers() == pids and system.process.poll() is None


def test_sighup_while_a_process_is_stopped(make_system):
    """It is told when it reads again; nobody waits for it."""
    system = make_system(calls=4, settings={"hang_ms": 60000})
    pid = system.kill("media-0", signal.SIGSTOP)
    rewrite(system, rtp_reorder_ms=40)
    reload(system)
    wait_for(lambda: system.log.count("actor.config differs=0") == 2, 5)
    os.kill(pid, signal.SIGCONT)
    wait_for(lambda: system.log.count("actor.config differs=0") == 3, 5)
