#!/usr/bin/env bats
# A real containerd: its shim by ctr(1), and its CRI plugin as the kubelet uses it, with tare-runtime as a runtime handler.
# shellcheck disable=SC2154 # bats and the helpers set them
load helpers

setup_file() {
	setup_rootfs_once
	cd "$BATS_FILE_TMPDIR" || return
	export NAMESPACE=tare-test-$$ CRI_PARENT=tare-cri-$$
	write_image
	cat >config.toml <<-END
		version = 2
		root = "$PWD/root"
		state = "$PWD/state"
		[grpc]
		  address = "$PWD/containerd.sock"
		[plugins."io.containerd.grpc.v1.cri"]
		  sandbox_image = "localhost/box:1"
		  restrict_oom_score_adj = true
		  stream_server_address = "127.0.0.1"
		  [plugins."io.containerd.grpc.v1.cri".containerd]
		    snapshotter = "native"
		    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
		      runtime_type = "io.containerd.runc.v2"
		    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.tare]
		      runtime_type = "io.containerd.runc.v2"
		      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.tare.options]
		        BinaryName = "$RUNTIME"
	END
	start_daemon containerd containerd --config "$PWD/config.toml"
	wait_until 60 ctr version >/dev/null
	ctr --namespace k8s.io images import --snapshotter native "$PWD/box.tar" >/dev/null
}

teardown_file() {
	local id
	for id in $(ctr --namespace "$NAMESPACE" task ls -q); do ctr --namespace "$NAMESPACE" task kill -s KILL "$id"; done
	stop_daemon containerd
	remove_cgroups "$NAMESPACE"
	remove_cgroups "$CRI_PARENT"
	awk -v top="$BATS_FILE_TMPDIR/" 'index($2, top) == 1 { print $2 }' /proc/self/mounts | tac | xargs -r umount
}

ctr() { beside containerd ctr --address "$BATS_FILE_TMPDIR/containerd.sock" "$@"; }
task() { ctr --namespace "$NAMESPACE" task "$@"; }
run_with_tare() {
	ctr --namespace "$NAMESPACE" run --runtime io.containerd.runc.v2 --runc-binary "$RUNTIME" "$@"
}
cri() { /usr/bin/python3 "$BATS_TEST_DIRNAME/cri.py" "$BATS_FILE_TMPDIR/containerd.sock" "$@"; }

# write_image: box.tar, an archive with the rootfs as the one layer of the image localhost/box:1.
write_image() {
	mkdir image
	tar -C "$ROOTFS" -cf image/layer.tar .
	printf '{"architecture":"amd64","os":"linux","config":{"Cmd":["sleep","1000"],"Env":["PATH=/bin:/usr/bin"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
		"$(sha256sum image/layer.tar | cut -c -64)" >image/config.json
	echo '[{"Config":"config.json","RepoTags":["localhost/box:1"],"Layers":["layer.tar"]}]' >image/manifest.json
	tar -C image -cf box.tar manifest.json config.json layer.tar
}

@test "ctr run: output, exit codes, a terminal, and the error of a command that is not there" {
	equal output "$(run_with_tare --rm --rootfs "$ROOTFS" one /bin/echo hello)" hello
	run run_with_tare --rm --rootfs "$ROOTFS" one /bin/sh -c 'exit 7'
	equal code "$status" 7
	run run_with_tare --rm --rootfs "$ROOTFS" one nonsense
	[[ $status -ne 0 && $output == *"executable file not found in \$PATH"* ]]
	local words pid
	pid=$(daemon_of containerd)
	printf -v words '%q ' nsenter --mount="/proc/$pid/ns/mnt" --pid="/proc/$pid/ns/pid" ctr --address "$BATS_FILE_TMPDIR/containerd.sock" --namespace "$NAMESPACE" run --rm -t \
		--runtime io.containerd.runc.v2 --runc-binary "$RUNTIME" --rootfs "$ROOTFS" two /bin/sh -c 'tty; sleep 0.5'
	SHELL=$BASH run script -qec "$words" /dev/null
	[[ $output == */dev/pts/0* ]] || { echo "$output" && false; }
}

@test "ctr task: exec, pause, resume, ps, metrics, kill, delete" {
	run_with_tare -d --rootfs "$ROOTFS" box /bin/sleep 1000
	[[ $(task ls) == *RUNNING* ]]
	run task exec --exec-id e box /bin/sh -c 'echo inside; exit 4'
	[[ $status -eq 4 && $output == inside ]]
	task pause box
	[[ $(task ls) == *PAUSED* ]]
	task resume box
	[[ $(task ls) == *RUNNING* ]]
	equal "processes" "$(task ps box | grep -c '^[0-9]')" 1
	[[ $(task metrics box) == *"pids.current"*1* ]]
	task kill -s KILL box
	stopped() { [[ $(task ls) == *STOPPED* ]]; }
	wait_until 30 stopped
	run task rm box
	ctr --namespace "$NAMESPACE" container rm box
	equal tasks "$(task ls -q)" ""
}

@test "the CRI plugin: a pod and its container, from the sandbox to its removal" {
	cri life tare "$CRI_PARENT"
	equal pods "$(cri list)" ""
}
