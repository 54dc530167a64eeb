"""Several signaling workers on one address: whoever the kernel gives a datagram to, its owner answers it."""

import asyncio
import contextlib
import os
import re
import signal
import socket
import stat
import time

import pytest

from callee import Callee
from conftest import BIN
from registrar import Registrar, header, parameters
from sip_peer import Peer
from system import System, free_udp_port, wait_for
from test_auth import ask, call_and_hang_up, challenge, guarded, hang_up, credentials, invite, is_answered, let_in, serving, uri_for
from test_backend import in_thread, with_backend
from test_dial import OPEN, RATE, dialling, nothing_is_left
from test_dial_peers import NOWHERE
from test_early import test_a_kill_before_the_answer, test_prack, test_sipp_acknowledges  # noqa: F401
from test_registrations import phases, row
from test_sipp import test_it_calls, test_it_is_called  # noqa: F401
from test_transfer import TARGET, Party, run
from test_transfer import header as field
from test_transfer import test_accepted, test_accepted_with_replaces, test_attended, test_blind, test_replaced  # noqa: F401

PASSWORD = "c0rrect horse"
TWO = {"sip.workers": 2}
PORTS = 8  # of a source that changes: that all lead to one of two workers is a matter of 1 in 128


@pytest.fixture(autouse=True)
def passwords(monkeypatch):
    monkeypatch.setenv("ALICE_PASSWORD", PASSWORD)
    monkeypatch.setenv("TRUNK_PASSWORD", PASSWORD)


@pytest.fixture
def system(make_system):
    """For tests of other files, which hold here too."""
    return make_system(calls=8, settings={**TWO, **OPEN})


@pytest.fixture
def peers():
    made = []

    def make(system, kind=Peer):
        made.append(kind(system))
        return made[-1]

    yield make
    for peer in made:
        peer.close()


def per_worker(system, name: str) -> list[float]:
    found = {k: v for k, v in system.metrics().items() if k.startswith(f'tipring_{name}{{role="signaling"')}
    return [found[k] for k in sorted(found)]


def from_elsewhere(peer: Peer) -> None:
    """What it sends from now on comes from another port."""
    peer.socket.close()
    peer.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    peer.socket.bind((peer.host, 0))
    peer.port = peer.socket.getsockname()[1]


@contextlib.contextmanager
def elsewhere(peer: Peer):
    """What it sends meanwhile comes from another port, and answers to that are heard; then it is where it was."""
    named = peer.socket
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer.socket:
        yield
    peer.socket = named


def on_both(system, peers, count: int = 8) -> list[Peer]:
    """Calls that are up, some with each worker."""
    calls = [peers(system) for _ in range(count)]
    for i, peer in enumerate(calls):
        peer.call_id = f"{i}-{peer.call_id}"
        peer.call()
    wait_for(lambda: sum(per_worker(system, "signaling_legs")) == count, 5)
    assert min(per_worker(system, "signaling_legs")) > 0
    return calls


def test_everything_of_a_call_comes_from_other_ports(make_system, backends, peers):
    """C184: requests in a dialog are the dialog's, whoever hears them; the answer leaves by the port that was asked."""
    system = make_system(calls=16, settings=TWO)
    backends.start(system)
    calls = on_both(system, peers)
    for peer in calls:
        for method, options in (("OPTIONS", {}), ("UPDATE", {}), ("INVITE", {"body": peer.sdp()}), ("OPTIONS", {})):
            from_elsewhere(peer)
            peer.send(peer.request(method, **options))
            peer.wait(200, to=f"{peer.cseq} {method}\r\n")
            if method == "INVITE":
                from_elsewhere(peer)
                peer.send(peer.request("ACK", cseq=peer.cseq))
    wait_for(lambda: sum(per_worker(system, "signaling_strays_total")) > 0, 5)
    for peer in calls:
        from_elsewhere(peer)
        peer.bye()
    nothing_is_left(system)
    wait_for(lambda: system.metric("tipring_signaling_strays_total") == system.metric("tipring_signaling_strays_taken_total"), 5)
    assert system.metric("tipring_signaling_strays_lost_total") == 0


