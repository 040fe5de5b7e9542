#!/usr/bin/env bats
# Who a container's processes are and what they may: capabilities, privileged containers, groups, user namespaces,
# security labels. Tests named L and R are rows of what tare grew out of.
# shellcheck disable=SC2016,SC2154 # scripts for the container's shell; variables that bats and the helpers set
load helpers

setup_file() { setup_rootfs_once; }
setup() { setup_store; }
teardown() { teardown_store; }

# capability NAME...: the set of these as a number; the names are those of capability.h.
capability_names="CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE
	NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT
	SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP
	MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE"
capability_set() {
	local name wanted number set=0
	for wanted; do
		number=0
		for name in $capability_names; do
			if [[ $name == "$wanted" ]]; then set=$((set | 1 << number)); fi
			number=$((number + 1))
		done
	done
	echo "$set"
}

# What this test could give away: its own permitted set, within its bounding set.
own_set() {
	local permitted bounding
	permitted=0x$(awk '/^CapPrm/ { print $2 }' /proc/self/status)
	bounding=0x$(awk '/^CapBnd/ { print $2 }' /proc/self/status)
	echo "$((permitted & bounding))"
}

# sets INHERITABLE PERMITTED EFFECTIVE BOUNDING AMBIENT: as /proc/self/status has them.
sets() { printf '%016x\n' "$@"; }
show_sets='grep ^Cap /proc/self/status | cut -f2'

lizzies_twenty=(AUDIT_CONTROL AUDIT_READ AUDIT_WRITE BLOCK_SUSPEND DAC_READ_SEARCH FSETID IPC_LOCK MAC_ADMIN MAC_OVERRIDE
	MKNOD SETFCAP SYSLOG SYS_ADMIN SYS_BOOT SYS_MODULE SYS_NICE SYS_RAWIO SYS_RESOURCE SYS_TIME WAKE_ALARM)

@test "L6 the default bounding set is docker's, and what remains of all without twenty is exactly what shows" {
	local standard
	standard=$(capability_set CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP NET_BIND_SERVICE NET_RAW \
		SYS_CHROOT MKNOD AUDIT_WRITE SETFCAP)
	says "$(sets 0 "$standard" "$standard" "$standard" 0)" "$ROOTFS" sh -c "$show_sets"

	local set name drop=()
	set=$(($(own_set) & ~$(capability_set "${lizzies_twenty[@]}")))
	for name in "${lizzies_twenty[@]}"; do drop+=(--cap-drop "$name"); done
	says "$(sets 0 "$set" "$set" "$set" 0)" --cap-add ALL "${drop[@]}" "$ROOTFS" sh -c "$show_sets"
	says "$(sets 0 0 0 "$set" 0)" -u nobody --cap-add ALL "${drop[@]}" "$ROOTFS" sh -c "$show_sets"
	local add=()
	for name in $capability_names; do
		if ((set & $(capability_set "$name"))); then add+=(--cap-add "cap_${name,,}"); fi
	done
	says "$(sets 0 "$set" "$set" "$set" 0)" --cap-drop ALL "${add[@]}" "$ROOTFS" sh -c "$show_sets"
}

@test "L7 capabilities are added to and taken from nothing, the default and all" {
	local all show='grep ^CapBnd /proc/self/status | cut -f2'
	all=$(own_set)
	says "$(sets 0)" --cap-drop ALL "$ROOTFS" sh -c "$show"
	says "$(sets "$all")" --cap-add ALL "$ROOTFS" sh -c "$show"
	says "$(sets "$all")" --cap-add all --cap-drop all "$ROOTFS" sh -c "$show"
	says "$(sets "$(capability_set NET_ADMIN LEASE)")" --cap-drop ALL --cap-add net_admin --cap-add CAP_LEASE "$ROOTFS" sh -c "$show"
	says "$(sets "$((0xa80425fb & ~$(capability_set CHOWN) | $(capability_set SYS_PTRACE)))")" --cap-add SYS_PTRACE \
		--cap-drop CAP_chown --cap-drop sys_time "$ROOTFS" sh -c "$show"
	# Felt, not only shown.
	says "refused" --cap-drop CHOWN "$ROOTFS" sh -c 'chown 5 /etc/passwd 2>/dev/null || echo refused'
	says "done" --cap-drop ALL --cap-add CHOWN "$ROOTFS" sh -c 'chown 5 /etc/passwd && echo done'
	says "refused" "$ROOTFS" sh -c 'ip link set lo down 2>/dev/null || echo refused'
	says "done" --cap-add NET_ADMIN "$ROOTFS" sh -c 'ip link set lo down && echo done'
}

