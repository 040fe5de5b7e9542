#!/usr/bin/env bats
# A container that was started with -d outlives the login session or service that started it, whose end is the end of
# every process in its cgroup (systemd.kill(5), KillMode=control-group).

# shellcheck disable=SC2016 # other shells expand what is in single quotes
load helpers

setup_file() {
	export TARE_BIN_DIR
	setup_rootfs_once
}
setup() { setup_store; }
teardown() {
	teardown_store
	[[ ! -v session ]] || rmdir "$session"
}

ticks='i=0; while :; do i=$((i + 1)); echo "$i"; sleep 0.2; done'

# What a session runs: a container, and a command in it.
in_session='
	"$TARE_BIN_DIR/tare" run -d --name kept "$ROOTFS" sh -c "$1" &&
	"$TARE_BIN_DIR/tare" exec -d kept sh -c "( $1 ) >/ticks"'

settings() {
	local name
	for name in TARE_BIN_DIR TARE_ROOT TARE_RUN_ROOT ROOTFS; do echo "--setenv=$name=${!name}"; done
}

needs_systemd() { [[ -d /run/systemd/system ]] || skip "there is no systemd here"; }

grows_beyond() { [[ $("${@:2}" | wc -l) -gt $1 ]]; }

# Whatever the session held is gone, but neither the container, nor the command in it, nor those who look after them.
goes_on_and_ends() {
	local id
	equal "status" "$(tare inspect -f '{{.State.Status}}' kept)" running
	wait_until 60 grows_beyond "$(tare logs kept | wc -l)" tare logs kept
	wait_until 60 grows_beyond "$(tare exec kept cat /ticks | wc -l)" tare exec kept cat /ticks
	id=$(tare inspect -f '{{.Id}}' kept)
	[[ -n $(find /sys/fs/cgroup -type d -name "tare-$id.monitor") ]]
	tare stop -t 0 kept
	equal "exit code" "$(tare inspect -f '{{.State.ExitCode}}' kept)" 137
	wait_until 60 cgroups_are_gone "$id"
	tare rm kept
	[[ -z $(find "$TARE_ROOT/locks" "$TARE_ROOT/containers" "$TARE_ROOT/names" "$TARE_RUN_ROOT/containers" -mindepth 1) ]]
}

cgroups_are_gone() { [[ -z $(find /sys/fs/cgroup -type d -name "tare-$1*") ]]; }

@test "LS1 a container outlives the service that started it" {
	needs_systemd
	mapfile -t settings < <(settings)
	systemd-run --wait --collect -p KillMode=control-group "${settings[@]}" bash -c "$in_session" bash "$ticks"
	goes_on_and_ends
}

@test "LS1 a container outlives the scope that started it" {
	needs_systemd
	local unit=tare-test-$$.scope
	systemd-run --scope --collect --unit="$unit" -p KillMode=control-group \
		bash -c "$in_session"' && exec sleep 1000' bash "$ticks" >"$BATS_TEST_TMPDIR/scope" 2>&1 3>&- &
	wait_until 120 tare exec kept test -s /ticks
	systemctl stop "$unit"
	wait "$!" || true
	goes_on_and_ends
}

@test "LS1 a container outlives the login session that started it" {
	needs_systemd
	command -v login-as >/dev/null || skip "nothing here makes a login session"
	export TARE_BIN_DIR
	login-as root env TARE_ROOT="$TARE_ROOT" TARE_RUN_ROOT="$TARE_RUN_ROOT" ROOTFS="$ROOTFS" TARE_BIN_DIR="$TARE_BIN_DIR" \
		SESSION="$BATS_TEST_TMPDIR/session" bash -c 'cat /proc/self/cgroup >"$SESSION"; '"$in_session"' && exec sleep 1000' \
		bash "$ticks" >"$BATS_TEST_TMPDIR/login" 2>&1 3>&- &
	wait_until 120 tare exec kept test -s /ticks || { cat "$BATS_TEST_TMPDIR/login" && return 1; }
	[[ $(<"$BATS_TEST_TMPDIR/session") =~ session-([a-z0-9]+)\.scope ]]
	loginctl terminate-session "${BASH_REMATCH[1]}"
	wait "$!" || true
	goes_on_and_ends
}

@test "a container outlives all that is in the cgroup of those who started it" {
	for session in /sys/fs/cgroup/test-session-$$ /sys/fs/cgroup/systemd/test-session-$$; do
		if [[ -e ${session%/*}/cgroup.procs ]]; then break; fi
	done
	mkdir "$session" || { unset session && skip "no cgroup can be made here"; }
	bash -c 'echo 0 >"$2/cgroup.procs"; '"$in_session"' && exec sleep 1000' bash "$ticks" "$session" \
		>"$BATS_TEST_TMPDIR/session" 2>&1 3>&- &
	wait_until 60 tare exec kept test -s /ticks || { cat "$BATS_TEST_TMPDIR/session" && return 1; }
	mapfile -t pids <"$session/cgroup.procs"
	equal "processes of the session" "${#pids[*]}" 1 # the sleep
	kill -KILL "${pids[@]}"
	wait "$!" || true
	goes_on_and_ends
}
