#!/usr/bin/env bats
# The options of `tare run`, each with what it does and with what it refuses.
# shellcheck disable=SC2013,SC2016,SC2154 # scripts for the container's shell; variables that bats and the helpers set
load helpers

setup_file() { setup_rootfs_once; }
setup() { setup_store; }
teardown() { teardown_store; }

# The host's view of one of the running container's limits.
limit() { cat "$(cgroup_file "$1" "$2" "$container_id")"; }

@test "two containers at once never clash" {
	local number runs=()
	for number in 1 2 3 4 5 6 7 8; do
		"$TARE_BIN_DIR/tare" run --name "twin$number" --hostname "twin$number" "$ROOTFS" sh -c \
			'hostname; echo "$HOSTNAME" >/mine; sleep 0.3; cat /mine; set -- /proc/[0-9]*; echo $#' >"$BATS_TEST_TMPDIR/$number" 2>/dev/null 3>&- &
		runs+=($!)
	done
	wait "${runs[@]}"
	for number in 1 2 3 4 5 6 7 8; do
		equal "container $number" "$(cat "$BATS_TEST_TMPDIR/$number")" "twin$number"$'\n'"twin$number"$'\n1'
	done
	equal "ids" "$(tare ps -aq --no-trunc | sort -u | wc -l)" 8
	# From one tarball that is not unpacked yet, too.
	for number in 1 2 3; do
		"$TARE_BIN_DIR/tare" run --rm "$TARBALL" echo "from the tarball" >"$BATS_TEST_TMPDIR/$number" 2>/dev/null 3>&- &
		runs+=($!)
	done
	wait "${runs[@]}"
	for number in 1 2 3; do equal "run $number" "$(cat "$BATS_TEST_TMPDIR/$number")" "from the tarball"; done
	equal "layers" "$(find "$TARE_ROOT/layers/sha256" -mindepth 1 -maxdepth 1 | wc -l)" 1
}

@test "cpu shares of 512 and 1024 share one CPU 1 to 2" {
	start_container less --cpuset-cpus 0 -c 512 "$ROOTFS" sh -c 'echo ready; while :; do :; done'
	local less=$container_id more
	start_container more --cpuset-cpus 0 --cpu-shares 1024 "$ROOTFS" sh -c 'echo ready; while :; do :; done'
	more=$container_id
	used() { # microseconds
		if [[ $(cgroup_mode) == v2 ]]; then
			awk '/^usage_usec/ { print $2 }' "/sys/fs/cgroup/tare-$1/cpu.stat"
		else
			echo $(($(cat "/sys/fs/cgroup/cpuacct/tare-$1/cpuacct.usage") / 1000))
		fi
	}
	local a b a0 b0
	a0=$(used "$less") b0=$(used "$more")
	sleep 3
	a=$(($(used "$less") - a0)) b=$(($(used "$more") - b0))
	echo "used in 3 s: $a and $b"
	((a > 100000 && b * 100 >= 2 * a * 85 && b * 100 <= 2 * a * 115))
}

@test "--cpus is a share of time, and felt" {
	start_container half --cpus 0.5 "$ROOTFS" sh -c 'echo ready; while :; do :; done'
	if [[ $(cgroup_mode) == v2 ]]; then
		equal "the limit" "$(limit "" cpu.max)" "50000 100000"
	else
		equal "the quota" "$(limit cpu/cpu.cfs_quota_us "")" 50000
		equal "the period" "$(limit cpu/cpu.cfs_period_us "")" 100000
		local before used
		before=$(limit cpuacct/cpuacct.usage "")
		sleep 2
		used=$((($(limit cpuacct/cpuacct.usage "") - before) / 1000000)) # milliseconds in 2 s
		echo "used $used ms in 2 s"
		((used <= 1150))
	fi
	# On a busy machine it takes a while until there was too much.
	wait_until 60 eval '[[ $(limit cpu/cpu.stat cpu.stat) =~ nr_throttled\ [1-9] ]]'
	refuses "--cpus" --cpus nonsense "$ROOTFS" true
	refuses "--cpus" --cpus -1 "$ROOTFS" true
}

