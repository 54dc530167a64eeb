"""Bindings of this host at registrars: kept up, across deaths and reloads, and taken back. C250-C257."""

import json
import re
import subprocess
import time

import pytest
import zmq

from conftest import BIN
from registrar import Kamailio, Registrar, header
from system import wait_for
from test_configuration import reload
from test_hostile import command, dealer
from tipring.v1 import api_pb2, common_pb2, envelope_pb2, registration_pb2

PASSWORD = "c0rrect horse"


def row(registrar, name="trunk", **more) -> dict:
    return {"name": name, "aor": f"sip:{name}@example.com", "registrar": registrar.address, "username": "alice",
            "password_env": "TRUNK_PASSWORD", **more}


@pytest.fixture
def registrar(monkeypatch):
    monkeypatch.setenv("TRUNK_PASSWORD", PASSWORD)
    made = []

    def make(**options):
        made.append(Registrar(**{"password": PASSWORD, **options}))
        return made[-1]

    yield make
    for r in made:
        r.close()


def listed(system) -> list[dict]:
    done = subprocess.run([BIN / "tipring", "--json", "registrations"], env=system.env, capture_output=True, text=True, timeout=60, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def phases(system) -> dict[str, str]:
    return {r["name"]: r["phase"].removeprefix("REGISTRATION_") for r in listed(system)}


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256", "SHA-512-256"])
def test_registered_with_credentials(make_system, registrar, algorithm):
    """C250, C254"""
    r = registrar(algorithm=algorithm)
    system = make_system(calls=4, settings={"registrations": [row(r, expires=120)]})
    wait_for(lambda: phases(system).get("trunk") == "REGISTERED", 5)
    first, second = r.different()[:2]
    assert first.startswith("REGISTER sip:example.com SIP/2.0\r\n")
    assert header(first, "Contact") == f"<sip:trunk@127.0.0.1:{system.sip_port}>" and header(first, "Expires") == "120"
    assert header(first, "Authorization") == "" and f"algorithm={algorithm}" in header(second, "Authorization")
    assert header(first, "Call-ID") == header(second, "Call-ID")
    assert header(first, "From") == header(second, "From")
    assert r.cseqs()[:2] == [1, 2]
    one, = listed(system)
    assert one["aor"] == "sip:trunk@example.com" and one["last_code"] == 200 and 0 < one["expires_in_ms"] <= 120000
    table = subprocess.run([BIN / "tipring", "registrations"], env=system.env, capture_output=True, text=True, check=True).stdout
    assert re.search(r"^trunk +sip:trunk@example.com +127.0.0.1:\d+ +REGISTERED +[12]:\d\d +200$", table, re.M), table
    wait_for(lambda: system.metric("tipring_signaling_registrations_up") == 1, 5)
    page = system.get("/")
    assert "<td>trunk<td>sip:trunk@example.com<td>" in page and ">registered<" in page
    assert PASSWORD not in system.log and PASSWORD not in page


def test_refreshed_across_a_kill(make_system, registrar):
    """C251: the same Call-ID, and CSeq goes on, whoever has the registration."""
    r = registrar(expires=5)  # each refresh has half a second at least, whoever is busy
    system = make_system(calls=4, settings={"registrations": [row(r)]})
    wait_for(lambda: "registration.registered" in system.log, 5)
    before = r.different()
    system.kill("signaling-0")
    wait_for(lambda: len(r.different()) >= len(before) + 2, 12)
    requests, cseqs = r.different(), r.cseqs()
    assert cseqs == sorted(set(cseqs)), "no CSeq twice"
    assert len({header(m, "Call-ID") for m in requests}) == 1
    assert all(header(m, "Authorization") for m in requests[1:]), "no refresh is challenged again"
    nonces = [re.search(r"nc=(\w+)", header(m, "Authorization")).group(1) for m in requests[1:]]
    assert nonces == sorted(set(nonces)), "no count of a nonce twice"
    assert "registration.takeover kept=1" in system.log
    assert "registration.expired" not in system.log and "registration.failed" not in system.log


def test_killed_while_nothing_is_due(make_system, registrar):
    """A successor does not register again what is registered."""
    r = registrar()
    system = make_system(calls=4, settings={"registrations": [row(r)]})
    wait_for(lambda: phases(system).get("trunk") == "REGISTERED", 5)
    system.kill("signaling-0")
    wait_for(lambda: "registration.takeover kept=1" in system.log, 10)
    wait_for(lambda: phases(system).get("trunk") == "REGISTERED", 5)
    system.kill("control-0")
    wait_for(lambda: system.ready() and phases(system).get("trunk") == "REGISTERED", 10)
    assert len(r.different()) == 2


def test_reload_adds_changes_and_removes(make_system, registrar):
    r = registrar()
    system = make_system(calls=4, settings={"registrations": [row(r, "one"), row(r, "two")]})
    wait_for(lambda: phases(system) == {"one": "REGISTERED", "two": "REGISTERED"}, 5)
    system.values["registrations"] = [row(r, "one", expires=600), row(r, "three")]
    system.config_path.write_text(system.yaml())
    reload(system)
    wait_for(lambda: phases(system) == {"one": "REGISTERED", "three": "REGISTERED"}, 5)
    gone = r.wait(lambda m: "sip:two@" in header(m, "To") and header(m, "Expires") == "0")
    assert header(gone, "Contact") == f"<sip:two@127.0.0.1:{system.sip_port}>"
    r.wait(lambda m: "sip:one@" in header(m, "To") and header(m, "Expires") == "600")
    assert not any("sip:two@" in b for b in r.bindings)
    assert system.metric("tipring_config_differs") == 0


def test_unregistered_at_the_end(make_system, registrar):
    """C256"""
    r = registrar()
    system = make_system(calls=4, settings={"registrations": [row(r)], "drain_ms": 20000})
    wait_for(lambda: r.bindings, 5)
    wait_for(lambda: phases(system).get("trunk") == "REGISTERED", 5)
    start = time.monotonic()
    assert system.stop() == 0
    assert r.bindings == {} and header(r.requests[-1], "Expires") == "0"
    assert time.monotonic() - start < 16


def test_the_end_does_not_wait_for_a_registrar_that_is_away(make_system, registrar):
    r = registrar()
    system = make_system(calls=4, settings={"registrations": [row(r)], "drain_ms": 60000})
    wait_for(lambda: phases(system).get("trunk") == "REGISTERED", 5)
    r.silent = True
    assert system.stop() == 0 and "registration.registered" in system.log


def test_expired_and_back(make_system, registrar):
    """C253"""
    r = registrar(expires=2)
    system = make_system(calls=4, settings={"registrations": [row(r)]})
    wait_for(lambda: phases(system).get("trunk") == "REGISTERED", 5)
    r.silent = True
    wait_for(lambda: "registration.expired name=trunk" in system.log, 10)
    r.silent = False  # its request is still repeated
    wait_for(lambda: phases(system).get("trunk") == "REGISTERED", 10)
    assert system.log.count("registration.registered name=trunk") == 2


def test_refused(make_system, registrar):
    """C254, C255, C257"""
    wrong, brief, forbidding = registrar(password="other"), registrar(), registrar()
    brief.script = [(423, "Min-Expires: 600\r\n"), (423, "Min-Expires: 900\r\n")]
    forbidding.script = [(403, "")]
    rows = [row(wrong, "wrong"), row(brief, "brief", expires=60), row(forbidding, "forbidden")]
    system = make_system(calls=4, settings={"registrations": rows})
    wait_for(lambda: set(phases(system).values()) == {"FAILED"}, 5)
    codes = {x["name"]: x["last_code"] for x in listed(system)}
    assert codes == {"wrong": 401, "brief": 423, "forbidden": 403}
    assert len(wrong.requests) == 2 and len(forbidding.requests) == 1
    assert [header(m, "Expires") for m in brief.requests] == ["60", "600"]
    wait_for(lambda: system.metric("tipring_signaling_registrations_failed_total") == 3, 5)
    assert PASSWORD not in system.log


def test_without_its_variable_nothing_is_guessed(make_system, registrar, monkeypatch):
    r = registrar()
    monkeypatch.delenv("TRUNK_PASSWORD")
    system = make_system(calls=4, settings={"registrations": [row(r)]})
    wait_for(lambda: phases(system).get("trunk") == "FAILED", 5)
    assert "there is no environment variable TRUNK_PASSWORD" in system.log
    assert listed(system)[0]["reason"] == "the password is not known (any more)"
    assert all(header(m, "Authorization") == "" for m in r.requests)


# ---- commands and events ----


class Tool:
    """A backend that only registers, and hears what becomes of it."""

    def __init__(self, system):
        self.context = zmq.Context()
        self.socket = dealer(self.context, system, b"registrations-tool")
        self.socket.setsockopt(zmq.RCVHWM, 1000)
        self.events = self.context.socket(zmq.SUB)
        self.events.setsockopt(zmq.RCVTIMEO, 20000)
        self.events.setsockopt(zmq.LINGER, 0)
        self.events.connect(f"ipc://{system.run_dir}/events.ipc")
        self.events.setsockopt(zmq.SUBSCRIBE, b"e1/")
        self.number = 0
        self.events.recv_multipart()  # a heartbeat: the subscription is in force

    def close(self):
        self.context.destroy(0)

    def ask(self, **body) -> envelope_pb2.Envelope:
        """Its last answer: of an ACCEPTED one how it ended."""
        self.number += 1
        self.socket.send(command(self.number, **body))
        while True:
            got = envelope_pb2.Envelope.FromString(self.socket.recv())
            if got.HasField("ack") and got.ack.code == common_pb2.ACCEPTED:
                continue
            return got

    def put(self, password=PASSWORD, **settings):
        return self.ask(registration_put=api_pb2.RegistrationPut(
            settings=registration_pb2.RegistrationSettings(**settings), password=password))

    def delete(self, name):
        return self.ask(registration_delete=api_pb2.RegistrationDelete(name=name))

    def event(self, kind) -> registration_pb2.RegistrationInfo:
        while True:
            e = envelope_pb2.Envelope.FromString(self.events.recv_multipart()[-1])
            if e.WhichOneof("body") == kind:
                return getattr(e, kind).registration


@pytest.fixture
def tool():
    made = []

    def make(system):
        made.append(Tool(system))
        return made[-1]

    yield make
    for t in made:
        t.close()


def settings(r, name="app", **more):
    return {"name": name, "aor": f"sip:{name}@example.com", "registrar": common_pb2.Address(ip="127.0.0.1", port=r.port),
            "username": "alice", **more}


def test_put_and_deleted_by_a_backend(make_system, registrar, tool):
    r = registrar()
    system = make_system(calls=4, settings={"registrations": [row(r)]})
    wait_for(lambda: phases(system).get("trunk") == "REGISTERED", 5)
    t = tool(system)
    assert t.put(**settings(r)).HasField("command_completed")
    came = t.event("registration_registered")
    assert came.name == "app" and came.last_code == 200 and not came.configured
    assert phases(system) == {"trunk": "REGISTERED", "app": "REGISTERED"}

    got = t.put(**settings(r, "trunk"))
    assert got.command_failed.code == common_pb2.CONFLICT and "configuration" in got.command_failed.reason
    assert t.delete("trunk").command_failed.code == common_pb2.CONFLICT
    assert t.delete("nobody").command_failed.code == common_pb2.NOT_FOUND
    got = t.put(name="bad", aor="sip:x", registrar=common_pb2.Address(ip="127.0.0.1"))
    assert got.command_failed.code == common_pb2.REJECTED and "aor" in got.command_failed.reason

    assert t.delete("app").HasField("command_completed")
    assert t.event("registration_removed").name == "app"
    assert list(phases(system)) == ["trunk"] and not any("sip:app@" in b for b in r.bindings)


def test_a_password_that_dies_with_its_process(make_system, registrar, tool):
    """Of a command: it is in memory alone, so behind a kill it has to be put again; the rest goes on."""
    r = registrar(expires=2)
    system = make_system(calls=4)
    t = tool(system)
    t.put(**settings(r))
    t.event("registration_registered")
    system.kill("signaling-0")
    failed = t.event("registration_failed")
    assert failed.name == "app" and failed.reason == "the password is not known (any more)"
    assert t.put(**settings(r)).HasField("command_completed")
    t.event("registration_registered")
    assert len({header(m, "Call-ID") for m in r.requests}) == 1
    assert r.cseqs() == sorted(r.cseqs())


def test_as_many_as_may_be(make_system, registrar, tool):
    r = registrar(password=None)
    system = make_system(calls=4)
    t = tool(system)
    for i in range(256):
        assert t.put(**settings(r, f"n{i}")).HasField("command_completed"), i
    got = t.put(**settings(r, "onemore"))
    assert got.command_failed.code == common_pb2.OVERLOADED
    wait_for(lambda: sum(p == "REGISTERED" for p in phases(system).values()) == 256, 20)
    assert t.delete("n7").HasField("command_completed")
    t.event("registration_removed")
    assert t.put(**settings(r, "onemore")).HasField("command_completed")


# ---- a registrar of others ----


@pytest.mark.skipif(not Kamailio.is_there(), reason="kamailio is not installed")
@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_kamailio(make_system, tmp_path, monkeypatch, algorithm):
    """C254, C255: digest, a brief interval, refreshes behind a kill, and taken back."""
    monkeypatch.setenv("TRUNK_PASSWORD", PASSWORD)
    k = Kamailio(tmp_path, PASSWORD, algorithm, least=60)
    try:
        k.start()
        rows = [row(k, "good", username="good"), row(k, "odd", username="odd", expires=61)]
        system = make_system(calls=4, settings={"registrations": rows})
        wait_for(lambda: phases(system) == {"good": "REGISTERED", "odd": "REGISTERED"}, 10)
        assert {x["name"]: x["expires_in_ms"] > 50000 for x in listed(system)} == {"good": True, "odd": True}
        system.kill("signaling-0")
        wait_for(lambda: "registration.takeover kept=2" in system.log, 10)
        system.values["registrations"] = [row(k, "good", username="good", expires=90)]  # a refresh, and one taken back
        system.config_path.write_text(system.yaml())
        reload(system)
        wait_for(lambda: "registration.removed name=odd" in system.log, 5)
        wait_for(lambda: [x["expires_in_ms"] <= 90000 for x in listed(system)] == [True], 5)
        assert "registration.failed" not in system.log
    finally:
        k.close()
