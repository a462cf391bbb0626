"""Sealed face templates: AES-256-GCM, with the person and the engine as associated data.

A template opens only for the person and the engine version that it was made for, so that rows that are swapped in the store are
noticed and embeddings of different engines are never compared.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.keys import KeyRing, Sealed, UnsealError
from models.templates import STORED_DTYPE, template_data
from verify.engines.protocol import Embedding
from verify.errors import TemplateError


@dataclass(frozen=True)
class SealedTemplate:
    """A template as it is stored. sealed: key id and blob (nonce, ciphertext, tag). size: number of float32 values inside."""

    sealed: Sealed
    engine_name: str
    engine_version: str
    size: int

    @property
    def key_id(self) -> str:
        """Name of the key it was sealed with."""
        return self.sealed.key_id

    @property
    def blob(self) -> bytes:
        """Nonce, ciphertext and tag."""
        return self.sealed.blob


def seal_template(keyring: KeyRing, embedding: Embedding, person_id: str, engine_name: str, engine_version: str) -> SealedTemplate:
    """Seal a (d,) embedding of one person. Raises TemplateError for values that are not finite or of another shape."""
    values = np.asarray(embedding, dtype=np.float32)
    if values.ndim != 1 or values.size == 0 or not np.isfinite(values).all():
        raise TemplateError(f"a template is one row of finite numbers, got shape {values.shape}: detect and embed the face again")
    data = template_data(person_id, engine_name, engine_version, values.size)
    return SealedTemplate(keyring.seal(values.astype(STORED_DTYPE).tobytes(), data), engine_name, engine_version, values.size)


def open_template(keyring: KeyRing, template: SealedTemplate, person_id: str) -> Embedding:
    """(d,) float32 embedding. Raises TemplateError: other person, other engine, unknown key, or altered bytes."""
    data = template_data(person_id, template.engine_name, template.engine_version, template.size)
    try:
        plain = keyring.unseal(template.sealed, data)
    except UnsealError as error:
        raise TemplateError(
            f"the template does not open for this person and engine {template.engine_name} {template.engine_version} ({error}): "
            "enrol the reference again, and have the store checked when it was not moved on purpose"
        ) from error
    return np.frombuffer(plain, dtype=STORED_DTYPE).astype(np.float32)
