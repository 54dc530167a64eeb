#!/bin/sh
# test_install.sh BUILD - what `cmake --install` puts where fits together (N14): the unit names programs that are there, gives calls the time
# that the configuration gives them, and the example is good.
set -eu
build=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
about=install
. "$(dirname "$0")/must.sh"

# setting NAME: its values in the unit
setting() {
	sed -n "s/^$1=//p" "$unit"
}

DESTDIR=$work cmake --install "$build" >"$work/log" 2>&1 || {
	cat "$work/log"
	exit 1
}
unit=$(find "$work" -name tipring.service)
example=$(find "$work" -name tipring.yaml)
must "there is a unit" [ -n "$unit" ]
must "there is an example" [ -n "$example" ]
must "there is a user" grep -q "^u $(setting User) " "$(find "$work" -path '*sysusers.d/tipring.conf')"

setting 'Exec[A-Za-z]*' | while read -r program rest; do
	case $program in
	/bin/kill) ;;
	*) [ -x "$work$program" ] || echo "$program $rest" ;;
	esac
done >"$work/missing"
must "programs of the unit: $(cat "$work/missing")" [ ! -s "$work/missing" ]
supervisor=$work$(setting ExecStart | cut -d ' ' -f 1)
must "the example is good" "$supervisor" --check --config "$example"
for other in control media signaling; do
	must "tipring-$other stands beside the supervisor" [ -x "$(dirname "$supervisor")/tipring-$other" ]
done

export PKG_CONFIG_PATH="$work/usr/local/lib/pkgconfig" LD_LIBRARY_PATH="$work/usr/local/lib"
source=$(dirname "$0")/../../..
# shellcheck disable=SC2046
must "a program is built with the library of SIP" cc -Wall -Wextra -Werror -o "$work/sip_answer" "$source/examples/sip_answer.c" \
	$(pkg-config --cflags --libs tipring-sip)
"$work/sip_answer" "$source/tests/data/rfc4475/zeromf.dat" >"$work/answer" || true
must "and answers" grep -q "^SIP/2.0 200 OK" "$work/answer"

drain_s=$(($(sed -n 's/^drain_ms: *\([0-9]*\).*/\1/p' "$example") / 1000))
stop_s=$(setting TimeoutStopSec | tr -d s)
must "the unit waits longer than calls drain: $stop_s s, $drain_s s" [ "$stop_s" -gt "$((drain_s + 3))" ]
must "a dead supervisor leaves its calls alone" [ "$(setting KillMode)" = process ]
must "and its successor finds them" [ "$(setting RuntimeDirectoryPreserve)" = restart ]
must "the run directory is the configured one" grep -q "run_dir: /run/$(setting RuntimeDirectory) " "$example"
must "nobody else may write to it" [ "$(setting RuntimeDirectoryMode)" = 0750 ]
must "descriptors for 20,000 calls on two addresses" [ "$(setting LimitNOFILE)" -ge $((2 * 64512 + 4 * 20000 + 512)) ]
if command -v systemd-analyze >/dev/null; then
	sed "s|=\(/[^ ]*tipring-supervisor\)|=$work\1|" "$unit" >"$work/tipring.service"
	must "systemd reads it" systemd-analyze verify --man=no "$work/tipring.service"
	cp "$work/said" "$work/complaints"
	must "without complaints: $(cat "$work/complaints")" [ ! -s "$work/complaints" ]
fi
exit $failed
