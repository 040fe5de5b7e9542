# What tests of bad input share: one line, the right exit code, nothing left.
# shellcheck shell=bash
# shellcheck source=tests/engine/helpers.bash
source "$(dirname "${BASH_SOURCE[0]}")/helpers.bash"

export TARBALLS=$BATS_TEST_DIRNAME/tarballs.py

# make_tar KIND FILE: see tarballs.py.
make_tar() { python3 "$TARBALLS" "$1" "$2"; }

# The store is in use already, so that what is compared is not the making of it.
remember_state() {
	make_tar tiny "$BATS_TEST_TMPDIR/tiny.tar"
	tare run --rm "$BATS_TEST_TMPDIR/tiny.tar" /nothing 2>/dev/null || [[ $? == 127 ]]
	state_before=$(machine_state)
}

# Other tests' containers come and go meanwhile; what this test left is what stays.
nothing_left() {
	local left now
	left=$(comm -13 <(sort <<<"$state_before") <(machine_state | sort))
	for _ in {1..60}; do
		[[ -n $left ]] || return 0
		sleep 0.25
		now=$(machine_state | sort)
		left=$(comm -12 <(sort <<<"$left") - <<<"$now")
	done
	echo "left behind: $left"
	return 1
}

# refused CODE WORDS ARGUMENTS...: `tare ARGUMENTS` exits with CODE and says one line in which WORDS (a glob) stand.
refused() {
	local code=$1 words=$2 said
	shift 2
	run --separate-stderr tare "$@"
	# shellcheck disable=SC2154  # set by run
	said=$(grep -v '^tare: CAP_SYS_RESOURCE is missing' <<<"$stderr")
	if [[ $status != "$code" || $said != "tare: "*$words* || $(wc -l <<<"$said") != 1 || ${#said} -gt 1200 || -n $output ]]; then
		printf 'tare %s\nexit code %s, not %s\nexpected: %s\nsaid: %s\nprinted: %s\n' "$*" "$status" "$code" "$words" "$said" "$output"
		return 1
	fi
}
