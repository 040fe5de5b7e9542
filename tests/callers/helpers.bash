# What the tests of tare-runtime's callers use: real daemons, in namespaces of their own and in the file's directory.
# shellcheck shell=bash
load ../engine/helpers

# shellcheck disable=SC2034 # the files use it
RUNTIME=$TARE_BIN_DIR/tare-runtime

# start_daemon NAME COMMAND...: with mounts, processes and a network that nobody else sees; what it says is in NAME.log.
# Ends with the shell that started it at the latest.
start_daemon() {
	local name=$1
	shift
	# shellcheck disable=SC2016 # the shell inside expands it
	unshare --mount --net --pid --fork --kill-child --mount-proc bash -c '
		mount --make-rprivate / && mount -t tmpfs tmpfs /run && ip link set lo up && exec "$@"' "$name" "$@" \
		</dev/null >"$BATS_FILE_TMPDIR/$name.log" 2>&1 3>&- 4>&- &
	echo $! >"$BATS_FILE_TMPDIR/$name.pid"
}

# daemon_of NAME: its pid; the one that is known is that of unshare(1).
daemon_of() { pgrep -P "$(cat "$BATS_FILE_TMPDIR/$1.pid")"; }

# beside NAME COMMAND...: what a daemon's client finds in /run, too, is the daemon's.
beside() {
	local pid
	pid=$(daemon_of "$1") || return
	nsenter --mount="/proc/$pid/ns/mnt" --pid="/proc/$pid/ns/pid" "${@:2}" 3>&-
}

# stop_daemon NAME: and all that it has started, with the namespaces.
stop_daemon() {
	local pid inside
	pid=$(cat "$BATS_FILE_TMPDIR/$1.pid") || return 0
	inside=$(daemon_of "$1" || true)
	if [[ $inside ]]; then kill -TERM "$inside" 2>/dev/null || true; fi
	for _ in {1..100}; do
		kill -0 "$pid" 2>/dev/null || return 0
		sleep 0.1
	done
	kill -KILL "$pid" ${inside:+"$inside"} 2>/dev/null || true
}

# remove_cgroups NAME: those that a daemon has left below directories of that name.
remove_cgroups() {
	find /sys/fs/cgroup -maxdepth 2 -type d -name "$1" 2>/dev/null | while read -r top; do
		find "$top" -depth -type d -exec rmdir {} + 2>/dev/null || true
	done
}

# no_container_left NAME: no cgroup of a container below the daemon's own.
no_container_left() {
	local left
	left=$(find /sys/fs/cgroup -mindepth 2 -type d -path "*$1*" 2>/dev/null | grep -v "/$1\$" || true)
	equal "cgroups left" "$left" ""
}
