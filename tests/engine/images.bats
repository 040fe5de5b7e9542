#!/usr/bin/env bats
# Images: loaded, saved, listed, named, removed, and run.
# shellcheck disable=SC2016,SC2154 # the container expands it; variables that bats sets

load helpers

setup() {
	setup_store
	cd "$BATS_TEST_TMPDIR" || return
}
teardown() { teardown_store; }

make_image() { python3 "$BATS_TEST_DIRNAME/make_image.py" "$@"; }

# layer FILE SCRIPT: a tar of what the script makes in an empty directory.
layer() {
	rm -rf tree && mkdir tree
	(cd tree && eval "$2")
	tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf "$1" -C tree .
}

# Two layers upon busybox: the second hides some of the first.
make_layers() {
	layer one.tar 'mkdir etc d; echo one >etc/one; echo old >d/old; echo "web:x:1000:1000::/srv:/bin/sh" >etc/passwd'
	layer two.tar 'mkdir etc d srv; touch etc/.wh.one d/.wh..wh..opq; echo new >d/new'
	gzip -nkf two.tar
}
config='{"Env":["PATH=/bin:/usr/bin","GREETING=hello"],"Entrypoint":["/bin/sh","-c"],"Cmd":["echo $GREETING from $(pwd) as $(id -un); ls /d"],"User":"web","WorkingDir":"/srv","Labels":{"kind":"test"},"StopSignal":"SIGINT","Volumes":{"/data":{}}}'

load_test_image() {
	make_layers
	image_id=$(make_image oci-archive image.tar docker.io/library/test:1 "$config" "$TARE_ROOTFS" one.tar two.tar.gz)
	tare load -q -i image.tar >/dev/null
}

blobs() { find "$TARE_ROOT/images/blobs" -type f | wc -l; }
layers() { find "$TARE_ROOT/image-layers/sha256" -mindepth 1 -maxdepth 1 2>/dev/null | wc -l; }

@test "an image in each form of archive is loaded, listed and run (K3)" {
	make_layers
	local form id
	for form in oci-archive oci-dir docker-archive; do
		id=$(make_image "$form" "image.$form" test:1 "$config" "$TARE_ROOTFS" one.tar two.tar.gz)
		run -0 tare load -i "image.$form"
		equal "$form: loaded" "$output" "Loaded image: test:1"
		equal "$form: listed" "$(tare images --format '{{.Repository}} {{.Tag}} {{.ID}}')" "test 1 ${id:7:12}"
		equal "$form: run" "$(tare run --rm test:1)" $'hello from /srv as web\nnew'
		equal "$form: layers" "$(layers)" 3
		tare rmi test:1 >/dev/null
		equal "$form: blobs left" "$(blobs)" 0
		equal "$form: layers left" "$(layers)" 0
	done
	run -0 tare images
	[[ $output == REPOSITORY*TAG*"IMAGE ID"*CREATED*SIZE ]]
	# Compressed as a whole, and through a pipe.
	run -0 bash -c 'gzip -c image.oci-archive | "$TARE_BIN_DIR/tare" load'
	equal "through a pipe" "$output" "Loaded image: test:1"
	make_image oci-archive nameless.tar "" "{}" one.tar >id
	run -0 tare load -i nameless.tar
	equal "without a name" "$output" "Loaded image ID: $(<id)"
	equal "as a row" "$(tare images -f dangling=true --no-trunc --format '{{.Repository}}:{{.Tag}} {{.ID}}')" "<none>:<none> $(<id)"
}

