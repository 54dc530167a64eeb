"""kill -9 at the worst instant: what was asked for is done, what ended is told once."""

import asyncio
import os
import signal
import threading
import time

import pytest
import tipring
import zmq

from chaos import Calls
from sip_peer import Peer
from system import wait_for
from test_backend import Caller, in_thread, is_serving, tone, with_backend
from test_spare import spare


class Observer:
    """Every event of a system, in a thread; survives restarts of control."""

    def __init__(self, system):
        from tipring.v1 import envelope_pb2
        self.events, self._parse, self._on = [], envelope_pb2.Envelope.FromString, True
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.SUB)
        for option, value in ((zmq.LINGER, 0), (zmq.RCVTIMEO, 100), (zmq.RECONNECT_IVL, 20)):
            self._socket.setsockopt(option, value)
        self._socket.connect(f"ipc://{system.run_dir}/events.ipc")
        self._socket.setsockopt(zmq.SUBSCRIBE, b"e1/")
        self._thread = threading.Thread(target=self._hear)
        self._thread.start()
        wait_for(lambda: self.events, 5)

    def _hear(self):
        while self._on:
            try:
                self.events.append(self._parse(self._socket.recv_multipart()[1]))
            except zmq.Again:
                pass

    def of(self, body):
        """What came so far; of ends the first is waited for: a backend may hear of it before this thread does."""
        until = time.monotonic() + (20 if body == "call_ended" else 0)
        while True:
            found = [e for e in self.events if e.WhichOneof("body") == body]
            if found or time.monotonic() >= until:
                return found
            time.sleep(0.02)

    def close(self):
        self._on = False
        self._thread.join()
        self._socket.close()
        self._context.term()


@pytest.fixture
def observe():
    made = []

    def make(system):
        made.append(Observer(system))
        return made[-1]

    yield make
    for observer in made:
        observer.close()


def freeze_and_kill(system, name, between):
    """A worker that has stopped listening, `between`, and then is dead."""
    system.kill(name, signal.SIGSTOP)
    time.sleep(0.02)
    between()
    time.sleep(0.05)
    system.kill(name)


@pytest.mark.parametrize("role", ["media", "signaling", "control"])
def test_setups_in_progress_complete(make_system, backends, role):
    system = make_system(calls=60, settings={"rtp.timeout_ms": 60000})
    backends.start(system)
    calls = Calls(system, 30, 3600, cps=150)
    try:
        time.sleep(0.1)
        system.kill(f"{role}-0")
        seen = wait_for(lambda: (w := calls.say("window"))["up"] + w["failed"] >= 30 and w, 15, 0.1)
        assert seen["up"] == 30, f"{seen}\n{system.log[-5000:]}"
        figures = calls.finish(20)
    finally:
        calls.kill()
    assert figures["failed"] == 0
    wait_for(lambda: system.metric("tipring_calls") == 0, 5)
    wait_for(lambda: system.metric("tipring_media_sessions") == 0, 5)
    wait_for(lambda: system.metric("tipring_signaling_legs") == 0, 5)


def test_a_flush_and_a_mark_outlive_media(make_system):
    system = make_system(calls=4)
    result = {}

    async def handle(call):
        await call.answer(rate=8000)
        await call.say(tone(20))
        await asyncio.sleep(0.3)
        system.kill("media-0", signal.SIGSTOP)
        mark = await call.mark("far")
        flush = asyncio.ensure_future(call.flush())
        await asyncio.sleep(0.1)
        system.kill("media-0")
        result["flushed"] = await asyncio.wait_for(flush, 30)
        result["mark"] = await asyncio.wait_for(mark, 30)
        result["again"] = await asyncio.wait_for(call.flush(), 20)
        await call.hangup()

    async def scenario(server):
        caller = Caller(system)
        caller.start_media(await in_thread(caller.call))
        await in_thread(caller.wait_bye, 15)

    with_backend(system, handle, scenario)
    assert 1 in result["flushed"].utterances and result["mark"] is None


