#!/usr/bin/env bats
# A real buildah, which runs its steps with tare-runtime.
load helpers

setup_file() {
	setup_rootfs_once
	export STORE=$BATS_FILE_TMPDIR/store
}
teardown_file() {
	buildah rm --all >/dev/null 2>&1 || true
	awk -v top="$BATS_FILE_TMPDIR/" 'index($2, top) == 1 { print $2 }' /proc/self/mounts | tac | xargs -r umount
}

# Its limits may be more than may be given here.
buildah() { command buildah --root "$STORE/root" --runroot "$STORE/run" --storage-driver vfs "$@" 3>&-; }
run_options=(--runtime "$RUNTIME" --isolation oci --network none)

# new_container: with the busybox; prints its name.
new_container() {
	local name
	name=$(buildah from --ulimit nofile=1000:1000 --ulimit nproc=1000:1000 scratch)
	buildah add "$name" "$TARBALL" / >/dev/null
	echo "$name"
}

@test "buildah run: output, exit code, directory, user, environment, and the error of a command that is not there" {
	local name
	name=$(new_container)
	equal output "$(buildah run "${run_options[@]}" "$name" echo hello)" hello
	run buildah run "${run_options[@]}" "$name" sh -c 'exit 7'
	equal code "$status" 7
	# shellcheck disable=SC2016 # the container expands it
	equal "what it sees" "$(buildah run "${run_options[@]}" --user 5:6 --workingdir /tmp --env A=b "$name" sh -c 'id -u; id -g; pwd; echo $A')" \
		$'5\n6\n/tmp\nb'
	run buildah run "${run_options[@]}" "$name" nonsense
	[[ $status -ne 0 && $output == *"executable file not found in \$PATH"* ]]
	buildah rm "$name" >/dev/null
}

@test "buildah bud: what the steps of a Dockerfile leave is in the image" {
	mkdir "$BATS_TEST_TMPDIR/context"
	cp "$TARBALL" "$BATS_TEST_TMPDIR/context/root.tar"
	cat >"$BATS_TEST_TMPDIR/context/Dockerfile" <<-END
		FROM scratch
		ADD root.tar /
		RUN echo first >/made && mkdir -p /some/where
		WORKDIR /some/where
		RUN pwd >>/made && id -u >>/made
	END
	buildah bud --runtime "$RUNTIME" --isolation oci --network none --ulimit nofile=1000:1000 --ulimit nproc=1000:1000 \
		-t made "$BATS_TEST_TMPDIR/context" >"$BATS_TEST_TMPDIR/log" 2>&1 || { cat "$BATS_TEST_TMPDIR/log" && false; }
	local name
	name=$(buildah from made)
	equal "the file made" "$(cat "$(buildah mount "$name")/made")" $'first\n/some/where\n0'
	buildah umount "$name" >/dev/null
	buildah rm "$name" >/dev/null
}
