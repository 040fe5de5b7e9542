"""What a person does at the terminal of a container: scenarios, one function each, for real_programs.bats.
real_programs.py SCENARIO ROOT SHELL; TARE_BIN_DIR, TARE_ROOT and TARE_RUN_ROOT are the test's."""
import json
import os
import re
import subprocess
import sys
import time

from terminal import Terminal, check

TARE = os.environ["TARE_BIN_DIR"] + "/tare"
ROOT, SHELL = sys.argv[2], sys.argv[3]
PROMPT = "box# "
# read, poll, ppoll: by the numbers of <asm/unistd.h>.
WAITS_FOR_INPUT = {"x86_64": ("0", "7", "271"), "aarch64": ("63", "73")}[os.uname().machine]
CTRL_C, CTRL_Z, DETACH = "\x03", "\x1a", "\x10\x11"


def tare(*words):
    return subprocess.run([TARE, *words], stdout=subprocess.PIPE, check=True).stdout.decode()


def state():
    return json.loads(tare("inspect", "box"))[0]["State"]


def await_prompt(terminal):
    """The shell in it says that it is there, and that its prompt can be told from what it echoes."""
    terminal.type(f"PS1='box''# '; echo re''ady\n")
    terminal.expect(r"ready\r\n.*" + PROMPT)


def open_shell(*options, **size):
    terminal = Terminal(TARE, "run", "-it", "--name", "box", *options, ROOT, SHELL, **size)
    await_prompt(terminal)
    return terminal


def run_in(terminal, command, pattern):
    found = terminal.answer(command, pattern)
    terminal.expect(PROMPT)
    return found


def interrupt(terminal, key, pattern):
    """The key goes to what is in the foreground, and the shell goes on."""
    terminal.type(key)
    terminal.expect(pattern)


def await_size(terminal, rows, columns):
    """The shell draws its line anew when it hears of the size, so what it echoes cannot be told beforehand."""
    terminal.type(f"until [ \"$(stty size)\" = '{rows} {columns}' ]; do sleep 0.1; done; echo re''sized\n")
    terminal.expect(r"resized\r\n(.*)" + PROMPT)


def await_input(program):
    """The program of the container waits for a key. A signal that comes between its look at what came and its wait is one
    that many programs, less among them, hear of with the next key only."""
    first = state()["Pid"]
    for _ in range(600):
        with open(f"/proc/{first}/task/{first}/children", encoding="ascii") as file:
            processes = [first, *map(int, file.read().split())]
        for process in processes:
            with open(f"/proc/{process}/comm", encoding="utf-8") as comm, open(f"/proc/{process}/syscall",
                                                                              encoding="ascii") as call:
                if comm.read().strip() == program and call.read().split()[0] in WAITS_FOR_INPUT:
                    return
        time.sleep(0.1)
    sys.exit(f"{program} does not wait for input")


STOPPED = r"Stopped[^\n]*\n(.*\n)*.*" + PROMPT
# They say when they have the terminal.
SLEEP = "sh -c 'echo a''sleep; exec sleep 1000'"
CAT = "sh -c 'echo a''wake; exec cat'"


def job_control(terminal):
    terminal.answer(SLEEP, r"asleep\r\n")
    interrupt(terminal, CTRL_C, PROMPT)
    run_in(terminal, "echo code $?", r"code 130\r\n")

    terminal.answer(CAT, r"awake\r\n")
    terminal.answer("one", r"one\r\n")
    interrupt(terminal, CTRL_Z, STOPPED)
    run_in(terminal, "jobs", r"\[1\].*Stopped.*cat")
    run_in(terminal, "ps -o stat,args | grep '[c]at'", r"T\S*\s+(sh -c .*)?cat")
    terminal.answer("fg", r"cat[^\n]*\n")
    terminal.answer("two", r"two\r\n")  # it has the terminal again: a shell tells of `fg` before that
    interrupt(terminal, CTRL_Z, STOPPED)
    terminal.answer("kill %1; fg; echo code $?", r"code 143\r\n")
    terminal.expect(PROMPT)

    terminal.answer(SLEEP, r"asleep\r\n")
    interrupt(terminal, CTRL_Z, STOPPED)
    run_in(terminal, "bg", r"\[1\]")
    run_in(terminal, "jobs", r"\[1\].*Running.*sleep")
    terminal.answer("kill %1; wait %1; echo code $?", r"code 143\r\n")
    terminal.expect(PROMPT)


def a_shell_has_job_control():
    terminal = open_shell(rows=33, columns=101)
    run_in(terminal, "stty size", r"33 101\r\n")
    job_control(terminal)
    terminal.resize(50, 120)
    await_size(terminal, 50, 120)
    terminal.type("exit 42\n")
    check("the exit code is the shell's", terminal.wait() == 42)
    check("the terminal is restored", terminal.is_restored())


def exec_has_job_control():
    tare("run", "-d", "--init", "--name", "box", ROOT, "sleep", "1000")
    terminal = Terminal(TARE, "exec", "-it", "-e", "KEY=value", "box", SHELL, rows=31, columns=99)
    await_prompt(terminal)
    run_in(terminal, "echo $KEY; stty size; tty", r"value\r\n31 99\r\n/dev/(pts/\d+|console)\r\n")
    job_control(terminal)
    terminal.resize(40, 90)
    await_size(terminal, 40, 90)
    terminal.type("exit 41\n")
    check("the exit code is the shell's", terminal.wait() == 41)
    check("the terminal is restored", terminal.is_restored())
    check("the container goes on", state()["Status"] == "running")


