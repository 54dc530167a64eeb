"""upgrade.py - every process of a running system is replaced by another build and back, under calls.

    ./tipring test upgrade

The other build (preset `next`) has another version and records with one more field (TIPRING_NEXT). What is running is replaced
one process after the other: media, signaling, control, supervisor, so that every pair of neighbours is of two builds for a while.
Then back, by the build that knows less. A call that is dropped, falls silent or loses its sequence is a failure.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import shutil
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from chaos import Calls, start_echo  # noqa: E402
from system import HERE, System, wait_for  # noqa: E402

DAEMONS = ("tipring-supervisor", "tipring-control", "tipring-media", "tipring-signaling")
PEERS = ("callgen", "echo")  # of one build all the time
ROLES = ("media-0", "signaling-0", "control-0", "supervisor")


def install(build: pathlib.Path, to: pathlib.Path, programs=DAEMONS) -> None:
    """The programs of a build under the names that run; what runs keeps the file it was started from."""
    to.mkdir(exist_ok=True)
    for name in programs:
        shutil.copy2(build / name, to / f"{name}.new")
        os.replace(to / f"{name}.new", to / name)


def runs(pid: int, program: pathlib.Path) -> bool:
    """Is this process the program that has the name now?"""
    try:
        return os.path.samefile(f"/proc/{pid}/exe", program)
    except OSError:
        return False


def replace(system: System, name: str) -> None:
    """The process dies, its successor is of the build that is installed."""
    program = system.bin_dir / f"tipring-{name.split('-')[0]}"
    if name == "supervisor":
        adopted = system.log.count("custody.adopted")
        system.kill("supervisor")
        system.start(ready_seconds=15)
        wait_for(lambda: system.log.count("custody.adopted") >= adopted + 3, 15)
        assert runs(system.process.pid, program)
        return
    old = system.kill(name)
    pid = wait_for(lambda: system.workers().get(name, old) != old and system.workers()[name], 10)
    wait_for(lambda: runs(pid, program), 10)
    wait_for(system.ready, 10)


def judge(step: str, seen: dict, calls: int) -> list[str]:
    why = []
    if seen["up"] != calls or seen["silent"]:
        why.append(f"{step}: {seen['up']} of {calls} calls are up, {seen['silent']} of them silent")
    if seen["ts_wrong"] + seen["duplicate"] + seen["ssrc_changes"]:
        why.append(f"{step}: a stream lost its sequence, its timestamps or its SSRC")
    return why


def run(options) -> list[str]:
    builds = {"next": pathlib.Path(options.next), "release": pathlib.Path(options.bin)}
    why: list[str] = []
    with System(options.bin, calls=options.calls + 10) as system:
        system.stop()
        system.bin_dir = system.dir / "bin"
        install(builds["release"], system.bin_dir, DAEMONS + PEERS)
        system.start()
        echo = start_echo(system, open(system.dir / "echo.log", "w"))
        calls = Calls(system, options.calls, 3600)
        try:
            wait_for(lambda: calls.say("window")["up"] == options.calls, 30, 0.3)
            for build in ("next", "release"):
                install(builds[build], system.bin_dir)
                for name in ROLES:
                    replace(system, name)
                    time.sleep(1)
                    seen = calls.say("window")
                    print(f"{name} is of build {build} now: {seen['up']} calls up, pause {seen['gap_ms_max']} ms")
                    why += judge(f"{name} to {build}", seen, options.calls)
            calls.say(f"bye {options.calls // 2}")
            wait_for(lambda: calls.say("window")["done"] >= options.calls // 2, 10, 0.2)
            echo.terminate()
            wait_for(lambda: calls.say("window")["done"] == options.calls, 20, 0.2)
            final = calls.finish()
            if final["failed"]:
                why.append(f"{final['failed']} calls failed")
        except TimeoutError as e:
            why.append(f"{e}\n{system.log[-4000:]}")
        finally:
            calls.kill()
            if echo.poll() is None:
                echo.kill()
    return why


def main() -> int:
    parser = argparse.ArgumentParser(prog="./tipring test upgrade", description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=50)
    parser.add_argument("--bin", default=str(HERE / "build" / "release" / "bin"))
    parser.add_argument("--next", default=str(HERE / "build" / "next" / "bin"))
    why = run(parser.parse_args())
    for reason in why:
        print(f"upgrade: {reason}", file=sys.stderr)
    return 1 if why else 0


if __name__ == "__main__":
    sys.exit(main())
