/* One participant's Zoom client: it frames the app's page and speaks the SDK's messages with it, as Zoom's web client. */

const here = location.pathname;
const side = document.getElementById("side");
const panelOrigin = document.body.dataset.panel ? new URL(document.body.dataset.panel).origin : "";
let frame = null;

function open() {
  if (frame || !panelOrigin) return;
  frame = Object.assign(document.createElement("iframe"), { src: document.body.dataset.panel, title: "Tertulia" });
  side.replaceChildren(frame);
  side.hidden = false;
}

function post(message) {
  frame?.contentWindow?.postMessage(message, panelOrigin);
}

addEventListener("message", async (event) => {
  if (!frame || event.source !== frame.contentWindow || event.origin !== panelOrigin) return;
  const { jsCallId, apiName, data } = JSON.parse(event.data);
  const answer = await fetch(`${here}/call`, { method: "POST", body: JSON.stringify({ apiName, data }) });
  post({ type: "apiResponse", data: { jsCallId, ...(await answer.json()) } });
});

function notice(text, ...buttons) {
  const shown = Object.assign(document.createElement("p"), { textContent: text });
  shown.append(" ", ...buttons);
  document.getElementById("notices").append(shown);
}

const page = {
  "@invited": ({ by }) => {
    const accept = Object.assign(document.createElement("button"), { type: "button", textContent: "Open app", className: "accept" });
    accept.addEventListener("click", open);
    notice(`${by} invites you to the app Tertulia.`, accept);
  },
  "@notice": ({ title, message }) => notice(`${title}: ${message}`),
  "@chat": ({ from, message }) => {
    document.getElementById("chat").append(Object.assign(document.createElement("li"), { textContent: `${from}: ${message}` }));
  },
  "@room": ({ name }) => {
    const room = document.getElementById("room");
    room.hidden = !name;
    room.textContent = name ? `You are in the breakout room “${name}”.` : "";
  },
};

async function follow() {
  for (let after = 0; ;) {
    try {
      const told = await (await fetch(`${here}/told?after=${after}`)).json();
      after += told.length;
      for (const { name, data } of told) {
        if (page[name]) page[name](data);
        else post({ type: "event", name, data });
      }
    } catch {
      await new Promise((wake) => setTimeout(wake, 1000));
    }
  }
}

const apps = document.getElementById("apps");
apps.addEventListener("click", open);
apps.disabled = false;
document.getElementById("leave").addEventListener("click", () => fetch(`${here}/leave`, { method: "POST" }));
follow();
