"""Documents name verbs, flags, keys and variables that exist, and every verb and flag that does. (That docs/keys.md names
every key is a unit test's, tests/unit/config/documents_test.cpp.)"""
import re
import subprocess
from pathlib import Path

import pytest

from ferry import binary, clean_environment

ROOT = Path(__file__).parent.parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "packaging").glob("*.md")])
# The ones that describe Ferry's own flags; the others show those of many programs.
OF_FLAGS = [ROOT / "docs" / name for name in ("configuration.md", "portable.md")]
OF_OTHERS = {"--ulimit"}  # Docker's
KEYS = set(re.findall(r"^\| `([^`]+)` \|", (ROOT / "docs" / "keys.md").read_text(), re.M))
SECTIONS = {re.split(r"[.\[]", key)[0] for key in KEYS}


def named(text):
    """What stands in backticks, and the lines of code blocks."""
    blocks = re.findall(r"^```.*?\n(.*?)^```", text, re.M | re.S)
    rest = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    return re.findall(r"`([^`\n]+)`", rest), [line.strip() for block in blocks for line in block.splitlines()]


def is_key(name):
    """A key, or what several begin with: a section, an object, a list."""
    name = re.sub(r"\[\d*\]", "", name)
    plain = {key.replace("[]", "") for key in KEYS}
    return name in plain or any(key.startswith(name + ".") for key in plain)


def help_of(*arguments):
    return subprocess.run([binary(), *arguments, "--help"], text=True, capture_output=True, env=clean_environment(),
                          timeout=60, check=True).stdout


@pytest.fixture(scope="module")
def verbs():
    """Each verb's flags, long and short."""
    listed = help_of().partition("SUBCOMMANDS:")[2] or help_of().partition("Subcommands:")[2]
    names = re.findall(r"^  ([a-z]+) ", listed, re.M)
    assert {"serve", "portable", "ping"} <= set(names)
    return {name: set(re.findall(r"(?<![\w-])(--?[a-z][a-z0-9-]*)", "\n".join(
        line.split("  ")[1] if line.startswith("  ") else "" for line in help_of(name).splitlines()
    ))) - {"-h", "--help"} for name in names}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: file.name)
def test_keys_and_variables_exist(document):
    quoted, lines = named(document.read_text())
    keys = [word for word in quoted if re.fullmatch(r"[a-z_]+(\[\d*\])?(\.[a-z0-9_]+(\[\d*\])?)+", word)
            and re.split(r"[.\[]", word)[0] in SECTIONS]
    assert [key for key in keys if not is_key(key)] == []
    variables = re.findall(r"\b(?:FERRY|SFTPGO)_((?:[A-Z0-9]+_)*[A-Z0-9]+__\w+)", " ".join(quoted + lines))
    for variable in variables:
        if variable == "SECTION__KEY":
            continue
        parts = [part for part in variable.lower().split("__") if not part.isdigit()]
        assert is_key(".".join(parts)), variable


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: file.name)
def test_verbs_and_their_flags_exist(document, verbs):
    quoted, lines = named(document.read_text())
    for call in [text for text in quoted + lines if re.match(r"(/\S+/)?ferry [a-z]", text)]:
        words = re.split(r"[#|;&]", call)[0].split()
        assert words[1] in verbs, call
        for flag in [word.split("=")[0] for word in words[2:] if re.match(r"--?[a-z]", word)]:
            assert flag in verbs[words[1]], call


def test_flags_exist_and_all_are_named(verbs):
    every = set().union(*verbs.values())
    text = "\n".join(file.read_text() for file in OF_FLAGS)
    flags = {word for quoted in named(text)[0] for word in [quoted.split()[0].split("=")[0]]
             if re.fullmatch(r"--?[a-z][a-z0-9-]*", word)}
    assert flags - every - OF_OTHERS == set(), "named, but there is none"
    assert every - flags == set(), "not named"


def test_every_verb_is_named(verbs):
    text = "\n".join(file.read_text() for file in DOCUMENTS)
    assert [verb for verb in verbs if not re.search(rf"`ferry {verb}\b|^ferry {verb}\b", text, re.M)] == []
