#!/usr/bin/env bats
# What holds under load. The numbers are small where every change has to pass; CONTRIBUTING.md tells the full ones.

# shellcheck disable=SC2016,SC2030,SC2031 # other shells expand what is in single quotes; bats runs each test in a subshell
load helpers

setup_file() {
	export TARE_BIN_DIR
	setup_rootfs_once
}
setup() { setup_store; }
teardown() { teardown_store; }

# on_a_private_machine SCRIPT: what it prints after `#` is printed whether it fails or not.
on_a_private_machine() {
	local status=0
	export TARE_BIN_DIR BATS_TEST_TMPDIR
	private_machine bash -c '. "$1" && set -e && eval "$2"' load "$BATS_TEST_DIRNAME/helpers.bash" "
		seconds_since() { awk -v began=\"\$1\" -v now=\"\$EPOCHREALTIME\" 'BEGIN { printf \"%.3f\", now - began }'; }
		$1" >"$BATS_TEST_TMPDIR/printed" 2>&1 || status=$?
	grep '^#' "$BATS_TEST_TMPDIR/printed" >&3 || true
	cat "$BATS_TEST_TMPDIR/printed"
	return "$status"
}

@test "two hundred runs at once all succeed, each with its own output, and leave nothing" {
	on_a_private_machine '
		tare run --rm "$ROOTFS" true 2>/dev/null
		machine_state >"$BATS_TEST_TMPDIR/before"
		mkdir "$BATS_TEST_TMPDIR/out"
		began=$EPOCHREALTIME
		pids=()
		for i in {1..200}; do
			"$TARE_BIN_DIR/tare" run --rm "$ROOTFS" sh -c "echo out $i; echo error $i >&2; hostname; exit $((i % 100))" \
				>"$BATS_TEST_TMPDIR/out/$i" 2>"$BATS_TEST_TMPDIR/out/$i.error" &
			pids+=($!)
		done
		for i in {1..200}; do
			code=0
			wait "${pids[i - 1]}" || code=$?
			[[ $code == $((i % 100)) ]] || { echo "run $i: exit code $code"; cat "$BATS_TEST_TMPDIR/out/$i.error"; exit 1; }
			equal "output of run $i" "$(head -n 1 "$BATS_TEST_TMPDIR/out/$i")" "out $i"
			equal "errors of run $i" "$(grep -v CAP_SYS_RESOURCE "$BATS_TEST_TMPDIR/out/$i.error")" "error $i"
		done
		echo "# 200 runs at once: $(seconds_since "$began") s"
		equal "number of ids" "$(tail -qn 1 "$BATS_TEST_TMPDIR"/out/*[0-9] | sort -u | wc -l)" 200
		rm -r "$BATS_TEST_TMPDIR/out"
		machine_state >"$BATS_TEST_TMPDIR/after"
		diff "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after"'
}

@test "K4 one run after another leaves nothing that grows, and no id comes twice" {
	local runs=${TARE_LOAD_RUNS:-300}
	if [[ -v TARE_IN_VM ]]; then runs=10; fi
	# The store is a file system of its own: what it counts is nobody else's.
	runs=$runs on_a_private_machine '
		mkdir "$BATS_TEST_TMPDIR/disk"
		mount -t tmpfs disk "$BATS_TEST_TMPDIR/disk"
		export TARE_ROOT=$BATS_TEST_TMPDIR/disk/root TARE_RUN_ROOT=$BATS_TEST_TMPDIR/disk/run
		usage() {
			machine_state
			echo "inodes: $(df --output=iused "$TARE_ROOT" | tail -n 1)"
			echo "blocks: $(df --output=used "$TARE_ROOT" | tail -n 1)"
			(cd "$BATS_TEST_TMPDIR/disk" && find . | sort)
		}
		run_some() { # from to
			local i began=$EPOCHREALTIME
			for ((i = $1; i <= $2; i++)); do
				"$TARE_BIN_DIR/tare" run --rm "$ROOTFS" sh -c "echo here >file; exec hostname" \
					>>"$BATS_TEST_TMPDIR/ids" 2>"$BATS_TEST_TMPDIR/error"
			done
			echo "# runs $1 to $2: $(seconds_since "$began") s"
		}
		tare run --rm "$TARBALL" true 2>/dev/null
		usage >"$BATS_TEST_TMPDIR/before"
		: >"$BATS_TEST_TMPDIR/ids"
		step=$((runs > 10000 / 10 ? 1000 : (runs + 1) / 2))
		for ((i = 1; i <= runs; i += step)); do run_some "$i" "$((i + step - 1 < runs ? i + step - 1 : runs))"; done
		equal "number of ids" "$(sort -u "$BATS_TEST_TMPDIR/ids" | wc -l)" "$runs"
		usage >"$BATS_TEST_TMPDIR/after"
		diff "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after"
		echo "# after $runs runs: $(grep -E "^(inodes|blocks):" "$BATS_TEST_TMPDIR/after" | tr -s "\n " " ")as before"'
}

@test "stopped containers do not get in the way of runs" {
	stopped=${TARE_LOAD_STOPPED:-100} on_a_private_machine '
		average_of_runs() {
			local i began=$EPOCHREALTIME
			for i in {1..20}; do tare run --rm "$ROOTFS" true 2>/dev/null; done
			echo "# 20 runs beside $1 stopped containers: $(seconds_since "$began") s"
		}
		tare run --rm "$ROOTFS" true 2>/dev/null
		machine_state >"$BATS_TEST_TMPDIR/before"
		average_of_runs 0
		for ((i = 0; i < stopped; i++)); do tare run "$ROOTFS" true 2>/dev/null; done
		average_of_runs "$stopped"
		began=$EPOCHREALTIME
		equal "number of containers" "$(tare ps -aq | sort -u | wc -l)" "$stopped"
		echo "# ps -a of $stopped: $(seconds_since "$began") s"
		equal "exit codes" "$(tare ps -aq | xargs "$TARE_BIN_DIR/tare" inspect | jq "[.[] | select(.State.ExitCode == 0)] | length")" "$stopped"
		began=$EPOCHREALTIME
		tare ps -aq | xargs "$TARE_BIN_DIR/tare" rm >/dev/null
		echo "# rm of $stopped: $(seconds_since "$began") s"
		machine_state >"$BATS_TEST_TMPDIR/after"
		diff "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after"'
}
