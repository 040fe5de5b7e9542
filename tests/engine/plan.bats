#!/usr/bin/env bats
# The plan is the truth: what `tare run --plan=json` tells beforehand is what a trace of `tare run` shows, all of it and
# nothing else. plan_truth.py says how.

load helpers

setup_file() {
	setup_rootfs_once
	# What the kernel's options of a mount cannot name, and one that is written to.
	cp -a "$ROOTFS" "$BATS_FILE_TMPDIR/root:fs"
	cp -a "$ROOTFS" "$BATS_FILE_TMPDIR/writable"
	touch "$BATS_FILE_TMPDIR/writable/etc"/{hosts,hostname,resolv.conf}
}

setup() {
	setup_store
	mkdir "$BATS_TEST_TMPDIR/source"
	echo text >"$BATS_TEST_TMPDIR/file"
}

teardown() { teardown_store; }

truth() { python3 "$BATS_TEST_DIRNAME/plan_truth.py" "$@" 3>&-; }

# true_for OPTION SETS, a line each, in the shell's quoting: compares all of them, and says which are not as planned.
true_for() {
	local line wrong=0 count=0
	while read -r line; do
		[[ -n $line ]] || continue
		local -a arguments
		eval "arguments=($line)"
		count=$((count + 1))
		truth "${arguments[@]}" </dev/null || { echo "^^ $line" && wrong=$((wrong + 1)); }
	done
	echo "$count option sets, $wrong not as planned"
	[[ $count -ge 1 && $wrong == 0 ]]
}

@test "PL1 the plan is the truth for five sets of options" {
	true_for <<-'END'
		--rm "$ROOTFS" true
		--rm -m 64m --cpus 0.5 --pids-limit 50 "$ROOTFS" true
		--rm --read-only --tmpfs /mytemp:size=1m -v "$BATS_TEST_TMPDIR/source:/data:ro" -u 1000:1000 "$ROOTFS" true
		--rm --cap-drop ALL --security-opt no-new-privileges --device /dev/full:/dev/mine:r "$ROOTFS" true
		--rm --userns auto --hostname host --ulimit nofile=100:200 "$ROOTFS" true
	END
}

@test "the plan is the truth for limits, mounts, devices and roots" {
	true_for <<-'END'
		"$ROOTFS" true
		--rm --name mine -e A=b "$ROOTFS" sh -c 'exit 0' '' "an 'argument'"
		-m 64m --memory-swap 128m --cpus 1.5 --cpuset-cpus 0 --pids-limit 50 --blkio-weight 200 "$ROOTFS" true
		--cgroup-parent "/tare-plan-$BASHPID/deep" -m 64m "$ROOTFS" true
		--cgroupns host --cpu-shares 512 "$ROOTFS" true
		--read-only --tmpfs /mytemp:size=1m,mode=700,noexec --shm-size 1m "$ROOTFS" true
		-v "$BATS_TEST_TMPDIR/source:/data" -v "$BATS_TEST_TMPDIR/source:/ro:ro" -v "$BATS_TEST_TMPDIR/file:/deep/in/file" "$ROOTFS" true
		-v "$BATS_TEST_TMPDIR/missing/deep:/x:rprivate" -v "$BATS_TEST_TMPDIR/source:/dev/shm" "$ROOTFS" true
		--mount "type=bind,source=$BATS_TEST_TMPDIR/source,target=/m,readonly" --mount type=tmpfs,target=/t "$ROOTFS" true
		-v copied:/etc -v empty:/opt -v bare:/usr/bin:nocopy -v /anonymous "$ROOTFS" /bin/busybox true
		-v copied:/etc:ro -v empty:/opt "$ROOTFS" true
		--device /dev/null:/dev/deep/null:r --device /dev/net --device-cgroup-rule 'c 10:* rw' "$ROOTFS" true
		-v /dev:/dev --device /dev/null:/dev/null "$ROOTFS" true
		-w /not/there --entrypoint /bin/echo "$ROOTFS" a b
		"$TARBALL" true
		-u nobody "$TARBALL" true
		"$BATS_FILE_TMPDIR/root:fs" true
		--rootfs-rw "$BATS_FILE_TMPDIR/writable" true
	END
}

