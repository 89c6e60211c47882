"""Signing in with Entra by HTTP: the whole way, every way that must fail, and what is kept of it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import sqlalchemy as sa

from tertulia.domain.people import Actor
from tertulia.entra_settings import EntraSettings
from tertulia.services import doctor, erasing, identities, page_links
from tertulia.services.entra import accounts, checks
from tertulia.storage import people
from tertulia.storage.tables import audit, identity, session_origin, spent_sign_in, web_session
from tertulia.testing.entra import EntraAccount, StandInEntra
from tertulia.web import access

OpenSite = Callable[..., AbstractAsyncContextManager[Any]]
TENANT, OTHER = "11111111-2222-3333-4444-555555555555", "99999999-2222-3333-4444-555555555555"
CLIENT, SECRET = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "a-secret-of-the-application"
PUBLIC = "http://127.0.0.1:8080"
BACK = "/sign-in/entra/return"
OWNER, MEMBER, NOBODY = (f"0a0a0a0a-0000-4000-8000-00000000000{number}" for number in (1, 2, 3))
CHAT = "chat"
ACCOUNTS = [
    EntraAccount(user=OWNER, name="The owner", email="somebody@else.example"),
    EntraAccount(user=MEMBER, name="A member", email="m@acme.example"),
    # the e-mail address of a person of ours, in a directory where anybody may type one
    EntraAccount(user=NOBODY, name="A stranger", email="owner@acme.example"),
]


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for a busy machine longer than people would."""
    for name in ("openid.keys.TIMEOUT", "openid.bridge.SECONDS", "services.entra.provider.PATIENCE"):
        monkeypatch.setattr(f"tertulia.{name}", 120.0)


@dataclass
class Bench:
    site: Any
    entra: StandInEntra

    async def set_out(self, visitor: Any, path: str = "/sign-in/entra", **headers: str) -> str:
        """Go where the page leads, and return the address at Entra."""
        answer = await visitor.get(path, **{"Sec-Fetch-Site": "same-origin", **headers})
        assert answer.status == 303, await answer.text()
        there: str = answer.headers["Location"]
        assert there.startswith(self.entra.url)
        return there

    async def choose(self, there: str, user: str) -> str:
        """Choose an account there, and return the path at which the browser comes back."""
        async with self.site.client.post(there, data={"account": user}, allow_redirects=False) as answer:
            assert answer.status == 302, await answer.text()
            back: str = answer.headers["Location"]
        assert back.startswith(PUBLIC + BACK)
        return back.removeprefix(PUBLIC)

    async def come_back(self, visitor: Any, path: str) -> Any:
        return await visitor.get(path, **{"Sec-Fetch-Site": "cross-site"})

    async def sign_in(self, visitor: Any, user: str) -> Any:
        return await self.come_back(visitor, await self.choose(await self.set_out(visitor), user))

    async def entries(self) -> list[Any]:
        async with self.site.runtime.database.read() as tx:
            query = sa.select(audit).where(audit.c.verb.like("sign_in.%")).order_by(audit.c.sequence)
            return list((await tx.execute(query)).all())

    async def count(self, table: sa.Table) -> int:
        async with self.site.runtime.database.read() as tx:
            return int((await tx.execute(sa.select(sa.func.count()).select_from(table))).scalar_one())


@asynccontextmanager
async def bench(
    open_site: OpenSite, folder: Path, tenants: Mapping[str, str] | None = None, **changed: Any
) -> AsyncIterator[Bench]:
    chosen = {TENANT: "CanaryAcme"} if tenants is None else tenants

    async def listed(tenant: str) -> list[EntraAccount]:
        return ACCOUNTS

    entra = StandInEntra(
        listed, tenants=tuple(chosen), client_id=CLIENT, client_secret=SECRET, redirect=PUBLIC + BACK
    )
    secret = folder / "entra-secret"
    secret.write_text(SECRET)
    secret.chmod(0o600)
    url = await entra.start()
    try:
        settings = EntraSettings(client_id=CLIENT, secret_file=secret, tenants=chosen, authority=url)
        async with open_site(entra=settings, **changed) as site:
            await _known(site, "Acme", "owner", OWNER)
            await _known(site, "Acme", "member", MEMBER)
            yield Bench(site, entra)
    finally:
        await entra.stop()


