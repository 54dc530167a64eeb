"""tipring.sip: messages read, made and changed (C001-C042)."""

import copy
import pathlib
import pickle

import pytest
from tipring import sip

DATA = pathlib.Path(__file__).resolve().parents[2] / "data"
INVITE = (b"INVITE sip:bob@biloxi.com SIP/2.0\r\n"
          b"Via: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bK776asdhds\r\n"
          b"Max-Forwards: 70\r\n"
          b"To: Bob <sip:bob@biloxi.com>\r\n"
          b"From: Alice <sip:alice@atlanta.com>;tag=1928301774\r\n"
          b"Call-ID: a84b4c76e66710@pc33.atlanta.com\r\n"
          b"CSeq: 314159 INVITE\r\n"
          b"Contact: <sip:alice@pc33.atlanta.com>\r\n"
          b"Content-Type: application/sdp\r\n"
          b"Content-Length: 4\r\n\r\nv=0\n")


def options(*without):
    lines = ["Via: SIP/2.0/UDP a;branch=z9hG4bKx", "From: <sip:a@b>;tag=1", "To: <sip:b@c>", "Call-ID: 1", "CSeq: 1 OPTIONS"]
    kept = [line for line in lines if line.split(":")[0] not in without]
    return "\r\n".join(["OPTIONS sip:b@c SIP/2.0", *kept, "", ""])


def test_c001_a_request():
    """C001"""
    m = sip.parse(INVITE)
    assert isinstance(m, sip.Request)
    assert (m.method, m.uri, m.uri_text) == ("INVITE", sip.Uri.parse("sip:bob@biloxi.com"), "sip:bob@biloxi.com")
    assert m.call_id == "a84b4c76e66710@pc33.atlanta.com"
    assert m.via[0].branch == "z9hG4bK776asdhds"
    assert (m.from_.display, m.from_.tag, m.from_.uri.user) == ("Alice", "1928301774", "alice")
    assert m.to.tag is None
    assert m.cseq == (314159, "INVITE")
    assert m.max_forwards == 70 and m.headers["Max-Forwards"] == "70"
    assert str(m.contact.uri) == "sip:alice@pc33.atlanta.com"
    assert m.body == b"v=0\n" and m.content_length == 4
    assert m.fault is None
    assert bytes(m) == INVITE.replace(b"Bob <", b"Bob <")


def test_c002_a_response():
    """C002"""
    m = sip.parse(b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP s1;branch=z9hG4bK1;received=192.0.2.3\r\nVia: SIP/2.0/UDP s2;branch=z9hG4bK2\r\n"
                  b"To: Bob <sip:bob@biloxi.com>;tag=a6c85cf\r\n\r\n")
    assert isinstance(m, sip.Response)
    assert (m.status, m.reason, m.to.tag) == (200, "OK", "a6c85cf")
    assert [v.host for v in m.via] == ["s1", "s2"] and m.via[0].received == "192.0.2.3"


def test_c003_trying():
    """C003"""
    m = sip.parse("SIP/2.0 100 Trying\r\n\r\n")
    assert (m.status, m.reason) == (100, "Trying")


def test_c004_compact_names():
    """C004"""
    m = sip.parse("OPTIONS sip:a SIP/2.0\r\nv: SIP/2.0/UDP a\r\nf: <sip:a@b>;tag=1\r\nt: <sip:c@d>\r\ni: x\r\nm: <sip:e>\r\nl: 0\r\n\r\n")
    assert m.headers.keys() == ["Via", "From", "To", "Call-ID", "Contact"]
    assert (m.from_.tag, m.call_id, m.content_length, m.headers["f"]) == ("1", "x", 0, m.headers["FROM"])


def test_c005_lists():
    """C005"""
    m = sip.parse("OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/UDP a, SIP/2.0/TCP b\r\nv: SIP/2.0/UDP c\r\n"
                  'Contact: "a, b" <sip:x;y=1>;q=1, <sip:z?h=1,2>\r\nRoute: <sip:r1;lr>,<sip:r2;lr>\r\n\r\n')
    assert [v.host for v in m.via] == ["a", "b", "c"]
    assert [a.display for a in m.contacts] == ["a, b", ""]
    assert [str(a.uri) for a in m.route] == ["sip:r1;lr", "sip:r2;lr"]
    assert len(m.headers.get_all("Via")) == 2 and len(m.headers.split("Via")) == 3