@test "--cpuset-cpus pins to CPUs" {
	says 1 --cpuset-cpus 1 "$ROOTFS" sh -c 'grep Cpus_allowed_list /proc/self/status | cut -f2'
	says 0-1 --cpuset-cpus 0,1 "$ROOTFS" sh -c 'grep Cpus_allowed_list /proc/self/status | cut -f2'
	run -125 tare run --rm --cpuset-cpus 4000 "$ROOTFS" true
	run -125 tare run --rm --cpuset-cpus x "$ROOTFS" true
}

@test "--memory-swap limits memory and swap together, and must not be smaller" {
	start_container swap -m 64m --memory-swap 96m "$ROOTFS" sh -c "$stay"
	if [[ $(cgroup_mode) == v2 ]]; then
		equal "swap" "$(limit "" memory.swap.max)" $((32 << 20))
	else
		equal "memory and swap" "$(limit memory/memory.memsw.limit_in_bytes "")" $((96 << 20))
	fi
	start_container double -m 64m "$ROOTFS" sh -c "$stay"
	if [[ $(cgroup_mode) == v1 ]]; then
		equal "memory and swap" "$(limit memory/memory.memsw.limit_in_bytes "")" $((128 << 20))
	fi
	refuses "larger than memory limit" -m 64m --memory-swap 32m "$ROOTFS" true
	refuses "set the Memory limit" --memory-swap 32m "$ROOTFS" true
	refuses "too small" -m 100k "$ROOTFS" true
	refuses "--memory" -m lots "$ROOTFS" true
}

@test "--pids-limit counts processes, and -1 is no limit" {
	start_container few --pids-limit 7 "$ROOTFS" sh -c "$stay"
	equal "the limit" "$(limit pids/pids.max pids.max)" 7
	start_container many --pids-limit -1 "$ROOTFS" sh -c "$stay"
	equal "the limit" "$(limit pids/pids.max pids.max)" max
	refuses "--pids-limit" --pids-limit some "$ROOTFS" true
}

@test "--cgroup-parent is where the cgroup is made" {
	local parent=/tare-test-$$-$BATS_TEST_NUMBER mount
	start_container child --cgroup-parent "$parent" -m 64m "$ROOTFS" sh -c "$stay"
	equal "paths elsewhere" "$(grep -vc ":$parent/tare-$container_id$" "/proc/$container_pid/cgroup")" 0
	equal "its own view" "$(tare inspect child | jq -r '.[0].CgroupPath')" "$parent/tare-$container_id"
	tare rm -f child
	for mount in $(awk '$3 == "cgroup" || $3 == "cgroup2" { print $2 }' /proc/mounts); do
		[[ ! -d $mount$parent ]] # tare made it, and nobody else is in it
	done
	refuses "contains .." --cgroup-parent /a/../.. "$ROOTFS" true
}

@test "-v shows a directory of the host, writable or not" {
	mkdir -p "$BATS_TEST_TMPDIR/data/below"
	echo "from the host" >"$BATS_TEST_TMPDIR/data/file"
	says "from the host" -v "$BATS_TEST_TMPDIR/data:/data" "$ROOTFS" sh -c 'cat /data/file; echo "from inside" >/data/new'
	equal "what was written" "$(cat "$BATS_TEST_TMPDIR/data/new")" "from inside"
	cd "$BATS_TEST_TMPDIR"
	says "from the host" -v ./data:/deep/in/there:rw "$ROOTFS" cat /deep/in/there/file
	[[ ! -e $ROOTFS/deep ]]

	# With the mounts below, unless it says bind.
	mount -t tmpfs below data/below
	touch data/below/mounted
	says mounted -v "$PWD/data:/data" "$ROOTFS" ls /data/below
	says "" -v "$PWD/data:/data:bind" "$ROOTFS" ls /data/below
}

