#!/usr/bin/env bats
# Which system calls a container may make. Tests named L are rows of what tare grew out of.
# shellcheck disable=SC2016,SC2154 # scripts for the container's shell; variables that bats and the helpers set
load helpers

setup_file() { setup_rootfs_once; }
setup() { setup_store; }
teardown() { teardown_store; }

profiles=$BATS_TEST_DIRNAME/profiles

# probe EXPECTED OPTIONS...: runs the probes on standard input, a call with its arguments a line, in one container.
# What came of each is to be as EXPECTED says: a pattern for each line, or one for all.
probe() {
	local expected=$1 line i=0 script='cd /tmp; echo x >file; exec 9<file 2>&1' calls=() patterns=()
	shift
	while read -r line; do
		[[ $line ]] || continue
		if [[ $line == *=* ]]; then patterns+=("${line##*=}") && line=${line%=*}; else patterns+=("$expected"); fi
		calls+=("$line")
		script+=$'\n'"/prober $line"
	done
	run --separate-stderr tare run --rm -v "$TARE_BIN_DIR/prober:/prober:ro" "$@" "$ROOTFS" sh -c "$script"$'\ntrue'
	equal "status with $*" "$status" 0
	equal "answers with $*" "${#lines[@]}" "${#calls[@]}"
	for line in "${calls[@]}"; do
		# shellcheck disable=SC2053 # a pattern
		[[ ${lines[i]} == ${patterns[i]} ]] || { echo "$line with $*: ${lines[i]}, not ${patterns[i]}" && return 1; }
		i=$((i + 1))
	done
}

# The capabilities that this test could give to a container.
can_give() {
	local number=0 name
	for name in CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE \
		NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN \
		SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE \
		MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE; do
		if [[ $name == "$1" ]]; then break; fi
		number=$((number + 1))
	done
	((0x$(awk '/^CapPrm/ { print $2 }' /proc/self/status) & 0x$(awk '/^CapBnd/ { print $2 }' /proc/self/status) & 1 << number))
}

# needs CAPABILITY: the calls on standard input are refused by default; with the capability the answers are the kernel's, the
# same as without a filter.
needs() {
	local calls answers
	calls=$(cat)
	probe EPERM <<<"$calls"
	if ! can_give "$1"; then
		echo "# this machine cannot give CAP_$1: only the refusals are tested" >&3
		return
	fi
	probe '*' --cap-add "$1" --security-opt seccomp=unconfined <<<"$calls"
	answers=$output
	probe '*' --cap-add "$1" <<<"$calls"
	equal "answers with CAP_$1" "$output" "$answers"
	# Some calls are refused by this kernel itself; not all.
	grep -qv EPERM <<<"$answers" || echo "# this machine's kernel refuses $calls with CAP_$1, too" >&3
}

@test "L9 lizzie's policy as a profile: one call for each rule" {
	probe EPERM --security-opt "seccomp=$profiles/lizzie.json" --cap-add SYS_ADMIN <<-'END'
		chmod file 04755
		chmod file 02755
		fchmod 9 04755
		fchmod 9 02755
		fchmodat -100 file 04755 0
		fchmodat -100 file 02755 0
		fchmodat2 -100 file 04755 0
		fchmodat2 -100 file 02755 0
		unshare 0x10000000
		clone 0x10000011 0 0 0 0
		ioctl 0 0x5412 x
		ioctl 0 0x100005412 x
		keyctl 0 -3 0
		add_key user a b 1 -2
		request_key user a 0 0
		ptrace 0 0 0 0
		mbind 0 0 0 0 0 0
		migrate_pages 0 0 0 0
		move_pages 0 0 0 0 0 0
		set_mempolicy 0 0 0
		userfaultfd 0
		perf_event_open 0 0 0 0 0
		clone3 0 0 =ENOSYS
		chmod file 0755 =ok
		fchmod 9 0644 =ok
		fchmodat -100 file 0755 0 =ok
		unshare 0x04000000 =ok
		clone 0x11 0 0 0 0 =ok
		ioctl 0 0x5413 0 =!(EPERM)
	END
	# The filter is one of several things; the others stay.
	says $'2\n0' --security-opt "seccomp=$profiles/lizzie.json" "$ROOTFS" sh -c \
		'grep -E "^(Seccomp|NoNewPrivs):" /proc/self/status | cut -f2 | sort -r'
}

@test "the default policy: what no capability opens" {
	probe EPERM <<-'END'
		keyctl 0 -3 0
		add_key user a b 1 -2
		request_key user a 0 0
		userfaultfd 1
		io_uring_setup 1 0
		kexec_load 0 0 0 0
		swapon x 0
		pivot_root x x
		move_pages 0 0 0 0 0 0
		migrate_pages 0 0 0 0
		personality 0x40000
		personality 0xffffffff =ok
		personality 8 =ok
		socket 40 1 0
		socket 0x100000028 1 0
		socket 38 5 0
		socket 1 1 0 =ok
		socket 16 3 0 =ok
		clone 0x10000011 0 0 0 0
		clone 0x04000011 0 0 0 0
		clone 0x11 0 0 0 0 =ok
		clone3 0 0 =ENOSYS
		470 =ENOSYS
		ptrace 0 0 0 0 =ok
	END
	probe EPERM --cap-add ALL <<-'END'
		keyctl 0 -3 0
		userfaultfd 1
		io_uring_setup 1 0
		socket 40 1 0
	END
}

