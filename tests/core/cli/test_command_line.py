"""What a plugin's own command gets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tertulia import Mistake, open_installation

Run = Callable[..., Any]


async def opened(plugin: str, **named: str) -> str:
    async with open_installation(plugin, **named) as context:
        return context.public_url


def test_a_plugins_command_opens_its_installation(home: Run) -> None:
    with pytest.raises(Mistake, match="Home has not enabled web"):
        asyncio.run(opened("web"))
    assert home("plugins", "enable", "web").code == 0
    assert "/plugins/web/" in asyncio.run(opened("web", workspace="Home", organization="Example"))
    with pytest.raises(Mistake, match="--workspace 'Elsewhere' does not exist"):
        asyncio.run(opened("web", workspace="Elsewhere"))
