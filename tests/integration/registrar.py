"""Two registrars: one in plain sockets that says what a test wants, and Kamailio."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import socket
import subprocess
import threading
import time

from system import free_udp_port, wait_for

NONCE = "f00d"


def header(message: str, name: str) -> str:
    found = re.search(rf"^{name}:\s*(.*?)\r$", message, re.M | re.I)
    return found.group(1) if found else ""


def parameters(credentials: str) -> dict[str, str]:
    return {k.lower(): q or v for k, q, v in re.findall(r'(\w+)=(?:"([^"]*)"|([^\s,]+))', credentials)}


class Registrar:
    """Answers every REGISTER from its own thread: 401 without credentials, then by what they are. `expires`: granted. `script`: codes (or
    whole header texts behind a code) for the next requests instead."""

    ALGORITHMS = {"MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}

    def __init__(self, password: str | None = "secret", algorithm: str = "SHA-256", expires: int = 3600):
        self.password, self.algorithm, self.expires = password, algorithm, expires
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(0.1)
        self.port = self.socket.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self.requests: list[str] = []
        self.script: list[tuple[int, str]] = []
        self.silent = False
        self.over = False
        self.bindings: dict[str, int] = {}
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def close(self):
        self.over = True
        self.thread.join()
        self.socket.close()

    def is_right(self, message: str) -> bool:
        given = parameters(header(message, "Authorization"))
        digest = getattr(hashlib, self.ALGORITHMS[self.algorithm], None) or (lambda b: hashlib.new(self.ALGORITHMS[self.algorithm], b))
        total = lambda *parts: digest(":".join(parts).encode()).hexdigest()  # noqa: E731
        if given.get("nonce") != NONCE or given.get("realm") != "test":
            return False
        wanted = total(total(given["username"], "test", self.password), NONCE, given["nc"], given["cnonce"], "auth",
                       total("REGISTER", given["uri"]))
        return wanted == given["response"]

    def decide(self, message: str) -> tuple[int, str]:
        if self.script:
            return self.script.pop(0)
        if self.password is not None and not self.is_right(message):
            return 401, (f'WWW-Authenticate: Digest realm="test", nonce="{NONCE}", algorithm=MD5-unknown, qop="auth"\r\n'
                         f'WWW-Authenticate: Digest realm="test", nonce="{NONCE}", algorithm={self.algorithm}, qop="auth"\r\n')
        contact, expires = header(message, "Contact"), int(header(message, "Expires"))
        granted = min(expires, self.expires)
        self.bindings[contact] = granted
        if granted == 0:
            del self.bindings[contact]
        user = re.search("sip:[^@]*@", contact).group()  # all of this address of record
        return 200, "".join(f"Contact: {c};expires={e}\r\n" for c, e in self.bindings.items() if user in c)

    def run(self):
        while not self.over:
            try:
                data, source = self.socket.recvfrom(65536)
            except TimeoutError:
                continue
            message = data.decode()
            self.requests.append(message)
            if self.silent:
                continue
            code, lines = self.decide(message)
            kept = "".join(f"{name}: {header(message, name)}\r\n" for name in ("Via", "From", "Call-ID", "CSeq"))
            self.socket.sendto(f"SIP/2.0 {code} x\r\n{kept}To: {header(message, 'To')};tag=registrar\r\n{lines}"
                               f"Content-Length: 0\r\n\r\n".encode(), source)

    def wait(self, what, seconds: float = 5.0) -> str:
        """The first request `what` is true of."""
        return wait_for(lambda: next((m for m in list(self.requests) if what(m)), None), seconds)

    def different(self) -> list[str]:
        """All requests; what came again, byte for byte, once."""
        return list(dict.fromkeys(self.requests))

    def cseqs(self) -> list[int]:
        return [int(header(m, "CSeq").split()[0]) for m in self.different()]


KAMAILIO = """
debug=1
log_stderror=yes
fork=yes
children=1
tcp_children=1
disable_tcp=yes
auto_aliases=no
listen=udp:127.0.0.1:{port}
alias="example.com"
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "maxfwd.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
loadmodule "kex.so"
loadmodule "jsonrpcs.so"
modparam("jsonrpcs", "fifo_name", "{fifo}")
modparam("jsonrpcs", "transport", 2)
modparam("usrloc", "db_mode", 0)
modparam("registrar", "min_expires", {least})
modparam("registrar", "max_expires", 7200)
modparam("auth", "algorithm", "{algorithm}")
modparam("auth", "qop", "auth")
modparam("auth", "nonce_count", 1)
modparam("auth", "one_time_nonce", 0)
request_route {{
	if (!is_method("REGISTER")) {{
		sl_send_reply("405", "Only REGISTER");
		exit;
	}}
	if (!pv_www_authenticate("example.com", "{password}", "0")) {{
		www_challenge("example.com", "1");
		exit;
	}}
	save("location");
	exit;
}}
"""


class Kamailio:
    """A registrar for sip:...@example.com in a directory of its own."""

    def __init__(self, directory, password: str = "", algorithm: str = "MD5", least: int = 0):
        self.directory = directory
        self.port = free_udp_port()
        self.address = f"127.0.0.1:{self.port}"
        self.settings = {"password": password, "algorithm": algorithm, "least": least}
        self.process = None

    def script(self) -> str:
        return KAMAILIO.format(port=self.port, fifo=self.directory / "fifo", **self.settings)

    @staticmethod
    def is_there() -> bool:
        return shutil.which("kamailio") is not None

    def ready(self) -> bool:
        if self.process.poll() is not None:
            raise RuntimeError((self.directory / "kamailio.log").read_text()[-3000:])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(0.3)
            s.connect(("127.0.0.1", self.port))
            try:
                s.send(f"OPTIONS sip:127.0.0.1:{self.port} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{s.getsockname()[1]};branch=z9hG4bK{time.monotonic_ns()}\r\n"
                       "From: <sip:t@t>;tag=1\r\nTo: <sip:t@t>\r\nCall-ID: ready\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n".encode())
                return s.recv(4096).startswith(b"SIP/2.0 405")
            except OSError:
                return False

    def start(self) -> "Kamailio":
        (self.directory / "kamailio.cfg").write_text(self.script())
        with open(self.directory / "kamailio.log", "ab") as log:
            self.process = subprocess.Popen(
                ["kamailio", "-f", str(self.directory / "kamailio.cfg"), "-Y", str(self.directory), "-w", str(self.directory), "-DD", "-E",
                 "-m", "32", "-M", "8"], stdout=log, stderr=log, start_new_session=True)
        wait_for(self.ready, 15)
        return self

    def close(self):
        if self.process is not None and self.process.poll() is None:
            os.kill(self.process.pid, 15)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, 9)
                self.process.wait()
