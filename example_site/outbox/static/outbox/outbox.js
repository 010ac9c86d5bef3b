// Looks for new mail, and turns the sections of a mail into tabs. Without it all is there, one below another.
(() => {
  const news = document.getElementById("news");
  // The list alone is shown anew: loading the page again would take back what was just sent, and what was told.
  const refresh = async () => {
    const page = await (await fetch(location.href)).text();
    const { body } = new DOMParser().parseFromString(page, "text/html");
    document.querySelector(".list").replaceWith(body.querySelector(".list"));
    document.querySelector("main").replaceWith(body.querySelector("main")); // "choose a mail"
    document.body.dataset.since = body.dataset.since;
  };
  let leaving = false; // what was told on the next page would be read here
  document.addEventListener("submit", () => { leaving = true; });
  window.addEventListener("pageshow", () => { leaving = false; });
  const look = async () => {
    if (document.hidden || leaving) return;
    try {
      const answer = await (await fetch(document.body.dataset.since)).json();
      if (!answer.new || leaving) return;
      if (document.body.classList.contains("reading")) news.hidden = false;
      else await refresh();
    } catch { /* the demo was stopped; the next look may find it again */ }
  };
  setInterval(look, 2000);

  const box = document.querySelector("[data-tabs]");
  if (!box) return;
  const sections = [...box.querySelectorAll("section")];
  const list = document.createElement("div");
  list.setAttribute("role", "tablist");
  const show = (chosen, focus) => sections.forEach((section, i) => {
    const on = section === chosen;
    section.hidden = !on;
    tabs[i].setAttribute("aria-selected", on);
    tabs[i].tabIndex = on ? 0 : -1;
    if (on && focus) tabs[i].focus();
  });
  const tabs = sections.map((section, i) => {
    const tab = document.createElement("button");
    tab.type = "button";
    tab.id = `tab-${section.id}`;
    tab.textContent = section.querySelector("h3").textContent;
    tab.setAttribute("role", "tab");
    tab.setAttribute("aria-controls", section.id);
    section.setAttribute("role", "tabpanel");
    section.setAttribute("aria-labelledby", tab.id);
    section.removeAttribute("aria-label");
    section.querySelector("h3").hidden = true;
    tab.addEventListener("click", () => show(section));
    tab.addEventListener("keydown", (event) => {
      const forward = document.dir === "rtl" ? "ArrowLeft" : "ArrowRight";
      const step = { [forward]: 1, [forward === "ArrowRight" ? "ArrowLeft" : "ArrowRight"]: -1 }[event.key];
      if (step) show(sections[(i + step + sections.length) % sections.length], true);
    });
    list.append(tab);
    return tab;
  });
  box.prepend(list);
  show(sections[0]);
})();