def nothing_left(system) -> bool:
    seen = system.metrics()
    return all(value == 0 for name in ("calls", "media_sessions", "signaling_legs") for key, value in seen.items() if key.startswith(f"tipring_{name}{{"))


@pytest.mark.parametrize("name", ["control-0", "signaling-0"])
def test_a_caller_hangs_up_meanwhile(make_system, observe, name):
    """The end is published once, with its reason and its duration; the backend hears of it."""
    system = make_system(calls=4)
    observer = observe(system)
    ended = []

    async def handle(call):
        await call.answer(rate=8000)
        ended.append(await call.ended())

    async def scenario(server):
        peer = Peer(system)
        start = time.monotonic()
        await in_thread(peer.call)
        await asyncio.sleep(1.0)
        if name == "control-0":
            await in_thread(freeze_and_kill, system, name, peer.bye)
        else:
            await in_thread(freeze_and_kill, system, name, lambda: peer.send(peer.request("BYE")))
            await in_thread(peer.wait, 200)
        took = time.monotonic() - start
        await in_thread(wait_for, lambda: ended and observer.of("call_ended") and nothing_left(system), 20)
        return took

    took = with_backend(system, handle, scenario)
    (end,) = observer.of("call_ended")
    assert end.call_ended.reason == "hung up" and end.call_ended.who == 1
    assert 900 <= end.call_ended.duration_ms <= 1000 * took + 900
    assert len(observer.of("call_answered")) == 1 and ended == ["hung up"]
    assert nothing_left(system)


def test_many_ends_while_control_dies(make_system, backends, observe):
    system = make_system(calls=60, settings={"rtp.timeout_ms": 60000})
    backends.start(system)
    observer = observe(system)
    calls = Calls(system, 40, 3600, cps=100)
    try:
        wait_for(lambda: calls.say("window")["up"] == 40, 10, 0.1)
        for _ in range(2):
            stop = threading.Timer(0.01, system.kill, ["control-0"])
            stop.start()
            calls.say("bye 20")
            stop.join()
            time.sleep(2.5)
            calls.say("bye 40")
        calls.finish(20)
        wait_for(lambda: system.metric("tipring_calls") == 0, 10)
        wait_for(lambda: system.metric("tipring_signaling_legs") == 0, 5)
    finally:
        calls.kill()
    wait_for(lambda: len({e.call_id for e in observer.of("call_ended")}) == 40, 5)
    ends = observer.of("call_ended")
    assert len({e.call_id for e in ends}) == 40, "no end is lost"
    assert len({e.event_id for e in ends}) == 40, "one that was published in the last instant is the same event again"
    assert all(e.call_ended.duration_ms > 0 for e in ends)


@pytest.mark.parametrize("name", ["signaling-0", "media-0"])
def test_a_backend_hangs_up_meanwhile(make_system, observe, name):
    system = make_system(calls=4)
    observer = observe(system)

    async def handle(call):
        await call.answer(rate=8000)
        await asyncio.sleep(0.3)
        system.kill(name, signal.SIGSTOP)
        await call.hangup("enough")
        await asyncio.sleep(0.1)
        system.kill(name)

    async def scenario(server):
        caller = Caller(system)
        await in_thread(caller.call)
        bye = await in_thread(caller.wait_bye, 5)
        assert 'text="enough"' in bye
        await asyncio.sleep(1.5)

    with_backend(system, handle, scenario)
    (end,) = observer.of("call_ended")
    assert end.call_ended.who == 2 and end.call_ended.reason == "enough"
    assert end.call_ended.HasField("media") and end.call_ended.media.packets_sent > 0
    for gauge in ("calls", "media_sessions", "signaling_legs"):
        wait_for(lambda g=gauge: system.metric(f"tipring_{g}") == 0, 5)


def test_a_killed_backend_is_noticed_at_once(make_system, backends):
    system = make_system(calls=4)
    doomed = backends.start(system)
    caller = Caller(system)
    caller.call()
    time.sleep(0.3)
    start = time.monotonic()
    doomed.kill()
    caller.wait_bye(5)
    assert time.monotonic() - start < 2, "a lease takes three"
    assert system.metric("tipring_backends_lost_total") == 1


