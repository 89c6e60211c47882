// Shows time passing on the sandbox's start page; the page is complete without it.
"use strict";
const moment = document.getElementById("moment");
const PAUSE = 1000;
let lived = false;

function write(name, text) {
  const place = moment.querySelector(`[data-of="${name}"]`);
  if (place && place.textContent !== text) place.textContent = text;
}

async function follow() {
  for (;;) {
    await new Promise((resume) => setTimeout(resume, PAUSE));
    if (document.hidden) continue;
    try {
      const answer = await fetch("/sandbox/now.json", { redirect: "error", cache: "no-store" });
      if (!answer.ok) throw new Error("stopped");
      const now = await answer.json();
      for (const name of ["now", "arrived", "answers"]) write(name, String(now[name]));
      write("left", now.left || "…");
      const bar = moment.querySelector("progress");
      bar.value = now.done;
      bar.parentElement.hidden = now.done >= 100;
      lived = lived || now.done < 100;
    } catch {
      write("now", "The demo has ended.");
      return;
    }
  }
}

if (moment) follow();
