"""What the panel says of its own, in the languages of people; questions and answers come in theirs from the core.

Braces hold what the panel's script fills in; a translation keeps them.
"""

from __future__ import annotations

from tertulia_zoom.messages_phrases import LANGUAGES, translated

PHRASES = {
    "icebreaker": "Icebreaker",
    "moment": "One moment…",
    "scripts": "This panel needs JavaScript, which Zoom's client runs.",
    "outside": "Open this panel inside a Zoom meeting: More, Apps, Tertulia.",
    "no_client": "Zoom's client did not answer. Close the panel and open it again.",
    "no_panel": "This panel could not be shown. Close it and open it again.",
    "lost": "The connection was lost; this panel goes on by itself once it is back.",
    "failed": "That did not work. Try again.",
    "failed_with": "That did not work ({status}).",
    "refused": "That was refused: {reason}.",
    "nothing_runs": "Nothing is running in this meeting.",
    "not_a_host": (
        "Hosts and admins of the Tertulia workspace start icebreakers: ask an admin to give you the role “host”, "
        "and link your Zoom account on your Tertulia page."
    ),
    "light": "Light",
    "warm": "Warm",
    "personal": "Personal",
    "short": "A few words",
    "talk": "A short talk",
    "as_we_are": "As we are",
    "pairs": "Pairs",
    "small": "Up to 8",
    "many": "Many",
    "half_minute": "30 s",
    "one_minute": "1 min",
    "two_minutes": "2 min",
    "in_pairs": "pairs",
    "in_threes": "threes",
    "in_fours": "fours",
    "answered": "answered",
    "passed": "passed",
    "here": "here",
    "shared": "What was shared",
    "elsewhere_answered": "You answered from another panel; this one shows how it goes on.",
    "is_in": "Thank you: your answer is in.",
    "you_passed": "You passed, which is fine.",
    "change": "Change your answer",
    "after_all": "Answer after all",
    "idle": "Nothing runs here yet. When the host starts an icebreaker, the question appears here by itself.",
    "choosing": "The host is choosing a question.",
    "in_turn": "Everyone in turn",
    "in_writing": "Answer in writing",
    "in_groups": "In groups",
    "over": "That was it",
    "had_turn": "You have had your turn.",
    "speak_as": "You speak as number {number}.",
    "main_room": "You stay in the main room for now.",
    "room_with_one": "You are in room {room}, with 1 other.",
    "room_with": "You are in room {room}, with {others} others.",
    "took_part": "Thank you for taking part.",
    "some_passed": "{passed} passed.",
    "figures": "{answered} answered, {passed} passed.",
    "absent": "Colleagues who were not here are asked the same for 24 hours; then there is one result for all.",
    "start": "Start an icebreaker",
    "choose": "Choose a question",
    "in_chat": "Also write it in the meeting chat, for those without the app",
    "ask": "Ask everybody",
    "another": "Another question",
    "then": "Then",
    "own": "Your own answer",
    "next": "Next",
    "rooms_close": "The rooms close by themselves after {minutes} minutes.",
    "close_rooms": "Close the rooms and end",
    "start_another": "Start another",
    "no_icebreaker": "The program has no icebreaker yet. An admin can add one on the program's page.",
    "which": "Which",
    "how_personal": "How personal?",
    "how_long": "How long?",
    "how_many": "For how many?",
    "never_twice": "No question comes twice for your group, on any platform. Everybody may pass.",
    "not_invited": "Zoom did not send the invitations; ask people to open the app.",
    "time_each": "Time for each",
    "give_turns": "Give everyone a turn",
    "split": "Split into",
    "open_rooms": "Open the rooms",
    "most_rooms": "Zoom opens {most} rooms at most; choose larger groups.",
    "not_opened": "Zoom did not open the rooms; read the groups out, or open rooms by hand.",
    "rooms_open": "Open rooms: {rooms}.",
    "rooms_open_apart": "Open rooms: {rooms}. In the main room: {apart}.",
    "somebody": "somebody",
    "room": "Room {number}",
    "quiz_question": "Question {number} of {of}",
    "question_closed": "This question has closed. The next one appears here by itself.",
    "close_question": "Close the question",
    "next_question": "Next question",
    "end_quiz": "End the quiz",
    "stands": "How it stands",
    "end": "End with a summary",
    "all_spoke": "Everybody has had a turn",
    "ten_seconds": "Ten seconds left.",
    "your_turn": "Your turn",
    "turn_of": "Turn {number} of {of}",
    "asking": "Everybody is being asked.",
    "chat": "{question}\n\nAnswer in the app Tertulia, or pass: everybody may.",
}
"""The panel's own words; the catalogues of other languages are in `locale`, by these texts."""


def phrases(language: str) -> dict[str, str]:
    """Return the panel's words in *language*, in English where that is not known."""
    return {name: translated(text, language) for name, text in PHRASES.items()}


def accepted(header: str) -> str:
    """Return the language of an `Accept-Language` header that is wanted most and known here; otherwise English."""
    wanted = []
    for place, part in enumerate(header[:500].split(",")):
        tag, _, weight = part.partition(";")
        tongue = tag.strip().partition("-")[0].lower()
        if tongue in LANGUAGES or tongue == "en":
            wanted.append((-_weight(weight), place, tongue))
    best = min(wanted, default=(0.0, 0, "en"))
    return best[2] if best[0] < 0 else "en"


def _weight(written: str) -> float:
    name, _, value = written.strip().partition("=")
    try:
        return min(1.0, max(0.0, float(value))) if name.strip() == "q" else 1.0
    except ValueError:
        return 0.0
