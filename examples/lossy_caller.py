#!/usr/bin/env python3
"""lossy_caller.py - a caller behind a bad network: calls a SIP URI, plays a tone of which packets get lost, presses a key every few seconds.

    python3 examples/lossy_caller.py sip:echo@127.0.0.1:5060 --loss 5 --burst 2 --seconds 20 --digits 123 --digit-every 3

Audio is dropped by a chain of two states (Gilbert): packets are lost in bursts of --burst on average, so that --loss percent of all are; --seed
makes the same losses again. Keys (RFC 4733) are never dropped. What was sent and dropped is printed, and what the far end concealed when it is a
Tipring: of this call with --tipring PROGRAM (`tipring` of the same machine, TIPRING_ENDPOINT names the run directory), of its whole host
meanwhile with --server-http URL (its http.listen). --json prints one object instead.

SIP is tipring.sip and tipring.sdp over a socket: UDP, PCMU, no authentication. Ctrl-C hangs up. Exit code 1: nobody answered, or the far end
takes no keys or could not be asked; 2: bad arguments.
"""

import argparse
import collections.abc
import json
import math
import random
import select
import signal
import socket
import struct
import subprocess
import sys
import time
import types
import typing
import urllib.request

from tipring import sdp, sip

T1, T2 = 0.5, 4.0  # of RFC 3261 17.1.1.2
GIVE_UP_SECONDS = 64 * T1
SLOT_SECONDS, SLOT_SAMPLES = 0.02, 160  # a packet
KEY_SLOTS = 5
KEYS = "0123456789*#ABCD"  # RFC 4733 3.2: in the order of their events
CONCEALED = "tipring_media_frames_concealed_total"
RECEIVED = "tipring_media_rtp_received_total"


class Failed(Exception):
    """Why the exit code is 1."""


def ulaw(sample: int) -> int:
    """One sample as PCMU (G.711)."""
    magnitude = min(abs(sample), 32635) + 132
    exponent = magnitude.bit_length() - 8
    return ~((0x80 if sample < 0 else 0) | exponent << 4 | magnitude >> exponent + 3 & 15) & 0xFF


TONE = bytes(ulaw(round(9000 * math.sin(2 * math.pi * i / 20))) for i in range(SLOT_SAMPLES))  # 400 Hz: every packet is whole periods


class Loss:
    """Which packets are lost: from good to bad with probability `enter`, back with `leave`; what is sent in bad is dropped."""

    def __init__(self, share: float, burst: float, seed: int):
        self.chance = random.Random(seed)
        self.leave = 1 / burst
        self.enter = share * self.leave / (1 - share)
        self.bad = False
        self.bursts: list[int] = []  # how long each was

    def drops(self) -> bool:
        """Is the next packet lost?"""
        was = self.bad
        self.bad = self.chance.random() >= self.leave if was else self.chance.random() < self.enter
        if self.bad and was:
            self.bursts[-1] += 1
        elif self.bad:
            self.bursts.append(1)
        return self.bad