def test_c006_c007_folding_and_blanks():
    """C006, C007"""
    m = sip.parse("OPTIONS sip:a SIP/2.0\r\nSubject: This is a\r\n  long subject line\r\nTO :\r\n sip:v@h;tag=1918181833n\r\n\r\n")
    assert m.headers["subject"] == "This is a long subject line"
    assert m.to.tag == "1918181833n"


def test_c008_wsinv():
    """C008"""
    m = sip.parse((DATA / "rfc4475" / "wsinv.dat").read_bytes())
    assert m.cseq == (9, "INVITE") and m.headers["Max-Forwards"] == "0068" and m.max_forwards == 68
    assert (m.to.tag, m.from_.tag, len(m.via)) == ("1918181833n", "98asjd8", 3)
    assert m.headers["UnknownHeaderWithUnusualValue"] == ";;,,;;,;" and m.headers["newfangledheader"].startswith("newfangled value")
    assert len(m.body) == 150


def test_c009_no_blank_before_the_angle():
    """C009"""
    a = sip.Address.parse("caller<sip:caller@example.com>;tag=323")
    assert (a.tag, a.display, a.uri.user) == ("323", "caller", "caller")


@pytest.mark.parametrize("length, what", [("9999", "shorter"), ("-999", "Malformed"), ("2 2", "Malformed"), ("", "Malformed")])
def test_c010_c011_a_wrong_length(length, what):
    """C010, C011"""
    text = f"INVITE sip:a SIP/2.0\r\nContent-Length: {length}\r\n\r\nbody"
    with pytest.raises(sip.ParseError, match=what) as why:
        sip.parse(text)
    assert why.value.status == 400 and why.value.position == text.index("Length: ") + 8
    m = sip.parse(text, strict=False)
    assert m.fault.status == 400 and m.judge() == (400, m.fault.reason) and m.body == b""
    assert bytes(m.reply(m.fault.status)).startswith(b"SIP/2.0 400 Bad Request\r\n")
    with pytest.raises(sip.ParseError, match=what) as why:
        sip.parse(text.replace("INVITE sip:a SIP/2.0", "SIP/2.0 200 OK"), strict=False)
    assert why.value.status is None


@pytest.mark.parametrize("number", ["36893488147419103232", "4294967296", "2147483648", "-1", "x"])
def test_c012_a_number_too_large(number):
    """C012"""
    m = sip.parse(f"INVITE sip:a SIP/2.0\r\nCSeq: {number} INVITE\r\nMax-Forwards: {number}\r\n\r\n")
    with pytest.raises(ValueError):
        m.cseq
    if len(number) > 19 or not number.isdigit():
        with pytest.raises(sip.ParseError):
            m.max_forwards


@pytest.mark.parametrize("garbage, position", [
    ("", 0), ("\r\n\r\n", 4), ("SIP/2.0", 0), ("SIP/2.0 abc Bogus\r\n\r\n", 8), ("INVITE", 6), (";;;,,,", 0),
    (b"\x00\x01\x02\xff\r\n\r\n", 0), ("INVITE sip:a\r\n\r\n", 7), ("SIP/2.0 4294967301 x\r\n\r\n", 8), ("\r\n\r\nX", 5),
])
def test_c013_to_c020_garbage(garbage, position):
    """C013, C014, C015, C016, C017, C018, C019, C020"""
    for strict in (True, False):
        with pytest.raises(sip.ParseError) as why:
            sip.parse(garbage, strict=strict)
        assert why.value.position == position and why.value.status is None and why.value.reason


def test_c019_a_line_that_is_no_field():
    """C019"""
    m = sip.parse("OPTIONS sip:a SIP/2.0\r\nno colon here\r\nX-A: 1\r\n\r\n")
    assert m.headers.items() == [("X-A", "1")]


def test_c023_c024_bodies():
    """C023, C024"""
    m = sip.Request("MESSAGE", "sip:a@b")
    assert bytes(m) == b"MESSAGE sip:a@b SIP/2.0\r\nContent-Length: 0\r\n\r\n"
    m.body = bytes(range(256))
    assert bytes(m).endswith(b"Content-Length: 256\r\n\r\n" + bytes(range(256)))
    assert sip.parse(bytes(m)).body == bytes(range(256))
    m.body = "für"
    assert m.body == b"f\xc3\xbcr" and m.content_length == 4
    m.body = bytearray(b"ab")
    assert m.body == b"ab"
    m.body = b""
    assert m.content_length == 0


