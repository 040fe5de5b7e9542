#!/bin/bash
# A container, by bash, util-linux, coreutils and tar alone. Run it as root.
#
# What this script cannot do:
#  - seccomp: no tool loads the filter of system calls (the default policy)
#  - layers: mount(8) maps ids only from 2.39 on, so the root file system is copied; a device outside of its /dev, or an owner that has no id in the container, ends the script
#  - ids: nobody is kept from giving the same ids to another container
#
# A $ in single quotes is meant as it stands, or for the bash inside, which calls functions, too.
# shellcheck disable=SC2016,SC2317

# a step that fails ends it: no container is better than half of one
set -euo pipefail
# names its cgroups, also while another run of this script is there
export id=7777777777777777777777777777777777777777777777777777777777777777-$$
# what the container changes is kept in a directory below it, and gone with it
if [[ ${TMPDIR-} == *[:,\\]* ]]; then echo 'TMPDIR: overlayfs takes a name apart at a colon, a comma and a backslash' >&2; exit 1; fi
# this one
work=$(mktemp -d)
# where its root is put together
export work root=$work/rootfs

# --- what is undone at the end: mounts and namespaces end by themselves, with the last process in them
# those of this container alone, the innermost first
cgroups=(/sys/fs/cgroup/memory/tare-"$id")
child=
clean_up() {
	# whatever happened, nothing of the container goes on
	if [[ -n $child ]]; then kill -KILL "$child" 2>/dev/null || :; wait "$child" 2>/dev/null || :; fi
	local group left
	# what changed its user id is no longer killed with its parent, so all that is left is; then the cgroup can go
	for group in "${cgroups[@]}"; do
		for _ in {1..50}; do
			if [[ ! -d $group ]] || rmdir "$group" 2>/dev/null; then break; fi
			while read -r left; do kill -KILL "$left" || :; done <"$group"/cgroup.procs 2>/dev/null || :
			sleep 0.1
		done
	done
	# neither a mount nor a device of the container's is followed
	rm -rf --one-file-system "$work"
}
# also when a step fails
trap clean_up EXIT
# Ctrl-C: 128 and the signal's number, as shells say it
trap 'exit 130' INT
# the same for kill
trap 'exit 143' TERM

# --- its user namespace, which all its other namespaces belong to
# one that holds it, until others are in it
coproc unshare --user cat
# it is found by this number
export holder=$COPROC_PID
# who answers is in it
echo >&"${COPROC[1]}"; read -r _ <&"${COPROC[0]}"
# ids in it, the host's that they stand for, and how many; the kernel takes this once
cat >"/proc/$holder/uid_map" <<<'0 100000 65536'
# the same for groups
cat >"/proc/$holder/gid_map" <<<'0 200000 1000
1000 400000 1000'

# --- directories and files of its own

