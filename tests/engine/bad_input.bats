#!/usr/bin/env bats
# Bad input is refused with one clear line and the right exit code, and leaves nothing.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154,SC2164

load bad_input

setup_file() {
	setup_rootfs_once
	make_commands "$BATS_FILE_TMPDIR/commands"
	mkdir "$BATS_FILE_TMPDIR/bad"
	make_tar BAD "$BATS_FILE_TMPDIR/bad"
}

setup() {
	setup_store
	cd "$BATS_TEST_TMPDIR"
	remember_state
}

teardown() { teardown_store; }

# elf_header MACHINE FILE: the first 64 bytes of a 64-bit little-endian program for that machine, and nothing more.
elf_header() {
	python3 -c 'import struct, sys
open(sys.argv[2], "wb").write(b"\x7fELF\x02\x01\x01" + bytes(9) +
    struct.pack("<HHIQQQIHHHHHH", 2, int(sys.argv[1]), 1, 0x400000, 64, 0, 0, 64, 56, 0, 64, 0, 0))' "$1" "$2"
}

# make_commands DIRECTORY: a root file system with commands that cannot be run.
make_commands() {
	make_rootfs "$1"
	local bin=$1/bad
	mkdir "$bin" "$bin/directory"
	echo data >"$bin/not-executable"
	: >"$bin/empty"
	echo 'echo a text without its first line' >"$bin/text"
	cp /usr/bin/env "$bin/missing-loader"
	printf '#!/usr/bin/nothing -x\n' >"$bin/missing-interpreter"
	printf '#!/bin/sh\r\necho hello\r\n' >"$bin/carriage-return"
	printf '#!/bad/not-executable\n' >"$bin/interpreter-not-executable"
	printf '#!/etc\n' >"$bin/interpreter-directory"
	printf '#!/bad/missing-loader\n' >"$bin/interpreter-without-loader"
	printf '#!/bad/other-machine\n' >"$bin/interpreter-of-other-machine"
	printf '#!/bad/own-interpreter\n' >"$bin/own-interpreter"
	printf '#!' >"$bin/no-interpreter"
	printf '#! \n' >"$bin/blank-interpreter"
	elf_header 183 "$bin/other-machine"
	elf_header 62 "$bin/damaged"
	printf '\177ELF' >"$bin/cut-off"
	chmod +x "$bin"/*
	chmod -x "$bin/not-executable"
	ln -s loop "$bin/loop"
	ln -s /bad/nothing "$bin/dangling"
	mkfifo -m 755 "$bin/fifo"
	cp "$1/bin/busybox" "$bin/private"
	chmod 700 "$bin/private"
}

# bad KIND: the path of a tarball of tarballs.py's.
bad() { echo "$BATS_FILE_TMPDIR/bad/${1//\//_}.tar"; }

archive_is_refused() { refused 125 "$(bad "$1"): $2" run --rm "$(bad "$1")" true; }

@test "what is no tar archive is refused by what it is" {
	archive_is_refused garbage "not a tar archive"
	archive_is_refused text "not a tar archive"
	archive_is_refused zip_archive "not a tar archive: it is a zip archive"
	archive_is_refused cpio "not a tar archive: it is a cpio archive"
	archive_is_refused cut_after,tar,0 "not a tar archive: it is empty"
	archive_is_refused cut_after,tar,1 "not a tar archive"
	archive_is_refused bad_header_checksum "not a tar archive"
	archive_is_refused huge_size ""
	archive_is_refused negative_size ""
	refused 125 "busybox: not a tar archive: it is a program" run --rm "$ROOTFS/bin/busybox" true
	nothing_left
}

@test "an archive that ends early is refused, wherever it was cut" {
	local at
	for at in 1 30 60; do archive_is_refused "cut,tar,$at" "*ends early*"; done
	for compression in gz bz2 xz zst; do
		for at in 1 50 99; do archive_is_refused "cut,$compression,$at" "*ends early*"; done
		archive_is_refused "cut_after,$compression,10" "*ends early*"
		archive_is_refused "cut_after,$compression,1" "not a tar archive"
	done
	nothing_left
}

@test "an archive that is damaged is refused" {
	local compression
	for compression in gz bz2 xz zst; do
		archive_is_refused "flipped,$compression" "*is damaged*"
		archive_is_refused "trailed,$compression" "*is followed by something else*"
		archive_is_refused "compressed_garbage,$compression" "not a tar archive"
	done
	archive_is_refused bad_crc "*checksum is wrong"
	archive_is_refused bad_length "*checksum is wrong"
	archive_is_refused second_header_damaged "*the tar archive is damaged"
	nothing_left
}

@test "an entry that would land outside of the root is refused by its name" {
	archive_is_refused parent "entry ../outside: leads outside*refused"
	archive_is_refused deep_parent "entry a/../../outside: leads outside*refused"
	local target
	for target in /tmp ../.. / /; do
		archive_is_refused "through_symlink,$target" "entry way/outside: its parent way is a symlink that leads outside*refused"
		archive_is_refused "directory_over_symlink,$target" "entry way/new*: its parent way is a symlink that leads outside*refused"
	done
	archive_is_refused through_symlink,nowhere "entry way/outside: its parent way is a symlink to nothing"
	archive_is_refused through_two_symlinks "entry one/outside: its parent one is a symlink that leads outside"
	archive_is_refused symlink_in_place_of_root "entry .: the archive's root is not a directory"
	archive_is_refused below_a_file "entry file/below: its parent file is not a directory"
	[[ ! -e outside && ! -e ../outside && ! -e /tmp/outside && ! -e /outside && ! -e /tmp/new && ! -e /new ]]
	nothing_left
}

@test "a hard link to what is not in the archive is refused" {
	archive_is_refused link_outside,../../etc/passwd "entry link: hard link to ../../etc/passwd: leads outside*refused"
	archive_is_refused link_outside,/etc/passwd "entry link: a hard link to /etc/passwd, which is not in the archive before it"
	archive_is_refused link_through_symlink "entry link: a hard link to way/passwd, which leads outside*refused"
	archive_is_refused link_to_nothing "entry link: a hard link to missing, which is not in the archive before it"
	archive_is_refused link_to_directory "entry link: a hard link to the directory dir"
	[[ $(stat -c %h /etc/passwd) == 1 ]]
	nothing_left
}

@test "a name that no file can have is refused" {
	archive_is_refused long_name "entry nnn*File name too long"
	archive_is_refused long_path "entry ddd*File name too long"
	nothing_left
}

@test "a decompression bomb ends at the limit" {
	export TARE_UNPACK_LIMIT=16M
	archive_is_refused bomb "*larger than the limit of 16M when unpacked*TARE_UNPACK_LIMIT*"
	TARE_UNPACK_LIMIT=nonsense refused 125 "TARE_UNPACK_LIMIT" run --rm "$(bad zeros)" true
	nothing_left
}

@test "what is neither a directory nor a file is refused as ROOTFS" {
	refused 125 "No such image: nothing" run --rm --pull never nothing true
	refused 125 "./nothing: No such file" run --rm ./nothing true
	refused 125 "/dev/zero is neither a directory nor a file" run --rm /dev/zero true
	python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("socket")'
	refused 125 "./socket is neither a directory nor a file" run --rm ./socket true
	ln -s loop loop
	refused 125 "./loop*" run --rm ./loop true
	refused 125 "./loop/x*" run --rm ./loop/x true
	refused 125 "tiny.tar/x: Not a directory" run --rm ./tiny.tar/x true
	refused 125 "ROOTFS" run --rm
	refused 125 "*" run --rm "" true
	rm socket loop
	nothing_left
}

@test "a FIFO and standard input are read as tarballs; bad ones are refused alike" {
	mkfifo pipe
	cat "$(bad tiny)" >pipe &
	refused 127 "cannot run /nothing" run --rm ./pipe /nothing
	wait $!
	cp "$(bad cut,gz,50)" bad.tar
	cat bad.tar >pipe &
	refused 125 "./pipe: *ends early" run --rm ./pipe true
	wait $!
	: >pipe &
	refused 125 "./pipe: not a tar archive: it is empty" run --rm ./pipe true
	wait $!
	refused 125 "the standard input: *ends early" run --rm - true <bad.tar
	refused 125 "the standard input: not a tar archive: it is empty" run --rm - true </dev/null
	# shellcheck disable=SC2016
	run -125 --separate-stderr bash -c '"$1" run --rm - true <&-' bash "$TARE_BIN_DIR/tare"
	[[ $(grep -v CAP_SYS_RESOURCE <<<"$stderr") == "tare: unpack the standard input: not a tar archive: it is empty"* ]]
	refused 125 "standard input cannot be both" run --rm -i - true <bad.tar
	rm pipe bad.tar
	nothing_left
}

@test "an unreadable tarball is refused by its name" {
	cp tiny.tar unreadable.tar
	chmod 0 unreadable.tar
	chown nobody unreadable.tar
	run -125 --separate-stderr setpriv --bounding-set=-dac_override,-dac_read_search \
		"$TARE_BIN_DIR/tare" run --rm ./unreadable.tar true
	[[ $(grep -v CAP_SYS_RESOURCE <<<"$stderr") == "tare: "*"./unreadable.tar"*"Permission denied"* ]]
	rm -f unreadable.tar
	nothing_left
}

@test "a command that cannot be run is refused with 126 or 127 and the reason" {
	local code command words
	while read -r code command words; do
		refused "$code" "cannot run $command: $words" run --rm "$BATS_FILE_TMPDIR/commands" "$command"
	done <<-'TABLE'
		127 /no/such/command no such file or directory
		127 ./no/such/command no such file or directory
		127 nothing executable file not found in $PATH
		127 /bad/dangling no such file or directory
		127 /bin/sh/x no such file or directory
		126 /bad/not-executable permission denied: it is not executable
		126 /bad/directory permission denied: it is a directory
		126 /bad/empty exec format error: the file is empty
		126 /bad/text exec format error: neither a program nor a script
		127 /bad/missing-loader no such file or directory: its loader /lib64/ld-linux
		127 /bad/missing-interpreter no such file or directory: its interpreter /usr/bin/nothing is not in the container
		127 /bad/carriage-return no such file or directory: its first line ends in a carriage return
		126 /bad/interpreter-not-executable permission denied: its interpreter /bad/not-executable is not executable
		126 /bad/interpreter-directory its interpreter: cannot run /etc: permission denied: it is a directory
		127 /bad/interpreter-without-loader its interpreter: cannot run /bad/missing-loader: *its loader /lib64/ld-linux
		126 /bad/interpreter-of-other-machine its interpreter: cannot run /bad/other-machine: *it is a program for arm64
		126 /bad/own-interpreter its interpreter:
		126 /bad/no-interpreter exec format error: its first line names no interpreter
		126 /bad/blank-interpreter exec format error: its first line names no interpreter
		126 /bad/other-machine exec format error: it is a program for arm64, this machine is x86_64
		126 /bad/damaged exec format error: a damaged program
		126 /bad/cut-off exec format error: a damaged program
		126 /bad/loop Too many levels of symbolic links
		126 /bad/fifo permission denied: it is not a regular file
		126 /dev/null permission denied: it is not a regular file
	TABLE
	refused 126 "cannot run /bad/private: *ermission denied" run --rm -u nobody "$BATS_FILE_TMPDIR/commands" /bad/private
	refused 126 "cannot run aaa*...: File name too long" run --rm "$ROOTFS" "$(printf 'a%.0s' {1..100000})"
	refused 125 "there is no command to run" run --rm "$ROOTFS" ""
	nothing_left
}

@test "a command on a file system mounted noexec is refused with 126" {
	refused 126 "cannot run /there/busybox: permission denied" \
		run --rm -v "$ROOTFS/bin:/there:ro,noexec" "$ROOTFS" /there/busybox true
	nothing_left
}

@test "a container's own init cannot be run a second time" {
	run --separate-stderr timeout 20 "$TARE_BIN_DIR/tare" run --rm "$ROOTFS" /proc/self/exe
	((status != 0 && status != 124))
	[[ -z $output ]]
	nothing_left
}

@test "commands whose names look like the plan's own punctuation are only names" {
	refused 127 "cannot run ./a?b?c: no such file" run --rm "$ROOTFS" $'./a\x01b\x01c'
	refused 127 "cannot run ./a?9?: no such file" run --rm "$ROOTFS" $'./a\x019\x01'
	refused 127 "cannot run ./new?line: no such file" run --rm "$ROOTFS" $'./new\nline'
	refused 125 "*" run --rm --tmpfs $'/t:size=1\x01x\x01' "$ROOTFS" true
	nothing_left
}

@test "a root file system whose /proc, /sys or /dev is a symlink is refused" {
	local place target root=$BATS_TEST_TMPDIR/rootfs
	make_rootfs "$root"
	for place in proc sys dev; do
		rmdir "$root/$place"
		for target in /etc tmp . /proc/self/root ../../.. nothing "$place"; do
			ln -s "$target" "$root/$place"
			refused 125 "/$place in the root file system is or lies behind a symlink" run --rm "$root" true
			rm "$root/$place"
		done
		echo file >"$root/$place"
		refused 125 "*/$place*" run --rm "$root" true
		rm "$root/$place"
		mkfifo "$root/$place"
		refused 125 "*/$place*" run --rm "$root" true
		rm "$root/$place"
		mkdir "$root/$place"
	done
	run --separate-stderr -0 tare run --rm "$root" true
	rm -r "$root"
	nothing_left
}

