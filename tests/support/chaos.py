"""chaos.py - kill a process under N calls, again and again, and measure what the callers noticed.

    ./tipring test chaos --kill ROLE --calls N --rounds N --seed S [--signaling N] [--json]

ROLE: media, signaling, control or supervisor. Every round kills at a seeded random instant, in the middle of a burst of new calls, waits
until things have settled, and reads what a frame-counting peer saw meanwhile. `setups_completed` of `setups` are the calls of those bursts
that were answered. At the end half of the calls are hung up from this side and the others by the
backend, so that both directions are proven to work. Exit code 1 when a call was dropped or a bar was missed. The bars of the pauses
are of a machine that has time: --any-pause tells them and judges only what was lost.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import random
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from system import HERE, System, alive, wait_for  # noqa: E402

GAP_MS_MAX = {"media": 500, "signaling": 60, "control": 60, "supervisor": 60}  # 20 ms is the pace of the audio itself
SETTLE_SECONDS = 2.0
SETUPS = 20             # new calls in progress around each kill
SETUPS_PER_SECOND = 100
SETUPS_BAR = 0.99


class Calls:
    """callgen under remote control."""

    def __init__(self, system: System, count: int, seconds: float, cps: int = 50, port: int = 0):
        self.process = subprocess.Popen(
            [system.bin_dir / "callgen", "--target", f"{system.host}:{system.sip_port}", "--calls", str(count),
             "--seconds", str(seconds), "--cps", str(cps), "--port", str(port)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def say(self, command: str) -> dict:
        """Send a command; its figures."""
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def finish(self, seconds: float = 120) -> dict:
        """Figures when every call is over."""
        out, _ = self.process.communicate("end\n", timeout=seconds)
        return json.loads(out.splitlines()[-1])

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def start_echo(system: System, log) -> subprocess.Popen:
    before = system.metric("tipring_backends")
    process = subprocess.Popen([system.bin_dir / "echo"], env=system.env, stdout=subprocess.PIPE, stderr=log, text=True)
    wait_for(lambda: system.metric("tipring_backends") > before, 10)
    return process


def worker_name(role: str, rng: random.Random, workers: int) -> str:
    """One of them; of a role with one worker, that."""
    if role == "supervisor":
        return role
    return f"{role}-{rng.randrange(workers) if role == 'signaling' and workers > 1 else 0}"


def one_round(system: System, options, rng: random.Random, calls: Calls) -> tuple[dict, int]:
    """What the calls that were up saw, and how many of the new ones were answered."""
    time.sleep(rng.uniform(0.2, 1.2))
    calls.say("window")
    fresh = Calls(system, SETUPS, 3600, cps=SETUPS_PER_SECOND)
    try:
        return kill_and_settle(system, options, rng, calls), answered(fresh)
    finally:
        fresh.kill()


def answered(fresh: Calls) -> int:
    def over():
        seen = fresh.say("window")
        return seen["up"] + seen["failed"] >= SETUPS and seen

    try:
        up = wait_for(over, 10, 0.1)["up"]
    except TimeoutError:
        up = fresh.say("window")["up"]
    fresh.finish(120)
    return up


def kill_and_settle(system: System, options, rng: random.Random, calls: Calls) -> dict:
    role, name = options.kill, worker_name(options.kill, rng, options.signaling)
    time.sleep(rng.uniform(0.02, SETUPS / SETUPS_PER_SECOND))
    adopted = system.log.count("custody.adopted")
    old = system.kill(name)
    if role == "supervisor":
        time.sleep(rng.uniform(0.2, 0.6))
        system.start(ready_seconds=15)  # a successor; workers hand everything back
        wait_for(lambda: system.log.count("custody.adopted") >= adopted + 2 + options.signaling, 10)
    else:
        wait_for(lambda: system.workers().get(name, old) != old, 10)
    time.sleep(SETTLE_SECONDS)
    if role != "supervisor":
        wait_for(system.ready, 10)
    return calls.say("window")


def run(options) -> dict:
    rng = random.Random(options.seed)
    gaps: list[float] = []
    lost = dropped = wrong = setups = 0
    p50: list[float] = []
    p99: list[float] = []
    everybody = options.calls + (options.rounds + 1) * SETUPS
    with System(options.bin, calls=options.calls + 2 * SETUPS, settings={"rtp.timeout_ms": 60000, "sip.workers": options.signaling},
                ports=2 * everybody + 64) as system:
        log = open(system.dir / "echo.log", "w")
        echo = start_echo(system, log)
        calls = Calls(system, options.calls, 3600)
        try:
            wait_for(lambda: calls.say("window")["up"] == options.calls, 30, 0.3)
            for _ in range(options.rounds):
                seen, completed = one_round(system, options, rng, calls)
                setups += completed
                dropped += options.calls - seen["up"] + seen["silent"]
                gaps.append(seen["gap_ms_max"])
                p50.append(seen["gap_ms_p50"])
                p99.append(seen["gap_ms_p99"])
                lost += seen["lost"]
                wrong += seen["ts_wrong"] + seen["duplicate"] + seen["ssrc_changes"]
            calls.say(f"bye {options.calls // 2}")
            wait_for(lambda: calls.say("window")["done"] >= options.calls // 2, 10, 0.2)
            echo.send_signal(signal.SIGTERM)  # its calls are hung up by the policy: BYE from our side
            figures = json.loads(echo.communicate(timeout=60)[0].splitlines()[-1])
            wait_for(lambda: calls.say("window")["done"] == options.calls, 20, 0.2)
            final = calls.finish()
        finally:
            calls.kill()
            if echo.poll() is None:
                echo.kill()
            if options.verbose:
                print(system.log[-6000:], file=sys.stderr)
    dropped += final["failed"]
    by_us = final["by_peer"]
    return {
        "chaos": "kill", "role": options.kill, "calls": options.calls, "dropped": dropped,
        "gap_ms_p50": max(p50), "gap_ms_p99": max(p99), "gap_ms_max": max(gaps),
        "frames_lost": lost + figures["lost"], "setups_completed": setups,
        "setups": SETUPS * options.rounds, "seed": options.seed,
        "rounds": options.rounds, "stream_errors": wrong, "ended_by_us": by_us,
    }


def verdict(result: dict, any_pause: bool = False) -> list[str]:
    why = []
    if result["dropped"]:
        why.append(f"{result['dropped']} calls were dropped")
    if not any_pause and result["gap_ms_max"] > GAP_MS_MAX[result["role"]]:
        why.append(f"the audio paused for {result['gap_ms_max']} ms, allowed are {GAP_MS_MAX[result['role']]}")
    if result["setups_completed"] < SETUPS_BAR * result["setups"]:
        why.append(f"only {result['setups_completed']} of {result['setups']} new calls were answered")
    if result["stream_errors"]:
        why.append(f"{result['stream_errors']} packets broke the sequence, the timestamps or the SSRC")
    if result["ended_by_us"] < result["calls"] - result["calls"] // 2:
        why.append(f"only {result['ended_by_us']} calls got a BYE from our side")
    return why


def main() -> int:
    parser = argparse.ArgumentParser(prog="./tipring test chaos", description=__doc__.splitlines()[0])
    parser.add_argument("--kill", default="media", choices=sorted(GAP_MS_MAX))
    parser.add_argument("--calls", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--signaling", type=int, default=1, help="signaling workers; one of them is killed")
    parser.add_argument("--any-pause", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--bin", default=str(HERE / "build" / "release" / "bin"))
    options = parser.parse_args()
    result = run(options)
    if options.json:
        print(json.dumps(result))
    else:
        print(", ".join(f"{k} {v}" for k, v in result.items()))
    why = verdict(result, options.any_pause)
    for reason in why:
        print(f"chaos: {reason}", file=sys.stderr)
    return 1 if why else 0


if __name__ == "__main__":
    sys.exit(main())
