"""`draw`, `tutorial` and `ops`: commands that show the chain rule."""

from pathlib import Path

import click

import micrograd
from micrograd.commands.click_options import example
from micrograd.commands.program import saying_what_was_written
from micrograd.ops import TABLE


class _Formula(click.Command):
    """A command whose argument may begin with a minus."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        options = ("--", *[name for option in self.get_params(ctx) for name in option.opts])
        given = [
            f" {arg}" if arg.startswith("-") and not arg.startswith(options) else arg
            for arg in args
        ]  # fmt: skip
        return super().parse_args(ctx, given)


@click.command(
    cls=_Formula,
    short_help="Print an expression as a graph, with its gradients; or draw it.",
    epilog=example(
        'micrograd draw "tanh(w*x + b)" --at w=2,x=0.5,b=1',
        'micrograd draw "x**2 + sin(x)" --at x=3 -o graph.html',
    ),
)
@click.argument("expression")
@click.option("--at", multiple=True, metavar="NUMBERS", help="The number of each name: w=2,x=0.5")
@click.option(
    "-o", "--output", help="A picture: HTML, SVG, DOT, PNG or PDF.  [default: text on stdout]"
)
def draw(expression: str, at: tuple[str, ...], output: str | None) -> None:
    """Print the graph of EXPRESSION: each value, its gradient and the local derivatives.

    An expression has names, numbers, operators, and operations of the table (`micrograd ops`).
    """
    from micrograd.files.whole_file import check_writable
    from micrograd.parser import numbers_by_name, parse
    from micrograd.pictures.picture import check_format

    value = parse(expression, numbers_by_name(",".join(at)))
    value.backward()
    picture = micrograd.draw(value)
    if output is None:
        click.echo(picture)
        return
    check_format(output)
    check_writable(output)
    with saying_what_was_written(output):
        picture.save(output)


@click.command(short_help="Open the tutorial in a browser.", epilog=example("micrograd tutorial"))
@click.option("-o", "--output", help="Write the page to this file, and open nothing.")
def tutorial(output: str | None) -> None:
    """Open the tutorial in a browser: from a product of two numbers to compiled networks.

    The page is built here, by running its programs, and needs no network.
    """
    import webbrowser
    from tempfile import mkdtemp

    from micrograd.files.whole_file import check_writable, write_whole
    from micrograd.tutorial.site import site

    path = Path(output) if output else Path(mkdtemp(prefix="micrograd-")) / "tutorial.html"
    check_writable(path)
    with saying_what_was_written(path):
        write_whole(path, site().encode())
    click.echo(path)
    if output is None:
        webbrowser.open(path.as_uri())


@click.command(
    short_help="Print the table of operations.", epilog=example("micrograd ops | grep exp")
)
def ops() -> None:
    """Print the table of operations: name, number of operands, meaning, derivative.

    The derivative is the contribution to each operand's gradient; z is the result, and g is its
    gradient.
    """
    from micrograd.formula import derivative_line

    width, meaning = max(map(len, TABLE)), max(len(row.doc) for row in TABLE.values())
    for row in TABLE.values():
        arity = "any" if row.arity is None else str(row.arity)
        line = f"{row.name:<{width}}  {arity:>3}  {row.doc:<{meaning}}  {derivative_line(row)}"
        click.echo(line.rstrip())
