"""Voice backends for Tipring: phone calls as audio frames and commands.

Start with `connect()`. Sample positions (`pos`) count samples at the rate of `Call.answer()` since the audio of
the call started; PCM is always mono signed 16-bit in native byte order (little endian on every supported machine).
"""

from .call import Audio, Call, Digit, Flushed, Heard, Playback
from .client import Server, connect
from .errors import CallEnded, CommandRefused, Disconnected, TipringError
from .tape import Frame

__all__ = [
    "Audio", "Call", "CallEnded", "CommandRefused", "Digit", "Disconnected", "Flushed", "Frame", "Heard",
    "Playback", "Server", "TipringError", "connect",
]
