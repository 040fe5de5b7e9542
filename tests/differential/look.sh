#!/bin/sh
# What a container's process finds, as lines of: item, TAB, text. Arguments: commands whose output is an item, too.
# It is busybox's shell that runs it, in the container.
[ ! -e /seen ] || exit 0
self=/proc/$$

say() { sed "s|^|$1	|"; }

# Files in /proc of the process itself, and of what its namespaces hold.
# shellcheck disable=SC2002 # what cannot be opened is an item, too
for file in mountinfo status limits cgroup oom_score_adj timens_offsets personality attr/current; do
	cat "$self/$file" 2>/dev/null | say "$file"
done
for file in environ cmdline; do
	tr '\0' '\n' <"$self/$file" 2>/dev/null | say "$file"
done
# shellcheck disable=SC2002
for file in /proc/sys/kernel/hostname /proc/sys/kernel/domainname /proc/sys/kernel/shmmax /proc/sys/kernel/msgmax \
	/proc/sys/kernel/sem /proc/sys/fs/mqueue/msg_max /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv4/ping_group_range \
	/proc/sys/net/core/somaxconn /proc/self/uid_map /proc/self/gid_map /proc/self/setgroups /proc/keys; do
	cat "$file" 2>&1 | say "file:$file"
done
for link in "$self"/ns/* "$self"/cwd "$self"/root "$self"/fd/*; do # without a pipe, which would be one of them
	if [ -L "$link" ]; then
		printf 'link:%s\t' "${link#"$self/"}"
		readlink "$link"
	fi
done
pwd | say pwd
id | say id
umask | say umask
uname -m | say machine
ip addr show lo 2>&1 | sed -n 's/^[0-9]*: //p;s/^ *inet/inet/p' | say loopback
find /sys/class/net -mindepth 1 -exec basename {} \; 2>/dev/null | sort | say interfaces
# Priority, nice, real-time priority, policy (proc_pid_stat(5)); the fields after the name.
sed 's/.*) //' "$self/stat" 2>/dev/null | cut -d' ' -f16,17,38,39 | say scheduling
ionice -p $$ 2>&1 | say ionice
cut -d' ' -f2 "$self/numa_maps" 2>/dev/null | sort -u | say memory-policy
find /dev ! -path '/dev/pts/[0-9]*' -print0 2>/dev/null | sort -z | xargs -0 stat -c 'dev:%n	%F %a %u:%g %t:%T %N' 2>/dev/null |
	sed "s/$(printf '\t')\(.*\) '[^']*'$/	\1/"

# What it may do: files, and devices by the cgroup's rules.
for directory in / /dev /proc/sys /sys/fs/cgroup /tmp; do
	if touch "$directory/probe" 2>/tmp/error; then
		echo writable
		rm -f "$directory/probe"
	else
		sed 's/.*: //' /tmp/error 2>/dev/null
	fi | say "write:$directory"
done
for device in "c 1 3" "c 1 1" "c 1 5" "c 5 1" "c 10 200" "c 10 229" "c 136 0" "b 7 0"; do
	rm -f /tmp/node
	# shellcheck disable=SC2086 # type and numbers are words
	{ mknod /tmp/node $device && dd if=/tmp/node of=/dev/null count=0; } 2>&1 | sed -n 's/.*: //p' | say "device:$device"
done
rm -f /tmp/node /tmp/error

for command; do
	eval "$command" 2>&1 | say "output:$command"
done
