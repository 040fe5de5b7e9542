#!/usr/bin/env bats
# Programs that people put into containers, and what they do with them: shells with job control, editors, web servers,
# a database, package managers and setuid programs. Most run in a minimal Debian that `./dev rootfs debian` makes.
# shellcheck disable=SC2016,SC2154 # scripts for the container's shell; variables that bats and the helpers set
load helpers

setup_file() {
	setup_rootfs_once
	export DEBIAN=$BATS_FILE_TMPDIR/debian
	export DEBIAN_TARBALL=${TARE_DEBIAN_ROOTFS:-$BATS_TEST_DIRNAME/../../build/rootfs/debian.tar}
	[[ -e $DEBIAN_TARBALL ]] || return 0
	mkdir "$DEBIAN"
	tar --numeric-owner -C "$DEBIAN" -xf "$DEBIAN_TARBALL"
}
setup() { setup_store; }
teardown() { teardown_store; }

need_debian() { [[ -d $DEBIAN ]] || skip "there is no $DEBIAN_TARBALL, which './dev rootfs debian' makes"; }

scenario() { timeout 110 python3 "$BATS_TEST_DIRNAME/real_programs.py" "$@"; }

# free_port: of this machine, now.
free_port() { python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

is_free() { python3 -c 'import socket, sys; socket.create_server(("127.0.0.1", int(sys.argv[1])))' "$1" 2>/dev/null; }

# fetch PORT PATH: status and body.
fetch() {
	python3 - "$@" <<-'PYTHON'
		import http.client, sys
		server = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=20)
		server.request("GET", sys.argv[2])
		answer = server.getresponse()
		print(answer.status, answer.read().decode().strip())
	PYTHON
}

answers() { fetch "$@" >/dev/null 2>&1; }

state_of() { tare inspect -f '{{.State.Status}} {{.State.ExitCode}}' "$1"; }

# logged CONTAINER WORDS [OPTION...]: in either of its streams.
logged() { tare logs "${@:3}" "$1" 2>&1 | grep -qF -- "$2"; }

cli() { tare exec "$1" redis-cli "${@:2}"; }

is_up() { [[ $(cli "$1" ping 2>/dev/null) == PONG ]]; }

has_ended() { [[ $(state_of "$1") == exited* ]]; }

# start_redis NAME OPTION...: as its own user; each write is on the disk before it is answered.
start_redis() {
	tare run -d --name "$1" -u redis "${@:2}" "$DEBIAN" redis-server --dir /var/lib/redis --appendonly yes --appendfsync always
	wait_until 30 is_up "$1"
}

@test "busybox sh has job control, and the size of the terminal" { scenario a_shell_has_job_control "$ROOTFS" sh; }
@test "bash has job control, and the size of the terminal" {
	need_debian
	scenario a_shell_has_job_control "$DEBIAN" bash
}
@test "exec -it of busybox sh has job control" { scenario exec_has_job_control "$ROOTFS" sh; }
@test "exec -it of bash has job control" {
	need_debian
	scenario exec_has_job_control "$DEBIAN" bash
}
@test "busybox sh is left by the detach keys and found again by several clients" {
	scenario a_shell_is_left_and_found_again "$ROOTFS" sh
}
@test "bash is left by the detach keys and found again by several clients" {
	need_debian
	scenario a_shell_is_left_and_found_again "$DEBIAN" bash
}
@test "busybox vi fills the screen, and again when it is resized" {
	scenario the_editor_of_busybox_fills_the_screen "$ROOTFS" sh
}
@test "less fills the screen, and again when it is resized" {
	need_debian
	scenario less_fills_the_screen "$DEBIAN" sh
}

@test "busybox httpd answers on the host's loopback until it is stopped" {
	local port began
	port=$(free_port)
	mkdir "$BATS_TEST_TMPDIR/www"
	echo 'hello from a container' >"$BATS_TEST_TMPDIR/www/index.html"
	began=$(date +%s.%N)
	tare run -d --init --name web --network host -v "$BATS_TEST_TMPDIR/www:/www:ro" "$ROOTFS" \
		httpd -f -vv -p "127.0.0.1:$port" -h /www
	wait_until 20 answers "$port" /
	equal "a page" "$(fetch "$port" /)" "200 hello from a container"
	equal "no page" "$(fetch "$port" /absent | head -c 3)" 404
	echo 'changed outside' >"$BATS_TEST_TMPDIR/www/index.html"
	equal "a page" "$(fetch "$port" /)" "200 changed outside"
	wait_until 10 logged web "url:/absent"
	wait_until 10 logged web "response:404"
	run ! is_free "$port"

	# A follower has what came before, since a time, and what comes; and ends with the container.
	"$TARE_BIN_DIR/tare" logs -f --since "$began" web >"$BATS_TEST_TMPDIR/followed" 2>&1 3>&- &
	local follower=$!
	fetch "$port" /later
	wait_until 10 grep -q 'url:/later' "$BATS_TEST_TMPDIR/followed"
	grep -q 'url:/absent' "$BATS_TEST_TMPDIR/followed"
	tare stop web
	wait "$follower"
	equal "its state" "$(state_of web)" "exited 143"
	is_free "$port"
	logged web "url:/later"
	run ! logged web "url:/" --since "$(date +%s.%N)"

	tare start web
	wait_until 20 answers "$port" /
	equal "a page" "$(fetch "$port" /)" "200 changed outside"
	tare rm -f web
	is_free "$port"
}

