"""The one place where configuration is read: environment variables ``LIFECERT_*``."""

from __future__ import annotations

import ipaddress
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from verify.weights import default_cache_dir

PROJECT_ROOT = Path(__file__).resolve().parents[1]


class SettingsError(Exception):
    """The configuration is not usable; the message names each variable, the value's problem and what to do."""


class Environment(StrEnum):
    """How serious it is: demo has made-up people and known passwords, production refuses both, test allows the test double."""

    DEMO = "demo"
    PRODUCTION = "production"
    TEST = "test"


class EngineChoice(StrEnum):
    """Face engines that can be asked for. ``auto``: ONNX when its weights can be had, else dlib."""

    AUTO = "auto"
    ONNX = "onnx"
    DLIB = "dlib"
    SCRIPTED = "scripted"


class SmsChoice(StrEnum):
    """Ways for text messages to leave. ``file``: JSON lines in the home, for a gateway to pick up."""

    FILE = "file"


class FaceIndexChoice(StrEnum):
    """Where the search of one face under two identities has its vectors: in the memory of the process, in PostgreSQL, in Milvus."""

    FAISS = "faiss"
    PGVECTOR = "pgvector"
    MILVUS = "milvus"


Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _networks_of(text: str) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise ValueError("must be networks such as 10.20.0.0/16, separated by commas") from error


def default_home() -> Path:
    """``.lifecert`` in the project's folder, which git ignores."""
    return PROJECT_ROOT / ".lifecert"


