#!/usr/bin/env bats
# tare for a user who is not root. Run as root, the tests make one: a number without a name. In the test machine they run
# as a user with a login session, subordinate ids and a systemd of his own.
# shellcheck disable=SC2016,SC2154 # the container expands it; bats sets stderr
load helpers

setup_file() {
	[[ $(cat /proc/sys/user/max_user_namespaces) -gt 0 ]] || skip "user namespaces are switched off"
	export PLACE
	PLACE=$(mktemp -d /tmp/tare-rootless.XXXXXX)
	chmod 755 "$PLACE"
	mkdir "$PLACE/bin" "$PLACE/run" "$PLACE/home"
	cp "$TARE_BIN_DIR"/{tare,tare-image,tare-init} "$PLACE/bin/"
	make_rootfs "$PLACE/rootfs"
	tar -C "$PLACE/rootfs" -cf "$PLACE/busybox.tar" .
	if [[ $(id -u) == 0 ]]; then chown -R 1234:1234 "$PLACE"; fi
}
# In the user's own way: layers may have other owners than him.
teardown_file() {
	if [[ $(id -u) == 0 ]]; then
		rm -rf "$PLACE"
	else
		unshare --map-auto --map-root-user rm -rf "$PLACE" ~/.local/share/tare
	fi
}
setup() { cd "$PLACE" || return; }
teardown() {
	local id
	for id in $(as_user bin/tare ps -aq --no-trunc); do as_user bin/tare rm -f "$id" >/dev/null 2>&1; done
	equal "clients noted" "$(find "$(run_root)/user-namespace" -type f | wc -l)" 0
}

# as_user COMMAND...: with a home and a runtime directory of this file's own, where there is no systemd to make them.
as_user() {
	if [[ $(id -u) == 0 ]]; then
		env -u TARE_ROOT -u TARE_RUN_ROOT HOME="$PLACE/home" XDG_RUNTIME_DIR="$PLACE/run" \
			setpriv --reuid 1234 --regid 1234 --clear-groups "$@"
	else
		"$@"
	fi
}
tare() { as_user "$PLACE/bin/tare" "$@"; }
run_root() { if [[ $(id -u) == 0 ]]; then echo "$PLACE/run/tare"; else echo "$XDG_RUNTIME_DIR/tare"; fi; }
in_machine() { [[ -n ${TARE_IN_VM:-} ]] || skip "for the test machine: it needs a user's systemd and subordinate ids"; }
map_all() { (echo 0 0 4294967294 >"$1") 2>/dev/null; }
outside() { awk -v key="$1:" '$1 == key { print $2 }' "/proc/$2/status"; }
pid_of() { tare inspect -f '{{.State.Pid}}' "$1"; }

@test "S9 the same command works as an ordinary user, who is root inside" {
	run --separate-stderr tare run --rm ./busybox.tar sh -c 'id -u; id -g; touch /made; echo x >/dev/null; exit 4'
	equal code "$status" 4
	equal output "$output" $'0\n0'
	equal "what is left" "$(tare ps -aq)" ""
}

@test "S9 no external tool is needed" {
	run --separate-stderr as_user env PATH=/nonexistent "$PLACE/bin/tare" run --rm ./rootfs hostname
	equal code "$status" 0
	[[ $output =~ ^[0-9a-f]{12}$ ]]
	[[ $stderr == *"the container has no user but root"*"newuidmap"* ]]
}

@test "S9 where no user namespace may be made it says so in one line" {
	[[ $(id -u) == 0 ]] || skip "root only: it makes a place without user namespaces"
	local holder
	unshare --user sleep 1000 3>&- &
	holder=$!
	wait_until 20 map_all "/proc/$holder/uid_map"
	wait_until 20 map_all "/proc/$holder/gid_map"
	run nsenter --user --setuid 0 --setgid 0 --target "$holder" bash -c "$(declare -f as_user)"'
		echo 0 >/proc/sys/user/max_user_namespaces
		PLACE=$1; as_user "$1/bin/tare" run --rm "$1/rootfs" true' bash "$PLACE"
	kill "$holder"
	equal code "$status" 125
	equal "number of lines" "${#lines[@]}" 1
	[[ $output == "tare: user 1234 may not make a user namespace: "*"max_user_namespaces"* ]]
}

