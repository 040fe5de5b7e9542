#!/usr/bin/env python3
"""Opens pictures in a headless Chromium, in light and in dark, and says what is wrong with them.

usage: tests/pictures/check.py [--screenshots DIRECTORY] FILE.svg...

Refused are: XML that is not well-formed, scripts, references to anything outside, messages to the console, texts
outside of the picture or of their box, texts over each other, and texts with a contrast below 4.5:1.
"""
import pathlib
import re
import sys
import xml.etree.ElementTree as ElementTree

sys.dont_write_bytecode = True
from browser import Browser  # noqa: E402

SVG = "{http://www.w3.org/2000/svg}"


def complaints_about_text(path):
    """What can be said without a browser."""
    text = path.read_text(encoding="utf-8")
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        return [f"not well-formed: {error}"]
    found = []
    if root.tag != SVG + "svg" or root.get("role") != "img":
        found.append("not an <svg role=\"img\">")
    found += [f"no <{name}> at its begin" for name in ("title", "desc") if not (root.findtext(SVG + name) or "").strip()]
    for element in root.iter():
        if element.tag in (SVG + "script", SVG + "image", SVG + "use", SVG + "foreignObject", SVG + "a"):
            found.append(f"has {element.tag}")
        for name, value in element.attrib.items():
            if name.lower().startswith("on") or "href" in name.lower() or re.search(r"url\((?!#)", value):
                found.append(f"{element.tag} has {name}=\"{value}\"")
    style = root.findtext(SVG + "style") or ""
    if "@import" in style or "url(" in style:
        found.append("its style refers to something outside")
    if "prefers-color-scheme:dark" not in style.replace(" ", ""):
        found.append("it has no dark colours")
    return found


def size_of(path):
    view = ElementTree.parse(path).getroot().get("viewBox", "0 0 800 600").split()
    return round(float(view[2])), round(float(view[3]))


def main():
    arguments = sys.argv[1:]
    screenshots = None
    if arguments[:1] == ["--screenshots"]:
        screenshots, arguments = pathlib.Path(arguments[1]), arguments[2:]
    if not arguments:
        print(__doc__)
        return 2
    wrong = 0
    script = pathlib.Path(__file__).with_name("check.js").read_text(encoding="utf-8")
    with Browser() as browser:
        for path in map(pathlib.Path, arguments):
            found = complaints_about_text(path)
            for scheme in () if found and found[0].startswith("not well-formed") else ("light", "dark"):
                width, height = size_of(path)
                url = path.resolve().as_uri()
                found += [f"{scheme}: {line}" for line in browser.open(url, scheme, width, height)]
                found += [f"{scheme}: {line}" for line in browser.evaluate(script)]
                if screenshots:
                    browser.screenshot(screenshots / f"{path.stem}-{scheme}.png")
            for line in found:
                print(f"{path.name}: {line}")
            wrong += len(found)
    print(f"{len(arguments)} pictures, {wrong} complaints")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
