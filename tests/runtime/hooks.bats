#!/usr/bin/env bats
# Hooks: which run where and when, what they are told, and what follows when they fail.
load helpers

setup_file() { setup_rootfs_once; }
setup() {
	setup_runtime
	export TOLD=$BATS_TEST_TMPDIR/told
	mkdir "$TOLD"
	cat >"$BATS_TEST_TMPDIR/tell" <<-'END'
		#!/bin/sh
		# tell POINT [DIRECTORY]: notes the state and the circumstances of the hook of that name.
		to=${2:-$TOLD}/$1
		cat >"$to.state"
		for kind in mnt pid net; do readlink /proc/self/ns/$kind; done >"$to.namespaces"
		env >"$to.env"
		echo "$0 $*" >"$to.args"
		echo "$1" >>"${2:-$TOLD}/order"
	END
	chmod +x "$BATS_TEST_TMPDIR/tell"
	# The hook inside is found in the container.
	cp "$BATS_TEST_TMPDIR/tell" "$BUNDLE/rootfs/bin/tell"
	mkdir "$BUNDLE/rootfs/told"
}
teardown() { teardown_runtime; }

outside=(prestart createRuntime createContainer poststart poststop)

# hook POINT PATH [ARGUMENT...]
# shellcheck disable=SC2016 # jq expands it
hook() {
	local point=$1 path=$2
	shift 2
	configure ".hooks.$point += [$(jq -cn --arg path "$path" '{path: $path, args: $ARGS.positional}' --args -- "$@")]"
}
telling_hooks() {
	local point
	for point in "${outside[@]}"; do hook "$point" "$BATS_TEST_TMPDIR/tell" tell "$point" "$TOLD"; done
	hook startContainer /bin/tell tell startContainer /told
}
create() { runtime create --bundle "$BUNDLE" "$@" "$ID" </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1 3>&-; }
state_told() { cat "$TOLD/$1.state"; }

@test "hooks run at their points, in order" {
	telling_hooks
	command_is sleep 1000
	create
	equal "after create" "$(tr '\n' ' ' <"$TOLD/order")" "prestart createRuntime createContainer "
	[[ ! -e $BUNDLE/rootfs/told/order ]]
	runtime start "$ID"
	equal "inside" "$(cat "$BUNDLE/rootfs/told/order")" startContainer
	equal "after start" "$(tail -n 1 "$TOLD/order")" poststart
	runtime delete --force "$ID"
	equal "after delete" "$(tail -n 1 "$TOLD/order")" poststop
	nothing_left
}

@test "run has all the hooks" {
	telling_hooks
	command_is true
	runtime run --bundle "$BUNDLE" "$ID"
	equal outside "$(tr '\n' ' ' <"$TOLD/order")" "prestart createRuntime createContainer poststart poststop "
	equal inside "$(cat "$BUNDLE/rootfs/told/order")" startContainer
	nothing_left
}

@test "a hook gets the state as JSON, with the status of its point" {
	telling_hooks
	configure '.annotations = {"org.example.key": "value"}'
	command_is sleep 1000
	create --pid-file "$BATS_TEST_TMPDIR/pid"
	runtime start "$ID"
	runtime delete --force "$ID"
	mv "$BUNDLE/rootfs/told/startContainer.state" "$TOLD"
	local row
	for row in prestart:creating createRuntime:creating createContainer:creating startContainer:created poststart:running; do
		jq -e --arg id "$ID" --arg bundle "$BUNDLE" --arg status "${row#*:}" '.id == $id and .bundle == $bundle and
			.status == $status and (.pid > 0) and .annotations == {"org.example.key": "value"} and
			(.ociVersion | startswith("1."))' "$TOLD/${row%:*}.state"
	done
	equal "pid outside" "$(state_told createRuntime | jq .pid)" "$(cat "$BATS_TEST_TMPDIR/pid")"
	equal "pid inside" "$(state_told createContainer | jq .pid) $(state_told startContainer | jq .pid)" "1 1"
	jq -e '.status == "stopped" and (has("pid") | not)' "$TOLD/poststop.state"
}