@test "L10 no-new-privileges is off by default, and on where it is asked for" {
	local show='grep ^NoNewPrivs /proc/self/status | cut -f2'
	says 0 "$ROOTFS" sh -c "$show"
	says 1 --security-opt no-new-privileges "$ROOTFS" sh -c "$show"
	says 1 --security-opt no-new-privileges:true "$ROOTFS" sh -c "$show"
	says 0 --security-opt no-new-privileges=false "$ROOTFS" sh -c "$show"
	# A set-user-id program changes who one is, or it does not.
	local root=$BATS_TEST_TMPDIR/rootfs options
	make_host_root "$root"
	cp -L /bin/cat "$root/other-cat"
	chmod 4755 "$root/other-cat"
	for options in "--user 1000:0" "--user 1000:1000 --security-opt no-new-privileges"; do
		# shellcheck disable=SC2086 # words
		run --separate-stderr tare run --rm $options -v /usr:/usr:ro "$root" /other-cat /proc/self/status
		equal status "$status" 0
		case $options in
		*privileges) equal effective "$(awk '/^Uid/ { print $3 }' <<<"$output")" 1000 ;;
		*) equal effective "$(awk '/^Uid/ { print $3 }' <<<"$output")" 0 ;;
		esac
	done
}

@test "a capability that is none or cannot be had is named" {
	refuses 'invalid CapAdd: unknown capability: "CAP_CHAIR"' --cap-add chair "$ROOTFS" true
	refuses 'invalid CapDrop: unknown capability: "CAP_CHAIR"' --cap-drop CAP_CHAIR "$ROOTFS" true
	run --separate-stderr setpriv --bounding-set -sys_time "$TARE_BIN_DIR/tare" run --rm --cap-add SYS_TIME "$ROOTFS" true
	equal status "$status" 125
	[[ $stderr == *'not available in the current environment: "CAP_SYS_TIME"'* ]]
	run --separate-stderr setpriv --bounding-set -sys_time "$TARE_BIN_DIR/tare" run --rm --cap-add ALL "$ROOTFS" sh -c "$show_sets"
	local set=$(($(own_set) & ~$(capability_set SYS_TIME)))
	equal "all the others" "$output" "$(sets 0 "$set" "$set" "$set" 0)"
	equal "containers left" "$(tare ps -aq)" ""
}

