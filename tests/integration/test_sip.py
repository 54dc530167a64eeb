"""What a SIP peer observes, on real sockets. Rows of the behaviour list are named where they are driven."""

import os
import pathlib
import re
import signal
import struct
import subprocess
import sys
import time

import pytest

from sip_peer import Peer
from sniff import Sniffer
from system import wait_for


def backend(app: str, *steps: str) -> str:
    """A program that serves `app` and does the steps with each call."""
    return f"""
import asyncio, tipring
async def main():
    async with tipring.connect() as server:
        @server.app("{app}")
        async def handle(call):
            {"; ".join(steps)}
        await server.run()
asyncio.run(main())
"""


SHORT = backend("short", "await call.answer(rate=8000)", "await call.hangup()")
LATE = backend("late", "await call.ring()", "await asyncio.sleep(0.3)", "await call.answer(rate=8000)", "await call.ended()")
RINGING = backend("ringing", "await call.ring()", "await call.ended()")
DATA = pathlib.Path(__file__).resolve().parents[1] / "data"


@pytest.fixture
def system(make_system, backends):
    made = make_system(calls=20)
    backends.start(made)
    return made


@pytest.fixture
def peer(system):
    p = Peer(system)
    yield p
    p.close()


def test_a_call_is_answered_and_ended(system, peer):
    """C110 C160 C161 C164 C165"""
    answer = peer.call()
    assert "m=audio" in answer and "a=rtpmap:0 PCMU/8000" in answer
    assert answer.count(";tag=") == 2, "C151: one To tag, one From tag"
    peer.bye()
    wait_for(lambda: system.metric("tipring_calls") == 0, 3)


def test_calls_work_on_either_engine(make_system, backends, engine):
    made = make_system(calls=4, settings={"io_backend": engine})
    backends.start(made)
    p = Peer(made)
    p.call()
    assert made.metric("tipring_media_engine_uring") == (engine == "uring")
    p.bye()
    p.close()


def test_a_call_over_ipv6(make_system, backends):
    """C094"""
    made = make_system(calls=4, host="::1")
    backends.start(made)
    p = Peer(made)
    answer = p.call()
    assert "c=IN IP6 ::1" in answer
    p.bye()
    p.close()


def test_a_retransmitted_invite_makes_one_call(system, peer):
    """C134 C135"""
    invite = peer.request("INVITE", body=peer.sdp())
    for _ in range(3):
        peer.send(invite)
    answer = peer.wait(200)
    peer.learn(answer)
    peer.send(invite)  # after the 2xx: absorbed
    peer.send(peer.request("ACK", cseq=1))
    time.sleep(0.3)
    assert system.metric("tipring_calls_started_total") == 1, "one call"
    peer.bye()


def test_a_200_is_repeated_until_the_ack(peer):
    """C170"""
    start = time.monotonic()
    peer.send(peer.request("INVITE", body=peer.sdp()))
    first = peer.wait(200)
    second = peer.wait(200, seconds=2)
    assert first == second
    assert time.monotonic() - start >= 0.5
    peer.learn(first)
    peer.send(peer.request("ACK", cseq=1))
    assert peer.receive(1.5) is None, "repeated after the ACK"
    peer.bye()


def test_a_bye_sent_twice_is_answered_twice(peer):
    """C136"""
    peer.call()
    bye = peer.request("BYE")
    peer.send(bye)
    first = peer.wait(200)
    peer.send(bye)
    assert peer.wait(200) == first


def test_requests_outside_any_dialog_are_refused(peer):
    """C147 C165 C168"""
    peer.to_tag = "nobody"
    peer.send(peer.request("BYE"))
    peer.wait(481)
    peer.to_tag = ""
    peer.send(peer.request("SUBSCRIBE"))
    assert "Allow: " in peer.wait(405)


def test_an_old_cseq_is_refused(peer):
    """C148"""
    peer.call()
    peer.send(peer.request("BYE", cseq=1))
    peer.wait(500)
    peer.bye()


