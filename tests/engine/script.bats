#!/usr/bin/env bats
# `tare script`: without tare the same container starts, as what its process sees tells.

load helpers

setup_file() { setup_rootfs_once; }

setup() {
	setup_store
	# A copy, which is moved away while the script runs.
	cp -r "$TARE_BIN_DIR" "$BATS_TEST_TMPDIR/bin"
	export TMPDIR=$BATS_TEST_TMPDIR/scratch
	mkdir "$TMPDIR"
}

teardown() { teardown_store; }

# same_as_script OPTION... ROOTFS: what is seen is the same, and the script leaves nothing.
same_as_script() {
	python3 "$BATS_TEST_DIRNAME/script.py" "$BATS_TEST_TMPDIR" "$@"
	# The virtual machine has no shellcheck, and this one runs every test.
	[[ -n ${TARE_IN_VM-} ]] || shellcheck "$BATS_TEST_TMPDIR/container.sh"
	local id
	id=$(sed -n 's/^export id=//p' "$BATS_TEST_TMPDIR/container.sh")
	equal "cgroups" "$(find /sys/fs/cgroup -type d -name "*$id*" 2>/dev/null)" ""
	equal "mounts" "$(grep -c "$id" /proc/self/mountinfo)" 0
	equal "scratch directories" "$(ls "$TMPDIR")" ""
}

@test "SC1 the script of a container with limits starts the same one" {
	same_as_script -m 64m --cpu-shares 512 --pids-limit 50 "$ROOTFS"
}

@test "by default the script's container is the same" { same_as_script "$ROOTFS"; }

@test "a tarball is unpacked by tar" { same_as_script "$TARBALL"; }

@test "binds, read-only ones, and tmpfs are the same" {
	mkdir "$BATS_TEST_TMPDIR/data dir"
	: >"$BATS_TEST_TMPDIR/file"
	same_as_script -v "$BATS_TEST_TMPDIR/data dir:/data:ro" -v "$BATS_TEST_TMPDIR/file:/etc/file" \
		--tmpfs /scratch:size=1m,mode=700 "$ROOTFS"
}

@test "volumes, new ones and what they are filled with, are the same" {
	same_as_script -v notes:/notes -v /root "$ROOTFS"
	tare script -v fresh:/bin "$ROOTFS" /bin/busybox ls /bin/sh >"$BATS_TEST_TMPDIR/volume.sh"
	equal "a copied file" "$(bash "$BATS_TEST_TMPDIR/volume.sh")" /bin/sh
	equal "scratch directories" "$(ls "$TMPDIR")" ""
}

@test "a network of another container is joined" {
	tare run -d --name web "$ROOTFS" sleep 100
	same_as_script --network container:web "$ROOTFS"
}

@test "options beside a container's name are refused" {
	tare create --name box "$ROOTFS" true
	run tare script -m 64m box
	[[ $status != 0 && $output == *"options"* ]]
}

@test "user, groups, directory and umask are the same" {
	same_as_script --user 1000:1001 --group-add 1002 -w /tmp "$ROOTFS"
}

@test "capabilities that are added and dropped are the same" {
	same_as_script --cap-add NET_ADMIN --cap-drop CHOWN --security-opt no-new-privileges "$ROOTFS"
}

@test "a container without capabilities is the same" { same_as_script --cap-drop ALL --user nobody "$ROOTFS"; }

@test "a read-only root is the same" { same_as_script --read-only "$ROOTFS"; }

@test "a privileged container is the same" { same_as_script --privileged "$ROOTFS"; }

@test "hostile environment, names and parameters are the same" {
	# shellcheck disable=SC2016
	same_as_script -e 'A=$(false) `false` "'"'"'' -e $'B=two\nlines' -e 'C=\ * ;' -e LD_PRELOAD=/no -e PWD=/x -e BASH_ENV=/no -e 'D.E=f' --hostname other --domainname 'do.main' \
		--sysctl kernel.msgmax=9000 "$ROOTFS"
}

@test "with --init the host's bash cannot be changed, and the command has its input" {
	tare script -i --init "$ROOTFS" sh -c 'chmod 4755 /proc/1/exe 2>&1 | grep -o "Read-only file system"; cat' >"$BATS_TEST_TMPDIR/init.sh"
	# The one that would be changed is a copy.
	cp "$BASH" "$BATS_TEST_TMPDIR/bash"
	equal output "$("$BATS_TEST_TMPDIR/bash" "$BATS_TEST_TMPDIR/init.sh" <<<input)" $'Read-only file system\ninput'
	equal "scratch directories" "$(ls "$TMPDIR")" ""
}

