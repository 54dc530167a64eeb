#!/usr/bin/env python3
"""Fail when a function or a file is too large to be read in one go.

usage: check_size.py [ROOT]     (default: the working directory)

Limits: 70 lines a function (from its name to its closing brace), 800 lines a file,
5 parameters a function. For .c and .h files outside tests/; below tests/ only the limit of
a file holds, because tables of cases are long.

A function is what stands between a '{' and a '}' that are alone in column 0, which is the
style of this tree; a function that opens its brace elsewhere is a fault, so none escapes.
"""
import pathlib
import re
import sys

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 800
PARAMETERS_MAX = 5

# Callbacks whose parameters an outside library dictates.
FOREIGN_SIGNATURES = {
    ("control/daemon/http.c", "serve"),  # MHD_AccessHandlerCallback
}

SOURCES = ("common", "signaling", "media", "control", "sdk", "examples", "tests")
COMMENT_OR_TEXT = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
ATTRIBUTE = re.compile(r"__attribute__\s*\(\((?:[^()]|\([^()]*\))*\)\)")
BRACE_ON_THE_LINE = re.compile(r"[A-Za-z_].*\)\s*\{")


def blank(match):
    """Comments and literals become blanks, so that line numbers and columns stay."""
    return re.sub(r"[^\n]", " ", match[0])


def signature(lines, brace):
    """(index of its first line, text) of what precedes the '{' at index `brace`."""
    first = brace
    while first > 0:
        above = lines[first - 1]
        if not above.strip() or above[0] in "#}" or above.rstrip().endswith((";", "}", "\\")):
            break
        first -= 1
    return first, ATTRIBUTE.sub("", " ".join(lines[first:brace])).strip()


def split_signature(text):
    """(name, parameters) of a function's signature; None when it is none."""
    if not text.endswith(")"):
        return None
    depth, commas, at = 0, 0, len(text)
    while at > 0:
        at -= 1
        depth += (text[at] == ")") - (text[at] == "(")
        commas += text[at] == "," and depth == 1
        if depth == 0:
            break
    name = re.search(r"(\w+)\s*$", text[:at])
    inside = text[at + 1:-1].strip()
    count = 0 if inside in ("", "void") else commas + 1 - inside.endswith("...")
    return name[1] if name else "?", count


def function_faults(path, lines):
    start = None  # (index of the first line, name) of the function we are in
    for i, line in enumerate(lines):
        if line.rstrip() == "{":
            first, text = signature(lines, i)
            found = split_signature(text)
            if found is None:
                continue
            if start is not None:
                yield f"{path}:{start[0] + 1}: {start[1]} has no '}}' in column 0"
            start = (first, found[0])
            if found[1] > PARAMETERS_MAX and (path, found[0]) not in FOREIGN_SIGNATURES:
                yield (f"{path}:{first + 1}: {found[0]} has {found[1]} parameters"
                       f" (limit {PARAMETERS_MAX})")
        elif line.rstrip() == "}" and start is not None:
            length = i - start[0] + 1
            if length > FUNCTION_LINES_MAX:
                yield (f"{path}:{start[0] + 1}: {start[1]} is {length} lines"
                       f" (limit {FUNCTION_LINES_MAX})")
            start = None
        elif BRACE_ON_THE_LINE.match(line):
            yield f"{path}:{i + 1}: the '{{' of a function stands alone in column 0"
    if start is not None:
        yield f"{path}:{start[0] + 1}: {start[1]} has no '}}' in column 0"


def faults_of(path, root):
    text = (root / path).read_text(encoding="utf-8", errors="replace")
    lines = COMMENT_OR_TEXT.sub(blank, text).splitlines()
    if len(lines) > FILE_LINES_MAX:
        yield f"{path}:{FILE_LINES_MAX + 1}: {len(lines)} lines (limit {FILE_LINES_MAX})"
    if not path.startswith("tests/"):
        yield from function_faults(path, lines)


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    paths = sorted(p.relative_to(root).as_posix() for top in SOURCES
                   for p in (root / top).rglob("*.[ch]") if p.is_file())
    if not paths:
        sys.exit("check_size: no sources here; run it from the root of the tree")
    faults = [fault for path in paths for fault in faults_of(path, root)]
    print(*faults, sep="\n", end="\n" if faults else "")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
