"""The documentation says what is: every setting, policy section, command and option, and every link leads somewhere."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from api.cli import cli
from api.settings import Settings
from tests.conftest import ROOT

READMES = (ROOT / "README.md", ROOT / "README.zh-CN.md")
PAGES = (*READMES, ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md")))
COMMAND_LINE = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def commands(group: click.Group = cli, words: str = "") -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, by its words."""
    context = click.Context(group)
    for part in group.list_commands(context):
        command = group.get_command(context, part)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, f"{words}{part} ")
        else:
            yield f"{words}{part}", command


def options(command: click.Command) -> set[str]:
    return {option for parameter in command.params for option in parameter.opts if option.startswith("--")}


def sections(text: str) -> dict[str, str]:
    """Text below each heading of the second level, by heading."""
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def code_blocks(text: str) -> list[str]:
    return re.findall(r"^```\w*\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


def shell_lines(text: str) -> list[str]:
    """Commands of the code blocks, without comments."""
    lines = []
    for line in "\n".join(code_blocks(text)).splitlines():
        words = shlex.split(line.removeprefix("$ "), comments=True)
        if words and (words[0] == "make" or words[0].endswith("lifecert")):
            lines.append(shlex.join(words))
    return lines


# command line ----------------------------------------------------------------------------------------------------------------


def test_every_command_has_its_section_and_every_section_its_command() -> None:
    documented = {heading.removeprefix("lifecert ") for heading in sections(COMMAND_LINE) if heading.startswith("lifecert ")}
    assert documented == {words for words, _ in commands()}


@pytest.mark.parametrize("words", [words for words, _ in commands()])
def test_the_section_of_a_command_names_its_options_and_no_others(words: str) -> None:
    table = [line for line in sections(COMMAND_LINE)[f"lifecert {words}"].splitlines() if line.startswith("| `--")]
    documented = {option for line in table for option in re.findall(r"`(--[a-z-]+)`", line.split("|")[1])}
    assert documented == options(dict(commands())[words])


def used() -> list[tuple[str, str]]:
    """(page, command) of every call of the command in the documentation and in help texts."""
    found = [
        (name(page), line) for page in PAGES for line in shell_lines(page.read_text(encoding="utf-8")) if "lifecert" in line.split()[0]
    ]
    helps = [(f"lifecert {words} --help", command.help or "") for words, command in commands()]
    for place, text in helps:
        found += [(place, line.strip()) for line in text.splitlines() if line.strip().startswith("lifecert ")]
    return found


def test_every_command_that_the_documentation_shows_exists_with_its_options() -> None:
    known = dict(commands())
    assert len(used()) > 30
    for place, line in used():
        words = shlex.split(line)[1:]
        if words[0].startswith("-"):
            assert words[0] in {"--help", "--version"}, (place, line)
            continue
        command = next((" ".join(words[:count]) for count in (2, 1) if " ".join(words[:count]) in known), None)
        assert command is not None, (place, line)
        unknown = {word for word in words if word.startswith("--")} - options(known[command]) - {"--help"}
        assert not unknown, (place, line)


def test_make_targets_that_the_readme_names_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    for page in READMES:
        assert set(re.findall(r"\bmake ([a-z-]+)", "\n".join(re.findall(r"`[^`]+`", page.read_text(encoding="utf-8"))))) <= targets
        assert {line.split()[1] for line in shell_lines(page.read_text(encoding="utf-8")) if line.startswith("make ")} <= targets


# configuration ---------------------------------------------------------------------------------------------------------------


def test_every_setting_is_documented_with_its_default_and_no_other() -> None:
    rows = {row[0]: row[1] for row in re.findall(r"^\| `(LIFECERT_[A-Z0-9_]+)` \| ([^|]+) \|", CONFIGURATION, flags=re.MULTILINE)}
    assert set(rows) == {f"LIFECERT_{field.upper()}" for field in Settings.model_fields}
    for field, info in Settings.model_fields.items():
        default = info.get_default()
        if default is None or info.default_factory is not None:
            continue
        if isinstance(default, bool):
            default = "on" if default else "off"  # as pydantic reads them
        assert rows[f"LIFECERT_{field.upper()}"].strip() == (f"`{default}`" if str(default) else "empty"), field


def test_every_variable_named_anywhere_is_a_setting() -> None:
    known = {f"LIFECERT_{field.upper()}" for field in Settings.model_fields} | {"LIFECERT_TEST_DATA"}
    files = [
        *PAGES,
        ROOT / "Makefile",
        *ROOT.glob("tools/*.sh"),
        *(p for f in ("api", "verify", "models") for p in (ROOT / f).rglob("*.py")),
    ]
    for path in files:
        named = set(re.findall(r"LIFECERT_[A-Z]+(?:_[A-Z]+)*(?![A-Z_]|\w)", path.read_text(encoding="utf-8")))
        assert named <= known, name(path)


def policy_sections(content: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """Headings of the policy file, except inline tables."""
    text = (ROOT / "policy.toml").read_text(encoding="utf-8")
    for key, value in content.items():
        path = f"{prefix}{key}"
        if isinstance(value, dict):
            if f"\n[{path}]" in text:
                yield f"[{path}]"
            yield from policy_sections(value, f"{path}.")
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            yield f"[[{path}]]"


def test_every_policy_section_is_documented_and_no_other() -> None:
    content = tomllib.loads((ROOT / "policy.toml").read_text(encoding="utf-8"))
    documented = re.findall(r"^\| `(\[{1,2}[A-Za-z0-9_.]+\]{1,2})` \|", CONFIGURATION, flags=re.MULTILINE)
    assert len(documented) == len(set(documented))
    assert set(documented) == set(policy_sections(content))


# links and languages ---------------------------------------------------------------------------------------------------------


def links(page: Path) -> list[str]:
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return [target for target in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in target]


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    missing = []
    for target in links(page):
        file, _, anchor = target.partition("#")
        there = (page.parent / file).resolve() if file else page
        if not there.exists():
            missing.append(target)
        elif anchor:
            headings = re.findall(r"^#+ (.+)$", there.read_text(encoding="utf-8"), flags=re.MULTILINE)
            if anchor not in {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}:
                missing.append(target)
    assert not missing


def test_every_page_of_the_documentation_is_in_the_index() -> None:
    index = {(ROOT / "docs" / target).resolve() for target in links(ROOT / "docs" / "README.md")}
    for page in (ROOT / "docs").rglob("*.md"):
        assert page.name == "README.md" or page in index or page.parent in index, name(page)


def outline(page: Path) -> list[int]:
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return [len(marks) for marks in re.findall(r"^(#+) ", text, flags=re.MULTILINE)]


def test_both_readmes_have_the_same_parts_commands_and_links() -> None:
    english, chinese = READMES
    assert outline(english) == outline(chinese)
    assert shell_lines(english.read_text(encoding="utf-8")) == shell_lines(chinese.read_text(encoding="utf-8"))
    in_chinese = [
        "README.md" if target == "README.zh-CN.md" else re.sub(r"-en(-\d+)?\.png$", r"-zh\1.png", target) for target in links(english)
    ]
    assert in_chinese == links(chinese)
    tables = [
        [line.split("|")[1].strip() for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("| `")] for page in READMES
    ]
    assert tables[0] == tables[1]


def test_the_first_screen_shows_what_it_is_a_picture_and_the_two_commands() -> None:
    for page in READMES:
        first = "\n".join(page.read_text(encoding="utf-8").splitlines()[:24])
        assert "![" in first
        assert "make run" in first
        assert "make test" in first
