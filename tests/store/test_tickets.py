from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine

from tests.store.samples import judged_call
from xiaobao.domain import TicketState
from xiaobao.errors import StoreError
from xiaobao.store.judgments import JudgmentStore
from xiaobao.store.tickets import TicketDesk
from xiaobao.store.verify import verify_chain

TICKET = "T-C-00001"


def test_moves_are_kept_with_actor_and_note_and_the_draft_is_not_changed(engine: Engine, store: JudgmentStore) -> None:
    source = judged_call(1)
    store.save([source], actor="cli")
    desk = TicketDesk(engine)
    desk.move(TICKET, seen=TicketState.DRAFT, to=TicketState.OPEN, actor="张主管", note="请今日联系")
    desk.move(TICKET, seen=TicketState.OPEN, to=TicketState.IN_PROGRESS, actor="客服17")
    assert [(event.position, event.actor, event.state, event.note) for event in desk.history(TICKET)] == [
        (0, "cli", TicketState.DRAFT, ""),
        (1, "张主管", TicketState.OPEN, "请今日联系"),
        (2, "客服17", TicketState.IN_PROGRESS, ""),
    ]
    (ticket,) = store.list_tickets(state=TicketState.IN_PROGRESS).rows
    assert ticket == source.tickets[0].model_copy(update={"state": TicketState.IN_PROGRESS})
    assert verify_chain(engine).ok


def test_of_many_simultaneous_moves_exactly_one_wins(engine: Engine, store: JudgmentStore) -> None:
    store.save([judged_call(1)])
    desk = TicketDesk(engine)

    def move(number: int) -> bool:
        try:
            desk.move(TICKET, seen=TicketState.DRAFT, to=TicketState.OPEN, actor=f"主管{number}")
        except StoreError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(move, range(16))) == 1
    assert len(desk.history(TICKET)) == 2


@pytest.mark.parametrize(
    ("ticket_id", "seen", "to"),
    [
        ("T-none", TicketState.DRAFT, TicketState.OPEN),
        (TICKET, TicketState.DRAFT, TicketState.CLOSED),
        (TICKET, TicketState.OPEN, TicketState.IN_PROGRESS),
    ],
)
def test_a_move_that_does_not_follow_is_an_error(
    engine: Engine, store: JudgmentStore, ticket_id: str, seen: TicketState, to: TicketState
) -> None:
    store.save([judged_call(1)])
    with pytest.raises(StoreError):
        TicketDesk(engine).move(ticket_id, seen=seen, to=to, actor="张主管")
    assert len(TicketDesk(engine).history(TICKET)) == 1