def a_shell_is_left_and_found_again():
    first = open_shell(rows=30, columns=90)
    run_in(first, "kept=in''side; cd /tmp; sleep 1000 & echo started", r"started\r\n")
    first.type("echo typed be''fore " + DETACH)
    check("the client was let go", first.wait() == 0)
    check("the terminal is restored", first.is_restored())
    check("the container goes on", state()["Status"] == "running")

    second = Terminal(TARE, "attach", "box", rows=44, columns=111)
    second.type("&& echo $kept\n")
    second.expect(r"typed before\r\ninside\r\n")
    run_in(second, "echo $kept $PWD", r"inside /tmp\r\n")
    run_in(second, "jobs", r"\[1\].*Running.*sleep")
    await_size(second, 44, 111)

    third = Terminal(TARE, "attach", "box", rows=44, columns=111)
    third.type("echo from the th''ird\n")
    for terminal in second, third:
        terminal.expect(r"from the third\r\n")
    second.type("echo from the sec''ond\n")
    for terminal in second, third:
        terminal.expect(r"from the second\r\n")
    third.type(DETACH)
    check("one of two was let go", third.wait() == 0)
    run_in(second, "echo still $kept", r"still inside\r\n")

    fourth = Terminal(TARE, "attach", "box", rows=44, columns=111)
    fourth.type("echo he''re\n")
    fourth.expect(r"here\r\n")
    fourth.type("kill %1; exit 7\n")
    for terminal in second, fourth:
        check("every client has the exit code", terminal.wait() == 7)
        check("every terminal is restored", terminal.is_restored())
    check("it is recorded", state()["ExitCode"] == 7 and state()["Status"] == "exited")


def the_editor_of_busybox_fills_the_screen():
    terminal = open_shell(rows=24, columns=80)
    before = subprocess.run(["stty", "-a"], stdin=terminal.slave, stdout=subprocess.PIPE, check=True).stdout
    modes = run_in(terminal, "stty -g", r"([0-9a-f:]+)\r\n").group(1)
    terminal.type("vi /tmp/text\n")
    drawn = terminal.expect(r"(~[^~]*){22}\x1b\[24;1H")  # a text of one empty line, the others marked
    check("no more lines than there are", drawn.group(0).count("~") <= 23)
    await_input("vi")
    terminal.resize(40, 100)
    terminal.expect(r"(~[^~]*){38}\x1b\[40;1H")
    terminal.type("itext of the editor")
    terminal.expect("text of the editor")
    terminal.type("\x1b")
    terminal.expect(r"- /tmp/text")  # with what follows at once, it would be another key
    terminal.type(":wq\n")
    terminal.expect(PROMPT)
    run_in(terminal, "cat /tmp/text", r"text of the editor\r\n")
    run_in(terminal, "stty -g", modes + r"\r\n")
    after = subprocess.run(["stty", "-a"], stdin=terminal.slave, stdout=subprocess.PIPE, check=True).stdout
    check("the modes outside are left alone, but for the size",
          before.split(b"\n", 1)[1] == after.split(b"\n", 1)[1])
    terminal.type("exit\n")
    check("it ends well", terminal.wait() == 0)
    check("the terminal is restored", terminal.is_restored())


def less_fills_the_screen():
    terminal = Terminal(TARE, "run", "-it", "--rm", "--name", "box", ROOT, SHELL, "-c",
                        "seq -f 'line %g.' 1 500 >/tmp/lines; exec less /tmp/lines", rows=20, columns=80)
    shown = terminal.expect(r"line 1\.(.*\n)*.*/tmp/lines")
    check("all but the last row are lines", re.findall(r"line (\d+)\.", shown.group(0))[-1] == "19")
    await_input("less")
    terminal.resize(35, 80)
    terminal.expect(r"line 34\.")
    terminal.type("G")
    terminal.expect(r"line 500\.(.*\n)*.*\(END\)")
    terminal.type("q")
    terminal.expect(r"\x1b\[\?1049l")  # it leaves the other screen
    check("it ends well", terminal.wait() == 0)
    check("the terminal is restored", terminal.is_restored())


def setuid_programs_ask_for_passwords():
    terminal = Terminal(TARE, "run", "-it", "--rm", "--name", "box", ROOT, SHELL)
    await_prompt(terminal)
    run_in(terminal, "useradd -m -s /bin/bash ann && useradd -m bob && echo made", r"made\r\n")
    run_in(terminal, "echo ann:first-Secret-1 | chpasswd && echo set", r"set\r\n")
    run_in(terminal, "ls -ld /home/ann | cut -d' ' -f3-4", r"ann ann\r\n")
    terminal.answer("su - ann", r"\$ ")
    await_prompt(terminal)
    run_in(terminal, "id -un; grep -c . /etc/shadow", r"ann\r\n.*Permission denied")
    terminal.answer("passwd", r"Current password: ")
    terminal.type("first-Secret-1\n")
    for _ in range(2):
        terminal.expect(r"ew password: ")
        terminal.type("second-Secret-2\n")
    terminal.expect(r"password updated successfully\r\n(.*)" + PROMPT)
    terminal.answer("su ann -c 'id -un; exit 3'", "Password: ")
    terminal.type("first-Secret-1\n")
    terminal.expect(r"Authentication failure\r\n(.*)" + PROMPT)
    terminal.answer("su ann -c 'id -un; exit 3'", "Password: ")
    terminal.type("second-Secret-2\n")
    terminal.expect(r"ann\r\n(.*)" + PROMPT)
    run_in(terminal, "chage -l ann | head -n 1; umount /proc", r"Last password change[^\n]*\n[^\n]*(superuser|denied|permitted)")
    terminal.type("exit\n")
    terminal.expect(PROMPT)
    terminal.type("exit 0\n")
    check("it ends well", terminal.wait() == 0)


globals()[sys.argv[1]]()
