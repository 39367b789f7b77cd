#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Do the descriptions for syzkaller go with the headers?

Compares selftests/fuzz/fastproto.txt and its .const with the headers for
applications: all names exist and have the values that stand there, no option,
command or setting is missing, and structs have the members that they have.
With --write, writes the .const file.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
TEXT = TOP / "selftests/fuzz/fastproto.txt"
CONST = TEXT.with_suffix(".txt.const")
UAPI = TOP / "include/uapi"
HEADERS = ["fastproto.h", "fastproto_netlink.h"]
NAME = re.compile(r"\b(?:FP|FASTPROTO_CMD|FASTPROTO_A|AF|SOL|MSG_FP)_[A-Z0-9_]+")
HEAD = """# SPDX-License-Identifier: GPL-2.0
# Written by selftests/fuzz/syzkaller_check.py --write
arches = amd64, arm64
"""


def names_in_text():
    lines = [line for line in TEXT.read_text().splitlines()
             if not line.startswith(("#", "include"))]
    body = re.sub(r"\w+\$\w+", "", "\n".join(lines))
    return sorted(set(NAME.findall(body)))


def run_c(body):
    """What a program prints that includes the headers; None if it does not build."""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "program"
        source = "".join(f"#include <linux/{h}>\n" for h in HEADERS)
        source += "#include <stdio.h>\nint main(void) {\n" + body + "}\n"
        built = subprocess.run(
            ["gcc", "-I", str(UAPI), "-x", "c", "-o", str(program), "-"],
            input=source, text=True, capture_output=True, check=False)
        if built.returncode:
            print(built.stderr)
            return None
        return subprocess.run([str(program)], text=True, capture_output=True,
                              check=True).stdout


def values(names):
    body = "".join(f'printf("{n} = %ld\\n", (long)({n}));\n' for n in names)
    return run_c(body)


def wanted():
    """What the kernel takes, and so must be in the descriptions."""
    uapi = (UAPI / "linux/fastproto.h").read_text()
    netlink = (UAPI / "linux/fastproto_netlink.h").read_text()
    setting = (TOP / "kmod/setting.c").read_text()
    options = re.findall(r"^#define (FP_[A-Z_]+)\t+\d+$", uapi, re.M)
    no_options = {n for n in options if re.search(
        r"FP_(VERSION|HDR_LEN|ADDRLEN\w*|RANGES_MAX|SYN_SIZE_MIN|CSUM_LEN|PACK_LEN|DGRAM_MAX\w*)$", n)}
    found = set(options) - no_options
    found |= set(re.findall(r"\b(FASTPROTO_CMD_[A-Z]+_[A-Z]+)\b[ ,=]", netlink))
    found |= {"FASTPROTO_A_DEV_" + n
              for n in re.findall(r"^\tSETTING\((\w+),", setting, re.M)}
    return found


def sizes_go_together():
    """The structs here are laid out as those of the header."""
    body = ('printf("%zu %zu %zu", sizeof(struct sockaddr_fp), '
            "__builtin_offsetof(struct sockaddr_fp, sfp_sin), "
            "sizeof(struct fp_peeloff));")
    # family, flags, pad, conn: 16; and four words. id, flags, fd: 16.
    return run_c(body) == "48 16 16"


def main():
    names = names_in_text()
    right = values(names)
    if right is None:
        print("a name is not in the headers")
        return 1
    if sys.argv[1:] == ["--write"]:
        CONST.write_text(HEAD + right)
    bad = []
    if CONST.read_text() != HEAD + right:
        bad.append(f"{CONST.name} is not what --write would write")
    bad += [f"{n} is missing" for n in sorted(wanted() - set(names))]
    if not sizes_go_together():
        bad.append("a struct has another size")
    if len(names) < 40:
        bad.append("few names: is the file being read?")
    print("\n".join(bad) or f"{len(names)} names")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
