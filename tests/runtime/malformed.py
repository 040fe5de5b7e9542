#!/usr/bin/env python3
"""Has tare-runtime create a container from each malformed config of malformed.table, and from what is no JSON.

usage: malformed.py RUNTIME STATE BUNDLE ID COUNTS

BUNDLE has a good config.json. Each must end with 1 and one line on standard error that names the field by its JSON
pointer (RFC 6901), and leave nothing in STATE. What does not is told; the counts are written to the file COUNTS.
"""
import copy
import datetime
import json
import os
import subprocess
import sys

PLACE_HOLDER = "what is put there as it stands"

# What is no JSON, or no object: there is no field to name.
DOCUMENTS = [
    (b"", "not JSON"),
    (b" \n\t", "not JSON"),
    (b"config", "not JSON"),
    (b"{", "not JSON"),
    (b'{"ociVersion": "1.0.2"', "not JSON"),
    (b'{"ociVersion": "1.0.2",}', "not JSON"),
    (b"{'ociVersion': '1.0.2'}", "not JSON"),
    (b'{"ociVersion": "1.0.2"} {}', "not JSON"),
    (b'{"ociVersion": nul}', "not JSON"),
    (b'{"ociVersion": 01}', "not JSON"),
    (b'{"ociVersion": "1.0.2', "not JSON"),
    (b'{"ociVersion": "\\ud800"}', "not JSON"),
    (b'{"ociVersion": "\\x"}', "not JSON"),
    (b'{"ociVersion": "a\nb"}', "not JSON"),
    (b'{"ociVersion": NaN}', "not JSON"),
    (b"\x00" * 100, "not JSON"),
    (b"\xff\xfe{\x00}\x00", "not JSON"),
    (b"\xef\xbb\xbf{}", "not JSON"),
    (b"\x7fELF\x02\x01\x01\x00", "not JSON"),
    (b"[" * 100_000, "not JSON"),
    (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "not JSON"),
    (b"[]", "expected an object"),
    (b"null", "expected an object"),
    (b'"config"', "expected an object"),
    (b"5", "expected an object"),
    (b"{}", "/ociVersion"),
    (b'{"ociVersion": "\xff\xfe"}', "/ociVersion"),
    (b'{"ociVersion": "1.0.2", "ociVersion": "2.0"}', "/ociVersion"),
]


def parts(pointer):
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def put(document, pointer, text):
    """Puts a text in the place of what the pointer names."""
    *way, last = parts(pointer)
    at = document
    for part in way:
        at = at[int(part)] if isinstance(at, list) else at.setdefault(part, {})
    if isinstance(at, list):
        if last == "-" or int(last) == len(at):
            at.append(PLACE_HOLDER)
        elif text == "missing":
            del at[int(last)]
        else:
            at[int(last)] = PLACE_HOLDER
    elif text == "missing":
        at.pop(last, None)
    else:
        at[last] = PLACE_HOLDER


def configs(good, table):
    """The name of each malformed config, its bytes, and what the error must have in it."""
    changed = copy.deepcopy(good)
    for line in open(table, encoding="utf-8"):
        line = line.rstrip("\n")
        if not line or line.startswith("#"):
            continue
        change, _, named = line.partition(" => ")
        pointer, text = change.split(None, 1)
        put(changed, pointer.removeprefix("+"), text)
        document = json.dumps(changed).replace(json.dumps(PLACE_HOLDER), text)
        if pointer.startswith("+"):
            changed = json.loads(document)
            continue
        yield line, document.encode(), named or pointer
        changed = copy.deepcopy(good)
    for document, named in DOCUMENTS:
        yield repr(document[:40]), document, named


def main():
    if len(sys.argv) != 6:
        print(__doc__)
        return 2
    runtime, state, bundle, container, counts = sys.argv[1:]
    path = os.path.join(bundle, "config.json")
    with open(path, encoding="utf-8") as file:
        good = json.load(file)
    table = os.path.join(os.path.dirname(__file__), "malformed.table")
    number = failed = 0
    for name, document, named in configs(good, table):
        number += 1
        with open(path, "wb") as file:
            file.write(document)
        ended = subprocess.run([runtime, "--root", state, "create", "--bundle", bundle, f"{container}-{number}"],
                               stdin=subprocess.DEVNULL, capture_output=True, timeout=20, check=False)
        lines = ended.stderr.decode(errors="replace").splitlines()
        wrong = []
        if ended.returncode != 1:
            wrong.append(f"it ended with {ended.returncode}")
        if len(lines) != 1 or ended.stdout:
            wrong.append(f"it wrote {len(lines)} lines")
        if not any(f" {named}:" in f" {line}" or f" {named} " in f"{line} " for line in lines) and not (
                named[0] != "/" and named in "".join(lines)):
            wrong.append(f"it did not name {named}")
        if os.path.isdir(state) and os.listdir(state):
            wrong.append(f"it left {os.listdir(state)}")
        if wrong:
            failed += 1
            print(f"{name}\n    {', '.join(wrong)}: {' | '.join(lines)[:300]}")
    with open(counts, "w", encoding="utf-8") as file:
        json.dump({"date": datetime.date.today().isoformat(), "configs": number, "failed": failed}, file)
    print(f"{number} malformed configs, {failed} not refused as they should be")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
