"""Settings: where they come from, what is allowed, and what a wrong one says."""

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.settings import Settings, SettingsError, format_duration, milliseconds
from schemas import topics
from tests.certificates import identity

AUTHORITY = identity("CN=authority").certificate_pem()


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder: no tickloom.toml but the test's own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_flags_win_over_the_environment_and_the_environment_over_the_file(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (elsewhere / "tickloom.toml").write_text('brokers = "file:1"\nregistry = "http://file"\ntrades_topic = "file"\n')
    monkeypatch.setenv("TICKLOOM_REGISTRY", "http://environment")
    monkeypatch.setenv("TICKLOOM_TRADES_TOPIC", "environment")
    settings = Settings.from_arguments(["--trades-topic", "flag"])
    found = (settings.brokers, settings.registry, settings.trades_topic)
    assert found == ("file:1", "http://environment", "flag")


@pytest.mark.parametrize(
    ("text", "length"),
    [("500ms", timedelta(milliseconds=500)), ("2s", timedelta(seconds=2)), (" 3min ", timedelta(minutes=3)),
     ("1h", timedelta(hours=1))],
)  # fmt: skip
def test_a_duration_is_a_number_and_a_unit(text: str, length: timedelta) -> None:
    assert Settings.load({"idle_timeout": text}).idle_timeout == length


@pytest.mark.parametrize("wrong", ["2", "2 seconds", "1.5s", "-1s", "2m", "PT2S", ""])
def test_what_is_no_duration_is_named_with_what_is_allowed(wrong: str) -> None:
    with pytest.raises(SettingsError, match=r"^idle_timeout: '.*' is not a duration: .* such as 500ms or 2s$"):
        Settings.load({"idle_timeout": wrong})


def test_the_calendars_of_symbols_are_rules_in_their_order() -> None:
    assert Settings.load({"calendars": "ES*=CMES, *=XNYS"}).calendars == ("ES*=CMES", "*=XNYS")


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ("AAPL=NYSEE", "calendars: there is no calendar 'NYSEE': use a MIC such as XNYS or CMES, or 24/7"),
        ("AAPL", "calendars: 'AAPL' is no rule: pattern=calendar, such as ES*=CMES"),
    ],
)
def test_a_wrong_calendar_is_refused_before_the_job_starts(rules: str, message: str) -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.load({"calendars": rules})
    assert str(refused.value) == message


def test_a_duration_of_nothing_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"^idle_timeout: .*greater than"):
        Settings.load({"idle_timeout": "0s"})


@given(st.integers(1, 10**9))
def test_a_formatted_duration_reads_as_itself(length_ms: int) -> None:
    text = format_duration(timedelta(milliseconds=length_ms))
    assert milliseconds(Settings.load({"idle_timeout": text}).idle_timeout) == length_ms


@pytest.mark.parametrize(
    ("resolutions", "message"),
    [
        ("1m,1h", "resolutions: the first resolution must be 1s"),
        ("1s,1x", "resolutions: '1x' is not a resolution"),
        ("1s,7s", "resolutions: 7s does not divide a day"),
    ],
)
def test_resolutions_that_are_no_cascade_are_refused(resolutions: str, message: str) -> None:
    with pytest.raises(SettingsError, match=f"^{message}"):
        Settings.load({"resolutions": resolutions})


def test_a_transaction_must_outlive_a_checkpoint_and_a_restart_and_the_message_says_which_number_to_change() -> None:
    timeouts = {"checkpoint_interval": "30s", "restart_allowance": "2min", "transaction_timeout": "150s"}
    with pytest.raises(SettingsError) as caught:
        Settings.load(timeouts)
    assert str(caught.value) == (
        "transaction_timeout: 150s is too short, Kafka would abort what a restarting job has not committed: "
        "raise it above checkpoint_interval + restart_allowance = 150s"
    )
    assert Settings.load({**timeouts, "transaction_timeout": "151s"})


