#!/usr/bin/env bats
# Data that outlives containers: volumes by name, anonymous ones, other containers' volumes, --mount.
# shellcheck disable=SC2016,SC2154 # scripts for the container's shell; variables that bats and the helpers set

load helpers

setup_file() { setup_rootfs_once; }
setup() {
	setup_store
	cd "$BATS_TEST_TMPDIR" || return
}
teardown() { teardown_store; }

# A root file system with something in the places where volumes go.
make_data_rootfs() {
	mkdir -p "$1/data/below" "$1/run" "$1/var"
	cp -r "$ROOTFS/bin" "$ROOTFS/etc" "$ROOTFS/dev" "$ROOTFS/proc" "$ROOTFS/sys" "$1/"
	echo first >"$1/data/file"
	ln "$1/data/file" "$1/data/same"
	ln -s /etc/passwd "$1/data/link"
	ln -s ../data "$1/var/data" # the path to the data may lead over links
	ln -s /../../../../etc "$1/var/outside"
	setfattr -n user.note -v kept "$1/data/file"
	chown 5:6 "$1/data/below"
	chown 7:8 "$1/data"
	chmod 2770 "$1/data"
}

volumes() { tare volume ls -q | tr '\n' ' '; }
data_of() { tare volume inspect "$1" | jq -r '.[0].Mountpoint'; }

@test "K14 data volumes: what is written stays for the next container, and the volume is listed, used and removed" {
	equal "made by name" "$(tare volume create data)" data
	run --separate-stderr tare run --rm -v data:/data "$ROOTFS" sh -c 'echo kept >/data/file; cat /proc/self/mountinfo'
	equal status "$status" 0
	grep -q " /data rw" <<<"$output"
	# One that is not there yet is made.
	run --separate-stderr tare run --name reader -v data:/data:ro -v made:/other "$ROOTFS" sh -c \
		'cat /data/file; echo x >/other/file; echo x >/data/file'
	equal output "$output" kept
	((status != 0))
	[[ $stderr == *"Read-only file system"* ]]
	equal volumes "$(volumes)" "data made "
	equal "where it lies" "$(cat "$(data_of data)/file")" kept
	local id
	id=$(tare inspect reader | jq -r '.[0].Id')
	run --separate-stderr tare volume rm data
	equal status "$status" 1
	equal "in use" "$stderr" "tare: remove data: volume is in use - [$id] (remove what uses it first)"
	tare rm reader
	equal removed "$(tare volume rm data made)" $'data\nmade'
	equal volumes "$(volumes)" ""
	equal "left in the store" "$(find "$TARE_ROOT/volumes" "$TARE_ROOT/staging" -mindepth 1)" ""
}

@test "K14 volume containers: what one container has bound another one gets, in the same places" {
	mkdir host
	echo host >host/file
	tare run --name holder -v "$PWD/host:/host:ro" -v named:/named -v /anonymous "$ROOTFS" sh -c \
		'echo a >/named/file; echo b >/anonymous/file'
	run --separate-stderr tare run --rm --volumes-from holder "$ROOTFS" sh -c \
		'cat /host/file /named/file /anonymous/file; echo more >>/named/file; touch /host/new'
	equal output "$output" $'host\na\nb'
	[[ $stderr == *"Read-only file system"* ]]
	# Read-only when that is said; what is mounted by the user in the same place wins.
	run --separate-stderr tare run --name second --volumes-from holder:ro -v /anonymous "$ROOTFS" sh -c \
		'cat /named/file; ls -A /anonymous; touch /named/new'
	equal output "$output" $'a\nmore'
	[[ $stderr == *"Read-only file system"* ]]
	# The first one's volumes are the second one's too: they stay until both are gone.
	run tare volume rm named
	equal "in use by both" "$(grep -o '[0-9a-f]\{64\}' <<<"$output" | sort)" \
		"$(tare inspect holder second | jq -r '.[].Id' | sort)"
	tare rm -v holder
	equal "after the first" "$(volumes | wc -w)" 2
	tare rm -v second
	equal volumes "$(volumes)" "named "
	run --separate-stderr tare run --rm --volumes-from holder "$ROOTFS" true
	equal status "$status" 125
	[[ $stderr == *"No such container: holder"* ]]
}

