/* The list of merge fields: a button says for a moment that it has copied. */
document.addEventListener('w-clipboard:copied', ({ target }) => {
  const { dripCopied } = target.dataset;
  if (!dripCopied) return;
  const text = target.textContent;
  target.textContent = dripCopied;
  setTimeout(() => { target.textContent = text; }, 1500);
});
