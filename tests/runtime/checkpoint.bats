#!/usr/bin/env bats
# checkpoint and restore, with criu: what a container's processes had in memory is still there afterwards.
# shellcheck disable=SC2016 # the container expands it
load helpers

setup_file() {
	setup_rootfs_once
	local words
	if ! words=$(criu check 2>&1); then
		words=$(grep -m1 -e Error -e 'not found' <<<"$words" || true)
		export CRIU_CANNOT="criu cannot work here: ${words:-$?}"
	fi
}
setup() {
	setup_runtime
	IMAGES=$BATS_TEST_TMPDIR/images
	# It counts in a variable; what it writes down lies in memory, too.
	command_is sh -c 'trap "exit 7" TERM; i=0; while :; do i=$((i + 1)); echo $i >/dev/shm/count; sleep 0.05; done'
}
teardown() {
	teardown_runtime
	if [[ -n ${NETWORK:-} ]]; then ip netns delete "$NETWORK" 2>/dev/null || true; fi
}
needs_criu() { if [[ -n ${CRIU_CANNOT:-} ]]; then skip "$CRIU_CANNOT"; fi; }

# A pipe's other end is not the container's: what it says goes nowhere.
start_it() { runtime run --detach --bundle "$BUNDLE" "$ID" </dev/null > >(cat >/dev/null) 2>&1 3>&-; }
# restore_it: under the name $NEW.
restore_it() {
	runtime restore --detach --bundle "$BUNDLE" --image-path "$IMAGES" --pid-file "$BATS_TEST_TMPDIR/pid" "$NEW" \
		</dev/null > >(cat >/dev/null) 2>"$BATS_TEST_TMPDIR/errors" 3>&- || { cat "$BATS_TEST_TMPDIR/errors" && false; }
}
count_of() { runtime exec "$1" cat /dev/shm/count; }
counts_beyond() { [[ $(count_of "$1") -gt $2 ]]; }
pid_of() { runtime state "$1" | jq .pid; }

@test "CP1 a container goes on where it was, under another name" {
	needs_criu
	configure '.linux.resources.memory.limit = 67108864 | .hostname = "restored" | .linux.seccomp = {defaultAction:
		"SCMP_ACT_ALLOW", syscalls: [{names: ["swapon"], action: "SCMP_ACT_ERRNO"}]}'
	start_it
	wait_until 20 counts_beyond "$ID" 20
	NEW=$ID-again
	local before
	before=$(count_of "$ID")
	runtime checkpoint --image-path "$IMAGES" "$ID"
	run runtime state "$ID"
	equal "code for the one that was saved" "$status" 1
	nothing_left
	restore_it
	equal "the pid file" "$(<"$BATS_TEST_TMPDIR/pid")" "$(pid_of "$NEW")"
	equal status "$(status_of "$NEW")" running
	wait_until 20 counts_beyond "$NEW" "$before"
	[[ $(count_of "$NEW") -lt $((before + 2000)) ]]
	run runtime exec "$NEW" sh -c 'hostname; grep Seccomp: /proc/1/status; cat /proc/self/cgroup | cut -d: -f3 | sort -u'
	equal "what is inside" "$output" $'restored\nSeccomp:\t2\n/'
	# It is in the groups of its new name, with the limits.
	grep -q "$NEW" "/proc/$(pid_of "$NEW")/cgroup"
	run -0 sh -c "cat $(find /sys/fs/cgroup -type d -name "*$NEW*" | sed 's|$|/memory.max|' | xargs ls 2>/dev/null) \
		$(find /sys/fs/cgroup -type d -name "*$NEW*" | sed 's|$|/memory.limit_in_bytes|' | xargs ls 2>/dev/null)"
	equal "memory limit" "$output" 67108864
	runtime kill "$NEW" TERM
	wait_until 20 eval '[[ $(status_of "$NEW") == stopped ]]'
	runtime delete "$NEW"
	nothing_left
}

