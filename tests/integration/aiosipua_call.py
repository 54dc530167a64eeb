"""A call with the aiosipua package: speaks a WAV file, presses keys, records what comes back. Prints JSON.

Run with -O: its UDP transport asserts something about asyncio that Python 3.11 does not keep.
"""

import asyncio
import json
import sys
import wave

import aiortp
from aiosipua import SipDigestAuth, SipUAC, build_sdp
from aiosipua.transport import UdpSipTransport

FRAME = 320  # octets: 20 ms at 8 kHz


async def main(target_port: int, rtp_port: int, wav: str, keys: str, username: str = "", password: str = "") -> None:
    transport = UdpSipTransport(local_addr=("127.0.0.1", 0))
    await transport.start()
    transport.local_addr = transport._udp_transport.get_extra_info("sockname")
    uac = SipUAC(transport)
    transport.on_message = lambda message, addr: uac.handle_response(message, addr) if hasattr(message, "status_code") else None
    offer = build_sdp(local_ip="127.0.0.1", rtp_port=rtp_port, payload_type=0, codec_name="PCMU")
    call = uac.send_invite("sip:aiosipua@127.0.0.1", f"sip:echo@127.0.0.1:{target_port}", ("127.0.0.1", target_port),
                           sdp_offer=offer, extra_headers={"X-Room-ID": "aiosipua"},
                           auth=SipDigestAuth(username, password) if username else None)
    await call.wait_answered(timeout=30)
    heard = bytearray()
    session = await aiortp.RTPSession.create(local_addr=("127.0.0.1", rtp_port), remote_addr=call.sdp_answer.rtp_address,
                                             payload_type=0, clock_rate=8000, dtmf_payload_type=101)
    session.on_audio = lambda pcm, timestamp: heard.extend(pcm)
    with wave.open(wav) as f:
        pcm = f.readframes(f.getnframes())
    loop = asyncio.get_running_loop()
    next_time = loop.time()
    for i in range(0, len(pcm) - FRAME, FRAME):
        session.send_audio_pcm_auto(pcm[i:i + FRAME])
        next_time += 0.02
        await asyncio.sleep(max(0, next_time - loop.time()))
    for key in keys:
        session.send_dtmf(key, 160, timestamp=10_000_000 + 8000 * keys.index(key))
        await asyncio.sleep(0.6)
    call.hangup(uac)
    await asyncio.sleep(0.3)
    await session.close()
    await transport.stop()
    with wave.open(wav + ".heard.wav", "wb") as f:
        f.setnchannels(1)
        f.setsampwidth(2)
        f.setframerate(8000)
        f.writeframes(bytes(heard))
    print(json.dumps({"heard_samples": len(heard) // 2}))


asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:]))
