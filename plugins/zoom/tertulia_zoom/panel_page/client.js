/* The two sides the panel talks to: Zoom's client through its SDK, and our service with a pass kept in memory. */

import { say } from "./words.js";

const WISHED = [
  "getUserContext", "getAppContext", "getMeetingContext", "getMeetingParticipants", "onParticipantChange",
  "onMyUserContextChange", "sendAppInvitationToAllParticipants", "showNotification", "sendMessageToChat",
  "createBreakoutRooms", "configureBreakoutRooms", "assignParticipantToBreakoutRoom", "openBreakoutRooms",
  "closeBreakoutRooms",
];
export const MOST_ROOMS = 50;

/** What went wrong, in words that can be shown. */
export class Fault extends Error {
  constructor(message, status = 0) {
    super(message);
    this.status = status;
  }
}

/** Zoom's client: every call may fail, and what this client cannot do is said by `can`. */
export class Zoom {
  constructor(sdk, configured) {
    this.sdk = sdk;
    this.missing = new Set(configured.unsupportedApis || []);
    this.inMeeting = configured.runningContext === "inMeeting";
  }

  static async open() {
    const sdk = window.zoomSdk;
    if (!sdk) throw new Fault(say("outside"));
    try {
      return new Zoom(sdk, await sdk.config({ capabilities: WISHED, version: "0.16.0", timeout: 15000 }));
    } catch {
      throw new Fault(say("no_client"));
    }
  }

  can(name) {
    return !this.missing.has(name);
  }

  async me() {
    return await this.sdk.getUserContext();
  }

  async meetingNumber() {
    const context = await this.sdk.getMeetingContext();
    return String(context.meetingID || "").replace(/\D/g, "");
  }

  async appContext() {
    return (await this.sdk.getAppContext()).context;
  }

  /** Who is in the meeting, by the meeting's own id; names stay in this page. */
  async participants() {
    if (!this.can("getMeetingParticipants")) return new Map();
    const { participants } = await this.sdk.getMeetingParticipants();
    return new Map(participants.map((one) => [one.participantUUID, one.screenName]));
  }

  /** Bring the question to everybody: the app where they have it, the meeting's chat where not. Says what failed. */
  async invite(question, alsoInChat) {
    const failed = [];
    const attempt = async (name, ...given) => {
      try {
        if (!this.can(name)) return;
        await this.sdk[name](...given);
      } catch {
        failed.push(name);
      }
    };
    await attempt("sendAppInvitationToAllParticipants");
    await attempt("showNotification", { type: "info", title: say("icebreaker"), message: say("asking") });
    if (alsoInChat) {
      await attempt("sendMessageToChat", { message: say("chat", { question }) });
    }
    return failed;
  }

  /** Open a room for each group and send people there. */
  async openRooms(groups, minutes) {
    const names = groups.map((_, place) => say("room", { number: place + 1 }));
    const made = await this.sdk.createBreakoutRooms({ numberOfRooms: groups.length, assign: "manually", names });
    const rooms = new Map(made.rooms.map((room) => [room.name, room.breakoutRoomId]));
    for (const [place, group] of groups.entries()) {
      for (const participantUUID of group) {
        await this.sdk.assignParticipantToBreakoutRoom({ uuid: rooms.get(names[place]), participantUUID });
      }
    }
    await this.sdk.configureBreakoutRooms({
      allowParticipantsChooseRoom: false, allowParticipantsReturnToMainSession: true,
      automaticallyMoveParticipantsIntoRooms: true, closeAfter: minutes, countDown: 15,
    });
    await this.sdk.openBreakoutRooms();
  }

  async closeRooms() {
    if (this.can("closeBreakoutRooms")) await this.sdk.closeBreakoutRooms();
  }
}

const drawn = crypto.randomUUID();

/** A number drawn at random, by which a guest who opens the panel again finds their own answer. It opens nothing. */
function visitor() {
  try {
    const known = localStorage.getItem("tertulia-visitor") || drawn;
    localStorage.setItem("tertulia-visitor", known);
    return known;
  } catch {
    return drawn;
  }
}

/** What went wrong: in our words where we have some, otherwise as the service says. */
function fault({ phrase, reason, error }, status) {
  if (phrase) return say(phrase, { reason });
  return error || say("failed_with", { status });
}

/** Our service. The pass is nowhere but here: not in a cookie, not in storage. */
export class Service {
  #pass = null;
  #zoom;
  #first = document.querySelector('meta[name="app-context"]').content;

  constructor(zoom) {
    this.#zoom = zoom;
  }

  /** Show Zoom's app context for a pass; the one that came with the page is good once. */
  async enter() {
    const meeting = await this.#zoom.meetingNumber();
    const given = this.#first;
    this.#first = "";
    const shown = { meeting, visitor: visitor() };
    let answer = given ? await this.#post("enter", { ...shown, context: given }) : null;
    if (!answer || answer.status === 401) {
      answer = await this.#post("enter", { ...shown, context: await this.#zoom.appContext() });
    }
    const told = await this.#read(answer);
    this.#pass = told.pass;
    return told;
  }

  /** Ask for *act*; a pass that is over is replaced once. */
  async do(act, asked = {}) {
    let answer = await this.#post(act, asked);
    if (answer.status === 401) {
      await this.enter();
      answer = await this.#post(act, asked);
    }
    const told = await this.#read(answer);
    if (told.pass) this.#pass = told.pass;
    return told;
  }

  async #post(act, asked) {
    const headers = { "content-type": "application/json" };
    if (this.#pass && act !== "enter") headers.authorization = `Bearer ${this.#pass}`;
    try {
      return await fetch(`panel/${act}`, { method: "POST", headers, body: JSON.stringify(asked), credentials: "omit" });
    } catch {
      throw new Fault(say("lost"));
    }
  }

  async #read(answer) {
    let told = {};
    try {
      told = await answer.json();
    } catch { /* an answer without words is told by its status */ }
    if (!answer.ok) throw new Fault(fault(told, answer.status), answer.status);
    return told;
  }
}