async def _known(site: Any, tenant: str, who: str, user: str) -> None:
    """Let a platform's directory have told whose account it is."""
    home = site.tenants[tenant]
    async with site.runtime.database.write() as tx:
        found = await identities.resolve(
            site.runtime, tx, home.organization, Actor(platform=CHAT, realm=TENANT, user=user)
        )
        await identities.link(
            site.runtime, tx, home.organization, found.id, home.persons[who], "directory_id", actor="directory"
        )


async def test_the_whole_way_and_what_is_kept_of_it(open_site: OpenSite, tmp_path: Path) -> None:
    async with bench(open_site, tmp_path) as at:
        acme, visitor = at.site.tenants["Acme"], at.site.visitor()
        page = await (await visitor.get("/sign-in")).text()
        assert 'href="/sign-in/entra"' in page
        there = await at.set_out(visitor)
        assert set(visitor.cookies) == {"tertulia-entra"}
        answer = await at.come_back(visitor, await at.choose(there, OWNER))
        assert (answer.status, answer.headers["Location"]) == (303, "/workspaces")
        # nothing of the sign-in is left in the browser but our session
        assert set(visitor.cookies) == {"tertulia"}
        assert "code=" not in answer.headers["Location"]
        assert (await visitor.get(f"/workspaces/{acme.workspace}")).status == 200
        assert (await visitor.get("/my")).status == 200
        (entry,) = await at.entries()
        assert (entry.verb, entry.actor, entry.organization_id) == (
            "sign_in.entra",
            acme.persons["owner"],
            acme.organization,
        )
        assert entry.detail == {"provider": "entra"}
        async with at.site.runtime.database.read() as tx:
            row = (await tx.execute(sa.select(identity).filter_by(platform="entra"))).one()
            origin = (await tx.execute(sa.select(session_origin))).one()
        assert (row.realm, row.user, row.person_id, row.verified) == (
            TENANT,
            OWNER,
            acme.persons["owner"],
            "directory_id",
        )
        assert (row.address, row.reachable) == (None, False)
        assert (origin.way, origin.ends_at) == ("entra", at.site.wall.now() + timedelta(hours=24))
        # who runs nothing lands on their own page, or where they wanted to go; never at an address of somebody's
        for asked, landed in (("", "/my"), ("?to=care", "/my/candle"), ("?to=https://evil.example", "/my")):
            visitor = at.site.visitor()
            path = await at.choose(await at.set_out(visitor, f"/sign-in/entra{asked}"), MEMBER)
            assert (await at.come_back(visitor, path)).headers["Location"] == landed


async def test_a_new_session_takes_the_place_of_the_one_before(open_site: OpenSite, tmp_path: Path) -> None:
    async with bench(open_site, tmp_path) as at:
        visitor = at.site.visitor()
        visitor.cookies["tertulia"] = planted = "f" * 64
        await at.sign_in(visitor, MEMBER)
        first = visitor.cookies["tertulia"]
        assert first != planted
        await at.sign_in(visitor, OWNER)
        assert visitor.cookies["tertulia"] != first
        assert await at.count(web_session) == await at.count(session_origin) == 1
        late = at.site.visitor()
        late.cookies["tertulia"] = first
        assert (await late.get("/my")).status == 303
        # with a directory behind it, a session ends within a day however much it is used
        for _ in range(4):
            at.site.wall.advance(timedelta(hours=5, minutes=59))
            assert (await visitor.get("/workspaces")).status in (200, 303)
            home = f"/workspaces/{at.site.tenants['Acme'].workspace}"
            assert (await visitor.get(home)).status == 200
        at.site.wall.advance(timedelta(minutes=5))
        assert (await visitor.get(home)).headers["Location"] == "/sign-in"


async def test_a_stranger_is_told_so_and_leaves_no_trace(open_site: OpenSite, tmp_path: Path) -> None:
    async with bench(open_site, tmp_path) as at:
        known, visitor = await at.count(identity), at.site.visitor()
        answer = await at.sign_in(visitor, NOBODY)
        text = await answer.text()
        assert answer.status == 403
        assert "Nobody here goes with that account yet" in text
        assert "owner@acme.example" not in text
        assert visitor.cookies == {}
        assert await at.count(identity) == known
        assert await at.count(web_session) == 0
        (entry,) = await at.entries()
        assert (entry.verb, entry.detail) == ("sign_in.refused", {"provider": "entra", "reason": "unknown"})
        assert NOBODY not in str(entry)


