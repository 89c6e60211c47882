"""The quiz: questions over a day or live, in teams that past results make even, with a leader board of volunteers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, field_validator
from pydantic import Field as Setting

from tertulia.domain.identifiers import Id, Json
from tertulia.domain.markup import Block, Bullets, Markup, Paragraph, Span
from tertulia.domain.prompts import Action, Draft, Field, Given, Option, Privacy
from tertulia.errors import Mistake
from tertulia.extension import Prepared, RoundRequest, Shared, Tally
from tertulia.forms import choice
from tertulia.kinds import Conclusion, Dealing, FollowUp, Outcome, Share
from tertulia.rituals import quiz_questions, quiz_teams
from tertulia.wording import Words, words

RESULT = "result"
READ_FOR = timedelta(days=2)
NAMED = 10
"""At most that many stand on the leader board by name."""
MATES = 9
"""A team of at most that many is introduced by name."""


class Options(BaseModel):
    """Choose topics (none: all), how many questions and teams, and the seconds for each question of a live quiz."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    topics: tuple[str, ...] = ()
    questions: int = Setting(default=5, ge=3, le=15)
    teams: int = Setting(default=4, ge=1, le=len(quiz_teams.NAMES))
    seconds: int = Setting(default=30, ge=10, le=300)

    @field_validator("topics")
    @classmethod
    def _known(cls, chosen: tuple[str, ...]) -> tuple[str, ...]:
        unknown = sorted(set(chosen) - set(quiz_questions.topics()))
        if unknown:
            raise ValueError(f"no topic {unknown[0]!r}; choose among {', '.join(quiz_questions.topics())}")
        return chosen


