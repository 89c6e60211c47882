"""Standing sessions, such as yoga or meditation, that members and freelancers of the organisation teach.

A round is the sign-up for the sessions of the days that follow its close. Stages: `places`, for those who signed up,
by session; `moved-up`, for those for whom a place came free; `teaching`, counts for whoever teaches. Of a person the
sign-up is kept and nothing else: not who came, and no participation.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from pydantic import BaseModel

from tertulia.domain.identifiers import Id, Json
from tertulia.domain.markup import Markup
from tertulia.domain.prompts import Action, Draft, Field, Given, Option, Privacy
from tertulia.domain.walltime import instant, wall_time
from tertulia.errors import Mistake
from tertulia.extension import Prepared, RoundRequest, Shared, Tally
from tertulia.kinds import Conclusion, Dealing, Engagement, FollowUp, Outcome, Share
from tertulia.rituals.wellness_plan import DAYS, Options, Session, sessions, shown
from tertulia.wording import speaking, words

PLACES, MOVED_UP, TEACHING = "places", "moved-up", "teaching"
LAST_CHANGE = timedelta(hours=1)
"""Before a session: a place that came free by then goes to the next."""
SHORTEST = timedelta(minutes=5)
WEEK = timedelta(days=7)


class Wellness:
    """Offer sessions that people come to or stay away from, and nobody keeps a list of who did."""

    name = "wellness"
    privacy: Privacy = "named"
    options: type[BaseModel] = Options

    def prepare(self, request: RoundRequest) -> Prepared:
        """Place the sessions in the week after the sign-up's close."""
        options: Options = request.options
        if request.closes_at is None:
            raise Mistake("Sessions are signed up for ahead; they cannot be opened in a meeting.")
        starts = [_start(one.day, one.time, options.zone, request.closes_at).isoformat() for one in options.sessions]
        return Prepared(content={**options.model_dump(mode="json"), "starts": starts})

    def deal(self, content: Json, dealing: Dealing) -> Mapping[Id, Share]:
        """Ask everybody the same; each sees the own time and the own places."""
        return dict.fromkeys(dealing.people, Share())

    def prompt(self, content: Json, language: str) -> Draft:
        """Show the sessions in a shared place, in the time of the place where they are held."""
        with speaking(language):
            return _offer(content, None, {})

    def accept(self, content: Json, verb: str, values: Json) -> Given:
        """Take a sign-up of somebody who was not asked in person."""
        return _sign_up(content, None, verb, values)

    def prompt_for(self, content: Json, share: Json, language: str) -> Draft:
        """Show one member the sessions, or what became of the sign-up."""
        stage, me = content.get("stage", ""), share["me"]
        with speaking(language):
            if stage in (PLACES, MOVED_UP):
                return _place(content, me["zone"], me["reserved"], came_free=stage == MOVED_UP)
            if stage == TEACHING:
                return _numbers(content, me["zone"])
            return _offer(content, me["zone"], me["reserved"])

    def accept_for(self, content: Json, share: Json, verb: str, values: Json) -> Given:
        """Take a sign-up, or a place given up."""
        stage, me = content.get("stage", ""), share["me"]
        if stage in (PLACES, MOVED_UP) and verb == "give-up":
            line = sessions(content)[content["session"]].line
            return Given(counts=False, reserves=tuple(one for one in me["reserved"] if one != line))
        if stage == "":
            return _sign_up(content, me["zone"], verb, values)
        say = words()
        raise Mistake(say("There is nothing to answer here."))

    def summary(self, content: Json, given: Sequence[Shared], tally: Tally, language: str) -> Draft | None:
        """Show nothing: who came, and how many, is nobody's business."""
        return None

    def leaders(self, content: Json) -> Sequence[str]:
        """Name the teacher, where the program gives an address."""
        return [content["email"]] if content["email"] else []

    def conclude(self, content: Json, outcome: Outcome) -> Conclusion:
        """Tell who has a place, session by session; what a later stage frees is told by `moved_up`."""
        if outcome.stage:
            return Conclusion()
        plain = {key: value for key, value in content.items() if key != "stage"}
        follow_ups: list[FollowUp] = []
        for number, session in enumerate(sessions(content)):
            line = outcome.reserved.get(session.line, ())
            open_for = session.starts - LAST_CHANGE - outcome.closed_at
            if not line or open_for < SHORTEST:
                continue
            told = {one: _seat(session, place) for place, one in enumerate(line, 1)}
            at, mine = outcome.closed_at, {**plain, "session": number}
            follow_ups.append(FollowUp(stage=PLACES, at=at, open_for=open_for, shares=told, content=mine))
            teachers = dict.fromkeys(outcome.leaders, Share())
            if teachers:
                counts = {**mine, "count": len(line)}
                stage = FollowUp(stage=TEACHING, at=at, open_for=open_for, shares=teachers, content=counts)
                follow_ups.append(stage)
        return Conclusion(follow_ups=tuple(follow_ups))

    def moved_up(
        self, content: Json, lines: Mapping[str, Sequence[Id]], told: Mapping[Id, Sequence[Share]], now: datetime
    ) -> Sequence[FollowUp]:
        """Tell those who waited and have a place now; while sign-up is open, their page alone says so."""
        if not content.get("stage"):
            return ()
        plain = {key: value for key, value in content.items() if key not in ("stage", "count")}
        found = []
        for number, session in enumerate(sessions(content)):
            open_for = session.starts - now
            seated = [one for place, one in enumerate(lines.get(session.line, ()), 1) if session.has_place(place)]
            fresh = [one for one in seated if _waits(told.get(one, ()), session.line)]
            if fresh and open_for >= SHORTEST:
                shares = {one: _seat(session, 1) for one in fresh}
                mine = {**plain, "session": number}
                found.append(FollowUp(stage=MOVED_UP, at=now, open_for=open_for, shares=shares, content=mine))
        return found

    def engagements(self, content: Json, share: Json, language: str) -> Sequence[Engagement]:
        """Return the sessions in which the member has a place."""
        me = share.get("me")
        if not me or content.get("stage") == TEACHING:
            return ()
        return [
            Engagement(
                key=f"{session.line}-{session.starts:%Y%m%dT%H%M}-{_digest(content)}",
                title=content["what"],
                starts=session.starts,
                ends=session.ends,
                description=f"{content['teacher']}. {content['where']}",
            )
            for session in sessions(content)
            if session.has_place(me["reserved"].get(session.line))
        ]


