#!/usr/bin/env bats
# exec: one more process in a container that runs.
# shellcheck disable=SC2016,SC2154 # scripts for the container's shell; variables that bats and the helpers set
load helpers
load life

setup_file() { setup_rootfs_once; }
setup() { setup_store; }
teardown() { teardown_store; }

# gives EXPECTED ARGUMENT...: what `tare exec ARGUMENT...` prints.
gives() {
	local expected=$1
	shift
	prints "$expected" exec "$@"
}

@test "K10 exec sees the container's processes, and tells a stopped one from one that is not there" {
	detached asleep "$ROOTFS" sh -c 'echo ready; sleep 1000 && echo over'
	# The title, the shell, sleep, and ps itself.
	four_lines() { [[ $(tare exec asleep ps | wc -l) == 4 ]]; }
	wait_until 60 four_lines
	run --separate-stderr tare exec asleep ps
	[[ ${lines[1]} == *" 1 root "*"sleep 1000 && echo over"* ]]
	[[ ${lines[2]} == *" sleep 1000" ]]
	[[ ${lines[3]} == *" ps" ]]
	# All of the namespaces, the cgroup and the root are the container's.
	local pid inside
	pid=$(state asleep Pid)
	inside='cd /proc/self/ns; for kind in mnt uts ipc pid net cgroup; do readlink $kind; done; cat /proc/self/cgroup'
	equal namespaces "$(tare exec asleep sh -c "$inside")" \
		"$(for kind in mnt uts ipc pid net cgroup; do readlink "/proc/$pid/ns/$kind"; done; tare exec asleep cat /proc/1/cgroup)"
	tare kill asleep
	fails 1 "container asleep is not running" exec asleep ps
	fails 1 "No such container: absent" exec absent ps
}

@test "exec -d returns at once, and what it started goes on" {
	detached box "$ROOTFS" sh -c "$stay"
	prints "" exec -d box sh -c 'echo hidden; sleep 4711'
	there() { tare exec box ps | grep -q '[s]leep 4711'; }
	wait_until 20 there
	# What it writes is not the container's log.
	equal "the log" "$(tare logs box)" ready
	fails 127 nosuch exec -d box nosuch
	# It ends with its container.
	local host
	host=$(tare top box -eo pid,args | awk '$2 == "sleep" && $3 == 4711 { print $1 }')
	[[ -d /proc/$host ]]
	prints box kill box
	[[ ! -d /proc/$host ]]
}

@test "exec -e, --env-file, -u and -w are the new process's own" {
	detached box -e KEPT=1 -e CHANGED=1 -w /tmp -u nobody "$ROOTFS" sh -c "$stay"
	printf 'FROM_FILE=3\n# nothing\n' >"$BATS_TEST_TMPDIR/variables"
	gives "1 2 3" -e CHANGED=2 --env-file "$BATS_TEST_TMPDIR/variables" box sh -c 'echo $KEPT $CHANGED $FROM_FILE'
	OURS=here gives here -e OURS -e ABSENT box sh -c 'echo $OURS${ABSENT-}'
	gives "1" box sh -c 'echo $CHANGED$FROM_FILE'
	gives "/tmp 65534" box sh -c 'echo $(pwd) $(id -u)'
	gives "/root 0 0 /root" -w /root -u root box sh -c 'echo $(pwd) $(id -u) $(id -g) $HOME'
	gives "7 8" -u 7:8 box sh -c 'echo $(id -u) $(id -g)'
	fails 1 "nosuchuser" exec -u nosuchuser box id
	run --separate-stderr tare exec -w relative box pwd
	((status != 0))
	# The container is as it was.
	equal "its own" "$(tare inspect -f '{{.Config.User}} {{.Config.WorkingDir}}' box)" "nobody /tmp"
}

@test "exec ends with the command's code, 126 and 127 where it cannot run, 128 and its signal" {
	detached box "$ROOTFS" sh -c "$stay"
	local code
	for code in 0 1 3 125 126 127 255; do run --separate-stderr "-$code" tare exec box sh -c "exit $code"; done
	run --separate-stderr -143 tare exec box sh -c 'kill $$'
	fails 127 'cannot run nosuch: executable file not found in $PATH' exec box nosuch
	fails 127 "/no/such" exec box /no/such
	fails 126 "/etc/passwd" exec box /etc/passwd
	fails 126 "/etc" exec box /etc
	# When the container ends, so does what was executed in it.
	"$TARE_BIN_DIR/tare" exec box sh -c 'echo in; sleep 1000' >"$(output_of exec)" 2>&1 3>&- &
	local client=$!
	wait_until 20 test -s "$(output_of exec)"
	tare kill box
	code=0
	wait "$client" || code=$?
	equal "what exec ended with" "$code" 137
}

