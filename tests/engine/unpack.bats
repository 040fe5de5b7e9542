#!/usr/bin/env bats
# tare-image unpack from outside: what it prints, what it refuses, and what being killed leaves.

load helpers

setup() {
	store=$BATS_TEST_TMPDIR/store
	cd "$BATS_TEST_TMPDIR" || return
	mkdir -p tree/bin
	echo data >tree/bin/file
	dd if=/dev/urandom of=tree/big bs=1M count=20 status=none
	tar -cf plain.tar -C tree .
}

unpack() { "$TARE_BIN_DIR/tare-image" unpack --root "$store" "$@"; }

# entries FOLDER: how many things there are in a folder of the store.
entries() { find "$store/$1" -mindepth 1 -maxdepth 1 | wc -l; }

# What a pipe held open keeps busy: the tarball and then nothing for some seconds.
slow_tarball() {
	cat plain.tar
	exec sleep 6
}

@test "the digest of the uncompressed tar is printed, however it is compressed" {
	expected=sha256:$(sha256sum plain.tar | cut -d' ' -f1)
	gzip -k plain.tar && xz -0 -k plain.tar && zstd -q plain.tar && bzip2 -k plain.tar
	for file in plain.tar plain.tar.gz plain.tar.xz plain.tar.zst plain.tar.bz2; do
		run --separate-stderr unpack "$file"
		[[ $status -eq 0 && $output == "$expected" && -z $stderr ]]
	done
	[[ $(ls "$store/layers/sha256") == "${expected#sha256:}" ]]
	diff -r --no-dereference tree "$store/layers/sha256/${expected#sha256:}/tree"
}

@test "a tarball on the standard input is unpacked too" {
	[[ $(unpack - <plain.tar) == sha256:$(sha256sum plain.tar | cut -d' ' -f1) ]]
	[[ $(gzip <plain.tar | unpack -) == sha256:$(sha256sum plain.tar | cut -d' ' -f1) ]]
}

@test "an unchanged file is found without being read, a changed one is not" {
	sleep 3
	unpack plain.tar
	run strace -f -o trace "$TARE_BIN_DIR/tare-image" unpack --root "$store" plain.tar
	[[ $status -eq 0 ]]
	run grep -c 'read.*"bin/\|clone\|fork' trace
	[[ $output == 0 ]]
	echo more >>tree/bin/file
	tar -cf plain.tar -C tree .
	[[ $(unpack plain.tar) == sha256:$(sha256sum plain.tar | cut -d' ' -f1) ]]
}

@test "what is refused is one line that names the archive and the entry, and leaves nothing" {
	tar -cf evil.tar --absolute-names --transform 's,^,../,' plain.tar
	run unpack evil.tar
	[[ $status -eq 1 ]]
	[[ $output == "tare: unpack evil.tar: entry ../plain.tar: leads outside of the archive's root: refused" ]]
	head -c 5000000 plain.tar >cut.tar
	run unpack cut.tar
	[[ $status -eq 1 && ${#lines[@]} -eq 1 ]]
	[[ $output == "tare: unpack cut.tar: entry ./big: "*"ends early after 5000000 bytes"* || $output == *"after 5000000 bytes"* ]]
	[[ $(entries staging) -eq 0 && $(entries layers/sha256) -eq 0 ]]
}

@test "killed at any moment it leaves nothing that the next one does not clean up" {
	slow_tarball | "$TARE_BIN_DIR/tare-image" unpack --root "$store" - &
	for _ in {1..100}; do
		[[ -e $(echo "$store"/staging/*/tree/big) ]] && break
		sleep 0.05
	done
	kill -KILL "$!"
	wait "$!" || true
	[[ $(entries staging) -eq 1 ]]
	for _ in {1..100}; do
		unpack plain.tar
		[[ $(entries staging) -eq 0 ]] && break
		# The worker dies with its parent, but not before the next command begins.
		rm -r "${store:?}/tarballs"
		sleep 0.05
	done
	[[ $(entries staging) -eq 0 ]]
	[[ $(entries layers/sha256) -eq 1 ]]
}

@test "a signal ends it, cleaned up, by that signal" {
	slow_tarball | "$TARE_BIN_DIR/tare-image" unpack --root "$store" - &
	for _ in {1..100}; do
		[[ -e $(echo "$store"/staging/*/tree/big) ]] && break
		sleep 0.05
	done
	kill -TERM "$!"
	status=0
	wait "$!" || status=$?
	[[ $status -eq 143 ]]
	[[ $(entries staging) -eq 0 ]]
}

@test "a full disk is said with the store's path" {
	mkdir small
	mount -t tmpfs -o size=5m small small
	run "$TARE_BIN_DIR/tare-image" unpack --root "$PWD/small" plain.tar
	umount small
	[[ $status -eq 1 ]]
	[[ $output == *"entry ./big: "*"No space left on device (the store is $PWD/small)"* ]]
}
