#!/bin/sh
# test_script.sh - ./tipring without building anything: what it says about verbs, packages, places and users.
set -eu
script=$(CDPATH='' cd -- "$(dirname -- "$0")/../../.." && pwd)/tipring
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

# expect NAME CODE TEXT COMMAND...: it exits with CODE and says TEXT
expect() {
	name=$1 code=$2 text=$3
	shift 3
	got=0
	said=$("$@" 2>&1) || got=$?
	case $said in *"$text"*) found=1 ;; *) found=0 ;; esac
	if [ "$got" != "$code" ] || [ "$found" = 0 ]; then
		printf 'script: %s: exit %s instead of %s, or without "%s":\n%s\n' "$name" "$got" "$code" "$text" "$said"
		failed=1
	fi
}

# A machine on which nothing is installed, and one user.
mkdir "$work/bin" "$work/place with a space"
for tool in dpkg-query apt-get sudo; do
	printf '#!/bin/sh\necho "$0 $*" >>"%s/ran"\nexit 1\n' "$work" >"$work/bin/$tool"
done
printf '#!/bin/sh\necho 1000\n' >"$work/bin/id"
chmod +x "$work"/bin/*
cp "$script" "$work/place with a space/tipring"
copy="$work/place with a space/tipring"
PATH="$work/bin:$PATH"
export PATH

expect "no verb" 0 "./tipring demo [--once]" "$copy"
expect "help" 0 "TIPRING_NO_APT=1" "$copy" --help
expect "unknown verb" 2 "unknown command 'dance'" "$copy" dance
for verb in build demo test "bench rtp" up; do
	# shellcheck disable=SC2086
	expect "$verb, no packages" 2 "missing Debian packages: gcc libc6-dev cmake" env TIPRING_NO_APT=1 "$copy" $verb
done
grep -qv dpkg-query "$work/ran" && { echo "script: TIPRING_NO_APT ran $(grep -v dpkg-query "$work/ran")"; failed=1; }
expect "apt-get fails" 2 "apt-get failed; the whole log is build/apt.log" "$copy" build
expect "not built" 2 "not built yet: ./tipring build" "$copy" status
exit $failed
