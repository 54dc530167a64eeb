#!/usr/bin/env python3
"""voice_room.py - a room somebody calls: it greets, listens, answers, lets itself be interrupted, and hands over to a person on 0.

    TIPRING_ENDPOINT=/run/tipring python3 examples/voice_room.py [--app room] [--agent sip:agent@pbx.example] [--listen PROGRAM]

Who calls is known by headers of the INVITE: X-Room-ID (calls of one room share their transcript), X-Session-ID, X-Tenant and X-Language ("en", "de",
"fr", "es"). What happens is printed, one JSON object a line: who joined, what was said by whom from when to when (seconds of the call), how much of a
reply was heard when the caller interrupted it, and how it ended.

It needs espeak-ng and sox, and no network. What the caller says is only measured; a recogniser is any PROGRAM that reads a WAV file from its standard
input and writes text: its words are then in the transcript, and repeated to the caller. Put your model where reply_to() is.
"""

import argparse
import asyncio
import collections
import contextlib
import io
import json
import logging
import os
import signal
import sys
import typing
import wave

import tipring

RATE = 16000
SILENCE = 8.0  # seconds in which nobody speaks, before the caller is asked
REMEMBERED = 30  # seconds of the caller that a recogniser can get
PATIENCE = 2  # questions whether somebody is there

WORDS = {
    "en": {"hello": "Hello. I am listening. Press zero for a person.", "spoke": "I heard you for {seconds} seconds.", "said": "You said: {text}.",
           "there": "Are you still there?", "bye": "Good bye.", "agent": "One moment please.", "alone": "Nobody is free at the moment."},
    "de": {"hello": "Hallo. Ich höre zu. Drücken Sie die Null für einen Menschen.", "spoke": "Ich habe Sie {seconds} Sekunden lang gehört.",
           "said": "Sie sagten: {text}.", "there": "Sind Sie noch da?", "bye": "Auf Wiederhören.", "agent": "Einen Moment bitte.",
           "alone": "Im Moment ist niemand frei."},
    "fr": {"hello": "Bonjour. Je vous écoute. Tapez zéro pour une personne.", "spoke": "Je vous ai entendu {seconds} secondes.",
           "said": "Vous avez dit : {text}.", "there": "Êtes-vous toujours là ?", "bye": "Au revoir.", "agent": "Un instant, s'il vous plaît.",
           "alone": "Personne n'est libre en ce moment."},
    "es": {"hello": "Hola. Le escucho. Pulse cero para hablar con una persona.", "spoke": "Le he oído {seconds} segundos.",
           "said": "Usted dijo: {text}.", "there": "¿Sigue usted ahí?", "bye": "Adiós.", "agent": "Un momento, por favor.",
           "alone": "Ahora no hay nadie libre."},
}

log = logging.getLogger("voice_room")


SPEAK = f'espeak-ng -v "$0" --stdout "$1" | sox -q --ignore-length -t wav - -t raw -r {RATE} -c 1 -b 16 -e signed -'