def _start(day: str, time: str, zone: str, after: datetime) -> datetime:
    """Return the first such weekday and time in *zone* that is not before *after*."""
    hour, minute = map(int, time.split(":"))
    first = wall_time(after, zone).date()
    ahead = (DAYS.index(day) - first.weekday()) % 7
    wall = datetime.combine(first + timedelta(days=ahead), datetime.min.time()).replace(hour=hour, minute=minute)
    starts = instant(wall, zone)
    return starts if starts >= after else instant(wall + WEEK, zone)


def _digest(content: Json) -> str:
    return hashlib.sha256(f"{content['what']} {content['where']}".encode()).hexdigest()[:12]


def _seat(session: Session, place: int) -> Share:
    return Share(share={"line": session.line, "seated": session.has_place(place)})


def _waits(shares: Sequence[Share], line: str) -> bool:
    known = [share.share["seated"] for share in shares if share.share.get("line") == line]
    return bool(known) and not any(known)


def _about(content: Json) -> Markup:
    say = words()
    about = say("{what}, with {teacher}. {where}.", **{name: content[name] for name in ("what", "teacher", "where")})
    body = Markup.literal(about)
    if content["about"]:
        body += Markup.literal(content["about"])
    if content["recording"]:
        body += Markup.literal(
            say("No hour suits you? There is a recording: {address}", address=content["recording"])
        )
    return body


