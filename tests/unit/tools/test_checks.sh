#!/bin/sh
# test_checks.sh - each check of tools/ accepts what it should and can fail.
# Run from anywhere: sh tests/unit/tools/test_checks.sh. Needs cc, ar, nm and python3.
set -eu

tools=$(CDPATH='' cd -- "$(dirname -- "$0")/../../../tools" && pwd)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
cases=0
failed=0

# expect STATUS TEXT COMMAND...: the exit status, and a line of output that contains TEXT
expect() {
	status=$1 text=$2 got=0
	shift 2
	out=$("$@" 2>&1) || got=$?
	cases=$((cases + 1))
	case $got:$out in
	"$status:"*"$text"*) return ;;
	esac
	failed=$((failed + 1))
	printf '%s\n' "FAIL: $* exited $got (wanted $status with '$text'):" "$out"
}

# file PATH: standard input becomes a file of the tree
file() {
	mkdir -p "$tree/$(dirname "$1")"
	cat >"$tree/$1"
}

# lines N: that many lines of C
lines() {
	awk -v n="$1" 'BEGIN { while (n-- > 0) print "\tx();" }'
}

deps() { # deps STATUS TEXT FILE: judged with FILE (from stdin) in the tree, then without it
	file "$3"
	expect "$1" "$2" python3 "$tools/check_deps.py" "$tree"
	rm "$tree/$3"
}

size() { # as deps
	file "$3"
	expect "$1" "$2" python3 "$tools/check_size.py" "$tree"
	rm "$tree/$3"
}

# pure STATUS TEXT LIBRARY OBJECT: standard input compiled as OBJECT into LIBRARY
pure() {
	cat >"$tree/$4.c"
	"${CC:-cc}" -w -O0 -c -o "$tree/$4.c.o" "$tree/$4.c"
	rm -f "$tree/$3"
	ar rc "$tree/$3" "$tree/$4.c.o"
	expect "$1" "$2" sh "$tools/check_pure.sh" "$tree/$3"
}

# ---- check_deps.py ----

expect 1 'no sources here' python3 "$tools/check_deps.py" "$tree"
file common/base/str.h </dev/null
file signaling/sip/uri.h </dev/null
file media/rtp/seq.h </dev/null
file common/actor/actor.h </dev/null

deps 0 '' signaling/sip/a.c <<'X'
#include "common/base/str.h"
#include "signaling/sip/uri.h"
#include <string.h>
X
deps 1 'signaling/sip/a.c:2: signaling/sip must not include media/rtp' signaling/sip/a.c <<'X'
#include "common/base/str.h"
#include "media/rtp/seq.h"
X
deps 1 'signaling/sip must not include common/actor' signaling/sip/a.h <<'X'
  #  include "common/actor/actor.h"
X
deps 1 'common/base must not include signaling/sip' common/base/a.def <<'X'
#include "signaling/sip/uri.h"
X
deps 1 'not a file below the root' signaling/sip/a.c <<'X'
#include "uri.h"
X
deps 1 'signaling/utils is in no table' signaling/utils/a.c </dev/null
deps 0 '' tests/unit/media/rtp/test_a.c <<'X'
#include "media/rtp/seq.h"
#include "signaling/sip/uri.h"
#include <criterion/criterion.h>
X
deps 1 'share no code' tests/support/a.c <<'X'
#include "media/rtp/seq.h"
X
deps 1 'must not include proto' media/rtp/a.c <<'X'
#include "tipring/v1/leg.pb-c.h"
X
deps 1 'tipring/v1/leg.pb-c.h belongs to' signaling/daemon/udp.c <<'X'
#include "tipring/v1/leg.pb-c.h"
X
deps 0 '' signaling/daemon/from_bus.c <<'X'
#include "tipring/v1/leg.pb-c.h"
#include "tipring/v1/schema_hash.h"
X

# one library, one file: the header, its file
while read -r header owner; do
	deps 0 '' "$owner" <<X
#include <$header>
X
	deps 1 "media/rtp/a.c:1: $header belongs to" media/rtp/a.c <<X
#include <$header>
X
	deps 1 "$header belongs to" common/bus/other.c <<X
#include "$header"
X
done <<'X'
zmq.h common/bus/bus.c
liburing.h common/actor/loop_uring.c
liburing.h tests/bench/a.c
microhttpd.h control/daemon/http.c
cyaml/cyaml.h control/supervisor/config.c
speex/speex_resampler.h media/dsp/resample.c
spandsp.h tests/bench/a.c
X

# floors STATUS TEXT: the files of control/daemon that are in the tree now
floors() {
	expect "$1" "$2" python3 -c '
import pathlib, sys
sys.path.insert(0, sys.argv[1])
import check_deps
faults = list(check_deps.floor_faults(pathlib.Path(sys.argv[2]), "control/daemon", ("in", "state", "out other")))
print(*faults, sep="\n")
sys.exit(bool(faults))' "$tools" "$tree"
}

