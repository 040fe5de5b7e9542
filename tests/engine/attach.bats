#!/usr/bin/env bats
# attach: clients that come and go while a container runs.
# shellcheck disable=SC2016,SC2154 # scripts for the container's shell; variables that bats and the helpers set
load helpers
load life

setup_file() { setup_rootfs_once; }
setup() { setup_store; }
teardown() { teardown_store; }

# on_terminals: runs standard input, a program in Python with tare's path and what tests/engine/terminal.py has.
on_terminals() {
	PYTHONPATH=$BATS_TEST_DIRNAME PYTHONDONTWRITEBYTECODE=1 timeout 120 python3 -c '
import os, subprocess, sys, time
from terminal import Terminal, check
tare = sys.argv[1]
def says(*words):
    return subprocess.run([tare, *words], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
def status():
    return says("inspect", "-f", "{{.State.Status}}", "box")
'"$(cat)" "$TARE_BIN_DIR/tare"
}

# attached OUTPUT ARGUMENT...: `tare attach ARGUMENT...` beside the test, which hears the container. Sets client_pid.
attached() {
	local output=$1
	shift
	"$TARE_BIN_DIR/tare" attach "$@" >"$output" 2>"$output.err" <&0 3>&- &
	client_pid=$!
}

# Says something at once for every USR1, ends with 3 when it is asked to.
talkative='trap "exit 3" TERM; trap "echo interrupted" INT; trap "echo told; echo error >&2" USR1
	echo ready; while :; do sleep 0.05; done'

# heard FILE...: each has what the container says now.
heard() {
	tare kill -s USR1 box >/dev/null
	sleep 0.1
	local file
	for file in "$@"; do grep -q told "$file" || return 1; done
}

# ends_with CODE PID WHAT
ends_with() {
	local code=0
	wait "$2" || code=$?
	equal "exit code of $3" "$code" "$1"
}

@test "any number of clients hear the container, and each ends with its exit code" {
	detached box "$ROOTFS" sh -c "$talkative"
	local -a clients=() outputs=()
	local i
	for i in $(seq 20); do
		attached "$BATS_TEST_TMPDIR/client$i" box </dev/null
		clients+=("$client_pid")
		outputs+=("$BATS_TEST_TMPDIR/client$i")
	done
	wait_until 30 heard "${outputs[@]}"
	tare stop box
	for i in "${!clients[@]}"; do
		ends_with 3 "${clients[i]}" "client $i"
		# Both streams are what they were, and nothing from before it came.
		equal "output $i" "$(sort -u "${outputs[i]}")" told
		equal "errors $i" "$(sort -u "${outputs[i]}.err")" error
	done
	# All that anybody heard is in the log.
	(($(tare logs box 2>/dev/null | grep -c told) >= $(wc -l <"${outputs[0]}")))
}

@test "one client's end of input is not the container's" {
	detached box -i "$ROOTFS" sh -c 'echo ready; exec cat'
	attached "$BATS_TEST_TMPDIR/first" box < <(echo from the first)
	local first=$client_pid
	wait_until 30 grep -q 'from the first' "$BATS_TEST_TMPDIR/first"
	# Its end has been read by now; cat goes on, and so does the client, as one that listens.
	attached "$BATS_TEST_TMPDIR/second" box < <(echo from the second)
	wait_until 30 grep -q 'from the second' "$BATS_TEST_TMPDIR/second"
	wait_until 30 grep -q 'from the second' "$BATS_TEST_TMPDIR/first"
	[[ -d /proc/$first ]]
	tare kill box
	ends_with 137 "$first" "the first"
	ends_with 137 "$client_pid" "the second"
}

@test "of the client that started it, the end of input is the container's" {
	# docker's StdinOnce: `run -i` and cat ends; an attached client beside it hears that.
	"$TARE_BIN_DIR/tare" run -i --name box "$ROOTFS" sh -c 'echo ready; cat; exit 5' \
		< <(sleep 1.5; echo last) >"$(output_of box)" 2>/dev/null 3>&- &
	local first=$!
	wait_until 30 test -s "$(output_of box)"
	attached "$BATS_TEST_TMPDIR/client" box </dev/null
	ends_with 5 "$client_pid" "the attached one"
	ends_with 5 "$first" "the first one"
	equal "what it said" "$(<"$(output_of box)")" $'ready\nlast'
}

@test "a container without -i takes no input from clients, and --no-stdin gives none" {
	detached box "$ROOTFS" sh -c 'read -r line; echo "got $line"; while :; do sleep 0.05; done'
	equal "its input is empty" "$(tare logs box)" "got "
	detached other -i "$ROOTFS" sh -c 'echo ready; exec cat'
	attached "$BATS_TEST_TMPDIR/silent" --no-stdin other < <(echo unheard)
	local silent=$client_pid
	attached "$BATS_TEST_TMPDIR/speaker" other < <(sleep 0.5; echo heard)
	wait_until 30 grep -q heard "$BATS_TEST_TMPDIR/speaker"
	wait_until 30 grep -q heard "$BATS_TEST_TMPDIR/silent"
	equal "what was said" "$(tare logs other)" $'ready\nheard'
	tare kill other
	ends_with 137 "$silent" "the silent one"
}

@test "signals to a client are the container's, unless --sig-proxy=false" {
	detached box "$ROOTFS" sh -c "$talkative"
	attached "$BATS_TEST_TMPDIR/passing" box </dev/null
	local passing=$client_pid
	attached "$BATS_TEST_TMPDIR/keeping" --sig-proxy=false box </dev/null
	local keeping=$client_pid
	wait_until 30 heard "$BATS_TEST_TMPDIR/passing" "$BATS_TEST_TMPDIR/keeping"
	# A job in the background of a shell without job control ignores SIGINT, so another one for the one that goes.
	kill -TERM "$keeping"
	ends_with 143 "$keeping" "the one that keeps signals"
	equal "the container" "$(state box Status)" running
	kill -USR1 "$passing"
	kill -TERM "$passing"
	ends_with 3 "$passing" "the one that passes signals on"
	equal "the container" "$(state box ExitCode)" 3
}

@test "the detach keys let a client go, and another one can take its place" {
	detached box -it "$ROOTFS" sh
	on_terminals <<-'PYTHON'

		client = Terminal(tare, "attach", "box")
		client.answer("here=first; echo $here.", "first\\.")
		client.type("\x10\x11")
		check("exit code", client.wait() == 0)
		check("the terminal is as before", client.is_restored())
		check("it goes on", status() == "running")
		again = Terminal(tare, "attach", "--detach-keys", "ctrl-x,q", "box")
		again.answer("echo $here again", "first again")
		# A part of the keys is typed text; ^P alone recalls the last line.
		again.type("\x10\n")
		again.expect("first again")
		again.type("\x10\x11\x03")
		again.expect("# ")
		again.type("\x18q")
		check("exit code", again.wait() == 0)
		# Without a terminal of the client's own there are no keys, only bytes.
		last = Terminal(tare, "attach", "box")
		last.answer("echo $here still", "first still")
		last.type("exit 6\n")
		check("exit code of its shell", last.wait() == 6)
		check("it has ended", status() == "exited")
		# start -ai has them, too, and so has run.
		started = Terminal(tare, "start", "-ai", "--detach-keys", "ctrl-x", "box")
		started.answer("echo $here.", r"\n\.")
		started.type("\x18")
		check("exit code of start", started.wait() == 0)
		check("it goes on", status() == "running")
	PYTHON
	fails 125 "invalid detach keys" attach --detach-keys "ctrl-ä" box
}

@test "a resized window of a client is the container's" {
	detached box -t "$ROOTFS" sh -c 'trap "stty size" WINCH; trap "exit 4" TERM; echo ready; while :; do sleep 0.05; done'
	on_terminals <<-'PYTHON'

		client = Terminal(tare, "attach", "box", rows=33, columns=101)
		client.expect("33 101")
		client.resize(20, 60)
		client.expect("20 60")
		# The one that spoke last is heard; the others see what fits it.
		other = Terminal(tare, "attach", "box", rows=40, columns=90)
		other.expect("40 90")
		client.expect("40 90")
		client.resize(21, 61)
		other.expect("21 61")
		check("the size inside", says("exec", "box", "sh", "-c", "stty size </dev/pts/0") == "21 61")
		says("stop", "box")
		check("exit code of one", other.wait() == 4)
		check("exit code of the other", client.wait() == 4)
		check("both terminals are as before", client.is_restored() and other.is_restored())
	PYTHON
}

@test "what one client types, all see" {
	detached box -it "$ROOTFS" sh
	on_terminals <<-'PYTHON'

		clients = [Terminal(tare, "attach", "box") for _ in range(5)]
		for number, client in enumerate(clients):  # and then each is heard
		    client.answer(f"echo $(({number} + 200))", f"{number + 200}")
		for number, client in enumerate(clients):
		    client.type(f"echo $(({number} + 100))\n")
		    for each in clients:
		        each.expect(f"\\b{number + 100}\r\n")
		# One that is killed, or whose terminal is closed, is missed by nobody.
		clients[0].process.kill()
		os.close(clients[1].master)
		os.close(clients[1].slave)
		clients[2].answer("echo $((7 * 7))", "49")
		clients[3].expect("\\b49\r\n")
		clients[2].type("exit 2\n")
		for client in clients[2:]:
		    check("exit code", client.wait() == 2)
	PYTHON
}

@test "a client that does not read holds nobody back for ever" {
	detached box "$ROOTFS" sh -c 'echo ready; while [ ! -e /go ]; do sleep 0.05; done; head -c 3000000 /dev/zero; exit 4'
	attached "$BATS_TEST_TMPDIR/reader" box </dev/null
	local reader=$client_pid
	attached "$BATS_TEST_TMPDIR/stopped" box </dev/null
	sleep 0.3
	kill -STOP "$client_pid"
	tare exec box touch /go
	sleep 0.5
	# It holds the container as a full pipe would, until it goes.
	kill -KILL "$client_pid"
	ends_with 4 "$reader" "the reader"
	equal "all of it" "$(stat -c %s "$BATS_TEST_TMPDIR/reader")" 3000000
}