def test_options_tells_what_is_allowed(peer):
    """C032 C167 C187"""
    peer.send(peer.request("OPTIONS").replace("Max-Forwards: 70", "Max-Forwards: 0"))
    assert "Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, PRACK, UPDATE, INFO, MESSAGE" in peer.wait(200)


def test_a_reinvite_that_can_not_be_served_is_refused_and_the_call_goes_on(system, peer):
    """C184"""
    peer.call()
    peer.send(peer.request("INVITE", body=peer.sdp().replace("RTP/AVP 0 101", "RTP/AVP 18")))
    peer.wait(488)
    peer.send(peer.request("ACK", cseq=peer.cseq, branch=peer.branch))
    time.sleep(0.5)
    assert system.metric("tipring_calls_answered") == 1
    peer.bye()


def test_a_reinvite_that_changes_nothing_is_a_refresh(system, peer):
    """C092 C184 C170: PBXs and session timers send these; the answer is the same one, and is repeated until its ACK"""
    first = peer.call()
    for _ in range(3):
        peer.send(peer.request("INVITE", body=peer.sdp()))
        cseq = peer.cseq
        answer = peer.wait(200)
        assert answer.split("\r\n\r\n")[1] == first.split("\r\n\r\n")[1]
        assert peer.wait(200, seconds=2) == answer
        peer.send(peer.request("INVITE", body=peer.sdp()))
        peer.wait(491)
        peer.send(peer.request("ACK", cseq=peer.cseq, branch=peer.branch))
        peer.send(peer.request("ACK", cseq=cseq))
        assert peer.receive(1.2) is None, "repeated after its ACK"
    assert system.metric("tipring_signaling_legs_refreshed_total") == 3
    assert system.metric("tipring_calls_started_total") == 1
    peer.bye()


def test_options_in_a_call(peer):
    peer.call()
    peer.send(peer.request("OPTIONS"))
    assert "Allow: INVITE" in peer.wait(200)
    peer.bye()


# ---- deaths of processes in the middle ----


def test_a_bye_while_control_is_dead_ends_the_call_once(system, peer):
    peer.call()
    wait_for(lambda: system.metric("tipring_calls_answered") == 1, 3)
    system.kill("control-0")
    peer.bye()
    wait_for(lambda: system.ready() and system.metric("tipring_calls_ended_total") == 1, 10)
    wait_for(lambda: system.metric("tipring_signaling_legs") == 0, 5)
    time.sleep(2.5)  # longer than the end is said again
    assert system.metric("tipring_calls_ended_total") == 1
    assert system.metric("tipring_calls") == 0
    assert system.metric("tipring_calls_rebuilt_total") == 1


def test_a_bye_while_signaling_is_dead_ends_the_call_once(system, peer):
    peer.call()
    wait_for(lambda: system.metric("tipring_calls_answered") == 1, 3)
    system.kill("signaling-0")
    peer.send_until(peer.request("BYE"), 200, 481)  # 481: the first one had ended the call, and its answer was lost
    wait_for(lambda: system.metric("tipring_calls_ended_total") == 1, 5)
    wait_for(lambda: system.metric("tipring_signaling_legs") == 0, 5)
    assert system.metric("tipring_calls") == 0


def test_a_200_is_repeated_by_a_successor(system, peer):
    """C170 C164"""
    peer.send(peer.request("INVITE", body=peer.sdp()))
    first = peer.wait(200)
    system.kill("signaling-0")
    assert peer.wait(200, seconds=3) == first
    peer.learn(first)
    peer.send(peer.request("ACK", cseq=1))
    wait_for(lambda: system.metric("tipring_calls_answered") == 1, 3)
    peer.bye()


