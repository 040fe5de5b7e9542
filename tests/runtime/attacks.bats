#!/usr/bin/env bats
# What has broken other runtimes, tried on this one: each test makes the attack against a real container and sees it fail.
# shellcheck disable=SC2016 # the container expands it
load helpers

setup_file() { setup_rootfs_once; }
setup() {
	setup_runtime
	OUTSIDE=$BATS_TEST_TMPDIR/outside
	mkdir "$OUTSIDE"
	echo secret >"$OUTSIDE/secret"
}
teardown() {
	if [[ -n ${SWAPPER:-} ]]; then stop_swapping; fi
	teardown_runtime
}

# Where the processor is emulated, and elsewhere.
few_or_many() { if [[ -n ${TARE_IN_VM:-} ]]; then echo "$1"; else echo "$2"; fi; }
run_it() { runtime run --bundle "$BUNDLE" "$ID" </dev/null; }
outside_is_untouched() {
	equal "what is outside" "$(cd "$OUTSIDE" && find . | sort | tr '\n' ' ')$(cat "$OUTSIDE/secret")" ". ./secret secret"
	equal "mounts outside" "$(grep -F "$BATS_TEST_TMPDIR" /proc/self/mountinfo)" ""
}
programs_digest() { sha256sum "$TARE_BIN_DIR"/tare-{runtime,init}; }
# swap A B: exchanges two names for ever, as another container that shares a volume could; says how often in $SWAPS.
swap() {
	export SWAPS=$BATS_TEST_TMPDIR/swaps
	perl -e 'my ($a, $b, $log) = @ARGV; my $n = 0; $SIG{TERM} = sub { open(my $f, ">", $log); print $f $n; exit };
		while (1) { syscall($ENV{RENAMEAT2}, -100, $a, -100, $b, 2) == 0 or die "$!"; $n++; }' "$1" "$2" "$SWAPS" 3>&- &
	SWAPPER=$!
}
stop_swapping() {
	kill "$SWAPPER"
	wait "$SWAPPER" || true
	SWAPPER=
	[[ $(cat "$SWAPS") -ge 5000 ]] || { echo "only $(cat "$SWAPS") swaps" && return 1; }
}
case $(uname -m) in
x86_64) export RENAMEAT2=316 ;;
*) export RENAMEAT2=276 ;;
esac

# watch: a container that tries to keep and to write every program that it sees being executed.
watch='while [ ! -e /stop ]; do for p in /proc/[0-9]*; do (
		name=$(readlink /proc/self/fd/9); case $name in /bin/busybox) exit ;; esac
		echo "seen $name" >>/seen
		( echo x >>"$p/exe" ) && echo "written $name" >>/seen
		( echo x >>/proc/self/fd/9 ) && echo "written later $name" >>/seen
	) 9<"$p/exe"; done 2>/dev/null; done'

@test "A1 CVE-2019-5736: a program that leads to /proc/self/exe does not get at the runtime" {
	local before command
	before=$(programs_digest)
	printf '#!/proc/self/exe\n' >"$BUNDLE/rootfs/bin/evil"
	chmod +x "$BUNDLE/rootfs/bin/evil"
	ln -s /proc/self/exe "$BUNDLE/rootfs/bin/leads"
	# A program whose interpreter is /proc/self/exe: an ELF head and one PT_INTERP.
	perl -e 'my $i = "/proc/self/exe\0"; print pack("C16 S S L Q Q Q L S S S S S S", 0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, (0) x 9, 2, 62, 1,
		0, 64, 0, 0, 64, 56, 1, 0, 0, 0), pack("L L Q Q Q Q Q Q", 3, 4, 120, 120, 120, length $i, length $i, 1), $i' \
		>"$BUNDLE/rootfs/bin/interpreted"
	chmod +x "$BUNDLE/rootfs/bin/interpreted"
	for command in /proc/self/exe /bin/evil /bin/leads /bin/interpreted; do
		command_is "$command" --version
		run run_it
		[[ $status -ne 0 && $output != *tare-runtime\ version* ]] || { echo "$command: $output" && return 1; }
	done
	equal programs "$(programs_digest)" "$before"
	nothing_left
}

