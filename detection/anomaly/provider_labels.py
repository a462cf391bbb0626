"""Which hospitals were decided to be fraudulent: a file ``provider,fraud`` with 0 and 1."""

from __future__ import annotations

from pathlib import Path

from detection.claims.claim_mapping import ClaimFilesError
from detection.errors import DetectionError
from detection.linkage.errors import LinkageInputError
from detection.linkage.source import read_table

PROVIDER, FRAUD = "provider", "fraud"
YES, NO = frozenset({"1", "yes", "true"}), frozenset({"0", "no", "false"})


class TooFewLabelsError(DetectionError):
    """There are too few decided hospitals to learn from; the message says how many there are and are needed."""

    code = "too_few_labels"


def read_provider_labels(path: Path) -> dict[str, bool]:
    """Provider -> fraud.

    Raises:
        ClaimFilesError: no such columns, a label that is neither 0 nor 1, a provider with two labels.
        OSError: the file cannot be read.
    """
    try:
        table = read_table(path)
    except LinkageInputError as error:
        raise ClaimFilesError(str(error)) from error
    headings = {name.casefold(): name for name in table.column_names}
    for name in (PROVIDER, FRAUD):
        if name not in headings:
            raise ClaimFilesError(f"{path.name}: there is no column {name!r}: the columns provider,fraud are needed")
    found: dict[str, bool] = {}
    cells = zip(table[headings[PROVIDER]].to_pylist(), table[headings[FRAUD]].to_pylist(), strict=True)
    for row, (provider, fraud) in enumerate(cells, start=2):
        name, word = (provider or "").strip(), (fraud or "").strip().casefold()
        if not name:
            raise ClaimFilesError(f"{path.name}, row {row}, column {PROVIDER!r}: empty")
        if word not in YES | NO:
            raise ClaimFilesError(f"{path.name}, row {row}, column {FRAUD!r}: {word!r} is neither 0 nor 1")
        if found.setdefault(name, word in YES) != (word in YES):
            raise ClaimFilesError(f"{path.name}, row {row}: {name!r} has two different labels")
    return found
