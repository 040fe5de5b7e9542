#!/usr/bin/env bats
# A container's life: create, start, stop, restart, kill, wait, rename, pause, unpause, rm, and names.
# shellcheck disable=SC2016,SC2154 # scripts for the container's shell; variables that bats and the helpers set
load helpers
load life

setup_file() { setup_rootfs_once; }
setup() { setup_store; }
teardown() { teardown_store; }

@test "K9 what the container had is gone after the exit, and its directory is kept until rm" {
	start_container kept "$ROOTFS" sh -c 'echo mine >/file; ip link; while [ ! -e /end ]; do sleep 0.1; done'
	local namespace directory=$TARE_ROOT/containers/$container_id
	namespace=$(readlink "/proc/$container_pid/ns/net" | tr -dc 0-9)
	[[ $(lsns -t net -no NS) == *"$namespace"* ]]
	[[ -n $(find /sys/fs/cgroup -type d -name "tare-$container_id") ]]
	tare exec kept touch /end
	wait "$client_pid"
	equal "network namespace" "$(lsns -t net -no NS | grep "$namespace")" ""
	equal cgroups "$(find /sys/fs/cgroup -type d -name "*$container_id*")" ""
	equal mounts "$(grep "$container_id" /proc/self/mounts)" ""
	equal "its processes" "$(pgrep -f "[m]onitor kept")" ""
	equal "its file" "$(cat "$directory"/*/file)" mine
	tare rm kept
	[[ ! -e $directory ]]
	# With --rm the end is enough.
	says gone --name passing "$ROOTFS" echo gone
	equal "what is left" "$(ls "$TARE_ROOT/containers" "$TARE_ROOT/names")" "$(printf '%s:\n\n%s:' "$TARE_ROOT/containers" "$TARE_ROOT/names")"
}

@test "K13 rm refuses a container that is in use, unless it is told -f" {
	start_container busy "$ROOTFS" sh -c "$stay"
	fails 1 'cannot remove container "/busy": container is running' rm busy
	equal status "$(state busy Status)" running
	[[ -d /proc/$container_pid ]]
	prints busy rm -f busy
	[[ ! -d /proc/$container_pid && ! -e $TARE_ROOT/containers/$container_id ]]
	local code=0
	wait "$client_pid" || code=$?
	equal "what its run ended with" "$code" 137
	fails 1 "No such container: busy" rm busy
	tare create --name new "$ROOTFS" true
	prints new rm new
}

@test "L1 run -u UID ./DIR CMD runs a directory as a user, whatever the kernel calls itself" {
	cd "$BATS_FILE_TMPDIR"
	says $'1234\n0' -u 1234 ./rootfs sh -c 'id -u; id -g'
	says "65534 65534" -u nobody ./rootfs sh -c 'echo $(id -u) $(id -g)'
	# A kernel that says it is a 2.6 (personality(2), UNAME26) is the same kernel.
	[[ $(setarch "$(uname -m)" --uname-2.6 uname -r) == 2.6.* ]]
	run --separate-stderr setarch "$(uname -m)" --uname-2.6 "$TARE_BIN_DIR/tare" run --rm -u 77 ./rootfs id -u
	equal status "$status" 0
	equal output "$output" 77
}

@test "L2 a container without a name gets a readable one of its own, and --name wins" {
	local name names count=20
	[[ -z ${TARE_IN_VM:-} ]] || count=4
	for _ in $(seq $count); do tare create "$ROOTFS" true; done
	names=$(tare ps -a --format '{{.Names}}')
	for name in $names; do [[ $name =~ ^[a-z]+_[a-z]+$ ]]; done
	equal "different ones" "$(sort -u <<<"$names" | wc -l)" $count
	local id
	id=$(tare create --name mine "$ROOTFS" true)
	equal "the given one" "$(tare inspect -f '{{.Name}} {{.Id}}' mine)" "/mine $id"
	fails 1 "The container name \"/mine\" is already in use by container \"$id\"" create --name mine "$ROOTFS" true
	fails 125 "The container name \"/mine\" is already in use by container \"$id\"" run --name mine "$ROOTFS" true
	equal containers "$(tare ps -aq | wc -l)" $((count + 1))
	tare rm mine
	says again --name mine "$ROOTFS" echo again
}

@test "create prints the id, and start runs what was created, again and again" {
	run --separate-stderr tare create --name made "$ROOTFS" sh -c 'echo x >>/file; wc -l </file; exit 5'
	equal status "$status" 0
	[[ $output =~ ^[0-9a-f]{64}$ ]]
	equal "before" "$(state made Status) $(state made Pid) $(words made)" "created 0 Created"
	prints "${output:0:12}" start "${output:0:12}"
	prints 5 wait made
	equal "after" "$(state made Status) $(state made ExitCode)" "exited 5"
	# Its changes are still there.
	prints made start made
	prints 5 wait made
	equal "both outputs" "$(tare logs made)" $'1\n2'
}

@test "start starts several, and one that is not there does not keep the others from it" {
	local name
	for name in one two three; do tare create --name $name "$ROOTFS" sh -c "$stay"; done
	prints $'one\ntwo' start one two
	# docker: what runs already is started.
	run --separate-stderr tare start one absent three
	equal status "$status" 1
	equal output "$output" $'one\nthree'
	[[ $stderr == *"tare: No such container: absent"* ]]
	equal running "$(tare ps -q | wc -l)" 3
	fails 125 "you cannot start and attach multiple containers at once" start -a one two
	fails 125 "requires at least 1" start
}

