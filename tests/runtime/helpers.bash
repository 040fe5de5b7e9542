# What every test of tare-runtime uses: the program with a root of the test's own, and bundles.
# shellcheck shell=bash
load ../engine/helpers

setup_runtime() {
	export RUNTIME_ROOT=$BATS_TEST_TMPDIR/state BUNDLE=$BATS_TEST_TMPDIR/bundle LOG=$BATS_TEST_TMPDIR/log.json
	export ID="t$$-$BATS_TEST_NUMBER"
	make_bundle "$BUNDLE"
}

teardown_runtime() {
	local id
	for id in $(runtime list -q 2>/dev/null); do runtime delete --force "$id" || true; done
	awk -v top="$BATS_TEST_TMPDIR/" 'index($2, top) == 1 { print $2 }' /proc/self/mounts | tac | xargs -r umount
}

# TARE_RUNTIME_OPTIONS: global options for all of them, such as --systemd-cgroup.
# shellcheck disable=SC2086 # they are words
runtime() { "$TARE_BIN_DIR/tare-runtime" --root "$RUNTIME_ROOT" ${TARE_RUNTIME_OPTIONS:-} "$@"; }
by_systemd() { [[ ${TARE_RUNTIME_OPTIONS:-} == *systemd* ]]; }
# cgroup_of ID: the directory of a container's cgroup v2.
cgroup_of() { echo "/sys/fs/cgroup$(cut -d: -f3 "/proc/$(runtime state "$1" | jq .pid)/cgroup")"; }

# make_bundle DIRECTORY: the default config on the file's root file system, without a terminal, with a writable root.
make_bundle() {
	mkdir -p "$1"
	"$TARE_BIN_DIR/tare-runtime" spec --bundle "$1"
	[[ -d $1/rootfs ]] || mount_rootfs "$1/rootfs"
	configure '.process.terminal = false | .root.readonly = false' "$1"
}

# A copy of the file's root file system, which is small.
mount_rootfs() { cp -a "$ROOTFS" "$1"; }

# configure JQ-FILTER [BUNDLE]: changes the config.
configure() {
	local config=${2:-$BUNDLE}/config.json
	jq "$1" "$config" >"$config.new" && mv "$config.new" "$config"
}
# command WORD...: what the container runs.
# shellcheck disable=SC2016 # jq expands it
command_is() { configure ".process.args = $(jq -cn '$ARGS.positional' --args -- "$@")"; }

status_of() { runtime state "$1" | jq -r .status; }
has_status() { [[ $(status_of "$ID" 2>/dev/null) == "$1" ]]; }

# No trace of the container: no process, cgroup, mount, state.
traces() {
	find /sys/fs/cgroup -type d -name "*$ID*"
	grep -F "$BATS_TEST_TMPDIR" /proc/self/mountinfo
	ls -A "$RUNTIME_ROOT" 2>/dev/null
	# By few processes: where the processor is emulated, a look at each by one of its own takes ten seconds.
	find /proc/[0-9]*/root -maxdepth 0 -lname "$BATS_TEST_TMPDIR*" 2>/dev/null
	while read -r process; do
		process=${process%/exe}
		# One in another container's cgroup is not this test's.
		if grep -qF "$ID" "$process/cgroup" || cmp -s "$process/cgroup" /proc/self/cgroup; then echo "init $process"; fi
	done < <(find /proc/[0-9]*/exe -maxdepth 0 -lname '*tare-init*' 2>/dev/null)
}
nothing_left() {
	local left attempt
	# An init that another test has just made is in no cgroup of its own yet.
	for ((attempt = 0; attempt < 5; attempt++)); do
		left=$(traces)
		[[ $left == init* ]] || break
		sleep 0.3
	done
	equal "what is left" "$left" ""
}