@pytest.mark.parametrize("wrong", ["", "a/b", "a b", "ä"])
def test_a_prefix_of_transactional_ids_cannot_hold_its_own_delimiter(wrong: str) -> None:
    with pytest.raises(SettingsError, match=r"^transactional_id_prefix: only letters, digits"):
        Settings.load({"transactional_id_prefix": wrong})


@pytest.mark.parametrize("wrong", ["0", "0:1,", "a:1", "0:-1", "0:1;1:2"])
def test_stop_offsets_are_pairs(wrong: str) -> None:
    with pytest.raises(SettingsError, match=r"^stop_offsets: "):
        Settings.load({"stop_offsets": wrong})


@pytest.mark.parametrize(
    "arguments", [["--brokers"], ["brokers", "x"], ["--no-such-setting", "1"], ["--brokers", "a", "b"]]
)
def test_flags_that_are_no_settings_are_refused(arguments: list[str]) -> None:
    with pytest.raises(SettingsError, match="expected --name value pairs"):
        Settings.from_arguments(arguments)


def test_an_unknown_name_in_the_file_is_refused(elsewhere: Path) -> None:
    (elsewhere / "tickloom.toml").write_text('broker = "localhost:9092"\n')
    with pytest.raises(SettingsError, match=r"^broker: "):
        Settings.load()


def test_secrets_are_masked_where_settings_are_shown_and_whole_where_a_job_needs_them(elsewhere: Path) -> None:
    (elsewhere / "tickloom.toml").write_text(
        'kafka_security_protocol = "SASL_SSL"\nkafka_username = "me"\nkafka_password = "hunter2"\n'
        'registry_username = "me"\nregistry_password = "hunter2"\n[kafka_properties]\n"ssl.key.password" = "hunter2"\n'
    )
    settings = Settings.load()
    assert "hunter2" not in f"{settings.printable()}{settings!r}"
    assert settings.printable()["kafka_properties"] == "ssl.key.password=****"
    assert settings.printable()["kafka_password"] == settings.printable()["registry_password"] == "**********"
    given = settings.environment()
    assert given["TICKLOOM_KAFKA_PROPERTIES"] == '{"ssl.key.password": "hunter2"}'
    assert given["TICKLOOM_KAFKA_PASSWORD"] == given["TICKLOOM_REGISTRY_PASSWORD"] == "hunter2"


def test_a_password_comes_from_a_folder_of_secrets_unless_something_else_names_it(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (elsewhere / "secrets").mkdir()
    (elsewhere / "secrets" / "tickloom_kafka_password").write_text("of the folder\n")
    monkeypatch.setenv("TICKLOOM_SECRETS_DIR", "secrets")
    login = {"kafka_security_protocol": "SASL_SSL", "kafka_username": "me"}
    assert Settings.load(login).kafka_password.get_secret_value() == "of the folder"
    monkeypatch.setenv("TICKLOOM_KAFKA_PASSWORD", "of the environment")
    assert Settings.load(login).kafka_password.get_secret_value() == "of the environment"
    monkeypatch.setenv("TICKLOOM_SECRETS_DIR", "nowhere")
    with pytest.raises(SettingsError, match=r"^TICKLOOM_SECRETS_DIR: nowhere is no folder$"):
        Settings.load(login)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"registry": "http://me:hunter2@registry"}, "registry: user and password are settings of their own"),
        ({"kafka_username": "me", "kafka_password": "hunter2"}, "kafka_security_protocol: PLAINTEXT and"),
        ({"kafka_security_protocol": "SASL_SSL", "kafka_username": "me"}, "kafka_security_protocol: SASL_SSL and"),
        ({"kafka_security_protocol": "SASL", "kafka_password": "hunter2"}, "kafka_security_protocol: Input should be"),
        ({"registry_password": "hunter2"}, "registry_username: give it with registry_password"),
        (
            {"registry_username": "me", "registry_password": "hunter2", "registry_token": "t"},
            "registry_username: give it with registry_password, or neither; registry_token alone",
        ),
        ({"ca": "nowhere.pem"}, "ca: nowhere.pem is no file of PEM certificates ([Errno 2]"),
        ({"ca": "tickloom.toml"}, "ca: tickloom.toml is no file of PEM certificates ("),
    ],
)
def test_logins_that_would_not_be_used_are_refused_without_saying_the_password(
    elsewhere: Path, given: dict[str, str], said: str
) -> None:
    (elsewhere / "tickloom.toml").write_text("")
    with pytest.raises(SettingsError) as refused:
        Settings.load(given)
    assert str(refused.value).startswith(said)
    assert "hunter2" not in str(refused.value)


