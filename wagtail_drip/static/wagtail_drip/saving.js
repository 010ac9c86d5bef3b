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
  document.addEventListener('w-autosave:success', (event) => {
    saved = started - FLUSH;
    const checks = document.querySelector('[data-drip="checks"]');
    const now = event.detail?.response?.checks; // HTML that our own template has escaped
    if (checks && now) checks.outerHTML = now;
    ended();
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

  window.wagtailDrip = { ...window.wagtailDrip, settled };
})();
