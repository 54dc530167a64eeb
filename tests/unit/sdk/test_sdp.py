"""tipring.sdp: descriptions read and made, offers and answers (C070-C098)."""

import copy
import pickle
import random

import pytest
from tipring import sdp

OFFER = """v=0\r
o=carrier 2890844526 2890842807 IN IP4 198.51.100.1\r
s=call\r
c=IN IP4 198.51.100.7\r
t=0 0\r
m=audio 20000 RTP/AVP 0 8 101\r
a=rtpmap:0 PCMU/8000\r
a=rtpmap:101 telephone-event/8000\r
a=fmtp:101 0-16\r
"""
HEAD = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
OURS = sdp.Side([sdp.PCMU, sdp.PCMA], port=30000)
HERE = "203.0.113.5"


def offer(*lines, head=HEAD):
    return sdp.parse(head + "".join(line + "\r\n" for line in lines))


def answer_to(*lines, side=OURS, **more):
    return sdp.negotiate(offer(*lines), audio=side, address=HERE, **more)


def test_c070_a_description():
    """C070"""
    d = sdp.parse(HEAD + "m=audio 49170 RTP/AVP 0 8 96\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:96 opus/48000/2\r\n"
                  "a=fmtp:96 useinbandfec=1\r\n")
    assert d.origin == ("-", 1, 1, "IN", "IP4", "192.0.2.1") and (d.name, d.connection, d.timing) == ("-", "IN IP4 192.0.2.1", "0 0")
    assert d.audio.codecs == [sdp.Codec("PCMU", 8000, 1, 0), sdp.Codec("PCMA", 8000, 1, 8), sdp.Codec("opus", 48000, 2, 96, "useinbandfec=1")]
    assert (d.audio.kind, d.audio.port, d.audio.proto, d.audio.formats) == ("audio", 49170, "RTP/AVP", ["0", "8", "96"])
    assert d.video is None


def test_c071_static_types():
    """C071"""
    assert [k.name for k in offer("m=audio 1 RTP/AVP 0 8 18").audio.codecs] == ["PCMU", "PCMA", "G729"]


def test_c072_bandwidth():
    """C072"""
    d = sdp.parse(HEAD.replace("t=0 0", "b=CT:128\r\nt=0 0") + "m=audio 2 RTP/AVP 0\r\nb=AS:64\r\nb=TIAS:64000\r\nb=X:y\r\n")
    assert d.bandwidth == {"CT": 128} and d.audio.bandwidth == {"AS": 64, "TIAS": 64000}
    assert "b=TIAS:64000\r\n" in str(d) and "b=X:y" in str(d)
    d.audio.bandwidth = {"AS": 32}
    assert "b=AS:32\r\n" in str(d) and "TIAS" not in str(d)


def test_c073_media_and_directions():
    """C073"""
    d = offer("m=audio 2 RTP/AVP 0", "m=video 4 RTP/AVP 97", "a=rtpmap:97 H264/90000", "a=recvonly")
    assert [(m.kind, m.direction) for m in d.media] == [("audio", "sendrecv"), ("video", "recvonly")]
    assert d.direction is None
    d.direction = "inactive"                                       # C088: of the session, for those without one of their own
    assert (d.direction, d.audio.direction, d.video.direction) == ("inactive", "inactive", "recvonly")
    with pytest.raises(sdp.SdpError):
        d.direction = "both"


def test_c074_addresses():
    """C074"""
    d = offer("m=audio 2 RTP/AVP 0", "m=audio 4 RTP/AVP 0", "c=IN IP6 2001:db8::1", "m=audio 0 RTP/AVP 0")
    assert [m.rtp_address for m in d.media] == [("192.0.2.1", 2), ("2001:db8::1", 4), None]
    assert sdp.parse(HEAD.replace("c=IN IP4 192.0.2.1\r\n", "") + "m=audio 2 RTP/AVP 0\r\n").audio.rtp_address is None


