"""Users see the root cause of a failed job in one line."""

import pytest

from deploy.errors import UserError
from deploy.flink import job_id, root_cause

JAVA = """\
org.apache.flink.client.program.ProgramAbortException: java.lang.RuntimeException: Python process exits with code: 1
\tat org.apache.flink.client.python.PythonDriver.main(PythonDriver.java:140)
Caused by: org.apache.flink.table.api.ValidationException: Unable to create a source
\tat org.apache.flink.table.factories.FactoryUtil.create(FactoryUtil.java:1)
Caused by: java.net.ConnectException: Connection refused: localhost:9092
Caused by: java.lang.RuntimeException: Python process exits with code: 1
"""
PYTHON = """\
Traceback (most recent call last):
  File "candles.py", line 9, in <module>
ValueError: relative path can't be expressed as a file URI
Caused by: java.lang.RuntimeException: Python process exits with code: 1
"""
PYTHON_STEP = """\
java.lang.RuntimeException: Failed to close remote bundle
Caused by: java.util.concurrent.ExecutionException: java.lang.RuntimeException: Error received from SDK harness
Caused by: java.lang.RuntimeException: Error received for instruction 4: Traceback (most recent call last):
  File "/somewhere/sdk_worker.py", line 297, in _execute
    response = task()
  File "sessions.py", line 3, in process_element
    raise LookupError(symbol)
LookupError: ACME: no calendar

\tat org.apache.beam.runners.fnexecution.control.FnApiControlClient.handle(FnApiControlClient.java:190)
"""


def test_the_innermost_java_exception_is_the_root_cause() -> None:
    assert root_cause(JAVA) == "ConnectException: Connection refused: localhost:9092"


def test_a_java_exception_without_a_cause_is_told_and_not_that_a_call_failed() -> None:
    output = (
        "py4j.protocol.Py4JJavaError: An error occurred while calling o9.executeSql.\n"
        ": java.lang.ArrayIndexOutOfBoundsException: Index 1 out of bounds for length 1\n"
        "\tat org.apache.flink.Some.method(Some.java:1)\n"
    )
    assert root_cause(output) == "ArrayIndexOutOfBoundsException: Index 1 out of bounds for length 1"


def test_without_a_java_exception_the_python_one_is_the_root_cause() -> None:
    assert root_cause(PYTHON) == "ValueError: relative path can't be expressed as a file URI"


def test_the_exception_of_a_step_in_python_is_the_root_cause() -> None:
    assert root_cause(PYTHON_STEP) == "LookupError: ACME: no calendar"


def test_what_the_job_itself_says_comes_first() -> None:
    assert root_cause("tickloom: brokers: nobody answers\n" + JAVA) == "brokers: nobody answers"


def test_the_last_line_serves_when_there_is_no_exception() -> None:
    assert root_cause("one\ntwo\n\n") == "two"


def test_the_job_id_is_read_from_what_flink_prints() -> None:
    assert job_id("Job has been submitted with JobID 0123456789abcdef0123456789abcdef\n") == "0123456789abcdef" * 2


def test_a_submission_without_a_job_id_is_an_error() -> None:
    with pytest.raises(UserError, match="did not report an id"):
        job_id("nothing of the kind")
