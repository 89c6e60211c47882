"""What an admin is told of a trial of a connection, and what the operator finds in the log."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tertulia.services import connections


class _Broken:
    async def members(self, cursor: str | None) -> AsyncIterator[Any]:
        raise KeyError("what somebody wrote")
        yield


async def test_the_log_says_where_a_plugin_failed(caplog: pytest.LogCaptureFixture) -> None:
    live = SimpleNamespace(id="1" * 32, platforms={"toy": SimpleNamespace(directory=_Broken())})
    found = await connections.attempt(cast(Any, live))
    assert found.sound is False
    assert found.text == "The plugin failed (KeyError); the log says where."
    (record,) = [one for one in caplog.records if one.name == connections.__name__]
    assert record.exc_info is not None
    assert vars(record)["ids"] == {"installation": "1" * 32}