class Dialog:
    """A call as its caller sees it: INVITE, ACK, CANCEL, BYE, and the requests of the other side."""

    def __init__(self, uri: sip.Uri):
        self.hop = (uri.host.strip("[]"), uri.port or 5060)
        try:
            family, _, _, _, peer = socket.getaddrinfo(*self.hop, type=socket.SOCK_DGRAM)[0]
        except OSError as why:
            raise Failed(f"{uri.host}: {why.strerror}") from None
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect(peer)
            except OSError as why:
                raise Failed(f"{uri.host}: {why.strerror}") from None
            self.address: str = probe.getsockname()[0]
        self.peer = peer
        self.socket, self.rtp = (socket.socket(family, socket.SOCK_DGRAM) for _ in range(2))
        self.socket.bind((self.address, 0))
        self.rtp.bind((self.address, 0))
        self.port = self.socket.getsockname()[1]
        self.ours = sdp.Side([sdp.PCMU], port=self.rtp.getsockname()[1])
        self.offer = sdp.propose(audio=self.ours, address=self.address)
        self.target: sip.Uri | str = uri
        self.route: list[sip.Address] = []
        self.to = sip.Address(uri)
        host = f"[{self.address}]" if ":" in self.address else self.address
        self.contact = sip.Address(sip.Uri(user="lossy", host=host, port=self.port))
        self.from_ = sip.Address(sip.Uri(user="lossy", host=host), tag=sip.new_tag())
        self.call_id = sip.new_call_id()
        self.cseq = 0
        self.invite = self.request("INVITE", body=bytes(self.offer))
        self.ack: sip.Request | None = None
        self.rings = self.up = False

    def request(self, method: str, branch: str | None = None, body: bytes = b"") -> sip.Request:
        """ACK and CANCEL have the number of the INVITE."""
        self.cseq += method not in ("ACK", "CANCEL")
        headers: list[tuple[str, typing.Any]] = [
            ("Via", sip.Via(self.address, self.port, branch=branch or sip.new_branch(), params={"rport": None})), ("Max-Forwards", 70),
            *(("Route", hop) for hop in self.route), ("From", self.from_), ("To", self.to), ("Call-ID", self.call_id),
            ("CSeq", sip.CSeq(self.cseq, method)), ("Contact", self.contact)]
        return sip.Request(method, self.target, headers, body, "application/sdp" if body else None)

    def send(self, message: sip.Message) -> None:
        self.socket.sendto(bytes(message), self.peer)

    def receive(self) -> sip.Response | None:
        """What waits in the socket, at once; requests are answered here."""
        datagram, source = self.socket.recvfrom(65536)
        try:
            message = sip.parse(datagram)
            if message.call_id != self.call_id:
                return None
            if isinstance(message, sip.Response):
                if self.ack is not None and message.status >= 200 and message.cseq == self.invite.cseq:
                    self.send(self.ack)  # ours was lost
                    return None
                return message
            if message.method != "ACK":
                known = message.method == "BYE"
                self.up = self.up and not known
                answer = message.reply(200 if known else 405, headers={} if known else {"Allow": "INVITE, ACK, BYE"})
                self.socket.sendto(bytes(answer), source)
        except sip.SipError as why:
            print(f"what is no SIP came from {source[0]}: {why}", file=sys.stderr)
        return None

    def transact(self, request: sip.Request, seconds: float, stop: collections.abc.Callable[[], bool]) -> sip.Response | None:
        """Send until it is answered; the final response, None when none came in time or it shall stop."""
        end = time.monotonic() + seconds
        again, wait = 0.0, T1
        while (now := time.monotonic()) < end and not stop():
            if now >= again and not (self.rings and request.method == "INVITE"):
                self.send(request)
                again, wait = now + wait, min(2 * wait, T2)
            if not select.select([self.socket], [], [], 0.05)[0]:
                continue
            response = self.receive()
            if response is None or response.cseq != request.cseq:
                continue
            if response.status >= 200:
                return response
            self.rings = True
        return None

    def call(self, seconds: float, stop: collections.abc.Callable[[], bool]) -> sdp.Stream:
        """Until it is answered. Failed."""
        response = self.transact(self.invite, seconds, stop)
        if response is None:
            self.give_up()
            raise Failed("interrupted" if stop() else f"no answer from {self.hop[0]} port {self.hop[1]} within {seconds:g} s")
        self.acknowledge(response)
        if response.status >= 300:
            raise Failed(f"not answered: {response.status} {response.reason}")
        body = response.part("application/sdp")
        agreed = sdp.conclude(self.offer, sdp.parse(body), audio=self.ours).audio if body else None
        if agreed is None:
            raise Failed("answered without audio")
        return agreed

    def give_up(self) -> None:
        """CANCEL, once there is something to cancel (RFC 3261 9.1); close() says BYE when the answer was faster."""
        if not self.rings:
            return
        via, = self.invite.via
        self.transact(self.request("CANCEL", via.branch), 2, lambda: False)
        response = self.transact(self.invite, 2, lambda: False)  # 487: it is not sent again
        if response is not None:
            self.acknowledge(response)

    def acknowledge(self, response: sip.Response) -> None:
        via, = self.invite.via
        self.to = response.to or self.to
        if response.status >= 300:
            self.ack = self.request("ACK", via.branch)  # of the same transaction (RFC 3261 17.1.1.3)
        else:
            self.up = True
            self.route = response.record_route[::-1]
            self.target = response.contact.uri if response.contact else self.target
            self.ack = self.request("ACK")
        self.send(self.ack)

    def close(self) -> None:
        """BYE, if there is something to end."""
        if self.up:
            self.up = False
            self.transact(self.request("BYE"), 5, lambda: False)
        self.socket.close()
        self.rtp.close()


