/* Headers of collapsed blocks as sentences, where Wagtail's label format can't make one. */
(() => {
  const { StructBlockDefinition } = window.wagtailStreamField.blocks;

  /** "1 day", "2 weeks" in the admin's language; the browser knows its plurals. */
  function duration(amount, unit) {
    const lang = document.documentElement.lang || 'en';
    const format = { style: 'unit', unit: unit.replace(/s$/, ''), unitDisplay: 'long' };
    return new Intl.NumberFormat(lang, format).format(amount);
  }

  /** A definition whose blocks get their header from `header(block, meta)`; "" for Wagtail's. */
  function withHeader(header) {
    return class extends StructBlockDefinition {
      render(...args) {
        const block = super.render(...args);
        const plain = block.getTextLabel.bind(block);
        block.getTextLabel = (options) => header(block, this.meta, options) || plain(options);
        return block;
      }
    };
  }

  function send(block, { words }) {
    const { step } = block.childBlocks;
    return step.getValue() ? '' : words.none;
  }

  function wait(block) {
    const { amount, unit } = block.childBlocks;
    const number = Number.parseInt(amount.getValue(), 10);
    try {
      return Number.isNaN(number) ? '' : duration(number, unit.getValue());
    } catch {
      return ''; // a unit that the browser doesn't know
    }
  }

  function ifElse(block, { words }, options) {
    const { match, conditions } = block.childBlocks;
    const asked = conditions.children.map((child) => child.getTextLabel(options) || '…');
    const [before, between] = words[match.getValue()] ?? words.all;
    return asked.length ? before + asked.join(between) : '…';
  }

  /** The label format filled in, with "…" for what isn't chosen. */
  function condition(block, { labelFormat }, options) {
    const filled = labelFormat.replace(/\{(\w+)\}/g, (_, name) => {
      const field = block.childBlocks[name];
      const missing = field?.blockDef.meta.required ? '…' : '';
      return (field?.getValue() && field.getTextLabel?.(options)) || missing;
    });
    return filled.trim();
  }

  /** "they placed an order (the same book) within 3 days" */
  function event(block, meta, options) {
    const { since, days, same } = block.childBlocks;
    const parts = [condition(block, meta, options)];
    if (same?.getValue()) parts.push(meta.words.same.replace('%s', same.getValue()));
    if (since.getValue() === 'entering') parts.push(meta.words.entering);
    if (since.getValue() === 'days') {
      const number = Number.parseInt(days.getValue(), 10);
      const time = Number.isNaN(number) ? '…' : duration(number, 'days');
      parts.push(meta.words.days.replace('%s', time));
    }
    return parts.join(' ');
  }

  window.telepath.register('wagtail_drip.SendBlock', withHeader(send));
  window.telepath.register('wagtail_drip.WaitBlock', withHeader(wait));
  window.telepath.register('wagtail_drip.IfElseBlock', withHeader(ifElse));
  window.telepath.register('wagtail_drip.ConditionBlock', withHeader(condition));
  window.telepath.register('wagtail_drip.EventBlock', withHeader(event));
})();
