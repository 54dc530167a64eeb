"""Which ports media has, and which addresses peers are told."""

from sip_peer import Peer
from system import wait_for


def test_single_ports_are_pairs_too_and_peers_are_told(make_system, backends):
    """Ports without a neighbour, as platforms hand them out: two of them are one call, a=rtcp says which (RFC 3605)."""
    system = make_system(calls=4, ports=64)
    lone = [system.rtp_port + 4 * i for i in range(4)]
    system.stop()
    system.values["rtp.ports"] = lone
    system.start()
    backends.start(system)
    peers = [Peer(system) for _ in range(2)]
    for peer in peers:
        answer = peer.call()
        port = peer.media(answer)[1]
        rtcp = int(answer.split("a=rtcp:")[1].split()[0])
        assert port in lone and rtcp in lone and rtcp != port + 1
    third = Peer(system)
    third.send(third.request("INVITE", body=third.sdp()))
    assert third.wait(503)
    third.close()
    old = system.workers()["media-0"]
    system.kill("media-0")
    wait_for(lambda: system.workers().get("media-0") not in (None, old), 10)
    wait_for(lambda: "media.takeover sessions=2" in system.log, 10)
    system.kill("signaling-0")
    wait_for(system.ready, 10)
    for peer in peers:
        peer.bye()


def test_other_addresses_for_peers_of_other_networks(make_system, backends):
    """C093: the first network that has the peer decides, for signaling and media each; it stays for the life of a call"""
    system = make_system(calls=2, settings={
        "sip.advertised_address": "203.0.113.5", "rtp.advertised_address": "203.0.113.6",
        "sip.advertised": [{"to": "10.0.0.0/8", "address": "10.0.0.5"}, {"to": "127.0.0.0/8", "address": "192.0.2.5"}],
        "rtp.advertised": [{"to": "127.0.0.0/8"}]})
    backends.start(system)
    peer = Peer(system)
    peer.send(peer.request("INVITE", body=peer.sdp()))
    answer = peer.wait(200)
    assert "\r\nContact: <sip:192.0.2.5:" in answer and "203.0.113" not in answer
    assert "\r\nc=IN IP4 127.0.0.1\r\n" in answer
    assert system.log.count("leg.address ") == 1 and "told=192.0.2.5:" in system.log
    peer.close()
