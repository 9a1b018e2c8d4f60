"""The whole pipeline with TLS, SCRAM and ACLs on; who has no rights can neither read nor write; no secret is told."""

import base64
import re
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient

from deploy import flink, jobs, paths
from deploy.errors import UserError
from deploy.rest import Rest
from deploy.stack.security import ADMIN
from deploy.trades_topic import Topic
from jobs.access import of
from jobs.settings import Settings, SettingsError
from jobs.topics import create_missing, prepare
from schemas import topics
from schemas.registered import Registry
from schemas.registry import RegistryError
from services.committed import Committed, CommittedReader, CommittedReadError
from services.oracle import expected_candles
from services.trades_file import Row, TradesFile
from services.verdict import compare
from tests.certificates import identity, token
from tests.integration import submitter
from tests.integration.candle_job import wait_until
from tests.integration.capturing import capturing, migrated
from tests.integration.conftest import database
from tests.integration.secured import Secured, secured_stack

pytestmark = [pytest.mark.integration, pytest.mark.thorough]

RESOLUTIONS = ("1s", "1m")
TRADES = "".join(
    f"2026-01-05T14:{30 + n // 60}:{n % 60:02d}.5Z,{'AB'[n % 2]},{100 + n % 7}.25,{1 + n % 3}\n" for n in range(150)
)
READ_TIMEOUT_S = 60
NOBODY = {"kafka_username": "", "kafka_password": ""}
NOT_NAMED = {"registry_username": "", "registry_password": ""}


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    with secured_stack(tmp_path_factory.mktemp("secured")) as stack:
        stack.tickloom(ADMIN, "acl", "apply")
        yield stack


@dataclass(frozen=True)
class Run:
    """A tape that went through the candle job, and the job's id."""

    tape: Path
    job: str
    output: str