@test "-v with ro makes the mounts below read-only, too" {
	mkdir -p "$BATS_TEST_TMPDIR/data/below"
	mount -t tmpfs below "$BATS_TEST_TMPDIR/data/below"
	echo kept >"$BATS_TEST_TMPDIR/data/below/file"
	run --separate-stderr tare run --rm -v "$BATS_TEST_TMPDIR/data:/data:ro" "$ROOTFS" sh -c \
		'cat /data/below/file; touch /data/x; touch /data/below/x; (echo over >/data/below/file); touch /tmp/x && echo elsewhere'
	local now
	now=$(cat "$BATS_TEST_TMPDIR/data/below/file")
	equal output "$output" $'kept\nelsewhere'
	equal "refusals" "$(grep -c 'ead-only file system' <<<"$stderr")" 3
	equal "what is in the file" "$now" kept
}

@test "-v shows a file, and makes a missing source as docker does" {
	echo one >"$BATS_TEST_TMPDIR/file"
	says one -v "$BATS_TEST_TMPDIR/file:/etc/shown:ro" "$ROOTFS" cat /etc/shown
	says "changed" -v "$BATS_TEST_TMPDIR/file:/etc/passwd" "$ROOTFS" sh -c 'echo changed >/etc/passwd; cat /etc/passwd'
	equal "the file on the host" "$(cat "$BATS_TEST_TMPDIR/file")" changed
	grep -q '^root:' "$ROOTFS/etc/passwd"
	says "" -v "$BATS_TEST_TMPDIR/not/there:/data" "$ROOTFS" ls /data
	[[ -d $BATS_TEST_TMPDIR/not/there ]]
	refuses "not an absolute path" -v "$BATS_TEST_TMPDIR:data" "$ROOTFS" true
	refuses "unknown option" -v "$BATS_TEST_TMPDIR:/data:rx" "$ROOTFS" true
	refuses "over the root" -v "$BATS_TEST_TMPDIR:/" "$ROOTFS" true
	refuses "/proc" -v "$BATS_TEST_TMPDIR:/proc/1" "$ROOTFS" true
}

@test "--read-only makes the root read-only, and nothing else" {
	run --separate-stderr tare run --rm --read-only --tmpfs /tmp -v "$BATS_TEST_TMPDIR:/data" "$ROOTFS" sh -c \
		'touch /x; touch /etc/x; echo 1 >/tmp/x && echo 1 >/data/x && echo 1 >/dev/shm/x && echo 1 >/dev/null && echo elsewhere; grep " / " /proc/mounts | cut -d" " -f4 | cut -d, -f1'
	equal output "$output" $'elsewhere\nro'
	equal "refusals" "$(grep -c 'ead-only file system' <<<"$stderr")" 2
}

@test "--tmpfs has a size, a mode and options" {
	says "1777 /mytemp tmpfs rw,nosuid,nodev,noexec" --tmpfs /mytemp "$ROOTFS" sh -c \
		'echo $(stat -c %a /mytemp) $(grep " /mytemp " /proc/mounts | cut -d" " -f2,3,4 | cut -d, -f1-4)'
	says "700 1024" --tmpfs /mytemp:size=1m,mode=700 "$ROOTFS" sh -c 'echo $(stat -c %a /mytemp) $(df -k /mytemp | tail -n 1 | tr -s " " | cut -d" " -f2)'
	run --separate-stderr tare run --rm --tmpfs /mytemp:size=1m "$ROOTFS" dd if=/dev/zero of=/mytemp/x bs=1k count=2000
	((status != 0))
	[[ $stderr == *"No space left on device"* ]]
	says ran --tmpfs /mytemp:exec "$ROOTFS" sh -c 'cp /bin/busybox /mytemp/echo && /mytemp/echo ran'
	run -126 tare run --rm --tmpfs /bin2 --entrypoint /bin2 "$ROOTFS"
	refuses "not an absolute path" --tmpfs mytemp "$ROOTFS" true
}

@test "-w is the working directory, made if it is missing" {
	says /tmp -w /tmp "$ROOTFS" pwd
	says $'/new/deep\n755' -w /new/deep "$ROOTFS" sh -c 'pwd; stat -c %a .'
	[[ ! -e $ROOTFS/new ]]
	says / "$ROOTFS" pwd
	refuses "absolute path" -w relative "$ROOTFS" true
	run -125 tare run --rm -w /etc/passwd "$ROOTFS" true
}

