"""sound.py - speech to send, and how much of it came back."""

from __future__ import annotations

import pathlib
import subprocess
import wave

import numpy as np

RATE = 8000
TEXT = ("Hello. This is a telephone call through Tipring. The quick brown fox jumps over the lazy dog, "
        "and you hear your own voice again.")


def make_speech(path: pathlib.Path, text: str = TEXT, tail_seconds: float = 0.6) -> pathlib.Path:
    """Real speech (espeak-ng) as mono 8 kHz 16 bit WAV; made once."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        raw, made = path.with_suffix(".raw.wav"), path.with_suffix(".made.wav")
        subprocess.run(["espeak-ng", "-s", "190", "-w", raw, text], check=True)
        # 3 dB below full scale: resampling and mu-law have no peak to clip
        subprocess.run(["sox", raw, "-r", str(RATE), "-c", "1", "-b", "16", made, "gain", "-n", "-3", "pad", "0.3", str(tail_seconds)],
                       check=True)
        raw.unlink()
        made.rename(path)  # whole or not at all
    return path


def read_wav(path) -> np.ndarray:
    with wave.open(str(path)) as f:
        return np.frombuffer(f.readframes(f.getnframes()), dtype="<i2").astype(float)


def correlate(sent: np.ndarray, heard: np.ndarray) -> tuple[int, float]:
    """Where `sent` lies in `heard` (samples; may be negative) and the normalised cross-correlation there, 0..1."""
    if not len(sent) or not len(heard) or not heard.any():
        return 0, 0.0
    n = 1 << (len(sent) + len(heard)).bit_length()
    product = np.fft.irfft(np.fft.rfft(heard, n) * np.conj(np.fft.rfft(sent, n)), n)
    lag = int(np.argmax(product))
    if lag >= len(heard):
        lag -= n
    a = sent[max(0, -lag):]
    b = heard[max(0, lag):]
    length = min(len(a), len(b))
    a, b = a[:length], b[:length]
    power = np.sqrt((a @ a) * (b @ b))
    return lag, float(a @ b / power) if power else 0.0


def level_dbov(pcm: np.ndarray) -> float:
    rms = np.sqrt(np.mean(pcm ** 2)) if len(pcm) else 0.0
    return 20 * float(np.log10(rms / 32768)) if rms else -127.0


def ulaw_decode(data: bytes) -> np.ndarray:
    u = ~np.frombuffer(data, dtype=np.uint8) & 0xFF
    magnitude = (((u & 15).astype(int) << 3) + 0x84 << ((u >> 4) & 7)) - 0x84
    return np.where(u & 0x80, -magnitude, magnitude).astype(float)


def timeline(packets) -> tuple[float, np.ndarray]:
    """PCM of an RTP stream laid out by its timestamps, and the time its first sample's packet passed at the earliest:
    sample i was on the wire at start + i / 8000."""
    first = packets[0].ts
    offsets = [((p.ts - first + 2**31) % 2**32 - 2**31) for p in packets]
    start = min(p.time - o / RATE for p, o in zip(packets, offsets))
    pcm = np.zeros(max(offsets) + len(packets[-1].payload) + 480)
    for p, o in zip(packets, offsets):
        if o >= 0:
            pcm[o:o + len(p.payload)] = ulaw_decode(p.payload)
    return start, pcm


def jitter_ms(packets) -> float:
    """Interarrival jitter, RFC 3550 appendix A.8."""
    jitter, last = 0.0, None
    for p in packets:
        transit = p.time * RATE - p.ts
        if last is not None:
            jitter += (abs(transit - last) - jitter) / 16
        last = transit
    return jitter * 1000 / RATE


def share_heard(said: np.ndarray, heard: np.ndarray) -> float:
    """How much of what was said is heard as it was, each piece where it belongs: a pause of this machine costs a piece, not the call."""
    length = RATE // 4
    pieces = [(at, p) for at in range(0, len(said) - length, length) if level_dbov(p := said[at:at + length]) > -35]
    assert len(pieces) >= 3
    found = [(lag - at, match) for at, p in pieces for lag, match in [correlate(p, heard)]]
    middle = np.median([place for place, _ in found])
    return sum(match >= 0.95 and abs(place - middle) < 0.2 * RATE for place, match in found) / len(found)


def lost(packets) -> int:
    return sum(((b.seq - a.seq) & 0xFFFF) - 1 for a, b in zip(packets, packets[1:]))
