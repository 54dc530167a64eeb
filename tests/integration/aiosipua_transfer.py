"""A call with the aiosipua package that transfers, or is transferred. Prints JSON: what it was told of the transfer, or whom it was to call.

usage: aiosipua_transfer.py PORT TARGET     its REFER; without TARGET: it waits for one. Run with -O, as aiosipua_call.py.
"""

import asyncio
import json
import sys

from aiosipua import SipUAC, SipUAS, build_sdp
from aiosipua.refer import notify_refer
from aiosipua.transport import UdpSipTransport


async def main(port: int, target: str) -> None:
    transport = UdpSipTransport(local_addr=("127.0.0.1", 0))
    uac = SipUAC(transport)
    uas = SipUAS(transport, uac=uac)
    progress, over = [], asyncio.Event()

    def told(call_id, code, reason):
        progress.append(code)
        if code >= 200:
            over.set()

    def asked(call, refer_to):
        progress.append(refer_to)
        notify_refer(call, 180)
        notify_refer(call, 200)

    uas.on_transfer_progress, uas.on_refer, uas.on_bye = told, asked, lambda call, request: over.set()
    await uas.start()
    transport.local_addr = transport._udp_transport.get_extra_info("sockname")
    server = ("127.0.0.1", port)
    offer = build_sdp(local_ip="127.0.0.1", rtp_port=transport.local_addr[1], payload_type=0, codec_name="PCMU")
    call = uac.send_invite("sip:aiosipua@127.0.0.1", f"sip:echo@127.0.0.1:{port}", server, sdp_offer=offer)
    await call.wait_answered(timeout=10)
    if target:
        uac.send_refer(call.dialog, target, server)
    async with asyncio.timeout(60):
        await over.wait()
    if target:
        call.hangup(uac)
        await asyncio.sleep(0.3)
    await uas.stop()
    print(json.dumps(progress))


asyncio.run(main(int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else ""))
