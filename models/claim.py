"""Hospital claims (医保结算): institutions, claims, and their lines, as the national settlement list (医疗保障基金结算清单) has them."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Date, Float, ForeignKey, Index, Integer, String, text
from sqlalchemy.orm import Mapped

from models.base import Base
from models.enrolment import Scheme
from models.types import INTERNAL, PERSONAL, PUBLIC, BigId, JsonValue, column, enum_column_type, opaque_id


class InstitutionLevel(StrEnum):
    """Level of a medical institution (医疗机构级别). Order: ungraded, primary, secondary, tertiary."""

    UNGRADED = "ungraded"  # 未定级
    PRIMARY = "primary"  # 一级
    SECONDARY = "secondary"  # 二级
    TERTIARY = "tertiary"  # 三级


class InstitutionKind(StrEnum):
    """What an institution is."""

    HOSPITAL = "hospital"
    COMMUNITY = "community"  # 社区卫生服务机构, 乡镇卫生院
    CLINIC = "clinic"
    PHARMACY = "pharmacy"
    INTERNET = "internet"  # 互联网医院
    OTHER = "other"


class CareSetting(StrEnum):
    """How the person was treated (就医方式)."""

    OUTPATIENT = "outpatient"  # 门诊
    EMERGENCY = "emergency"  # 急诊
    CHRONIC = "chronic"  # 门诊慢特病
    INPATIENT = "inpatient"  # 住院
    DAY_CASE = "day_case"  # 日间手术, 日间治疗
    HOME = "home"  # 家庭病床
    PHARMACY = "pharmacy"  # 药店购药
    INTERNET = "internet"  # 互联网诊疗


class ChargeCategory(StrEnum):
    """Category of a charge: the 14 of the settlement list (医疗收费项目类别)."""

    BED = "bed"  # 床位费
    CONSULTATION = "consultation"  # 诊察费
    EXAMINATION = "examination"  # 检查费
    LABORATORY = "laboratory"  # 化验费
    TREATMENT = "treatment"  # 治疗费
    SURGERY = "surgery"  # 手术费
    NURSING = "nursing"  # 护理费
    MATERIAL = "material"  # 卫生材料费
    WESTERN_DRUG = "western_drug"  # 西药费
    HERB = "herb"  # 中药饮片费
    PATENT_DRUG = "patent_drug"  # 中成药费
    GENERAL_CONSULTATION = "general_consultation"  # 一般诊疗费
    REGISTRATION = "registration"  # 挂号费
    OTHER = "other"  # 其他费


class DischargeWay(StrEnum):
    """How a stay ended (离院方式)."""

    HOME = "home"  # 医嘱离院
    TRANSFER = "transfer"  # 医嘱转院
    COMMUNITY = "community"  # 医嘱转社区
    AGAINST_ADVICE = "against_advice"  # 非医嘱离院
    DIED = "died"  # 死亡
    OTHER = "other"


class ClaimIdentityCheck(StrEnum):
    """What the institution reports of the identity check at this treatment."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


class Institution(Base):
    """One medical institution (定点医药机构). code: the national one, or the sender's own. beds: approved ones."""

    __tablename__ = "institution"
    __table_args__ = (
        CheckConstraint("beds IS NULL OR beds >= 0", name="beds_not_negative"),
        Index("ix_institution_region_code", "region_code"),
    )

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    public_id: Mapped[str] = column(INTERNAL, String(22), default=opaque_id, unique=True)
    code: Mapped[str] = column(PUBLIC, String(40), unique=True)
    name: Mapped[str] = column(PUBLIC, String(200))
    level: Mapped[InstitutionLevel] = column(PUBLIC, enum_column_type(InstitutionLevel, "level"))
    kind: Mapped[InstitutionKind] = column(PUBLIC, enum_column_type(InstitutionKind, "kind"))
    region_code: Mapped[str] = column(PUBLIC, String(6), ForeignKey("region.code"))
    beds: Mapped[int | None] = column(INTERNAL, Integer)


