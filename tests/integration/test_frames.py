"""The peers that judge the ear, by themselves: numbered frames, and the relay."""

import os
import random
import socket

from frames import LIMIT, Relay, Tally, frame, numbers


def test_a_frame_is_known_by_its_content():
    assert all(len(frame(n)) == 160 and numbers(frame(n)) == [(0, n)] for n in range(LIMIT))


def test_frames_are_found_wherever_packets_are_cut():
    """And a piece that was left out, put in or spoilt is no frame."""
    rand = random.Random(1)
    audio, want = b"", []
    for n in range(500):
        want.append((len(audio), n))
        audio += frame(n) + b"\xff" * rand.randrange(200)
    assert numbers(audio) == want
    cut = bytearray(audio)
    at = want[100][0]
    cut[at + 60] ^= 1
    del cut[want[300][0] + 30]
    assert [n for _, n in numbers(bytes(cut))] == [n for n in range(500) if n not in (100, 300)]


def test_a_tally_tells_what_became_of_them():
    tally = Tally(10, b"".join(frame(n) for n in (0, 1, 3, 2, 5, 5, 6, 7, 8, 9, 70)))
    assert (tally.missing, tally.twice, tally.strange, tally.backwards) == ([4], [5], [70], 1)


def test_the_relay_goes_both_ways_and_says_what_it_did():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ours, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as theirs:
        for s in (ours, theirs):
            s.bind(("127.0.0.1", 0))
            s.settimeout(20)
        with Relay(os.environ["TIPRING_BIN"], theirs.getsockname(), there="delay=5,duplicate=100", back="loss=100") as relay:
            for n in range(20):
                ours.sendto(frame(n), relay.address)
            got = [theirs.recvfrom(2048) for _ in range(40)]
            assert {n for p, _ in got for _, n in numbers(p)} == set(range(20))
            theirs.sendto(b"unheard", got[0][1])
            theirs.sendto(b"unheard", relay.address)  # from there: goes back to where it came from
            assert numbers(theirs.recv(2048)) == []
        assert relay.figures["there"]["duplicated"] == 21 and relay.figures["full"] == 0
        assert relay.figures["back"] == {"taken": 1, "lost": 1, "reordered": 0, "duplicated": 0}


def test_the_relay_brings_back_answers():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ours, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as theirs:
        for s in (ours, theirs):
            s.bind(("127.0.0.1", 0))
            s.settimeout(20)
        with Relay(os.environ["TIPRING_BIN"], theirs.getsockname(), back="delay=1") as relay:
            ours.sendto(b"question", relay.address)
            _, source = theirs.recvfrom(2048)
            theirs.sendto(b"answer", source)
            assert ours.recvfrom(2048) == (b"answer", relay.address)