@test "a privileged container has every capability, the host's devices and writable kernel file systems" {
	local all node names missing
	all=$(own_set)
	mkdir "$BATS_TEST_TMPDIR/outside"
	run --separate-stderr tare run --rm --privileged "$ROOTFS" sh -c '
		grep -E "^(CapEff|Seccomp|NoNewPrivs):" /proc/self/status | cut -f2
		cat /proc/self/mountinfo | cut -d" " -f5,6 | grep -E "^/(proc|sys)" | sort
		unshare -U true && echo user namespace
		echo nodes
		cd /dev && find . -xdev \( -type c -o -type b \) -exec stat -c "%n %F %t:%T %a %u:%g" {} + | sort'
	equal status "$status" 0
	equal "the process" "$(head -3 <<<"$output")" "$(sets "$all")"$'\n0\n0'
	[[ $output == *"user namespace"* ]]
	# Nothing is masked or read-only.
	[[ $output == *"/sys rw,"* && $output != *" ro,"* && $output != *"/proc/kcore"* && $output != *"/proc/sys "* ]]
	names=$(sed '1,/^nodes$/d' <<<"$output" | grep -vE '^\./(console|tty|null|zero|full|random|urandom) ')
	missing=$(cd /dev && find . -xdev \( -name pts -o -name shm -o -name mqueue -o -name fd \) -prune -o \( -type c -o -type b \) \
		-exec stat -c '%n %F %t:%T %a %u:%g' {} + | sort | grep -vE '^\./(console|ptmx|tty|null|zero|full|random|urandom) ')
	equal nodes "$names" "$missing"
	[[ $names == *"/loop-control "* || $names == *"/net/tun "* || $names == *"/fuse "* ]]
	# They work, where those of an ordinary container do not.
	for node in fuse loop-control none; do
		if (: <"/dev/$node") 2>/dev/null; then break; fi
	done
	equal "a device to open" "$([[ $node == none ]] || echo some)" some
	says opened --privileged "$ROOTFS" sh -c ": </dev/$node && echo opened"
	says refused "$ROOTFS" sh -c "mknod /tmp/node c $(stat -c '%Hr %Lr' "/dev/$node") && (: </tmp/node) 2>/dev/null || echo refused"
	# Mounts of its own, and cgroups of its own to write to.
	says mounted --privileged "$ROOTFS" sh -c 'mount -t tmpfs none /tmp && echo mounted'
	says "made" --privileged "$ROOTFS" sh -c 'cd /sys/fs/cgroup && if [ ! -e cgroup.controllers ]; then cd pids || cd memory; fi; mkdir inner && echo made && rmdir inner'
	says $'ro\nro' --privileged --read-only "$ROOTFS" sh -c 'awk "\$2 == \"/\" || \$2 == \"/sys\" { print substr(\$4, 1, 2) }" /proc/mounts'
}

@test "a privileged container without CAP_MKNOD has the host's nodes themselves" {
	run --separate-stderr setpriv --bounding-set -mknod "$TARE_BIN_DIR/tare" run --rm --privileged "$ROOTFS" sh -c '
		ls /dev/loop-control /dev/fuse /dev/net/tun /dev/kmsg 2>/dev/null; chmod 777 /dev/kmsg 2>/dev/null || echo kept'
	equal status "$status" 0
	local expected
	expected=$(ls /dev/loop-control /dev/fuse /dev/net/tun /dev/kmsg 2>/dev/null || true)
	equal output "$output" "$expected"$'\nkept'
}

@test "systempaths=unconfined hides nothing in /proc and leaves the rest as it is" {
	local show='grep -cE " /(proc|sys/(firmware|devices))/" /proc/self/mountinfo; grep -E "^(CapEff|NoNewPrivs)" /proc/self/status | cut -f2; grep -q " /sys ro," /proc/self/mountinfo && echo read-only'
	says $'0\n00000000a80425fb\n0\nread-only' --security-opt systempaths=unconfined "$ROOTFS" sh -c "$show"
	refuses 'invalid --security-opt: "systempaths=open"' --security-opt systempaths=open "$ROOTFS" true
	refuses 'invalid --security-opt: "everything"' --security-opt everything "$ROOTFS" true
}

@test "--group-add takes the names of the container's own groups, and numbers" {
	cp -a "$ROOTFS" "$BATS_TEST_TMPDIR/rootfs"
	printf 'audio:x:29:\nvideo:x:44:nobody\n' >>"$BATS_TEST_TMPDIR/rootfs/etc/group"
	local root=$BATS_TEST_TMPDIR/rootfs show='grep ^Groups /proc/self/status | cut -f2 | sed "s/ *$//"'
	says "0 29 777" --group-add audio --group-add 777 "$root" sh -c "$show"
	says "29 44 65534" -u nobody --group-add audio --group-add 44 "$root" sh -c "$show"
	says "7 44 4000" -u 4000:7 --group-add video --group-add 4000 "$root" sh -c "$show"
	refuses "unable to find group absent: no matching entries in group file" --group-add absent "$root" true
	refuses "group 2147483648: uids and gids must be in range 0-2147483647" --group-add 2147483648 "$root" true
	refuses "unable to find group 0x1" --group-add 0x1 "$root" true
}

