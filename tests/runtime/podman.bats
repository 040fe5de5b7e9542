#!/usr/bin/env bats
# podman, with tare-runtime in place of its own runtime.
load helpers

setup_file() { setup_rootfs_once; }

setup() {
	command -v podman >/dev/null || skip "there is no podman here"
	export PODMAN_DIR=$BATS_TEST_TMPDIR/podman
	cp -a "$ROOTFS" "$BATS_TEST_TMPDIR/rootfs"
	# Its own limits may be more than may be given here.
	export CONTAINERS_CONF=$BATS_TEST_TMPDIR/containers.conf
	printf '[containers]\ndefault_ulimits = ["nofile=1000:1000", "nproc=1000:1000"]\n' >"$CONTAINERS_CONF"
}

teardown() {
	command -v podman >/dev/null || return 0
	engine rm --all --force --time 0 >/dev/null 2>&1 || true
	# Podman leaves the parent of its cgroups.
	find /sys/fs/cgroup -depth -type d -path '*/libpod_parent*' -exec rmdir {} + 2>/dev/null || true
	awk -v top="$BATS_TEST_TMPDIR/" 'index($2, top) == 1 { print $2 }' /proc/self/mounts | tac | xargs -r umount
}

engine() {
	podman --runtime "$TARE_BIN_DIR/tare-runtime" --cgroup-manager cgroupfs --storage-driver vfs --root "$PODMAN_DIR/root" \
		--runroot "$PODMAN_DIR/run" --tmpdir "$PODMAN_DIR/tmp" --events-backend file "$@" 3>&-
}
# in_terminal WORD...: podman, on a terminal. script(1) starts $SHELL, or sh, which knows no functions.
in_terminal() {
	local words
	printf -v words '%q ' "$@"
	SHELL=$BASH script -qec "$(declare -f engine); engine $words" /dev/null
}
options=(--network none)

@test "podman run: output, exit code, and 127 for a command that is not there" {
	run engine run --rm "${options[@]}" --rootfs "$BATS_TEST_TMPDIR/rootfs" sh -c 'echo hello; exit 5'
	equal code "$status" 5
	equal output "$output" hello
	run -127 engine run --rm "${options[@]}" --rootfs "$BATS_TEST_TMPDIR/rootfs" nonsense
	equal code "$status" 127
}

@test "podman run -d, exec, top, kill, rm" {
	engine run -d --name one "${options[@]}" --rootfs "$BATS_TEST_TMPDIR/rootfs" sleep 1000
	run engine exec one sh -c 'ps | grep -c "sleep 1000"; exit 3'
	equal code "$status" 3
	engine top one | grep -q sleep
	engine kill one
	engine rm -f one
	equal containers "$(engine ps -aq)" ""
}

@test "podman run -t: the terminal goes by the console socket" {
	# Podman may lose what a container said that ended at once, so this one stays a little.
	run in_terminal run --rm -t "${options[@]}" --rootfs "$BATS_TEST_TMPDIR/rootfs" sh -c 'tty; sleep 1'
	[[ $output == */dev/pts/* ]] || { echo "status $status, output: $output" && false; }
}

@test "podman exec: exit codes, user, directory, environment, terminal" {
	engine run -d --name one "${options[@]}" --rootfs "$BATS_TEST_TMPDIR/rootfs" sleep 1000
	# shellcheck disable=SC2016 # the container expands it
	equal "what it sees" "$(engine exec -u 5:6 -w /tmp -e A=b one sh -c 'id -u; id -g; pwd; echo $A')" $'5\n6\n/tmp\nb'
	run -127 engine exec one nonsense
	equal "code of what is not there" "$status" 127
	run -126 engine exec one /etc
	equal "code of a directory" "$status" 126
	run in_terminal exec -t one tty
	[[ $output == */dev/pts/* ]] || { echo "status $status, output: $output" && false; }
	engine exec -d one sh -c 'echo made >/made'
	wait_until 20 test -s "$BATS_TEST_TMPDIR/rootfs/made"
}

@test "podman logs, pause, stop, restart, update of what is known of the end" {
	# shellcheck disable=SC2016 # the container expands it
	engine run -d --name one "${options[@]}" --rootfs "$BATS_TEST_TMPDIR/rootfs" \
		sh -c 'trap "echo term; exit 3" TERM; echo ready; while :; do sleep 0.1; done'
	has_said() { [[ $(engine logs one) == *"$1"* ]]; }
	wait_until 30 has_said ready
	engine pause one
	equal state "$(engine inspect --format '{{.State.Status}}' one)" paused
	engine unpause one
	equal state "$(engine inspect --format '{{.State.Status}}' one)" running
	engine stop one
	equal "exit code" "$(engine inspect --format '{{.State.ExitCode}}' one)" 3
	wait_until 30 has_said term
	engine restart one
	equal state "$(engine inspect --format '{{.State.Status}}' one)" running
	engine kill one
	equal "exit code" "$(engine wait one)" 137
}

@test "podman healthcheck" {
	engine run -d --name well "${options[@]}" --health-cmd 'test ! -e /ill' --health-retries 1 --rootfs "$BATS_TEST_TMPDIR/rootfs" sleep 1000
	engine healthcheck run well
	touch "$BATS_TEST_TMPDIR/rootfs/ill"
	run -1 engine healthcheck run well
}

@test "podman pod: its containers share its namespaces, and stop with it" {
	engine import "$TARBALL" pod:1
	engine pod create --name pod --infra-image localhost/pod:1 --infra-command 'sleep 1000' --network none --hostname of-the-pod
	engine run -d --pod pod --name one --rootfs "$BATS_TEST_TMPDIR/rootfs" sleep 1000
	equal "hostname" "$(engine exec one hostname)" of-the-pod
	equal "containers that run" "$(engine ps -q | wc -l)" 2
	engine pod pause pod
	equal state "$(engine inspect --format '{{.State.Status}}' one)" paused
	engine pod unpause pod
	engine pod stop -t 0 pod
	equal "containers that run" "$(engine ps -q)" ""
	engine pod rm -f pod
}

@test "podman build: what the steps leave is in the image" {
	mkdir "$BATS_TEST_TMPDIR/context"
	cp "$TARBALL" "$BATS_TEST_TMPDIR/context/root.tar"
	printf '%s\n' 'FROM scratch' 'ADD root.tar /' 'RUN echo first >/made' 'RUN id -u >>/made' >"$BATS_TEST_TMPDIR/context/Dockerfile"
	engine build --isolation oci --network none -t made "$BATS_TEST_TMPDIR/context"
	equal "the file made" "$(engine run --rm "${options[@]}" made cat /made)" $'first\n0'
}
