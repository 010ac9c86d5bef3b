/* A picture that is wider than its frame begins with what stands in its middle, the start. */
document.querySelectorAll('.drip-picture').forEach((frame) => {
  const spare = frame.scrollWidth - frame.clientWidth;
  const sign = getComputedStyle(frame).direction === 'rtl' ? -1 : 1;
  frame.scrollTo({ left: (sign * spare) / 2, behavior: 'instant' });
});
