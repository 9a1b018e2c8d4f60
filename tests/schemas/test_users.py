"""What users' own tables declare as personal, and how their rows are shown."""

from schemas import users


def test_a_row_is_shown_without_what_is_personal_and_without_what_nobody_has_declared() -> None:
    row = {"id": "1b4e28ba", "name": "Ann", "email": "ann@example.org", "born": None}
    assert users.masked("accounts", row) == {"id": "1b4e28ba", "name": "****", "email": "****", "born": "****"}


def test_only_keys_are_not_personal() -> None:
    told = {(table, name) for table, columns in users.COLUMNS.items() for name in columns if not columns[name]}
    keys = {("watch_lists", "account"), ("strategies", "account")}
    assert told == {(table, "id") for table in ("accounts", "watch_lists", "strategies")} | keys
