"""The audio of calls in shared memory, through the C library (sdk/c/tipring.h, half "audio")."""

from __future__ import annotations

import array
import asyncio
import ctypes
import errno
import math
import pathlib
import time
import typing

FRAME_SAMPLES_MAX = 960
KINDS = ("ok", "concealed", "noise", "dtmf", "silence")
READY_AT_ONCE = 256


class _FrameStruct(ctypes.Structure):
    _fields_ = [("pos", ctypes.c_uint64), ("mono_ns", ctypes.c_uint64), ("samples", ctypes.c_uint32),
                ("kind", ctypes.c_uint32), ("utterance", ctypes.c_uint32), ("epoch", ctypes.c_uint32),
                ("due_ns", ctypes.c_uint64)]


def _load() -> ctypes.CDLL:
    library = ctypes.CDLL(str(pathlib.Path(__file__).with_name("libtipring_tape.so")))
    pointer, u64, u32 = ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint32
    table = {
        "tipring_link_open": (ctypes.c_int, [ctypes.c_char_p, ctypes.POINTER(pointer)]),
        "tipring_link_close": (None, [pointer]),
        "tipring_link_fd": (ctypes.c_int, [pointer]),
        "tipring_link_ready": (ctypes.c_int, [pointer, ctypes.POINTER(pointer), ctypes.c_int]),
        "tipring_tape_attach": (ctypes.c_int, [pointer, u64, u32, ctypes.POINTER(pointer)]),
        "tipring_tape_detach": (None, [pointer]),
        "tipring_tape_rate": (u32, [pointer]),
        "tipring_tape_frame_samples": (u32, [pointer]),
        "tipring_tape_lost": (u64, [pointer]),
        "tipring_tape_closed": (ctypes.c_bool, [pointer]),
        "tipring_tape_read": (ctypes.c_int, [pointer, ctypes.POINTER(_FrameStruct), pointer]),
        "tipring_tape_read_sent": (ctypes.c_int, [pointer, ctypes.POINTER(_FrameStruct), pointer]),
        "tipring_tape_write": (ctypes.c_int64, [pointer, ctypes.c_char_p, ctypes.c_size_t, u32, ctypes.c_bool]),
        "tipring_tape_drop": (u32, [pointer, ctypes.POINTER(u32)]),
        "tipring_tape_written": (u64, [pointer]),
        "tipring_tape_played": (u64, [pointer]),
        "tipring_wav_read": (ctypes.c_int64, [ctypes.c_char_p, ctypes.c_size_t, ctypes.POINTER(u32), ctypes.POINTER(pointer), ctypes.c_char_p]),
        "tipring_wav_free": (None, [pointer]),
        "tipring_strerror": (ctypes.c_char_p, [ctypes.c_int]),
    }
    for name, (result, arguments) in table.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


lib = _load()


def _check(err: int, what: str) -> None:
    if err != 0:
        raise OSError(-err, f"{what}: {lib.tipring_strerror(err).decode()}")


class Frame:
    """One frame of audio from the caller.

    pcm: bytes, mono s16le, `samples` * 2 octets. pos: sample position of the first sample. mono_ns: CLOCK_MONOTONIC of
    arrival; due_ns: when it would have arrived on a perfect network. kind: "ok", "concealed" (invented for a lost packet), "noise",
    "dtmf" (a key was down) or "silence". utterance, epoch: of frames that were sent.
    """

    __slots__ = ("pcm", "pos", "mono_ns", "kind", "utterance", "epoch", "due_ns")

    def __init__(self, pcm: bytes, pos: int, mono_ns: int = 0, kind: str = "ok", utterance: int = 0, epoch: int = 0,
                 due_ns: int | None = None):
        self.pcm = pcm
        self.pos = pos
        self.mono_ns = mono_ns
        self.kind = kind
        self.utterance = utterance
        self.epoch = epoch
        self.due_ns = mono_ns if due_ns is None else due_ns

    def __repr__(self) -> str:
        return f"<Frame {self.kind} at {self.pos}, {self.samples} samples>"

    @property
    def samples(self) -> int:
        return len(self.pcm) // 2

    @property
    def concealed(self) -> bool:
        return self.kind == "concealed"

    @property
    def age_ms(self) -> float:
        """How long ago it should have been here: what network and media worker made it late counts too."""
        return (time.monotonic_ns() - self.due_ns) / 1e6

    @property
    def rms(self) -> float:
        """Root mean square level, 0..32768."""
        values = array.array("h", self.pcm)
        return math.sqrt(sum(v * v for v in values) / len(values)) if values else 0.0