def test_c025_what_is_behind_the_length():
    """C025"""
    assert sip.parse("OPTIONS sip:a SIP/2.0\r\nl: 3\r\n\r\nabcdef").body == b"abc"
    assert sip.parse("OPTIONS sip:a SIP/2.0\r\n\r\nabcdef").body == b"abcdef"


def test_c026_too_many():
    """C026"""
    def text(count):
        return "OPTIONS sip:a SIP/2.0\r\n" + "X: 1\r\n" * count + "\r\n"
    assert len(sip.parse(text(255)).headers) == 255
    with pytest.raises(sip.ParseError, match="Too many header fields") as why:
        sip.parse(text(257))
    assert why.value.status == 400 and why.value.position == text(256).index("\r\n\r\n") + 2
    m = sip.parse(text(255))
    with pytest.raises(sip.SipError):
        m.headers.add("X", "1")
    with pytest.raises(sip.SipError):
        sip.parse(b"x" * 65537)


@pytest.mark.parametrize("value", ["a\r\nEvil: 1", "a\nb", "a\rb", "a\0b", "\r\n\r\nbody"])
def test_c027_injected_values(value):
    """C027"""
    m = sip.parse(INVITE)
    before = bytes(m)
    for attempt in (lambda: m.headers.__setitem__("X", value), lambda: m.headers.add("X", value), lambda: m.headers.add("X", value, first=True),
                    lambda: m.headers.set_all("Via", ["SIP/2.0/UDP a", value]), lambda: setattr(m, "call_id", value),
                    lambda: setattr(m, "method", value), lambda: setattr(m, "uri", value),
                    lambda: sip.Request("A", "sip:x", {"X": value}), lambda: sip.Response(200, value), lambda: m.reply(200, value),
                    lambda: m.reply(200, to_tag=value), lambda: sip.Address(value), lambda: sip.Address("sip:a", tag=None, params={value: "1"}),
                    lambda: sip.Via(value), lambda: sip.Uri(host=value), lambda: sip.new_call_id(value)):
        with pytest.raises(sip.SipError):
            attempt()
        assert bytes(m) == before
    # what is quoted or escaped can not end a line
    for harmless in (sip.Address("sip:a", display=value), sip.Address("sip:a", params={"x": value}), sip.Uri(host="a", params={"x": value}),
                     sip.Uri(host="a", headers={"x": value}), sip.Credentials("Digest", {"realm": value})):
        assert not set("\r\n\0") & set(str(harmless))


@pytest.mark.parametrize("name", ["X\r\nY", "X:", "X Y", "", "X\0", "ü"])
def test_c028_injected_names(name):
    """C028"""
    m = sip.parse(INVITE)
    for attempt in (lambda: m.headers.__setitem__(name, "1"), lambda: m.headers.add(name, "1"), lambda: sip.Response(200, headers={name: "1"})):
        with pytest.raises(sip.SipError):
            attempt()
    assert bytes(m) == INVITE


def test_content_length_is_none_of_the_fields():
    m = sip.parse(INVITE)
    assert "Content-Length" not in m.headers and m.content_length == 4
    for name in ("Content-Length", "l"):
        with pytest.raises(sip.SipError, match="what the body is long"):
            m.headers[name] = "4"


@pytest.mark.parametrize("without, verdict", [((), None), (("From",), 400), (("Via",), 1), (("To",), 400), (("Call-ID",), 400), (("CSeq",), 400)])
def test_c030_c031_c032_verdicts(without, verdict):
    """C030, C031, C032"""
    judged = sip.parse(options(*without)).judge()
    assert (judged and judged.status) == verdict


def test_c033_set_replaces():
    """C033"""
    m = sip.Request("OPTIONS", "sip:a")
    m.headers["X-Debug"] = "one"
    m.headers["x-debug"] = "two"
    assert m.headers.get_all("X-DEBUG") == ["two"] and len(m.headers) == 1


def test_c034_names_in_any_case():
    """C034"""
    m = sip.Request("OPTIONS", "sip:a", {"X-Custom-ID": "7"})
    assert m.headers["x-custom-id"] == m.headers["X-CUSTOM-ID"] == "7" and "x-Custom-id" in m.headers
    assert b"\r\nX-Custom-ID: 7\r\n" in bytes(m)


def test_c035_a_via_comes_first():
    """C035"""
    m = sip.parse(INVITE)
    m.headers.add("Via", sip.Via("proxy", branch=sip.new_branch()), first=True)
    again = sip.parse(bytes(m))
    assert [v.host for v in again.via] == ["proxy", "pc33.atlanta.com"]