def _changed(path: str, **given: str | None) -> str:
    parts = urlsplit(path)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()} | given
    return f"{parts.path}?{urlencode({name: value for name, value in query.items() if value is not None})}"


CASES: dict[str, tuple[Callable[[str], str], str, int]] = {
    "another state": (lambda path: _changed(path, state="another"), "another_browser", 400),
    "no state": (lambda path: _changed(path, state=None), "another_browser", 400),
    "two states": (lambda path: f"{path}&state=another", "another_browser", 400),
    "a state that is no ASCII": (lambda path: _changed(path, state="\u00e9"), "another_browser", 400),
    "no code": (lambda path: _changed(path, code=None), "invalid", 400),
    "two codes": (lambda path: f"{path}&code=another", "invalid", 400),
    "an enormous code": (lambda path: _changed(path, code="x" * 5000), "invalid", 400),
    "a code with control characters": (lambda path: _changed(path, code="a\0b"), "invalid", 400),
    "a made-up code": (lambda path: _changed(path, code="made-up"), "refused_there", 400),
    "cancelled": (lambda path: _changed(path, code=None, error="access_denied"), "cancelled", 400),
    "not agreed to": (lambda path: _changed(path, code=None, error="consent_required"), "not_agreed", 400),
    "some other error": (lambda path: _changed(path, code=None, error="<b>x"), "refused_there", 400),
    "an error beside a code": (lambda path: _changed(path, error="server_error"), "refused_there", 400),
}  # fmt: skip


async def test_whoever_comes_back_wrongly_is_not_signed_in(open_site: OpenSite, tmp_path: Path) -> None:
    async with bench(open_site, tmp_path) as at:
        found = {}
        for name, (change, _, _) in CASES.items():
            visitor = at.site.visitor()
            path = change(await at.choose(await at.set_out(visitor), OWNER))
            answer = await at.come_back(visitor, path)
            found[name] = (await _reason(answer), answer.status)
            assert visitor.cookies == {}, name
        assert found == {name: (reason, status) for name, (_, reason, status) in CASES.items()}
        assert await at.count(web_session) == 0
        # what did not begin here is no refusal, and could be had by anybody
        began = [reason for reason, _ in found.values() if reason != "another_browser"]
        assert [entry.detail["reason"] for entry in await at.entries()] == began


async def _reason(answer: Any) -> str:
    found = re.search(r"name this reason: (\w+)", await answer.text())
    return found.group(1) if found else ""


async def test_a_way_back_is_good_in_one_browser_once_and_soon(open_site: OpenSite, tmp_path: Path) -> None:
    async with bench(open_site, tmp_path) as at:
        # an attacker's own sign-in, forced on somebody: without the cookie it is worth nothing
        attacker, victim = at.site.visitor(), at.site.visitor()
        path = await at.choose(await at.set_out(attacker), OWNER)
        assert await _reason(await at.come_back(victim, path)) == "another_browser"
        # nor with the cookie of a sign-in of their own
        await at.set_out(victim)
        assert await _reason(await at.come_back(victim, path)) == "another_browser"
        kept = dict(attacker.cookies)
        assert (await at.come_back(attacker, path)).headers["Location"] == "/workspaces"
        # the same again, as after pressing "back"
        attacker.cookies.update(kept)
        assert await _reason(await at.come_back(attacker, path)) == "repeated"
        assert await at.count(spent_sign_in) == 1
        # a code of one sign-in, brought to another of the same browser
        first = await at.choose(await at.set_out(victim), OWNER)
        second = await at.choose(await at.set_out(victim), OWNER)
        code = parse_qs(urlsplit(first).query)["code"][0]
        assert await _reason(await at.come_back(victim, _changed(second, code=code))) == "refused_there"
        late = at.site.visitor()
        path = await at.choose(await at.set_out(late), OWNER)
        at.site.wall.advance(timedelta(minutes=10))
        assert await _reason(await at.come_back(late, path)) == "expired"
        altered = at.site.visitor()
        path = await at.choose(await at.set_out(altered), OWNER)
        altered.cookies["tertulia-entra"] = altered.cookies["tertulia-entra"][:-6] + "AAAAAA"
        assert await _reason(await at.come_back(altered, path)) == "another_browser"


