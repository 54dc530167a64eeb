"""A built image, and a whole compose file that is up."""

import contextlib
import pathlib
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import compose  # noqa: E402
from chaos import Calls  # noqa: E402
from system import HERE, wait_for  # noqa: E402

HEALTHY_SECONDS = 30
PACE_MS = 20  # of the audio itself
WIDE = {"20000-20015": "20000-20799", "max_calls: 100 ": "max_calls: 400 ", "workers: 2             # the pool": "workers: 4 # the pool"}  # what is new is not published


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport():
    """A test that failed shows what its services said last."""
    report = (yield).get_result()
    if report.failed:
        report.sections += [(f"log of {service} in {project.name}", project.log(service)[-20000:]) for project in compose.OPEN
                            for service in project.services]


@pytest.fixture(scope="session")
def sizes():
    """Of the images, which are built; they lose their names at the end."""
    if why := compose.why_not():
        pytest.skip(why)
    yield compose.build()
    compose.remove_images()


@pytest.fixture(scope="module")
def wide(sizes, tmp_path_factory):
    """Everything up, with room for many calls and four media workers."""
    with compose.Project("wide", tmp_path_factory.mktemp("wide"), WIDE) as project:
        project.up()
        wait_for(project.healthy, HEALTHY_SECONDS, 0.3)
        yield project


class Target:
    """What Calls wants to know of a system."""

    def __init__(self, project):
        self.bin_dir = HERE / "build" / "release" / "bin"
        self.host, self.sip_port = project.address, 5060


@contextlib.contextmanager
def calls(project, count):
    """So many calls that are up."""
    wait_for(project.ready, 20, 0.1)
    made = Calls(Target(project), count, 3600)
    try:
        wait_for(lambda: made.say("window")["up"] == count, 30, 0.3)
        settled(made, 1)
        yield made
    finally:
        made.kill()


def settled(made, seconds=2.0):
    """What the calls saw since they were asked last, and in these seconds."""
    time.sleep(seconds)
    return made.say("window")


def judge(what, made, count, seconds=2.0):
    """All are up and none is silent; the longest pause (ms), which is told."""
    seen = settled(made, seconds)
    print(f"{what}: {seen['up']} of {count} up, pause {seen['gap_ms_max']} ms at most, {seen['lost']} packets lost", flush=True)
    assert seen["up"] == count and seen["silent"] == 0, seen
    assert seen["duplicate"] + seen["ssrc_changes"] + seen["ts_wrong"] == 0, seen
    return seen["gap_ms_max"]


def pause(what, made, count, do, seconds=2.0):
    """What the callers miss when `do()` is done: ms without audio beyond the longest gap of the same calls just before, which is waited for to be
    short; 0 for less than one packet."""
    before = PACE_MS
    for _ in range(5):
        before = max(judge("before", made, count), PACE_MS)
        if before < 2 * PACE_MS:
            break
    do()
    missed = judge(what, made, count, seconds) - before
    return round(missed) if missed >= PACE_MS else 0


def least_pause(what, made, count, most, do, undo):
    """The smallest pause (ms) of at most three tries: a busy machine makes them longer, and nothing makes them shorter."""
    pauses = []
    while not pauses or (min(pauses) > most and len(pauses) < 3):
        pauses.append(pause(what, made, count, do))
        undo()
    print(f"{what}: {min(pauses)} ms without audio, at most {most} allowed; tries {pauses}", flush=True)
    assert min(pauses) <= most, pauses