@test "a root file system whose /etc is a file, or whose /etc/hosts is a directory, is refused" {
	local root=$BATS_TEST_TMPDIR/rootfs
	make_rootfs "$root"
	mkdir "$root/etc/hosts"
	refused 125 "cannot mount */hosts on /etc/hosts: Not a directory (one of the two is a file" run --rm "$root" true
	rm -r "${root:?}/etc"
	echo file >"$root/etc"
	refused 125 "cannot mount */etc/resolv.conf" run --rm "$root" true
	rm -r "$root"
	nothing_left
}

@test "mounts go neither over the root nor into /proc" {
	local root=$BATS_TEST_TMPDIR/rootfs destination
	make_rootfs "$root"
	ln -s / "$root/self"
	ln -s /proc "$root/way"
	ln -s /proc/sys/kernel "$root/data"
	for destination in / /.. /. // /x/.. /etc/../..; do
		refused 125 "nothing can be mounted over the root /" run --rm -v "./tiny.tar:$destination" "$root" true
		refused 125 "nothing can be mounted over the root /" run --rm --tmpfs "$destination" "$root" true
	done
	refused 125 "/self in the root file system is the root itself" run --rm -v "$ROOTFS:/self" "$root" true
	for destination in /proc /proc/sys /proc/self/attr /proc/1 //proc/sys /x/../proc/sys /./proc/kcore /proc/sys/../kcore; do
		refused 125 "cannot be mounted over: it is part of /proc" run --rm -v "$ROOTFS:$destination" "$root" true
	done
	refused 125 "/way/sys in the root file system leads into /proc" run --rm -v "$ROOTFS:/way/sys" "$root" true
	refused 125 "/way in the root file system leads into /proc" run --rm --tmpfs /way "$root" true
	refused 125 "/data in the root file system leads into /proc" run --rm -v "$ROOTFS:/data" "$root" true
	refused 125 "/way/cpuinfo in the root file system leads into /proc" run --rm -v ./tiny.tar:/way/cpuinfo "$root" true
	rm -r "$root"
	nothing_left
}

