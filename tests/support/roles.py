"""roles.py - a host whose roles run in supervisors of their own, as containers do: one run directory, nothing else in common."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess

from system import System, alive, wait_for


class Container:
    """One supervisor of one role with its worker. `own_pids`: in a pid namespace of its own, as in a container."""

    def __init__(self, host: "Host", role: str, index: int | None, own_pids: bool = False):
        self.host, self.role = host, role
        self.supervisor_file = host.run_dir / f"supervisor-{role}-{index}.state"
        command = [host.bin_dir / "tipring-supervisor", "--config", host.config_path, "--role", role]
        command += ["--index", str(index)] if index is not None else []
        self.own_pids = own_pids
        if own_pids:
            command = ["unshare", "--pid", "--fork", "--mount-proc", *command]
        with open(host.log_path, "ab") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=out, start_new_session=True)

    @property
    def supervisor(self) -> int:
        """Its process id as seen from here."""
        if not self.own_pids:
            return self.process.pid
        return wait_for(lambda: children(self.process.pid), 5)[0]

    def workers(self) -> list[int]:
        return [pid for pid in children(self.supervisor) if alive(pid, "tipring-")]

    def kill(self) -> None:
        """As the end of a container does: everything in it, without a word."""
        supervisor = self.supervisor
        pids = [supervisor, *self.workers()]
        os.kill(supervisor, signal.SIGSTOP)  # starts nobody meanwhile
        for pid in reversed(pids) if not self.own_pids else pids[:1]:  # a namespace ends with its first process
            os.kill(pid, signal.SIGKILL)
        self.process.wait(60)

    def stop(self, seconds: float = 60) -> int:
        """As docker stop."""
        if self.process.poll() is None:
            os.kill(self.supervisor, signal.SIGTERM)
        return self.process.wait(seconds)


def children(pid: int) -> list[int]:
    try:
        return [int(p) for p in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


class Host(System):
    """`start_role(role, index)` for each container; stop() ends all that are left, all at one time."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.containers: list[Container] = []
        self.config_path.write_text(self.yaml())

    def start_role(self, role: str, index: int | None = None, own_pids: bool = False) -> Container:
        container = Container(self, role, index, own_pids)
        self.containers.append(container)
        return container

    def running(self, text: str, times: int = 1) -> None:
        """Wait until the log says it so often."""
        try:
            wait_for(lambda: self.log.count(text) >= times, 10)
        except TimeoutError:
            raise TimeoutError(f"{text} is {self.log.count(text)} times in the log, not {times}:\n{self.log[-6000:]}") from None

    def stop(self) -> list[int]:
        up = [c for c in self.containers if c.process.poll() is None]
        for c in up:
            os.kill(c.supervisor, signal.SIGTERM)
        codes = []
        for c in up:
            try:
                codes.append(c.process.wait(60))
            except subprocess.TimeoutExpired:
                c.kill()
                codes.append(-9)
        return codes
