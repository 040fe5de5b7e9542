#!/usr/bin/env bats
# create start state kill delete run, and what their callers rely on.
load helpers

setup_file() { setup_rootfs_once; }
setup() { setup_runtime; }
teardown() { teardown_runtime; }

create() { runtime create --bundle "$BUNDLE" "$@" "$ID" </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1 3>&-; }

@test "create, start, state, kill and delete: a container's whole life" {
	# shellcheck disable=SC2016 # the container expands it
	command_is sh -c 'echo "$1" >/said; sleep 1000' sh hello
	create --pid-file "$BATS_TEST_TMPDIR/pid"
	equal status "$(status_of "$ID")" created
	[[ ! -e $BUNDLE/rootfs/said ]]
	runtime start "$ID"
	equal status "$(status_of "$ID")" running
	wait_until 5 test -s "$BUNDLE/rootfs/said"
	equal said "$(cat "$BUNDLE/rootfs/said")" hello
	runtime kill "$ID" KILL
	wait_until 5 has_status stopped
	runtime delete "$ID"
	nothing_left
}

@test "the pid file is digits without a line feed" {
	command_is sleep 1000
	create --pid-file "$BATS_TEST_TMPDIR/pid"
	[[ -s $BATS_TEST_TMPDIR/pid ]]
	equal "what is no digit" "$(tr -d 0-9 <"$BATS_TEST_TMPDIR/pid" | wc -c)" 0
	equal pid "$(cat "$BATS_TEST_TMPDIR/pid")" "$(runtime state "$ID" | jq .pid)"
}

@test "a failing create leaves nothing, and no pid file" {
	command_is /does/not/exist
	run runtime --log "$LOG" --log-format json create --bundle "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" "$ID"
	equal code "$status" 1
	[[ $output == *"no such file or directory"* ]]
	[[ ! -e $BATS_TEST_TMPDIR/pid ]]
	equal "objects in the log" "$(jq -s length "$LOG")" 1
	equal level "$(jq -r .level "$LOG")" error
	jq -re .msg "$LOG" | grep -q "no such file or directory"
	jq -re .time "$LOG" | grep -Eq '^[0-9-]+T[0-9:.]+Z$'
	nothing_left
}

@test "what the search in PATH does not find is told in the words that engines look for" {
	command_is nonsense
	run runtime create --bundle "$BUNDLE" "$ID"
	equal code "$status" 1
	[[ $output == *"executable file not found in \$PATH"* ]]
	nothing_left
}

@test "start says why the exec failed, and the container has then stopped" {
	printf 'no program' >"$BUNDLE/rootfs/bin/broken"
	chmod +x "$BUNDLE/rootfs/bin/broken"
	command_is broken
	create
	run runtime start "$ID"
	equal code "$status" 1
	[[ $output == *"exec format error"* ]]
	wait_until 5 has_status stopped
	runtime delete "$ID"
	nothing_left
}

@test "a second start, and one of a container that has stopped, are refused" {
	command_is sleep 1000
	create
	runtime start "$ID"
	run runtime start "$ID"
	equal code "$status" 1
	runtime kill "$ID" 9
	wait_until 5 has_status stopped
	run runtime start "$ID"
	equal code "$status" 1
}

@test "two starts at once: one succeeds" {
	command_is sleep 1000
	create
	runtime start "$ID" 3>&- &
	local first=$! one=0 two=0
	runtime start "$ID" || two=$?
	wait "$first" || one=$?
	equal "the codes' sum" "$((one + two))" 1
	equal status "$(status_of "$ID")" running
}

@test "who only connects to the gate does not start the container" {
	command_is sleep 1000
	create
	for _ in 1 2 3; do
		python3 -c 'import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); s.connect(sys.argv[1])' "$RUNTIME_ROOT/$ID/gate"
	done
	equal status "$(status_of "$ID")" created
	runtime start "$ID"
	equal status "$(status_of "$ID")" running
}

@test "the id of a container that exists is refused, and the container stays" {
	command_is sleep 1000
	create
	run runtime create --bundle "$BUNDLE" "$ID"
	equal code "$status" 1
	[[ $output == *"exists"* ]]
	equal status "$(status_of "$ID")" created
}

@test "ids with other characters, . and .. are refused" {
	local id
	for id in . .. a/b 'a b' '' 'ä'; do
		run runtime create --bundle "$BUNDLE" "$id"
		equal "code for '$id'" "$status" 1
	done
	nothing_left
}

@test "state, kill, start and delete of what is not there say: does not exist" {
	local verb
	for verb in state kill start delete; do
		run runtime "$verb" nothing
		equal "$verb's code" "$status" 1
		[[ $output == *"does not exist"* ]]
	done
	runtime delete --force nothing
}

