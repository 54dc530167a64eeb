"""compose.py - deploy/compose.yaml under a project name of its own, on the engine of this machine.

Only containers, volumes, networks and image names of that project are touched, and all of them are gone after close().
"""

from __future__ import annotations

import functools
import json
import os
import pathlib
import shutil
import socket
import subprocess
import urllib.request

from ports import Range, free_udp_port
from system import HERE, wait_for

BASE = "debian:bookworm-slim"
IMAGE = "tipring-test"
OPEN: list["Project"] = []


def run(*command: str, env: dict | None = None, check: bool = True, seconds: float = 1200, merged: bool = False) -> str:
    """Its output; RuntimeError with the end of what it said when it fails."""
    done = subprocess.run(command, cwd=HERE, env=env, text=True, timeout=seconds, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT if merged else subprocess.PIPE)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout[-3000:]}{(done.stderr or '')[-3000:]}")
    return done.stdout


def works(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True, timeout=120).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


@functools.cache
def compose_command() -> tuple[str, ...]:
    """What compose is called here; empty: there is none."""
    for command in (("docker", "compose"), ("docker-compose",)):
        if works(*command, "version"):
            return command
    return ()


def make_base() -> bool:
    """The base image without a registry, from Debian's archive. Needs root, and mmdebstrap, which is installed when it may be."""
    if os.geteuid() != 0:
        return False
    if not shutil.which("mmdebstrap"):
        if os.environ.get("TIPRING_NO_APT") or not works("apt-get", "install", "-y", "-qq", "--no-install-recommends", "mmdebstrap"):
            return False
    archive = subprocess.Popen(["mmdebstrap", "--quiet", "--variant=minbase", "bookworm"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    made = subprocess.run(["docker", "import", "-", BASE], stdin=archive.stdout, capture_output=True, timeout=900)
    if archive.wait() == 0 and made.returncode == 0:
        return True
    works("docker", "image", "rm", BASE)  # half of one
    return False


@functools.cache
def why_not() -> str:
    """Why nothing can be tried here; empty when it can."""
    if not shutil.which("docker") or not works("docker", "info"):
        return "no Docker engine answers here"
    if not compose_command():
        return "there is neither docker compose nor docker-compose"
    if not works("docker", "image", "inspect", BASE) and not works("docker", "pull", "-q", BASE) and not make_base():
        return f"no registry has {BASE}, and mmdebstrap could not make it"
    return ""


class Project:
    """The compose file with settings of its own, and ports that are free. `changes`: lines of compose.tipring.yaml that are replaced, old: new.
    `extra`: a further compose file."""

    def __init__(self, name: str, directory: pathlib.Path, changes: dict[str, str] | None = None, extra: pathlib.Path | None = None):
        self.name = f"tipring-test-{os.getpid()}-{name}"
        self.files = [HERE / "deploy" / "compose.yaml", *([extra] if extra else [])]
        text = (HERE / "deploy" / "compose.tipring.yaml").read_text()
        for old, new in (changes or {}).items():
            assert old in text, old
            text = text.replace(old, new)
        config = directory / f"{name}.yaml"
        config.write_text(text)
        self.ports = Range(16, "127.0.0.1")
        self.http_port = free_udp_port("127.0.0.1", socket.SOCK_STREAM)
        self.sip_published = free_udp_port("127.0.0.1")
        self.env = {**os.environ, "COMPOSE_PROJECT_NAME": self.name, "TIPRING_IMAGE": IMAGE, "TIPRING_CONFIG": str(config),
                    "TIPRING_SIP_PORT": str(self.sip_published), "TIPRING_HTTP_PORT": str(self.http_port),
                    "TIPRING_RTP_PORTS": f"{self.ports.first}-{self.ports.first + 15}"}
        OPEN.append(self)

    def compose(self, *arguments: str, check: bool = True) -> str:
        return run(*compose_command(), *self._files(), *arguments, env=self.env, check=check, merged=True)

    def _files(self) -> list[str]:
        return [word for file in self.files for word in ("-f", str(file))]

    def begin(self, *arguments: str) -> subprocess.Popen:
        """compose() that goes on."""
        return subprocess.Popen([*compose_command(), *self._files(), *arguments], cwd=HERE, env=self.env, text=True, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT)

    def containers(self, service: str) -> list[str]:
        """Names, oldest first; also of those that do not run."""
        out = run("docker", "ps", "-a", "--filter", f"label=com.docker.compose.project={self.name}",
                  "--filter", f"label=com.docker.compose.service={service}", "--format", "{{.Names}}")
        return sorted(out.split())

    @property
    def services(self) -> list[str]:
        return ["net", "control", "signaling", "media", "echo"]

    def inspect(self, container: str) -> dict:
        return json.loads(run("docker", "inspect", container))[0]

    def healthy(self) -> bool:
        states = [self.inspect(c)["State"] for s in self.services for c in self.containers(s)]
        return len(states) >= len(self.services) and all(
            s["Running"] and s.get("Health", {"Status": "healthy"})["Status"] in ("healthy", "none") for s in states)

    def up(self, *arguments: str) -> "Project":
        self.compose("up", "-d", "--no-build", *arguments)
        return self

    def kill(self, container: str) -> None:
        """As a machine does it: no word, no time."""
        run("docker", "kill", "-s", "KILL", container)

    def start(self, container: str) -> None:
        run("docker", "start", container)

    @property
    def network(self) -> dict:
        return next(iter(self.inspect(self.containers("net")[0])["NetworkSettings"]["Networks"].values()))

    @property
    def address(self) -> str:
        """Of the host of the file; reached from here by the bridge."""
        return self.network["IPAddress"]

    @property
    def gateway(self) -> str:
        """Of this machine, as the containers see it."""
        return self.network["Gateway"]

    def log(self, service: str) -> str:
        return self.compose("logs", "--no-color", service, check=False)

    def metrics(self) -> dict[str, float]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}/metrics", timeout=20) as answer:
            rows = answer.read().decode().splitlines()
        return {r.rsplit(" ", 1)[0]: float(r.rsplit(" ", 1)[1]) for r in rows if r and not r.startswith("#")}

    def metric(self, name: str) -> float:
        return sum(v for k, v in self.metrics().items() if k == name or k.startswith(name + "{"))

    def ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}/readyz", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def status(self) -> dict[str, int]:
        """Calls of each worker, by its name."""
        rows = [row.split() for row in run("docker", "exec", self.containers("control")[0], "tipring", "status").splitlines()]
        return {r[0]: int(r[3]) for r in rows if len(r) > 5 and r[4] == "of"}

    def calls(self) -> list[dict]:
        """Those that are up, as `tipring --json calls` shows them."""
        rows = run("docker", "exec", self.containers("control")[0], "tipring", "--json", "calls").splitlines()
        return [json.loads(row) for row in rows]

    def close(self) -> None:
        OPEN.remove(self)
        self.compose("down", "-v", "--remove-orphans", "-t", "3", check=False)
        self.ports.close()

    def __enter__(self) -> "Project":
        return self

    def __exit__(self, *_) -> None:
        self.close()


def build() -> dict[str, int]:
    """Both images; their sizes in bytes."""
    env = {**os.environ, "DOCKER_BUILDKIT": "0"} if not works("docker", "buildx", "version") else dict(os.environ)
    sizes = {}
    for target, tag in (("runtime", IMAGE), ("load", f"{IMAGE}-load")):
        run("docker", "build", "-q", "-f", "deploy/Dockerfile", "--target", target, "-t", tag, ".", env=env, seconds=1800)
        sizes[target] = json.loads(run("docker", "image", "inspect", tag))[0]["Size"]
    return sizes


def remove_images() -> None:
    for tag in (f"{IMAGE}-load", IMAGE):
        works("docker", "image", "rm", tag)

