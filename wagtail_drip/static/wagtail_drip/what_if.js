/* More rows of "what if" events, and fewer. Without it there is one. */
const offerRows = (box) => {
  const template = box.querySelector('template');
  const rows = box.querySelector('[data-drip="rows"]');
  const add = box.querySelector('[data-drip="add"]');
  const total = box.querySelector('[name$="-TOTAL_FORMS"]');
  const most = Number(box.querySelector('[name$="-MAX_NUM_FORMS"]').value);
  const refresh = () => {
    add.disabled = Number(total.value) >= most;
  };
  add.hidden = false;
  box.addEventListener('click', (event) => {
    const button = event.target.closest('[data-drip]');
    if (button === add) {
      const row = template.innerHTML.replaceAll('__prefix__', total.value);
      rows.insertAdjacentHTML('beforeend', row);
      total.value = Number(total.value) + 1;
      rows.lastElementChild.querySelector('select').focus();
    } else if (button?.dataset.drip === 'remove') {
      button.closest('[data-drip="row"]').remove();
      add.focus();
    }
    refresh();
  });
  refresh();
};

document.addEventListener('DOMContentLoaded', () => {
  document.querySelectorAll('[data-drip="what-ifs"]').forEach(offerRows);
});