@test "a memory limit of one byte is refused with the least that works" {
	refused 125 "the memory limit of 1 bytes is too small (Minimum memory limit allowed is 512KiB)" run --rm -m 1 "$ROOTFS" true
	refused 125 "the memory limit of 1 bytes is too small" run --rm --memory=1b "$ROOTFS" true
	nothing_left
}

@test "an option's nonsense is refused with the option's name" {
	local option value words
	while read -r option value words; do
		[[ $value != EMPTY ]] || value=
		refused 125 "$words" run --rm "$option" "$value" "$ROOTFS" true
	done <<-'TABLE'
		--cpus x invalid argument "x" for "--cpus"
		--cpus -1 invalid argument "-1" for "--cpus"
		--cpus 1e3 invalid argument "1e3" for "--cpus"
		--cpus 0.0000000001 "--cpus" flag: number of CPUs is too precise
		--cpus 0.001 range of CPUs is from 0.01 to
		--cpus 100000 CPUs available
		--cpus EMPTY invalid argument "" for "--cpus"
		-c x invalid argument "x" for "-c, --cpu-shares"
		-c -5 invalid argument "-5" for "-c, --cpu-shares"
		-c 99999999999999999999 "-c, --cpu-shares" flag: number is out of range
		--cpuset-cpus 999 999
		--cpuset-cpus x x
		--cpuset-cpus 0- 0-
		-m x invalid argument "x" for "-m, --memory"
		-m -1 invalid argument "-1" for "-m, --memory"
		-m 12q invalid argument "12q" for "-m, --memory"
		-m 9999999999999g size is too large
		-m EMPTY invalid argument "" for "-m, --memory"
		--memory-swap 64m You should always set the Memory limit when using Memoryswap limit
		--memory-swap -2 invalid argument "-2" for "--memory-swap"
		--pids-limit x invalid argument "x" for "--pids-limit"
		--pids-limit -2 invalid argument "-2" for "--pids-limit"
		--pids-limit 1.5 invalid argument "1.5" for "--pids-limit"
		--network nowhere network nowhere not found
		--network EMPTY network
		--ulimit nofile invalid argument "nofile" for "--ulimit" flag: "nofile" is not NAME=SOFT
		--ulimit nofile=5:3 soft limit must be less than or equal to hard limit
		--ulimit nofile=1:2:3 "nofile=1:2:3" is not NAME=SOFT
		--ulimit nofile=x not a whole number
		--ulimit nothing=1 invalid ulimit type: nothing
		--ulimit =1 invalid ulimit type
		-e =x invalid argument "=x" for "-e, --env" flag: invalid environment variable: =x
		-e EMPTY invalid environment variable
		--env-file ./no-file invalid argument "./no-file" for "--env-file" flag: 
		--env-file /etc /etc
		-v etc invalid argument "etc" for "-v, --volume" flag: the destination "etc" is not an absolute path
		-v /etc:etc "etc" is not an absolute path
		-v /etc:/x:ro:more invalid volume specification: '/etc:/x:ro:more'
		-v /etc:/x:sideways unknown option "sideways"
		-v na/me:/x includes invalid characters for a local volume name
		-v :/x invalid volume specification: ':/x'
		--tmpfs x invalid argument "x" for "--tmpfs" flag: the destination "x" is not an absolute path
		--tmpfs /x:size=much invalid size: 'much'
		--tmpfs /x:nonsense /x
		--stop-signal NOTHING invalid signal: NOTHING
		--stop-signal 65 invalid signal: 65
		-w relative the working directory 'relative' is invalid
		-w /etc/passwd /etc/passwd
		-u nobody-there unable to find user nobody-there
		-u 0:nogroup-there unable to find group nogroup-there
		-u -1 user -1: uids and gids must be in range 0-2147483647
		-u 99999999999 user 99999999999: uids and gids must be in range 0-2147483647
		--group-add absent unable to find group absent
		--cap-add nonsense invalid CapAdd: unknown capability: "CAP_NONSENSE"
		--cap-drop nonsense invalid CapDrop: unknown capability: "CAP_NONSENSE"
		--security-opt nonsense invalid --security-opt: "nonsense"
		--name x Invalid container name (x)
		--name ../x Invalid container name (../x)
		--name /x/y Invalid container name
		--name .x Invalid container name (.x)
		--cgroup-parent /../.. contains ..
	TABLE
	refused 125 "a hostname has at most 64 bytes" run --rm --hostname "$(printf 'h%.0s' {1..65})" "$ROOTFS" true
	refused 125 "$(printf 'n%.0s' {1..50})" run --rm --name "$(printf 'n%.0s' {1..256})" "$ROOTFS" true
	refused 125 "Minimum memoryswap limit should be larger than memory limit" run --rm -m 64m --memory-swap 32m "$ROOTFS" true
	refused 125 "Duplicate mount point: /x" run --rm -v /etc:/x --tmpfs /x/ "$ROOTFS" true
	refused 125 "--rootfs-rw and --read-only contradict each other" run --rm --rootfs-rw --read-only "$ROOTFS" true
	printf 'GOOD=1\n=bad\n' >variables
	refused 125 "invalid environment variable: =bad" run --rm --env-file variables "$ROOTFS" true
	printf 'A B=1\n' >variables
	refused 125 "variables: variable \"A B\" contains whitespaces" run --rm --env-file variables "$ROOTFS" true
	rm variables
	nothing_left
}

