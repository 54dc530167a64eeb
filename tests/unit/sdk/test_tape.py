"""Frames as a handler sees them."""

import time

import tipring


def test_the_age_of_a_frame_counts_from_when_it_was_due():
    """M15: what network and media worker kept it for counts too."""
    now = time.monotonic_ns()
    assert 4000 <= tipring.Frame(b"", 0, now, due_ns=now - 4_000_000_000).age_ms
    late = tipring.Frame(b"", 0, now - 3_000_000_000)
    assert late.age_ms >= 3000, "not told when it was due: from its arrival"


def test_a_level():
    assert tipring.Frame(b"", 0).rms == 0
    assert tipring.Frame((1000).to_bytes(2, "little") * 160, 0).rms == 1000
