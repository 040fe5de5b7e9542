#!/usr/bin/env bats
# tare export: a container's root file system as a tarball, compared entry by entry with what the container sees.
# shellcheck disable=SC2016,SC2154 # scripts for the container's shell; variables that bats and the helpers set

load helpers

setup_file() { setup_rootfs_once; }
setup() {
	setup_store
	cd "$BATS_TEST_TMPDIR" || return
}
teardown() { teardown_store; }

# What a container does with its files: everything that a file system can hold, and what is gone again.
odd_files='
	mkdir -p /odd/deep /odd/empty && cd /odd || exit
	echo data >file; ln file hard; ln file deep/hard
	ln -s ../../outside link; ln -s /etc/passwd absolute; ln -s "$(printf "%0300d" 7)" long
	mkfifo fifo; mknod null c 1 3; mknod disk b 240 70000
	printf x >"$(printf "\377\200\nline")"; printf y >"$(printf "\303\274 \047\"\\")"; : >"$(printf "%0255d" 1)"
	mkdir -p "$(printf "%0200d" 2)/$(printf "%0200d" 3)/deep"; echo z >"$(printf "%0200d" 2)/$(printf "%0200d" 3)/deep/file"
	dd if=/dev/urandom of=large bs=1M count=3 2>/dev/null; dd if=/dev/null of=sparse bs=1M seek=8 2>/dev/null
	chown 3000000:4000000 file; chown -h 7:8 link; chmod 6751 large; chmod 1777 deep; chmod 0 empty
	touch -d "1970-01-01 00:00:00" file; touch -d "@8589934592" large; touch -h -d "2001-02-03 04:05:06" link
	rm /bin/vi; rm -r /tmp; mkdir /tmp; mv /root /moved; sed -i s/nobody/somebody/ /etc/passwd
'

# What of the container's view is not its root file system: mounts, and what is below them.
outside=(proc sys dev volume bound etc/hosts etc/hostname etc/resolv.conf)

# The running container NAME seen from within, entry by entry.
seen_inside() { python3 "$BATS_TEST_DIRNAME/tree.py" directory "/proc/$container_pid/root/." "${outside[@]}"; }
in_tar() { python3 "$BATS_TEST_DIRNAME/tree.py" tar "$1" "${outside[@]}"; }

start_odd_container() {
	mkdir -p bound
	echo "of the host" >bound/file
	start_container "$1" -v volume:/volume -v "$PWD/bound:/bound" "${@:2}" sh -c "$odd_files echo \"of the volume\" >/volume/file; $stay"
	# What busybox has no program for.
	setfattr -n user.note -v kept "/proc/$container_pid/root/odd/file"
	setfattr -n user.binary -v 0x00ff0a "/proc/$container_pid/root/odd/deep"
	setcap cap_net_raw+ep "/proc/$container_pid/root/odd/large"
}

@test "Z1 create, run and export give a tarball that is, entry by entry, what the container sees, and that runs" {
	start_odd_container odd "$ROOTFS"
	seen_inside >inside
	tare export odd >running.tar
	equal "while it runs" "$(in_tar running.tar)" "$(cat inside)"
	# Nothing of what is mounted in it, only the places.
	equal "places of mounts" "$(tar -tf running.tar 2>/dev/null | grep -E '^(proc|dev|volume|bound|etc/hosts)')" \
		$'bound/\ndev/\netc/hosts\nproc/\nvolume/'
	equal "/etc/hosts" "$(tar -xOf running.tar etc/hosts 2>/dev/null | wc -c)" 0
	tare rm -f odd >/dev/null
	# As a root file system it is the same, and comes out the same once more.
	start_container again -v "$PWD/bound:/bound" ./running.tar sh -c "$stay"
	equal "in a container of it" "$(seen_inside)" "$(cat inside)"
	tare rm -f again >/dev/null
	tare create --name copy ./running.tar true
	tare export copy --output copy.tar
	equal "of one that was created only" "$(in_tar copy.tar)" "$(cat inside)"
	run --separate-stderr tare run --rm ./copy.tar sh -c 'cat /odd/deep/hard; grep -c somebody /etc/passwd; ls -d /moved /root /bin/vi'
	equal output "$output" $'data\n1\n/moved'
}