@test "hooks get what runc gives them" {
	command -v runc >/dev/null || skip "there is no runc here"
	telling_hooks
	command_is true
	local program point
	for program in runc "$TARE_BIN_DIR/tare-runtime"; do
		"$program" --root "$RUNTIME_ROOT" run --bundle "$BUNDLE" "$ID" </dev/null 3>&-
		mv "$BUNDLE"/rootfs/told/* "$TOLD"
		mkdir "$TOLD/${program##*/}"
		mv "$TOLD"/*.* "$TOLD/${program##*/}"
	done
	# Up to 1.3 runc runs poststart too early, and says so: its status is left out (opencontainers/runc#4347).
	sed -i 's/"status":"[a-z]*"/STATUS/' "$TOLD"/{runc,tare-runtime}/poststart.state
	for point in "${outside[@]}" startContainer; do
		for program in runc tare-runtime; do
			sed -E 's/"ociVersion":"[^"]*"/VERSION/; s/"pid":[0-9]{2,}/PID/' "$TOLD/$program/$point.state" >"$TOLD/state.$program"
		done
		equal "$point's state" "$(cat "$TOLD/state.tare-runtime")" "$(cat "$TOLD/state.runc")"
		cmp "$TOLD"/{runc,tare-runtime}/"$point.args"
	done
	cmp "$TOLD"/{runc,tare-runtime}/startContainer.env
}

@test "prestart, createRuntime, poststart and poststop run in the runtime's namespaces, the others in the container's" {
	telling_hooks
	command_is sleep 1000
	create --pid-file "$BATS_TEST_TMPDIR/pid"
	local own its point
	own=$(readlink /proc/self/ns/mnt /proc/self/ns/pid /proc/self/ns/net)
	its=$(for kind in mnt pid net; do readlink "/proc/$(cat "$BATS_TEST_TMPDIR/pid")/ns/$kind"; done)
	runtime start "$ID"
	runtime delete --force "$ID"
	for point in prestart createRuntime poststart poststop; do equal "$point's" "$(cat "$TOLD/$point.namespaces")" "$own"; done
	# The host's /proc, which is what it sees, shows another pid namespace's processes: it has no self in it.
	equal "createContainer's mounts" "$(head -n 1 "$BUNDLE/rootfs/told/startContainer.namespaces")" "${its%%$'\n'*}"
	equal "startContainer's" "$(cat "$BUNDLE/rootfs/told/startContainer.namespaces")" "$its"
}

@test "what a createContainer hook mounts into the root is the container's, and not the host's" {
	cat >"$BATS_TEST_TMPDIR/mounts" <<-END
		#!/bin/sh
		mount -t tmpfs none "$BUNDLE/rootfs/mnt" && echo mounted >"$BUNDLE/rootfs/mnt/here" && hostname >"$TOLD/hostname"
	END
	chmod +x "$BATS_TEST_TMPDIR/mounts"
	mkdir -p "$BUNDLE/rootfs/mnt"
	hook createContainer "$BATS_TEST_TMPDIR/mounts"
	command_is cat /mnt/here
	equal output "$(runtime run --bundle "$BUNDLE" "$ID")" mounted
	[[ ! -e $BUNDLE/rootfs/mnt/here ]]
}

@test "a createContainer hook is the host's program in the host's tree, with a user namespace, too" {
	# The older way to take a root looks for it with the rights of the user namespace.
	[[ -z ${TARE_WITHOUT:-} ]] || chmod 755 "$BATS_RUN_TMPDIR"
	chown -R 100000:100000 "$BUNDLE/rootfs"
	[[ ! -e $BUNDLE/rootfs/bin/bash && ! -e $BUNDLE/rootfs/etc/debian_version ]]
	configure '.linux.namespaces += [{type: "user"}] |
		.linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings'
	hook createContainer /bin/bash bash -c 'id -u; ls /etc/debian_version; exit 3'
	run -1 runtime run --bundle "$BUNDLE" "$ID"
	[[ $output == *"0; /etc/debian_version"* ]] || { echo "$output" && false; }
	nothing_left
}

@test "a createRuntime hook sets up the network, as engines do" {
	cat >"$BATS_TEST_TMPDIR/network" <<-'END'
		#!/bin/sh
		pid=$(sed 's/.*"pid":\([0-9]*\).*/\1/')
		exec nsenter --net="/proc/$pid/ns/net" ip address add 192.0.2.7/32 dev lo
	END
	chmod +x "$BATS_TEST_TMPDIR/network"
	hook prestart "$BATS_TEST_TMPDIR/network"
	command_is ip address show lo
	runtime run --bundle "$BUNDLE" "$ID" | grep -q 192.0.2.7
}

