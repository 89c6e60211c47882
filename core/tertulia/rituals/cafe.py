"""The virtual café: people who take part are introduced to each other, round after round, to meet or to write.

Stages of a round: the introduction, in which each says which of three times suits; `meet`, which tells the time (or
brings the notes so far); `met`, which asks whether they met; `thanks`, for those who were thanked; and `lapsed`, for
those who were silent for three rounds and are asked no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic import Field as Setting

from tertulia.domain.identifiers import Id, Json
from tertulia.domain.markup import Markup
from tertulia.domain.prompts import Action, Draft, Field, Given, Option, Privacy, Visibility
from tertulia.errors import Mistake
from tertulia.extension import Prepared, RoundRequest, Shared, Tally
from tertulia.forms import choice, text
from tertulia.kinds import Conclusion, Dealing, Engagement, FollowUp, Grouping, Outcome, Share
from tertulia.rituals import icebreaker
from tertulia.rituals.cafe_view import NONE, View, introduction, letters, names
from tertulia.wording import Words, words

MEET, MET, THANKS, LAPSED = "meet", "met", "thanks", "lapsed"
NOTE_ROOM, THANKS_ROOM = 1500, 300
ASKED_FOR = timedelta(days=5)
"""How long it is asked whether people met, and thanks can be read."""
NOTES_FOR = timedelta(days=2)
RETURN_FOR = timedelta(days=14)


class Wishes(BaseModel):
    """Weigh what makes a good group; only the proportions count."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    team: float = Setting(default=0.20, ge=0, le=100)
    city: float = Setting(default=0.10, ge=0, le=100)
    worker: float = Setting(default=0.20, ge=0, le=100)
    tenure: float = Setting(default=0.15, ge=0, le=100)
    ties: float = Setting(default=0.25, ge=0, le=100)
    hours: float = Setting(default=0.10, ge=0, le=100)

    @model_validator(mode="after")
    def _one_counts(self) -> Wishes:
        if not any(self.model_dump().values()):
            raise ValueError("one of the wishes must be above 0")
        return self


