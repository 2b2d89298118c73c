"""The command line: the group of all commands."""

import click

import micrograd
from micrograd.commands.demos import demo
from micrograd.commands.judging import evaluate, explain
from micrograd.commands.learn import draw, ops, tutorial
from micrograd.commands.models import predict, train
from micrograd.commands.program import Program
from micrograd.commands.table_fits import fit

_HELP = {"help_option_names": ["-h", "--help"]}


@click.group(cls=Program, invoke_without_command=True, context_settings=_HELP)
@click.version_option(micrograd.__version__, prog_name="micrograd")
@click.pass_context
def main(context: click.Context) -> None:
    """Write it in scalars, differentiate it by the chain rule, run it at the machine's speed."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


for command in (train, predict, evaluate, explain, fit, demo, draw, tutorial, ops):
    main.add_command(command)
