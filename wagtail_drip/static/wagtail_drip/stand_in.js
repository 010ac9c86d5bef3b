/* Whom a test or a preview is for: asks for the contact or the event only where one was chosen. */
document.querySelectorAll('[data-drip-stand-in]').forEach((form) => {
  const show = () => {
    const chosen = form.querySelector('[name=who]:checked');
    ['contact', 'event'].forEach((name) => {
      const field = form.querySelector(`[data-drip-field=${name}]`);
      if (field) field.hidden = !chosen || chosen.value !== name;
    });
  };
  form.addEventListener('change', show);
  show();
});
