#!/usr/bin/env bats
# What callers hand over besides the bundle: sockets, descriptors, variables, other files, cgroups.
# shellcheck disable=SC2030,SC2031 # each test is a process of its own
load helpers

setup_file() { setup_rootfs_once; }
setup() { setup_runtime; }
teardown() { teardown_runtime; }

create() { runtime create --bundle "$BUNDLE" "$@" "$ID" </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1 3>&-; }
running() {
	command_is sleep 1000
	runtime run --detach --bundle "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1 3>&-
}

# receiver SOCKET OUTPUT: takes one descriptor, notes the text that came with it and whose pidfd it is.
receiver() {
	python3 - "$1" "$2" 3>&- <<-'END' &
		import array, os, re, socket, sys
		server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
		server.bind(sys.argv[1])
		server.listen(1)
		text, control, _, _ = server.accept()[0].recvmsg(4096, 64)
		(fd,) = array.array("i", control[0][2])
		pid = re.search(r"^Pid:\s*(\d+)", open(f"/proc/self/fdinfo/{fd}").read(), re.M)[1]
		open(sys.argv[2] + ".new", "w").write(f"{text.decode()} {pid}")
		os.rename(sys.argv[2] + ".new", sys.argv[2])
	END
	wait_until 10 test -S "$1"
}

@test "--pidfd-socket gets a pidfd of the process: of create, run and exec" {
	command_is sleep 1000
	local socket=$BATS_TEST_TMPDIR/socket got=$BATS_TEST_TMPDIR/got
	receiver "$socket" "$got"
	create --pidfd-socket "$socket" --pid-file "$BATS_TEST_TMPDIR/pid"
	wait_until 10 test -s "$got"
	equal "of create" "$(cat "$got")" "standard $(cat "$BATS_TEST_TMPDIR/pid")"
	runtime start "$ID"
	rm "$socket" "$got"
	receiver "$socket" "$got"
	runtime exec --detach --pidfd-socket "$socket" --pid-file "$BATS_TEST_TMPDIR/pid" "$ID" sleep 1000 </dev/null >/dev/null 2>&1 3>&-
	wait_until 10 test -s "$got"
	equal "of exec" "$(cat "$got")" "setns $(cat "$BATS_TEST_TMPDIR/pid")"
	runtime delete --force "$ID"
	run runtime run --pidfd-socket "$BATS_TEST_TMPDIR/none" --bundle "$BUNDLE" "$ID"
	equal code "$status" 1
	[[ $output == *"connect to the pidfd socket"* ]]
	nothing_left
}

@test "listening sockets are passed on to number 1, and --preserve-fds come after them" {
	# shellcheck disable=SC2016 # the container expands it
	command_is sh -c 'echo $LISTEN_PID $LISTEN_FDS $LISTEN_FDNAMES; cat <&3; cat <&4; cat <&5; ls /proc/self/fd | tr "\n" " "'
	local fd
	for fd in 3 4 5 6; do echo "number $fd" >"$BATS_TEST_TMPDIR/$fd"; done
	# shellcheck disable=SC2016 # LISTEN_PID must be the runtime's own
	run sh -c 'LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=a:b exec "$@"' _ "$TARE_BIN_DIR/tare-runtime" --root "$RUNTIME_ROOT" \
		run --preserve-fds 1 --bundle "$BUNDLE" "$ID" 3<"$BATS_TEST_TMPDIR/3" 4<"$BATS_TEST_TMPDIR/4" 5<"$BATS_TEST_TMPDIR/5" 6<"$BATS_TEST_TMPDIR/6"
	equal output "${lines[*]}" "1 2 a:b number 3 number 4 number 5 0 1 2 3 4 5 6 " # 6 is ls's own
	# Not this process's: not the container's.
	# shellcheck disable=SC2016 # the container expands it
	command_is sh -c 'echo "${LISTEN_FDS:-none}"'
	equal "somebody else's" "$(LISTEN_PID=1 LISTEN_FDS=2 runtime run --bundle "$BUNDLE" "$ID" 3<"$BATS_TEST_TMPDIR/3" 4<"$BATS_TEST_TMPDIR/4")" none
}