in_root() { # PATH [no_links]: sets `at` to where PATH is below $root, whose links lead nowhere else
	local left=$1/ part links=0
	at=$root
	while [[ -n $left ]]; do
		part=${left%%/*} left=${left#*/}
		case $part in
		'' | .) ;;
		..) if [[ $at != "$root" ]]; then at=${at%/*}; fi ;;
		*) at+=/$part ;;
		esac
		if [[ $at == "$root" || ! -L $at ]]; then continue; fi
		if [[ -n ${2-} ]] || ((++links > 40)); then
			echo "$1 in the root file system: $part is a symbolic link" >&2
			exit 1
		fi
		# the slash keeps a newline at the end
		part=$(readlink -n "$at" && echo /)
		left=$part$left
		if [[ $part == /* ]]; then at=$root; else at=${at%/*}; fi
	done
}
make_target() { # SOURCE TARGET: a mount needs something of its kind to lie over
	if [[ -d $1 ]]; then mkdir -p "$2"; elif [[ ! -e $2 ]]; then mkdir -p "${2%/*}" && : >"$2"; fi
}
# overlayfs keeps what is changed in upper, and needs work beside it
mkdir "$work"/{rootfs,upper,work}
# for the root file system with its ids
mkdir "$work"/layer-1
# belong to the container's root
chown 100000:200000 "$work" "$work"/*

# --- the root file system
# a copy, as mount(8) cannot map ids: who unpacks it is in the user namespace, and so are the owners
tar --numeric-owner --acls --xattrs --xattrs-include='*' --one-file-system --exclude='./dev/*' -C '/srv/it'\''s' -c . |
	(cd "$work"/layer-1 && nsenter --user="/proc/$holder/ns/user" tar --numeric-owner --acls --xattrs --xattrs-include='*' -xp)
# the root directory that is seen is this one
chown --reference="$work"/layer-1 "$work"/upper && chmod --reference="$work"/layer-1 "$work"/upper && touch --reference="$work"/layer-1 "$work"/upper

# --- cgroups: what it may use
# limits count for all that is in it
mkdir /sys/fs/cgroup/memory/tare-"$id"
# the memory limit
echo 1000 >/sys/fs/cgroup/memory/tare-"$id"/memory.limit_in_bytes

# --- what the container's root needs of the host, put where it finds it
stage() {
  set -euo pipefail
  # /home/a b: on the way to it there may be what only the host's root can pass
  make_target '/home/a b' "$work"/bind-3; mount --rbind '/home/a b' "$work"/bind-3
  # /dev/null: on the way to it there may be what only the host's root can pass
  make_target /dev/null "$work"/bind-9; mount --bind /dev/null "$work"/bind-9
  # how soon the kernel ends it when memory is short: the host's to say
  echo 500 >/proc/self/oom_score_adj
  # all of it, where everybody can go
  mount --rbind "$work" /mnt
  # from now on
  export work=/mnt root=/mnt/rootfs
}

# --- what happens inside of the new namespaces, still with all rights and with the host's tools

# mountinfo keeps what else a mount is (nosuid, nodev), so mount(8) is given the target alone
remount_all() { # TARGET OPTIONS: it and all mounts below
	local target
	findmnt -rno TARGET -R "$1" | while read -r target; do mount -o "remount,bind,$2" "$(printf %b "$target")"; done
}
hide() { # PATH: a directory by an empty one, a file by /dev/null
	in_root "$1" no_links
	if [[ -d $at ]]; then
		mount -t tmpfs -o nosuid,nodev,noexec,mode=755,nr_inodes=2,size=4k tmpfs "$at"
		mount -o remount,bind,ro "$at"
	elif [[ -e $at ]]; then
		mount --bind "$root/dev/null" "$at"
	fi
}
protect() { # PATH
	in_root "$1" no_links
	if [[ -e $at ]]; then
		mount --rbind "$at" "$at"
		remount_all "$at" ro
	fi
}
build() {
  set -euo pipefail
  # what is made on the way is for all to see and for root to change
  umask 022
  # a file system of its own, overlay, is seen at the container's root for now
  mount -t overlay -o lowerdir="$work"/layer-1,upperdir="$work"/upper,workdir="$work"/work,userxattr overlay "$root"
  # a mount needs a directory to lie over
  in_root /proc; mkdir -p "$at"
  # a file system of its own, proc, is seen at /proc
  mount -t proc none "$at"
  # and is ro there, whatever it is elsewhere
  mount -o remount,bind,ro "$at"
  # a mount needs something of its kind to lie over
  in_root /data; make_target "$work"/bind-3 "$at"
  # /home/a b is seen at /data
  mount --rbind "$work"/bind-3 "$at"
  # and is ro there, whatever it is elsewhere
  remount_all "$at" ro
  # a mount needs something of its kind to lie over
  in_root /dev/null; make_target "$work"/bind-9 "$at"
  # /dev/null is seen at /dev/null
  mount --bind "$work"/bind-9 "$at"
  # tells of the host, or lets it be changed
  hide /proc/kcore
  # may be read, but changing it changes the host
  protect /proc/sys
  # shows this network namespace, and can be written
  mkdir "$work"/net && mount -t sysfs sysfs "$work"/net
  # IFF_UP and IFF_LOOPBACK: lo goes up, without ip(8)
  echo 0x9 >"$work"/net/class/net/lo/flags
  # no longer needed
  umount "$work"/net
  # moves to the new root with pivot_root, as this process's root does
  cd /
  # limits, ids and capabilities, an empty environment; then bash waits, as those tools are out of reach when the host's tree is, and gets: a directory, variables, --, the command
  exec setsid \
    prlimit --nofile=10:20 \
    setpriv --groups 5,6 --bounding-set -all,+chown --reuid 1000 --regid 1001 --inh-caps -all --ambient-caps -all \
    env -i --default-signal \
    "$BASH" -p -c "$wait_and_become" bash \
    '/a $dir' 'A=`b`' -- \
    sh -c 'echo "$A"
'
}
# the rest, without any tool
export wait_and_become='
	# nothing that the script has open is for the command
	for fd in /proc/self/fd/*; do fd=${fd##*/}; if [ "$fd" -gt 4 ]; then eval "exec $fd>&-"; fi; done
	echo ready >&4
	read -r _ <&3 || exit 125
	exec 3<&- 4>&-
	cd -- "$1" || exit 126
	# the one of the container
	exec </dev/null
	umask 022
	# what bash sets by itself; an array is not exported, and so exec does not bring SHLVL back
	unset -v fd PWD OLDPWD SHLVL
	declare -a SHLVL
	shift
	# unset: it means nothing to bash any more. A locale that is not there is no news
	while [ "$1" != -- ]; do unset -v "${1%%=*}"; export "$1"; shift; done 2>/dev/null
	shift
	exec -- "$@"
'

# --- start it
# the container and this script wait for each other
mkfifo "$work"/go "$work"/ready
# opened for both: neither open blocks
exec 3<>"$work"/go 4<>"$work"/ready
# the files of its cgroups: who opens them is asked for the right to
exec 10>/sys/fs/cgroup/memory/tare-"$id"/tasks
# 0 is the process that writes; what it is in by then is the root of its cgroup namespace
enter() { echo 0 >&10; exec unshare --cgroup "$BASH" -c build; }
# the bash inside is another one
export -f stage enter build in_root make_target remount_all hide protect
# first the user namespace, as its root: so the others belong to it
unshare --mount --propagation private "$BASH" -euc 'stage; exec nsenter --user="/proc/$holder/ns/user" unshare --mount --propagation private --net --ipc --uts --pid --fork --kill-child "$BASH" -euc enter' <&0 &
child=$!
# all is mounted, and the last bash waits
until read -r -t 1 _ <&4; do kill -0 "$child" 2>/dev/null || { wait "$child" || exit; exit 1; }; done
# its name, in its uts namespace
nsenter --uts="/proc/$child/ns/uts" "$BASH" -euc 'echo "$1" >/proc/sys/kernel/hostname' bash 'a'\''b'
# the root of all processes in there becomes this one; the old one lies over it
nsenter --mount="/proc/$child/ns/mnt" "$BASH" -euc 'cd /mnt/rootfs; pivot_root . .'
# who enters a mount namespace sees what lies on top: the host's tree, which goes
nsenter --mount="/proc/$child/ns/mnt" umount --no-canonicalize -l /
# the command may begin
echo go >&3
# nobody waits any more
exec 3<&- 4>&- 10>&-
status=0
# as long as it runs
wait "$child" || status=$?
# it has ended
child=
# its exit code is this script's
exit "$status"
