# What the tests of a container's life use: containers that stay, their states, and what a verb prints or refuses.
# shellcheck shell=bash disable=SC2016,SC2154 # scripts for the container's shell; variables that bats sets

# A first process that ends when it is asked to: as process 1 a shell without traps ignores SIGTERM.
# shellcheck disable=SC2034 # for the tests
obedient='trap "exit 3" TERM; trap "exit 4" INT; trap "echo told" USR1; echo ready; while :; do sleep 0.05; done'

# detached NAME ARGUMENT...: a container that stays, once it has written something.
detached() {
	local name=$1
	shift
	tare run -d --name "$name" "$@" >/dev/null
	wait_until 60 logged "$name" .
}

# logged NAME PATTERN: a line of its log matches.
logged() { tare logs "$1" | grep -q "$2"; }
# state NAME FIELD: of State in inspect.
state() { tare inspect -f "{{.State.$2}}" "$1"; }
# words NAME: its status in ps.
words() { tare ps -a --filter "name=^$1\$" --format '{{.Status}}'; }

# fails CODE WORDS VERB ARGUMENT...: the last line of standard error has the words.
fails() {
	local code=$1 words=$2
	shift 2
	run --separate-stderr "-$code" tare "$@"
	[[ ${stderr_lines[-1]} == "tare: "*"$words"* ]] || { echo "$*: $stderr" && return 1; }
}

# prints LINES VERB ARGUMENT...: and ends with 0.
prints() {
	local expected=$1
	shift
	run --separate-stderr tare "$@"
	[[ $status == 0 ]] || echo "$stderr"
	equal "status of $*" "$status" 0
	equal "output of $*" "$output" "$expected"
}
