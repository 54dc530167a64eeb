"""Recordings of calls: what is in them, and what becomes of them when processes die."""

import asyncio
import resource
import shutil
import struct
import time
import wave

import pytest
import tipring

from asked import reach
from conftest import BIN
from roles import Host
from system import wait_for
from test_backend import Caller, in_thread, with_backend

RATE = 8000


@pytest.fixture
def recorded(make_system, tmp_path):
    """recorded(**options) -> (a System that records, the directory)."""
    directory = tmp_path / "recordings"

    def make(**settings):
        directory.mkdir()
        return make_system(calls=4, settings={"media.recordings": str(directory), **settings}), directory

    return make


def read(path):
    """(rate, left, right) of a file, samples as tuples."""
    with wave.open(str(path)) as w:
        assert w.getsampwidth() == 2
        pcm = w.readframes(w.getnframes())
        samples = struct.unpack(f"<{len(pcm) // 2}h", pcm)
        channels = w.getnchannels()
        return w.getframerate(), samples[::channels], samples[channels - 1::channels]


def noise(i):
    """20 ms that are like no others, by ear and by number: u-law steps that G.711 carries as they are."""
    return bytes((i * 7 + n * 13 + n * n * (i % 5 + 1)) % 100 + 0x81 for n in range(160))


class Talker:
    """A caller that says numbered frames all the time, and keeps what it hears."""

    def __init__(self, caller):
        self.caller, self.on, self.sent, self.heard = caller, True, 0, []

    def talk(self):
        begin = time.monotonic()
        while self.on:
            self.caller.send_audio(noise(self.sent))
            self.sent += 1
            self.heard += self.caller.hear(max(0.0, begin + 0.02 * self.sent - time.monotonic()))

    async def while_it_talks(self, work):
        task = asyncio.ensure_future(in_thread(self.talk))
        try:
            return await work
        finally:
            self.on = False
            await task


def call_with(system, handle):
    """One call whose caller talks until the handler is done; (what `handle` returned, the Talker)."""
    result = {}

    async def handler(call):
        await call.answer(rate=RATE)
        try:
            result["value"] = await handle(call)
        finally:
            result["done"] = True

    async def scenario(server):
        caller = Caller(system)
        caller.start_media(await in_thread(caller.call))
        talker = result["talker"] = Talker(caller)

        async def done():
            while "done" not in result:
                await asyncio.sleep(0.01)

        await talker.while_it_talks(done())
        await in_thread(caller.hear, 0.3)

    with_backend(system, handler, scenario)
    return result.get("value"), result["talker"]


async def listen(call, frames):
    """The caller's frames by position, kept as they come."""
    async for frame in call.audio:
        frames.append((frame.pos, struct.unpack(f"={len(frame.pcm) // 2}h", frame.pcm)))


def lane_of(frames, pos, n):
    """What the tape said from `pos` on, as a recording should have it."""
    lane = [0] * n
    for at, samples in frames:
        for i, sample in enumerate(samples):
            if 0 <= at + i - pos < n:
                lane[at + i - pos] = sample
    return tuple(lane)


SPEECH = struct.pack(f"={RATE * 2}h", *(((i * 37) % 20000) - 10000 for i in range(RATE * 2)))  # a saw of two seconds


def find(samples, part):
    """Where `part` begins in `samples`; -1."""
    first, n = part[0], len(part)
    return next((i for i in range(len(samples) - n + 1) if samples[i] == first and samples[i:i + n] == part), -1)


def test_both_voices_stand_at_their_place(recorded):
    """The left channel is what the tape said, sample by sample; the right one what left, and both are of one time."""
    system, directory = recorded()

    async def handle(call):
        frames = []
        listening = asyncio.ensure_future(listen(call, frames))
        await asyncio.sleep(0.3)
        recording = await call.record("both.wav")
        playback = await call.say(SPEECH)
        mark = await call.mark("end")
        await playback.finished()
        end_pos = await mark
        await asyncio.sleep(0.3)
        await recording.stop()
        began = (await reach(call, "recording")).pos
        await asyncio.sleep(0.1)
        listening.cancel()
        return recording, frames, began, end_pos

    (recording, frames, began, end_pos), _ = call_with(system, handle)
    rate, left, right = read(directory / "both.wav")
    assert rate == RATE and recording.state == "stopped" and recording.reason == "stopped" and recording.lost_ms == 0
    assert recording.duration_ms == len(left) * 1000 // RATE and recording.pos == began + len(left)
    assert left == lane_of(frames, began, len(left)), "the caller, sample by sample"
    assert sum(sample != 0 for sample in left) > len(left) * 0.8
    speech = struct.unpack(f"={len(SPEECH) // 2}h", SPEECH)
    at = find(right, speech[:400])
    assert at >= 0 and right[at:at + len(speech)] == speech, "what left, sample by sample"
    assert abs(began + at + len(speech) - end_pos) <= 0.02 * RATE, "at its place: the mark behind it says where it ended"


