"""Reads the arguments of `docker` as far as the pages use them; an unknown option is an error."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from tests.support.json_objects import Json

ROOT = Path(__file__).parents[2]
COMPOSE: Json = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: Json = COMPOSE["services"]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="docker", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("stop").add_argument("containers", nargs="+")
    build = commands.add_parser("build")
    for option in ("--target", "--tag", "--build-arg"):
        build.add_argument(option)
    build.add_argument("folder")
    inspect = commands.add_parser("buildx").add_subparsers(required=True).add_parser("imagetools")
    inspect = inspect.add_subparsers(required=True).add_parser("inspect")
    inspect.add_argument("image")
    inspect.add_argument("--format")

    compose = commands.add_parser("compose")
    compose.add_argument("--profile", choices=_profiles())
    verbs = compose.add_subparsers(dest="verb", required=True)
    up, run, kill = (verbs.add_parser(verb) for verb in ("up", "run", "kill"))
    for verb in (up, run):
        verb.add_argument("-d", "--detach", action="store_true")
        verb.add_argument("--no-deps", action="store_true")
    run.add_argument("--name")
    run.add_argument("-e", dest="variable")
    kill.add_argument("-s", dest="signal")
    for verb in (up, kill, *(verbs.add_parser(verb) for verb in ("build", "start", "stop"))):
        verb.add_argument("services", nargs="*", type=_service)
    for verb in (run, verbs.add_parser("exec")):
        verb.add_argument("service", type=_service)
        verb.add_argument("inside", nargs=argparse.REMAINDER)
    return parser


def _profiles() -> set[str]:
    return {profile for service in SERVICES.values() for profile in service.get("profiles", [])}


def _service(name: str) -> str:
    if name not in SERVICES:
        raise argparse.ArgumentTypeError(f"no service {name}")
    return name


def read_docker(words: Sequence[str]) -> Any:
    """The arguments of a call of `docker`.

    Raises:
        SystemExit: An option is unknown, or a service or a profile is not in docker-compose.yml.
    """
    return _parser().parse_args(words)
