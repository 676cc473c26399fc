"""The command line: `lagebild [--home DIR] COMMAND`. Each command opens, calls and prints.

    app.py       the application, its options before the command, errors and exit codes
    collect.py   ingest, sources
    ask.py       search, ask
    read.py      show, refusals
    compare.py   compare
    care.py      up, status, rebuild, backup, restore
    doctor.py    doctor, migrate
    models.py    providers, models
    measure.py   eval
    show.py      how results look in a terminal

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done in part, 130 interrupted. With --json, stdout holds
JSON alone; everything for people goes to stderr.
"""

from ingest.cli.app import main

__all__ = ["main"]