def test_the_authority_is_read_where_the_settings_are_because_the_cluster_need_not_have_the_file(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (elsewhere / "ca.pem").write_text(AUTHORITY)
    settings = Settings.load({"ca": "ca.pem"})
    assert settings.ca == AUTHORITY
    assert settings.printable()["ca"] == "PEM, 1 certificates"
    (elsewhere / "ca.pem").unlink()
    monkeypatch.setenv("TICKLOOM_CA", settings.environment()["TICKLOOM_CA"])
    assert Settings.load() == settings


def test_settings_reach_another_process_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings.load(
        {"out_of_orderness": "1500ms", "resolutions": "1s,1m", "retention": "48h", "stop_offsets": "0:1,1:2"}
    )
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    assert Settings.load() == settings


def test_candles_with_steps_have_names_and_topics_of_their_own() -> None:
    settings = Settings.load({"resolutions": "1s,1m", "updating": "1m:5s", "sliding": "5m:1m"})
    assert settings.candle_names == ["1s", "1m", "1m.updating", "5m.every.1m"]
    assert [topics.candles(name) for name in settings.candle_names[2:]] == [
        "md.candles.1m.updating.v1",
        "md.candles.5m.every.1m.v1",
    ]
    subjects = topics.subjects(settings.candle_names)
    assert {topics.schema_of(subject) for subject in subjects if subject.startswith("md.candles")} == {"candle"}


@pytest.mark.parametrize("setting", ["updating", "sliding"])
@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("1m", "'1m': give a length and a step"),
        ("1m:7s", "'1m:7s': the step must divide"),
    ],
)
def test_steps_that_cannot_be_are_refused(setting: str, wrong: str, said: str) -> None:
    with pytest.raises(SettingsError, match=f"^{setting}: {said}"):
        Settings.load({setting: wrong})


def test_a_length_that_updates_with_two_steps_is_refused_because_it_has_one_topic() -> None:
    with pytest.raises(SettingsError, match=r"md\.candles\.1m\.updating\.v1 would hold two kinds of candles"):
        Settings.load({"updating": "1m:5s,1m:10s"})
    assert Settings.load({"sliding": "5m:1m,5m:30s"}).candle_names[-2:] == ["5m.every.1m", "5m.every.30s"]


def test_wrong_rules_are_refused_where_the_settings_are_read(elsewhere: Path) -> None:
    (elsewhere / "strict.toml").write_text('version = 1\n[[rules]]\nname = "r"\nkind = "future"\nseverity = "flag"\n')
    with pytest.raises(SettingsError, match=r"^rules: strict\.toml: rule 1, ahead_ms_max: Field required$"):
        Settings.load({"rules": "strict.toml"})


@pytest.mark.parametrize("feed", ["trades_topic", "quotes_topic", "books_topic", "reference_topic"])
def test_what_is_personal_is_no_feed_of_which_records_could_be_rejected(feed: str) -> None:
    with pytest.raises(SettingsError, match=f"{feed}: users.accounts.v1 holds what is personal, which rejected"):
        Settings.load({feed: "users.accounts.v1"})
