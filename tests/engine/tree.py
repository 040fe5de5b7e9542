"""What is in a tree of files or in a tar archive, entry by entry, as text to compare.

usage: tree.py directory DIRECTORY [EXCEPT...]    tree.py tar FILE [EXCEPT...]    tree.py make FILE BUSYBOX

A line is: path, type, mode, uid, gid, mtime, and what matters for the type: size and hash, target, device numbers; at
last the extended attributes. What is below an EXCEPT is left out. `make` writes an archive as `docker export` does: in
pax format, names without ./ in front, hard links, attributes as SCHILY.xattr records.
"""
import decimal
import hashlib
import io
import os
import stat
import struct
import sys
import tarfile

XATTR = "SCHILY.xattr."


def line(path, kind, status, detail, xattrs):
    mode, uid, gid, mtime = status
    attributes = " ".join(f"{name}={value.hex()}" for name, value in sorted(xattrs.items()))
    return f"/{path} {kind} {mode:04o} {uid} {gid} {mtime} {detail} {attributes}".rstrip()


def time_of(nanoseconds):
    return f"{nanoseconds // 10**9}.{nanoseconds % 10**9:09}"


def digest(data):
    return f"{len(data)} {hashlib.sha256(data).hexdigest()}"


def describe_directory(top, outside):
    lines = {}
    walk = [("", top)]
    while walk:
        path, real = walk.pop()
        if path in outside:
            continue
        status = os.lstat(real)
        mode = status.st_mode
        common = (stat.S_IMODE(mode), status.st_uid, status.st_gid, time_of(status.st_mtime_ns))
        xattrs = {name: os.getxattr(real, name, follow_symlinks=False)
                  for name in os.listxattr(real, follow_symlinks=False)}
        if stat.S_ISDIR(mode):
            kind, detail = "directory", ""
            walk += [(f"{path}/{name}".lstrip("/"), f"{real}/{name}") for name in os.listdir(real)]
        elif stat.S_ISLNK(mode):
            kind, detail = "symlink", os.readlink(real)
        elif stat.S_ISREG(mode):
            with open(real, "rb") as file:
                kind, detail = "file", f"{digest(file.read())} links={status.st_nlink}"
        elif stat.S_ISFIFO(mode):
            kind, detail = "fifo", ""
        else:
            kind = "block" if stat.S_ISBLK(mode) else "character" if stat.S_ISCHR(mode) else "socket"
            detail = f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}"
        lines[path] = line(path, kind, common, detail, xattrs)
    return lines


def describe_tar(name):
    lines, links = {}, {}
    with tarfile.open(name) as archive:
        members = {os.path.normpath("/" + member.name).strip("/"): member for member in archive.getmembers()}
        for member in members.values():
            target = member.linkname if member.islnk() else os.path.normpath("/" + member.name).strip("/")
            links[target] = links.get(target, 0) + 1
        for path, member in members.items():
            original = members[member.linkname] if member.islnk() else member
            exact = decimal.Decimal(original.pax_headers.get("mtime", int(original.mtime)))
            common = (original.mode, original.uid, original.gid, time_of(int(exact * 10**9)))
            xattrs = {key[len(XATTR):]: value.encode("utf-8", "surrogateescape")
                      for key, value in original.pax_headers.items() if key.startswith(XATTR)}
            if original.isdir():
                kind, detail = "directory", ""
            elif original.issym():
                kind, detail, common = "symlink", original.linkname, (0o777, *common[1:])
            elif original.isreg():
                content = archive.extractfile(original).read()
                kind, detail = "file", f"{digest(content)} links={links[os.path.normpath('/' + original.name).strip('/')]}"
            elif original.isfifo():
                kind, detail = "fifo", ""
            else:
                kind = "block" if original.isblk() else "character"
                detail = f"{original.devmajor}:{original.devminor}"
            lines[path] = line(path, kind, common, detail, xattrs)
    return lines


