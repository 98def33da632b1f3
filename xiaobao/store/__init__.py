"""Everything that is kept: calls, judgments, tickets, batches, the audit chain. SQLite or PostgreSQL, one code path.

    engine = create_store_engine(sqlite_url(path))   # engine.py
    upgrade(engine)                                   # migrate.py
    store = JudgmentStore(engine)                     # judgments.py: save, get_judgment, list_calls …
    BatchLedger(engine)                               # batches.py: what became of every received record
    TicketDesk(engine)                                # tickets.py: state changes with their history
    verify_chain(engine)                              # verify.py

Importing this package swaps the SQLite driver; it imports no database code by itself, so it costs nothing.
"""

from xiaobao.store.sqlite_driver import linked_sqlite_version, use_safe_sqlite

use_safe_sqlite()

__all__ = ["linked_sqlite_version", "use_safe_sqlite"]
