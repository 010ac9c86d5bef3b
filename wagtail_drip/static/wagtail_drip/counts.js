/* How many people are in a segment: in the list one after the other, since each may take a second;
   in the editor for the conditions as they stand in the form. */
(() => {
  let queue = Promise.resolve();

  function show(place, told) {
    place.textContent = told.text;
    place.title = told.title;
    place.removeAttribute('aria-busy');
  }

  async function ask(place, url, options) {
    place.setAttribute('aria-busy', 'true');
    try {
      const response = await fetch(url, { credentials: 'same-origin', ...options });
      show(place, response.ok ? await response.json() : { text: '–', title: '' });
    } catch {
      show(place, { text: '–', title: '' });
    }
  }

  function lists() {
    document.querySelectorAll('[data-drip-count]').forEach((place) => {
      const url = place.dataset.dripCount;
      delete place.dataset.dripCount;
      queue = queue.then(() => ask(place, url, {}));
    });
  }

  function editor() {
    document.querySelectorAll('[data-drip-count-typed]').forEach((button) => {
      const url = button.dataset.dripCountTyped;
      delete button.dataset.dripCountTyped;
      const place = button.parentElement.querySelector('output');
      button.addEventListener('click', () => {
        ask(place, url, { method: 'POST', body: new FormData(button.form) }).then(() => {
          if (place.title) place.textContent = place.title;
        });
      });
    });
  }

  document.addEventListener('DOMContentLoaded', () => { lists(); editor(); });
  document.addEventListener('w-swap:success', lists);
})();
