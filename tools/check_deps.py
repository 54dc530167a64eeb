#!/usr/bin/env python3
"""Fail when a source file includes what its folder or file may not depend on.

usage: check_deps.py [ROOT]     (default: the working directory)

Kept here: signaling, media and control never include each other; pure libraries know only
common/base; every outside library is named by exactly one file; protobuf types stop at the
files that translate them; quoted includes are root-relative and exist; the allowed edges
have no cycle. Inside of a folder with floors no file uses a function of a higher floor, and
no files use each other in a circle.
"""
import fnmatch
import pathlib
import re
import sys

# folder: the folders it may include besides itself. "proto" is what is generated from proto/.
FOLDERS = {
    "common/base":        "",
    "common/shm":         "common/base",
    "common/bus":         "common/base proto",
    "common/actor":       "common/base common/shm common/bus proto",

    "signaling/sip":      "common/base",
    "signaling/sdp":      "common/base",
    "signaling/leg":      "common/base signaling/sip signaling/sdp",
    "signaling/registration": "common/base signaling/sip",
    "signaling/daemon":   "common/base common/shm common/bus common/actor proto"
                          " signaling/sip signaling/sdp signaling/leg signaling/registration",

    "media/rtp":          "common/base",
    "media/dsp":          "common/base",
    "media/room":         "common/base media/dsp",
    "media/session":      "common/base common/shm media/rtp media/dsp media/room",
    "media/daemon":       "common/base common/shm common/bus common/actor proto"
                          " media/rtp media/dsp media/room media/session",
    "media/files":        "common/base common/shm common/bus common/actor proto media/dsp",
    "media/relay":        "common/base common/shm common/bus common/actor proto",

    "control/model":      "common/base",
    "control/daemon":     "common/base common/shm common/bus common/actor proto control/model",
    "control/supervisor": "common/base common/shm common/actor proto",
    "control/cli":        "common/base common/shm common/bus proto sdk/c",

    "sdk/c":              "common/base common/shm common/bus proto",
    "sdk/sip":            "common/base signaling/sip signaling/sdp",
    "sdk/python":         "common/base common/shm sdk/c",
    "examples":           "sdk/c sdk/sip",
    "deploy":             "",
}

# Tests may see everything; the peers they talk to share no code with what they test.
TESTS = ("tests/unit", "tests/fuzz", "tests/sim", "tests/bench", "tests/integration")
PEERS = ("tests/support",)

# header: the only files that may name it.
LIBRARIES = {
    "zmq.h":          "common/bus/bus.c",
    "liburing.h":     "common/actor/loop_uring.c tests/*",
    "microhttpd.h":   "control/daemon/http.c",
    "cyaml/*":        "control/supervisor/config.c",
    "yaml.h":         "control/supervisor/locate.c",
    "hiredis/*":      "control/daemon/cluster.c",
    "speex/*":        "media/dsp/resample.c tests/*",
    "sndfile.h":      "media/files/sound.c",
    "opus/*":         "media/dsp/opus.c tests/*",
    "srtp2/*":        "media/rtp/srtp.c",
    "openssl/*":      "signaling/sip/hash.c signaling/daemon/tls.c media/daemon/dtls.c",
    "spandsp*":       "media/dsp/g722.c tests/*",
    "criterion/*":    "tests/unit/*",
    "Python.h":       "sdk/python/*",
    "tipring/v1/*.pb-c.h":
        "*/daemon/from_*.c */daemon/to_*.c media/files/from_*.c media/files/to_*.c common/bus/codec.[ch] common/actor/*"
        " control/supervisor/config*.c control/cli/* sdk/c/* tests/*",
    "protobuf-c/*":   "common/bus/codec.[ch] tests/*",
}

# folder: its floors, highest first: what comes in, state and decisions, what goes out. A file may
# use functions and tables of its own floor and of those below.
FLOORS = {
    "signaling/daemon":   ("main receive from_peer from_bus from_change from_asks from_info from_messages from_refresh from_refer from_redirect from_renew from_dial from_codecs from_auth from_registrations takeover tick",
                           "effects serve_effects request_effects ask_effects refresh_effects dial_effects renew_effects legs logins messages gate door registrations",
                           "to_bus to_asks to_registrations udp local secret stray strays"),
    "control/daemon":  ("main from_workers from_files changes asks mouth messages transfers roster redirects incoming outgoing from_backends commands speech bridges questions http",
                        "calls collects inflight keys rooms recordings plays workers registrations audit",
                        "to_workers to_backends events journal context info said metrics overview"),
    "media/daemon":    ("main from_bus rx tick attach takeover",
                        "sessions buckets bells rooms",
                        "to_bus ports counts"),
    "media/files":     ("main from_bus takeover", "recordings plays", "to_bus disk taps sound"),
    "control/supervisor": ("main supervisor adopt reload",
                           "worker spare resources handover peers slot health store config config_notes config_auth config_wrong config_places config_registrations config_codecs config_diff config_shape locate",
                           "config_pack config_ports rundir sockets spawn lookout watchdog"),
    "signaling/registration": ("registration_record", "registration", "registration_rules"),
    "media/session": ("life receive tick report prefetch",
                      "facts record quality stream timeline key press play playout packets utterance mark mouth voice speech",
                      "listen queue drift clock events"),
    "sdk/c": ("client tape wav", "events", "commands"),
}
FLOOR_NAMES = ("input", "state", "output")

SOURCES = ("common", "signaling", "media", "control", "sdk", "examples", "tests")
SUFFIXES = (".c", ".h", ".def")
GENERATED = re.compile(r"tipring/v1/(\w+\.pb-c|schema_hash)\.h$")
INCLUDE = re.compile(r'\s*#\s*include\s*([<"])([^>"]+)[>"]')


