// What every page must keep, asked of the page itself: `checks` is put into a page by test_pages_in_browser.py.
(() => {
  const shown = (one) => one.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  const named = (one) => {
    const by = (one.getAttribute("aria-labelledby") ?? "").split(" ").map((id) => document.getElementById(id)?.textContent);
    const labels = one.labels ? [...one.labels].map((label) => label.textContent) : [];
    const pictures = [...one.querySelectorAll("img, svg")].map((picture) => picture.alt ?? picture.getAttribute("aria-label"));
    const words = [one.getAttribute("aria-label"), ...by, ...labels, one.textContent, ...pictures, one.title];
    return words.some((text) => text?.trim()) || (one.type === "submit" && one.value);
  };
  const told = (one) => {
    const words = (one.innerText ?? "").trim().slice(0, 40) || one.getAttribute("name") || one.getAttribute("aria-label");
    return `<${one.localName}${one.className ? ` class=${one.className}` : ""}> ${words ?? ""}`;
  };
  const INTERACTIVE = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0'], [contenteditable]";
  const interactive = () => [...document.querySelectorAll(INTERACTIVE)].filter((one) => !one.disabled && shown(one));
  // one of a group of radio buttons takes the focus, and arrows go on from there
  const group = (one) => (one.type === "radio" ? `${one.form?.id} ${one.name}` : one);
  // in a scroller of its own, a link within a line of text, and what a larger label activates may be small: WCAG 2.5.8
  const inline = (one) => one.localName === "a" && getComputedStyle(one).display === "inline";
  let walked = [];

  window.checks = {
    axe: async (tags) => {
      const found = await axe.run(document, { runOnly: { type: Array.isArray(tags) ? "tag" : "rule", values: [].concat(tags) }, resultTypes: ["violations"] });
      return found.violations.map((one) => `${one.id} (${one.impact}): ${one.nodes.map((node) => node.html.slice(0, 160)).slice(0, 4).join(" | ")}`);
    },
    wide: () => {
      const room = document.documentElement.clientWidth;
      if (document.documentElement.scrollWidth <= room) return [];
      const scrolls = (one) => one.parentElement && (getComputedStyle(one.parentElement).overflowX !== "visible" || scrolls(one.parentElement));
      const far = [...document.body.querySelectorAll("*")].filter((one) => shown(one) && one.getBoundingClientRect().right > room + 0.5 && !scrolls(one));
      return [`${document.documentElement.scrollWidth} px in ${room}: ${far.map(told).slice(0, 4).join(" | ")}`];
    },
    small: () => interactive()
      .filter((one) => !inline(one) && !one.closest(".visually-hidden, .skip"))
      .map((one) => [one, (one.labels?.[0]?.contains(one) ? one.labels[0] : one).getBoundingClientRect()])
      .filter(([, box]) => box.width < 24 || box.height < 24)
      .map(([one, box]) => `${told(one)} is ${Math.round(box.width)} by ${Math.round(box.height)}`),
    nameless: () => interactive().filter((one) => !named(one)).map(told),
    listen: () => {
      walked = [];
      document.activeElement?.blur();
      window.scrollTo(0, 0);
      document.addEventListener("focusin", (event) => {
        const one = event.target, style = getComputedStyle(one), box = one.getBoundingClientRect();
        const ringed = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
        const inSight = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
        walked.push({ one, seen: ringed && inSight });
      });
      return interactive().length;
    },
    walked: () => {
      const reached = new Set(walked.map((step) => group(step.one)));
      const missed = interactive().filter((one) => !reached.has(group(one))).map((one) => `not reached by Tab: ${told(one)}`);
      const hidden = walked.filter((step) => !step.seen).map((step) => `focus not seen: ${told(step.one)}`);
      const skip = walked[0]?.one.getAttribute("href") === "#main" ? [] : [`the first stop is ${walked[0] ? told(walked[0].one) : "nowhere"}`];
      const order = walked.map((step) => step.one);
      const back = order.filter((one, place) => place && order.indexOf(one) === place && order[place - 1].compareDocumentPosition(one) & Node.DOCUMENT_POSITION_PRECEDING);
      return [...new Set([...missed, ...hidden, ...skip, ...back.map((one) => `out of order: ${told(one)}`)])];
    },
  };
})();
