"""Images of odd layers, and what is in a tree that they make.

usage: layers.py make DIRECTORY    layers.py describe DIRECTORY

`make` writes an OCI image layout with one image, `odd`, and prints the files of its layers, the lowest first.
`describe` prints a tree, entry by entry (tree.py), with the names that are one file instead of their count: overlayfs
counts those of a lower layer that are hidden, too. Marks are left out: those of one kind of overlay are attributes like
others in the other kind.
"""
import gzip
import hashlib
import io
import json
import os
import re
import sys
import tarfile

import tree

CAPABILITY = bytes.fromhex("0100000200200000000000000000000000000000")
LONG = "n" * 255
DEEP = "/".join(["deep"] + ["d" * 200] * 19) + "/" + "f" * 150  # 3974 bytes


class Layer:
    def __init__(self, form=tarfile.PAX_FORMAT):
        self.bytes = io.BytesIO()
        self.tar = tarfile.open(fileobj=self.bytes, mode="w", format=form, encoding="utf-8", errors="surrogateescape")
        self.directory(".", mtime=1_600_000_000)

    def add(self, name, kind, data=b"", xattrs=None, **fields):
        info = tarfile.TarInfo(name)
        info.type, info.size, info.mode, info.mtime = kind, len(data), 0o644, 1_000_000_000
        for field, value in fields.items():
            setattr(info, field, value)
        info.pax_headers = {f"SCHILY.xattr.{key}": value.decode("utf-8", "surrogateescape")
                            for key, value in (xattrs or {}).items()}
        self.tar.addfile(info, io.BytesIO(data))
        return self

    def file(self, name, data=None, **fields):
        return self.add(name, tarfile.REGTYPE, name.encode("utf-8", "surrogateescape") if data is None else data, **fields)

    def directory(self, name, **fields):
        return self.add(name, tarfile.DIRTYPE, **({"mode": 0o755} | fields))

    def symlink(self, name, target, **fields):
        return self.add(name, tarfile.SYMTYPE, linkname=target, **fields)

    def hard_link(self, name, target):
        return self.add(name, tarfile.LNKTYPE, linkname=target)

    def whiteout(self, name):
        directory, _, name = name.rpartition("/")
        return self.add(f"{directory}/.wh.{name}".lstrip("/"), tarfile.REGTYPE)

    def opaque(self, name):
        return self.add(f"{name}/.wh..wh..opq", tarfile.REGTYPE)

    def sparse(self, name, size, data):
        """As GNU tar writes it in the form 1.0: a map, then what is no hole."""
        where = f"2\n{size // 2}\n{len(data)}\n{size}\n0\n".encode()
        body = where.ljust(512, b"\0") + data
        info = tarfile.TarInfo(f"GNUSparseFile.0/{os.path.basename(name)}")
        info.size, info.mtime = len(body), 1_000_000_000
        info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": name,
                            "GNU.sparse.realsize": str(size)}
        self.tar.addfile(info, io.BytesIO(body))
        return self

    def finish(self):
        self.tar.close()
        return self.bytes.getvalue()


def lowest():
    layer = Layer()
    for name in ("etc", "bin", "kinds", "names", "times", "hide", "hide/whole", "hide/whole/inner", "opaque", "opaque/kept",
                 "opaque/inner", "replace", "replace/directory", "replace/directory/inner", "again", "again/before",
                 "again/after", "again/empty", "mode"):
        layer.directory(name)
    layer.file("etc/passwd").file("etc/shadow", mode=0o000, uid=0, gid=42)
    layer.file("bin/su", mode=0o6755).file("bin/ping", mode=0o755, uid=7, xattrs={"security.capability": CAPABILITY})
    layer.file("bin/note", xattrs={"user.note": b"a\0b\n\xff", "user.\u00fc": b"name"})
    layer.add("kinds/null", tarfile.CHRTYPE, devmajor=1, devminor=3, mode=0o666)
    layer.add("kinds/disk", tarfile.BLKTYPE, devmajor=240, devminor=70000, mode=0o660, gid=6)
    layer.add("kinds/fifo", tarfile.FIFOTYPE, mode=0o620, uid=4_000_000_000)
    layer.symlink("kinds/link", "../../../nowhere", uid=3, mtime=5).symlink("kinds/absolute", "/etc/passwd")
    layer.symlink("kinds/long", "t" * 300).hard_link("kinds/link again", "kinds/link")
    layer.hard_link("kinds/null again", "kinds/null").hard_link("kinds/fifo again", "kinds/fifo")
    layer.file("kinds/one").hard_link("kinds/two", "kinds/one").hard_link("etc/three", "kinds/two")
    layer.file("kinds/empty", b"").sparse("kinds/sparse", 8 << 20, b"data" * 300)
    layer.file("names/\udcff\udc80\n").file("names/\u00fc '\"\\").file("names/" + LONG).file("names/" + "\u20ac" * 85)
    for depth in range(1, DEEP.count("/") + 1):
        layer.directory("/".join(DEEP.split("/")[:depth]))
    layer.file(DEEP)
    for name, when in (("before", -1), ("long before", -1_000_000_000.5), ("zero", 0), ("fraction", 1234567890.25),
                       ("64 bits", 8_589_934_592), ("late", 9_200_000_000)):
        layer.file(f"times/{name}", mtime=when).directory(f"times/{name} directory", mtime=when)
    for name in ("file", "whole/inner/x", "whole/y", "stays"):
        layer.file(f"hide/{name}")
    layer.symlink("hide/link", "file").add("hide/null", tarfile.CHRTYPE, devmajor=1, devminor=3)
    layer.file("hide/" + LONG).file("hide/one").hard_link("hide/two", "hide/one")
    for name in ("a", "kept/b", "inner/c"):
        layer.file(f"opaque/{name}")
    layer.file("replace/file").symlink("replace/link", "directory").file("replace/directory/inner/x")
    for name in ("before/old", "after/old", "empty/old", "file"):
        layer.file(f"again/{name}")
    layer.file("mode/inside")
    return layer.finish()


