#!/usr/bin/env python3
"""Types each LINE into a zsh of its own that knows tare's completions, presses Tab, and prints the line it then has.

usage: zsh_tab.py LINE...
"""
import os
import pty
import select
import sys

# A widget of ours says, between two marks, what is on the command line after the completion.
SETUP = r"""
autoload -Uz compinit && compinit -D -u
source <(tare completion zsh); source <(tare-runtime completion zsh)
tell() { zle complete-word; print -rn -- "<<$BUFFER>>" >&2 }
zle -N tell; bindkey '^I' tell; PS1='ready>'
"""


def read_until(terminal, mark, seconds=60):
    seen = b""
    while mark not in seen:
        if not select.select([terminal], [], [], seconds)[0]:
            sys.exit(f"zsh says nothing more; it said {seen!r}")
        seen += os.read(terminal, 4096)
    return seen


def completed(line):
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(TERM="dumb", SETUP=SETUP)
        os.execvp("zsh", ["zsh", "-f", "-i"])
    os.write(terminal, b'unsetopt zle_bracketed_paste; eval "$SETUP"\n')
    read_until(terminal, b"ready>")
    os.write(terminal, line.encode() + b"\t")
    text = read_until(terminal, b">>").split(b"<<")[-1].split(b">>")[0].decode()
    os.close(terminal)
    os.waitpid(pid, 0)
    return text


for one in sys.argv[1:]:
    print(completed(one))
