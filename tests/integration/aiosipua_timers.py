"""The aiosipua package with session timers, until so many refreshes were answered. Prints lines of JSON.

`call PORT RTP_PORT REFRESHES` calls, `wait RTP_PORT REFRESHES` is called. RTP_PORT and the next one are nobody else's. Run with -O, as
aiosipua_call.py.
"""

import asyncio
import json
import sys

from aiosipua import SipUAC, SipUAS, build_sdp
from aiosipua.transport import UdpSipTransport

PATIENCE_S = 120  # then it is told how far it got
SDP = {"local_ip": "127.0.0.1", "payload_type": 0, "codec_name": "PCMU"}


async def until(done) -> None:
    end = asyncio.get_running_loop().time() + PATIENCE_S
    while not done() and asyncio.get_running_loop().time() < end:
        await asyncio.sleep(0.05)


async def call(port: int, rtp_port: int, refreshes: int) -> None:
    transport = UdpSipTransport(local_addr=("127.0.0.1", 0))
    await transport.start()
    transport.local_addr = transport._udp_transport.get_extra_info("sockname")
    uac, requests, updates = SipUAC(transport), [], []

    def hear(message, addr):
        if not hasattr(message, "status_code"):
            requests.append(message.method)
            return
        if "UPDATE" in message.get_header("cseq"):
            updates.append(message.status_code)
        uac.handle_response(message, addr)

    transport.on_message = hear
    made = uac.send_invite("sip:aiosipua@127.0.0.1", f"sip:echo@127.0.0.1:{port}", ("127.0.0.1", port),
                           sdp_offer=build_sdp(rtp_port=rtp_port, **SDP), session_expires=4,
                           extra_headers={"Supported": "timer", "Session-Expires": "4"})  # its own come after the INVITE has left
    await made.wait_answered(timeout=60)
    await until(lambda: len(updates) >= refreshes)
    print(json.dumps({"updates": updates, "requests": requests}), flush=True)
    made.hangup(uac)
    await asyncio.sleep(0.3)
    await transport.stop()


async def wait(rtp_port: int, refreshes: int) -> None:
    transport = UdpSipTransport(local_addr=("127.0.0.1", 0))
    uas = SipUAS(transport, session_expires=5, min_se=5)
    invited, byes, answers = asyncio.Queue(), [], []
    uas.on_invite = invited.put_nowait
    uas.on_bye = lambda call, request: byes.append(request)
    await uas.start()
    transport.local_addr = transport._udp_transport.get_extra_info("sockname")
    hear = transport.on_message

    def note(message, addr):
        if hasattr(message, "status_code"):
            answers.append(message.status_code)
        hear(message, addr)

    transport.on_message = note
    print(json.dumps({"port": transport.local_addr[1]}), flush=True)
    made = await asyncio.wait_for(invited.get(), 60)
    made.accept(build_sdp(rtp_port=rtp_port, **SDP))
    await until(lambda: len(answers) >= refreshes or byes)
    print(json.dumps({"byes": len(byes), "answers": answers, "interval": made.session_interval}), flush=True)
    made.hangup()
    await asyncio.sleep(0.3)
    await uas.stop()


asyncio.run((call if sys.argv[1] == "call" else wait)(*map(int, sys.argv[2:])))
