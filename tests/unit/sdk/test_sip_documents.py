"""What the documents of tipring.sip and tipring.sdp show does what they say, and so do the examples."""

import pathlib
import re
import socket
import subprocess
import sys

import pytest
from tipring import sip

HERE = pathlib.Path(__file__).resolve().parents[3]


def snippets(document):
    return re.findall(r"```python\n(.*?)```", (HERE / "docs" / document).read_text(), re.S)


CASES = [(document, number) for document in ("COMING_FROM_AIOSIPUA.md", "SIP_LIBRARY.md") for number in range(len(snippets(document)))]


@pytest.mark.parametrize("document, number", CASES)
def test_snippets(document, number, tmp_path):
    path = tmp_path / "snippet.py"
    path.write_text(snippets(document)[number])
    done = subprocess.run([sys.executable, "-W", "error", path], capture_output=True, text=True, timeout=200, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_every_row_has_its_snippet():
    """Names the table maps to are shown; what is not built has a row and none."""
    text = (HERE / "docs" / "COMING_FROM_AIOSIPUA.md").read_text()
    shown = text[text.index("\n## "):]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("| `")]
    assert len(rows) >= 20
    headings = {re.sub(r"[^a-z -]", "", line[3:].lower()).replace(" ", "-") for line in text.splitlines() if line.startswith("## ")}
    for theirs, ours, where in rows:
        if where:
            assert where.split("(#")[1].rstrip(")") in headings
            for name in re.findall(r"`[a-z]+\.(\w+)(?:\(\))?`", ours.split(";")[0]):
                assert re.search(rf"\b{name}\b", shown), name
        else:
            assert ours.startswith("not ") and not re.search(r"`s[id]p\.(negotiate|parse)\(\)`", ours)
    asked = ["SipMessage", "SipRequest", "negotiate_sdp", "negotiate_av_sdp", "build_sdp", "build_video_sdp", "SipUAS", "IncomingCall", "SipUAC",
             "SipDigestAuth", "Registration", "send_invite", "send_bye", "send_reinvite", "send_refer", "send_info", "session_expires",
             "CallSession", "advertised_ip"]
    left = " ".join(row[0] for row in rows)
    assert [name for name in asked if name not in left] == []


def test_the_python_example_answers():
    """C030, C031, C032, C082 on the wire: one socket, one datagram each way."""
    datagrams = [(HERE / "tests/data/rfc4475/zeromf.dat").read_bytes(), (HERE / "tests/data/rfc4475/inv2543.dat").read_bytes(),
                 b"OPTIONS sip:x SIP/2.0\r\n\r\n", b"\r\n\r\n", b"garbage", (HERE / "tests/data/rfc4475/badvers.dat").read_bytes()]
    server = subprocess.Popen([sys.executable, HERE / "examples" / "sip_answer.py", "--port", "0", "--count", str(len(datagrams))],
                              stdout=subprocess.PIPE, text=True)
    try:
        port = int(re.search(r"127\.0\.0\.1', (\d+)", server.stdout.readline())[1])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(30)
            for datagram in datagrams:
                s.sendto(datagram, ("127.0.0.1", port))
            answers = [sip.parse(s.recv(65536)) for _ in range(3)]
        output = server.stdout.read()
        assert server.wait(30) == 0
    finally:
        server.kill()
        server.wait()
    assert [a.status for a in answers] == [200, 486, 505]
    assert "PCMU to ('192.0.2.5', 49217)" in output and "no message" in output