# mapping MAP: the container's map in one line each, as `0 10000 2000`.
show_maps='awk "{ print \$1, \$2, \$3 }" /proc/self/uid_map /proc/self/gid_map'

# outside FIELD PID: the ids of a process as the host sees them.
outside() { awk -v field="$1:" '$1 == field { $1 = ""; print substr($0, 2) }' "/proc/$2/status"; }

@test "L5 a user namespace has the ids that are asked for, or ids of its own, and the process the user's" {
	says $'0 10000 2000\n0 10000 2000' --uidmap 0:10000:2000 "$ROOTFS" sh -c "$show_maps"
	says $'0 10000 2000\n0 30000 1\n1 40000 9' --uidmap 0:10000:2000 --gidmap 0:30000 --gidmap 1:40000:9 "$ROOTFS" sh -c "$show_maps"
	run --separate-stderr tare run --rm --userns=auto "$TARBALL" sh -c "$show_maps; ls -ldn / /etc/passwd /dev/shm /dev/mqueue | awk '{ print \$3, \$4 }'; touch /new && echo made"
	equal status "$status" 0
	[[ ${lines[0]} =~ ^0\ [0-9]+\ 65536$ ]]
	[[ $stderr != *copied* ]] || { echo "$stderr" && return 1; }
	equal "the rest" "$(tail -n +3 <<<"$output")" $'0 0\n0 0\n0 0\n0 0\nmade'

	start_container mapped --uidmap 0:10000:2000 -u 1000:1001 --group-add 29 "$ROOTFS" sh -c 'id -u; id -g; id -G; while :; do sleep 1000; done'
	wait_until 20 grep -q 29 "$(output_of mapped)"
	equal inside "$(tr '\n' ' ' <"$(output_of mapped)")" "1000 1001 1001 29 "
	equal uids "$(outside Uid "$container_pid")" "11000 11000 11000 11000"
	equal gids "$(outside Gid "$container_pid")" "11001 11001 11001 11001"
	equal groups "$(outside Groups "$container_pid" | xargs)" "10029 11001"
	[[ $(readlink "/proc/$container_pid/ns/user") != "$(readlink /proc/self/ns/user)" ]]
}

@test "R4 root inside is an ordinary user outside, and the streams are passed through" {
	run --separate-stderr tare run --rm -i --uidmap 0:1000:1 --gidmap 0:1000:1 "$ROOTFS" sh -c "$show_maps"'
		id -u; id -g; cat; echo error >&2; echo again >/dev/stdout' <<<"input"
	equal status "$status" 0
	equal output "$output" $'0 1000 1\n0 1000 1\n0\n0\ninput\nagain'
	[[ $stderr == *error* ]]

	start_container one --uidmap 0:1000:1 --gidmap 0:1000:1 "$ROOTFS" sh -c 'touch /made; mkdir /dir; chown 1 /made 2>/dev/null || echo refused; while :; do sleep 1000; done'
	equal "output" "$(cat "$(output_of one)")" refused
	equal uids "$(outside Uid "$container_pid")" "1000 1000 1000 1000"
	equal gids "$(outside Gid "$container_pid")" "1000 1000 1000 1000"
	equal "seen from outside" "$(stat -c %u:%g "/proc/$container_pid/root/made")" 1000:1000
}

