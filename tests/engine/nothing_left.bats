#!/usr/bin/env bats
# After exit and after SIGKILL, at any moment, the machine is as it was before.

# shellcheck disable=SC2016,SC2030,SC2031 # other shells expand what is in single quotes; bats runs each test in a subshell
load helpers

setup_file() {
	export TARE_BIN_DIR
	setup_rootfs_once
}
setup() { setup_store; }
teardown() { teardown_store; }

# storm VICTIM COUNT [COUNT_IN_VM]: kills that many, at random moments.
storm() {
	local count=$2
	[[ -v TARE_IN_VM ]] && count=$3
	export TARE_BIN_DIR BATS_TEST_TMPDIR
	private_machine "$BATS_TEST_DIRNAME/storm.py" "$1" "$count"
}

@test "NL1 nothing is left after 100 clients were killed at random moments and one ps" { storm client 100 8; }

@test "NL2 nothing is left after 100 monitors were killed at random moments and one ps" { storm monitor 100 8; }

@test "nothing is left after client and monitor were killed together" { storm group 40; }

@test "nothing is left after tare-image was killed at random moments" { storm image 30; }

@test "what was done stays done, and nothing is left, whichever process of whichever command is killed" {
	storm any "${TARE_LOAD_KILLS:-150}"
}

@test "ps removes the cgroup that a monitor killed at its very end has left, not one that is in use" {
	local id used
	id=$(printf '%064d' 1) used=$(printf '%064d' 2)
	# shellcheck disable=SC2016
	private_machine bash -c '
		. "$1"
		for top in /sys/fs/cgroup /sys/fs/cgroup/systemd; do
			if [[ -e $top/cgroup.procs ]]; then break; fi
		done
		mkdir "$top/tare-$2.monitor" "$top/tare-$3.monitor" "$top/tare-$2.mine"
		sleep 1000 &
		echo "$!" >"$top/tare-$3.monitor/cgroup.procs"
		tare ps
		[[ ! -e $top/tare-$2.monitor && -e $top/tare-$3.monitor && -e $top/tare-$2.mine ]] || exit
		kill "$!"
		wait "$!"
		tare ps
		[[ ! -e $top/tare-$3.monitor ]] && rmdir "$top/tare-$2.mine"' ps "$BATS_TEST_DIRNAME/helpers.bash" "$id" "$used"
}

@test "the cgroup's parents of which only the outer one was made are not left" {
	leaves_nothing '
		id=$(tare create --name made --cgroup-parent /outer/inner "$ROOTFS" true 2>/dev/null)
		mapfile -t tops < <(findmnt -rno TARGET -t cgroup,cgroup2 | sort -u)
		for top in "${tops[@]}"; do mkdir -m 1755 "$top/outer"; done
		: >"$TARE_ROOT/locks/$id" # its monitor was killed
		tare ps
		for top in "${tops[@]}"; do [[ ! -e $top/outer ]]; done
		tare rm made'
}

@test "a rename that was killed half-way leaves one name" {
	local id
	id=$(tare create --name before "$ROOTFS" true)
	ln "$TARE_ROOT/containers/$id/id" "$TARE_ROOT/names/after" # before its record was written
	: >"$TARE_ROOT/locks/$id"
	tare ps
	equal "names" "$(ls "$TARE_ROOT/names")" before
	ln "$TARE_ROOT/containers/$id/id" "$TARE_ROOT/names/after"
	tare rm before
	equal "names" "$(ls "$TARE_ROOT/names")" ""
}

@test "a created container stays one, whoever looks at it" {
	tare create --name made -v data:/data "$ROOTFS" true
	equal "waited for" "$(tare wait made)" 0
	run tare create --name made "$ROOTFS" true
	run tare volume rm data
	equal "status" "$(tare inspect -f '{{.State.Status}}' made)" created
}