@test "K14 the help of the volume commands is made from their tables" {
	run --separate-stderr tare volume --help
	local verb
	for verb in create ls inspect rm prune; do grep -q "volume $verb" <<<"$output"; done
	run tare help
	grep -q "volume" <<<"$output"
	run tare run --help
	[[ $output == *--volumes-from* && $output == *--mount* && $output == *--volume* ]]
}

@test "K14 an empty volume gets what the root file system has in its place, exactly, and only once" {
	make_data_rootfs tree
	run --separate-stderr tare run --rm -v fresh:/data ./tree sh -c 'ls -lan /data | tail -n +2; cat /data/file; echo new >/data/new'
	equal status "$status" 0
	equal "what is on the disk" \
		"$(cd "$(data_of fresh)" && rm new && find . ! -path . -printf '%p %y %m %U %G %n %T@ %l\n' | sort && getfattr -Rd .)" \
		"$(cd tree/data && find . ! -path . -printf '%p %y %m %U %G %n %T@ %l\n' | sort && getfattr -Rd .)"
	equal "the top" "$(stat -c '%a %u %g' "$(data_of fresh)")" "2770 7 8"
	# The volume is itself from then on.
	rm "$(data_of fresh)/same"
	run --separate-stderr tare run --rm -v fresh:/data ./tree ls /data
	equal output "$output" $'below\nfile\nlink'
	# One that was made before, and by a path over symlinks; not when it is said so, nor by --volumes-from.
	tare volume create before
	run --separate-stderr tare run --rm -v before:/var/data -v none:/data/below:nocopy ./tree sh -c 'cat /var/data/file; ls -A /data/below'
	equal output "$output" first
	equal "without the copy" "$(stat -c '%u' "$(data_of none)")" 0
	# An anonymous one, too, from a tarball.
	tar -C tree -cf tree.tar .
	run --separate-stderr tare run --rm -v /data ./tree.tar cat /data/same
	equal output "$output" first
}

@test "a symlink in the root file system leads no copy out of it" {
	make_data_rootfs tree
	mkdir outside
	echo secret >outside/file
	ln -s "$PWD/outside" tree/leak
	run --separate-stderr tare run --rm -v leaked:/leak -v etc:/var/outside ./tree true
	equal "nothing of the host" "$(ls -A "$(data_of leaked)")" ""
	equal "the root's own etc" "$(cat "$(data_of etc)/passwd")" "$(cat tree/etc/passwd)"
	[[ ! -e $(data_of etc)/debian_version ]]
}

@test "anonymous volumes go with --rm and with rm -v, and else they stay" {
	run --separate-stderr tare run --rm -v /data "$ROOTFS" sh -c 'echo x >/data/file; grep -c " /data " /proc/self/mountinfo'
	equal output "$output" 1
	equal volumes "$(volumes)" ""
	tare run --name kept -v /data -v named:/named "$ROOTFS" true
	local name
	name=$(tare inspect kept | jq -r '.[0].Mounts[] | select(.Destination == "/data").Name')
	[[ $name =~ ^[0-9a-f]{64}$ ]]
	equal "anonymous" "$(tare volume inspect "$name" | jq -c '.[0].Labels')" '{"com.docker.volume.anonymous":""}'
	tare rm kept
	equal volumes "$(volumes)" "$name named "
	equal "only what nobody uses and nobody named" "$(tare volume prune -f)" "Deleted Volumes:
$name

Total reclaimed space: 0B"
	tare run --name gone -v /data -v named:/named "$ROOTFS" true
	tare rm -v gone
	equal volumes "$(volumes)" "named "
	# A container that never came to be leaves none.
	run -127 tare run -v /data -v /other "$ROOTFS" no-such-command
	run tare create -v /data -u nobody-there "$ROOTFS" true
	[[ $output == *"unable to find user"* ]]
	run tare rm -v "$(tare ps -aq)"
	equal volumes "$(volumes)" "named "
}

