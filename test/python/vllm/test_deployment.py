"""Examples of the documentation: vLLM's own parser knows every option that they give it."""

import argparse
import configparser
import re
import shlex
from pathlib import Path

import pytest
import yaml
from turbosparse.vllm.load_format import register_load_format
from vllm.entrypoints.cli.serve import ServeSubcommand
from vllm.utils.argparse_utils import FlexibleArgumentParser

DOCS = Path(__file__).parents[3] / "docs"
DEPLOY = DOCS / "deploy"
COMPOSE = yaml.safe_load((DEPLOY / "docker-compose.yaml").read_text())
VERSION = r"0\.26\.0"
# A command of several lines, up to a pipe, a redirection or a comment.
COMMAND = re.compile(r"^(?:\w+=\S+ )*vllm (serve (?:[^\n]*\\\n)*[^\n]*)", re.MULTILINE)


def unit():
    parsed = configparser.ConfigParser(strict=False, interpolation=None, comment_prefixes="#")
    parsed.optionxform = str
    parsed.read_string((DEPLOY / "turbosparse.service").read_text().replace("\\\n", " "))
    return parsed


def documented_commands():
    for path in [*sorted(DOCS.glob("*.md")), DOCS.parent / "README.md"]:
        for block in re.findall(r"```bash\n(.*?)```", path.read_text(), re.DOTALL):
            for command in COMMAND.findall(block):
                words = shlex.split(command.replace("\\\n", " "), comments=True)
                ends = [index for index, word in enumerate(words) if word == "|" or ">" in word] + [len(words)]
                yield pytest.param(words[: ends[0]], id=f"{path.name} {command[:60]}")


@pytest.fixture(scope="module")
def parse():
    parser = FlexibleArgumentParser()
    register_load_format()
    ServeSubcommand().subparser_init(parser.add_subparsers(parser_class=FlexibleArgumentParser))
    return parser.parse_args


def options(parse, words):
    try:
        return parse(words)
    except (SystemExit, argparse.ArgumentError) as error:
        pytest.fail(f"vllm {shlex.join(words)} is refused: {error}")


def test_compose_file_serves_on_the_port_that_it_publishes(parse):
    service = COMPOSE["services"]["vllm"]
    assert service["entrypoint"] == ["vllm", "serve"]
    given = options(parse, ["serve", *service["command"]])
    assert given.host == "0.0.0.0"
    (port,) = service["ports"]
    assert port.endswith(f":{given.port}")
    assert f":{given.port}/health" in service["healthcheck"]["test"][-1]
    mounts = [mount.split(":")[:2] for mount in service["volumes"]]
    assert any(given.model_tag.startswith(f"{target}/") for _, target in mounts)
    named = [source for source, _ in mounts if not source.startswith(".")]
    assert named == list(COMPOSE["volumes"])


def test_compose_file_builds_on_a_version_that_the_wheel_supports():
    build = COMPOSE["services"]["vllm"]["build"]["dockerfile_inline"]
    assert re.search(rf"^FROM vllm/vllm-openai:v{VERSION}$", build, re.MULTILINE)


def test_systemd_unit_serves_and_takes_all_processes_with_it(parse):
    service = unit()["Service"]
    program, *words = shlex.split(service["ExecStart"])
    assert Path(program).name == "vllm"
    assert options(parse, words).host == "127.0.0.1"
    assert service["KillMode"] == "control-group"
    assert {"Unit", "Service", "Install"} == set(unit().sections())


def test_both_examples_serve_the_same_model_in_the_same_way(parse):
    _, *words = shlex.split(unit()["Service"]["ExecStart"])
    both = [options(parse, found) for found in (words, ["serve", *COMPOSE["services"]["vllm"]["command"]])]
    for name in ("served_model_name", "port", "max_num_seqs", "max_model_len"):
        assert getattr(both[0], name) == getattr(both[1], name)


@pytest.mark.parametrize("words", list(documented_commands()))
def test_documented_command_is_one_of_this_version(parse, words):
    options(parse, words)


def test_unknown_options_are_noticed(parse):
    with pytest.raises(SystemExit):
        parse(["serve", "model", "--no-such-option"])
