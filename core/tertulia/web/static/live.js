// Shows the next question as soon as it is asked; the page is complete without it.
"use strict";
const live = document.getElementById("live");
const PAUSE = 1500;

async function look() {
  const answer = await fetch(live.dataset.source, { redirect: "error", cache: "no-store" });
  if (!answer.ok) throw new Error("stopped");
  const told = await answer.json();
  if (told.key !== live.dataset.key) {
    location.replace(location.pathname);
    return false;
  }
  for (const shown of document.querySelectorAll("[data-figure]")) {
    shown.textContent = String(told[shown.dataset.figure]);
  }
  return !told.key.startsWith("ended");
}

async function follow() {
  for (let pause = PAUSE, more = true; more;) {
    // not all at once, however many pages are open
    await new Promise((resume) => setTimeout(resume, pause * (0.7 + Math.random() * 0.6)));
    if (document.hidden) continue;
    try {
      more = await look();
      pause = PAUSE;
    } catch {
      pause = Math.min(pause * 2, 30_000);
    }
  }
}

if (live) follow();
