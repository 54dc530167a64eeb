"""sipp calls and is called: what happens in the middle of a call, by scenarios that end at whatever differs."""

import asyncio
import pathlib
import subprocess

import pytest

from system import free_port_range, free_udp_port, wait_for
from test_backend import in_thread, with_backend
from test_dial import OPEN, is_bound, nothing_is_left

HERE = pathlib.Path(__file__).resolve().parent


def sipp(tmp_path, scenario, *arguments, calls=4):
    """Its process, and its port."""
    port = free_udp_port()
    process = subprocess.Popen(
        ["sipp", *arguments, "-sf", HERE / scenario, "-i", "127.0.0.1", "-p", str(port), "-mi", "127.0.0.1", "-mp", str(free_port_range(4)),
         "-m", str(calls), "-nostdin", "-timeout", "40", "-trace_err", "-error_file", tmp_path / "errors.log"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return process, port


def over(process, tmp_path):
    out, _ = process.communicate(timeout=60)
    errors = tmp_path / "errors.log"
    assert process.returncode == 0, out[-2500:] + (errors.read_text()[-3000:] if errors.exists() else "")


@pytest.fixture
def system(make_system):
    return make_system(calls=8, settings=OPEN)


def test_it_calls(system, tmp_path):
    """C184 C247 C249 C260: 422, a hold, a refresh by UPDATE, a transfer that is refused"""
    told = []

    async def handle(call):
        await call.answer(rate=8000)
        async for event in call.events():
            told.append(event.kind)
            if event.kind == "referred":
                await event.referral.reject(480)

    async def scenario(server):
        process, _ = sipp(tmp_path, "sipp_calls.xml", f"127.0.0.1:{system.sip_port}", "-l", "2")
        try:
            await in_thread(over, process, tmp_path)
        finally:
            process.kill()

    with_backend(system, handle, scenario)
    assert told.count("held") == told.count("referred") == 4
    nothing_is_left(system)


def test_it_is_called(system, tmp_path):
    """C214 C258: we acknowledge its reliable 183, hold again behind its 491, and transfer it"""

    async def call_it(server, port):
        call = await server.dial(f"sip:sipp@127.0.0.1:{port}", rate=8000, early_media=True)
        await call.answered()
        await call.hold()
        assert call.held == "us"
        await call.transfer("sip:carol@192.0.2.7")
        await call.hangup()
        await call.ended()

    async def unused(call):
        await call.reject()

    async def scenario(server):
        process, port = sipp(tmp_path, "sipp_called.xml", calls=2)
        try:
            await in_thread(wait_for, lambda: is_bound(port), 5)
            await asyncio.gather(*(call_it(server, port) for _ in range(2)))
            await in_thread(over, process, tmp_path)
        except BaseException:
            process.kill()
            print(process.communicate()[0][-3000:])
            raise
        finally:
            process.kill()

    with_backend(system, unused, scenario)
    nothing_is_left(system)