def test_c075_round_trip():
    """C075"""
    d = sdp.parse(OFFER)
    assert sdp.parse(str(d)) == d and str(d) == OFFER and bytes(d) == OFFER.encode()
    assert sdp.parse(OFFER.replace("\r\n", "\n")) == d


def test_c076_c077_c078_made():
    """C076, C077, C078"""
    d = sdp.Description("192.0.2.1", session_id=7)
    media = d.add_media("audio", 30000, [sdp.Codec("PCMU", 8000, 1, 0), sdp.Codec("telephone-event", 8000, 1, 101, "0-16")])
    media.ptime = 30
    media.direction = "sendonly"
    assert str(d) == ("v=0\r\no=- 7 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 30000 RTP/AVP 0 101\r\n"
                      "a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:30\r\na=sendonly\r\n")
    assert (media.ptime, media.direction) == (30, "sendonly")
    media.ptime = None
    assert media.ptime is None
    assert sdp.Description("::1").origin.session_id != sdp.Description("::1").origin.session_id
    assert "IN IP6 ::1" in str(sdp.Description("::1"))


def test_c076_offers():
    """C076"""
    d = sdp.propose(audio=sdp.Side([sdp.PCMU], port=30000), address=HERE, session_id=9)
    assert "o=- 9 1 IN IP4 203.0.113.5" in str(d)
    assert (d.audio.port, d.audio.ptime, [k.name for k in d.audio.codecs]) == (30000, 20, ["PCMU", "telephone-event"])
    assert d.audio.codecs[1].payload_type == 101
    bare = sdp.propose(audio=sdp.Side([sdp.PCMU], port=30000, dtmf=False, ptime=30, direction="sendonly"), address=HERE)
    assert (bare.audio.formats, bare.audio.ptime, bare.audio.direction) == (["0"], 30, "sendonly")
    assert bare.origin.session_id != d.origin.session_id


def test_c079_c080_the_offerers_best():
    """C079, C080"""
    agreed = sdp.negotiate(sdp.parse(OFFER), audio=OURS, address=HERE)
    assert (agreed.audio.payload_type, agreed.audio.codec, agreed.audio.rtp_address) == (0, sdp.PCMU, ("198.51.100.7", 20000))
    media = agreed.answer.audio
    assert media.port == 30000 and len(media.formats) <= 2 and "0 PCMU/8000" in media.attributes.get_all("rtpmap")
    assert answer_to("m=audio 2 RTP/AVP 8 0").audio.payload_type == 8
    assert answer_to("m=audio 2 RTP/AVP 8 0", side=sdp.Side([sdp.PCMU, sdp.PCMA], 2, our_order=True)).audio.payload_type == 0


def test_c081_only_what_we_speak():
    """C081"""
    assert answer_to("m=audio 2 RTP/AVP 0 8", side=sdp.Side([sdp.PCMA], 2)).audio.payload_type == 8
    assert answer_to("m=audio 2 RTP/AVP 0 18", side=sdp.Side([sdp.Codec("G729")], 2)).audio.payload_type == 18


@pytest.mark.parametrize("lines, why, text", [
    (["m=audio 2 RTP/AVP 96", "a=rtpmap:96 opus/48000/2"], "codec", "No matching codec"),        # C082
    (["m=video 2 RTP/AVP 97"], "media", "no audio"),                                                # C083
    (["m=audio 0 RTP/AVP 0"], "media", "no audio"),                                                 # C090
    ([], "media", "no audio"),
    (["m=audio 2 RTP/SAVP 0"], "transport", "transport"),
    (["m=audio 2 RTP/AVP 0", "c=IN IP4 host.example.com"], "address", "address"),
])
def test_c082_c083_nothing_fits(lines, why, text):
    """C082, C083"""
    with pytest.raises(sdp.NegotiationError, match=text) as error:
        answer_to(*lines)
    assert error.value.why == why
    again = pickle.loads(pickle.dumps(error.value))
    assert (str(again), again.why) == (str(error.value), why)


