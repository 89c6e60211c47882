/* The panel beside a meeting: what is shown follows what the service tells, and nothing is kept but in this page. */

import { Fault, MOST_ROOMS, Service, Zoom } from "./client.js";

const WARMTH = [["1", "Light"], ["2", "Warm"], ["3", "Personal"]];
const LENGTH = [["short", "A few words"], ["talk", "A short talk"]];
const SIZE = [["auto", "As we are"], ["pair", "Pairs"], ["small", "Up to 8"], ["large", "Many"]];
const SECONDS = [["30", "30 s"], ["60", "1 min"], ["120", "2 min"]];
const SIZES = [["2", "pairs"], ["3", "threes"], ["4", "fours"]];
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
  const choices = options.map(([key, label]) => make("label", {},
    make("input", { type: "radio", name, value: key, checked: key === String(value), onchange: () => change(key) }), label));
  return make("fieldset", { class: "field" }, make("legend", {}, legend), make("div", { class: "segments" }, choices));
}

function select(label, options, value, change) {
  const shown = options.map(([key, text]) => make("option", { value: key, selected: key === String(value) }, text));
  return make("label", {}, label, make("select", { onchange: (event) => change(event.target.value) }, shown));
}

async function busy(pressed, work) {
  pressed.disabled = true;
  fault("");
  try {
    await work();
  } catch (error) {
    fault(error instanceof Fault ? error.message : "That did not work. Try again.");
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
  return make("dl", { class: "figures", id: "figures" }, one("answered", given), one("passed", passed), one("here", present));
}

function sharedAnswers() {
  const { shared } = view.counts;
  if (!shared.length) return make("div", { id: "shared" });
  return make("div", { id: "shared" }, make("h2", {}, "What was shared"),
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
    return make("label", { class: "choice field" }, make("input", { ...common, type: "checkbox", value: "yes" }), one.label, hint);
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
    return make("p", { class: "notice" }, "You answered from another panel; this one shows how it goes on.");
  }
  if (answered === null && !label) return answerForm(view.question);
  const said = thanked || (answered ? "Thank you: your answer is in." : "You passed, which is fine.");
  const summary = answered === null ? label : answered ? "Change your answer" : "Answer after all";
  return make("div", {}, answered !== null && make("p", { class: "notice", id: "thanks" }, said),
    make("details", { id: "own" }, make("summary", {}, summary), answerForm(view.question)));
}

/* -- what a participant sees ------------------------------------------------------------------------------------- */

const PARTICIPANT = {
  idle: () => [make("h1", {}, "Icebreaker"),
    make("p", {}, "Nothing runs here yet. When the host starts an icebreaker, the question appears here by itself.")],
  lobby: () => [make("h1", {}, "Icebreaker"), make("p", {}, "The host is choosing a question.")],
  asking: () => [make("h1", {}, view.question.title), body(view.question), answering(), sharedAnswers()],
  turns: () => [make("h1", {}, "Everyone in turn"), body(view.question), turnCard(), myTurn(), sharedAnswers(),
    answering("Answer in writing")],
  groups: () => [make("h1", {}, "In groups"), myGroup(), body(view.question), answering("Answer in writing")],
  ended: () => [make("h1", {}, "That was it"), result()],
};

function myTurn() {
  const mine = view.mine.turn, now = view.counts.turn;
  if (!mine || !now || !now.ends || mine === now.number) return "";
  const said = mine < now.number ? "You have had your turn." : `You speak as number ${mine}.`;
  return make("p", { class: "quiet" }, said);
}

function myGroup() {
  const { group, groupSize } = view.mine;
  if (!group) return make("p", {}, "You stay in the main room for now.");
  const others = groupSize - 1;
  return make("p", { class: "notice" }, `You are in room ${group}, with ${others} other${others === 1 ? "" : "s"}.`);
}

function turnCard() {
  return make("div", { class: "turn" }, make("p", { class: "who", id: "who" }), make("p", { class: "clock", id: "clock", role: "timer" }));
}

function result() {
  const sum = view.summary ? body(view.summary, "summary") : make("p", {}, "Thank you for taking part.");
  const { answered: given, passed } = view.counts;
  const told = view.summary ? passed && `${passed} passed.` : `${given} answered, ${passed} passed.`;
  return make("div", {}, sum, told && make("p", { class: "quiet" }, told), view.mine?.member && make("p", { class: "recorded" },
    "Colleagues who were not here are asked the same for 24 hours; then there is one result for all."));
}

/* -- what the host sees ------------------------------------------------------------------------------------------ */

const HOST = {
  idle: () => [make("h1", {}, "Start an icebreaker"), startForm("Choose a question")],
  lobby: () => [make("h1", {}, view.question.title), body(view.question),
    make("label", { class: "choice" }, make("input", { type: "checkbox", checked: chosen.inChat, id: "in-chat",
      disabled: !zoom.can("sendMessageToChat"), onchange: (event) => { chosen.inChat = event.target.checked; } }),
    make("span", {}, "Also write it in the meeting chat, for those without the app")),
    make("div", { class: "buttons" }, button("Ask everybody", askEverybody, "primary"), button("Another question", start))],
  asking: () => [make("h1", {}, view.question.title), body(view.question), figures(), sharedAnswers(),
    make("h2", {}, "Then"), turnChoice(), groupChoice(), endButton(), answering("Your own answer")],
  turns: () => [make("h1", {}, "Everyone in turn"), turnCard(),
    make("div", { class: "buttons" }, button("Next", next, "primary", { id: "next" })), make("ol", { class: "order", id: "order" }),
    make("h2", {}, "Then"), groupChoice(), endButton(), answering("Your own answer")],
  groups: () => [make("h1", {}, "In groups"), body(view.question), roomList(),
    make("p", { class: "hint" }, `The rooms close by themselves after ${MINUTES} minutes.`), endButton("Close the rooms and end"), answering("Your own answer")],
  ended: () => [make("h1", {}, "That was it"), result(),
    make("details", {}, make("summary", {}, "Start another"), startForm("Choose a question"))],
};

function startForm(label) {
  const offers = view.offers || [];
  if (view.offers && !offers.length) {
    return make("p", { class: "notice" }, "The program has no icebreaker yet. An admin can add one on the program's page.");
  }
  if (!offers.some((one) => one.practice === chosen.practice)) chosen.practice = offers[0]?.practice || "icebreaker";
  const form = make("form", { onsubmit: (event) => { event.preventDefault(); form.querySelector("button").click(); } },
    offers.length > 1 && make("div", { class: "field" }, select("Which", offers.map((one) => [one.practice, one.title]),
      chosen.practice, (value) => { chosen.practice = value; })),
    segments("How personal?", "warmth", WARMTH, chosen.warmth, (value) => { chosen.warmth = Number(value); }),
    segments("How long?", "length", LENGTH, chosen.length, (value) => { chosen.length = value; }),
    make("div", { class: "field" }, select("For how many?", SIZE, chosen.size, (value) => { chosen.size = value; })),
    make("div", { class: "buttons" }, button(label, start, "primary")),
    make("p", { class: "hint" }, "No question comes twice for your group, on any platform. Everybody may pass."));
  return form;
}

async function start() {
  const { practice, warmth, length, size } = chosen;
  await service.do("start", { practice, warmth, length, size });
  await listPresent();
}

async function askEverybody() {
  const text = view.question.text;
  await service.do("ask");
  const failed = await zoom.invite(text, chosen.inChat);
  if (failed.includes("sendAppInvitationToAllParticipants")) fault("Zoom did not send the invitations; ask people to open the app.");
}

function turnChoice() {
  return make("div", { class: "choose" },
    select("Time for each", SECONDS, chosen.seconds, (value) => { chosen.seconds = Number(value); }),
    button("Give everyone a turn", async () => {
      await listPresent();
      order = (await service.do("turns", { seconds: chosen.seconds })).order;
    }, "primary"));
}

function groupChoice() {
  return make("div", { class: "choose" },
    select("Split into", SIZES, chosen.groupSize, (value) => { chosen.groupSize = Number(value); }),
    button("Open the rooms", formGroups));
}

async function formGroups() {
  await listPresent();
  if (names.size / chosen.groupSize > MOST_ROOMS) throw new Fault(`Zoom opens ${MOST_ROOMS} rooms at most; choose larger groups.`);
  rooms = (await service.do("groups", { size: chosen.groupSize })).groups;
  if (!zoom.can("createBreakoutRooms") || !rooms.length) return;
  try {
    await zoom.openRooms(rooms, MINUTES);
  } catch {
    fault("Zoom did not open the rooms; read the groups out, or open rooms by hand.");
  }
}

function roomList() {
  if (!rooms.length) {
    const { groups, apart } = view.counts;
    return make("p", { id: "rooms" }, `${groups} rooms are open${apart ? `; ${apart} stay here` : ""}.`);
  }
  const named = (group) => group.map((one) => names.get(one) || "somebody").join(", ");
  return make("ul", { class: "rooms", id: "rooms" }, rooms.map((group, place) =>
    make("li", {}, make("b", {}, `Room ${place + 1}`), named(group))));
}

function endButton(label = "End with a summary") {
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
  }, make("span", {}, names.get(one) || "somebody"))));
}

