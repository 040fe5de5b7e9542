#!/usr/bin/env bats
# A real dockerd whose default runtime is tare-runtime.
# shellcheck disable=SC2154 # bats and the helpers set them
load helpers

setup_file() {
	setup_rootfs_once
	cd "$BATS_FILE_TMPDIR" || return
	export DOCKER_HOST=unix://$BATS_FILE_TMPDIR/docker.sock CGROUP=tare-docker-$$
	echo '{}' >none
	start_daemon dockerd dockerd --bridge=none --iptables=false --ip6tables=false --ip-forward=false --ip-masq=false \
		--userland-proxy=false --storage-driver=vfs --cgroup-parent="/$CGROUP" --data-root="$PWD/docker" \
		--exec-root="$PWD/exec" --pidfile="$PWD/docker.pid" --config-file="$PWD/none" --host="$DOCKER_HOST" \
		--add-runtime tare="$RUNTIME" --default-runtime tare
	wait_until 60 docker version >/dev/null
	docker import "$TARE_ROOTFS" box:1 >/dev/null
}

teardown_file() {
	docker ps -aq | xargs -r /usr/bin/docker rm -f >/dev/null
	stop_daemon dockerd
	remove_cgroups "$CGROUP"
	awk -v top="$BATS_FILE_TMPDIR/" 'index($2, top) == 1 { print $2 }' /proc/self/mounts | tac | xargs -r umount
}

teardown() {
	docker ps -aq | xargs -r /usr/bin/docker rm -f >/dev/null
	no_container_left "$CGROUP"
}

# Debian's, which fits its daemon.
docker() { /usr/bin/docker "$@" 3>&-; }

@test "docker run: output, exit codes, and those of commands that are not there or no programs" {
	equal runtime "$(docker info --format '{{.DefaultRuntime}}')" tare
	equal output "$(docker run --rm --network none box:1 echo hello)" hello
	run docker run --rm --network none box:1 sh -c 'exit 7'
	equal code "$status" 7
	run docker run --rm --network none box:1 sh -c 'sleep 1000 & kill -KILL $!; wait $!'
	equal "code of a killed one" "$status" 137
	run -127 docker run --rm --network none box:1 nonsense
	equal "code of what is not there" "$status" 127
	[[ $output == *"executable file not found in \$PATH"* ]]
	run -126 docker run --rm --network none box:1 /etc
	equal "code of a directory" "$status" 126
}

@test "docker run --runtime: by its name beside the default" {
	equal output "$(docker run --rm --runtime tare --network none box:1 sh -c 'echo $$')" 1
}

@test "docker exec: output, exit codes, user, directory, environment, terminal" {
	docker run -d --name one --network none box:1 sleep 1000 >/dev/null
	equal output "$(docker exec -u 1000:1001 -w /tmp -e A=b one sh -c 'id -u; id -g; pwd; echo $A')" $'1000\n1001\n/tmp\nb'
	run docker exec one sh -c 'exit 4'
	equal code "$status" 4
	run docker exec one nonsense
	[[ $status -eq 126 && $output == *"executable file not found in \$PATH"* ]]
	run script -qec "/usr/bin/docker exec -it one tty" /dev/null
	[[ $output == */dev/pts/* ]]
	equal "from standard input" "$(echo fed | docker exec -i one cat)" fed
}

@test "docker run -it: the terminal is the container's" {
	run script -qec "/usr/bin/docker run --rm -it --network none box:1 sh -c 'tty; sleep 0.5'" /dev/null
	[[ $output == */dev/pts/0* ]] || { echo "$output" && false; }
}

@test "docker stats, top, pause, update" {
	docker run -d --name one --network none -m 64m box:1 sleep 1000 >/dev/null
	[[ $(docker stats --no-stream --format '{{.MemUsage}} {{.PIDs}}' one) == *"/ 64MiB 1" ]]
	[[ $(docker top one) == *"sleep 1000"* ]]
	docker update --memory 128m --memory-swap 256m --pids-limit 20 one >/dev/null
	[[ $(docker stats --no-stream --format '{{.MemUsage}}' one) == *"/ 128MiB" ]]
	equal "limit inside" "$(docker exec one sh -c 'cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max 2>/dev/null')" 20
	docker pause one >/dev/null
	equal state "$(docker inspect --format '{{.State.Status}}' one)" paused
	docker unpause one >/dev/null
	equal output "$(docker exec one echo again)" again
}

@test "docker stop, start, restart, kill, logs, and what the engine is told of the end" {
	docker run -d --name one --network none box:1 sh -c 'trap "echo term; exit 3" TERM; echo ready; while :; do sleep 0.1; done' >/dev/null
	is_ready() { [[ $(docker logs one) == *ready* ]]; }
	wait_until 30 is_ready
	docker stop one >/dev/null
	equal code "$(docker inspect --format '{{.State.ExitCode}}' one)" 3
	equal logs "$(docker logs one)" $'ready\nterm'
	docker start one >/dev/null
	docker restart one >/dev/null
	equal running "$(docker inspect --format '{{.State.Running}}' one)" true
	docker kill -s KILL one >/dev/null
	equal code "$(docker wait one)" 137
	run docker run --name big --network none -m 16m --memory-swap 16m box:1 sh -c 'x=a; while :; do x=$x$x; done'
	equal "killed for its memory" "$(docker inspect --format '{{.State.OOMKilled}}' big)" true
}

@test "a health check" {
	docker run -d --name well --network none --health-cmd 'test ! -e /ill' --health-interval 1s --health-retries 1 box:1 sleep 1000 >/dev/null
	health() { [[ $(docker inspect --format '{{.State.Health.Status}}' well) == "$1" ]]; }
	wait_until 60 health healthy
	docker exec well touch /ill
	wait_until 60 health unhealthy
}

@test "what docker asks of a container is in force: rights, devices, limits, mounts, read-only, user" {
	equal "capabilities" "$(docker run --rm --network none --cap-drop ALL --cap-add KILL box:1 sed -n 's/^CapEff:\t//p' /proc/self/status)" \
		0000000000000020
	equal "seccomp" "$(docker run --rm --network none box:1 sed -n 's/^Seccomp:\t//p' /proc/self/status)" 2
	run docker run --rm --network none --read-only --tmpfs /tmp box:1 sh -c 'touch /tmp/a && touch /b'
	[[ $status -ne 0 && $output == *"/b: Read-only file system"* ]]
	equal "a volume" "$(docker run --rm --network none -v "$BATS_FILE_TMPDIR/none:/given:ro" box:1 cat /given)" '{}'
	equal "a limit" "$(docker run --rm --network none --ulimit nofile=99:99 box:1 sh -c 'ulimit -n')" 99
	equal "user" "$(docker run --rm --network none -u 5:6 box:1 sh -c 'id -u; id -g')" $'5\n6'
	equal "privileged" "$(docker run --rm --network none --privileged box:1 sed -n 's/^Seccomp:\t//p' /proc/self/status)" 0
	equal "the parts of sysctl" "$(docker run --rm --network none --sysctl kernel.msgmax=5000 box:1 cat /proc/sys/kernel/msgmax)" 5000
}
