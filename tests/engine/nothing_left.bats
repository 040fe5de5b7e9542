#!/usr/bin/env bats
# After exit and after SIGKILL, at any moment, the machine is as it was before.

load helpers

setup_file() { setup_rootfs_once; }
setup() { setup_store; }
teardown() { teardown_store; }

# storm VICTIM COUNT [COUNT_IN_VM]: kills that many, at random moments.
storm() {
	local count=$2
	[[ -v TARE_IN_VM ]] && count=$3
	export TARE_BIN_DIR BATS_TEST_TMPDIR
	private_machine "$BATS_TEST_DIRNAME/storm.py" "$1" "$count"
}

@test "NL1 nothing is left after 100 clients were killed at random moments and one ps" { storm client 100 8; }

@test "NL2 nothing is left after 100 monitors were killed at random moments and one ps" { storm monitor 100 8; }

@test "nothing is left after client and monitor were killed together" { storm group 40; }

@test "nothing is left after tare-image was killed at random moments" { storm image 30; }

@test "nothing is left after ps was killed in the middle of cleaning up" { storm ps 40; }

@test "nothing is left after rm was killed in the middle" { storm rm 40; }
