"""system.py - start and stop a whole Tipring on this machine, for the demo and the tests.

Everything lives in one fresh directory: configuration, run directory, logs. Only processes started here are
ever signalled, by their id.
"""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request

from ports import Range, free_port_range, free_udp_port  # noqa: F401

HERE = pathlib.Path(__file__).resolve().parents[2]
PATIENCE = 4  # what is waited for has so many times the time that a machine with nothing else to do needs


def wait_for(what, seconds: float, every: float = 0.02):
    """Call `what` until it answers something true; its answer. TimeoutError after `seconds`, and the patience a busy machine needs."""
    end = time.monotonic() + seconds * PATIENCE
    while True:
        got = what()
        if got:
            return got
        if time.monotonic() >= end:
            raise TimeoutError(f"still waiting after {seconds} s for {what}")
        time.sleep(every)


RUNNING: "list[System]" = []


class System:
    """One supervisor and its workers.

    `bin_dir`: where the programs are. `settings`: keys of tipring.yaml as a dict of sections ("sip.force_rport" style
    keys). Use as a context manager; `log` is the text of all processes so far.
    """

    def __init__(self, bin_dir, *, calls: int = 100, host: str = "127.0.0.1", settings: dict | None = None,
                 app: str = "echo", directory: str | None = None, ports: int | None = None):
        self.bin_dir = pathlib.Path(bin_dir)
        self.own_dir = directory is None
        self.dir = pathlib.Path(directory or tempfile.mkdtemp(prefix="tipring-"))
        self.run_dir = self.dir / "run"
        self.log_path = self.dir / "tipring.log"
        self.host = host
        self.sip_port = free_udp_port(host)
        self.http_port = free_udp_port("127.0.0.1", socket.SOCK_STREAM)
        count = ports if ports is not None else 2 * calls + 64
        self.ports = Range(count, host)
        self.rtp_port = self.ports.first
        self.rtp_last = self.rtp_port + count - 1
        while self.rtp_port <= self.sip_port <= self.rtp_last:
            self.sip_port = free_udp_port(host)
        listen = f"udp:[{host}]:{self.sip_port}" if ":" in host else f"udp:{host}:{self.sip_port}"
        self.values = {
            "log_level": "info", "max_calls": calls, "drain_ms": 1000,
            "sandbox": not os.environ.get("TIPRING_SANITIZED"),  # sanitizers look into their own process
            "host.name": "test", "host.run_dir": str(self.run_dir),
            "sip.listen": [listen], "sip.workers": int(os.environ.get("TIPRING_SIGNALING", "1")),
            "rtp.address": [host], "rtp.ports": [f"{self.rtp_port}-{self.rtp_last}"],
            "rtp.allow_loopback": True,
            "http.listen": f"127.0.0.1:{self.http_port}",
            "routes": [{"number": "*", "app": app}],
        }
        self.values.update(settings or {})
        self.process: subprocess.Popen | None = None
        self.output: int | None = None  # a descriptor instead of log_path

    # -- configuration --

    def yaml(self) -> str:
        tree: dict = {}
        for key, value in self.values.items():
            section, _, name = key.rpartition(".")
            (tree.setdefault(section, {}) if section else tree)[name] = value
        lines = []
        for key, value in tree.items():
            if isinstance(value, dict):
                lines.append(f"{key}:")
                lines += [f"  {k}: {json.dumps(v)}" for k, v in value.items()]
            else:
                lines.append(f"{key}: {json.dumps(value)}")
        return "\n".join(lines) + "\n"

    @property
    def config_path(self) -> pathlib.Path:
        return self.dir / "tipring.yaml"

    # -- life --

    def start(self, ready_seconds: float = 10.0, extra_args=()) -> "System":
        self.config_path.write_text(self.yaml())
        out = open(self.log_path, "ab")
        self.process = subprocess.Popen(
            [self.bin_dir / "tipring-supervisor", "--config", self.config_path, *extra_args],
            stdout=self.output or out, stderr=self.output or out, start_new_session=True)
        out.close()
        RUNNING.append(self)
        try:
            wait_for(lambda: self.process.poll() is not None or self.ready(), ready_seconds)
        except TimeoutError:
            self.stop()
            raise TimeoutError(f"not ready; log:\n{self.log[-4000:]}") from None
        if self.process.returncode is not None:
            raise RuntimeError(f"supervisor ended with {self.process.returncode}:\n{self.log[-4000:]}")
        return self

    def ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}/readyz", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def workers(self) -> dict[str, int]:
        """Process ids by name, e.g. {"media-0": 4711}."""
        try:
            rows = (self.run_dir / "supervisor.state").read_text().split("\n")
        except OSError:
            return {}
        return {f"{r.split()[0]}-{r.split()[1]}": int(r.split()[2]) for r in rows if r}

    def kill(self, name: str, sig: int = signal.SIGKILL) -> int:
        """Signal a worker of ours, or "supervisor"; the id it had. One that is killed is dead on return: a dying process can still take a datagram
        from a socket that its successor reads."""
        pid = self.process.pid if name == "supervisor" else self.workers()[name]
        os.kill(pid, sig)
        if sig == signal.SIGKILL:
            if name == "supervisor":
                self.process.wait()
            else:
                wait_for(lambda: dead(pid), 10, every=0.002)
        return pid

    def stop(self) -> int | None:
        """End everything; the supervisor's exit code."""
        leftovers = self.workers()
        if self in RUNNING:
            RUNNING.remove(self)
        code = None
        if self.process is not None:
            if self.process.poll() is None:
                self.process.terminate()
                try:
                    self.process.wait(30)
                except subprocess.TimeoutExpired:
                    self.process.kill()
                    self.process.wait()
            code = self.process.returncode
        for name, pid in leftovers.items():  # only when their supervisor was killed
            if alive(pid, f"tipring-{name.split('-')[0]}"):
                os.kill(pid, signal.SIGKILL)
        return code

    def __enter__(self) -> "System":
        return self.start()

    def __exit__(self, *_):
        self.stop()
        self.ports.close()
        if self.own_dir and not os.environ.get("TIPRING_KEEP"):
            shutil.rmtree(self.dir, ignore_errors=True)

    # -- looking --

    @property
    def log(self) -> str:
        try:
            return self.log_path.read_text(errors="replace")
        except OSError:
            return ""

    def get(self, path: str, seconds: float = 20) -> str:
        """A page of the HTTP port."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}{path}", timeout=seconds) as answer:
            return answer.read().decode()

    def metrics(self) -> dict[str, float]:
        """Every sample of /metrics, keyed as printed (name{labels})."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}/metrics", timeout=20) as answer:
            rows = answer.read().decode().splitlines()
        return {r.rsplit(" ", 1)[0]: float(r.rsplit(" ", 1)[1]) for r in rows if r and not r.startswith("#")}

    def metric(self, name: str) -> float:
        """Sum of one metric over its labels; 0 when nobody has it."""
        return sum(v for k, v in self.metrics().items() if k == name or k.startswith(name + "{"))

    @property
    def env(self) -> dict[str, str]:
        """For backends: where this system is."""
        return {**os.environ, "TIPRING_ENDPOINT": str(self.run_dir)}


def dead(pid: int) -> bool:
    """Has this process let go of everything? Reaped or not."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def alive(pid: int, program: str) -> bool:
    """Is `pid` still that program (and not a later process with the same number)?"""
    try:
        return os.path.basename(os.readlink(f"/proc/{pid}/exe")).startswith(program)
    except OSError:
        return False