nginx_has_workers() {
	[[ $(tare top "$1" -eo pid,user:20,args | sed -n 's/^ *[0-9]* *\([^ ]*\) *nginx: \([a-z]*\).*/\1 \2/p' | sort | xargs) == \
		"root master www-data worker www-data worker" ]]
}

@test "nginx drops its rights, logs to the container's streams, reloads and ends gracefully" {
	need_debian
	local port id
	port=$(free_port)
	cat >"$BATS_TEST_TMPDIR/nginx.conf" <<-EOF
		user www-data;
		worker_processes 2;
		daemon off;
		error_log /dev/stderr notice;
		events {}
		http {
			access_log /dev/stdout;
			server { listen 127.0.0.1:$port; root /srv; }
		}
	EOF
	tare run -d --name web --network host --stop-signal QUIT --read-only --tmpfs /run --tmpfs /var/lib/nginx --tmpfs /srv:mode=755 \
		-v "$BATS_TEST_TMPDIR/nginx.conf:/etc/nginx/nginx.conf:ro" "$DEBIAN" nginx
	wait_until 30 answers "$port" /
	tare exec web sh -c 'echo first page >/srv/index.html'
	equal "a page" "$(fetch "$port" /)" "200 first page"
	wait_until 20 nginx_has_workers web
	id=$(tare inspect -f '{{.Id}}' web)
	equal "stats" "$(tare stats --no-stream --format '{{.Name}} {{.PIDs}}' web)" "web 3"
	tare stats --no-stream --format '{{json .}}' web | jq -e --arg id "${id:0:12}" '.ID == $id and (.MemUsage | test("[1-9].*iB / "))'

	tare exec web nginx -t
	tare kill -s HUP web
	wait_until 20 logged web "reconfiguring"
	wait_until 20 answers "$port" /reloaded
	wait_until 20 logged web '"GET /reloaded HTTP/1.1" 404'
	equal "the access log is standard output" "$(tare logs web 2>/dev/null | grep -c '"GET / HTTP/1.1" 200')" 1
	tare stop web
	equal "its state" "$(state_of web)" "exited 0"
	logged web "signal 3 (SIGQUIT) received"
	is_free "$port"
}

@test "redis keeps its data over stop, start, restart and kill" {
	need_debian
	start_redis db
	equal "its user" "$(tare top db -eo pid,uid,comm | awk 'NR == 2 { print $2, $3 }')" "$(stat -c %u "$DEBIAN/var/lib/redis") redis-server"
	equal "no network" "$(tare exec db cat /proc/net/dev | grep -c :)" 1
	equal "a write" "$(cli db set first one)" OK
	tare stop db
	equal "its state" "$(state_of db)" "exited 0"
	logged db "Received SIGTERM scheduling shutdown"
	logged db "Redis is now ready to exit, bye bye"

	tare start db
	wait_until 30 is_up db
	equal "after start" "$(cli db get first)" one
	cli db set second two
	tare restart db
	wait_until 30 is_up db
	equal "after restart" "$(cli db mget first second)" $'one\ntwo'
	cli db set third three
	tare kill -s KILL db
	equal "its end" "$(tare wait db)" 137
	tare start db
	wait_until 30 is_up db
	equal "after kill" "$(cli db mget first second third)" $'one\ntwo\nthree'
	equal "it began four times" "$(tare logs db | grep -c 'Ready to accept connections')" 4
}

@test "redis's data is in a volume that outlives its containers, and it is reached on the host's loopback" {
	need_debian
	local port
	port=$(free_port)
	tare run -d --name db -u redis -v data:/var/lib/redis --network host "$DEBIAN" \
		redis-server --dir /var/lib/redis --bind 127.0.0.1 --port "$port" --appendonly yes
	wait_until 30 bash -c "exec 3<>/dev/tcp/127.0.0.1/$port" 2>/dev/null
	exec 9<>"/dev/tcp/127.0.0.1/$port"
	printf 'SET from host\r\nGET from\r\nQUIT\r\n' >&9
	equal "its answers" "$(tr -d '\r' <&9)" $'+OK\n$4\nhost\n+OK'
	exec 9>&-
	tare stop db
	tare rm db
	is_free "$port"

	start_redis next -v data:/var/lib/redis
	equal "in another container" "$(cli next get from)" host
	cli next set killed no
	tare kill -s KILL next
	wait_until 30 has_ended next
	tare start next
	wait_until 30 is_up next
	equal "after kill" "$(cli next mget from killed)" $'host\nno'
	tare rm -f next
	start_redis last -v data:/var/lib/redis
	equal "after rm -f" "$(cli last mget from killed)" $'host\nno'
	equal "the volume's owner" "$(tare exec last stat -c %U /var/lib/redis)" redis
}

