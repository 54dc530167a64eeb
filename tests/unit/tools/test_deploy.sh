#!/bin/sh
# test_deploy.sh BUILD - the files for containers fit together: their configurations are good, calls get the time to end that they are given, no
# more ports are published than the pool has, and the profile is one.
set -eu
build=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
about=deploy
. "$(dirname "$0")/must.sh"

# value FILE KEY: what `KEY: value` says first
value() {
	sed -n "s/^ *$2: *\"\{0,1\}\([^ \"]*\).*/\1/p" "$1" | head -n 1
}

check() {
	must "$1 is good" "$build/bin/tipring-supervisor" --check --config "$1"
}

check deploy/compose.tipring.yaml
sed -n '/^  tipring.yaml: |/,/^---/s/^    //p' deploy/kubernetes.yaml >"$work/kubernetes.yaml"
must "kubernetes.yaml has a configuration" [ -s "$work/kubernetes.yaml" ]
check "$work/kubernetes.yaml"

drain_s=$(($(value deploy/tipring.yaml drain_ms) / 1000))
for file in compose.yaml compose.host.yaml; do
	stop_s=$(value deploy/$file stop_grace_period)
	must "$file waits longer than calls drain: $stop_s, $drain_s s" [ "${stop_s%s}" -gt $((drain_s + 3)) ]
done
stop_s=$(value deploy/kubernetes.yaml terminationGracePeriodSeconds)
must "kubernetes.yaml waits longer than calls drain: $stop_s s" [ "$stop_s" -gt $((drain_s + 3)) ]

pool=$(sed -n 's/^  ports: \["\([0-9-]*\)"\].*/\1/p' deploy/compose.tipring.yaml)
must "what compose.yaml publishes is the pool, $pool" grep -q -- "-$pool}:$pool/udp" deploy/compose.yaml
must "which is at most 20 ports with that of SIP" [ $((${pool#*-} - ${pool%-*} + 2)) -le 20 ]
must "seccomp.json is JSON" python3 -m json.tool deploy/seccomp.json
must "and allows io_uring" grep -q io_uring_setup deploy/seccomp.json
exit $failed
