"""``freehold``: the program and its nouns."""

import typer

import freehold
from freehold.cli import audit, doctor, endpoints, org, serve, storage, tasks, token, user

app = typer.Typer(
    name="freehold",
    help="A Hugging Face of one's own: the hub your clients already speak to, on your own ground.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("serve")(serve.serve)
app.command("doctor")(doctor.doctor)
app.command("storage")(storage.storage)
app.command("collect")(storage.collect)
app.command("scrub")(storage.scrub)
app.command("deploy")(endpoints.deploy)
app.command("endpoints")(endpoints.endpoints)
app.command("undeploy")(endpoints.undeploy)
app.add_typer(user.app, name="user")
app.add_typer(org.app, name="org")
app.add_typer(token.app, name="token")
app.add_typer(tasks.app, name="tasks")
app.add_typer(audit.app, name="audit")


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(freehold.__version__)


def main() -> None:
    app()
