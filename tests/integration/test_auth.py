"""Who are you? Asked by us of callers (sip.auth), and by peers of us: C194, C217-C224."""

import asyncio
import hashlib
import json
import pathlib
import re
import subprocess
import sys
import threading

import pytest
import sound
import tipring
from conftest import BIN
from phone import Phone
from system import free_port_range, free_udp_port, wait_for

from callee import Callee
from registrar import header, parameters
from sip_peer import Peer
from test_backend import Caller, in_thread, with_backend
from test_configuration import reload
from test_dial import OPEN, RATE, dialling, failed_of, nothing_is_left, sipp  # noqa: F401
from test_dial_peers import NOWHERE, next_try

HERE = pathlib.Path(__file__).resolve().parent
PASSWORD = "c0rrect horse"
USERS = [{"username": "alice", "password_env": "ALICE_PASSWORD"}, {"username": "bob", "password_env": "NOT_THERE"}]
HASHES = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}


@pytest.fixture(autouse=True)
def passwords(monkeypatch):
    monkeypatch.setenv("ALICE_PASSWORD", PASSWORD)
    monkeypatch.setenv("TRUNK_PASSWORD", PASSWORD)


def guarded(**more) -> dict:
    return {"sip.auth": {"realm": "test", "users": USERS, **more}}


def challenges(response: str) -> dict[str, dict[str, str]]:
    """By algorithm."""
    found = [parameters(value) for value in re.findall(r"\r\nWWW-Authenticate: ([^\r]*)", response)]
    return {c["algorithm"]: c for c in found}


def credentials(response: str, method: str, uri: str, username: str = "alice", password: str = PASSWORD, algorithm: str = "SHA-256",
                nc: int = 1, said_uri: str = "") -> str:
    c, cnonce, uri = challenges(response)[algorithm], "c0ffee", said_uri or uri
    total = lambda *parts: HASHES[algorithm](":".join(parts).encode()).hexdigest()  # noqa: E731
    answer = total(total(username, c["realm"], password), c["nonce"], f"{nc:08x}", cnonce, "auth", total(method, uri))
    return (f'Authorization: Digest username="{username}", realm="{c["realm"]}", nonce="{c["nonce"]}", uri="{uri}", response="{answer}", '
            f'algorithm={algorithm}, qop=auth, nc={nc:08x}, cnonce="{cnonce}"\r\n')


def uri_of(request: str) -> str:
    return request.split(" ")[1]


def invite(peer: Peer, headers: str = "") -> str:
    return peer.request("INVITE", body=peer.sdp(), headers=headers)


def acknowledge(peer: Peer, request: str, response: str) -> None:
    peer.send(f"ACK {uri_of(request)} SIP/2.0\r\nVia: {header(request, 'Via')}\r\nFrom: {header(request, 'From')}\r\nTo: {header(response, 'To')}\r\n"
              f"Call-ID: {header(request, 'Call-ID')}\r\nCSeq: {header(request, 'CSeq').split()[0]} ACK\r\nContent-Length: 0\r\n\r\n")


def ask(peer: Peer, method: str = "INVITE") -> str:
    """The challenge."""
    request = invite(peer) if method == "INVITE" else peer.request(method)
    response = peer.send_until(request, 401)
    if method == "INVITE":
        acknowledge(peer, request, response)
    return response


def let_in(peer: Peer, headers: str) -> None:
    request = invite(peer, headers)
    answer = peer.send_until(request, 200)
    peer.learn(answer)
    peer.send(peer.request("ACK", cseq=peer.cseq))


def hang_up(peer: Peer) -> None:
    peer.send_until(peer.request("BYE"), 200)


def asked_for(peer: Peer) -> bool:
    """Is an OPTIONS of its own challenged?"""
    return " 401 " in peer.send_until(peer.request("OPTIONS"), 200, 401).split("\r\n")[0]


def uri_for(system) -> str:
    return f"sip:echo@{system.host}:{system.sip_port}"


# ---- callers are asked ----


