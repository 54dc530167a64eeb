"""Calls that hear each other: what is heard by whom, and what a death of media or control in the middle of it costs."""

import asyncio
import collections
import contextlib
import threading
import time

import numpy as np
import pytest
import tipring

import sound
from asked import reach
from system import PATIENCE, wait_for
from test_backend import Caller, in_thread, with_backend

Packet = collections.namedtuple("Packet", "time seq ts payload")
FRAME = 160


def make_codes():
    """Of every 16-bit sample the octet of PCMU whose value is nearest."""
    values = sound.ulaw_decode(bytes(range(256)))
    order = np.argsort(values)
    nearest = np.searchsorted((values[order][1:] + values[order][:-1]) / 2, np.arange(-32768, 32768))
    return order[nearest].astype(np.uint8)


CODES = make_codes()


def encode(pcm):
    return CODES[np.clip(np.rint(pcm), -32768, 32767).astype(int) + 32768].tobytes()


def tone_of(hz, level=3000.0, seconds=1):
    """A whole number of periods, to be said over and over."""
    return level * np.sin(2 * np.pi * hz * np.arange(seconds * sound.RATE) / sound.RATE)


def level_of(pcm, hz):
    """How loud a tone is in what was heard."""
    at = np.arange(len(pcm))
    return float(2 * abs(np.mean(pcm * np.exp(-2j * np.pi * hz * at / sound.RATE)))) if len(pcm) else 0.0


class Talker(Caller):
    """Says `pcm` over and over, 20 ms at a time, and hears all the time."""

    def __init__(self, system, pcm):
        super().__init__(system)
        self.pcm, self.heard, self.sent, self.on = pcm, [], [], True
        self.threads = []

    def call(self, **options):
        answer = super().call(**options)
        self.start_media(answer)
        self.threads = [threading.Thread(target=work, daemon=True) for work in (self.talk, self.listen)]
        for thread in self.threads:
            thread.start()
        return answer

    def talk(self):
        due = time.monotonic()
        while self.on:
            at = len(self.sent) * FRAME % len(self.pcm)
            payload = encode(self.pcm[at:at + FRAME])
            self.sent.append(Packet(time.monotonic(), self.seq, self.ts, payload))
            with contextlib.suppress(OSError):  # nobody listens at that moment
                self.send_audio(payload)
            due = max(due + 0.02, time.monotonic() - 0.1)
            time.sleep(max(0.0, due - time.monotonic()))

    def listen(self):
        while self.on:
            with contextlib.suppress(OSError):
                self.heard += [Packet(*p) for p in self.hear(0.1)]

    def latest(self, seconds=0.4):
        """The samples that came last."""
        return np.concatenate([sound.ulaw_decode(p.payload) for p in list(self.heard)[-int(seconds * 50):]] or [np.zeros(0)])

    def hears(self, *hz, but=()):
        """These tones and none of the others, from now on, as long as it takes."""
        def right():
            pcm = self.latest()
            return len(pcm) >= 0.4 * sound.RATE and all(level_of(pcm, f) > 1500 for f in hz) and all(level_of(pcm, f) < 150 for f in but)
        wait_for(right, 15 * PATIENCE, 0.05)

    def close(self):
        self.on = False
        for thread in self.threads:
            thread.join()
        super().close()


class Meeting:
    """A backend that answers, and its callers."""

    def __init__(self, system, server):
        self.system, self.server, self.talkers = system, server, []

    async def add(self, pcm, number="echo"):
        talker = Talker(self.system, pcm)
        self.talkers.append(talker)
        await in_thread(lambda: talker.call(number=number))
        async with asyncio.timeout(20 * PATIENCE):
            while not (found := [c for c in self.server.calls if c.sip_call_id == talker.call_id and c.rate]):
                await asyncio.sleep(0.01)
        return talker, found[0]


def meet(system, body, rates=(16000,)):
    """Run `body(meeting)`; every call is answered with the next of the rates."""
    numbers = iter(range(10**6))

    async def handle(call):
        await call.answer(rate=rates[next(numbers) % len(rates)])
        await call.ended()

    async def scenario(server):
        meeting = Meeting(system, server)
        try:
            await body(meeting)
        finally:
            for talker in meeting.talkers:
                await in_thread(talker.close)

    with_backend(system, handle, scenario, capacity=50)