@test "redis outgrows its memory, is killed, and comes back" {
	need_debian
	start_redis db -m 48m --memory-swap 48m --init
	cli db set before it
	run cli db eval 'for i = 1, 2000000 do redis.call("set", i, string.rep("x", 100)) end' 0
	wait_until 30 has_ended db
	equal "its state" "$(state_of db)" "exited 137"
	equal "the reason" "$(tare inspect -f '{{.State.OOMKilled}}' db)" true
	tare start db
	wait_until 30 is_up db
	equal "after the kill" "$(cli db get before)" it
	equal "a started container was not killed" "$(tare inspect -f '{{.State.OOMKilled}}' db)" false
}

@test "what was installed in a container is exported, and runs from the stream" {
	need_debian
	tare run --name made "$DEBIAN" bash -ec '
		useradd --system --create-home keeper
		install -o keeper -m 4755 /usr/bin/id /usr/local/bin/who
		redis-server --dir /var/lib/redis --daemonize yes >/dev/null
		until redis-cli ping; do sleep 0.1; done >/dev/null 2>&1
		redis-cli set carried over >/dev/null
		redis-cli shutdown save'
	run --separate-stderr bash -o pipefail -c '
		"$TARE_BIN_DIR/tare" export made | "$TARE_BIN_DIR/tare" run --rm - bash -ec "
			runuser -u nobody -- /usr/local/bin/who -un
			stat -c %U /usr/local/bin/who /var/lib/redis
			redis-server --dir /var/lib/redis --daemonize yes >/dev/null
			until redis-cli ping >/dev/null 2>&1; do sleep 0.1; done
			redis-cli get carried"'
	equal "status $stderr" "$status" 0
	equal output "$output" $'keeper\nkeeper\nredis\nover'
}

@test "dpkg and apt-get install packages, with their scripts and configuration files" {
	need_debian
	run --separate-stderr tare run --rm "$DEBIAN" bash -euc '
		exec 2>&1
		mkdir -p /build/{DEBIAN,etc,usr/bin} /repository
		printf "%s\n" "Package: greeter" "Version: 1" "Architecture: all" "Maintainer: nobody <nobody@example.org>" \
			"Description: greets" >/build/DEBIAN/control
		echo /etc/greeting >/build/DEBIAN/conffiles
		printf "#!/bin/sh\nset -e\nadduser --system --group greeter\nchown greeter /etc/greeting\n" >/build/DEBIAN/postinst
		echo hello >/build/etc/greeting
		printf "#!/bin/sh\ncat /etc/greeting\n" >/build/usr/bin/greet
		chmod 755 /build/DEBIAN/postinst /build/usr/bin/greet
		dpkg-deb --build /build /repository/greeter.deb >/dev/null
		dpkg -i /repository/greeter.deb >/dev/null
		greet
		stat -c %U /etc/greeting
		echo changed >/etc/greeting
		dpkg --remove greeter >/dev/null
		cat /etc/greeting
		dpkg --purge greeter >/dev/null
		ls /etc/greeting || true

		cd /repository
		{
			cat /build/DEBIAN/control
			echo "Filename: ./greeter.deb"
			stat -c "Size: %s" greeter.deb
			echo "SHA256: $(sha256sum greeter.deb | cut -d" " -f1)"
		} >Packages
		rm -f /etc/apt/sources.list /etc/apt/sources.list.d/*
		echo "deb [trusted=yes] copy:/repository ./" >/etc/apt/sources.list
		apt-get -qq update
		apt-get install -y greeter 2>/dev/null | tr -d "\r" | grep "^Setting up" # dpkg has a terminal
		greet
		dpkg --verify greeter'
	equal "status $stderr$output" "$status" 0
	equal output "$output" "hello
greeter
changed
ls: cannot access '/etc/greeting': No such file or directory
Setting up greeter (1) ...
hello"
}

@test "passwd, su and other setuid programs work for the container's users" {
	need_debian
	scenario setuid_programs_ask_for_passwords "$DEBIAN" bash
}

@test "setuid programs gain nothing where no new privileges are wanted" {
	need_debian
	local script='install -m 4755 /usr/bin/id /usr/local/bin/who; runuser -u nobody -- /usr/local/bin/who -un'
	says root "$DEBIAN" bash -c "$script"
	says nobody --security-opt no-new-privileges "$DEBIAN" bash -c "$script"
}

@test "a Debian tarball is a root file system, with its owners, links and modes" {
	need_debian
	says $'12\nroot 4755\nredis 750\n/usr/bin/vim.tiny' "$DEBIAN_TARBALL" bash -c '
		cut -d. -f1 /etc/debian_version
		stat -c "%U %a" /usr/bin/su /var/lib/redis
		realpath /usr/bin/vi'
}
