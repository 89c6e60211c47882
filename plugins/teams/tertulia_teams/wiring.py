"""Let the hooks of one installation share one connector, so that they share tokens, limits and what is known."""

from __future__ import annotations

from weakref import WeakValueDictionary

from tertulia import Context
from tertulia_teams.ports import Outbound

_KNOWN: WeakValueDictionary[int, Outbound] = WeakValueDictionary()


def outbound(context: Context) -> Outbound:
    """Return what writes to Teams for *context*, the same as long as anybody holds it."""
    # whoever holds the value holds its context too, so that an id never names another one
    known = _KNOWN.get(id(context))
    if known is None or known.context is not context:
        known = _KNOWN[id(context)] = Outbound(context)
    return known
