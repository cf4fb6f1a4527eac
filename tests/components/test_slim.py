"""Styles that no page needs are left out; all others stay as they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from components import slim


def test_rules_of_other_components_go_and_the_rest_stays_word_for_word() -> None:
    kept = (
        '@import "a;b.css";.rt-BaseDialogContent:where(.rt-r-size-2){color:red}'
        '.x::after{content:"}.rt-Slider{"}@keyframes rt-spin{0%{top:0}to{top:1px}}'
    )
    gone = ".rt-SliderRoot .y{top:0}@media (width>1px){.rt-Slider:is(.a,.b){top:0}}"
    assert slim.pruned(gone + kept + gone) == kept


def test_of_a_list_of_selectors_only_ours_are_kept() -> None:
    css = ".rt-Text:is(.a,.b),.rt-Slider,.z>[data-x='},'] b{top:0}"
    assert slim.pruned(css) == ".rt-Text:is(.a,.b),.z>[data-x='},'] b{top:0}"


def test_a_component_that_nobody_told_about_stops_the_build(tmp_path: Path) -> None:
    page = tmp_path / "page.jsx"
    page.write_text('import {Dialog as D,Slider as S} from "@radix-ui/themes"\n')
    with pytest.raises(RuntimeError, match="Slider"):
        slim.check([page])
    page.write_text('import {Dialog as D,Flex as F} from "@radix-ui/themes"\n')
    slim.check([page])
