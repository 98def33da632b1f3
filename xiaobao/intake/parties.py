"""Who took part: agent and customer, from a nested object, a bare id, or columns beside the call's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from xiaobao.domain import Agent, Customer
from xiaobao.intake.aliases import CALL_FIELDS, fold
from xiaobao.intake.fields import Fields, flag, text_or_none

UNKNOWN_ID = "unknown"


def read_agent(fields: Fields, notes: list[str]) -> Agent:
    """The agent of a call; an absent id becomes `unknown`, with a note.

    Raises:
        ValueError: a field is of the wrong kind; Chinese.
    """
    return Agent.model_validate(_party(fields, "agent", ("id", "name", "team", "org"), notes))


def read_customer(fields: Fields, notes: list[str]) -> Customer:
    """The customer of a call; as `read_agent`."""
    party = _party(fields, "customer", ("id", "age_band", "risk_level", "is_debtor"), notes)
    if "is_debtor" in party:
        debtor = flag(party.pop("is_debtor"))
        if debtor is None:
            raise ValueError("customer.is_debtor 应为 true/false 或 是/否")
        party["is_debtor"] = debtor
    return Customer.model_validate(party)


def _party(fields: Fields, name: str, known: Sequence[str], notes: list[str]) -> dict[str, Any]:
    """Fields of one party; columns beside the call fill what its object leaves open."""
    raw = fields.take(name)
    party: dict[str, Any] = {}
    if isinstance(raw, Mapping):
        nested = Fields(raw, {key: (fold(key), *CALL_FIELDS[_flat_name(name, key)]) for key in known})
        party = {key: value for key in known if (value := nested.take(key)) not in (None, "")}
        party |= {key: value for key, value in nested.rest().items() if key not in known}
    elif text_or_none(raw) is not None:
        party["id"] = raw
    elif raw is not None and raw != "":
        raise ValueError(f"{name} 应为对象或编号")
    for key in known:
        flat = fields.take(_flat_name(name, key))
        if flat in (None, ""):
            continue
        if key not in party:
            party[key] = flat
        elif party[key] != flat:
            notes.append(f"{name}.{key} 有两处且不同，取 {name} 对象里的值")
    for key in known:
        if key not in party or key == "is_debtor":
            continue
        text = text_or_none(party[key])
        if text is None and not isinstance(party[key], str):
            raise ValueError(f"{name}.{key} 应为文字")
        if text is None:
            del party[key]
        else:
            party[key] = text
    if "id" not in party:
        party["id"] = UNKNOWN_ID
        notes.append(f"缺少{'坐席' if name == 'agent' else '客户'}编号，记为 {UNKNOWN_ID!r}")
    return party


def _flat_name(party: str, key: str) -> str:
    """Name in `CALL_FIELDS` of a party's field written beside the call's own fields."""
    return key if key in ("age_band", "risk_level", "is_debtor") else f"{party}_{key}"
