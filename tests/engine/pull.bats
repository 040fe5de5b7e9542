#!/usr/bin/env bats
# Images from a registry: Debian's docker-registry on loopback.
# shellcheck disable=SC2016,SC2153,SC2154 # an inner shell expands it; variables that bats sets

load helpers

setup() {
	for program in docker-registry skopeo curl; do
		command -v "$program" >/dev/null || skip "$program is not there"
	done
	setup_store
	cd "$BATS_TEST_TMPDIR" || return
	export HOME=$BATS_TEST_TMPDIR/home
	mkdir "$HOME"
	start_registry
}
teardown() {
	[[ -n ${TARE_ROOT-} ]] || return 0
	if [[ -n ${registry_pid-} ]]; then
		kill "$registry_pid" 2>/dev/null || true
		wait "$registry_pid" 2>/dev/null || true
	fi
	teardown_store
}

make_image() { python3 "$BATS_TEST_DIRNAME/make_image.py" "$@"; }

# Sets $registry ("localhost:PORT") and $registry_pid; what it is asked for goes into registry.log.
start_registry() {
	local port
	port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
	registry=localhost:$port
	cat >registry.yml <<-END
		version: 0.1
		log: {level: info, formatter: json}
		storage: {filesystem: {rootdirectory: $PWD/registry}, delete: {enabled: true}}
		http: {addr: "127.0.0.1:$port"}
	END
	docker-registry serve registry.yml >registry.log 2>&1 </dev/null 3>&- &
	registry_pid=$!
	wait_until 20 bash -c "exec 4<>/dev/tcp/127.0.0.1/$port"
}

# push_image REPOSITORY:TAG CONFIG LAYER...
push_image() {
	rm -rf layout && make_image oci-dir layout x "$2" "${@:3}"
	skopeo copy -q --dest-tls-verify=false oci:layout:x "docker://$registry/$1"
}

layer() {
	rm -rf tree && mkdir tree
	(cd tree && eval "$2")
	tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf "$1" -C tree .
}

# Three layers: busybox, one with a large file that cannot be compressed, a small one.
push_test_image() {
	layer large.tar 'head -c 3000000 /dev/urandom >large'
	layer small.tar 'echo small >small'
	image_id=$(push_image test:1 '{"Cmd":["/bin/cat","/small"]}' "$TARE_ROOTFS" large.tar small.tar)
}

# GETs of blobs that the registry has answered with this status, each blob's digest once for each.
answered() { sed -n 's|.*"GET [^ ]*/\(blobs/sha256:[0-9a-f]*\) HTTP/[0-9.]*" '"$1"' .*|\1|p' registry.log | sort; }
blobs() { find "$TARE_ROOT/images/blobs" -type f | wc -l; }
files() { (cd "$TARE_ROOT" && find images image-layers layers staging ! -name 'in-use' ! -name lock | sort); }

@test "an image is pulled, listed and run, and pulling it again fetches nothing (K2)" {
	push_test_image
	run -0 --separate-stderr tare pull "$registry/test:1"
	equal "what is printed" "$output" "$registry/test:1"
	[[ $stderr == *"Pull complete"*"Digest: sha256:"*"Status: Downloaded newer image for $registry/test:1" ]]
	equal "its id" "$(tare images -q --no-trunc)" "$image_id"
	equal "run" "$(tare run --rm "$registry/test:1")" small
	equal "what it has is what the registry has" "$(cd "$TARE_ROOT/images/blobs/sha256" && sha256sum -- * | awk '$1 != $2')" ""
	equal "a GET for each blob" "$(answered 200 | wc -l) $(answered 200 | uniq -d)" "4 "
	run -0 --separate-stderr tare pull "$registry/test:1"
	[[ $stderr == *"Status: Image is up to date for $registry/test:1" ]]
	equal "no more GETs" "$(answered 200 | wc -l)" 4
	run -0 --separate-stderr tare pull -q "$registry/test:1"
	equal quiet "$stderr" ""
	run --separate-stderr tare pull "$registry/test:2"
	[[ $status == 1 && $stderr == *"manifest of $registry/test:2 not found"* ]]
	run --separate-stderr tare pull "upperCase"
	[[ $status == 1 && $stderr == *"repository name (upperCase) must be lowercase"* ]]
	run -0 tare system check
}