@test "the default policy: what each capability opens" {
	needs SYS_ADMIN <<-'END'
		mount 0 0 0 0 0
		umount2 0 0
		unshare 0x04000000
		setns -1 0
		sethostname x 1
		setdomainname x 1
		fsopen 0 0
		fsconfig -1 0 0 0 0
		fsmount -1 0 0
		fspick -1 0 0
		open_tree -1 0 0
		move_mount -1 0 -1 0 0
		mount_setattr -1 0 0 0 0
		quotactl 0 0 0 0
		fanotify_init 0xffffffff 0
		bpf 9999 0 0
		perf_event_open 0 0 0 0 0
		syslog 99 0 0
	END
	probe EINVAL --cap-add SYS_ADMIN <<<'clone3 0 0'
	needs DAC_READ_SEARCH <<<'open_by_handle_at -1 0 0'
	needs SYS_BOOT <<<'reboot 0 0 0 0'
	needs SYS_MODULE <<-'END'
		finit_module -1 0 0
		delete_module 0 0
	END
	needs SYS_NICE <<-'END'
		mbind 0 0 99 0 0 0
		set_mempolicy 99 0 0
		get_mempolicy 0 0 0 0 99
	END
	needs SYS_PACCT <<<'acct 1'
	needs SYS_PTRACE <<-'END'
		kcmp -1 -1 0 0 0
		pidfd_getfd -1 0 0
		process_madvise -1 0 0 0 0
	END
	needs SYS_RAWIO <<<'ioperm 0 0 0'
	needs SYS_TIME <<-'END'
		settimeofday 1 0
		clock_settime 0 1
	END
	needs SYS_TTY_CONFIG <<<'vhangup'
	needs SYSLOG <<<'syslog 99 0 0'
	needs BPF <<<'bpf 9999 0 0'
	needs PERFMON <<<'perf_event_open 0 0 0 0 0'
	# The usual set has this one.
	probe EFAULT <<<'chroot 0'
	probe EPERM --cap-drop SYS_CHROOT <<<'chroot 0'
}

@test "the default policy holds for 32-bit calls" {
	if [[ $(uname -m) != x86_64 ]] || [[ $("$TARE_BIN_DIR/prober" i386 getpid) != ok ]]; then skip "no 32-bit calls here"; fi
	probe EPERM <<-'END'
		i386 unshare 0x10000000
		i386 keyctl 0 0 0
		i386 socket 40 1 0
		i386 clone3 0 0 =ENOSYS
		i386 getpid =ok
	END
}

@test "no filter: seccomp=unconfined and --privileged; a profile that is asked for holds there, too" {
	local show='grep ^Seccomp: /proc/self/status | cut -f2'
	says 2 "$ROOTFS" sh -c "$show"
	says 2 --security-opt seccomp=builtin "$ROOTFS" sh -c "$show"
	says 0 --security-opt seccomp=unconfined "$ROOTFS" sh -c "$show"
	says 0 --privileged "$ROOTFS" sh -c "$show"
	says 2 --privileged --security-opt "seccomp=$profiles/lizzie.json" "$ROOTFS" sh -c "$show"
	probe '!(EPERM)' --security-opt seccomp=unconfined <<<'userfaultfd 0xffff'
}

@test "with no-new-privileges the filter is loaded last, so that a policy may refuse what starting needs" {
	local profile=$BATS_TEST_TMPDIR/profile.json
	# Before that, tare-init would need these.
	echo '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
		{"names": ["setgroups", "setresuid", "setresgid", "capset", "close_range", "prctl"], "action": "SCMP_ACT_KILL_PROCESS"}]}' >"$profile"
	says ok -u nobody --security-opt no-new-privileges --security-opt "seccomp=$profile" -v "$TARE_BIN_DIR/prober:/prober:ro" \
		"$ROOTFS" /prober getpid
	# Without it init itself is the first to meet the filter.
	run tare run --rm -u nobody --security-opt "seccomp=$profile" "$ROOTFS" true
	[[ $status != 0 ]]
}

@test "a start and an exec do not need the profile's file again" {
	local profile=$BATS_TEST_TMPDIR/profile.json id
	cp "$profiles/lizzie.json" "$profile"
	id=$(tare create --security-opt "seccomp=$profile" -v "$TARE_BIN_DIR/prober:/prober:ro" "$ROOTFS" sh -c "/prober keyctl 0 -3 0; $stay")
	rm "$profile"
	tare start "$id"
	wait_until 30 eval "tare logs $id | grep -q EPERM"
	run --separate-stderr tare exec "$id" /prober userfaultfd 0
	equal "in an exec" "$output" EPERM
	tare rm -f "$id"
}

@test "a bad profile is refused with the name of its file and of the field" {
	local profile=$BATS_TEST_TMPDIR/bad.json
	bad() {
		printf '%s' "$1" >"$profile"
		refuses "read the seccomp profile $profile: $2" --security-opt "seccomp=$profile" "$ROOTFS" true
	}
	bad '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_DENY"}]}' \
		'/syscalls/0/action: unknown action "SCMP_ACT_DENY"'
	bad '{"defaultAction": "SCMP_ACT_NOTIFY"}' '/defaultAction is not supported yet'
	bad '{"defaultAction": 5}' '/defaultAction: expected a string'
	bad '{}' '/defaultAction: it is missing'
	bad '{"defaultAction": ' ''
	refuses "read the seccomp profile $BATS_TEST_TMPDIR/absent.json: " --security-opt "seccomp=$BATS_TEST_TMPDIR/absent.json" "$ROOTFS" true
	equal "containers left" "$(tare ps -aq)" ""
}