class Player:
    """What is sent in each slot of 20 ms: the tone, or the key that is down, under the timestamps of one clock."""

    def __init__(self, dialog: Dialog, stream: sdp.Stream, loss: Loss, chosen: argparse.Namespace):
        self.dialog, self.stream, self.loss = dialog, stream, loss
        self.seq, self.ts, self.ssrc = (random.getrandbits(bits) for bits in (16, 32, 32))
        self.digits: str = chosen.digits
        self.every = round(chosen.digit_every / SLOT_SECONDS)
        self.sent = self.dropped = self.heard = 0
        self.pressed = ""

    def packet(self, slot: int, payload_type: int, payload: bytes, marker: bool = False, drop: bool = False) -> None:
        """A dropped one has its number too."""
        self.seq = self.seq + 1 & 0xFFFF
        header = struct.pack("!BBHII", 0x80, payload_type | marker << 7, self.seq, self.ts + slot * SLOT_SAMPLES & 0xFFFFFFFF, self.ssrc)
        if not drop:
            self.dialog.rtp.sendto(header + payload, self.stream.rtp_address)

    def play(self, slot: int) -> None:
        down = slot % self.every  # a key at the end of every period
        if self.digits and down >= self.every - KEY_SLOTS:
            self.press(slot, down - (self.every - KEY_SLOTS))
            return
        drop = self.loss.drops()
        self.packet(slot, self.stream.payload_type, TONE, slot == 0, drop)
        self.sent += not drop
        self.dropped += drop

    def press(self, slot: int, step: int) -> None:
        """A key in its `step`th slot: all of its packets have the timestamp of its beginning, and the last comes three times (RFC 4733 2.5)."""
        last = step == KEY_SLOTS - 1
        key = self.digits[slot // self.every % len(self.digits)]
        event = struct.pack("!BBH", KEYS.index(key), 10 | last << 7, (step + 1) * SLOT_SAMPLES)
        for _ in range(3 if last else 1):
            self.packet(slot - step, typing.cast(int, self.stream.dtmf), event, step == 0)
        if last:
            self.pressed += key

    def run(self, seconds: float, stop: collections.abc.Callable[[], bool]) -> None:
        """Until the time is over, the far end hangs up, or it shall stop."""
        begin = time.monotonic()
        for slot in range(round(seconds / SLOT_SECONDS)):
            while (left := begin + slot * SLOT_SECONDS - time.monotonic()) > 0:
                self.take(left)
            if not self.dialog.up or stop():
                return
            self.play(slot)

    def take(self, seconds: float) -> None:
        """What comes meanwhile, one packet of each at most."""
        readable = select.select([self.dialog.socket, self.dialog.rtp], [], [], seconds)[0]
        if self.dialog.rtp in readable:
            self.dialog.rtp.recv(2048)
            self.heard += 1
        if self.dialog.socket in readable:
            self.dialog.receive()

    def figures(self) -> dict[str, typing.Any]:
        return {"sent": self.sent, "dropped": self.dropped, "bursts": self.loss.bursts, "digits": self.pressed, "heard": self.heard}


# ---- what the far end says ----

def figures_of_call(program: str, call_id: str) -> dict[str, int]:
    """Of this call, as `tipring calls` tells when it is over. Failed."""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        try:
            done = subprocess.run([program, "--json", "calls", "--ended"], capture_output=True, text=True, timeout=10)
        except (OSError, subprocess.TimeoutExpired) as why:
            raise Failed(f"asking for the call: {why}") from None
        if done.returncode != 0:
            raise Failed(f"asking for the call: {done.stderr.strip()}")
        for row in map(json.loads, done.stdout.splitlines()):
            if row.get("sip_call_id") == call_id and row.get("phase") == "CALL_ENDED":
                stats = row.get("stats") or {}
                return {"concealed": int(stats.get("frames_concealed", 0)), "lost": int(stats.get("packets_lost", 0))}
        time.sleep(0.1)
    raise Failed("the far end does not know of the call: is it on this machine, and has it ended?")


def metric(url: str, name: str) -> int:
    """Sum over its labels. Failed."""
    try:
        with urllib.request.urlopen(url.rstrip("/") + "/metrics", timeout=5) as answer:
            rows = answer.read().decode().splitlines()
    except (OSError, ValueError) as why:
        raise Failed(f"{url}: {why}") from None
    return sum(int(float(row.rsplit(" ", 1)[1])) for row in rows if row.split("{")[0].split(" ")[0] == name)


def figures_of_host(url: str, before: tuple[int, int], sent: int) -> dict[str, int]:
    """Since `before` (frames concealed, packets received), when all that we sent has been counted. Failed."""
    end = time.monotonic() + 10
    while metric(url, RECEIVED) < before[1] + sent:
        if time.monotonic() > end:
            raise Failed(f"{url} has not received what was sent within 10 s")
        time.sleep(0.1)
    return {"concealed": metric(url, CONCEALED) - before[0]}


# ---- the program ----

def sip_uri(text: str) -> sip.Uri:
    try:
        uri = sip.Uri.parse(text)
    except sip.SipError as why:
        raise argparse.ArgumentTypeError(f"{text}: {why}") from None
    if uri.scheme != "sip" or (uri.params.get("transport") or "udp").lower() != "udp":
        raise argparse.ArgumentTypeError(f"{text}: only sip: over UDP")
    return uri


def number(low: float, high: float) -> collections.abc.Callable[[str], float]:
    def convert(text: str) -> float:
        value = float(text)
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text} is not between {low:g} and {high:g}")
        return value

    convert.__name__ = "number"
    return convert


