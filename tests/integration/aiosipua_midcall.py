"""The aiosipua package in the middle of a call. Prints lines of JSON: what it saw, and its port first when it is called.

`call PORT` calls, acknowledges a reliable 183, holds, resumes, presses a key by INFO and hangs up; `wait` rings reliably, answers, and takes
re-INVITEs until a BYE comes. Run with -O, as aiosipua_call.py.
"""

import asyncio
import json
import re
import sys

from aiosipua import SipUAC, SipUAS, build_sdp
from aiosipua.sdp import parse_sdp, serialize_sdp
from aiosipua.transport import UdpSipTransport


def described(port: int, direction: str):
    """Its description says sendrecv, or nothing."""
    text = serialize_sdp(build_sdp(local_ip="127.0.0.1", rtp_port=port ^ 1, payload_type=0, codec_name="PCMU"))
    return parse_sdp(re.sub(r"a=sendrecv\r\n", "", text) + f"a={direction}\r\n")


async def until(what) -> None:
    async with asyncio.timeout(20):
        while not what():
            await asyncio.sleep(0.02)


async def call(port: int) -> None:
    transport = UdpSipTransport(local_addr=("127.0.0.1", 0))
    await transport.start()
    transport.local_addr = transport._udp_transport.get_extra_info("sockname")
    ours, server, answers = transport.local_addr[1], ("127.0.0.1", port), []
    uac = SipUAC(transport)

    def hear(message, addr):
        if hasattr(message, "status_code"):
            answers.append((message.get_header("cseq").split()[1], message.status_code))
            uac.handle_response(message, addr)

    transport.on_message = hear
    made = uac.send_invite("sip:aiosipua@127.0.0.1", f"sip:echo@127.0.0.1:{port}", server, sdp_offer=described(ours, "sendrecv"),
                           extra_headers={"Supported": "100rel"})
    await made.wait_answered(timeout=10)
    for count, direction in ((2, "sendonly"), (3, "sendrecv")):
        uac.send_reinvite(made.dialog, described(ours, direction), server)
        await until(lambda count=count: answers.count(("INVITE", 200)) == count)
    uac.send_info(made.dialog, "Signal=5\r\nDuration=160\r\n", "application/dtmf-relay", server)
    await until(lambda: ("INFO", 200) in answers)
    made.hangup(uac)
    await until(lambda: ("BYE", 200) in answers)
    await transport.stop()
    print(json.dumps(answers))


async def wait() -> None:
    transport = UdpSipTransport(local_addr=("127.0.0.1", 0))
    uas = SipUAS(transport)
    invited, byes, offered, refused = asyncio.Queue(), [], [], []
    uas.on_invite, uas.on_bye = invited.put_nowait, lambda call, request: byes.append(request)

    def changed(call):
        text = serialize_sdp(call.sdp_offer)
        offered.append((re.findall(r"a=(sendrecv|sendonly)\r", text) or [""])[0])
        call.accept(described(transport.local_addr[1], "recvonly" if offered[-1] == "sendonly" else "sendrecv"))

    uas.on_reinvite = changed
    await uas.start()
    transport.local_addr = transport._udp_transport.get_extra_info("sockname")
    print(json.dumps({"port": transport.local_addr[1]}), flush=True)
    made = await asyncio.wait_for(invited.get(), 20)
    made.ringing(early_sdp=described(transport.local_addr[1], "sendrecv"), reliable=True)
    await until(lambda: made._reliable_task is None)  # the PRACK has come
    made.accept(described(transport.local_addr[1], "sendrecv"))
    await until(lambda: byes)
    await uas.stop()
    print(json.dumps(offered))


asyncio.run(call(int(sys.argv[2])) if sys.argv[1] == "call" else wait())
