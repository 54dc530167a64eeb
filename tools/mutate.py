#!/usr/bin/env python3
"""Change one place of the code at a time and see whether a test notices.

usage: mutate.py FILE... [--count N] [--seed S] [--only REGEX] [--aimed] [--list]

Works on a copy of the tree in build/mutate with one compile job; the tree itself is not touched.
Every change is compiled; what does not compile or gives the same machine code is no change. Then the
tests of the file's folder run, and after them all other unit tests, corpora, check programs and the
simulation that it was linked into, until one fails. Prints the changes nobody noticed, and how many
were noticed of how many.

--count N   that many, drawn at random from all of them (default: all)
--seed S    of the draw (default 1)
--only RE   only lines that match
--aimed     only what is easily forgotten by a test: boundaries, guards, clean-up lines, rows of tables
--list      print the changes and try none
"""
import argparse
import filecmp
import hashlib
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
WORK = ROOT / "build" / "mutate"
TREE, OUT = WORK / "tree", WORK / "out"
CPU_SECONDS, TEST_SECONDS = 60, "600"  # one that hangs was noticed; on a busy machine all are slow

LITERAL = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'')
COMMENT = re.compile(r"/\*.*?\*/", re.S)

# (what is looked for, what takes its place); spaces keep pointers, arrows and shifts out
BOUNDS = (
    (r" < ", " <= "), (r" <= ", " < "), (r" > ", " >= "), (r" >= ", " > "),
)
SWAPS = (
    (r" == ", " != "), (r" != ", " == "), (r" && ", " || "), (r" \|\| ", " && "),
    (r" \+ ", " - "), (r" - ", " + "), (r" \+= ", " -= "), (r" -= ", " += "),
    (r"\+\+", "--"), (r"\btrue\b", "false"), (r"\bfalse\b", "true"), (r"(?<=[(\s])!(?=[a-z])", ""),
    (r"\b(?!0x)(\d+)(?=[uU]?\b)(?![.\w]*x)", lambda m: str(int(m[1]) + 1)),
)
DROPS = (
    (r" && (?:[^&|();]|\([^()]*\))+(?=\)|;|$| &&| \|\|)", ""), (r" \|\| (?:[^&|();]|\([^()]*\))+(?=\)|;|$| &&| \|\|)", ""),
    (r"\?[^?:;]+:([^;,)]+)", r"? \1 :\1"),
)
STATEMENT = re.compile(r"^\t+(?!return\b|break\b|continue\b|goto\b|case\b|else\b|do\b|struct\b|const\b|enum\b|static\b|"
                       r"u?int\d*_t\b|u?int\b|size_t\b|bool\b|char\b)[^{}#]*[);\w]\s*;\s*$")
CONDITION = re.compile(r"^(\t+(?:\} else )?(?:if|while) )\((.*)\)( \{)?$")
RULE = re.compile(r"(\[[A-Z_0-9]+\]\s*=\s*\{)(\w+)(,)")


class Change:
    def __init__(self, path, number, old, new):
        self.path, self.number, self.old, self.new = path, number, old, new

    def __str__(self):
        return f"{self.path}:{self.number}: {self.old.strip()}  ->  {self.new.strip().lstrip(';') or '(dropped)'}"


def blank(match):
    """The same length and lines without what is written there."""
    return re.sub(r"[^\n]", "\x01", match[0])


def variants(line, plain, aimed):
    """Other lines that could stand here; `plain` is the line with comments and literals blanked."""
    for pattern, new in BOUNDS + DROPS if aimed else BOUNDS + SWAPS + DROPS:
        for m in re.finditer(pattern, plain):
            put = new(m) if callable(new) else m.expand(new) if "\\" in new else new
            if "\x01" not in m[0]:
                yield line[:m.start()] + put + line[m.end():]
    if STATEMENT.match(plain):
        yield re.match(r"\t+", line)[0] + ";"
    m = CONDITION.match(plain)
    if m:
        for value in ("true", "false"):
            yield f"{m[1]}({value}){m[3] or ''}"
    m = RULE.search(plain)
    if m and m[2] not in ("ignore", "NULL"):
        yield line[:m.start(2)] + "ignore" + line[m.end(2):]


def changes_of(path, only, aimed):
    text = (ROOT / path).read_text(encoding="utf-8")
    lines, plains = text.splitlines(), LITERAL.sub(blank, COMMENT.sub(blank, text)).splitlines()
    for number, (line, plain) in enumerate(zip(lines, plains), 1):
        if line.startswith(("#", "_Static_assert")) or not re.search(only, line):
            continue
        seen = {line}
        for new in variants(line, plain, aimed):
            if new not in seen:
                seen.add(new)
                yield Change(path, number, line, new)


