"""``pyrometer verify`` says whether an installation is right, and sees one that is not."""

import json
from dataclasses import replace

import pytest

import pyrometer as pm


def checks(result):
    return json.loads(result.stdout)["tables"][0]["rows"]


def test_this_installation_is_right(run):
    result = run("verify", "--format", "json")
    assert result.exit_code == 0, result.output
    rows = checks(result)
    assert len(rows) >= 15
    assert {row["verdict"] for row in rows} == {"ok"}


def test_names_of_checks_are_whole_on_80_columns(run):
    text = run("verify", env={"COLUMNS": "80"}).stdout
    assert "..." not in text.partition("not shown")[0]
    assert "difference" in text
    assert "z of draws: standard errors" in " ".join(text.split())


@pytest.mark.parametrize(("name", "failed"), [("minimum_energy", 3), ("mean_energy", 10)])
def test_a_wrong_number_is_seen(run, monkeypatch, name, failed):
    right = getattr(pm, name)

    def wrong(system, *arguments, **options):
        answer = right(system, *arguments, **options)
        return replace(answer, value=answer.value * (1.0 + 1e-6 * (answer.method != "monte-carlo")) + 1e-9)

    monkeypatch.setattr(pm, name, wrong)
    result = run("verify", "--format", "json")
    assert result.exit_code == 1
    bad = [row for row in checks(result) if row["verdict"] == "failed"]
    assert 2 < len(bad) <= failed
    assert f"{len(bad)} of" in result.stderr