@test "the plan is the truth for namespaces, rights and terminals" {
	tare create --name volumes -v kept:/kept -v "$BATS_TEST_TMPDIR/source:/s" "$ROOTFS" true
	# shellcheck disable=SC2154 # of the helpers
	start_container stays "$ROOTFS" sh -c "$stay"
	true_for <<-'END'
		--pid host --ipc host --uts host --network host "$ROOTFS" true
		--pid container:stays --ipc container:stays "$ROOTFS" true
		--pid container:stays --init --network none "$ROOTFS" true
		--ipc none --volumes-from volumes:ro "$ROOTFS" true
		--hostname host --domainname domain --sysctl net.ipv4.ip_forward=1 --sysctl kernel.msgmax=4096 "$ROOTFS" true
		--privileged "$ROOTFS" true
		--cap-add NET_ADMIN --cap-drop CHOWN "$ROOTFS" true
		--security-opt seccomp=unconfined --security-opt no-new-privileges -u 1000 "$ROOTFS" true
		--security-opt "seccomp=$BATS_TEST_DIRNAME/profiles/lizzie.json" "$ROOTFS" true
		-u 1000:1000 --group-add 7 --group-add nogroup "$ROOTFS" true
		--ulimit nofile=100:200 --ulimit core=-1 --ulimit nproc=30 --oom-score-adj 100 "$ROOTFS" true
		--userns auto --tmpfs /t -v users:/etc -v "$BATS_TEST_TMPDIR/source:/data" --init --oom-score-adj 5 "$ROOTFS" true
		--uidmap 0:100000:1000 --gidmap 0:100000:1000 -u 5:6 --group-add 7 "$ROOTFS" true
		-i --init "$ROOTFS" true
		--pty -t "$ROOTFS" true
		--pty -t -i --init -u 1000 --read-only "$ROOTFS" true
		--pty -t --userns auto "$ROOTFS" true
		-d --log-driver none --stop-signal INT "$ROOTFS" true
	END
}

# What is not noticed would be a check that cannot fail. These are the ones that are meant, each with its reason.
@test "the plan is the truth for a tarball in a store that is not there yet" {
	true_for <<-'END'
		--rm "$TARBALL" true
	END
}

@test "a plan that is not the truth is found out, whatever is left out, told twice or told otherwise" {
	local expected
	run truth --doubt --rm -m 64m --init --read-only --oom-score-adj 5 --sysctl kernel.msgmax=4096 --ulimit core=0 \
		--domainname domain -v copied:/etc -v "$BATS_TEST_TMPDIR/source:/data:ro" "$ROOTFS" true
	equal status "$status" 0
	expected=$(sed 's/ *#.*//; /^$/d' <<-'END' | sort
		attach make_missing                # of a target that is there
		bind mapping_may_fail              # nothing is mapped
		close_descriptors left out         # a number of calls that depends on what is open
		close_descriptors twice
		copy_owner value                   # the same owner as another directory's
		load_filter filter                 # words
		make_directory left out            # / is there
		make_directory mode
		make_directory twice
		mask directory_by                  # of a file
		mask file_by                       # of a directory
		mask left out                      # of what this kernel does not have
		mask path
		mask twice
		open_directory left out            # only looked at
		open_directory twice
		open_null left out
		open_null twice
		protect left out                   # of what this kernel does not have
		protect path
		protect twice
		stream left out                    # pipes that the monitor made
		stream path
		stream twice
		synchronise left out               # messages between tare's processes
		synchronise point
		synchronise twice
		write_cgroup why                   # words
		write_file twice                   # its text is the same
	END
	)
	equal "what is not noticed" "$output" "$expected"
}
