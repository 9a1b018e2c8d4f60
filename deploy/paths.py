"""Where things live on disk: sources in the checkout, everything else under one ignored folder."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STATE = ROOT / ".tickloom"
"""Downloads, compiled code and the state of local stacks."""
ARTEFACTS = STATE / "artefacts"
"""Jars and archives, by their place in a Maven repository."""
STACK = Path(os.environ.get("TICKLOOM_STACK_DIR", STATE / "stack"))
"""State of the local stack: data, logs, sockets. Another folder is another stack."""
