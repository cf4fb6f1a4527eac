"""Web Navigator: follows links through web sites until it has found what was asked for."""

from __future__ import annotations

from engine.agents import Specialist, preset
from engine.node import ToolUse


@preset
class WebNavigator(Specialist):
    """Follows links through web sites until it has found what was asked for."""

    name, title = "web_navigator", "Web Navigator"
    tools = (ToolUse("browse"), ToolUse("search"))
    role = "Web navigator"
    goal = "The page that answers the question, and its answer"
    backstory = (
        "You start from the most official site, look at the links of a page before you search again, and read on "
        "with the next part when a page is long. You keep track of where you have been, stop after ten pages, and "
        "never report a page that you have not read."
    )
    task = "Find this on the web: {{ input.question }}"
    expected_output = "The answer, the address of the page it stands on, and the way there."
    inputs = {"question": "Question"}
