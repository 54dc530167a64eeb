"""phone.py - baresip as a telephone: plays a WAV file into a call and records what it hears."""

from __future__ import annotations

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
ausrc_srate 8000
auplay_srate 8000
ausrc_channels 1
auplay_channels 1
audio_buffer 20-160
jitter_buffer_delay 1-5
module_path /usr/lib/baresip/modules
module g711.so
module aufile.so
module aubridge.so
module sndfile.so
snd_path .
module_tmp account.so
module_app menu.so
"""


class Phone:
    """One call, speaking the WAV file (mono, 8 kHz, 16 bit); it hangs up when the file is over. The call goes to `uri`; without one the
    phone waits at `port` and answers. It takes commands at UDP port `keys`, when that is given."""

    def __init__(self, directory: pathlib.Path, uri: str | None, wav: pathlib.Path, host: str = "127.0.0.1", port: int = 0,
                 keys: int = 0):
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        console = f"module cons.so\ncons_listen {host}:{keys}\n" if keys else ""
        (directory / "config").write_text(CONFIG.format(host=host, port=port) + console)
        self.keys = (host, keys)
        shutil.copyfile(wav, directory / "said.wav")  # names in its configuration end at a space
        (directory / "accounts").write_text(f"<sip:phone@{host}>;regint=0{'' if uri else ';answermode=auto'}\n")
        (directory / "contacts").write_text("")
        self.log_path = directory / "baresip.log"
        with open(self.log_path, "w") as log:
            self.process = subprocess.Popen(["baresip", "-f", ".", "-n", host, *(["-e", f"/dial {uri}"] if uri else []), "-t", "60"],
                                            cwd=directory, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)

    @property
    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def press(self, command: str) -> None:
        """hold, resume, ..."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.sendto(f"/{command}\n".encode(), self.keys)

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
