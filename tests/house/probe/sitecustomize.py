"""Python imports this by itself when its folder is on PYTHONPATH: writes down what a process, and every process it
starts, wanted from the network and had imported when it ended.

Audit events come from inside the socket module, so no library can go round them by importing sockets another way.
"""

from __future__ import annotations

import atexit
import json
import os
import sys
from pathlib import Path
from typing import Any

_LOG = Path(os.environ["XIAOBAO_PROBE"])
_LOCAL = ("127.", "::1", "localhost", "0.0.0.0", "::ffff:127.")


def _write(kind: str, value: Any) -> None:
    with _LOG.open("a") as log:
        log.write(json.dumps({"pid": os.getpid(), "kind": kind, "value": value}) + "\n")


def _remote(host: Any) -> bool:
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
    return bool(name) and not str(name).startswith(_LOCAL)


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = arguments[1]
        if isinstance(address, tuple) and _remote(address[0]):
            _write("network", [event, str(address[0])])
    elif event in ("socket.getaddrinfo", "socket.gethostbyname") and _remote(arguments[0]):
        _write("network", [event, str(arguments[0])])


sys.addaudithook(_hook)
atexit.register(lambda: _write("modules", sorted(name for name in sys.modules if "." not in name)))
