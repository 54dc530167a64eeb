# must.sh - sourced by tests of this folder that look at files. $work: a directory of the test; $about: the first word of a complaint.
failed=0

# must NAME COMMAND...: it succeeds
must() {
	name=$1
	shift
	"$@" >"$work/said" 2>&1 || {
		echo "$about: $name"
		cat "$work/said"
		failed=1
	}
}