def test_the_answer_leaves_by_the_address_that_was_asked(make_system, backends, peers):
    """Of several listeners, too: what is passed on says which one it came to."""
    second = free_udp_port()
    system = make_system(calls=16, settings=TWO)
    system.stop()
    system.values["sip.listen"] = [*system.values["sip.listen"], f"udp:127.0.0.1:{second}"]
    system.start()
    backends.start(system)
    for port in (system.sip_port, second):
        peer = peers(system)
        peer.target = ("127.0.0.1", port)
        peer.call()
        for _ in range(PORTS):
            with elsewhere(peer):
                peer.send(peer.request("OPTIONS"))
                peer.socket.settimeout(20)
                answer, source = peer.socket.recvfrom(65536)
                assert answer.startswith(b"SIP/2.0 200") and source == peer.target
        peer.bye()
    assert system.metric("tipring_signaling_strays_lost_total") == 0


def test_an_invite_and_its_cancel_by_many_ports(make_system, peers):
    """C166 C191: repeated from other ports it is one call, over another path it is merged; the CANCEL finds it, and the ACK ends it."""
    system = make_system(calls=16, settings=TWO)

    async def handle(call):
        await call.ring()
        await call.ended()

    def caller():
        for _ in range(4):
            peer = peers(system)
            request = peer.request("INVITE", body=peer.sdp())
            peer.send(request)
            peer.wait(180)
            for _ in range(PORTS):
                with elsewhere(peer):
                    peer.send(request)
                peer.wait(180)  # to where the first one came from
                with elsewhere(peer):
                    peer.send(request.replace(peer.branch, "z9hG4bK" + os.urandom(8).hex()))
                    peer.wait(482)
            with elsewhere(peer):
                peer.send(re.sub(r"Content-Type.*$", "Content-Length: 0\r\n\r\n", request.replace("INVITE", "CANCEL"), flags=re.S))
                peer.wait(200, to="1 CANCEL")
            refusal = peer.wait(487)
            peer.to_tag = re.search(r"\r\nTo:[^\r]*;tag=([^;\r]+)", refusal).group(1)
            peer.send(peer.request("ACK", cseq=1, branch=peer.branch))

    async def scenario(server):
        await in_thread(caller)

    with_backend(system, handle, scenario)
    nothing_is_left(system)
    assert system.metric("tipring_signaling_legs_opened_total") == 4


def answer_from_elsewhere(callee):
    """Responses from ports of their own; requests are heard at the one that is named."""
    callee.wait_invite()
    for _ in range(4):
        with elsewhere(callee):
            callee.reply(180)
    for _ in range(40):
        with elsewhere(callee):
            callee.reply(200, sdp=True)
        try:
            callee.request_briefly("ACK", 0.5)
            break
        except AssertionError:
            continue
    callee.reply(200, to=callee.next_request("BYE"))


def test_responses_from_other_ports(make_system):
    """A callee that answers from wherever it likes; the calls are dealt out among the workers."""
    system = make_system(calls=16, settings={**TWO, **OPEN})
    callees = [Callee(NOWHERE) for _ in range(6)]

    async def one(server, callee):
        call = await server.dial(callee.uri, rate=RATE)
        await call.answered()
        return call

    async def scenario(server):
        calls = await asyncio.gather(*(one(server, c) for c in callees))
        assert min(per_worker(system, "signaling_legs_dialled_total")) > 0
        for call in calls:
            await call.hangup()
            await call.ended()

    for callee in callees:
        callee.in_background(lambda c=callee: answer_from_elsewhere(c))
    dialling(system, scenario)
    for callee in callees:
        callee.joined()
        callee.close()
    nothing_is_left(system)
    assert system.metric("tipring_signaling_strays_lost_total") == 0


