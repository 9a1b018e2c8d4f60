"""`tickloom doctor`: is this machine fit, and is the stack well."""

import sys

import click

from deploy.doctor import Finding, Verdict, examine

COLOURS = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.PROBLEM: "red"}


@click.command()
def doctor() -> None:
    """Check Python, Java, jars, memory, disk, ports and the running stack, and say how to mend each.

    Ends with exit code 1 when something is a problem; a warning, or a stack that is not running, is none.
    """
    findings = []
    for finding in examine():
        _show(finding)
        findings.append(finding)
    if any(finding.verdict is Verdict.PROBLEM for finding in findings):
        sys.exit(1)


def _show(finding: Finding) -> None:
    verdict = click.style(f"{finding.verdict:8}", fg=COLOURS[finding.verdict])
    click.echo(f"{verdict} {finding.subject:12} {finding.seen}")
    if finding.remedy:
        click.echo(f"{'':21} → {finding.remedy}")