@test "what an image says counts where the user says nothing else" {
	load_test_image
	equal "its command" "$(tare run --rm test:1)" $'hello from /srv as web\nnew'
	equal "its entrypoint with my command" "$(tare run --rm test:1 'echo mine')" mine
	equal "my entrypoint, without its command" "$(tare run --rm --entrypoint /bin/echo test:1)" ""
	equal "none of its entrypoint" "$(tare run --rm --entrypoint '' test:1 /bin/echo plain)" plain
	equal "mine" "$(tare run --rm -e GREETING=bye -w / -u 0 test:1)" $'bye from / as 0\nnew'
	tare run -d --name box test:1 'sleep 1000' >/dev/null
	equal "image" "$(tare inspect -f '{{.Image}} {{.Config.Image}}' box)" "$image_id test:1"
	equal "signal, label" "$(tare inspect -f '{{.Config.StopSignal}} {{.Config.Labels.kind}}' box)" "SIGINT test"
	equal "words" "$(tare inspect -f '{{json .Config.Entrypoint}} {{json .Config.Cmd}}' box)" '["/bin/sh","-c"] ["sleep 1000"]'
	equal "volume" "$(tare inspect -f '{{range .Mounts}}{{.Type}} {{.Destination}}{{end}}' box)" "volume /data"
	equal "row" "$(tare ps --format '{{.Image}}')" test:1
	tare rm -f -v box >/dev/null
	make_image oci-archive silent.tar silent "{}" one.tar >/dev/null
	tare load -q -i silent.tar >/dev/null
	run --separate-stderr tare run silent
	equal status "$status" 125
	[[ $stderr == *"no command specified"* ]]
	equal "what is left" "$(tare ps -aq)" ""
}

@test "an image goes with its last name, and not while a container needs it (K13)" {
	load_test_image
	tare tag test:1 other:2
	tare tag "${image_id:7:8}" localhost:5000/deep/name
	equal names "$(tare images --format '{{.Repository}}:{{.Tag}}' | sort)" $'localhost:5000/deep/name:latest\nother:2\ntest:1'
	run --separate-stderr tare rmi "${image_id:7:12}"
	equal status "$status" 1
	[[ $stderr == *"must be forced) - image is referenced in multiple repositories"* ]]
	equal "a name" "$(tare rmi other:2)" "Untagged: other:2"
	tare rmi localhost:5000/deep/name >/dev/null
	tare run -d --name box test:1 'sleep 1000' >/dev/null
	run --separate-stderr tare rmi test:1
	equal status "$status" 1
	[[ $stderr == *'conflict: unable to remove repository reference "test:1" (must force) - container '* ]]
	run --separate-stderr tare rmi -f "$image_id"
	[[ $status == 1 && $stderr == *"cannot be forced) - image is being used by running container"* ]]
	run -0 tare rmi -f test:1
	equal "nameless now" "$(tare images --no-trunc --format '{{.Repository}} {{.ID}}')" "<none> $image_id"
	tare stop -t 0 box >/dev/null
	run --separate-stderr tare rmi "$image_id"
	[[ $status == 1 && $stderr == *"must be forced) - image is being used by stopped container"* ]]
	run -0 tare rmi -f "$image_id"
	[[ $output == *"Deleted: $image_id"* ]]
	equal "blobs" "$(blobs)" 0
	# Its container lives on: it has the layers.
	equal "layers" "$(layers)" 3
	tare start box >/dev/null
	equal "in it" "$(tare exec box cat /d/new)" new
	tare rm -f -v box >/dev/null
	equal "layers" "$(layers)" 0
	run --separate-stderr tare rmi absent
	[[ $status == 1 && $stderr == *"No such image: absent"* ]]
	run -0 tare rmi -f absent
}

@test "a name that another image gets leaves the first one nameless, and prune removes that" {
	load_test_image
	make_image docker-archive second.tar test:1 '{"Cmd":["/bin/true"]}' "$TARE_ROOTFS" >second
	tare load -q -i second.tar >/dev/null
	equal rows "$(tare images --no-trunc --format '{{.Repository}}:{{.Tag}} {{.ID}}' | sort)" "<none>:<none> $image_id
test:1 $(<second)"
	run -0 tare image prune -f
	[[ $output == *"Deleted: $image_id"*"Total reclaimed space: "* ]]
	equal "the shared layer stays" "$(layers)" 1
	run -0 tare run --rm test:1
	run -0 tare image prune -a -f
	equal "all" "$(blobs) $(layers)" "0 0"
}