class Options(BaseModel):
    """Choose how groups are formed; *hosts* are e-mail addresses, for a lottery."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    form: Literal["match", "within", "mentor", "lottery"] = "match"
    size: Literal[2, 3, 4] = 2
    not_again_for: int = Setting(default=52, ge=0, le=520)
    minutes: int = Setting(default=30, ge=15, le=240, multiple_of=15)
    notes: bool = True
    wishes: Wishes = Wishes()
    by: Literal["team", "location"] = "team"
    hosts: tuple[str, ...] = ()
    draw: int = Setting(default=3, ge=1, le=3)
    mentor_days: int = Setting(default=730, ge=1, le=20_000)
    silent_rounds: int = Setting(default=3, ge=1, le=6)

    @model_validator(mode="after")
    def _lottery_has_hosts(self) -> Options:
        if (self.form == "lottery") != bool(self.hosts):
            raise ValueError('hosts are needed where form is "lottery", and only there')
        return self


class Cafe:
    """Introduce people to each other; everyone may pass, and leave whenever they like."""

    name = "cafe"
    privacy: Privacy = "named"
    options: type[BaseModel] = Options
    playful = True

    def prepare(self, request: RoundRequest) -> Prepared:
        """Draw a question to begin the talk with."""
        options: Options = request.options
        asked = icebreaker.Options(length="talk", size="pair" if options.size == 2 else "small")
        question = icebreaker.draw(icebreaker.matching(asked, options.size), request.used, request.seed)
        content = {"question": question.text, "minutes": options.minutes, "silent_rounds": options.silent_rounds}
        return Prepared(content=content, uses=(question.id,))

    def grouping(self, options: Options) -> Grouping:
        """Hand on what the practice chose."""
        return Grouping(
            form=options.form,
            size=options.size,
            rounds=options.not_again_for,
            minutes=options.minutes,
            wishes=options.wishes.model_dump(),
            by=options.by,
            hosts=options.hosts,
            draw=options.draw,
            veteran_days=options.mentor_days,
            notes=options.notes,
        )

    def deal(self, content: Json, dealing: Dealing) -> Mapping[Id, Share]:
        """Give each member the group, and those without one the reason."""
        shares: dict[Id, Share] = {}
        for party in dealing.parties:
            share = {
                "people": list(party.people),
                "by": party.by,
                "why": party.why,
                "yielded": list(party.yielded),
                "times": [time.isoformat() for time in party.times],
            }
            shares |= dict.fromkeys(party.people, Share(share=share, group=party.id))
        return shares | {one: Share(share={"alone": reason}) for one, reason in dealing.alone.items()}

    def prompt(self, content: Json, language: str) -> Draft:
        """Say in a shared place that a café is under way."""
        say = words(language)
        told = say("A café is under way. Whoever takes part has been told privately whom to meet.")
        body, fine = Markup.literal(told), (_fine(say),)
        return Draft(title="", body=body, recorded=say("Nothing is recorded."), actions=fine, visibility="me")

    def accept(self, content: Json, verb: str, values: Json) -> Given:
        """Take nothing from those who are in no group."""
        say = words()
        raise Mistake(say("You are in no group of this café; join it, and you are from its next round on."))

    def prompt_for(self, content: Json, share: Json, language: str) -> Draft:
        """Show one member the stage."""
        say = words(language)
        view, stage = View.of(share, say), content.get("stage", "")
        nothing, fine = say("Nothing is recorded."), (_fine(say),)
        if stage == LAPSED:
            return _lapsed(content, say)
        if view.lonely:
            return _draft("", Markup.literal(view.lonely), nothing, (), fine, "me")
        if stage == MEET:
            return _meet(content, view)
        if stage == MET:
            return _met(view)
        if stage == THANKS:
            return _draft(say("Thank you"), letters(view.thanks((MET,))), nothing, (), fine, "me")
        return _introduce(content, view)

    def accept_for(self, content: Json, share: Json, verb: str, values: Json) -> Given:
        """Take times, notes, whether they met, or the wish to return."""
        say = words()
        view, stage = View.of(share, say), content.get("stage", "")
        if stage == LAPSED:
            return Given(values={"returned": True}, counts=False, standing="join")
        if view.lonely or stage == THANKS:
            raise Mistake(say("There is nothing to answer here."))
        if stage == MET:
            return _take_met(values, say)
        if view.by == "notes":
            note = text(values, _note_field(say), NOTE_ROOM)
            if note is None:
                raise Mistake(say("There is no note yet; write one, or pass."))
            return Given(values={"note": note})
        if stage == MEET:
            raise Mistake(say("There is nothing to answer here."))
        return Given(values={"times": _chosen(values, view)}, counts=False)

    def summary(self, content: Json, given: Sequence[Shared], tally: Tally, language: str) -> Draft | None:
        """Show nothing: who met whom is nobody else's business."""
        return None

    def conclude(self, content: Json, outcome: Outcome) -> Conclusion:
        """Go on to the next stage."""
        groups = {one: share for one, share in outcome.shares.items() if share.group is not None}
        if outcome.stage == "":
            return Conclusion(follow_ups=tuple(_then_meet(content, outcome, groups)))
        if outcome.stage == MEET:
            at = outcome.closed_at
            return Conclusion(
                follow_ups=(FollowUp(stage=MET, at=at, open_for=ASKED_FOR, shares=groups, content=content),)
            )
        if outcome.stage == MET:
            said = outcome.answers()
            attended = frozenset(one for one, values in said.items() if values.get("met") == "yes")
            return Conclusion(
                follow_ups=(*_thank(content, outcome, groups), *_lapse(content, outcome)),
                attended=attended,
                met=tuple(_pairs(groups, said)),
            )
        return Conclusion()

    def engagements(self, content: Json, share: Json, language: str) -> Sequence[Engagement]:
        """Put the proposed times into the calendar, or the one that was found."""
        view, stage = View.of(share, words(language)), content.get("stage", "")
        if view.lonely or not view.times or view.zone is None or stage not in ("", MEET):
            return ()
        settled = view.best() if stage else view.agreed()
        return tuple(_engagement(content, view, number, settled) for number in range(len(view.times)))