async def speech_of(text: str, language: str) -> typing.AsyncIterator[bytes]:
    """The text as samples, while it is being made: what is interrupted early was never made."""
    speaker = await asyncio.create_subprocess_exec("sh", "-c", SPEAK, language, text, stdout=asyncio.subprocess.PIPE, start_new_session=True)
    assert speaker.stdout is not None
    try:
        while piece := await speaker.stdout.read(RATE // 5):
            yield piece
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(speaker.pid, signal.SIGKILL)
        await speaker.wait()


async def words_in(program: str, pcm: bytes) -> str:
    """What a recogniser hears in it; "" when there is none, or it fails."""
    if not program:
        return ""
    file = io.BytesIO()
    with wave.open(file, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(RATE)
        wav.writeframes(pcm)
    listener = await asyncio.create_subprocess_shell(program, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
    text, _ = await listener.communicate(file.getvalue())
    if listener.returncode != 0:
        log.warning("%s failed with %d", program, listener.returncode)
    return text.decode(errors="replace").strip()


class Room:
    """Calls that share a transcript."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.calls: set[str] = set()

    def tell(self, call: tipring.Call, event: str, **more: typing.Any) -> None:
        print(json.dumps({"event": event, "room": self.name, "call": call.id, **more}, ensure_ascii=False), flush=True)


class Guest:
    """One call in its room."""

    def __init__(self, room: Room, call: tipring.Call, agent: str, listen: str) -> None:
        self.room, self.call, self.agent, self.listen = room, call, agent, listen
        self.language = call.headers.get("X-Language", "en").lower()[:2]
        self.words = WORDS.get(self.language) or WORDS["en"]
        self.language = self.language if self.language in WORDS else "en"
        self.asked = 0
        self.saying: tuple[str, tipring.Playback] | None = None
        self.memory: collections.deque[tuple[int, bytes]] = collections.deque(maxlen=REMEMBERED * 50)

    def tell(self, event: str, **more: typing.Any) -> None:
        self.room.tell(self.call, event, **more)

    async def say(self, what: str, **parts: object) -> tipring.Playback:
        text = self.words[what].format(**parts)
        playback = await self.call.say(speech_of(text, self.language))
        self.saying = text, playback
        self.tell("reply", text=text)
        return playback

    async def interrupt(self) -> None:
        """The caller speaks: be silent, and know what was heard."""
        if self.saying is None:
            return
        (text, playback), self.saying = self.saying, None
        flushed = await self.call.flush()
        if playback.utterance in flushed.utterances:
            self.tell("interrupted", text=text, heard_ms=flushed.utterances[playback.utterance].played_ms)

    async def remember(self) -> None:
        async for frame in self.call.audio:
            self.memory.append((frame.pos, bytes(frame.pcm)))

    def heard(self, begin: int, end: int) -> bytes:
        return b"".join(pcm for pos, pcm in self.memory if begin <= pos < end)

    async def reply_to(self, begin: int, end: int) -> None:
        """A turn of the caller is over: this is where a model thinks."""
        text = await words_in(self.listen, self.heard(begin, end))
        self.tell("transcript", who="caller", begin=round(begin / RATE, 2), end=round(end / RATE, 2), text=text)
        if text:
            await self.say("said", text=text)
        else:
            await self.say("spoke", seconds=max(1, round((end - begin) / RATE)))

    async def nobody_speaks(self) -> bool:
        """False: it is enough."""
        self.asked += 1
        await self.say("there" if self.asked <= PATIENCE else "bye")
        return self.asked <= PATIENCE

    async def converse(self) -> None:
        """Until the caller is gone, or silent for too long."""
        async for event in self.call.events():
            if event.kind == "speech_started":
                self.asked = 0
                await self.interrupt()
            elif event.kind == "speech_ended":
                await self.reply_to(event.pos - event.duration_ms * RATE // 1000, event.pos)
            elif event.kind == "silence" and not await self.nobody_speaks():
                return

    async def wait_for_zero(self) -> None:
        """Any other key is only told."""
        async for digit in self.call.digits():
            self.tell("key", digit=digit.digit)
            if digit.digit == "0" and await self.hand_over():
                return

    async def hand_over(self) -> bool:
        """To a person, who then talks to the caller without us."""
        await self.interrupt()
        if not self.agent:
            await self.say("alone")
            return False
        await (await self.say("agent")).finished()
        try:
            await self.call.transfer(self.agent)
        except (tipring.CommandRefused, tipring.TransferFailed) as why:
            self.tell("transfer", to=self.agent, failed=str(why))
            await self.say("alone")
            return False
        self.tell("transfer", to=self.agent)
        return True

    async def stay(self) -> None:
        """Talk, until one of both ways to leave is taken."""
        await self.call.answer(rate=RATE)
        remembering = asyncio.create_task(self.remember())
        await self.call.detect_speech(silence=SILENCE)
        await self.say("hello")
        ways = [asyncio.create_task(self.converse()), asyncio.create_task(self.wait_for_zero())]
        try:
            done, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in done:
                way.result()
        finally:
            for task in (*ways, remembering):
                task.cancel()
            await asyncio.gather(*ways, remembering, return_exceptions=True)


async def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--app", default="room", help="as routes: in tipring.yaml name it (%(default)s)")
    options.add_argument("--agent", default="", help="URI a caller is transferred to who presses 0; default: nobody is free")
    options.add_argument("--listen", default="", metavar="PROGRAM", help="recogniser: WAV on its standard input, text on its output")
    options.add_argument("--connect-timeout", type=float, default=30.0, help="seconds to wait for a server (%(default)s)")
    chosen = options.parse_args()
    rooms: dict[str, Room] = {}

    async with tipring.connect(timeout=chosen.connect_timeout) as server:
        @server.app(chosen.app)
        async def serve(call: tipring.Call) -> None:
            room = rooms.setdefault(call.room_id or call.id, Room(call.room_id or call.id))
            room.calls.add(call.id)
            room.tell(call, "joined", session=call.session_id, tenant=call.headers.get("X-Tenant", ""), who=call.from_uri, there=len(room.calls))
            try:
                await Guest(room, call, chosen.agent, chosen.listen).stay()
            finally:
                room.calls.discard(call.id)
                room.tell(call, "left", reason=call.end_reason or "done", there=len(room.calls))
                if not room.calls:
                    del rooms[room.name]

        await server.run()  # until SIGINT or SIGTERM


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s", stream=sys.stderr)
    try:
        asyncio.run(main())
    except (tipring.TipringError, ValueError) as why:
        sys.exit(f"voice_room: {why}")
    except KeyboardInterrupt:  # while it waited for a server
        sys.exit(1)