def test_a_cancel_while_signaling_is_dead(make_system):
    """C166"""
    made = make_system(calls=4, app="ringing")
    process = subprocess.Popen([sys.executable, "-c", RINGING], env={**os.environ, **made.env})
    try:
        wait_for(lambda: made.metric("tipring_backends") == 1, 10)
        p = Peer(made)
        p.send(p.request("INVITE", body=p.sdp()))
        p.wait(180)
        made.kill("signaling-0")
        p.send_until(p.request("CANCEL", cseq=1, branch=p.branch), 487)
        p.close()
        wait_for(lambda: made.metric("tipring_calls_ended_total") == 1, 5)
    finally:
        process.kill()
        process.wait()


def test_an_answer_that_dies_with_signaling_is_given_again(make_system):
    """The backend answers while the worker hangs; whoever replaces it is told by control."""
    made = make_system(calls=4, app="late")
    process = subprocess.Popen([sys.executable, "-c", LATE], env={**os.environ, **made.env})
    try:
        wait_for(lambda: made.metric("tipring_backends") == 1, 10)
        p = Peer(made)
        p.send(p.request("INVITE", body=p.sdp()))
        p.wait(180)
        made.kill("signaling-0", signal.SIGSTOP)
        p.learn(p.wait(200, seconds=6))
        p.send(p.request("ACK", cseq=1))
        wait_for(lambda: made.metric("tipring_calls_answered") == 1, 3)
        p.bye()
        p.close()
    finally:
        process.kill()
        process.wait()


def test_our_bye_is_sent_by_a_successor(make_system):
    """A backend hangs up, nobody hears the BYE, signaling dies: its successor says it again."""
    made = make_system(calls=4, app="short")
    process = subprocess.Popen([sys.executable, "-c", SHORT], env={**os.environ, **made.env})
    try:
        wait_for(lambda: made.metric("tipring_backends") == 1, 10)
        p = Peer(made)
        p.call()
        first = p.request_of("BYE")
        made.kill("signaling-0")
        again = p.request_of("BYE", but=first)
        assert again != first
        p.answer(again, 481)
        wait_for(lambda: made.metric("tipring_signaling_legs") == 0, 5)
        assert made.metric("tipring_calls_ended_total") == 1
        p.close()
    finally:
        process.kill()
        process.wait()


def test_an_app_without_backends_is_480(make_system):
    made = make_system(calls=4, app="nobody-yet")
    p = Peer(made)
    p.send(p.request("INVITE", body=p.sdp()))
    p.wait(480)
    p.close()


def test_cancel_of_nothing(peer):
    """C166"""
    peer.send(peer.request("CANCEL"))
    peer.wait(481)


@pytest.mark.parametrize("change, code", [
    (lambda m: m.replace("From: ", "X-From: "), 400),                       # C030
    (lambda m: m.replace("SIP/2.0\r\n", "SIP/3.0\r\n", 1), 505),            # C040
    (lambda m: m.replace("Call-ID: ", "Call-ID: a\r\nCall-ID: "), 400),     # C041
    (lambda m: m.replace("OPTIONS", "options"), 501),                       # C042
    (lambda m: m.replace("CSeq: 1 ", "CSeq: 36893488147419103232 "), 400),  # C012
    (lambda m: m.replace("Content-Length: 0", "Content-Length: 9999"), 400),  # C010
    (lambda m: m.replace("Content-Length: 0", "Content-Length: -999"), 400),  # C011
    (lambda m: m.replace("Contact:", "Require: foo\r\nContact:"), 420),     # C186
    (lambda m: "\r\n\r\n" + m, 200),                                        # C039
])
def test_answers_to_odd_requests(peer, change, code):
    peer.send(change(peer.request("OPTIONS")))
    peer.wait(code)


def test_a_request_without_via_is_dropped(peer):
    """C031"""
    peer.send(re.sub(r"Via:[^\r]*\r\n", "", peer.request("OPTIONS")))
    assert peer.receive(0.4) is None