@test "args and env: none are the path and the runtime's own, the container's for a hook inside; given ones are all" {
	configure ".hooks = {
		prestart: [{path: \"$BATS_TEST_TMPDIR/tell\", args: [\"x\", \"given\", \"$TOLD\"], env: [\"PATH=/bin:/usr/bin\", \"A=1\"]}],
		poststart: [{path: \"$BATS_TEST_TMPDIR/tell\", args: [\"x\", \"own\", \"$TOLD\"]}],
		startContainer: [{path: \"/bin/tell\", args: [\"tell\", \"inside\", \"/told\"]}],
		poststop: [{path: \"$BATS_TEST_TMPDIR/bare\"}]}"
	printf '#!/bin/sh\nenv >%s\n' "$TOLD/bare" >"$BATS_TEST_TMPDIR/bare"
	chmod +x "$BATS_TEST_TMPDIR/bare"
	configure '.process.env += ["OF_THE=container"]'
	command_is true
	OF_THE=runtime runtime run --bundle "$BUNDLE" "$ID"
	grep -qx A=1 "$TOLD/given.env"
	run ! grep -q OF_THE "$TOLD/given.env"
	grep -qx OF_THE=runtime "$TOLD/own.env"
	grep -qx OF_THE=runtime "$TOLD/bare"
	grep -qx OF_THE=container "$BUNDLE/rootfs/told/inside.env"
}

@test "a failing hook before the start ends the creation: its words are in the error, poststop runs, nothing is left" {
	cp "$BATS_TEST_TMPDIR/tell" "$BUNDLE/rootfs/bin/tell"
	hook poststop "$BATS_TEST_TMPDIR/tell" tell poststop "$TOLD"
	command_is sleep 1000
	local point
	for point in prestart createRuntime createContainer; do
		configure 'del(.hooks.prestart, .hooks.createRuntime, .hooks.createContainer)'
		hook "$point" /bin/true
		hook "$point" /bin/sh sh -c 'echo reason >&2; exit 3'
		hook "$point" /bin/touch touch "$TOLD/late"
		rm -f "$TOLD/order"
		run runtime create --bundle "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" "$ID"
		equal code "$status" 1
		[[ $output == *"error running $point hook #1: exit status 3"*"stderr: reason"* ]]
		[[ ! -e $TOLD/late && ! -e $BATS_TEST_TMPDIR/pid ]]
		equal poststop "$(cat "$TOLD/order")" poststop
		nothing_left
	done
}

@test "a failing startContainer or poststart hook is an error of start, and stops the container" {
	command_is sleep 1000
	local point
	for point in startContainer poststart; do
		configure 'del(.hooks)'
		hook "$point" /bin/sh sh -c 'echo reason >&2; exit 3'
		create
		run runtime start "$ID"
		equal code "$status" 1
		[[ $output == *"error running $point hook #0: exit status 3"*"stderr: reason"* ]]
		wait_until 5 has_status stopped
		runtime delete "$ID"
		nothing_left
		run runtime run --bundle "$BUNDLE" "$ID"
		equal code "$status" 1
		nothing_left
	done
}

@test "a failing poststop hook is told, and those after it run" {
	hook poststop /bin/sh sh -c 'echo reason >&2; exit 3'
	hook poststop "$BATS_TEST_TMPDIR/tell" tell poststop "$TOLD"
	command_is sleep 1000
	create
	run runtime --log "$LOG" --log-format json delete --force "$ID"
	equal code "$status" 0
	[[ $output == *"warning: error running poststop hook #0: exit status 3"*"stderr: reason"* ]]
	[[ -e $TOLD/order && ! -s $LOG ]]
	nothing_left
}

@test "a hook that is not there, or killed by a signal, says so" {
	command_is true
	local point
	for point in createRuntime createContainer startContainer; do
		configure 'del(.hooks)'
		hook "$point" /does/not/exist
		run runtime run --bundle "$BUNDLE" "$ID"
		equal code "$status" 1
		[[ ${output,,} == *"error running ${point,,} hook #0:"*"/does/not/exist: no such file or directory"* ]]
		configure 'del(.hooks)'
		# shellcheck disable=SC2016 # the hook expands it
		hook "$point" /bin/sh sh -c 'kill -USR1 $$; sleep 5'
		run runtime run --bundle "$BUNDLE" "$ID"
		equal code "$status" 1
		[[ $output == *"killed by signal 10"* ]]
	done
	nothing_left
}

@test "a hook that takes longer than its timeout is killed with its children" {
	command_is true
	local point seconds
	for point in createRuntime createContainer startContainer; do
		seconds=10$((BATS_TEST_NUMBER))${#point}
		configure "del(.hooks) | .hooks.$point = [{path: \"/bin/sh\", args: [\"sh\", \"-c\", \"sleep $seconds; true\"], timeout: 1}]"
		run runtime run --bundle "$BUNDLE" "$ID"
		equal code "$status" 1
		[[ $output == *"error running $point hook #0: hook ran past specified timeout of 1.0s"* ]]
		run ! pgrep -f "^sleep $seconds"
	done
	nothing_left
}

@test "a slow hook of one container delays no other" {
	hook createRuntime /bin/sh sh -c "touch $TOLD/slow; exec sleep 1000"
	command_is sleep 1000
	(exec "$TARE_BIN_DIR/tare-runtime" --root "$RUNTIME_ROOT" create --bundle "$BUNDLE" "$ID-slow" </dev/null >/dev/null 2>&1 3>&-) &
	local maker=$!
	wait_until 5 test -e "$TOLD/slow"
	configure 'del(.hooks)'
	create
	runtime start "$ID"
	equal "slow one" "$(status_of "$ID-slow")" creating
	runtime list -q >/dev/null
	runtime delete --force "$ID"
	equal "still slow" "$(status_of "$ID-slow")" creating
	pkill -KILL -P "$maker" sleep
	wait "$maker" || true
	equal containers "$(runtime list -q)" ""
}

@test "wrong hooks are refused by the field's name" {
	local row
	for row in 'path: "relative"|/hooks/prestart/0/path: it is not an absolute path' 'args: ["x"]|/hooks/prestart/0/path: it is missing' \
		'path: "/x", timeout: 0|/hooks/prestart/0/timeout: expected an integer from 1'; do
		configure ".hooks = {prestart: [{${row%%|*}}]}"
		run runtime create --bundle "$BUNDLE" "$ID"
		equal code "$status" 1
		[[ $output == *"${row#*|}"* ]]
	done
	nothing_left
}

@test "--plan shows the hooks" {
	telling_hooks
	command_is true
	runtime create --plan --bundle "$BUNDLE" "$ID" | grep -q "prestart, when all is mounted: run tell prestart $TOLD"
	runtime create --plan=json --bundle "$BUNDLE" "$ID" >"$TOLD/plan"
	equal hooks "$(jq -c '[.hooks[] | .operation] | unique, length' "$TOLD/plan" | tr '\n' ' ')" '["run_hook"] 6 '
	equal points "$(jq -c '[.init[] | .point // empty]' "$TOLD/plan")" '["mounted","ready"]'
}

@test "a createContainer hook is not given the image's environment" {
	configure '.process.env += ["LD_PRELOAD=/evil.so"]'
	command_is true
	hook createContainer "$BATS_TEST_TMPDIR/tell" tell createContainer "$TOLD"
	create
	grep -q ^PATH= "$TOLD/createContainer.env"
	run ! grep LD_PRELOAD "$TOLD/createContainer.env"
	runtime delete --force "$ID"
	nothing_left
}

@test "a hook that leaves its process group is ended in time all the same" {
	command -v perl >/dev/null || skip "there is no perl"
	configure ".hooks.createRuntime = [{path: \"/usr/bin/perl\", args: [\"perl\", \"-e\", \"setpgrp(0, getpgrp(getppid())); sleep 1000\"], timeout: 1}]"
	run timeout 30 "$TARE_BIN_DIR/tare-runtime" --root "$RUNTIME_ROOT" create --bundle "$BUNDLE" "$ID"
	equal code "$status" 1
	[[ $output == *"ran past specified timeout of 1.0s"* ]]
	nothing_left
}