def test_c036_pretty_names():
    """C036"""
    names = ["call-id", "cseq", "www-authenticate", "mime-version", "x-foo", "v"]
    assert [sip.header_name(n) for n in names] == ["Call-ID", "CSeq", "WWW-Authenticate", "MIME-Version", "X-Foo", "Via"]
    with pytest.raises(sip.SipError):
        sip.header_name("a b")


def test_c037_c038_identifiers():
    """C037, C038"""
    branches, tags, ids = ({make() for _ in range(100)} for make in (sip.new_branch, sip.new_tag, lambda: sip.new_call_id("example.com")))
    assert len(branches) == len(tags) == len(ids) == 100
    for branch, tag, call_id in zip(branches, tags, ids):
        assert branch.startswith("z9hG4bK") and len(branch) == 23 and int(branch[7:], 16) >= 0
        assert len(tag) == 16 and int(tag, 16) >= 0
        assert call_id.endswith("@example.com") and len(call_id) == 36 + 12
    assert "@" not in sip.new_call_id()


def test_c039_line_ends_before():
    """C039"""
    assert sip.parse(b"\r\n\r\n" + INVITE).method == "INVITE"


def test_c040_another_version():
    """C040"""
    with pytest.raises(sip.ParseError) as why:
        sip.parse("INVITE sip:x SIP/3.0\r\n\r\n")
    assert (why.value.status, why.value.position) == (505, 13)
    assert sip.parse("INVITE sip:x SIP/3.0\r\n\r\n", strict=False).judge() == (505, "Version Not Supported")


def test_c041_twice_what_may_stand_once():
    """C041"""
    m = sip.parse(options().replace("To:", "From: <sip:x@y>;tag=2\r\nTo:"))
    assert m.judge().status == 400
    with pytest.raises(sip.ParseError):
        sip.parse("OPTIONS sip:a SIP/2.0\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab")


def test_c042_methods_are_of_a_case():
    """C042"""
    m = sip.parse(options().replace("OPTIONS", "options"))
    assert m.method == "options" and m.judge().status == 501


def test_replies():
    request = sip.parse(INVITE)
    request.headers.add("Record-Route", "<sip:p;lr>")
    request.headers["Timestamp"] = 5
    answer = request.reply(200, to_tag="t", headers={"Contact": "<sip:b@c>"}, body="v=0\r\n", content_type="application/sdp")
    assert (answer.status, answer.reason, answer.to.tag, answer.cseq, answer.call_id) == (200, "OK", "t", request.cseq, request.call_id)
    assert answer.record_route and answer.via == request.via and "Timestamp" not in answer.headers and "Subject" not in answer.headers
    assert request.reply(100, to_tag="t").to.tag is None and request.reply(100).headers["Timestamp"] == "5"
    assert request.reply(486, "Not now").reason == "Not now" and not request.reply(486).record_route
    request.to = "<sip:b@c>;tag=theirs"
    assert request.reply(200, to_tag="t").to.tag == "theirs"
    for status in (99, 700, -1, 2**32 + 200):
        with pytest.raises(sip.SipError):
            request.reply(status)
        with pytest.raises(sip.SipError):
            sip.Response(status)


def test_typed_fields_can_be_set_and_taken_away():
    m = sip.Request("REGISTER", sip.Uri(host="example.com"))
    m.via = [sip.Via("a", 5060, "TCP", branch="z9hG4bK1"), "SIP/2.0/UDP b"]
    m.from_ = sip.Address("sip:a@b", "Alice", tag="x")
    m.to = "<sip:a@b>"
    m.cseq = sip.CSeq(1, "REGISTER")
    m.call_id, m.max_forwards, m.expires, m.content_type = "1", 70, 300, "text/plain"
    m.contacts = ["<sip:1>", sip.Address("sip:2", params={"q": "0.5"})]
    m.route = ["<sip:r;lr>"]
    m.record_route = ["<sip:r;lr>"]
    again = sip.parse(bytes(m))
    assert again == m and again.expires == 300 and again.content_type == "text/plain" and len(again.contacts) == 2
    assert [v.transport for v in again.via] == ["TCP", "UDP"] and again.route == again.record_route
    for name in ("from_", "to", "cseq", "call_id", "max_forwards", "expires", "content_type", "contact"):
        setattr(m, name, None)
        assert getattr(m, name) is None
    m.via, m.route, m.record_route = [], [], []
    assert len(m.headers) == 0 and not m.headers
    m.headers["Contact"] = "*"
    assert m.contact is None and m.contacts == []


