#!/usr/bin/env bats
# A config that cannot be right is refused with one line that names the field, and nothing is left: malformed.table.
# shellcheck disable=SC2154 # bats sets stderr and stderr_lines
load helpers

setup_file() { setup_rootfs_once; }
setup() { setup_runtime; }
teardown() { teardown_runtime; }

@test "each malformed config gives one line with the field's JSON pointer, ends with 1 and leaves nothing" {
	local counts=$BATS_TEST_TMPDIR/counts.json kept=$BATS_TEST_DIRNAME/../../build/test
	python3 "$BATS_TEST_DIRNAME/malformed.py" "$TARE_BIN_DIR/tare-runtime" "$RUNTIME_ROOT" "$BUNDLE" "$ID" "$counts"
	(($(jq .configs "$counts") >= 200))
	nothing_left
	[[ ! -w $kept ]] || cp "$counts" "$kept/malformed.json"
}

@test "what exec --process and update --resources read is refused in the same way, and the container lives on" {
	command_is sleep 1000
	runtime run --detach --bundle "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1 3>&-
	local document pointer
	while IFS='|' read -r document pointer; do
		printf '%s' "$document" >"$BATS_TEST_TMPDIR/process.json"
		run --separate-stderr runtime exec --process "$BATS_TEST_TMPDIR/process.json" "$ID"
		equal "code for $document" "$status" 255
		equal "lines for $document" "${#stderr_lines[@]}" 1
		[[ $stderr == *"$pointer: "* ]] || { echo "$document: $stderr" && false; }
	done <<-'END'
		{"args": ["true"]}|/cwd
		{"args": ["true"], "cwd": "tmp"}|/cwd
		{"args": [5], "cwd": "/"}|/args/0
		{"cwd": "/"}|/args
		{"args": ["true"], "cwd": "/", "user": {"uid": -1}}|/user/uid
		{"args": ["true"], "cwd": "/", "rlimits": [{"type": "X"}]}|/rlimits/0/type
		{"args": ["true"]|not JSON near byte 17
	END
	while IFS='|' read -r document pointer; do
		run --separate-stderr runtime update --resources - "$ID" <<<"$document"
		equal "code for $document" "$status" 1
		equal "lines for $document" "${#stderr_lines[@]}" 1
		[[ $stderr == *"$pointer: "* ]] || { echo "$document: $stderr" && false; }
	done <<-'END'
		{"memory": {"limit": "1m"}}|/memory/limit
		{"memory": {"limit": -2}}|/memory/limit
		{"cpu": {"idle": 2}}|/cpu/idle
		{"pids": 5}|/pids
		{"unified": {"a/b.c": "1"}}|/unified/a~1b.c
		{"memory": {"limit": 1}|not JSON near byte 24
	END
	equal status "$(status_of "$ID")" running
	runtime delete --force "$ID"
	nothing_left
}
