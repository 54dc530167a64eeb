"""frames.py - packets that are known by their content, and a bad network (relay.c) to send them through.

A numbered frame is 160 octets of PCMU that spell a number: found again in what an echo at 8 kHz sends back, wherever packets are cut, whatever was
put between them. What is concealed, stretched or mixed is no whole frame any more, and not counted as one."""

from __future__ import annotations

import collections
import json
import pathlib
import subprocess

BITS = 12
LIMIT = 1 << BITS
HEAD, GUARD = b"\x01" * 16, b"\xff" * 16  # no pitch period, no silence: a tone of no frequency
ZERO, ONE = b"\x31" * 8, b"\xb1" * 8


def frame(number: int) -> bytes:
    """20 ms; numbers repeat at LIMIT."""
    bits = number % LIMIT << 4 | check(number % LIMIT)
    return HEAD + b"".join(ONE if bits >> i & 1 else ZERO for i in range(BITS + 3, -1, -1)) + GUARD


def check(number: int) -> int:
    return (number ^ number >> 4 ^ number >> 8 ^ 0x9) & 0xF


def numbers(audio: bytes) -> list[tuple[int, int]]:
    """(offset, number) of each whole frame in a row of octets."""
    found, at = [], audio.find(HEAD)
    while at >= 0:
        body = audio[at + len(HEAD):at + len(HEAD) + 8 * (BITS + 4)]
        cells = [body[i:i + 8] for i in range(0, len(body), 8)]
        if len(body) == 8 * (BITS + 4) and all(cell in (ZERO, ONE) for cell in cells):
            bits = int("".join("1" if cell == ONE else "0" for cell in cells), 2)
            if check(bits >> 4) == bits & 0xF:
                found.append((at, bits >> 4))
        at = audio.find(HEAD, at + len(HEAD))
    return found


class Tally:
    """What became of frames 0 .. sent - 1 (sent <= LIMIT)."""

    def __init__(self, sent: int, audio: bytes):
        assert sent <= LIMIT
        heard = [number for _, number in numbers(audio)]
        counts = collections.Counter(heard)
        self.heard = heard
        self.missing = [n for n in range(sent) if n not in counts]
        self.twice = [n for n, times in counts.items() if times > 1]
        self.strange = [n for n in counts if n >= sent]
        self.backwards = sum(b < a for a, b in zip(heard, heard[1:]))

    def __repr__(self) -> str:
        return (f"{len(self.heard)} heard, {len(self.missing)} missing, {len(self.twice)} twice, {len(self.strange)} strange, "
                f"{self.backwards} backwards")


class Relay:
    """A bad network to `to`; models as in impair.h. What is sent to `address` goes on to `to`, and answers come back. `figures` after the end."""

    def __init__(self, binaries: pathlib.Path | str, to: tuple[str, int], there: str = "", back: str = "", listen: str = "127.0.0.1:0"):
        self.process = subprocess.Popen([str(pathlib.Path(binaries) / "relay"), "--to", f"{to[0]}:{to[1]}", "--listen", listen,
                                         "--there", there, "--back", back], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        host, port = self.process.stdout.readline().strip().rsplit(":", 1)
        self.address = host, int(port)
        self.figures: dict = {}

    def close(self) -> None:
        if self.process.poll() is None:
            self.figures = json.loads(self.process.communicate(timeout=20)[0])

    def __enter__(self) -> "Relay":
        return self

    def __exit__(self, *_) -> None:
        self.close()