def test_mono_is_both(recorded):
    system, directory = recorded()

    async def handle(call):
        frames = []
        listening = asyncio.ensure_future(listen(call, frames))
        recording = await call.record(mono=True)
        began = recording.pos
        await asyncio.sleep(0.5)
        await recording.stop()
        await asyncio.sleep(0.1)
        listening.cancel()
        return recording, frames, began

    (recording, frames, began), _ = call_with(system, handle)
    assert recording.file.endswith(".wav") and (directory / recording.file).exists(), "a name was made"
    with wave.open(str(directory / recording.file)) as w:
        assert w.getnchannels() == 1
    rate, mono, _ = read(directory / recording.file)
    assert len(mono) >= 0.4 * RATE and mono == lane_of(frames, began, len(mono)), "nobody spoke but the caller"


def test_a_pause_is_left_out_to_the_sample(recorded):
    system, directory = recorded()

    async def handle(call):
        frames, edges = [], []
        listening = asyncio.ensure_future(listen(call, frames))
        recording = await call.record("pause.wav")
        edges.append(recording.pos)
        await asyncio.sleep(0.4)
        await recording.pause()
        edges.append(recording.pos)
        with pytest.raises(tipring.CommandRefused):
            await recording.pause()
        await asyncio.sleep(0.6)
        await recording.resume()
        edges.append(recording.pos)
        await asyncio.sleep(0.4)
        await recording.stop()
        edges.append(recording.pos)
        with pytest.raises(tipring.CommandRefused):
            await recording.resume()
        await asyncio.sleep(0.1)
        listening.cancel()
        return frames, edges

    (frames, (a, b, c, d)), _ = call_with(system, handle)
    _, left, _ = read(directory / "pause.wav")
    assert c - b >= 0.5 * RATE and len(left) == b - a + d - c
    assert left == lane_of(frames, a, b - a) + lane_of(frames, c, d - c)


@pytest.mark.parametrize("victim", ["media-0", "files-0", "control-0", "supervisor"])
def test_it_outlives_every_process(recorded, victim):
    """Killed in mid-recording: the same file, no sample lost and none twice."""
    system, directory = recorded()

    async def handle(call):
        frames = []
        listening = asyncio.ensure_future(listen(call, frames))
        await asyncio.sleep(0.2)
        recording = await call.record("killed.wav")
        began = recording.pos
        await asyncio.sleep(0.5)
        if victim == "supervisor":
            await in_thread(system.kill, victim)
            await in_thread(system.start)
        else:
            old = await in_thread(system.kill, victim)
            await in_thread(wait_for, lambda: system.workers().get(victim, old) != old, 5)
        await asyncio.sleep(1.5)
        for _ in range(100):  # control may have to come back first
            try:
                await recording.stop()
                break
            except (tipring.CommandRefused, tipring.Disconnected) as why:
                if recording.state == "stopped":
                    break
                last = why
                await asyncio.sleep(0.1)
        else:
            raise last
        await asyncio.sleep(0.1)
        listening.cancel()
        return frames, began, recording

    (frames, began, recording), _ = call_with(system, handle)
    _, left, right = read(directory / "killed.wav")
    assert recording.state == "stopped" and recording.lost_ms == 0
    assert len(left) >= 2 * RATE and len(left) == len(right) and recording.pos == began + len(left)
    assert left == lane_of(frames, began, len(left))
    assert sum(sample != 0 for sample in left) > len(left) * 0.7, "the caller was heard before and behind"


def test_it_ends_with_the_call_and_is_told_before(recorded):
    """The last event of a call stays the last one; the end of the file is in the file."""
    system, directory = recorded()
    seen = []

    async def handle(call):
        recording = await call.record("end.wav")
        await asyncio.sleep(0.4)
        await call.hangup()
        async for event in call.events():
            seen.append((event.kind, recording.state))
        await recording.finished()
        return recording

    recording, _ = call_with(system, handle)
    assert recording.reason in ("the call ended", "stopped") and ("recording", "stopped") in seen
    _, left, _ = read(directory / "end.wav")
    assert len(left) >= 0.35 * RATE and recording.duration_ms == len(left) * 1000 // RATE
    assert system.metric("tipring_files_recordings_started_total") == 1
    wait_for(lambda: system.metric("tipring_files_recordings") == 0, 5)