@test "R4 uid 0 inside is the caller outside, and the streams are passed through" {
	run --separate-stderr tare run --rm -i ./rootfs sh -c 'cat; echo error >&2; echo again >/dev/stdout' <<<input
	equal code "$status" 0
	equal output "$output" $'input\nagain'
	[[ $stderr == *error* ]]
	tare run -d --name one ./rootfs sh -c 'touch /made; sleep 1000'
	wait_until 20 test -e "/proc/$(pid_of one)/root/made"
	equal uid "$(outside Uid "$(pid_of one)")" "$(as_user id -u)"
	equal gid "$(outside Gid "$(pid_of one)")" "$(as_user id -g)"
	equal "owner of what it makes" "$(stat -c %u "$(tare inspect -f '{{.GraphDriver.Data.UpperDir}}' one)/made")" "$(as_user id -u)"
}

@test "RL1 all that one does with a container: ps, exec, logs, top, explain, export, stop, restart, rm" {
	tare run -d --name one ./busybox.tar sh -c 'echo hello; touch /made; exec sleep 1000'
	wait_until 20 eval '[[ $(tare logs one) == hello ]]'
	wait_until 20 eval '[[ $(tare exec one cat /proc/1/comm) == sleep ]]'
	run -3 --separate-stderr tare exec one sh -c 'id -u; cat /proc/1/comm; exit 3'
	equal output "$output" $'0\nsleep'
	[[ $(tare ps --format '{{.Names}} {{.Status}}') == "one Up "* ]]
	[[ $(tare top one) == *"sleep 1000"* ]]
	[[ $(tare explain one) == *"0 inside is $(as_user id -u) outside"* ]]
	tare export one | tar -t | grep -qx made
	tare stop -t 0 one
	[[ $(tare ps -a --format '{{.Status}}') == "Exited (137)"* ]]
	tare restart one
	tare exec one test -e /made
	tare rm -f one
	equal "what is left" "$(tare ps -aq)" ""
}

@test "RL2 containers that were started by different commands share the user namespace, and can join each other" {
	tare run -d --name one ./rootfs sleep 1000
	tare run -d --name two --network container:one ./rootfs sleep 1000
	equal "user namespace" "$(readlink "/proc/$(pid_of two)/ns/user")" "$(readlink "/proc/$(pid_of one)/ns/user")"
	equal network "$(readlink "/proc/$(pid_of two)/ns/net")" "$(readlink "/proc/$(pid_of one)/ns/net")"
	# The one whose command made the namespace goes; the other can still be entered.
	tare rm -f one
	tare exec two true
}

@test "RL3 twenty at once share it, too" {
	local i pids=() pid
	for i in $(seq 20); do
		tare run -d --name "at$i" ./busybox.tar sleep 1000 >/dev/null 2>&1 &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do wait "$pid"; done
	for i in $(seq 20); do readlink "/proc/$(pid_of "at$i")/ns/user"; done | sort -u >"$BATS_TEST_TMPDIR/namespaces"
	equal "user namespaces" "$(wc -l <"$BATS_TEST_TMPDIR/namespaces")" 1
}

@test "RL4 volumes, and what is mounted of the user's own" {
	as_user mkdir -p shared
	tare run --rm -v data:/etc ./busybox.tar sh -c 'echo new >/etc/new; test -s /etc/passwd'
	equal "in the volume" "$(tare run --rm -v data:/data ./rootfs cat /data/new 2>/dev/null)" new
	tare run --rm -v "$PLACE/shared:/shared" ./rootfs touch /shared/made
	equal owner "$(stat -c %u shared/made)" "$(as_user id -u)"
	tare volume rm data
}

