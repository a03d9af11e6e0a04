"""What this process is for uWSGI, which forks its workers in C."""

import os
import sys
from typing import Any


def uwsgi_will_fork() -> bool:
    """Whether this process is uWSGI's first one, before it has forked its workers."""
    uwsgi: Any = sys.modules.get("uwsgi")
    return (
        hasattr(uwsgi, "worker_id")
        and uwsgi.worker_id() == 0
        and uwsgi.mule_id() == 0
        and not uwsgi.i_am_the_spooler()
    )


def is_uwsgi_master() -> bool:
    """Whether this process is uWSGI's master, which sends nothing itself."""
    uwsgi: Any = sys.modules.get("uwsgi")
    return hasattr(uwsgi, "masterpid") and uwsgi.masterpid() == os.getpid()
