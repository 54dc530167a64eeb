"""phone.py - baresip as a telephone: plays a WAV file into a call and records what it hears."""

from __future__ import annotations

import json
import pathlib
import shutil
import socket
import subprocess

CONFIG = """\
poll_method epoll
sip_listen {host}:{port}
audio_player aubridge,speaker
audio_source aufile,said.wav
audio_alert aubridge,alert
ausrc_srate {rate}
auplay_srate {rate}
ausrc_channels 1
auplay_channels 1
audio_buffer 20-160
jitter_buffer_delay 1-5
rtp_ports 61000-65000
module_path /usr/lib/baresip/modules
module g711.so
module aufile.so
module aubridge.so
module sndfile.so
snd_path .
module_tmp account.so
module_app menu.so
"""
KEYPAD = """\
module_app ctrl_tcp.so
ctrl_tcp_listen {host}:{port}
"""


class Phone:
    """One call, speaking the WAV file (mono, 8 kHz, 16 bit); it hangs up when the file is over. The call goes to `uri`; without one the
    phone waits at `port` and answers. With a `keypad`, a free TCP port, keys can be pressed. `account`: more
    parameters of it, as ";auth_user=alice;auth_pass=secret". `modules`: more lines of its configuration; `rate`: of the WAV file."""

    def __init__(self, directory: pathlib.Path, uri: str | None, wav: pathlib.Path, host: str = "127.0.0.1", port: int = 0, keypad: int = 0,
                 account: str = "", modules: str = "", rate: int = 8000):
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.keypad = (host, keypad)
        (directory / "config").write_text(CONFIG.format(host=host, port=port, rate=rate) + (KEYPAD.format(host=host, port=keypad) if keypad else "") + modules)
        shutil.copyfile(wav, directory / "said.wav")  # names in its configuration end at a space
        (directory / "accounts").write_text(f"<sip:phone@{host}>;regint=0{'' if uri else ';answermode=auto'}{account}\n")
        (directory / "contacts").write_text("")
        self.log_path = directory / "baresip.log"
        with open(self.log_path, "w") as log:
            self.process = subprocess.Popen(["baresip", "-f", ".", "-n", host, *(["-e", f"/dial {uri}"] if uri else []), "-t", "60"],
                                            cwd=directory, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)

    @property
    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def command(self, name: str, params: str = "") -> None:
        """hold, resume, ... of its menu"""
        command = json.dumps({"command": name, "params": params})
        with socket.create_connection(self.keypad, 5) as s:
            s.sendall(f"{len(command)}:{command},".encode())
            assert b'"ok":true' in (answer := s.recv(4096)), answer

    def press(self, key: str) -> None:
        """RFC 4733, of its usual length."""
        self.command("sndcode", key)

    def over(self) -> bool:
        return "terminated" in self.log or self.process.poll() is not None

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def recording(self) -> pathlib.Path | None:
        """What it heard."""
        return next(iter(sorted(self.directory.glob("dump-*-dec.wav"))), None)