@test "an unknown option or command is refused with a suggestion" {
	refused 125 "unknown flag: --memry (did you mean --memory? see 'tare run --help')" run --memry 1g "$ROOTFS" true
	refused 125 "unknown flag: --interactiv (did you mean --interactive?" run --interactiv "$ROOTFS" true
	refused 125 "unknown flag: --zzzzzzzz (see 'tare run --help')" run --zzzzzzzz "$ROOTFS" true
	refused 125 "unknown shorthand flag: 'x' in -x" run -x "$ROOTFS" true
	refused 125 "unknown shorthand flag: 'x' in -xt" run -ixt "$ROOTFS" true
	refused 125 "flag needs an argument: --name" run --name
	refused 125 "flag needs an argument: 'm' in -m" run -m
	refused 125 "bad flag syntax: ---" run --- "$ROOTFS" true
	refused 125 "invalid argument \"maybe\" for \"--rm\" flag" run --rm=maybe "$ROOTFS" true
	refused 125 "\"tare run\" requires at least 1 argument (tare run IMAGE|ROOTFS" run --rm
	refused 125 "unknown command: tare rnu (did you mean 'tare run'?" rnu
	refused 125 "unknown flag: --rot (did you mean --root?" --rot x ps
	refused 125 "\"tare ps\" accepts no arguments" ps x
	refused 125 "\"tare rm\" requires at least 1 argument" rm
	refused 1 "No such container: nothing (\`tare ps -a\` lists them)" rm nothing
	nothing_left
}