def test_a_killed_backends_call_is_offered_again(make_system, backends):
    """To another one, and to nobody but later to its own successor."""
    system = make_system(calls=4, settings={"backends.on_lost": "reoffer"})
    first = backends.start(system)
    caller = Caller(system)
    caller.start_media(caller.call())
    for _ in range(2):
        caller.send_audio(b"\x21" * 160)
        time.sleep(0.3)
        first.kill()
        time.sleep(0.6)
        assert caller.receive(0.001) is None, "the caller is still connected"
        first = backends.start(system)
        wait_for(lambda b=first: os.path.exists(f"/proc/{b.pid}/fd") and any(
            "tape" in os.readlink(f"/proc/{b.pid}/fd/{f}") for f in os.listdir(f"/proc/{b.pid}/fd")), 5)
    wait_for(lambda: system.metric("tipring_calls_answered") == 1, 2)
    caller.bye()


def test_a_backend_that_comes_back_under_its_name(make_system):
    """Its calls were its predecessor's: it knows nothing of them, so they follow the policy at once."""
    from tipring.v1 import api_pb2
    system = make_system(calls=4)
    caller = Caller(system)

    async def handle(call):
        await call.answer(rate=8000)
        await call.ended()

    async def scenario(server):
        await in_thread(caller.call)
        await asyncio.sleep(0.2)
        start = time.monotonic()
        await server._bus.send("hello", api_pb2.Hello(name="bot", protocol_min=1, protocol_max=1, instance=42))
        await in_thread(caller.wait_bye, 2)
        assert time.monotonic() - start < 2, "a lease takes three"

    with_backend(system, handle, scenario, name="bot")
    assert "another process has its name" in system.log


def test_one_process_serves_two_apps(make_system):
    system = make_system(calls=4, settings={"routes": [{"number": "1", "app": "one"}, {"number": "2", "app": "two"}]})

    async def main():
        async with tipring.connect(str(system.run_dir)) as server:
            @server.app("one")
            async def _(call):
                await call.reject(480)

            @server.app("two")
            async def _(call):
                await call.reject(603)

            running = asyncio.create_task(server.run())
            await is_serving(server)
            for number, code in (("1", 480), ("2", 603)):
                peer = Peer(system)
                peer.send(peer.request("INVITE", body=peer.sdp(), number=number))
                await in_thread(peer.wait, code)
            server.stop()
            await running

    asyncio.run(main())


def test_what_a_backend_says_reaches_the_caller_and_no_more(make_system):
    """C027"""
    system = make_system(calls=4)
    refused = []

    async def handle(call):
        try:
            await call.reject(486, "no\r\nX-Evil: 1")
        except tipring.CommandRefused as why:
            refused.append(why.code)
        await call.reject(486, "Gone fishing")

    async def scenario(server):
        peer = Peer(system)
        peer.send(peer.request("INVITE", body=peer.sdp()))
        answer = await in_thread(peer.wait, 486)
        assert answer.startswith("SIP/2.0 486 Gone fishing\r\n")

    with_backend(system, handle, scenario)
    assert refused == ["REJECTED"]


