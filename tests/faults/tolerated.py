"""Failures after which a command may say that it succeeded although what follows is not the same, and why."""
import re

# the case's name (a regular expression), the reason
TABLE = (
    (r"create .* child \d+: (accept4 #1: |close #\d+: KILL)", "it waits at the gate when `create` has ended: what fails then ends the container"),
    (r".* (child \d+|init): execve #\d+: KILL", "a kill in the last call is one of the program that was asked for"),
    (r".* command: (open_tree|mount_setattr) #\d+: EPERM",
     "a filter may say so of a call that is not there: the older way makes the same mounts, in another order"),
    (r"run full command: read #\d+: EIO", "so the kernel says that nobody has the terminal open any more (pty(7))"),
    (r".* command: openat2 #\d+: EPERM", "a user database that may not be read is as one that is not there: HOME is /"),
    (r"(delete.*|run) .* command: (faccessat2|newfstatat|rmdir|unlinkat) #\d+: EPERM",
     "what one may neither see nor remove is not one's own: cgroups below which others have rights stay"),
)


def reason(case):
    """Why it may be so, or None."""
    return next((why for pattern, why in TABLE if re.fullmatch(pattern + ".*", str(case))), None)