def make_export(name, busybox):
    # VFS_CAP_REVISION_2 with the effective bit: cap_net_raw, as setcap writes it.
    capability = struct.pack("<5I", 0x02000001, 1 << 13, 0, 0, 0).decode("utf-8", "surrogateescape")
    with tarfile.open(name, "w", format=tarfile.PAX_FORMAT) as archive:
        def add(path, kind=tarfile.REGTYPE, mode=0o644, data=b"", **fields):
            entry = tarfile.TarInfo(path)
            entry.type, entry.mode, entry.size, entry.mtime = kind, mode, len(data), 1_600_000_000
            for key, value in fields.items():
                setattr(entry, key, value)
            archive.addfile(entry, io.BytesIO(data))

        add(".dockerenv", mode=0o755)
        for directory, mode in (("bin", 0o755), ("dev", 0o755), ("dev/pts", 0o755), ("dev/shm", 0o755),
                                ("etc", 0o755), ("proc", 0o755), ("root", 0o700), ("sys", 0o755),
                                ("tmp", 0o1777), ("var", 0o755), ("var/mail", 0o2775), ("var/nodes", 0o711)):
            add(directory + "/", tarfile.DIRTYPE, mode)
        with open(busybox, "rb") as program:
            add("bin/busybox", mode=0o755, data=program.read())
        for applet in ("sh", "cat", "ls"):
            add(f"bin/{applet}", tarfile.LNKTYPE, 0o755, linkname="bin/busybox")
        add("bin/passwd", mode=0o4755, data=b"setuid")
        add("bin/wall", mode=0o2755, gid=5, data=b"setgid")
        add("bin/ping", mode=0o755, data=b"ping", pax_headers={XATTR + "security.capability": capability})
        add("bin/awk", tarfile.SYMTYPE, 0o777, linkname="/etc/alternatives/awk")
        add("dev/console", mode=0o755)
        add("etc/passwd", data=b"root:x:0:0:root:/root:/bin/sh\n")
        add("etc/mtab", tarfile.SYMTYPE, 0o777, linkname="/proc/mounts")
        add("etc/shadow", mode=0o640, gid=42, data=b"root:*:1::::::\n", mtime=1_234_567_890)
        add("etc/empty", mode=0o000, uid=12345, gid=54321)
        for path in ("hosts", "hostname", "resolv.conf"):
            add(f"etc/{path}", mode=0o755)
        add("var/" + "n" * 255, data=b"a name as long as a name can be")
        add("var/deep/" + "d" * 200 + "/" + "e" * 200, data=b"a path longer than any ustar header holds")
        add("var/\u00fcml\u00e4ut and spaces\n", data=b"strange")
        add("var/noted", data=b"noted", pax_headers={XATTR + "user.note": "kept"})
        add("var/big", data=bytes(range(256)) * 4096, uid=3_000_000, gid=4_000_000)
        add("var/nodes/null", tarfile.CHRTYPE, 0o666, devmajor=1, devminor=3)
        add("var/nodes/high", tarfile.CHRTYPE, 0o600, devmajor=240, devminor=70000)
        add("var/nodes/disk", tarfile.BLKTYPE, 0o660, devmajor=8, devminor=1, gid=6)
        add("var/nodes/pipe", tarfile.FIFOTYPE, 0o622)
        add("var/relative", tarfile.SYMTYPE, 0o777, linkname="../etc/passwd", uid=7, gid=8)
        add("var/dangling", tarfile.SYMTYPE, 0o777, linkname="/" + "t" * 300)


def main():
    verb, name, *rest = sys.argv[1:]
    if verb == "make":
        make_export(name, rest[0])
        return
    lines = describe_directory(name, rest) if verb == "directory" else describe_tar(name)
    for path in sorted(lines):
        if not any(path == top or path.startswith(top + "/") for top in rest):
            print(repr(lines[path])[1:-1])


if __name__ == "__main__":
    main()
