"""Messages outside calls by a backend in C."""

import json
import subprocess

from registrar import header
from system import HERE, wait_for
from test_messages import OUT, Sender
from test_sdk_c import build, environment, prefix, pytestmark  # noqa: F401


def test_taken_sent_and_refused(prefix, make_system, tmp_path):  # noqa: F811
    system = make_system(calls=4, settings=OUT)
    program = build(prefix, "cc", HERE / "tests" / "integration" / "letters.c", tmp_path / "letters")
    backend = subprocess.Popen([program], env=environment(prefix, TIPRING_ENDPOINT=str(system.run_dir)), stdout=subprocess.PIPE, text=True)
    sender = Sender(system)
    try:
        wait_for(lambda: system.metric("tipring_backends") == 1, 10)
        for code in (200, 404, 503):
            text = sender.message(f"hello {code}", headers="X-Order: 7\r\n").decode()
            sender.send(text.replace("<sip:peer@127.0.0.1>", f"<{sender.uri}>"))
            came = [sender.receive(10), sender.receive(10)]
            (answer,) = [m for m in came if m.startswith("SIP/2.0 202 ")]
            (back,) = [m for m in came if m.startswith(f"MESSAGE {sender.uri} ")]
            assert header(back, "X-Order") == "7" and back.endswith(f"\r\n\r\nhello {code}")
            sender.answer(back, code)
        out = backend.communicate(timeout=60)[0]
    finally:
        backend.kill()
        sender.close()
    told = [json.loads(line) for line in out.splitlines()]
    assert not [t for t in told if t["event"] == "fault"], told
    assert [(t["body"], t["type"], t["header"]) for t in told if t["event"] == "offer"] == [(f"hello {c}", "text/plain", "7") for c in (200, 404, 503)]
    assert [t for t in told if t["event"] == "asked"] == [{"event": "asked", "call": 0}]
    assert [(t["ask"], t["sip_code"]) for t in told if t["event"] == "failed"] == [(1, 404), (1, 503)]
