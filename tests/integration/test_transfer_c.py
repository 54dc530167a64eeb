"""Transfers by a backend in C."""

import json
import subprocess

from callee import Callee
from system import HERE, wait_for
from test_sdk_c import build, environment, prefix, pytestmark  # noqa: F401
from test_transfer import OPEN, Party, header


def test_refused_accepted_and_asked_for(prefix, make_system, tmp_path):  # noqa: F811
    """C258 C259 C261"""
    system = make_system(calls=4, settings=OPEN)
    program = build(prefix, "cc", HERE / "tests" / "integration" / "transfers.c", tmp_path / "transfers")
    backend = subprocess.Popen([program, "sip:carol@192.0.2.7"], env=environment(prefix, TIPRING_ENDPOINT=str(system.run_dir)),
                               stdout=subprocess.PIPE, text=True)
    caller, target = Party(system), Callee(system)
    try:
        wait_for(lambda: system.metric("tipring_backends") == 1, 10)
        caller.call()
        caller.refer(f"<{target.uri}>")
        assert caller.until_final()[-1] == 480
        target.in_background(target.wait_invite, target.pick_up, lambda: target.wait_bye(5))
        caller.refer(f"<{target.uri}>")
        assert caller.until_final()[-1] == 200
        assert header(caller.take_refer(), "Refer-To") == "<sip:carol@192.0.2.7>"
        caller.notify("180 Ringing")
        caller.notify("200 OK", "terminated")
        caller.wait_bye(5)
        target.joined()
        out = backend.communicate(timeout=15)[0]
    finally:
        backend.kill()
        caller.close()
        target.close()
    told = [json.loads(line) for line in out.splitlines()]
    asked = {"event": "referred", "target": target.uri, "by": "<sip:peer@127.0.0.1>", "replaces": 0}
    assert told[:3] == [asked, asked, {"event": "dialling", "mine": 1}]
    codes = [(e["code"], e["final"]) for e in told[3:]]
    assert codes[-2:] == [(180, 0), (200, 1)] and all(e["event"] == "transfer" for e in told[3:]), told
