"""demo.py - the whole system on this machine, a real phone call through it, and a judgement of what the phone heard.

    ./tipring demo [--once]

Starts the supervisor (with control, signaling and media), the echo backend in Python, and baresip as the phone. Exit code 1 when the
echo is silent or does not match what was said.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import picture  # noqa: E402
import sound  # noqa: E402
from phone import Phone  # noqa: E402
from sniff import Sniffer, rtp_of  # noqa: E402
from system import HERE, System, free_udp_port, wait_for  # noqa: E402

SHARE_LEAST = 0.7  # of its pieces, when the phone's buffers slipped and the recording has a seam
CORRELATION_LEAST = 0.95
DELAY_MS_MOST = 100  # a busy machine plays out a frame or two later; an echo that is broken is later than this
CALLS_MOST = 3  # while the packets are right and only their delay or the phone's recording is not
LATE = "the echo took"
LEVEL_DB_MOST = 3  # the echo may be so much louder or softer


def say(text: str = "") -> None:
    print(text, flush=True)


def sip_port(wanted: int) -> int:
    """5060 when it is free: a person's own phone finds it there."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.bind(("127.0.0.1", wanted))
            return wanted
        except OSError:
            return free_udp_port()


def ladder(datagrams, port: int) -> list[str]:
    """The SIP messages as they passed."""
    rows, start = [], None
    for d in datagrams:
        if port not in (d.source[1], d.target[1]) or not d.payload.strip():
            continue
        start = start or d.time
        line = d.payload.split(b"\r\n", 1)[0].decode(errors="replace")
        what = line.removeprefix("SIP/2.0 ") if line.startswith("SIP/2.0") else line.split(" ")[0]
        arrow = f"  {what:<14} -->" if d.target[1] == port else f"<--  {what:<14}"
        rows.append(f"  {1000 * (d.time - start):9.1f} ms   phone  {arrow:^24}  tipring")
    return rows


def setup_ms(datagrams, port: int) -> float | None:
    invite = next((d.time for d in datagrams if d.target[1] == port and d.payload.startswith(b"INVITE")), None)
    answer = next((d.time for d in datagrams if d.source[1] == port and d.payload.startswith(b"SIP/2.0 200")), None)
    return 1000 * (answer - invite) if invite and answer else None


def streams(datagrams, system: System):
    """RTP packets from the phone and to it."""
    inbound, outbound = [], []
    for d in datagrams:
        rtp = rtp_of(d)
        if rtp is None or rtp.payload_type > 8:
            continue
        (inbound if system.rtp_port <= d.target[1] <= system.rtp_last else outbound).append(rtp)
    return inbound, outbound


def wire_echo(inbound, outbound) -> tuple[float, float]:
    """Milliseconds from the packet that brought a sample to the packet that took it back, and the correlation of the two."""
    in_start, said = sound.timeline(inbound)
    out_start, echoed = sound.timeline(outbound)
    lag, match = sound.correlate(said, echoed)
    return 1000 * (out_start + lag / sound.RATE - in_start), match


def report_wire(datagrams, system: System) -> list[str]:
    problems = []
    inbound, outbound = streams(datagrams, system)
    say("SIP ladder")
    for row in ladder(datagrams, system.sip_port):
        say(row)
    took = setup_ms(datagrams, system.sip_port)
    say()
    say(f"  codec             {'PCMU' if inbound and inbound[0].payload_type == 0 else 'PCMA'}, 8 kHz on the wire, 16 kHz on the tape")
    if took is not None:
        say(f"  set-up            {took:.1f} ms from INVITE to 200")
    if not inbound or not outbound:
        return problems + ["no RTP passed in one of the directions"]
    delay, match = wire_echo(inbound, outbound)
    say(f"  mouth to ear      {delay:.1f} ms, our part: packet in to packet out")
    say(f"  packets           {len(inbound)} in ({sound.lost(inbound)} lost), {len(outbound)} out ({sound.lost(outbound)} lost)")
    say(f"  on the wire       {match:.4f}, correlation of the packets in with the packets out")
    say(f"  jitter            {sound.jitter_ms(inbound):.2f} ms in, {sound.jitter_ms(outbound):.2f} ms out")
    path = HERE / "build" / "demo" / "call.svg"
    picture.draw(path, inbound, outbound)
    say(f"  picture           {path}: spectrogram, losses and lateness of both directions")
    if delay > DELAY_MS_MOST:
        problems.append(f"{LATE} {delay:.1f} ms, more than {DELAY_MS_MOST} ms")
    if sound.lost(outbound):
        problems.append("packets to the phone are missing")
    if match < CORRELATION_LEAST:
        problems.append(f"the packets to the phone do not match: correlation {match:.4f}")
    return problems


def report_echo(speech: pathlib.Path, phone: Phone) -> list[str]:
    recording = phone.recording()
    if recording is None:
        return [f"the phone recorded nothing:\n{phone.log[-1500:]}"]
    sent, heard = sound.read_wav(speech), sound.read_wav(recording)
    _, match = sound.correlate(sent, heard)
    difference = sound.level_dbov(heard) - sound.level_dbov(sent)
    say(f"  level             {sound.level_dbov(sent):.1f} dBov said, {sound.level_dbov(heard):.1f} dBov heard")
    say(f"  correlation       {match:.4f} of what was said with what the phone recorded")
    problems = []
    if sound.level_dbov(heard) < -60:
        problems.append("the echo is silent")
    elif match < CORRELATION_LEAST and sound.share_heard(sent, heard) < SHARE_LEAST:
        problems.append(f"the echo does not match: correlation {match:.4f}, at least {CORRELATION_LEAST} is right")
    elif abs(difference) > LEVEL_DB_MOST:
        problems.append(f"the echo is {difference:+.1f} dB off")
    return problems


