"""Names for Python: as close to the drawing's as the language allows, and no two alike."""

from __future__ import annotations

import builtins
import keyword
import re

IMPORTED = frozenset(
    ["and_", "argparse", "ast", "asyncio", "base64", "cast", "html", "httpx", "inspect", "interrupt", "json", "listen",
     "math", "operator", "or_", "os", "queue", "re", "router", "start", "sys", "threading", "time", "timedelta", "tool",
     "trafilatura", "uuid4", "validate_call", "wraps", "datetime",
     "APIStatusError", "Agent", "Annotated", "Any", "AsyncOpenAI", "Awaitable", "BaseModel", "BaseTool", "Callable",
     "ChatCompletion", "Command", "CompiledStateGraph", "ConfigDict", "Crew", "Decimal", "END", "Field", "Flow",
     "FlowCondition", "InMemorySaver", "Iterable", "LLM", "Literal", "OpenAIError", "Process", "START", "Sequence",
     "StateGraph", "Task", "TypeAdapter", "TypedDict", "UTC", "ValidationError", "ZoneInfo"]
)  # fmt: skip
OF_THE_FILE = frozenset(
    ["build", "checkpointer", "graph", "inputs", "main", "outputs", "run", "visits", "branches", "Inputs", "Update"]
)
"""What every file calls something of its own."""
OF_A_BODY = frozenset(["answer", "error", "index", "item", "key", "port", "question", "self", "state", "wrong"])
"""What the functions of steps call something of their own."""
OF_A_MODEL = frozenset(
    ["construct", "copy", "dict", "fields", "from_orm", "json", "parse_file", "parse_obj", "parse_raw", "schema",
     "schema_json", "update_forward_refs", "validate", "id"]
)  # fmt: skip
OF_A_FLOW = frozenset(
    ["akickoff", "answer_from_history_turn", "append_agent_result", "append_assistant_message",
     "append_message", "ask", "astream", "build_agent_context", "build_router_context",
     "builtin_route_descriptions", "builtin_routes", "can_answer_from_history", "chat", "checkpoint",
     "checkpoint_completed_methods", "checkpoint_method_counts", "checkpoint_method_outputs",
     "checkpoint_state", "classify_intent", "conversation_messages", "conversation_start", "conversational",
     "conversational_config", "converse_turn", "defer_trace_finalization", "end_conversation", "entity_type",
     "execution_context", "extract_memories", "finalize_session_traces", "flow_definition", "flow_id", "fork",
     "from_checkpoint", "from_declaration", "from_pending", "handle_turn", "human_feedback_history",
     "initial_state", "input_provider", "internal_routes", "is_crewai_internal", "kickoff", "kickoff_async",
     "last_human_feedback", "max_method_calls", "memory", "method_outputs", "name", "pending_feedback",
     "persistence", "plot", "recall", "receive_user_message", "reload", "remember", "resume", "resume_async", "state",
     "route_conversation", "route_turn", "stream", "stream_events", "stream_turn", "suppress_flow_events",
     "tracing", "usage_metrics"]
)  # fmt: skip
"""What a CrewAI `Flow` has already."""
RESERVED = frozenset(dir(builtins)) | frozenset(keyword.kwlist) | IMPORTED
TAKEN = RESERVED | OF_THE_FILE


def python_name(name: str, target: str) -> str:
    """The name of a step for Python; what the language, the target or the file itself uses gets an underscore."""
    of_crewai = name in OF_A_FLOW | OF_A_MODEL or name.startswith("model_")
    return f"{name}_" if name in TAKEN or (target == "crewai" and of_crewai) else name


def class_name(*words: str) -> str:
    """`CheckAPage` for `Check a page`."""
    parts = [part for word in words for part in re.split(r"[^A-Za-z0-9]+", word) if part]
    made = "".join(part[:1].upper() + part[1:] for part in parts)
    return made if made[:1].isalpha() else f"The{made}"


def identifier(text: str) -> str:
    """Any text as a lower-case name."""
    made = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
    return made if made[:1].isalpha() else f"the_{made}".rstrip("_")


class Names:
    """Hands out names, each once."""

    def __init__(self, taken: frozenset[str] | set[str] = frozenset()) -> None:
        self.taken = set(taken)

    def free(self, wanted: str) -> str:
        made, n = wanted, 2
        while made in self.taken:
            made, n = f"{wanted}_{n}", n + 1
        self.taken.add(made)
        return made
