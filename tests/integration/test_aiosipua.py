"""The aiosipua package in the middle of a call, both roles: what works there works with us, and what does not is said here."""

import asyncio
import json
import pathlib
import subprocess
import sys

import pytest
import tipring

from test_backend import in_thread, with_backend
from test_dial import OPEN, nothing_is_left

SCRIPT = pathlib.Path(__file__).resolve().parent / "aiosipua_midcall.py"


@pytest.fixture
def start():
    """start(arguments) -> its process."""
    made = []

    def run(*arguments):
        made.append(subprocess.Popen([sys.executable, "-O", SCRIPT, *map(str, arguments)], stdout=subprocess.PIPE, text=True))
        return made[-1]

    yield run
    for process in made:
        process.kill()
        process.wait()


def test_it_calls(make_system, start):
    """C130 C184 C214: its PRACK, its re-INVITEs, its INFO"""
    system = make_system(calls=4)
    told, digits = [], []

    async def handle(call):
        await call.ring(early_media=True, rate=8000)
        await call.answer()

        async def keys():
            async for digit in call.digits():
                digits.append(digit.digit)

        pressing = asyncio.create_task(keys())
        async for event in call.events():
            told.append(event.kind)
        await pressing

    async def scenario(server):
        process = start("call", system.sip_port)
        answers = [tuple(a) for a in json.loads((await in_thread(process.communicate))[0])]
        assert ("INVITE", 183) in answers and ("PRACK", 200) in answers and answers.count(("INVITE", 200)) == 3, answers

    with_backend(system, handle, scenario)
    assert [t for t in told if t in ("held", "resumed")] == ["held", "resumed"] and digits == ["5"]
    nothing_is_left(system)


def test_it_is_called(make_system, start):
    """C214: its reliable 180 is acknowledged, it is held and resumed. INFO it does not know as a server (405): the call goes on."""
    system = make_system(calls=4, settings=OPEN)

    async def unused(call):
        await call.reject()

    async def scenario(server):
        process = start("wait")
        port = json.loads(await in_thread(process.stdout.readline))["port"]
        call = await server.dial(f"sip:bob@127.0.0.1:{port}", rate=8000, early_media=True)
        await call.answered()
        await call.hold()
        assert call.held == "us"
        with pytest.raises(tipring.CommandRefused) as refused:
            await call.send_info("text/plain", "hello")
        assert refused.value.sip_code == 405
        await call.unhold()
        assert call.held == ""
        await call.hangup()
        await call.ended()
        assert json.loads((await in_thread(process.communicate))[0]) == ["sendonly", "sendrecv"]

    with_backend(system, unused, scenario)
    nothing_is_left(system)