@pytest.mark.parametrize("sdp, code", [
    ("m=audio x RTP/AVP 0\r\n", 488), ("m=audio 4000 RTP/AVP 18\r\n", 488), ("m=video 4000 RTP/AVP 96\r\n", 488),
    ("m=audio 0 RTP/AVP 0\r\n", 488),
])
def test_offers_that_can_not_be_answered(peer, sdp, code):
    """C082 C083 C090 C097"""
    body = f"v=0\r\no=p 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n{sdp}"
    peer.send(peer.request("INVITE", body=body))
    peer.wait(code)


def offer(peer, *lines: str, host: str = "") -> str:
    kind = "IP6" if ":" in (host or peer.host) else "IP4"
    return "\r\n".join(["v=0", f"o=p 1 1 IN {kind} {host or peer.host}", "s=-", f"c=IN {kind} {host or peer.host}", "t=0 0", *lines, ""])


def test_what_is_refused_is_not_judged(peer):
    """S6 S7 S8 S9 S10 S11: one line that can be served, between others in which nothing is right"""
    audio = f"m=audio {peer.rtp_port} RTP/AVP 0"
    many = " ".join(str(n) for n in range(70, 120))
    body = offer(peer, "m=video 0 RTP/AVP 255", "m=video 0 RTP/AVP", "a=rtpmap:96", "m=video 5000 RTP/AVP *", "a=ptime:22.5", "b=X-YZ:abc",
                 audio, "a=rtpmap:101 telephone-event", "a=ptime:22.5", "b=AS:64.5", f"m=video 5002 RTP/AVP {many}", "a=rtcp:70000")
    peer.send(peer.request("INVITE", body=body))
    answer = peer.wait(200)
    lines = re.findall(r"\r\nm=([^\r]*)", answer)
    assert lines[:3] == ["video 0 RTP/AVP 255", "video 0 RTP/AVP 0", "video 0 RTP/AVP *"]
    assert re.fullmatch(r"audio [1-9]\d* RTP/AVP 0", lines[3])
    assert lines[4:] == [f"video 0 RTP/AVP {many}"]
    peer.learn(answer)
    peer.send(peer.request("ACK", cseq=1))
    peer.bye()


@pytest.mark.parametrize("host, warning", [("2001:db8::10", "301"), ("", "305")])
def test_a_refusal_says_what_the_offer_lacks(peer, host, warning):
    """S13: a family that media has not will never fit: 488, not the 503 of a trunk that is down"""
    peer.send(peer.request("INVITE", body=offer(peer, f"m=audio 4000 RTP/AVP {0 if host else 18}", host=host)))
    refusal = peer.wait(488, 503)
    assert refusal.startswith("SIP/2.0 488") and f"\r\nWarning: {warning} " in refusal and "Retry-After" not in refusal


def test_the_line_of_a_family_that_media_has_is_taken(peer):
    """S14"""
    body = offer(peer, "m=audio 4000 RTP/AVP 0", "c=IN IP6 2001:db8::10", f"m=audio {peer.rtp_port} RTP/AVP 0")
    peer.send(peer.request("INVITE", body=body))
    answer = peer.wait(200)
    first, second = re.findall(r"\r\nm=audio (\d+)", answer)
    assert first == "0" and second != "0"
    peer.learn(answer)
    peer.send(peer.request("ACK", cseq=1))
    peer.bye()