async def test_only_a_page_of_ours_starts_a_sign_in(open_site: OpenSite, tmp_path: Path) -> None:
    async with bench(open_site, tmp_path) as at:
        for site in ("cross-site", "same-site"):
            answer = await at.site.visitor().get("/sign-in/entra", **{"Sec-Fetch-Site": site})
            assert (answer.status, answer.headers["Location"]) == (303, "/sign-in")
        # somebody typed the address, or the browser is an old one
        assert (await at.site.visitor().get("/sign-in/entra", **{"Sec-Fetch-Site": "none"})).status == 303
        member = await at.site.member(at.site.tenants["Acme"], "member")
        for site in ({"Sec-Fetch-Site": "cross-site"}, {}):
            assert (await member.get("/my/entra", **site)).status == 403


async def test_its_routes_are_for_whom_they_say(open_site: OpenSite, tmp_path: Path) -> None:
    async with bench(open_site, tmp_path) as at:
        rules = {path: rule.kind for _, path, rule in access.matrix(at.site.app) if "entra" in path}
        assert rules == {"/sign-in/entra": "public", BACK: "public", "/my/entra": "member"}
        acme, own = at.site.tenants["Acme"], {"Sec-Fetch-Site": "same-origin"}
        stale = await at.site.member(acme, "owner")
        at.site.wall.advance(timedelta(minutes=10))
        for visitor in (at.site.visitor(), await at.site.follow(acme, "member"), stale):
            answer = await visitor.get("/my/entra", **own)
            assert (answer.status, answer.headers["Location"]) == (303, "/sign-in")
            for method in ("post", "get"):
                got = await getattr(visitor, method)("/my/sessions")
                assert (got.status, got.headers["Location"]) == (303, "/sign-in")


async def test_entra_out_of_order_gives_a_page_and_no_error(open_site: OpenSite, tmp_path: Path) -> None:
    async with bench(open_site, tmp_path) as at:
        visitor = at.site.visitor()
        path = await at.choose(await at.set_out(visitor), OWNER)
        await at.entra.stop()
        answer = await at.come_back(visitor, path)
        assert (answer.status, await _reason(answer)) == (503, "unavailable")
        (tmp_path / "entra-secret").unlink()
        answer = await visitor.get("/sign-in/entra")
        assert (answer.status, await _reason(answer)) == (503, "secret")
        assert 'href="/sign-in"' in await answer.text()


async def test_an_account_is_connected_by_who_is_signed_in(open_site: OpenSite, tmp_path: Path) -> None:
    async with bench(open_site, tmp_path) as at:
        acme = at.site.tenants["Acme"]
        host = await at.site.member(acme, "host")
        there = await at.set_out(host, "/my/entra")
        answer = await at.come_back(host, await at.choose(there, NOBODY))
        assert (answer.status, answer.headers["Location"]) == (303, "/my/sessions")
        assert "is connected" in await (await host.get("/my/sessions")).text()
        fresh = at.site.visitor()
        assert (await at.sign_in(fresh, NOBODY)).headers["Location"] == "/workspaces"
        async with at.site.runtime.database.read() as tx:
            found = await people.identity_of(
                tx, acme.organization, Actor(platform="entra", realm=TENANT, user=NOBODY)
            )
        assert found is not None
        assert (found.person, found.verified) == (acme.persons["host"], "sign_in")
        # an account that is somebody's already stays theirs
        analyst = await at.site.member(acme, "analyst")
        answer = await at.come_back(analyst, await at.choose(await at.set_out(analyst, "/my/entra"), NOBODY))
        assert (answer.status, await _reason(answer)) == (409, "taken")
        # whoever signed out meanwhile connects nothing
        gone = await at.site.member(acme, "responder")
        path = await at.choose(await at.set_out(gone, "/my/entra"), MEMBER)
        gone.cookies.pop("tertulia")
        assert await _reason(await at.come_back(gone, path)) == "another_browser"
        # a tenant is one organization's, and connects nobody of another
        foreign = await at.site.member(at.site.tenants["Zenith"], "owner")
        answer = await at.come_back(foreign, await at.choose(await at.set_out(foreign, "/my/entra"), MEMBER))
        assert (answer.status, await _reason(answer)) == (403, "tenant")


