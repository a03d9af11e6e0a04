"""The manifests and the compose file: their form, and the names of the settings in them."""

import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml  # type: ignore[import-untyped]

from codec_server.settings import Settings as CodecServerSettings
from durable_analytics.settings.base import AnalyticsSettings
from gateway.settings import Settings as GatewaySettings
from tests.support.json_objects import Json
from worker import Settings as WorkerSettings

ROOT = Path(__file__).parents[2]
KUBERNETES = ROOT / "deploy" / "kubernetes"
COMPOSE: Json = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
PROGRAMS: dict[str, type[AnalyticsSettings]] = {
    "worker": WorkerSettings,
    "gateway": GatewaySettings,
    "codec-server": CodecServerSettings,
}
PORTS = {
    "gateway": GatewaySettings.model_fields["gateway"].default.port,
    "codec-server": CodecServerSettings.model_fields["codec_server"].default.port,
}


def documents() -> list[Any]:
    """All resources of the kustomization."""
    kustomization = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text())
    files = kustomization["resources"]
    assert {*files} == {one.name for one in KUBERNETES.glob("*.yaml")} - {"kustomization.yaml"}
    return [
        document
        for file in files
        for document in yaml.safe_load_all((KUBERNETES / file).read_text())
    ]


OF_KUBERNETES = [one for one in documents() if one["apiVersion"] in {"apps/v1", "v1"}]
"""The resources that are no extensions of the cluster."""


@pytest.mark.parametrize(
    "document", OF_KUBERNETES, ids=lambda one: f"{one['kind']}-{one['metadata']['name']}"
)
def test_resources_follow_the_schemas_of_kubernetes(document: Any) -> None:
    """Each field is known, and has its type."""
    newest = kubernetes_validate.latest_version()

    kubernetes_validate.validate(document, newest, strict=True)

    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate({**document, "unknown": 1}, newest, strict=True)


def resource(kind: str, name: str) -> Any:
    """A resource by its name."""
    return next(
        one for one in documents() if one["kind"] == kind and one["metadata"]["name"] == name
    )


def pod(name: str) -> Any:
    """The pod of a deployment."""
    return resource("Deployment", name)["spec"]["template"]["spec"]


