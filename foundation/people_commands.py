"""`flask people add`: one person from the command line, the first administrator of a new installation among them."""

from __future__ import annotations

import secrets
import sys

import click
from flask.cli import AppGroup

from foundation import accounts, directory
from foundation.db import db, transaction
from foundation.people import Account
from foundation.permissions import EVERYWHERE, Role

people_group = AppGroup("people", help="People: import a roster, add one person.")


def _asked_password(login: str) -> str:
    """A password typed twice at the terminal; '' where the person left it empty."""
    while True:
        password: str = click.prompt("Password (leave empty for a first code)", hide_input=True, confirmation_prompt="Once more", default="",
                                     show_default=False)
        if not password:
            return ""
        try:
            accounts.check_password_rules(password, login)
            return password
        except accounts.PasswordRefused as refused:
            click.echo(_WHY[refused.reason], err=True)


_WHY = {"short": f"Use {accounts.MIN_PASSWORD} characters or more.", "common": "This password is among the first that are guessed.",
        "like_login": "The password contains the login.", "same": "This is the present password."}


@people_group.command("add")
@click.option("--login", required=True, help="What the person signs in with.")
@click.option("--name", required=True)
@click.option("--role", "roles", required=True, multiple=True, type=click.Choice([role.value for role in Role]), help="May be given several times.")
@click.option("--employee-no", default="", help="Default: the login.")
@click.option("--org-unit", default="")
@click.option("--scope", default=EVERYWHERE, help="Where the role holds: * (everywhere) or e.g. cohort:17.")
@click.option("--first-code", is_flag=True, help="Print a single-use code instead of a password.")
def add(login: str, name: str, roles: tuple[str, ...], employee_no: str, org_unit: str, scope: str, first_code: bool) -> None:
    """One person with a login. At a terminal the password is asked; otherwise one is made, printed once, and has to be
    changed at the first sign-in."""
    folded = accounts.fold_login(login)
    if not folded or not name.strip() or any(character.isspace() for character in folded) or len(folded) > 100 or len(name) > 80:
        raise click.ClickException("login (no blanks, at most 100 characters) and name (at most 80) are needed")
    password = _asked_password(folded) if sys.stdin.isatty() and not first_code else ""
    made = "" if password or first_code or sys.stdin.isatty() else secrets.token_urlsafe(12)
    particulars = directory.Particulars(employee_no=employee_no.strip() or login.strip(), name=name.strip(), org_unit=org_unit.strip(), login=folded)
    code = ""
    try:
        with transaction():
            _person_id, account_id = directory.add_person(particulars, [(Role(role), scope) for role in dict.fromkeys(roles)], None)
            if password or made:
                account = db.session.get_one(Account, account_id)
                account.password_hash, account.must_change = accounts.hash_password(password or made), bool(made)
            else:
                code = accounts.make_first_code(account_id, None)
    except directory.LoginTaken:
        raise click.ClickException(f"the login {folded} exists already; nothing was added") from None
    except directory.NumberTaken:
        raise click.ClickException(f"employee number {particulars.employee_no} exists already; nothing was added") from None
    except directory.GrantRefused:
        raise click.ClickException(f"the scope {scope} does not go with these roles; nothing was added") from None
    click.echo(f"added {name.strip()}, login {folded}, {', '.join(roles)}")
    if made:
        click.echo(f"password: {made}\nShown once; it has to be changed at the first sign-in.")
    elif code:
        click.echo(f"first code: {code}\nShown once; good for {accounts.CODE_DAYS} days, at /first-code.")