@test "neither a newline in a path nor a variable of bash's own makes the script do anything else" {
	local place=$BATS_TEST_TMPDIR/x$'\ntouch PWNED; exit 9\n#'
	mkdir -p "$place"
	cd "$BATS_TEST_TMPDIR" || return
	tare script -v "$place:/mnt" "$ROOTFS" true >path.sh
	bash path.sh
	[[ ! -e PWNED ]]
	touch "$BATS_TEST_TMPDIR/of-the-host"
	tare script -e TMOUT=0.001 "$ROOTFS" sh -c "[ ! -e '$BATS_TEST_TMPDIR/of-the-host' ] && echo \$TMOUT" >timeout.sh
	for _ in 1 2 3 4 5 6; do
		equal "what it sees" "$(bash timeout.sh)" 0.001
	done
}

@test "namespaces of the host are the same" {
	same_as_script --pid host --network host --ipc host --uts host --cgroupns host "$ROOTFS"
}

@test "resource limits and the OOM score are the same" {
	same_as_script --ulimit nofile=100:200 --ulimit core=0 --oom-score-adj 500 "$ROOTFS"
}

@test "a device that is asked for is the same" { same_as_script --device /dev/null:/dev/mine:r "$ROOTFS"; }

@test "the script of a container that is there is that of its options, and passes its exit code on" {
	# shellcheck disable=SC2016
	tare create --name box -e A=b -e LC_ALL=xx_YY.UTF-8 "$ROOTFS" sh -c 'echo "$A"; exit 7'
	tare script box >"$BATS_TEST_TMPDIR/box.sh"
	run bash "$BATS_TEST_TMPDIR/box.sh" # with standard error
	equal "output and code" "$output $status" "b 7"
}

@test "SIGTERM ends the container and leaves nothing" {
	tare script --user 1000 "$ROOTFS" sh -c 'echo up; sleep 100' >"$BATS_TEST_TMPDIR/sleep.sh"
	bash "$BATS_TEST_TMPDIR/sleep.sh" >"$BATS_TEST_TMPDIR/out" 3>&- &
	local script=$! status=0
	wait_until 30 grep -q up "$BATS_TEST_TMPDIR/out"
	kill -TERM "$script"
	wait "$script" || status=$?
	equal "code" "$status" 143
	equal "cgroups" "$(find /sys/fs/cgroup -name "*$(sed -n 's/^export id=//p' "$BATS_TEST_TMPDIR/sleep.sh")*" 2>/dev/null)" ""
	equal "scratch directories" "$(ls "$TMPDIR")" ""
}

@test "what a script cannot do at all is refused" {
	run tare script --userns auto "$ROOTFS" true
	[[ $status != 0 && $output == *"a script cannot start this container"*"mapped ids"* ]]
}

@test "with --init the command has a parent, and its exit code is the script's" {
	# shellcheck disable=SC2016
	tare script --init "$ROOTFS" sh -c 'echo $PPID; exit 9' >"$BATS_TEST_TMPDIR/init.sh"
	run bash "$BATS_TEST_TMPDIR/init.sh"
	equal "output and code" "$output $status" "1 9"
}

@test "with -t the command has the caller's terminal, and the script says so" {
	tare script -it "$ROOTFS" sh -c 'test -t 0 && echo terminal' >"$BATS_TEST_TMPDIR/terminal.sh"
	grep -q '^#  - terminal: ' "$BATS_TEST_TMPDIR/terminal.sh"
	run script -qec "bash $BATS_TEST_TMPDIR/terminal.sh" /dev/null
	equal "output and code" "${output%$'\r'} $status" "terminal 0"
}

@test "a command that is not there ends with 127" {
	tare script "$ROOTFS" no-such-command >"$BATS_TEST_TMPDIR/missing.sh"
	run -127 bash "$BATS_TEST_TMPDIR/missing.sh"
}

@test "a step that fails ends the script, and nothing is left" {
	tare script -v "$BATS_TEST_TMPDIR/there:/there" "$ROOTFS" true | sed 's,^  mount -t proc.*,  false,' >"$BATS_TEST_TMPDIR/fails.sh"
	run timeout 60 bash "$BATS_TEST_TMPDIR/fails.sh"
	equal "code" "$status" 1
	equal "scratch directories" "$(ls "$TMPDIR")" ""
}
