"""tipring call ID --plot: a picture of the audio of a call that is there."""

import base64
import json
import math
import struct
import subprocess
import threading
import time
import xml.etree.ElementTree as xml
import zlib

import pytest

from conftest import BIN
from system import wait_for
from test_backend import Caller

LOST = (40, 41, 60)  # packets
SECONDS = 6


def tipring(system, *words, **options):
    return subprocess.run([BIN / "tipring", *words], env=system.env, capture_output=True, text=True, timeout=60, **options)


def ulaw(sample):
    sign, magnitude = (0x80, -sample) if sample < 0 else (0, sample)
    magnitude = min(magnitude, 32635) + 132
    exponent = magnitude.bit_length() - 8
    return ~(sign | exponent << 4 | (magnitude >> (exponent + 3)) & 15) & 0xFF


def tone(packet, hz=1000):
    return bytes(ulaw(round(8000 * math.sin(2 * math.pi * hz * (160 * packet + i) / 8000))) for i in range(160))


def rows_of(png):
    """The palette's numbers, row by row, of a PNG that is as it should be."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    at, data, size = 8, b"", None
    while at < len(png):
        (n,), kind = struct.unpack_from(">I", png, at), png[at + 4:at + 8]
        body = png[at + 8:at + 8 + n]
        assert struct.unpack_from(">I", png, at + 8 + n)[0] == zlib.crc32(kind + body), kind
        if kind == b"IHDR":
            size = struct.unpack(">IIBBBBB", body)
        data += body if kind == b"IDAT" else b""
        at += 12 + n
    width, height, depth, colours, *rest = size
    lines = zlib.decompress(data)
    assert (depth, colours, rest) == (8, 3, [0, 0, 0]) and len(lines) == height * (width + 1)
    assert {lines[i * (width + 1)] for i in range(height)} == {0}
    return [lines[i * (width + 1) + 1:(i + 1) * (width + 1)] for i in range(height)]


@pytest.fixture
def call(make_system, backends):
    """(a system with an echo, a peer in a call, its id)"""
    system = make_system(calls=4)
    backends.start(system)
    peer = Caller(system)
    peer.start_media(peer.call())
    wait_for(lambda: json.loads(tipring(system, "calls", "--json").stdout)["phase"] == "CALL_ANSWERED", 5)
    yield system, peer, json.loads(tipring(system, "calls", "--json").stdout)["call_id"]
    peer.close()


@pytest.mark.alone
def test_the_picture_shows_what_passed(call, tmp_path):
    system, peer, call_id = call
    path, done = tmp_path / "call.svg", {}
    plot = threading.Thread(target=lambda: done.update(run=tipring(system, "call", call_id[:8], "--plot", str(path), "--seconds", str(SECONDS))))
    plot.start()
    begin = time.monotonic()
    for packet in range(1000):
        if packet in LOST:
            peer.seq, peer.ts = peer.seq + 1, peer.ts + 160
        else:
            peer.send_audio(tone(packet))
        time.sleep(max(0.0, begin + 0.02 * (packet + 1) - time.monotonic()))
        if not plot.is_alive():
            break
    plot.join(30)
    assert done["run"].returncode == 0 and not done["run"].stdout, done["run"].stderr
    root = xml.parse(path).getroot()
    parts = list(root.iter())
    images = [p for p in parts if p.tag.endswith("image")]
    assert len(images) == 2
    for image in images:
        rows = rows_of(base64.b64decode(image.get("href").split(",", 1)[1]))
        loud = [max(range(len(rows)), key=lambda r, c=c: rows[r][c]) for c in range(1000) if max(row[c] for row in rows) > 150]
        assert len(loud) > 150, "the tone takes a part of it, in both directions"
        top = sorted(loud)[len(loud) // 2]
        assert abs((len(rows) - top) - 1000 / 8000 * 128) <= 2, "where 1 kHz is, of 8"
    lost = [p for p in parts if p.get("class") == "kind1"]
    ms = [round(float(p.get("width")) * SECONDS) for p in lost]
    assert len(ms) == 2 and 35 <= ms[0] <= 65 and 15 <= ms[1] <= 45, "two packets, and one, in the frames of 20 ms that they touch"
    assert sum(p.tag.endswith("circle") for p in parts) > 100


def test_what_can_not_be_drawn(call, tmp_path):
    system, peer, call_id = call
    for words in (("--plot", "/nowhere/x.svg", "--seconds", "1"), ("--plot", str(tmp_path / "a.svg"), "--seconds", "61"),
                  ("--plot", str(tmp_path / "a.svg"), "--seconds", "0"), ("--plot", str(tmp_path / "a.svg"), "--seconds", "x"), ("--seconds", "2")):
        done = tipring(system, "call", call_id, *words)
        assert done.returncode == 2 and done.stderr, words
    assert tipring(system, "calls", "--plot", "x.svg").returncode == 2
    assert tipring(system, "call", "0" * 16, "--plot", str(tmp_path / "a.svg")).returncode == 1
    peer.bye()
    wait_for(lambda: not tipring(system, "calls", "--json").stdout, 5)
    gone = tipring(system, "call", call_id, "--plot", str(tmp_path / "a.svg"))
    assert gone.returncode == 1 and "no audio" in gone.stderr and not (tmp_path / "a.svg").exists()
