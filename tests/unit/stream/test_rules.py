from pathlib import Path

import pytest

from txwatch.settings import SERVICES_DIR
from txwatch.stream.rules import RulesetError, load_ruleset

HEAD = "ruleset: test\nversion: 1\nrules:\n"


def write(folder: Path, text: str) -> Path:
    path = folder / "rules.yaml"
    path.write_text(text)
    return path


def rule(when: str, rule_id: str = "first") -> str:
    return f'  - {{id: {rule_id}, severity: low, description: why, when: "{when}"}}\n'


@pytest.mark.parametrize("name", ["default", "handbook"])
def test_the_shipped_rulesets_are_valid(name: str) -> None:
    assert load_ruleset(SERVICES_DIR / "rules" / f"{name}.yaml").ruleset == name


def test_a_rule_knows_the_columns_it_looks_at(tmp_path: Path) -> None:
    loaded = load_ruleset(write(tmp_path, HEAD + rule("amount > 5 and currency = 'EUR' and amount < 9")))

    assert loaded.rules[0].columns == ("amount", "currency")


@pytest.mark.parametrize(
    ("when", "complaint"),
    [
        ("amnt > 5", "unknown column amnt"),
        ("other.amount > 5", "unknown column other.amount"),
        ("amount", "not boolean"),
        ("amount + 1", "not boolean"),
        ("reflect('java.lang.System', 'exit', 1) = 'x'", "function reflect is not allowed"),
        ("java_method('java.lang.System', 'exit', 1) is null", "function java_method is not allowed"),
        ("rand() < 0.5", "function rand is not allowed"),
        ("count(amount) > 1", "function count is not allowed"),
        ("exists(array(1), x -> x > 1)", "function exists is not allowed"),
        ("amount > (select 1)", "subquery is not allowed"),
        ("sum(amount) over (partition by customer_id) > 3", "not allowed"),
        ("amount > 5; drop table x", "exactly one expression"),
        ("amount >", "not a Spark SQL expression"),
    ],
)
def test_a_faulty_expression_is_refused_naming_file_and_rule(
    tmp_path: Path, when: str, complaint: str
) -> None:
    path = write(tmp_path, HEAD + rule(when))

    with pytest.raises(RulesetError, match="rule first") as error:
        load_ruleset(path)

    assert complaint in str(error.value)
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (HEAD + rule("true") + rule("true"), "rule first: duplicate id"),
        (HEAD + rule("true").replace("severity: low", "severity: dire"), "rule first: severity"),
        (HEAD + rule("true").replace("description", "remark"), "rule first: description"),
        (HEAD + rule("true").replace("{id: first,", "{id: first, on: 1,"), "rule first"),
        ("ruleset: test\nversion: 0\nrules:\n" + rule("true"), "version"),
        ("ruleset: test\nversion: 1\nowner: me\nrules:\n" + rule("true"), "owner: unknown key"),
        ("ruleset: test\nversion: 1\nrules: []\n", "rules"),
        ("ruleset: [", "is not YAML"),
        ("version: 2026-02-30", "is not YAML (day is out of range for month)"),
        ("version: !!timestamp x", "is not YAML"),
        ("[" * 5000, "is not YAML"),
        ("- 1\n", "the file"),
    ],
)
def test_a_faulty_file_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(RulesetError) as error:
        load_ruleset(write(tmp_path, text))

    assert complaint in str(error.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RulesetError, match=r"none\.yaml: cannot be read"):
        load_ruleset(tmp_path / "none.yaml")


def test_the_hash_follows_the_content_and_not_the_layout(tmp_path: Path) -> None:
    first = load_ruleset(write(tmp_path, HEAD + rule("amount > 5"))).hash

    assert load_ruleset(write(tmp_path, "# a remark\n" + HEAD + rule("amount > 5"))).hash == first
    assert load_ruleset(write(tmp_path, HEAD + rule("amount > 6"))).hash != first


def test_the_gravest_severity_wins() -> None:
    ruleset = load_ruleset(SERVICES_DIR / "rules" / "default.yaml")

    assert ruleset.severity_of(["foreign_transaction", "invalid_geolocation"]) == "medium"
    assert ruleset.severity_of(["amount_over_threshold", "foreign_transaction"]) == "high"
