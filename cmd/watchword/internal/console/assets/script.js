// Niceties. Everything works without them.
"use strict";
(() => {
  // Copy buttons appear only where they can do something.
  for (const button of document.querySelectorAll("button[data-copy]")) {
    const from = document.getElementById(button.dataset.copy);
    if (!from || !navigator.clipboard) continue;
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(from.textContent);
      const said = button.textContent;
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = said; }, 1500);
    });
  }
  // "/" goes to the search field, as in many lists.
  const search = document.querySelector("input[type=search]");
  document.addEventListener("keydown", (e) => {
    if (e.key !== "/" || !search || e.ctrlKey || e.metaKey || e.altKey) return;
    if (/^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName)) return;
    e.preventDefault();
    search.focus();
    search.select();
  });
  // A choice filters at once.
  for (const choice of document.querySelectorAll("form.filter select")) {
    choice.addEventListener("change", () => choice.form.requestSubmit());
  }
  // A form that is under way is not sent twice.
  document.addEventListener("submit", (e) => {
    if (e.target.method !== "post") return;
    if (e.target.dataset.sent) { e.preventDefault(); return; }
    e.target.dataset.sent = "1";
  });
  // "Back" shows a page as it was left: it may be sent again.
  addEventListener("pageshow", () => {
    for (const form of document.forms) delete form.dataset.sent;
  });
  // Times are written in UTC; pointing at one tells it in local time.
  for (const time of document.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    if (!isNaN(at)) time.title = at.toLocaleString(undefined, { dateStyle: "full", timeStyle: "long" });
  }
  // On a narrow screen the menu is a strip: the current page is in sight.
  const here = document.querySelector(".menu [aria-current]");
  const strip = document.querySelector(".menu");
  if (here && strip) strip.scrollLeft = here.offsetLeft - strip.clientWidth / 2 + here.clientWidth / 2;
  // What has been told once is not told again by a reload.
  const url = new URL(location);
  if (url.searchParams.has("done")) {
    url.searchParams.delete("done");
    history.replaceState(null, "", url);
  }
})();