class Claim(Base):
    """One settlement of one visit or stay. reference: the institution's own number of it.

    from_date, to_date: calendar days of the visit, or of admission and discharge. settled_at: when it was settled; uploaded_at: when it
    reached the agency. principal_diagnosis, diagnoses: ICD-10, the others without the first; procedures: ICD-9-CM-3; hospital_acquired:
    those of the diagnoses that were not there at admission. drg: group of a grouper. department: code or name as sent. doctor: code of the
    one in charge. transferred_in: sent here by another institution. own_fen: what the person paid.
    """

    __tablename__ = "claim"
    __table_args__ = (
        CheckConstraint("to_date >= from_date", name="days_in_order"),
        CheckConstraint("total_fen >= 0 AND fund_fen >= 0", name="amounts_not_negative"),
        Index("uq_claim_institution_reference", "institution_id", "reference", unique=True),
        Index("ix_claim_person_id_to_date", "person_id", "to_date"),
        Index("ix_claim_to_date", "to_date"),
        Index("ix_claim_institution_id_to_date", "institution_id", "to_date", "fund_fen"),  # months of a hospital, from the index alone
    )

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    public_id: Mapped[str] = column(INTERNAL, String(22), default=opaque_id, unique=True)
    institution_id: Mapped[int] = column(INTERNAL, BigId, ForeignKey("institution.id"))
    person_id: Mapped[int] = column(INTERNAL, BigId, ForeignKey("person.id"))
    reference: Mapped[str] = column(INTERNAL, String(60))
    setting: Mapped[CareSetting] = column(PERSONAL, enum_column_type(CareSetting, "setting"))
    scheme: Mapped[Scheme] = column(PERSONAL, enum_column_type(Scheme, "scheme"))
    department: Mapped[str | None] = column(PERSONAL, String(60))
    doctor: Mapped[str | None] = column(PERSONAL, String(60))
    from_date: Mapped[date] = column(PERSONAL, Date)
    to_date: Mapped[date] = column(PERSONAL, Date)
    settled_at: Mapped[datetime | None] = column(PERSONAL)
    uploaded_at: Mapped[datetime | None] = column(INTERNAL)
    principal_diagnosis: Mapped[str | None] = column(PERSONAL, String(20))
    diagnoses: Mapped[list[Any]] = column(PERSONAL, JsonValue, default=list)
    procedures: Mapped[list[Any]] = column(PERSONAL, JsonValue, default=list)
    hospital_acquired: Mapped[list[Any]] = column(PERSONAL, JsonValue, default=list)
    drg: Mapped[str | None] = column(PERSONAL, String(20))
    transferred_in: Mapped[bool | None] = column(PERSONAL)
    discharge_way: Mapped[DischargeWay | None] = column(PERSONAL, enum_column_type(DischargeWay, "discharge_way"))
    identity_check: Mapped[ClaimIdentityCheck | None] = column(PERSONAL, enum_column_type(ClaimIdentityCheck, "identity_check"))
    total_fen: Mapped[int] = column(PERSONAL, BigInteger)
    fund_fen: Mapped[int] = column(PERSONAL, BigInteger)
    own_fen: Mapped[int | None] = column(PERSONAL, BigInteger)
    batch_id: Mapped[int | None] = column(INTERNAL, BigId, ForeignKey("import_batch.id"))


class ClaimLine(Base):
    """One charge of a claim. number: of the line in its claim. item_code: national code of the drug, service, herb or material.

    days: that a drug is supplied for. charged_on: day of the charge. executed_at, executed_quantity: of the order, where it is known.
    prescription: number that drugs and herbs of one prescription share.
    """

    __tablename__ = "claim_line"
    __table_args__ = (
        CheckConstraint("days IS NULL OR days >= 0", name="days_not_negative"),
        Index("uq_claim_line_claim_number", "claim_id", "number", unique=True),
    )

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    claim_id: Mapped[int] = column(INTERNAL, BigId, ForeignKey("claim.id"))
    number: Mapped[int] = column(INTERNAL, Integer)
    item_code: Mapped[str] = column(PERSONAL, String(40))
    item_name: Mapped[str] = column(PERSONAL, String(200))
    category: Mapped[ChargeCategory] = column(PERSONAL, enum_column_type(ChargeCategory, "category"))
    quantity: Mapped[float] = column(PERSONAL, Float)
    days: Mapped[int | None] = column(PERSONAL, Integer)
    unit_price_fen: Mapped[int] = column(PERSONAL, BigInteger)
    amount_fen: Mapped[int] = column(PERSONAL, BigInteger)
    fund_fen: Mapped[int | None] = column(PERSONAL, BigInteger)
    charged_on: Mapped[date] = column(PERSONAL, Date)
    executed_at: Mapped[datetime | None] = column(PERSONAL)
    executed_quantity: Mapped[float | None] = column(PERSONAL, Float)
    doctor: Mapped[str | None] = column(PERSONAL, String(60))
    department: Mapped[str | None] = column(PERSONAL, String(60))
    prescription: Mapped[str | None] = column(PERSONAL, String(60))


class ClaimMonth(Base):
    """What changed since the analytical files of a month were written. month: first day of that of ``Claim.to_date``.

    revision: counts up in the transaction of every change of the month's claims or lines. archived_revision: of the files.
    """

    __tablename__ = "claim_month"
    __table_args__ = (
        Index(
            "ix_claim_month_due",
            "month",
            sqlite_where=text("archived_revision < revision"),
            postgresql_where=text("archived_revision < revision"),
        ),
    )

    month: Mapped[date] = column(INTERNAL, Date, primary_key=True)
    revision: Mapped[int] = column(INTERNAL, BigInteger)
    archived_revision: Mapped[int] = column(INTERNAL, BigInteger, default=0)
