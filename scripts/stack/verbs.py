"""What an operator can ask of the stack."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import engine
import preflight
from errors import StackError
from layout import print_table
from terraform import Planned, Terraform

REPOSITORY = Path(__file__).resolve().parents[2]
BUCKET = "module.object_store."
BUILT = "built.auto.tfvars.json"
PROFILE = "profile.auto.tfvars"
IMAGES = ("kafka", "postgres", "localstack", "spark", "airflow", "txwatch")
NOT_BUILT_YET = {"built_images": dict.fromkeys(IMAGES, "not-built-yet")}
_LOCAL = shutil.ignore_patterns(".terraform*", "terraform.tfstate*", "*.auto.tfvars*")
"""What `infra/` holds beside the configuration."""
_CONFINED = (
    *("--init", "--read-only", "--tmpfs", "/tmp", "--memory", "768m"),  # noqa: S108 - the container's own
    *("--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
)
"""What holds for the services holds for the operator's own container."""
_SMOKE_SECONDS = 180


def up(terraform: Terraform, profile: str | None) -> None:
    """Check what is needed, build what is missing, apply, and say where everything is."""
    preflight.check_tools()
    with _profile(terraform.folder, profile):
        terraform.init()
        planned = terraform.planned(NOT_BUILT_YET)
        present = engine.containers(_name(terraform))
        preflight.check_room(planned, present)
        _provide_images(terraform, planned)
    _forget_lost(terraform, present)
    if failed := [container.name for container in present if container.has_failed]:
        print(f"runs again: {', '.join(failed)}")
        engine.remove(failed)
    terraform.apply()
    endpoints(terraform)


def plan(terraform: Terraform, profile: str | None) -> None:
    """Show what `up` would change."""
    preflight.check_tools()
    with _profile(terraform.folder, profile, stays=False):
        terraform.init()
        _provide_images(terraform, terraform.planned(NOT_BUILT_YET))
        with terraform.on_a_copy_of_the_state() as copy:
            _forget_lost(copy, engine.containers(_name(terraform)))
            copy.plan()


def _forget_lost(terraform: Terraform, present: list[engine.Container]) -> None:
    """Take out of the state what Terraform cannot plan with: failed tasks, a lost store's bucket."""
    name = _name(terraform)
    for container in present:
        if container.has_failed:
            module = container.name.removeprefix(f"{name}-").replace("-", "_")
            terraform.forget(terraform.holds(f"module.{module}"))
    if not any(container.name.endswith("-localstack") and container.is_running for container in present):
        # A store that does not answer cannot be asked what it holds; a new one holds nothing.
        terraform.forget(terraform.holds(BUCKET))


def down(terraform: Terraform, *, keep_data: bool) -> None:
    """Remove the stack: all of it, or all but its data and the passwords that open them."""
    preflight.check_tools()
    if not terraform.has_state():
        _refuse_stacks_of_others()
        print("nothing is up")
        return
    terraform.init()
    # It goes with LocalStack's container, whether that still answers or not.
    terraform.forget(terraform.holds(BUCKET))
    terraform.destroy(NOT_BUILT_YET, keep_data=keep_data)  # whatever is known of images
    if not keep_data:
        (terraform.folder / PROFILE).unlink(missing_ok=True)


def _refuse_stacks_of_others() -> None:
    """Leave to the operator what this folder knows nothing of: somebody may be using it."""
    if stacks := engine.stacks():
        raise StackError(
            f"nothing was applied from this folder, but containers of {', '.join(stacks)} are here: "
            "'make down' where they were applied from removes them; without that folder, 'docker rm', "
            "'docker network rm' and 'docker volume rm' remove what 'ls --filter "
            f"label={engine.LABEL}' shows of each"
        )


def images(terraform: Terraform) -> None:
    """Build what `up` would build, and apply nothing."""
    preflight.check_tools()
    terraform.init()
    _provide_images(terraform, terraform.planned(NOT_BUILT_YET))


def _provide_images(terraform: Terraform, planned: Planned) -> None:
    """Build the images whose content changed; note their tags, and which official ones are not to be had."""
    own, official = planned.wanted_images["built"], planned.wanted_images["official"]
    build = [REPOSITORY / "scripts" / "build-images.sh", terraform.state_dir, *own]
    run = subprocess.run(build, text=True, stdout=subprocess.PIPE, check=False)
    if run.returncode:
        raise StackError("the images could not be built; the reason is above")
    built = dict(line.split("\t") for line in run.stdout.splitlines())
    refusals = terraform.state_dir / "refused"
    unavailable = [name for name, image in official.items() if not engine.is_to_be_had(image, refusals)]
    note = {"built_images": built, "unavailable_images": unavailable}
    (terraform.folder / BUILT).write_text(json.dumps(note, indent=2) + "\n")


def endpoints(terraform: Terraform) -> None:
    """Print every address, who may enter, and where the password is."""
    outputs = terraform.outputs()
    rows = [
        (name, at["address"], at["user"], f"make secrets: {at['secret']}" if at["secret"] else "")
        for name, at in outputs.get("endpoints", {}).items()
    ]
    print_table(("service", "address", "user", "password"), rows)
    for name, image in outputs.get("left_out", {}).items():
        print(
            f"left out: {name}, because {image} cannot be pulled here: 'docker pull {image}' brings it, and "
            "'make up' tries again an hour after it was refused"
        )