def keys(text: str) -> str:
    if any(key not in KEYS for key in text):
        raise argparse.ArgumentTypeError(f"{text!r}: keys are {KEYS}")
    return text


def arguments() -> argparse.Namespace:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0], epilog=__doc__.split("\n\n", 2)[2],
                                      formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("uri", type=sip_uri)
    options.add_argument("--seconds", type=number(0.1, 86400), default=10.0, help="how long the call is up (%(default)s)")
    options.add_argument("--loss", type=number(0, 90), default=5.0, help="percent of the packets (%(default)s)")
    options.add_argument("--burst", type=number(1, 1000), help="packets lost at a time, on average (as chance has it)")
    options.add_argument("--seed", type=int, default=1, help="(%(default)s)")
    options.add_argument("--digits", type=keys, default="1234567890", help="pressed one after the other, again and again (%(default)s)")
    options.add_argument("--digit-every", type=number(0.2, 3600), default=3.0, help="seconds (%(default)s)")
    options.add_argument("--answer-within", type=number(0.1, 3600), default=GIVE_UP_SECONDS, help="seconds (%(default)s)")
    asked = options.add_mutually_exclusive_group()
    asked.add_argument("--tipring", metavar="PROGRAM", help="asked what was concealed of this call")
    asked.add_argument("--server-http", metavar="URL", help="asked what was concealed on that host")
    options.add_argument("--json", action="store_true")
    chosen = options.parse_args()
    chosen.loss /= 100
    chosen.burst = chosen.burst or 1 / (1 - chosen.loss)  # one packet does not know of the other
    if chosen.loss / (1 - chosen.loss) > chosen.burst:
        options.error(f"so much loss comes in bursts of {chosen.loss / (1 - chosen.loss):.1f} at least")
    return chosen


def show(figures: dict[str, typing.Any]) -> None:
    bursts = figures["bursts"]
    percent = 100 * figures["dropped"] / max(1, figures["dropped"] + figures["sent"])
    print(f"sent {figures['sent']} packets of audio, dropped {figures['dropped']} "
          f"({percent:.1f} %, {len(bursts)} bursts, the longest {max(bursts, default=0)})")
    print(f"pressed {figures['digits'] or 'nothing'}, heard {figures['heard']} packets")
    if "concealed" in figures:
        print(f"the far end concealed {figures['concealed']} frames" + (f" for {figures['lost']} lost packets" if "lost" in figures else ""))


def run(chosen: argparse.Namespace, stop: collections.abc.Callable[[], bool]) -> dict[str, typing.Any]:
    url: str | None = chosen.server_http
    before = (metric(url, CONCEALED), metric(url, RECEIVED)) if url else (0, 0)
    dialog = Dialog(chosen.uri)
    try:
        stream = dialog.call(chosen.answer_within, stop)
        if chosen.digits and stream.dtmf is None:
            raise Failed("the far end takes no keys (telephone-event); --digits '' presses none")
        player = Player(dialog, stream, Loss(chosen.loss, chosen.burst, chosen.seed), chosen)
        player.run(chosen.seconds, stop)
    finally:
        dialog.close()
    figures = player.figures()
    if chosen.tipring:
        figures |= figures_of_call(chosen.tipring, dialog.call_id)
    elif url:
        figures |= figures_of_host(url, before, player.sent)
    return figures


def main() -> None:
    chosen = arguments()
    stopped = False

    def on_signal(_: int, __: types.FrameType | None) -> None:
        nonlocal stopped
        stopped = True

    for which in (signal.SIGINT, signal.SIGTERM):
        signal.signal(which, on_signal)
    try:
        figures = run(chosen, lambda: stopped)
    except (Failed, sip.SipError, OSError) as why:
        sys.exit(f"lossy_caller: {why}")
    if chosen.json:
        print(json.dumps(figures))
    else:
        show(figures)


if __name__ == "__main__":
    main()
