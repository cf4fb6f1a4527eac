"""What `make` does before anything of Nexod runs."""

from __future__ import annotations

from pathlib import Path

import install
import page
import pytest
import system


def test_the_index_of_pip_is_also_that_of_uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    config = tmp_path / "pip.conf"
    config.write_text(
        "[global]\nindex-url = https://mirror.example/simple\nextra-index-url =\n  https://a.example\n  https://b.example\n"
    )
    monkeypatch.setenv("PIP_CONFIG_FILE", str(config))
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    found = install.uv_environment()
    assert found["UV_DEFAULT_INDEX"] == "https://mirror.example/simple"
    assert found["UV_INDEX"].split() == ["https://a.example", "https://b.example"]


def test_a_choice_made_for_uv_wins(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PIP_INDEX_URL", "https://pip.example/simple")
    monkeypatch.setenv("UV_DEFAULT_INDEX", "https://uv.example/simple")
    assert install.uv_environment()["UV_DEFAULT_INDEX"] == "https://uv.example/simple"


def test_the_page_is_built_again_when_and_only_when_a_source_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("rxconfig.py", "requirements.txt", "engine/node.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    (tmp_path / "components" / "__pycache__").mkdir(parents=True)
    monkeypatch.setattr(page, "ROOT", tmp_path)
    before = page.fingerprint()
    (tmp_path / "components" / "__pycache__" / "x.pyc").write_text("compiled")
    (tmp_path / "engine" / "worker.py").write_text("not part of the page")
    assert page.fingerprint() == before
    (tmp_path / "components" / "canvas.jsx").write_text("drawn")
    assert page.fingerprint() != before


def test_what_the_tests_drive_is_installed():
    assert not system.missing()
