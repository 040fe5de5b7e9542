#!/usr/bin/env bats
# The log, and the words in errors that engines look for: each row of the tables is what one of them relies on.
load helpers

setup_file() { setup_rootfs_once; }
setup() { setup_runtime; }
teardown() { teardown_runtime; }

logged() { run runtime --log "$LOG" --log-format json "$@" </dev/null; }

# said CODE WORDS: the last command ended so, with the words on standard error and in the only object of the log.
said() {
	equal code "$status" "$1"
	[[ $output == *"$2"* ]] || { echo "not \"$2\" in: $output" && return 1; }
	equal "objects in the log" "$(jq -s length "$LOG")" 1
	jq -e --arg words "$2" '.level == "error" and (.msg | contains($words)) and (.time | test("^[0-9-]+T[0-9:.]+Z$"))' "$LOG" >/dev/null
	equal "lines on standard error" "${#lines[@]}" 1
	rm "$LOG"
}

@test "a command that cannot be run: podman makes 127 and 126 of the words" {
	printf '#!/no/interpreter\n' >"$BUNDLE/rootfs/bin/no-interpreter"
	printf '#!/bin/sh\n' >"$BUNDLE/rootfs/bin/not-executable"
	printf '#!/etc\n' >"$BUNDLE/rootfs/bin/by-directory"
	chmod +x "$BUNDLE/rootfs/bin/no-interpreter" "$BUNDLE/rootfs/bin/by-directory"
	local row
	# shellcheck disable=SC2016 # these are words of a message
	for row in 'nonsense|executable file not found in $PATH' \
		'/no/such|no such file or directory' \
		'no-interpreter|no such file or directory' \
		'/bin/not-executable|permission denied' \
		'by-directory|permission denied' \
		'/etc|is a directory' \
		'/etc|permission denied'; do
		command_is "${row%%|*}"
		logged run --bundle "$BUNDLE" "$ID"
		said 1 "${row#*|}"
		command_is sleep 1000
		runtime run --detach --bundle "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1 3>&-
		logged exec "$ID" "${row%%|*}"
		said 255 "${row#*|}"
		runtime delete --force "$ID"
	done
	nothing_left
}

@test "a working directory that is not there, or is none" {
	command_is true
	configure '.process.cwd = "/etc/passwd"'
	logged run --bundle "$BUNDLE" "$ID"
	said 1 "not a directory"
	command_is sleep 1000
	configure '.process.cwd = "/"'
	runtime run --detach --bundle "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1 3>&-
	logged exec --cwd /no/such "$ID" true
	said 255 "no such file or directory"
}

@test "a file on a directory, which docker explains" {
	command_is true
	configure '.mounts += [{destination: "/etc", type: "bind", source: "/etc/passwd", options: ["bind"]}]'
	logged run --bundle "$BUNDLE" "$ID"
	said 1 "not a directory"
	nothing_left
}

@test "what is not there does not exist, and what has ended is not running: containerd takes both for done" {
	local verb
	for verb in state start kill delete; do
		logged "$verb" nothing
		said 1 "does not exist"
	done
	logged exec nothing true
	said 255 "does not exist"
	command_is true
	runtime run --keep --bundle "$BUNDLE" "$ID"
	logged kill "$ID" TERM
	said 1 "container not running"
	logged exec "$ID" true
	said 255 "container not running"
}

@test "a security label that the kernel refuses: podman looks for the file in backticks" {
	[[ ! -e /sys/fs/selinux/enforce ]] || skip "this kernel takes labels"
	configure '.process.selinuxLabel = "system_u:system_r:nonsense_t:s0"'
	command_is true
	logged run --bundle "$BUNDLE" "$ID"
	said 1 '/attr/exec`'
	[[ $output =~ \`/proc/[a-z0-9-].+/attr.*\` ]]
}

@test "the log's further keys: operation, path, errno, hint" {
	configure '.linux.sysctl = {"kernel.msgmax": "nonsense"}'
	command_is true
	logged run --bundle "$BUNDLE" "$ID"
	equal code "$status" 1
	jq -e '.operation == "write nonsense to /proc/sys/kernel/msgmax" and .path == "/proc/sys/kernel/msgmax" and .errno == 22' "$LOG"
	rm "$LOG" "$BUNDLE/config.json"
	logged run --bundle "$BUNDLE" "$ID"
	jq -e --arg path "$BUNDLE/config.json" '.path == $path and (.hint | contains("spec"))' "$LOG"
	nothing_left
}

@test "the log's path is relative to the caller's directory, file: and text are known, and wrong options go there, too" {
	cd "$BATS_TEST_TMPDIR"
	run runtime --log here.json --log-format json --debug state nothing
	jq -e '.msg | contains("does not exist")' here.json
	run runtime --log file:there.json --log-format json state nothing
	jq -e .msg there.json
	run runtime --log text.log state nothing
	grep -Eq '^time="[^"]+" level=error msg="container nothing does not exist"$' text.log
	run runtime --log options.json --log-format json create --nonsense x
	equal code "$status" 1
	equal objects "$(jq -s length options.json)" 1
	run runtime --log /no/such/directory/log state nothing
	equal code "$status" 1
	[[ $output == *"no such file or directory"* ]]
}

@test "without a log file, JSON goes to standard error" {
	run runtime --log-format json state nothing
	equal level "$(jq -r .level <<<"$output")" error
}
