"""The least that a status can cost: one row by primary key through Flask and SQLAlchemy Core, for comparison in the same run."""

from __future__ import annotations

import os

from flask import Flask, Response, jsonify
from sqlalchemy import create_engine, select

from models.database import parse_url
from models.person import Person


def make_app() -> Flask:
    """For gunicorn, on the store of LIFECERT_DATABASE_URL."""
    app = Flask("bare")
    engine = create_engine(parse_url(os.environ["LIFECERT_DATABASE_URL"]), pool_size=8)

    @app.get("/persons/<int:key>")
    def read(key: int) -> Response:
        query = select(Person.id, Person.public_id, Person.region_code, Person.resident_id_masked).where(Person.id == key)
        with engine.connect() as connection:
            row = connection.execute(query).one()
        return jsonify(id=row.id, person_id=row.public_id, region_code=row.region_code, resident_id_masked=row.resident_id_masked)

    return app
