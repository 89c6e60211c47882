// Zoom's own receiver: takes events on a free port, tells on standard output what it let in, and calls our stand-in's API.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [folder, secret, api, token, meeting] = process.argv.slice(2);
const require = createRequire(pathToFileURL(`${folder}/`));
const { HttpReceiver, MeetingsS2SAuthClient, LogLevel } = require("@zoom/rivet/meetings");
const tell = (what) => console.log(JSON.stringify(what));
const quiet = { debug() {}, info() {}, warn() {}, error() {}, setLevel() {}, getLevel: () => LogLevel.ERROR, setName() {} };

const receiver = new HttpReceiver({ webhooksSecretToken: secret, endpoints: ["/zoom/events"], logger: quiet });
const hour = new Date(Date.now() + 3_600_000).toISOString();
const client = new MeetingsS2SAuthClient({
  clientId: "client_id_of_s2s",
  clientSecret: "secret-of-the-s2s-app",
  accountId: "AbCdEfGhIjKlMnOpQr",
  baseUrl: api,
  receiver,
  logger: quiet,
  tokenStore: { storeToken() {}, getLatestToken: () => ({ accessToken: token, expirationTimeIso: hour, scopes: [] }) },
});
for (const name of [
  "meeting.started",
  "meeting.ended",
  "meeting.participant_joined",
  "meeting.participant_left",
  "meeting.participant_joined_breakout_room",
  "meeting.participant_left_breakout_room",
]) {
  client.webEventConsumer.event(name, (taken) => tell({ event: name, uuid: taken.payload.object.uuid }));
}
const server = await receiver.start(0);
try {
  const got = await client.endpoints.meetings.getPastMeetingParticipants({
    path: { meetingId: encodeURIComponent(encodeURIComponent(meeting)) }, // rivet leaves that to its caller
    query: { page_size: 300 },
  });
  tell({ port: server.address().port, participants: got.data.participants.length });
} catch (error) {
  tell({ port: server.address().port, error: String(error) });
}