/* -- the clock of a turn ----------------------------------------------------------------------------------------- */

let warned = 0;

function tick() {
  const clock = document.getElementById("clock"), turn = view.counts?.turn;
  if (!clock || !turn) return;
  const who = document.getElementById("who");
  if (!turn.ends) {
    who.textContent = "Everybody has had a turn";
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
    tell("Ten seconds left.");
  }
}

function speaker(turn) {
  if (view.mine?.turn === turn.number) return "Your turn";
  const name = view.hosting && names.get(order[turn.number - 1]);
  return name || `Turn ${turn.number} of ${turn.of}`;
}

setInterval(tick, 250);

/* -- following the service --------------------------------------------------------------------------------------- */

function draw() {
  const state = view.counts?.state || "idle";
  const key = `${view.session}:${state}:${view.hosting}:${Boolean(view.offers)}`;
  if (key === drawn) return refresh();
  drawn = key;
  const parts = (view.hosting ? HOST : PARTICIPANT)[state]();
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
  if (begun) { answered = null; thanked = ""; order = []; rooms = []; }
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
      fault(error instanceof Fault ? error.message : "This panel could not be shown. Close it and open it again.");
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

async function begin() {
  zoom = await Zoom.open();
  if (!zoom.inMeeting) throw new Fault("Open this panel in a meeting: More, Apps, Tertulia.");
  seat = (await zoom.me()).participantUUID;
  service = new Service(zoom);
  view.hosting = await service.enter();
  if (view.hosting) await listPresent().catch(() => {});
  zoom.sdk.onParticipantChange(somebodyCameOrWent);
  zoom.sdk.onMyUserContextChange(async () => {
    view = { ...view, hosting: await service.enter(), seen: 0, key: "" };
    drawn = "";
    await listPresent().catch(() => {});
  });
  await follow();
}

begin().catch((error) => {
  main.removeAttribute("aria-busy");
  main.replaceChildren(make("h1", {}, "Icebreaker"),
    make("p", {}, error instanceof Fault ? error.message : "Zoom's client did not answer. Close the panel and open it again."));
});
