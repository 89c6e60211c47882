/* The panel beside a meeting: what is shown follows what the service tells, and nothing is kept but in this page. */

import { Fault, MOST_ROOMS, Service, Zoom } from "./client.js";
import { say, speak } from "./words.js";

const WARMTH = [["1", "light"], ["2", "warm"], ["3", "personal"]];
const LENGTH = [["short", "short"], ["talk", "talk"]];
const SIZE = [["auto", "as_we_are"], ["pair", "pairs"], ["small", "small"], ["large", "many"]];
const SECONDS = [["30", "half_minute"], ["60", "one_minute"], ["120", "two_minutes"]];
const SIZES = [["2", "in_pairs"], ["3", "in_threes"], ["4", "in_fours"]];
const MINUTES = 8;
const SOON = 10_000;
const main = document.getElementById("main");
const chosen = { warmth: 2, length: "short", size: "auto", inChat: true, seconds: 60, groupSize: 2 };

let zoom, service, seat;
let view = {};
let names = new Map();
let order = [];
let rooms = [];
let answered = null;
let thanked = "";
let clockShift = 0;
let drawn = "";

/* -- making elements: text is text, whoever wrote it ------------------------------------------------------------- */

function make(tag, given = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value != null) made.setAttribute(name, value);
  }
  made.append(...children.flat().filter((child) => child != null && child !== false));
  return made;
}

/** The body of a prompt is markup that our service made of checked text. */
function body(shown, kind = "question") {
  const made = make("div", { class: kind, lang: shown.language });
  made.innerHTML = shown.body;
  return made;
}

function button(label, work, kind = "", more = {}) {
  return make("button", { type: "button", class: kind, onclick: (event) => busy(event.currentTarget, work), ...more }, label);
}

function segments(legend, name, options, value, change) {
  const choices = options.map(([key, phrase]) => make("label", {},
    make("input", { type: "radio", name, value: key, checked: key === String(value), onchange: () => change(key) }), say(phrase)));
  return make("fieldset", { class: "field" }, make("legend", {}, legend), make("div", { class: "segments" }, choices));
}

function select(label, options, value, change) {
  const shown = options.map(([key, text]) => make("option", { value: key, selected: key === String(value) }, text));
  return make("label", {}, label, make("select", { onchange: (event) => change(event.target.value) }, shown));
}

/** Options whose labels are phrases of ours. */
function worded(options) {
  return options.map(([key, phrase]) => [key, say(phrase)]);
}

async function busy(pressed, work) {
  pressed.disabled = true;
  fault("");
  try {
    await work();
  } catch (error) {
    fault(error instanceof Fault ? error.message : say("failed"));
  } finally {
    pressed.disabled = false;
  }
}

function fault(text) {
  const shown = document.getElementById("fault");
  shown.textContent = text;
  shown.hidden = !text;
}

function tell(text) {
  document.getElementById("told").textContent = text;
}

/* -- what everybody sees ----------------------------------------------------------------------------------------- */

function figures() {
  const { present, answered: given, passed } = view.counts;
  const one = (label, value) => make("div", {}, make("dt", {}, label), make("dd", {}, String(value)));
  return make("dl", { class: "figures", id: "figures" }, one(say("answered"), given), one(say("passed"), passed), one(say("here"), present));
}

function sharedAnswers() {
  const { shared } = view.counts;
  if (!shared.length) return make("div", { id: "shared" });
  return make("div", { id: "shared" }, make("h2", {}, say("shared")),
    make("ul", { class: "answers" }, shared.map((text) => make("li", {}, text))));
}

