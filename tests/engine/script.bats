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

# The container's in a script.
id_of() { sed -n 's/^export id=\(.*\)-\$\$$/\1/p' "$1"; }

# same_as_script OPTION... ROOTFS: what is seen is the same, and the script leaves nothing.
same_as_script() {
	python3 "$BATS_TEST_DIRNAME/script.py" "$BATS_TEST_TMPDIR" "$@"
	# The virtual machine has no shellcheck, and this one runs every test.
	[[ -n ${TARE_IN_VM-} ]] || shellcheck "$BATS_TEST_TMPDIR/container.sh"
	local id
	id=$(id_of "$BATS_TEST_TMPDIR/container.sh")
	equal "cgroups" "$(find /sys/fs/cgroup -type d -name "*$id*" 2>/dev/null)" ""
	equal "mounts" "$(grep -c "$id" /proc/self/mountinfo)" 0
	equal "scratch directories" "$(ls "$TMPDIR")" ""
}

@test "SC1 the script of a container with limits starts the same one" {
	same_as_script -m 64m --cpu-shares 512 --pids-limit 50 "$ROOTFS"
}

@test "SC2 the script of a container with a user namespace starts the same one" {
	same_as_script --userns auto -m 64m --pids-limit 50 "$ROOTFS"
}

@test "a script that was changed is found not to start the same container" {
	python3 "$BATS_TEST_DIRNAME/script.py" --changes "$BATS_TEST_TMPDIR" --userns auto -m 64m "$ROOTFS"
	python3 "$BATS_TEST_DIRNAME/script.py" --changes "$BATS_TEST_TMPDIR" -m 64m -w /tmp "$ROOTFS"
}

@test "by default the script's container is the same" { same_as_script "$ROOTFS"; }

@test "a tarball is unpacked by tar" { same_as_script "$TARBALL"; }

@test "with ids of its own: a tarball, binds, a tmpfs, a volume, a user and limits are the same" {
	mkdir -m 700 "$BATS_TEST_TMPDIR/closed"
	mkdir "$BATS_TEST_TMPDIR/closed/data dir"
	: >"$BATS_TEST_TMPDIR/closed/file"
	same_as_script --userns auto -v "$BATS_TEST_TMPDIR/closed/data dir:/data:ro" \
		-v "$BATS_TEST_TMPDIR/closed/file:/etc/file" -v notes:/notes -v filled:/root --tmpfs /scratch:size=1m,mode=700 \
		--user 1000:1001 --group-add 1002 --oom-score-adj 500 --ulimit nofile=100:200 "$TARBALL"
}

@test "mappings in several parts, for users and groups, are the same" {
	same_as_script --uidmap 0:100000:1000 --uidmap 1000:300000:64536 --gidmap 0:200000:65536 --read-only \
		--sysctl kernel.msgmax=9000 --domainname do.main --device /dev/null:/dev/mine "$ROOTFS"
}

@test "with the host's network and uts namespaces a user namespace is the same" {
	same_as_script --userns auto --network host --uts host "$ROOTFS"
}

@test "the copy for a user namespace has owners, modes and file capabilities; the directory itself stays as it was" {
	local tree=$BATS_TEST_TMPDIR/tree
	make_rootfs "$tree"
	rm "$tree/bin/grep"
	cp "$tree/bin/busybox" "$tree/bin/grep"
	: >"$tree/mine"
	chown 1000:1001 "$tree/mine"
	chmod 6755 "$tree/mine"
	mknod "$tree/dev/null" c 1 3
	# struct vfs_cap_data of revision 2: effective, CAP_NET_RAW
	python3 -c 'import os, struct, sys
os.setxattr(sys.argv[1], "security.capability", struct.pack("<5I", 0x02000001, 1 << 13, 0, 0, 0))' "$tree/bin/grep"
	local look='stat -c "%A %u %g" /mine; /bin/grep CapEff /proc/self/status'
	local expected=$'-rwsr-sr-x 1000 1001\nCapEff:\t0000000000002000'
	says "$expected" --userns auto --user 1000 "$tree" sh -c "$look"
	tare script --userns auto --user 1000 "$tree" sh -c "$look" >"$BATS_TEST_TMPDIR/copy.sh"
	equal "what the script's sees" "$(bash "$BATS_TEST_TMPDIR/copy.sh")" "$expected"
	equal "its owner" "$(stat -c '%u %g' "$tree/mine")" "1000 1001"
	tar -C "$tree" --xattrs --xattrs-include='*' -cf "$BATS_TEST_TMPDIR/capable.tar" .
	tare script --user 1000 "$BATS_TEST_TMPDIR/capable.tar" sh -c "$look" >"$BATS_TEST_TMPDIR/tarball.sh"
	equal "what the tarball's sees" "$(bash "$BATS_TEST_TMPDIR/tarball.sh")" "$expected"
	equal "scratch directories" "$(ls "$TMPDIR")" ""
}

@test "with ids of its own a volume that is there is named as nobody's" {
	tare create -v old:/old "$ROOTFS" true
	tare script --userns auto -v old:/old "$ROOTFS" true >"$BATS_TEST_TMPDIR/old.sh"
	grep -q '^#  - volumes: .*/old.* nobody' "$BATS_TEST_TMPDIR/old.sh"
	tare script --userns auto -v new:/new "$ROOTFS" true >"$BATS_TEST_TMPDIR/new.sh"
	run ! grep -q '^#  - volumes: .* nobody' "$BATS_TEST_TMPDIR/new.sh"
}

@test "the pid namespace of another container is joined, also with --init" {
	tare run -d --name web "$ROOTFS" sleep 100
	same_as_script --pid container:web "$ROOTFS"
	same_as_script --init --pid container:web "$ROOTFS"
	tare script --pid container:web "$ROOTFS" cat /proc/1/comm >"$BATS_TEST_TMPDIR/join.sh"
	equal "the first process that it sees" "$(bash "$BATS_TEST_TMPDIR/join.sh")" sleep
}