@test "RL5 a client that was killed leaves nothing in the way of the next" {
	tare run -d --name one ./rootfs sleep 1000
	echo 1 >"$(run_root)/user-namespace/4194300" # of a process that is none
	tare exec one true
	[[ ! -e $(run_root)/user-namespace/4194300 ]]
}

@test "RL6 a limit without a cgroup is refused with what to do" {
	if [[ -n ${TARE_IN_VM:-} ]]; then
		run -125 env XDG_RUNTIME_DIR="$PLACE/run" DBUS_SESSION_BUS_ADDRESS= "$PLACE/bin/tare" run --rm -m 64m ./rootfs true
	else
		run -125 tare run --rm -m 64m ./rootfs true
	fi
	[[ $output == *"a limit was asked for, but no cgroup here can be written"*"-m"* ]]
}

@test "RL9 whose ids, places and root file systems are not the user's is told so" {
	run -125 tare run --rm --uidmap 0:4000000000:9 ./rootfs true
	[[ $output == *"--uidmap 0:4000000000:9: these are not the user's own ids"* ]]
	run -125 tare run --rm -u 200000 ./rootfs true
	[[ $output == *"--user: there is no 200000:0 in this user namespace"*"/etc/subuid"* ]]
	run -1 tare script ./rootfs true
	[[ $output == *"a script makes root's containers"* ]]
	as_user mkdir -p open
	as_user chmod 777 open
	run -1 tare --run-root "$PLACE/open" ps
	[[ $output == *"$PLACE/open is not a directory that only user $(as_user id -u) can write to"* ]]
	run -0 tare --root / --run-root "$PLACE/open" version
}

@test "RL10 a root file system of root's that has all that is mounted on" {
	[[ $(id -u) == 0 ]] || skip "root only: it makes one"
	local rootfs=$PLACE/of-root
	make_rootfs "$rootfs"
	run tare run --rm "$rootfs" true
	equal code "$status" 125
	[[ $output == *"/etc/resolv.conf"*"has another owner"*"use a tarball"* ]]
	touch "$rootfs/etc/"{resolv.conf,hostname,hosts}
	equal output "$(tare run --rm "$rootfs" sh -c 'touch /made; stat -c %u /made / 2>/dev/null')" $'0\n0'
}

@test "RL11 device nodes in a tarball are left out: the container has the host's" {
	[[ $(id -u) == 0 ]] || skip "root only: it makes them"
	mkdir "$BATS_TEST_TMPDIR/nodes"
	make_rootfs "$BATS_TEST_TMPDIR/nodes"
	mknod "$BATS_TEST_TMPDIR/nodes/dev/console" c 5 1
	mknod "$BATS_TEST_TMPDIR/nodes/node" b 7 0
	tar -C "$BATS_TEST_TMPDIR/nodes" -cf nodes.tar .
	equal output "$(tare run --rm ./nodes.tar sh -c '[ -e /node ] || echo none; [ -c /dev/null ] && echo null')" $'none\nnull'
}