@test "containers that choose their ids share none, with one another or with those that were asked for" {
	local first second
	start_container first --userns auto "$ROOTFS" sh -c 'awk "{ print \$2 }" /proc/self/uid_map; while :; do sleep 1000; done'
	first=$(cat "$(output_of first)")
	start_container asked --uidmap "0:$((first + 65536)):100" "$ROOTFS" sh -c "$stay"
	start_container second --userns auto "$ROOTFS" sh -c 'awk "{ print \$2 }" /proc/self/uid_map; while :; do sleep 1000; done'
	second=$(cat "$(output_of second)")
	equal "the second's" "$second" "$((first + 65536 + 100))"
	equal "as told by inspect" "$(tare inspect second | jq -r '.[0].HostConfig | .UsernsMode, .IDMappings.UidMap[0]')" $'auto\n'"0:$second:65536"
	tare rm -f first
	says "$first" --userns auto "$ROOTFS" sh -c 'awk "{ print \$2 }" /proc/self/uid_map'
	# What is planned is not taken.
	run --separate-stderr tare run --plan --userns auto "$ROOTFS" true
	[[ $output == *"uids 0 $first 65536; gids 0 "* ]]
	says "$first" --userns auto "$ROOTFS" sh -c 'awk "{ print \$2 }" /proc/self/uid_map'
}

@test "a container with ids of its own has a root file system, devices and mounts of its own like any other" {
	run --separate-stderr tare run --rm --userns auto "$ROOTFS" sh -c 'cat /proc/self/mountinfo; echo end; ls -A / /proc/sys >/dev/null'
	equal status "$status" 0
	local points
	points=$(sed '/^end$/,$d' <<<"$output" | cut -d' ' -f5 | grep -vE '^(/proc|/sys|/dev)/' | sort)
	equal "mount points" "$points" "$(printf '%s\n' / /dev /etc/hostname /etc/hosts /etc/resolv.conf /proc /sys)"
	says $'hello\n0\nset' --userns auto --hostname box --tmpfs /scratch "$ROOTFS" sh -c '
		set -e; echo hello >/dev/null; echo hello | tee /dev/stderr 2>/dev/null; head -c 8 /dev/zero | tr -d "\0" | wc -c
		chown 5:6 /tmp; touch /scratch/x /dev/shm/x /new; chmod 4755 /new; ln -s x /link; rm /etc/group; rm -r /usr; mkdir -p /usr/local
		[ "$(stat -c %u:%g:%a /tmp)" = 5:6:755 ]; [ "$(hostname)" = box ]; ip link show lo | grep -q UP; echo set'
	# Rights are over what is its own.
	says $'mounted\nrefused\nrefused\nrefused' --userns auto --cap-add ALL "$ROOTFS" sh -c '
		mount -t tmpfs none /tmp && echo mounted; mknod /x b 7 0 2>/dev/null || echo refused
		echo 1 2>/dev/null >/proc/sysrq-trigger || echo refused; umount -l / 2>/dev/null || echo refused'
	says "0 nobody" --userns auto -v /etc:/host "$ROOTFS" sh -c 'echo $(id -u) $(stat -c %U /host/passwd); cat /host/shadow 2>/dev/null; touch /host/x 2>/dev/null; :'
	says "1000 1000" --userns auto -u 1000:1000 -t "$ROOTFS" sh -c 'echo $(stat -c %u /dev/pts/0 /dev/console)' | tr -d '\r'
	says "ro" --userns auto --read-only "$ROOTFS" sh -c 'touch /x 2>/dev/null || echo ro'
	says "eth" --userns auto --network host "$ROOTFS" sh -c '[ -d /sys/class/net/lo ] && [ ! -e /sys/firmware/dmi ] && echo eth; touch /sys/x 2>/dev/null; :'
	says "100 200" --userns auto --ulimit nofile=100:200 "$ROOTFS" sh -c 'echo $(ulimit -n) $(ulimit -Hn)'
}

@test "a container with ids of its own keeps them when it starts again, and other processes of it have them" {
	start_container kept --userns auto "$ROOTFS" sh -c "$stay"
	local before
	before=$(cat "/proc/$container_pid/uid_map")
	equal "another process" "$(tare exec -u 1000 kept sh -c 'id -u; echo >/dev/stdout; cat /proc/self/uid_map')" $'1000\n\n'"$before"
	equal "root's" "$(tare exec kept sh -c 'touch /new && stat -c %u:%g /new; id -G; grep ^CapEff /proc/self/status | cut -f2')" $'0:0\n0\n00000000a80425fb'
	tare stop -t 0 kept
	tare start kept
	equal "after a start" "$(tare exec kept cat /proc/1/uid_map)" "$before"
	[[ -e /proc/$(tare inspect kept | jq '.[0].State.Pid')/root/new ]]
}