@test "inspect tells what is mounted in docker's shape" {
	mkdir host
	tare create --name shown -v "$PWD/host:/bind:ro" -v named:/named:nocopy --mount type=tmpfs,dst=/memory,tmpfs-mode=1770 \
		--mount type=volume,src=other,dst=/other,readonly,volume-label=a=b "$ROOTFS" true
	equal mounts "$(tare inspect shown | jq -c '.[0].Mounts | sort_by(.Destination)[] | [.Type, .Name, .Source, .Destination, .Driver, .RW, .Propagation]')" \
		"[\"bind\",null,\"$PWD/host\",\"/bind\",null,false,\"rprivate\"]
[\"tmpfs\",null,\"\",\"/memory\",null,true,\"\"]
[\"volume\",\"named\",\"$(data_of named)\",\"/named\",\"local\",true,\"\"]
[\"volume\",\"other\",\"$(data_of other)\",\"/other\",\"local\",false,\"\"]"
	equal "modes" "$(tare inspect shown | jq -c '.[0].Mounts | sort_by(.Destination)[] | .Mode')" \
		'"ro"
"noexec,nosuid,nodev,mode=1770"
""
"ro"'
	equal labels "$(tare volume inspect other | jq -c '.[0].Labels')" '{"a":"b"}'
}

@test "--mount binds, makes volumes and file systems in memory, and is refused in docker's words" {
	mkdir -p host/below
	mount -t tmpfs inner host/below
	touch host/below/inner host/file
	run --separate-stderr tare run --rm --mount type=bind,src=./host,dst=/deep,readonly \
		--mount type=bind,source="$PWD/host",target=/flat,bind-recursive=disabled \
		--mount type=tmpfs,destination=/memory,tmpfs-size=1m,tmpfs-mode=700 --mount dst=/volume "$ROOTFS" sh -c '
			ls /deep/below /flat/below; touch /deep/new /deep/below/new; stat -c %a /memory
			df -k /memory | tail -n 1 | tr -s " " | cut -d" " -f2; touch /volume/x && echo volume'
	equal output "$output" $'/deep/below:\ninner\n\n/flat/below:\n700\n1024\nvolume'
	equal "read-only, below too" "$(grep -c 'Read-only file system' <<<"$stderr")" 2
	umount host/below
	equal volumes "$(volumes)" ""
	local words text
	while IFS='|' read -r text words; do
		run --separate-stderr tare run --rm --mount "$text" "$ROOTFS" true
		equal "status of $text" "$status" 125
		[[ $stderr == *"$words"* ]] || { echo "$text: $stderr" && return 1; }
	done <<-'TABLE'
		type=bind,src=/no/such,dst=/x|invalid mount config for type "bind": bind source path does not exist: /no/such
		type=bind,dst=/x|field Source must not be empty
		type=bind,src=/etc|target is required
		type=npipe,dst=/x|mount type unknown
		type=bind,src=/etc,dst=/x,colour=red|unexpected key 'colour' in 'colour=red'
		type=volume,dst=/x,tmpfs-size=1m|cannot mix 'tmpfs-*' options with mount type 'volume'
		type=tmpfs,src=/etc,dst=/x|field Source must not be specified
		type=bind,src=/etc,dst=/x,bind-propagation=rshared|propagation
	TABLE
	run --separate-stderr tare run --rm --mount dst=/x -v name:/x "$ROOTFS" true
	[[ $stderr == *"Duplicate mount point: /x"* ]]
	equal "left by what was refused" "$(volumes)" ""
}

@test "volume create, ls, inspect and prune take labels and filters" {
	tare volume create --label env=test --label plain one
	tare volume create --label env=live two
	tare volume create --label env=other two >/dev/null # it is there, and stays as it is
	equal made "$(tare volume create | wc -c)" 65
	equal table "$(tare volume ls -f name=o | tail -n +2)" $'local     one\nlocal     two'
	equal header "$(tare volume ls | head -n 1)" "DRIVER    VOLUME NAME"
	equal "one label" "$(tare volume ls -q -f label=env=live)" two
	equal "all labels" "$(tare volume ls -q -f label=env -f label=plain)" one
	equal "any name" "$(tare volume ls -q -f name=on -f name=tw)" $'one\ntwo'
	tare create --name user -v one:/x "$ROOTFS" true
	equal "in use" "$(tare volume ls -q -f dangling=false)" one
	equal "not in use" "$(tare volume ls -q -f dangling=true | wc -l)" 2
	run --separate-stderr tare volume ls -f colour=red
	equal status "$status" 1
	[[ $stderr == *"invalid filter 'colour'"* ]]
	equal refused "$(tare volume prune <<<n | tail -n 1)" "Are you sure you want to continue? [y/N] "
	equal "anonymous only" "$(tare volume prune <<<y | grep -c '^[0-9a-f]\{64\}$')" 1
	equal "by label" "$(tare volume prune -af --filter 'label!=env=live' | head -n 1)" "Total reclaimed space: 0B"
	dd if=/dev/zero of="$(data_of two)/big" bs=1M count=2 status=none
	equal "all that is not in use" "$(tare volume prune -af)" $'Deleted Volumes:\ntwo\n\nTotal reclaimed space: 2.1MB'
	equal volumes "$(volumes)" "one "
	run --separate-stderr tare volume inspect one nothing
	equal status "$status" 1
	equal found "$(jq length <<<"$output")" 1
	[[ $stderr == "tare: get nothing: no such volume"* ]]
	equal "no error" "$(tare volume rm -f nothing)" nothing
	local name
	for name in x a/b ../x .x "$(printf 'n%.0s' {1..256})"; do
		run --separate-stderr tare volume create "$name"
		((status != 0)) && [[ $stderr == *"volume name"* ]]
	done
}

@test "a root that may not be trusted cannot bring a device with it by a volume" {
	make_data_rootfs tree
	mknod tree/data/null c 1 3
	mknod tree/data/memory c 1 1
	run --separate-stderr tare run --rm -v /data ./tree sh -c 'head -c 1 /data/memory >/dev/null'
	((status != 0))
	[[ $stderr == *"ermission denied"* || $stderr == *"not permitted"* ]]
}

@test "a volume's owners are the container's, whatever they are outside" {
	make_data_rootfs tree
	chmod 755 tree/data
	local first
	for first in 100000 300000; do
		run --separate-stderr tare run --rm --uidmap "0:$first:65536" --gidmap "0:$first:65536" -v mapped:/data ./tree sh -c '
			stat -c "%u %g" /data /data/file /data/below; id -u; touch /data/below/new; stat -c %u /data/below/new; rm /data/below/new'
		equal output "$output" $'7 8\n0 0\n5 6\n0\n0'
	done
	equal "on the disk" "$(stat -c '%u %g' "$(data_of mapped)/below")" "5 6"
}

# Killed anywhere: the next command finds whole volumes, and finishes what was begun.
@test "killed while a volume is filled or removed, what is left is usable" {
	make_data_rootfs tree
	local i
	for ((i = 0; i < 300; i++)); do head -c 100000 /dev/zero >"tree/data/below/$i"; done
	local round whole
	whole=$(find tree/data -type f | wc -l)
	for round in 1 2 3 4 5 6 7 8; do
		"$TARE_BIN_DIR/tare" create -v filled:/data ./tree true >/dev/null 2>&1 3>&- &
		sleep "0.0$round"
		kill -KILL "$!" 2>/dev/null || true
		wait "$!" || true
	done
	tare run --rm -v filled:/data ./tree true
	equal "what is in it" "$(find "$(data_of filled)" -type f | wc -l)" "$whole"
	equal "besides" "$(ls "$TARE_ROOT/volumes/filled")" $'_data\nvolume.json'
	tare ps -a >/dev/null
	for id in $(tare ps -aq); do tare rm "$id" >/dev/null; done
	"$TARE_BIN_DIR/tare" volume rm filled >/dev/null 2>&1 3>&- &
	sleep 0.005
	kill -KILL "$!" 2>/dev/null || true
	wait "$!" || true
	# Whole or gone.
	if [[ -e $TARE_ROOT/volumes/filled ]]; then
		equal "what is in it" "$(find "$(data_of filled)" -type f | wc -l)" "$whole"
		tare volume rm filled
	fi
	tare ps -a >/dev/null
	equal "left in the store" "$(find "$TARE_ROOT/volumes" "$TARE_ROOT/staging" -mindepth 1)" ""
}

@test "many containers use and make one volume at once, and nothing is lost" {
	local i pids=()
	make_data_rootfs tree
	for i in {1..12}; do
		"$TARE_BIN_DIR/tare" run --rm -v shared:/data -v /scratch ./tree sh -c "cat /data/file; touch /data/$i" >"out.$i" 2>/dev/null 3>&- &
		pids+=("$!")
	done
	for i in "${pids[@]}"; do wait "$i"; done
	equal "what each saw" "$(cat out.* | sort -u)" first
	equal "what each left" "$(find "$(data_of shared)" -name '[0-9]*' | wc -l)" 12
	equal volumes "$(volumes)" "shared "
}

@test "a plan names the volumes and makes none" {
	run --separate-stderr tare run --plan -v planned:/data -v /other "$ROOTFS" true
	equal status "$status" 0
	[[ $output == *"make the volume planned"* && $output == *"/planned/_data"* ]]
	[[ ! -e $TARE_ROOT/volumes ]]
}