@test "a terminal is refused where standard input is none" {
	refused 125 "the input device is not a TTY" run --rm -it "$ROOTFS" true </dev/null
	nothing_left
}

@test "a name that is taken is refused in docker's words" {
	run -0 --separate-stderr tare run --name taken "$ROOTFS" true
	local id
	id=$(tare ps -aq --no-trunc)
	refused 125 "Conflict. The container name \"/taken\" is already in use by container \"$id\"" run --rm --name taken "$ROOTFS" true
	[[ $(tare ps -aq --no-trunc) == "$id" ]]
	run -0 tare rm taken
	nothing_left
}

@test "a directory given where an archive is meant, and a root without anything, fail as what they are" {
	mkdir empty
	refused 127 "cannot run /bin/sh: no such file or directory" run --rm ./empty
	[[ -z $(ls -A empty) ]]
	rmdir empty
	# Nothing but zeros is an archive without entries.
	refused 127 "cannot run /bin/sh: no such file or directory" run --rm "$(bad zeros)"
	refused 125 "tiny.tar is not a directory: only one can be written to (--rootfs-rw)" run --rm --rootfs-rw ./tiny.tar true
	refused 125 "the host's own root cannot be a container's writable root" run --rm --rootfs-rw / true
}

# On a file system of its own with MIB mebibytes, in a mount namespace of its own: SCRIPT.
on_a_small_disk() {
	mkdir -p disk
	# shellcheck disable=SC2016
	run -0 --separate-stderr unshare -m bash -euc '
		mount -t tmpfs -o size="$1m" none disk
		export TARE_ROOT=$PWD/disk/root TARE_RUN_ROOT=$PWD/disk/run
		tare() { "$TARE_BIN_DIR/tare" "$@"; }
		# One line about the full disk, and in the store what was there before.
		finds_no_space() {
			local code=0 said before
			before=$(find disk | sort)
			said=$(tare "$@" 2>&1 >/dev/null </dev/null) || code=$?
			said=$(grep -v "^tare: CAP_SYS_RESOURCE is missing" <<<"$said")
			echo "$code $said"
			[[ $code == 125 && $said == "tare: "*"No space left on device"* && $(wc -l <<<"$said") == 1 ]]
			diff <(echo "$before") <(find disk | sort)
		}
		eval "$2"' bash "$1" "$2"
	echo "$output"
}