@test "RL12 images: loaded, run, their layers' marks and owners, and removed" {
	mkdir -p "$PLACE/image/tree" && cd "$PLACE/image"
	mkdir -p tree/d tree/etc && echo old >tree/d/old && echo one >tree/etc/one && echo "web:x:7:7::/:/bin/sh" >tree/etc/passwd
	tar --owner=0 --group=0 -cf one.tar -C tree .
	rm -r tree && mkdir -p tree/d tree/etc && touch tree/d/.wh..wh..opq tree/etc/.wh.one && echo new >tree/d/new
	tar --owner=0 --group=0 -cf two.tar -C tree .
	python3 "$BATS_TEST_DIRNAME/make_image.py" oci-archive image.tar test:1 \
		'{"Env":["PATH=/bin"],"User":"web","Cmd":["/bin/sh","-c","ls /d /etc; id -u"]}' "$PLACE/busybox.tar" one.tar two.tar >id
	chmod -R a+rX "$PLACE/image"
	cd "$PLACE"
	run -0 as_user bin/tare load -q -i image/image.tar
	equal "loaded" "$output" "Loaded image: test:1"
	equal "listed" "$(as_user bin/tare images -q --no-trunc)" "$(<image/id)"
	if [[ -n ${TARE_IN_VM:-} ]]; then
		equal "run" "$(as_user bin/tare run --rm test:1 | tr '\n' ' ')" "/d: new  /etc: group hostname hosts passwd resolv.conf 7 "
	fi
	equal "run as root" "$(as_user bin/tare run --rm -u 0 test:1 | tr '\n' ' ')" "/d: new  /etc: group hostname hosts passwd resolv.conf 0 "
	run -0 as_user bin/tare system check
	as_user bin/tare save -o run/saved.tar test:1
	run -0 as_user bin/tare rmi test:1
	equal "nothing left" "$(as_user bin/tare system df --format '{{.Type}} {{.TotalCount}} {{.Size}}' | head -1)" "Images 0 0B"
	equal "loaded again" "$(as_user bin/tare load -q -i run/saved.tar)" "Loaded image: test:1"
	as_user bin/tare rmi test:1 >/dev/null
	rm -rf image
}

@test "RL7 the user's systemd makes the cgroup: limits, statistics, pause, out of memory, exec in it" {
	in_machine
	tare run -d --name one -m 64m --pids-limit 30 ./busybox.tar sleep 1000
	local cgroup
	cgroup=/sys/fs/cgroup$(cut -d: -f3 "/proc/$(pid_of one)/cgroup")
	[[ $cgroup == */user@*.service/user.slice/tare-*.scope/container ]]
	equal memory "$(cat "$cgroup/memory.max")" $((64 << 20))
	equal processes "$(cat "$cgroup/pids.max")" 30
	equal inside "$(tare exec one cat /sys/fs/cgroup/pids.max /proc/self/cgroup)" $'30\n0::/'
	[[ $(tare stats --no-stream one) == *"/ 64MiB"* ]]
	tare pause one
	[[ $(tare ps) == *"(Paused)"* ]]
	tare unpause one
	run -137 tare run --name two -m 20m ./busybox.tar sh -c 'head -c 100m /dev/zero | tail'
	[[ $(tare ps -a) == *"out of memory"* ]]
	run tare run --rm --cgroup-parent /elsewhere ./rootfs true
	[[ $output == *"--cgroup-parent /elsewhere: a user's containers are in slices"* ]]
	tare run --rm --cgroup-parent work.slice ./rootfs true
	# One that was created where there was no systemd is started with it all the same.
	env XDG_RUNTIME_DIR=/nonexistent DBUS_SESSION_BUS_ADDRESS= "$PLACE/bin/tare" --run-root "$(run_root)" \
		create --name three ./rootfs sleep 1000
	tare start three
	[[ $(cat "/proc/$(pid_of three)/cgroup") == */tare-*.scope/container ]]
	tare rm -f one two three
	wait_until 20 eval '[[ ! -e ${cgroup%/container} ]]'
}

@test "RL8 others' ids are subordinate ones" {
	in_machine
	run --separate-stderr tare run --rm ./busybox.tar sh -c 'cat /proc/self/uid_map; touch /x; chown 5:6 /x; stat -c %u:%g /x'
	equal code "$status" 0
	equal output "$(tr -s ' ' <<<"$output")" " 0 $(id -u) 1
 1 100000 65536
5:6"
	equal "standard error" "$stderr" ""
	equal "as another user" "$(tare run --rm -u 7:8 ./busybox.tar id)" "uid=7 gid=8 groups=8"
	equal "ids of its own" "$(tare run --rm --userns auto ./busybox.tar id -u 2>/dev/null)" 0
}
