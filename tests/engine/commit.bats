#!/usr/bin/env bats
# Images that are made here: of a root file system (import), of a container (commit).
# shellcheck disable=SC2154,SC2016 # variables that bats sets; other shells expand what is in single quotes

load helpers

setup() {
	setup_store
	cd "$BATS_TEST_TMPDIR" || return
}
teardown() { teardown_store; }

make_image() { python3 "$BATS_TEST_DIRNAME/make_image.py" "$@"; }
blobs() { find "$TARE_ROOT/images/blobs" -type f 2>/dev/null | wc -l; }
layers() { find "$TARE_ROOT/image-layers/sha256" -mindepth 1 -maxdepth 1 2>/dev/null | wc -l; }
left_overs() { find "$TARE_ROOT/staging" "$TARE_ROOT/images/partial" -mindepth 1 2>/dev/null | wc -l; }

# An image that has something to be removed, replaced and hidden.
make_base() {
	mkdir -p tree/{d/deep,gone,again}
	echo old >tree/d/old && echo deep >tree/d/deep/file && echo gone >tree/gone/file && echo again >tree/again/before
	echo one >tree/one && ln tree/one tree/two
	tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -czf base.tar.gz -C tree .
	make_image oci-archive base-image.tar base:1 "$1" "$TARE_ROOTFS" base.tar.gz >base-id
	tare load -q -i base-image.tar >/dev/null
}

config_of() { tare image inspect "$1" | jq -c ".[0].Config | $2"; }

@test "a directory, a tarball and standard input become images, whatever compresses them (K1)" {
	mkdir rootfs
	tar -C rootfs -xf "$TARE_ROOTFS"
	setfattr -n user.note -v hello rootfs/bin/busybox
	run -0 tare import -c 'CMD ["/bin/echo", "from", "an image"]' ./rootfs dir:1
	[[ $output =~ ^sha256:[0-9a-f]{64}$ ]]
	equal "its id" "$(tare images --no-trunc --format '{{.Repository}}:{{.Tag}} {{.ID}}')" "dir:1 $output"
	equal "run" "$(tare run --rm dir:1)" "from an image"
	equal "comment" "$(tare history --format '{{.Comment}}' dir:1)" "Imported from ./rootfs"
	tare create --name all dir:1 >/dev/null
	tare export all -o all.tar
	mkdir out && tar --xattrs -C out -xf all.tar
	equal "attribute" "$(getfattr --only-values -n user.note out/bin/busybox)" hello
	diff -r --no-dereference rootfs out
	tare rm all >/dev/null

	tar -C rootfs -cf root.tar .
	gzip -k root.tar && bzip2 -k root.tar && xz -k -0 root.tar && zstd -q root.tar
	local file ids
	for file in root.tar root.tar.gz root.tar.bz2 root.tar.xz root.tar.zst; do
		run -0 tare import -m "made of $file" "$file" "file:$file"
		equal "$file: run" "$(tare run --rm "file:$file" cat /etc/passwd)" "$(cat rootfs/etc/passwd)"
		equal "$file: comment" "$(tare history --format '{{.Comment}}' "file:$file")" "made of $file"
		tare save -o saved.tar "file:$file"
		tar -xOf saved.tar manifest.json >manifest
		tar -xOf saved.tar "$(jq -r '.[0].Layers[0]' manifest)" >layer
		case $file in *.bz2 | *.xz) cmp layer root.tar ;; *) cmp layer "$file" ;; esac
	done
	# The same tar is the same layer.
	ids=$(for file in $(tare images -q file); do tare image inspect "$file" | jq -r '.[0].RootFS.Layers[0]'; done | sort -u)
	equal "one layer" "$(wc -l <<<"$ids")" 1
	run -0 bash -c '"$TARE_BIN_DIR/tare" import - <root.tar.gz'
	equal "nameless" "$(tare images -f dangling=true --no-trunc --format '{{.Repository}} {{.ID}}')" "<none> $output"
	equal "of standard input" "$(tare history --format '{{.Comment}}' "$output")" "Imported from -"
	run -0 tare import --platform linux/arm64 root.tar arm
	equal "platform" "$(tare image inspect arm | jq -r '.[0] | .Os + "/" + .Architecture')" linux/arm64
	run -0 tare system check
	equal "left" "$(left_overs)" 0
}