@test "those who look do not take a container that was let go of just now for one that was killed" {
	local looking
	(while :; do tare ps -a; done) >/dev/null 3>&- & looking=$!
	for _ in {1..100}; do tare create "$ROOTFS" true >/dev/null 2>&1; done
	kill "$looking"
	wait "$looking" || true
	equal "containers" "$(tare ps -aq | wc -l)" 100
	equal "statuses" "$(tare ps -aq --no-trunc | xargs "$TARE_BIN_DIR/tare" inspect -f '{{.State.Status}}' | sort -u)" created
}

# leaves_nothing SCRIPT: runs it in a private machine, which is the same afterwards.
leaves_nothing() {
	export TARE_BIN_DIR BATS_TEST_TMPDIR
	private_machine bash -c '
		. "$1"
		set -e
		# expect CODE COMMAND...: its exit code is that.
		expect() {
			local code=0
			"${@:2}" >"$BATS_TEST_TMPDIR/out" 2>&1 || code=$?
			[[ $code == "$1" ]] && return
			echo "exit code $code, not $1: ${*:2}"
			cat "$BATS_TEST_TMPDIR/out"
			return 1
		}
		tare run --rm "$ROOTFS" true 2>/dev/null
		tare run --rm "$TARBALL" true 2>/dev/null
		machine_state >"$BATS_TEST_TMPDIR/before"
		eval "$2"
		machine_state >"$BATS_TEST_TMPDIR/after"
		diff "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after"' leaves_nothing "$BATS_TEST_DIRNAME/helpers.bash" "$1"
}

@test "NL3 nothing is left after exits of every kind with --rm" {
	leaves_nothing '
		expect 0 tare run --rm "$ROOTFS" true
		expect 3 tare run --rm "$ROOTFS" sh -c "echo here >file; exit 3"
		expect 137 tare run --rm "$ROOTFS" sh -c "kill -9 \$\$; sleep 5 & exec sh -c \"kill -9 1; exit 137\""
		expect 137 tare run --rm -m 16m "$ROOTFS" sh -c "a=0123456789abcdef; while :; do a=\$a\$a; done"
		expect 127 tare run --rm "$ROOTFS" no-such-program
		expect 126 tare run --rm "$ROOTFS" /etc/passwd
		expect 125 tare run --rm -v /dev/null:/etc/passwd/below "$ROOTFS" true
		expect 125 tare run --rm "$ROOTFS/missing" true
		expect 125 tare run --rm --cgroup-parent /made/for/it --cpuset-cpus 4000 "$ROOTFS" true
		expect 0 tare run --rm --cgroup-parent /made/for/it "$ROOTFS" true
		expect 0 sh -c "echo text | \"$TARE_BIN_DIR/tare\" run --rm -i \"$ROOTFS\" cat"
		expect 0 tare run --rm -t "$ROOTFS" tty
		expect 0 tare run --rm "$TARBALL" true
		expect 0 tare run --rm "$ROOTFS" sh -c "sleep 60 & sleep 60 & exit 0"
		expect 0 tare run --rm --rootfs-rw "$ROOTFS" true
		expect 0 tare run --rm --read-only --tmpfs /tmp "$ROOTFS" true'
}

@test "nothing is left after exits of every kind without --rm and then rm" {
	leaves_nothing '
		expect 0 tare run --name aa "$ROOTFS" true
		expect 3 tare run --name bb "$ROOTFS" sh -c "mkdir -p a/b/c; echo here >file; exit 3"
		expect 137 tare run --name cc -m 16m "$ROOTFS" sh -c "a=0123456789abcdef; while :; do a=\$a\$a; done"
		expect 127 tare run --name dd "$ROOTFS" no-such-program
		expect 126 tare run --name ee "$ROOTFS" /etc/passwd
		expect 125 tare run --name ff -v /dev/null:/etc/passwd/below "$ROOTFS" true
		expect 0 tare run --name gg -t "$TARBALL" true
		expect 0 tare run --name hh -i "$TARBALL" cat
		[[ $(tare inspect aa bb cc dd ee ff gg hh | jq -c "[.[].State.ExitCode]") == "[0,3,137,127,126,125,0,0]" ]]
		tare rm aa bb cc dd ee ff gg hh'
}

