"""A SIP user agent server of one socket: answers OPTIONS with 200, an INVITE with an offer with 486 after having looked at the offer, and refuses
what is wrong. It shows tipring.sip and tipring.sdp; transactions, dialogs and audio are what Tipring itself is for.

    python sip_answer.py [--port 5060]        then: sipsak -s sip:x@127.0.0.1:5060, or any phone
"""

import argparse
import socket

from tipring import sdp, sip

HERE = "192.0.2.1"  # the address that would be told
OURS = sdp.Side([sdp.OPUS, sdp.PCMA, sdp.PCMU], port=30000)


def look_at_offer(request: sip.Request) -> int:
    """The status an INVITE is answered with."""
    offer = request.part("application/sdp")
    if offer is None:
        return 486
    try:
        agreed = sdp.negotiate(sdp.parse(offer), audio=OURS, address=HERE)
    except sdp.SdpError as why:
        print(f"  488: {why}")
        return 488
    if agreed.audio is not None:
        print(f"  {agreed.audio.codec.name} to {agreed.audio.rtp_address}, {agreed.audio.direction}")
    return 486


def answer(datagram: bytes) -> bytes | None:
    """What is sent back; None: nothing."""
    try:
        request = sip.parse(datagram, strict=False)
    except sip.ParseError as why:
        print(f"no message: {why}")
        return None
    if not isinstance(request, sip.Request) or request.method == "ACK":
        return None
    print(f"{request.method} {request.uri_text} from {request.headers.get('From')}")
    verdict = request.judge()
    if verdict is not None:
        return None if verdict.status == 1 else bytes(request.reply(verdict.status, verdict.reason, to_tag=sip.new_tag()))
    status = {"OPTIONS": 200, "INVITE": 0}.get(request.method, 405) or look_at_offer(request)
    return bytes(request.reply(status, to_tag=sip.new_tag(), headers={"Allow": "INVITE, ACK, OPTIONS"}))


def main() -> None:
    parser = argparse.ArgumentParser(description="answers SIP requests with tipring.sip")
    parser.add_argument("--port", type=int, default=5060, help="UDP port on 127.0.0.1 (%(default)s)")
    parser.add_argument("--count", type=int, default=0, help="end after so many datagrams (0: never)")
    arguments = parser.parse_args()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", arguments.port))
        print(f"listening on {s.getsockname()}", flush=True)
        left = arguments.count
        while True:
            datagram, source = s.recvfrom(65536)
            response = answer(datagram)
            if response is not None:
                s.sendto(response, source)
            left -= 1
            if left == 0:
                return


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