async def two(meeting, first=440, second=660):
    a, call_a = await meeting.add(tone_of(first))
    b, call_b = await meeting.add(tone_of(second))
    return a, call_a, b, call_b


def test_two_hear_each_other_and_nobody_himself(make_system):
    async def body(meeting):
        a, call_a, b, call_b = await two(meeting)
        room = await meeting.server.bridge(call_a, call_b)
        for call in (call_a, call_b):
            event = await reach(call, "bridge_joined")
            assert event.room == room.id == call.bridge
        await in_thread(lambda: a.hears(660, but=(440,)))
        await in_thread(lambda: b.hears(440, but=(660,)))
        assert {row.bridge_room for row in await meeting.server.list_calls()} == {room.room_id}
        await room.leave(call_b)
        assert (await reach(call_b, "bridge_left")).members == 1 and call_b.bridge == ""
        await in_thread(lambda: b.hears(but=(440, 660)))
        await room.join(call_b)
        await in_thread(lambda: b.hears(440, but=(660,)))

    meet(make_system(calls=4), body)


def test_what_they_say_arrives_as_it_was(make_system):
    """Content by correlation, and what the bridge adds to mouth to ear, which is printed."""
    noise = np.random.default_rng(7).normal(0, 1, 4 * sound.RATE)
    voice = 4000 * np.convolve(noise, np.ones(6) / 6, "same") * (np.sin(2 * np.pi * 0.75 * np.arange(len(noise)) / sound.RATE) > -0.5)

    async def body(meeting):
        a, call_a = await meeting.add(voice)
        b, call_b = await meeting.add(np.zeros(FRAME))
        await meeting.server.bridge(call_a, call_b)
        await reach(call_b, "bridge_joined")
        begin = len(b.heard) + 25
        await in_thread(wait_for, lambda: len(b.heard) > begin + 200, 20 * PATIENCE)
        at, heard = sound.timeline(b.heard[begin:begin + 200])
        sent_at, sent = sound.timeline(list(a.sent))
        skipped = max(0, int((at - 0.5 - sent_at) * sound.RATE))
        lag, match = sound.correlate(heard[:-480], sent[skipped:])
        delay_ms = (at - sent_at - (skipped + lag) / sound.RATE) * 1000
        print(f"\nbridge: correlation {match:.3f}, {delay_ms:.1f} ms from the packet of one phone to that of the other")
        assert match > 0.6 and 0 < delay_ms < 1000  # noise is like nothing but itself; a machine that stalls costs some of it

    meet(make_system(calls=4), body)


def test_a_room_of_ten(make_system):
    """Everybody hears the nine others, at tapes of all rates"""
    tones = [300 + 100 * i for i in range(10)]

    async def body(meeting):
        people = [await meeting.add(tone_of(hz, 1800)) for hz in tones]
        room = await meeting.server.bridge(*[call for _, call in people[:2]])
        for _, call in people[2:]:
            await room.join(call)
        for i, (talker, _) in enumerate(people):
            def hears_the_others(i=i, talker=talker):
                pcm = talker.latest(0.5)
                levels = [level_of(pcm, hz) for hz in tones] if len(pcm) == 0.5 * sound.RATE else [0] * 10
                return levels[i] < 200 and all(level > 900 for k, level in enumerate(levels) if k != i)
            await in_thread(wait_for, hears_the_others, 20 * PATIENCE, 0.05)
        for n, (_, call) in enumerate(people):
            await room.leave(call)
            event = await reach(call, "bridge_left")
            assert event.members == 9 - n
        assert (await reach(people[-1][1], "bridge_ended")).room == room.id
        with pytest.raises(tipring.CommandRefused) as refused:
            await room.join(people[0][1])
        assert refused.value.code == "NOT_FOUND"

    meet(make_system(calls=12), body, (8000, 16000, 24000, 48000))