@pytest.mark.parametrize("attribute", ["", "a=sendonly\r\n"])
def test_hold_in_the_first_offer(system, peer, attribute):
    """S12, RFC 3264 8.4: taken with our port, and neither RTP nor RTCP leaves while the backend talks"""
    body = peer.sdp().replace(f"c=IN IP4 {peer.host}", "c=IN IP4 0.0.0.0") + attribute
    peer.send(peer.request("INVITE", body=body))
    answer = peer.wait(200)
    assert "\r\na=recvonly\r\n" in answer
    peer.learn(answer)
    host, port = peer.media(answer)
    assert host == peer.host and port != 0
    pool = (system.rtp_port, system.rtp_last)
    sniffer = Sniffer([pool])
    peer.send(peer.request("ACK", cseq=1))
    for i in range(300):  # 6 s, longer than the interval of reports; the echo would send it all back
        peer.rtp.sendto(struct.pack("!BBHII", 0x80, 0, i, 160 * i, 7) + bytes(160), (host, port))
        time.sleep(0.02)
    seen = sniffer.close()
    assert 300 - sniffer.missed <= sum(d.target == (host, port) for d in seen) <= 300
    assert [d for d in seen if pool[0] <= d.source[1] <= pool[1]] == []
    peer.bye()


def test_what_is_in_use_stays_when_it_is_offered_again(peer):
    """S22 S26: other codecs, another order and one line more: the codec stays, our version counts"""
    first = peer.call()
    body = peer.sdp(formats="8 101 0").replace("o=peer 1 1", "o=peer 1 2") + "m=video 5000 RTP/AVP 96\r\n"
    peer.send(peer.request("INVITE", body=body))
    second = peer.wait(200)
    peer.send(peer.request("ACK", cseq=peer.cseq))
    assert [re.search(r"m=audio \d+ RTP/AVP ([^\r]*)", a).group(1) for a in (first, second)] == ["0 101", "0 101"]
    versions = [re.search(r"\r\no=- (\d+) (\d+) ", a).groups() for a in (first, second)]
    assert versions[0][0] == versions[1][0] and [v[1] for v in versions] == ["1", "2"]
    assert second.count("\r\nm=") == 2 and "\r\nm=video 0 RTP/AVP 96\r\n" in second
    peer.bye()


def test_a_source_has_its_share_of_new_requests(make_system, backends):
    """H18: what is beyond is dropped before it is parsed; calls that are up go on"""
    made = make_system(calls=4, settings={"sip.new_per_source_per_s": 1})
    backends.start(made)
    p, crowd = Peer(made), Peer(made)
    p.call()
    for _ in range(50):
        crowd.send(crowd.request("OPTIONS"))
    wait_for(lambda: made.metric("tipring_sip_source_limited_total") >= 40, 3)
    p.send(p.request("OPTIONS"))
    p.wait(200)
    p.bye()
    p.close()
    crowd.close()


def test_a_full_table_answers_503_with_retry_after(make_system, backends):
    """C193"""
    made = make_system(calls=2)
    backends.start(made)
    peers = [Peer(made) for _ in range(3)]
    for p in peers[:2]:
        p.call()
    peers[2].send(peers[2].request("INVITE", body=peers[2].sdp()))
    assert "Retry-After: " in peers[2].wait(503)
    for p in peers[:2]:
        p.bye()
    for p in peers:
        p.close()


def test_ten_times_too_many_callers_are_all_answered(make_system, backends):
    """C193: from one socket, 200 calls at 20 places; every refusal says when to come again, and everything is free afterwards"""
    made = make_system(calls=20)
    backends.start(made)
    crowd = [Peer(made) for _ in range(200)]
    invites = [p.request("INVITE", body=p.sdp()) for p in crowd]
    for p, invite in zip(crowd, invites):
        p.send(invite)

    def answer_of(p, invite):
        try:
            return p.wait_briefly(200, 503, seconds=1)
        except AssertionError:  # so many at once are more than its socket keeps while it does not run
            return p.send_until(invite, 200, 503)

    answers = [answer_of(p, invite) for p, invite in zip(crowd, invites)]
    refused = [a for a in answers if a.startswith("SIP/2.0 503")]
    assert all("Retry-After: " in a for a in refused)
    assert 15 <= len(crowd) - len(refused) <= 20
    for p, answer in zip(crowd, answers):
        if answer in refused:
            p.send(p.request("ACK", cseq=1, branch=p.branch))
            continue
        p.learn(answer)
        p.send(p.request("ACK", cseq=1))
        p.bye()
    wait_for(lambda: made.metric("tipring_signaling_legs") == 0 and made.metric("tipring_calls") == 0, 5)
    for p in crowd:
        p.close()


