"""Sort every failure by what its receiver must do about it.

::

    TertuliaError
    ├── SendError                 what a port may raise from a send, nothing else
    │   ├── RetryLater            not delivered for certain; try again after a while
    │   ├── Unreachable           this recipient cannot be reached on this platform; use the next channel
    │   ├── OutcomeUnknown        it may have arrived; a `never` purpose is not sent again
    │   └── OperatorError         credentials, permissions or settings; a human must act, the rest waits
    ├── Refused                   the input is not genuine or not allowed; answer with its status, keep nothing
    ├── Skip                      deliberately nothing to do
    ├── Mistake                   wrong input by a person; the message names the setting or key and the cure
    │   ├── Unsafe                a configuration that must not start
    │   └── Unavailable           what is needed does not answer; nothing is wrong with what was asked
    └── PluginError               a plugin broke the contract; the message names the plugin and the cure
"""

from __future__ import annotations

from datetime import datetime, timedelta


class TertuliaError(Exception):
    """Be the root of all errors that Tertulia raises on purpose."""


class SendError(TertuliaError):
    """Be the root of what a port may raise from a send."""


class RetryLater(SendError):
    """Ask for another attempt; the message was certainly not delivered.

    *after* is what the platform said: a pause, an instant, or `None` for the core's own back-off.
    *everyone* tells that the limit holds for the whole *key* of the limiter, not for this recipient alone.
    """

    def __init__(self, reason: str, after: timedelta | datetime | None = None, *, everyone: str | None = None):
        super().__init__(reason)
        self.reason, self.after, self.everyone = reason, after, everyone


class Unreachable(SendError):
    """Tell that this recipient cannot be reached on this platform until it says otherwise."""


class OutcomeUnknown(SendError):
    """Tell that the request left and no answer proves whether it was carried out."""


class OperatorError(SendError):
    """Tell that only the operator can mend this: a credential, a permission, a setting."""


class Refused(TertuliaError):
    """Refuse what a stranger sent; *status* is the HTTP status that the edge answers with."""

    def __init__(self, reason: str, status: int = 403):
        super().__init__(reason)
        self.reason, self.status = reason, status


class Skip(TertuliaError):
    """Do deliberately nothing; *reason* is kept beside the delivery."""


class Mistake(TertuliaError):
    """Tell a person in one sentence what is wrong and how to mend it."""


class Unsafe(Mistake):
    """Refuse to start with an unsafe configuration."""


class Unavailable(Mistake):
    """Tell that what is needed, such as the database, does not answer."""


class PluginError(TertuliaError):
    """Refuse a plugin that breaks the contract; the message names it and the cure."""
