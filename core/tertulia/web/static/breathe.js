// Leads through a minute of breathing; the page is complete without it. Nothing is sent anywhere.
"use strict";
const phase = document.getElementById("phase");
const lead = document.getElementById("lead");
const moving = document.getElementById("moving");
const seconds = phase.dataset.seconds.split(",").map(Number);
const words = phase.dataset.words.split("|");
const begin = lead.textContent;
let run = 0;

function still() {
  run += 1;
  lead.textContent = begin;
}

function wait(time) {
  return new Promise((resume) => setTimeout(resume, time));
}

function restart() {
  const circle = document.querySelector(".circle");
  circle.classList.add("still");
  void circle.offsetWidth; // the browser begins an animation anew only after it has looked
  circle.classList.remove("still");
}

async function through() {
  const mine = ++run;
  lead.textContent = lead.dataset.stop;
  if (moving.checked) restart();
  for (let time = 0; time < Number(phase.dataset.times); time += 1) {
    for (let step = 0; step < words.length; step += 1) {
      phase.textContent = words[step];
      await wait(seconds[step] * 1000);
      if (mine !== run) return;
    }
  }
  still();
  phase.textContent = phase.dataset.end;
}

lead.addEventListener("click", () => {
  if (lead.textContent === begin) { through(); return; }
  still();
  phase.textContent = "";
});
lead.hidden = false;