def _engagement(content: Json, view: View, number: int, settled: datetime | None) -> Engagement:
    time, say = view.times[number], view.say
    status: Literal["tentative", "confirmed", "cancelled"] = "tentative"
    if settled is not None:
        status = "confirmed" if time == settled else "cancelled"
    return Engagement(
        key=f"{view.group}-{number}",
        title=say("Café with {names}", names=names(view.mates, say)),
        starts=time,
        ends=time + timedelta(minutes=content["minutes"]),
        description=f"{view.why} {say('To begin with: ')}{content['question']}",
        status=status,
    )


def _introduce(content: Json, view: View) -> Draft:
    say, body = view.say, introduction(view, content["question"])
    if view.by == "notes":
        send = (_send(say("Send to my group")),)
        return _draft("", body, _recorded_note(say), (_note_field(say),), send, "group")
    found = view.agreed()
    if found:
        body += Markup.literal(say("{time} suits all of you.", time=view.at(found)))
    times = Field(
        key="times",
        kind="many",
        label=say("Which of these suit you? (your time)"),
        options=view.options(),
        hint=say("Your page of this café has them as a calendar file, too."),
    )
    recorded = say("Your group sees what suits you; it is kept under your name, and counted nowhere.")
    return _draft("", body, recorded, (times,), (_send(say("Tell my group")),), "group")


def _meet(content: Json, view: View) -> Draft:
    say = view.say
    if view.by == "notes":
        said, mates = view.notes(("",)), names(view.mates, say)
        silent = Markup.literal(say("{names} has not written yet; begin again.", names=mates))
        body = Markup.literal(say("What your group wrote:")) + (letters(said) if said else silent)
        send, title = (_send(say("Write back")),), say("Notes from your café")
        return _draft(title, body, _recorded_note(say), (_note_field(say),), send, "group")
    best, agreed = view.best(), view.agreed()
    when = view.at(best) if best else ""
    told = say("You meet {names}: {time}, your time.", names=names(view.mates, say), time=when)
    if agreed is None:
        unsure = say("Not everybody said what suits, so write to each other where it does not.")
        told = f"{told} {unsure}"
    body = Markup.literal(told) + Markup.literal(say("Your page of this café has it as a calendar file."))
    return _draft(say("Your café"), body, say("Nothing is recorded."), (), (_fine(say),), "me")


def _met(view: View) -> Draft:
    say = view.say
    body = Markup.literal(say("You were introduced to {names}.", names=names(view.mates, say)))
    field = _met_field(say)
    if view.by == "notes":
        said = view.notes((MEET,))
        body += letters(said) if said else Markup()
        field = replace(field, label=say("Did you exchange notes?"))
    recorded = say(
        "That you took part is counted once, and a number is kept for the tie between you. Whether you met is shown "
        "to nobody; your thanks goes to your group."
    )
    fields, send = (field, _thanks_field(say)), (_send(say("Tell")),)
    return _draft(say("Did you meet?"), body, recorded, fields, send, "group")


def _lapsed(content: Json, say: Words) -> Draft:
    told = say(
        "Nothing came from you in {rounds} rounds, so you are introduced to nobody any more. "
        "That is quite all right, and nobody else is told. You may return whenever you like.",
        rounds=content["silent_rounds"],
    )
    back = Action(verb="return", label=say("Take part again"), style="primary")
    recorded = say("Kept is only that you take part again, if you say so.")
    title = say("A break from the café")
    return _draft(title, Markup.literal(told), recorded, (), (back, _fine(say)), "me")


def _recorded_note(say: Words) -> str:
    return say("Your group reads your note; it is kept under your name, and that you wrote counts as taking part.")


