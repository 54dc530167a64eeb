"""The public surface: small, and it says what it is and what is wrong (N15)."""

import asyncio
import functools
import importlib.metadata
import pathlib
import re

import pytest
import tipring
from tipring import testing

HERE = pathlib.Path(__file__).resolve().parents[3]


def public(thing):
    return {name for name in dir(thing) if not name.startswith("_")}


def test_the_version():
    assert tipring.__version__ == importlib.metadata.version("tipring")
    project = re.search(r"VERSION (\d+\.\d+\.\d+)", (HERE / "CMakeLists.txt").read_text())
    assert project and project[1] == tipring.__version__


def test_only_what_a_backend_needs_is_public():
    server = tipring.connect("/nowhere")
    assert public(server) == {"app", "bridge", "calls", "dial", "endpoint", "list_calls", "messages", "name", "room", "run", "send_message", "status", "stop"}

    async def handler(call):
        assert public(call) == {
            "answer", "answered", "audio", "auth_user", "bridge", "call_id", "codec", "collect", "detect_speech", "digit", "digits", "direction", "drained", "early_media", "end_headers", "end_reason", "ended",
            "events", "flush", "frames_lost", "from_display", "from_uri", "hangup", "headers", "held", "hold", "id", "ignore_speech", "levels", "mark", "metadata", "muted", "outcome", "pause", "play", "play_file",
            "rate", "record", "recording", "redirect", "reject", "replaces", "renegotiate", "request_uri", "resume", "ring", "room_id", "say", "send_dtmf", "send_info", "send_message",
            "session_id", "sip_call_id", "sleep", "sound", "stalled", "timeout", "to_uri", "transfer", "unhold", "write"}
        for thing in (call, server):
            undocumented = [n for n in public(type(thing)) if n != "id" and not getattr(type(thing), n).__doc__]
            assert not undocumented

    asyncio.run(testing.Caller().call(handler))


def test_everything_shows_what_it_is():
    seen = {}

    async def handler(call):
        await call.answer(rate=8000)
        playback = await call.say(b"\1\0" * 800)
        seen["pending"] = repr(playback)
        async for frame in call.audio:
            seen["frame"] = repr(frame)
            break
        await playback.finished()
        failed = await call.say(broken())
        with pytest.raises(OSError):
            await failed.finished()
        seen.update(done=repr(playback), failed=repr(failed), audio=repr(call.audio), call=repr(call), keys=repr(call.digits()))

    async def broken():
        yield b"\1\0"
        raise OSError("no voice")

    caller = testing.Caller(keys=[(0.0, "1")])
    assert "not answered" in repr(caller)
    asyncio.run(caller.call(handler))
    assert seen["pending"] == "<Playback 1 pending>" and seen["done"] == "<Playback 1 played 100 ms, discarded 0 ms>"
    assert "no voice" in seen["failed"]
    assert seen["frame"] == "<Frame silence at 0, 160 samples>"
    assert re.fullmatch(r"<Audio \d+ waiting, 0 dropped>", seen["audio"]) and seen["keys"] == "<Digits 1 waiting, 0 dropped>"
    assert re.fullmatch(r"<Call [0-9a-f]{16} from sip:\S+ to sip:\S+>", seen["call"])
    assert "handler hung up: the handler returned" in repr(caller)
    assert repr(tipring.connect("/nowhere", "bot")) == "<Server bot at /nowhere, not serving, 0 calls>"


@pytest.mark.parametrize("use", [
    lambda server: server.run(), lambda server: server.list_calls(), lambda server: server.status(), lambda server: server.dial("sip:a@b"),
    lambda server: server])
def test_a_server_that_was_not_entered_says_how(use):
    async def handle(call):
        pass

    async def attempt():
        server = tipring.connect("/nowhere")
        server.app("bot")(handle)
        with pytest.raises(RuntimeError, match=r"async with tipring\.connect\(\) as server"):
            await use(server)

    asyncio.run(attempt())


def test_a_decorator_without_its_parentheses():
    server = tipring.connect("/nowhere")
    with pytest.raises(TypeError, match=r'@server\.app\("name"\)'):
        @server.app
        async def handle(call):
            pass


def test_a_handler_that_is_no_coroutine_function():
    server = tipring.connect("/nowhere")

    def handle(call):
        pass

    with pytest.raises(TypeError, match="async def .*handle"):
        server.app("bot")(handle)
    with pytest.raises(TypeError, match="async def .*handle"):
        asyncio.run(testing.Caller().call(handle))


def test_other_kinds_of_handlers():
    class Bot:
        async def __call__(self, call):
            await call.hangup()

        async def handle(self, greeting, call):
            await call.hangup(greeting)

    server = tipring.connect("/nowhere")
    for number, handler in enumerate((Bot(), Bot().__call__, functools.partial(Bot().handle, "hello"))):
        server.app(f"bot{number}")(handler)
        assert asyncio.run(testing.Caller().call(handler)).hung_up_by == "handler"
