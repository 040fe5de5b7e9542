#!/usr/bin/env bats
# docs/tour: every command of every page is run, and prints what the page says.
load helpers

setup_file() { setup_rootfs_once; }
setup() {
	setup_store
	mkdir "$BATS_TEST_TMPDIR/tour"
	cd "$BATS_TEST_TMPDIR/tour" || return
	cp "$TARBALL" busybox.tar
	PATH=$TARE_BIN_DIR:$PATH
}
teardown() { teardown_store; }

tour() { python3 "$BATS_TEST_DIRNAME/tour.py" "$BATS_TEST_DIRNAME/../../docs/tour/$1" 3>&-; }

@test "tour, step 1 A root of its own" { tour 01-root.md; }
@test "tour, step 2 Namespaces" { tour 02-namespaces.md; }
@test "tour, step 3 The same in one command" { tour 03-run.md; }
@test "tour, step 4 The plan" { tour 04-plan.md; }
@test "tour, step 5 Where the time goes" { tour 05-trace.md; }
@test "tour, step 6 Limits" { tour 06-limits.md; }
@test "tour, step 7 Layers and volumes" { tour 07-layers.md; }
@test "tour, step 8 Rights" { tour 08-rights.md; }
@test "tour, step 9 Ids" { tour 09-ids.md; }
@test "tour, Origin: the bash script" { tour origin-bash.md; }
@test "tour, Origin: zserge's C" { tour origin-c.md; }
@test "tour, Origin: Liz Rice's Go" { tour origin-go.md; }
@test "tour, Origin: lizzie's C" { tour origin-linux-containers-in-500-lines.md; }
@test "tour, step 10 The whole runtime" { tour 10-runtime.md; }
@test "tour: every page is run by a test, and found from the first one" {
	local page
	for page in "$BATS_TEST_DIRNAME"/../../docs/tour/*.md; do
		page=${page##*/}
		[[ $page == README.md ]] || grep -qF "{ tour $page; }" "$BATS_TEST_FILENAME"
		[[ $page == README.md ]] || grep -qF "($page)" "$BATS_TEST_DIRNAME/../../docs/tour/README.md"
	done
}