@test "nothing is left after twenty runs at once" {
	leaves_nothing '
		pids=()
		for i in {1..20}; do tare run --rm --cgroup-parent /together "$ROOTFS" sh -c "echo $i >file; cat file" 2>/dev/null & pids+=($!); done
		for i in 1 2 3; do tare ps >/dev/null; done
		for pid in "${pids[@]}"; do wait "$pid"; done'
}

@test "nothing is left after twenty runs at once whose tarball is not unpacked yet" {
	leaves_nothing '
		find "$TARE_ROOT" -mindepth 1 -delete
		pids=()
		for i in {1..20}; do tare run --rm "$TARBALL" true 2>/dev/null & pids+=($!); done
		for pid in "${pids[@]}"; do wait "$pid"; done'
}

@test "rm -f ends a container in every phase of its start" {
	leaves_nothing '
		for i in {1..20}; do
			"$TARE_BIN_DIR/tare" run --name busy "$ROOTFS" sleep 60 >"$BATS_TEST_TMPDIR/out" 2>&1 & run=$!
			while [[ ! -e $TARE_ROOT/names/busy ]]; do :; done
			sleep "0.0$((i % 2))$((i / 2))"
			until tare rm -f busy >/dev/null 2>"$BATS_TEST_TMPDIR/error"; do
				grep "No such container" "$BATS_TEST_TMPDIR/error" # it has a name, and will be one in a moment
			done
			code=0
			wait "$run" || code=$?
			case $code in
			137) ;;
			125) grep "killed by signal 9" "$BATS_TEST_TMPDIR/out" ;; # before it was started
			*) echo "exit code $code"; cat "$BATS_TEST_TMPDIR/out"; false ;;
			esac
		done'
}

@test "of two rm at once, one removes and the other says so or finds nothing" {
	leaves_nothing '
		for i in {1..10}; do
			tare run --name busy "$ROOTFS" true 2>/dev/null
			tare rm busy 2>&1 & one=$!
			tare rm busy 2>&1 & two=$!
			removed=0
			if wait "$one"; then removed=$((removed + 1)); fi
			if wait "$two"; then removed=$((removed + 1)); fi
			((removed > 0))
		done'
}

@test "a stopped client does not keep its container from ending" {
	leaves_nothing '
		mkfifo "$BATS_TEST_TMPDIR/begun"
		"$TARE_BIN_DIR/tare" run --name stopped -v "$BATS_TEST_TMPDIR/begun:/begun" "$ROOTFS" \
			sh -c "cat /begun; i=0; while [ \$i -lt 9 ]; do head -c 64k /dev/zero; i=\$((i + 1)); done" >/dev/null & client=$!
		sleep 0.3
		kill -STOP "$client"
		echo >"$BATS_TEST_TMPDIR/begun" # more than the socket takes, so that it blocks
		sleep 0.3
		tare rm -f stopped
		[[ -z $(tare ps -aq) ]]
		kill -CONT "$client"
		code=0
		wait "$client" || code=$?
		[[ $code == 137 ]]
		rm "$BATS_TEST_TMPDIR/begun"'
}

@test "input goes on after the client was slow to take output" {
	export LC_ALL=C
	head -c 8M /dev/zero | tr '\0' x >"$BATS_TEST_TMPDIR/input"
	run -0 timeout 60 bash -c '"$TARE_BIN_DIR/tare" run --rm -i "$ROOTFS" cat <"$BATS_TEST_TMPDIR/input" |
		{ sleep 1; head -c 1M | wc -c; sleep 1; wc -c; }'
	[[ ${lines[*]} == *"1048576 7340032" ]]
}
