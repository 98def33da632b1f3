"""Builds every service from the settings. CLI, API, UI and evals start here: what is evaluated is what is served."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from agents.judge import PROMPT
from graphs.review_service import ReviewService
from graphs.review_state import ReviewContext
from kb.policies import load_pack
from kb.precision import load_confidence
from kb.remedies import load_remedies
from kb.scorecards import load_scorecard
from kb.service import KnowledgeBase
from xiaobao.domain import Citation, ModelRef
from xiaobao.errors import InputError
from xiaobao.findings import FindingFactory
from xiaobao.llm import ChatModel
from xiaobao.rules.arithmetic import DEFAULT_ZONE
from xiaobao.rules.engine import RuleSet
from xiaobao.settings import Settings
from xiaobao.store.batches import BatchLedger
from xiaobao.store.engine import create_store_engine
from xiaobao.store.history import ContactHistory
from xiaobao.store.judgments import JudgmentStore
from xiaobao.store.migrate import upgrade

REGULATIONS = "regulations"


def shanghai_now() -> datetime:
    return datetime.now(ZoneInfo(DEFAULT_ZONE))


@dataclass(frozen=True)
class Services:
    """The product's services over one data directory. Each is built when first asked for."""

    settings: Settings
    knowledge: KnowledgeBase
    rules: RuleSet
    chat: ChatModel | None

    @cached_property
    def _engine(self) -> Engine:
        engine = create_store_engine(self.settings.resolved_database_url)
        upgrade(engine)
        return engine

    @cached_property
    def store(self) -> JudgmentStore:
        return JudgmentStore(self._engine)

    @cached_property
    def ledger(self) -> BatchLedger:
        return BatchLedger(self._engine)

    @cached_property
    def audit_engine(self) -> Engine:
        """For `audit verify`, which reads the chain itself."""
        return self._engine

    def review(
        self, *, store: bool = True, every_outcome: bool = False, now: Callable[[], datetime] = shanghai_now
    ) -> ReviewService:
        """The review service; without `store`, nothing is written and no earlier contact is known."""
        context = ReviewContext(
            rules=self.rules,
            factory=FindingFactory(self.rules, self.knowledge.clauses, load_confidence()),
            scorecard=load_scorecard(),
            remedies=load_remedies(),
            kb_snapshot=self.knowledge.clauses.snapshot,
            now=now,
            chat=self.chat,
            chat_deadline_s=self.settings.chat_deadline_s,
            chat_concurrency=self.settings.chat_concurrency,
            rank_clauses=self._rank_clauses,
            every_outcome=every_outcome,
            models=(ModelRef(role="verify", name=self.chat.name, sha256=self.chat.sha256),) if self.chat else (),
            prompts={PROMPT.name: PROMPT.sha256} if self.chat else {},
        )
        if store:
            context = replace(context, store=self.store, find_history=ContactHistory(self._engine).of)
        return ReviewService(context)

    def _rank_clauses(self, said: str, clauses: Sequence[Citation], day: date) -> tuple[Citation, ...]:
        """The rule's clauses as hybrid search ranks them for what was said; unranked ones keep their place."""
        hits = self.knowledge.search(said, collection=REGULATIONS, day=day, top_k=30)
        rank = {hit.clause_id: i for i, hit in enumerate(hits)}
        return tuple(sorted(clauses, key=lambda c: rank.get(c.clause_id, len(rank))))

    def release_connections(self) -> None:
        """Close every database connection; the next use opens new ones."""
        if "_engine" in self.__dict__:
            self._engine.dispose()

    def with_own_connections(self) -> Services:
        """The same services for another process: rules shared, connections its own."""
        return replace(self)

    async def aclose(self) -> None:
        """Free the chat model and the knowledge base."""
        if self.chat is not None:
            await self.chat.aclose()
        self.knowledge.close()


def assemble(settings: Settings, *, chat: ChatModel | None = None) -> Services:
    """All services for `settings`.

    Args:
        chat: a model to use in place of the configured one (tests drive the graph with the scripted one).

    Raises:
        PolicyError: a rule, clause or scorecard file is wrong.
        InputError: settings that contradict each other.
        ModelUnavailableError: the configured GGUF file cannot be used.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    rules = RuleSet(load_pack(settings.policy_dirs), cache_dir=settings.cache_dir)
    knowledge = KnowledgeBase(settings.data_dir)
    unknown = sorted({cited for rule in rules.specs.values() for cited in rule.cites if cited not in knowledge.clauses})
    if unknown:
        raise InputError(f"规则引用了不存在的条款：{'、'.join(unknown[:5])}")
    return Services(settings=settings, knowledge=knowledge, rules=rules, chat=chat or build_chat(settings))


def build_chat(settings: Settings) -> ChatModel | None:
    """The configured chat model, or None when the rules judge alone.

    Raises:
        InputError: the backend's own settings are missing.
        ModelUnavailableError: no such file, not a GGUF, or another sha256 than expected.
    """
    match settings.chat_backend:
        case "none":
            return None
        case "gguf":
            from xiaobao.llm.gguf import GgufModel

            if settings.gguf_path is None:
                raise InputError("chat_backend=gguf 需要同时设置 XIAOBAO_GGUF_PATH")
            return GgufModel(
                Path(settings.gguf_path),
                expected_sha256=settings.gguf_sha256,
                n_ctx=settings.gguf_context_tokens,
                n_threads=settings.gguf_threads,
            )
        case "openai":
            from xiaobao.llm.openai_compatible import OpenAICompatibleModel

            if not settings.openai_base_url or not settings.openai_model:
                raise InputError("chat_backend=openai 需要同时设置 XIAOBAO_OPENAI_BASE_URL 和 XIAOBAO_OPENAI_MODEL")
            return OpenAICompatibleModel(
                base_url=settings.openai_base_url,
                model=settings.openai_model,
                api_key=settings.openai_api_key,
                dialect=settings.openai_dialect,
            )