def test_c084_c085_telephone_events():
    """C084, C085"""
    with_them = answer_to("m=audio 2 RTP/AVP 0 97", "a=rtpmap:97 telephone-event/8000", "a=fmtp:97 0-16")
    assert with_them.audio.dtmf == with_them.audio.dtmf_receives == 97
    assert with_them.answer.audio.formats == ["0", "97"] and any(f.startswith("97 0-1") for f in with_them.answer.audio.attributes.get_all("fmtp"))
    assert answer_to("m=audio 2 RTP/AVP 0").audio.dtmf is None
    without = answer_to("m=audio 2 RTP/AVP 0 97", "a=rtpmap:97 telephone-event/8000", side=sdp.Side([sdp.PCMU], 2, dtmf=False))
    assert without.audio.dtmf is None and without.answer.audio.formats == ["0"]


@pytest.mark.parametrize("offered, ours, agreed", [("30", 20, 30), (None, 20, 20), (None, 30, 30), ("40", 30, 40)])
def test_c086_ptime(offered, ours, agreed):
    """C086"""
    lines = ["m=audio 2 RTP/AVP 0"] + ([f"a=ptime:{offered}"] if offered else [])
    a = answer_to(*lines, side=sdp.Side([sdp.PCMU], 2, ptime=ours))
    assert a.audio.ptime == a.answer.audio.ptime == agreed


@pytest.mark.parametrize("offered, ours", [("sendonly", "recvonly"), ("recvonly", "sendonly"), ("inactive", "inactive"), ("sendrecv", "sendrecv")])
def test_c087_c088_directions(offered, ours):
    """C087, C088"""
    a = answer_to("m=audio 2 RTP/AVP 0", f"a={offered}")
    assert a.audio.direction == a.answer.audio.direction == ours
    a = sdp.negotiate(sdp.parse(HEAD + f"a={offered}\r\nm=audio 2 RTP/AVP 0\r\n"), audio=OURS, address=HERE)
    assert a.audio.direction == ours


def test_c089_c090_every_line_is_answered():
    """C089, C090"""
    a = answer_to("m=video 2 RTP/AVP 97", "m=audio 0 RTP/AVP 0", "m=audio 4 RTP/AVP 8", "m=image 6 udptl t38")
    assert [(m.kind, m.port) for m in a.answer.media] == [("video", 0), ("audio", 0), ("audio", 30000), ("image", 0)]
    assert a.audio.media == 2 and a.answer.media[3].formats == ["t38"] and a.answer.media[3].proto == "udptl"


def test_c091_opus_by_its_name():
    """C091"""
    a = answer_to("m=audio 2 RTP/AVP 111 0", "a=rtpmap:111 OPUS/48000/2", "a=fmtp:111 useinbandfec=1", side=sdp.Side([sdp.OPUS, sdp.PCMU], 2))
    assert (a.audio.payload_type, a.audio.codec, a.audio.codecs[0].fmtp) == (111, sdp.OPUS, "useinbandfec=1")
    assert "111 useinbandfec=1" in a.answer.audio.attributes.get_all("fmtp")
    assert a.answer.audio.codecs[0].name.lower() == "opus" and a.answer.audio.codecs[0].channels == 2


def test_c092_versions():
    """C092"""
    first = answer_to("m=audio 2 RTP/AVP 0", session_id=5)
    again = answer_to("m=audio 2 RTP/AVP 0", now=first)
    held = answer_to("m=audio 2 RTP/AVP 0", "a=sendonly", now=again)
    assert [a.answer.origin[1:3] for a in (first, again, held)] == [(5, 1), (5, 1), (5, 2)]


def test_the_codec_in_use_stays():
    first = answer_to("m=audio 2 RTP/AVP 8 0")
    again = answer_to("m=audio 2 RTP/AVP 0 8", now=first)
    assert (first.audio.payload_type, again.audio.payload_type) == (8, 8)


