#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Hold the netlink specification and the header together.

Every command, attribute and state of Documentation/netlink/fastproto.yaml has
its constant in fastproto_netlink.h with the same value, and the header has no
other; the types that the header's comments promise are those of the specification.
"""
import pathlib
import re
import sys

import yaml

TOP = pathlib.Path(__file__).resolve().parent.parent
HEADER = TOP / "include/uapi/linux/fastproto_netlink.h"
SPEC = TOP / "Documentation/netlink/fastproto.yaml"


def enums_of(text):
    """Name of each enum -> {constant: (value, type that its comment says)}."""
    enums = {}
    for name, body in re.findall(r"enum (\w+) \{(.*?)\};", text, re.S):
        value = 0
        members = {}
        for line in body.splitlines():
            match = re.match(r"\s*(\w+)(?: = (\d+))?,"
                             r"(?:\s*/\* (u\d+|string|binary|nest):)?", line)
            if not match or match[1].startswith("__"):
                continue
            value = int(match[2]) if match[2] else value + 1
            kind = match[3]
            # The header says it once, above the enum.
            if name == "fastproto_stats_attr" and match[1][-4:] != "_PAD":
                kind = "u64"
            members[match[1]] = (value, kind)
        enums[name] = members
    return enums


def constant(prefix, name):
    return (prefix + name).replace("-", "_").upper()


def spec_of(spec):
    """The same as enums_of(), from the specification."""
    enums = {}
    for definition in spec["definitions"]:
        enums[definition["enum-name"].replace("-", "_")] = {
            constant(definition["name-prefix"], entry["name"]): (value, None)
            for value, entry in enumerate(definition["entries"])}

    for attributes in spec["attribute-sets"]:
        value = 0
        members = {}
        for attr in attributes["attributes"]:
            value = attr.get("value", value + 1)
            kind = None if attr["type"] == "pad" else attr["type"]
            members[constant(attributes["name-prefix"], attr["name"])] = (
                value, kind)
        enums[attributes["enum-name"].replace("-", "_")] = members

    operations = spec["operations"]
    value = 0
    members = {}
    for operation in operations["list"]:
        value = operation.get("value", value + 1)
        members[constant(operations["name-prefix"], operation["name"])] = (
            value, None)
    enums[operations["enum-name"].replace("-", "_")] = members
    return enums


def main():
    header = enums_of(HEADER.read_text())
    spec = spec_of(yaml.safe_load(SPEC.read_text()))
    problems = []

    if sum(map(len, header.values())) < 40:
        problems.append("the header could not be read")
    for name in sorted(set(header) | set(spec)):
        ours, theirs = header.get(name, {}), spec.get(name, {})
        for key in sorted(set(ours) | set(theirs)):
            if ours.get(key) != theirs.get(key):
                problems.append(f"{key}: header {ours.get(key)}, "
                                f"specification {theirs.get(key)}")
    for problem in problems:
        print(problem)
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
