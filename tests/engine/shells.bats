#!/usr/bin/env bats
# Completions in real shells, manual pages in man(1), and what is installed.
# shellcheck disable=SC2154 # bats and the helpers set them
load helpers

setup_file() { setup_rootfs_once; }
setup() {
	setup_store
	PATH=$TARE_BIN_DIR:$PATH
	PROJECT=$(realpath "$BATS_TEST_DIRNAME/../..")
}
teardown() { teardown_store; }

# in_bash LINE: what bash offers where LINE ends, sorted.
in_bash() {
	bash --norc -c 'compopt() { :; }; source <("${1%% *}" completion bash); COMP_LINE=$1 COMP_POINT=${#1}
		$(complete -p "${1%% *}" | sed "s/.*-F \([^ ]*\).*/\1/"); printf "%s\n" "${COMPREPLY[@]}"' bash "$1" | sort
}

@test "bash completes commands, options, values and the names of what there is" {
	tare create --name bread "$ROOTFS" true >/dev/null
	tare create --name box "$ROOTFS" true >/dev/null
	equal commands "$(in_bash "tare ru")" run
	equal "commands of a group" "$(in_bash "tare volume cr")" create
	equal options "$(in_bash "tare run --no-h")" ""
	equal options "$(in_bash "tare run --hostn")" --hostname
	equal containers "$(in_bash "tare rm b")" "$(printf 'box\nbread')"
	equal "after a colon" "$(in_bash "tare run --network container:b")" "$(printf 'box\nbread')"
	equal "after an equals sign" "$(in_bash "tare run --network=no")" none
	equal signals "$(in_bash "tare kill -s USR")" "$(printf 'USR1\nUSR2')"
	equal commands "$(in_bash "tare-runtime sta")" "$(printf 'start\nstate')"
	equal "in the container" "$(in_bash "tare run ./x --hostn")" ""
}

@test "fish completes" {
	tare create --name bread "$ROOTFS" true >/dev/null
	equal commands "$(fish --no-config -c 'tare completion fish | source; complete -C "tare ru"' | cut -f 1)" run
	equal help "$(fish --no-config -c 'tare completion fish | source; complete -C "tare rena"')" \
		"rename	$(tare --help | sed -n 's/^ *rename  *//p')"
	equal containers "$(fish --no-config -c 'tare completion fish | source; complete -C "tare rm b"' | cut -f 1)" bread
	[[ $(fish --no-config -c "cd $PROJECT; tare completion fish | source; complete -C 'tare run ./READ'") == *README.md* ]]
}

@test "zsh completes" {
	tare create --name bread "$ROOTFS" true >/dev/null
	run python3 "$BATS_TEST_DIRNAME/zsh_tab.py" "tare rm br"
	equal line "${lines[-1]}" "tare rm bread "
	run python3 "$BATS_TEST_DIRNAME/zsh_tab.py" "tare-runtime feat" "tare renam"
	equal line "${lines[-1]}" "tare rename "
}

@test "every command has a manual page that man(1) renders without a complaint" {
	mkdir "$BATS_TEST_TMPDIR/pages"
	tare manual --all "$BATS_TEST_TMPDIR/pages"
	tare-runtime manual --all "$BATS_TEST_TMPDIR/pages"
	local page
	for page in "$BATS_TEST_TMPDIR"/pages/*; do
		equal "complaints about $page" "$(groff -Kutf8 -man -ww -Tutf8 -rHY=0 "$page" 2>&1 >/dev/null)" ""
	done
	[[ -s $BATS_TEST_TMPDIR/pages/tare-volume-create.1 && -s $BATS_TEST_TMPDIR/pages/tare-runtime-create.8 ]]
	[[ $(groff -Kutf8 -man -Tascii -P-cbou "$BATS_TEST_TMPDIR/pages/tare-run.1") == *"--hostname NAME"* ]]
	run -125 tare manual nonsense
	equal error "$output" "tare: tare has no command nonsense (see 'tare --help')"
}

@test "what ./dev install puts there works, and --remove takes it away again" {
	mkdir "$BATS_TEST_TMPDIR/there"
	(cd "$PROJECT" && DESTDIR=$BATS_TEST_TMPDIR/there ./dev install --prefix /opt/tare) </dev/null
	local top=$BATS_TEST_TMPDIR/there/opt/tare
	equal output "$("$top/bin/tare" run --rm "$TARBALL" echo hello)" hello
	[[ -s $top/share/man/man1/tare-run.1 && -s $top/share/bash-completion/completions/tare-runtime ]]
	equal "name of the runtime" "$("$top/bin/tare-runtime" --version | head -1 | cut -d ' ' -f 1)" tare-runtime
	(cd "$PROJECT" && DESTDIR=$BATS_TEST_TMPDIR/there ./dev install --prefix /opt/tare --remove) </dev/null
	equal "files left" "$(find "$BATS_TEST_TMPDIR/there" -type f)" ""
	run -1 env DESTDIR="$BATS_TEST_TMPDIR/there" "$PROJECT/dev" install --prefix /opt/tare --remove
	[[ $output == *"nothing was installed below"* ]]
}

@test "the Debian package has the programs, depends on what they need, and works unpacked" {
	(cd "$PROJECT" && ./dev deb) </dev/null
	local package
	package=$(echo "$PROJECT"/build/tare_*.deb)
	dpkg-deb --field "$package" Depends | grep -q libc6
	dpkg-deb --extract "$package" "$BATS_TEST_TMPDIR/there"
	equal output "$("$BATS_TEST_TMPDIR/there/usr/bin/tare" run --rm "$TARBALL" echo hello)" hello
	[[ -s $BATS_TEST_TMPDIR/there/usr/share/man/man8/tare-runtime.8 ]]
}
