"""Fixtures of the whole-system tests."""

import os
import pathlib
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from system import HERE, RUNNING, System, wait_for  # noqa: E402

BIN = pathlib.Path(os.environ.get("TIPRING_BIN", HERE / "build" / "release" / "bin"))
SANITIZED = bool(os.environ.get("TIPRING_SANITIZED"))
SANITIZER_WORDS = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:")


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: takes long, or has another one like it; not run under sanitizers")
    config.addinivalue_line("markers", "alone: judges time, and needs the machine for itself; what has no such mark runs beside others")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport():
    """A test that failed shows what its systems said last."""
    report = (yield).get_result()
    if report.failed:
        report.sections += [(f"log of the system in {system.run_dir}", system.log[-4000:]) for system in RUNNING]


class Backends:
    """Echo backends (examples/echo.c) started by a test."""

    def __init__(self):
        self.processes = []

    def start(self, system, *arguments) -> subprocess.Popen:
        before = system.metric("tipring_backends")
        process = subprocess.Popen([BIN / "echo", *arguments], env=system.env, stdout=subprocess.PIPE, text=True)
        self.processes.append(process)
        wait_for(lambda: system.metric("tipring_backends") > before, 10)
        return process

    def close(self):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()


@pytest.fixture
def backends():
    all_of_them = Backends()
    yield all_of_them
    all_of_them.close()


@pytest.fixture
def make_system():
    """make_system(calls=..., settings=...) -> a running System; all are stopped, and their logs read, at the end."""
    made = []

    def make(**options) -> System:
        for last in (False, False, True):
            system = System(BIN, **options)
            try:
                system.start()
            except RuntimeError as why:  # a program that asks nobody has one of its ports since we looked
                if last or "Address already in use" not in str(why):
                    raise
                continue
            made.append(system)
            return system

    yield make
    for system in made:
        code = system.stop()
        system.ports.close()
        found = [line for line in system.log.splitlines() if any(word in line for word in SANITIZER_WORDS)]
        log = system.log[-6000:]
        system.own_dir and __import__("shutil").rmtree(system.dir, ignore_errors=True)
        assert not found, f"{found}\n{log}"
        assert " must failed=" not in log, log
        assert code in (0, -9), f"supervisor ended with {code}\n{log}"


@pytest.fixture(params=["uring", "epoll"])
def engine(request):
    return request.param
