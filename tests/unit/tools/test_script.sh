#!/bin/sh
# test_script.sh - ./tipring without building anything: what it says about verbs, packages, places and users.
set -eu
script=$(CDPATH='' cd -- "$(dirname -- "$0")/../../.." && pwd)/tipring
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
unset TIPRING_NO_APT

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
for verb in demo test bench build up status calls call events; do # N9: at once, on a machine without anything
	expect "$verb --help" 0 "./tipring" env TIPRING_NO_APT=1 "$copy" $verb --help
	expect "$verb -h" 0 "$verb" env TIPRING_NO_APT=1 "$copy" $verb x -h
done
[ ! -e "$work/ran" ] || { echo "script: help ran $(cat "$work/ran")"; failed=1; }
cp "$(dirname "$script")/CMakeLists.txt" "$work/place with a space/"
expect "version" 0 "tipring $(sed -n 's/^project(tipring VERSION \([0-9.]*\).*/\1/p' "$(dirname "$script")/CMakeLists.txt")" "$copy" --version
expect "unknown verb" 2 "unknown command 'dance'" "$copy" dance
for verb in build demo test "bench rtp" up; do
	# shellcheck disable=SC2086
	expect "$verb, no packages" 2 "missing Debian packages: gcc libc6-dev cmake" env TIPRING_NO_APT=1 "$copy" $verb
done
grep -qv dpkg-query "$work/ran" && { echo "script: TIPRING_NO_APT ran $(grep -v dpkg-query "$work/ran")"; failed=1; }
expect "apt-get fails" 2 "apt-get failed; the whole log is build/apt.log" "$copy" build
expect "not built" 2 "not built yet: ./tipring build" "$copy" status

# N13: no network. The first error ends it and is what is shown; nothing is taken for a whole environment, ever.
mkdir -p "$work/place with a space/build/venv/bin" "$work/place with a space/tests" "$work/place with a space/proto/tipring/v1" \
	"$work/place with a space/sdk/python/tipring" "$work/place with a space/sdk/c" "$work/place with a space/common/shm"
(cd "$work/place with a space" && touch tests/requirements.txt proto/tipring/v1/a.proto sdk/python/pyproject.toml sdk/python/setup.py \
	sdk/python/tipring/a.py sdk/c/a.c sdk/c/a.h common/shm/a.c common/shm/a.h)
printf '#!/bin/sh\necho installed\n' >"$work/bin/dpkg-query"
cat >"$work/place with a space/build/venv/bin/pip" <<'EOF'
#!/bin/sh
case "$*" in
*-r*) echo "no route to the index" && exit 1 ;;
*) echo "a second error hides the first" && exit 1 ;;
esac
EOF
chmod +x "$work/place with a space/build/venv/bin/pip"
echo stale >"$work/place with a space/build/venv/stamp"
expect "pip without network" 2 "no route to the index" "$copy" test
expect "pip without network, again" 2 "preparing Python failed" "$copy" test
! grep -q "a second error" "$work/place with a space/build/venv.log" || { echo "script: pip went on after its first error"; failed=1; }
[ ! -e "$work/place with a space/build/venv/stamp" ] || { echo "script: half an environment has a stamp"; failed=1; }
# N19: the environment that the guide makes is nobody's to commit
grep -qx 'venv/' "$(dirname "$script")/.gitignore" || { echo "script: venv/ is not ignored"; failed=1; }
exit $failed