function field(one, number) {
  const id = `f${number}`;
  const hint = one.hint && make("p", { class: "hint", id: `${id}-hint` }, one.hint);
  const common = { id, name: one.key, required: one.required, "aria-describedby": one.hint ? `${id}-hint` : null };
  if (one.options.length) {
    const type = one.kind === "many" ? "checkbox" : "radio";
    const choices = one.options.map((option) => make("label", { class: "choice" },
      make("input", { type, name: one.key, value: option.value, checked: [].concat(one.value || []).includes(option.value) }),
      make("span", {}, option.label)));
    return make("fieldset", { class: "field" }, make("legend", {}, one.label), hint, choices);
  }
  if (one.kind === "confirm") {
    const tick = make("input", { ...common, type: "checkbox", value: "yes", checked: one.value === true });
    return make("div", { class: "field" }, make("label", { class: "choice" }, tick, make("span", {}, one.label)), hint);
  }
  const box = one.kind === "long"
    ? make("textarea", { ...common, rows: 4, maxlength: 4000 }, one.value || "")
    : make("input", { ...common, type: "text", maxlength: 300, autocomplete: "off", value: one.value || "" });
  return make("div", { class: "field" }, make("label", { for: id }, one.label), hint, box);
}

function values(form, fields) {
  const given = {};
  const data = new FormData(form);
  for (const one of fields) {
    const found = data.getAll(one.key).filter((value) => value !== "");
    if (one.kind === "many") given[one.key] = found;
    else if (found.length) given[one.key] = one.kind === "confirm" ? true : found[0];
  }
  return given;
}

function answerForm(question) {
  const form = make("form", { novalidate: true, onsubmit: (event) => {
    event.preventDefault();
    form.querySelector(".primary").click();
  } });
  const send = async (verb) => {
    const given = verb === "pass" ? {} : values(form, question.fields);
    const said = await service.do("answer", { seat, verb, values: given, key: crypto.randomUUID() });
    if (said.status === "refused" || said.status === "closed") throw new Fault(said.text);
    answered = verb !== "pass";
    thanked = said.text;
    if (answered) question.fields.forEach((one) => { one.value = given[one.key]; });
    drawn = "";
    draw();
    tell(thanked);
  };
  form.append(...question.fields.map(field), make("p", { class: "recorded" }, question.recorded),
    make("div", { class: "buttons" }, question.actions.map((action) =>
      button(action.label, () => send(action.verb), action.style === "primary" ? "primary" : ""))));
  return form;
}

/** The form, or once it was used the thanks and the form folded away. */
function answering(label) {
  if (view.mine?.elsewhere) {
    return make("p", { class: "notice" }, say("elsewhere_answered"));
  }
  if (answered === null && !label) return answerForm(view.question);
  const said = thanked || (answered ? say("is_in") : say("you_passed"));
  const summary = answered === null ? label : answered ? say("change") : say("after_all");
  return make("div", {}, answered !== null && make("p", { class: "notice", id: "thanks" }, said),
    make("details", { id: "own" }, make("summary", {}, summary), answerForm(view.question)));
}

/* -- what a participant sees ------------------------------------------------------------------------------------- */

const PARTICIPANT = {
  idle: () => [make("h1", {}, say("icebreaker")),
    make("p", {}, say("idle"))],
  lobby: () => [make("h1", {}, say("icebreaker")), make("p", {}, say("choosing"))],
  asking: () => [make("h1", {}, view.question.title), body(view.question), answering(), sharedAnswers()],
  turns: () => [make("h1", {}, say("in_turn")), body(view.question), turnCard(), myTurn(), sharedAnswers(),
    answering(say("in_writing"))],
  groups: () => [make("h1", {}, say("in_groups")), myGroup(), body(view.question), answering(say("in_writing"))],
  ended: () => [make("h1", {}, say("over")), result()],
};

function myTurn() {
  const mine = view.mine.turn, now = view.counts.turn;
  if (!mine || !now || !now.ends || mine === now.number) return "";
  const said = mine < now.number ? say("had_turn") : say("speak_as", { number: mine });
  return make("p", { class: "quiet" }, said);
}

function myGroup() {
  const { group, groupSize } = view.mine;
  if (!group) return make("p", {}, say("main_room"));
  const others = groupSize - 1;
  return make("p", { class: "notice" }, say(others === 1 ? "room_with_one" : "room_with", { room: group, others }));
}

function turnCard() {
  return make("div", { class: "turn" }, make("p", { class: "who", id: "who" }), make("p", { class: "clock", id: "clock", role: "timer" }));
}