def test_muted_deaf_and_told_something(make_system):
    """Who hears whom; what a handler says is heard by its caller alone, over the others; and it goes on hearing its caller"""

    async def body(meeting):
        a, call_a, b, call_b = await two(meeting)
        c, call_c = await meeting.add(tone_of(880))
        room = await meeting.server.bridge(call_a, call_b, call_c)
        await in_thread(lambda: c.hears(440, 660, but=(880,)))
        await room.mute(call_a)
        assert (await reach(call_a, "bridge_muted")).room == room.id and call_a.muted
        await in_thread(lambda: c.hears(660, but=(440,)))
        await in_thread(lambda: a.hears(660, 880))
        frame = await anext(call_a.audio)
        assert np.abs(np.frombuffer(frame.pcm, dtype=np.int16)).max() > 1000, "its handler hears it"
        await room.mute(call_a, False)
        await reach(call_a, "bridge_unmuted")
        await room.join(call_b, listen=False)
        await in_thread(lambda: b.hears(but=(440, 880)))
        await in_thread(lambda: c.hears(440, 660))
        await room.join(call_b, speak=False)
        await in_thread(lambda: b.hears(440, 880))
        await in_thread(lambda: c.hears(440, but=(660,)))
        await call_c.say(tone_of_bytes(1500))
        await in_thread(lambda: c.hears(440, 1500))
        await in_thread(lambda: a.hears(880, but=(1500,)))

    meet(make_system(calls=4), body)


def tone_of_bytes(hz, rate=16000, seconds=5):
    return (6000 * np.sin(2 * np.pi * hz * np.arange(seconds * rate) / rate)).astype(np.int16).tobytes()


def test_what_is_refused(make_system):
    async def body(meeting):
        a, call_a, b, call_b = await two(meeting)
        room = await meeting.server.bridge(call_a)
        other = await meeting.server.bridge(call_b)

        async def refused(code, awaitable):
            with pytest.raises(tipring.CommandRefused) as why:
                await awaitable
            assert why.value.code == code

        await refused("CONFLICT", room.join(call_b))
        await refused("CONFLICT", meeting.server.bridge(call_a, call_b))
        await refused("REJECTED", meeting.server.bridge())
        await room.leave(call_a)
        await room.leave(call_a)  # harmless
        await refused("CONFLICT", room.mute(call_a))
        assert (await reach(call_a, "bridge_ended")).room == room.id
        await refused("NOT_FOUND", room.join(call_a))
        await other.join(call_a)
        assert (await reach(call_a, "bridge_joined")).members == 2
        for _ in range(20):  # nobody waits for media
            await other.leave(call_b)
            await other.join(call_b)
        await in_thread(a.bye)
        await call_a.ended()
        events = [event async for event in call_a.events()]
        assert [(e.kind, e.members) for e in events if e.room == other.id] == [("bridge_left", 1)]
        assert [row.bridge_room for row in await meeting.server.list_calls()] == [other.room_id]
        await other.leave(call_b)
        assert (await reach(call_b, "bridge_ended")).room == other.id
        with pytest.raises(tipring.CallEnded):
            await other.join(call_a)

    meet(make_system(calls=4), body)


def test_media_workers_of_their_own(make_system):
    """Calls of two media workers can not hear each other; it is said, and nothing has changed"""

    async def body(meeting):
        people = [await meeting.add(np.zeros(FRAME)) for _ in range(4)]
        rows = {row.call_id: row.media_worker for row in await meeting.server.list_calls()}
        by_worker = {}
        for _, call in people:
            by_worker.setdefault(rows[call.call_id], []).append(call)
        assert len(by_worker) == 2, "the least loaded one is taken"
        first, second = by_worker.values()
        with pytest.raises(tipring.CommandRefused) as refused:
            await meeting.server.bridge(first[0], second[0])
        assert refused.value.code == "UNSUPPORTED" and "media workers" in str(refused.value)
        room = await meeting.server.bridge(*first)
        with pytest.raises(tipring.CommandRefused) as refused:
            await room.join(second[0])
        assert refused.value.code == "UNSUPPORTED"
        assert {row.call_id for row in await meeting.server.list_calls() if row.bridge_room} == {call.call_id for call in first}

    meet(make_system(calls=8, settings={"rtp.workers": 2}), body)


