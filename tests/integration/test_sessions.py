"""The media worker as control sees it: names, facts in numbered updates, rosters. The test takes the place of control."""

import contextlib
import os
import signal
import socket
import time

import pytest

from system import wait_for

CALL = 0x1122334455667788


class Control:
    """On the bus of the workers while the real one is dead and nobody starts another."""

    def __init__(self, system):
        import zmq
        from tipring.v1 import envelope_pb2
        self.system, self._zmq, self._envelope, self._asked = system, zmq, envelope_pb2.Envelope, 0
        system.kill("supervisor", signal.SIGSTOP)
        control = system.kill("control-0")
        wait_for(lambda: not os.path.exists(f"/proc/{control}/fd") or not os.listdir(f"/proc/{control}/fd"), 5)
        path = system.run_dir / "workers.ipc"
        path.unlink(missing_ok=True)
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.ROUTER)
        for option, value in ((zmq.LINGER, 0), (zmq.RCVTIMEO, 100), (zmq.ROUTER_MANDATORY, 1)):
            self._socket.setsockopt(option, value)
        self._socket.bind(f"ipc://{path}")
        self.hear(lambda e: e.WhichOneof("body") == "worker_heartbeat")

    def hear(self, is_it, seconds=40):
        """The first message of media that `is_it`."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with contextlib.suppress(self._zmq.Again):
                sender, payload = self._socket.recv_multipart()
                e = self._envelope.FromString(payload)
                if sender == b"media-0" and is_it(e):
                    return e
        raise AssertionError("media says nothing of the kind")

    def tell(self, **body):
        self._asked += 1
        e = self._envelope(request_id=self._asked)
        for field, value in body.items():
            getattr(e, field).CopyFrom(value)
        self._socket.send_multipart([b"media-0", e.SerializeToString()])

    def ask(self, **body):
        """The body that answers."""
        self.tell(**body)
        e = self.hear(lambda e: e.request_id == self._asked)
        return getattr(e, e.WhichOneof("body"))

    def close(self):
        self._socket.close()
        self._context.term()
        self.system.kill("supervisor", signal.SIGCONT)


@pytest.fixture
def control(make_system, request):
    c = Control(make_system(calls=getattr(request, "param", 8)))
    yield c
    c.close()


def open_session(ordinal=0, towards="127.0.0.1"):
    from tipring.v1 import common_pb2, session_pb2
    return session_pb2.SessionOpen(call_id=CALL, ordinal=ordinal, towards=common_pb2.Address(ip=towards))


def update(generation, port, ip="127.0.0.1", ordinal=0, **facts):
    from tipring.v1 import common_pb2, session_pb2
    address = common_pb2.Address(ip=ip, port=port)
    return session_pb2.SessionUpdate(
        call_id=CALL, ordinal=ordinal, generation=generation,
        facts=common_pb2.MediaFacts(remote_rtp=address, codec=common_pb2.PCMU, ptime_ms=20, **facts))


def test_sessions_have_the_names_that_control_gives_them(control):
    first = control.ask(session_open=open_session())
    other = control.ask(session_open=open_session(1))
    assert control.ask(session_open=open_session()) == first, "asked again"
    assert (first.call_id, first.ordinal, other.ordinal) == (CALL, 0, 1) and first.session_id != other.session_id
    assert first.local_rtp.ip == "127.0.0.1" and first.local_rtp.port != other.local_rtp.port


def test_a_session_needs_a_name_and_a_direction(control):
    from tipring.v1 import common_pb2, session_pb2
    nowhere = session_pb2.SessionOpen(call_id=CALL)
    nameless = session_pb2.SessionOpen(towards=common_pb2.Address(ip="127.0.0.1"))
    for bad in (nowhere, nameless, open_session(towards="0.0.0.0"), open_session(towards="somewhere")):
        assert control.ask(session_open=bad).code == common_pb2.REJECTED
    assert control.ask(session_open=open_session(towards="::1")).code == common_pb2.OVERLOADED, "no pair of this family"


def test_facts_come_in_numbered_updates(control):
    from tipring.v1 import common_pb2, worker_pb2
    assert control.ask(session_update=update(1, 9000)).code == common_pb2.NOT_FOUND
    session = control.ask(session_open=open_session())
    for _ in range(2):
        done = control.ask(session_update=update(1, 9000))
        assert (done.session_id, done.generation, done.call_id) == (session.session_id, 1, CALL)
    assert control.ask(session_update=update(5, 9002)).generation == 5
    assert control.ask(session_update=update(4, 9004)).code == common_pb2.CONFLICT
    assert control.ask(session_update=update(5, 9004)).generation == 5, "in force already, whatever it says"
    for bad in (update(0, 9000), update(6, 0), update(6, 9000, "224.0.0.1"), update(6, 9000, payload_type=128),
                update(6, session.local_rtp.port), update(6, 70000)):
        assert control.ask(session_update=bad).code == common_pb2.REJECTED
    control.tell(worker_identify=worker_pb2.WorkerIdentify(control_epoch=1))
    roster = control.hear(lambda e: e.WhichOneof("body") == "session_roster").session_roster
    assert roster.last and [(s.call_id, s.ordinal, s.generation, s.session_id) for s in roster.sessions] == [
        (CALL, 0, 5, session.session_id)]
    assert roster.sessions[0].local_rtp == session.local_rtp


def speaks(peer):
    peer.settimeout(40)
    return len(peer.recv(2048)) == 172


def test_facts_change_in_mid_call(control):
    """Another address, hold, and back: who is named is spoken to, nobody else."""
    from tipring.v1 import session_pb2
    with (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as a, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as b):
        for peer in (a, b):
            peer.bind(("127.0.0.1", 0))
        session = control.ask(session_open=open_session())
        started = control.ask(session_start=session_pb2.SessionStart(session_id=session.session_id, rate_hz=8000, frame_ms=20))
        assert started.tape_id
        assert control.ask(session_update=update(1, a.getsockname()[1])).generation == 1
        assert speaks(a)
        assert control.ask(session_update=update(2, b.getsockname()[1])).generation == 2
        assert speaks(b)
        assert control.ask(session_update=update(3, 9, "0.0.0.0")).generation == 3
        for peer in (a, b):
            peer.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while peer.recv(2048):
                    pass
        time.sleep(0.1)  # five packets' time
        for peer in (a, b):
            with pytest.raises(BlockingIOError):
                peer.recv(2048)
        assert control.ask(session_update=update(4, a.getsockname()[1])).generation == 4
        assert speaks(a)
        closed = control.ask(session_close=session_pb2.SessionClose(session_id=session.session_id))
        assert closed.stats.packets_sent >= 3


@pytest.mark.parametrize("control", [700], indirect=True)
def test_a_roster_of_many_turns_leaves_nobody_out(control):
    """H14: it is told in parts, with other work between them; a session that opens meanwhile is in it before control hears of it."""
    from tipring.v1 import worker_pb2
    many = {control.ask(session_open=open_session(i)).session_id for i in range(600)}
    control.tell(worker_identify=worker_pb2.WorkerIdentify(control_epoch=1))
    control.tell(session_open=open_session(600))
    told = []

    def is_over(e):
        if e.WhichOneof("body") == "session_opened":
            assert e.session_opened.session_id in told
        told.extend(s.session_id for s in e.session_roster.sessions)
        assert len(e.session_roster.sessions) <= 64
        return e.session_roster.last

    control.hear(is_over)
    assert sorted(s for s in told if s in many) == sorted(many), "each of them, once"
    assert len(set(told) - many) <= 1