def test_a_file_that_can_not_grow_ends_alone(recorded):
    """A limit stands for a full disk: the event, a file that is whole up to there, and a call that goes on; the next recording works."""
    system, directory = recorded()

    async def handle(call):
        recording = await call.record("full.wav")
        resource.prlimit(system.workers()["files-0"], resource.RLIMIT_FSIZE, (20000, resource.RLIM_INFINITY))
        with pytest.raises(tipring.RecordingFailed, match="as long as it can be"):
            async with asyncio.timeout(60):
                await recording.finished()
        resource.prlimit(system.workers()["files-0"], resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        frame = await anext(call.audio)
        again = await call.record("again.wav")
        await again.stop()
        return frame, recording

    (frame, recording), _ = call_with(system, handle)
    left = read(directory / "full.wav")[1]
    assert frame.pcm and recording.state == "failed" and 0 < len(left) <= 5000 and recording.duration_ms == len(left) * 1000 // RATE
    assert system.metric("tipring_files_recordings_failed_total") == 1


def test_the_file_can_be_read_while_it_is_written(recorded):
    """... and after everything was killed at once: the header is good at every moment."""
    system, directory = recorded()

    async def handle(call):
        await call.record("open.wav")
        lengths = []
        for _ in range(30):
            await asyncio.sleep(0.05)
            lengths.append(len(read(directory / "open.wav")[1]))
        return lengths

    lengths, _ = call_with(system, handle)
    assert lengths == sorted(lengths) and lengths[-1] >= 1.2 * RATE


def test_what_can_not_be_recorded(recorded, make_system):
    """Names that lead elsewhere, a file that is there, a directory that is gone, and a host where nothing is recorded."""
    system, directory = recorded()
    (directory / "there.wav").write_bytes(b"mine")

    async def handle(call):
        for name in ("../x.wav", "/tmp/x.wav", ".x", "a/b", "x" * 128, "a b"):
            with pytest.raises(tipring.CommandRefused, match="REJECTED"):
                await call.record(name)
        with pytest.raises(tipring.RecordingFailed, match="there is a file of this name"):
            await call.record("there.wav")
        recording = await call.record("good.wav")
        with pytest.raises(tipring.CommandRefused, match="CONFLICT"):
            await call.record("second.wav")
        await recording.stop()
        await in_thread((directory / "good.wav").unlink)
        await in_thread((directory / "there.wav").unlink)
        await in_thread(directory.rmdir)
        with pytest.raises(tipring.RecordingFailed, match="directory"):
            await call.record("late.wav")
        return True

    assert call_with(system, handle)[0]
    closed = make_system(calls=4)

    async def refused(call):
        with pytest.raises(tipring.CommandRefused, match="media.recordings"):
            await call.record()
        return True

    assert call_with(closed, refused)[0]
    assert "files-0" not in closed.workers()


def test_the_end_of_its_container(tmp_path):
    """Its supervisor ends with it; another container finds file and tape with those of the other roles."""
    host = Host(BIN, calls=4, settings={"media.recordings": str(tmp_path)})
    roles = {role: host.start_role(role, 0) for role in ("control", "signaling", "media", "files")}
    try:
        wait_for(host.ready, 20)
        wait_for(lambda: host.metric('tipring_ready{role="files",index="0"}') == 1, 20)

        async def handle(call):
            frames = []
            listening = asyncio.ensure_future(listen(call, frames))
            recording = await call.record("moved.wav")
            began = recording.pos
            await asyncio.sleep(0.3)
            await in_thread(roles["files"].kill)
            roles["files"] = host.start_role("files", 0)
            await asyncio.sleep(1.5)
            await recording.stop()
            await asyncio.sleep(0.1)
            listening.cancel()
            return frames, began, recording

        (frames, began, recording), _ = call_with(host, handle)
        _, left, _ = read(tmp_path / "moved.wav")
        assert recording.lost_ms == 0 and len(left) >= 1.5 * RATE and left == lane_of(frames, began, len(left))
    finally:
        codes = host.stop()
        host.ports.close()
    assert all(code == 0 for code in codes), f"{codes}\n{host.log[-4000:]}"
    shutil.rmtree(host.dir, ignore_errors=True)