class Tape:
    """Both directions of one call. Never blocks; `on_ready` is called in the event loop when there is news. After close() there
    is nothing to read and everything written is thrown away."""

    def __init__(self, link: "Link", tape_id: int, history: int, on_ready: typing.Callable[[], None]):
        handle = ctypes.c_void_p()
        _check(lib.tipring_tape_attach(link.handle, tape_id, history, ctypes.byref(handle)), "attaching to the tape")
        assert handle.value is not None
        self.link = link
        self.handle: int | None = handle.value
        self.on_ready = on_ready
        self.rate: int = lib.tipring_tape_rate(self.handle)
        self.frame_samples: int = lib.tipring_tape_frame_samples(self.handle)
        self._struct = _FrameStruct()
        self._ref = ctypes.byref(self._struct)
        self._pcm = ctypes.create_string_buffer(2 * FRAME_SAMPLES_MAX)
        link.tapes[handle.value] = self

    def _frame(self, read: typing.Any) -> Frame | None:
        if self.handle is None:
            return None
        err = read(self.handle, self._ref, self._pcm)
        if err == -errno.EAGAIN:
            return None
        _check(err, "reading the tape")
        s = self._struct
        return Frame(ctypes.string_at(self._pcm, 2 * s.samples), s.pos, s.mono_ns,
                     KINDS[s.kind] if s.kind < len(KINDS) else "silence", s.utterance, s.epoch, s.due_ns)

    def read(self) -> Frame | None:
        """The next frame from the caller; None when there is none yet."""
        return self._frame(lib.tipring_tape_read)

    def read_sent(self) -> Frame | None:
        """The next frame as it left for the caller."""
        return self._frame(lib.tipring_tape_read_sent)

    def write(self, pcm: bytes, utterance: int, end: bool = False) -> int:
        """How many samples were taken; fewer than given when the tape is full (20 s ahead)."""
        if self.handle is None:
            return len(pcm) // 2
        taken: int = lib.tipring_tape_write(self.handle, pcm, len(pcm) // 2, utterance, end)
        if taken < 0:
            _check(taken, "writing the tape")
        return taken

    def drop(self) -> tuple[int, int]:
        """Throw away the samples that do not fill a slot yet: how many, of which utterance."""
        utterance = ctypes.c_uint32()
        samples = lib.tipring_tape_drop(self.handle, ctypes.byref(utterance)) if self.handle is not None else 0
        return samples, utterance.value

    def written(self) -> int:
        """Index behind everything written; see tipring_tape_written()."""
        return lib.tipring_tape_written(self.handle) if self.handle is not None else 0

    def played(self) -> int:
        """Index up to which media has taken it."""
        return lib.tipring_tape_played(self.handle) if self.handle is not None else 0

    @property
    def lost(self) -> int:
        """Frames this process was too slow to read."""
        return lib.tipring_tape_lost(self.handle) if self.handle is not None else 0

    @property
    def closed(self) -> bool:
        """The call is over."""
        return self.handle is None or bool(lib.tipring_tape_closed(self.handle))

    def close(self) -> None:
        if self.handle is not None and self.link.tapes.pop(self.handle, None) is not None:
            lib.tipring_tape_detach(self.handle)
        self.handle = None


class Link:
    """This process's connection to one media worker, watched by the running event loop."""

    def __init__(self, attach_path: str):
        handle = ctypes.c_void_p()
        _check(lib.tipring_link_open(attach_path.encode(), ctypes.byref(handle)), f"connecting to {attach_path}")
        self.handle: int = handle.value or 0
        self.tapes: dict[int, Tape] = {}
        self._ready = (ctypes.c_void_p * READY_AT_ONCE)()
        self._loop = asyncio.get_running_loop()
        self._fd = lib.tipring_link_fd(self.handle)
        self._loop.add_reader(self._fd, self.look)
        self._timer = self._loop.call_later(0.05, self._tick)

    def look(self) -> None:
        """Serve every tape that has news, then arm the doorbell again."""
        if not self.handle:
            return  # closed, with one more look on its way
        for _ in range(16):  # bounded: the loop has other work
            count = lib.tipring_link_ready(self.handle, self._ready, READY_AT_ONCE)
            if count == 0:
                return
            for i in range(count):
                tape = self.tapes.get(self._ready[i] or 0)
                if tape is not None:
                    tape.on_ready()
        self._loop.call_soon(self.look)

    def _tick(self) -> None:
        # a restarted media worker does not know our doorbell until we tell it
        self._timer = self._loop.call_later(0.05, self._tick)
        self.look()

    def close(self) -> None:
        self._timer.cancel()
        self._loop.remove_reader(self._fd)
        for tape in list(self.tapes.values()):
            tape.close()
        lib.tipring_link_close(self.handle)
        self.handle = 0