@test "volumes and exports have the ids that containers see, whatever these are outside" {
	says "" --userns auto -v shared:/data "$ROOTFS" sh -c 'touch /data/root; mkdir /data/five; chown 5:5 /data/five'
	says $'0:0\n5:5' --uidmap 0:5000:2000 -v shared:/data "$ROOTFS" stat -c %u:%g /data/root /data/five
	says $'0:0\n5:5' -v shared:/data "$ROOTFS" stat -c %u:%g /data/root /data/five
	tare volume rm shared
	# What is deleted stays deleted, also in a directory that is made anew.
	tare run --name exported --userns auto "$ROOTFS" sh -c 'rm /bin/cat; rm -r /usr; mkdir /usr; touch /usr/new; chown 7:7 /usr/new' 2>/dev/null
	tare export exported | tar -tvf - --numeric-owner >"$BATS_TEST_TMPDIR/list"
	equal "of /usr" "$(awk '$6 ~ "^(./)?usr/" { print $2, $6 }' "$BATS_TEST_TMPDIR/list" | sed 's|\./||')" $'0/0 usr/\n7/7 usr/new'
	[[ $(cat "$BATS_TEST_TMPDIR/list") != *" bin/cat"* && $(cat "$BATS_TEST_TMPDIR/list") == *"bin/busybox"* ]]
}

@test "a directory that is written to keeps its owners, whatever ids the container has" {
	cp -a "$ROOTFS" "$BATS_TEST_TMPDIR/rootfs"
	local root=$BATS_TEST_TMPDIR/rootfs
	touch "$root/seven"
	chown 7:7 "$root/seven"
	says 7:7 --userns auto --rootfs-rw "$root" sh -c 'touch /new; mkdir /dir; chown 9:9 /dir; stat -c %u:%g /seven'
	equal owners "$(stat -c %u:%g "$root"/{new,dir,seven})" $'0:0\n9:9\n7:7'
	# Nobody's is what is not mapped.
	says $'65534:65534\nrefused' --uidmap 0:5000:5 --rootfs-rw "$root" sh -c 'stat -c %u:%g /seven; chown 0 /seven 2>/dev/null || echo refused'
}

@test "where ids cannot be mapped the root file system is copied, with a line that says so" {
	mkdir "$BATS_TEST_TMPDIR"/{lower,upper,work,store}
	mount -t overlay overlay -o "lowerdir=$BATS_TEST_TMPDIR/lower,upperdir=$BATS_TEST_TMPDIR/upper,workdir=$BATS_TEST_TMPDIR/work" "$BATS_TEST_TMPDIR/store"
	TARE_ROOT=$BATS_TEST_TMPDIR/store/root
	run --separate-stderr tare run --uidmap 0:5000:2000 "$TARBALL" sh -c 'touch /new; chown 5 /new; stat -c %u:%g /new /etc/passwd /; id -u'
	equal status "$status" 0
	equal output "$output" $'5:0\n0:0\n0:0\n0'
	equal "lines that say so" "$(grep -c "cannot map the ids of .*: the root file system is copied for this container" <<<"$stderr")" 1
	equal "owner on disk" "$(stat -c %u:%g "$TARE_ROOT"/containers/*/rootfs/new)" 5005:5000
	run --separate-stderr tare run --rm --userns auto --rootfs-rw "$BATS_TEST_TMPDIR/store" true
	equal status "$status" 125
	[[ $stderr == *"cannot map the ids of $BATS_TEST_TMPDIR/store"* ]]
	tare rm "$(tare ps -aq)"
}

