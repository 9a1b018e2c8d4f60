"""The settings of every job: one model of flags, environment (TICKLOOM_*), tickloom.toml and a folder of secrets.

The first of them that names a setting decides. Passwords and tokens are no flags: other users see those.
"""

import json
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AwareDatetime,
    BeforeValidator,
    Field,
    PlainSerializer,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from jobs import clients
from jobs.periods import Period
from schemas import resolutions, topics
from schemas.exact import EPOCH
from udfs import conditions, rules
from udfs.bar_spec import BarSpec
from udfs.calendars import Calendars

FILE = Path("tickloom.toml")
DURATION = re.compile(r"(\d+)(ms|s|min|h)")
SECRETS_VARIABLE = "TICKLOOM_SECRETS_DIR"
"""Names a folder with a file a setting, such as tickloom_kafka_password."""
UNIT_MS = {"ms": 1, "s": 1_000, "min": 60_000, "h": 3_600_000}


class SettingsError(Exception):
    """A wrong setting: one line that names the field and what is allowed."""


def _duration(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    match = DURATION.fullmatch(value.strip())
    if not match:
        raise ValueError(f"'{value}' is not a duration: a whole number and ms, s, min or h, such as 500ms or 2s")
    return timedelta(milliseconds=int(match[1]) * UNIT_MS[match[2]])


def milliseconds(duration: timedelta) -> int:
    """A duration in whole milliseconds."""
    return duration // timedelta(milliseconds=1)


def format_duration(duration: timedelta) -> str:
    """The largest unit that divides it: `2s`, `500ms`."""
    length = milliseconds(duration)
    unit = next(unit for unit in ("h", "min", "s", "ms") if length % UNIT_MS[unit] == 0)
    return f"{length // UNIT_MS[unit]}{unit}"


def _split(value: Any) -> Any:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _uri(value: Any) -> Any:
    return Path(value).resolve().as_uri() if isinstance(value, str) and value and "://" not in value else value


def _json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


Duration = Annotated[timedelta, BeforeValidator(_duration), PlainSerializer(format_duration), Field(gt=timedelta(0))]
Names = Annotated[tuple[str, ...], BeforeValidator(_split), PlainSerializer(",".join)]


class Settings(BaseSettings):
    """Where the job's systems are, what it computes, and how carefully."""

    model_config = SettingsConfigDict(
        env_prefix="TICKLOOM_", toml_file=FILE, extra="forbid", enable_decoding=False, frozen=True
    )

    brokers: str = Field("localhost:9092", description="Kafka bootstrap servers")
    registry: str = Field("http://localhost:8082/apis/ccompat/v7", description="URL of the schema registry")
    ca: Annotated[str, BeforeValidator(clients.certificates)] = Field(
        "",
        description="PEM file of the authorities behind Kafka's and the registry's certificates; none: the machine's",
    )
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="how Kafka is spoken to: SSL encrypts, SASL logs in with a password"
    )
    kafka_sasl_mechanism: Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"] = Field(
        "SCRAM-SHA-512", description="how the password is proved to Kafka"
    )
    kafka_username: str = Field("", description="user of Kafka")
    kafka_password: SecretStr = Field(SecretStr(""), description="the user's password (no flag)")
    kafka_properties: Annotated[dict[str, SecretStr], BeforeValidator(_json)] = Field(
        default_factory=dict,
        description="further properties that Java's and librdkafka's clients know by the same name (no flag)",
    )
    registry_username: str = Field("", description="user of the registry")
    registry_password: SecretStr = Field(SecretStr(""), description="the user's password (no flag)")
    registry_token: SecretStr = Field(
        SecretStr(""), description="a bearer token instead of user and password (no flag)"
    )
    trades_topic: str = Field(topics.TRADES, description="topic of the trades")
    quotes_topic: str = Field(topics.QUOTES, description="topic of the quotes")
    books_topic: str = Field(topics.BOOKS, description="topic of the order books")
    stop_offsets: str = Field(
        "",
        pattern=r"^(\d+:\d+(,\d+:\d+)*)?$",
        description="partition:offset,… of the trades at which the job ends; none: never",
    )
    resolutions: Names = Field(
        resolutions.DEFAULT, description="lengths of candles, each rolled up from the one before"
    )
    updating: Names = Field(
        (), description="candles published while open: length:step, such as 1m:5s for a minute's every 5 s"
    )
    sliding: Names = Field(
        (), description="candles that overlap: length:step, such as 5m:1m for 5 minutes every minute"
    )
    publish_from: AwareDatetime | None = Field(
        None, description="candles of windows that start earlier are left to another deployment; none: all are made"
    )
    publish_until: AwareDatetime | None = Field(
        None, description="and those that start at this time or later; for two deployments side by side"
    )
    bars: Names = Field(
        ("tick=1000",), description="kinds and sizes of the bar job, such as dollar=1000000,tick_run=500:100:5000"
    )
    bar_span_ticks: int = Field(10_000, gt=0, description="span, in trades, of what imbalance and run bars expect")
    bar_span_bars: int = Field(20, gt=0, description="span, in bars, of the trades they expect in a bar")
    depth_interval: Duration = Field(timedelta(seconds=1), description="how often the depth of a book is told")
    depth_levels: int = Field(10, gt=0, le=1_000, description="levels of each side that are told")
    depth_within_bp: int = Field(
        10, gt=0, lt=10_000, description="basis points from the middle within which the units of a side are summed up"
    )
    forget_after: Duration = Field(
        timedelta(days=7), description="after how long without quotes an instrument, as an expired one, is forgotten"
    )
    realised_after: Duration = Field(
        timedelta(seconds=5), description="how long after a trade the quote is that realises its spread"
    )
    calendars: Names = Field(
        (), description="pattern=calendar,… of symbols, the first that fits decides; 24/7 (UTC days) where none does"
    )
    session_horizon: Duration = Field(
        timedelta(hours=24), description="how long after a session a revised minute still revises its candles"
    )
    silent_after: Duration = Field(
        timedelta(minutes=5), description="a symbol without a candle for so long in regular trading is silent"
    )
    out_of_orderness: Duration = Field(
        timedelta(seconds=2), description="how long after its second a trade may come and still be in the candle"
    )
    idle_timeout: Duration = Field(
        timedelta(seconds=5), description="a partition silent for so long no longer holds back the others"
    )
    late_horizon: Duration = Field(
        timedelta(minutes=5),
        description="later trades, busts and corrections are left to the audit, not revised at once",
    )
    rules: str = Field("", description="file of the validation rules; none: those of udfs/rules.toml")
    conditions: str = Field("", description="file of the sale conditions; none: those of udfs/conditions.toml")
    numbered: Names = Field(
        (), description="patterns of venues that number the messages of a symbol 1, 2, 3, …: their gaps are reported"
    )
    timely_within: Duration = Field(
        timedelta(seconds=10),
        description="a candle is in time when it can be read so soon after its last trade",
    )
    reference_topic: str = Field(
        "", description="topic of another feed's one-minute candles (schema candle) to compare with; none: no accuracy"
    )
    checkpoint_interval: Duration = Field(
        timedelta(seconds=1), description="candles become visible to readers once a checkpoint"
    )
    transaction_timeout: Duration = Field(
        timedelta(minutes=15), description="Kafka aborts, and so loses, what is uncommitted for longer"
    )
    restart_allowance: Duration = Field(
        timedelta(minutes=2), description="longest time the job may take to come back after a failure"
    )
    transactional_id_prefix: str = Field(
        "tickloom", description="first part of the transactional ids; unique to a deployment on a Kafka cluster"
    )
    partitions: int = Field(4, gt=0, le=1024, description="partitions of the topics that are created")
    replication: int = Field(1, gt=0, le=16, description="replicas of the topics that are created")
    retention: Duration | None = Field(
        None, description="how long created topics keep records, by event time; none keeps them for ever"
    )
    lake: Annotated[str, BeforeValidator(_uri)] = Field(
        "", description="folder or URI under which the tables of the lake are; none: the running stack's"
    )
    lake_catalog: SecretStr = Field(
        SecretStr(""), description="URL of the PostgreSQL database that is the lake's catalog (no flag)"
    )
    lake_commit_interval: Duration = Field(
        timedelta(minutes=2), description="rows become visible in the lake so often; each time is a snapshot of a table"
    )
    jars: Names = Field((), description="jars the job brings to the cluster; the command line fills it in")
    parallelism: int = Field(2, gt=0, le=1024, description="parallelism of the job")

    @field_validator("registry")
    @classmethod
    def _bare_address(cls, value: str) -> str:
        if "@" in value.partition("://")[2].partition("/")[0]:
            raise ValueError("user and password are settings of their own: registry_username, registry_password")
        return value

    @field_validator("trades_topic", "quotes_topic", "books_topic", "reference_topic")
    @classmethod
    def _not_personal(cls, value: str) -> str:
        if value in topics.USERS:
            raise ValueError(f"{value} holds what is personal, which rejected records would show")
        return value

    @field_validator("resolutions")
    @classmethod
    def _cascade(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return resolutions.check_cascade(value)

    @field_validator("updating", "sliding")
    @classmethod
    def _steps(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            resolutions.stepped(each)
        return value

    @field_validator("bars")
    @classmethod
    def _bar_specs(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        kinds = [BarSpec.parse(each).kind for each in value]
        if not kinds or len(kinds) != len(set(kinds)):
            raise ValueError("one size of each kind of bar, and at least one kind, such as tick=1000")
        return value

    @field_validator("rules")
    @classmethod
    def _valid_rules(cls, value: str) -> str:
        rules.load(value)
        return value

    @field_validator("conditions")
    @classmethod
    def _valid_conditions(cls, value: str) -> str:
        conditions.load(value)
        return value

    @field_validator("calendars")
    @classmethod
    def _known_calendars(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if value:  # loading the calendars takes seconds
            Calendars(value)
        return value

    @field_validator("transactional_id_prefix")
    @classmethod
    def _delimited(cls, value: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9._-]+", value):
            raise ValueError("only letters, digits, '.', '_' and '-' (the '/' ends it in every transactional id)")
        return value

    @model_validator(mode="after")
    def _one_topic_each(self) -> "Settings":
        twice = [name for name, count in Counter(self.candle_names).items() if count > 1]
        if twice:
            raise ValueError(f"updating, sliding: {topics.candles(twice[0])} would hold two kinds of candles")
        return self

    @model_validator(mode="after")
    def _begins_every_window(self) -> "Settings":
        lengths_s = [resolutions.seconds(each) for each in self.resolutions]
        lengths_s += [resolutions.seconds(resolutions.stepped(each).length) for each in (*self.updating, *self.sliding)]
        for name, bound in (("publish_from", self.publish_from), ("publish_until", self.publish_until)):
            if bound is not None and any((bound - EPOCH) % timedelta(seconds=length) for length in lengths_s):
                raise ValueError(f"{name}: a window of every resolution must start then, not at {bound.isoformat()}")
        if self.publish_from and self.publish_until and self.publish_from >= self.publish_until:
            raise ValueError("publish_until: it must be later than publish_from")
        return self

    @model_validator(mode="after")
    def _logins(self) -> "Settings":
        clients.check_logins(self)
        return self

    @model_validator(mode="after")
    def _timeouts(self) -> "Settings":
        needed = self.checkpoint_interval + self.restart_allowance
        if self.transaction_timeout <= needed:
            raise ValueError(
                f"transaction_timeout: {format_duration(self.transaction_timeout)} is too short, Kafka would abort "
                f"what a restarting job has not committed: raise it above checkpoint_interval + restart_allowance "
                f"= {format_duration(needed)}"
            )
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags, then environment, then the file, then the folder of secrets."""
        secrets = SecretsSettingsSource(settings_cls, os.environ.get(SECRETS_VARIABLE) or None)
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls), secrets

    @classmethod
    def load(cls, flags: Mapping[str, Any] | None = None) -> "Settings":
        """Read all sources. Raises SettingsError with one line for the first wrong setting."""
        given = {name: value for name, value in (flags or {}).items() if value is not None}
        folder = os.environ.get(SECRETS_VARIABLE)
        if folder and not Path(folder).is_dir():
            raise SettingsError(f"{SECRETS_VARIABLE}: {folder} is no folder")
        try:
            return cls(**given)
        except ValidationError as error:
            first = error.errors()[0]
            name = ".".join(str(part) for part in first["loc"])
            message = first["msg"].removeprefix("Value error, ")
            raise SettingsError(f"{name}: {message}" if name else message) from None

    @classmethod
    def from_arguments(cls, arguments: Sequence[str]) -> "Settings":
        """Read `--name value` flags beside the other sources; the flags of a job started by `flink run`."""
        names, values = arguments[::2], arguments[1::2]
        unknown = [
            name for name in names if not name.startswith("--") or name[2:].replace("-", "_") not in cls.model_fields
        ]
        if unknown or len(names) != len(values):
            raise SettingsError(f"expected --name value pairs of settings, got {' '.join(arguments)}")
        return cls.load({name[2:].replace("-", "_"): value for name, value in zip(names, values, strict=True)})

    def printable(self) -> dict[str, str]:
        """Every setting as text, secrets masked."""
        values = self.model_dump(mode="json")
        values["kafka_properties"] = ", ".join(f"{name}=****" for name in self.kafka_properties)
        values["ca"] = f"PEM, {self.ca.count(clients.CERTIFICATE)} certificates" if self.ca else ""
        return {name: "" if value is None else str(value) for name, value in values.items()}

    @property
    def candle_names(self) -> list[str]:
        """What candles there are, as in the names of their topics: `1m`, `1m.updating`, `5m.every.1m`."""
        return [
            *self.resolutions,
            *(topics.updating(resolutions.stepped(each).length) for each in self.updating),
            *(topics.sliding(*resolutions.stepped(each)) for each in self.sliding),
        ]

    @property
    def period(self) -> Period:
        """Which candles are published."""
        return Period.between(self.publish_from, self.publish_until)

    @property
    def bar_kinds(self) -> list[str]:
        """The kinds of bars to make."""
        return [BarSpec.parse(spec).kind for spec in self.bars]

    def lake_place(self) -> tuple[str, str]:
        """URI of the lake and URL of its catalog, password included. Raises SettingsError when one is not named."""
        url = self.lake_catalog.get_secret_value()
        if not (self.lake and url):
            raise SettingsError("lake, lake_catalog: name the folder of the lake and the database that is its catalog")
        return self.lake, url

    def kafka_client(self) -> dict[str, str]:
        """Properties of a Kafka client in Python, secrets revealed."""
        return clients.kafka(self)

    def registry_client(self) -> dict[str, str]:
        """Properties of a client of the registry in Python, secrets revealed."""
        return clients.registry(self)

    def environment(self) -> dict[str, str]:
        """The settings as environment variables: how they reach a job in another process, secrets included."""
        values = self.model_dump(mode="json", exclude_none=True)
        secrets = {name: value for name, value in dict(self).items() if isinstance(value, SecretStr)}
        values |= {name: secret.get_secret_value() for name, secret in secrets.items()}
        values["kafka_properties"] = json.dumps(clients.revealed(self.kafka_properties))
        return {f"TICKLOOM_{name.upper()}": str(value) for name, value in values.items()}

    def without_secrets(self) -> dict[str, str]:
        """Those of `environment` that anybody may read and another machine can use."""
        held = {name for name, value in dict(self).items() if isinstance(value, SecretStr)}
        left_out = {f"TICKLOOM_{name.upper()}" for name in {*held, "kafka_properties", "jars"}}
        return {name: value for name, value in self.environment().items() if name not in left_out}