def test_full_rooms(make_system):
    """32 sit in one, and no more"""

    async def body(meeting):
        people = [await meeting.add(np.zeros(FRAME)) for _ in range(33)]
        room = await meeting.server.bridge(*[call for _, call in people[:32]])
        with pytest.raises(tipring.CommandRefused) as refused:
            await room.join(people[32][1])
        assert refused.value.code == "OVERLOADED"
        await room.leave(people[5][1])
        assert (await reach(people[5][1], "bridge_left")).members == 31
        await room.join(people[32][1])
        assert (await reach(people[32][1], "bridge_joined")).members == 32

    meet(make_system(calls=40), body)


def test_a_backend_dies(make_system):
    """Its callers go on hearing each other while their calls are offered again; who gets one of them commands it where it sits"""
    system = make_system(calls=4, settings={"backends.on_lost": "reoffer"})

    async def body(meeting):
        a, call_a, b, call_b = await two(meeting)
        room = await meeting.server.bridge(call_a, call_b)
        await in_thread(lambda: a.hears(660))
        return a, b, room.id

    kept, seen = [], []

    async def first(call):
        await call.answer(rate=16000)
        await call.ended()

    async def scenario(server):
        kept.extend(await body(Meeting(system, server)))
        server._bus.close()  # it goes without a word

    with contextlib.suppress(Exception):
        with_backend(system, first, scenario, name="one")

    a, b, room_id = kept

    async def second(call):
        seen.append(call.bridge)
        await call.answer(rate=16000)
        await call.ended()

    async def again(server):
        async with asyncio.timeout(60 * PATIENCE):
            while len(seen) < 2:
                await asyncio.sleep(0.05)
        await in_thread(lambda: a.hears(660, but=(440,)))
        await in_thread(lambda: b.hears(440, but=(660,)))
        room = server.room(seen[0])
        await room.leave(server.calls[0])
        await reach(server.calls[0], "bridge_left")

    try:
        with_backend(system, second, again, name="two")
    finally:
        a.close()
        b.close()
    assert seen == [room_id, room_id]


def expect_one_stream(packets):
    """No number twice and none left out, and timestamps that only go on."""
    assert sound.lost(packets) == 0 and len({p.seq for p in packets}) == len(packets)
    steps = [(after.ts - before.ts) & 0xFFFFFFFF for before, after in zip(packets, packets[1:])]
    assert all(0 < step < 30 * sound.RATE and step % FRAME == 0 for step in steps)


@pytest.mark.parametrize("victim", ["media-0", "control-0"])
def test_a_death_in_the_middle(make_system, victim):
    """They hear each other again by themselves; the room can be commanded as before"""
    system = make_system(calls=4)

    async def body(meeting):
        a, call_a, b, call_b = await two(meeting)
        c, call_c = await meeting.add(tone_of(880))
        room = await meeting.server.bridge(call_a, call_b)
        await in_thread(lambda: a.hears(660))
        await in_thread(lambda: b.hears(440))
        for _ in range(2):
            pid = await in_thread(system.kill, victim)
            await in_thread(wait_for, lambda pid=pid: system.workers().get(victim, pid) != pid, 20 * PATIENCE)
            before = len(a.heard)
            await in_thread(wait_for, lambda: len(a.heard) > before + 40 and len(b.heard) > before + 40, 20 * PATIENCE)
            await in_thread(lambda: a.hears(660, but=(440,)))
            await in_thread(lambda: b.hears(440, but=(660,)))
        await room.join(call_c)
        await in_thread(lambda: c.hears(440, 660, but=(880,)))
        await room.mute(call_a)
        await in_thread(lambda: c.hears(660, but=(440,)))
        rows = await meeting.server.list_calls()
        assert {row.bridge_room for row in rows} == {room.room_id} and [row.call_id for row in rows if row.muted] == [call_a.call_id]
        expect_one_stream(list(a.heard))
        expect_one_stream(list(b.heard))
        await room.leave(call_b)
        await in_thread(lambda: b.hears(but=(440, 880)))

    meet(system, body)