# A service manager that notes what it is told, and answers barriers.
manager() {
	python3 - "$1" "$2" 3>&- <<-'END' &
		import array, os, socket, sys
		server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		server.bind(sys.argv[1])
		with open(sys.argv[2], "w") as told:
		    while True:
		        text, control, _, _ = server.recvmsg(4096, 64)
		        print(text.decode().strip(), file=told, flush=True)
		        for level, kind, data in control:
		            for fd in array.array("i", data): os.close(fd)
		        if text == b"BARRIER=1": break
	END
	manager=$!
	wait_until 10 test -S "$1"
}

@test "NOTIFY_SOCKET: what the container says of being ready goes to the service manager, and start waits for it" {
	# shellcheck disable=SC2016 # the container expands it
	command_is sh -c 'echo "$NOTIFY_SOCKET" >/where; exec sleep 1000'
	local manager
	manager "$BATS_TEST_TMPDIR/manager" "$BATS_TEST_TMPDIR/told"
	local -x NOTIFY_SOCKET=$BATS_TEST_TMPDIR/manager
	create --pid-file "$BATS_TEST_TMPDIR/pid"
	runtime start "$ID" </dev/null >/dev/null 2>&1 3>&- &
	local starter=$!
	wait_until 10 test -s "$BUNDLE/rootfs/where"
	equal "place" "$(cat "$BUNDLE/rootfs/where")" /run/notify/notify.sock
	kill -0 "$starter" # it waits
	local root
	root=/proc/$(cat "$BATS_TEST_TMPDIR/pid")/root
	python3 -c 'import socket, sys; s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.sendto(b"STATUS=x\nREADY=1\n", sys.argv[1])' "$root/run/notify/notify.sock"
	wait "$starter"
	wait "$manager"
	equal told "$(tr '\n' ' ' <"$BATS_TEST_TMPDIR/told")" "READY=1 MAINPID=$(cat "$BATS_TEST_TMPDIR/pid") BARRIER=1 "
	unset NOTIFY_SOCKET
	runtime delete --force "$ID"
	nothing_left
}

@test "start does not wait for a container that ends without being ready" {
	command_is true
	local manager
	manager "$BATS_TEST_TMPDIR/manager" "$BATS_TEST_TMPDIR/told"
	local -x NOTIFY_SOCKET=$BATS_TEST_TMPDIR/manager
	create
	timeout 20 "$TARE_BIN_DIR/tare-runtime" --root "$RUNTIME_ROOT" start "$ID"
	kill "$manager"
	equal told "$(cat "$BATS_TEST_TMPDIR/told")" ""
}

@test "--no-pivot moves the root, and hides the host's proc and sysfs" {
	command_is sh -c 'ls / | grep -c "^told$"; grep -c " /proc " /proc/mounts; hostname'
	mkdir "$BUNDLE/rootfs/told"
	run runtime run --no-pivot --bundle "$BUNDLE" "$ID"
	equal code "$status" 0
	equal output "${lines[*]}" "1 1 container"
	runtime create --help | tr -s '\n ' ' ' | grep -q 'Less secure'
	nothing_left
}

@test "--config takes another file than the bundle's, relative to the caller" {
	mv "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/other.json"
	jq '.process.args = ["echo", "other"]' "$BATS_TEST_TMPDIR/other.json" >"$BATS_TEST_TMPDIR/mine.json"
	cd "$BATS_TEST_TMPDIR"
	equal output "$(runtime run --config mine.json --bundle "$BUNDLE" "$ID")" other
	equal output "$(runtime run -f mine.json -b bundle "$ID")" other
	run runtime run -f no.json -b bundle "$ID"
	equal code "$status" 1
	[[ $output == *"no such file or directory"* ]]
}

