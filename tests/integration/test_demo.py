"""The demo is a judge: it must find a broken echo."""

import os
import socket
import subprocess
import sys

import pytest

from conftest import BIN, SANITIZED
from system import HERE, free_udp_port

pytestmark = [pytest.mark.skipif(SANITIZED, reason="judges delays"), pytest.mark.slow, pytest.mark.alone]

BACKEND = """\
import asyncio, tipring

async def main():
    async with tipring.connect() as server:
        @server.app("echo")
        async def handle(call):
            await call.answer(rate=16000)
            count = 0
            async for frame in call.audio:
                count += 1
                {body}
        await server.run()

asyncio.run(main())
"""

BROKEN = {
    "silent": ("pass", "the echo is silent"),
    "wrong": ("await call.write(bytes(frame.pcm)[::-1])", "the echo does not match"),
    "late": ("if count == 1: await call.write(bytes(6400))\n                await call.write(frame.pcm)", "the echo took"),
    "gone": ("if count == 50: return", "the echo is silent"),
}


def demo(*options):
    return subprocess.run([sys.executable, HERE / "tests" / "support" / "demo.py", "--once", "--bin", BIN, *options],
                          capture_output=True, text=True, timeout=200)


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_echo_is_found(name, tmp_path):
    if name == "late" and os.geteuid() != 0:
        pytest.skip("delays are measured by root")
    body, complaint = BROKEN[name]
    (tmp_path / f"{name}.py").write_text(BACKEND.format(body=body))
    done = demo("--port", str(free_udp_port()), "--backend", tmp_path / f"{name}.py")
    assert done.returncode == 1, done.stdout
    assert f"WRONG: {complaint}" in done.stdout, done.stdout


def test_a_good_one_beside_a_phone_that_has_its_port():
    port = free_udp_port()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
        holder.bind(("127.0.0.1", port))
        done = demo("--port", str(port))
    assert done.returncode == 0, done.stdout
    for word in ("INVITE", "200 OK", "BYE", "PCMU", "set-up", "mouth to ear", "jitter", "level", "correlation"):
        assert word in done.stdout or os.geteuid() != 0
    assert f"127.0.0.1:{port}" not in done.stdout


def test_no_speech_program_is_said(tmp_path):
    done = subprocess.run([sys.executable, "-c", "import pathlib, sys; sys.path.insert(0, sys.argv[1]); import sound, demo\n"
                           "demo.HERE = pathlib.Path(sys.argv[2]); sys.argv[1:] = ['--bin', 'x']; sys.exit(demo.main())",
                           HERE / "tests" / "support", tmp_path], env={**os.environ, "PATH": str(tmp_path)},
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "WRONG: no speech to play" in done.stdout and "espeak-ng" in done.stdout, done.stdout + done.stderr