@test "a tarball larger than the disk is refused, and the store works afterwards" {
	head -c 12M /dev/urandom >"$BATS_TEST_TMPDIR/large"
	tar -cf large.tar large
	rm large
	on_a_small_disk 8 '
		tare run --rm "$ROOTFS" true 2>/dev/null
		tare run --rm tiny.tar true 2>/dev/null || tare run --rm ./tiny.tar /no 2>/dev/null || true
		finds_no_space run --rm ./large.tar true
		tare run --rm "$ROOTFS" sh -c "echo works >/x && cat /x" 2>/dev/null
		[[ -z $(tare ps -aq) ]]'
	[[ $output == *works ]]
	rm large.tar
	nothing_left
}

@test "a container is refused where no byte and no inode is left, and the store works afterwards" {
	on_a_small_disk 2 '
		tare run --rm "$ROOTFS" true 2>/dev/null
		head -c 4M /dev/zero >disk/filler 2>/dev/null || true
		echo x >>disk/filler 2>/dev/null || true
		finds_no_space run --rm "$ROOTFS" true
		finds_no_space run --name kept "$ROOTFS" true
		[[ -z $(tare ps -aq) ]]
		rm disk/filler
		mount -o remount,nr_inodes=$(find disk | wc -l) disk
		finds_no_space run --rm "$ROOTFS" true
		mount -o remount,nr_inodes=100000 disk
		tare run --rm "$ROOTFS" sh -c "echo works >/x && cat /x" 2>/dev/null
		[[ -z $(tare ps -aq) ]]'
	[[ $output == *works ]]
	nothing_left
}

