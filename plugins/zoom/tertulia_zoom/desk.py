"""Hold what all hooks of one installation share: settings, tokens, rates and the two clients."""

from __future__ import annotations

from weakref import WeakValueDictionary

from tertulia import Actor, Context, Place
from tertulia_zoom.account import Account
from tertulia_zoom.config import Settings
from tertulia_zoom.limits import Rates
from tertulia_zoom.rest import Rest
from tertulia_zoom.tokens import Tokens

PLATFORM = "zoom"


class Desk:
    """Be one installation's connection to Zoom."""

    def __init__(self, context: Context):
        self.context = context
        self.settings: Settings = context.settings
        self.realm = self.settings.server.account_id
        self.tokens = Tokens(context, self.settings)
        self.rates = Rates(context.limiter, self.realm, self.settings.plan)
        self.account = Account(self.settings, self.tokens, self.rates)
        self.rest = Rest(context, self.settings, self.tokens, self.rates)

    def actor(self, user: str) -> Actor:
        """Name an account of Zoom's by its user id."""
        return Actor(platform=PLATFORM, realm=self.realm, user=user)

    def place(self, number: str) -> Place:
        """Name a meeting by its number, which all its instances share."""
        return Place(platform=PLATFORM, ref=number, kind="meeting")


_KNOWN: WeakValueDictionary[int, Desk] = WeakValueDictionary()


def desk(context: Context) -> Desk:
    """Return the desk of *context*, the same as long as anybody holds it."""
    # whoever holds the desk holds its context too, so that an id never names another one
    known = _KNOWN.get(id(context))
    if known is None or known.context is not context:
        known = _KNOWN[id(context)] = Desk(context)
    return known
