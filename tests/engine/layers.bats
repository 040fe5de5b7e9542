#!/usr/bin/env bats
# The layers of images: what overlayfs makes of ours is, entry by entry, what umoci makes of the image.
# shellcheck disable=SC2154 # variables that bats sets

load helpers

setup() {
	setup_store
	cd "$BATS_TEST_TMPDIR" || return
	# Names of 4000 bytes leave little room for those of directories.
	short=$(mktemp -d /tmp/tare-XXXXXX)
	mkdir "$short/mount"
}
teardown() {
	umount "$short/mount" 2>/dev/null || true
	rm -rf "$short"
	teardown_store
}

unpack_layer() { "$TARE_BIN_DIR/tare-image" unpack --layer "$1"; }
described() { python3 "$BATS_TEST_DIRNAME/layers.py" describe "$1" | sort; }

# lower FILE...: the layers' trees, the topmost first, as overlayfs wants them.
lower() {
	local file trees=
	for file in "$@"; do
		trees=$TARE_ROOT/image-layers/sha256/$(unpack_layer "$file" | cut -d: -f2)/tree${trees:+:$trees}
	done
	echo "$trees"
}

@test "an image's layers upon each other are what umoci unpacks, entry by entry" {
	command -v umoci >/dev/null || skip "umoci is not there"
	mapfile -t layers < <(python3 "$BATS_TEST_DIRNAME/layers.py" make image)
	[[ ${#layers[@]} -eq 3 ]]
	umoci unpack --image image:odd "$short/bundle" >/dev/null
	described "$short/bundle/rootfs" >expected
	[[ $(wc -l <expected) -gt 80 ]]
	trees=$(lower "${layers[@]}")
	for options in "" ,userxattr; do
		mount -t overlay -o "ro,lowerdir=$trees$options" overlay "$short/mount"
		described "$short/mount" >got
		umount "$short/mount"
		diff expected got
	done
	# No index leads from a tarball to them, for as tarballs they would be something else.
	[[ -z $(find "$TARE_ROOT"/{layers,tarballs} -mindepth 2) ]]
	[[ $(find "$TARE_ROOT/image-layers/sha256" -mindepth 1 -maxdepth 1 | wc -l) -eq 3 ]]
}

@test "without --layer a whiteout is a file like others" {
	mkdir -p tree/hide
	touch tree/hide/.wh.file
	tar -cf layer.tar -C tree hide
	id=$("$TARE_BIN_DIR/tare-image" unpack layer.tar)
	[[ $id == "$(unpack_layer layer.tar)" ]]
	[[ -f $TARE_ROOT/layers/sha256/${id#*:}/tree/hide/.wh.file ]]
	[[ -c $TARE_ROOT/image-layers/sha256/${id#*:}/tree/hide/file ]]
}

@test "what is refused leaves nothing, and what was marked meanwhile is gone" {
	mkdir -p tree/{a,b}
	touch tree/{a,b}/.wh..wh..opq tree/.wh.
	tar --sort=name -cf bad.tar -C tree a b .wh.
	run "$TARE_BIN_DIR/tare-image" unpack --layer bad.tar
	[[ $status -eq 1 ]]
	equal "the line" "$output" "tare: unpack bad.tar: entry .wh.: a whiteout of no name that a file can have: refused"
	[[ -z $(find "$TARE_ROOT"/{staging,image-layers/sha256} -mindepth 1) ]]
}

@test "the process that unpacks marks nothing itself: it may not, and its parent does" {
	mkdir -p tree/a
	touch tree/a/.wh..wh..opq
	tar -cf opaque.tar -C tree a
	run strace -f -e trace=capset,fsetxattr,sendmsg,recvmsg -o trace "$TARE_BIN_DIR/tare-image" unpack --layer opaque.tar
	[[ $status -eq 0 ]]
	parent=$(head -n 1 <(grep recvmsg trace) | cut -d' ' -f1)
	grep -q "^$parent .*fsetxattr(.*\"trusted.overlay.opaque\", \"y\", 1, 0) = 0" trace
	worker=$(grep capset trace | cut -d' ' -f1)
	[[ $worker != "$parent" ]]
	grep -q "^$worker .*fsetxattr(.*\"user.overlay.opaque\", \"y\", 1, 0) = 0" trace
	[[ $(grep -c "^$worker .*trusted" trace) -eq 0 ]]
}

@test "in a user namespace layers have the marks that an overlay there looks for" {
	mkdir -p tree/{a,b}
	touch tree/a/.wh..wh..opq tree/b/.wh.hidden
	tar -cf small.tar --owner=0 --group=0 -C tree a b
	chmod 755 . && chmod 777 "$short"
	# shellcheck disable=SC2016 # the inner shell expands it
	run unshare --user --map-root-user --mount sh -ec '
		id=$("$1" unpack --layer small.tar --root "$2/root")
		tree=$2/root/image-layers/sha256/${id#*:}/tree
		mkdir -p "$2/lower/a" "$2/lower/b" "$2/mount"
		touch "$2/lower/a/seen" "$2/lower/b/hidden" "$2/lower/b/seen"
		mount -t overlay -o "ro,userxattr,lowerdir=$tree:$2/lower" overlay "$2/mount"
		cd "$2/mount" && find . -type f' - "$TARE_BIN_DIR/tare-image" "$short"
	equal "files" "$output" ./b/seen
}