@test "A2 CVE-2019-5736: execs into a container that watches /proc show it no program that it could write to" {
	local before i namespaces rounds
	rounds=$(few_or_many 20 500)
	before=$(programs_digest)
	# In its own pid namespace, with the right to look into every process there; and in the host's, where that right would be
	# one over the host.
	for namespaces in '.process.capabilities[] += ["CAP_SYS_PTRACE"]' \
		'.process.capabilities[] -= ["CAP_SYS_PTRACE"] | .linux.namespaces |= map(select(.type != "pid"))'; do
		configure "$namespaces"' | .process.capabilities[] += ["CAP_DAC_OVERRIDE"] | .linux.maskedPaths = []'
		rm -f "$BUNDLE/rootfs/"{seen,stop}
		command_is sh -c "touch /seen; $watch"
		runtime run --detach --bundle "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1
		wait_until 20 test -e "$BUNDLE/rootfs/seen"
		for ((i = 0; i < rounds; i++)); do runtime exec "$ID" true; done
		touch "$BUNDLE/rootfs/stop"
		wait_until 20 has_status stopped
		runtime delete --force "$ID"
		# Else it has not watched. Among the host's processes it may be too slow to see one that lives for a millisecond.
		[[ $namespaces == *-=* || -n ${TARE_IN_VM:-} ]] || grep -q "^seen .*tare-init" "$BUNDLE/rootfs/seen"
		equal "written" "$(grep written "$BUNDLE/rootfs/seen")" ""
	done
	equal programs "$(programs_digest)" "$before"
}

@test "A3 CVE-2024-21626: no working directory among descriptors leads out, in run and in exec" {
	local number
	command_is sh -c 'readlink /proc/self/cwd; ls; ls -l /proc/self/fd'
	for number in $(seq 3 15); do
		configure ".process.cwd = \"/proc/self/fd/$number\""
		run runtime run --bundle "$BUNDLE" "$ID" </dev/null 7<"$OUTSIDE" 9<"$OUTSIDE"
		[[ $status -ne 0 && $output != *secret* ]] || { echo "$number: $output" && return 1; }
	done
	configure '.process.cwd = "/"'
	command_is sleep 1000
	runtime run --detach --bundle "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1
	for number in $(seq 3 15); do
		# One may be the root that the container has anyway.
		run runtime exec --cwd "/proc/self/fd/$number" "$ID" sh -c 'readlink /proc/self/cwd; ls ../../../..' 7<"$OUTSIDE" 9<"$OUTSIDE"
		[[ $status -ne 0 || $output == "/"$'\n'"$(ls "$BUNDLE/rootfs")" ]] || { echo "exec $number: $output" && return 1; }
	done
	# CVE-2016-9962: nor is anything open that is not the container's.
	run runtime exec "$ID" sh -c 'for fd in /proc/self/fd/*; do readlink "$fd"; done' 7<"$OUTSIDE" 9<"$OUTSIDE"
	[[ $output != *outside* ]]
}

@test "A4 CVE-2019-19921, 2023-27561: a /proc, /sys or /dev that is a symlink is refused, and nothing is made where it leads" {
	local name
	for name in proc sys dev; do
		rm -rf "$BUNDLE/rootfs/$name"
		ln -s "$OUTSIDE" "$BUNDLE/rootfs/$name"
		run run_it
		[[ $status -eq 1 && $output == *"/$name"* ]] || { echo "$name: $output" && return 1; }
		outside_is_untouched
		# One that stays within the root file system.
		ln -sfn /tmp "$BUNDLE/rootfs/$name"
		run run_it
		[[ $status -eq 1 && $output == *"/$name"* ]] || { echo "$name within: $output" && return 1; }
		rm "$BUNDLE/rootfs/$name"
		mkdir "$BUNDLE/rootfs/$name"
	done
	nothing_left
}

@test "A5 CVE-2019-16884, 2025-52881: nothing but what procfs is made of is mounted into /proc" {
	local path
	for path in /proc/self /proc/sys /proc/self/attr /proc/sys/kernel /proc/1/attr/exec; do
		configure ".mounts += [{destination: \"$path\", type: \"bind\", source: \"$OUTSIDE\", options: [\"bind\"]}]"
		run run_it
		[[ $status -eq 1 && $output == *"$path"* ]] || { echo "$path: $output" && return 1; }
		configure 'del(.mounts[-1])'
	done
	outside_is_untouched
	nothing_left
}

@test "A6 CVE-2019-18837, 2021-30465: what is mounted on links in the root file system stays in it" {
	ln -s "$OUTSIDE" "$BUNDLE/rootfs/absolute"
	ln -s ../../../../../../../../../../../.."$OUTSIDE" "$BUNDLE/rootfs/relative"
	configure '.mounts += [
		{destination: "/absolute/made", type: "tmpfs", source: "tmpfs"},
		{destination: "/relative/made", type: "tmpfs", source: "tmpfs"},
		{destination: "/absolute/file", type: "bind", source: "/etc/hostname", options: ["bind"]}]'
	command_is sh -c 'grep -c /made /proc/self/mountinfo'
	run run_it
	outside_is_untouched
	nothing_left
}