function result() {
  const sum = view.summary ? body(view.summary, "summary") : make("p", {}, say("took_part"));
  const { answered: given, passed } = view.counts;
  const told = view.summary ? passed > 0 && say("some_passed", { passed }) : say("figures", { answered: given, passed });
  return make("div", {}, sum, told && make("p", { class: "quiet" }, told), view.mine?.member && make("p", { class: "recorded" },
    say("absent")));
}

/* -- what the host sees ------------------------------------------------------------------------------------------ */

const HOST = {
  idle: () => [make("h1", {}, say("start")), startForm(say("choose"))],
  lobby: () => [make("h1", {}, view.question.title), body(view.question),
    make("label", { class: "choice" }, make("input", { type: "checkbox", checked: chosen.inChat, id: "in-chat",
      disabled: !zoom.can("sendMessageToChat"), onchange: (event) => { chosen.inChat = event.target.checked; } }),
    make("span", {}, say("in_chat"))),
    make("div", { class: "buttons" }, button(say("ask"), askEverybody, "primary"), button(say("another"), start))],
  asking: () => [make("h1", {}, view.question.title), body(view.question), figures(), sharedAnswers(),
    make("h2", {}, say("then")), turnChoice(), groupChoice(), endButton(), answering(say("own"))],
  turns: () => [make("h1", {}, say("in_turn")), turnCard(),
    make("div", { class: "buttons" }, button(say("next"), next, "primary", { id: "next" })), make("ol", { class: "order", id: "order" }),
    make("h2", {}, say("then")), groupChoice(), endButton(), answering(say("own"))],
  groups: () => [make("h1", {}, say("in_groups")), body(view.question), roomList(),
    make("p", { class: "hint" }, say("rooms_close", { minutes: MINUTES })), endButton(say("close_rooms")), answering(say("own"))],
  ended: () => [make("h1", {}, say("over")), result(),
    make("details", {}, make("summary", {}, say("start_another")), startForm(say("choose")))],
};

/** A quiz, question after question; between two of them it shows how all stand. */
function quiz() {
  const asked = view.counts.question;
  const over = [make("p", { class: "quiet" }, say("quiz_question", asked)), make("p", { class: "notice" }, say("question_closed"))];
  return [make("h1", {}, view.question.title), ...(asked.closed ? over : [body(view.question), answering()]),
    view.hosting && figures(), view.hosting && quizButtons(asked),
    view.summary && make("h2", {}, say("stands")), view.summary && body(view.summary, "summary")];
}

function quizButtons({ number, of, closed }) {
  const more = closed
    ? number < of && button(say("next_question"), () => service.do("question", { number: number + 1 }), "primary")
    : button(say("close_question"), () => service.do("reveal", { number }), "primary");
  const end = button(say("end_quiz"), async () => { await listPresent(); await service.do("end"); });
  return make("div", { class: "buttons" }, more, end);
}

function startForm(label) {
  const offers = view.offers || [];
  if (view.offers && !offers.length) {
    return make("p", { class: "notice" }, say("no_icebreaker"));
  }
  if (!offers.some((one) => one.practice === chosen.practice)) chosen.practice = offers[0]?.practice || "icebreaker";
  const form = make("form", { onsubmit: (event) => { event.preventDefault(); form.querySelector("button").click(); } },
    offers.length > 1 && make("div", { class: "field" }, select(say("which"), offers.map((one) => [one.practice, one.title]),
      chosen.practice, (value) => {
        chosen.practice = value;
        form.querySelector("#wishes").hidden = playing();
      })),
    make("div", { id: "wishes", hidden: playing() },
      segments(say("how_personal"), "warmth", WARMTH, chosen.warmth, (value) => { chosen.warmth = Number(value); }),
      segments(say("how_long"), "length", LENGTH, chosen.length, (value) => { chosen.length = value; }),
      make("div", { class: "field" }, select(say("how_many"), worded(SIZE), chosen.size, (value) => { chosen.size = value; }))),
    make("div", { class: "buttons" }, button(label, start, "primary")),
    make("p", { class: "hint" }, say("never_twice")));
  return form;
}

/** Whether what the host chose is a quiz: only an icebreaker is chosen by how personal and how long it is. */
function playing() {
  return view.offers?.some((one) => one.practice === chosen.practice && one.kind === "quiz");
}