# dockerd in namespaces of its own, in this directory, with everything that touches the machine turned off.
# with_docker COMMAND...: with DOCKER_HOST set to it.
with_docker() {
	unshare --mount --pid --fork --net --kill-child --mount-proc bash -c '
		mount --make-rprivate / || exit
		dockerd --bridge=none --iptables=false --ip6tables=false --ip-forward=false --ip-masq=false --userland-proxy=false \
			--storage-driver=vfs --data-root="$PWD/docker" --exec-root="$PWD/exec" --pidfile="$PWD/docker.pid" \
			--config-file="$PWD/none" --host="unix://$PWD/docker.sock" >docker.log 2>&1 3>&- &
		export DOCKER_HOST=unix://$PWD/docker.sock
		for ((i = 0; i < 300; i++)); do
			/usr/bin/docker version >/dev/null 2>&1 && break
			sleep 0.1
		done
		"$@"' with_docker "$@"
}

# Z1, the other half; not in the machine with cgroup v2, where a docker would take minutes.
@test "the tarball of Z1 is imported by a real docker, entry by entry" {
	[[ -x /usr/sbin/dockerd ]]
	echo '{}' >none
	start_odd_container odd "$ROOTFS"
	tare export odd -o odd.tar
	tare rm -f odd >/dev/null
	run --separate-stderr with_docker bash -c '
		docker=/usr/bin/docker
		$docker import odd.tar odd:1 && $docker import - odd:2 <odd.tar && id=$($docker create odd:1 /bin/sh) &&
			$docker export "$id" >docker.tar'
	equal status "$status" 0
	equal "two imports" "$(grep -c '^sha256:' <<<"$output")" 2
	local layer
	for layer in docker/vfs/dir/*; do
		[[ ! -e $layer/.dockerenv && ! -e $layer-init && -e $layer/odd/file ]] && break
	done
	python3 "$BATS_TEST_DIRNAME/tree.py" directory "$layer" "${outside[@]}" >imported
	# All but the top itself, whose time is docker's.
	equal "what docker unpacked" "$(tail -n +2 imported)" "$(in_tar odd.tar | tail -n +2)"
	# And what docker exports again is a root file system for tare.
	run --separate-stderr tare run --rm ./docker.tar sh -c 'cat /odd/deep/hard; readlink /odd/link; stat -c "%u:%g %Y" /odd/file'
	equal output "$output" $'data\n../../outside\n3000000:4000000 0'
}

@test "export works however the root came about: a directory written to, a copy, several kinds of store" {
	make_rootfs written
	mkdir written/mounted
	mount -t tmpfs inner written/mounted
	touch written/mounted/of-the-host
	start_container written --rootfs-rw -v /volume ./written sh -c "echo new >/new; echo hidden >/volume/file; $stay"
	tare export written -o written.tar
	tare rm -f written >/dev/null
	umount written/mounted
	equal "what is in it" "$(in_tar written.tar)" \
		"$(python3 "$BATS_TEST_DIRNAME/tree.py" directory written "${outside[@]}")"
	# Where the store's file system takes no upper layer the root is a copy.
	mkdir -p lower upper work overlay
	mount -t overlay overlay -o "lowerdir=lower,upperdir=upper,workdir=work" overlay
	export TARE_ROOT=$PWD/overlay/root
	tare run --name copied "$ROOTFS" sh -c 'echo new >/new; rm /bin/vi' 2>warnings
	grep -q "is copied for this container" warnings
	tare export copied -o copied.tar
	equal new "$(tar -xOf copied.tar new)" new
	equal "the rest" "$(in_tar copied.tar | grep -vE '^/(new|bin|etc)? ')" \
		"$(python3 "$BATS_TEST_DIRNAME/tree.py" directory "$ROOTFS" "${outside[@]}" | grep -vE '^/(bin|etc|bin/vi)? ')"
	tare rm copied
	umount overlay
}

@test "sockets are left out, and what the container does meanwhile is no error" {
	start_container busy "$ROOTFS" sh -c '
		echo ready
		i=0
		while :; do
			i=$((i + 1)); mkdir -p /busy/$i /busy/$i/deep; echo $i >/busy/$i/deep/file; echo $i >>/busy/grows
			rm -rf /busy/$((i - 40)); : >/busy/shrinks; echo $i >/busy/shrinks
		done'
	python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "/proc/$container_pid/root/tmp/socket"
	local round # bats has an i of its own
	for round in 1 2 3 4 5; do
		run --separate-stderr tare export busy -o "busy.$round.tar"
		equal "status $stderr" "$status" 0
		tar -tf "busy.$round.tar" >list
		grep -q "^busy/grows$" list
		run grep socket list
		((status == 1))
	done
	[[ $(tare inspect busy | jq -r '.[0].State.Status') == running ]]
}

@test "export refuses a terminal, names what is missing, and leaves no half file" {
	tare create --name here "$ROOTFS" true
	PYTHONPATH=$BATS_TEST_DIRNAME python3 - "$TARE_BIN_DIR/tare" <<'PYTHON'
import sys
from terminal import Terminal, check
run = Terminal(sys.argv[1], "export", "here")
run.expect(r"tare: cowardly refusing to save to a terminal \(use the -o flag or redirect\)\r\n")
check("its exit code says so", run.wait() == 125)
PYTHON
	run --separate-stderr tare export nothing -o out.tar
	equal status "$status" 1
	[[ $stderr == *"No such container: nothing"* && ! -e out.tar ]]
	run --separate-stderr tare export here -o ./no/such/out.tar
	((status != 0))
	[[ $stderr == *"./no/such/out.tar"*"No such file or directory"* ]]
	run --separate-stderr tare export here -o .
	((status != 0))
	# What was there is there until all is written.
	echo old >out.tar
	mkdir small
	mount -t tmpfs -o size=1m small small
	echo old >small/out.tar
	run --separate-stderr tare export here -o small/out.tar
	((status != 0))
	[[ $stderr == *"No space left on device"* ]]
	equal "in the small directory" "$(cat small/*)" old
	tare export here -o out.tar
	equal "replaced" "$(tar -tf out.tar | grep -c '^bin/busybox$')" 1
	equal "its mode" "$(stat -c %a out.tar)" 600
	run --separate-stderr bash -c '"$TARE_BIN_DIR/tare" export here | head -c 1000 | wc -c'
	equal "a reader that goes away" "$output" 1000
	tare export here -o /dev/null
	equal "nothing else here" "$(find . -maxdepth 1 -name '*tar*')" ./out.tar
	# Killed in the middle: nothing.
	mkfifo pipe
	"$TARE_BIN_DIR/tare" export here -o killed.tar 3>&- &
	kill -KILL "$!"
	wait "$!" || true
	[[ ! -e killed.tar || $(tar -tf killed.tar | tail -n 1) == usr/sbin/* ]]
}

@test "the process that reads a container's files can do nothing else" {
	tare run --name read "$ROOTFS" sh -c 'ln -s /etc/shadow /leak; mkdir /d; ln -s / /d/root'
	run --separate-stderr tare export read -o read.tar
	equal status "$status" 0
	equal links "$(tar -tvf read.tar | grep -oE '[^ ]+ -> /.*' | grep -E '^(leak|d)')" $'d/root -> /\nleak -> /etc/shadow'
	run strace -f -o trace -e trace=prctl,capset,seccomp,chroot "$TARE_BIN_DIR/tare" export read -o read.tar
	equal status "$status" 0
	grep -q 'PR_SET_NO_NEW_PRIVS' trace
	grep -qE 'capset.*effective=1<<CAP_DAC_READ_SEARCH, permitted=1<<CAP_DAC_READ_SEARCH' trace
	grep -qE 'seccomp\(SECCOMP_SET_MODE_FILTER' trace
}
