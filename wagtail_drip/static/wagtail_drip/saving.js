/* Nothing typed is lost on the way between a campaign and its mails, and no two savings cross:
   a form that is sent while an autosave is under way would. */
(() => {
  const GO = 'drip-go'; // the form's field: where to go after saving
  const LONGEST = 5000; // ms; an autosave that takes longer has failed
  const FLUSH = 400; // ms until what was typed stands in the form: the text editor takes a moment
  let typed = -Infinity; // when something was changed last
  let saved = -Infinity; // what was changed before this moment is saved
  let started = 0;
  let saving = false;
  let waiting = [];
  let asked = 0; // how often the checks were asked for
  let shown; // what the checks panel says

  const pause = (time) => new Promise((go) => { setTimeout(go, time); });

  /** Until no autosave is under way. */
  function settled() {
    if (!saving) return Promise.resolve();
    return Promise.race([pause(LONGEST), new Promise((go) => { waiting.push(go); })]);
  }

  function ended() {
    saving = false;
    waiting.forEach((go) => go());
    waiting = [];
  }

  /** What the checks panel says of the mail as it was saved last; of two answers the newer stays. */
  async function check() {
    const panel = document.querySelector('[data-drip="checks"]');
    if (!panel) return;
    asked += 1;
    const mine = asked;
    let told; // HTML that our own template has escaped
    try {
      const answer = await fetch(panel.dataset.url, { headers: { 'X-Requested-With': 'XMLHttpRequest' } });
      if (!answer.ok || answer.redirected) throw new Error(answer.status);
      told = await answer.text();
    } catch {
      const failed = document.createElement('p');
      failed.textContent = panel.dataset.failed;
      told = failed.outerHTML;
    }
    if (mine === asked && told !== shown) panel.innerHTML = told; // once only: it is read aloud
    if (mine === asked) shown = told;
  }

  function changed(event) {
    if (event.target.closest?.('form[data-edit-form]')) typed = performance.now();
  }

  ['input', 'change', 'w-unsaved:add'].forEach((name) => {
    document.addEventListener(name, changed);
  });
  document.addEventListener('w-autosave:save', () => {
    saving = true;
    started = performance.now();
  });
  document.addEventListener('w-autosave:success', () => {
    saved = started - FLUSH;
    ended();
    check();
  });
  document.addEventListener('w-autosave:error', ended);

  document.addEventListener('click', async (event) => {
    const link = event.target.closest?.('[data-drip-go]');
    if (!link || event.ctrlKey || event.metaKey || typed < saved) return;
    const form = document.querySelector('form[data-edit-form]');
    if (!form || typed === -Infinity) return;
    event.preventDefault();
    await pause(FLUSH);
    await settled();
    const field = document.createElement('input');
    Object.assign(field, { type: 'hidden', name: GO, value: link.dataset.dripGo });
    form.append(field);
    form.requestSubmit();
  });

  if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', check);
  else check();

  window.wagtailDrip = { ...window.wagtailDrip, settled };
})();