def test_c093_c094_the_address_that_is_told():
    """C093, C094"""
    a = answer_to("m=audio 2 RTP/AVP 0")
    assert a.answer.origin.address == HERE and a.answer.audio.rtp_address == (HERE, 30000)
    a = sdp.negotiate(offer("m=audio 2 RTP/AVP 0"), audio=OURS, address="::1")
    assert a.answer.connection == "IN IP6 ::1" and a.answer.audio.rtp_address == ("::1", 30000)
    a = sdp.negotiate(offer("m=audio 2 RTP/AVP 0"), audio=sdp.Side([sdp.PCMU], 30000, address="192.0.2.99"), address=HERE)
    assert a.answer.audio.rtp_address == ("192.0.2.99", 30000) and a.answer.origin.address == HERE


VIDEO = ["m=video 40 RTP/AVP 97", "a=rtpmap:97 H264/90000", "a=fmtp:97 profile-level-id=42e01f;packetization-mode=1"]
CAMERA = sdp.Side([sdp.H264], port=40000)


def test_c095_video():
    """C095"""
    a = sdp.negotiate(offer(*VIDEO), video=CAMERA, address=HERE)
    assert (a.video.payload_type, a.answer.video.port, a.audio) == (97, 40000, None)
    assert a.answer.video.codecs[0].fmtp == "profile-level-id=42e01f;packetization-mode=1"


def test_c096_audio_and_video():
    """C096"""
    both = sdp.negotiate(offer("m=audio 2 RTP/AVP 0", *VIDEO), audio=OURS, video=CAMERA, address=HERE)
    assert (both.audio.payload_type, both.video.payload_type) == (0, 97)
    alone = sdp.negotiate(offer("m=audio 2 RTP/AVP 0"), audio=OURS, video=CAMERA, address=HERE)
    assert alone.audio and alone.video is None and len(alone.answer.media) == 1
    other = sdp.negotiate(offer("m=audio 2 RTP/AVP 0", *VIDEO), audio=OURS, video=sdp.Side([sdp.VP8], 40000), address=HERE)
    assert other.audio and other.video is None and other.answer.video.port == 0


@pytest.mark.parametrize("lines", [["m=audio x RTP/AVP 0"], ["m=audio 70000 RTP/AVP 0"], ["m=audio 2 RTP/AVP"], ["m=audio 2 RTP/AVP x"]])
def test_c097_a_stream_that_is_none(lines):
    """C097"""
    with pytest.raises(sdp.NegotiationError):
        answer_to(*lines)
    assert answer_to(*lines, "m=audio 4 RTP/AVP 0").answer.media[1].port == 30000
    d = offer(*lines)
    repr(d), [(m.codecs, m.rtp_address, m.formats, m.port, m.ptime) for m in d.media]


def test_c097_other_lines_that_are_none():
    """C097"""
    a = answer_to("m=audio 20000/2 RTP/AVP 0", "b=AS:abc", "a=ptime:x", "a=rtpmap:what")
    assert a.audio.payload_type == 0 and a.audio.ptime == 20


@pytest.mark.parametrize("text, position", [
    ("", 0), ("what", 0), ("v=1\r\n", 0), ("m=audio 1 RTP/AVP 0\r\n", 0), ("v=0\r\ns=-\r\n", 10), (HEAD + "nope\r\nm=audio 2 RTP/AVP 0\r\n", len(HEAD)),
    (HEAD + "m=audio\r\na=x\r\n", len(HEAD)), (HEAD + "a=x\r\n" * 1100, None), (HEAD + "m=audio 1 RTP/AVP 0\r\n" * 17, len(HEAD) + 16 * 21),
    (HEAD + "a=" + "x" * 65536, 65536),
])
def test_what_is_no_description(text, position):
    with pytest.raises(sdp.ParseError) as why:
        sdp.parse(text)
    assert why.value.position == position or position is None
    again = pickle.loads(pickle.dumps(why.value))
    assert (again.position, str(again)) == (why.value.position, str(why.value))


