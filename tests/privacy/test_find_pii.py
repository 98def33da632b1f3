"""What is personal data in a call, and what must stay readable because verdicts hang on it."""

from __future__ import annotations

import pytest

from tests.privacy.samples import call
from xiaobao.domain import Transcript
from xiaobao.privacy import PiiKind, find_pii, mask


def found(transcript: Transcript) -> list[tuple[int, str, PiiKind]]:
    return [
        (span.turn, transcript.turns[span.turn].text[span.start : span.end], span.kind) for span in find_pii(transcript)
    ]


@pytest.mark.parametrize(
    "text",
    [
        "欠款一万三千五，分三十六期",
        "年化18.25%，日万分之五",
        "2026年3月5日到期，二零二六年三月五号也行",
        "本期应还13420.55元，最低1,306.80元",
        "流水号6222021234567890128，工单号13800138000",
        "您打12378或者95588，反诈是96110，客服400-820-8888",
        "尾号八零一二，身份证后四位3311，手机尾号2207",
        "账户里有120000元，密码错了五次",
    ],
)
def test_amounts_rates_dates_terms_and_public_numbers_stay(text: str) -> None:
    assert mask(call(text)).texts == (text,)


def test_written_and_spoken_forms_of_one_number_share_a_placeholder() -> None:
    masked = mask(call("您登记的是138 1234 5678对吗", "对，幺三八幺二三四五六七八", "一百三十八 1234 5678，好"))
    assert masked.texts == ("您登记的是〔手机号1〕对吗", "对，〔手机号1〕", "〔手机号1〕，好")


def test_an_id_card_with_one_misheard_digit_is_still_masked() -> None:
    wrong_check_digit = "110105199003072318"
    assert found(call(f"证件号{wrong_check_digit}")) == [(0, wrong_check_digit, PiiKind.ID_CARD)]


def test_a_card_that_fails_its_checksum_needs_a_word_that_says_card() -> None:
    digits = "5212345678901235"
    assert found(call(f"我的卡号是{digits}")) == [(0, digits, PiiKind.BANK_CARD)]
    assert found(call(f"数据{digits}已导出")) == []


def test_a_number_dictated_over_turns_is_masked_piece_by_piece_with_its_echo() -> None:
    transcript = call("手机号报一下", "一三九", "一三九", "零零七一", "零零七一", "二二三四", "好，收到")
    assert mask(transcript).texts == ("手机号报一下", *("〔手机号1〕",) * 5, "好，收到")


def test_a_code_read_in_two_halves_is_masked() -> None:
    assert mask(call("验证码念给我", "四零九", "后面呢", "七七一")).texts == (
        "验证码念给我",
        "〔口令1〕",
        "后面呢",
        "〔口令1〕",
    )


def test_half_a_known_number_read_back_is_masked() -> None:
    transcript = call("卡号是6222021234567890128", "前面六二二二零二一二对吧")
    assert [turn for turn, _, kind in found(transcript) if kind is PiiKind.BANK_CARD] == [0, 1]


def test_an_answer_takes_its_meaning_from_the_question() -> None:
    assert found(call("身份证后六位多少", "零六二零三X")) == [(1, "零六二零三X", PiiKind.ID_CARD)]
    assert found(call("您要还多少", "零六二零三零")) == []


def test_a_title_stays_readable_so_that_roles_can_be_judged() -> None:
    assert mask(call("张经理让我转告王先生的哥哥")).texts == ("〔人名1〕经理让我转告〔人名2〕先生的哥哥",)


def test_kinship_without_a_name_is_left_alone() -> None:
    text = "谢谢哥，我姐和他叔都在，大爷您慢走"
    assert mask(call(text)).texts == (text,)


def test_full_name_surname_and_given_name_read_as_one_person() -> None:
    masked = mask(call("请问是蔡明轩先生吗", "是我", "蔡先生您好", "嗯", "明轩你好，别急"))
    assert masked.texts[0] == "请问是〔人名1〕先生吗"
    assert masked.texts[2] == "〔人名1〕先生您好"
    assert masked.texts[4] == "〔人名1〕你好，别急"


def test_the_agents_surname_is_not_lent_to_a_customer() -> None:
    masked = mask(call("李先生您好，我是客服李静", "李经理你说", agent="李静"))
    assert masked.texts == ("〔人名1〕先生您好，我是客服〔人名2〕", "〔人名2〕经理你说")


def test_names_of_the_record_are_masked_wherever_they_are_said() -> None:
    transcript = call(
        "罗丹前几天来过", "我不认识邢砚秋这人", agent="理财经理罗丹", customer={"customer_name": "邢砚秋"}
    )
    assert mask(transcript).texts == ("〔人名1〕前几天来过", "我不认识〔人名2〕这人")


def test_an_agents_name_that_is_a_word_masks_no_word() -> None:
    assert mask(call("您先冷静一下，我是冷静", agent="冷静")).texts[0].startswith("您先冷静一下")


def test_a_forged_placeholder_is_not_reused() -> None:
    masked = mask(call("〔手机号1〕是假的，真的是13812345678"))
    assert masked.texts == ("〔手机号1〕是假的，真的是〔手机号2〕",)


def test_digits_of_different_turns_never_merge_into_one_span() -> None:
    assert found(call("13812", "345678")) == []


def test_a_streets_bank_branch_and_a_village_office_stay() -> None:
    text = "人民路上的网点，上河村村委会，南苑街道派出所，成都市武侯区支行"
    assert mask(call(text)).texts == (text,)
