"""The one place where configuration is read: environment variables ``LIFECERT_*``."""

from __future__ import annotations

import ipaddress
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from api.mail import parse_sender, parse_server
from models.key_ciphers import Cipher
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


class SecondFactorChoice(StrEnum):
    """Whether staff need a second factor. ``auto``: in production. Accounts that have one are always asked for it."""

    AUTO = "auto"
    REQUIRED = "required"
    OFF = "off"


class SmsChoice(StrEnum):
    """Ways for text messages to leave. ``file``: JSON lines in the home, for a gateway to pick up."""

    FILE = "file"


class KeyServiceChoice(StrEnum):
    """Who keeps the keys: the key file itself, or a hardware module (or SoftHSM) that is reached through PKCS#11."""

    FILE = "file"
    PKCS11 = "pkcs11"


class ClientCertChoice(StrEnum):
    """Whether a connection needs a certificate of LIFECERT_CLIENT_CA. ``required`` keeps browsers out: for an address of programs."""

    OPTIONAL = "optional"
    REQUIRED = "required"


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
    trusted_proxies: Annotated[int, Field(ge=0, le=5)] = Field(0, description="reverse proxies in front that set X-Forwarded-For")
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
    cipher: Cipher = Field(Cipher.AES_256_GCM, description="cipher of keys made from now on: aes-256-gcm or sm4-gcm")
    key_service: KeyServiceChoice = Field(KeyServiceChoice.FILE, description="who keeps the keys: file or pkcs11")
    pkcs11_module: Path | None = Field(None, description="library of the hardware module, e.g. /usr/lib/softhsm/libsofthsm2.so")
    pkcs11_token: str = Field("", description="label of the token")
    pkcs11_pin: SecretStr = Field(SecretStr(""), description="PIN of the token's user", repr=False)
    pkcs11_pin_file: Path | None = Field(None, description="file that holds the PIN, instead of the variable")
    recording_dir: Path | None = Field(None, description="where the recording harness writes; empty: harness off")
    challenge_seed: int | None = Field(None, description="fixes the random challenges; tests only")
    sms: SmsChoice = Field(SmsChoice.FILE, description="how text messages leave: file (outgoing/sms.jsonl in the home)")
    face_index: FaceIndexChoice = Field(FaceIndexChoice.FAISS, description="vectors of the search for faces: faiss, pgvector or milvus")
    milvus_uri: str = Field("", description="address of Milvus, e.g. https://milvus.internal:19530")
    milvus_token: str = Field("", description="user:password or API key of Milvus", repr=False)
    webhook_private_targets: str = Field("", description="networks (CIDR, commas) that webhooks may go to though they are not public")
    smtp_url: str = Field("", description="mail server, smtps://user:password@host:465 or smtp://host:587 (STARTTLS)", repr=False)
    mail_from: str = Field("", description="address that letters to staff come from, e.g. lifecert@example.gov.cn")
    second_factor: SecondFactorChoice = Field(SecondFactorChoice.AUTO, description="of staff: auto (in production), required, off")
    oidc_issuer: str = Field("", description="OpenID Connect issuer of staff, e.g. https://login.example.gov.cn; empty: passwords only")
    oidc_client_id: str = Field("", description="Lifecert's client id at the issuer")
    oidc_client_secret: str = Field("", description="its client secret", repr=False)
    oidc_account_claim: str = Field("preferred_username", description="claim of the identity token that names the account")
    oidc_second_factor: str = Field("", description="acr or amr values (commas) that count as a second factor; empty: our own is asked for")
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR")
    backup_passphrase: str = Field("", description="seals the key file into backups, and opens it when they are restored", repr=False)
    access_log: bool = Field(False, description="on: one masked line for each request, with the name of its endpoint, never its address")
    jobs: bool = Field(True, description="off: lifecert run starts no background jobs; lifecert jobs runs them as a service of its own")
    metrics_port: Annotated[int, Field(ge=0, le=65535)] = Field(0, description="port of /metrics on 127.0.0.1, for Prometheus; 0: none")
    client_cert: ClientCertChoice = Field(ClientCertChoice.OPTIONAL, description="optional or required; counts with LIFECERT_CLIENT_CA")
    postgres_bin: Path | None = Field(None, description="folder of pg_dump, pg_restore and psql; empty: found on PATH")

    @field_validator(
        "embedder_config",
        "key_file",
        "recording_dir",
        "challenge_seed",
        "tls_cert",
        "tls_key",
        "client_ca",
        "pkcs11_module",
        "pkcs11_pin_file",
        mode="before",
    )
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        return None if value == "" else value

    @field_validator(
        "home",
        "weights_dir",
        "policy_file",
        "embedder_config",
        "key_file",
        "recording_dir",
        "tls_cert",
        "tls_key",
        "client_ca",
        "pkcs11_module",
        "pkcs11_pin_file",
    )
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return None if value is None else value.expanduser().absolute()

    @field_validator("postgres_bin", mode="before")
    @classmethod
    def _no_folder(cls, value: object) -> object:
        return None if value == "" else value

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
    def _key_service_is_whole(self) -> Self:
        if self.key_service is KeyServiceChoice.PKCS11:
            if self.pkcs11_module is None or not self.pkcs11_token:
                raise ValueError("LIFECERT_KEY_SERVICE=pkcs11 needs LIFECERT_PKCS11_MODULE and LIFECERT_PKCS11_TOKEN")
            if bool(self.pkcs11_pin.get_secret_value()) == (self.pkcs11_pin_file is not None):
                raise ValueError("LIFECERT_KEY_SERVICE=pkcs11 needs LIFECERT_PKCS11_PIN or LIFECERT_PKCS11_PIN_FILE, one of them")
        return self

    @model_validator(mode="after")
    def _milvus_has_an_address(self) -> Self:
        if self.face_index is FaceIndexChoice.MILVUS and not self.milvus_uri:
            raise ValueError("LIFECERT_FACE_INDEX=milvus needs LIFECERT_MILVUS_URI: the address of the server")
        return self

    @field_validator("smtp_url")
    @classmethod
    def _mail_server(cls, value: str) -> str:
        if value:
            parse_server(value)
        return value

    @field_validator("mail_from")
    @classmethod
    def _mail_sender(cls, value: str) -> str:
        if value:
            parse_sender(value)
        return value

    @model_validator(mode="after")
    def _mail_is_whole(self) -> Self:
        if bool(self.smtp_url) != bool(self.mail_from):
            raise ValueError("LIFECERT_SMTP_URL and LIFECERT_MAIL_FROM go together: give both, or neither where no letters are sent")
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
        if self.client_cert is ClientCertChoice.REQUIRED and self.client_ca is None:
            raise ValueError("LIFECERT_CLIENT_CERT=required needs LIFECERT_CLIENT_CA: the authority whose certificates are let in")
        if self.client_ca is not None and self.tls_cert is None:
            raise ValueError("LIFECERT_CLIENT_CA needs LIFECERT_TLS_CERT and LIFECERT_TLS_KEY: certificates are shown over TLS only")
        for name, path in (("TLS_CERT", self.tls_cert), ("TLS_KEY", self.tls_key), ("CLIENT_CA", self.client_ca)):
            if path is not None and not path.is_file():
                raise ValueError(f"LIFECERT_{name}: there is no file {path}")
        return self

    @model_validator(mode="after")
    def _oidc_is_whole(self) -> Self:
        given = [bool(self.oidc_issuer), bool(self.oidc_client_id), bool(self.oidc_client_secret)]
        if any(given) and not all(given):
            raise ValueError("LIFECERT_OIDC_ISSUER, LIFECERT_OIDC_CLIENT_ID and LIFECERT_OIDC_CLIENT_SECRET go together: give all or none")
        if self.environment is Environment.PRODUCTION and self.oidc_issuer and not self.oidc_issuer.startswith("https://"):
            raise ValueError("LIFECERT_OIDC_ISSUER must be an https address in production: what it says decides who is let in")
        return self

    @property
    def second_factor_required(self) -> bool:
        """True when an account without a second factor can do nothing but set one up."""
        if self.second_factor is SecondFactorChoice.AUTO:
            return self.environment is Environment.PRODUCTION
        return self.second_factor is SecondFactorChoice.REQUIRED

    @property
    def oidc_factors(self) -> frozenset[str]:
        """The values of ``oidc_second_factor``."""
        return frozenset(value.strip() for value in self.oidc_second_factor.split(",") if value.strip())

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