class Quiz:
    """Ask a few questions with one right answer each; everyone may pass."""

    name = "quiz"
    playful = True
    privacy: Privacy = "named"
    options: type[BaseModel] = Options

    def prepare(self, request: RoundRequest) -> Prepared:
        """Draw questions that the group has not had."""
        options: Options = request.options
        chosen = options.topics or quiz_questions.topics()
        found = quiz_questions.drawn(chosen, options.questions, request.used, request.seed)
        asked = quiz_questions.laid_out(found, request.seed)
        content = {"questions": asked, "teams": options.teams, "seconds": options.seconds}
        return Prepared(content=content, uses=tuple(one.id for one in found))

    def deal(self, content: Json, dealing: Dealing) -> Mapping[Id, Share]:
        """Divide everybody who is asked into teams."""
        teams = quiz_teams.divided(dealing.people, content["teams"], dealing.scores, {}, dealing.seed)
        if len(set(teams.values())) < 2:
            return dict.fromkeys(dealing.people, Share())
        members: dict[int, list[Id]] = {}
        for one in sorted(teams):
            members.setdefault(teams[one], []).append(one)
        mates = {team: who if len(who) <= MATES else [] for team, who in members.items()}
        return {one: Share(share={"team": team, "people": mates[team]}) for one, team in teams.items()}

    def prompt(self, content: Json, language: str) -> Draft:
        """Show the questions, or the one that is asked live."""
        return self.prompt_for(content, {}, language)

    def prompt_for(self, content: Json, share: Json, language: str) -> Draft:
        """Show the questions with one's team, or afterwards how it went."""
        say = words(language)
        if content.get("stage") == RESULT:
            return _result(content, share, say)
        shown = Field(
            key="shown",
            kind="confirm",
            label=say("Show my name and points on the leader board"),
            hint=say("Without this tick you count for your team only."),
        )
        send = Action(verb="answer", label=say("Send"), style="primary")
        return Draft(
            title="",
            body=Markup.literal(_begin(content, say)) + _team(share, say),
            recorded=say(
                "Your answers are kept under your name, and only you see them. Your points count for your team. Your "
                "name and points are shown only if you tick that. How you did fades within weeks, and only makes "
                "teams even."
            ),
            fields=(*_fields(content), shown),
            actions=(send, Action(verb="pass", label=say("Pass"))),
            visibility="me",
        )

    def accept(self, content: Json, verb: str, values: Json) -> Given:
        """Take the answers; a question that was left out counts as not known."""
        return self.accept_for(content, {}, verb, values)

    def accept_for(self, content: Json, share: Json, verb: str, values: Json) -> Given:
        """Take the answers for one's team."""
        if content.get("stage") == RESULT:
            return Given(passed=True)
        say, given = words(), dict[str, Any]()
        for field in _fields(content):
            chosen = choice(values, field)
            if chosen is not None:
                given[field.key] = chosen
        if not given:
            raise Mistake(say("No answer is chosen; choose one, or pass. A live question that is over takes none."))
        if "team" in share:
            given["team"] = share["team"]
        if values.get("shown") in (True, "true", "on", "yes"):
            given["shown"] = True
        # who wants to be shown is; who does not counts without a name
        return Given(values=given, visibility="workspace" if "shown" in given else None)

    def count(self, content: Json, given: Sequence[Json]) -> Json:
        """Count for the teams and the questions, without names."""
        return quiz_teams.counted(content.get("questions", ()), given)

    def summary(self, content: Json, given: Sequence[Shared], tally: Tally, language: str) -> Draft | None:
        """Show the teams, those who chose to be shown, and the right answers."""
        players = tally.counted.get("players", 0)
        if content.get("stage") or not players:
            return None
        say, questions = words(language), content["questions"]
        latest, numbered = content.get("latest", False), list(enumerate(questions, start=1))
        # a live quiz may end before all was asked
        told = numbered[-1:] if latest else [one for one in numbered if tally.counted["tried"][one[0] - 1]]
        blocks: list[Block] = [Bullets(tuple(_told(number, one, tally.counted, say) for number, one in told))]
        if not latest:
            people = say.many("{number} person played.", "{number} people played.", players)
            blocks.insert(0, Paragraph((Span(people),)))
        blocks += _board(tally.counted["teams"], _ranked(questions, given), say)
        recorded = say("Named is who chose to be shown; all others count for their team only.")
        return Draft(title="", body=Markup(tuple(blocks)), recorded=recorded)

    def conclude(self, content: Json, outcome: Outcome) -> Conclusion:
        """Tell everybody who played how it went, and remember for a while how strong they are."""
        if outcome.stage:
            return Conclusion()
        questions, answers = content["questions"], outcome.answers()
        scores = {one: quiz_teams.points(questions, values) / len(questions) for one, values in answers.items()}
        shown = sorted(one for one, values in answers.items() if values.get("shown"))
        best = sorted(shown, key=lambda one: -scores[one])[:NAMED]
        mine = {
            one: Share(share={"mine": dict(values), "people": best})
            for one, values in answers.items()
            # who played live has seen it all
            if not values.get("live")
        }
        if not mine:
            return Conclusion(scores=scores)
        told = {**content, "counted": self.count(content, tuple(answers.values()))}
        result = FollowUp(stage=RESULT, at=outcome.closed_at, open_for=READ_FOR, shares=mine, content=told)
        return Conclusion(follow_ups=(result,), scores=scores)

    def steps(self, content: Json) -> Sequence[Json]:
        """Return what is asked live, question after question."""
        of = len(content["questions"])
        return [
            {"number": number, "of": of, "question": one, "seconds": content["seconds"]}
            for number, one in enumerate(content["questions"], start=1)
        ]

    def until(self, content: Json, number: int) -> Json:
        """Return the round as it stands after *number* questions."""
        questions = content["questions"]
        return {**content, "questions": questions[:number], "latest": number < len(questions)}

    def joined(self, given: Sequence[Json], team: int | None) -> Given:
        """Make one answer of what a person gave to the questions of a live quiz, oldest first."""
        values: dict[str, Any] = {key: value for one in given for key, value in one.items() if key != "shown"}
        # whether to be shown is what was said last
        shown = {"shown": True} if given and given[-1].get("shown") else {}
        mine = {"team": team} if team is not None else {}
        return Given(values={**values, **shown, **mine, "live": True}, visibility="workspace" if shown else "me")

    def teams(
        self, content: Json, players: Sequence[Id], scores: Mapping[Id, float], before: Mapping[Id, int], seed: int
    ) -> Mapping[Id, int]:
        """Divide the players of a live quiz; who has a team keeps it."""
        made = quiz_teams.divided(players, content["teams"], scores, before, seed)
        return made if before or len(set(made.values())) > 1 else {}


def _begin(content: Json, say: Words) -> str:
    if "question" in content:
        number, of = content["number"], content["of"]
        return say("Question {number} of {of}. You can change your answer until it closes.", number=number, of=of)
    return say("A quiz: choose what you think is right. How it went comes when the round has closed.")