@test "a disk that fills at any point of a start leaves nothing behind" {
	on_a_small_disk 4 '
		tare run --rm "$ROOTFS" true 2>/dev/null
		inodes=$(find disk | wc -l)
		for more in {1..24}; do
			mount -o remount,nr_inodes=$((inodes + more)) disk
			code=0
			said=$(tare run --rm "$ROOTFS" true 2>&1 >/dev/null) || code=$?
			said=$(grep -v "^tare: CAP_SYS_RESOURCE is missing" <<<"$said") || true
			echo "$more: $code $said"
			[[ $code == 0 || ($code == 125 && $said == "tare: "*"No space left on device"* && $(wc -l <<<"$said") == 1) ]]
			[[ $(find disk | wc -l) == "$inodes" ]]
			[[ $code != 0 ]] || break
		done
		[[ $code == 0 ]]'
	nothing_left
}

@test "the exit code is told where the container has filled the disk, and rm gives the space back" {
	on_a_small_disk 8 '
		tare run --rm "$ROOTFS" true 2>/dev/null
		used() { df --output=used disk | tail -1; }
		fill() { tare run "$@" "$ROOTFS" sh -c "dd if=/dev/zero of=/fill bs=1M 2>/dev/null; exit 3" 2>errors; }
		before=$(used)
		code=0
		fill --name full || code=$?
		cat errors
		((code == 3))
		grep "^tare: its end could not be noted: .*No space left on device" errors
		! echo x 2>/dev/null >disk/more || [[ ! -s disk/more ]]
		rm -f disk/more
		tare ps -a >list
		grep "Exited (255).*full" list
		[[ $(tare ps -q) == "" ]]
		tare inspect full | grep -q "\"Status\": \"exited\""
		tare rm full
		[[ -z $(tare ps -aq) ]]
		(($(used) <= before + 64))
		code=0
		fill --rm || code=$?
		((code == 3))
		[[ -z $(tare ps -aq) ]]
		(($(used) <= before + 64))
		rm -f errors list
		echo works'
	[[ $output == *works ]]
	nothing_left
}

