"""Containers that are killed, drained and added under calls, and what the callers notice."""

import json
import subprocess
import time

import pytest

import compose
from conftest import HEALTHY_SECONDS, WIDE, calls, judge, least_pause, pause
from system import HERE, wait_for

CALLS = 50
PAUSE_MS_MOST = {"control": 0, "signaling": 0, "media": 100}  # of media a twin takes over; the others carry no audio
START_PAUSE_MS_MOST = 1000  # with the start of a container in it


def well(project):
    wait_for(lambda: project.healthy() and project.ready(), HEALTHY_SECONDS, 0.2)


def replaced(project, name):
    """Back, and everything is ready."""
    project.start(name)
    well(project)


@pytest.mark.parametrize("role", ["control", "signaling", "media"])
def test_killed(wide, role):
    """Each container of a role killed in turn, and started again later, under calls: none is dropped, and the audio pauses for no longer than it
    may (C92)."""
    with calls(wide, CALLS) as made:
        for name in wide.containers(role):
            least_pause(f"{name} killed", made, CALLS, PAUSE_MS_MOST[role], lambda name=name: wide.kill(name), lambda name=name: replaced(wide, name))
            judge(f"{name} back", made, CALLS)
        assert made.finish()["failed"] == 0


def test_killed_without_a_twin(wide):
    """The only media container left, which has the worker of the other one, too, is killed: its replacement goes on with all calls. What the engine
    itself takes to end a container and to start one is not ours."""
    first, *others = wide.containers("media")
    engine_ms = []

    def again():
        begin = time.monotonic()
        wide.kill(first)
        wide.start(first)
        engine_ms.append(1000 * (time.monotonic() - begin))

    with calls(wide, CALLS) as made:
        try:
            for name in others:
                compose.run("docker", "stop", "-t", "60", name)
            judge("one media container", made, CALLS)
            missed = pause(f"{first} killed and started", made, CALLS, again, 6)
            print(f"{missed} ms without audio, {engine_ms[0]:.0f} ms of them for the engine, {START_PAUSE_MS_MOST} ms are ours at most", flush=True)
            assert missed - engine_ms[0] <= START_PAUSE_MS_MOST
        finally:
            for name in others:
                wide.start(name)
            well(wide)
        judge("two again", made, CALLS)
        assert made.finish()["failed"] == 0


def test_backend_killed(wide):
    """One of two backends killed under calls: the other one goes on with them, as on_lost says."""
    with calls(wide, CALLS) as made:
        first = wide.containers("echo")[0]
        wide.kill(first)
        try:
            judge(f"{first} killed", made, CALLS, 7)
        finally:
            replaced(wide, first)  # those behind need it
        assert made.finish()["failed"] == 0


class Stream:
    """New calls all the time, two a second, each three seconds long."""

    def __init__(self, project, total):
        self.total = total
        self.process = subprocess.Popen(
            [HERE / "build/release/bin/callgen", "--target", f"{project.address}:5060", "--calls", "20", "--total", str(total), "--cps", "2",
             "--hold", "3000"], stdout=subprocess.PIPE, text=True)

    def judge(self):
        seen = json.loads(self.process.communicate(timeout=600)[0].splitlines()[-1])
        print(f"new calls: {seen['done']} of {self.total} answered and ended, {seen['failed']} failed, {seen['mute']} heard nothing", flush=True)
        assert (seen["done"], seen["failed"], seen["mute"]) == (self.total, 0, 0), seen

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def test_rolling_restart(wide):
    """Every container, backends too, is stopped by SIGTERM and started again, one after the other, under calls and new ones: nothing is dropped or
    refused."""
    with calls(wide, CALLS) as made:
        stream = Stream(wide, 200)
        try:
            for role in ("control", "signaling", "media", "echo"):
                for name in wide.containers(role):
                    compose.run("docker", "stop", "-t", "60", name)
                    replaced(wide, name)
                    judge(f"{name} restarted", made, CALLS)
            stream.judge()
        finally:
            stream.close()
        assert made.finish()["failed"] == 0


def test_scaled(sizes, tmp_path):
    """Media from two containers to four under calls: the new ones take calls, the old calls notice nothing. And back to two: those that stay go on
    with the workers of the others, all of them, and with new calls on them."""
    with compose.Project("scaled", tmp_path, WIDE) as project:
        project.up()
        wait_for(project.healthy, HEALTHY_SECONDS, 0.3)
        with calls(project, CALLS) as made:
            project.up("--no-recreate", "--scale", "media=4")
            wait_for(project.healthy, HEALTHY_SECONDS, 0.3)
            judge("scaled", made, CALLS)
            with calls(project, CALLS) as more:
                rows = project.status()
                assert all(rows[f"media-{i}"] > 0 for i in range(4)), rows
                project.up("--no-recreate", "--scale", "media=2")
                wait_for(lambda: len(project.containers("media")) == 2, HEALTHY_SECONDS, 0.3)
                well(project)
                judge("scaled back", made, CALLS)
                judge("scaled back", more, CALLS)
                assert more.finish()["failed"] == 0
            with calls(project, CALLS) as more:
                rows = project.status()
                assert all(rows[f"media-{i}"] > 0 for i in range(4)), rows
                assert more.finish()["failed"] == 0
            assert project.metric("tipring_calls_stuck") == 0
            assert made.finish()["failed"] == 0
