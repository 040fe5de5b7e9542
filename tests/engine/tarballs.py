"""Makes a tarball, good, odd or bad: tarballs.py KIND FILE. Each kind is a function; BAD makes all bad ones in a folder."""
import bz2
import gzip
import io
import lzma
import os
import struct
import subprocess
import sys
import tarfile


def entry(name, kind=tarfile.REGTYPE, size=0, mode=0o644, **more):
    info = tarfile.TarInfo(name)
    info.type, info.size, info.mode, info.mtime = kind, size, mode, 1_000_000_000
    for field, value in more.items():
        setattr(info, field, value)
    return info


def directory(name):
    return entry(name, tarfile.DIRTYPE, mode=0o755)


def symlink(name, target):
    return entry(name, tarfile.SYMTYPE, linkname=target)


def hard_link(name, target):
    return entry(name, tarfile.LNKTYPE, linkname=target)


def tar(*entries, form=tarfile.PAX_FORMAT):
    """Entries are TarInfo or (TarInfo, bytes)."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form, encoding="utf-8", errors="surrogateescape") as archive:
        for item in entries:
            info, data = item if isinstance(item, tuple) else (item, b"")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def tiny():
    return tar(directory("bin"), (entry("bin/file"), b"x"))


def zstd(data):
    return subprocess.run(["zstd", "-q", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout


# Large enough that a cut lies in the data.
def body():
    random = os.urandom(40_000)
    return tar(directory("bin"), (entry("bin/random"), random), (entry("bin/text"), b"line\n" * 30_000))


COMPRESSIONS = {"tar": bytes, "gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zst": zstd}


def cut(compression, percent):
    data = COMPRESSIONS[compression](body())
    return data[: len(data) * int(percent) // 100]


def cut_after(compression, count):
    return COMPRESSIONS[compression](body())[: int(count)]


def flipped(compression):
    data = bytearray(COMPRESSIONS[compression](body()))
    data[len(data) // 2] ^= 0x55
    return bytes(data)


def trailed(compression):
    """Something else after the compressed data."""
    return COMPRESSIONS[compression](body()) + b"this is no padding"


def compressed(compression):
    return COMPRESSIONS[compression](tar(directory("bin"), (entry("bin/file"), b"hello\n")))


def bad_crc():
    data = bytearray(gzip.compress(body()))
    data[-8] ^= 1
    return bytes(data)


def bad_length():
    data = bytearray(gzip.compress(body()))
    data[-1] ^= 1
    return bytes(data)


def bad_header_checksum():
    data = bytearray(tiny())
    data[148] ^= 1
    return bytes(data)


def second_header_damaged():
    data = bytearray(tar((entry("a"), b"x"), (entry("b"), b"y")))
    data[1024 + 148] ^= 3
    return bytes(data)


def garbage():
    return b"\x01\x02garbage, not an archive " * 1000


def compressed_garbage(compression):
    return COMPRESSIONS[compression](garbage())


def text():
    return b"hello, this is a text\n"


def zeros():
    return bytes(1 << 20)


def zip_archive():
    import zipfile
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("bin/file", "x")
    return out.getvalue()


def cpio():
    name = b"bin/file\0"
    head = b"070701" + b"".join(b"%08X" % n for n in (1, 0o100644, 0, 0, 1, 0, 1, 0, 0, 0, 0, len(name), 0))
    return (head + name + b"\0" * 512)[:1024]


def bomb():
    """Some 20 KiB that become 20 MiB, many times over."""
    out = io.BytesIO()
    with gzip.open(out, "w", 9) as stream:
        stream.write(entry("zeros", size=4 << 30).tobuf())
        for _ in range(64):
            stream.write(bytes(1 << 20))
    return out.getvalue()


def many_small():
    return tar(*[entry(f"f{i}") for i in range(2000)])


def parent():
    return tar((entry("../outside"), b"x"))


def deep_parent():
    return tar(directory("a"), (entry("a/../../outside"), b"x"))


def through_symlink(target):
    return tar(symlink("way", target), (entry("way/outside"), b"x"))


def through_two_symlinks():
    return tar(symlink("one", "two/.."), symlink("two", "/tmp"), (entry("one/outside"), b"x"))


def directory_over_symlink(target):
    return tar(symlink("way", target), directory("way/new"))


def link_outside(target):
    return tar(hard_link("link", target))


def link_through_symlink():
    return tar(symlink("way", "/etc"), hard_link("link", "way/passwd"))


def link_to_nothing():
    return tar(hard_link("link", "missing"))


def link_to_directory():
    return tar(directory("dir"), hard_link("link", "dir"))


def symlink_in_place_of_root():
    return tar(symlink(".", "/etc"), (entry("x"), b"x"))


def below_a_file():
    return tar((entry("file"), b"x"), (entry("file/below"), b"x"))


def long_name():
    return tar((entry("n" * 256), b"x"))


def long_path():
    return tar((entry("/".join(["d" * 200] * 30)), b"x"))


def huge_size():
    """A header that claims 8 EiB; nothing follows."""
    info = entry("huge")
    head = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    head[124:136] = b"\x80" + bytes(3) + struct.pack(">Q", (1 << 63) - 1)
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head) + bytes(1024)


def negative_size():
    head = bytearray(entry("negative").tobuf(tarfile.GNU_FORMAT))
    head[124:136] = b"\xff" * 12
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head) + bytes(1024)


def unknown_type():
    return tar(entry("odd", b"Z"), (entry("x"), b"x"))


# --- odd, and good -----------------------------------------------------------------------------------------------

def busybox():
    """bin/busybox with sh and what the tests call."""
    with open("/bin/busybox" if os.path.exists("/bin/busybox") else "/usr/bin/busybox", "rb") as program:
        yield (entry("bin/busybox", mode=0o755), program.read())
    for applet in "sh", "cat", "find", "ls", "readlink", "stat", "wc", "dd", "md5sum", "test", "true":
        yield symlink("bin/" + applet, "busybox")


# Every byte that a name may have, in pieces, and the longest name.
ODD_NAMES = [b"with\nnewline", b"with space", b"-rf", b"*", b"\\", b"'", b'"', b"%s%n", b"...", b"n" * 255, b"\xc3\xa9" * 127,
             bytes(b for b in range(1, 128) if b != ord("/")), bytes(range(128, 256)), b"\xff", b"\xc3", b"\xed\xa0\x80"]

ODD_TARGETS = [b"/etc/passwd", b"../../../../../../etc/shadow", b"nothing/at/all", b"t8", b"/proc/self/exe", b".", b"//x/./../y",
               b"with\nnewline", b"t8", bytes(range(128, 256)), b"x/" * 2000 + b"end"]


def odd_names(form):
    text = [name.decode("utf-8", "surrogateescape") for name in ODD_NAMES]
    return tar(*busybox(), directory("odd"), *[(entry("odd/" + name), b"x") for name in text],
               form={"gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}[form])


def odd_symlinks(form):
    text = [target.decode("utf-8", "surrogateescape") for target in ODD_TARGETS]
    return tar(*busybox(), directory("odd"), *[symlink(f"odd/t{i}", target) for i, target in enumerate(text)],
               form={"gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}[form])


def repeated():
    """Later entries replace earlier ones, names lead in by many ways, a symlink that stays inside is followed."""
    return tar(*busybox(), (entry("./a/../file"), b"first"), (entry("/file"), b"second"), symlink("replaced", "/etc"),
               directory("replaced"), (entry("replaced/x"), b"inside"), symlink("way", "bin"), (entry("way/new"), b"through"),
               directory("gone"), (entry("gone/x"), b"x"), (entry("gone"), b"a file now"), (entry("deep/er/x"), b"made"),
               hard_link("linked", "file"), (entry("odd", b"Z"), b"unknown types are files"))


def without_end():
    """The two blocks of zeros that end an archive are missing."""
    data = tar(*busybox(), (entry("last"), b"x"))
    return data.rstrip(b"\0") + bytes(511)


def million(out):
    """A million empty files in a thousand directories, after a program to look at them."""
    items = [*busybox(), directory("many")]
    for item in items:
        info, data = item if isinstance(item, tuple) else (item, b"")
        info.size = len(data)
        out.write(info.tobuf(tarfile.GNU_FORMAT) + data + bytes(-len(data) % 512))
    head = bytearray(entry("many/000/000000").tobuf(tarfile.GNU_FORMAT))
    rest = sum(head[15:148]) + 8 * 32 + sum(head[156:])
    for d in range(1000):
        out.write(directory(f"many/{d:03}").tobuf(tarfile.GNU_FORMAT))
        piece = bytearray()
        for f in range(1000):
            name = b"many/%03d/%06d" % (d, f)
            head[:15] = name
            head[148:156] = b"%06o\0 " % (sum(name) + rest)
            piece += head
        out.write(piece)
    out.write(bytes(1024))


# What tests of bad input need, made at once: starting python is the dear part.
BAD = ["tiny", "garbage", "text", "zip_archive", "cpio", "bad_header_checksum", "huge_size", "negative_size", "bad_crc",
       "bad_length", "second_header_damaged", "parent", "deep_parent", "through_symlink,nowhere", "through_two_symlinks",
       "symlink_in_place_of_root", "below_a_file", "link_outside,../../etc/passwd", "link_outside,/etc/passwd",
       "link_through_symlink", "link_to_nothing", "link_to_directory", "long_name", "long_path", "bomb", "zeros",
       "cut_after,tar,0", "cut_after,tar,1", *[f"cut,tar,{at}" for at in (1, 30, 60)],
       *[f"{kind},{target}" for kind in ("through_symlink", "directory_over_symlink") for target in ("/tmp", "../..", "/")],
       *[f"{kind},{compression}" for kind in ("flipped", "trailed", "compressed_garbage", "compressed")
         for compression in ("gz", "bz2", "xz", "zst")],
       *[f"cut,{compression},{at}" for compression in ("gz", "bz2", "xz", "zst") for at in (1, 50, 99)],
       *[f"cut_after,{compression},{count}" for compression in ("gz", "bz2", "xz", "zst") for count in (1, 10)]]


def make(kind, path):
    name, *arguments = kind.split(",")
    if name == "million":
        return million(sys.stdout.buffer)
    with open(path, "wb") as out:
        out.write(globals()[name](*arguments))


def main(kind, path):
    if kind != "BAD":
        return make(kind, path)
    for each in BAD:
        make(each, os.path.join(path, each.replace("/", "_") + ".tar"))


if __name__ == "__main__":
    main(*sys.argv[1:])