@test "CP2 --leave-running, and one in two parts: --pre-dump, --parent-path" {
	needs_criu
	start_it
	wait_until 20 counts_beyond "$ID" 5
	runtime checkpoint --leave-running --image-path "$IMAGES-first" "$ID"
	wait_until 20 counts_beyond "$ID" "$(count_of "$ID")"
	local before parts=()
	# Not every kernel knows which pages were written to.
	if criu check --feature mem_dirty_track >/dev/null 2>&1; then
		runtime checkpoint --pre-dump --image-path "$IMAGES-part" "$ID"
		parts=(--parent-path ../images-part)
		wait_until 20 counts_beyond "$ID" "$(count_of "$ID")"
	fi
	before=$(count_of "$ID")
	runtime checkpoint --image-path "$IMAGES" --work-path "$BATS_TEST_TMPDIR/work" "${parts[@]}" "$ID"
	[[ -s $BATS_TEST_TMPDIR/work/dump.log && ! -e $IMAGES/dump.log ]]
	NEW=$ID
	restore_it
	wait_until 20 counts_beyond "$NEW" "$before"
	runtime delete --force "$NEW"
	nothing_left
}

@test "CP3 restore stays until the end and has the program's exit code" {
	needs_criu
	start_it
	wait_until 20 counts_beyond "$ID" 5
	runtime checkpoint --image-path "$IMAGES" "$ID"
	runtime restore --bundle "$BUNDLE" --image-path "$IMAGES" "$ID" </dev/null > >(cat >/dev/null) 2>&1 3>&- &
	local restored=$! code=0
	wait_until 20 has_status running
	runtime kill "$ID" TERM
	wait "$restored" || code=$?
	equal "exit code" "$code" 7
	nothing_left
}

