"""Whom media believes, on the wire: strangers at the caller's own address, and callers who move."""

import socket
import struct
import time

from system import wait_for
from test_backend import Caller
from test_restart import observe  # noqa: F401, a fixture

STRANGER, CALLER = b"\x41" * 160, b"\x21" * 160  # what each of them says, and hears again from the echo


class Voice:
    """A second socket at the caller's address that sends RTP."""

    def __init__(self, caller, ssrc, seq=7, ts=7, host=None):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host or caller.host, 0))
        self.remote, self.ssrc, self.seq, self.ts = caller.remote, ssrc, seq, ts

    def send_audio(self, payload):
        self.socket.sendto(struct.pack("!BBHII", 0x80, 0, self.seq & 0xFFFF, self.ts & 0xFFFFFFFF, self.ssrc) + payload, self.remote)
        self.seq += 1
        self.ts += 160

    def hear(self):
        """What has arrived."""
        heard = []
        self.socket.setblocking(False)
        try:
            while True:
                heard.append(self.socket.recv(2048)[12:])
        except BlockingIOError:
            return heard


def speak_until(speakers, is_over, seconds=40):
    """Each of `speakers` sends a packet every 20 ms until `is_over()`."""
    end = time.monotonic() + seconds
    while not is_over():
        assert time.monotonic() < end, "in vain"
        for speak in speakers:
            speak()
        time.sleep(0.02)


def test_the_named_source_is_heard_although_a_stranger_spoke_first(make_system, backends):
    """M3: our voice goes to the right one too, at once."""
    system = make_system(calls=4)
    backends.start(system)
    caller = Caller(system)
    caller.start_media(caller.call())
    stranger = Voice(caller, 0x9999)
    heard = []

    def own_echo():
        heard.extend(p[3] for p in caller.hear(0.001))
        return CALLER in heard

    speak_until([lambda: stranger.send_audio(STRANGER)], lambda: STRANGER in stranger.hear())
    both = [lambda: stranger.send_audio(STRANGER), lambda: caller.send_audio(CALLER)]
    speak_until(both, own_echo)
    stranger.hear()  # what was under way

    for _ in range(25):
        for speak in both:
            speak()
        heard.extend(p[3] for p in caller.hear(0.02))
    assert stranger.hear() == [], "the stranger hears nothing any more"
    after = heard[heard.index(CALLER) + 10:]
    assert CALLER in after and STRANGER not in after, "and is not heard"
    caller.bye()


def test_a_stranger_is_not_heard_while_the_named_source_speaks(make_system, backends):
    """M3: a ghost of another call that never stops."""
    system = make_system(calls=4)
    backends.start(system)
    caller = Caller(system)
    caller.start_media(caller.call())
    ghost = Voice(caller, 0x9999)
    heard = []

    def own_echo():
        heard.extend(p[3] for p in caller.hear(0.001))
        return heard.count(CALLER) >= 50

    speak_until([lambda: ghost.send_audio(STRANGER), lambda: caller.send_audio(CALLER)], own_echo)
    assert STRANGER not in heard and ghost.hear() == []
    caller.bye()


def test_subscribers_hear_who_speaks(make_system, backends, observe):
    """M5, M6: whoever is not heard, and why, is an event; a type that nobody negotiated is in the last words of the call."""
    system = make_system(calls=4)
    backends.start(system)
    events = observe(system)
    caller = Caller(system)
    caller.start_media(caller.call())
    stranger = Voice(caller, 0x9999, host="127.0.0.2")
    speak_until([lambda: stranger.send_audio(STRANGER)], lambda: events.of("media_source_refused"))
    speak_until([lambda: caller.send_audio(CALLER), lambda: caller.send_audio(CALLER, 8)], lambda: events.of("media_payload_unknown"))
    refused = [(e.media_source_refused.source.ip, e.media_source_refused.source.port) for e in events.of("media_source_refused")]
    assert refused == [stranger.socket.getsockname()], "once"
    assert [e.media_payload_unknown.payload_type for e in events.of("media_payload_unknown")] == [8]
    moved = Voice(caller, 0x1234, caller.seq, caller.ts)
    speak_until([lambda: moved.send_audio(STRANGER)], lambda: events.of("media_source_moved"))
    source = events.of("media_source_moved")[0].media_source_moved.source
    assert (source.ip, source.port) == moved.socket.getsockname()
    caller.bye()
    wait_for(lambda: events.of("call_ended"), 5)
    stats = events.of("call_ended")[0].call_ended.media
    assert stats.packets_unknown > 0 and stats.unknown_type == 8 and stats.packets_rejected > 0


def test_a_source_that_moves_is_followed_and_the_named_one_comes_back(make_system, backends, engine):
    """M6: another port, the same stream."""
    system = make_system(calls=4, settings={"io_backend": engine})
    backends.start(system)
    caller = Caller(system)
    caller.start_media(caller.call())
    heard = []

    def own_echo():
        heard.extend(p[3] for p in caller.hear(0.001))
        return heard.count(CALLER) >= 10

    speak_until([lambda: caller.send_audio(CALLER)], own_echo)
    moved = Voice(caller, 0x1234, caller.seq, caller.ts)
    speak_until([lambda: moved.send_audio(STRANGER)], lambda: STRANGER in moved.hear())
    wait_for(lambda: system.metric("tipring_media_rtp_rejected_total") >= 3, 5)  # the proof
    caller.seq, caller.ts = moved.seq, moved.ts
    heard.clear()
    speak_until([lambda: caller.send_audio(CALLER)], own_echo)
    caller.bye()
