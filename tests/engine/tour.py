"""Runs the commands of a page of docs/tour in one bash: tour.py PAGE. A block `text` behind a block `sh` is what it prints, on
both of its streams; `…` stands for anything in a line, and alone on a line for any lines, or none."""
import re
import subprocess
import sys

END = "-- the end of a block:"


def blocks(page):
    with open(page, encoding="utf-8") as file:
        return re.findall(r"^```(sh|text)\n(.*?)^```$", file.read(), re.MULTILINE | re.DOTALL)


def pattern(expected):
    lines = [r"(?:.*\n)*?" if line == "…" else re.escape(line).replace("…", ".*?") + r"\n" for line in expected.splitlines()]
    return re.compile("".join(lines) + r"\Z")


class Shell:
    def __init__(self):
        self.process = subprocess.Popen(["bash"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def run(self, commands):
        """What they print; ends when one of them failed that nothing was said about."""
        # As a group, whose standard input is none: what reads it would read the commands to come.
        self.process.stdin.write(f"trap 'echo \"failed: $BASH_COMMAND\"' ERR\n{{\n{commands}}} </dev/null\ntrap - ERR\necho '{END}'\n")
        self.process.stdin.flush()
        output = ""
        for line in self.process.stdout:
            if line.endswith(END + "\n"):
                rest = line.removesuffix(END + "\n")  # of what does not end its last line
                output += rest + "\n" if rest else ""
                break
            if not line.startswith("tare: CAP_SYS_RESOURCE is missing"):  # a machine may lack it
                output += line
        failed = re.search("^failed: .*", output, re.MULTILINE)
        if failed:
            sys.exit(f"{output}\n{failed.group(0)}")
        return output


def main(page):
    shell, output, count = Shell(), None, 0
    for kind, text in blocks(page):
        if kind == "sh":
            output, count = shell.run(text), count + 1
        elif not pattern(text).match(output):
            sys.exit(f"{page}: this was expected:\n{text}\nand this came:\n{output}")
    if count == 0:
        sys.exit(f"{page}: there are no commands")


main(sys.argv[1])