@test "-u is a name or numbers, with the groups of the container's own files" {
	cp -a "$ROOTFS" "$BATS_TEST_TMPDIR/rootfs"
	echo 'alice:x:1000:1001:Alice:/home/alice:/bin/sh' >>"$BATS_TEST_TMPDIR/rootfs/etc/passwd"
	printf 'own:x:1001:\naudio:x:29:alice,bob\nvideo:x:44:alice\n' >>"$BATS_TEST_TMPDIR/rootfs/etc/group"
	local root=$BATS_TEST_TMPDIR/rootfs show='echo $(id -u):$(id -g) $(id -G) $HOME; grep -E "^Cap(Eff|Prm|Amb)" /proc/self/status | cut -f2 | sort -u'
	says $'1000:1001 1001 29 44 /home/alice\n0000000000000000' -u alice "$root" sh -c "$show"
	says $'1000:1001 1001 29 44 /home/alice\n0000000000000000' -u 1000 "$root" sh -c "$show"
	says $'1000:44 44 /home/alice\n0000000000000000' -u alice:video "$root" sh -c "$show"
	says $'1234:0 0 /\n0000000000000000' -u 1234 "$root" sh -c "$show"
	says $'1234:5678 5678 /\n0000000000000000' -u 1234:5678 "$root" sh -c "$show"
	says $'0:0 0 /root' "$root" sh -c 'echo $(id -u):$(id -g) $(id -G) $HOME'
	refuses "unable to find user bob" -u bob "$root" true
	refuses "unable to find group none" -u alice:none "$root" true
	refuses "uids and gids must be in range 0-2147483647" -u 99999999999 "$root" true
	# What is theirs: the streams, and nothing of root's.
	run --separate-stderr tare run --rm -u alice "$root" sh -c 'echo to stdout >/dev/stdout; cat /etc/shadow; touch /etc/x; touch /tmp/x'
	equal output "$output" "to stdout"
}

@test "--entrypoint takes the command as its arguments" {
	says "a b  c" --entrypoint echo "$ROOTFS" a "b  c"
	says "" --entrypoint /bin/true "$ROOTFS"
	says "as before" --entrypoint "" "$ROOTFS" echo as before
	run -127 tare run --rm --entrypoint /absent "$ROOTFS" echo
}

@test "--ulimit sets soft and hard limits" {
	says $'64\n128' --ulimit nofile=64:128 "$ROOTFS" sh -c 'ulimit -Sn; ulimit -Hn'
	says $'0\n0' --ulimit core=0 "$ROOTFS" sh -c 'ulimit -Sc; ulimit -Hc'
	refuses "invalid ulimit type" --ulimit files=1 "$ROOTFS" true
	refuses "less than or equal" --ulimit nofile=2:1 "$ROOTFS" true
	refuses "NAME=SOFT" --ulimit nofile "$ROOTFS" true
}

@test "--network host is the host's network, none has its own loopback only" {
	says "$(readlink /proc/self/ns/net)" --network host "$ROOTFS" readlink /proc/self/ns/net
	says "$(hostname)" --network host "$ROOTFS" sh -c 'cat /etc/hostname'
	local show='ip -o link | cut -d: -f2; ip -o -4 address | tr -s " " | cut -d" " -f2,4; ping -c 1 -w 5 127.0.0.1 >/dev/null && echo answers; ping -c 1 -w 1 192.0.2.1 2>&1 | head -n 1 | grep -o "etwork is unreachable" || cat /proc/net/route | wc -l'
	local expected=$' lo\nlo 127.0.0.1/8\nanswers'
	run --separate-stderr tare run --rm --network none "$ROOTFS" sh -c "$show"
	equal "what there is" "$(head -n 3 <<<"$output")" "$expected"
	says "$output" "$ROOTFS" sh -c "$show"
	refuses "not found" --network bridge "$ROOTFS" true
}

