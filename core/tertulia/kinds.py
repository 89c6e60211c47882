"""What a kind of ritual may do besides asking: deal personal shares, form groups, and go on in further stages.

Each protocol is optional and made of pure functions. The core keeps what they return, resolves names, plans the
rounds and looks after quiet hours, opt-outs and budgets; a kind never reads the database.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Literal, Protocol, runtime_checkable

from tertulia.domain.identifiers import Id, Json
from tertulia.domain.prompts import Draft, Given, Visibility
from tertulia.extension import Personal


@dataclass(frozen=True, kw_only=True)
class Share:
    """Hold what one person is dealt; who has the same *group* was brought together.

    Write no names into *share*: where it has a list `people` of ids, the kind gets it back as a list of
    `{"id", "name", "team", "location", "zone", "given"}` without those who left, opted out or were erased. *given*
    maps each stage of the round (the first is `""`) to what that person gave there for the group, for all, or for
    the team that both are of. The kind also gets `me`: `{"id", "name", "zone", "given", "reserved"}` of the person
    who looks; *reserved* maps each item to the person's place in its line, counted from 1.
    """

    share: Json = field(default_factory=dict)
    group: Id | None = None


@dataclass(frozen=True, kw_only=True)
class Party:
    """Hold people whom the core brought together.

    *by* says whether they have hours in common or exchange notes. *why* may be shown to them; *yielded* are the rules
    that had to yield, in sentences that may be shown too. *times* are instants (UTC) at which all of them can meet.
    """

    id: Id
    people: tuple[Id, ...]
    by: Literal["meeting", "notes"]
    why: str
    yielded: tuple[str, ...] = ()
    times: tuple[datetime, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Occasion:
    """Hold a day for which somebody wants to be celebrated, and the *circle* of those who may know beforehand.

    *day* is the calendar day where the person lives, *at* the moment of it (UTC) at which wishes are handed over.
    """

    person: Id
    name: str
    day: date
    at: datetime
    circle: frozenset[Id] = frozenset()
    places: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Dealing:
    """Hold what shares are dealt by: whom the round will ask, and the groups formed of them.

    *alone* tells those for whom no group was found why. *scores* tells how those who played a kind did lately, from 0
    to 1; who never did is not in it. *occasions* are for a `Celebrating` kind.
    """

    people: tuple[Id, ...]
    parties: tuple[Party, ...]
    alone: Mapping[Id, str]
    seed: int
    opens_at: datetime
    closes_at: datetime
    scores: Mapping[Id, float] = field(default_factory=dict)
    occasions: tuple[Occasion, ...] = ()


@runtime_checkable
class Dealt(Personal, Protocol):
    """A personal kind whose shares are dealt once, when a round opens, and kept with it."""

    def deal(self, content: Json, dealing: Dealing) -> Mapping[Id, Share]:
        """Return a share for everybody of `dealing.people` who is to be asked; the others are not."""
        ...


@dataclass(frozen=True, kw_only=True)
class Grouping:
    """Say how groups are formed.

    `match`: everybody, by hard rules and wishes. `within`: the same inside each team or location (*by*). `mentor`:
    pairs of one who is here for *veteran_days* with one who is not. `lottery`: *draw* of those who take part meet the
    *hosts* (e-mail addresses), who was drawn least often first. *size* is 2, 3 or 4. A pair does not meet again
    within *rounds*; two can meet where *minutes* fit the working hours of both. *wishes* weighs team, city, worker,
    tenure, ties and hours. *notes* lets people whose hours do not meet exchange notes instead.
    """

    form: Literal["match", "within", "mentor", "lottery"] = "match"
    size: Literal[2, 3, 4] = 2
    rounds: int = 52
    minutes: int = 60
    wishes: Mapping[str, float] = field(default_factory=dict)
    by: Literal["team", "location"] = "team"
    hosts: tuple[str, ...] = ()
    draw: int = 3
    veteran_days: int = 730
    notes: bool = True


@runtime_checkable
class Grouped(Dealt, Protocol):
    """A dealt kind whose rounds bring people together; `Dealing.parties` holds the groups."""

    def grouping(self, options: Any) -> Grouping:
        """Say how the groups of a practice with *options* are formed."""
        ...


@dataclass(frozen=True, kw_only=True)
class Gave:
    """Hold one answer of a round that ended; a pass has no values."""

    person: Id
    values: Json
    passed: bool


@dataclass(frozen=True, kw_only=True)
class AskedQuestion:
    """Hold a question that nobody in particular asked; *reason* says why it was declined."""

    id: Id
    text: str
    state: Literal["waiting", "published", "declined"]
    reason: str | None
    answer: str | None
    votes: int


@dataclass(frozen=True, kw_only=True)
class Questioning:
    """Say what can be done with a round's questions in its present stage; each person has *votes* of them."""

    doing: Literal["ask", "moderate", "vote", "answer", "read"]
    votes: int = 0


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Hold what came of a round, for the decision what follows it; who opted out meanwhile is not in it.

    *invited* were reached. *shares* are as they were dealt. *earlier* maps each earlier stage to what was given there
    by whom. *reserved* maps each item to its line, first come first. *private* are the private answers, in no order
    and without names. *teams* are those of the people in all this. *silent* tells in how many rounds on end, this one
    included, a person of an opt-in practice has given nothing at all. *organisers* are the hosts and admins of the
    workspace, *leaders* the present members whom a `Led` kind named. *reached* were reached in any of the stages.
    *questions* are those of a `Questioned` kind, the most wanted first.
    """

    stage: str
    opened_at: datetime
    closed_at: datetime
    invited: frozenset[Id]
    given: tuple[Gave, ...]
    shares: Mapping[Id, Share]
    earlier: Mapping[str, Mapping[Id, Json]]
    reserved: Mapping[str, tuple[Id, ...]]
    private: tuple[Json, ...]
    teams: Mapping[Id, str | None]
    silent: Mapping[Id, int]
    organisers: tuple[Id, ...]
    leaders: tuple[Id, ...] = ()
    reached: frozenset[Id] = frozenset()
    questions: tuple[AskedQuestion, ...] = ()

    def answers(self) -> Mapping[Id, Json]:
        """Return what each person gave; passes are left out."""
        return {gave.person: gave.values for gave in self.given if not gave.passed}


@dataclass(frozen=True, kw_only=True)
class FollowUp:
    """Plan a further stage: a round of its own, that asks those who have a share in it from *at* for *open_for*.

    Its content is *content* with the key `stage` added. *reminders* are pauses after a person's own due instant. With
    *withdraws*, those whom it tells are taken off the practice's list as it is planned.
    """

    stage: str
    at: datetime
    open_for: timedelta
    shares: Mapping[Id, Share]
    content: Json = field(default_factory=dict)
    reminders: tuple[timedelta, ...] = ()
    ask: Literal["each", "place", "both"] = "each"
    withdraws: bool = False


@dataclass(frozen=True, kw_only=True)
class Conclusion:
    """Say what follows a round, who is now known to have taken part, and who met whom.

    Whoever *attended* counts once for the whole round, whatever stage tells it. *met* are groups of people; a tie is
    kept between each two of one. *scores*, from 0 to 1, are remembered of the kind and fade within weeks.
    """

    follow_ups: tuple[FollowUp, ...] = ()
    attended: frozenset[Id] = frozenset()
    met: tuple[frozenset[Id], ...] = ()
    scores: Mapping[Id, float] = field(default_factory=dict)


@runtime_checkable
class Staged(Protocol):
    """A kind whose rounds go on in stages."""

    def conclude(self, content: Json, outcome: Outcome) -> Conclusion:
        """Decide what follows a round (or a stage) that has closed."""
        ...


@dataclass(frozen=True, kw_only=True)
class Thanked:
    """Hold thanks as everybody may read them: both agreed, and neither opted out."""

    giver: str
    receiver: str
    value: str | None
    why: str


@runtime_checkable
class Thanking(Protocol):
    """A kind whose answers are thanks, see `Given.thanks`; what it shows of a round is a digest of public ones."""

    def digest(self, content: Json, thanks: Sequence[Thanked], crossing: int | None, language: str) -> Draft | None:
        """Show the thanks of a round; *crossing* is how many of a hundred crossed teams, `None` where that tells.

        It is a multiple of ten, about everybody's thanks since it was last told.
        """
        ...


@runtime_checkable
class Led(Protocol):
    """A kind whose rounds are led by members; their ids come with each `Outcome` as *leaders*."""

    def leaders(self, content: Json) -> Sequence[str]:
        """Return the e-mail addresses of those who lead the round."""
        ...


@dataclass(frozen=True, kw_only=True)
class Engagement:
    """Hold one entry of a calendar file; *key* stays the same while the entry is changed."""

    key: str
    title: str
    starts: datetime
    ends: datetime
    description: str = ""
    status: Literal["tentative", "confirmed", "cancelled"] = "confirmed"


@runtime_checkable
class Counted(Protocol):
    """A named kind whose summary tells figures of everybody's answers, also of those that only their givers see."""

    def count(self, content: Json, given: Sequence[Json]) -> Json:
        """Count what was *given*, in no order and without names; `Tally.counted` is what comes back."""
        ...


