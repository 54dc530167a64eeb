"""Samples as they are handed to a call: checked, so that nobody is played something that is no speech."""

from __future__ import annotations

import os
import typing

Pcm = typing.Union[bytes, bytearray, memoryview]
WavSource = typing.Union[str, "os.PathLike[str]", typing.BinaryIO]

SAMPLE_FORMATS = ("B", "b", "c", "h", "<h", "=h", "@h")  # octets, or 16 bit integers of this machine
FORMAT_PCM = 0x0001
FORMAT_EXTENSIBLE = 0xFFFE  # the format proper is the beginning of its sub-format


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
    channels: int
    bits: int
    rate: int
    pcm: bytes


def read_wav(source: WavSource) -> Wav:
    """A WAV file of plain PCM. One whose lengths were never filled in, as speech services stream them, goes to the end of the file.
    ValueError for anything else, OSError when it can not be read."""
    name = name_of(source)
    if isinstance(source, (str, os.PathLike)):
        with open(source, "rb") as file:
            octets = file.read()
    else:
        octets = source.read()
    if octets[:4] != b"RIFF" or octets[8:12] != b"WAVE":
        raise ValueError(f"{name}: not a WAV file (it does not begin with RIFF and WAVE)")
    return _read_chunks(name, octets)


def name_of(source: WavSource) -> str:
    return str(source) if isinstance(source, (str, os.PathLike)) else str(getattr(source, "name", "the WAV data"))


def _read_chunks(name: str, octets: bytes) -> Wav:
    at, format_of = 12, b""
    while at + 8 <= len(octets):
        kind, length = octets[at:at + 4], int.from_bytes(octets[at + 4:at + 8], "little")
        at += 8
        if kind == b"fmt ":
            format_of = octets[at:at + length]
        elif kind == b"data":
            return _sound(name, format_of, octets[at:_end_of_data(octets, at, length)])
        at += length + length % 2
    raise ValueError(f"{name}: not a WAV file of plain PCM (it has no data)")


def _end_of_data(octets: bytes, at: int, length: int) -> int:
    """Behind the sound, at most where the file ends: 0x7FFFFFFF and 0xFFFFFFFF, and 0 too, were written before the end was known."""
    if length == 0 and not _is_chunk(octets, at):
        return len(octets)
    return min(at + length, len(octets))


def _is_chunk(octets: bytes, at: int) -> bool:
    """Is what follows empty data another chunk, which ends with the file, and not the sound itself?"""
    length = int.from_bytes(octets[at + 4:at + 8], "little")
    return octets[at:at + 4].isalnum() and at + 8 + length + length % 2 == len(octets)


def _sound(name: str, format_of: bytes, pcm: bytes) -> Wav:
    if len(format_of) < 16:
        raise ValueError(f"{name}: not a WAV file of plain PCM (it does not say its format)")
    tag, channels = (int.from_bytes(format_of[at:at + 2], "little") for at in (0, 2))
    if tag == FORMAT_EXTENSIBLE:
        tag = int.from_bytes(format_of[24:26], "little")
    if tag != FORMAT_PCM:
        raise ValueError(f"{name}: not a WAV file of plain PCM (its samples have format {tag})")
    rate, bits = int.from_bytes(format_of[4:8], "little"), int.from_bytes(format_of[14:16], "little")
    return Wav(channels, bits, rate, pcm[:len(pcm) // 2 * 2])