def test_a_stop_in_good_order_tells_everybody(make_system, observe):
    system = make_system(calls=4, settings={"drain_ms": 2000})
    observer = observe(system)
    ended = []

    async def handle(call):
        await call.answer(rate=8000)
        ended.append(await call.ended())

    async def scenario(server):
        caller = Caller(system)
        await in_thread(caller.call)
        await asyncio.sleep(0.3)
        start = time.monotonic()
        system.process.terminate()
        await in_thread(wait_for, lambda: system.log.count("actor.draining") >= 2, 1)
        late = Peer(system)
        late.send(late.request("INVITE", body=late.sdp()))
        assert "Retry-After" in await in_thread(late.wait, 503)
        await in_thread(caller.wait_bye, 3)
        assert 1.8 < time.monotonic() - start < 8, "it had its time, and no more"
        await asyncio.sleep(0.3)

    with_backend(system, handle, scenario)
    (end,) = observer.of("call_ended")
    assert end.call_ended.reason == "the host stops" and end.call_ended.duration_ms > 0 and ended == ["the host stops"]
    assert system.process.wait(60) == 0


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def test_no_descriptor_is_left_behind(make_system, backends):
    system = make_system(calls=40, settings={"rtp.timeout_ms": 60000})
    backends.start(system)

    def some_calls():
        calls = Calls(system, 20, 3600, cps=200, port=0)
        try:
            wait_for(lambda: calls.say("window")["up"] == 20, 10, 0.05)
            calls.finish(20)
        finally:
            calls.kill()
        for gauge in ("calls", "media_tapes"):
            wait_for(lambda g=gauge: system.metric(f"tipring_{g}") == 0, 5)

    born = dict.fromkeys(("media-0", "control-0", "signaling-0"), time.monotonic())

    def restart(name):
        time.sleep(max(0.0, born[name] + 2.05 - time.monotonic()))  # not a quick death: no back-off
        running = system.log.count(f"supervisor.running worker={name}")
        system.kill(name)
        wait_for(lambda: system.log.count(f"supervisor.running worker={name}") > running, 10)
        wait_for(system.ready, 10)
        born[name] = time.monotonic()

    def count():
        pids = {"supervisor": system.process.pid, **system.workers()}
        return {name: descriptors(pid) for name, pid in pids.items()}

    def settled():
        """When nobody opens anything any more, and the spare is there."""
        spare(system)
        seen = [count()]
        wait_for(lambda: seen.append(count()) or seen[-5:] == seen[-1:] * 5, 5, 0.2)
        return seen[-1]

    some_calls()
    for name in born:
        restart(name)
    before = settled()
    for _ in range(2):
        some_calls()
        for name in born:
            restart(name)
    some_calls()
    try:
        wait_for(lambda: all(n <= before[name] + 1 for name, n in count().items()), 3)
    except TimeoutError:
        raise AssertionError((before, count())) from None


def test_more_marks_than_anybody_can_hold(make_system, observe):
    """Each is refused, reached or dropped, and never twice; a worker that dies under them changes nothing."""
    system = make_system(calls=4)
    observer = observe(system)
    refused = []

    async def handle(call):
        transport = call._transport
        await call.answer(rate=8000)
        await call.say(tone(3))

        async def one(i):
            try:
                await transport.mark(call, f"m{i}", 100 + i)
            except tipring.CommandRefused as why:
                refused.append((f"m{i}", why.code))

        await asyncio.gather(*(one(i) for i in range(100)))
        system.kill("media-0", signal.SIGSTOP)
        await asyncio.gather(*(one(i) for i in range(100, 140)))
        system.kill("media-0")
        await asyncio.sleep(1.5)
        await call.hangup()

    async def scenario(server):
        caller = Caller(system)
        caller.start_media(await in_thread(caller.call))
        await in_thread(caller.wait_bye, 10)
        await in_thread(wait_for, lambda: len(refused) + len(observer.of("mark_reached")) + len(observer.of("mark_dropped")) >= 140, 5)

    with_backend(system, handle, scenario)
    names = [e.mark_reached.mark for e in observer.of("mark_reached")] + [e.mark_dropped.mark for e in observer.of("mark_dropped")]
    assert len(names) == len(set(names)), sorted(n for n in names if names.count(n) > 1)
    assert {n for n, _ in refused} | set(names) == {f"m{i}" for i in range(140)}
    assert all(code == "OVERLOADED" for _, code in refused)


def test_a_caller_that_falls_silent_is_given_up_with_its_figures(make_system, backends, observe):
    """C362"""
    system = make_system(calls=4, settings={"rtp.timeout_ms": 6000})
    backends.start(system)
    observer = observe(system)
    caller = Caller(system)
    caller.start_media(caller.call())
    for _ in range(10):
        caller.send_audio()
        time.sleep(0.02)
    caller.wait_bye(12)
    (end,) = wait_for(lambda: observer.of("call_ended"), 3)
    assert end.call_ended.who == 3 and end.call_ended.media.packets_received == 10