@pytest.mark.parametrize("name", PROGRAMS)
def test_pods_are_restricted(name: str) -> None:
    """No root, nothing to write, no token of the cluster, a limit of memory."""
    spec = pod(name)
    (container,) = spec["containers"]

    assert spec["automountServiceAccountToken"] is False
    assert spec["enableServiceLinks"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["resources"]["limits"]["memory"]
    assert spec["volumes"][0]["secret"]["secretName"] == f"{name}-secrets"


@pytest.mark.parametrize("name", PROGRAMS)
def test_variables_of_pods_are_settings(name: str) -> None:
    """And none of them is a secret."""
    (container,) = pod(name)["containers"]
    variables = {one["name"] for one in container["env"]} - {"ANALYTICS_SECRETS_DIR"}
    sections = {one.removeprefix("ANALYTICS_").split("__")[0].lower() for one in variables}

    assert sections <= PROGRAMS[name].model_fields.keys()
    assert not [one for one in variables if "KEY" in one or "TOKEN" in one]


@pytest.mark.parametrize(("name", "port"), PORTS.items())
def test_pods_listen_on_the_port_of_the_settings(name: str, port: int) -> None:
    (container,) = pod(name)["containers"]

    assert container["ports"][0] == {"name": "http", "containerPort": port}


@pytest.mark.parametrize(
    ("name", "setting"),
    [("worker", "ANALYTICS_METRICS_ADDRESS"), ("gateway", "ANALYTICS_GATEWAY__METRICS_ADDRESS")],
)
def test_prometheus_finds_the_metrics_of_pods(name: str, setting: str) -> None:
    """By the annotations that scrapers look for; and no Service publishes them."""
    (container,) = pod(name)["containers"]
    variables = {one["name"]: one.get("value") for one in container["env"]}
    (port,) = [one["containerPort"] for one in container["ports"] if one["name"] == "metrics"]
    metadata = resource("Deployment", name)["spec"]["template"]["metadata"]
    published = [
        one["targetPort"]
        for document in documents()
        if document["kind"] == "Service"
        for one in document["spec"]["ports"]
    ]

    assert variables[setting] == f"0.0.0.0:{port}"
    assert metadata["annotations"] == {
        "prometheus.io/scrape": "true",
        "prometheus.io/port": str(port),
    }
    assert {*published} == {"http"}


def test_the_worker_is_not_restarted_while_temporal_is_away() -> None:
    """Its probes are those of its status server; `/health` does not ask Temporal."""
    (container,) = pod("worker")["containers"]
    variables = {one["name"]: one.get("value") for one in container["env"]}
    (port,) = container["ports"]

    assert variables["ANALYTICS_METRICS_ADDRESS"].endswith(f":{port['containerPort']}")
    assert container["livenessProbe"]["httpGet"] == {"path": "/health", "port": port["name"]}
    assert container["readinessProbe"]["httpGet"] == {"path": "/ready", "port": port["name"]}


def applied(operations: list[Json], document: Any) -> Any:
    """A document after the operations of a JSON patch on two levels."""
    changed: Any = {**document, "spec": {**document["spec"]}}
    for operation in operations:
        *above, key = operation["path"].strip("/").split("/")
        place = changed[above[0]] if above else changed
        assert (key in place) == (operation["op"] != "add")
        if operation["op"] == "remove":
            del place[key]
        else:
            place[key] = operation["value"]
    return changed


def test_the_versioned_worker_is_the_same_pod_for_the_worker_controller() -> None:
    """With what its schema requires (temporal.io_workerdeployments.yaml of its release 1.8)."""
    folder = KUBERNETES.with_name("kubernetes-versioned")
    kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text())
    operations = yaml.safe_load(kustomization["patches"][0]["patch"])
    connection = yaml.safe_load((folder / "connection.yaml").read_text())
    worker = resource("Deployment", "worker")
    literals = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text())["configMapGenerator"]

    versioned = applied(operations, worker)

    spec = versioned["spec"]
    assert (versioned["apiVersion"], versioned["kind"]) == (
        "temporal.io/v1alpha1",
        "WorkerDeployment",
    )
    assert spec["template"] == worker["spec"]["template"]
    assert spec.keys() == {"replicas", "template", "workerOptions", "rollout", "sunset"}
    assert spec["workerOptions"]["connectionRef"]["name"] == connection["metadata"]["name"]
    assert literals[0]["literals"] == [
        f"TEMPORAL_ADDRESS={connection['spec']['hostPort']}",
        f"TEMPORAL_NAMESPACE={spec['workerOptions']['temporalNamespace']}",
    ]


def test_pods_have_the_time_to_stop() -> None:
    """More than the graceful shutdown of the process."""
    graceful = WorkerSettings.model_fields["graceful_shutdown_timeout"].default

    assert pod("worker")["terminationGracePeriodSeconds"] > graceful.total_seconds() + 5


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_services_of_compose_have_limits(name: str) -> None:
    """Of memory, and of logs, which Docker keeps for ever otherwise."""
    service = COMPOSE["services"][name]

    assert service["mem_limit"]
    assert service["logging"]["options"]["max-size"]


def test_the_gateway_of_compose_has_no_credential_of_a_provider() -> None:
    assert not [
        name for name in COMPOSE["services"]["gateway"]["environment"] if "INTEGRATIONS__" in name
    ]


def test_each_program_has_a_target_in_the_dockerfile() -> None:
    text = (ROOT / "Dockerfile").read_text()

    for name in PROGRAMS:
        assert f" AS {name}\n" in text


def test_actions_are_pinned_by_their_commit() -> None:
    """A tag can be moved to other code."""
    text = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    actions = re.findall(r"uses: (\S+)", text)

    assert actions
    assert [one for one in actions if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", one)] == []
