#!/usr/bin/env bats
# tare logs: what a container wrote, byte for byte, while it runs and after.
# shellcheck disable=SC2016,SC2154 # scripts for the container's shell; variables that bats and the helpers set
load helpers

setup_file() { setup_rootfs_once; }
setup() { setup_store; }
teardown() { teardown_store; }

log_of() { echo "$TARE_ROOT/containers/$(tare inspect "$1" | jq -r '.[0].Id')/log.json"; }

@test "K8 run shows the output, and logs repeats it byte for byte" {
	local seen=$BATS_TEST_TMPDIR/seen logged=$BATS_TEST_TMPDIR/logged
	tare run --name both "$ROOTFS" sh -c '
		for i in 1 2 3 4 5; do echo "line $i"; echo "error $i" >&2; done
		head -c 40000 /dev/urandom; head -c 40000 /dev/urandom >&2
		printf "no end"' >"$seen" 2>"$seen.err"
	tare logs both >"$logged" 2>"$logged.err"
	cmp "$seen" "$logged"
	# What tare itself has to say is not the container's.
	cmp <(grep -av '^tare: ' "$seen.err") <(grep -av '^tare: ' "$logged.err")
	(($(wc -c <"$logged") > 40000 && $(wc -c <"$logged.err") > 40000))
}

@test "K11 logs works after the exit, by name, id and beginning of an id" {
	run -3 --separate-stderr tare run --name over "$ROOTFS" sh -c 'echo out; echo err >&2; exit 3'
	local id
	id=$(tare inspect over | jq -r '.[0].Id')
	for name in over "$id" "${id:0:6}"; do
		run --separate-stderr tare logs "$name"
		equal status "$status" 0
		equal output "$output" out
		equal errors "$stderr" err
	done
	run --separate-stderr tare logs absent
	equal status "$status" 1
	[[ $stderr == "tare: No such container: absent"* ]]
}

@test "a log is docker's json-file, one object a line" {
	tare run --name json "$ROOTFS" sh -c 'echo "a \"quoted\" line"; printf "\033[1mbold\n" >&2' 2>/dev/null
	local log
	log=$(log_of json)
	equal "texts" "$(jq -j .log "$log")" $'a "quoted" line\n\033[1mbold'
	equal "streams" "$(jq -r .stream "$log" | xargs)" "stdout stderr"
	equal "times" "$(jq -r '.time | test("^20..-..-..T..:..:..[.][0-9]{9}Z$")' "$log" | xargs)" "true true"
	equal "mode" "$(stat -c %a "$log")" 600
}

@test "logs of a container with a terminal are what the terminal showed" {
	tare run -t --name shown "$ROOTFS" sh -c 'echo one; echo two >&2' </dev/null >"$BATS_TEST_TMPDIR/shown"
	cmp "$BATS_TEST_TMPDIR/shown" <(tare logs shown)
	equal "with carriage returns" "$(tare logs shown)" $'one\r\ntwo\r'
}

@test "logs --tail, --since, --until and -t choose and mark lines" {
	tare run --name lines "$ROOTFS" sh -c 'seq 1 500; sleep 1.2; echo late' >/dev/null
	equal "the last" "$(tare logs --tail 3 lines)" $'499\n500\nlate'
	equal "the last" "$(tare logs -n2 lines)" $'500\nlate'
	equal "none" "$(tare logs -n 0 lines)" ""
	equal "all" "$(tare logs --tail all lines | wc -l)" 501
	equal "all" "$(tare logs --tail -1 lines | wc -l)" 501
	run --separate-stderr tare logs -n many lines
	equal status "$status" 125
	local time
	time=$(tare logs -t -n 1 lines)
	[[ $time =~ ^20[0-9]{2}-[0-9-]+T[0-9:]+\.[0-9]{9}Z\ late$ ]]
	time=${time% late}
	equal "since then" "$(tare logs --since "$time" lines)" late
	equal "until then" "$(tare logs --until "$time" lines | wc -l)" 501
	equal "until a second before" "$(tare logs --until "$(date -u -d "$time - 1 second" +%FT%T.%NZ)" lines | tail -n 1)" 500
	equal "since an hour" "$(tare logs --since 1h lines | wc -l)" 501
	equal "since an hour to come" "$(tare logs --since -1h lines)" ""
	equal "until an hour ago" "$(tare logs --until 60m lines)" ""
	equal "since seconds of unix" "$(tare logs --since "$(date -d "$time" +%s.%N)" lines)" late
	equal "since a date" "$(tare logs --since 2020-02-29 lines | wc -l)" 501
	run --separate-stderr tare logs --since yesterday lines
	equal status "$status" 125
	[[ $stderr == *'invalid argument "yesterday" for "--since" flag: invalid time'* ]]
}

@test "logs --details shows the labels and variables that --log-opt named" {
	tare run --name told -l a=1 -l b=2 -e X=y -e Z=z --log-opt labels=a,absent --log-opt env=X "$ROOTFS" echo line
	equal "details" "$(tare logs --details told)" "a=1,X=y line"
	equal "without" "$(tare logs told)" line
}

