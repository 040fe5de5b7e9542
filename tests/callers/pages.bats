#!/usr/bin/env bats
# docs/callers: every command of a block `sh` is run as it stands, where nobody else sees what it changes.
# shellcheck disable=SC2154 # bats and the helpers set them
load helpers

setup_file() { setup_rootfs_once; }

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	cp "$TARBALL" busybox.tar
	CGROUP=tare-pages-$$-$BATS_TEST_NUMBER
	mkdir bin
	# What the pages take for granted: a service manager.
	cat >bin/systemctl <<-'END'
		#!/bin/bash
		[[ $1 == restart ]] || exit 1
		pid=$(cat "/run/service-$2" 2>/dev/null) && kill "$pid"
		# Nobody reaps it here.
		while grep -qs "^State:.[^Z]" "/proc/$pid/status"; do sleep 0.1; done
		case $2 in
		docker) daemon=(dockerd --bridge=none --iptables=false --ip6tables=false --ip-forward=false --ip-masq=false
			--userland-proxy=false --storage-driver=vfs --cgroup-parent="/$CGROUP") alive=(docker version) ;;
		containerd) daemon=(containerd) alive=(ctr version) ;;
		esac
		"${daemon[@]}" </dev/null >>"$WORK/$2.log" 2>&1 &
		echo $! >"/run/service-$2"
		for _ in {1..300}; do "${alive[@]}" >/dev/null 2>&1 && exit; sleep 0.1; done
		tail -n 5 "$WORK/$2.log"
		exit 1
	END
	chmod +x bin/systemctl
}

teardown() {
	remove_cgroups "$CGROUP"
	remove_cgroups libpod_parent
	remove_cgroups default
	awk -v top="$BATS_TEST_TMPDIR/" 'index($2, top) == 1 { print $2 }' /proc/self/mounts | tac | xargs -r umount
}

# page NAME [SERVICE]: with /etc, /run, /var/lib and /usr/local/bin of its own; the service runs already.
page() {
	# shellcheck disable=SC2016 # the shell inside expands it
	CGROUP=$CGROUP WORK=$BATS_TEST_TMPDIR unshare --mount --net --pid --fork --kill-child --mount-proc bash -euc '
		mount --make-rprivate / && ip link set lo up
		for place in etc var/lib; do
			mkdir -p "$WORK/upper/$place" "$WORK/work/$place"
			mount -t overlay -o "lowerdir=/$place,upperdir=$WORK/upper/$place,workdir=$WORK/work/$place" overlay "/$place"
		done
		# Which is an overlay now, and takes no other.
		mkdir -p /var/lib/containerd && mount -t tmpfs tmpfs /var/lib/containerd
		mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /usr/local/bin
		ln -s "$1" /usr/local/bin/tare-runtime
		export PATH=$WORK/bin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
		mkdir -p /etc/containers
		printf "[containers]\ndefault_ulimits = [\"nofile=1000:1000\", \"nproc=1000:1000\"]\n" >/etc/containers/containers.conf
		printf "[storage]\ndriver = \"vfs\"\ngraphroot = \"%s\"\nrunroot = \"/run/storage\"\n" "$WORK/storage" >/etc/containers/storage.conf
		if [[ $4 ]]; then systemctl restart "$4"; fi
		python3 "$2" "$3"' page "$RUNTIME" "$BATS_TEST_DIRNAME/../engine/tour.py" "$BATS_TEST_DIRNAME/../../docs/callers/$1" "${2:-}" 3>&-
}

@test "the page for podman" { page podman.md; }
@test "the page for docker" { page docker.md; }
@test "the page for containerd" { page containerd.md containerd; }
@test "each page with commands that can be run is run by a test, and each is found from the first one" {
	local page
	for page in "$BATS_TEST_DIRNAME"/../../docs/callers/*.md; do
		grep -qF '```sh' "$page" || continue
		grep -qE "\{ page ${page##*/}[a-z ]*; \}" "$BATS_TEST_FILENAME"
	done
	for page in "$BATS_TEST_DIRNAME"/../../docs/callers/[!R]*.md; do
		grep -qF "(${page##*/})" "$BATS_TEST_DIRNAME/../../docs/callers/README.md"
	done
}