@test "a container that ended before the disk was full can be removed" {
	on_a_small_disk 2 '
		tare run --name early "$ROOTFS" sh -c "head -c 100k /dev/zero >/x" 2>/dev/null
		head -c 4M /dev/zero >disk/filler 2>/dev/null || true
		echo x >>disk/filler 2>/dev/null || true
		tare ps -a | grep -q "Exited (0).*early"
		tare rm early
		[[ -z $(tare ps -aq) ]]
		(($(df --output=avail disk | tail -1) >= 100))
		echo works'
	[[ $output == *works ]]
	nothing_left
}

@test "of several programs in PATH the one that the search ended on is explained" {
	mkdir -p "$BATS_TEST_TMPDIR"/{a,b}
	printf '#!/none\n' >"$BATS_TEST_TMPDIR/a/x"
	chmod 755 "$BATS_TEST_TMPDIR/a/x"
	printf 'text\n' >"$BATS_TEST_TMPDIR/b/x"
	chmod 644 "$BATS_TEST_TMPDIR/b/x"
	refused 126 "cannot run /b/x: permission denied" run --rm -e PATH=/a:/b \
		-v "$BATS_TEST_TMPDIR/a:/a" -v "$BATS_TEST_TMPDIR/b:/b" "$ROOTFS" x
}

@test "a tare-image that cannot be executed is refused with one line" {
	mkdir "$BATS_TEST_TMPDIR/bin"
	cp "$TARE_BIN_DIR/tare" "$BATS_TEST_TMPDIR/bin"
	TARE_BIN_DIR=$BATS_TEST_TMPDIR/bin
	printf '\177ELF' >"$TARE_BIN_DIR/tare-image"
	chmod +x "$TARE_BIN_DIR/tare-image"
	tar -C "$ROOTFS" -cf "$BATS_TEST_TMPDIR/root.tar" bin
	refused 125 "cannot execute $TARE_BIN_DIR/tare-image" run --rm "$BATS_TEST_TMPDIR/root.tar" true
	printf '#!/none\n' >"$TARE_BIN_DIR/tare-image"
	refused 125 "cannot execute $TARE_BIN_DIR/tare-image" run --rm "$BATS_TEST_TMPDIR/root.tar" true
}
