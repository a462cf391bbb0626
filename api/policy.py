"""The policy file as one typed value, checked at start; its hash goes on every decision."""

from __future__ import annotations

import hashlib
import tomllib
from functools import lru_cache
from pathlib import Path

from pydantic import PrivateAttr, ValidationError

from models.policy import RecordSections
from verify.policy import VerificationPolicy


class PolicyFileError(Exception):
    """The policy file is not usable; the message names file, field, rule and value."""


class Policy(RecordSections):
    """All of policy.toml. Unknown keys are refused, so that a typing error cannot silently leave a default in force."""

    verification: VerificationPolicy
    _hash: str = PrivateAttr("")

    @property
    def hash(self) -> str:
        """First 16 hexadecimal digits of the SHA-256 of the file's bytes."""
        return self._hash


def load_policy(path: Path) -> Policy:
    """Read and check the policy file. Raises PolicyFileError."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise PolicyFileError(f"policy file {path}: {error.strerror}; set LIFECERT_POLICY_FILE to a readable file") from error
    return _checked(path, content)


@lru_cache(maxsize=4)
def _checked(path: Path, content: bytes) -> Policy:
    # a start reads the file several times, and checking it costs more than reading; another content is another policy
    try:
        policy = Policy.model_validate(tomllib.loads(content.decode("utf-8")))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PolicyFileError(f"policy file {path} is not TOML in UTF-8: {error}") from error
    except ValidationError as error:
        lines = [f"[{'.'.join(str(part) for part in problem['loc'])}] {problem['msg']}" for problem in error.errors()]
        raise PolicyFileError(f"policy file {path} is not usable:\n  " + "\n  ".join(lines)) from error
    policy._hash = hashlib.sha256(content).hexdigest()[:16]
    return policy
