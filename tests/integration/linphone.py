"""linphonec as a telephone without a sound card: it plays a WAV file into a call and records what it hears."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess

from system import free_port_range, free_udp_port

CONFIG = """\
[sip]
sip_port={port}
sip_tcp_port=0
sip_tls_port=0
bind_address=127.0.0.1
contact=sip:phone@127.0.0.1:{port}
guess_hostname=0
use_ipv6=0
ipv6_migration_done=1
[net]
firewall_policy=0
[rtp]
audio_rtp_port={media}
bind_address=127.0.0.1
[sound]
echocancellation=0
agc=0
mic_gain_db=0
playback_gain_db=0
[misc]
add_missing_audio_codecs=0
[audio_codec_0]
mime=PCMU
rate=8000
channels=1
enabled=1
"""


class Linphone:
    """Answers every call at `port`; dial() calls. It speaks the WAV file (mono, 16 bit) and then is silent.
    `extra`: more lines of its section [sip], or more sections."""

    def __init__(self, directory: pathlib.Path, wav: pathlib.Path, extra: str = ""):
        (directory / ".local/share/linphone").mkdir(parents=True)  # without these two it opens no port
        (directory / ".config/linphone").mkdir(parents=True)
        self.directory = directory
        self.port = free_udp_port()
        (directory / "rc").write_text(CONFIG.format(port=self.port, media=free_port_range(8)).replace("[net]", f"{extra}[net]"))
        subprocess.run(["sox", wav, directory / "said.wav", "pad", "0", "30"], check=True)  # else it would begin anew
        with open(directory / "linphone.log", "w") as log:
            self.process = subprocess.Popen(["linphonec", "-c", "rc", "-a", "-d", "1", "-l", "core.log"], cwd=directory, text=True,
                                            env={**os.environ, "HOME": str(directory)}, stdin=subprocess.PIPE, stdout=log,
                                            stderr=subprocess.STDOUT)
        self.say("soundcard use files", f"play {directory}/said.wav", f"record {self.recording}")

    @staticmethod
    def is_there() -> bool:
        return shutil.which("linphonec") is not None

    @property
    def recording(self) -> pathlib.Path:
        return self.directory / "heard.wav"

    def heard(self) -> int:
        """So many samples until now."""
        return self.recording.stat().st_size // 2 if self.recording.exists() else 0

    @property
    def log(self) -> str:
        return (self.directory / "linphone.log").read_text(errors="replace")

    def say(self, *commands: str) -> None:
        for command in commands:
            self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def dial(self, uri: str) -> None:
        self.say(f"call {uri}")

    def hang_up(self) -> None:
        self.say("terminate")

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process.stdin.close()
