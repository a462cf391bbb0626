"""Papers of cases: handed in, opened, removed. Sealed at rest; every opening is audited."""

from __future__ import annotations

from detection.case_steps_service import CaseSteps
from detection.casework import inputs
from detection.casework.case_rows import paper_of
from detection.casework.inputs import REASON_MAX
from detection.casework.rules import CaseAction, Worker
from detection.casework.views import AttachmentView, OpenedAttachment
from models.casework import CaseStep
from models.errors import NotFoundError
from models.repositories import audit, case_papers, cases
from models.repositories.case_papers import NewPaper


class CasePapers(CaseSteps):
    """What cases have of papers. Raises as its base does; and ConflictError: ATTACHMENT_EXISTS for a paper that the case has."""

    def attach(self, who: Worker, case_id: str, name: str, data: bytes) -> AttachmentView:
        """Add a paper. Its type is what the content shows; the name is only a name."""
        kept = inputs.paper_name(name)
        with self._step(who, case_id, CaseAction.ATTACH) as step:
            case = step.held.case
            media_type = inputs.paper_type(data, case_papers.count(step.session, case.id), self._policy.attachments)
            new = NewPaper(kept, media_type, data)
            row = case_papers.add(step.session, case, new, keyring=self._keyring, by=who.actor, now=step.now)
            details = {"attachment": row.public_id, "media_type": media_type, "bytes": len(data)}
            self._done(step, CaseStep.ATTACHED, details=details)
            return paper_of(row)

    def read_attachment(self, who: Worker, case_id: str, attachment_id: str) -> OpenedAttachment:
        """Open a paper, with an audit entry. Raises UnsealError when it was altered."""
        now = self._clock()
        with self._database.session_scope() as session:
            held = cases.get(session, case_id)
            if not who.covers(held.case.region_code):
                raise NotFoundError("there is no such case")
            row = case_papers.find(session, held.case.id, attachment_id)
            data = case_papers.opened(row, held.case.public_id, self._keyring)
            audit.record(
                session,
                actor=who.actor,
                action="case.attachment_read",
                now=now,
                person_id=held.case.person_id,
                object=held.case.public_id,
                details={"attachment": row.public_id},
            )
            return OpenedAttachment(row.name, row.media_type, data)

    def remove_attachment(self, who: Worker, case_id: str, attachment_id: str, reason: str) -> AttachmentView:
        """Take a paper out of an open case: the content goes, that it was there stays."""
        text = inputs.words(reason, REASON_MAX)
        with self._step(who, case_id, CaseAction.REMOVE_ATTACHMENT) as step:
            row = case_papers.find(step.session, step.held.case.id, attachment_id)
            case_papers.remove(step.session, row, by=who.actor, now=step.now)
            step.session.refresh(row)
            self._done(step, CaseStep.ATTACHMENT_REMOVED, note=text, details={"attachment": row.public_id})
            return paper_of(row)
