"""The gathering: a retreat, a workshop, a dinner; from the poll of dates to what was kept of it ninety days later.

Stages of a round: the poll; `sign-up` with the agenda and dietary needs; `organiser`, counts for hosts and admins;
`places`, who has one and who waits; `moved-up`, for those for whom a place came free; `day`, the check-in; `after-30`
and `after-90`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain

from pydantic import BaseModel

from tertulia.domain.identifiers import Id, Json
from tertulia.domain.markup import Block, Bullets, Markup, Paragraph, Span
from tertulia.domain.prompts import Action, Draft, Field, Given, Option, Privacy, Visibility
from tertulia.errors import Mistake
from tertulia.extension import Prepared, RoundRequest, Shared, Tally
from tertulia.forms import choice, text
from tertulia.kinds import Conclusion, Dealing, Engagement, FollowUp, Outcome, Share
from tertulia.rituals.gathering_plan import DIETS, WHOLE, Options, Plan, diets, shown
from tertulia.wording import speaking, words

SIGN_UP, ORGANISER, PLACES, MOVED_UP, DAY = "sign-up", "organiser", "places", "moved-up", "day"
AFTER = {"after-30": timedelta(days=30), "after-90": timedelta(days=90)}
LAST_CALL = timedelta(days=2)
"""Before the start: sign-up is over by then."""
LAST_CHANGE = timedelta(hours=36)
"""Before the start: places that came free are handed on by then."""
SHORTEST = timedelta(hours=2)
READ_FOR = timedelta(days=5)
DOORS = timedelta(hours=1)
SMALL = 12
"""Up to so many people everybody is taken to have met everybody."""
ROOM = 600
POINTS = tuple(Option(value=str(point), label=str(point)) for point in range(1, 6))


class Gathering:
    """Bring people together in one place; everyone may stay away, and nobody is asked why."""

    name = "gathering"
    privacy: Privacy = "named"
    options: type[BaseModel] = Options

    def prepare(self, request: RoundRequest) -> Prepared:
        """Keep the plan with the round."""
        options: Options = request.options
        return Prepared(content=options.model_dump(mode="json"))

    def deal(self, content: Json, dealing: Dealing) -> Mapping[Id, Share]:
        """Ask everybody the same; each sees the own time and the own places."""
        return dict.fromkeys(dealing.people, Share())

    def prompt(self, content: Json, language: str) -> Draft:
        """Announce the gathering in a shared place."""
        say = words(language)
        told = say("A gathering at {where} is being planned; everybody is asked privately.", where=content["where"])
        with speaking(language):
            return _draft("", Markup.literal(told), say("Nothing is recorded."), (), (_fine(),))

    def accept(self, content: Json, verb: str, values: Json) -> Given:
        """Take nothing from those who are not asked."""
        say = words()
        raise Mistake(say("This gathering does not ask you."))

    def prompt_for(self, content: Json, share: Json, language: str) -> Draft:
        """Show one member the stage."""
        with speaking(language):
            return self._shown(content, share)

    def _shown(self, content: Json, share: Json) -> Draft:
        say = words()
        stage, plan, zone = content.get("stage", ""), Plan.of(content), share["me"]["zone"]
        if stage == SIGN_UP:
            return _sign_up(plan, zone)
        if stage == ORGANISER:
            return _organiser(content, plan, zone)
        if stage in (PLACES, MOVED_UP):
            return _places(plan, zone, share["me"]["reserved"], came_free=stage == MOVED_UP)
        if stage == DAY:
            here = Action(verb="answer", label=say("I am here"), style="primary")
            recorded = say("Kept is that you took part.")
            return _draft(say("Today"), _agenda(plan, zone, ()), recorded, (), (here, _fine()))
        if stage in AFTER:
            days = AFTER[stage].days
            told = say("{days} days ago you were at the gathering in {where}.", days=days, where=plan.where)
            send = Action(verb="answer", label=say("Tell"), style="primary")
            recorded = say(
                "The number is counted; what you write is shown to everyone in the workspace, with your name."
            )
            fields = (_worth(), _kept())
            return _draft(say("Looking back"), Markup.literal(told), recorded, fields, (send,), "workspace")
        return _poll(plan, zone)

    def accept_for(self, content: Json, share: Json, verb: str, values: Json) -> Given:
        """Take dates, a sign-up, a place given up, the presence on the day, or a word later."""
        say = words()
        stage, plan, zone = content.get("stage", ""), Plan.of(content), share["me"]["zone"]
        if stage == "":
            return Given(values={"dates": _several(values, _dates_field(plan, zone))}, counts=False)
        if stage == SIGN_UP:
            return _take_sign_up(plan, zone, verb, values)
        if stage in (PLACES, MOVED_UP) and verb == "give-up":
            return Given(values={"coming": False}, counts=False, reserves=(), private={})
        if stage == DAY and verb == "answer":
            return Given(values={"here": True}, counts=False)
        if stage in AFTER and verb == "answer":
            worth, kept = choice(values, _worth()), text(values, _kept(), ROOM)
            if worth is None and kept is None:
                raise Mistake(say("Nothing is filled in; choose a number or write something, or pass."))
            return Given(values={"worth": worth, "kept": kept}, counts=False)
        raise Mistake(say("There is nothing to answer here."))

    def summary(self, content: Json, given: Sequence[Shared], tally: Tally, language: str) -> Draft | None:
        """Show what people say later; who came, and what they eat, is shown to nobody."""
        if content.get("stage") not in AFTER or not tally.answered:
            return None
        say = words(language)
        counts = Counter(one.values["worth"] for one in given if one.values.get("worth"))
        told = [
            (Span(f"{one.name}:", bold=True), Span(f" {one.values['kept']}")) for one in given if one.values["kept"]
        ]
        marks = ", ".join(f"{point} × {counts[point]}" for point in "12345" if counts[point])
        blocks: list[Block] = [Paragraph((Span(say("Was it worth coming? {marks}", marks=marks)),))] if marks else []
        if told:
            blocks.append(Bullets(tuple(told)))
        recorded = say("Shown is what each shared.")
        return _draft(say("Looking back"), Markup(tuple(blocks)), recorded, (), (), "workspace")

    def conclude(self, content: Json, outcome: Outcome) -> Conclusion:
        """Go on to the next stage."""
        plan = Plan.of(content)
        if outcome.stage == "":
            return Conclusion(follow_ups=tuple(_then_sign_up(content, plan, outcome)))
        if outcome.stage == SIGN_UP:
            return Conclusion(follow_ups=tuple(_then_places(content, plan, outcome)))
        if outcome.stage == PLACES:
            return Conclusion(follow_ups=tuple(_then_day(content, plan, outcome)))
        if outcome.stage == DAY:
            here = frozenset(one for one, values in outcome.answers().items() if values.get("here"))
            later = tuple(_then_after(content, plan, here))
            return Conclusion(follow_ups=later, attended=here, met=(here,) if len(here) <= SMALL else ())
        return Conclusion()

    def engagements(self, content: Json, share: Json, language: str) -> Sequence[Engagement]:
        """Put the gathering and the items with a place into the calendar."""
        plan, stage = Plan.of(content), content.get("stage", "")
        if plan.start is None or stage not in (SIGN_UP, PLACES, MOVED_UP, DAY):
            return ()
        mine = {line for line, position in share["me"]["reserved"].items() if plan.has_place(line, position)}
        if WHOLE not in mine:
            return ()
        say = words(language)
        title = say("Gathering at {where}", where=plan.where)
        whole = Engagement(key=f"{content['start']}-{WHOLE}", title=title, starts=plan.start, ends=plan.end)
        items = [
            Engagement(key=f"{content['start']}-{one.line}", title=one.title, starts=one.starts, ends=one.ends)
            for one in plan.agenda
            if one.line in mine
        ]
        return (whole, *items)


def _draft(
    title: str,
    body: Markup,
    recorded: str,
    fields: tuple[Field, ...],
    actions: tuple[Action, ...],
    visibility: Visibility = "me",
) -> Draft:
    return Draft(title=title, body=body, recorded=recorded, fields=fields, actions=actions, visibility=visibility)


def _fine() -> Action:
    say = words()
    return Action(verb="pass", label=say("All right"))


def _worth() -> Field:
    say = words()
    label = say("Was it worth coming, from where you stand today?")
    ends = (say("not at all"), say("very much"))
    return Field(key="worth", kind="scale", label=label, options=POINTS, ends=ends)


def _kept() -> Field:
    say = words()
    hint = say("Leave it empty if you like.")
    return Field(key="kept", kind="long", label=say("What have you kept of it?"), hint=hint)


def _poll(plan: Plan, zone: str) -> Draft:
    say = words()
    told = say("We want to come together at {where}. Which of these dates could you make?", where=plan.where)
    recorded = say("Kept under your name; shown is nothing of it, and only how many can come on which day counts.")
    send = Action(verb="answer", label=say("Send"), style="primary")
    return _draft("", Markup.literal(told), recorded, (_dates_field(plan, zone),), (send,))


def _dates_field(plan: Plan, zone: str) -> Field:
    say = words()
    options = tuple(Option(value=str(at), label=shown(date, zone)) for at, date in enumerate(plan.dates))
    return Field(key="dates", kind="many", label=say("Dates (your time)"), options=options)


def _sign_up(plan: Plan, zone: str) -> Draft:
    say = words()
    fields = [field for field in (_items_field(plan, zone), _diets_field() if plan.diets else None) if field]
    actions = (
        Action(verb="answer", label=say("I come"), style="primary"),
        Action(verb="decline", label=say("I cannot come")),
    )
    body = _agenda(plan, zone, ())
    if plan.capacity is not None:
        room = say("There is room for {room}; whoever comes later waits for a place.", room=plan.capacity)
        body += Markup.literal(room)
    recorded = say(
        "That you come and what you want a place for is kept under your name. What you eat is sealed: the organiser "
        "gets counts and no names, and it is deleted a day after the gathering."
    )
    return _draft(say("You are invited"), body, recorded, tuple(fields), actions)


def _items_field(plan: Plan, zone: str) -> Field | None:
    say = words()
    options = tuple(
        Option(value=entry.line, label=f"{entry.title}, {shown(entry.starts, zone)}{_limit(entry.capacity)}")
        for entry in plan.agenda
        if entry.kind != "session"
    )
    return Field(key="items", kind="many", label=say("I want a place for"), options=options) if options else None


def _limit(capacity: int | None) -> str:
    say = words()
    return "" if capacity is None else " " + say("(room for {room})", room=capacity)


def _diets_field() -> Field:
    say = words()
    hint = say("Sealed, and deleted afterwards. Tick it again whenever you change your sign-up.")
    label = say("What the kitchen must know")
    return Field(key="diets", kind="many", label=label, options=diets(), hint=hint)


def _agenda(plan: Plan, zone: str, lines: Sequence[str]) -> Markup:
    """Show where and when, and the agenda; of it only *lines*, where some are given."""
    say = words()
    when = shown(plan.start, zone) if plan.start else ""
    body = Markup.literal(say("{where}, from {when} (your time).", where=plan.where, when=when))
    entries = [entry for entry in plan.agenda if not lines or entry.line in lines or entry.kind == "session"]
    return (
        body + Markup.bullets(f"{shown(entry.starts, zone)}: {entry.title}" for entry in entries) if entries else body
    )


def _places(plan: Plan, zone: str, reserved: Mapping[str, int], *, came_free: bool) -> Draft:
    say = words()
    names = {entry.line: entry.title for entry in plan.agenda}
    mine = [line for line, position in reserved.items() if plan.has_place(line, position)]
    waiting = {line: position for line, position in reserved.items() if line not in mine}
    if WHOLE not in reserved:
        gone = Markup.literal(say("You gave up your place."))
        return _draft(say("Your place"), gone, say("Nothing is recorded."), (), (_fine(),))
    told = say("A place came free, and it is yours.") if came_free else say("You have a place.")
    if WHOLE not in mine:
        number = waiting[WHOLE] - (plan.capacity or 0)
        told = say(
            "You are number {number} of those who wait for a place. You are told if one comes free.", number=number
        )
    body = Markup.literal(told) + _agenda(plan, zone, mine)
    for line, position in sorted(waiting.items()):
        if line != WHOLE:
            number = position - (plan.room(line) or 0)
            wait = say("For {name} you are number {number} in waiting.", name=names[line], number=number)
            body += Markup.literal(wait)
    give_up = Action(verb="give-up", label=say("Give up my place"), style="destructive")
    recorded = say("If you give up your place, that is kept under your name; nobody is told.")
    return _draft(say("Your place"), body, recorded, (), (_fine(), give_up))


def _organiser(content: Json, plan: Plan, zone: str) -> Draft:
    counts: Json = content["counts"]
    say = words()
    labels = {option.value: option.label for option in diets()}
    names = {entry.line: entry.title for entry in plan.agenda} | {WHOLE: say("The gathering")}
    when = shown(plan.start, zone) if plan.start else ""
    body = Markup.literal(say("{where}, {when} (your time). Signed up:", where=plan.where, when=when))
    body += Markup.bullets(
        f"{names[line]}: {have}{', ' + say('{number} waiting', number=wait) if wait else ''}"
        for line, (have, wait) in counts["lines"].items()
    )
    if counts["diets"]:
        body += Markup.literal(say("The kitchen must know:"))
        body += Markup.bullets(f"{labels[diet]}: {count}" for diet, count in counts["diets"].items())
    recorded = say("Counts only; no name is kept with a need.")
    return _draft(say("Who comes, in numbers"), body, recorded, (), (_fine(),))


def _several(values: Json, field: Field) -> list[str]:
    say = words()
    given = values.get(field.key)
    chosen = [str(one) for one in given] if isinstance(given, list | tuple) else [str(given)] if given else []
    if not set(chosen) <= {option.value for option in field.options}:
        raise Mistake(say("“{label}” does not offer that; open the question again.", label=field.label))
    return sorted(set(chosen))


def _take_sign_up(plan: Plan, zone: str, verb: str, values: Json) -> Given:
    if verb == "decline":
        return Given(values={"coming": False}, counts=False, reserves=(), private={})
    items, needs = _items_field(plan, zone), _several(values, _diets_field()) if plan.diets else []
    lines = _several(values, items) if items else []
    return Given(
        values={"coming": True, "items": lines},
        counts=False,
        reserves=(WHOLE, *lines),
        private={"diets": needs} if needs else {},
        private_until=plan.end,
    )


def _then_sign_up(content: Json, plan: Plan, outcome: Outcome) -> Iterable[FollowUp]:
    votes = Counter(chain.from_iterable(values["dates"] for values in outcome.answers().values()))
    ahead = [at for at, date in enumerate(plan.dates) if date - LAST_CALL - SHORTEST > outcome.closed_at]
    if not ahead:
        return
    best = min(ahead, key=lambda at: (-votes[str(at)], at))
    start = plan.dates[best]
    open_for = min(timedelta(days=content["sign_up_days"]), start - LAST_CALL - outcome.closed_at)
    yield FollowUp(
        stage=SIGN_UP,
        at=outcome.closed_at,
        open_for=open_for,
        shares=outcome.shares,
        content={**content, "start": start.isoformat()},
        reminders=(open_for / 2,) if open_for > timedelta(days=2) else (),
    )


def _then_places(content: Json, plan: Plan, outcome: Outcome) -> Iterable[FollowUp]:
    at, start = outcome.closed_at, plan.start
    if start is None:
        return
    counts = {"lines": _counts(plan, outcome), "diets": _diets(outcome)}
    organisers = dict.fromkeys(outcome.organisers, Share())
    plain = {key: value for key, value in content.items() if key != "stage"}
    if organisers:
        told = {**plain, "counts": counts}
        yield FollowUp(stage=ORGANISER, at=at, open_for=READ_FOR, shares=organisers, content=told)
    line = outcome.reserved.get(WHOLE, ())
    if line:
        seated = {one: Share(share={"seated": plan.has_place(WHOLE, number)}) for number, one in enumerate(line, 1)}
        open_for = max(SHORTEST, start - LAST_CHANGE - at)
        yield FollowUp(stage=PLACES, at=at, open_for=open_for, shares=seated, content=plain)


def _counts(plan: Plan, outcome: Outcome) -> dict[str, tuple[int, int]]:
    counts: dict[str, tuple[int, int]] = {}
    for line in (WHOLE, *(entry.line for entry in plan.agenda if entry.kind != "session")):
        many = len(outcome.reserved.get(line, ()))
        room = plan.room(line)
        have = many if room is None else min(many, room)
        counts[line] = (have, many - have)
    return counts


def _diets(outcome: Outcome) -> dict[str, int]:
    counted = Counter(chain.from_iterable(one.get("diets", ()) for one in outcome.private))
    return {diet: counted[diet] for diet in DIETS if counted[diet]}


def _then_day(content: Json, plan: Plan, outcome: Outcome) -> Iterable[FollowUp]:
    if plan.start is None:
        return
    line = outcome.reserved.get(WHOLE, ())
    seated = [one for number, one in enumerate(line, 1) if plan.has_place(WHOLE, number)]
    before = {one for one, share in outcome.shares.items() if share.share.get("seated")}
    moved = {one: Share(share={"seated": True}) for one in seated if one not in before}
    if moved:
        until = plan.start - outcome.closed_at
        yield FollowUp(stage=MOVED_UP, at=outcome.closed_at, open_for=until, shares=moved, content=content)
    if seated:
        opens = plan.start - DOORS
        shares = dict.fromkeys(seated, Share())
        yield FollowUp(stage=DAY, at=opens, open_for=plan.end - opens, shares=shares, content=content)


def _then_after(content: Json, plan: Plan, here: frozenset[Id]) -> Iterable[FollowUp]:
    start: datetime | None = plan.start
    if here and start is not None:
        for stage, pause in AFTER.items():
            shares = dict.fromkeys(sorted(here), Share())
            yield FollowUp(stage=stage, at=start + pause, open_for=READ_FOR, shares=shares, content=content)