def test_who_is_let_in_and_as_whom(make_system):
    """C194: without, bad, good, replayed; the app hears the name."""
    system = make_system(calls=4, settings=guarded())
    seen, over = [], threading.Event()

    async def handle(call):
        seen.append(call.auth_user)
        await call.answer(rate=8000)
        await call.ended()

    def caller():
        peer, uri = Caller(system), uri_for(system)
        first = ask(peer)
        assert list(challenges(first)) == ["SHA-256", "MD5"] and "stale" not in first
        bad = peer.send_until(invite(peer, credentials(first, "INVITE", uri, password="wrong")), 401)
        assert "stale" not in bad
        right = credentials(bad, "INVITE", uri)
        let_in(peer, right)
        shown = json.loads(subprocess.run([BIN / "tipring", "--json", "calls"], env=system.env, capture_output=True, text=True, check=True)
                           .stdout.splitlines()[0])
        assert shown["auth_user"] == "alice"
        other = Peer(system)
        again = other.send_until(invite(other, right), 401)
        assert "stale=true" in header(again, "WWW-Authenticate")
        peer.send_until(peer.request("OPTIONS"), 200)  # in the dialog nobody is asked
        hang_up(peer)
        other.close()
        peer.close()
        over.set()

    async def scenario(server):
        await in_thread(caller)

    with_backend(system, handle, scenario)
    assert over.is_set() and seen == ["alice"]
    assert PASSWORD not in system.log and "sip.auth_failed source=127.0.0.1" in system.log
    assert "variable=NOT_THERE" in system.log
    nothing_is_left(system)


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_algorithms_that_are_offered(make_system, backends, algorithm):
    system = make_system(calls=4, settings=guarded(algorithms=[algorithm]))
    backends.start(system)
    peer = Peer(system)
    first = ask(peer)
    assert list(challenges(first)) == [algorithm]
    let_in(peer, credentials(first, "INVITE", uri_for(system), algorithm=algorithm))
    hang_up(peer)
    peer.close()


def test_what_is_wrong_looks_the_same(make_system):
    """Unknown user, wrong password, another uri, a user without password: the same octets but for tags and nonces."""
    system = make_system(calls=4, settings=guarded())
    uri, answers = uri_for(system), []
    for wrong in ({"password": "no"}, {"username": "mallory"}, {"username": "bob", "password": ""}, {"said_uri": "sip:other@127.0.0.1"}):
        peer = Peer(system)
        request = invite(peer, credentials(ask(peer), "INVITE", uri, **wrong))
        response = peer.send_until(request, 401)
        for name in ("Via", "From", "To", "Call-ID"):
            response = response.replace(header(response, name), name)
        answers.append(re.sub(r'nonce="[^"]*"', "", response))
        peer.close()
    assert len(set(answers)) == 1, answers
    assert system.metric("tipring_signaling_legs_opened_total") == 0


def test_every_request_outside_a_dialog_is_asked(make_system):
    """REGISTER: 405 behind it, for there is no registrar. CANCEL, ACK and what only ends something are not asked."""
    system = make_system(calls=4, settings=guarded())
    peer = Peer(system)
    for method, then in (("REGISTER", 405), ("OPTIONS", 200), ("SUBSCRIBE", 405)):
        response = ask(peer, method)
        request = peer.request(method)
        request = request.replace("Content-Length", credentials(response, method, uri_of(request)) + "Content-Length")
        peer.send_until(request, then)
    peer.send_until(peer.request("BYE"), 481)
    request = invite(peer)
    peer.send_until(request, 401)
    cancel = re.sub(r"Content-Type[^$]*$", "Content-Length: 0\r\n\r\n", request.replace("INVITE", "CANCEL"))
    peer.send_until(cancel, 481)
    wait_for(lambda: system.metric("tipring_sip_auth_asked_total") >= 4, 5)
    assert system.metric("tipring_signaling_transactions") == 0, "nothing is kept of what was asked"
    peer.close()


def test_malformed_credentials(make_system):
    system = make_system(calls=4, settings=guarded())
    peer = Peer(system)
    for value in ("", "Digest", "Basic YWxpY2U6cHc=", 'Digest username="alice', 'Digest username="alice", realm="test"', "Digest " + "a" * 4000,
                  'Digest username="alice", realm="test", nonce="", uri="", response=""', "Digest ,,,,=,=\"", "\x01\xff",
                  'Digest username="alice", realm="test", nonce="n", uri="u", response="r", algorithm=SHA-3, qop=auth, nc=zz, cnonce="c"',
                  'Digest username="alice", realm="test", nonce="n", uri="u", response="r", qop=auth-int, nc=00000001, cnonce="c"'):
        assert "stale" not in peer.send_until(invite(peer, f"Authorization: {value}\r\n"), 401)
    assert system.metric("tipring_signaling_legs_opened_total") == 0
    peer.close()


