#!/usr/bin/env bats
# Odd but valid input is handled exactly: names of any bytes, symlinks to anywhere, holes, a million files.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154,SC2164

load helpers

setup_file() { setup_rootfs_once; }

setup() {
	setup_store
	cd "$BATS_TEST_TMPDIR"
}

teardown() { teardown_store; }

make_tar() { python3 "$BATS_TEST_DIRNAME/tarballs.py" "$@"; }

# python_says CODE: standard input is right by what CODE, which knows tarballs.py, says.
python_says() { PYTHONPATH=$BATS_TEST_DIRNAME PYTHONDONTWRITEBYTECODE=1 python3 -c "import sys, tarballs
data = sys.stdin.buffer.read()
$1"; }

@test "names of 255 bytes, with newlines and with every byte come through byte for byte" {
	local form
	for form in gnu pax; do
		make_tar "odd_names,$form" odd.tar
		tare run --rm ./odd.tar find /odd -type f -print0 | python_says '
names = sorted(name.removeprefix(b"/odd/") for name in data.split(b"\0") if name)
assert names == sorted(tarballs.ODD_NAMES), names'
	done
}

@test "symlinks to anywhere come through byte for byte and lead nowhere on the way" {
	local form
	for form in gnu pax; do
		make_tar "odd_symlinks,$form" odd.tar
		tare run --rm ./odd.tar sh -c 'i=0; while readlink -n /odd/t$i; do printf "\\000"; i=$((i+1)); done' | python_says '
targets = data.split(b"\0")[:-1]
assert targets == tarballs.ODD_TARGETS, targets'
	done
	[[ ! -e nothing ]]
	# What a link means is the container's own.
	run -0 --separate-stderr tare run --rm ./odd.tar sh -c 'cat /odd/t0; echo "$?"'
	[[ $output == 1 ]]
}

@test "a later entry replaces an earlier one, and symlinks that stay inside are followed" {
	make_tar repeated odd.tar
	run -0 --separate-stderr tare run --rm ./odd.tar sh -c '
		cat /file /linked /replaced/x /bin/new /gone /deep/er/x /odd; test -d /replaced && test ! -h /replaced && stat -c %h /file'
	[[ ${output//$'\n'/ } == "secondsecondinsidethrougha file nowmadeunknown types are files2" ]]
}

@test "an archive without its end marks is taken, as tar takes it" {
	make_tar without_end odd.tar
	run -0 --separate-stderr tare run --rm ./odd.tar cat /last
	[[ $output == x ]]
}

@test "every compression is recognised by its bytes, not by its name" {
	local compression
	for compression in tar gz bz2 xz zst; do
		make_tar "compressed,$compression" file.txt
		run --separate-stderr -127 tare run --rm ./file.txt /bin/no
		[[ $stderr == *"cannot run /bin/no: no such file or directory"* ]]
	done
}

@test "a sparse file of one tebibyte stays sparse in every way that tar writes it" {
	local way
	mkdir -p tree/bin
	cp -L "$(command -v busybox)" tree/bin/busybox
	printf begin >tree/sparse
	printf middle | dd of=tree/sparse bs=1M seek=524288 conv=notrunc status=none
	truncate -s 1T tree/sparse
	printf end | dd of=tree/sparse bs=1 seek=$(((1 << 40) - 3)) conv=notrunc status=none
	for way in --format=gnu "--format=posix --sparse-version=0.0" "--format=posix --sparse-version=0.1" \
		"--format=posix --sparse-version=1.0"; do
		# shellcheck disable=SC2086
		tar -S $way -cf sparse.tar -C tree .
		(($(stat -c %s sparse.tar) < 4 << 20))
		run -0 --separate-stderr tare run --rm ./sparse.tar /bin/busybox sh -c 'busybox stat -c "%s %b" /sparse
			busybox head -c 5 /sparse; busybox dd if=/sparse bs=1M skip=524288 count=1 2>/dev/null | busybox head -c 6
			busybox dd if=/sparse bs=1 skip=1099511627773 2>/dev/null'
		local size blocks text
		read -r size blocks <<<"${lines[0]}"
		text=${lines[1]}
		echo "$way: $size $blocks $text"
		((size == 1 << 40 && blocks * 512 < 1 << 20))
		[[ $text == beginmiddleend ]]
	done
}

@test "a million files are unpacked and seen, within 80 MiB of memory" {
	export BATS_TEST_TIMEOUT=600
	run -0 --separate-stderr python3 - "$TARE_BIN_DIR/tare" "$BATS_TEST_DIRNAME" <<-'PYTHON'
		import resource, subprocess, sys, time
		sys.path.insert(0, sys.argv[2])
		sys.dont_write_bytecode = True
		import tarballs
		begin = time.monotonic()
		client = subprocess.Popen([sys.argv[1], "run", "--rm", "-", "sh", "-c", "find /many -type f | wc -l; ls /many/999 | wc -l"],
		                          stdin=subprocess.PIPE, stdout=subprocess.PIPE)
		tarballs.million(client.stdin)
		client.stdin.close()
		shown = client.stdout.read().decode().split()
		code = client.wait()
		largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
		print(shown, code, f"{largest >> 10} MiB, {time.monotonic() - begin:.0f} s")
		sys.exit(not (shown == ["1000000", "1000"] and code == 0 and largest < 80 << 10))
	PYTHON
	echo "# $output" >&3
}

@test "arguments, variables, names of directories and of mounts may be any bytes" {
	local bytes=$'\xff\x80\xc3(\x01b\x01 \x7f'
	cp -r "$ROOTFS" "./root$bytes"
	mkdir "./source$bytes"
	echo seen >"./source$bytes/file"
	run -0 --separate-stderr tare run --name odd-one -e "ODD=$bytes" -w "/work$bytes" -v "./source$bytes:/place$bytes:ro" "./root$bytes" \
		sh -c 'printf "%s|%s|%s|" "$1" "$ODD" "$PWD"; cat "/place$1/file"' sh "$bytes"
	[[ $output == "$bytes|$bytes|/work$bytes|seen" ]]
	run -0 --separate-stderr tare ps -a --no-trunc
	[[ $output == *odd-one* ]]
	tare inspect odd-one | python3 -c 'import json, sys; (one,) = json.load(sys.stdin); assert one["Name"] == "/odd-one", one'
	run -0 tare rm odd-one
	[[ -z $(tare ps -aq) ]]
}

@test "a directory's name may hold what overlayfs takes for punctuation, and be long" {
	local name
	for name in "with:colon" "with,comma" 'with\backslash' 'with\:both' "with space" $'with\nnewline' "with=equals" "$(printf 'l%.0s' {1..255})"; do
		mkdir -p "$name/store"
		cp -r "$ROOTFS" "$name/root"
		run -0 --separate-stderr env TARE_ROOT="$PWD/$name/store" "$TARE_BIN_DIR/tare" run --rm "./$name/root" sh -c 'echo x >/new && cat /new'
		[[ $output == x && ! -e $name/root/new ]]
		rm -r "$name"
	done
}

@test "a dangling /etc/resolv.conf gets its target inside of the root" {
	local target host=/run/tare-test-$$
	for target in "$host/absolute" "../run/relative/resolv.conf" "/etc/other" "../../../../..$host/up"; do
		cp -r "$ROOTFS" root-of-it
		ln -s "$target" root-of-it/etc/resolv.conf
		run -0 --separate-stderr tare run --rm ./root-of-it sh -c 'cat /etc/resolv.conf && readlink /etc/resolv.conf'
		[[ ${lines[-1]} == "$target" ]]
		[[ ! -e $host && ! -e root-of-it$host ]]
		rm -r root-of-it
	done
}

@test "a root whose /etc is a symlink gets its files where that leads inside of the root" {
	local target before
	before=$(stat -c '%i %y' /etc /etc/hosts /etc/hostname /etc/resolv.conf 2>/dev/null || true)
	for target in conf /conf ../../conf /run/dangling/conf; do
		cp -r "$ROOTFS" root-of-it
		mkdir root-of-it/run
		mv root-of-it/etc root-of-it/conf
		ln -s "$target" root-of-it/etc
		run -0 --separate-stderr tare run --rm --hostname odd-host ./root-of-it cat /etc/hostname
		[[ $output == odd-host ]]
		rm -r root-of-it
	done
	[[ ! -e /run/dangling && ! -e /conf ]]
	[[ $before == "$(stat -c '%i %y' /etc /etc/hosts /etc/hostname /etc/resolv.conf 2>/dev/null || true)" ]]
}

@test "symlinks below what is mounted over do not matter" {
	cp -r "$ROOTFS" root-of-it
	ln -s /etc root-of-it/dev/pts
	ln -s /nothing root-of-it/dev/null
	ln -s /etc/passwd root-of-it/dev/console
	ln -s / root-of-it/proc/sys
	ln -s / root-of-it/sys/fs
	run -0 --separate-stderr tare run --rm -t ./root-of-it sh -c 'test -c /dev/null && test -c /dev/ptmx && test -d /proc/sys/kernel && tty'
	[[ $output == /dev/pts/0* || $output == /dev/console* ]]
}

@test "a mount's place is found through symlinks inside of the root, never on the host" {
	local before
	before=$(find /etc -maxdepth 2 | sort)
	cp -r "$ROOTFS" root-of-it
	mkdir root-of-it/real
	ln -s /etc root-of-it/link
	ln -s ../../../../../etc root-of-it/up
	ln -s /real root-of-it/etc/real
	echo source >source
	mkdir folder
	echo in-folder >folder/file
	run -0 --separate-stderr tare run --rm -v ./source:/link/tare-foo -v ./source:/up/tare-bar -v ./source:/../../etc/tare-baz \
		-v ./folder:/link/real/made/deep ./root-of-it \
		cat /etc/tare-foo /etc/tare-bar /etc/tare-baz /real/made/deep/file
	[[ $output == $'source\nsource\nsource\nin-folder' ]]
	[[ $(find /etc -maxdepth 2 | sort) == "$before" ]]
	[[ ! -e root-of-it/etc/tare-foo && ! -e root-of-it/real/made ]]
}

@test "a source that is itself a symlink is followed on the host, as docker does" {
	mkdir folder
	echo x >folder/file
	ln -s folder link
	run -0 --separate-stderr tare run --rm -v ./link:/there "$ROOTFS" cat /there/file
	[[ $output == x ]]
	run -0 --separate-stderr tare run --rm -v ./not/there/yet:/there "$ROOTFS" ls /there
	[[ -z $output && -d not/there/yet ]]
}

@test "a file of /etc in the root that is no plain file does no harm" {
	cp -r "$ROOTFS" root-of-it
	rm root-of-it/etc/passwd root-of-it/etc/group
	mkfifo root-of-it/etc/passwd
	ln -s /dev/zero root-of-it/etc/group
	run -0 --separate-stderr timeout 30 "$TARE_BIN_DIR/tare" run --rm -u 1000 ./root-of-it \
		sh -c 'while read -r name id rest; do [ "$name" != Uid: ] || echo "$id"; done </proc/self/status'
	[[ $output == 1000 ]]
	rm root-of-it/etc/passwd
	ln -s passwd root-of-it/etc/passwd
	run -0 --separate-stderr tare run --rm ./root-of-it echo "fine"
	[[ $output == fine ]]
}

@test "what the client was told is not on its monitor's command line" {
	local monitor line
	start_container keeper -e "SECRET=xyzzy-1234" "$ROOTFS" sh -c "$stay"
	monitor=$(jq -r .monitor "$TARE_RUN_ROOT/containers/$container_id.json")
	[[ $(readlink "/proc/$monitor/exe") == */tare ]]
	line=$(tr '\0' '\n' <"/proc/$monitor/cmdline")
	equal "command line" "$line" "tare: monitor keeper"
	equal "name" "$(cat "/proc/$monitor/comm")" "tare: monitor"
	# The client itself ends; nobody is left who says it.
	kill -KILL "$client_pid"
	wait "$client_pid" || true
	if grep -ls 'SECRET[=]xyzzy' /proc/[0-9]*/cmdline; then false; fi
	run -0 tare rm -f keeper
}