@test "exec --cgroup: a cgroup below the container's own, never above it" {
	running
	local top=/sys/fs/cgroup mode file
	mode=$(cgroup_mode)
	[[ $mode == v2 ]] || top=/sys/fs/cgroup/pids
	mkdir "$top/tare-runtime-$ID/below"
	file=$(
		runtime exec --detach --pid-file "$BATS_TEST_TMPDIR/pid" --cgroup "$([[ $mode == v2 ]] && echo /below || echo pids:/below)" \
			"$ID" sleep 1000 </dev/null >/dev/null 2>&1 3>&-
		cat "/proc/$(cat "$BATS_TEST_TMPDIR/pid")/cgroup"
	)
	grep -q "/tare-runtime-$ID/below$" <<<"$file"
	local row
	for row in '../x|has .. in it' 'below/../../x|has .. in it' 'missing|no such file or directory'; do
		run runtime exec --cgroup "${row%|*}" "$ID" true
		equal code "$status" 255
		[[ $output == *"${row#*|}"* ]] || { echo "$row: $output" && false; }
	done
	run runtime exec --cgroup nonsense:/below "$ID" true
	equal code "$status" 255
	runtime delete --force "$ID"
	nothing_left
}

@test "exec --tty=false has no terminal, and -g adds a group" {
	running
	run runtime exec --tty=false -g 7 "$ID" sh -c 'tty; id -G'
	equal output "${lines[*]}" "not a tty 0 7"
}

@test "what a terminal's program writes comes without carriage returns, as from runc" {
	configure '.process.terminal = true'
	command_is printf 'a\nb\n'
	equal run "$(runtime run --bundle "$BUNDLE" "$ID" </dev/null | od -An -c)" "$(printf 'a\nb\n' | od -An -c)"
	# On the caller's own terminal each line feed has one again.
	run python3 -c 'import os, pty, sys
pid, terminal = pty.fork()
if pid == 0: os.execv(sys.argv[1], sys.argv[1:])
said = b""
try:
    while part := os.read(terminal, 4096): said += part
except OSError: pass
print(said)' "$TARE_BIN_DIR/tare-runtime" --root "$RUNTIME_ROOT" run --bundle "$BUNDLE" "$ID"
	equal "on a terminal" "$output" "b'a\\r\\nb\\r\\n'"
}

@test "relative bind sources are below the bundle" {
	mkdir "$BUNDLE/data"
	echo here >"$BUNDLE/data/file"
	mkdir -p "$BUNDLE/rootfs/data"
	configure '.mounts += [{destination: "/data", type: "bind", source: "data", options: ["bind"]}]'
	command_is cat /data/file
	cd /
	equal output "$(runtime run --bundle "$BUNDLE" "$ID")" here
}

@test "any version 1.x of the specification is taken" {
	command_is true
	local version
	for version in 1.0.0 1.0.2-dev 1.1.0+dev 1.3.0 1.99.5; do
		configure ".ociVersion = \"$version\""
		runtime run --bundle "$BUNDLE" "$ID"
	done
}

@test "HOME: the config's, else the container's passwd's, else /" {
	# shellcheck disable=SC2016 # the container expands it
	command_is sh -c 'echo $HOME'
	printf 'root:x:0:0:root:/root:/bin/sh\nu:x:5:5::/home/u:/bin/sh\n' >"$BUNDLE/rootfs/etc/passwd"
	local row
	for row in '"HOME=/own"|0|/own' '"HOME="|5|/home/u' '"A=1"|0|/root' '"A=1"|77|/'; do
		IFS='|' read -r env uid home <<<"$row"
		configure ".process.env = [\"PATH=/bin\", $env] | .process.user.uid = $uid"
		equal "$row" "$(runtime run --bundle "$BUNDLE" "$ID")" "$home"
	done
}

@test "spec --rootless is for a user namespace, spec --file has another name" {
	mkdir "$BATS_TEST_TMPDIR/spec"
	runtime spec --rootless --bundle "$BATS_TEST_TMPDIR/spec"
	jq -e '(.linux.namespaces | map(.type) | index("user") != null and index("network") == null) and
		.linux.uidMappings == [{containerID: 0, hostID: 0, size: 1}] and (.linux | has("resources") | not) and
		([.mounts[].options[]? | select(test("^[ug]id="))] == [])' "$BATS_TEST_TMPDIR/spec/config.json"
	runtime spec -f other.json -b "$BATS_TEST_TMPDIR/spec"
	jq -e .ociVersion "$BATS_TEST_TMPDIR/spec/other.json"
	run runtime spec -f other.json -b "$BATS_TEST_TMPDIR/spec"
	equal code "$status" 1
}
