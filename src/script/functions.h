// Functions of the script: in the shell's language, and the same for every container.
#pragma once

#include <string_view>

namespace tare::script {

/// Outside and inside.
inline constexpr std::string_view path_functions = R"sh(
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
)sh";

/// Inside only.
inline constexpr std::string_view mount_functions = R"sh(
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
)sh";

}  // namespace tare::script