def test_who_guesses_has_to_wait(make_system):
    system = make_system(calls=4, settings=guarded())
    peer = Peer(system)
    first = ask(peer)
    for _ in range(200):
        peer.send(invite(peer, credentials(first, "INVITE", uri_for(system), password="guess")))
        if " 503 " in (answer := peer.wait(401, 503)).split("\r\n")[0]:
            break
    assert " 503 " in answer.split("\r\n")[0] and header(answer, "Retry-After")
    assert system.metric("tipring_signaling_legs_opened_total") == 0
    peer.close()


def test_networks_that_are_trusted_and_a_reload(make_system, backends):
    system = make_system(calls=4, settings=guarded(trusted=["127.0.0.0/8"]))
    backends.start(system)
    peer = Peer(system)
    let_in(peer, "")
    hang_up(peer)
    peer.close()
    system.values.update(guarded(trusted=["192.0.2.0/24"]))
    system.config_path.write_text(system.yaml())
    reload(system)
    peer = Peer(system)
    wait_for(lambda: asked_for(peer), 10)  # signaling hears of it a moment later
    ask(peer)
    peer.close()


def test_a_challenge_is_answered_to_a_successor(make_system, backends):
    """kill -9 of signaling between challenge and answer, and behind it: what was used once is stale there, too."""
    system = make_system(calls=4, settings=guarded())
    backends.start(system)
    peer, uri = Peer(system), uri_for(system)
    first = ask(peer)
    system.kill("signaling-0")
    wait_for(lambda: system.ready(), 10)
    right = credentials(first, "INVITE", uri)
    let_in(peer, right)
    shown = lambda: [json.loads(line) for line in subprocess.run([BIN / "tipring", "--json", "calls"], env=system.env, capture_output=True,  # noqa: E731
                                                                 text=True).stdout.splitlines()]
    assert [c["auth_user"] for c in shown()] == ["alice"]
    for name in ("signaling-0", "control-0"):
        system.kill(name)
        wait_for(lambda: system.ready() and [c.get("auth_user") for c in shown()] == ["alice"], 10)
    other = Peer(system)
    assert "stale=true" in other.send_until(invite(other, right), 401)
    other.close()
    hang_up(peer)
    peer.close()
    assert PASSWORD not in system.log


@pytest.mark.parametrize("password", [PASSWORD, "wrong"])
def test_sipp_calls_with_a_password(make_system, backends, tmp_path, password):
    system = make_system(calls=4, settings=guarded(algorithms=["MD5"]))
    backends.start(system)
    scenario = tmp_path / "uac.xml"
    message = """INVITE sip:echo@[remote_ip]:[remote_port] SIP/2.0
      Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
      From: <sip:sipp@[local_ip]:[local_port]>;tag=[call_number]
      To: <sip:echo@[remote_ip]:[remote_port]>
      Call-ID: [call_id]
      CSeq: {cseq} INVITE
      Contact: sip:sipp@[local_ip]:[local_port]
      {auth}
      Content-Type: application/sdp
      Content-Length: [len]

      v=0
      o=user1 53655765 2353687637 IN IP[local_ip_type] [local_ip]
      s=-
      c=IN IP[media_ip_type] [media_ip]
      t=0 0
      m=audio [media_port] RTP/AVP 0
"""
    rest = """SIP/2.0
      Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
      From: <sip:sipp@[local_ip]:[local_port]>;tag=[call_number]
      To: <sip:echo@[remote_ip]:[remote_port]>[peer_tag_param]
      Call-ID: [call_id]
"""
    scenario.write_text(f"""<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="asked">
  <send retrans="500"><![CDATA[
      {message.format(cseq=1, auth="Max-Forwards: 70")}  ]]></send>
  <recv response="100" optional="true"/>
  <recv response="401" auth="true"/>
  <send><![CDATA[
      ACK sip:echo@[remote_ip]:[remote_port] {rest}      CSeq: 1 ACK
      Content-Length: 0

  ]]></send>
  <send retrans="500"><![CDATA[
      {message.format(cseq=2, auth="[authentication]")}  ]]></send>
  <recv response="100" optional="true"/>
  <recv response="180" optional="true"/>
  <recv response="{200 if password == PASSWORD else 401}"/>
  <send><![CDATA[
      ACK sip:echo@[remote_ip]:[remote_port] {rest}      CSeq: 2 ACK
      Content-Length: 0

  ]]></send>
""" + ("""  <send retrans="500"><![CDATA[
      BYE sip:[remote_ip]:[remote_port] """ + rest + """      CSeq: 3 BYE
      Content-Length: 0

  ]]></send>
  <recv response="200"/>
""" if password == PASSWORD else "") + "</scenario>\n")
    done = subprocess.run(["sipp", "-sf", scenario, "-i", "127.0.0.1", "-p", str(free_udp_port()), "-m", "1", "-nostdin", "-timeout", "20",
                           "-auth_uri", f"echo@127.0.0.1:{system.sip_port}", "-au", "alice", "-ap", password, "-trace_err", "-error_file",
                           tmp_path / "errors", "-trace_msg", "-message_file", tmp_path / "messages", f"127.0.0.1:{system.sip_port}"],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=tmp_path, timeout=30)
    assert done.returncode == 0, (tmp_path / "messages").read_text()[-5000:]