def is_gone(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


@pytest.mark.parametrize("index", [0, 1])
def test_what_comes_while_a_worker_is_dead_waits_for_its_successor(make_system, backends, peers, index):
    """Each BYE is sent once, while nobody replaces the dead: in its socket, in the queue of strays, or with the other worker."""
    count = 48
    system = make_system(calls=count, settings=TWO)
    backends.start(system)
    calls = on_both(system, peers, count)
    wait_for(lambda: system.metric("tipring_signaling_legs_confirmed") == count, 5)
    system.kill("supervisor", signal.SIGSTOP)
    try:
        pid = system.kill(f"signaling-{index}")
        wait_for(lambda: is_gone(pid), 5)
        for peer in calls:
            peer.send(peer.request("BYE"))
    finally:
        system.kill("supervisor", signal.SIGCONT)
    for peer in calls:
        peer.wait(200, to=f"{peer.cseq} BYE\r\n", seconds=5)
    nothing_is_left(system)
    assert system.metric("tipring_signaling_strays_lost_total") == 0
    kept = per_worker(system, "signaling_legs_kept_total")
    assert kept[index] > 0 and kept[1 - index] == 0


def test_the_supervisor_is_replaced(make_system, backends, peers):
    system = make_system(calls=16, settings=TWO)
    backends.start(system)
    calls = on_both(system, peers)
    pids = system.workers()
    system.kill("supervisor")
    system.values["sip.workers"] = 1
    system.start(ready_seconds=20)
    wait_for(lambda: system.log.count("custody.adopted") >= 4, 10)
    assert system.workers() == pids and "key=sip.workers effect=full-restart" in system.log
    system.kill("signaling-1")
    wait_for(lambda: system.workers().get("signaling-1", pids["signaling-1"]) != pids["signaling-1"], 10)
    for peer in calls:
        from_elsewhere(peer)
        peer.send_until(peer.request("OPTIONS"), 200)
        peer.bye()
    nothing_is_left(system)


def test_a_challenge_of_one_is_answered_at_the_other(make_system, backends, peers):
    """C194: one book for both: whoever gave the nonce, each count once."""
    system = make_system(calls=40, settings={**TWO, **guarded()})
    backends.start(system)
    first = ask(peers(system))
    for nc in range(1, 17):  # each call has a Call-ID of its own, and so some worker
        right = credentials(first, "INVITE", uri_for(system), nc=nc)
        peer = peers(system)
        let_in(peer, right)
        for _ in range(4):
            other = peers(system)
            again = other.send_until(invite(other, right), 401)
            assert "stale=true" in header(again, "WWW-Authenticate")
        hang_up(peer)
    assert min(per_worker(system, "signaling_legs_opened_total")) > 0
    wait_for(lambda: min(per_worker(system, "sip_auth_asked_total")) > 0, 5)
    nothing_is_left(system)


def test_what_was_used_is_known_behind_a_death(make_system, backends, peers):
    system = make_system(calls=8, settings={**TWO, **guarded()})
    backends.start(system)
    peer = peers(system)
    right = credentials(ask(peer), "INVITE", uri_for(system))
    let_in(peer, right)
    for name in ("signaling-0", "signaling-1"):
        old = system.kill(name)
        wait_for(lambda: system.workers().get(name, old) != old, 10)
    for _ in range(PORTS):
        other = peers(system)
        assert "stale=true" in other.send_until(invite(other, right), 401)
    hang_up(peer)


def test_bindings_are_kept_by_one_and_known_to_all(make_system, peers):
    """C250 C217: one REGISTER; calls there are answered for by whichever worker has them."""
    registrar = Registrar(password=PASSWORD)
    callee = Callee(NOWHERE)
    system = make_system(calls=16, settings={**TWO, **OPEN, "registrations": [
        row(registrar), {**row(registrar, "bob"), "registrar": f"127.0.0.1:{callee.port}", "username": "bob"}]})
    wait_for(lambda: phases(system).get("trunk") == "REGISTERED", 5)
    for _ in range(4):
        invites = serving(callee, [(407, challenge(name="Proxy-Authenticate"))])
        assert call_and_hang_up(system, callee.uri) == "answered"
        callee.joined()
        assert parameters(header(invites[-1], "Proxy-Authorization"))["username"] == "bob"
        assert is_answered(invites[-1], PASSWORD, field="Proxy-Authorization")
    old = system.kill("signaling-0")
    wait_for(lambda: system.workers().get("signaling-0", old) != old, 10)
    wait_for(lambda: phases(system).get("trunk") == "REGISTERED", 5)
    old = system.kill("signaling-1")
    wait_for(lambda: system.workers().get("signaling-1", old) != old, 10)
    wait_for(lambda: system.metric("tipring_signaling_registrations_up") == 1, 5)
    assert set(phases(system)) == {"trunk", "bob"}
    assert len({header(m, "Call-ID") for m in registrar.different()}) == 1
    callee.close()
    registrar.close()


def test_transfers_of_calls_of_both(make_system):
    """A blind REFER of ours, whichever worker has the call."""
    system = make_system(calls=16, settings=TWO)
    async def handle(call):
        await call.answer(rate=8000)
        await call.transfer(TARGET)
        await call.ended()

    def caller():
        for _ in range(4):
            peer = Party(system)
            peer.call()
            peer.take_refer()
            with elsewhere(peer):
                peer.notify("200 OK", "terminated;reason=noresource")
            peer.bye()
            peer.close()

    async def scenario(server):
        await in_thread(caller)

    with_backend(system, handle, scenario)


def test_who_has_no_calls_stays_as_long_as_the_others_have_some(make_system):
    """A drain: what the kernel gives to the one belongs to calls of the other."""
    system = make_system(calls=16, settings={**TWO, "drain_ms": 20000})

    async def handle(call):
        await call.answer(rate=8000)
        await call.ended()

    def caller():
        peer = Peer(system)
        peer.call()
        system.process.terminate()
        wait_for(lambda: system.log.count("actor.draining") >= 3, 5)
        for _ in range(PORTS):
            with elsewhere(peer):
                peer.send(peer.request("OPTIONS"))
                peer.wait(200, to=f"{peer.cseq} OPTIONS")
            time.sleep(0.4)
        assert {"signaling-0", "signaling-1"} <= set(system.workers())
        with elsewhere(peer):
            peer.bye()
        peer.close()

    async def scenario(server):
        await in_thread(caller)

    with_backend(system, handle, scenario)
    assert system.process.wait(60) == 0


def test_a_port_that_another_one_shares_is_taken(make_system):
    """SO_REUSEPORT would let two systems of one user share a port, and each would get half of the other's calls."""
    system = make_system(calls=4, settings=TWO)
    other = System(BIN, calls=4, settings=TWO)
    other.values["sip.listen"] = system.values["sip.listen"]
    with pytest.raises(RuntimeError, match="Address already in use"):
        other.start()
    other.stop()
    other.ports.close()


def test_nobody_else_can_pass_anything_on(make_system, backends, peers):
    """The sockets of strays are this user's alone; what is none is counted and hurts nobody."""
    system = make_system(calls=4, settings=TWO)
    backends.start(system)
    path = system.run_dir / "signaling-1.strays"
    assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
        for rubbish in (b"", b"x", b"tray" + b"\0" * 36, os.urandom(40), os.urandom(4000)):
            one.sendto(rubbish, str(path))
    wait_for(lambda: system.metric("tipring_signaling_strays_lost_total") == 5, 5)
    peer = peers(system)
    peer.call()
    peer.bye()


def test_one_worker_has_no_such_sockets(make_system):
    system = make_system(calls=4, settings={"sip.workers": 1})
    assert not list(system.run_dir.glob("*.strays"))


def test_the_most_there_may_be(make_system, backends, peers):
    """Eight of each: as many as the supervisor has places for."""
    system = make_system(calls=64, settings={"sip.workers": 8, "rtp.workers": 8})
    backends.start(system)
    calls = [peers(system) for _ in range(64)]
    for peer in calls:
        peer.call()
    wait_for(lambda: sum(per_worker(system, "signaling_legs")) == 64, 5)
    assert len(per_worker(system, "signaling_legs")) == 8 and min(per_worker(system, "signaling_legs")) > 0
    one_more = peers(system)
    one_more.send(one_more.request("INVITE", body=one_more.sdp()))
    assert "Retry-After" in one_more.wait(503), "max_calls is of the host"
    for peer in calls:
        peer.bye()
    nothing_is_left(system)


def worker_of(caller) -> int:
    """Its leg's: the tag of ours ends with it."""
    return int(caller.to_tag[-2:], 16)


def test_attended_across_workers(make_system, peers):
    """C258: the peer of one worker's call takes our place in the call of another worker"""
    system, calls = make_system(calls=24, settings={**TWO, **OPEN}), []

    async def handle(call):
        await call.answer(rate=8000)
        calls.append(call)
        await call.ended()

    async def scenario(server, caller):
        others = []
        while not others or worker_of(others[-1]) == worker_of(caller):
            others.append(peers(system, Party))
            await in_thread(others[-1].call)
        *same, other = others
        for one in same:
            await in_thread(one.bye)
        while not {caller.call_id, other.call_id} <= {c.sip_call_id for c in calls}:
            await asyncio.sleep(0.02)
        first, second = (next(c for c in calls if c.sip_call_id == peer.call_id) for peer in (caller, other))
        transfer = asyncio.create_task(first.transfer(second))
        refer = await in_thread(caller.take_refer)
        assert field(refer, "Refer-To") == (f"<sip:peer@127.0.0.1:{other.port}?Replaces={other.call_id}%3Bto-tag%3D{other.tag}"
                                            f"%3Bfrom-tag%3D{other.to_tag}>")
        await in_thread(other.bye)
        await in_thread(caller.notify, "200 OK", "terminated")
        await transfer
        await first.hangup()
        await in_thread(caller.wait_bye, 5)

    run(system, handle, scenario)