def test_our_offer_and_its_answer():
    ours = sdp.Side([sdp.OPUS, sdp.PCMA], port=30000)
    proposed = sdp.propose(audio=ours, video=CAMERA, address=HERE)
    theirs = sdp.negotiate(proposed, audio=sdp.Side([sdp.PCMA], 2), address="192.0.2.9").answer
    agreed = sdp.conclude(proposed, theirs, audio=ours, video=CAMERA)
    assert (agreed.audio.payload_type, agreed.audio.rtp_address, agreed.video, agreed.answer) == (8, ("192.0.2.9", 2), None, None)
    with pytest.raises(sdp.NegotiationError) as why:
        sdp.conclude(proposed, offer("m=audio 2 RTP/AVP 8"), audio=ours, video=CAMERA)
    assert why.value.why == "match"
    later = sdp.propose(audio=ours, address=HERE, last=proposed, now=agreed, session_id=proposed.origin.session_id)
    assert [(m.kind, m.port) for m in later.media] == [("audio", 30000), ("video", 0)]


def test_terms_that_can_not_be_offered():
    for side in (sdp.Side([], 2), sdp.Side([sdp.PCMU] * 9, 2), sdp.Side([sdp.PCMU], 0), sdp.Side([sdp.PCMU], 70000), sdp.Side([sdp.PCMU], 2, "host"),
                 sdp.Side([sdp.PCMU], 2, direction="both"), sdp.Side([sdp.PCMU], 2, transports=["TCP"]), sdp.Side([sdp.PCMU], 2, ptime=33),
                 sdp.Side([sdp.PCMU], 2, lines=["a=x\r\nm=audio 1 RTP/AVP 0"])):
        with pytest.raises(sdp.SdpError):
            sdp.propose(audio=side, address=HERE)
    for address in ("host.example.com", ""):
        with pytest.raises(sdp.SdpError):
            sdp.propose(audio=OURS, address=address)
    with pytest.raises(sdp.SdpError):
        sdp.propose(address=HERE)


def test_lines_and_attributes():
    d = sdp.parse(OFFER)
    a = d.audio.attributes
    assert a["rtpmap"] == "0 PCMU/8000" and len(a) == 3 and list(a) == ["rtpmap", "rtpmap", "fmtp"] and "RTPMAP" not in a
    a.add("rtcp-mux")
    a["ptime"] = "30"
    a["ptime"] = "40"
    assert a["rtcp-mux"] == "" and a.get_all("ptime") == ["40"] and a.get("x") is None and "a=rtcp-mux\r\n" in str(d)
    del a["rtcp-mux"]
    for attempt in (lambda: a["x"], lambda: a.__delitem__("x")):
        with pytest.raises(KeyError):
            attempt()
    for name, value in (("a b", "c"), ("", "c"), ("a:b", "c"), ("a", "b\r\nc"), ("a", "b\0")):
        with pytest.raises(sdp.SdpError):
            a[name] = value
        with pytest.raises(sdp.SdpError):
            a.add(name, value)
    d.add_line("i", "information")
    d.set_line("s", "other")
    assert d.name == "other" and d.lines[3] == ("i", "information")
    d.set_line("i", None)
    for kind, value in (("v", "1"), ("m", "audio 1 RTP/AVP 0"), ("o", "x"), ("i", "a\nb"), ("xx", "y"), ("é", "y")):
        with pytest.raises(sdp.SdpError):
            d.add_line(kind, value)
    d.origin = d.origin._replace(version=3)
    assert d.origin.version == 3
    with pytest.raises(sdp.SdpError):
        d.origin = d.origin._replace(version=-1)
    with pytest.raises(sdp.SdpError):
        d.origin = d.origin._replace(user="a b")
    d.audio.port = 0
    d.audio.formats = [8]
    assert d.audio.formats == ["8"] and d.audio.port == 0
    d.audio.connection = "2001:db8::2"
    assert d.audio.connection == "IN IP6 2001:db8::2"
    d.audio.connection = None
    assert d.audio.connection is None
    with pytest.raises(sdp.SdpError):
        d.audio.connection = "host"
    with pytest.raises(sdp.SdpError):
        d.add_media("audio", 70000, [0])
    with pytest.raises(sdp.SdpError):
        d.add_media("audio", 1, [sdp.PCMU])
    assert d.add_media("image", 2, ["t38"], "udptl").formats == ["t38"]