@pytest.fixture(scope="module")
def speech(tmp_path_factory):
    return sound.make_speech(tmp_path_factory.mktemp("speech") / "speech.wav", "One two.", 0.4)


def test_baresip_calls_with_a_password(make_system, backends, speech, tmp_path):
    """It knows MD5 alone, and gives up where another algorithm is offered, too."""
    system = make_system(calls=4, settings=guarded(algorithms=["MD5"]))
    backends.start(system)
    phone = Phone(tmp_path / "phone", uri_for(system), speech, account=f";auth_user=alice;auth_pass=\"{PASSWORD}\"")
    try:
        wait_for(lambda: system.metric("tipring_signaling_legs_confirmed") == 1 or phone.over(), 15)
        wait_for(phone.over, 20)
    finally:
        phone.close()
    assert system.metric("tipring_sip_auth_asked_total") >= 1 and system.metric("tipring_sip_auth_failed_total") == 0
    nothing_is_left(system)


def test_aiosipua_calls_with_a_password(make_system, backends, speech, tmp_path):
    system = make_system(calls=4, settings=guarded())
    backends.start(system)
    wav = tmp_path / "speech.wav"
    wav.write_bytes(speech.read_bytes())
    done = subprocess.run([sys.executable, "-O", HERE / "aiosipua_call.py", str(system.sip_port), str(free_port_range(2)), wav, "", "alice", PASSWORD],
                          capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout)["heard_samples"] > 0
    assert system.metric("tipring_sip_auth_failed_total") == 0
    nothing_is_left(system)


# ---- we are asked ----


def challenge(nonce: str = "n", realm: str = "server", more: str = 'qop="auth"', name: str = "WWW-Authenticate") -> str:
    return f'{name}: Digest realm="{realm}", nonce="{nonce}", {more}\r\n'


def is_answered(message: str, password: str, *, field: str = "Authorization", realm: str = "server", algorithm: str = "MD5") -> bool:
    given = parameters(header(message, field))
    total = lambda *parts: HASHES[algorithm](":".join(parts).encode()).hexdigest()  # noqa: E731
    middle = [given["nc"], given["cnonce"], "auth"] if "nc" in given else []
    return given.get("realm") == realm and given["response"] == total(
        total(given["username"], realm, password), given["nonce"], *middle, total(message.split(" ")[0], given["uri"]))


def serving(callee: Callee, steps) -> list[str]:
    """Refuse one INVITE after the other as `steps` say (code, lines), then pick up; every different INVITE."""
    invites: list[str] = []

    def serve():
        for code, lines in steps:
            invites.append(next_try(callee, invites))
            callee.reply(code, headers=lines)
            callee.next_request("ACK")
        invites.append(next_try(callee, invites))
        callee.pick_up()
        callee.reply(200, to=callee.next_request("BYE"))

    callee.in_background(serve)
    return invites


def call_and_hang_up(system, uri, **options):
    async def scenario(server):
        call = await server.dial(uri, rate=RATE, **options)
        await call.answered()
        await call.hangup()
        await call.ended()
        return call.outcome

    return dialling(system, scenario)


ASKED = {
    "once": [(401, challenge())],                                                                 # C217
    "by a proxy": [(407, challenge(name="Proxy-Authenticate"))],
    "sha": [(401, challenge(more='algorithm=SHA-256, qop="auth,auth-int"'))],                     # C222
    "old": [(401, challenge(more="algorithm=MD5"))],                                              # C223
    "stale": [(401, challenge("a")), (401, challenge("b", more='qop="auth", stale=true'))],       # C220
    "both": [(401, challenge()), (407, challenge(name="Proxy-Authenticate", realm="proxy"))],     # C221
}