def _offer(content: Json, zone: str | None, reserved: Mapping[str, int]) -> Draft:
    say = words()
    body = _about(content)
    for session in sessions(content):
        place = reserved.get(session.line)
        if place is not None:
            body += Markup.literal(f"{_when(content, session, zone)}: {_standing(session, place)}")
    if content["capacity"] is not None:
        room = say("There is room for {room}; whoever comes later waits for a place.", room=content["capacity"])
        body += Markup.literal(room)
    field = replace(_field(content, zone), value=tuple(sorted(reserved)))
    recorded = say(
        "Your sign-up is kept under your name; the teacher gets a number. Who comes is written down by nobody."
    )
    sign_up = Action(verb="answer", label=say("Sign up"), style="primary")
    actions = (sign_up, Action(verb="decline", label=say("Not this time")))
    return Draft(title="", body=body, recorded=recorded, fields=(field,), actions=actions, visibility="me")


def _when(content: Json, session: Session, zone: str | None) -> str:
    """Write the time of a session for a reader in *zone*; `None` stands for many readers."""
    return shown(session.starts, zone) if zone else shown(session.starts, content["zone"], named=True)


def _field(content: Json, zone: str | None) -> Field:
    say = words()
    options = tuple(Option(value=one.line, label=_when(content, one, zone)) for one in sessions(content))
    return Field(key="sessions", kind="many", label=say("I come to"), options=options)


def _sign_up(content: Json, zone: str | None, verb: str, values: Json) -> Given:
    if verb == "decline":
        return Given(passed=True, reserves=())
    field = _field(content, zone)
    given = values.get(field.key)
    chosen = {str(one) for one in given} if isinstance(given, list | tuple) else {str(given)} if given else set()
    if verb != "answer" or not chosen <= {option.value for option in field.options}:
        say = words()
        raise Mistake(say("This session is not offered; open the question again."))
    # the line is the sign-up: nothing else of it is kept
    return Given(counts=False, reserves=tuple(sorted(chosen)))


def _standing(session: Session, place: int) -> str:
    say = words()
    if session.has_place(place):
        return say("you have a place.")
    waits = place - (session.capacity or 0)
    return say("you are number {number} of those who wait. You are told if a place comes free.", number=waits)


def _place(content: Json, zone: str, reserved: Mapping[str, int], *, came_free: bool) -> Draft:
    say = words()
    session = sessions(content)[content["session"]]
    place, when = reserved.get(session.line), shown(session.starts, zone)
    fine = Action(verb="pass", label=say("All right"))
    if place is None:
        body = Markup.literal(f"{when}: {say('you are not signed up any more.')}")
        return Draft(title="", body=body, recorded=say("Nothing is recorded."), actions=(fine,), visibility="me")
    said = say("a place came free, and it is yours.") if came_free and session.has_place(place) else None
    body = Markup.literal(f"{when}: {said or _standing(session, place)}") + _about(content)
    give_up = Action(verb="give-up", label=say("Give up my place"), style="destructive")
    recorded = say("If you give up your place, your sign-up is deleted; nobody is told who gave it up.")
    return Draft(title="", body=body, recorded=recorded, actions=(fine, give_up), visibility="me")


def _numbers(content: Json, zone: str) -> Draft:
    say = words()
    session, count = sessions(content)[content["session"]], content["count"]
    have, when = count if session.capacity is None else min(count, session.capacity), shown(session.starts, zone)
    told = say("{when}: signed up for your session are {number}.", when=when, number=have)
    if count > have:
        told += " " + say("{number} more wait.", number=count - have)
    body = Markup.literal(told)
    recorded = say("You get a number, and nobody's name.")
    fine = Action(verb="pass", label=say("All right"))
    return Draft(title="", body=body, recorded=recorded, actions=(fine,), visibility="me")