def test_caps():
    """As many as there may be, and one more; and much text makes room for itself."""
    d = sdp.Description("192.0.2.1")
    for _ in range(16):
        d.add_media("audio", 2, [0])
    with pytest.raises(sdp.SdpError):
        d.add_media("audio", 2, [0])
    d = sdp.Description("192.0.2.1")
    for _ in range(1024 - 5):
        d.attributes.add("x", "some text that takes a little room")
    with pytest.raises(sdp.SdpError):
        d.attributes.add("x", "y")
    assert len(sdp.parse(str(d)).lines) == 1024
    for number in range(3000):
        d.attributes["x"] = "text that is replaced again and again " + str(number)
    assert d.attributes.get_all("x") == ["text that is replaced again and again 2999"]
    d.attributes["x"] = "y" * 65000
    with pytest.raises(sdp.SdpError):
        d.attributes["z"] = "y" * 65000
        str(d)


def test_what_python_expects():
    d = sdp.parse(OFFER)
    with pytest.raises(TypeError):
        hash(d)
    for twin in (copy.copy(d), copy.deepcopy(d), pickle.loads(pickle.dumps(d)), d.copy()):
        assert twin == d and twin is not d
        twin.name = "other"
        assert twin != d
    assert d != OFFER and repr(d).startswith("<Description 'carrier 2890844526") and repr(d.audio) == "<Media audio 20000 RTP/AVP 0 8 101>"
    media = sdp.parse(OFFER).audio
    assert media.port == 20000, "it keeps its description alive"
    for name in sdp.__all__:
        assert getattr(sdp, name).__doc__, name


def test_changed_descriptions():
    """Octets nobody wrote: a description that is the same when it is written and read again, or an error."""
    chance = random.Random(70)
    texts = [OFFER, HEAD + "\r\n".join(["m=audio 2 RTP/AVP 111", "a=rtpmap:111 opus/48000/2", *VIDEO, "a=recvonly", "a=rtcp-mux", ""])]
    pieces = ["\r\n", "\n", "\0", "=", ":", "/", " ", "m=audio 2 RTP/AVP 0\r\n", "a=rtpmap:", "0", "99999999999", "c=IN IP6 ::1\r\n", "ÿ", "a=inactive\r\n"]
    for _ in range(1500):
        text = chance.choice(texts)
        for _ in range(chance.randrange(1, 5)):
            at = chance.randrange(len(text) + 1)
            text = text[:at] + chance.choice([*pieces, ""]) + text[at + chance.randrange(4):]
        try:
            d = sdp.parse(text)
        except sdp.ParseError as why:
            assert 0 <= why.position <= len(text.encode())
            continue
        assert sdp.parse(bytes(d)) == d
        for m in d.media:
            repr((m, m.codecs, m.rtp_address, m.direction, m.ptime, m.bandwidth, m.attributes))
        try:
            a = sdp.negotiate(d, audio=sdp.Side([sdp.PCMU, sdp.OPUS], 2), video=CAMERA, address=HERE)
        except sdp.NegotiationError:
            continue
        assert len(a.answer.media) == len(d.media) and sdp.parse(str(a.answer)) == a.answer