def test_what_is_malformed_says_so_when_asked():
    m = sip.parse("OPTIONS ;;; SIP/2.0\r\nFrom: <sip:a\r\nVia: what\r\nContact: <x>\r\nMax-Forwards: many\r\n\r\n")
    for name in ("uri", "from_", "via", "contact", "contacts", "max_forwards"):
        with pytest.raises(sip.ParseError):
            getattr(m, name)
    assert m.uri_text == ";;;" and m.headers["From"] == "<sip:a"


def test_bodies_in_parts():
    """C098"""
    m = sip.parse((DATA / "rfc4475" / "mpart01.dat").read_bytes())
    assert m.part("application/sdp") is None
    assert m.content_length == len(m.body) == 553 and b"\0" in m.body
    m = sip.Request("INVITE", "sip:a", body="--x\r\nContent-Type: text/plain\r\n\r\nhi\r\n--x\r\nContent-Type: application/SDP;charset=utf-8\r\n\r\n"
                    "v=0\r\n--x--\r\n", content_type="multipart/mixed;boundary=x")
    assert m.part("application/sdp") == b"v=0" and m.part("text/plain") == b"hi"
    m = sip.Request("INVITE", "sip:a", body="v=0", content_type="application/SDP ; charset=utf-8")
    assert m.part("application/sdp") == b"v=0" and m.part("text/plain") is None


def test_what_python_expects():
    m = sip.parse(INVITE)
    assert m == sip.parse(INVITE.decode()) and m != sip.parse(options()) and m != "text"
    with pytest.raises(TypeError):
        hash(m)
    with pytest.raises(TypeError):
        hash(m.headers)
    for twin in (copy.copy(m), copy.deepcopy(m), pickle.loads(pickle.dumps(m)), m.copy()):
        assert twin == m and type(twin) is sip.Request
        twin.headers["X"] = "1"
        assert twin != m and "X" not in m.headers
    assert repr(m) == "<Request INVITE sip:bob@biloxi.com SIP/2.0, 8 header fields, body of 4>"
    assert repr(sip.Response(404)) == "<Response SIP/2.0 404 Not Found, 0 header fields, body of 0>"
    assert str(m) == INVITE.decode()
    assert list(m.headers)[0] == "Via" and dict(m.headers)["CSeq"] == "314159 INVITE" and len(m.headers.values()) == 8
    assert m.headers.get("X") is None and m.headers.get("X", "y") == "y" and m.headers.pop("X", "z") == "z"
    with pytest.raises(KeyError):
        m.headers["X"]
    with pytest.raises(KeyError):
        del m.headers["X"]
    del m.headers["Via"]
    assert "Via" not in m.headers and 5 not in m.headers
    assert repr(sip.Response(200, headers={"X-A": 1}).headers) == "Headers([('X-A', '1')])"
    error = pickle.loads(pickle.dumps(sip.ParseError("why", 7, 400)))
    assert (error.reason, error.position, error.status) == ("why", 7, 400)
    assert isinstance(error, ValueError)
    m = sip.Response(200)
    m.status = 404
    assert m.reason == "Not Found"
    m.reason = "Nobody"
    assert (m.status, m.reason) == (404, "Nobody")


def test_octets_that_are_no_text_survive():
    data = b"OPTIONS sip:a SIP/2.0\r\nSubject: \xff\xfe \xc3\xbc\r\nContent-Length: 0\r\n\r\n"
    m = sip.parse(data)
    assert m.headers["Subject"].endswith("\u00fc") and m.headers.get_bytes("s") == b"\xff\xfe \xc3\xbc"
    assert bytes(m) == data
    m.headers["Subject"] = m.headers["Subject"]
    assert bytes(m) == data


def test_headers_outlive_their_message():
    headers = sip.parse(INVITE).headers
    assert headers["CSeq"] == "314159 INVITE"


def test_everything_is_documented():
    for name in sip.__all__:
        thing = getattr(sip, name)
        assert thing.__doc__, name
        if isinstance(thing, type):
            undocumented = [n for n in dir(thing) if not n.startswith("_") and callable(getattr(thing, n)) and not getattr(thing, n).__doc__]
            assert not undocumented, (name, undocumented)
