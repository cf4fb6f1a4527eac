"""The gallery and the kinds."""

from __future__ import annotations

import pytest

from engine.node import registry
from engine.plan import problems
from engine.services import catalog, reference

TEMPLATES = catalog.templates()
WIDTH, RANK, RANK_BELOW_PORTS = 260, 124, 138


def test_the_gallery_has_the_promised_templates():
    slugs = [template["slug"] for template in TEMPLATES]
    assert slugs[0] == "research-review-publish" and len(slugs) >= 4 and len(set(slugs)) == len(slugs)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template["slug"])
def test_a_template_has_neither_errors_nor_warnings(template):
    assert problems(template["spec"]) == []
    assert template["description"] and all(node["title"] for node in template["spec"]["nodes"])
    assert all("default" in field and "title" in field for field in template["spec"]["inputs"]["properties"].values())


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template["slug"])
def test_the_steps_of_a_template_do_not_touch(template):
    places = [(node["position"]["x"], node["position"]["y"]) for node in template["spec"]["nodes"]]
    for i, (x, y) in enumerate(places):
        assert all(abs(x - a) >= WIDTH or abs(y - b) >= RANK for a, b in places[i + 1 :])


def test_every_kind_is_described_for_palette_and_inspector():
    kinds = {kind["kind"]: kind for kind in catalog.node_types()}
    assert kinds.keys() == registry().keys()
    for kind in kinds.values():
        assert kind["help"] and kind["title"] and kind["icon"] and kind["config"]["type"] == "object"
    assert kinds["condition"]["ports"][-2:] == ["else", "error"]
    assert kinds["fail"]["ports"] == kinds["note"]["ports"] == []


def test_what_is_handed_out_may_be_changed():
    catalog.templates()[0]["spec"]["nodes"].clear()
    catalog.node_types()[0]["sample"]["x"] = 1
    assert catalog.templates()[0]["spec"]["nodes"] and "x" not in catalog.node_types()[0]["sample"]


def test_the_reference_tells_of_every_kind_and_field():
    text = reference.nodes()
    for kind in catalog.node_types():
        assert f"## {kind['kind']}\n" in text and kind["help"] in text
        assert all(f"| `{field}`" in text for field in kind["config"].get("properties", {}))
