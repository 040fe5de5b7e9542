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

# is_of_another PID: neither it nor a process above it works on this test's store.
is_of_another() {
	local pid=$1
	while ((pid > 1)); do
		if grep -qszx "TARE_ROOT=$TARE_ROOT" "/proc/$pid/environ"; then return 1; fi
		pid=$(awk '$1 == "PPid:" { print $2 }' "/proc/$pid/status" 2>/dev/null) || return 0
		[[ $pid ]] || return 0
	done
}

# Of lines of machine_state, those that do not show a running container of another test.
without_others() {
	local line pid
	while read -r line; do
		case $line in
		/proc/*) pid=${line#/proc/} ;;
		/sys/fs/cgroup/*) read -r pid <"$line/cgroup.procs" ;;
		[0-9]*' '[a-z]*) pid=$(lsns -n -o NS,PID | awk -v ns="${line% *}" '$1 == ns { print $2 }') ;;
		*) pid= ;;
		esac 2>/dev/null
		if [[ -n $pid ]] && is_of_another "$pid"; then continue; fi
		echo "$line"
	done
}

# Other tests' containers come and go meanwhile; what this test left is what stays and is nobody else's.
nothing_left() {
	local left
	left=$(comm -13 <(sort <<<"$state_before") <(machine_state | sort))
	for _ in {1..40}; do
		[[ -n $left ]] || return 0
		left=$(without_others <<<"$left")
		[[ -n $left ]] || return 0
		sleep 0.25
		left=$(comm -12 <(sort <<<"$left") <(machine_state | sort))
	done
	echo "left behind: $left"
	return 1
}

# refused CODE WORDS ARGUMENTS...: `tare ARGUMENTS` exits with CODE and says one line in which WORDS (a glob) stand.
refused() {
	local code=$1 words=$2 said
	shift 2
	run --separate-stderr "-$code" tare "$@"
	# shellcheck disable=SC2154  # set by run
	said=$(grep -v '^tare: CAP_SYS_RESOURCE is missing' <<<"$stderr")
	if [[ $said != "tare: "*$words* || $(wc -l <<<"$said") != 1 || ${#said} -gt 1200 || -n $output ]]; then
		printf 'tare %s\nexit code %s, not %s\nexpected: %s\nsaid: %s\nprinted: %s\n' "$*" "$status" "$code" "$words" "$said" "$output"
		return 1
	fi
}