async function start() {
  const { practice, warmth, length, size } = chosen;
  await service.do("start", playing() ? { practice } : { practice, warmth, length, size });
  // takes as long as Zoom takes; nobody waits for it
  service.do("roll").catch(() => {});
  await listPresent();
}

async function askEverybody() {
  const text = view.question.text;
  await service.do("ask");
  const failed = await zoom.invite(text, chosen.inChat);
  if (failed.includes("sendAppInvitationToAllParticipants")) fault(say("not_invited"));
}

function turnChoice() {
  return make("div", { class: "choose" },
    select(say("time_each"), worded(SECONDS), chosen.seconds, (value) => { chosen.seconds = Number(value); }),
    button(say("give_turns"), async () => {
      await listPresent();
      order = (await service.do("turns", { seconds: chosen.seconds })).order;
    }, "primary"));
}

function groupChoice() {
  return make("div", { class: "choose" },
    select(say("split"), worded(SIZES), chosen.groupSize, (value) => { chosen.groupSize = Number(value); }),
    button(say("open_rooms"), formGroups));
}

async function formGroups() {
  await listPresent();
  if (names.size / chosen.groupSize > MOST_ROOMS) throw new Fault(say("most_rooms", { most: MOST_ROOMS }));
  rooms = (await service.do("groups", { size: chosen.groupSize })).groups;
  if (!zoom.can("createBreakoutRooms") || !rooms.length) return;
  try {
    await zoom.openRooms(rooms, MINUTES);
  } catch {
    fault(say("not_opened"));
  }
}

function roomList() {
  if (!rooms.length) {
    const { groups, apart } = view.counts;
    return make("p", { id: "rooms" }, say(apart ? "rooms_open_apart" : "rooms_open", { rooms: groups, apart }));
  }
  const named = (group) => group.map((one) => names.get(one) || say("somebody")).join(", ");
  return make("ul", { class: "rooms", id: "rooms" }, rooms.map((group, place) =>
    make("li", {}, make("b", {}, say("room", { number: place + 1 })), named(group))));
}

function endButton(label = say("end")) {
  return make("div", { class: "buttons" }, button(label, async () => {
    await listPresent();
    if (view.counts.state === "groups") await zoom.closeRooms().catch(() => {});
    await service.do("end");
    order = []; rooms = [];
  }));
}

async function next() {
  await service.do("next", { number: view.counts.turn.number });
}

function drawOrder() {
  const list = document.getElementById("order");
  const turn = view.counts?.turn;
  if (!list || !turn) return;
  list.replaceChildren(...order.map((one, place) => make("li", {
    class: place + 1 < turn.number || !turn.ends ? "done" : "",
    "aria-current": place + 1 === turn.number && turn.ends ? "step" : null,
  }, make("span", {}, names.get(one) || say("somebody")))));
}

/* -- the clock of a turn ----------------------------------------------------------------------------------------- */

let warned = 0;

function tick() {
  const clock = document.getElementById("clock"), turn = view.counts?.turn;
  if (!clock || !turn) return;
  const who = document.getElementById("who");
  if (!turn.ends) {
    who.textContent = say("all_spoke");
    clock.textContent = "✓";
    clock.classList.remove("soon");
    return;
  }
  const left = Math.max(0, turn.ends - (Date.now() + clockShift));
  const seconds = Math.ceil(left / 1000);
  clock.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  clock.classList.toggle("soon", left <= SOON);
  who.textContent = speaker(turn);
  if (left <= SOON && warned !== turn.number) {
    warned = turn.number;
    tell(say("ten_seconds"));
  }
}

function speaker(turn) {
  if (view.mine?.turn === turn.number) return say("your_turn");
  const name = view.hosting && names.get(order[turn.number - 1]);
  return name || say("turn_of", turn);
}

setInterval(tick, 250);

/* -- following the service --------------------------------------------------------------------------------------- */

