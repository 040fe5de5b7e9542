#!/usr/bin/env bats
# Pictures: what they say beside what the kernel says, and how a browser draws them.
# shellcheck disable=SC2154 # what `run` sets
# shellcheck disable=SC2016 # the container's shell expands it
# shellcheck disable=SC2030,SC2031 # each test is a subshell of its own

load helpers

setup_file() { setup_rootfs_once; }
setup() { setup_store; }
teardown() { teardown_store; }

tests=$BATS_TEST_DIRNAME/..

# draw NAME: the picture's path.
draw() {
	tare explain --svg "$1" >"$BATS_TEST_TMPDIR/$1.svg"
	echo "$BATS_TEST_TMPDIR/$1.svg"
}

# data FILE NAME [OTHER]: the values of an attribute, each with that of the other beside it.
data() {
	python3 -c '
import sys, xml.etree.ElementTree as tree
for one in tree.parse(sys.argv[1]).iter():
    values = [one.get("data-" + name) for name in sys.argv[2:]]
    if None not in values:
        print(*values)' "$@" | sort
}

# check_picture NAME: namespaces, processes and mounts, beside /proc and findmnt.
check_picture() {
	local picture kind pid
	picture=$(draw "$1")
	equal "namespaces of $1" "$(data "$picture" namespace inode)" \
		"$(for kind in cgroup ipc mnt net pid time user uts; do
			readlink "/proc/$container_pid/ns/$kind" | sed 's/:\[/ /; s/]//'
		done | sort)"
	equal "processes of $1" "$(data "$picture" pid inner-pid)" \
		"$(while read -r pid; do
			echo "$pid $(awk '/^NSpid:/ { print $NF }' "/proc/$pid/status")"
		done <"$(cgroup_file pids/cgroup.procs cgroup.procs "$container_id")" | sort)"
	equal "mounts of $1" "$(data "$picture" mount)" "$(findmnt -N "$container_pid" -Jlo TARGET | jq -r '.filesystems[].target' | sort)"
	equal "layers of $1" "$(data "$picture" layer)" \
		"$(tare inspect "$1" | jq -r '.[0].GraphDriver.Data.Layers // [] | .[]' | sort)"
}

@test "E4 the picture of a container has the kernel's namespaces, processes and mounts" {
	start web -v notes:/notes "$TARBALL" sh -c 'sleep 1000 & sleep 1000 & wait'
	wait_until 60 test "$(wc -l <"$(cgroup_file pids/cgroup.procs cgroup.procs "$container_id")")" -ge 1
	sleep 1
	check_picture web
}

@test "E4 the picture of a container with a user namespace, and of one with the host's processes, is the kernel's" {
	start mapped --userns auto --init "$TARBALL" sleep 1000
	check_picture mapped
	start seeing --pid host --network host "$TARBALL" sleep 1000
	check_picture seeing
}

@test "explain --svg draws one container, and as nothing else" {
	run --separate-stderr tare explain --svg one two
	equal "status of two" "$status" 125
	[[ $stderr == *"--svg draws one container"* ]]
	run --separate-stderr tare explain --svg --format json one
	[[ $status == 125 && $stderr == *"exclude each other"* ]]
	run --separate-stderr tare explain --help
	[[ $output == *--svg* && $output == *"explain --svg web >web.svg"* ]]
}

@test "a browser draws containers of every kind without overlaps, legibly in light and in dark" {
	local -a volumes=() pictures=()
	local i hostile
	hostile="$BATS_TEST_TMPDIR/<b>&\"'ä 你好 $(printf 'long%.0s' {1..40})"
	mkdir "$hostile"
	for i in {1..30}; do volumes+=(-v "$hostile:/mnt/$i <&>\"é"); done
	start plain "$TARBALL" sleep 1000
	start mapped --userns auto --init -v kept:/kept "$TARBALL" sleep 1000
	start seeing --pid host --network host "$TARBALL" sleep 1000
	start many "${volumes[@]}" "$TARBALL" sh -c 'for i in $(seq 40); do sh -c "sleep 1000; : \"<&>é$i\"" & done; wait'
	start lender --ipc shareable "$TARBALL" sleep 1000
	start guest --network container:lender --ipc container:lender "$TARBALL" sleep 1000
	for i in plain mapped seeing many lender guest; do pictures+=("$(draw "$i")"); done
	run python3 "$tests/pictures/check.py" "${pictures[@]}"
	equal output "$output" "6 pictures, 0 complaints"
}

@test "a browser draws the timelines and the golden containers without overlaps, legibly in light and in dark" {
	run python3 "$tests/pictures/check.py" "$tests"/golden/pictures/*.svg
	equal output "$output" "7 pictures, 0 complaints"
}

@test "a browser draws the timelines of real runs without overlaps, legibly in light and in dark" {
	local drawn=$BATS_TEST_TMPDIR
	tare run --rm --trace="$drawn/short.svg" "$TARBALL" true
	tare run --rm --trace="$drawn/mapped.svg" --userns auto --init -v notes:/notes "$TARBALL" sleep 1
	tare run -d --name behind --trace="$drawn/detached.svg" "$TARBALL" sleep 1000
	run -127 tare run --rm --trace="$drawn/failed.svg" "$TARBALL" $'no <such> & "program"\n ä'
	run -125 tare run --rm --trace="$drawn/refused.svg" "$drawn/missing" true
	run python3 "$tests/pictures/check.py" "$drawn"/*.svg
	equal output "$output" "5 pictures, 0 complaints"
}

# refuse WORDS ELEMENTS [STYLE]: a picture with these is refused with those words.
refuse() {
	local picture=$BATS_TEST_TMPDIR/broken.svg
	printf '<svg xmlns="http://www.w3.org/2000/svg" width="200" height="100" viewBox="0 0 200 100" role="img"><title>t</title><desc>d</desc><style>%s</style><rect width="200" height="100" fill="#fff"/>%s</svg>\n' \
		"@media (prefers-color-scheme:dark){${3:-}}" "$2" >"$picture"
	run python3 "$tests/pictures/check.py" "$picture"
	equal "status for $1" "$status" 1
	[[ $output == *"$1"* ]] || { echo "$1: $output" && return 1; }
}

@test "a broken picture is refused: the checks can fail" {
	refuse "not well-formed" '<text x="10" y="50">a & b</text>'
	refuse "is outside of the picture" '<text x="150" y="50">much too long a text</text>'
	refuse "is outside of its box" '<g data-box=""><rect width="20" height="40" fill="#fff"/><text x="5" y="30">too long</text></g>'
	refuse "overlap" '<text x="10" y="50">one text</text><text x="20" y="55">another</text>'
	refuse "light: \"pale\" has a contrast of" '<text x="10" y="50" fill="#999">pale</text>'
	refuse "dark: \"night\" has a contrast of" '<text x="10" y="50" class="n">night</text>' '.n{fill:#ccc}'
	refuse "has {http://www.w3.org/2000/svg}script" '<script>console.log(1)</script><text x="10" y="50">a</text>'
	refuse "href" '<image href="file:///dev/null"/><text x="10" y="50">a</text>'
}
