"""The statistics of a call against those of tshark, which looked at the same wire."""

import os
import re
import shutil
import subprocess
import time

import pytest

from system import wait_for
from test_backend import Caller
from test_cli import rows, tipring

pytestmark = pytest.mark.skipif(shutil.which("tshark") is None or shutil.which("dumpcap") is None or os.geteuid() != 0,
                                reason="tshark is not installed, or may not capture")

PACKETS = 200
LOST = {20, 21, 22, 60, 90, 91, 150}
SLACK_MS = 1.0  # between the kernel's clock of the capture and the moment media looks


def stream_of(path, port):
    """Packets, lost, least and greatest jitter (ms) of what went to `port`."""
    text = subprocess.run(["tshark", "-r", path, "-q", "-d", f"udp.port=={port},rtp", "-z", "rtp,streams"], capture_output=True, text=True,
                          timeout=60, check=True).stdout
    [line] = [line for line in text.splitlines() if re.search(rf"\s{port}\s+0x", line)]
    packets, lost, *figures = re.search(r"\s(\d+)\s+(-?\d+) \([^)]*\)\s+(.*)", line).groups()
    least, _, greatest = (float(f) for f in figures[0].split()[3:6])
    return int(packets), int(lost), least, greatest


def test_loss_and_jitter_are_those_of_tshark(make_system, backends, tmp_path):
    """Losses to the packet; jitter within what tshark saw."""
    system = make_system(calls=4)
    backends.start(system)
    caller = Caller(system)
    caller.start_media(caller.call())
    port, path = caller.remote[1], tmp_path / "call.pcapng"
    capture = subprocess.Popen(["dumpcap", "-q", "-i", "lo", "-f", f"udp dst port {port}", "-c", str(PACKETS - len(LOST)), "-w", path])
    try:
        wait_for(lambda: path.exists() and path.stat().st_size > 0, 10)
        for i in range(PACKETS):
            if i in LOST:
                caller.seq += 1
                caller.ts += 160
            else:
                caller.send_audio()
            time.sleep(0.03 if i % 4 == 0 else 0.017)
        capture.wait(10)  # it has seen them all
    finally:
        capture.kill()
        capture.wait()
    caller.bye()
    wait_for(lambda: not rows(tipring(system, "calls", "--json")), 10)
    [ended] = rows(tipring(system, "calls", "--json", "--ended"))
    stats = ended["stats"]
    packets, lost, least, greatest = stream_of(path, port)
    assert (packets, lost) == (PACKETS - len(LOST), len(LOST))
    assert (stats["packets_received"], stats["packets_lost"]) == (packets, lost)
    assert least - SLACK_MS <= stats["jitter_us"] / 1000 <= greatest + SLACK_MS
