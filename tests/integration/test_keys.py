"""Keys of the caller: each is told once, whoever hangs or dies around it."""

import asyncio
import signal

import pytest

from system import wait_for
from test_backend import Caller, in_thread, with_backend

ROUNDS = 3


def replaced(system, name, old):
    wait_for(lambda: system.workers().get(name, old) != old, 20)


def press_while(system, caller, key, frozen, killed):
    """A key while `frozen` does not listen any more; then it and `killed` die."""
    system.kill(frozen, signal.SIGSTOP)
    caller.send_digit(key)
    victims = [(name, system.kill(name)) for name in [*killed, frozen]]
    for name, old in victims:
        replaced(system, name, old)


@pytest.mark.parametrize("killed", [(), ("media-0",)], ids=["control", "both"])
def test_a_key_that_control_did_not_hear(make_system, killed):
    """Media says it again to the next one."""
    system = make_system(calls=4)
    caller = Caller(system)
    heard, hears = [], asyncio.Event()

    async def handle(call):
        await call.answer(rate=8000)
        hears.set()
        async for digit in call.digits():
            heard.append(digit)

    async def scenario(server):
        caller.start_media(await in_thread(caller.call))
        await hears.wait()
        for at in range(ROUNDS):
            await in_thread(press_while, system, caller, at % 10, "control-0", killed)
        await in_thread(caller.send_digit, 11)
        async with asyncio.timeout(40):
            while not heard or heard[-1].digit != "#":
                await asyncio.sleep(0.02)
        await in_thread(caller.bye)

    with_backend(system, handle, scenario)
    assert "".join(d.digit for d in heard) == "".join(str(at % 10) for at in range(ROUNDS)) + "#"
    # without audio their places are those of their arrival, which may be one for two when media had to wait
    assert all(a.pos <= b.pos for a, b in zip(heard, heard[1:]))


def test_a_key_before_the_caller_hangs_up_while_control_is_away(make_system):
    """The key comes before the end, and both when somebody listens."""
    system = make_system(calls=4)
    caller = Caller(system)
    heard, hears, over = [], asyncio.Event(), asyncio.Event()

    async def handle(call):
        await call.answer(rate=8000)
        hears.set()
        async for digit in call.digits():
            heard.append(digit.digit)
        over.set()

    def press_and_hang_up():
        old = system.kill("control-0", signal.SIGSTOP)
        caller.send_digit(7)
        caller.bye()
        system.kill("control-0")
        replaced(system, "control-0", old)

    async def scenario(server):
        caller.start_media(await in_thread(caller.call))
        await hears.wait()
        await in_thread(press_and_hang_up)
        async with asyncio.timeout(40):
            await over.wait()

    with_backend(system, handle, scenario)
    assert heard == ["7"]