file control/daemon/in.c <<'X'
#include "control/daemon/x.h"
const struct rule in_rules[] = {{state_open}};
X
file control/daemon/state.c <<'X'
/* in_rules are none of our business */
int state_open(struct x *x, int (*fn)(void))
{
	return out_print(x, "in_rules");
}
X
file control/daemon/out.c <<'X'
int out_print(struct x *x, const char *text)
{
	return other_print(x, text);
}
X
file control/daemon/other.c <<'X'
static int in_rules;
int other_print(struct x *x, const char *text)
{
	return 0;
}
X
floors 0 ''
file control/daemon/out.c <<'X'
int out_print(struct x *x, const char *text)
{
	return state_open(x, 0);
}
X
floors 1 'control/daemon/out.c:3: out (output) must not use state_open of state (state)'
floors 1 'control/daemon: files use each other in a circle: out, state'
file control/daemon/out.c <<'X'
const int *
out_print(struct x *x)
{
	return other_print(x, "");
}
X
file control/daemon/other.c <<'X'
int other_print(struct x *x, const char *text)
{
	return out_print != 0;
}
X
floors 1 'in a circle: other, out'
file control/daemon/new.c </dev/null
floors 1 'control/daemon/new.c:1: has no floor'
rm "$tree/control/daemon/new.c" "$tree/control/daemon/other.c"
floors 1 'control/daemon/other.c has a floor and is not there'
rm -r "$tree/control"

# ---- mutate.py: what it would change ----

expect 0 'if (s.n >= cap)  ->  if (s.n > cap)' \
	python3 "$tools/mutate.py" "$tools/../common/base/str.c" --list --only 's.n >= cap'
expect 0 '(dropped)' python3 "$tools/mutate.py" "$tools/../common/base/str.c" --list --only 'memcpy'

# ---- check_size.py ----

size 0 '' media/rtp/a.c <<X
static int longest(int a, int b, int (*c)(int, int), int d[2],
		   int e)
{
$(lines 66)
}
X
size 1 'media/rtp/a.c:3: too_long is 71 lines (limit 70)' media/rtp/a.c <<X
#define M 1

int too_long(void)
{
$(lines 68)
}
X
size 1 'wide has 6 parameters (limit 5)' media/rtp/a.h <<'X'
static inline int wide(int a, int b, int c /* , and */, int (*d)(int, int),
		       int e, int f)
{
}
X
size 0 '' media/rtp/a.c <<'X'
__attribute__((format(printf, 5, 6))) void logs(int a, int b, int c, int d, const char *f, ...)
{
}

static const int table[] =
{
	1, 2, 3, 4, 5, 6, 7
}
;
X
size 1 "stands alone in column 0" media/rtp/a.c <<X
int escapes(void) {
$(lines 100)
}
X
size 1 "open_end has no '}'" media/rtp/a.c <<'X'
int open_end(void)
{

int next(void)
{
}
X
size 0 '' media/rtp/a.c <<X
/* int in_comment(void) {
 */
$(lines 798)
X
size 1 'media/rtp/a.c:801: 801 lines (limit 800)' media/rtp/a.c <<X
$(lines 801)
X
size 0 '' tests/unit/media/rtp/test_a.c <<X
int long_table_test(int a, int b, int c, int d, int e, int f)
{
$(lines 700)
}
X
size 1 'limit 800' tests/unit/media/rtp/test_a.c <<X
$(lines 801)
X

# ---- check_pure.sh ----

expect 2 'usage' sh "$tools/check_pure.sh"
expect 2 '' sh "$tools/check_pure.sh" "$tree/missing.a"
pure 2 'defines no function' libx.a a <<'X'
int only_data = 1;
X
pure 0 '' libx.a a <<'X'
#include <string.h>
#include <arpa/inet.h>
void wire_put(void), must_fail(void), my_open(void), x_time(void);
unsigned long f(const char *s) { my_open(); x_time(); wire_put(); must_fail(); return strlen(s) + htons(1); }
X
for call in socket sendto recvmsg open read write mmap poll epoll_wait io_uring_queue_init clock_gettime \
	time gmtime_r pthread_create fork getenv getrandom rand printf snprintf vsnprintf __snprintf_chk \
	__isoc99_sscanf fopen open64 malloc calloc realloc free strdup aligned_alloc strtol atoi abort exit \
	__assert_fail zmq_send protobuf_c_message_unpack log_write clock_ms; do
	pure 1 "libx.a:a.c.o: $call" libx.a a <<X
void $call();
void f(void) { $call(); }
X
done
pure 1 'libx.a:a.c.o: stderr' libx.a a <<'X'
extern void *stderr;
void *f(void) { return stderr; }
X
for object in pool map; do
	pure 0 '' libbase.a $object <<'X'
void *calloc(); void free();
void f(void) { free(calloc(1, 1)); }
X
	pure 1 "libother.a:$object.c.o: calloc" libother.a $object <<'X'
void *calloc();
void f(void) { calloc(1, 1); }
X
	pure 1 "libbase.a:$object.c.o: snprintf" libbase.a $object <<'X'
void snprintf();
void f(void) { snprintf(); }
X
done
pure 1 'libbase.a:arena.c.o: calloc' libbase.a arena <<'X'
void *calloc();
void f(void) { calloc(1, 1); }
X
pure 0 '' libgood.a good <<'X'
void f(void) { }
X
expect 1 'libbase.a:arena.c.o: calloc' sh "$tools/check_pure.sh" "$tree/libbase.a" "$tree/libgood.a"

echo "$cases cases, $failed failed"
[ $failed -eq 0 ]
