"""Bridges by a backend in C."""

import json
import subprocess

from system import HERE, PATIENCE, wait_for
from test_bridge import Talker, tone_of
from test_sdk_c import build, environment, prefix, pytestmark  # noqa: F401


def test_bridged_muted_away_and_back(prefix, make_system, tmp_path):  # noqa: F811
    system = make_system(calls=4)
    program = build(prefix, "cc", HERE / "tests" / "integration" / "bridges.c", tmp_path / "bridges")
    backend = subprocess.Popen([program], env=environment(prefix, TIPRING_ENDPOINT=str(system.run_dir)), stdout=subprocess.PIPE, text=True)
    a, b = Talker(system, tone_of(440)), Talker(system, tone_of(660))
    try:
        wait_for(lambda: system.metric("tipring_backends") == 1, 10)
        a.call()
        b.call()
        a.hears(660, but=(440,))
        b.hears(but=(440, 660))  # in the end the first one listens alone
        a.bye()
        b.bye()
        out = backend.communicate(timeout=15 * PATIENCE)[0]
    finally:
        backend.kill()
        a.close()
        b.close()
    told = [json.loads(line) for line in out.splitlines()]
    assert all(e["same"] for e in told), told
    assert sorted(e["first"] for e in told[:2]) == [0, 1] and {e["event"] for e in told[:2]} == {"joined"}
    rest = [(e["event"], e["first"], e["members"], e["code"], e["text"]) for e in told[2:]]
    assert rest == [("muted", 1, 0, 1, ""), ("muted", 1, 0, 0, ""), ("left", 1, 1, 0, "left"), ("joined", 1, 2, 0, ""),
                    ("left", 1, 1, 0, "ended"), ("left", 0, 0, 0, "ended"), ("ended", 0, 0, 0, "")]
