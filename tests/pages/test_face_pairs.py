"""The page of a pair of faces: figures first, both faces only when somebody who may see them asks, each look audited for both persons."""

from __future__ import annotations

import base64
import re

import cv2
import numpy as np
import pytest
from sqlalchemy import select, update

from api.rights import RoleName
from models.audit import AuditEntry
from models.face import FaceReference
from models.repositories import persons, references
from tests.api.conftest import HOME_REGION, NAME, OTHER_REGION, World
from tests.pages.face_pair_signals import Stored, approve_basis, store_pair
from tests.pages.test_pages import token_of


def stored(world: World, **options: object) -> Stored:
    return store_pair(world.context, world.at_home, world.elsewhere, **options)


def looks(world: World) -> list[tuple[str, int | None]]:
    with world.context.database.read_scope() as session:
        rows = session.scalars(select(AuditEntry).where(AuditEntry.action.startswith("face_pair")).order_by(AuditEntry.id))
        return [(row.action, row.person_id) for row in rows]


def keys(world: World) -> list[int]:
    with world.context.database.read_scope() as session:
        return [persons.get(session, public_id).id for public_id in (world.at_home, world.elsewhere)]


def faces_of(page: str) -> list[np.ndarray]:
    found = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', page)
    return [cv2.imdecode(np.frombuffer(base64.b64decode(one), np.uint8), cv2.IMREAD_COLOR) for one in found]


def uncover(world: World, role: RoleName, signal: str):
    client = world.staff(role)
    address = f"/desk/face-pair/{signal}"
    return client.post(address, data={"csrf_token": token_of(client.get(address).text)})


def test_the_faces_stay_covered_until_asked_for_and_every_look_names_both_persons(world: World) -> None:
    pair = stored(world, pictures=True)
    approve_basis(world.context)
    page = world.staff(RoleName.CASEWORKER).get(f"/desk/face-pair/{pair.at_home}")
    assert page.status_code == 200
    assert faces_of(page.text) == []
    assert "0.71" in page.text
    assert looks(world) == [("face_pair_seen", key) for key in keys(world)]
    answer = uncover(world, RoleName.CASEWORKER, pair.at_home)
    shown = faces_of(answer.text)
    assert [round(float(face.mean())) for face in shown] == [90, 160]
    assert all(max(face.shape) == 480 for face in shown)
    assert answer.headers["Cache-Control"] == "no-store"
    assert looks(world)[-2:] == [("face_pair_faces_seen", key) for key in keys(world)]


def test_names_and_numbers_are_masked_and_the_record_of_another_region_has_no_link(world: World) -> None:
    pair = stored(world, pictures=True)
    page = world.staff(RoleName.CASEWORKER).get(f"/desk/face-pair/{pair.at_home}").text
    assert NAME not in page
    assert f"/{world.at_home}" in page
    assert world.elsewhere not in page
    assert "其他地区" in page


def test_whoever_covers_either_of_the_two_regions_sees_the_pair_and_others_do_not(world: World) -> None:
    pair = stored(world, pictures=True)
    client = world.staff(RoleName.CASEWORKER)
    assert client.get(f"/desk/face-pair/{pair.elsewhere}").status_code == 200  # the other person's signal: the first one is at home
    with world.context.database.session_scope() as session:
        person = persons.get(session, world.at_home)
        person.region_code = OTHER_REGION
    for signal in (pair.at_home, pair.elsewhere, "nothing"):
        assert client.get(f"/desk/face-pair/{signal}").status_code == 404
    assert uncover_status(world, pair.at_home) == 404


def uncover_status(world: World, signal: str) -> int:
    client = world.staff(RoleName.CASEWORKER)
    token = token_of(client.get("/counter").text)
    return client.post(f"/desk/face-pair/{signal}", data={"csrf_token": token}).status_code


@pytest.mark.parametrize(
    ("role", "page", "faces"),
    [
        (RoleName.CASEWORKER, 200, True),
        (RoleName.REVIEWER, 200, True),
        (RoleName.SUPERVISOR, 200, True),
        (RoleName.AUDITOR, 200, False),
        (RoleName.COUNTER, 403, False),
        (RoleName.ADMINISTRATOR, 403, False),
        (RoleName.SECURITY_OFFICER, 403, False),
    ],
)
def test_roles(world: World, role: RoleName, page: int, faces: bool) -> None:
    pair = stored(world, pictures=True)
    approve_basis(world.context)
    client = world.staff(role)
    answer = client.get(f"/desk/face-pair/{pair.at_home}")
    assert answer.status_code == page
    assert ("显示两张人脸" in answer.text) is faces
    if page == 200:
        shown = client.post(f"/desk/face-pair/{pair.at_home}", data={"csrf_token": token_of(answer.text)})
        assert (shown.status_code == 200) is faces
        assert bool(faces_of(shown.text)) is faces


def test_without_a_valid_legal_basis_the_faces_stay_covered(world: World) -> None:
    pair = stored(world, pictures=True)
    answer = uncover(world, RoleName.CASEWORKER, pair.at_home)
    assert faces_of(answer.text) == []
    assert "没有有效的人脸检索法律依据" in answer.text
    assert {action for action, _ in looks(world)} == {"face_pair_seen"}


def test_without_kept_pictures_the_page_says_so_and_shows_the_figures(world: World) -> None:
    pair = stored(world, pictures=False)
    approve_basis(world.context)
    page = world.staff(RoleName.CASEWORKER).get(f"/desk/face-pair/{pair.at_home}").text
    assert "没有保存照片" in page
    assert "显示两张人脸" not in page
    assert "66 分" in page


def test_a_revoked_reference_and_a_damaged_picture_are_told_and_crash_nothing(world: World) -> None:
    pair = stored(world, pictures=True)
    approve_basis(world.context)
    with world.context.database.session_scope() as session:
        first, second = session.scalars(select(FaceReference).order_by(FaceReference.id)).all()
        references.revoke(session, first.public_id, by="test", reason="test", now=world.clock())
        damaged = world.context.keyring.seal(b"no picture", b"something else")
        session.execute(update(FaceReference).where(FaceReference.id == second.id).values(image=damaged))
    page = uncover(world, RoleName.CASEWORKER, pair.at_home).text
    assert faces_of(page) == []
    assert "已停用" in page
    assert "照片打不开" in page


def test_twins_other_sexes_and_the_rate_of_the_threshold_are_told(world: World) -> None:
    pair = stored(world, pictures=False, fmr=1e-4, twins=True)
    page = world.staff(RoleName.CASEWORKER).get(f"/desk/face-pair/{pair.at_home}").text
    assert "可能是双胞胎" in page
    assert "性别不同" in page
    assert "10,000" in page
    assert HOME_REGION in page


def test_nobody_else_gets_there(world: World) -> None:
    pair = stored(world, pictures=True)
    address = f"/desk/face-pair/{pair.at_home}"
    assert world.anonymous().get(address).headers["Location"].startswith("/login")
    assert world.pensioner().get(address).headers["Location"].startswith("/login")
    view = world.app.view_functions
    assert all(hasattr(view[name], "staff_right") for name in ("face_pairs.show", "face_pairs.uncover"))
