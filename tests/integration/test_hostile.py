"""Garbage on every socket changes no call and is counted."""

import contextlib
import ctypes
import mmap
import os
import random
import socket
import struct
import time

import pytest

from sip_peer import Peer
from system import wait_for
from test_backend import Caller


@pytest.fixture
def calm(make_system, backends):
    """A system with one call up, and a check that nothing happened to it."""
    system = make_system(calls=8)
    echo = backends.start(system)
    caller = Caller(system)
    caller.start_media(caller.call())
    caller.send_audio()
    yield system, caller, echo
    for _ in range(10):
        caller.send_audio(b"\x21" * 160)
        time.sleep(0.02)
    assert len(caller.hear(0.3)) >= 10
    assert system.metric("tipring_calls_answered") == 1
    assert not any("died" in line for line in system.log.splitlines())
    caller.bye()
    caller.close()


def noise(rng, size):
    return bytes(rng.randrange(256) for _ in range(size))


def test_on_the_sip_port(calm):
    system, _, _ = calm
    rng = random.Random(1)
    peer = Peer(system)
    template = peer.request("INVITE", body=peer.sdp()).encode()
    for i in range(600):
        data = bytearray(template) if i % 2 else bytearray(noise(rng, rng.randrange(1, 1400)))
        for _ in range(rng.randrange(1, 40)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        peer.send(bytes(data))
    wait_for(lambda: system.metric("tipring_sip_malformed_total") > 200, 5)
    peer.close()


def test_on_the_rtp_and_rtcp_ports(calm):
    system, caller, _ = calm
    rng = random.Random(2)
    before = system.metric("tipring_media_rtp_malformed_total")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind((system.host, 0))
        for port in (caller.remote[1], caller.remote[1] + 1):
            for _ in range(300):
                stranger.sendto(noise(rng, rng.randrange(0, 400)), (caller.remote[0], port))
    for _ in range(100):  # and from the right place
        caller.rtp.sendto(noise(rng, rng.randrange(1, 12)), caller.remote)
    wait_for(lambda: system.metric("tipring_media_rtp_malformed_total") >= before + 90, 5)
    assert system.metric("tipring_calls") == 1


def test_on_the_buses(calm):
    import zmq
    system, _, _ = calm
    rng = random.Random(3)
    before = system.metric("tipring_bus_garbage_total")
    with zmq.Context() as context:
        for name, identity in (("commands", b"noisy"), ("workers", b"media-9"), ("workers", b"stranger")):
            with context.socket(zmq.DEALER) as dealer:
                dealer.setsockopt(zmq.ROUTING_ID, identity)
                dealer.setsockopt(zmq.LINGER, 10000)
                dealer.connect(f"ipc://{system.run_dir}/{name}.ipc")
                for _ in range(200):
                    dealer.send(noise(rng, rng.randrange(0, 300)))
                    dealer.send_multipart([b"a", b"b", noise(rng, 20)])
                dealer.send(noise(rng, 300_000))  # above the limit: the connection is closed
    # 600 of one frame, some of which may by chance be a message, and 600 of three
    wait_for(lambda: system.metric("tipring_bus_garbage_total") > before + 1100, 5)


def test_on_the_unix_socket_of_the_tapes(calm):
    system, _, _ = calm
    rng = random.Random(4)
    before = system.metric("tipring_media_attach_refused_total")
    for i in range(60):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
            s.connect(str(system.run_dir / "media-0.sock"))
            if i % 3 == 0:
                s.send(noise(rng, rng.randrange(1, 64)))
            else:  # well formed, with a tape id that is none
                s.send(struct.pack("=IIQ", 0x68636174, 1, rng.getrandbits(64)))
                assert struct.unpack("=IiQ", s.recv(64)[:16])[1] == -2
    wait_for(lambda: system.metric("tipring_media_attach_refused_total") >= before + 50, 5)


def test_in_the_cursors_of_a_tape(make_system, backends):
    """The backend's half of the shared memory, overwritten by its owner while it is in use."""
    system = make_system(calls=4)
    echo = backends.start(system)
    good, bad = Caller(system), Caller(system)
    for caller in (good, bad):
        caller.start_media(caller.call())
        caller.send_audio()
    rng = random.Random(5)

    def tapes():
        found = []
        for p in os.listdir(f"/proc/{echo.pid}/fd"):
            with contextlib.suppress(FileNotFoundError):
                found += [p] if "tape-backend" in os.readlink(f"/proc/{echo.pid}/fd/{p}") else []
        return len(found) == 2 and found

    fds = wait_for(tapes, 5)
    with open(f"/proc/{echo.pid}/fd/{sorted(fds, key=int)[1]}", "r+b") as f, mmap.mmap(f.fileno(), 4096 + 64 * 700) as memory:
        for _ in range(200):
            memory[128:136] = struct.pack("=Q", rng.getrandbits(64))       # tx_head
            at = 4096 + rng.randrange(64 * 600)
            memory[at:at + 48] = noise(rng, 48)                            # slot headers
            memory[256:280] = noise(rng, 24)                               # rx_tail, sleeping, wants_room
            time.sleep(0.005)
    wait_for(lambda: system.metric("tipring_media_tape_hostile_total") > 10, 5)
    heard = good.hear(0.3)
    assert len(heard) >= 12 and system.metric("tipring_calls_answered") == 2
    for caller in (good, bad):
        caller.bye()


def test_on_the_supervisors_socket(calm):
    """Nobody becomes a worker by saying so."""
    system, _, _ = calm
    rng = random.Random(6)
    before = system.workers()
    adopt = struct.pack("=IIIIQII", 0x74737563, 8, 3, 0, before["media-0"], 0, 0)
    idle = []
    for i in range(40):
        s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        s.connect(str(system.run_dir / "supervisor.sock"))
        if i % 4 == 0:
            idle.append(s)  # says nothing, and stays
            continue
        with socket.socket() as gift:
            socket.send_fds(s, [adopt if i % 4 == 1 else noise(rng, rng.randrange(1, 200))], [gift.fileno()] * (i % 3))
        s.close()
        time.sleep(0.01)
    for s in idle:
        s.close()
    time.sleep(0.3)
    assert system.workers() == before
    system.kill("media-0")
    wait_for(lambda: system.workers().get("media-0", 0) not in (0, before["media-0"]), 5)
    wait_for(system.ready, 5)
    wait_for(lambda: "died" in system.log, 5)  # its successor is not waited for until all of it is taken apart
    assert system.log.count("died") == 1
    system.log_path.write_text(system.log.replace("died", "replaced"))  # the one we killed ourselves


def test_on_the_http_port(calm):
    system, _, _ = calm
    rng = random.Random(7)
    for i in range(60):
        with socket.create_connection(("127.0.0.1", system.http_port)) as s:
            if i % 3 == 0:
                s.sendall(noise(rng, rng.randrange(1, 5000)))
            elif i % 3 == 1:
                s.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 20000 + b"\r\n\r\n")
            else:
                s.sendall(b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\nabc")
    open_ones = [socket.create_connection(("127.0.0.1", system.http_port)) for _ in range(20)]  # and say nothing
    wait_for(system.ready, 6)  # what was left half said is given up after 2 s
    for s in open_ones:
        s.close()


def test_clients_that_say_a_request_octet_by_octet_keep_nobody_out(calm):
    """H10: more of them than there are places, and they never stop."""
    system, _, _ = calm
    slow = [socket.create_connection(("127.0.0.1", system.http_port)) for _ in range(64)]
    request, answered = b"GET /" + b"a" * 1000, 0
    try:
        for octet in request[:60]:
            for i, s in enumerate(slow):
                try:
                    s.send(bytes([octet]))
                except OSError:  # cut off: it comes again
                    s.close()
                    slow[i] = socket.create_connection(("127.0.0.1", system.http_port))
            answered += system.get("/healthz") == "ok\n"
        assert answered == 60
    finally:
        for s in slow:
            s.close()


def dealer(context, system, name, path="commands"):
    import zmq
    s = context.socket(zmq.DEALER)
    for option, value in ((zmq.ROUTING_ID, name), (zmq.LINGER, 200), (zmq.RCVTIMEO, 20000), (zmq.RCVHWM, 1)):
        s.setsockopt(option, value)
    s.connect(f"ipc://{system.run_dir}/{path}.ipc")
    return s


def command(number, **body):
    from tipring.v1 import envelope_pb2
    e = envelope_pb2.Envelope(command_id=f"c-{number}")
    for field, value in body.items():
        getattr(e, field).CopyFrom(value)
    return e.SerializeToString()


def test_a_backend_that_never_reads_delays_nobody(make_system, backends):
    import zmq
    from tipring.v1 import api_pb2
    system = make_system(calls=20, settings={"backends.claim_timeout_ms": 200})
    with zmq.Context() as context:
        deaf = dealer(context, system, b"aaa-deaf")
        deaf.send(command(0, hello=api_pb2.Hello(name="aaa-deaf", protocol_min=1, protocol_max=1)))
        deaf.send(command(1, register=api_pb2.Register(app="echo", capacity=4000000000)))
        wait_for(lambda: system.metric("tipring_backends") == 1, 5)
        backends.start(system)
        for i in range(3000):  # answers it will never take
            deaf.send(command(2 + i, list_calls=api_pb2.ListCalls()))
        callers = [Peer(system) for _ in range(6)]
        for peer in callers:
            peer.call()
            peer.bye()
            deaf.send(command(9000, ping=api_pb2.Ping()))
        deaf.close()
    wait_for(lambda: system.metric("tipring_calls") == 0, 5)
    for peer in callers:
        peer.close()


def test_the_table_of_backends_has_a_cap(make_system, backends):
    import zmq
    from tipring.v1 import api_pb2, common_pb2, envelope_pb2
    system = make_system(calls=4)
    backends.start(system)
    answers = []
    with zmq.Context() as context:
        many = [dealer(context, system, f"many-{i}".encode()) for i in range(260)]
        for i, s in enumerate(many):
            s.send(command(0, hello=api_pb2.Hello(name="x", protocol_min=1, protocol_max=1)))
        for s in many:
            answers.append(envelope_pb2.Envelope.FromString(s.recv()))
        bad = dealer(context, system, b"not \xff good")
        bad.send(command(0, hello=api_pb2.Hello(name="x", protocol_min=1, protocol_max=1)))
        refused = envelope_pb2.Envelope.FromString(bad.recv())
        future = dealer(context, system, b"future")
        future.send(command(0, hello=api_pb2.Hello(name="x", protocol_min=2, protocol_max=9)))
        newer = envelope_pb2.Envelope.FromString(future.recv())
        peer = Peer(system)
        peer.call()
        peer.bye()
        for s in (*many, bad, future):
            s.close()
    full = [e for e in answers if e.WhichOneof("body") == "ack"]
    assert len(full) >= 4 and all(e.ack.code == common_pb2.OVERLOADED and e.ack.retry_after_ms for e in full)
    assert refused.ack.code == newer.ack.code == common_pb2.REJECTED
    wait_for(lambda: system.metric("tipring_backends") <= 1, 10)  # they fell silent: their rows are free again
    backends.start(system)


def test_a_worker_that_is_none(calm):
    """Another schema is refused; a stranger in a worker's clothes moves no call that is not its own."""
    import zmq
    from tipring.v1 import envelope_pb2, leg_pb2, session_pb2, worker_pb2
    system, _, _ = calm
    assert os.stat(system.run_dir / "workers.ipc").st_mode & 0o077 == 0, "other users can not even try"
    with zmq.Context() as context:
        fake = dealer(context, system, b"media-7", "workers")
        fake.send(command(0, worker_hello=worker_pb2.WorkerHello(role=3, index=7, schema_hash=1, epoch=1, capacity=9)))
        assert envelope_pb2.Envelope.FromString(fake.recv()).WhichOneof("body") == "worker_refused"
        session = 1 << 32
        for body in ({"session_lost": session_pb2.SessionLost(session_id=session)},
                     {"session_closed": session_pb2.SessionClosed(session_id=session)},
                     {"session_roster": worker_pb2.SessionRoster(last=True)},
                     {"leg_ended": leg_pb2.LegEnded(leg_id=session)}):
            fake.send(command(1, **body))
        other = dealer(context, system, b"signaling-7", "workers")
        other.send(command(2, leg_ended=leg_pb2.LegEnded(leg_id=session)))
        other.send(command(3, leg_roster=worker_pb2.LegRoster(last=True)))
        other.send(command(4, leg_incoming=leg_pb2.LegIncoming(leg_id=session)))  # no media facts
        time.sleep(0.3)
        fake.close()
        other.close()