async def test_merged_erased_and_undone_accounts(open_site: OpenSite, tmp_path: Path) -> None:
    async with bench(open_site, tmp_path) as at:
        acme, runtime = at.site.tenants["Acme"], at.site.runtime
        assert (await at.sign_in(at.site.visitor(), MEMBER)).status == 303
        async with runtime.database.write() as tx:
            changes = sa.select(sa.text("id")).select_from(sa.text("identity_change"))
            query = changes.where(sa.text("to_person = :person")).params(person=acme.persons["member"])
            for change in (await tx.execute(query)).scalars().all():
                await identities.undo_link(runtime, tx, acme.organization, change, actor="test")
        # what somebody undid is not made again by signing in
        assert await _reason(await at.sign_in(at.site.visitor(), MEMBER)) == "unknown"
        visitor = at.site.visitor()
        assert (await at.sign_in(visitor, OWNER)).status == 303
        async with runtime.database.write() as tx:
            await erasing.erase(runtime, tx, acme.organization, acme.persons["owner"], actor="test")
        assert (await visitor.get("/my")).headers["Location"] == "/sign-in"
        async with runtime.database.read() as tx:
            left = sa.select(session_origin).filter_by(person_id=acme.persons["owner"])
            assert (await tx.execute(left)).first() is None
        assert await _reason(await at.sign_in(at.site.visitor(), OWNER)) == "unknown"


async def test_a_tenant_is_one_organization_s(open_site: OpenSite, tmp_path: Path) -> None:
    async with bench(open_site, tmp_path, {TENANT: "", OTHER: ""}) as at, at.site.runtime.database.read() as tx:
        acme, zenith = (at.site.tenants[name].organization for name in ("Acme", "Zenith"))
        tenants = {"CanaryAcme": acme, zenith: zenith, "CanaryNobody": None, "": None}
        for named, organization in tenants.items():
            settings = EntraSettings(client_id=CLIENT, secret_file=tmp_path, tenants={TENANT: named})
            assert await accounts.organization_of(tx, settings, TENANT) == organization
            assert await accounts.organization_of(tx, settings, OTHER) is None
        # there are two organizations, and nothing says whose the tenant is
        found = [one async for one in doctor.examine(at.site.runtime) if one.area == doctor.ENTRA]
        assert [one.level for one in found] == ["ok", "ok", "fault", "fault"]
        assert f"gives {TENANT} no organization that exists (2 do)" in found[2].text
        settings = EntraSettings(client_id=CLIENT, secret_file=tmp_path, tenants={TENANT: acme, OTHER: zenith})
        assert [one async for one in checks.of_people(tx, settings)] == [
            ("ok", f"2 people can sign in with an account of {TENANT}."),
            (
                "note",
                f"Nobody's account of {OTHER} is known, so nobody signs in with one; let a plugin's directory of "
                "that tenant be read, or let people connect their account on their page.",
            ),
        ]
        assert await _reason(await at.sign_in(at.site.visitor(), OWNER)) == "tenant"


async def test_production_takes_its_cookie_over_https_alone(open_site: OpenSite, tmp_path: Path, config: Any) -> None:
    settings = EntraSettings(client_id=CLIENT, secret_file=tmp_path / "secret", tenants={TENANT: ""})
    (tmp_path / "secret").write_text(SECRET)
    (tmp_path / "secret").chmod(0o600)
    public = "https://tertulia.example"
    async with open_site(mode="production", public_url=public, entra=settings) as site:
        answer = await site.visitor().get(f"{BACK}?state=x&code=y")
        assert (answer.status, await _reason(answer)) == (400, "another_browser")
        (cookie,) = answer.headers.getall("Set-Cookie")
        assert cookie.startswith('__Host-tertulia-entra=""')
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
        assert 'href="/sign-in/entra"' in await (await site.visitor().get("/sign-in")).text()


async def test_without_entra_people_sign_in_as_before(open_site: OpenSite) -> None:
    async with open_site() as site:
        assert not [path for _, path, _ in access.matrix(site.app) if "entra" in path]
        assert "Microsoft" not in await (await site.visitor().get("/sign-in")).text()
        acme, visitor = site.tenants["Acme"], site.visitor()
        async with site.runtime.database.write() as tx:
            home = await people.workspace(tx, acme.organization, acme.workspace)
            owner = await people.person(tx, acme.organization, acme.persons["owner"])
            assert home is not None
            assert owner is not None
            url = await page_links.issue_for_console(site.runtime, tx, home, owner, actor="test")
        answer = await visitor.post(
            url.removeprefix(PUBLIC), **{"User-Agent": "Mozilla/5.0 (X11; Linux) Firefox/140.0"}
        )
        assert answer.status == 303
        text = await (await visitor.get("/my/sessions")).text()
        assert "Firefox, Linux" in text
        assert "with a one-time link" in text