@pytest.mark.parametrize("how", ASKED)
def test_credentials_of_a_dial(make_system, how):
    """C217, C218, C220-C223: the right header, the next CSeq, the same call, headers and offer; nothing before somebody asks."""
    system = make_system(calls=4, settings=OPEN)
    callee = Callee(NOWHERE)
    invites = serving(callee, ASKED[how])
    assert call_and_hang_up(system, callee.uri, username="alice", password=PASSWORD, headers={"X-Room-ID": "7"}) == "answered"
    callee.joined()
    assert [header(m, "CSeq") for m in invites] == [f"{i + 1} INVITE" for i in range(len(invites))]
    assert len({(header(m, "Call-ID"), header(m, "From"), header(m, "X-Room-ID"), m.split("\r\n\r\n")[1]) for m in invites}) == 1
    assert len({header(m, "Via") for m in invites}) == len(invites)
    assert "uthorization" not in invites[0]
    field = "Proxy-Authorization" if how == "by a proxy" else "Authorization"
    assert is_answered(invites[-1], PASSWORD, field=field, algorithm="SHA-256" if how == "sha" else "MD5")
    assert "both" != how or is_answered(invites[-1], PASSWORD, field="Proxy-Authorization", realm="proxy")
    assert ("nc=" in header(invites[-1], field)) == (how != "old")
    assert PASSWORD not in system.log
    nothing_is_left(system)
    callee.close()


REFUSED = {
    "again": [(401, challenge("a")), (401, challenge("b"))],                                      # C219
    "stale for ever": [(401, challenge("a"))] + [(401, challenge(n, more='qop="auth", stale=true')) for n in "bc"],
    "without a challenge": [(401, "")],
    "basic": [(401, 'WWW-Authenticate: Basic realm="server"\r\n')],
    "bearer": [(401, 'WWW-Authenticate: Bearer realm="server"\r\n')],                             # C224
    "auth-int": [(401, challenge(more='qop="auth-int"'))],
    "no nonce": [(407, 'Proxy-Authenticate: Digest realm="server"\r\n')],
    "another realm": [(401, challenge(realm="elsewhere"))],
}


@pytest.mark.parametrize("how", REFUSED)
def test_challenges_that_end_it(make_system, how):
    """C219, C224: the code of the last one is what is told."""
    system = make_system(calls=4, settings=OPEN)
    callee = Callee(NOWHERE)
    invites: list[str] = []

    def serve():
        for code, lines in REFUSED[how]:
            invites.append(next_try(callee, invites))
            callee.reply(code, headers=lines)
            callee.next_request("ACK")

    callee.in_background(serve)
    failed = failed_of(system, callee.uri, username="alice", password=PASSWORD, auth_realm="server")
    callee.joined()
    assert failed.code == REFUSED[how][-1][0] and failed.outcome == "auth_failed"
    assert len(invites) == len(REFUSED[how])
    nothing_is_left(system)
    callee.close()


def test_the_account_of_the_trunk(make_system):
    """outbound.username is for next_hop alone, and for calls without credentials of their own."""
    callee, other = Callee(NOWHERE), Callee(NOWHERE)
    system = make_system(calls=4, settings={**OPEN, "outbound.hosts": ["127.0.0.1", "example.org"], "outbound.next_hop": f"127.0.0.1:{callee.port}",
                                            "outbound.username": "us", "outbound.password_env": "TRUNK_PASSWORD", "outbound.realm": "server"})
    for options, username in (({}, "us"), ({"username": "alice", "password": "pw"}, "alice")):
        invites = serving(callee, [(407, challenge(name="Proxy-Authenticate"))])
        assert call_and_hang_up(system, "sip:bob@example.org", **options) == "answered"
        callee.joined()
        assert parameters(header(invites[-1], "Proxy-Authorization"))["username"] == username
        assert is_answered(invites[-1], options.get("password", PASSWORD), field="Proxy-Authorization")

    def refuse():
        other.wait_invite()
        other.reply(401, headers=challenge())
        other.next_request("ACK")

    other.in_background(refuse)
    assert failed_of(system, other.uri).code == 401
    other.joined()
    assert PASSWORD not in system.log
    for peer in (callee, other):
        peer.close()