def status(terraform: Terraform) -> None:
    """Print how each container is, and how the stream is doing."""
    found = engine.containers(_name(terraform))
    if not found:
        print("nothing is up: 'make up' starts it")
        return
    running = [container.name for container in found if container.is_running]
    used = engine.memory_used(running) if running else {}
    rows = [
        (each.name, each.state, used.get(each.name, ""), f"{each.memory_limit >> 20} MiB") for each in found
    ]
    print_table(("container", "state", "memory", "limit"), rows)
    operate(terraform, "status", "--no-processes")


def logs(terraform: Terraform, service: str | None) -> None:
    """Print what a service wrote; on a terminal, also what it goes on to write."""
    follow = ["--follow"] if sys.stdout.isatty() else []
    _become("docker", "logs", "--tail", "200", *follow, _container(terraform, service))


def shell(terraform: Terraform, service: str | None) -> None:
    """Open a shell in a service's container."""
    terminal = ["--tty"] if sys.stdin.isatty() else []
    best = 'exec "$(command -v bash || command -v sh)"'  # not every official image has bash
    container = _container(terraform, service)
    _become("docker", "exec", "--interactive", *terminal, container, "sh", "-c", best)


def secrets(terraform: Terraform) -> None:
    """Print every password: an operator asked."""
    print_table(("secret", "value"), sorted(terraform.outputs().get("secrets", {}).items()))


def smoke(terraform: Terraform) -> None:
    """Show that all is well: each container is, facts arrive, and the books balance."""
    ill = [f"{each.name} is {each.state}" for each in engine.containers(_name(terraform)) if not each.is_well]
    if ill:
        raise StackError(f"{'; '.join(ill)}: see 'make logs S=...'")
    if not terraform.outputs()["is_generating"]:
        print("no generator runs: nothing new has to arrive")
    else:
        started = time.monotonic()
        before = _facts(terraform)
        while (arrived := _facts(terraform) - before) == 0:
            if time.monotonic() - started > _SMOKE_SECONDS:
                raise StackError(f"no fact arrived within {_SMOKE_SECONDS} s: see 'make logs S=stream'")
        print(f"{arrived:,} facts arrived within {time.monotonic() - started:.0f} s")
    if operate(terraform, "verify", "--live"):
        raise StackError("the books do not balance: the lines above say where")


def test_plans(terraform: Terraform) -> None:
    """Check the configuration's style, and run Terraform's own tests of both roots, with mocked providers."""
    terraform.check_style()
    with tempfile.TemporaryDirectory() as folder:  # without what was chosen or applied here
        copy = Path(shutil.copytree(terraform.folder, Path(folder, "infra"), ignore=_LOCAL))
        for root in (copy, copy / "cloud"):
            terraform.at(root).init()
            terraform.at(root).test()


def operate(terraform: Terraform, *command: str) -> int:
    """Run a txwatch command in a container of its own inside the stack's network; return its exit code."""
    sys.stdout.flush()
    return subprocess.run(**_operator(terraform, command), check=False).returncode


def _operator(terraform: Terraform, command: tuple[str, ...]) -> dict[str, Any]:
    outputs = terraform.outputs()
    if "operator" not in outputs:
        raise StackError("nothing is up: 'make up' starts it")
    operator = outputs["operator"]
    environment = {name: str(value) for name, value in operator["environment"].items()}
    environment["TXWATCH_LOG_LEVEL"] = "warning"
    # By name only: passwords do not belong on a command line, which everybody may read.
    names = [word for name in environment for word in ("--env", name)]
    terminal = ["--tty"] if sys.stdout.isatty() else []
    return {
        "args": [
            "docker",
            "run",
            "--rm",
            *_CONFINED,
            *terminal,
            "--network",
            outputs["network"],
            *names,
            operator["image"],
            *command,
        ],
        "env": os.environ | environment,
    }


def _facts(terraform: Terraform) -> int:
    run = subprocess.run(
        **_operator(terraform, ("status", "--json", "--no-processes")),
        text=True,
        capture_output=True,
        check=False,
    )
    if run.returncode:
        raise StackError(f"the stream cannot be asked how it stands: {run.stderr.strip()}")
    return int(json.loads(run.stdout)["stream"]["facts"])


def _name(terraform: Terraform) -> str:
    return str(terraform.outputs().get("network", ""))


def _container(terraform: Terraform, service: str | None) -> str:
    name = _name(terraform)
    services = {each.name.removeprefix(f"{name}-"): each.name for each in engine.containers(name)}
    if service in services:
        return services[service]
    first = f"{service}-1"  # one of several brokers
    if first in services:
        return services[first]
    raise StackError(f"name a service, for example S=stream: {', '.join(services) or 'nothing is up'}")


@contextmanager
def _profile(folder: Path, profile: str | None, *, stays: bool = True) -> Iterator[None]:
    """Take the profile asked for, else stay with the one of last time; the first one is `small`.

    It becomes the one of next time where it stays and nothing in this block was refused.
    """
    chosen = folder / PROFILE
    before = chosen.read_bytes() if chosen.is_file() else None
    if profile is not None or before is None:
        source = folder / "profiles" / f"{profile or 'small'}.tfvars"
        if not source.is_file():
            known = ", ".join(sorted(path.stem for path in source.parent.glob("*.tfvars")))
            raise StackError(f"there is no profile {profile}: PROFILE is one of {known}")
        shutil.copyfile(source, chosen)
    is_taken = False
    try:
        yield
        is_taken = stays
    finally:
        if not is_taken and before is None:
            chosen.unlink()
        elif not is_taken:
            chosen.write_bytes(before)


def _become(*command: str) -> None:
    sys.stdout.flush()
    os.execvp(command[0], command)  # noqa: S606 - a shell would read the words anew