@test "--name is unique, and --hostname has at most 64 bytes" {
	tare run --name first "$ROOTFS" true
	refuses "already in use" --name first "$ROOTFS" true
	tare rm first
	tare run --name first "$ROOTFS" true
	refuses "Invalid container name" --name "no spaces" "$ROOTFS" true
	refuses "Invalid container name" --name ../up "$ROOTFS" true
	refuses "64 bytes" --hostname "$(printf 'h%.0s' {1..65})" "$ROOTFS" true
	says "$(printf 'h%.0s' {1..64})" --hostname "$(printf 'h%.0s' {1..64})" "$ROOTFS" hostname
	# Without, a name is found and the hostname is the id's beginning.
	run --separate-stderr tare run "$ROOTFS" hostname
	equal "its hostname" "$output" "$(tare ps -aq | head -n 1)"
	[[ $(tare inspect "$output" | jq -r '.[0].Name') =~ ^/[a-z]+_[a-z]+$ ]]
}

@test "--stop-signal takes names and numbers" {
	local signal
	for signal in TERM SIGINT sigusr1 9 37; do says "" --stop-signal "$signal" "$ROOTFS" true; done
	for signal in NONSENSE 0 65 -1 x; do run -125 tare run --rm --stop-signal="$signal" "$ROOTFS" true; done
}

@test "--plan tells everything and does nothing" {
	tare run --rm "$TARBALL" true # the layer is there
	local before words trace=$BATS_TEST_TMPDIR/trace plan=$BATS_TEST_TMPDIR/plan
	before=$(find "$TARE_ROOT" "$TARE_RUN_ROOT" -printf '%p %i %m %s %t %c\n' | sort)
	strace -f -qq -o "$trace" -e trace=desc,file,process,write,unshare,setns,socket,bpf,keyctl,sethostname \
		"$TARE_BIN_DIR/tare" run --plan --rm -m 64m --cpu-shares 512 --hostname planned --tmpfs /mytemp \
		-v "$BATS_TEST_TMPDIR:/data:ro" "$TARBALL" echo hello >"$plan" 2>/dev/null
	equal "the store" "$(find "$TARE_ROOT" "$TARE_RUN_ROOT" -printf '%p %i %m %s %t %c\n' | sort)" "$before"

	# Nothing but reading, and the plan on standard output. (Whether overlayfs is there is asked with fsopen.)
	run grep -E '^[0-9]+ +(clone|clone3|fork|vfork|(u?mount|umount2|pivot_root|unshare|setns|fsmount|open_tree|move_mount|mount_setattr|bpf|keyctl|sethostname|(mk|rm)dir(at)?|(un|sym)?link(at)?|rename(at|at2)?|mknod(at)?|f?ch(mod|own)(at)?|truncate|utimensat)\(.*)' "$trace"
	equal "changes" "$output" ""
	run grep -E 'O_WRONLY|O_RDWR|O_CREAT' "$trace"
	equal "files written to" "$(grep -v '"/dev/null"' <<<"$output")" ""
	equal "writes elsewhere" "$(grep -E ' write\(' "$trace" | grep -vcE ' write\([12],')" 0

	for words in planned /mytemp /data /proc /dev/shm /sys overlay hello; do
		grep -qF -- "$words" "$plan" || { echo "no $words in" && cat "$plan" && return 1; }
	done
	grep -qE 'make the cgroup /sys/fs/cgroup/.*tare-[0-9a-f]{64}' "$plan"
	grep -qE 'write (512|59) to /sys/fs/cgroup/.*(cpu.shares|cpu.weight)' "$plan"
	grep -qE 'write 67108864 to /sys/fs/cgroup/.*(memory.limit_in_bytes|memory.max)' "$plan"

	# The same as JSON, every step with its words.
	tare run --plan=json -m 64m --tmpfs /mytemp --cap-drop ALL --cap-add CHOWN --ulimit nofile=64:128 "$TARBALL" echo hello >"$plan"
	equal "limits" "$(jq -c '.init[] | select(.operation == "set_rlimit") | [.limit, .soft, .hard]' "$plan")" '["nofile",64,128]'
	equal "capabilities" "$(jq -c '[.init[] | select(.operation == "set_capabilities")] | last | [.permitted, .effective, .ambient]' "$plan")" \
		'[["CHOWN"],["CHOWN"],[]]'
	equal "steps without words" "$(jq '[.host[], .init[] | select(.words == "" or .operation == "")] | length' "$plan")" 0

	# A tarball that is not unpacked stays so, a missing source is not made, and not even the store is.
	TARE_ROOT=$BATS_TEST_TMPDIR/other TARE_RUN_ROOT=$BATS_TEST_TMPDIR/other-run tare run --plan "$TARBALL" true >"$plan"
	grep -qF "unpack $TARBALL" "$plan"
	tare run --plan -v "$BATS_TEST_TMPDIR/absent:/data" "$ROOTFS" true >/dev/null
	[[ ! -e $BATS_TEST_TMPDIR/other && ! -e $BATS_TEST_TMPDIR/other-run && ! -e $BATS_TEST_TMPDIR/absent ]]
}