def middle():
    layer = Layer()
    for name in ("hide", "opaque", "replace", "again", "mode"):
        layer.directory(name, mtime=1_100_000_000)
    for name in ("file", "whole", "link", "null", LONG, "one", "not there"):
        layer.whiteout(f"hide/{name}")
    layer.file("opaque/new").opaque("opaque").directory("opaque/kept", mode=0o700).file("opaque/kept/new")
    layer.file("replace/directory", b"now a file").directory("replace/file", mode=0o711).file("replace/file/x")
    layer.directory("replace/link").file("replace/link/x")
    # A whiteout is of what lower layers have, be it before or after an entry of its name.
    layer.whiteout("again/before").directory("again/before", mode=0o750).file("again/before/new")
    layer.directory("again/after").file("again/after/new").whiteout("again/after")
    layer.whiteout("again/empty").directory("again/empty")
    layer.whiteout("again/file").file("again/file", b"again").whiteout("again/file")
    layer.directory("mode", mode=0o1777, uid=5, gid=6, mtime=-7, xattrs={"user.dir": b"x"})
    layer.file("etc/passwd", b"root").directory("etc")
    return layer.finish()


def highest():
    layer = Layer(tarfile.GNU_FORMAT)
    for name in ("hide", "opaque", "replace", "again"):
        layer.directory(name, mtime=1_200_000_000)
    layer.directory("hide/whole").file("hide/whole/third").symlink("hide/file", "whole").file("hide/one", b"alone")
    layer.whiteout("opaque/new").directory("opaque/inner").file("opaque/inner/third")
    layer.whiteout("replace/file").directory("replace/directory").file("replace/directory/third")
    layer.symlink("replace/link", "directory").whiteout("again/after")
    layer.directory("again/before").opaque("again/before").file("again/before/third", mtime=8_589_934_593)
    layer.file("names-\udcfe").file("g/" + "g" * 200).directory("g")
    layer.directory(".", mode=0o555, uid=11, gid=12, mtime=1_700_000_000)
    return layer.finish()


def write_image(top):
    blobs = os.path.join(top, "blobs/sha256")
    os.makedirs(blobs)

    def blob(media_type, data):
        name = hashlib.sha256(data).hexdigest()
        with open(os.path.join(blobs, name), "wb") as file:
            file.write(data)
        return {"mediaType": f"application/vnd.oci.image.{media_type}", "digest": f"sha256:{name}", "size": len(data)}

    tars = [lowest(), middle(), highest()]
    layers = [blob("layer.v1.tar+gzip", gzip.compress(tars[0])), *(blob("layer.v1.tar", tar) for tar in tars[1:])]
    ids = [f"sha256:{hashlib.sha256(tar).hexdigest()}" for tar in tars]
    config = {"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": ids}}
    manifest = {"schemaVersion": 2, "config": blob("config.v1+json", json.dumps(config).encode()), "layers": layers}
    entry = blob("manifest.v1+json", json.dumps(manifest).encode())
    entry["annotations"] = {"org.opencontainers.image.ref.name": "odd"}
    for name, value in (("index.json", {"schemaVersion": 2, "manifests": [entry]}),
                        ("oci-layout", {"imageLayoutVersion": "1.0.0"})):
        with open(os.path.join(top, name), "w") as file:
            json.dump(value, file)
    for layer in layers:
        print(os.path.join(blobs, layer["digest"].removeprefix("sha256:")))


def describe(top):
    lines = tree.describe_directory(top, ())
    names = {}
    for path in lines:
        status = os.lstat(os.path.join(top, path))
        names.setdefault((status.st_dev, status.st_ino), []).append(path)
    for group in names.values():
        for path in group:
            text = re.sub(r" links=\d+|\s*(user|trusted)\.overlay\.opaque=79", "", lines[path])
            print(ascii(text + (f" is {sorted(group)}" if len(group) > 1 else "")))


if __name__ == "__main__":
    {"make": write_image, "describe": describe}[sys.argv[1]](sys.argv[2])
