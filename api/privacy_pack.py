"""The filing pack: notification of faces held, record of processing, impact assessment, made from the running configuration.

After the measures on face recognition of 2025 (articles 9 and 15), the personal-information law (articles 51, 55 and 56) and GB/T 39335.
What only the agency can say (necessity in its own words, signatures) is left as a line to fill in, and named as such.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from api.context import Context
from api.privacy_facts import Facts, gather
from api.privacy_papers import Paper, Part, both
from api.privacy_words import words
from models.policy_privacy import PrivacyPolicy

NAMES = ("faces-held", "record-of-processing", "impact-assessment")


def make_pack(context: Context, *, language: str) -> tuple[dict[str, bytes], Facts]:
    """File name -> bytes of the three papers as HTML and PDF, and ``facts.json``."""
    facts = gather(context)
    files = both(papers(facts, context.policy.privacy, language), language)
    files["facts.json"] = json.dumps(asdict(facts), ensure_ascii=False, indent=1, default=str).encode("utf-8")
    return files, facts


def papers(facts: Facts, policy: PrivacyPolicy, language: str) -> tuple[Paper, ...]:
    """The three papers."""
    say = _Say(language)
    lead = (
        say("Handler: {0}", "个人信息处理者：{0}", _stated(policy.handler, say)),
        say(
            "Responsible for personal information: {0} ({1})",
            "个人信息保护负责人：{0}（{1}）",
            _stated(policy.officer, say),
            _stated(policy.officer_contact, say),
        ),
        say(
            "Made from the running configuration on {0}: Lifecert {1}, policy {2}, engine {3}, environment {4}.",
            "根据运行中的配置生成于{0}：Lifecert {1}，规则文件{2}，人脸引擎{3}，环境{4}。",
            facts.day,
            facts.version,
            facts.policy_hash,
            facts.engine,
            facts.environment,
        ),
    )
    return (
        Paper(NAMES[0], say("Faces held: particulars for the filing", "人脸信息存储情况（备案材料）"), lead, _faces(facts, policy, say)),
        Paper(NAMES[1], say("Record of processing of personal information", "个人信息处理活动记录"), lead, _record(facts, say)),
        Paper(NAMES[2], say("Personal-information impact assessment", "个人信息保护影响评估报告"), lead, _assessment(facts, say)),
    )


class _Say:
    """Picks the language."""

    def __init__(self, language: str) -> None:
        self.language = language

    def __call__(self, english: str, chinese: str, *values: object) -> str:
        return (english if self.language == "en" else chinese).format(*values)


def _stated(value: str, say: _Say) -> str:
    return value or say("not stated: policy.toml [privacy]", "未填写：policy.toml [privacy]")


def filing_words(facts: Facts, policy: PrivacyPolicy, say: _Say) -> str:
    """Whether the authority has to be told, and until when."""
    if facts.faces.since is None:
        return say("Fewer than {0:,} people: no filing is due yet.", "不足{0:,}人：尚无需备案。", policy.filing_people)
    return say(
        "{0:,} people were reached by {1}: the filing is due by {2} (30 working days; public holidays may make it later).",
        "最迟于{1}达到{0:,}人：应于{2}前完成备案（30个工作日；法定节假日可顺延）。",
        policy.filing_people,
        facts.faces.since,
        facts.faces.due_on,
    )


def _faces(facts: Facts, policy: PrivacyPolicy, say: _Say) -> tuple[Part, ...]:
    yes, no = say("yes", "是"), say("no", "否")
    return (
        Part(
            say("How many", "数量"),
            (
                say("People whose face templates are held: {0:,}.", "存储人脸模板的人数：{0:,}。", facts.faces.people),
                filing_words(facts, policy, say),
            ),
        ),
        Part(
            say("Purpose and way of processing", "处理目的和方式"),
            (
                say(
                    "Proof of life of pensioners by camera: a picture is compared with the person's own template (1:1), with separate "
                    "consent, in these versions of the text: {0}.",
                    "领取待遇人员的资格认证：经单独同意，将拍摄的图像与本人模板进行1:1比对。同意文本版本：{0}。",
                    ", ".join(f"{purpose} {text}" for purpose, text in facts.text_versions),
                ),
                say(
                    "Searching many faces (1:N) runs only while a recorded legal basis holds, approved by a second person.",
                    "人脸检索（1:N）仅在经第二人批准并登记的法律依据有效期内进行。",
                ),
                say(
                    "Nobody has to use the face: counter, video call, visit at home, another region and official records do as well.",
                    "不强制使用人脸：可选择柜台、视频、上门、异地协助和数据比对等方式。",
                ),
            ),
        ),
        Part(
            say("What is kept, and how it is protected", "存储内容和安全措施"),
            (),
            (say("what", "内容"), say("answer", "情况")),
            (
                (
                    say("templates", "人脸模板"),
                    say("sealed, cipher {0}, keys in {1}", "加密存储，算法{0}，密钥位于{1}", facts.cipher, facts.keys),
                ),
                (say("enrolment pictures kept", "保留登记照片"), yes if facts.keeps_reference_images else no),
                (say("pictures of referred attempts kept for days", "短期保留待复核图片"), yes if facts.keeps_referred_pictures else no),
                (say("store", "数据库"), facts.store),
                (say("transport by https", "使用https传输"), yes if facts.https else no),
            ),
        ),
    )


def _record(facts: Facts, say: _Say) -> tuple[Part, ...]:
    language = say.language
    kinds = tuple(
        (
            words("purposes", table.purpose, language),
            words("tables", table.table, language),
            f"{table.personal} / {table.biometric} / {table.secret}",
            ", ".join(table.sealed) or "-",
        )
        for table in facts.tables
    )
    receives = tuple(
        (one.name, one.may, one.region, say("another installation", "其他地区系统") if one.peer else say("connected system", "接入系统"))
        for one in facts.recipients
    )
    return (
        Part(
            say("Kinds of data by purpose", "按目的列出的数据种类"),
            (say("Columns: personal / biometric / secret; which are sealed.", "字段数：个人 / 生物识别 / 秘密；以及加密的字段。"),),
            (say("purpose", "目的"), say("what", "内容"), say("columns", "字段"), say("sealed", "加密")),
            kinds,
        ),
        Part(
            say("How long", "保存期限"),
            (
                say(
                    "Everything else stays as long as the archive rules of social insurance say.",
                    "其他数据按社会保险业务档案管理规定保存。",
                ),
            ),
            (say("what is deleted", "到期删除"), say("setting", "配置项"), say("after", "期限")),
            facts.periods,
        ),
        Part(
            say("Who receives data", "接收方"),
            () if receives else (say("No system is connected.", "没有接入系统。"),),
            (say("name", "名称"), say("may", "权限"), say("region", "地区"), say("kind", "类型")) if receives else (),
            receives,
        ),
        Part(
            say("Measures", "保护措施"),
            _measures(facts, say),
            (say("role", "角色"), say("rights", "权限数")),
            tuple((role, str(number)) for role, number in facts.roles),
        ),
    )


def _measures(facts: Facts, say: _Say) -> tuple[str, ...]:
    return (
        say(
            "Identity numbers, phones, accounts and templates are sealed with {0}; keys in {1}.",
            "身份证号、电话、账号和模板以{0}加密；密钥位于{1}。",
            facts.cipher,
            facts.keys,
        ),
        say("Never changed or removed: {0}.", "不可修改和删除的表：{0}。", ", ".join(facts.append_only)),
        say(
            "Every look at a person is recorded; entries are chained and sealed day by day.",
            "每次查看个人信息均有记录；记录按日形成链并封存。",
        ),
        say(
            "What goes against a person takes a second person; no payment is stopped by a machine.",
            "不利于个人的决定须由第二人批准；系统不会自行停发待遇。",
        ),
        say(
            "People may see, correct and delete what is held about them; withdrawing consent revokes templates at once.",
            "个人可查询、更正和删除其信息；撤回同意后模板立即作废。",
        ),
    )


def _assessment(facts: Facts, say: _Say) -> tuple[Part, ...]:
    biometric = sum(table.biometric for table in facts.tables)
    risks = (
        (
            say("Templates leak", "模板泄露"),
            say("A face cannot be changed.", "人脸无法更换。"),
            say(
                "Sealed with {0}; a template is bound to person and engine, can be revoked and issued anew.",
                "以{0}加密；模板与本人和引擎绑定，可撤销并重新生成。",
                facts.cipher,
            ),
            say("medium", "中"),
        ),
        (
            say("Somebody is refused wrongly", "误拒"),
            say("A pension could be late.", "可能影响待遇领取。"),
            say("A refusal never stops a payment; five other ways; a person reviews.", "拒绝不会停发待遇；另有五种方式；由人工复核。"),
            say("low", "低"),
        ),
        (
            say("Somebody else is accepted", "误受"),
            say("A pension is drawn for somebody dead.", "冒领待遇。"),
            say(
                "Random prompts, liveness, thresholds by false match rate, referral to a person.",
                "随机动作、活体检测、按误识率设阈值、转人工。",
            ),
            say("medium", "中"),
        ),
        (
            say("Staff look without need", "工作人员越权查看"),
            say("Privacy of many.", "侵犯隐私。"),
            say("Roles, regions, an entry for every look, sealed audit.", "角色、地区限制、逐次记录、封存审计。"),
            say("low", "低"),
        ),
        (
            say("Groups fare worse with the camera", "部分群体识别效果差"),
            say("Unequal treatment.", "不平等对待。"),
            say("Rates by age and sex are measured; a gap opens an alert.", "按年龄和性别统计；差距过大自动提示。"),
            say("medium", "中"),
        ),
        (
            say("Data kept too long", "保存过久"),
            say("More harm from any leak.", "加重泄露后果。"),
            say("{0} periods are carried out every night, with a report.", "每晚执行{0}项到期删除，并形成报告。", len(facts.periods)),
            say("low", "低"),
        ),
    )
    fill = say("To be filled in by the agency: ", "由单位填写：")
    return (
        Part(
            say("Lawful, legitimate, necessary", "合法、正当、必要"),
            (
                say(
                    "Certification of pensioners is a duty under the social insurance law and the handling regulation (2023); faces are one"
                    " of several ways, by separate consent. {0} columns of {1} tables hold what is made of a face.",
                    "领取待遇资格认证是《社会保险法》和《社会保险经办条例》（2023年）规定的职责；人脸仅为经单独同意的方式之一。{1}张表中有{0}个字段保存由人脸产生的数据。",
                    biometric,
                    sum(table.biometric > 0 for table in facts.tables),
                ),
                fill + say("why the face is needed here beside the other ways.", "除其他方式外仍需使用人脸的理由。"),
            ),
        ),
        Part(
            say("Effects on people, risks and measures", "对个人权益的影响、风险和措施"),
            (
                say(
                    "Levels are a starting point, set by the makers and not measured: the agency checks them.",
                    "风险等级为开发方给出的初始值，并非实测：由单位复核。",
                ),
            ),
            (say("risk", "风险"), say("effect", "影响"), say("measure", "措施"), say("what remains", "剩余风险")),
            risks,
        ),
        Part(say("Measures in force", "现行措施"), _measures(facts, say)),
        Part(
            say("Conclusion", "结论"),
            (
                fill
                + say(
                    "are the measures lawful, effective and fit for the risk? date, names, signatures.",
                    "措施是否合法、有效并与风险相适应；日期、姓名、签字。",
                ),
                say(
                    "This report is kept for at least three years (personal-information law, article 56).",
                    "本报告至少保存三年（《个人信息保护法》第五十六条）。",
                ),
            ),
        ),
    )


def write_pack(
    context: Context, folder: Path, *, language: str, progress: Callable[[str, int, int], None] = lambda *_: None
) -> dict[str, Any]:
    """Write the pack; files of an earlier one are replaced, each whole. Returns names and the counter, for the command."""
    progress("papers", 0, 0)
    files, facts = make_pack(context, language=language)
    folder.mkdir(parents=True, exist_ok=True)
    for number, (name, data) in enumerate(files.items(), 1):
        part = folder / f".{name}.{os.getpid()}.part"
        try:
            part.write_bytes(data)
            os.replace(part, folder / name)
        finally:
            part.unlink(missing_ok=True)
        progress("papers", number, len(files))
    filing = "not due" if facts.faces.since is None else f"due by {facts.faces.due_on}"
    return {"files": sorted(files), "people": facts.faces.people, "filing": filing, "day": facts.day}