@test "logs -f goes on until the container ends" {
	start_container running -i "$ROOTFS" sh -c 'echo ready; while [ ! -e /go ]; do sleep 0.1; done; echo more; exit 2'
	"$TARE_BIN_DIR/tare" logs -f running >"$BATS_TEST_TMPDIR/followed" 3>&- &
	local follower=$!
	wait_until 20 grep -q ready "$BATS_TEST_TMPDIR/followed"
	# It sleeps, and is not just between two looks.
	local before after
	before=$(awk '{ print $14 + $15 }' "/proc/$follower/stat")
	sleep 1
	after=$(awk '{ print $14 + $15 }' "/proc/$follower/stat")
	((after - before <= 1))
	tare exec running touch /go
	wait "$follower"
	equal "all of it" "$(<"$BATS_TEST_TMPDIR/followed")" $'ready\nmore'
	wait "$client_pid" || true
	equal "of one that ended" "$(tare logs -f running)" $'ready\nmore'
}

@test "logs -f ends where the monitor is killed" {
	start_container running "$ROOTFS" sh -c "$stay"
	"$TARE_BIN_DIR/tare" logs -f running >"$BATS_TEST_TMPDIR/followed" 3>&- &
	local follower=$!
	wait_until 20 grep -q ready "$BATS_TEST_TMPDIR/followed"
	kill -KILL "$(jq .monitor "$TARE_RUN_ROOT/containers/$container_id.json")"
	wait "$follower"
	wait "$client_pid" || true
}

@test "logs are bounded, and nothing is lost or repeated while files are renamed" {
	tare run --name noisy --log-opt max-size=20k --log-opt max-file=1000 "$ROOTFS" sh -c \
		'while [ ! -e /go ]; do sleep 0.05; done; seq 1 20000' >"$BATS_TEST_TMPDIR/seen" 3>&- &
	local runner=$! directory
	wait_until 20 tare exec noisy true
	"$TARE_BIN_DIR/tare" logs -f noisy >"$BATS_TEST_TMPDIR/followed" 3>&- &
	local follower=$!
	tare exec noisy touch /go
	wait "$runner"
	wait "$follower"
	cmp "$BATS_TEST_TMPDIR/followed" <(seq 1 20000)
	tare logs noisy | cmp - <(seq 1 20000)
	tare logs -n 1234 noisy | cmp - <(seq 18767 20000)

	tare run --name bounded --log-opt max-size=10k --log-opt max-file=3 "$ROOTFS" seq 1 5000 >/dev/null
	directory=$(dirname "$(log_of bounded)")
	equal "files" "$(cd "$directory" && echo log.json*)" "log.json log.json.1 log.json.2"
	(($(cat "$directory"/log.json* | wc -c) <= 30000))
	local first
	first=$(tare logs bounded | head -n 1)
	tare logs bounded | cmp - <(seq "$first" 5000)
	((first > 4000 && first < 5000))
}

@test "a restarted container's log goes on" {
	tare run --name again "$ROOTFS" sh -c 'echo a run'
	tare start -a again
	equal log "$(tare logs again)" $'a run\na run'
}

@test "a log that lost its end in a power cut is read as far as it goes" {
	tare run --name cut "$ROOTFS" sh -c 'echo whole'
	printf '{"log":"half' >>"$(log_of cut)"
	run --separate-stderr tare logs cut
	equal status "$status" 0
	equal output "$output" whole
	tare start -a cut
	equal "and after" "$(tare logs cut)" $'whole\nwhole'
}

@test "--log-driver none keeps no log" {
	tare run --name mute --log-driver none "$ROOTFS" echo shown
	[[ ! -e $(log_of mute) ]]
	run --separate-stderr tare logs mute
	equal status "$status" 1
	[[ $stderr == "tare: configured logging driver does not support reading"* ]]
	run --separate-stderr tare run --log-driver syslog "$ROOTFS" true
	equal status "$status" 125
	[[ $stderr == *"no log driver named 'syslog' is registered"* ]]
	run --separate-stderr tare run --log-opt max-sise=1m "$ROOTFS" true
	equal status "$status" 125
	[[ $stderr == *"unknown log opt 'max-sise'"* ]]
}

@test "a full disk costs lines of the log, and neither the container nor its output" {
	mkdir "$BATS_TEST_TMPDIR/full"
	mount -t tmpfs -o size=1m tmpfs "$BATS_TEST_TMPDIR/full"
	export TARE_ROOT=$BATS_TEST_TMPDIR/full/root
	tare run --name loud "$ROOTFS" sh -c 'seq 1 50000; exit 7' >"$BATS_TEST_TMPDIR/seen" || equal status "$?" 7
	cmp "$BATS_TEST_TMPDIR/seen" <(seq 1 50000)
	tare logs loud 2>/dev/null | head -n 1000 | cmp - <(seq 1 1000)
	tare rm -f loud
}
