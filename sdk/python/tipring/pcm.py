"""Samples as they are handed to a call: checked, so that nobody is played something that is no speech."""

from __future__ import annotations

import ctypes
import os
import typing

from .tape import lib

Pcm = typing.Union[bytes, bytearray, memoryview]
WavSource = typing.Union[str, "os.PathLike[str]", typing.BinaryIO]

SAMPLE_FORMATS = ("B", "b", "c", "h", "<h", "=h", "@h")  # octets, or 16 bit integers of this machine
WHY_BYTES = 96


def octets_of(pcm: Pcm) -> bytes:
    """`pcm` as octets nobody changes any more. ValueError for what is no plain samples, TypeError for what is no buffer."""
    if isinstance(pcm, bytes):
        return pcm
    view = memoryview(pcm)
    if view.format not in SAMPLE_FORMATS:
        raise ValueError(f"PCM is 16 bit integers, not items of format {view.format!r} and {view.itemsize} octets "
                         "(of floats from -1 to 1: (samples * 32767).astype('int16'))")
    if view.ndim != 1:
        raise ValueError(f"PCM is mono, one sample after the other, not an array of {view.ndim} dimensions")
    return view.tobytes()


def refuse_wav(pcm: bytes) -> None:
    """ValueError for the octets of a WAV file: its header is no speech."""
    if pcm[:4] == b"RIFF" and pcm[8:12] == b"WAVE":
        raise ValueError("this is a WAV file, not plain PCM: play(path) or play(io.BytesIO(data)) says it")


def view_of(pcm: Pcm) -> memoryview:
    """What is said at once. ValueError for half a sample too."""
    octets = octets_of(pcm)
    if len(octets) % 2:
        raise ValueError(f"PCM has 16 bit a sample: {len(octets)} octets are not a whole number of samples")
    refuse_wav(octets)
    return memoryview(octets)


class Wav(typing.NamedTuple):
    rate: int
    pcm: bytes


def read_wav(source: WavSource, rate: int = 0) -> Wav:
    """A WAV file as mono PCM of 16 bit at `rate`; 0: at its own when a tape can have that, else at 16000. PCM of 8 to 32 bit, floats, A-law and mu-law, up
    to 8 channels, 4 to 192 kHz; one whose lengths were never filled in, as speech services stream them, goes to the end of the file.
    ValueError for anything else, OSError when it can not be read."""
    name = name_of(source)
    if isinstance(source, (str, os.PathLike)):
        with open(source, "rb") as file:
            octets = file.read()
    else:
        octets = source.read()
    hz, samples, why = ctypes.c_uint32(rate), ctypes.c_void_p(), ctypes.create_string_buffer(WHY_BYTES)
    count = lib.tipring_wav_read(octets, len(octets), ctypes.byref(hz), ctypes.byref(samples), why)
    if count < 0:
        raise ValueError(f"{name}: {why.value.decode()}")
    try:
        return Wav(hz.value, ctypes.string_at(samples, 2 * count) if count > 0 else b"")
    finally:
        lib.tipring_wav_free(samples)


def name_of(source: WavSource) -> str:
    return str(source) if isinstance(source, (str, os.PathLike)) else str(getattr(source, "name", "the WAV data"))