@test "A7 CVE-2021-30465, 2024-45310: a target that is swapped for a link all the time, 5,000 times" {
	local volume=$BATS_TEST_TMPDIR/volume round rounds
	rounds=$(few_or_many 10 150)
	mkdir -p "$volume/target"
	ln -s "../../../../../../../../../../../..$OUTSIDE" "$volume/link"
	configure ".mounts += [
		{destination: \"/volume\", type: \"bind\", source: \"$volume\", options: [\"bind\"]},
		{destination: \"/volume/target/deep/down\", type: \"tmpfs\", source: \"tmpfs\"},
		{destination: \"/volume/target/file\", type: \"bind\", source: \"/etc/hostname\", options: [\"bind\"]}]"
	command_is touch /volume/target/deep/down/made
	swap "$volume/target" "$volume/link"
	for ((round = 0; round < rounds; round++)); do
		run_it >/dev/null 2>&1 || true
		rm -rf "$volume/target/deep" "$volume/link/deep" 2>/dev/null || true
	done
	stop_swapping
	outside_is_untouched
	nothing_left
}

@test "A8 CVE-2025-31133: a /dev/null that is a link, or is swapped for one, is not what masks paths" {
	local dev=$BATS_TEST_TMPDIR/dev round rounds
	rounds=$(few_or_many 10 100)
	mkdir "$dev"
	echo secret >"$BUNDLE/rootfs/secret"
	ln -s /secret "$dev/null"
	configure ".mounts |= map(select(.destination | startswith(\"/dev\") | not)) | .linux.maskedPaths = [\"/proc/timer_list\"] |
		.mounts += [{destination: \"/dev\", type: \"bind\", source: \"$dev\", options: [\"bind\"]}]"
	command_is cat /proc/timer_list
	run run_it
	[[ $output != *secret* ]]
	mknod "$dev/real" c 1 3
	swap "$dev/null" "$dev/real"
	for ((round = 0; round < rounds; round++)); do
		run run_it
		[[ $output != *secret* ]] || { echo "$output" && return 1; }
	done
	stop_swapping
	nothing_left
}

@test "A9 CVE-2025-52565: a /dev/console that is a link is not followed" {
	local dev=$BATS_TEST_TMPDIR/dev
	mkdir "$dev"
	ln -s "$OUTSIDE/secret" "$dev/console"
	mknod "$dev/null" c 1 3
	configure ".mounts |= map(select(.destination != \"/dev\")) | .process.terminal = true |
		.mounts = [{destination: \"/dev\", type: \"bind\", source: \"$dev\", options: [\"bind\"]}] + .mounts"
	command_is sh -c 'echo overwritten >/dev/console'
	run script -qec "$TARE_BIN_DIR/tare-runtime --root $RUNTIME_ROOT ${TARE_RUNTIME_OPTIONS:-} run --bundle $BUNDLE $ID" /dev/null </dev/null
	outside_is_untouched
	nothing_left
}

@test "A10 CVE-2026-30892: exec -u takes numbers as they are, and nothing else for one" {
	local text
	command_is sleep 1000
	runtime run --detach --bundle "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1
	equal "1" "$(runtime exec -u 1 "$ID" sh -c 'id -u; id -g')" $'1\n0'
	equal "1:2" "$(runtime exec -u 1:2 "$ID" sh -c 'id -u; id -g')" $'1\n2'
	for text in ' 1' '1 ' 0x1 +1 -1 1: :1 1:2:3 4294967296 99999999999999999999 1:4294967296 '' root; do
		run runtime exec -u "$text" "$ID" id -u
		[[ $status -ne 0 ]] || { echo "\"$text\": $output" && return 1; }
	done
}

@test "A11 CVE-2022-29162: no capability is inheritable unless the config says so" {
	command_is sleep 1000
	runtime run --detach --bundle "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1
	equal "of exec" "$(runtime exec "$ID" sed -n 's/^CapInh:\t//p' /proc/self/status)" 0000000000000000
	equal "of exec --cap" "$(runtime exec --cap CAP_NET_ADMIN "$ID" sed -n 's/^CapInh:\t//p' /proc/self/status)" 0000000000000000
	equal "of number 1" "$(sed -n 's/^CapInh:\t//p' "/proc/$(runtime state "$ID" | jq .pid)/status")" 0000000000000000
}

@test "A12 cgroup paths that lead elsewhere are refused" {
	local path
	! by_systemd || skip "paths are cgroupfs's"
	for path in / /.. /../x a/../../../x $'/a\nb'; do
		configure ".linux.cgroupsPath = $(jq -n --arg path "$path" '$path')"
		run run_it
		[[ $status -eq 1 && $output == *cgroup* ]] || { echo "$path: $output" && return 1; }
	done
	nothing_left
}

@test "A13 CVE-2021-43784: id mappings of more than 64 KiB are refused, and are not taken for something else" {
	# What lies behind 65,536 bytes would map everything, had it a chance to be a message of its own.
	configure '.linux.namespaces += [{type: "user"}] |
		.linux.uidMappings = [range(4000) | {containerID: (. + 1), hostID: (. + 100001), size: 1}] + [{containerID: 0, hostID: 0, size: 1}] |
		.linux.gidMappings = .linux.uidMappings'
	run run_it
	[[ $status -eq 1 && $output == *uidMappings* ]] || { echo "$output" && false; }
	nothing_left
}