class Settings(BaseSettings):
    """Typed settings. Every field is the environment variable ``LIFECERT_<NAME>``."""

    model_config = SettingsConfigDict(env_prefix="LIFECERT_", extra="ignore", frozen=True)

    home: Path = Field(default_factory=default_home, description="state: embedded store, keys, logs, recordings")
    database_url: str = Field("", description="SQLAlchemy URL; empty: SQLite in the home")
    environment: Environment = Field(Environment.DEMO, description="demo, production or test")
    host: str = Field("127.0.0.1", description="address to listen on")
    port: Annotated[int, Field(ge=0, le=65535)] = Field(8440, description="port to listen on")
    public_url: str = Field("", description="how people reach the service, e.g. https://lifecert.example.gov.cn; empty: host and port")
    tls_cert: Path | None = Field(None, description="PEM file of the server's certificate chain; with it the service speaks https itself")
    tls_key: Path | None = Field(None, description="PEM file of its key")
    client_ca: Path | None = Field(None, description="PEM file of the authority that signs machine clients' certificates")
    workers: Annotated[int, Field(ge=1, le=64)] = Field(2, description="gunicorn worker processes")
    threads: Annotated[int, Field(ge=1, le=64)] = Field(8, description="threads a worker")
    engine: EngineChoice = Field(EngineChoice.AUTO, description="auto, onnx, dlib or scripted (test double)")
    embedder_config: Path | None = Field(None, description="TOML file that describes another ONNX embedder")
    weights_dir: Path = Field(default_factory=default_cache_dir, description="where fetched model weights are kept")
    policy_file: Path = Field(default_factory=lambda: PROJECT_ROOT / "policy.toml", description="the policy file")
    key_file: Path | None = Field(None, description="key ring file; empty: keys.json in the home")
    recording_dir: Path | None = Field(None, description="where the recording harness writes; empty: harness off")
    challenge_seed: int | None = Field(None, description="fixes the random challenges; tests only")
    sms: SmsChoice = Field(SmsChoice.FILE, description="how text messages leave: file (outgoing/sms.jsonl in the home)")
    face_index: FaceIndexChoice = Field(FaceIndexChoice.FAISS, description="vectors of the search for faces: faiss, pgvector or milvus")
    milvus_uri: str = Field("", description="address of Milvus, e.g. https://milvus.internal:19530")
    milvus_token: str = Field("", description="user:password or API key of Milvus", repr=False)
    webhook_private_targets: str = Field("", description="networks (CIDR, commas) that webhooks may go to though they are not public")
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR")

    @field_validator("embedder_config", "key_file", "recording_dir", "challenge_seed", "tls_cert", "tls_key", "client_ca", mode="before")
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        return None if value == "" else value

    @field_validator(
        "home", "weights_dir", "policy_file", "embedder_config", "key_file", "recording_dir", "tls_cert", "tls_key", "client_ca"
    )
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return None if value is None else value.expanduser().absolute()

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, value: str) -> str:
        if value.upper() not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
            raise ValueError("must be DEBUG, INFO, WARNING or ERROR")
        return value.upper()

    @model_validator(mode="after")
    def _doubles_stay_out_of_production(self) -> Self:
        if self.environment is Environment.PRODUCTION:
            if self.engine is EngineChoice.SCRIPTED:
                raise ValueError("LIFECERT_ENGINE=scripted is a test double and refuses to run in production")
            if self.challenge_seed is not None:
                raise ValueError("LIFECERT_CHALLENGE_SEED makes challenges predictable and refuses to run in production")
            if self.recording_dir is not None and not self.public_url.startswith("https://"):
                raise ValueError("LIFECERT_RECORDING_DIR in production needs an https LIFECERT_PUBLIC_URL: cameras work over https only")
        return self

    @model_validator(mode="after")
    def _milvus_has_an_address(self) -> Self:
        if self.face_index is FaceIndexChoice.MILVUS and not self.milvus_uri:
            raise ValueError("LIFECERT_FACE_INDEX=milvus needs LIFECERT_MILVUS_URI: the address of the server")
        return self

    @field_validator("webhook_private_targets")
    @classmethod
    def _networks(cls, value: str) -> str:
        _networks_of(value)
        return value

    @property
    def webhook_networks(self) -> tuple[Network, ...]:
        """The networks of ``webhook_private_targets``."""
        return _networks_of(self.webhook_private_targets)

    @model_validator(mode="after")
    def _tls_is_whole(self) -> Self:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("LIFECERT_TLS_CERT and LIFECERT_TLS_KEY go together: give both, or neither behind a proxy that speaks https")
        if self.client_ca is not None and self.tls_cert is None:
            raise ValueError("LIFECERT_CLIENT_CA needs LIFECERT_TLS_CERT and LIFECERT_TLS_KEY: certificates are shown over TLS only")
        for name, path in (("TLS_CERT", self.tls_cert), ("TLS_KEY", self.tls_key), ("CLIENT_CA", self.client_ca)):
            if path is not None and not path.is_file():
                raise ValueError(f"LIFECERT_{name}: there is no file {path}")
        return self

    @property
    def store_url(self) -> str:
        """SQLAlchemy URL of the store."""
        return self.database_url or f"sqlite:///{self.home / 'lifecert.sqlite3'}"

    @property
    def keys_path(self) -> Path:
        """Where the key ring file is."""
        return self.key_file or self.home / "keys.json"

    @property
    def base_url(self) -> str:
        """How people reach the service, without a trailing slash."""
        if self.public_url:
            return self.public_url.rstrip("/")
        everywhere = {"127.0.0.1", "0.0.0.0", "::"}  # noqa: S104 (compared with, not listened on)
        scheme = "http" if self.tls_cert is None else "https"
        return f"{scheme}://{'localhost' if self.host in everywhere else self.host}:{self.port}"


def load_settings(**overrides: object) -> Settings:
    """Read and check the settings. Raises SettingsError that names each wrong variable."""
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        lines = []
        for problem in error.errors():
            name = "LIFECERT_" + "_".join(str(part) for part in problem["loc"]).upper() if problem["loc"] else "settings"
            lines.append(f"{name}: {problem['msg'].removeprefix('Value error, ')}")
        raise SettingsError("the configuration is not usable:\n  " + "\n  ".join(lines)) from error
