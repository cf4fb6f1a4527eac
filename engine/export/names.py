"""Names for Python: as close to the drawing's as the language allows, and no two alike."""

from __future__ import annotations

import builtins
import keyword
import re

MODULES = frozenset(
    ["argparse", "ast", "asyncio", "base64", "datetime", "decimal", "functools", "getpass", "httpx", "json", "math",
     "operator", "os", "queue", "random", "re", "sys", "threading", "time", "uuid"]
)  # fmt: skip
PLUMBING = frozenset(
    ["add", "agent", "again", "after", "answer", "and_", "any_of", "ask_model", "ask_person", "as_string", "as_text",
     "at_most", "build", "calculate", "cast", "client", "config", "converse", "crew", "decide", "divided", "done",
     "error", "fault", "fetch", "flow", "form", "graph", "index", "inputs", "interrupt", "item", "listen", "main",
     "made", "model", "now", "options", "or_", "outputs", "parser", "person", "problem", "question", "remainder",
     "result", "retried", "round_half_up", "router", "run", "self", "size", "slots", "start", "state", "step", "task",
     "text_of", "tool", "visits", "wait_until", "work"]
)  # fmt: skip
OF_A_MODEL = frozenset(
    ["construct", "copy", "dict", "fields", "from_orm", "json", "parse_file", "parse_obj", "parse_raw", "schema",
     "schema_json", "update_forward_refs", "validate", "id"]
)  # fmt: skip
OF_A_FLOW = frozenset(
    """akickoff answer_from_history_turn append_agent_result append_assistant_message append_message ask astream
    build_agent_context build_router_context builtin_route_descriptions builtin_routes can_answer_from_history chat
    checkpoint checkpoint_completed_methods checkpoint_method_counts checkpoint_method_outputs checkpoint_state
    classify_intent conversation_messages conversation_start conversational conversational_config converse_turn
    defer_trace_finalization end_conversation entity_type execution_context extract_memories finalize_session_traces
    flow_definition flow_id fork from_checkpoint from_declaration from_pending handle_turn human_feedback_history
    initial_state input_provider internal_routes is_crewai_internal kickoff kickoff_async last_human_feedback
    max_method_calls memory method_outputs name pending_feedback persistence plot recall receive_user_message reload
    remember resume resume_async route_conversation route_turn stream stream_events stream_turn suppress_flow_events
    tracing usage_metrics""".split()
)
"""What a CrewAI `Flow` has already."""
TAKEN = frozenset(dir(builtins)) | frozenset(keyword.kwlist) | MODULES | PLUMBING | OF_A_MODEL


def python_name(name: str, target: str) -> str:
    """The name of a step as a name of Python; one that Python, the target or the file itself uses gets an underscore."""
    taken = name in TAKEN or name.startswith("model_") or (target == "crewai" and name in OF_A_FLOW)
    return f"{name}_" if taken else name


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
