#!/usr/bin/env python3
"""Checks every #include "…" against the table of docs/architecture.md.

usage: scripts/check-layers.py [PROJECT]

The rules: a file of src/LAYER includes its own layer and those of its row; there is no circle, neither of layers
nor of files; a project header is always written "layer/file.h" and found through -iquote (a directory given with
-I would let src/sys shadow the system's <sys/…>); no layer includes a standard header that is too heavy for it.
"""
import re
import sys
from pathlib import Path

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
ROW = re.compile(r'^\|\s*`([^`]+)`\s*\|([^|]*)\|')
HEAVY_HEADERS = {"iostream", "regex", "locale"}
NO_FILESYSTEM = {"sys", "store", "runtime"}
VAGUE_NAMES = {"util", "utils", "common", "core", "helpers", "internal", "manager"}


def read_table(page):
    """The rows `layer` | `may` `include`; a row named layer/file is about that one header and its source."""
    table, inside = {}, False
    for line in page.read_text().splitlines():
        if line.startswith("#"):
            inside = line.strip("# ").lower() == "allowed includes"
        row = ROW.match(line) if inside else None
        if row:
            table[row.group(1)] = re.findall(r"`([^`]+)`", row.group(2))
    return table


def find_circle(graph):
    """The nodes of one circle of the graph, or nothing."""
    done, path = set(), []

    def walk(node):
        if node in path:
            return path[path.index(node):] + [node]
        if node in done:
            return None
        path.append(node)
        for other in graph.get(node, ()):
            circle = walk(other)
            if circle:
                return circle
        path.pop()
        done.add(node)
        return None

    for node in graph:
        circle = walk(node)
        if circle:
            return circle
    return None


def row_of(file, table):
    """The row that rules a file given as src/layer/file.cc or programs/program/…; tests have none."""
    parts = file.parts
    if parts[0] == "programs":
        return f"programs/{parts[1]}"
    if parts[0] == "src":
        own = f"{parts[1]}/{file.stem}"
        return own if own in table else parts[1]
    return None


def is_allowed(row, included, table):
    layer = included.split("/")[0]
    stem = included.rsplit(".", 1)[0]
    if row is None or stem == row:
        return True
    allowed = table[row]
    if stem in allowed or layer in allowed:
        return True
    return "/" not in row and layer == row


def check_file(project, file, table, errors, graph):
    row = row_of(file, table)
    if row is not None and row not in table:
        errors.append(f"{file}: '{row}' has no row in the table")
        return
    layers = {name for name in table if "/" not in name}
    for number, line in enumerate((project / file).read_text().splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        quote, included = match.groups()
        where = f"{file}:{number}"
        layer = included.split("/")[0]
        if quote == "<":
            if included in HEAVY_HEADERS:
                errors.append(f"{where}: <{included}> is not used in this project")
            if included == "filesystem" and file.parts[0] == "src" and file.parts[1] in NO_FILESYSTEM:
                errors.append(f"{where}: <filesystem> is not used in {file.parts[1]}")
            if "/" in included and layer in layers - {"sys"}:
                errors.append(f'{where}: write "{included}", not <{included}>')
            continue
        if (project / "src" / included).is_file() and ".." not in included:
            graph.setdefault(f"src/{'/'.join(file.parts[1:])}" if file.parts[0] == "src" else str(file), []).append(
                f"src/{included}")
            if not is_allowed(row, included, table):
                errors.append(f"{where}: {row} may not include {included} (it may: {' '.join(table[row]) or 'nothing'})")
        elif file.parts[0] == "programs" and (project / "programs" / file.parts[1] / included).is_file():
            graph.setdefault(str(file), []).append(f"programs/{file.parts[1]}/{included}")
        elif file.parts[0] == "tests" and (project / file.parent / included).is_file():
            graph.setdefault(str(file), []).append(str(file.parent / included))
        else:
            errors.append(f'{where}: "{included}" is no file of src/; project headers are written "layer/file.h"')


def check_build_file(project, errors):
    for file in ["CMakeLists.txt", *(str(f.relative_to(project)) for f in (project / "src").rglob("CMakeLists.txt"))]:
        path = project / file
        for number, line in enumerate(path.read_text().splitlines() if path.is_file() else [], 1):
            code = line.split("#")[0]
            if "include_directories" in code or re.search(r"(?<!-Wa,)-I", code):
                errors.append(f"{file}:{number}: no -I: it would let src/sys shadow the system's <sys/…>; use -iquote")


def main():
    if "-h" in sys.argv or "--help" in sys.argv:
        print(__doc__)
        return 0
    project = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent)
    table = read_table(project / "docs/architecture.md")
    errors, graph = [], {}
    if not table:
        errors.append("docs/architecture.md: there is no table under the heading 'Allowed includes'")

    for row, allowed in table.items():
        for name in allowed:
            if name not in table and "/" not in name:
                errors.append(f"docs/architecture.md: the row of {row} names '{name}', which has no row")
    circle = find_circle(table)
    if circle:
        errors.append("docs/architecture.md: a circle of layers: " + " → ".join(circle))

    files = sorted(file.relative_to(project) for folder in ("src", "programs", "tests")
                   for file in (project / folder).rglob("*") if file.suffix in {".h", ".cc"})
    for file in files:
        check_file(project, file, table, errors, graph)
    for folder in (project / "src").iterdir():
        if folder.name in VAGUE_NAMES:
            errors.append(f"src/{folder.name}: a folder is named for what it holds")
    circle = find_circle(graph)
    if circle:
        errors.append("a circle of files: " + " → ".join(circle))
    check_build_file(project, errors)

    for error in errors:
        print(error)
    print(f"layers: {len(errors)} errors" if errors else f"layers: {len(files)} files include only downward")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