def folder_of(path):
    """The row of FOLDERS (or TESTS, PEERS) a root-relative path belongs to."""
    if GENERATED.match(path):
        return "proto"
    parts = path.split("/")
    return parts[0] if parts[0] == "examples" else "/".join(parts[:2])


def cycle():
    """Folders of FOLDERS that can not be built leaves first."""
    left = {f: set(deps.split()) - {"proto"} for f, deps in FOLDERS.items()}
    while True:
        leaves = {f for f, deps in left.items() if not deps}
        if not leaves:
            return sorted(left)
        left = {f: deps - leaves for f, deps in left.items() if f not in leaves}


def edge_fault(path, quoted, target, root):
    """What is wrong with a quoted include as an edge between folders, or None."""
    if not quoted:
        return None
    source, to = folder_of(path), folder_of(target)
    if to != "proto" and not (root / target).is_file():
        return f'"{target}" is not a file below the root (includes are root-relative)'
    if source in TESTS or source == to:
        return None
    if source in PEERS:
        return f"{source} must not include {to}: peers share no code with what they test"
    if to not in FOLDERS[source].split():
        return f"{source} must not include {to}"
    return None


def library_fault(path, target):
    """What is wrong with naming this header here, or None."""
    for header, files in LIBRARIES.items():
        if fnmatch.fnmatchcase(target, header):
            if not any(fnmatch.fnmatchcase(path, f) for f in files.split()):
                return f"{target} belongs to {files.replace(' ', ', ')} alone"
    return None


def faults_of(path, root):
    if folder_of(path) not in (*FOLDERS, *TESTS, *PEERS):
        yield f"{path}:1: {folder_of(path)} is in no table of tools/check_deps.py"
        return
    text = (root / path).read_text(encoding="utf-8", errors="replace")
    for number, line in enumerate(text.splitlines(), 1):
        include = INCLUDE.match(line)
        if include:
            for fault in (edge_fault(path, include[1] == '"', include[2], root),
                          library_fault(path, include[2])):
                if fault:
                    yield f"{path}:{number}: {fault}"


# ---- floors ----

NOISE = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'', re.S)
WORD = re.compile(r"[A-Za-z_]\w*")
# a definition starts in the first column and is not static: `int x_open(`, `const struct rule x_rules[] =`
DEFINITION = re.compile(r"^(?!static\b|extern\b|typedef\b|return\b)[A-Za-z_][\w\s*]*?\b(\w+)"
                        r"(?:\((?:[^;{}()]|\([^()]*\))*\)\s*\{|(?:\[[^]\n]*\])+\s*=|\s*=)", re.M)

STATIC = re.compile(r"^static\b[\w\s*]*?\b(\w+)(?=[\[(;]|\s*=)", re.M)


def code_of(path):
    """The text of a C file without comments and literals, line by line where it was."""
    text = path.read_text(encoding="utf-8", errors="replace")
    return NOISE.sub(lambda m: "\n" * m[0].count("\n"), text)


def uses(folder):
    """(file, line, name, file that defines it) for whatever a file of the folder uses of another."""
    code = {p.stem: code_of(p) for p in sorted(folder.glob("*.c"))}
    home = {m[1]: stem for stem, text in code.items() for m in DEFINITION.finditer(text)}
    for stem, text in code.items():
        own = set(STATIC.findall(text))
        for number, line in enumerate(text.splitlines(), 1):
            for name in WORD.findall(line):
                if name not in own and home.get(name, stem) != stem:
                    yield stem, number, name, home[name]


def circle(edges):
    """Files that use each other in a circle, or nothing."""
    left = {f for edge in edges for f in edge}
    while True:
        using = {a for a, b in edges if a in left and b in left}
        used = {b for a, b in edges if a in left and b in left}
        if left == using & used:
            return sorted(left)
        left = using & used


def floor_faults(root, folder, floors):
    """Uses that run up, files without a floor, circles."""
    floor = {f: i for i, files in enumerate(floors) for f in files.split()}
    files = {p.stem for p in (root / folder).glob("*.c")}
    for f in sorted(files - floor.keys()):
        yield f"{folder}/{f}.c:1: has no floor in tools/check_deps.py"
    for f in sorted(floor.keys() - files):
        yield f"tools/check_deps.py: {folder}/{f}.c has a floor and is not there"
    edges = set()
    for f, number, name, other in uses(root / folder):
        edges.add((f, other))
        if floor.get(f, 0) > floor.get(other, len(floors)):
            yield (f"{folder}/{f}.c:{number}: {f} ({FLOOR_NAMES[floor[f]]}) must not use {name} of"
                   f" {other} ({FLOOR_NAMES[floor[other]]})")
    if circle(edges):
        yield f"{folder}: files use each other in a circle: {', '.join(circle(edges))}"


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    paths = sorted(p.relative_to(root).as_posix() for top in SOURCES
                   for p in (root / top).rglob("*") if p.suffix in SUFFIXES and p.is_file())
    if not paths:
        sys.exit("check_deps: no sources here; run it from the root of the tree")
    faults = [f"tools/check_deps.py: cycle among {', '.join(cycle())}"] if cycle() else []
    for path in paths:
        faults.extend(faults_of(path, root))
    for folder, floors in FLOORS.items():
        if (root / folder / "CMakeLists.txt").is_file():  # it is built here, so it is whole
            faults.extend(floor_faults(root, folder, floors))
    print(*faults, sep="\n", end="\n" if faults else "")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
