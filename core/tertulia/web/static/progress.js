// Keeps the figures of the rounds fresh; the page is complete without it.
"use strict";
const table = document.querySelector("table[data-source]");
const PAUSE = 3000;

function write(cell, text) {
  if (cell instanceof HTMLProgressElement) cell.value = Number(text);
  else if (cell && cell.textContent !== text) cell.textContent = text;
}

async function refresh() {
  const answer = await fetch(table.dataset.source, { redirect: "error", cache: "no-store" });
  if (!answer.ok) throw new Error("stopped");
  for (const round of (await answer.json()).rounds) {
    const row = table.querySelector(`tr[data-round="${round.id}"]`);
    if (!row) { location.reload(); return; }
    write(row.querySelector('[data-value="state"]'), round.word);
    for (const [name, count] of Object.entries(round.figures)) {
      write(row.querySelector(`[data-figure="${name}"]`), String(count));
    }
  }
}

async function follow() {
  for (;;) {
    await new Promise((resume) => setTimeout(resume, PAUSE));
    if (document.hidden) continue;
    try {
      await refresh();
    } catch {
      write(document.getElementById("fresh"), "The figures are no longer updated; load the page again.");
      return;
    }
  }
}

if (table) follow();
