/* "Person's field": a dialog that asks which merge field, and what stands without a value. Used by
   the chip in rich text (chips.js) and by the buttons beside subject, preheader and other lines. */
(() => {
  const known = () => JSON.parse(document.getElementById('drip-merge-fields')?.textContent || '[]');

  /** Asks; gives { field, fallback, token }, or null where nothing was chosen. */
  function pickField({ field = '', fallback = '' } = {}) {
    const dialog = document.createElement('dialog');
    dialog.className = 'drip-dialog';
    dialog.append(document.getElementById('drip-field-picker').content.cloneNode(true));
    const form = dialog.querySelector('form');
    const title = form.querySelector('h2');
    title.id = 'drip-field-title';
    dialog.setAttribute('aria-labelledby', title.id);
    const { field: select, fallback: input } = form.elements;
    const fields = known();
    fields.forEach(({ name, label }) => select.add(new Option(label, name, false, name === field)));
    if (field && !fields.some(({ name }) => name === field)) select.add(new Option(field, field, true, true));
    input.value = fallback;
    const needs = () => fields.find(({ name }) => name === select.value)?.missing !== false;
    const show = () => { form.querySelector('[data-drip-fallback]').hidden = !needs(); };
    select.addEventListener('change', show);
    show();
    document.body.append(dialog);
    return new Promise((done) => {
      let found = null;
      form.addEventListener('submit', (event) => {
        if (event.submitter?.value === 'cancel') return;
        const said = input.value.replace(/[{}|\s]+/g, ' ').trim();
        if (needs() && !said) {
          event.preventDefault();
          const error = form.querySelector('[data-drip-error]');
          error.hidden = false;
          input.focus();
          return;
        }
        const rest = needs() ? said : '';
        const token = `{{ ${select.value}${rest ? `|${rest}` : ''} }}`;
        found = { field: select.value, fallback: rest, token };
      });
      // React's editor around the dialog must not take its keys for its own.
      ['keydown', 'keyup', 'keypress', 'paste'].forEach((name) => {
        dialog.addEventListener(name, (event) => event.stopPropagation());
      });
      dialog.addEventListener('close', () => { dialog.remove(); done(found); });
      dialog.showModal();
      select.focus();
    });
  }

  async function insertInto(input) {
    const { selectionStart: start, selectionEnd: end } = input;
    const found = await pickField();
    input.focus();
    if (!found) return;
    input.setRangeText(found.token, start ?? input.value.length, end ?? input.value.length, 'end');
    input.dispatchEvent(new Event('input', { bubbles: true }));
    input.dispatchEvent(new Event('change', { bubbles: true }));
  }

  document.addEventListener('DOMContentLoaded', () => {
    const button = document.getElementById('drip-field-button');
    if (!button) return;
    ['subject', 'preheader'].forEach((name) => {
      const input = document.querySelector(`form[data-edit-form] [name=${name}]`);
      if (!input || input.disabled || input.readOnly) return;
      const added = button.content.firstElementChild.cloneNode(true);
      const label = document.querySelector(`label[for="${input.id}"]`)?.firstChild?.textContent.trim();
      if (label) added.setAttribute('aria-label', `${added.textContent.trim()}: ${label}`);
      added.addEventListener('click', () => insertInto(input));
      input.after(added);
    });
  });

  window.wagtailDrip = { ...window.wagtailDrip, pickField, mergeFields: known };
})();