@test "exec -i passes input on and its end, and without -i there is none" {
	detached box "$ROOTFS" sh -c "$stay"
	equal "with -i" "$(printf 'a\nb' | tare exec -i box cat)" $'a\nb'
	equal "a file" "$(tare exec -i box md5sum <"$TARBALL")" "$(md5sum <"$TARBALL")"
	equal "without" "$(echo unread | tare exec box cat)" ""
	run --separate-stderr tare exec box sh -c 'echo out; echo err >&2'
	equal "output" "$output" out
	equal "errors" "$stderr" err
	fails 125 "not a TTY" exec -it box sh
}

@test "exec -it is a terminal of its own: size, resizing, detach keys, exit code" {
	detached box "$ROOTFS" sh -c "$stay"
	PYTHONPATH=$BATS_TEST_DIRNAME timeout 120 python3 - "$TARE_BIN_DIR/tare" <<-'PYTHON'
		import sys
		from terminal import Terminal, check
		tare = sys.argv[1]
		shell = Terminal(tare, "exec", "-it", "box", "sh", rows=31, columns=99)
		shell.expect("# ")
		shell.answer("stty size", "31 99")
		shell.answer("tty", "/dev/pts/")
		shell.answer("echo $TERM", "xterm")
		shell.resize(20, 60)
		shell.answer("sleep 0.3; stty size", "20 60")
		shell.answer("sleep 1000 & echo $!", r"\d+")
		shell.answer("sh -c 'echo $((40 + 2)); exec sleep 999'", "42")
		shell.type("\x03")
		shell.expect("# ")
		shell.answer("echo code $?", "code 130")
		shell.type("exit 5\n")
		check("exit code", shell.wait() == 5)
		check("the terminal is as before", shell.is_restored())
		left = Terminal(tare, "exec", "-it", "--detach-keys", "ctrl-a,d", "box", "sh", "-c", "echo in; exec sleep 4711")
		left.expect("in")
		left.type("\x01d")
		check("exit code of one that left", left.wait() == 0)
		check("the terminal is as before", left.is_restored())
	PYTHON
	[[ $(tare exec box ps) == *"sleep 4711"* ]]
	equal "the container" "$(state box Status)" running
}

@test "exec has the container's rights, and --privileged all and no filter, for its process alone" {
	detached box --cap-drop ALL --cap-add CHOWN "$ROOTFS" sh -c "$stay"
	local rights='grep -E "^(Cap(Inh|Prm|Eff|Bnd|Amb)|Seccomp):" /proc/self/status'
	local container all
	container=$(tare exec box sh -c "$rights")
	equal "the container's" "$container" "$(tare exec box sh -c "${rights/self/1}")"
	[[ $container == *$'CapBnd:\t0000000000000001'* && $container == *$'Seccomp:\t2'* ]]
	# All that this machine has to give.
	all=$(awk '$1 == "CapBnd:" { print $2 }' /proc/self/status)
	equal "privileged" "$(tare exec --privileged box sh -c "$rights" | xargs)" \
		"CapInh: 0000000000000000 CapPrm: $all CapEff: $all CapBnd: $all CapAmb: 0000000000000000 Seccomp: 0"
	# And felt: unshare needs CAP_SYS_ADMIN and a filter that lets it through.
	run --separate-stderr tare exec box unshare -u hostname other
	((status != 0))
	gives "" --privileged box unshare -u hostname other
	# Another user's command has nothing but what it could gain.
	equal "as nobody" "$(tare exec --privileged -u nobody box sh -c "$rights" | xargs)" \
		"CapInh: 0000000000000000 CapPrm: 0000000000000000 CapEff: 0000000000000000 CapBnd: $all CapAmb: 0000000000000000 Seccomp: 0"
	equal "the container afterwards" "$(tare exec box sh -c "$rights")" "$container"
	equal "inspect" "$(tare inspect -f '{{.HostConfig.Privileged}}' box)" false
	# In a user namespace of its own all of them are the namespace's.
	detached apart --uidmap 0:100000:65536 --gidmap 0:100000:65536 "$ROOTFS" sh -c "$stay"
	local every
	every=$(printf '%016x' $(((1 << ($(</proc/sys/kernel/cap_last_cap) + 1)) - 1)))
	equal "in a user namespace" "$(tare exec --privileged apart sh -c "$rights; cat /proc/self/uid_map" | grep -E 'Eff|Secc|65536$' | xargs)" \
		"CapEff: $every Seccomp: 0 0 100000 65536"
}

@test "a passwd file that is the kernel's, not a file, holds up no exec and is not read" {
	detached box "$ROOTFS" sh -c "$stay"
	tare exec box sh -c 'rm /etc/passwd; ln -s /proc/kmsg /etc/passwd; rm /etc/group; ln -s /proc/1/environ /etc/group'
	run --separate-stderr timeout 20 "$TARE_BIN_DIR/tare" exec box id -u
	[[ $status == 0 && $output == 0 ]] || { echo "$status: $stderr" && return 1; }
	run --separate-stderr timeout 20 "$TARE_BIN_DIR/tare" exec -u nobody box id -u
	[[ $status == 1 && $stderr == *passwd* ]] || { echo "$status: $stderr" && return 1; }
}
