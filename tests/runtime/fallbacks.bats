#!/usr/bin/env bats
# Without the kernel's newer system calls, as on older kernels and below filters of callers. `./dev test fallbacks` runs all
# the other tests of tare-runtime so, too.
# shellcheck disable=SC2016 # the container expands it
load helpers

setup_file() { setup_rootfs_once; }
setup() { setup_runtime; }
teardown() {
	if [[ -e $BATS_TEST_TMPDIR/source/below ]]; then umount -R "$BATS_TEST_TMPDIR/source/below"; fi
	teardown_runtime
}

# runtime_without CALLS ARGUMENT...; CALLS may be "--eperm CALLS".
runtime_without() {
	local calls=$1
	shift
	# shellcheck disable=SC2086 # they are words
	"$TARE_BIN_DIR/without" $calls "$TARE_BIN_DIR/tare-runtime" --root "$RUNTIME_ROOT" ${TARE_RUNTIME_OPTIONS:-} "$@"
}
# lives CALLS: a container's life without them.
lives() {
	runtime_without "$1" run --detach --bundle "$BUNDLE" "$ID" </dev/null >/dev/null 2>"$LOG" || { echo "without $1: $(cat "$LOG")" && return 1; }
	run runtime_without "$1" exec "$ID" sh -c 'cat /proc/1/comm; exit 3'
	equal "exec without $1" "$status $output" "3 sleep"
	runtime_without "$1" delete --force "$ID"
}

@test "a container runs, takes an exec and is deleted without each of the newer calls, and without all of them" {
	local call
	command_is sleep 1000
	for call in $("$TARE_BIN_DIR/without" --list | tr , ' ') newer '--eperm newer'; do lives "$call"; done
	nothing_left
}

@test "without the newer calls a container has the same mounts, with the same options, and the same descriptors" {
	local source=$BATS_TEST_TMPDIR/source with call
	mkdir -p "$source/below"
	mount -t tmpfs -o mode=755 below "$source/below"
	mkdir "$source/below/a b" "$source/below/covered"
	mount -t tmpfs -o nosuid deeper "$source/below/a b"
	mount -t tmpfs first "$source/below/covered"
	mount -t tmpfs second "$source/below/covered"
	ln -s below "$source/link"
	configure ".mounts += [
		{destination: \"/changed\", type: \"bind\", source: \"$source\", options: [\"rbind\", \"rro\", \"rnoexec\", \"rnoatime\"]},
		{destination: \"/as it is\", type: \"bind\", source: \"$source/link/a b\", options: [\"rbind\"]},
		{destination: \"/plain\", type: \"tmpfs\", source: \"some\", options: [\"ro\", \"size=64k\", \"mode=711\", \"strictatime\"]},
		{destination: \"/file\", type: \"bind\", source: \"/etc/hostname\", options: [\"bind\", \"ro\", \"nodiratime\"]}]
		| .root.readonly = true | .linux.maskedPaths += [\"/file\"] | .linux.readonlyPaths += [\"/as it is\"]"
	# The first mount, which the second one covers, is nobody's to reach: an older kernel cannot change it.
	command_is sh -c 'cut -d" " -f4- /proc/self/mountinfo | grep -v "tmpfs first"; ls -1 /proc/self/fd
		touch /changed/x "/changed/below/a b/x" "/as it is/x" /plain/x /x 2>&1; cat /file'
	with=$(runtime run --bundle "$BUNDLE" "$ID" </dev/null)
	[[ $(grep -c "Read-only file system" <<<"$with") == 5 && $with == *"/changed/below/a\\040b ro,nosuid,noexec,noatime"* ]] || { echo "$with" && return 1; }
	for call in newer mount_setattr move_mount open_tree fsmount; do
		equal "without $call" "$(runtime_without "$call" run --bundle "$BUNDLE" "$ID" </dev/null)" "$with"
	done
	umount -R "$source/below" && rmdir "$source/below"
	nothing_left
}

@test "without pidfds the end of a process is seen all the same, and no other process is taken for it" {
	command_is sleep 1000
	runtime_without pidfd_open run --detach --bundle "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1
	run runtime_without pidfd_open exec "$ID" sh -c 'sleep 0.3; echo ended; exit 5'
	equal "of exec" "$status $output" "5 ended"
	runtime_without pidfd_open events --interval 100ms "$ID" >"$BATS_TEST_TMPDIR/events" 3>&- &
	wait_until 10 test -s "$BATS_TEST_TMPDIR/events"
	runtime_without pidfd_open kill "$ID" KILL
	wait $!
	wait_until 10 has_status stopped
	run runtime_without pidfd_open exec "$ID" true
	[[ $status -eq 255 && $output == *"not running"* ]]
	runtime_without pidfd_open delete "$ID"
	nothing_left
}
