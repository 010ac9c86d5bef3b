/* The campaign editor: writing a mail from within the flow, and links to a block. */
(() => {
  const OPEN_MAIL = 'drip-open-mail';

  const part = (root, name) => root.querySelector(`[data-drip="${name}"]`);

  /** Save the campaign as a draft; the view goes on to this mail's editor. */
  async function openMail(form, id) {
    await window.wagtailDrip.settled();
    const field = document.createElement('input');
    Object.assign(field, { type: 'hidden', name: OPEN_MAIL, value: id });
    form.append(field);
    form.requestSubmit();
  }

  /** The type of the block that the chooser stands in; it says by which channel its mail goes. */
  function blockType(form, chooser) {
    return form.elements[chooser.id.replace(/-value-step-chooser$/, '-type')]?.value ?? '';
  }

  async function makeMail(url, form, chooser, name) {
    const body = new FormData();
    body.set('name', name);
    body.set('block', blockType(form, chooser));
    body.set('site', form.elements.site?.value ?? '');
    body.set('csrfmiddlewaretoken', form.elements.csrfmiddlewaretoken.value);
    const response = await fetch(url, { method: 'POST', body });
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.error);
    return answer;
  }

  function decorate(chooser, template) {
    const box = template.content.firstElementChild.cloneNode(true);
    const prompt = part(box, 'form');
    const input = part(box, 'name');
    const error = part(box, 'error');
    const form = chooser.closest('form');
    const ask = (shown) => {
      prompt.hidden = !shown;
      part(box, 'write').hidden = shown;
      error.hidden = true;
      (shown ? input : part(box, 'write')).focus();
    };
    const create = async () => {
      const button = part(box, 'create');
      button.disabled = true;
      error.hidden = true;
      try {
        const mail = await makeMail(template.dataset.writeUrl, form, chooser, input.value);
        chooser.widget.setStateFromModalData(mail);
        openMail(form, mail.id);
      } catch (reason) {
        // A page in place of an answer (a login, a refusal) has no sentence for people.
        const told = reason instanceof SyntaxError || reason instanceof TypeError;
        error.textContent = (!told && reason.message) || error.dataset.fallback;
        error.hidden = false;
        button.disabled = false;
      }
    };
    part(box, 'write').addEventListener('click', () => ask(true));
    part(box, 'cancel').addEventListener('click', () => ask(false));
    part(box, 'create').addEventListener('click', create);
    part(box, 'open').addEventListener('click', () =>
      openMail(form, chooser.widget.getState().id),
    );
    input.addEventListener('keydown', (event) => {
      if (event.key === 'Enter') {
        event.preventDefault();
        create();
      } else if (event.key === 'Escape') {
        event.stopPropagation();
        ask(false);
      }
    });
    chooser.after(box);
  }

  function decorateAll() {
    const template = document.getElementById('drip-write-mail');
    if (!template) return;
    const { chooserUrl } = template.dataset;
    document.querySelectorAll('.chooser[data-chooser-url]').forEach((chooser) => {
      const decorated = chooser.nextElementSibling?.classList.contains('drip-mail');
      const path = chooser.dataset.chooserUrl.split('?')[0];
      if (path === chooserUrl && !decorated) decorate(chooser, template);
    });
  }

  /** What `#block-<id>-section` or `#field-<name>` names. */
  function named(hash) {
    const [, field] = hash.match(/^#field-(\w+)$/) ?? [];
    if (field) return document.querySelector(`[data-contentpath="${field}"]`);
    return hash.startsWith('#block-') ? document.getElementById(hash.slice(1)) : null;
  }

  /** Open the tab and every collapsed block around what the address names. */
  function reveal() {
    const target = named(window.location.hash);
    if (!target) return false;
    const tab = target.closest('[role="tabpanel"]');
    if (tab?.hidden) document.getElementById(tab.getAttribute('aria-labelledby'))?.click();
    let panel = target.closest('[data-panel]');
    while (panel) {
      const toggle = panel.querySelector(':scope > * > [data-panel-toggle]');
      if (toggle?.getAttribute('aria-expanded') === 'false') toggle.click();
      panel = panel.parentElement.closest('[data-panel]');
    }
    const show = () => target.scrollIntoView({ block: 'center', behavior: 'instant' });
    show();
    setTimeout(show, 350); // what was just opened has its height by then
    return true;
  }

  /** "Publish campaign with its 2 draft mails", as the autosave's answer says. */
  function offerPublishing(event) {
    const label = event.detail?.response?.publish_all;
    const button = document.querySelector('[data-drip="publish-all"]');
    if (!button || label === undefined) return;
    button.hidden = !label;
    button.querySelector('em').textContent = label;
  }

  function start() {
    decorateAll();
    new MutationObserver(decorateAll).observe(document.body, { childList: true, subtree: true });
    window.addEventListener('hashchange', reveal);
    document.addEventListener('w-autosave:success', offerPublishing);
    // What the gate refused stands above the tab that the address names.
    const refused = document.querySelector('.drip-problems')?.closest('.messages');
    window.addEventListener('load', () => setTimeout(() => refused?.scrollIntoView(), 0));
    // Blocks are drawn by scripts of their own, some moments after this.
    let tries = 30;
    const timer = setInterval(() => {
      tries -= 1;
      if (reveal() || tries === 0) clearInterval(timer);
    }, 100);
  }

  if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', start);
  else start();
})();
