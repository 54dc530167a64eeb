"""run.py - the benchmarks: one JSON object a line, every figure a ratio to a reference measured in alternation in the same run.

    ./tipring bench rtp|session|ring|codec|conceal|jitter|speech|sip|calls [--quick]

rtp: packets per second of CPU of the media process with N calls echoing speech through a backend, against a bare io_uring UDP echo of
N connected sockets under the same load, and against one that wakes up once a millisecond only (`_gathering`), the floor of this machine. session: the same frames without the kernel, against a copy of them; fails when a frame allocates.
ring: hand-over of a frame to a waiting backend against a bare futex ping-pong. codec: G.711 and G722 against spandsp, opus against libopus.
conceal: how speech with lost packets sounds (PESQ), against spandsp's and aiortp's concealment (conceal.py). jitter: what both ears wait on ten
seeded networks, against speexdsp's jitter buffer and a constant delay that knew each of them (jitter.c). speech: when a caller
speaks, on noisy, quiet and echoing lines, beside WebRTC's detector (speech.py). sip: parsing and answering
an INVITE and a REGISTER against libosip2 and sofia-sip, and what twice as many headers, parameters, folds, Vias or values cost. calls:
whole calls with audio at 50, 300 and 1,000 a second, CPU per call of each process, signaling against a responder that keeps and checks
nothing (calls.py). `--quick` fits in 30 s each.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import resource
import signal
import socket
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from calls import bench_calls  # noqa: E402
from chaos import Calls  # noqa: E402
from conceal import bench_conceal  # noqa: E402
from speech import bench_speech  # noqa: E402
from figures import cpu_exact, print_row  # noqa: E402
from ports import Range, is_free  # noqa: E402
from system import System, wait_for  # noqa: E402


def bare_round(ours: Ours, seconds: float, *mode: str) -> float:
    """Packets in and out per CPU second of the bare echo, between the same ports: flow i is local + 2i <-> remote + 2i."""
    bin_dir, flows, local, remote = ours.system.bin_dir, ours.flows, ours.system.rtp_port, ours.remote.first
    echo = subprocess.Popen([bin_dir / "bench_uring_echo", str(flows), str(local), str(remote), *mode], stderr=subprocess.DEVNULL)
    time.sleep(0.3)
    load = subprocess.Popen([bin_dir / "callgen", "--bare", str(local), "--port", str(remote), "--calls", str(flows),
                             "--seconds", "3600"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        return measure(lambda: say(load), echo.pid, seconds, flows)
    finally:
        load.kill()
        load.wait()
        echo.terminate()
        echo.wait()
        wait_for(ours.ports_are_free, 10, 0.05)


def say(load, command: str = "window") -> dict:
    load.stdin.write(command + "\n")
    load.stdin.flush()
    return json.loads(load.stdout.readline())


def measure(window, pid: int, seconds: float, flows: int) -> float:
    wait_for(lambda: window()["window_received"] >= 1, 10, 0.2)
    time.sleep(0.5)
    before, cpu = window(), cpu_exact(pid)
    time.sleep(seconds)
    after = window()
    used = cpu_exact(pid) - cpu
    packets = after["sent"] - before["sent"] + after["received"] - before["received"]
    if after["lost"] or after["window_received"] < 0.98 * flows * 50 * seconds:
        raise RuntimeError(f"the load was not carried: {after}")
    return packets / used


class Ours:
    """A whole system with N calls up through the echo backend in C; stays up over the rounds, paused by nothing but time."""

    def __init__(self, bin_dir: pathlib.Path, flows: int):
        self.system = System(bin_dir, calls=flows + 10, ports=2 * flows + 40, settings={"log_level": "warn"})
        self.remote = Range(2 * flows + 40)
        self.flows = flows

    def close(self) -> None:
        self.system.ports.close()
        self.remote.close()

    def ports_are_free(self) -> bool:
        """Sockets of an io_uring are let go some time after its process ended: ours, the bare echo's and the load generator's."""
        return all(is_free(base + i, "127.0.0.1", socket.SOCK_DGRAM)
                   for base in (self.system.rtp_port, self.remote.first) for i in range(2 * self.flows + 40))

    def round(self, seconds: float) -> tuple[float, float, dict]:
        """Packets per CPU second of media, of media and backend together, and the backend's figures."""
        self.system.start(20)
        echo = subprocess.Popen([self.system.bin_dir / "echo"], env=self.system.env, stdout=subprocess.PIPE, text=True)
        calls = None
        try:
            wait_for(lambda: self.system.metric("tipring_backends") >= 1, 10)
            calls = Calls(self.system, self.flows, 3600, cps=400, port=self.remote.first)
            wait_for(lambda: calls.say("window")["up"] == self.flows, 60, 0.3)
            time.sleep(1)
            media = self.system.workers()["media-0"]
            cpu_echo = cpu_exact(echo.pid)
            start = time.monotonic()
            pps = measure(lambda: calls.say("window"), media, seconds, self.flows)
            both = 1 / (1 / pps + (cpu_exact(echo.pid) - cpu_echo) / (2 * 50 * self.flows * (time.monotonic() - start)))
            echo.send_signal(signal.SIGTERM)
            return pps, both, json.loads(echo.communicate(timeout=10)[0].splitlines()[-1])
        finally:
            if calls:
                calls.kill()
            if echo.poll() is None:
                echo.kill()
            self.system.stop()
            wait_for(self.ports_are_free, 10, 0.05)