@test "by digest, by platform, and all tags" {
	push_test_image
	local digest
	digest=$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$registry/test:1")
	run -0 tare pull -q "$registry/test@$digest"
	equal "row" "$(tare images --digests --format '{{.Repository}} {{.Tag}} {{.Digest}}')" "$registry/test <none> $digest"
	equal "run" "$(tare run --rm "$registry/test@$digest")" small
	tare rmi "$registry/test@$digest" >/dev/null
	equal "nothing left" "$(blobs)" 0
	push_image test:2 '{"Cmd":["/bin/echo","two"]}' "$TARE_ROOTFS" >/dev/null
	tare pull -q -a "$registry/test" >/dev/null
	equal "tags" "$(tare images --format '{{.Tag}}' | sort | tr '\n' ' ')" "1 2 "
	# An index for two platforms.
	python3 "$BATS_TEST_DIRNAME/make_index.py" multi linux/amd64=small.tar linux/arm64/v8=large.tar
	skopeo copy -q --all --dest-tls-verify=false oci:multi:x "docker://$registry/multi:1"
	tare pull -q "$registry/multi:1" >/dev/null
	equal "ours" "$(tare image inspect -f '{{.Architecture}}' "$registry/multi:1")" amd64
	digest=$(skopeo inspect --raw --tls-verify=false "docker://$registry/multi:1" | sha256sum | cut -d' ' -f1)
	equal "known by the index" "$(tare image inspect -f '{{index .RepoDigests 0}}' "$registry/multi:1")" "$registry/multi@sha256:$digest"
	tare pull -q --platform linux/arm64 "$registry/multi:1" >/dev/null
	equal "another one" "$(tare image inspect -f '{{.Architecture}} {{.Variant}}' "$registry/multi:1")" "arm64 v8"
	run --separate-stderr tare pull --platform linux/s390x "$registry/multi:1"
	[[ $status == 1 && $stderr == *"no matching manifest for linux/s390x in the manifest list entries of $registry/multi:1 (it is there for linux/amd64, linux/arm64/v8)"* ]]
}

@test "run pulls what is missing; --pull says whether" {
	push_test_image
	run --separate-stderr tare run --rm --pull never "$registry/test:1"
	[[ $status == 125 && $stderr == *"No such image: $registry/test:1"* ]]
	equal "run" "$(tare run --rm --quiet "$registry/test:1")" small
	push_image test:1 '{"Cmd":["/bin/echo","newer"]}' "$TARE_ROOTFS" >/dev/null
	equal "missing, the default" "$(tare run --rm "$registry/test:1")" small
	equal "always" "$(tare run --rm -q --pull always "$registry/test:1")" newer
	run --separate-stderr tare run --rm --pull sometimes "$registry/test:1"
	[[ $status == 125 && $stderr == *"sometimes"* ]]
	run --separate-stderr tare run --rm "$registry/absent"
	[[ $status == 125 && $stderr == *"not found"* ]]
	equal "containers" "$(tare ps -aq)" ""
}

@test "what was interrupted is taken up by range" {
	push_test_image
	local large half
	# skopeo has compressed it.
	large=$(skopeo inspect --raw --tls-verify=false "docker://$registry/test:1" | jq -r '.layers[1].digest' | cut -d: -f2)
	curl -sf -o large.blob "http://$registry/v2/test/blobs/sha256:$large"
	half=1234567
	mkdir -p "$TARE_ROOT/images/partial"
	head -c "$half" large.blob >"$TARE_ROOT/images/partial/$large"
	run -0 tare pull -q "$registry/test:1"
	equal "a part" "$(answered 206)" "blobs/sha256:$large"
	equal "run" "$(tare run --rm "$registry/test:1")" small
	run -0 tare system check
	# A part that is wrong is found out, and fetched again.
	tare rmi "$registry/test:1" >/dev/null
	head -c "$half" /dev/zero >"$TARE_ROOT/images/partial/$large"
	run tare pull -q "$registry/test:1"
	((status == 0)) || run -0 tare pull -q "$registry/test:1"
	equal "run" "$(tare run --rm "$registry/test:1")" small
	run -0 tare system check
}

@test "two pulls at once fetch each blob once, and both succeed" {
	push_test_image
	local i
	for i in 1 2 3; do
		: >registry.log
		tare pull -q "$registry/test:1" >/dev/null &
		run tare pull -q "$registry/test:1"
		equal "pull $i: $output" "$status" 0
		wait $!
		equal "GETs" "$(answered 200 | uniq -d | wc -l) $(answered 200 | sort -u | wc -l)" "0 4"
		equal "run" "$(tare run --rm "$registry/test:1")" small
		tare rmi "$registry/test:1" >/dev/null
	done
}

@test "killed at any moment, a pull leaves nothing that the next one or prune does not deal with" {
	push_test_image
	local clean i
	tare pull -q "$registry/test:1" >/dev/null
	clean=$(files)
	tare rmi "$registry/test:1" >/dev/null
	for i in {1..25}; do
		"$TARE_BIN_DIR/tare" pull -q "$registry/test:1" >/dev/null 2>&1 &
		sleep "0.0$((RANDOM % 10))$((RANDOM % 10))"
		kill -9 $! 2>/dev/null || true
		wait $! 2>/dev/null || true
		if ((i % 5 == 0)); then
			run -0 tare pull -q "$registry/test:1"
			run -0 tare system check
			run -0 tare rmi "$registry/test:1"
		fi
	done
	tare pull -q "$registry/test:1" >/dev/null
	tare image prune -f >/dev/null
	tare ps >/dev/null
	run -0 tare system check
	equal files "$(files)" "$clean"
}