@test "start -a shows the output and ends with the exit code, and -i passes input on" {
	tare create --name shown "$ROOTFS" sh -c 'echo out; echo err >&2; exit 9'
	run --separate-stderr tare start -a shown
	equal status "$status" 9
	equal output "$output" out
	[[ $stderr == *err ]]
	tare create -i --name asked "$ROOTFS" sh -c 'read -r line; echo "got $line"; exit 6'
	run --separate-stderr tare start -ai asked <<<hello
	equal status "$status" 6
	equal output "$output" "got hello"
	# Of one that runs already, start -a is attach.
	detached busy "$ROOTFS" sh -c "$obedient"
	"$TARE_BIN_DIR/tare" start -a busy >"$(output_of start)" 2>&1 3>&- &
	local client=$! code=0
	told() { tare kill -s USR1 busy >/dev/null && grep -q told "$(output_of start)"; }
	wait_until 20 told
	tare stop busy
	wait "$client" || code=$?
	equal "what start ended with" "$code" 3
}

@test "stop sends the stop signal, and SIGKILL when the time is over" {
	detached first "$ROOTFS" sh -c "$obedient"
	prints first stop first
	equal "of TERM" "$(state first ExitCode)" 3
	tare start first
	wait_until 20 bash -c '(( $("$TARE_BIN_DIR/tare" logs first | grep -c ready) == 2 ))'
	prints first stop -s INT first
	equal "of INT" "$(state first ExitCode)" 4
	detached second --stop-signal SIGINT --stop-timeout 30 "$ROOTFS" sh -c "$obedient"
	prints second stop second
	equal "of its own signal" "$(state second ExitCode)" 4
	detached deaf --stop-timeout 0 "$ROOTFS" sh -c "trap '' TERM; $stay"
	detached deafer "$ROOTFS" sh -c "trap '' TERM; $stay"
	local begin=$SECONDS
	prints $'deaf\ndeafer' stop deaf -t 1 deafer
	((SECONDS - begin >= 1 && SECONDS - begin < 9))
	equal "of KILL" "$(state deaf ExitCode) $(state deafer ExitCode)" "137 137"
	tare start deaf
	begin=$SECONDS
	prints deaf stop deaf
	((SECONDS - begin < 9)) # its own time is none
	# What does not run is stopped.
	prints $'deaf\nfirst' stop deaf first
	tare create --name new "$ROOTFS" true
	prints new stop new
	equal "not begun" "$(state new Status)" created
	tare start deaf
	fails 1 "invalid signal: NOSUCH" stop -s NOSUCH deaf
	fails 125 "timeout" stop -t soon deaf
	equal "it goes on" "$(state deaf Status)" running
}

@test "restart stops and starts, and starts what does not run" {
	detached again "$ROOTFS" sh -c 'trap "exit 3" TERM; echo x >>/file; wc -l </file; while :; do sleep 0.05; done'
	local before
	before="$(state again Pid) $(state again StartedAt)"
	prints again restart -t 5 again
	wait_until 20 logged again 2
	equal status "$(state again Status)" running
	[[ "$(state again Pid) $(state again StartedAt)" != "$before" ]]
	tare stop again
	prints again restart again
	wait_until 20 logged again 3
	tare create --name broken "$ROOTFS" /nosuch
	run --separate-stderr tare restart broken absent again
	equal status "$status" 1
	equal output again "$output"
	[[ $stderr == *"/nosuch"* && $stderr == *"No such container: absent"* ]]
}

@test "kill sends any signal, and SIGKILL without -s" {
	detached one "$ROOTFS" sh -c "$obedient"
	local signal
	for signal in USR1 SIGUSR1 usr1 10; do
		prints one kill -s "$signal" one
		wait_until 20 bash -c '(( $("$TARE_BIN_DIR/tare" logs one | grep -c told) == '$((++sent))' ))'
	done
	equal "it goes on" "$(state one Status)" running
	prints one kill --signal=INT one
	prints 4 wait one
	detached two "$ROOTFS" sh -c "$obedient"
	detached three "$ROOTFS" sh -c "$obedient"
	run --separate-stderr tare kill two one three
	equal status "$status" 1
	equal output "$output" $'two\nthree'
	[[ $stderr == *"tare: container one is not running"* ]]
	equal "the ends are recorded" "$(state two ExitCode) $(state three ExitCode)" "137 137"
	fails 1 "invalid signal: NOSUCH" kill -s NOSUCH two
	fails 1 "invalid signal: 99" kill -s 99 two
}

@test "wait prints the exit codes, a line each" {
	detached slow "$ROOTFS" sh -c 'echo ready; while [ ! -e /end ]; do sleep 0.05; done; exit 8'
	run -3 tare run --name ended "$ROOTFS" sh -c 'exit 3'
	tare create --name new "$ROOTFS" true
	"$TARE_BIN_DIR/tare" wait slow ended new >"$(output_of wait)" 3>&- &
	local waiter=$!
	tare exec slow touch /end
	wait "$waiter"
	equal "the codes" "$(<"$(output_of wait)")" $'8\n3\n0'
	run --separate-stderr tare wait absent ended
	equal status "$status" 1
	equal output "$output" 3
	# One that removes itself is waited for, too.
	detached brief --rm "$ROOTFS" sh -c "$obedient"
	"$TARE_BIN_DIR/tare" wait brief >"$(output_of brief)" 3>&- &
	waiter=$!
	sleep 0.3
	tare kill -s INT brief
	wait "$waiter"
	equal "its code" "$(<"$(output_of brief)")" 4
}
