// The personal tab: asks Teams who is there, and shows what is open for that person. It keeps nothing and sets no cookie.
"use strict";

(() => {
  const { base, outside, unsent, own_again: again } = document.body.dataset;
  const main = document.getElementById("questions");
  const own = document.getElementById("own");
  const said = document.getElementById("said");
  const opens = document.getElementById("open");
  const teams = window.microsoftTeams;

  const notice = (text) => {
    const paragraph = document.createElement("p");
    paragraph.className = "notice";
    paragraph.textContent = text;
    return paragraph;
  };

  const ask = async (path, given) => {
    const token = await teams.authentication.getAuthToken();
    const answer = await fetch(`${base}/${path}`, {
      method: "POST",
      credentials: "omit",
      headers: { "Authorization": `Bearer ${token}`, "Content-Type": "application/json" },
      body: JSON.stringify(given),
    });
    if (!answer.ok) throw new Error(String(answer.status));
    return answer.json();
  };

  // the server escapes every text in its HTML, and the page's policy runs no script in it
  const show = (place, html) => {
    place.innerHTML = html;
    for (const time of place.querySelectorAll("time")) {
      time.textContent = new Date(time.dateTime).toLocaleString(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });
    }
    for (const form of place.querySelectorAll("form.question")) form.addEventListener("submit", send);
  };

  const values = (form) => {
    const data = {};
    for (const input of form.elements) {
      if (!input.name || input.tagName === "BUTTON") continue;
      if (input.name.startsWith("confirm.")) data[input.name] = String(input.checked);
      else if (input.type === "checkbox") {
        if (input.checked) data[input.name] = data[input.name] ? `${data[input.name]},${input.value}` : input.value;
      } else if (input.type !== "radio" || input.checked) data[input.name] = input.value;
    }
    return data;
  };

  async function send(event) {
    event.preventDefault();
    const form = event.currentTarget;
    const button = event.submitter;
    const place = form.querySelector(".answer");
    // the same key for every attempt of one answer, so that none counts twice
    const key = button.dataset.key || (button.dataset.key = crypto.randomUUID());
    const data = button.dataset.alone ? {} : values(form);
    for (const one of form.querySelectorAll("button")) one.disabled = true;
    try {
      const { taken, html } = await ask("answer", { token: button.value, key, data });
      if (taken) {
        const section = document.createElement("div");
        show(section, html);
        form.replaceWith(section);
        const heading = section.querySelector("h2, p");
        if (heading) { heading.tabIndex = -1; heading.focus(); }
        return;
      }
      delete button.dataset.key;
      place.innerHTML = html;
    } catch {
      place.replaceChildren(notice(unsent));
    }
    for (const one of form.querySelectorAll("button")) one.disabled = false;
  }

  const openOwn = async () => {
    opens.disabled = true;
    try {
      const { link, html } = await ask("link", {});
      if (!link) { said.innerHTML = html; return; }
      const anchor = document.createElement("a");
      Object.assign(anchor, { href: link, target: "_blank", rel: "noopener noreferrer", textContent: opens.textContent });
      said.replaceChildren(anchor, document.createTextNode(` · ${again}`));
      setTimeout(() => said.replaceChildren(), 5 * 60 * 1000);
      try { await teams.app.openLink(link); } catch { anchor.click(); }
    } catch {
      said.replaceChildren(notice(unsent));
    } finally {
      opens.disabled = false;
    }
  };

  const theme = (name) => { document.documentElement.dataset.theme = name; };

  const start = async () => {
    try {
      await teams.app.initialize();
      teams.app.registerOnThemeChangeHandler(theme);
      const context = await teams.app.getContext();
      theme(context.app.theme);
      show(main, (await ask("questions", {})).html);
      own.hidden = false;
      opens.addEventListener("click", openOwn);
      teams.app.notifySuccess();
    } catch {
      main.replaceChildren(notice(outside));
      if (teams) try { teams.app.notifySuccess(); } catch { /* nobody listens outside of Teams */ }
    }
    main.removeAttribute("aria-busy");
  };

  start();
})();