@test "what is imported is what the changes say" {
	tare import -c 'CMD echo $GREETING' -c 'ENV GREETING=hello PATH=/bin' -c 'ENV PATH=$PATH:/usr/bin' -c 'EXPOSE 80 53/udp' \
		-c 'LABEL a=1 "b c"="d e"' -c 'USER nobody' -c 'VOLUME /data' -c 'WORKDIR /tmp' -c 'STOPSIGNAL SIGINT' \
		-c 'ONBUILD RUN x' -c 'HEALTHCHECK --interval=5s CMD true' "$TARE_ROOTFS" changed
	equal config "$(config_of changed '[.Cmd, .Env, .ExposedPorts, .Labels, .User, .Volumes, .WorkingDir, .StopSignal, .OnBuild, .Healthcheck]')" \
		'[["/bin/sh","-c","echo $GREETING"],["GREETING=hello","PATH=/bin:/usr/bin"],{"53/udp":{},"80/tcp":{}},{"a":"1","b c":"d e"},"nobody",{"/data":{}},"/tmp","SIGINT",["RUN x"],{"Interval":5000000000,"Test":["CMD-SHELL","true"]}]'
	equal run "$(tare run --rm changed)" hello
}

@test "what cannot be imported is refused with what is wrong, and leaves nothing" {
	mkdir whiteout && touch whiteout/.wh.file && tar -cf whiteout.tar -C whiteout .
	mkdir -p inside/.wh.d && touch inside/.wh.d/x && tar -cf inside.tar -C inside .
	head -c 5000 /dev/urandom >noise
	tar -cf good.tar -C whiteout --exclude '.wh*' .
	head -c 700 "$TARE_ROOTFS" | gzip >cut.tar.gz
	local words arguments
	while IFS='|' read -r words arguments; do
		eval "run --separate-stderr tare import $arguments"
		equal "$arguments: status" "$status" 1
		[[ $stderr == *"$words"* && $(wc -l <<<"$stderr") == 1 && $output == "" ]] || { echo "$arguments: $stderr" && false; }
		equal "$arguments: left" "$(tare images -q) $(left_overs) $(blobs) $(layers)" " 0 0 0"
	done <<-'TABLE'
		no such file|absent.tar
		a URL, which is not fetched (curl -L URL|http://localhost/x.tar
		.wh.file: a file whose name begins with .wh. cannot be in a layer|whiteout.tar
		.wh.file: a file whose name begins with .wh. cannot be in a layer|./whiteout
		a file whose name begins with .wh. cannot be in a layer|inside.tar
		import noise|noise
		import cut.tar.gz|cut.tar.gz
		invalid reference format|good.tar UPPER
		invalid reference format|good.tar ''
		it has a digest|good.tar x@sha256:0000000000000000000000000000000000000000000000000000000000000000
		FROM is not a valid change command|-c 'FROM x' good.tar x
		change ENV A: ENV must have two arguments|-c 'ENV A' good.tar x
		STOPSIGNAL|-c 'STOPSIGNAL NONE' good.tar x
	TABLE
	run --separate-stderr tare import --platform '!' good.tar
	[[ $status == 125 && $stderr == *'invalid platform: "!"'* ]]
	run --separate-stderr tare import
	[[ $status == 125 ]]
}

# Of a running container's root: what busybox cannot do is done from outside.
change_everything() {
	local root
	tare exec "$1" sh -ec 'rm /d/old; rm -r /gone; rm -r /again; mkdir /again; echo new >/again/new; echo changed >/one
		mkdir -p /new/dir; echo a >/new/a; ln /new/a /new/b; ln -s a /new/link; mkfifo /new/fifo
		cp /bin/busybox /new/setuid; chown 7:8 /new/dir; chmod 4755 /new/setuid; chmod 1777 /new/dir; rm /two; mkdir /two; touch -d 2001-02-03 /d/deep/file'
	root=/proc/$(tare inspect "$1" | jq '.[0].State.Pid')/root
	setfattr -n user.note -v 'some text' "$root/new/a"
	setfattr -n user.note -v 'of a directory' "$root/new/dir"
	setcap cap_net_raw+ep "$root/bin/busybox"
	mknod "$root/new/device" c 1 3
}

# export_of IMAGE: the name of a tarball of all that a container of it shows.
export_of() {
	tare create --name shown "$1" /bin/true >/dev/null
	tare export shown -o shown.tar
	tare rm shown >/dev/null
}

@test "a container becomes an image: what was added, removed and replaced is so in it (K12)" {
	make_base '{"Cmd":["/bin/sh","-c","cat /d/deep/file"],"Env":["PATH=/bin","A=base"],"ExposedPorts":{"80/tcp":{}},"Labels":{"kind":"base"},"OnBuild":["RUN x"]}'
	tare run -d --name box -e A=mine -e B=2 --label own=1 -w /d -u 0:0 -v /vol base:1 sleep 1000 >/dev/null
	change_everything box
	local id how
	for how in running stopped; do
		[[ $how == running ]] || tare stop -t 0 box >/dev/null
		run -0 tare commit -a 'A. Thor' -m "it is $how" -c 'CMD ["/bin/cat", "/again/new"]' box "box:$how"
		[[ $output =~ ^sha256:[0-9a-f]{64}$ ]]
		id=$output
		equal "$how: its id" "$(tare images -q --no-trunc box:$how)" "$id"
		equal "$how: run" "$(tare run --rm "box:$how")" new
		equal "$how: history" "$(tare history --format '{{.CreatedBy}}|{{.Comment}}' "box:$how" | head -n 1)" "sleep 1000|it is $how"
		equal "$how: author" "$(tare image inspect "box:$how" | jq -r '.[0].Author')" 'A. Thor'
		equal "$how: config" "$(config_of "box:$how" '[.Cmd, .Env, .ExposedPorts, .Labels, .WorkingDir, .User, .Volumes, .OnBuild]')" \
			'[["/bin/cat","/again/new"],["PATH=/bin","A=mine","B=2"],{"80/tcp":{}},{"kind":"base","own":"1"},"/d","0:0",{"/vol":{}},null]'
		equal "$how: three layers" "$(tare image inspect "box:$how" | jq '.[0].RootFS.Layers | length')" 3
		tare export box -o box.tar
		export_of "box:$how"
		cmp box.tar shown.tar
	done
	equal "state" "$(tare ps -a --format '{{.Names}} {{.Image}}')" "box base:1"
	equal "the base as it was" "$(tare run --rm base:1) $(tare images -q --no-trunc base:1)" "deep $(<base-id)"
	tar -tvf shown.tar --numeric-owner >list
	[[ $(<list) == *"-rwsr-xr-x"*new/setuid* && $(<list) != *again/before* && $(<list) != *gone* && $(<list) != *d/old* ]]
	# What was not named yet has a name now, and the one of before has lost it.
	run -0 tare commit box base:1
	equal "the name moved" "$(tare images -q --no-trunc base:1)" "$output"
	equal "nameless" "$(tare images -f dangling=true -q --no-trunc)" "$(<base-id)"
	run -0 tare commit box
	equal "without a name" "$(tare images -f dangling=true -q --no-trunc | grep -c "$output")" 1
	run -0 tare system check
	equal "left" "$(left_overs)" 0
}

@test "podman takes the image, and finds in it what tare does" {
	make_base '{"Cmd":["/bin/true"],"User":"0","WorkingDir":"/d"}'
	tare run -d --name box -e B=2 base:1 sleep 1000 >/dev/null
	change_everything box
	tare commit -c 'LABEL kind=committed' -c 'EXPOSE 80' box box:1 >id
	tare rm -f box >/dev/null
	tare save -o saved.tar box:1
	export_of box:1
	local podman=(podman --root "$PWD/podman" --runroot "$PWD/podman-run" --storage-driver vfs)
	"${podman[@]}" load -q -i saved.tar
	equal "its id" "$("${podman[@]}" inspect -f '{{.Id}}' docker.io/library/box:1)" "$(cut -d: -f2 id)"
	"${podman[@]}" create --network none --name box docker.io/library/box:1 >/dev/null
	equal "config" "$("${podman[@]}" inspect -f '{{json .Config.Cmd}} {{.Config.User}} {{.Config.WorkingDir}} {{.Config.Labels.kind}}' box)" \
		'["sleep","1000"] 0 /d committed'
	"${podman[@]}" export -o theirs.tar box
	local tarball
	for tarball in shown theirs; do
		mkdir "$tarball" && tar --xattrs --xattrs-include='*' -C "$tarball" -xf "$tarball.tar"
		(cd "$tarball" && find . -mindepth 1 ! -path './dev*' ! -path './proc*' ! -path './sys*' ! -path './etc*' ! -path './run*' \
			-printf '%p %y %m %U:%G %s %l\n' | sort) >"$tarball.list"
	done
	# podman's own archive has no time stamps below a second, and makes directories for its mounts.
	diff <(grep -v ' d ' shown.list) <(grep -v ' d ' theirs.list)
	equal "capability" "$(getcap theirs/bin/busybox)" "theirs/bin/busybox cap_net_raw=ep"
	equal "attribute" "$(getfattr --only-values -n user.note theirs/new/a)" "some text"
	"${podman[@]}" rm -a -f >/dev/null && "${podman[@]}" rmi -a -f >/dev/null
}

@test "of what was no image, or is none any more, all is one layer" {
	mkdir rootfs && tar -C rootfs -xf "$TARE_ROOTFS"
	local root name
	for root in ./rootfs "$TARE_ROOTFS"; do
		name=$(basename "$root" .tar)
		tare run --name "$name" -e A=1 --entrypoint /bin/sh "$root" -c 'echo new >/new; rm /bin/cat' 2>/dev/null
		tare commit -c 'CMD ["-c", "read line </new; echo $line $A"]' "$name" "$name-image" >/dev/null
		equal "$name: run" "$(tare run --rm "$name-image")" "new 1"
		equal "$name: layers" "$(tare image inspect "$name-image" | jq '.[0].RootFS.Layers | length')" 1
		run -127 tare run --rm --entrypoint /bin/cat "$name-image" /new
		tare export "$name" -o a.tar
		export_of "$name-image"
		cmp a.tar shown.tar
	done
	make_base '{"Cmd":["/bin/sh","-c","cat /d/old /new"],"ExposedPorts":{"80/tcp":{}}}'
	tare run --name orphan base:1 sh -c 'echo new >/new'
	tare rmi -f base:1 "$(<base-id)" >/dev/null
	tare commit orphan orphan-image >/dev/null
	equal "run" "$(tare run --rm orphan-image cat /d/old /new)" $'old\nnew'
	equal "layers" "$(tare image inspect orphan-image | jq '.[0].RootFS.Layers | length')" 1
	# In a user namespace of its own it writes other marks.
	tare run --name mapped --userns auto orphan-image sh -c 'rm -r /again; mkdir /again; touch /again/x; chown 7:7 /again/x; rm /d/old' 2>/dev/null
	tare commit mapped mapped-image >/dev/null
	equal "mapped" "$(tare run --rm mapped-image sh -c 'ls /again; stat -c %u /again/x; ls /d')" $'x\n7\ndeep'
	run -0 tare system check
}

@test "a running container is paused while it is read, and goes on whoever is killed" {
	make_base '{"Cmd":["/bin/true"]}'
	tare run -d --name box base:1 sleep 1000 >/dev/null
	tare exec box dd if=/dev/urandom of=/big bs=1M count=150 2>/dev/null
	local committer
	state() { tare inspect -f '{{.State.Status}}' box; }
	is() { [[ $(state) == "$1" ]]; }
	"$TARE_BIN_DIR/tare" commit box first >one.id 3>&- &
	committer=$!
	wait_until 30 is paused
	wait "$committer"
	equal "afterwards" "$(state)" running
	"$TARE_BIN_DIR/tare" commit box second >two.id 3>&- &
	committer=$!
	wait_until 30 is paused
	kill -KILL "$committer"
	wait_until 30 is running
	wait "$committer" || true
	equal "no image" "$(tare images -q second)" ""
	# A signal, as a terminal gives it.
	"$TARE_BIN_DIR/tare" commit box second >two.id 2>&1 3>&- &
	committer=$!
	wait_until 30 is paused
	kill -TERM "$committer"
	wait "$committer" || true
	wait_until 30 is running
	tare image prune -f >/dev/null
	equal "what is left" "$(left_overs)" 0
	# Who paused it himself finds it so.
	tare pause box >/dev/null
	tare commit box third >/dev/null
	equal "still" "$(state)" paused
	tare unpause box >/dev/null
	tare exec box rm /big
	tare commit --pause=false box fourth >/dev/null
	equal "not paused" "$(state)" running
}

@test "import and commit killed at any moment leave nothing that prune does not remove" {
	make_base '{"Cmd":["/bin/true"]}'
	tare run -d --name box base:1 sleep 1000 >/dev/null
	tare exec box sh -c 'dd if=/dev/urandom of=/big bs=1M count=8; for i in $(seq 300); do mkdir /n$i; echo $i >/n$i/file; done' 2>/dev/null
	tare image prune -f >/dev/null
	local before i killed=0
	before="$(blobs) $(layers)"
	is_running() { [[ $(tare inspect -f '{{.State.Status}}' box) == running ]]; }
	for i in {1..24}; do
		if ((i % 3)); then
			timeout -s KILL "0.$(printf %03d $((i * 12)))" "$TARE_BIN_DIR/tare" commit box killed >/dev/null 2>&1 || killed=$((killed + 1))
		else
			timeout -s KILL "0.$(printf %03d $((i * 4)))" "$TARE_BIN_DIR/tare" import "$TARE_ROOTFS" killed >/dev/null 2>&1 || killed=$((killed + 1))
		fi
		wait_until 10 is_running
		if [[ $(tare images -q killed) ]]; then tare rmi killed >/dev/null; fi
		# A process that unpacks may die a little later than who started it.
		tare image prune -f >/dev/null && [[ $(left_overs) == 0 ]] || { sleep 0.5 && tare image prune -f >/dev/null; }
		equal "after $i" "$(blobs) $(layers) $(left_overs)" "$before 0"
		run -0 tare system check
	done
	((killed > 3)) || echo "# only $killed of 24 were killed" >&3
}

@test "what cannot be committed is refused in docker's words, and leaves nothing" {
	make_base '{"Cmd":["/bin/true"]}'
	tare run -d --name box base:1 sleep 1000 >/dev/null
	local words arguments before
	before="$(blobs) $(layers)"
	while IFS='|' read -r words arguments; do
		eval "run --separate-stderr tare commit $arguments"
		equal "$arguments: status" "$status" 1
		[[ $stderr == *"$words"* && $(wc -l <<<"$stderr") == 1 && $output == "" ]] || { echo "$arguments: $stderr" && false; }
		equal "$arguments: left" "$(blobs) $(layers) $(left_overs) $(tare inspect -f '{{.State.Status}}' box)" "$before 0 running"
	done <<-'TABLE'
		No such container: absent|absent x
		invalid reference format|box UPPER
		invalid reference format|box ''
		it has a digest|box x@sha256:0000000000000000000000000000000000000000000000000000000000000000
		change RUN x: RUN is not a valid change command|-c 'RUN x' box x
		change EXPOSE none: invalid containerPort: none|-c 'EXPOSE none' box x
		STOPSIGNAL|-c 'STOPSIGNAL NONE' box x
	TABLE
	tare exec box touch /.wh.name
	run --separate-stderr tare commit box x
	[[ $status == 1 && $stderr == *".wh.name"* ]]
	equal "left" "$(blobs) $(layers) $(left_overs) $(tare inspect -f '{{.State.Status}}' box)" "$before 0 running"
	run --separate-stderr tare commit
	[[ $status == 125 ]]
}
