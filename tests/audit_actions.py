"""Every word that the code writes as the action of an audit entry, found by reading the code."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.conftest import ROOT

PACKAGES = ("api", "verify", "detection", "models")
NAMED = {
    "action",
    "ACTION",
    "STARTED",
    "LOOKED_UP",
    "NOT_FOUND",
    "SCREENED",
    "CHANGED",
    "READ",
    "ENTRY_READ",
}  # names that hold an action in the modules below
HOLDERS = {
    "api/v1/statuses.py",
    "api/audit_export.py",
    "api/pages/audit_pages.py",
    "api/cli/peers.py",
    "verify/status_code_service.py",
    "verify/evidence_service.py",
    "verify/assistance_effects.py",
    "detection/claims/screening_service.py",
    "models/repositories/reviews.py",
    "models/repositories/audit_retention.py",
    "models/repositories/signals.py",
}
# keywords called action of something else
OF_OTHERS = {"api/pages/assistance.py": {"action.value"}}
NO_AUDIT = ("detection/claims/rules/", "models/repositories/timeline")
RECORDERS = ("_record", "record_", "_tell", "_note", "_look", "_entry", "_audit", "_say", "_write")


def written() -> Iterator[tuple[str, str, bool]]:
    """(where, action, whole): not whole for the fixed beginning of an action that ends with a value."""
    trees = {
        str(path.relative_to(ROOT)): ast.parse(path.read_text(encoding="utf-8"))
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
    }
    places = {("", "Entry"): 1}
    for where, tree in trees.items():
        places |= _functions_with_an_action(where, tree)
    for where, tree in trees.items():
        if where.startswith(NO_AUDIT):
            continue
        for node in ast.walk(tree):
            for value in _actions(where, node, places):
                yield from ((where, *one) for one in _words(value))


def _functions_with_an_action(where: str, tree: ast.AST) -> dict[tuple[str, str], int]:
    """Place of the parameter ``action`` by module and name of the function; methods without self."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            names = [argument.arg for argument in node.args.args if argument.arg not in {"self", "cls"}]
            if "action" in names and node.name.startswith(RECORDERS):
                found[where if node.name.startswith("_") else "", node.name] = names.index("action")
    return found


def _actions(where: str, node: ast.AST, places: dict[tuple[str, str], int]) -> Iterator[ast.expr]:
    if isinstance(node, ast.Call):
        yield from (
            word.value for word in node.keywords if word.arg == "action" and ast.unparse(word.value) not in OF_OTHERS.get(where, ())
        )
        name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id if isinstance(node.func, ast.Name) else ""
        place = places.get((where if name.startswith("_") else "", name))
        if place is not None and len(node.args) > place:
            yield node.args[place]
    elif isinstance(node, ast.Assign) and where in HOLDERS:
        for target in node.targets:
            if isinstance(target, ast.Name) and target.id in NAMED:
                yield node.value
            elif isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                pairs = zip(target.elts, node.value.elts, strict=True)
                yield from (value for one, value in pairs if isinstance(one, ast.Name) and one.id in NAMED)


def _words(value: ast.expr) -> Iterator[tuple[str, bool]]:
    if isinstance(value, ast.IfExp):
        yield from _words(value.body)
        yield from _words(value.orelse)
    elif isinstance(value, ast.Constant) and isinstance(value.value, str):
        yield value.value, True
    elif isinstance(value, ast.JoinedStr):
        first = value.values[0]
        yield str(first.value) if isinstance(first, ast.Constant) else "", False