@runtime_checkable
class Played(Counted, Protocol):
    """A kind that can be held live question after question; each is a stage of its own, with points for teams."""

    def steps(self, content: Json) -> Sequence[Json]:
        """Return the content of each question's stage, with its `seconds`, in order."""
        ...

    def until(self, content: Json, number: int) -> Json:
        """Return the content whose `summary` shows how it stands after *number* questions."""
        ...

    def joined(self, given: Sequence[Json], team: int | None) -> Given:
        """Make one answer to the round of what a person gave to its questions, oldest first."""
        ...

    def teams(
        self, content: Json, players: Sequence[Id], scores: Mapping[Id, float], before: Mapping[Id, int], seed: int
    ) -> Mapping[Id, int]:
        """Return the team of each of *players*; those of *before* keep theirs. *scores* are as in `Dealing`."""
        ...


@runtime_checkable
class Scheduled(Protocol):
    """A personal kind with times to be put into a calendar; its messages carry the personal link to the file."""

    def engagements(self, content: Json, share: Json, language: str) -> Sequence[Engagement]:
        """Return what the person with *share* may put into a calendar."""
        ...


@dataclass(frozen=True, kw_only=True)
class Exhibition:
    """Say what a round adds to the gallery: for whom, *until* when, and whether *pictures* can be added to answers.

    What is *listed* can be taken along as a list of links. Each person has *room* for so many pictures.
    """

    title: str
    visibility: Visibility
    until: datetime
    pictures: bool = False
    listed: bool = False
    room: int = 6


