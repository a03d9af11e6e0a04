"""Checks the `docker` and `kubectl` commands of the pages, mostly without Docker or a cluster.

Scripts replace the two programs and record the arguments. `make container-test` runs most commands
of the rollout with Docker itself.
"""

import re
import shlex
import shutil
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]

from codec_server.settings import Settings as CodecServerSettings
from durable_analytics.settings.base import AnalyticsSettings
from gateway.settings import Settings as GatewaySettings
from tests.documentation.pages import FOLDER_PAGES, ROOT, blocks, commands, page
from tests.support.docker_commands import SERVICES, read_docker
from tests.support.programs import run_program
from tests.support.recorded_commands import Call, record_calls
from worker import Settings as WorkerSettings

(ROLLOUT,) = blocks(page("production"), "shell")
ROLL_OUT, ROLL_BACK, KEEP = re.split(r"# Roll back|# Or keep it", ROLLOUT)
(KUBERNETES,) = (path for path in FOLDER_PAGES if path.parent.name == "kubernetes")
(SECRETS,) = blocks(KUBERNETES.read_text(), "shell")

PROGRAMS: dict[str, type[AnalyticsSettings]] = {
    "worker": WorkerSettings,
    "gateway": GatewaySettings,
    "codec-server": CodecServerSettings,
}
KEY = f"k1:{'0' * 43}="


class Containers:
    """The state that Docker would have: the worker's version in each container, and which run."""

    def __init__(self) -> None:
        self.versions: dict[str, str] = {}
        self.running: set[str] = set()
        self.current = ""

    def apply(self, call: Call) -> None:
        """Change the containers as a call of `docker` would."""
        read = read_docker(call.arguments)
        if read.command == "stop":
            self.running -= {*read.containers}
            return
        match read.verb:
            case "up" if set(read.services) <= {"worker"}:
                self._start("worker", call.build_id)
            case "run":
                name, _, version = read.variable.partition("=")
                assert (read.service, name) == ("worker", "TEMPORAL_WORKER_BUILD_ID")
                self._start(read.name, version)
            case "start":
                self.running |= {*read.services}
            case "stop":
                self.running -= {*read.services}
            case "exec":
                self._set_current(read.service, read.inside)

    def _start(self, container: str, version: str) -> None:
        self.versions[container] = version
        self.running.add(container)

    def _set_current(self, service: str, inside: list[str]) -> None:
        """Set the current version; check that the command is the one of operating.md."""
        (line,) = (
            line
            for block in blocks(page("operating"), "shell")
            for line in block.splitlines()
            if "set-current-version" in line
        )
        self.current = inside[inside.index("--build-id") + 1]
        assert service == "temporal"
        assert inside == shlex.split(line.replace("v2", self.current))
        assert self.current in {self.versions[name] for name in self.running}


@pytest.mark.parametrize(
    ("then", "left"),
    [(ROLL_BACK, ("worker", "v1")), (KEEP, ("worker", "v2"))],
    ids=["rolled back", "kept"],
)
async def test_rollout_ends_with_one_worker_of_the_current_version(
    tmp_path: Path, then: str, left: tuple[str, str]
) -> None:
    """A version becomes current only while a container runs it; at the end, only `worker` runs."""
    containers = Containers()

    for call in await record_calls(f"{ROLL_OUT}\n#{then}", "docker", tmp_path):
        containers.apply(call)

    assert [(name, containers.versions[name]) for name in containers.running] == [left]
    assert containers.current == left[1]


async def test_dashboard_command_starts_prometheus_and_grafana(tmp_path: Path) -> None:
    """It is the command in observability.md."""
    (line,) = (line for line in commands(page("observability")) if line.startswith("docker "))

    (call,) = await record_calls(line, "docker", tmp_path)

    profile = read_docker(call.arguments).profile
    services = {name for name, each in SERVICES.items() if profile in each.get("profiles", [])}
    assert services == {"prometheus", "grafana"}


async def test_base_image_is_pinned_by_its_digest(tmp_path: Path) -> None:
    """The commands of security.md pin the base image of the Dockerfile."""
    (lines,) = blocks(page("security"), "shell")

    inspect, build = await record_calls(lines, "docker", tmp_path, prints="sha256:abc")

    image = read_docker(inspect.arguments).image
    assert f"ARG PYTHON_IMAGE={image}\n" in (ROOT / "Dockerfile").read_text()
    assert read_docker(build.arguments).build_arg == f"PYTHON_IMAGE={image}@sha256:abc"


def fill_in_credentials(lines: str) -> str:
    """Return the lines with a credential instead of each `…`."""
    return lines.replace("k1:…", KEY).replace("…", "a-long-credential-0123456789abcdef")


@pytest.mark.parametrize("program", PROGRAMS)
async def test_each_program_starts_with_its_kubernetes_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    """Its manifest names the secret, and its settings can be loaded from the secret's files."""
    recorded = await record_calls(fill_in_credentials(SECRETS), "kubectl", tmp_path)
    calls = [call.arguments for call in recorded]
    (words,) = (words for words in calls if f"{program}-secrets" in words)
    assert words[:6] == ["-n", "analytics", "create", "secret", "generic", f"{program}-secrets"]
    folder = tmp_path / "secrets"
    folder.mkdir()
    for word in words[6:]:
        option, name, value = word.split("=", 2)
        assert option == "--from-literal"
        (folder / name).write_text(value)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ANALYTICS_SECRETS_DIR", str(folder))
    PROGRAMS[program].load()

    manifest = (KUBERNETES.with_name(f"{program}.yaml")).read_text()
    assert f"secretName: {program}-secrets" in manifest
    assert calls[0] == ["create", "namespace", "analytics"]
    assert calls[-1] == ["apply", "-k", str(KUBERNETES.parent.relative_to(ROOT))]


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
async def test_kubectl_accepts_the_commands_without_a_cluster() -> None:
    """With `--dry-run=client`, they print the namespace, the secrets and the manifests."""
    without_cluster = """
kubectl() {
  case "$*" in
    apply\\ -k\\ *) command kubectl kustomize "$3" ;;
    *) command kubectl "$@" --dry-run=client --output yaml ;;
  esac
  echo ---
}
"""
    versioned = "kubectl apply -k deploy/kubernetes-versioned"
    assert f"`{versioned}`" in KUBERNETES.read_text()
    lines = f"{without_cluster}\n{fill_in_credentials(SECRETS)}\n{versioned}"

    printed = await run_program("bash", "-euc", lines, cwd=ROOT)

    kinds = [manifest["kind"] for manifest in yaml.safe_load_all(printed) if manifest]
    assert kinds.count("Secret") == len(PROGRAMS)
    assert kinds.count("Deployment") == len(PROGRAMS) + len(PROGRAMS) - 1
    assert {"Namespace", "ConfigMap", "ScaledObject", "WorkerDeployment"} <= {*kinds}