@test "the state has the fields of the specification" {
	configure '.annotations = {"org.example.key": "value"}'
	command_is sleep 1000
	create
	runtime state "$ID" | jq -e --arg bundle "$BUNDLE" --arg id "$ID" '
		.id == $id and .bundle == $bundle and .rootfs == $bundle + "/rootfs" and .status == "created" and
		(.pid | type) == "number" and .pid > 0 and .annotations == {"org.example.key": "value"} and
		.owner == "root" and (.ociVersion | startswith("1.")) and (.created | test("^[0-9-]+T[0-9:.]+Z$"))'
	runtime kill "$ID" KILL
	wait_until 5 has_status stopped
	equal pid "$(runtime state "$ID" | jq .pid)" 0
}

@test "list prints a table, JSON, or ids" {
	command_is sleep 1000
	create
	runtime list | head -n 1 | grep -Eq '^ID +PID +STATUS +BUNDLE +CREATED +OWNER$'
	equal ids "$(runtime list -q)" "$ID"
	equal "JSON's ids" "$(runtime list --format json | jq -r '.[].id')" "$ID"
	equal "no containers" "$("$TARE_BIN_DIR/tare-runtime" --root "$BATS_TEST_TMPDIR/other" list -f json)" "[]"
}

has_got() { [[ $(wc -l <"$BUNDLE/rootfs/got") == "$1" ]]; }

@test "kill takes names with and without SIG, in any case, and numbers" {
	command_is sh -c 'trap "echo usr1 >>/got" USR1; trap "echo term >>/got" TERM; echo ready >/ready; while :; do sleep 0.05; done'
	create
	runtime start "$ID"
	wait_until 5 test -s "$BUNDLE/rootfs/ready"
	local signal count=0
	for signal in USR1 SIGUSR1 sigusr1 10 ''; do
		runtime kill "$ID" ${signal:+"$signal"}
		count=$((count + 1))
		wait_until 5 has_got "$count"
	done
	equal got "$(tr '\n' ' ' <"$BUNDLE/rootfs/got")" "usr1 usr1 usr1 usr1 term "
	run runtime kill "$ID" NONSENSE
	equal code "$status" 1
}

@test "kill of a container that has stopped says so, but --all is content" {
	command_is true
	create
	runtime start "$ID"
	wait_until 5 has_status stopped
	run runtime kill "$ID" TERM
	equal code "$status" 1
	[[ $output == *"container not running"* ]]
	runtime kill --all "$ID" 9
}

@test "a created container, whose process has no handlers, is ended by TERM all the same" {
	command_is sleep 1000
	create
	runtime kill "$ID" TERM
	wait_until 5 has_status stopped
}

@test "without a pid namespace of its own, KILL ends all of the container's processes" {
	configure '.linux.namespaces |= map(select(.type != "pid"))'
	command_is sh -c 'sleep 1000 & echo $! >/child; sleep 1000'
	create
	runtime start "$ID"
	wait_until 5 test -s "$BUNDLE/rootfs/child"
	local child
	child=$(cat "$BUNDLE/rootfs/child")
	[[ -e /proc/$child ]]
	runtime kill "$ID" KILL
	wait_until 5 has_status stopped
	wait_until 5 test ! -e "/proc/$child"
}

@test "delete of a running container is refused without --force" {
	command_is sleep 1000
	create
	runtime start "$ID"
	run runtime delete "$ID"
	equal code "$status" 1
	[[ $output == *"not stopped"* ]]
	runtime delete --force "$ID"
	nothing_left
}

@test "delete of a container that was never started needs no --force" {
	command_is sleep 1000
	create
	runtime delete "$ID"
	nothing_left
}