# change everything: content, modes, owners, times, names, attributes, directories, whole trees
change_all='echo new >/etc/passwd; rm /etc/group; chmod 4777 /tmp; chown 1:1 /root; mkdir -p /new/dir; ln /bin/busybox /hard
	ln -sf /elsewhere /bin/ls; mv /sbin /moved; touch -d 2001-01-01 /usr; rm -r /home /opt 2>/dev/null; mknod /node c 1 3; mkfifo /fifo; echo done'

@test "the directory is byte for byte the same after a container that changed everything" {
	cp -a "$ROOTFS" "$BATS_TEST_TMPDIR/rootfs"
	mkdir "$BATS_TEST_TMPDIR/rootfs/home" && echo hers >"$BATS_TEST_TMPDIR/rootfs/home/file"
	setfattr -n user.note -v kept "$BATS_TEST_TMPDIR/rootfs/home/file"
	tree() { python3 "$BATS_TEST_DIRNAME/tree.py" directory "$BATS_TEST_TMPDIR/rootfs"; }
	tree >"$BATS_TEST_TMPDIR/before"
	says "done" "$BATS_TEST_TMPDIR/rootfs" sh -c "$change_all"
	says "done" -w /made/here -v "$BATS_TEST_TMPDIR:/data" --tmpfs /mytemp "$BATS_TEST_TMPDIR/rootfs" sh -c "$change_all"
	tree | diff "$BATS_TEST_TMPDIR/before" -
}

@test "-w is a path as it stands, without its dots, and empty as not given" {
	says /tmp -w /etc/../tmp/. "$ROOTFS" pwd
	says / -w "" "$ROOTFS" pwd
}

@test "--rootfs-rw changes the directory itself" {
	cp -a "$ROOTFS" "$BATS_TEST_TMPDIR/rootfs"
	says "done" --rootfs-rw "$BATS_TEST_TMPDIR/rootfs" sh -c "$change_all"
	equal "the file" "$(cat "$BATS_TEST_TMPDIR/rootfs/etc/passwd")" new
	[[ ! -e $BATS_TEST_TMPDIR/rootfs/etc/group && ! -e $BATS_TEST_TMPDIR/rootfs/sbin && -d $BATS_TEST_TMPDIR/rootfs/moved ]]
	equal "the mode" "$(stat -c %a "$BATS_TEST_TMPDIR/rootfs/tmp")" 4777
	equal "the owner" "$(stat -c %u:%g "$BATS_TEST_TMPDIR/rootfs/root")" 1:1
	# What is mounted for the container is not in it.
	equal "/dev" "$(ls -A "$BATS_TEST_TMPDIR/rootfs/dev")" ""
	refuses "only one can be written to" --rootfs-rw "$TARBALL" true
	refuses "host's own root" --rootfs-rw / true
}

