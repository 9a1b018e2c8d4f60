"""One set of settings, and the same access said in the words of every client."""

from jobs import clients, kafka
from jobs.settings import Settings
from tests.certificates import identity

PEM = identity("CN=authority").certificate_pem()
SECURED = {
    "brokers": "kafka:9093",
    "registry": "https://registry",
    "ca": PEM,
    "kafka_security_protocol": "SASL_SSL",
    "kafka_username": "candles",
    "kafka_password": 'a"b\\c',
    "kafka_properties": '{"client.rack": "north"}',
}
BASIC = {"registry_username": "candles", "registry_password": "p"}


def test_a_login_over_tls_in_the_words_of_librdkafka() -> None:
    assert Settings.load(SECURED).kafka_client() == {
        "bootstrap.servers": "kafka:9093",
        "log_level": "0",
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "candles",
        "sasl.password": 'a"b\\c',
        "ssl.ca.pem": PEM,
        "client.rack": "north",
    }


def test_the_same_login_in_the_words_of_java_with_quotes_escaped() -> None:
    module = "org.apache.flink.kafka.shaded.org.apache.kafka.common.security.scram.ScramLoginModule"
    assert clients.kafka_in_java(Settings.load(SECURED)) == {
        "bootstrap.servers": "kafka:9093",
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.jaas.config": rf'{module} required username="candles" password="a\"b\\c";',
        "ssl.truststore.type": "PEM",
        "ssl.truststore.certificates": PEM,
        "client.rack": "north",
    }


TIMEOUTS = {"http.connect.timeout.ms": "5000", "http.read.timeout.ms": "10000"}


def test_without_security_the_clients_are_told_addresses_and_time_outs_and_nothing_else() -> None:
    plain = Settings.load({"brokers": "kafka:9092", "registry": "http://registry"})
    assert plain.kafka_client() == {
        "bootstrap.servers": "kafka:9092",
        "log_level": "0",
        "security.protocol": "PLAINTEXT",
    }
    assert clients.kafka_in_java(plain) == {"bootstrap.servers": "kafka:9092", "security.protocol": "PLAINTEXT"}
    assert plain.registry_client() == {"url": "http://registry"}
    assert clients.registry_format(plain) == {"url": "http://registry"} | as_format_properties(TIMEOUTS)
    assert clients.registry_in_java(plain) == TIMEOUTS


def as_format_properties(client: dict[str, str]) -> dict[str, str]:
    return {f"properties.{name}": value for name, value in client.items()}


def test_a_login_to_the_registry_in_the_words_of_each_client() -> None:
    settings = Settings.load({**SECURED, **BASIC})
    trust = {"schema.registry.ssl.truststore.type": "PEM", "schema.registry.ssl.truststore.certificates": PEM}
    assert settings.registry_client() == {
        "url": "https://registry",
        "basic.auth.user.info": "candles:p",
        "ssl.ca.pem": PEM,
    }
    assert clients.registry_in_java(settings) == {
        "basic.auth.credentials.source": "USER_INFO",
        "basic.auth.user.info": "candles:p",
        **trust,
        **TIMEOUTS,
    }
    assert clients.registry_format(settings) == {
        "url": "https://registry",
        "basic-auth.credentials-source": "USER_INFO",
        "basic-auth.user-info": "candles:p",
        **as_format_properties(trust | TIMEOUTS),
    }


def test_a_token_takes_the_place_of_the_login() -> None:
    settings = Settings.load({"registry_token": "t0ken"})
    bearer = {"bearer.auth.credentials.source": "STATIC_TOKEN", "bearer.auth.token": "t0ken"}
    assert bearer.items() <= settings.registry_client().items()
    assert clients.registry_in_java(settings) == bearer | TIMEOUTS
    assert clients.registry_format(settings)["bearer-auth.token"] == "t0ken"


def test_every_option_of_a_table_with_a_secret_has_a_name_whose_value_flink_masks() -> None:
    masked = ("password", "secret", "token", "basic-auth", "jaas.config")  # GlobalConfiguration.SENSITIVE_KEYS
    settings = Settings.load({**SECURED, **BASIC, "kafka_password": "s3cret-1", "registry_password": "s3cret-2"})
    tables = [
        kafka.trades_source("candles", settings),
        kafka.source("quality", "md.late.v1", settings) | kafka.avro_values("md.late.v1", "late_trades", settings),
        *(kafka.sink("candles", topic, schema, settings) for _, topic, schema in kafka.candle_sinks(settings)),
    ]
    secret = {name for options in tables for name, value in options.items() if "s3cret" in value}
    assert len(secret) == 3
    assert [name for name in secret if not any(key in name for key in masked)] == []