def bench_rtp(options) -> int:
    worst = 1.0
    for flows in (500,) if options.quick else (500, 1000, 2000):
        ours = Ours(options.bin, flows)
        rounds = 2 if options.quick else 3
        seconds = 2.0 if options.quick else 4.0
        pps, together, ratios, all_ratios, gathered, ages = [], [], [], [], [], []
        for _ in range(rounds):
            bare = bare_round(ours, seconds)
            gathering = bare_round(ours, seconds, "gather")
            media, both, figures = ours.round(seconds)
            pps.append(media)
            together.append(both)
            ratios.append(media / bare)
            all_ratios.append(both / bare)
            gathered.append(media / gathering)
            ages.append(figures["age_us_p50"])
            if figures["lost"]:
                raise RuntimeError(f"frames were lost: {figures}")
        ours.close()
        print_row(f"rtp/full_leg_{flows}", statistics.median(pps), "packets/cpu_s", "bare_uring_echo", ratios)
        print_row(f"rtp/full_leg_gathering_{flows}", statistics.median(pps), "packets/cpu_s", "bare_uring_echo_gathering", gathered)
        print_row(f"rtp/full_leg_with_backend_{flows}", statistics.median(together), "packets/cpu_s", "bare_uring_echo", all_ratios)
        if flows == 500:
            print_row("rtp/arrival_to_tape_p50", statistics.median(ages), "us", "one_tick_20ms", [a / 20000 for a in ages])
        worst = min(worst, statistics.median(ratios))
    return 0 if worst >= 0.5 else 1


def bench_program(name: str):
    def run(options) -> int:
        return subprocess.run([options.bin / f"bench_{name}", *(["--quick"] if options.quick else [])]).returncode

    return run


GROWTH = {"headers": 100, "params": 1000, "folds": 400, "vias": 30, "commas": 15}  # n; 2n is within the limits, too
GROWTH_BAR = 2.3


def instructions(program: pathlib.Path, kind: str, n: int) -> int:
    """Of a whole run, counted by valgrind: the same whatever else the machine does."""
    out = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", program, "--grow", kind, str(n)],
                         capture_output=True, text=True, check=True).stderr
    return int(next(line for line in out.splitlines() if "Collected" in line).split()[-1])


def bench_sip(options) -> int:
    """The races, and what a message of twice the length costs: linear is 2."""
    program = options.bin / "bench_sip"
    status = subprocess.run([program, *(["--quick"] if options.quick else [])]).returncode
    for kind, n in GROWTH.items():
        none, one, two = (instructions(program, kind, k) for k in (0, n, 2 * n))
        ratio = (two - none) / (one - none)
        print_row(f"sip/growth_{kind}", (two - none) / 20, "instructions", f"a message with {n} of {2 * n}", [ratio])
        status = status or ratio > GROWTH_BAR
    return int(status)


BENCHES = {"rtp": bench_rtp, "sip": bench_sip, "calls": bench_calls, "conceal": bench_conceal, "speech": bench_speech, **{name: bench_program(name) for name in ("session", "ring", "codec", "jitter")}}


def main() -> int:
    parser = argparse.ArgumentParser(prog="./tipring bench", description=__doc__.split("\n")[0])
    parser.add_argument("name", choices=sorted(BENCHES))
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--bin", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(65536, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),) * 2)
    return BENCHES[options.name](options)


if __name__ == "__main__":
    sys.exit(main())
