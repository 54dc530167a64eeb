"""CollectDtmf: keys gathered by control, over its death."""

import asyncio
import threading

import pytest
import tipring

from conftest import BIN
from system import System, wait_for
from test_backend import Caller, in_thread, with_backend
from test_keys import replaced


@pytest.fixture(scope="module")
def shared():
    system = System(BIN, calls=16)
    yield system.start()
    code = system.stop()
    assert code == 0 and " must failed=" not in system.log and "Sanitizer" not in system.log, system.log[-6000:]


@pytest.fixture
def system(shared):
    wait_for(lambda: shared.ready(), 10)
    yield shared
    wait_for(lambda: shared.metric("tipring_calls") == 0, 10)


def asked(system, ask, scenario):
    """`ask(call)` of one call, while `scenario(caller)` goes on in a thread."""
    answers, hears = [], asyncio.Event()
    caller = Caller(system)

    async def handle(call):
        await call.answer(rate=8000)
        hears.set()
        try:
            answers.append(await ask(call))
        except tipring.TipringError as why:
            answers.append(why)

    async def run(server):
        caller.start_media(await in_thread(caller.call))
        await hears.wait()
        await in_thread(scenario, caller)
        async with asyncio.timeout(40):
            while not answers:
                await asyncio.sleep(0.01)

    with_backend(system, handle, run)
    caller.close()
    return answers[0]


def press(keys):
    def scenario(caller):
        for key in keys:
            caller.send_digit("0123456789*#ABCD".index(key))
    return scenario


@pytest.mark.parametrize("keys, options, answer", [
    ("42#", {}, ("42", "terminator")),
    ("1234", {"max": 4, "terminators": ""}, ("1234", "max")),
    ("7", {"timeout": 0.5}, ("7", "timeout")),
    ("", {"timeout": 0.3}, ("", "timeout")),
])
def test_how_it_ends(system, keys, options, answer):
    assert asked(system, lambda call: call.collect(**{"timeout": 30, **options}), press(keys)) == tipring.Collected(*answer)


def test_what_is_pressed_ahead_counts_and_the_rest_waits(system):
    async def ask(call):
        while len(call.digits()._waiting) < 3:
            await asyncio.sleep(0.01)
        first = await call.collect(max=2, timeout=30)
        second = await call.collect(max=2, timeout=30)
        return first.digits, second.digits, (await call.digit(30)).digit

    assert asked(system, ask, press("12345")) == ("12", "34", "5")


def test_the_caller_hangs_up(system):
    def scenario(caller):
        press("12")(caller)
        caller.bye()

    answer = asked(system, lambda call: call.collect(timeout=30), scenario)
    assert isinstance(answer, tipring.CallEnded)


def test_another_one_takes_its_place(system):
    cancelled = threading.Event()

    async def ask(call):
        both = [asyncio.ensure_future(call.collect(max=1, timeout=60)) for _ in range(2)]
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        cancelled.set()
        return [await each for each in both]

    def scenario(caller):
        assert cancelled.wait(60)
        press("9")(caller)

    answers = asked(system, ask, scenario)
    assert sorted(answers, key=lambda each: each.end) == [tipring.Collected("", "cancelled"), tipring.Collected("9", "max")]


@pytest.mark.parametrize("killed", ["control-0", "media-0"])
def test_whoever_dies(make_system, killed):
    """Keys before, at, and behind the death are one answer."""
    system = make_system(calls=4)

    def scenario(caller):
        press("1")(caller)
        old = system.kill(killed)
        press("2")(caller)
        replaced(system, killed, old)
        press("3#")(caller)

    assert asked(system, lambda call: call.collect(timeout=60), scenario) == tipring.Collected("123", "terminator")


def test_its_time_goes_on_while_control_is_away(make_system):
    system = make_system(calls=4)

    def scenario(caller):
        press("1")(caller)
        replaced(system, "control-0", system.kill("control-0"))

    assert asked(system, lambda call: call.collect(timeout=2), scenario) == tipring.Collected("1", "timeout")