@test "pull, run and prune at once: no layer is lost" {
	push_test_image
	local i
	for i in 1 2 3 4 5; do
		while ! [[ -e stop ]]; do tare image prune -a -f >/dev/null; done &
		run tare run --rm -q "$registry/test:1"
		touch stop && wait $! && rm stop
		equal "run $i: $output" "$status" 0
	done
	run -0 tare system check
}

@test "what is pushed has the digests that it was pulled by, and another name of it is mounted" {
	push_test_image
	tare pull -q "$registry/test:1" >/dev/null
	local digest
	digest=$(tare images --digests --format '{{.Digest}}')
	tare tag "$registry/test:1" "$registry/copy/of:2"
	run -0 --separate-stderr tare push "$registry/copy/of:2"
	[[ $output == "2: digest: $digest size: "* && $stderr == *"The push refers to repository [$registry/copy/of]"*"Mounted from another repository"* ]]
	equal "there" "$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$registry/copy/of:2")" "$digest"
	run -0 --separate-stderr tare push "$registry/copy/of:2"
	[[ $stderr == *"Layer already exists"* ]]
	# One that was loaded, and every tag of it.
	make_image oci-archive loaded.tar "$registry/loaded:a" '{"Cmd":["/bin/true"]}' "$TARE_ROOTFS" >id
	tare load -q -i loaded.tar >/dev/null
	tare tag "$registry/loaded:a" "$registry/loaded:b"
	run -0 tare push -q -a "$registry/loaded"
	[[ $(grep -c 'digest: sha256:' <<<"$output") == 2 ]]
	tare rmi "$registry/loaded:a" "$registry/loaded:b" >/dev/null
	tare pull -q "$registry/loaded:b" >/dev/null
	equal "the same image" "$(tare images -q --no-trunc "$registry/loaded")" "$(<id)"
	run --separate-stderr tare push "$registry/absent"
	[[ $status == 1 && $stderr == *"An image does not exist locally with the tag: $registry/absent"* ]]
	run -0 tare system check
}

@test "login is asked of the registry and kept; without it a private image is denied" {
	kill "$registry_pid" && wait "$registry_pid" 2>/dev/null || true
	# As htpasswd(1) makes it.
	python3 - >htpasswd <<-'END'
		import crypt
		print("ann:" + crypt.crypt("secret", crypt.mksalt(crypt.METHOD_BLOWFISH)).replace("$2b$", "$2y$"))
	END
	sed -i "\$a auth: {htpasswd: {realm: test, path: $PWD/htpasswd}}" registry.yml
	docker-registry serve registry.yml >registry.log 2>&1 </dev/null 3>&- &
	registry_pid=$!
	wait_until 20 bash -c "exec 4<>/dev/tcp/127.0.0.1/${registry#*:}"
	make_image oci-archive private.tar "$registry/private:1" '{"Cmd":["/bin/echo","private"]}' "$TARE_ROOTFS" >/dev/null
	tare load -q -i private.tar >/dev/null
	run --separate-stderr tare push "$registry/private:1"
	[[ $status == 1 && $stderr == *"tare login"* ]]
	run --separate-stderr bash -c 'echo wrong | "$TARE_BIN_DIR/tare" login -u ann --password-stdin '"$registry"
	[[ $status == 1 && ! -e $HOME/.docker/config.json ]]
	run -0 --separate-stderr bash -c 'echo secret | "$TARE_BIN_DIR/tare" login -u ann --password-stdin '"$registry"
	equal "what is printed" "$output" "Login Succeeded"
	equal "mode" "$(stat -c %a "$HOME/.docker/config.json")" 600
	equal "for docker" "$(jq -r --arg r "$registry" '.auths[$r].auth | @base64d' "$HOME/.docker/config.json")" ann:secret
	run -0 tare push -q "$registry/private:1"
	tare rmi "$registry/private:1" >/dev/null
	equal "run" "$(tare run --rm -q "$registry/private:1")" private
	tare rmi "$registry/private:1" >/dev/null
	equal "logout" "$(tare logout "$registry")" "Removing login credentials for $registry"
	run --separate-stderr tare pull "$registry/private:1"
	[[ $status == 1 && $stderr == *"tare login"* ]]
	equal "logout again" "$(tare logout "$registry")" "Not logged in to $registry"
}