@dataclass(frozen=True, kw_only=True)
class Exhibit:
    """Hold how one answer hangs in the gallery; *source* says where its *link* leads."""

    title: str | None = None
    words: str | None = None
    link: str | None = None
    source: str | None = None


@runtime_checkable
class Exhibited(Protocol):
    """A kind whose answers hang in the gallery, with pictures; its messages carry the personal link to add them.

    Its content holds `keep_until`, a date in ISO form: a day after it the core deletes the answers.
    """

    def exhibition(self, content: Json) -> Exhibition:
        """Say what a round adds to the gallery."""
        ...

    def exhibit(self, content: Json, values: Json) -> Exhibit:
        """Say how one answer is shown."""
        ...

    def with_picture(self, content: Json, values: Json, alt: str) -> Json:
        """Complete *values* that come with a picture by *alt*, what is to be seen on it, where they lack words."""
        ...


@runtime_checkable
class Questioned(Led, Protocol):
    """A kind whose leaders moderate and answer questions that are asked, and voted on, without a name."""

    def questioning(self, content: Json) -> Questioning | None:
        """Say what can be done in the round's stage; `None` where it is not about such questions."""
        ...


@runtime_checkable
class Celebrating(Dealt, Protocol):
    """A kind that collects wishes for people who chose to be celebrated: `deal` asks those of an occasion's circle.

    The occasions of a round are those between its close and the next round's close. For each the core plans a stage,
    told to the person alone and shown in the places that the person chose; `prompt_for` gets a share whose `me` is
    `None` and whose `name` is the person's where it words what a place shows. What a share holds of others besides
    `people` belongs into its key `about`.
    """

    @property
    def occasions(self) -> Mapping[str, bool]:
        """Say which occasions there are, and whether each comes again every year."""
        ...

    def handing_over(self, content: Json, occasion: Occasion) -> FollowUp:
        """Plan the stage that hands the wishes over."""
        ...


@runtime_checkable
class Telling(Protocol):
    """A kind that shows what is published of the workspace; the core says it when a round opens."""

    def told(self, content: Json, said: Json) -> Json:
        """Return the content of a round that shows what is *said*, see `tertulia.measures.card`."""
        ...