@test "paths with the punctuation of mount options are the same" {
	local place=$BATS_TEST_TMPDIR/'a:b,c\d"e' data=$BATS_TEST_TMPDIR/'d,a\t"a'
	mkdir "$place" "$data"
	cp -a "$ROOTFS" "$place/rootfs"
	same_as_script -v "$data:/data:ro" -v "$data:/to,\"d\\e" "$place/rootfs"
	same_as_script --rootfs-rw "$place/rootfs"
	same_as_script --userns auto -v "$data:/data" "$place/rootfs"
	tare script "$ROOTFS" true >"$BATS_TEST_TMPDIR/true.sh"
	TMPDIR=$place run bash "$BATS_TEST_TMPDIR/true.sh"
	[[ $status == 1 && $output == TMPDIR:* ]]
	equal "files there" "$(ls "$place")" rootfs
}

@test "links in the root file system lead nowhere outside of it" {
	local tree=$BATS_TEST_TMPDIR/tree host=$BATS_TEST_TMPDIR/host
	mkdir "$host"
	: >"$host/secret"
	make_rootfs "$tree"
	ln -s "$host" "$tree/absolute"
	ln -s "../../../../../../../../../../$host" "$tree/relative"
	ln -s tmp/../absolute "$tree/chain"
	same_as_script -v "$ROOTFS:/absolute/x" -v "$ROOTFS:/relative/y" -v "$ROOTFS:/chain/z" -v filled:/chain \
		-w /relative/w "$tree"
	equal "files of the host's directory" "$(ls "$host")" secret
	tare script -v other:/chain "$tree" ls /chain >"$BATS_TEST_TMPDIR/fill.sh"
	equal "what a volume is filled with" "$(bash "$BATS_TEST_TMPDIR/fill.sh")" ""
	rmdir "$tree/proc"
	ln -s absolute "$tree/proc"
	tare script "$tree" true >"$BATS_TEST_TMPDIR/proc.sh"
	run bash "$BATS_TEST_TMPDIR/proc.sh"
	[[ $status == 1 && $output == *"/proc in the root file system: proc is a symbolic link"* ]]
	rm "$tree/absolute"
	ln -s chain "$tree/absolute"
	tare script -v "$host:/chain/x" "$tree" true >"$BATS_TEST_TMPDIR/loop.sh"
	run timeout 60 bash "$BATS_TEST_TMPDIR/loop.sh"
	[[ $status == 1 && $output == *"symbolic link"* ]]
	equal "scratch directories" "$(ls "$TMPDIR")" ""
}

@test "two runs of a script at once are two containers, of the same name" {
	mkdir "$BATS_TEST_TMPDIR/meet"
	# shellcheck disable=SC2016
	tare script -m 64m -v "$BATS_TEST_TMPDIR/meet:/meet" "$ROOTFS" \
		sh -c 'echo up >>/meet/up; while [ "$(wc -l </meet/up)" != 2 ]; do sleep 0.1; done; hostname' >"$BATS_TEST_TMPDIR/two.sh"
	timeout 60 bash "$BATS_TEST_TMPDIR/two.sh" >"$BATS_TEST_TMPDIR/first" 3>&- &
	equal "the second's name" "$(timeout 60 bash "$BATS_TEST_TMPDIR/two.sh")" "$(id_of "$BATS_TEST_TMPDIR/two.sh" | cut -c1-12)"
	wait "$!"
	equal "the first's name" "$(cat "$BATS_TEST_TMPDIR/first")" "$(id_of "$BATS_TEST_TMPDIR/two.sh" | cut -c1-12)"
	equal "scratch directories" "$(ls "$TMPDIR")" ""
}

@test "with --init signals and the environment are the same" {
	same_as_script --init "$ROOTFS"
	same_as_script --init -e _=x --userns auto "$ROOTFS"
	same_as_script --init --uidmap 0:100000:65536 "$ROOTFS"
}

@test "variables that mean something to bash arrive, or are named" {
	# shellcheck disable=SC2016
	same_as_script -e fd=5 -e _=here -e RANDOM=4 -e IFS=: -e SECONDS=abc -e BASHPID=3 -e LINENO=1 -e OPTIND=no \
		-e POSIXLY_CORRECT=1 -e BASH_XTRACEFD=2 -e PS4='$(false)' -e 'A[0]=b' -e at=1 -e GROUPS=x "$ROOTFS"
	run ! grep -q '^#  - environment: ' "$BATS_TEST_TMPDIR/container.sh"
	same_as_script -e UID=7 -e PPID=8 -e SHLVL=9 -e SHELLOPTS=xtrace "$ROOTFS"
	equal "variables named" "$(grep -c '^#  - environment: .* [A-Z]*$' "$BATS_TEST_TMPDIR/container.sh")" 4
}

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
	equal "cgroups" "$(find /sys/fs/cgroup -name "*$(id_of "$BATS_TEST_TMPDIR/sleep.sh")*" 2>/dev/null)" ""
	equal "scratch directories" "$(ls "$TMPDIR")" ""
}

@test "what a script cannot do at all is refused, and the tool is named that lacks it" {
	tare run -d --name box --ipc shareable "$ROOTFS" sleep 100
	run tare script --ipc container:box "$ROOTFS" true
	[[ $status != 0 && $output == *"a script cannot start this container"*"mount(8)"*"mount namespace"* ]]
	run tare script --userns auto --rootfs-rw "$ROOTFS" true
	[[ $status != 0 && $output == *"a script cannot start this container"*"mount(8)"*"2.39"* ]]
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
