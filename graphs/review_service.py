"""Runs the review graph: one call for the API, a chunk for a batch; the same graph, the same verdicts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from graphs.review import build_review_graph
from graphs.review_state import Case, ReviewContext, Reviewed
from xiaobao.store.judgments import SaveResult


class ReviewService:
    """Judges calls. Safe to share between tasks of one event loop."""

    def __init__(self, context: ReviewContext) -> None:
        self._context = context
        self._graph = build_review_graph()

    async def review(
        self, cases: Sequence[Case], *, batch_id: str | None = None
    ) -> tuple[list[Reviewed], SaveResult | None]:
        """Judge a chunk of calls, and store it in one transaction where the service stores.

        Args:
            batch_id: an open batch whose ledger settles every call; each case then carries its `item`.

        Raises:
            StoreError: the database refused; nothing of the chunk was stored.
        """
        if not cases:
            return [], None
        context = replace(self._context, batch_id=batch_id)
        state = await self._graph.ainvoke({"cases": list(cases)}, context=context)
        return state["reviewed"], state["saved"]

    def review_now(
        self, cases: Sequence[Case], *, batch_id: str | None = None
    ) -> tuple[list[Reviewed], SaveResult | None]:
        """`review` for callers without an event loop."""
        return asyncio.run(self.review(cases, batch_id=batch_id))