function draw() {
  const state = view.counts?.state || "idle";
  const asked = view.counts?.question;
  const key = `${view.session}:${state}:${view.hosting}:${Boolean(view.offers)}:${asked?.number}:${asked?.closed}`;
  if (key === drawn) return refresh();
  drawn = key;
  const parts = asked && state === "asking" ? quiz() : (view.hosting ? HOST : PARTICIPANT)[state]();
  const within = main.contains(document.activeElement);
  main.replaceChildren(...parts.filter(Boolean));
  if (within) main.focus({ preventScroll: true });
  main.removeAttribute("aria-busy");
  main.dataset.state = state;
  tell(main.querySelector("h1").textContent);
  drawOrder();
  tick();
}

/** Change what counts change, and leave alone what somebody may be typing into. */
function refresh() {
  document.getElementById("figures")?.replaceWith(figures());
  document.getElementById("shared")?.replaceWith(sharedAnswers());
  drawOrder();
  tick();
}

function take(told) {
  const before = view;
  const begun = told.session !== before.session;
  const another = told.counts?.question?.number !== before.counts?.question?.number;
  if (begun) { order = []; rooms = []; }
  if (begun || another) { answered = null; thanked = ""; }
  view = { ...told, mine: told.mine || (begun ? null : before.mine), question: told.question || (begun ? null : before.question),
    summary: told.summary ?? (begun ? null : before.summary), key: told.key || (begun ? null : before.key) };
  if (view.mine && !begun && before.mine?.elsewhere) view.mine.elsewhere = true;
  if (told.mine && told.mine.answered !== null) answered = told.mine.answered;
  clockShift = told.now - Date.now();
  const turn = view.counts?.turn, last = before.counts?.turn;
  if (view.hosting && turn && turn.of !== order.length) readOrder();
  if (view.hosting && view.counts?.state === "groups" && rooms.length !== view.counts.groups) readRooms();
  if (turn && turn.ends && turn.number !== last?.number) tell(speaker(turn));
  draw();
}

async function follow() {
  for (let pause = 1000; ;) {
    try {
      const { seen, key, mine } = view;
      const told = await service.do("news", { seat, seen: seen || 0, key: key || "", member: Boolean(mine?.member) });
      take(told);
      if (pause > 1000) fault("");
      pause = 1000;
    } catch (error) {
      fault(error instanceof Fault ? error.message : say("no_panel"));
      await new Promise((wake) => setTimeout(wake, pause));
      pause = Math.min(pause * 2, 30_000);
    }
  }
}

async function listPresent() {
  if (!view.hosting) return;
  try {
    names = await zoom.participants();
    if (names.size) await service.do("present", { seats: [...names.keys()] });
  } catch (error) {
    if (error instanceof Fault) throw error;
    // a client that does not list people: who opened the panel is known all the same
  }
  drawOrder();
}

/** Ask again for what a page that was opened anew does not know, and for who came or went. */
async function readOrder() {
  const told = await service.do("turns", { seconds: chosen.seconds }).catch(() => ({ order: [] }));
  order = told.order;
  drawOrder();
}

async function readRooms() {
  const told = await service.do("groups", { size: chosen.groupSize }).catch(() => ({ groups: [] }));
  rooms = told.groups;
  document.getElementById("rooms")?.replaceWith(roomList());
}

let listing = 0;

function somebodyCameOrWent() {
  clearTimeout(listing);
  listing = setTimeout(() => listPresent().catch(() => {}), 1500);
}

/** Show who this is; from then on the panel speaks the member's language. */
async function enter() {
  const { hosting, language, phrases } = await service.enter();
  speak(language, phrases);
  return hosting;
}

async function begin() {
  zoom = await Zoom.open();
  if (!zoom.inMeeting) throw new Fault(say("outside"));
  seat = (await zoom.me()).participantUUID;
  service = new Service(zoom);
  view.hosting = await enter();
  if (view.hosting) await listPresent().catch(() => {});
  zoom.sdk.onParticipantChange(somebodyCameOrWent);
  zoom.sdk.onMyUserContextChange(async () => {
    view = { ...view, hosting: await enter(), seen: 0, key: "" };
    drawn = "";
    await listPresent().catch(() => {});
  });
  await follow();
}

begin().catch((error) => {
  main.removeAttribute("aria-busy");
  main.replaceChildren(make("h1", {}, say("icebreaker")),
    make("p", {}, error instanceof Fault ? error.message : say("no_client")));
});
