"""Keys as an answer to a question: prompt, keys, an end."""

from __future__ import annotations

import asyncio
import itertools
import os
import typing

from .errors import CallEnded
from .hearing import Collected, Digit, Digits
from .pcm import Pcm
from .playback import Playback

Prompt = typing.Union[str, "os.PathLike[str]", Pcm, typing.AsyncIterable[Pcm]]

KEYS = "0123456789*#ABCD"
MOST = 32  # as control has room for


class Asked(typing.Protocol):
    """What collecting asks of a Call."""

    end_reason: str | None

    def digits(self) -> Digits: ...
    async def digit(self, timeout: float | None = None) -> Digit | None: ...
    async def say(self, speech: Pcm | typing.AsyncIterable[Pcm]) -> Playback: ...
    async def play(self, wav: "str | os.PathLike[str]") -> Playback: ...
    async def flush(self) -> object: ...
    async def _gather(self, ending: "Ending", pressed: str) -> "Gathered": ...


class Ending(typing.NamedTuple):
    most: int
    terminators: str
    seconds: float


class Gathered(typing.NamedTuple):
    """`keys` counted, the terminator among them: the first ones that wait."""

    digits: str
    reason: str
    keys: int


async def collect(call: Asked, prompt: Prompt | None, ending: Ending, barge_in: bool) -> Collected:
    """See Call.collect()."""
    if not 1 <= ending.most <= MOST or any(key not in KEYS for key in ending.terminators):
        raise ValueError(f"max is 1 to {MOST} and terminators are of {KEYS}, not {ending.most} and {ending.terminators!r}")
    if prompt is not None:
        await _ask(call, prompt, barge_in)
    waiting = call.digits()._waiting
    gathered = await call._gather(ending, "".join(digit.digit for digit in itertools.islice(waiting, MOST)))
    for _ in range(min(gathered.keys, len(waiting))):
        waiting.popleft()
    if gathered.reason == "hangup":
        raise CallEnded(call.end_reason or "")
    return Collected(gathered.digits, "timeout" if gathered.reason.startswith("timeout") else gathered.reason)


async def _ask(call: Asked, prompt: Prompt, barge_in: bool) -> None:
    """Say the prompt until it is over or a key interrupts it. Without barge-in keys have no effect until then."""
    keys = call.digits()
    if barge_in and keys._waiting:
        return  # pressed ahead by somebody who knows what will be asked
    playback = await (call.play(prompt) if isinstance(prompt, (str, os.PathLike)) else call.say(prompt))
    if not barge_in:
        await playback.finished()
        keys._waiting.clear()
    elif await _is_interrupted(call, playback):
        await call.flush()


async def _is_interrupted(call: Asked, playback: Playback) -> bool:
    said = asyncio.ensure_future(playback.finished())
    pressed = asyncio.ensure_future(call.digits()._arrived())
    try:
        await asyncio.wait({said, pressed}, return_when=asyncio.FIRST_COMPLETED)
        if said.done():
            said.result()  # what its stream raised, or CallEnded
            return False
        if not pressed.result():
            raise CallEnded(call.end_reason or "")
        return True
    finally:
        said.cancel()
        pressed.cancel()
