"""calls.py - ./tipring bench calls: whole calls, set up with audio and torn down, through every process and the echo backend in C."""

from __future__ import annotations

import contextlib
import json
import pathlib
import signal
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from figures import cpu_exact, print_row  # noqa: E402
from system import System, free_udp_port, wait_for  # noqa: E402

HOLD_MS = 200     # of a call, after its answer: ten packets each way
REST_MS = 2000    # of a port between two calls
AIM_CPU_MS = 0.6  # a call, all processes, at 300 a second
AIM_RATIO = 0.35  # signaling against the bare responder
AIM_RATE = 1000
PROCESSES = ("signaling-0", "media-0", "control-0")


class Load:
    """callgen making and ending calls at a rate."""

    def __init__(self, bin_dir: pathlib.Path, target: str, rate: int, seconds: float):
        self.rate = rate
        at_once = min(1900, max(50, int(rate * (HOLD_MS / 1000 + 0.5))))
        self.process = subprocess.Popen(
            [bin_dir / "callgen", "--target", target, "--calls", str(at_once), "--seconds", str(seconds), "--cps", str(rate),
             "--hold", str(HOLD_MS)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def say(self) -> dict:
        self.process.stdin.write("window\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def finish(self) -> dict:
        """When every call is over."""
        out, _ = self.process.communicate(timeout=90)
        return json.loads(out.splitlines()[-1])

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def measured(load: Load, pids: dict[str, int], seconds: float) -> dict:
    """CPU milliseconds per completed call of each process over `seconds` in the middle of a load that goes on; calls a second."""
    time.sleep(1)
    before, cpu, start = load.say(), {k: cpu_exact(p) for k, p in pids.items()}, time.monotonic()
    time.sleep(seconds)
    after, used, took = load.say(), {k: cpu_exact(p) - cpu[k] for k, p in pids.items()}, time.monotonic() - start
    done = after["done"] - before["done"]
    if done == 0:
        raise RuntimeError(f"no call came to its end: {after}")
    final = load.finish()
    return {"cps": done / took, "cpu_ms": {k: 1000 * v / done for k, v in used.items()}, "done": final["done"],
            "failed": final["failed"], "mute": final["mute"], "setup_ms_p50": after["setup_ms_p50"], "setup_ms_max": final["setup_ms_max"]}


def whole_round(bin_dir: pathlib.Path, rate: int, seconds: float) -> dict:
    """A system of its own."""
    pairs = int(rate * (HOLD_MS + REST_MS) / 1000 * 1.25) + 100
    settings = {"log_level": "warn", "max_calls": rate + 200, "sip.new_per_source_per_s": 0}
    with contextlib.ExitStack() as stack:
        system = stack.enter_context(System(bin_dir, calls=rate + 200, ports=2 * pairs, settings=settings))
        log = stack.enter_context(open(system.dir / "echo.log", "w"))
        echo = subprocess.Popen([bin_dir / "echo"], env=system.env, stdout=log, stderr=log)
        stack.callback(lambda: (echo.send_signal(signal.SIGKILL), echo.wait()))
        wait_for(lambda: system.metric("tipring_backends") >= 1, 10)
        load = Load(bin_dir, f"{system.host}:{system.sip_port}", rate, seconds + 1.5)
        stack.callback(load.kill)
        workers = system.workers()
        pids = {**{name: workers[name] for name in PROCESSES}, "backend": echo.pid, "supervisor": system.process.pid}
        return measured(load, pids, seconds)


def bare_round(bin_dir: pathlib.Path, rate: int, seconds: float) -> float:
    """CPU milliseconds per call of the bare responder."""
    port = free_udp_port()
    responder = subprocess.Popen([bin_dir / "bench_sip_responder", str(port)])
    load = None
    try:
        time.sleep(0.2)
        load = Load(bin_dir, f"127.0.0.1:{port}", rate, seconds + 1.5)
        return measured(load, {"bare": responder.pid}, seconds)["cpu_ms"]["bare"]
    finally:
        if load:
            load.kill()
        responder.kill()
        responder.wait()


def report(rate: int, whole: list[dict], bare: list[float]) -> tuple[float, float, int]:
    """Prints the figures of a rate; CPU per call of all processes, the ratio of signaling, and calls that went wrong."""
    of = {name: statistics.median(w["cpu_ms"][name] for w in whole) for name in whole[0]["cpu_ms"]}
    totals = [sum(w["cpu_ms"].values()) for w in whole]
    ratios = [b / w["cpu_ms"]["signaling-0"] for b, w in zip(bare, whole)]
    wrong = sum(w["failed"] + w["mute"] for w in whole)
    print_row(f"calls/sustained_{rate}", statistics.median(w["cps"] for w in whole), "calls/s", "offered", [w["cps"] / rate for w in whole],
              done=sum(w["done"] for w in whole), failed=sum(w["failed"] for w in whole), mute=sum(w["mute"] for w in whole),
              setup_ms_p50=statistics.median(w["setup_ms_p50"] for w in whole), setup_ms_max=max(w["setup_ms_max"] for w in whole))
    print_row(f"calls/cpu_{rate}", statistics.median(totals), "ms/call", "aim_0.6_ms", [t / AIM_CPU_MS for t in totals],
              **{name.split("-")[0]: round(v, 3) for name, v in of.items()})
    print_row(f"calls/signaling_{rate}", of["signaling-0"], "ms/call", "bare_responder", ratios)
    return statistics.median(totals), statistics.median(ratios), wrong


def bench_calls(options) -> int:
    rounds, seconds = (1, 4.0) if options.quick else (3, 8.0)
    failures = []
    for rate in (50, 300):
        whole, bare = [], []
        for _ in range(rounds):
            whole.append(whole_round(options.bin, rate, seconds))
            bare.append(bare_round(options.bin, rate, seconds))
        cpu_ms, ratio, wrong = report(rate, whole, bare)
        failures += [f"{wrong} calls went wrong at {rate}/s"] if wrong else []
        if rate == 300:
            failures += [f"a call takes {cpu_ms:.2f} ms, the aim is {AIM_CPU_MS}"] if cpu_ms > AIM_CPU_MS else []
            failures += [f"signaling is at {ratio:.2f} of the bare responder, the aim is {AIM_RATIO}"] if ratio < AIM_RATIO else []
    if not options.quick:
        top = whole_round(options.bin, AIM_RATE, 10.0)
        print_row(f"calls/sustained_{AIM_RATE}", top["cps"], "calls/s", "offered", [top["cps"] / AIM_RATE], done=top["done"],
                  failed=top["failed"], mute=top["mute"], setup_ms_p50=top["setup_ms_p50"], setup_ms_max=top["setup_ms_max"],
                  **{name.split("-")[0]: round(v, 3) for name, v in top["cpu_ms"].items()})
        failures += [f"{top['failed'] + top['mute']} calls went wrong at {AIM_RATE}/s"] if top["failed"] + top["mute"] else []
        failures += [f"{top['cps']:.0f} calls/s of {AIM_RATE}"] if top["cps"] < 0.98 * AIM_RATE else []
    for why in failures:
        print(f"bench calls: {why}", file=sys.stderr)
    return 1 if failures else 0
