"""What the built images are made of."""

import json

import pytest
from applied import Stack, docker

_DESCRIBED = {"title", "description", "vendor", "version", "licenses"}
_KNOW_THEIR_HEALTH = {"kafka", "postgres", "localstack"}
"""What the others do, and so what says that they are well, depends on the command: infra/ says it."""

_LEFT_BY_BUILDING = """
for tool in gcc cc g++ c++ ld make cmake javac mvn git pip pip3 uv debootstrap; do command -v $tool; done
find / -xdev -type d \\( -path '*/site-packages/pip' -o -path '*/.cache/*' -o -path '*/.ivy2' \\)
find /var/lib/apt/lists /var/cache/apt -type f -size +0
find / -xdev -name 'ivy*.jar' -not -path '*/pyspark/*'
true
"""


@pytest.fixture(scope="module")
def images(stack: Stack) -> dict[str, str]:
    """Return the tags of the images that were built, by name."""
    return dict(json.loads((stack.infra / "built.auto.tfvars.json").read_text())["built_images"])


def test_each_is_described_and_runs_as_somebody(images: dict[str, str]) -> None:
    for name, tag in images.items():
        [image] = json.loads(docker("image", "inspect", tag))
        configured = image["Config"]
        labels = {label.removeprefix("org.opencontainers.image.") for label in configured["Labels"]}
        assert labels >= _DESCRIBED, name
        assert configured["Labels"]["org.opencontainers.image.version"] == tag.split(":")[1], name
        assert configured["User"] not in ("", "0", "root"), name
        assert ("Healthcheck" in configured) is (name in _KNOW_THEIR_HEALTH), name


def test_nothing_that_built_them_is_left(images: dict[str, str]) -> None:
    for name, tag in images.items():
        left = docker(
            "run", "--rm", "--network", "none", "--user", "0", "--entrypoint", "bash", tag,
            "-c", _LEFT_BY_BUILDING,
        )  # fmt: skip
        assert left == "", name