def run(*command):
    return subprocess.run([str(c) for c in command], cwd=TREE, capture_output=True, text=True)


def must(*command):
    done = run(*command)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout[-3000:]}{done.stderr[-3000:]}")


def prepare():
    """A copy of what git knows, built and tested once: what fails unchanged says nothing. What differs gets the time of now: a run
    that was broken off has left objects of its last change."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    wanted = {n for n in names.split("\0") if n and (ROOT / n).is_file()}
    for there in [p for p in TREE.rglob("*") if p.is_file() and str(p.relative_to(TREE)) not in wanted]:
        there.unlink()
    for name in wanted:
        if not (TREE / name).is_file() or not filecmp.cmp(ROOT / name, TREE / name, shallow=False):
            (TREE / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, TREE / name)
            shutil.copymode(ROOT / name, TREE / name)
    must("cmake", "-S", TREE, "-B", OUT, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=", "-DCMAKE_C_FLAGS=-O1 -w")
    must("ninja", "-C", OUT)
    must("ctest", "--test-dir", OUT, "--stop-on-failure")


def objects_of(path):
    """Digest of the machine code a file becomes (a file may be part of several targets)."""
    digest = hashlib.sha256()
    for o in sorted(OUT.rglob(pathlib.Path(path).name + ".o")):
        digest.update(o.read_bytes())
    return digest.digest()


def tests_of():
    """Name of each test and its program."""
    listed = run("ctest", "--test-dir", OUT, "--show-only=json-v1")
    return {t["name"]: pathlib.Path(t["command"][0]) for t in json.loads(listed.stdout)["tests"]}


def linked_since(start_ns, tests):
    """Tests whose program is not the one it was: no other can have an opinion. The simulation loads modules."""
    def parts(name, program):
        return [program, *program.parent.glob("sim_*.so")] if name == "sim" else [program]
    return [n for n, p in tests.items() if any(f.stat().st_mtime_ns >= start_ns for f in parts(n, p))]


def fails(names):
    wanted = "^(" + "|".join(map(re.escape, names)) + ")$"
    return bool(names) and run("prlimit", f"--cpu={CPU_SECONDS}", "ctest", "--test-dir", OUT, "--stop-on-failure",
                               "--timeout", TEST_SECONDS, "-R", wanted).returncode != 0


def judge(change, tests, untouched):
    """'noticed', 'survived', or 'same' when the change is none. Who is near is asked before all is built."""
    path = pathlib.Path(change.path)
    folder = "unit." + ".".join(path.parts[:-1]) + "."
    near = [n for n in tests if n.startswith(folder)]
    mirror = [n for n in near if n == folder + path.stem]
    file, start_ns = TREE / change.path, time.time_ns()
    text = file.read_text(encoding="utf-8")
    lines = text.splitlines()
    lines[change.number - 1] = change.new
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    try:
        for some in (mirror, [n for n in near if n not in mirror]):
            if some and run("ninja", "-C", OUT, "-j1", *(tests[n].relative_to(OUT) for n in some)).returncode != 0:
                return "same"
            if some and objects_of(change.path) != untouched[change.path] and fails(some):
                return "noticed"
        if run("ninja", "-C", OUT, "-j1").returncode != 0 or objects_of(change.path) == untouched[change.path]:
            return "same"
        others = [n for n in linked_since(start_ns, tests) if n not in near]
        return "noticed" if fails(others) else "survived"
    finally:
        file.write_text(text, encoding="utf-8")  # newer than what was made of the change: made anew with the next one


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+")
    parser.add_argument("--count", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="")
    parser.add_argument("--aimed", action="store_true")
    parser.add_argument("--list", action="store_true")
    args = parser.parse_args()

    paths = [os.path.relpath(pathlib.Path(f).resolve(), ROOT) for f in args.files]
    found = [c for p in paths for c in changes_of(p, args.only, args.aimed)]
    if args.list:
        print(*found, sep="\n")
        return 0
    random.Random(args.seed).shuffle(found)
    prepare()
    tests, untouched = tests_of(), {p: objects_of(p) for p in paths}
    tally = {"noticed": 0, "survived": 0, "same": 0}
    for change in found:
        if args.count is not None and tally["noticed"] + tally["survived"] == args.count:
            break
        result = judge(change, tests, untouched)
        tally[result] += 1
        if result == "survived":
            print(change, flush=True)
    tried = tally["noticed"] + tally["survived"]
    print(f"{tried} changes: {tally['noticed']} noticed, {tally['survived']} survived"
          f" ({100 * tally['noticed'] / max(tried, 1):.0f} % noticed; {tally['same']} more were none)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
