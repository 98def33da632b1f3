"""Chat models behind one port. Backends import their libraries when built, so importing this costs nothing."""

from xiaobao.llm.port import ChatModel, Completion, Message, Role

__all__ = ["ChatModel", "Completion", "Message", "Role"]