@pytest.fixture(scope="module")
def run(secured: Secured, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Submit as the candle job, replay as the producer, and drain."""
    tape = tmp_path_factory.mktemp("tape") / "trades.csv"
    tape.write_text("ts_event,symbol,price,size\n" + TRADES)
    # In one partition: with more, one that is read a little later would be overtaken on a busy machine.
    flags = ["--resolutions", ",".join(RESOLUTIONS), "--partitions=1"]
    submitted = secured.tickloom("candles", "submit", "candles", *flags)
    found = re.search(r"running as ([0-9a-f]{32})", submitted.stdout)
    assert found, submitted.stdout
    await_running(secured.rest, found[1])
    replayed = secured.tickloom("producer", "replay", str(tape))
    ends = {partition: end for partition, (_, end) in Topic(topics.TRADES, secured.settings("audit")).ranges.items()}
    assert sum(ends.values()) == len(TRADES.splitlines())
    jobs.await_read(secured.settings("candles"), ends, READ_TIMEOUT_S)
    secured.rest.request("POST", f"/jobs/{found[1]}/stop", {"drain": True})
    wait_until(lambda: state(secured.rest, found[1]) == "FINISHED", "the end of the job")
    return Run(tape, found[1], submitted.stdout + submitted.stderr + replayed.stdout + replayed.stderr)


def await_running(rest: Rest, job: str) -> None:
    def runs() -> bool:
        found = rest.get(f"/jobs/{job}")
        assert found["state"] != "FAILED", rest.get(f"/jobs/{job}/exceptions")["exceptionHistory"]["entries"]
        return all(vertex["status"] == "RUNNING" for vertex in found["vertices"])

    wait_until(runs, "every task to run", 90)


def state(rest: Rest, job: str) -> str:
    return str(rest.get(f"/jobs/{job}")["state"])


def refusal(settings: Settings, topic: str) -> int:
    """What the broker answers to a record: the code of its error, 0 for none."""
    answers: list[int] = []
    producer = Producer({**settings.kafka_client(), "message.timeout.ms": 20_000})
    producer.produce(topic, b"", b"A", on_delivery=lambda error, _message: answers.append(error.code() if error else 0))
    producer.flush(30)
    return answers[0]


def test_the_candles_of_a_replayed_tape_are_read_as_expected(secured: Secured, run: Run) -> None:
    expected = expected_candles(
        (row.trade for row in TradesFile(run.tape, {}, {}).rows() if isinstance(row, Row)), RESOLUTIONS
    )
    reader = secured.settings("reader")
    wanted = {topics.candles(resolution): "candle" for resolution in RESOLUTIONS}
    with CommittedReader(reader.kafka_client(), reader.registry_client(), wanted) as read:
        candles = [each.record for each in read.read_to_end(READ_TIMEOUT_S)]
    verdict = compare(expected.candles, candles)
    assert verdict.holds, verdict.summary()
    assert verdict.equal == 150 + 2 * 3


def test_who_has_no_rights_can_neither_read_nor_write(secured: Secured, run: Run) -> None:
    stranger = secured.settings("stranger")
    for topic in (topics.TRADES, topics.candles("1m")):
        assert refusal(stranger, topic) == KafkaError.TOPIC_AUTHORIZATION_FAILED
        with pytest.raises(CommittedReadError, match="Topic authorization failed"):
            CommittedReader(stranger.kafka_client(), stranger.registry_client(), {topic: "trade"})
    assert topics.TRADES not in AdminClient(stranger.kafka_client()).list_topics(timeout=10).topics
    said = secured.tickloom("stranger", "replay", str(run.tape), check=False)
    assert said.returncode == 1
    assert said.stderr.count("\n") == 1
    assert "topic md.trades.v1: Broker: Topic authorization failed" in said.stderr


def test_a_role_can_do_no_more_than_its_own_work(secured: Secured, run: Run) -> None:
    candle_topic = topics.candles("1m")
    assert refusal(secured.settings("producer"), topics.TRADES) == 0
    assert refusal(secured.settings("producer"), candle_topic) == KafkaError.TOPIC_AUTHORIZATION_FAILED
    assert refusal(secured.settings("reader"), candle_topic) == KafkaError.TOPIC_AUTHORIZATION_FAILED
    assert refusal(secured.settings("candles"), topics.TRADES) == KafkaError.TOPIC_AUTHORIZATION_FAILED
    for role, topic in (("producer", candle_topic), ("reader", topics.TRADES)):
        settings = secured.settings(role)
        with pytest.raises(CommittedReadError, match="Topic authorization failed"):
            CommittedReader(settings.kafka_client(), settings.registry_client(), {topic: "trade"})


def test_a_job_cannot_use_the_transactions_of_another(secured: Secured, run: Run) -> None:
    own = {"transactional.id": "tickloom/candles/test", **secured.settings("candles").kafka_client()}
    Producer(own).init_transactions(20)
    for role in ("sessions", "producer"):
        other = {**own, **secured.settings(role).kafka_client()}
        with pytest.raises(KafkaException) as refused:
            Producer(other).init_transactions(20)
        assert refused.value.args[0].code() == KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED


def test_the_role_for_transactions_shows_one_that_a_job_left_open_and_ends_it(secured: Secured, run: Run) -> None:
    topic, settings = topics.candles("1s"), secured.settings("candles")
    identity = f"tickloom/candles/{topic}/-9-9"
    producer = Producer({**settings.kafka_client(), "transactional.id": identity})
    producer.init_transactions(20)
    producer.begin_transaction()
    producer.produce(topic, b"", b"A")
    producer.flush(20)
    cluster = ("--cluster", secured.stack.flink_address)
    assert identity in secured.tickloom("txn", "txn", "list", *cluster).stdout
    secured.tickloom("txn", "txn", "abort", identity, "--yes", *cluster)
    assert identity not in secured.tickloom("txn", "txn", "list", *cluster).stdout


def test_the_intake_of_signals_makes_and_writes_its_topics_and_no_others(secured: Secured) -> None:
    intake = secured.settings("signals")
    create_missing(intake, of("signals", intake).creates)
    assert [refusal(intake, topic) for topic in (topics.SIGNALS, topics.SIGNALS_REJECTED)] == [0, 0]
    for role, topic in (("signals", topics.TRADES), ("producer", topics.SIGNALS), ("reader", topics.SIGNALS)):
        assert refusal(secured.settings(role), topic) == KafkaError.TOPIC_AUTHORIZATION_FAILED


def test_changes_of_reference_data_are_captured_with_the_rights_of_their_role(secured: Secured, tmp_path: Path) -> None:
    role = secured.variables("reference")
    with database(secured.stack) as url, capturing(secured.stack, migrated(url), tmp_path / "log", **role):
        pass  # its first heartbeat has been read
    assert refusal(secured.settings("reference"), topics.INSTRUMENTS) == 0
    assert refusal(secured.settings("reference"), topics.TRADES) == KafkaError.TOPIC_AUTHORIZATION_FAILED
    show = ("reference", "show", "accounts")
    secured.tickloom("users", *show)
    assert "uthorization failed" in secured.tickloom("reader", *show, check=False).stderr


def test_a_role_may_not_grant_itself_anything(secured: Secured) -> None:
    said = secured.tickloom("producer", "acl", "apply", "reader", "--principal", "User:tickloom-producer", check=False)
    assert said.returncode == 1
    assert "not all ACLs were granted: Broker: Cluster authorization failed" in said.stderr


def test_a_wrong_password_is_one_line_that_does_not_tell_it(secured: Secured, run: Run) -> None:
    said = secured.tickloom("producer", "replay", str(run.tape), check=False, TICKLOOM_KAFKA_PASSWORD="hunter2")
    assert said.returncode == 1
    assert said.stderr.count("\n") == 1
    assert re.search(r"uthentication.*check kafka_username, kafka_password", said.stderr)
    assert "hunter2" not in said.stdout + said.stderr


def test_a_job_with_a_wrong_password_does_not_start_and_says_why(secured: Secured) -> None:
    said = secured.tickloom("candles", "submit", "candles", check=False, TICKLOOM_KAFKA_PASSWORD="hunter2")
    assert said.returncode == 1
    assert re.search(r"uthentication.*check kafka_username, kafka_password", said.stderr)
    assert "hunter2" not in said.stdout + said.stderr


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"kafka_security_protocol": "PLAINTEXT", **NOBODY}, "kafka_security_protocol the broker's"),
        ({"kafka_security_protocol": "SSL", **NOBODY}, "kafka_security_protocol the broker's"),
        ({"ca": ""}, r"certificate verify failed.*; check kafka_security_protocol and ca"),
    ],
)
def test_without_encryption_login_or_trust_the_broker_is_not_reached(
    secured: Secured, changed: dict[str, str], said: str
) -> None:
    with pytest.raises(SettingsError, match=said):
        prepare(secured.settings("candles", **changed), "candles")


def test_the_registry_answers_only_who_logs_in_and_over_tls(secured: Secured, run: Run) -> None:
    schema = topics.subject(topics.TRADES)
    settings = secured.settings("reader")
    tokened = secured.settings("reader", **NOT_NAMED, registry_token=secured.token)
    assert Registry(settings.registry_client()).schema(1) == Registry(tokened.registry_client()).schema(1)
    anonymous = secured.settings("reader", **NOT_NAMED)
    wrong = secured.settings("reader", registry_password="hunter2")
    forged = secured.settings("reader", **NOT_NAMED, registry_token=token(identity("CN=hunter2")))
    for each in (anonymous, wrong, forged):
        with pytest.raises(RegistryError, match=r"HTTP status 401; check registry_username") as refused:
            Registry(each.registry_client()).schema(1)
        assert "hunter2" not in str(refused.value)
    with pytest.raises(RegistryError, match=r"certificate verify failed"):
        Registry(secured.settings("reader", ca="").registry_client()).schema(1)
    plain = secured.stack.registry_url.replace("https", "http")
    with pytest.raises(httpx.HTTPError):
        httpx.get(f"{plain}/subjects/{schema}/versions", trust_env=False)


def test_flinks_rest_api_answers_only_who_shows_a_certificate_and_takes_no_jars(secured: Secured) -> None:
    assert secured.rest.get("/overview")["taskmanagers"] == 1
    url = secured.stack.flink_rest_url
    with pytest.raises(httpx.HTTPError, match=r"(?i)certificate|ssl|disconnected|reset"):
        httpx.get(f"{url}/overview", verify=ssl.create_default_context(cafile=secured.security.ca), trust_env=False)
    with pytest.raises(UserError, match=r"FLINK_CONF_DIR"):
        Rest(secured.stack.flink_address, None).get("/overview")
    with pytest.raises(UserError, match="404"):
        secured.rest.request("POST", "/jars/upload", {})


def test_settings_and_logs_hold_no_secret(secured: Secured, run: Run) -> None:
    shown = secured.tickloom("candles", "config")
    asked = [
        secured.rest.get(path) for path in ("/jobmanager/config", "/jobmanager/environment", f"/jobs/{run.job}/config")
    ]
    logs = [*(secured.stack.folder / "logs").glob("*"), *flink.LOGS.glob("*.log"), *flink.LOGS.glob("*.out")]
    texts = {str(file): file.read_text(errors="replace") for file in logs if file.is_file()}
    assert {"jobmanager.log", "taskmanager.log", "kafka.log", "registry.log"} <= {Path(name).name for name in texts}
    assert "TICKLOOM_STACK_DIR" not in shown.stdout
    assert "**********" in shown.stdout
    texts |= {"config": shown.stdout + shown.stderr, "rest": str(asked), "commands": run.output}
    encoded = base64.b64encode(f"{ADMIN}:{secured.security.admin_password}".encode()).decode()
    for secret in (*secured.secrets, encoded):
        assert [name for name, text in texts.items() if secret in text] == []


def test_nobody_but_the_owner_can_read_the_files_with_secrets(secured: Secured) -> None:
    files = [
        secured.stack.folder / "kafka" / "server.properties",
        secured.stack.folder / "registry" / "application.properties",
        secured.stack.flink_conf / "config.yaml",
    ]
    for file in files:
        assert (
            secured.security.admin_password in file.read_text()
            or secured.security.keystore_password in file.read_text()
        )
        assert file.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("job", ["reconcile", "quality", "sessions"])
def test_the_other_jobs_run_with_the_rights_of_their_roles_alone_and_a_token(
    secured: Secured, run: Run, job: str
) -> None:
    with running(secured, job) as identity:
        wait_until(lambda: checkpoints(secured.rest, identity) > 1, "checkpoints")
        assert state(secured.rest, identity) == "RUNNING"


def test_bars_are_read_of_a_job_that_decodes_and_encodes_with_a_token(secured: Secured, run: Run) -> None:
    reader = secured.settings("reader", **NOT_NAMED, registry_token=secured.token)
    topic = topics.bars("tick")
    with (
        running(secured, "bars", bars="tick=10"),
        CommittedReader(reader.kafka_client(), reader.registry_client(), {topic: "bar"}) as read,
    ):
        bars = bars_of(read)
        assert next(bars).record["trade_count"] == 10


def bars_of(read: CommittedReader) -> Iterator[Committed]:
    """As they become visible; ends when none does for long."""
    deadline = time.monotonic() + READ_TIMEOUT_S
    while time.monotonic() < deadline:
        found = read.poll(1)  # also None at the end of a partition
        if found:
            yield found


@contextmanager
def running(secured: Secured, job: str, **changed: str) -> Iterator[str]:
    """A job that logs in to the registry with a token, until the end of the block; gives its id."""
    chosen = {"resolutions": ",".join(RESOLUTIONS), "parallelism": "1", "registry_token": secured.token}
    settings = secured.settings(job, **NOT_NAMED, **chosen, **changed)
    options = {
        "execution.target": "remote",
        "execution.attached": "false",
        "rest.address": "127.0.0.1",
        "rest.port": str(secured.stack.ports.flink),
        "restart-strategy.type": "disable",
        **{name: value for name, value in flink_options(secured).items() if name.startswith("security.")},
    }
    jobs.register(job, secured.settings(job))
    identity = submitter.submit(paths.ROOT / "jobs" / f"{job}.py", settings.environment(), options)
    await_running(secured.rest, identity)
    yield identity
    secured.rest.request("PATCH", f"/jobs/{identity}?mode=cancel")
    wait_until(lambda: state(secured.rest, identity) == "CANCELED", "the end of the job")


def flink_options(secured: Secured) -> dict[str, str]:
    lines = (secured.stack.flink_conf / "config.yaml").read_text().splitlines()
    pairs = (line.split(": ", 1) for line in lines if line and not line.startswith("#"))
    return {name: value.strip('"') for name, value in pairs}


def checkpoints(rest: Rest, job: str) -> int:
    return int(rest.get(f"/jobs/{job}/checkpoints")["counts"]["completed"])