@test "filters, history and inspect say what docker says" {
	load_test_image
	make_image oci-archive b.tar localhost:5000/b:2 '{"Labels":{"kind":"b"}}' one.tar >/dev/null
	tare load -q -i b.tar >/dev/null
	local filter expected
	while read -r filter expected; do
		equal "$filter" "$(tare images -f "$filter" --format '{{.Repository}}' | sort | tr '\n' ' ')" "${expected:+$expected }"
	done <<-'TABLE'
		label=kind localhost:5000/b test
		label=kind=b localhost:5000/b
		reference=test test
		reference=test:* test
		reference=localhost:5000/* localhost:5000/b
		reference=nothing
		dangling=true
		dangling=false localhost:5000/b test
		until=2020-01-01
	TABLE
	equal "an operand" "$(tare images -q test)" "${image_id:7:12}"
	run --separate-stderr tare images -f nonsense=1
	[[ $status == 1 && $stderr == *"invalid filter 'nonsense=1'"* ]]
	equal history "$(tare history --format '{{.CreatedBy}}' test:1)" $'layer 2\nlayer 1\nlayer 0'
	run -0 tare image inspect test:1
	equal fields "$(jq -r '.[0] | [.Id, .RepoTags[0], .Architecture, .Os, .Config.User, (.RootFS.Layers | length)] | join(" ")' <<<"$output")" \
		"$image_id test:1 amd64 linux web 3"
	equal "config" "$(jq -c '.[0].Config | [.Env[1], .Entrypoint, .Volumes, .StopSignal]' <<<"$output")" '["GREETING=hello",["/bin/sh","-c"],{"/data":{}},"SIGINT"]'
	run --separate-stderr tare image inspect absent
	[[ $status == 1 && $output == "[]" && $stderr == *"No such image: absent"* ]]
}

@test "save and load: every blob comes through, also by podman" {
	load_test_image
	tare tag test:1 other:2
	tare save -o saved.tar test:1 other:2
	tare save test:1 other:2 | cmp - saved.tar
	local before
	before=$(cd "$TARE_ROOT/images/blobs/sha256" && sha256sum -- * | sort)
	tare rmi -f "$image_id" >/dev/null
	equal "loaded" "$(tare load -q -i saved.tar)" $'Loaded image: test:1\nLoaded image: other:2'
	equal "blobs" "$(cd "$TARE_ROOT/images/blobs/sha256" && sha256sum -- * | sort)" "$before"
	equal "run" "$(tare run --rm other:2)" $'hello from /srv as web\nnew'
	local podman=(podman --root "$PWD/podman" --runroot "$PWD/podman-run" --storage-driver vfs)
	"${podman[@]}" load -q -i saved.tar
	equal "podman has it" "$("${podman[@]}" inspect -f '{{.Id}}' docker.io/library/test:1)" "${image_id:7}"
	"${podman[@]}" save -q --format oci-archive -o back.tar docker.io/library/other:2
	tare rmi -f "$image_id" >/dev/null
	equal "back again" "$(tare load -q -i back.tar)" "Loaded image: other:2"
	equal "run" "$(tare run --rm other:2)" $'hello from /srv as web\nnew'
	"${podman[@]}" rmi -a -f >/dev/null
	tare save -o ids.tar "$(tare images -q other:2)"
	equal "by its id" "$(tar -xOf ids.tar manifest.json | jq -c '.[0].RepoTags')" "[]"
	run --separate-stderr tare save -o none.tar absent
	[[ $status == 1 && ! -e none.tar && $stderr == *"No such image: absent"* ]]
}

@test "the store is an OCI image layout, which skopeo reads and writes while tare is at work" {
	load_test_image
	skopeo inspect "oci:$TARE_ROOT/images:docker.io/library/test:1" >seen
	equal "its layers" "$(jq '.Layers | length' seen)" 3
	make_layers
	layer three.tar 'echo 3 >three'
	make_image oci-dir three three "{}" three.tar >/dev/null
	# skopeo reads the index when it begins, and writes it when it ends: what tare does meanwhile must stay.
	local i
	for i in 1 2 3 4 5 6; do skopeo copy -q "oci:three:three" "oci:$TARE_ROOT/images:three:$i"; done &
	for i in 1 2 3 4 5 6; do tare tag test:1 "mine:$i" && tare rmi test:1 >/dev/null && tare tag mine:$i test:1; done
	wait $!
	equal names "$(tare images --format '{{.Repository}}:{{.Tag}}' | sort | tr '\n' ' ')" \
		"mine:1 mine:2 mine:3 mine:4 mine:5 mine:6 test:1 three:1 three:2 three:3 three:4 three:5 three:6 "
	# A layer that skopeo brought is unpacked when it is needed.
	layer shell.tar 'mkdir bin'
	make_image oci-dir shell shell '{"Cmd":["/bin/true"]}' "$TARE_ROOTFS" shell.tar >/dev/null
	skopeo copy -q oci:shell:shell "oci:$TARE_ROOT/images:shell"
	run -0 tare run --rm shell
	tare images -q | sort -u | xargs "$TARE_BIN_DIR/tare" rmi -f >/dev/null
	equal "all is gone" "$(blobs) $(layers)" "0 0"
	equal "for skopeo, too" "$(jq '.manifests | length' "$TARE_ROOT/images/index.json")" 0
}

@test "archives that are none, or lie, are refused with what is wrong, and leave nothing" {
	make_layers
	make_image oci-dir good test:1 "$config" "$TARE_ROOTFS" one.tar two.tar.gz >/dev/null
	local name words
	manifest_of() { jq -r '.manifests[0].digest' "$1/index.json" | cut -d: -f2; }
	bad() {
		rm -rf bad && cp -r good bad
		(cd bad && eval "$1")
	}
	while IFS='|' read -r name words change; do
		bad "$change"
		run --separate-stderr tare load -i bad
		equal "$name: status" "$status" 1
		[[ $stderr == *"$words"* && $(wc -l <<<"$stderr") == 1 ]] || { echo "$name: $stderr" && false; }
		equal "$name: images" "$(tare images -q)" ""
	done <<-'TABLE'
		nothing|it is no archive of images|rm -r ./*
		index|not JSON|echo '{' >index.json
		no manifest|is missing in it|rm "blobs/sha256/$(jq -r '.manifests[0].digest' index.json | cut -d: -f2)"
		other manifest|holds something else than its name says|f="blobs/sha256/$(jq -r '.manifests[0].digest' index.json | cut -d: -f2)"; echo '{}' >"$f"
		missing layer|is missing in it|m="blobs/sha256/$(jq -r '.manifests[0].digest' index.json | cut -d: -f2)"; rm "blobs/sha256/$(jq -r '.layers[1].digest' "$m" | cut -d: -f2)"
		other layer|and not what the image's config says|m="blobs/sha256/$(jq -r '.manifests[0].digest' index.json | cut -d: -f2)"; cp "blobs/sha256/$(jq -r '.layers[0].digest' "$m" | cut -d: -f2)" "blobs/sha256/$(jq -r '.layers[1].digest' "$m" | cut -d: -f2)"
		path|is not sha256:|sed -i 's/"digest": "sha256:/"digest": "..\/..\/..\/etc\/passwd/' index.json
	TABLE
	run --separate-stderr tare load -i absent.tar
	[[ $status == 1 && $stderr == "tare: load absent.tar: no such file" ]]
	head -c 5000 /dev/urandom >noise
	run --separate-stderr tare load -i noise
	equal status "$status" 1
	tare image prune -f >/dev/null
	equal "what is left" "$(blobs) $(layers) $(find "$TARE_ROOT/staging" "$TARE_ROOT/images/partial" -mindepth 1 | wc -l)" "0 0 0"
}

@test "many layers are no obstacle, and an image may have none" {
	local i layers=("$TARE_ROOTFS")
	for i in {1..40}; do layer "l$i.tar" "echo $i >f$i; echo $i >same" && layers+=("l$i.tar"); done
	make_image oci-archive many.tar many '{"Cmd":["/bin/sh","-c","cat /same; ls / | grep -c ^f"]}' "${layers[@]}" >/dev/null
	tare load -q -i many.tar >/dev/null
	equal "all of them" "$(tare run --rm many)" $'40\n40'
	make_image oci-archive none.tar none '{"Cmd":["/x"]}' >/dev/null
	tare load -q -i none.tar >/dev/null
	run -127 tare run --rm none
}

@test "an image reaches nothing of the host's: neither by its volumes' names, nor by its layers, nor by a directory of it" {
	mkdir secret && echo secret >secret/file && make_layers
	make_image oci-archive evil.tar evil '{"Cmd":["/bin/ls","-R","/x"],"Volumes":{"'"$PWD"'/secret:/x":{},"/:/h:shared":{}}}' "$TARE_ROOTFS" >/dev/null
	tare load -q -i evil.tar >/dev/null
	run tare run --rm evil
	[[ $output == *"/x: No such file"* ]]
	equal "the host's" "$(ls secret)" file
	make_image oci-archive many.tar many "{\"Cmd\":[\"/bin/true\"],\"Volumes\":$(python3 -c 'import json; print(json.dumps({f"/v{i}": {} for i in range(300)}))')}" "$TARE_ROOTFS" >/dev/null
	tare load -q -i many.tar >/dev/null
	run tare run --rm many
	[[ $status == 125 && $output == *"the image wants 300 volumes"* ]]
	# A directory that images are loaded from stays its owner's.
	make_image oci-dir dir own:1 '{"Cmd":["/bin/true"]}' "$TARE_ROOTFS" one.tar >/dev/null
	chown -R 1234:1234 dir && chmod -R go= dir
	local before
	before=$(find dir -printf '%p %m %U %n %T@\n' | sort)
	tare load -q -i dir >/dev/null
	equal "the directory" "$(find dir -printf '%p %m %U %n %T@\n' | sort)" "$before"
	find dir -type f -exec sh -c 'echo changed >"$1"' - {} \;
	run -0 tare system check
	# Indexes within indexes.
	python3 - <<-'END'
		import hashlib, json, os
		os.makedirs("deep/blobs/sha256")
		entry = {"mediaType": "application/vnd.oci.image.index.v1+json", "digest": "sha256:" + "0" * 64, "size": 1}
		for i in range(3000):
		    text = json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode()
		    name = hashlib.sha256(text).hexdigest()
		    open(f"deep/blobs/sha256/{name}", "wb").write(text)
		    entry = {**entry, "digest": "sha256:" + name, "size": len(text)}
		open("deep/index.json", "w").write(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
	END
	run --separate-stderr tare load -i deep
	[[ $status == 1 && $stderr == *"its indexes lead to indexes"* ]]
	# What a FIFO or a device is stays one.
	mkfifo pipe
	cat pipe >copy &
	tare save -o pipe own:1
	wait $!
	[[ -p pipe ]]
	tar -tf copy | grep -qx manifest.json
	run -0 tare save -o /dev/null own:1
	[[ -c /dev/null ]]
}

@test "what a killed or hindered rmi leaves is removed by the next command that looks" {
	load_test_image
	# Somebody relies on what is not named yet.
	mkfifo gate
	flock -s "$TARE_ROOT/images/in-use" cat gate &
	sleep 0.3
	run -0 tare rmi test:1
	equal "said" "$output" "Untagged: test:1"
	[[ $(blobs) != 0 && -e $TARE_ROOT/images/garbage ]]
	echo >gate
	wait $!
	tare ps >/dev/null
	equal "gone" "$(blobs) $(layers)" "0 0"
	local i
	for i in {1..15}; do
		tare load -q -i image.tar >/dev/null
		"$TARE_BIN_DIR/tare" rmi -f test:1 >/dev/null 2>&1 &
		sleep "0.00$((RANDOM % 10))"
		kill -9 $! 2>/dev/null || true
		wait $! 2>/dev/null || true
		run -0 tare system check
		tare ps >/dev/null
		if [[ -z $(tare images -q) ]]; then equal "round $i" "$(blobs) $(layers)" "0 0"; fi
	done
}
