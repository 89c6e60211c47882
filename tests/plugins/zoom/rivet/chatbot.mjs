// Zoom's own chatbot client: takes the bot's events on a free port, tells what it let in, and answers through our stand-in.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [folder, secret, api, token, robot, account] = process.argv.slice(2);
const require = createRequire(pathToFileURL(`${folder}/`));
const { HttpReceiver, ChatbotClient, LogLevel } = require("@zoom/rivet/chatbot");
const tell = (what) => console.log(JSON.stringify(what));
const quiet = { debug() {}, info() {}, warn() {}, error() {}, setLevel() {}, getLevel: () => LogLevel.ERROR, setName() {} };

const receiver = new HttpReceiver({ webhooksSecretToken: secret, endpoints: ["/zoom/events"], logger: quiet });
const hour = new Date(Date.now() + 3_600_000).toISOString();
const client = new ChatbotClient({
  clientId: "client_id_of_app",
  clientSecret: "secret-of-the-general-app",
  baseUrl: api,
  receiver,
  logger: quiet,
  tokenStore: { storeToken() {}, getLatestToken: () => ({ accessToken: token, expirationTimeIso: hour, scopes: [] }) },
});
for (const name of [
  "bot_installed",
  "bot_notification",
  "interactive_message_actions",
  "interactive_message_select",
  "interactive_message_fields_editable",
]) {
  client.webEventConsumer.event(name, async ({ payload }) => {
    const said = { event: name, user: payload.userId, command: payload.cmd };
    if (name === "bot_notification") {
      const content = { head: { text: "From rivet" }, body: [{ type: "message", text: payload.cmd }] };
      const to = { robot_jid: robot, to_jid: payload.toJid, user_jid: payload.userJid, account_id: account };
      const sent = await client.endpoints.messages.sendChatbotMessage({ body: { ...to, content } });
      said.sent = sent.statusCode;
    }
    tell(said);
  });
}
const server = await receiver.start(0);
tell({ port: server.address().port });
