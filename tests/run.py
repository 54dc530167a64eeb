"""run.py - every test, or some groups, with one count at the end.

    ./tipring test [GROUP...]     ./tipring test --list     ./tipring test chaos --kill media --calls 50 --rounds 3 --seed 1

Exit code 0 only when nothing failed. The last line is "N passed, N failed, N skipped".
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as xml

HERE = pathlib.Path(__file__).resolve().parents[1]
BUILD = HERE / "build"
JOBS = str(os.cpu_count() or 2)
WORKERS = "3"
SECOND_CHANCES = 4  # of the hundreds of systems that a group starts beside each other
UNSTEADY: list[int] = []


@dataclasses.dataclass
class Count:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def add(self, other: "Count") -> None:
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped


def say(text: str) -> None:
    print(text, flush=True)


TARGETS = {"tsan": ["check_tape_race"], "next": ["tipring-supervisor", "tipring-control", "tipring-media", "tipring-signaling"]}


def commands_of(preset: str) -> list[list[str]]:
    tree = BUILD / preset
    configure = [] if (tree / "build.ninja").exists() else [["cmake", "--preset", preset]]
    return [*configure, ["ninja", "-C", str(tree), *TARGETS.get(preset, [])]]


def compile_preset(preset: str) -> bool:
    """Build; False (and the reason on the terminal) when it fails."""
    for command in commands_of(preset):
        done = subprocess.run(command, cwd=HERE, capture_output=True, text=True)
        if done.returncode != 0:
            say(f"building {preset} failed:\n{done.stdout[-4000:]}{done.stderr[-2000:]}")
            return False
    return True


def junit(path: pathlib.Path) -> Count:
    """Counts of a JUnit file; a missing or broken one is a failure."""
    count = Count()
    try:
        cases = list(xml.parse(path).iter("testcase"))
    except (OSError, xml.ParseError):
        return Count(failed=1)
    for case in cases:
        if case.find("failure") is not None or case.find("error") is not None or case.get("status") == "fail":
            count.failed += 1
        elif case.find("skipped") is not None or case.get("status") in ("disabled", "notrun"):
            count.skipped += 1
        else:
            count.passed += 1
    return count if cases else Count(failed=1)


def ctest(preset: str, *options: str, parallel: str = JOBS, env: dict | None = None) -> Count:
    report = BUILD / f"{preset}-ctest.xml"
    report.unlink(missing_ok=True)
    done = subprocess.run(["ctest", "--test-dir", str(BUILD / preset), "-j", parallel, "--output-on-failure",
                           "--no-tests=error", "--output-junit", str(report), *options],
                          capture_output=True, text=True, env={**os.environ, **(env or {})})
    if done.returncode != 0:
        say(done.stdout[-12000:])
    count = junit(report)
    if done.returncode != 0 and count.failed == 0:
        count.failed = 1
    return count


def pytest(where: str, *options: str, env: dict | None = None) -> Count:
    report = BUILD / f"pytest-{re.sub(r'[^a-z]+', '-', ' '.join((where, *options)))}.xml"
    report.unlink(missing_ok=True)
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-rs", "--timeout", "300", "--junitxml", str(report), *options,
                           str(HERE / where)], env={**os.environ, **(env or {})})
    count = junit(report)
    if done.returncode != 0 and count.failed == 0:
        count.failed = 1
    return count


def systems(build: str, but: str = "", **env: str) -> Count:
    """Whole systems: most tests mostly wait, so a few run beside each other; then those that need the machine for themselves."""
    env["TIPRING_BIN"] = str(BUILD / build / "bin")
    count = twice("not alone" + but, env, "-n", WORKERS, "--dist", "worksteal")
    count.add(twice("alone" + but, env))
    return count


def twice(marked: str, env: dict, *options: str) -> Count:
    """A few tests that failed are run again, with the machine for themselves. What passes then is counted, and named at the end: it is to be
    mended."""
    first = pytest("tests/integration", *options, "-m", marked, env=env)
    if not 0 < first.failed <= SECOND_CHANCES:
        return first
    second = pytest("tests/integration", "--last-failed", "--last-failed-no-failures", "none", "-m", marked, env=env)
    if second.failed or not second.passed:  # a test that fails and can not be cleaned up either is two failures
        return first
    UNSTEADY.append(second.passed)
    return Count(first.passed + second.passed, 0, first.skipped)


# ---- groups ----

def checks() -> Count:
    """Rules of the code: dependencies, sizes, purity, generated documents."""
    if not compile_preset("release"):
        return Count(failed=1)
    pure = [p for folder in ("common/base", "signaling/sip", "signaling/sdp", "signaling/leg", "signaling/registration", "media/rtp", "media/dsp",
                             "media/room", "media/session", "control/model")
            for p in (BUILD / "release" / folder).glob("lib*.a") if "impure" not in p.name]
    commands = {
        "dependencies": [sys.executable, "tools/check_deps.py"],
        "sizes": [sys.executable, "tools/check_size.py"],
        "purity": ["sh", "tools/check_pure.sh", *map(str, pure)],
        "checks check": ["sh", "tests/unit/tools/test_checks.sh"],
        "script": ["sh", "tests/unit/tools/test_script.sh"],
        "installed tree": ["sh", "tests/unit/tools/test_install.sh", str(BUILD / "release")],
        "containers": ["sh", "tests/unit/tools/test_deploy.sh", str(BUILD / "release")],
        "documents": [sys.executable, "tools/gen_docs.py", "--check"],
        "configuration example": [str(BUILD / "release/bin/tipring-supervisor"), "--check", "--config", "deploy/tipring.yaml"],
    }
    count = Count()
    for name, command in commands.items():
        done = subprocess.run(command, cwd=HERE, capture_output=True, text=True)
        if done.returncode == 0:
            count.passed += 1
        else:
            count.failed += 1
            say(f"check failed: {name}\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return count


def unit() -> Count:
    """Unit tests, fuzz corpora and check programs, optimised build."""
    return ctest("release") if compile_preset("release") else Count(failed=1)


def asan() -> Count:
    """The same under AddressSanitizer and UndefinedBehaviorSanitizer."""
    if not compile_preset("asan"):
        return Count(failed=1)
    return ctest("asan", env={"ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0", "UBSAN_OPTIONS": "print_stacktrace=1"})


def tsan() -> Count:
    """Concurrency of the tape under ThreadSanitizer."""
    if not compile_preset("tsan"):
        return Count(failed=1)
    return ctest("tsan", "-R", "^check.tape_race$")


def python() -> Count:
    """The Python package by itself."""
    return pytest("tests/unit/sdk", "-n", WORKERS)


def integration() -> Count:
    """Whole systems against real peers: baresip, sipp, aiosipua."""
    if not compile_preset("release"):
        return Count(failed=1)
    return systems("release")


def integration_asan() -> Count:
    """The same whole systems, built with AddressSanitizer and UndefinedBehaviorSanitizer."""
    if not compile_preset("asan"):
        return Count(failed=1)
    return systems("asan", " and not slow", TIPRING_SANITIZED="1")


def chaos() -> Count:
    """Kill each process under 50 calls and new ones; with --kill ROLE --calls N --rounds N --seed S [--json] just that."""
    if not compile_preset("release"):
        return Count(failed=1)
    count = Count()
    for role, signaling in (("media", "1"), ("signaling", "1"), ("signaling", "2"), ("control", "1"), ("supervisor", "1")):
        done = subprocess.run([sys.executable, HERE / "tests/support/chaos.py", "--kill", role, "--calls", "50", "--rounds", "2",
                               "--signaling", signaling, "--any-pause", "--json"])
        count.passed += done.returncode == 0
        count.failed += done.returncode != 0
    return count


def upgrade() -> Count:
    """Replace every process of a running system by another build and back, under 50 calls."""
    if not compile_preset("release") or not compile_preset("next"):
        return Count(failed=1)
    done = subprocess.run([sys.executable, HERE / "tests/support/upgrade.py"])
    return Count(passed=int(done.returncode == 0), failed=int(done.returncode != 0))


def compose() -> Count:
    """Only when named: deploy/compose.yaml on the Docker engine of this machine, under calls; minutes when the image is built."""
    if not compile_preset("release"):
        return Count(failed=1)
    return pytest("tests/compose", "-s", "--timeout", "1800")


GROUPS = {f.__name__.replace("_", "-"): f for f in (checks, unit, python, integration, chaos, upgrade, tsan, asan, integration_asan, compose)}
ONLY_NAMED = ("compose",)


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["chaos"] and arguments[1:] and arguments[1].startswith("-"):
        if not compile_preset("release"):
            return 1
        return subprocess.run([sys.executable, HERE / "tests/support/chaos.py", *arguments[1:]]).returncode
    if "--list" in arguments:
        for name, group in GROUPS.items():
            say(f"{name:18} {group.__doc__.strip()}")
        return 0
    unknown = [a for a in arguments if a not in GROUPS]
    if unknown:
        say(f"no group called {', '.join(unknown)}; ./tipring test --list names them")
        return 2

    total, names = Count(), arguments or [name for name in GROUPS if name not in ONLY_NAMED]
    for name in names:
        say(f"== {name}: {GROUPS[name].__doc__.strip()}")
        start = time.monotonic()
        count = GROUPS[name]()
        total.add(count)
        say(f"   {count.passed} passed, {count.failed} failed, {count.skipped} skipped in {time.monotonic() - start:.0f} s")
    if UNSTEADY:
        say(f"unsteady: {sum(UNSTEADY)} of these failed and passed the second time; what they said is above")
    say(f"{total.passed} passed, {total.failed} failed, {total.skipped} skipped")
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
