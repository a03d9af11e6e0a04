"""The version of a worker, with which Temporal rolls a release out and back.

Temporal's Worker Controller for Kubernetes sets the two variables; others may set them too.
"""

import os
import socket

from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import WorkerDeploymentConfig

from durable_analytics.errors import SettingsError

DEPLOYMENT_NAME = "TEMPORAL_DEPLOYMENT_NAME"
BUILD_ID = "TEMPORAL_WORKER_BUILD_ID"

_BEHAVIOR = VersioningBehavior.AUTO_UPGRADE
"""An execution goes on at the current version, because each release can continue the executions of
those before: tests replay recorded histories. A pinned execution would need its own release until
it ends, and a delivery may take `total_timeout`, 24 hours by default."""


def deployment_config() -> WorkerDeploymentConfig | None:
    """Return the options of versioned workers; None if the variables are not set.

    Raises:
        SettingsError: Only one of the variables is set.
    """
    version = _version()
    if version is None:
        return None
    return WorkerDeploymentConfig(
        version, use_worker_versioning=True, default_versioning_behavior=_BEHAVIOR
    )


def identity() -> str:
    """Return what Temporal shows of this process: `pid@host`, with the version before it.

    Raises:
        SettingsError: Only one of the variables is set.
    """
    version = _version()
    prefix = f"{version.to_canonical_string()}:" if version else ""
    return f"{prefix}{os.getpid()}@{socket.gethostname()}"


def _version() -> WorkerDeploymentVersion | None:
    values = {name: os.environ.get(name, "").strip() for name in (DEPLOYMENT_NAME, BUILD_ID)}
    missing = [name for name, value in values.items() if not value]
    if len(missing) == 1:
        other = next(name for name in values if name not in missing)
        raise SettingsError([f"{missing[0]}: is required where {other} is set: set both or none"])
    return None if missing else WorkerDeploymentVersion(values[DEPLOYMENT_NAME], values[BUILD_ID])
