/* The panel's own words: first in the browser's language, as they came with the page, then in the member's own. */

let words = JSON.parse(document.querySelector('meta[name="phrases"]').content);

/** Speak another language from now on. */
export function speak(language, phrases) {
  document.documentElement.lang = language;
  words = phrases;
}

/** Say a phrase; what stands in braces is filled in. */
export function say(name, given = {}) {
  return words[name].replace(/\{(\w+)\}/g, (_, key) => String(given[key]));
}
