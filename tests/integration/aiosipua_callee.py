"""The aiosipua package is called: answers one call, speaks a WAV file, records what it hears. Prints lines of JSON: its port, that it
has heard enough, and at the end what it saw.

Its last argument says what it does when it has heard enough: hangup, or wait for a BYE. Run with -O, as aiosipua_call.py.
"""

import asyncio
import json
import sys
import wave

import aiortp
from aiosipua import SipUAS, build_sdp
from aiosipua.transport import UdpSipTransport

FRAME = 320  # octets: 20 ms at 8 kHz


async def talk(session, pcm: bytes, is_over) -> None:
    """The file, then silence."""
    loop = asyncio.get_running_loop()
    next_time, at = loop.time(), 0
    while not is_over():
        session.send_audio_pcm_auto(pcm[at:at + FRAME].ljust(FRAME, b"\0"))
        at += FRAME
        next_time += 0.02
        await asyncio.sleep(max(0, next_time - loop.time()))


async def until(what) -> None:
    async with asyncio.timeout(60):
        while not what():
            await asyncio.sleep(0.02)


async def main(wav: str, rtp_port: int, then: str) -> None:
    with wave.open(wav) as f:
        pcm = f.readframes(f.getnframes())
    transport = UdpSipTransport(local_addr=("127.0.0.1", 0))
    uas = SipUAS(transport)
    invited, byes, methods, heard = asyncio.Queue(), [], [], bytearray()
    uas.on_invite = invited.put_nowait
    uas.on_bye = lambda call, request: byes.append(request)
    await uas.start()
    transport.local_addr = transport._udp_transport.get_extra_info("sockname")
    hear, answers = transport.on_message, []

    def note(message, addr):
        (answers if hasattr(message, "status_code") else methods).append(message)
        hear(message, addr)

    transport.on_message = note
    print(json.dumps({"port": transport.local_addr[1]}), flush=True)

    call = await asyncio.wait_for(invited.get(), 60)
    session = await aiortp.RTPSession.create(local_addr=("127.0.0.1", rtp_port), remote_addr=call.sdp_offer.rtp_address,
                                             payload_type=0, clock_rate=8000, dtmf_payload_type=101)
    session.on_audio = lambda samples, timestamp: heard.extend(samples)
    call.ringing()
    call.accept(build_sdp(local_ip="127.0.0.1", rtp_port=rtp_port, payload_type=0, codec_name="PCMU"))
    enough = len(pcm) * 5 // 4
    ended = False
    sent = asyncio.create_task(talk(session, pcm, lambda: ended))
    await until(lambda: len(heard) >= enough)
    print(json.dumps({"heard_samples": len(heard) // 2}), flush=True)
    if then == "hangup":
        call.hangup()
        await until(lambda: any(a.status_code == 200 for a in answers))
    else:
        await until(lambda: byes)
    ended = True
    await sent
    await session.close()
    await uas.stop()
    with wave.open(wav + ".heard.wav", "wb") as f:
        f.setnchannels(1)
        f.setsampwidth(2)
        f.setframerate(8000)
        f.writeframes(bytes(heard))
    print(json.dumps({"methods": [m.method for m in methods]}))


asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
