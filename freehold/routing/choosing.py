"""Which target of a route answers this call, and why in a sentence that names none that the caller may not know."""

import hashlib
import json
import secrets
from collections.abc import Sequence

from freehold.inference.rules import Call
from freehold.routing import conditions
from freehold.routing.rules import Asked, Option, RoutePlan


def choose(plan: RoutePlan, able: Sequence[Option], call: Call, asked: Asked) -> tuple[Option, str]:
    """The target of a pinned route, a canary or one by rule; of the other kinds the first of ``able``."""
    left_out = f" ({plan.left_out} left out that you may not call)" if plan.left_out else ""
    if plan.policy.kind == "canary":
        option, why = _drawn(plan, able, call, asked)
    elif plan.policy.kind == "rules":
        option, why = _ruled(able, call, asked)
    elif plan.policy.kind == "pinned":
        option, why = able[0], "pinned"
    else:
        option, why = able[0], "the only one left"
    return option, why + left_out


def _drawn(plan: RoutePlan, able: Sequence[Option], call: Call, asked: Asked) -> tuple[Option, str]:
    """By weight. The same key always draws the same, on every node and after every restart."""
    total = sum(option.choice.weight for option in able)
    if total == 0:  # what has weight is left out: the rest is there for such a case
        return able[0], "the first that is left"
    key, how = _key(plan, call, asked)
    digest = hashlib.sha256(f"{plan.policy.seed or plan.route_id}\0{key}".encode()).digest()
    point = int.from_bytes(digest[:8], "big") * total >> 64
    for option in able:
        point -= option.choice.weight
        if point < 0:
            return option, f"canary, weight {option.choice.weight} of {total}{how}"
    raise AssertionError("a point lies below the sum of all weights")


def _key(plan: RoutePlan, call: Call, asked: Asked) -> tuple[str, str]:
    """What decides a draw: who asks, the conversation, the call's own seed, or chance."""
    if plan.policy.sticky == "user" and asked.user_id:
        return f"user:{asked.user_id}", ", by person"
    if plan.policy.sticky == "conversation":
        return f"conversation:{_conversation(call, asked)}", ", by conversation"
    seed = call.body.get("seed")
    if isinstance(seed, int) and not isinstance(seed, bool):
        return f"seed:{seed}", f", seed {seed}"
    return secrets.token_hex(16), ""


def _conversation(call: Call, asked: Asked) -> str:
    """What names a conversation: its header; otherwise how it began, which every later turn repeats."""
    named = asked.headers.get("x-conversation-id", "")
    if named:
        return named[:200]
    messages = call.body.get("messages")
    if isinstance(messages, list):
        began = []
        for message in messages:
            began.append(message)
            if isinstance(message, dict) and message.get("role") == "user":
                break
        return json.dumps([asked.user_id, began], sort_keys=True, default=str)
    return json.dumps([asked.user_id, str(call.body.get("prompt", call.body.get("input", "")))[:4000]])


def _ruled(able: Sequence[Option], call: Call, asked: Asked) -> tuple[Option, str]:
    """The first whose condition holds; where none does the first that has none, or the last."""
    facts = conditions.Facts(call, asked.headers)
    for option in able:
        if option.choice.when and conditions.holds(option.choice.when, facts):
            return option, f"by rule: {option.choice.when}"
    otherwise = next((option for option in able if not option.choice.when), None)
    if otherwise is not None:
        return otherwise, "no rule holds"
    return able[-1], "no rule holds, the last one"