def killed_while_asked(system, callee: Callee, uri: str, **options):
    """kill -9 of signaling when the INVITE is out, and then the challenge; the dial's failure or None."""
    invites: list[str] = []

    def serve():
        invites.append(next_try(callee, invites))
        callee.reply(100)
        system.kill("signaling-0")
        for _ in range(20):  # what was in the socket of the dead is lost
            callee.reply(401, headers=challenge())
            try:
                callee.next_request("ACK", 0.5)
                break
            except AssertionError:
                continue
        if "username" in options:
            return
        invites.append(next_try(callee, invites))
        callee.pick_up()
        callee.reply(200, to=callee.next_request("BYE"))

    callee.in_background(serve)

    async def scenario(server):
        call = await server.dial(uri, rate=RATE, **options)
        try:
            await call.answered()
        except tipring.DialFailed as why:
            await call.ended()
            return why
        await call.hangup()
        await call.ended()

    why = dialling(system, scenario)
    callee.joined()
    return why, invites


def test_signaling_dies_before_it_is_asked(make_system):
    """The password of a dial is nowhere else: it fails, and no other account is tried. That of the configuration is there again."""
    callee = Callee(NOWHERE)
    system = make_system(calls=4, settings={**OPEN, "outbound.hosts": ["example.org"], "outbound.next_hop": f"127.0.0.1:{callee.port}",
                                            "outbound.username": "us", "outbound.password_env": "TRUNK_PASSWORD"})
    why, invites = killed_while_asked(system, callee, "sip:bob@example.org", username="alice", password=PASSWORD)
    assert (why.code, why.outcome) == (401, "auth_failed") and len(invites) == 1
    wait_for(system.ready, 10)
    why, invites = killed_while_asked(system, callee, "sip:bob@example.org")
    assert why is None and is_answered(invites[1], PASSWORD)
    assert PASSWORD not in system.log
    nothing_is_left(system)
    callee.close()


def test_control_dies_while_it_is_asked(make_system):
    callee = Callee(NOWHERE)
    system = make_system(calls=4, settings=OPEN)
    invites: list[str] = []

    def serve():
        invites.append(next_try(callee, invites))
        system.kill("control-0")
        callee.reply(401, headers=challenge())
        callee.next_request("ACK")
        invites.append(next_try(callee, invites))
        callee.pick_up()
        callee.reply(200, to=callee.next_request("BYE", 20))

    callee.in_background(serve)
    assert call_and_hang_up(system, callee.uri, username="alice", password=PASSWORD) == "answered"
    callee.joined()
    assert len(invites) == 2 and is_answered(invites[1], PASSWORD)
    callee.close()


def test_from_a_shell(make_system, monkeypatch):
    system = make_system(calls=4, settings=OPEN)
    callee = Callee(NOWHERE)

    def serve():
        first = next_try(callee, [])
        callee.reply(401, headers=challenge())
        callee.next_request("ACK")
        assert is_answered(next_try(callee, [first]), PASSWORD)
        callee.pick_up()
        callee.hang_up()

    callee.in_background(serve)
    done = subprocess.run([BIN / "tipring", "dial", callee.uri, "--user", "alice", "--password-env", "ALICE_PASSWORD"], env=system.env,
                          capture_output=True, text=True, timeout=30)
    callee.joined()
    assert done.returncode == 0 and PASSWORD not in done.stdout + done.stderr, done.stdout + done.stderr
    for arguments in (["--user", "alice"], ["--user", "alice", "--password-env", "NOT_THERE"]):
        assert subprocess.run([BIN / "tipring", "dial", callee.uri, *arguments], env=system.env, capture_output=True).returncode == 2
    callee.close()


def test_logins_that_can_not_be(make_system):
    system = make_system(calls=4, settings=OPEN)

    async def scenario(server):
        for options in ({"username": "alice"}, {"password": "x"}, {"auth_realm": "x"}, {"username": 'al"ice', "password": "x"},
                        {"username": "a" * 128, "password": "x"}, {"username": "a", "password": "x" * 128}, {"username": "a\n", "password": "x"},
                        {"username": "a", "password": "x", "auth_realm": '"'}):
            with pytest.raises(tipring.CommandRefused) as refused:
                await server.dial("sip:bob@127.0.0.1:9", **options)
            assert refused.value.code == "REJECTED", options

    dialling(system, scenario)
