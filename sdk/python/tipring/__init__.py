"""Voice backends for Tipring: phone calls as audio frames and commands.

Start with `connect()`. Sample positions (`pos`) count samples at the rate of `Call.answer()` since the audio of
the call started; PCM is always mono signed 16-bit in native byte order (little endian on every supported machine).
"""

from .bridging import Room
from .call import Call
from .client import Server, connect
from .errors import CallEnded, CommandRefused, DialFailed, Disconnected, TipringError
from .hearing import Audio, Collected, Digit, Digits, Event, Events, Quality, Way
from .messaging import Message
from .playback import Flushed, Heard, Playback
from .recording import Recording, RecordingFailed
from .sounding import PlayFailed, Sound
from .tape import Frame
from .transferring import Referral, TransferFailed

__version__ = "0.1.0"

__all__ = [
    "Audio", "Call", "CallEnded", "Collected", "CommandRefused", "DialFailed", "Digit", "Digits", "Disconnected", "Event", "Events", "Flushed",
    "Frame", "Heard", "Message", "PlayFailed", "Playback", "Quality", "Recording", "RecordingFailed", "Referral", "Room", "Server", "Sound", "TipringError", "TransferFailed", "Way", "__version__",
    "connect",
]