def place_call(system: System, speech: pathlib.Path, directory: pathlib.Path) -> list[str]:
    """What was wrong with the call. The phone and the machine are not on trial: when the recording or the delay alone is wrong, it calls again."""
    for number in range(1, CALLS_MOST + 1):
        wire, echo = one_call(system, speech, directory / f"phone{number}")
        if not wire + echo or any(not problem.startswith(LATE) for problem in wire) or number == CALLS_MOST:
            return wire + echo
        say()
        say(f"({(wire + echo)[0]}; a busy machine is late, and the phone's own buffers slip: calling again)")
        say()
    return []


def one_call(system: System, speech: pathlib.Path, directory: pathlib.Path) -> tuple[list[str], list[str]]:
    """What was wrong with the packets, and with what the phone recorded."""
    try:
        sniffer = Sniffer([(system.sip_port, system.sip_port), (system.rtp_port, system.rtp_last)])
    except PermissionError:
        sniffer = None
        say("(no permission to watch packets: ladder, delay and jitter are left out; run as root to see them)")
    phone = Phone(directory, f"sip:echo@127.0.0.1:{system.sip_port}", speech)
    problems = []
    try:
        wait_for(phone.over, 40, 0.1)
        time.sleep(0.2)
    except TimeoutError:
        problems.append(f"the call did not end:\n{phone.log[-1500:]}")
    finally:
        phone.close()
        datagrams = sniffer.close() if sniffer else []
    if sniffer and not sniffer.missed:
        problems += report_wire(datagrams, system)
    if sniffer and sniffer.missed:
        say(f"(the machine is too busy to watch packets, {sniffer.missed} were missed: ladder, delay and jitter are left out)")
    return problems, report_echo(speech, phone)


def start_echo(system: System, backend: pathlib.Path) -> subprocess.Popen:
    log = open(system.dir / "echo.log", "w")
    process = subprocess.Popen([sys.executable, backend], env=system.env, stdout=log, stderr=log)
    try:
        wait_for(lambda: process.poll() is not None or system.metric("tipring_backends") >= 1, 15)
    except TimeoutError:
        pass
    if process.poll() is not None or system.metric("tipring_backends") < 1:
        raise RuntimeError("the echo backend did not register:\n" + (system.dir / "echo.log").read_text()[-2000:])
    return process


def stay(system: System) -> None:
    say()
    say("Everything stays up until Ctrl-C. Try, in another terminal:")
    say(f"  export TIPRING_ENDPOINT={system.run_dir}")
    say("  ./tipring status            workers and backends")
    say("  ./tipring events            what happens, as it happens")
    say(f"  curl http://127.0.0.1:{system.http_port}/metrics")
    say(f"  kill -9 {system.workers().get('media-0', 0)}              (media) in the middle of a call, and hear it go on")
    say(f"Call it: sip:anything@127.0.0.1:{system.sip_port} with any SIP phone on this machine. Logs: {system.log_path}")
    say(f"sip:bot@127.0.0.1:{system.sip_port} goes to the app \"bot\": yours, see docs/BACKENDS.md")
    try:
        while system.process.poll() is None:
            time.sleep(0.2)
    except KeyboardInterrupt:
        say()


def main() -> int:
    parser = argparse.ArgumentParser(prog="./tipring demo", description=__doc__.split("\n")[0])
    parser.add_argument("--once", action="store_true", help="end after the call instead of staying up")
    parser.add_argument("--backend", type=pathlib.Path, default=HERE / "examples" / "echo.py", help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, default=5060, help=argparse.SUPPRESS)
    parser.add_argument("--bin", required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    for ending in (signal.SIGINT, signal.SIGTERM):  # also where a shell started us with SIGINT ignored
        signal.signal(ending, signal.default_int_handler)

    try:
        speech = sound.make_speech(HERE / "build" / "demo" / "speech.wav")
    except (OSError, subprocess.CalledProcessError) as why:
        say(f"WRONG: no speech to play: {why}")
        return 2
    directory = pathlib.Path(tempfile.mkdtemp(prefix="tipring-demo-"))
    system = System(options.bin, directory=str(directory))
    system.sip_port = sip_port(options.port)
    system.values["sip.listen"] = [f"udp:127.0.0.1:{system.sip_port}"]
    system.values["routes"] = [{"number": "bot", "app": "bot"}, {"number": "*", "app": "echo"}]
    echo = None
    try:
        system.start()
        echo = start_echo(system, options.backend)
        say(f"tipring is up: SIP on 127.0.0.1:{system.sip_port}, backend {options.backend.name}, {len(sound.read_wav(speech)) / sound.RATE:.1f} s of speech")
        say()
        problems = place_call(system, speech, directory)
        say()
        for problem in problems:
            say(f"WRONG: {problem}")
        if not problems:
            say("The phone heard itself: the demo works.")
        if not options.once:
            stay(system)
        return 1 if problems else 0
    except KeyboardInterrupt:
        say("interrupted")
        return 130
    except (RuntimeError, TimeoutError) as why:
        say(f"WRONG: {why}")
        return 1
    finally:
        if echo is not None and echo.poll() is None:
            echo.terminate()
            echo.wait(5)
        system.stop()
        if not os.environ.get("TIPRING_KEEP"):
            shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