def _met_field(say: Words) -> Field:
    options = (
        Option(value="yes", label=say("Yes")),
        Option(value="later", label=say("Not yet")),
        Option(value="no", label=say("No")),
    )
    return Field(key="met", kind="one", label=say("Did you meet?"), options=options)


def _thanks_field(say: Words) -> Field:
    label = say("A word of thanks to your group")
    return Field(key="thanks", kind="short", label=label, hint=say("If you like."))


def _draft(
    title: str,
    body: Markup,
    recorded: str,
    fields: tuple[Field, ...],
    actions: tuple[Action, ...],
    visibility: Visibility,
) -> Draft:
    return Draft(title=title, body=body, recorded=recorded, fields=fields, actions=actions, visibility=visibility)


def _fine(say: Words) -> Action:
    return Action(verb="pass", label=say("All right"))


def _send(label: str) -> Action:
    return Action(verb="answer", label=label, style="primary")


def _note_field(say: Words) -> Field:
    label = say("A few lines to your group")
    return Field(key="note", kind="long", label=label, hint=say("Three sentences are plenty."))


def _chosen(values: Json, view: View) -> list[str]:
    given = values.get("times")
    chosen = [str(one) for one in given] if isinstance(given, list | tuple) else [str(given)] if given else []
    offered, say = {option.value for option in view.options()}, view.say
    if not chosen:
        raise Mistake(say("Nothing is ticked; tick what suits you, or that none does."))
    if not set(chosen) <= offered:
        raise Mistake(say("One of these times is not offered; open the question again."))
    return sorted(set(chosen) - {NONE})


def _take_met(values: Json, say: Words) -> Given:
    met, thanks = choice(values, _met_field(say)), text(values, _thanks_field(say), THANKS_ROOM)
    if met is None:
        raise Mistake(say("Say whether you met, or pass."))
    return Given(values={"met": met} | ({"thanks": thanks} if thanks else {}), counts=False)


def _then_meet(content: Json, outcome: Outcome, groups: Mapping[Id, Share]) -> Iterable[FollowUp]:
    if not groups:
        return
    lasts = timedelta(minutes=content["minutes"])
    ends = [
        datetime.fromisoformat(time) + lasts for share in groups.values() for time in share.share.get("times", ())
    ]
    notes = any(share.share["by"] == "notes" for share in groups.values())
    least = outcome.closed_at + (NOTES_FOR if notes else timedelta(hours=1))
    open_for = max([least, *ends]) - outcome.closed_at
    yield FollowUp(stage=MEET, at=outcome.closed_at, open_for=open_for, shares=groups, content=content)


def _pairs(groups: Mapping[Id, Share], said: Mapping[Id, Json]) -> Iterable[frozenset[Id]]:
    """Yield who met whom: one of the two said so, and the other did not deny it."""
    for one, values in said.items():
        if values.get("met") != "yes" or one not in groups:
            continue
        for other in groups[one].share["people"]:
            denied = said.get(other, {}).get("met", "yes") != "yes"
            if other != one and other in groups and not denied:
                yield frozenset((one, other))


def _thank(content: Json, outcome: Outcome, groups: Mapping[Id, Share]) -> Iterable[FollowUp]:
    thanking = {one for one, values in outcome.answers().items() if values.get("thanks")}
    thanked = {one: share for one, share in groups.items() if thanking & set(share.share["people"]) - {one}}
    if thanked:
        yield FollowUp(stage=THANKS, at=outcome.closed_at, open_for=ASKED_FOR, shares=thanked, content=content)


def _lapse(content: Json, outcome: Outcome) -> Iterable[FollowUp]:
    quiet = {one: Share() for one, rounds in outcome.silent.items() if rounds >= content["silent_rounds"]}
    if quiet:
        at = outcome.closed_at
        yield FollowUp(stage=LAPSED, at=at, open_for=RETURN_FOR, shares=quiet, content=content, withdraws=True)