@test "a create that was killed half-way can be deleted" {
	command_is sleep 1000
	local round
	for round in 1 2 3 4 5 6 7 8; do
		(exec "$TARE_BIN_DIR/tare-runtime" --root "$RUNTIME_ROOT" create --bundle "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1 3>&-) &
		local victim=$!
		sleep "0.00$round"
		kill -KILL "$victim" 2>/dev/null || true
		wait "$victim" || true
		# One that was not begun is not there.
		runtime delete "$ID" || runtime delete --force "$ID"
		wait_until 5 nothing_left
	done
}

@test "run gives the process's exit code, 128 + the signal, and leaves nothing" {
	command_is sh -c 'exit 7'
	run runtime run --bundle "$BUNDLE" "$ID"
	equal code "$status" 7
	configure '.linux.namespaces |= map(select(.type != "pid"))'
	command_is sh -c 'kill -TERM $$; sleep 5'
	run runtime run --bundle "$BUNDLE" "$ID"
	equal code "$status" 143
	nothing_left
}

@test "run passes signals on, and is 128 + 9 when the process is killed" {
	local program=("$TARE_BIN_DIR/tare-runtime" --root "$RUNTIME_ROOT" run --bundle "$BUNDLE" "$ID") pid code=0
	command_is sh -c 'trap "exit 5" TERM; echo ready >/ready; while :; do sleep 0.05; done'
	"${program[@]}" </dev/null >/dev/null 2>&1 3>&- &
	pid=$!
	wait_until 5 test -s "$BUNDLE/rootfs/ready"
	kill -TERM "$pid"
	wait "$pid" || code=$?
	equal code "$code" 5
	command_is sleep 1000
	"${program[@]}" </dev/null >/dev/null 2>&1 3>&- &
	pid=$! code=0
	wait_until 5 has_status running
	runtime kill "$ID" KILL
	wait "$pid" || code=$?
	equal code "$code" 137
	nothing_left
}

@test "run --detach returns, and the container lives on" {
	command_is sleep 1000
	runtime run --detach --bundle "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1 3>&-
	equal status "$(status_of "$ID")" running
	sleep 0.2
	equal status "$(status_of "$ID")" running
}

@test "run --keep leaves the state" {
	command_is true
	runtime run --keep --bundle "$BUNDLE" "$ID"
	equal status "$(status_of "$ID")" stopped
	runtime delete "$ID"
	nothing_left
}

@test "a bundle may be given relative to the working directory, or be it" {
	command_is echo here
	cd "$BATS_TEST_TMPDIR"
	equal output "$(runtime run --bundle bundle "$ID")" here
	cd bundle
	equal output "$(runtime run "$ID")" here
}

@test "--preserve-fds passes descriptors on, and no others" {
	command_is sh -c 'cat <&3; cat <&4; ls /proc/self/fd | tr "\n" " "'
	echo three >"$BATS_TEST_TMPDIR/three"
	echo four >"$BATS_TEST_TMPDIR/four"
	run runtime run --preserve-fds 2 --bundle "$BUNDLE" "$ID" 3<"$BATS_TEST_TMPDIR/three" 4<"$BATS_TEST_TMPDIR/four" \
		5<"$BATS_TEST_TMPDIR/four"
	equal code "$status" 0
	equal output "${lines[*]}" "three four 0 1 2 3 4 5 " # 5 is ls's own
	run runtime run --preserve-fds 9 --bundle "$BUNDLE" "$ID"
	equal code "$status" 1
}

@test "a console socket gets the terminal; wrong combinations are refused before there is a container" {
	run runtime create --bundle "$BUNDLE" --console-socket "$BATS_TEST_TMPDIR/none" "$ID"
	equal code "$status" 1
	[[ $output == *"cannot use console socket"* ]]
	configure '.process.terminal = true | .process.consoleSize = {"height": 10, "width": 33}'
	command_is sh -c 'stty size; echo hello; sleep 0.2'
	run runtime create --bundle "$BUNDLE" "$ID"
	equal code "$status" 1
	[[ $output == *"without setting console socket"* ]]
	run runtime create --bundle "$BUNDLE" --console-socket "$BATS_TEST_TMPDIR/none" "$ID"
	equal code "$status" 1
	nothing_left
	run python3 "$BATS_TEST_DIRNAME/console.py" "$BATS_TEST_TMPDIR/console" \
		"$TARE_BIN_DIR/tare-runtime" --root "$RUNTIME_ROOT" run --detach --bundle "$BUNDLE" --console-socket \
		"$BATS_TEST_TMPDIR/console" "$ID"
	equal code "$status" 0
	[[ $output == *"10 33"*hello* ]]
}

@test "a process that is dead but not reaped counts as stopped" {
	command_is sleep 1000
	create --pid-file "$BATS_TEST_TMPDIR/pid"
	runtime start "$ID"
	kill -KILL "$(cat "$BATS_TEST_TMPDIR/pid")"
	wait_until 5 has_status stopped
}

@test "global options: both forms, single dash, last one wins, unknown log formats and cgroup managers refused" {
	local other=$BATS_TEST_TMPDIR/other
	"$TARE_BIN_DIR/tare-runtime" -root /nowhere --root="$other" --log-format=json list
	run "$TARE_BIN_DIR/tare-runtime" --log-format xml list
	equal code "$status" 1
	run "$TARE_BIN_DIR/tare-runtime" --cgroup-manager nonsense --root "$other" list
	equal code "$status" 1
	"$TARE_BIN_DIR/tare-runtime" --version | head -n 1 | grep -q '^tare-runtime version [0-9]'
}

@test "create --plan tells, as text and as JSON, what would be done, and does nothing" {
	command_is sleep 1000
	configure '.linux.resources.memory.limit = 67108864'
	local plan=$BATS_TEST_TMPDIR/plan
	runtime create --plan=json --bundle "$BUNDLE" "$ID" >"$plan"
	equal "arguments" "$(jq -c '.init[] | select(.operation == "execute") | .arguments' "$plan")" '["sleep","1000"]'
	equal "mounts of proc" "$(jq -r '.init[] | select(.operation == "attach" and .source == "proc") | .path' "$plan")" /proc
	equal "cgroup writes" "$(jq -r '.host[] | select(.path // "" | test("memory.(limit_in_bytes|max)$")) | .value' "$plan")" 67108864
	runtime create --plan --bundle "$BUNDLE" "$ID" | grep -q 'mount proc on /proc'
	run runtime create --plan=xml --bundle "$BUNDLE" "$ID"
	[[ $status != 0 && $output == *"text or json"* ]]
	nothing_left
}
