"""The description of the JSON doors: /openapi.json, and /docs to read and try it, with every file served from here."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

from apiflask import APIFlask
from flask import Blueprint, Response, send_from_directory
from pydantic.json_schema import models_json_schema

from api.accounts import TOKEN_HEADER
from api.idempotency import HEADER as IDEMPOTENCY_HEADER
from api.scopes import MEANING
from api.v1 import examples, signal_examples
from api.v1.door import DOORS, SESSION_HEADER, Door
from api.v1.schemas import PUBLIC_ID, ProblemAnswer

OWN_FILES = Path(__file__).with_name("docs_ui")
SWAGGER_UI = Path(str(files("flask_swagger_ui").joinpath("dist")))
CHECK_TOKEN = r"^[A-Za-z0-9._~-]{1,400}$"  # noqa: S105 (a pattern)

docs = Blueprint("docs", __name__)

SECURITY_SCHEMES = {
    "staff_token": {"type": "apiKey", "in": "header", "name": TOKEN_HEADER, "description": "Token of a staff account or a program."},
    "staff_session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "lifecert",
        "description": "Staff signed in at /login. Changes need the page's token in X-CSRFToken.",
    },
    "person_session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "lifecert",
        "description": "A pensioner who identified themselves on the pages. Changes need the page's token in X-CSRFToken.",
    },
    "client_token": {
        "type": "oauth2",
        "description": "Access token of a machine client: POST /oauth/token with its id and secret (RFC 6749 section 4.4).",
        "flows": {
            "clientCredentials": {"tokenUrl": "/oauth/token", "scopes": {scope.value: meaning for scope, meaning in MEANING.items()}}
        },
    },
    "client_certificate": {"type": "mutualTLS", "description": "TLS certificate of a machine client: no token is needed."},
    "session_token": {
        "type": "apiKey",
        "in": "header",
        "name": SESSION_HEADER,
        "description": "Secret of one verification, given by its start.",
    },
}

IDEMPOTENCY_PARAMETER = {
    "name": IDEMPOTENCY_HEADER,
    "in": "header",
    "required": False,
    "description": "Draw one for each new request; the same key with the same request gets the first answer again.",
    "schema": {"type": "string", "pattern": r"^[\x21-\x7e]{1,255}$"},
    "example": "8e03978e-40d5-43dd-bc93-6894a57f9324",
}


@docs.get("/docs")
def read() -> Response:
    """The page."""
    return send_from_directory(OWN_FILES, "index.html")


@docs.get("/docs/start.js")
def start() -> Response:
    """Starts Swagger UI on our description."""
    return send_from_directory(OWN_FILES, "start.js")


@docs.get("/docs/swagger-ui/<any('swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png'):name>")
def swagger_ui(name: str) -> Response:
    """The files of Swagger UI, from the installed package."""
    return send_from_directory(SWAGGER_UI, name)


def register(app: APIFlask) -> None:
    """Add the page, and everything that the generated description lacks."""
    app.register_blueprint(docs)
    app.config.update(
        OPENAPI_VERSION="3.1.0",
        SECURITY_SCHEMES=SECURITY_SCHEMES,
        DESCRIPTION="Proof of life by camera: verifications, reference faces, consents, certificates. Errors are RFC 9457 problems.",
        LICENSE={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        AUTO_404_RESPONSE=False,
        AUTO_AUTH_ERROR_RESPONSE=False,
        AUTO_VALIDATION_ERROR_RESPONSE=False,
    )

    @app.spec_processor
    def complete(spec: Any) -> Any:
        schemas = spec.setdefault("components", {}).setdefault("schemas", {})
        _, definitions = models_json_schema([(ProblemAnswer, "serialization")], ref_template="#/components/schemas/{model}")
        for name, schema in definitions["$defs"].items():
            schemas["Problem" if name == "ProblemAnswer" else name] = schema
        for path in spec["paths"].values():
            for operation in path.values():
                _complete(operation, DOORS[operation["operationId"]])
        return spec


def _complete(operation: dict[str, Any], spec: Door) -> None:
    for parameter in operation["parameters"]:
        if parameter["in"] == "path":
            parameter["required"] = True
            parameter["schema"] = {"type": "string", "pattern": CHECK_TOKEN if parameter["name"] == "token" else PUBLIC_ID}
        else:
            parameter["description"] = parameter["schema"].pop("description", "")
        named = f"{operation['operationId']}.{parameter['name']}"
        known = examples.PARAMETERS | signal_examples.PARAMETERS
        parameter["example"] = known[named] if named in known else known[parameter["name"]]
    if spec.idempotent:
        operation["parameters"].append(IDEMPOTENCY_PARAMETER)
    if not spec.security:
        operation["security"] = []
    if "requestBody" in operation:
        operation["requestBody"]["required"] = True
    for response in operation["responses"].values():
        if response.get("content") == {}:
            del response["content"]