def test_strangers_take_no_room(make_system, backends):
    """BYE and CANCEL of calls that never were are answered and forgotten; the BYE of one that is finds its place"""
    made = make_system(calls=2)  # 264 transactions
    backends.start(made)
    p, stranger = Peer(made), Peer(made)
    p.call()
    for i in range(400):
        stranger.to_tag = f"nobody{i}"
        stranger.send(stranger.request("BYE"))
        stranger.to_tag = ""
        stranger.send(stranger.request("CANCEL"))
        stranger.wait(481)
        stranger.wait(481)
    wait_for(lambda: made.metric("tipring_signaling_transactions") <= 1, 2)
    p.bye()
    p.close()
    stranger.close()


def test_advertised_addresses(make_system, backends):
    """C093: what peers are told, while the sockets stay where they are"""
    made = make_system(calls=2, settings={"sip.advertised_address": "203.0.113.5", "rtp.advertised_address": "203.0.113.6"})
    backends.start(made)
    p = Peer(made)
    p.send(p.request("INVITE", body=p.sdp()))
    answer = p.wait(200)
    assert "\r\nContact: <sip:203.0.113.5:" in answer
    assert "\r\nc=IN IP4 203.0.113.6\r\n" in answer and "IN IP4 127.0.0.1" not in answer
    p.close()


def test_after_the_end_nothing_is_sent(make_system):
    """C174: calls are told, then it is quiet"""
    made = make_system(calls=4, app="ringing")
    process = subprocess.Popen([sys.executable, "-c", RINGING], env={**os.environ, **made.env})
    try:
        wait_for(lambda: made.metric("tipring_backends") == 1, 10)
        p = Peer(made)
        p.send(p.request("INVITE", body=p.sdp()))
        p.wait(180)
        made.stop()
        p.wait(480, 503, 487)
        assert p.receive(1.2) is None
        p.close()
    finally:
        process.kill()
        process.wait()


def test_refusals_nobody_acknowledges_take_no_room(make_system):
    """Each is kept for a successor until its ACK; in a full table the next caller is more important."""
    system = make_system(calls=2, settings={"routes": [{"number": "1", "app": "echo"}]})
    for _ in range(6):
        peer = Peer(system)
        peer.send(peer.request("INVITE", body=peer.sdp(), number="9"))
        peer.wait(404)
        peer.close()
    wait_for(lambda: system.metric("tipring_signaling_legs") <= 2, 2)


def test_a_refusal_survives_its_process(make_system):
    """Lost on the way, and signaling dies before it says it again: the caller must not wait for ever (C139)"""
    system = make_system(calls=4, settings={"routes": [{"number": "1", "app": "echo"}]})
    peer = Peer(system)
    peer.send(peer.request("INVITE", body=peer.sdp(), number="9"))
    peer.wait(404)
    wait_for(lambda: system.metric("tipring_signaling_legs") == 1, 5)
    system.kill("signaling-0")
    peer.wait(404, seconds=5)


def test_no_route_is_404(make_system):
    made = make_system(calls=2, settings={"routes": [{"number": "100", "app": "echo"}]})
    p = Peer(made)
    p.send(p.request("INVITE", body=p.sdp(), number="200"))
    p.wait(404)
    p.close()


def test_every_torture_message_leaves_the_server_alive(system, peer):
    """RFC 4475 and RFC 5118; the answers themselves are unit tests of signaling/sip"""
    files = sorted(DATA.glob("rfc4475/*.dat")) + sorted(DATA.glob("rfc5118/*.dat"))
    assert len(files) >= 61
    for path in files:
        peer.send(path.read_bytes())
        probe = Peer(system)
        probe.send(probe.request("OPTIONS"))
        probe.wait(200)
        probe.close()
