"""What there is to build with, over REST."""

from __future__ import annotations

import httpx


async def test_tools_and_agents_are_listed(api: httpx.AsyncClient):
    tools = (await api.get("/tools")).json()
    assert {"search", "browse", "api_call", "database_query", "calculate", "now", "mcp"} <= {
        tool["name"] for tool in tools["items"]
    }
    agents = (await api.get("/agent-library")).json()
    assert len([one for one in agents["items"] if one["kind"] == "agent"]) >= 17
    assert tools["next"] is agents["next"] is None


async def test_what_the_library_gives_can_be_stored(api: httpx.AsyncClient):
    for one in (await api.get("/agent-library")).json()["items"]:
        node = {"id": one["name"], "kind": one["kind"], "config": one["config"]}
        made = await api.post("/workflows", json={"nexod": 1, "name": one["title"], "nodes": [node]})
        assert made.status_code == 201, made.text
        assert made.json()["problems"] == []
