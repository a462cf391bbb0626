"""Second factors and signed-in sessions of staff accounts."""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
TIME = sa.DateTime(timezone=True)
ENDS = ("signed_out", "by_owner", "by_administrator", "password_changed", "factors_reset", "disabled", "idle", "too_long")
# Second factors are tables of their own now; the address of a sign-in is kept only without its last part.
GONE = (
    ("current_login_at", TIME),
    ("last_login_ip", sa.String(length=64)),
    ("current_login_ip", sa.String(length=64)),
    ("login_count", sa.Integer()),
    ("tf_primary_method", sa.String(length=64)),
    ("tf_totp_secret", sa.String(length=255)),
    ("tf_phone_number", sa.String(length=128)),
    ("mf_recovery_codes", JSON),
)
NEW = (
    ("public_id", sa.String(length=22)),
    ("password_temporary", sa.Boolean()),
    ("password_changed_at", TIME),
    ("unlocked_at", TIME),
)


def one_of(name: str, *values: str) -> sa.Enum:
    """Text that a named CHECK constraint bounds to the values."""
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def upgrade() -> None:
    with op.batch_alter_table("account") as batch_op:
        for name, type_ in NEW:
            batch_op.add_column(sa.Column(name, type_, nullable=True))
        for name, _ in GONE:
            batch_op.drop_column(name)
    account = sa.table("account", sa.column("id", ID), sa.column("public_id", sa.String), sa.column("password_temporary", sa.Boolean))
    connection = op.get_bind()
    for key in connection.scalars(sa.select(account.c.id)).all():
        values = {"public_id": secrets.token_urlsafe(16), "password_temporary": False}
        connection.execute(account.update().where(account.c.id == key).values(values))
    with op.batch_alter_table("account") as batch_op:
        batch_op.alter_column("public_id", existing_type=sa.String(length=22), nullable=False)
        batch_op.alter_column("password_temporary", existing_type=sa.Boolean(), nullable=False)
        batch_op.create_unique_constraint("uq_account_public_id", ["public_id"])
    op.create_table(
        "account_session",
        sa.Column("id", ID, nullable=False),
        sa.Column("public_id", sa.String(length=22), nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("signed_in_by", one_of("signed_in_by", "password", "oidc"), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("seen_at", TIME, nullable=False),
        sa.Column("factor_at", TIME, nullable=True),
        sa.Column("opened_at", TIME, nullable=True),
        sa.Column("proved_at", TIME, nullable=False),
        sa.Column("device_class", sa.String(length=20), nullable=False),
        sa.Column("network", sa.String(length=50), nullable=True),
        sa.Column("challenge", sa.LargeBinary(length=64), nullable=True),
        sa.Column("challenge_at", TIME, nullable=True),
        sa.Column("ended_at", TIME, nullable=True),
        sa.Column("ended_why", one_of("ended_why", *ENDS), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_account_session_account_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_session")),
        sa.UniqueConstraint("public_id", name=op.f("uq_account_session_public_id")),
    )
    op.create_index("ix_account_session_account_id_created_at", "account_session", ["account_id", "created_at"])
    op.create_index("ix_account_session_seen_at", "account_session", ["seen_at"])
    op.create_table(
        "account_factor",
        sa.Column("id", ID, nullable=False),
        sa.Column("public_id", sa.String(length=22), nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("kind", one_of("factor_kind", "totp", "security_key"), nullable=False),
        sa.Column("name", sa.String(length=50), nullable=False),
        sa.Column("secret_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("last_counter", sa.BigInteger(), nullable=True),
        sa.Column("credential_id", sa.LargeBinary(length=1023), nullable=True),
        sa.Column("public_key", sa.LargeBinary(), nullable=True),
        sa.Column("sign_count", sa.BigInteger(), nullable=True),
        sa.Column("transports", JSON, nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("confirmed_at", TIME, nullable=True),
        sa.Column("last_used_at", TIME, nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_account_factor_account_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_factor")),
        sa.UniqueConstraint("public_id", name=op.f("uq_account_factor_public_id")),
        sa.UniqueConstraint("credential_id", name=op.f("uq_account_factor_credential_id")),
    )
    op.create_index("ix_account_factor_account_id", "account_factor", ["account_id"])
    op.create_table(
        "account_recovery_code",
        sa.Column("id", ID, nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("used_at", TIME, nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_account_recovery_code_account_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_recovery_code")),
        sa.UniqueConstraint("account_id", "digest", name=op.f("uq_account_recovery_code_account_id_digest")),
    )


def downgrade() -> None:
    for table in ("account_recovery_code", "account_factor", "account_session"):
        op.drop_table(table)
    with op.batch_alter_table("account") as batch_op:
        batch_op.drop_constraint("uq_account_public_id", type_="unique")
        for name, _ in NEW:
            batch_op.drop_column(name)
        for name, type_ in GONE:
            batch_op.add_column(sa.Column(name, type_, nullable=True))
