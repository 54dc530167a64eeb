"""Containers that are killed, drained and added under calls, and what the callers notice."""

import subprocess

import pytest

import compose
from conftest import HEALTHY_SECONDS, WIDE, calls, judge
from system import HERE, wait_for

CALLS = 50
GAP_MS_MOST = 1000  # with the start of a container in it


def replaced(project, name):
    """Back, and everything is ready."""
    project.start(name)
    wait_for(lambda: project.healthy() and project.ready(), HEALTHY_SECONDS, 0.2)


@pytest.mark.parametrize("role", ["control", "signaling", "media"])
def test_killed(wide, role):
    """Each container of a role killed in turn and started again, under calls: none is dropped (C92)."""
    with calls(wide, CALLS) as made:
        for name in wide.containers(role):
            wide.kill(name)
            wide.start(name)
            gap = judge(f"{name} killed", made, CALLS)
            assert gap <= GAP_MS_MOST
            wait_for(lambda: wide.healthy() and wide.ready(), HEALTHY_SECONDS, 0.2)
            judge(f"{name} back", made, CALLS)
        assert made.finish()["failed"] == 0


def test_media_twin(wide):
    """A media container killed and left away: its twin has its calls."""
    with calls(wide, CALLS) as made:
        name = wide.containers("media")[0]
        wide.kill(name)
        judge(f"{name} killed, its twin takes over", made, CALLS)
        replaced(wide, name)
        judge("and gives back", made, CALLS)
        assert made.finish()["failed"] == 0


def test_backend_killed(wide):
    """One of two backends killed under calls: the other one goes on with them, as on_lost says."""
    with calls(wide, CALLS) as made:
        first = wide.containers("echo")[0]
        wide.kill(first)
        judge(f"{first} killed", made, CALLS, 7)
        replaced(wide, first)
        assert made.finish()["failed"] == 0


class Stream:
    """New calls all the time, two a second, each three seconds long."""

    def __init__(self, project, total):
        self.process = subprocess.Popen(
            [HERE / "build/release/bin/callgen", "--target", f"{project.address}:5060", "--calls", "20", "--total", str(total), "--cps", "2",
             "--hold", "3000", "--verdict", "0.01"], stdout=subprocess.PIPE, text=True)

    def judge(self):
        said = self.process.communicate(timeout=300)[0]
        print(said)
        assert self.process.returncode == 0, said

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def test_rolling_restart(wide):
    """Every container is stopped by SIGTERM and started again, one after the other, under calls and new ones: nothing is dropped or refused."""
    with calls(wide, CALLS) as made:
        stream = Stream(wide, 100)
        try:
            for role in ("control", "signaling", "media"):
                for name in wide.containers(role):
                    compose.run("docker", "stop", "-t", "60", name)
                    replaced(wide, name)
                    judge(f"{name} restarted", made, CALLS)
            stream.judge()
        finally:
            stream.close()
        assert made.finish()["failed"] == 0


def test_scaled(sizes, tmp_path):
    """Media from two containers to four under calls: the new ones take calls, the old calls notice nothing."""
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
                assert more.finish()["failed"] == 0
            assert made.finish()["failed"] == 0
