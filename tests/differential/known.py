"""What is known to differ, and why: each row is explained in docs/compatibility.md ("What differs").

Configurations, items, the peers that tare-runtime may differ from, the first cell of the page's row. Patterns are
fnmatch's, separated by blanks. A row that no longer occurs fails the suite: it is to be taken away here, and on the
page if it was the last one with its reason.
"""

# Peers that disagree with each other, of which tare can only be like one or none; and any, also where they agree.
RUNC, CRUN, EITHER, BOTH = "runc", "crun", "runc crun", "both runc crun"
# It need not occur each time.
SOMETIMES = " sometimes"

# Whether it begins, and what its callers read from the words when it does not.
BEGINS = "create.status run.status"
WORDS = "create.class run.class start.class"

KNOWN = [
    # What every container shows.
    ("*", "state.*.ociVersion hooks:*.stdin.ociVersion listener.*ociVersion", EITHER, "`ociVersion` of states"),
    ("*", "state.*.owner", RUNC, "`owner` and `rootfs` of the state"),
    ("*", "state.*.rootfs state.*.systemd-scope", CRUN, "`owner` and `rootfs` of the state"),
    ("*", "gone.class", CRUN, "words of errors"),
    ("*", "link:fd/[012]", RUNC, "standard input and output of `run`"),
    ("*", "dev:/dev/core", RUNC, "nodes and links in `/dev`"),
    ("*user-namespace* *namespaces.user* generated.*", "mount:/dev/[!cp]*", EITHER, "nodes and links in `/dev`"),
    ("*user-namespace* *namespaces.user* generated.*", "dev:/dev/mqueue", RUNC, "nodes and links in `/dev`"),
    ("*", "mount:/dev/console", CRUN, "nodes and links in `/dev`"),
    ("*", "device:* limits:devices.list", EITHER, "rules about devices"),
    ("resources.none resources.empty resources.devices-none", "device:*", BOTH, "rules about devices"),
    ("*", "mount:/sys", EITHER, "`/sys` read-only"),
    ("*", "mount:/sys/fs/cgroup*", EITHER, "cgroups of v1 in a container"),
    ("*", "mount:/sys/fs/cgroup/unified write:/sys/fs/cgroup", BOTH, "cgroups of v1 in a container"),
    ("*", "mount:/proc/* mount:/sys/firmware", EITHER, "covers of masked files and directories"),
    ("linux.masked* generated.*", "mount:/etc/passwd* mount:/full* mount:/tmp* mount:/real*", EITHER,
     "covers of masked files and directories"),
    ("*", "env:HOME env:order", CRUN, "`HOME`"),
    ("mounts.bind-file linux.masked-* generated.*", "env:HOME", EITHER, "`HOME`"),
    ("*", "file:/proc/keys", EITHER, "session keyring"),

    # Hooks, and listeners of seccomp's.
    ("*", "hooks:*.stdin.root hooks:*.stdin.pid hooks:*.stdin.status hooks:startContainer.stdin.bundle", EITHER,
     "a hook's input, and a seccomp listener's"),
    ("*", "listener.*", EITHER, "a hook's input, and a seccomp listener's"),
    ("*", "listener.*.annotations", BOTH, "a hook's input, and a seccomp listener's"),
    ("*", "hooks:createContainer.cwd hooks:poststop.cwd", EITHER, "a hook's working directory"),
    ("*", "hooks:createContainer.env.*", RUNC, "a hook's environment"),
    ("hooks.all generated.*", "hooks:order", BOTH, "poststart hooks"),
    ("hooks.poststart-*", f"{BEGINS} start.status hooks:* {WORDS}", BOTH, "poststart hooks"),
    ("hooks.poststart-*", "process", CRUN + SOMETIMES, "poststart hooks"),
    ("hooks.startContainer-*", "start.status process start.class status:SigBlk run.class", BOTH,
     "startContainer hooks"),
    ("hooks.*", f"{BEGINS} {WORDS}", CRUN, "a hook that fails"),
    ("hooks.*-missing", f"{BEGINS} start.status delete.status left.live.*", CRUN + SOMETIMES, "a hook that fails"),
    ("hooks.relative hooks.timeout-zero", f"{BEGINS} {WORDS}", EITHER, "a hook that fails"),

    # Fields that are carried out by one and not by another.
    ("process.scheduler* process.io-priority* linux.memory-policy* linux.personality* devices.netdevices* "
     "namespaces.time*", f"{BEGINS} {WORDS} scheduling ionice memory-policy machine personality", BOTH,
     "fields that these versions do not know"),
    ("linux.rdt*", f"{BEGINS} {WORDS}", BOTH, "`intelRdt`"),
    ("linux.propagation-* mounts.shared-with-the-host", f"{BEGINS} {WORDS} mount:*", BOTH,
     "`rootfsPropagation`"),
    ("mounts.tmpfs.* mounts.bind.* mounts.bind-* mounts.recursive* mounts.idmapped* mounts.two-propagations "
     "mounts.tmpfs-* mounts.remount", f"{BEGINS} {WORDS} mount:/full mount:/to* mount:/dev/shm", EITHER,
     "mount options"),
    ("mounts.tmpfs.remount mounts.bind-type-only mounts.bind-data mounts.option-of-* mounts.bind.ridmap "
     "mounts.idmapped-tmpfs", f"{BEGINS} {WORDS}", BOTH, "mount options"),
    ("generated.*", "mount:/b*", BOTH, "mount options"),
    ("linux.readonly-with-mounts", "mount:/tmp/below*", BOTH, "what lies below a read-only path"),
    ("generated.*", "mount:/tmp* mount:/real* mount:/full*", BOTH, "what lies below a read-only path"),
    ("devices.over-default devices.relative devices.twice devices.in-user-namespace devices.no-path "
     "devices.unknown-type mounts.bind-over-dev-file mounts.no-dev mounts.none mounts.dev-ro mounts.cgroup-elsewhere",
     f"{BEGINS} {WORDS}", BOTH, "devices and `/dev` that are refused"),
    ("generated.* devices.same-as-default devices.outside-dev-in-*", f"{BEGINS} {WORDS}", EITHER,
     "devices and `/dev` that are refused"),
    ("devices.fifo-in-*", f"{BEGINS} {WORDS} dev:/dev/pipe mount:/dev/pipe state.*.bundle", EITHER,
     "devices and `/dev` that are refused"),
    ("mounts.*-symlink linux.masked-symlink linux.readonly-symlink mounts.tmpfs-in-proc mounts.tmpfs-on-proc "
     "mounts.file-in-proc-forbidden mounts.bind-out-of-root mounts.no-proc root.symlink", f"{BEGINS} {WORDS}", BOTH,
     "symlinks, and mounts over `/proc`"),

    # Values that are read otherwise.
    ("hostname.without-namespace domainname.without-namespace process.cwd-none process.args-no-path "
     "resources.devices-no-access", f"{BEGINS} run.output", BOTH, "what is left out"),
    ("process.args-directory process.args-file process.args-garbage process.args-interpreter-missing "
     "process.args-under-file", f"{BEGINS} start.status process {WORDS}", BOTH, "a program that cannot be executed"),
    ("process.env-twice", "env:* status:*", BOTH, "a variable that is there twice"),
    ("process.env-*", f"{BEGINS} env:*", EITHER, "a variable that is there twice"),
    ("ociVersion.* seccomp.listener-without-notify seccomp.notify-without-path", f"{BEGINS} {WORDS}", EITHER,
     "a config.json that the specification forbids"),
    ("bad.* user.text user.high process.cwd-relative process.args-none process.args-empty* namespaces.no-mount "
     "namespaces.twice seccomp.empty seccomp.flags* resources.devices-bad-access resources.memory-text "
     "resources.swappiness-too-much resources.pids-negative linux.cgroups-path-*", f"{BEGINS} {WORDS}", BOTH,
     "a config.json that the specification forbids"),
    ("generated.* bad.wrong-case domainname.set capabilities.lower-case user.groups-twice",
     "file:* status:Cap* status:Groups id", EITHER, "a config.json that the specification forbids"),
    ("seccomp.default-errno-ret", "*", BOTH, "a filter that refuses everything"),
    ("seccomp.notify-all seccomp.notify-write", f"{BEGINS} {WORDS}", RUNC, "a filter that asks about `write`"),
    ("resources.pids-zero", "limits:pids.max run.status", BOTH, "`pids.limit` 0"),
    ("resources.cpu-burst*", f"limits:cpu.cfs_burst_us {BEGINS}", BOTH, "limits that the peers do not know or set"),
    ("v2:*", f"limits:hugetlb.* left.run.cgroups {BEGINS} {WORDS}", EITHER,
     "limits that the peers do not know or set"),
    ("resources.*", f"limits:cpu.* limits:memory.kmem.tcp.limit_in_bytes left.run.cgroups {BEGINS}", EITHER,
     "limits that the peers do not know or set"),
    ("linux.mount-label namespaces.user*", f"{BEGINS} {WORDS}", BOTH,
     "labels and user namespaces on this or that machine"),
    ("*", WORDS, EITHER, "words of errors"),
    ("rlimits.* linux.sysctl-dots mounts.destination-root mounts.bind-and-remount process.args-empty-word "
     "seccomp.notify-nobody namespaces.user-joined bad.missing", WORDS, BOTH, "words of errors"),
]