def _team(share: Json, say: Words) -> Markup:
    if "team" not in share:
        return Markup(())
    team = say(quiz_teams.NAMES[share["team"]])
    mates = ", ".join(one["name"] for one in share.get("people", ()) if one["id"] != share["me"]["id"])
    if mates:
        return Markup.literal(say("You play for the {team}, with {mates}.", team=team, mates=mates))
    return Markup.literal(say("You play for the {team}.", team=team))


def _fields(content: Json) -> tuple[Field, ...]:
    if "question" in content:
        return (_field(content["number"], content["question"]),)
    return tuple(_field(number, one) for number, one in enumerate(content["questions"], start=1))


def _field(number: int, question: Json) -> Field:
    options = tuple(Option(value=str(place), label=option) for place, option in enumerate(question["options"]))
    return Field(key=f"q{number}", kind="one", label=f"{number}. {question['text']}", options=options)


def _right(question: Json) -> str:
    return str(question["options"][question["right"]])


def _told(number: int, question: Json, counted: Json, say: Words) -> tuple[Span, ...]:
    knew = ""
    if counted["right"] is not None:
        knew = say(" Right: {right} of {players}.", right=counted["right"][number - 1], players=counted["players"])
    answer = Span(_right(question), bold=True)
    return Span(f"{number}. {question['text']} "), answer, Span(f". {question['why']}{knew}")


def _ranked(questions: Sequence[Json], given: Iterable[Shared]) -> list[tuple[int, str, int]]:
    """Return place, name and points of those who are shown; who has the same points has the same place."""
    named = [
        (quiz_teams.points(questions, one.values), one.name) for one in given if one.name and one.values.get("shown")
    ]
    named.sort(key=lambda one: (-one[0], one[1]))
    better = [sum(other > mine for other, _ in named) for mine, _ in named]
    return [(ahead + 1, name, mine) for ahead, (mine, name) in zip(better, named, strict=True) if ahead < NAMED]


def _board(teams: Sequence[Json], ranked: Sequence[tuple[int, str, int]], say: Words) -> Iterable[Block]:
    if teams:
        yield Paragraph((Span(say("Teams, by points for each player"), bold=True),))
        order = sorted(teams, key=lambda one: (-one["points"], one["team"]))
        yield Bullets(tuple(_line(say(quiz_teams.NAMES[one["team"]]), _average(one, say)) for one in order))
    if ranked:
        yield Paragraph((Span(say("Leader board"), bold=True),))
        yield Bullets(tuple(_line(f"{place}. {name}", str(points)) for place, name, points in ranked))


def _average(team: Json, say: Words) -> str:
    points = f"{team['points']:g}"
    return say.many("{points} ({number} player)", "{points} ({number} players)", team["players"], points=points)


def _line(what: str, figure: str) -> tuple[Span, ...]:
    return Span(f"{what}:", bold=True), Span(f" {figure}")


def _result(content: Json, share: Json, say: Words) -> Draft:
    questions: Sequence[Json] = content["questions"]
    mine: Json = share["mine"]
    lines = [_explained(number, one, mine.get(f"q{number}"), say) for number, one in enumerate(questions, start=1)]
    points, of = quiz_teams.points(questions, mine), len(questions)
    scored = say("You had {points} of {of} right.", points=points, of=of)
    given = [Shared(values=one["given"].get("", {}), name=one["name"]) for one in share.get("people", ())]
    board = tuple(_board(content["counted"]["teams"], _ranked(questions, given), say))
    blocks: tuple[Block, ...] = (Paragraph((Span(scored, bold=True),)), Bullets(tuple(lines)), *board)
    return Draft(
        title=say("How the quiz went"),
        body=Markup(blocks),
        recorded=say("Your result is shown to you alone; nothing is asked here."),
        actions=(Action(verb="pass", label=say("All right")),),
        visibility="me",
    )


def _explained(number: int, question: Json, chosen: str | None, say: Words) -> tuple[Span, ...]:
    if chosen is None:
        hit = say("not answered")
    elif chosen == str(question["right"]):
        hit = say("right")
    else:
        hit = say("you chose {option}", option=question["options"][int(chosen)])
    return (
        Span(f"{number}. {question['text']} "),
        Span(_right(question), bold=True),
        Span(f" ({hit}). {question['why']}"),
    )
