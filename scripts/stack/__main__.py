"""What is behind `make up`, `make status` and the like; it needs nothing but Python's own library."""

import argparse
import sys
from pathlib import Path

import verbs
from errors import StackError
from terraform import Terraform


def main() -> int:
    """Run one verb; an error that an operator can mend is one sentence."""
    options = _options()
    terraform = Terraform(options.infra.resolve(), options.state_dir.resolve(), options.arguments)
    try:
        _run(terraform, options)
    except StackError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _run(terraform: Terraform, options: argparse.Namespace) -> None:
    match options.verb:
        case "up":
            verbs.up(terraform, options.profile)
        case "plan":
            verbs.plan(terraform, options.profile)
        case "down":
            verbs.down(terraform, keep_data=options.keep_data)
        case "logs":
            verbs.logs(terraform, options.service)
        case "shell":
            verbs.shell(terraform, options.service)
        case "test-plans":
            verbs.test_plans(terraform)
        case "run":
            sys.exit(verbs.operate(terraform, *options.arguments))
        case verb:
            getattr(verbs, verb)(terraform)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="stack", description=__doc__)
    parser.add_argument("--infra", type=Path, default=verbs.REPOSITORY / "infra", help="Terraform root")
    parser.add_argument(
        "--state-dir", type=Path, default=verbs.REPOSITORY / ".txwatch", help="build logs, providers' mirror"
    )
    names = (
        "up",
        "plan",
        "down",
        "images",
        "endpoints",
        "status",
        "logs",
        "shell",
        "smoke",
        "secrets",
        "run",
        "test-plans",
    )
    parser.add_argument("verb", choices=names)
    parser.add_argument("--profile", help="small or cluster; default: as last time")
    parser.add_argument("--keep-data", action="store_true", help="keep the volumes; the next `up` goes on")
    parser.add_argument("--service", help="a container's name without the stack's")
    parser.epilog = "after --: options for Terraform, or the command to run"
    # argparse would look for what follows -- right behind the verb only.
    words, arguments = sys.argv[1:], []
    if "--" in words:
        at = words.index("--")
        words, arguments = words[:at], words[at + 1 :]
    return parser.parse_args(words, argparse.Namespace(arguments=arguments))


if __name__ == "__main__":
    sys.exit(main())
