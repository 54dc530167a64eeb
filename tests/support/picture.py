"""picture.py - a call as one looks at it: the spectrogram of both directions on one time line, packets that are missing, how late each one came.

An SVG file with nothing to load: the spectrograms are PNG pictures in it."""

from __future__ import annotations

import base64
import pathlib
import struct
import zlib

import numpy as np

import sound

WIDTH, LEFT = 1000, 60
SPECTRUM, DELAYS, GAP = 130, 70, 34  # heights
WINDOW, STEP = 256, 64  # samples
FLOOR_DB, CEILING_DB = -80.0, -10.0
LATE_MS = 60.0  # top of the scale of lateness, at least


def png(rows: np.ndarray) -> bytes:
    """8 bit RGB, `rows` of shape (height, width, 3)."""
    height, width, _ = rows.shape
    lines = np.zeros((height, 1 + 3 * width), np.uint8)  # each begins with its filter: none
    lines[:, 1:] = rows.reshape(height, -1)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(lines.tobytes())) + chunk(b"IEND", b""))


def spectrum(pcm: np.ndarray) -> np.ndarray:
    """dB of full scale, frequency upwards from the last row: (WINDOW / 2, time)."""
    count = max(1, (len(pcm) - WINDOW) // STEP + 1)
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(pcm, (0, WINDOW)), WINDOW)[::STEP][:count]
    power = np.abs(np.fft.rfft(frames * np.hanning(WINDOW), axis=1)[:, 1:]) / (32768 * WINDOW / 4)
    return (20 * np.log10(power + 1e-9)).T[::-1]


def colours(db: np.ndarray) -> np.ndarray:
    """Dark blue over green to yellow."""
    level = np.clip((db - FLOOR_DB) / (CEILING_DB - FLOOR_DB), 0, 1)[..., None]
    low, middle, high = np.array([12, 8, 50]), np.array([33, 145, 140]), np.array([253, 231, 37])
    mixed = np.where(level < 0.5, low + (middle - low) * 2 * level, middle + (high - middle) * (2 * level - 1))
    return mixed.astype(np.uint8)


def missing(packets) -> list[tuple[float, float]]:
    """Stretches of the stream that nobody brought, in seconds behind its first sample."""
    holes, rows = [], sorted((((p.seq - packets[0].seq + 2**15) % 2**16) - 2**15, p) for p in packets)
    for (number, before), (next_number, behind) in zip(rows, rows[1:]):
        lost = next_number - number - 1
        if lost > 0:
            begin = ((before.ts - packets[0].ts) % 2**32 + len(before.payload)) / sound.RATE
            holes.append((begin, ((behind.ts - packets[0].ts) % 2**32) / sound.RATE))
    return holes


def lateness(packets) -> list[tuple[float, float]]:
    """(seconds behind the first sample, milliseconds behind the earliest packet) of each."""
    places = [((p.ts - packets[0].ts + 2**31) % 2**32 - 2**31) / sound.RATE for p in packets]
    first = min(p.time - place for p, place in zip(packets, places))
    return [(place, 1000 * (p.time - place - first)) for p, place in zip(packets, places)]


class Sheet:
    """Panels below each other, of `seconds`."""

    def __init__(self, seconds: float):
        self.seconds, self.y, self.parts = seconds, 10.0, []

    def x(self, second: float) -> float:
        return LEFT + WIDTH * second / self.seconds

    def text(self, x: float, y: float, words: str, anchor: str = "start") -> None:
        self.parts.append(f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}">{words}</text>')

    def panel(self, title: str, height: float) -> float:
        """Its top."""
        self.text(LEFT, self.y + 12, title)
        top, self.y = self.y + 18, self.y + 18 + height + GAP
        return top

    def add_spectrum(self, title: str, pcm: np.ndarray, offset: float, holes: list[tuple[float, float]]) -> None:
        top = self.panel(title, SPECTRUM)
        image = base64.b64encode(png(colours(spectrum(pcm)))).decode()
        self.parts.append(f'<rect x="{LEFT}" y="{top}" width="{WIDTH}" height="{SPECTRUM}" fill="#0c0832"/>'
                          f'<image x="{self.x(offset):.1f}" y="{top}" width="{WIDTH * len(pcm) / sound.RATE / self.seconds:.1f}" height="{SPECTRUM}" '
                          f'preserveAspectRatio="none" href="data:image/png;base64,{image}"/>')
        for begin, end in holes:
            self.parts.append(f'<rect class="lost" x="{self.x(offset + begin):.1f}" y="{top}" width="{max(1.0, self.x(end) - self.x(begin)):.1f}" '
                              f'height="{SPECTRUM}"/>')
        self.text(LEFT - 6, top + 10, "4 kHz", "end")
        self.text(LEFT - 6, top + SPECTRUM, "0", "end")

    def add_delays(self, title: str, offset: float, rows: list[tuple[float, float]]) -> None:
        top = self.panel(title, DELAYS)
        scale = max(LATE_MS, max(ms for _, ms in rows))
        dots = "".join(f'<circle cx="{self.x(offset + second):.1f}" cy="{top + DELAYS * (1 - ms / scale):.1f}" r="1"/>' for second, ms in rows)
        self.parts.append(f'<rect class="frame" x="{LEFT}" y="{top}" width="{WIDTH}" height="{DELAYS}"/>{dots}')
        self.text(LEFT - 6, top + 10, f"{scale:.0f} ms", "end")
        self.text(LEFT - 6, top + DELAYS, "0", "end")

    def save(self, path: pathlib.Path) -> None:
        for second in range(0, int(self.seconds) + 1, max(1, int(self.seconds / 10))):
            self.text(self.x(second), self.y - GAP + 16, f"{second} s", "middle")
        style = "text{font:12px sans-serif;fill:#333}.lost{fill:#e33;opacity:.75}.frame{fill:#f4f4f4;stroke:#ccc}circle{fill:#247}"
        path.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 30}" height="{self.y:.0f}" style="background:#fff">'
                        f'<style>{style}</style>{"".join(self.parts)}</svg>\n')


def draw(path: pathlib.Path, inbound, outbound) -> None:
    """The packets of a mu-law call, as tests/support/sniff.py has seen them."""
    tracks = [(name, packets, *sound.timeline(packets)) for name, packets in (("from the caller", inbound), ("to the caller", outbound)) if packets]
    first = min(start for _, _, start, _ in tracks)
    sheet = Sheet(max(start - first + len(pcm) / sound.RATE for _, _, start, pcm in tracks))
    for name, packets, start, pcm in tracks:
        holes = missing(packets)
        sheet.add_spectrum(f"{name}: {len(packets)} packets, {sound.lost(packets)} lost (red)", pcm, start - first, holes)
        sheet.add_delays(f"{name}: how much later than the earliest each packet passed", start - first, lateness(packets))
    sheet.save(path)