@test "CP4 volumes, a network namespace and hooks are those that the config names now" {
	needs_criu
	NETWORK=tare-cp$$
	ip netns add "$NETWORK"
	mkdir "$BATS_TEST_TMPDIR"/{old,new}
	echo old >"$BATS_TEST_TMPDIR/old/file"
	echo new >"$BATS_TEST_TMPDIR/new/file"
	mkdir "$BUNDLE/rootfs/real"
	ln -s ../real "$BUNDLE/rootfs/etc/link"
	configure "(.linux.namespaces[] | select(.type == \"network\")).path = \"/run/netns/$NETWORK\" |
		.mounts += [{destination: \"/etc/link/data\", type: \"bind\", source: \"$BATS_TEST_TMPDIR/old\", options: [\"rbind\", \"ro\"]}]"
	start_it
	wait_until 20 counts_beyond "$ID" 5
	runtime checkpoint --image-path "$IMAGES" "$ID"
	configure ".mounts[-1].source = \"$BATS_TEST_TMPDIR/new\" |
		.hooks.prestart = [{path: \"/bin/sh\", args: [\"sh\", \"-c\",
			\"cat >$BATS_TEST_TMPDIR/hook; ls /proc/self/fd >$BATS_TEST_TMPDIR/fds; mount -t tmpfs none $BATS_TEST_TMPDIR/old\"]}]"
	NEW=$ID
	restore_it
	run runtime exec "$NEW" sh -c 'cat /real/data/file; touch /real/data/x 2>&1 | grep -c Read-only'
	equal "the volume" "$output" $'new\n1'
	equal "its network namespace" "$(stat -Lc %i "/proc/$(pid_of "$NEW")/ns/net")" "$(stat -Lc %i "/run/netns/$NETWORK")"
	equal "what the hook was told" "$(jq -r .id "$BATS_TEST_TMPDIR/hook")" "$NEW"
	# A hook runs where the runtime was started: what it mounts is the host's, and criu's files are not its own.
	mountpoint -q "$BATS_TEST_TMPDIR/old"
	umount "$BATS_TEST_TMPDIR/old"
	# The last one is the directory that ls reads.
	equal "the hook's files" "$(xargs <"$BATS_TEST_TMPDIR/fds")" "0 1 2 3"
	runtime delete --force "$NEW"
	nothing_left
}

@test "CP5 a terminal's new controlling side goes to the console socket" {
	needs_criu
	configure '.process.terminal = true'
	command_is sh -c 'while [ ! -e /dev/shm/go ]; do sleep 0.05; done; echo hello from $$'
	console() { python3 "$BATS_TEST_DIRNAME/console.py" "$1" "${@:2}" 3>&-; }
	local program=("$TARE_BIN_DIR/tare-runtime" --root "$RUNTIME_ROOT")
	[[ -z ${TARE_RUNTIME_OPTIONS:-} ]] || program+=("$TARE_RUNTIME_OPTIONS")
	console "$BATS_TEST_TMPDIR/first" "${program[@]}" run --detach --bundle "$BUNDLE" --console-socket \
		"$BATS_TEST_TMPDIR/first" "$ID" &
	wait_until 20 has_status running
	runtime checkpoint --image-path "$IMAGES" "$ID"
	wait $!
	console "$BATS_TEST_TMPDIR/second" "${program[@]}" restore --detach --bundle "$BUNDLE" --image-path "$IMAGES" \
		--console-socket "$BATS_TEST_TMPDIR/second" "$ID" >"$BATS_TEST_TMPDIR/said" &
	wait_until 20 has_status running
	runtime exec "$ID" touch /dev/shm/go
	wait $!
	grep -q 'hello from 1' "$BATS_TEST_TMPDIR/said"
	runtime delete "$ID"
	nothing_left
}

@test "CP6 what cannot be saved or restored is refused and left as it was" {
	runtime create --bundle "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1 3>&-
	run runtime checkpoint --image-path "$IMAGES" "$ID"
	equal "code for a created one" "$status" 1
	equal words "$output" "tare-runtime: Container cannot be checkpointed in created state"
	runtime delete "$ID"
	run runtime checkpoint "$ID"
	equal words "$output" "tare-runtime: container $ID does not exist"
	run runtime restore --bundle "$BUNDLE" --image-path "$IMAGES" "$ID"
	equal "code for no images" "$status" 1
	[[ $output == *"$IMAGES"*"no such file or directory"* ]]
	mkdir "$IMAGES"
	run runtime restore --bundle "$BUNDLE" --image-path "$IMAGES" "$ID"
	equal "code for empty images" "$status" 1
	[[ $output == *"criu: "*"$IMAGES/restore.log"* ]]
	run runtime restore --bundle "$BUNDLE" --manage-cgroups-mode hard "$ID"
	[[ $output == *"soft, full, strict or ignore"* ]]
	run runtime checkpoint --lazy-pages "$ID"
	[[ $output == *"--lazy-pages needs --page-server"* ]]
	run runtime checkpoint --status-fd 77 "$ID"
	[[ $output == *"nothing can be written to the file descriptor 77"* ]]
	rm -r "$IMAGES"
	nothing_left
}

@test "CP7 where criu cannot work, the refusal is in its words, one object in the log, and the container runs on" {
	start_it
	wait_until 20 counts_beyond "$ID" 5
	# A criu that finds nothing to work with; the real one where that is so.
	if [[ -z ${CRIU_CANNOT:-} ]]; then
		mkdir "$BATS_TEST_TMPDIR/none"
		run env PATH="$BATS_TEST_TMPDIR/none" "$TARE_BIN_DIR/tare-runtime" --root "$RUNTIME_ROOT" --log "$LOG" --log-format json \
			checkpoint --image-path "$IMAGES" "$ID"
		equal code "$status" 1
		equal "lines on standard error" "${#lines[@]}" 1
		[[ ! -e $IMAGES ]]
		[[ $(jq -r .msg "$LOG") == "a checkpoint needs the program criu, which is not in PATH"* ]]
	elif [[ $CRIU_CANNOT == *"not found"* ]]; then
		run runtime --log "$LOG" --log-format json checkpoint --image-path "$IMAGES" "$ID"
		equal code "$status" 1
		[[ $(jq -r .msg "$LOG") == "a checkpoint needs the "* ]]
	else
		run runtime --log "$LOG" --log-format json checkpoint --image-path "$IMAGES" "$ID"
		equal code "$status" 1
		local words=${CRIU_CANNOT##*): }
		[[ $(jq -r .msg "$LOG") == *"$words"* ]] || { cat "$LOG" && false; }
	fi
	equal "objects in the log" "$(jq -c . "$LOG" | wc -l)" 1
	equal status "$(status_of "$ID")" running
	wait_until 20 counts_beyond "$ID" "$(count_of "$ID")"
	runtime delete --force "$ID"
	nothing_left
}

@test "CP8 podman container checkpoint and restore" {
	needs_criu
	command -v podman >/dev/null || skip "there is no podman here"
	local options=(--runtime "$TARE_BIN_DIR/tare-runtime" --cgroup-manager cgroupfs --storage-driver vfs
		--root "$BATS_TEST_TMPDIR/podman/root" --runroot "$BATS_TEST_TMPDIR/podman/run"
		--tmpdir "$BATS_TEST_TMPDIR/podman/tmp" --events-backend file)
	engine() { podman "${options[@]}" "$@" 3>&-; }
	# Its own limits may be more than may be given here.
	export CONTAINERS_CONF=$BATS_TEST_TMPDIR/containers.conf
	printf '[containers]\ndefault_ulimits = ["nofile=1000:1000", "nproc=1000:1000"]\n' >"$CONTAINERS_CONF"
	engine run -d --name one --network none --rootfs "$BUNDLE/rootfs" \
		sh -c 'i=0; while :; do i=$((i + 1)); echo $i >/dev/shm/count; sleep 0.05; done'
	has_counted() { [[ $(engine exec one cat /dev/shm/count) -gt $1 ]]; }
	wait_until 20 has_counted 5
	engine container checkpoint one
	equal status "$(engine inspect --format '{{.State.Status}} {{.State.Checkpointed}}' one)" "exited true"
	engine container restore one
	equal status "$(engine inspect --format '{{.State.Status}}' one)" running
	wait_until 20 has_counted 10
	engine rm --force --time 0 one
	find /sys/fs/cgroup -depth -type d -path '*/libpod_parent*' -exec rmdir {} + 2>/dev/null || true
	nothing_left
}

@test "CP9 whatever is said about cgroups, the restored container is in its own, and a paused one can be saved" {
	needs_criu
	# criu's own options, where the bundle names a file with some.
	echo "log-file other.log" >"$BATS_TEST_TMPDIR/criu.conf"
	configure ".annotations[\"org.criu.config\"] = \"$BATS_TEST_TMPDIR/criu.conf\""
	start_it
	wait_until 20 counts_beyond "$ID" 5
	runtime pause "$ID"
	runtime checkpoint --manage-cgroups-mode ignore --image-path "$IMAGES" "$ID"
	[[ -s $IMAGES/other.log && ! -e $IMAGES/dump.log ]]
	configure '.annotations["org.criu.config"] = ""'
	nothing_left
	NEW=$ID-again
	runtime restore --detach --bundle "$BUNDLE" --image-path "$IMAGES" --work-path "$BATS_TEST_TMPDIR/new/work" \
		--manage-cgroups-mode ignore "$NEW" </dev/null > >(cat >/dev/null) 2>&1 3>&-
	wait_until 20 counts_beyond "$NEW" 6
	[[ -s $BATS_TEST_TMPDIR/new/work/restore.log ]]
	equal "lines that do not name its cgroup" "$(grep -vc "$NEW" "/proc/$(pid_of "$NEW")/cgroup")" 0
	runtime pause "$NEW"
	equal status "$(status_of "$NEW")" paused
	runtime resume "$NEW"
	run restore_it
	[[ $output == *"container with id exists: $NEW"* ]] || { echo "$output" && false; }
	equal "the one that is there" "$(status_of "$NEW")" running
	runtime delete --force "$NEW"
	nothing_left
}

@test "CP10 a restoration that fails, by a hook or an end in the middle, leaves nothing" {
	needs_criu
	start_it
	wait_until 20 counts_beyond "$ID" 5
	runtime checkpoint --image-path "$IMAGES" "$ID"
	configure '.hooks.prestart = [{path: "/bin/sh", args: ["sh", "-c", "echo no; exit 3"]}]'
	run runtime restore --detach --bundle "$BUNDLE" --image-path "$IMAGES" "$ID"
	equal code "$status" 1
	equal words "$output" "tare-runtime: error running prestart hook #0: exit status 3, stdout: no, stderr: "
	nothing_left
	configure 'del(.hooks)'
	# criu works in the directory of its log.
	no_criu_left() { [[ -z $(find /proc/[0-9]*/cwd -maxdepth 0 -lname "$IMAGES" 2>/dev/null) ]]; }
	local after
	for after in 0.05 0.1 0.15 0.2 0.3 0.6; do
		"$TARE_BIN_DIR/tare-runtime" --root "$RUNTIME_ROOT" restore --detach --bundle "$BUNDLE" --image-path "$IMAGES" "$ID" \
			</dev/null > >(cat >/dev/null) 2>&1 3>&- &
		sleep "$after"
		kill -9 $! 2>/dev/null || true
		wait $! || true
		wait_until 20 no_criu_left
		runtime delete --force "$ID"
		wait_until 10 nothing_left
	done
}

@test "CP11 --lazy-pages: the memory comes when it is used, and --status-fd says when it can" {
	needs_criu
	criu check --feature uffd-noncoop >/dev/null 2>&1 || skip "the kernel cannot tell criu of missing pages"
	# CAP_SYS_RESOURCE: for larger pipes than others may have.
	((0x$(sed -n 's/^CapEff:\t//p' /proc/self/status) >> 24 & 1)) || skip "criu may not keep memory for others"
	start_it
	wait_until 20 counts_beyond "$ID" 5
	local port=$((20000 + $$ % 10000)) saved fetched
	mkfifo "$BATS_TEST_TMPDIR/status"
	runtime checkpoint --lazy-pages --page-server "127.0.0.1:$port" --status-fd 7 --image-path "$IMAGES" "$ID" \
		</dev/null >"$BATS_TEST_TMPDIR/errors" 2>&1 3>&- 7<>"$BATS_TEST_TMPDIR/status" &
	saved=$!
	equal "what the status says" "$(timeout 60 head -c 1 "$BATS_TEST_TMPDIR/status" | od -An -tx1 | xargs)" 00
	kill -0 "$saved"
	mkdir "$BATS_TEST_TMPDIR/fetched"
	(cd "$BATS_TEST_TMPDIR/fetched" && exec criu lazy-pages --page-server --address 127.0.0.1 --port "$port" \
		--images-dir "$IMAGES" --work-dir . --log-file log) </dev/null >/dev/null 2>&1 3>&- &
	fetched=$!
	wait_until 20 test -S "$BATS_TEST_TMPDIR/fetched/lazy-pages.socket"
	NEW=$ID-again
	runtime restore --detach --lazy-pages --bundle "$BUNDLE" --image-path "$IMAGES" \
		--work-path "$BATS_TEST_TMPDIR/fetched" "$NEW" </dev/null > >(cat >/dev/null) 2>&1 3>&-
	wait "$saved"
	wait "$fetched"
	run runtime state "$ID"
	equal "code for the one that was saved" "$status" 1
	wait_until 20 counts_beyond "$NEW" 6
	runtime delete --force "$NEW"
	nothing_left
}