@test "a user namespace that cannot be is refused with the reason" {
	refuses 'invalid USER mode "keep-id"' --userns keep-id "$ROOTFS" true
	refuses "contradict each other" --userns auto --uidmap 0:1:1 "$ROOTFS" true
	refuses "privileged mode is incompatible with user namespaces" --privileged --userns auto "$ROOTFS" true
	refuses "no uid mapping has the container's uid 0" --uidmap 1:1:1 "$ROOTFS" true
	refuses "the uid mappings 0:1:5 and 5:2:3 overlap" --uidmap 0:1:5 --uidmap 5:2:3 "$ROOTFS" true
	refuses "empty or goes past the last id" --uidmap 0:1:0 "$ROOTFS" true
	refuses "is not INSIDE:OUTSIDE[:SIZE]" --gidmap 0 "$ROOTFS" true
	refuses "the user 7:0 is in no uid or gid mapping" --uidmap 0:1000:1 -u 7 "$ROOTFS" true
	refuses "the group 7 is in no gid mapping" --uidmap 0:1000:1 --group-add 7 "$ROOTFS" true
}

@test "AA1 a container is confined by the default AppArmor profile where there is AppArmor, and by another or none if asked" {
	local kernel=/sys/module/apparmor/parameters/enabled show='cat /proc/self/attr/apparmor/current 2>/dev/null || cat /proc/self/attr/current'
	if [[ $(cat "$kernel" 2>/dev/null) != Y ]]; then
		[[ $(tare info) == *"AppArmor: not enabled"* ]]
		refuses "the AppArmor profile mine was asked for, but AppArmor is not enabled here" --security-opt apparmor=mine "$ROOTFS" true
		says ran --security-opt apparmor=unconfined "$ROOTFS" echo ran
		return
	fi
	[[ $(tare info) == *"AppArmor: profile tare-default"* ]]
	says "tare-default (enforce)" "$ROOTFS" sh -c "$show"
	says "tare-default (enforce)" --security-opt no-new-privileges --userns auto "$ROOTFS" sh -c "$show"
	says "unconfined" --security-opt apparmor=unconfined "$ROOTFS" sh -c "$show"
	says "unconfined" --privileged "$ROOTFS" sh -c "$show"
	# What capabilities and paths would let it do, the profile does not.
	local try='mount -t tmpfs none /tmp 2>/dev/null && echo mounted; cat /proc/sys/vm/swappiness >/old; cat /old >/proc/sys/vm/swappiness 2>/dev/null && echo written; kill -0 1 && echo signalled; echo x >/tmp/x && echo made'
	says $'signalled\nmade' --cap-add SYS_ADMIN --security-opt systempaths=unconfined "$ROOTFS" sh -c "$try"
	says $'mounted\nwritten\nsignalled\nmade' --cap-add SYS_ADMIN --security-opt systempaths=unconfined --security-opt apparmor=unconfined \
		"$ROOTFS" sh -c "$try"
	# From outside it can be ended, and another process of it is confined like the first.
	start_container confined "$ROOTFS" sh -c "$stay"
	equal "seen from outside" "$(cat "/proc/$container_pid/attr/current")" "tare-default (enforce)"
	equal "of another process" "$(tare exec confined sh -c "$show")" "tare-default (enforce)"
	tare rm -f confined
	# A profile of one's own, and one that is not there.
	printf 'profile tare-test-%s flags=(attach_disconnected) { file, capability, deny /etc/passwd r, }\n' "$$" >"$BATS_TEST_TMPDIR/profile"
	apparmor_parser -Kr "$BATS_TEST_TMPDIR/profile"
	says refused --security-opt "apparmor=tare-test-$$" "$ROOTFS" sh -c 'cat /etc/passwd 2>/dev/null || echo refused'
	apparmor_parser -R "$BATS_TEST_TMPDIR/profile"
	refuses "the kernel has no profile for \"exec tare-test-$$\"" --security-opt "apparmor=tare-test-$$" "$ROOTFS" true
}