@test "options that do not exist or have no value are refused with 125" {
	refuses "--no-such" --no-such "$ROOTFS" true
	run -125 tare run --name
	run -125 tare run
	run -125 tare no-such-verb
	# What comes after the root file system is the command's.
	says "--rm -it --name x" "$ROOTFS" echo --rm -it --name x
}

@test "a container can make no user namespace, and so cannot lift its limits through one" {
	run --separate-stderr tare run --rm -m 64m "$ROOTFS" busybox unshare -U true
	[[ $status == 1 && $stderr == *"Operation not permitted"* ]]
	run --separate-stderr tare run --rm -m 64m "$ROOTFS" sh -c 'grep -w Seccomp /proc/self/status'
	[[ $output == $'Seccomp:\t2' ]]
}

@test "standard input without -i is the container's own /dev/null, not the host's" {
	run --separate-stderr tare run --rm "$ROOTFS" sh -c 'stat -L -c "%d:%i" /proc/self/fd/0 /dev/null'
	[[ ${lines[0]} == "${lines[1]}" && ${lines[0]} != "$(stat -c '%d:%i' /dev/null)" ]]
}

@test "the caller's umask changes nothing" {
	umask 077
	run --separate-stderr tare run --rm -u 1000 "$TARBALL" sh -c 'cat /etc/hosts >/dev/null && echo read'
	[[ $status == 0 && $output == read ]]
}

@test "the root directory has the owner and mode that the root file system has" {
	mkdir -m 711 "$BATS_TEST_TMPDIR/top"
	cp -a "$ROOTFS/." "$BATS_TEST_TMPDIR/top/"
	chmod 711 "$BATS_TEST_TMPDIR/top" && chown 12:34 "$BATS_TEST_TMPDIR/top"
	run --separate-stderr tare run --rm "$BATS_TEST_TMPDIR/top" stat -c '%a %u %g' /
	[[ $output == "711 12 34" ]]
}

@test "--read-only holds for the files that are made in /etc, too" {
	run --separate-stderr tare run --rm --read-only "$ROOTFS" sh -c 'echo x >>/etc/hosts || echo x >>/etc/resolv.conf || echo no'
	[[ $output == no ]]
}

@test "a device in the place of /etc/passwd is not opened" {
	mkdir "$BATS_TEST_TMPDIR/devices"
	cp -a "$ROOTFS/." "$BATS_TEST_TMPDIR/devices/"
	rm "$BATS_TEST_TMPDIR/devices/etc/passwd"
	mknod "$BATS_TEST_TMPDIR/devices/etc/passwd" c 1 5
	run --separate-stderr strace -f -e trace=openat2,openat,open -o "$BATS_TEST_TMPDIR/trace" \
		"$TARE_BIN_DIR/tare" run --plan "$BATS_TEST_TMPDIR/devices" true
	[[ $status == 0 ]]
	grep -q '"/etc/passwd".*O_PATH' "$BATS_TEST_TMPDIR/trace"
	run ! grep -E '/etc/passwd"' <(grep -v O_PATH "$BATS_TEST_TMPDIR/trace")
}

@test "the caller's CPUs, personality and OOM score are not the container's" {
	run --separate-stderr bash -c 'echo 500 >/proc/self/oom_score_adj; exec setarch -R taskset -c 0 "$@"' _ \
		"$TARE_BIN_DIR/tare" run --rm "$ROOTFS" sh -c 'grep Cpus_allowed_list /proc/self/status; cat /proc/self/personality /proc/self/oom_score_adj'
	[[ ${lines[0]} == *"$(grep Cpus_allowed_list /proc/self/status | cut -f2)" ]]
	[[ ${lines[1]} == 00000000 ]]
	[[ ${lines[2]} == 0 ]]
}

@test "--plan of a tarball that is not unpacked yet names nothing of the host as its root" {
	run --separate-stderr tare run --plan -u nobody "$TARBALL" true
	[[ $status == 0 && $output == *"unpack $TARBALL into the store"* && $output == *"look up the user nobody in it"* ]]
	[[ $output == *"lowerdir="*"/layers/sha256/DIGEST/tree"* ]]
	[[ $output != *"lowerdir=/,"* ]]
}
